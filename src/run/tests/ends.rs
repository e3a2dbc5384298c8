//! How a watched server ends: what one look may say, what takes two, and what time alone decides.

use super::super::machine::Input;
use super::super::policy::Policy;
use super::super::target::{Asked, Stage};
use super::desk::{Desk, at, looks, records};
use super::{error, observed, policy, secs};
use crate::model::{ApiError, FaultClass, HandleState, Observation, Phase, Seen, Verdict, What};
use crate::run::machine::Action;
use crate::wire::ReadFault;

fn with(status: &str, handle: HandleState) -> Observation {
    Observation { handle: Some(handle), ..observed(status) }
}

/// A server whose order was answered with a job.
fn job() -> Desk {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.target(0).ticket = Some("j-1".to_owned());
    desk
}

#[test]
fn a_named_proof_takes_two_equal_looks_five_seconds_apart() {
    for (status, verdict) in [("RUNNING", Verdict::Succeeded), ("FAILED", Verdict::Failed)] {
        let mut desk = Desk::accepted(1, "RUNNING");
        assert_eq!(records(&desk.look(10_000, "INSTALLING")), ["status", "started"]);
        desk.look(60_000, status);
        assert_eq!((desk.verdict(0), desk.next(0)), (None, 65_000), "{status}");
        desk.look(64_999, status);
        assert_eq!((desk.verdict(0), desk.next(0)), (None, 69_999), "{status}: too close to the first");
        desk.look(65_000, status);
        assert_eq!(desk.verdict(0), Some(verdict), "{status}");
        assert_eq!(desk.target(0).reads, 4);
    }
}

#[test]
fn a_proof_is_recorded_once_and_a_stronger_one_takes_its_place() {
    let mut desk = Desk::accepted(1, "STOPPED");
    desk.target(0).stopped_by_us = true;
    let started = |actions: Vec<Action>| {
        actions.into_iter().find_map(|action| match action {
            Action::Record(_, What::Started { proof }) => Some(proof),
            _ => None,
        })
    };
    assert_eq!(started(desk.look(10_000, "RUNNING")).as_deref(), Some("status:RUNNING"));
    assert_eq!(started(desk.look(15_000, "RUNNING")), None);
    assert_eq!(started(desk.look(20_000, "INSTALLING")).as_deref(), Some("status:INSTALLING"));
    assert_eq!(started(desk.here(25_000, Observation::of("REINSTALLING", Phase::Installing))), None);
    assert_eq!(desk.target(0).proof.as_ref().unwrap().text, "status:INSTALLING");
}

#[test]
fn an_inferred_proof_takes_ten_looks_and_is_withdrawn_by_one_at_the_baseline() {
    let mut desk = Desk::accepted(1, "STOPPED");
    desk.target(0).stopped_by_us = true;
    for count in 1..10 {
        desk.look(count * 10_000, "RUNNING");
        assert_eq!(desk.verdict(0), None, "{count} looks");
    }
    desk.look(100_000, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));

    let mut desk = Desk::accepted(1, "STOPPED");
    desk.target(0).stopped_by_us = true;
    desk.look(10_000, "RUNNING");
    assert!(desk.target(0).proof.is_some());
    desk.look(20_000, "WARPED");
    assert!(desk.target(0).proof.is_some(), "only the baseline's own state withdraws it");
    desk.look(30_000, "STOPPED");
    assert!(desk.target(0).proof.is_none());
    // A named proof stays.
    desk.look(40_000, "INSTALLING");
    desk.look(50_000, "STOPPED");
    assert!(desk.target(0).proof.is_some());
}

#[test]
fn the_own_job_decides_and_the_status_beside_it_does_not() {
    let mut desk = job();
    for ms in [10_000, 20_000, 30_000] {
        desk.here(ms, with("RUNNING", HandleState::Working));
        assert_eq!(desk.verdict(0), None);
    }
    for look in 0..9 {
        desk.here(40_000 + look * 5_000, with("RUNNING", HandleState::Done));
        assert_eq!(desk.verdict(0), None, "no other state was ever seen: late copies of before, maybe");
    }
    desk.here(85_000, with("RUNNING", HandleState::Done));
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));

    let mut desk = job();
    desk.here(10_000, with("INSTALLING", HandleState::Working));
    desk.here(40_000, with("RUNNING", HandleState::Done));
    assert_eq!(desk.verdict(0), None, "the state of before, and maybe a late copy of it");
    desk.here(45_000, with("RUNNING", HandleState::Done));
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));

    let mut desk = job();
    desk.here(10_000, with("RUNNING", HandleState::Failed));
    assert_eq!((desk.verdict(0), desk.error(0).0.as_str()), (Some(Verdict::Failed), "install_failed"));

    let mut desk = job();
    desk.here(10_000, with("FAILED", HandleState::Done));
    assert_eq!((desk.verdict(0), desk.next(0)), (None, 15_000), "a job that is done beside a bad status");
    desk.here(15_000, with("FAILED", HandleState::Done));
    assert_eq!(desk.verdict(0), Some(Verdict::Failed));
}

#[test]
fn a_server_that_had_to_end_off_and_runs_has_succeeded_all_the_same() {
    for status in ["STOPPED", "RUNNING"] {
        let mut desk = Desk::accepted(1, "RUNNING");
        desk.prepared(0).ends = Phase::Stopped;
        for (ms, status) in [(10_000, "INSTALLING"), (60_000, status), (65_000, status)] {
            desk.look(ms, status);
        }
        assert_eq!(desk.verdict(0), Some(Verdict::Succeeded), "{status}");
    }
}

#[test]
fn a_failure_has_the_providers_words_and_always_a_next_step() {
    let own = |next_step: &str| ApiError { next_step: next_step.to_owned(), ..error("disk_error") };
    let end = |error: Option<ApiError>| {
        let mut desk = job();
        desk.here(10_000, Observation { error, ..with("FAILED", HandleState::Failed) });
        desk.target(0).error.clone().unwrap()
    };
    let silent = end(None);
    assert_eq!((silent.kind.as_str(), silent.message.as_str()), ("install_failed", "the provider reports FAILED"));
    assert!(!silent.next_step.is_empty());
    let worded = end(Some(own("")));
    assert_eq!((worded.kind.as_str(), worded.next_step), ("disk_error", silent.next_step));
    assert_eq!(end(Some(own("call the hotline"))).next_step, "call the hotline");
}

#[test]
fn who_does_not_wait_is_done_with_the_proof() {
    let mut desk = Desk::under(Policy { no_wait: true, ..policy() }, 1, "RUNNING");
    *desk.target(0) = Desk::doubtful(1, "RUNNING").target(0).clone();
    desk.look(10_000, "RUNNING");
    assert_eq!(desk.verdict(0), None, "an order in doubt is no accepted one");
    desk.look(20_000, "INSTALLING");
    assert_eq!(desk.verdict(0), Some(Verdict::Accepted));
}

fn fault(desk: &mut Desk, ms: u64) {
    let fault = ReadFault { error: error("server"), class: FaultClass::Server };
    desk.step(ms, Input::Looked(vec![(0, Seen::Fault(fault))]));
}

#[test]
fn the_deadline_counts_after_one_good_look_or_three_bad_ones() {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.target(0).next_look = at(5_000_000).steady;
    assert!(looks(&desk.tick(1_799_999)).is_empty());
    assert_eq!(looks(&desk.tick(1_800_000)), [[0]], "a last look");
    assert!(looks(&desk.tick(1_800_001)).is_empty(), "it is under way");
    for ms in [1_801_000, 1_802_000] {
        fault(&mut desk, ms);
        assert_eq!(desk.verdict(0), None);
    }
    fault(&mut desk, 1_803_000);
    assert_eq!((desk.verdict(0), desk.error(0).0.as_str()), (Some(Verdict::Unverified), "no_start_seen"));

    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(10_000, "INSTALLING");
    fault(&mut desk, 1_800_000);
    assert_eq!(desk.verdict(0), None);
    desk.look(1_801_000, "INSTALLING");
    assert_eq!(desk.verdict(0), Some(Verdict::TimedOut));
    assert_eq!(desk.error(0).1, "still INSTALLING when the time was up");
}

#[test]
fn a_look_from_before_the_deadline_does_not_count_for_it() {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(1_799_999, "INSTALLING");
    assert_eq!((desk.target(0).last_looks, desk.verdict(0)), (0, None));
    desk.tick(1_800_000);
    assert_eq!(desk.verdict(0), None, "the last look is not there yet");
    desk.look(1_800_001, "INSTALLING");
    assert_eq!(desk.verdict(0), Some(Verdict::TimedOut));
}

#[test]
fn an_end_that_was_seen_once_at_the_deadline_gets_the_look_that_confirms_it() {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(10_000, "INSTALLING");
    desk.look(1_800_000, "RUNNING");
    assert_eq!((desk.verdict(0), desk.next(0)), (None, 1_805_000));
    desk.look(1_805_000, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));
    // Without a proof there is nothing to confirm.
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(1_800_000, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::Unverified));
    // And a server that shows another end each time is not waited for for ever.
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(10_000, "INSTALLING");
    desk.look(1_800_000, "RUNNING");
    desk.look(1_805_000, "FAILED");
    assert_eq!(desk.verdict(0), None);
    desk.look(1_810_000, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::TimedOut));
}

#[test]
fn only_ordered_servers_have_a_deadline() {
    let mut desk = Desk::accepted(1, "RUNNING");
    let left = |desk: &Desk, ms| desk.machine.deadline_in(at(ms), &desk.machine.targets[0]);
    assert_eq!(left(&desk, 10_000), Some(secs(1790)));
    assert_eq!(left(&desk, 2_000_000), Some(secs(0)));
    desk.target(0).stage = Stage::Starting(Asked { since: secs(1000), times: 1, again: secs(1060), taken: false });
    assert_eq!(left(&desk, 10_000), Some(secs(1790)));
    desk.target(0).stage = Stage::Checking { since: secs(1000) };
    assert_eq!(left(&desk, 10_000), None);
}

#[test]
fn a_not_successful_answer_is_decided_by_one_look() {
    let confirming = || {
        let mut desk = Desk::of(1, "RUNNING");
        desk.target(0).baseline = Some(observed("RUNNING"));
        desk.target(0).stage = Stage::Confirming { error: error("refused") };
        desk
    };
    let mut desk = confirming();
    assert_eq!(records(&desk.look(10_000, "RUNNING")), ["order_rejected", "verdict"]);
    assert_eq!((desk.verdict(0), desk.error(0).0.as_str()), (Some(Verdict::Rejected), "refused"));
    let mut desk = confirming();
    assert_eq!(records(&desk.look(10_000, "INSTALLING")), ["started", "order_maybe_sent"]);
    assert_eq!((desk.verdict(0), desk.next(0)), (None, 13_000));
    let target = desk.target(0);
    assert_eq!((target.ordered_at, target.ordered_steady), (Some(at(10_000).wall), Some(at(10_000).steady)));
    assert!(target.maybe && !target.accepted);
}

#[test]
fn a_reason_that_the_provider_forgets_between_two_looks_is_told_in_the_end() {
    let failed = |why: Option<&str>| Observation { error: why.map(error), ..observed("FAILED") };
    let mut desk = Desk::accepted(1, "FAILED");
    desk.here(3_000, failed(Some("an_old_reason")));
    desk.look(10_000, "INSTALLING");
    desk.here(60_000, failed(Some("no_callback")));
    desk.here(70_000, failed(None));
    assert_eq!((desk.verdict(0), desk.error(0).0), (Some(Verdict::Failed), "no_callback".to_owned()));
    let mut desk = Desk::accepted(1, "FAILED");
    desk.here(3_000, failed(Some("an_old_reason")));
    desk.look(10_000, "INSTALLING");
    desk.here(60_000, failed(None));
    desk.here(70_000, failed(None));
    assert_eq!(desk.error(0).0, "install_failed", "what was told before the start says nothing of this end");
}
