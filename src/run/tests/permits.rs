//! Who is ordered for, when, and under which permit; what is read when; and what ends all ordering.

use super::super::machine::{Action, Input};
use super::super::policy::Policy;
use super::super::target::{Asked, Stage};
use super::desk::{Desk, at, looks, records, sends};
use super::{accepted, error, observed, policy, secs, unsent};
use crate::client::Outcome;
use crate::model::{FaultClass, Seen, Verdict, What};
use std::time::Duration;

/// So many servers, ready for a permit.
fn ready(count: usize) -> Desk {
    let mut desk = Desk::under(Policy { max_failures: 3, ..policy() }, count, "RUNNING");
    for index in 0..count {
        desk.target(index).baseline = Some(observed("RUNNING"));
        desk.target(index).baseline_at = at(0).boot;
        desk.target(index).stage = Stage::Ready;
    }
    desk
}

/// One server whose first order is on the wire.
fn sending() -> Desk {
    let mut desk = ready(1);
    assert_eq!(sends(&desk.tick(0)), [[0]]);
    desk
}

fn sent(desk: &mut Desk, ms: u64, permit: u64, outcome: Outcome) -> Vec<Action> {
    desk.step(ms, Input::Sent { permit, outcomes: vec![(0, outcome)], halt: None, hold: None, lost: Vec::new() })
}

fn refused(class: FaultClass, renewed: bool) -> Outcome {
    Outcome::Unsent { error: error(class.word()), class, renewed }
}

#[test]
fn one_order_takes_servers_of_one_product_one_image_and_the_same_secrets() {
    let mut desk = ready(6);
    desk.machine.lanes[0].order_batch = 10;
    desk.target(1).secrets = 7;
    desk.target(2).lane = 1;
    let second = super::rig(policy(), None, Vec::new()).machine.lanes.remove(0);
    desk.machine.lanes.push(second);
    desk.machine.health.push(Default::default());
    desk.prepared(3).image = Some(("img-2".to_owned(), None));
    assert_eq!(sends(&desk.tick(0)), [vec![0, 4, 5], vec![1], vec![2], vec![3]]);
}

#[test]
fn one_order_takes_as_many_servers_as_the_product_allows() {
    let mut desk = ready(5);
    desk.machine.lanes[0].order_batch = 2;
    assert_eq!(sends(&desk.tick(0)), [vec![0, 1], vec![2, 3], vec![4]]);
    let mut desk = ready(3);
    desk.machine.lanes[0].order_batch = 0;
    assert_eq!(sends(&desk.tick(0)).len(), 3);
}

#[test]
fn every_order_has_a_permit_of_its_own_and_its_intent_before_it() {
    let mut desk = ready(2);
    desk.machine.lanes[0].token_door = Some(secs(600));
    let actions = desk.tick(1_000);
    let mut permits = Vec::new();
    for pair in actions.chunks(2) {
        let [Action::Record(Some(of), What::OrderIntent { permit, attempt, token }), send] = pair else {
            panic!("{pair:?}")
        };
        let Action::Send { permit: sent, issued, targets, token: with, .. } = send else { panic!("{send:?}") };
        assert_eq!((sent, targets, *attempt, *issued), (permit, &vec![*of], 1, secs(1001)));
        assert!(token.as_deref() == Some("token-1") && with == token);
        permits.push(*permit);
    }
    assert_eq!(permits, [1, 2]);
    let mut desk = ready(1);
    desk.target(0).token = Some("t-9".to_owned());
    desk.machine.lanes[0].token_door = Some(secs(600));
    desk.tick(0);
    assert_eq!(desk.target(0).token.as_deref(), Some("t-9"), "a token is made once");
    let mut desk = ready(1);
    desk.tick(0);
    assert_eq!(desk.target(0).token, None, "no token where the product knows none");
}

#[test]
fn a_baseline_is_good_for_thirty_seconds_and_one_unlike_the_plan_is_read_twice() {
    assert_eq!(sends(&ready(1).tick(30_000)), [[0]]);
    let mut desk = ready(1);
    let actions = desk.tick(30_001);
    assert_eq!((sends(&actions).len(), looks(&actions)), (0, vec![vec![0]]));
    let mut desk = Desk::of(1, "RUNNING");
    desk.tick(0);
    assert!(sends(&desk.look(1_000, "STOPPED")).is_empty());
    assert_eq!(desk.next(0), 3_000);
    assert_eq!(sends(&desk.look(3_000, "STOPPED")), [[0]]);
}

#[test]
fn an_answer_to_another_permit_is_none() {
    let mut desk = sending();
    assert!(records(&sent(&mut desk, 1_000, 2, accepted())).is_empty());
    assert_eq!(desk.target(0).stage, Stage::Sending { permit: 1 });
    assert_eq!(records(&sent(&mut desk, 1_000, 1, accepted())), ["order_accepted"]);
    assert_eq!((desk.target(0).stage.clone(), desk.next(0)), (Stage::Watching, 4_000));
    assert_eq!(desk.target(0).ordered_at, Some(at(1_000).wall));
}

#[test]
fn who_does_not_wait_is_done_with_the_acceptance() {
    let mut desk = sending();
    desk.machine.policy.no_wait = true;
    sent(&mut desk, 1_000, 1, accepted());
    assert_eq!(desk.verdict(0), Some(Verdict::Accepted));
}

#[test]
fn what_was_not_sent_waits_as_long_as_the_reason_asks() {
    let asked = |seconds| FaultClass::Throttled(Some(secs(seconds)));
    for (class, wait) in [
        (asked(7), 7_000),
        (asked(600), 600_000),
        (asked(5_000), 600_000),
        (FaultClass::Throttled(None), 1_000),
        (FaultClass::Unreachable, 500),
    ] {
        let mut desk = sending();
        assert_eq!(records(&sent(&mut desk, 1_000, 1, unsent(class.clone()))), ["order_unsent"]);
        assert_eq!(desk.target(0).stage, Stage::Pausing { until: secs(1001) + Duration::from_millis(wait) });
        assert_eq!(desk.machine.idle(at(1_000)), Some(Duration::from_millis(wait)), "{class:?}");
        assert!(looks(&desk.tick(1_000 + wait - 1)).is_empty(), "{class:?}");
        assert_eq!(looks(&desk.tick(1_000 + wait)), [[0]], "{class:?}: a fresh baseline first");
    }
}

#[test]
fn a_renewed_login_is_tried_once_and_at_once() {
    for class in [FaultClass::SignedOut, FaultClass::ClockSkew] {
        let mut desk = sending();
        let actions = sent(&mut desk, 1_000, 1, refused(class.clone(), true));
        assert_eq!(looks(&actions), [[0]], "{class:?}: a fresh baseline first");
        let again = desk.look(1_500, "RUNNING");
        assert_eq!(sends(&again), [[0]], "{class:?}");
        sent(&mut desk, 2_000, 2, refused(class, true));
        assert_eq!(desk.verdict(0), Some(Verdict::Rejected));
        assert!(desk.machine.halted().is_some_and(|reason| reason.contains("refuses the credentials")));
    }
    let mut desk = sending();
    sent(&mut desk, 1_000, 1, refused(FaultClass::Denied, false));
    assert_eq!(desk.verdict(0), Some(Verdict::Rejected));
}

#[test]
fn an_untrusted_certificate_ends_the_run_unordered() {
    let mut desk = sending();
    sent(&mut desk, 1_000, 1, unsent(FaultClass::Untrusted));
    assert_eq!((desk.verdict(0), desk.machine.halted()), (Some(Verdict::NotStarted), Some("untrusted_certificate")));
}

#[test]
fn a_rejection_by_refused_credentials_halts_and_any_other_does_not() {
    for (class, halts) in [
        (FaultClass::Denied, true),
        (FaultClass::SignedOut, true),
        (FaultClass::ClockSkew, true),
        (FaultClass::Invalid, false),
    ] {
        let mut desk = sending();
        sent(&mut desk, 1_000, 1, Outcome::Rejected { error: error("no"), class: class.clone() });
        assert_eq!((desk.verdict(0), desk.machine.halted().is_some()), (Some(Verdict::Rejected), halts), "{class:?}");
    }
}

#[test]
fn a_refusal_after_an_order_in_doubt_goes_on_watching_without_further_permits() {
    for outcome in [
        Outcome::Rejected { class: FaultClass::Busy, error: error("busy") },
        Outcome::NotSuccessful(error("busy")),
        unsent(FaultClass::Denied),
        unsent(FaultClass::Untrusted),
    ] {
        let mut desk = sending();
        desk.target(0).maybe = true;
        sent(&mut desk, 1_000, 1, outcome.clone());
        let last = desk.target(0).permits;
        assert_eq!((desk.target(0).stage.clone(), desk.verdict(0)), (Stage::Watching, None), "{outcome:?}");
        assert_eq!(last == 3, !matches!(outcome, Outcome::Unsent { .. }), "{outcome:?}");
        assert_eq!(desk.machine.halted(), None, "{outcome:?}");
    }
}

#[test]
fn doubt_about_an_order_holds_the_next_ones_and_proof_or_acceptance_lets_them_go() {
    let admitted = |change: &dyn Fn(&mut Desk)| {
        let mut desk = Desk::doubtful(2, "RUNNING");
        desk.target(0).next_look = at(100_000).steady;
        *desk.target(1) = Desk::of(2, "RUNNING").target(1).clone();
        change(&mut desk);
        desk.tick(1_000);
        desk.target(1).stage != Stage::Queued
    };
    assert!(!admitted(&|_| {}));
    assert!(admitted(&|desk| desk.target(0).accepted = true));
    assert!(admitted(&|desk| {
        desk.target(0).proof = Some(crate::run::evidence::remembered("job:1", false, None));
    }));
    assert!(admitted(&|desk| desk.machine.policy.max_failures = 2));
    // Failures and doubts count together.
    assert!(!admitted(&|desk| {
        desk.machine.policy.max_failures = 2;
        let mut failed = desk.target(1).clone();
        failed.stage = Stage::Done;
        failed.verdict = Some(Verdict::Failed);
        desk.machine.targets.push(failed);
    }));
    // What has its verdict is in no doubt any more.
    assert!(admitted(&|desk| {
        desk.target(0).stage = Stage::Done;
        desk.target(0).verdict = Some(Verdict::Succeeded);
    }));
}

#[test]
fn servers_begin_while_there_is_room() {
    let mut desk = Desk::under(Policy { concurrency: 2, ..policy() }, 4, "RUNNING");
    assert_eq!(looks(&desk.tick(0)), [[0, 1]]);
    assert!(looks(&desk.tick(1_000)).is_empty());
    desk.target(0).stage = Stage::Done;
    desk.target(0).verdict = Some(Verdict::Succeeded);
    assert_eq!(looks(&desk.tick(2_000)), [[2]]);
}

#[test]
fn the_stop_rule_names_how_many_have_failed_and_needs_something_to_stop() {
    let failed = |count: usize, rest: Stage| {
        let mut desk = Desk::under(Policy { max_failures: count, ..policy() }, count + 1, "RUNNING");
        for index in 0..count {
            desk.target(index).stage = Stage::Done;
            desk.target(index).verdict = Some(Verdict::Failed);
        }
        desk.target(count).stage = rest;
        desk.tick(1_000);
        desk.machine.halted().map(str::to_owned)
    };
    assert_eq!(failed(1, Stage::Queued).as_deref(), Some("1 server has failed and --max-failures is 1"));
    assert_eq!(failed(2, Stage::Ready).as_deref(), Some("2 servers have failed and --max-failures is 2"));
    assert!(failed(1, Stage::Checking { since: secs(1000) }).is_some());
    assert_eq!(failed(1, Stage::Watching), None, "nothing is left to order");
}

#[test]
fn a_halt_ends_what_waits_and_watches_what_was_ordered() {
    let mut desk = ready(5);
    desk.target(0).stage = Stage::Queued;
    desk.target(1).stage = Stage::Stopping(Asked { since: secs(1000), times: 1, again: secs(1060), taken: false });
    desk.target(1).stopped_by_us = true;
    desk.target(2).stage = Stage::Sending { permit: 9 };
    desk.target(3).stage = Stage::Ready;
    desk.target(3).maybe = true;
    desk.target(4).stage = Stage::Watching;
    let actions = desk.step(1_000, Input::OutputLost);
    assert_eq!(records(&actions), ["halted", "verdict", "verdict"]);
    assert_eq!(desk.machine.halted(), Some("standard output is closed"));
    let verdicts: Vec<_> = (0..5).map(|index| desk.verdict(index)).collect();
    let not_started = Some(Verdict::NotStarted);
    assert_eq!(verdicts, [not_started, not_started, None, None, None]);
    assert!(!desk.error(0).1.contains("powered off") && desk.error(1).1.contains("powered off"));
    assert_eq!((desk.target(3).stage.clone(), desk.next(3)), (Stage::Watching, 1_000));
    // The first reason stays, and is told once.
    assert!(records(&desk.step(2_000, Input::JournalLost)).is_empty());
    assert_eq!(desk.machine.halted(), Some("standard output is closed"));
}

#[test]
fn a_signal_waits_for_what_is_on_the_wire_and_begins_nothing() {
    let mut desk = sending();
    assert_eq!(records(&desk.step(1_000, Input::Signal("SIGTERM"))), ["signalled"]);
    assert!(!desk.machine.done(), "an order is on the wire");
    let actions = sent(&mut desk, 2_000, 1, accepted());
    assert!(desk.machine.done() && looks(&actions).is_empty());
    assert_eq!(desk.verdict(0), None);
    let mut desk = ready(1);
    assert!(!desk.machine.done());
    assert!(sends(&desk.step(0, Input::Signal("SIGINT"))).is_empty());
    assert!(desk.machine.done());
}

#[test]
fn a_look_that_was_not_asked_for_by_any_stage_changes_nothing() {
    let mut desk = sending();
    let seen = Seen::Here(observed("RUNNING"));
    assert!(records(&desk.step(1_000, Input::Looked(vec![(0, seen)]))).is_empty());
    assert_eq!(desk.target(0).stage, Stage::Sending { permit: 1 });
}
