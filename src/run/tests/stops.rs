//! Stops and starts: asked for when, how often, and what each answer to them means.

use super::super::machine::{Input, Power};
use super::super::policy::Policy;
use super::super::target::{Asked, Stage};
use super::desk::{Desk, notices, powers, records, sends};
use super::{error, policy, secs};
use crate::model::{FaultClass, Observation, Phase, PowerPlan, Verdict};
use crate::providers::Admission;

/// A server that was asked to power off at the start.
fn stopping() -> Desk {
    let mut desk = Desk::of(1, "RUNNING");
    desk.machine.lanes[0].admit = Box::new(|seen| match seen.phase {
        Phase::Running => Admission::StopFirst,
        _ => Admission::Go,
    });
    desk.prepared(0).power = PowerPlan::StopFirst;
    desk.tick(0);
    let asked = desk.look(0, "RUNNING");
    assert_eq!((records(&asked), powers(&asked)), (vec!["power_off"], vec![Power::Off]));
    assert_eq!(desk.next(0), 2_000);
    desk
}

/// A reinstalled server that ended off and was asked to power on, 65 s after the start.
fn starting() -> Desk {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(10_000, "INSTALLING");
    desk.look(60_000, "STOPPED");
    let asked = desk.look(65_000, "STOPPED");
    assert_eq!((records(&asked), powers(&asked)), (vec!["power_on"], vec![Power::On]));
    assert_eq!(desk.next(0), 67_000);
    desk
}

/// The moments among these at which a look at this status brings a power call.
fn asked(desk: &mut Desk, moments: &[u64], status: &str) -> Vec<u64> {
    moments.iter().copied().filter(|&ms| !powers(&desk.look(ms, status)).is_empty()).collect()
}

#[test]
fn a_stop_is_asked_for_three_times_a_minute_apart_and_given_up_after_ten() {
    let mut desk = stopping();
    let moments = [59_999, 60_000, 60_001, 119_999, 120_000, 120_001, 180_001, 400_000, 600_000];
    assert_eq!(asked(&mut desk, &moments, "RUNNING"), [60_000, 120_000]);
    assert_eq!(desk.verdict(0), None);
    desk.look(600_001, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::Skipped));
    let (kind, message) = desk.error(0);
    assert_eq!(kind, "not_stopped");
    assert!(message.contains("within 10 minutes"), "{message}");
}

#[test]
fn a_server_that_powers_off_is_looked_at_more_and_more_rarely() {
    let mut desk = stopping();
    for (at, next) in [(4_000, 6_000), (40_000, 50_000), (300_000, 315_000)] {
        desk.look(at, "STOPPING");
        assert_eq!(desk.next(0), next);
    }
}

#[test]
fn off_is_what_two_looks_five_seconds_apart_show() {
    let mut desk = stopping();
    desk.look(10_000, "STOPPED");
    assert_eq!(desk.next(0), 15_000);
    let early = desk.look(14_999, "STOPPED");
    assert!(records(&early).is_empty() && desk.next(0) == 15_000);
    let off = desk.look(15_000, "STOPPED");
    assert_eq!(records(&off), ["stopped", "baseline", "order_intent"]);
    assert_eq!(sends(&off), [[0]]);
    assert!(desk.target(0).stopped_by_us && desk.target(0).baseline_twice);
}

#[test]
fn every_status_on_the_way_off_is_recorded_once() {
    let mut desk = stopping();
    assert!(records(&desk.look(2_000, "RUNNING")).is_empty());
    assert_eq!(records(&desk.look(4_000, "STOPPING")), ["status"]);
    assert!(records(&desk.look(6_000, "STOPPING")).is_empty());
}

#[test]
fn a_server_that_is_installed_or_gone_while_it_is_stopped_is_left_alone() {
    for phase in [Phase::Installing, Phase::Gone] {
        let mut desk = stopping();
        let actions = desk.here(4_000, Observation::of("OTHER", phase));
        assert_eq!((desk.verdict(0), sends(&actions).len()), (Some(Verdict::Skipped), 0));
        assert_eq!(desk.error(0).0, "busy");
    }
}

#[test]
fn a_stop_that_was_not_planned_is_not_asked_for() {
    for (admission, planned) in [
        (Admission::StopFirst, PowerPlan::Nothing),
        (Admission::StopFirst, PowerPlan::StoppedByOrder),
        (Admission::StoppedByOrder, PowerPlan::Nothing),
        (Admission::StoppedByOrder, PowerPlan::StopFirst),
    ] {
        let mut desk = Desk::of(1, "RUNNING");
        desk.machine.lanes[0].admit = Box::new(move |_| admission.clone());
        desk.prepared(0).power = planned;
        desk.tick(0);
        let actions = desk.look(0, "RUNNING");
        assert!(powers(&actions).is_empty() && sends(&actions).is_empty(), "{planned:?}");
        assert_eq!((desk.verdict(0), desk.error(0).0.as_str()), (Some(Verdict::Skipped), "changed"), "{planned:?}");
    }
}

#[test]
fn a_stop_that_the_order_makes_itself_is_no_stop_of_ours() {
    let mut desk = Desk::of(1, "RUNNING");
    desk.machine.lanes[0].admit = Box::new(|_| Admission::StoppedByOrder);
    desk.prepared(0).power = PowerPlan::StoppedByOrder;
    desk.tick(0);
    let actions = desk.look(0, "RUNNING");
    assert_eq!((powers(&actions).len(), sends(&actions)), (0, vec![vec![0]]));
    assert!(!desk.target(0).stopped_by_us);
}

fn answer(desk: &mut Desk, ms: u64, power: Power, class: &FaultClass) -> Vec<String> {
    let result = Err((class.clone(), error(class.word())));
    notices(&desk.step(ms, Input::Powered { target: 0, power, result }))
}

/// Answers behind which the call may have been carried out, or will be.
const PASSING: [FaultClass; 4] = [FaultClass::Busy, FaultClass::Broken, FaultClass::Server, FaultClass::Malformed];

fn again() -> [FaultClass; 4] {
    [FaultClass::Unreachable, FaultClass::Throttled(None), FaultClass::SignedOut, FaultClass::ClockSkew]
}

#[test]
fn an_unclear_answer_to_a_power_call_leaves_it_to_the_next_look() {
    for class in PASSING {
        let (mut off, mut on) = (stopping(), starting());
        let told = answer(&mut off, 1_000, Power::Off, &class);
        assert!(told[0].starts_with("power off: "), "{told:?}");
        let told = answer(&mut on, 66_000, Power::On, &class);
        assert!(told[0].starts_with("power on: "), "{told:?}");
        assert_eq!((off.verdict(0), off.next(0)), (None, 2_000), "{class:?}");
        assert_eq!((on.verdict(0), on.next(0)), (None, 67_000), "{class:?}");
    }
}

#[test]
fn a_power_call_that_did_not_arrive_is_looked_after_soon_and_gives_up_with_the_third() {
    for class in again() {
        let mut desk = stopping();
        answer(&mut desk, 1_000, Power::Off, &class);
        assert_eq!((desk.verdict(0), desk.next(0)), (None, 3_000), "{class:?}: two seconds after the first");
        desk.target(0).stage = Stage::Stopping(Asked { since: secs(1000), times: 2, again: secs(1000), taken: false });
        answer(&mut desk, 1_000, Power::Off, &class);
        assert_eq!((desk.verdict(0), desk.next(0)), (None, 5_000), "{class:?}: four after the second");
        desk.target(0).stage = Stage::Stopping(Asked { since: secs(1000), times: 3, again: secs(1000), taken: false });
        answer(&mut desk, 1_000, Power::Off, &class);
        assert_eq!(desk.verdict(0), Some(Verdict::Skipped), "{class:?}");
        assert!(!desk.target(0).stopped_by_us, "{class:?}");
        let login = matches!(class, FaultClass::SignedOut | FaultClass::ClockSkew);
        assert_eq!(desk.machine.halted().is_some(), login, "{class:?}");
    }
}

#[test]
fn a_refused_stop_skips_the_server_and_refused_credentials_halt_the_run() {
    let mut desk = stopping();
    answer(&mut desk, 1_000, Power::Off, &FaultClass::Invalid);
    assert_eq!((desk.verdict(0), desk.machine.halted()), (Some(Verdict::Skipped), None));
    let mut desk = stopping();
    answer(&mut desk, 1_000, Power::Off, &FaultClass::Denied);
    assert_eq!(desk.verdict(0), Some(Verdict::Skipped));
    assert!(desk.machine.halted().is_some_and(|reason| reason.contains("refuses the credentials")));
}

#[test]
fn a_refused_start_is_a_failure_and_an_answer_to_an_earlier_stage_is_none() {
    let mut desk = starting();
    answer(&mut desk, 66_000, Power::On, &FaultClass::Invalid);
    assert_eq!((desk.verdict(0), desk.machine.halted()), (Some(Verdict::Failed), None));
    let mut desk = starting();
    assert!(answer(&mut desk, 66_000, Power::Off, &FaultClass::Invalid).is_empty());
    assert_eq!(desk.verdict(0), None);
    let mut desk = starting();
    desk.step(66_000, Input::Powered { target: 0, power: Power::On, result: Ok(()) });
    assert_eq!((desk.verdict(0), desk.next(0)), (None, 67_000));
}

#[test]
fn a_refused_start_behind_one_that_may_have_been_taken_is_no_failure() {
    let mut desk = starting();
    answer(&mut desk, 66_000, Power::On, &FaultClass::Broken);
    assert_eq!(asked(&mut desk, &[76_000], "STOPPED"), [76_000]);
    answer(&mut desk, 77_000, Power::On, &FaultClass::NotFound);
    assert_eq!((desk.verdict(0), desk.next(0)), (None, 82_000));
    assert!(asked(&mut desk, &[82_000, 150_000, 300_000], "STOPPED").is_empty(), "no further start");
    desk.look(310_000, "RUNNING");
    desk.look(315_000, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));
}

#[test]
fn a_start_is_asked_for_three_times_a_minute_apart() {
    let mut desk = starting();
    let moments = [124_999, 125_000, 125_001, 185_000, 185_001, 245_001, 400_000];
    assert_eq!(asked(&mut desk, &moments, "STOPPED"), [125_000, 185_000]);
    assert_eq!(desk.next(0), 415_000);
    let mut desk = starting();
    desk.machine.halted = Some("a signal".to_owned());
    assert!(asked(&mut desk, &[130_000], "STOPPED").is_empty(), "a halted run makes no call");
}

#[test]
fn a_started_server_has_ended_when_two_looks_five_seconds_apart_agree() {
    for (status, verdict) in [("RUNNING", Verdict::Succeeded), ("FAILED", Verdict::Failed)] {
        let mut desk = starting();
        let looked = desk.target(0).reads;
        assert_eq!(records(&desk.look(70_000, status)), ["status"]);
        assert_eq!((desk.verdict(0), desk.next(0)), (None, 75_000), "{status}");
        assert!(records(&desk.look(74_999, status)).is_empty());
        assert_eq!(desk.verdict(0), None, "{status}");
        desk.look(75_000, status);
        assert_eq!(desk.verdict(0), Some(verdict), "{status}");
        assert_eq!(desk.target(0).reads, looked + 3);
    }
    let mut desk = starting();
    desk.look(85_000, "STARTING");
    assert_eq!(desk.next(0), 90_000, "a quarter of the time that it takes already");
}

#[test]
fn a_server_that_is_to_stay_off_ends_well_without_a_call() {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.machine.lanes[0].start_when_off = false;
    let mut watching = Desk::under(Policy { watch_only: true, ..policy() }, 1, "RUNNING");
    *watching.target(0) = desk.target(0).clone();
    for mut desk in [desk, watching] {
        desk.look(10_000, "INSTALLING");
        desk.look(60_000, "STOPPED");
        let end = desk.look(65_000, "STOPPED");
        assert_eq!((desk.verdict(0), powers(&end).len()), (Some(Verdict::Succeeded), 0));
        assert_eq!(notices(&end), ["it ended powered off and was left so"]);
    }
}

#[test]
fn a_server_that_ends_off_in_a_halted_run_is_a_failure_that_says_so() {
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.machine.halted = Some("the journal is lost".to_owned());
    desk.look(10_000, "INSTALLING");
    desk.look(60_000, "STOPPED");
    let end = desk.look(65_000, "STOPPED");
    assert_eq!((desk.verdict(0), powers(&end).len()), (Some(Verdict::Failed), 0));
    let (kind, message) = desk.error(0);
    assert!(kind == "left_off" && message.contains("the journal is lost"), "{kind}: {message}");
}
