//! Servers that an answer does not know, and looks that fail: neither is a verdict before its time.

use super::super::machine::Input;
use super::super::policy::Policy;
use super::super::target::{Asked, Stage};
use super::desk::{Desk, at, notices};
use super::{Rig, Script, accepted, error, policy, rig, secs, seen};
use crate::model::{FaultClass, Seen, Verdict};
use crate::wire::ReadFault;
use std::time::Duration;

/// So many servers are missing in one answer.
fn missing(desk: &mut Desk, ms: u64, count: usize) -> Vec<String> {
    notices(&desk.step(ms, Input::Looked((0..count).map(|index| (index, Seen::Absent)).collect())))
}

#[test]
fn vanished_takes_five_answers_and_two_minutes() {
    let mut desk = Desk::accepted(1, "RUNNING");
    for ms in [10_000, 40_000, 70_000, 100_000, 129_999] {
        assert!(missing(&mut desk, ms, 1).is_empty());
        assert_eq!((desk.verdict(0), desk.next(0)), (None, u128::from(ms) + 30_000));
    }
    missing(&mut desk, 130_000, 1);
    assert_eq!((desk.verdict(0), desk.error(0).0.as_str()), (Some(Verdict::Vanished), "vanished"));

    let mut desk = Desk::accepted(1, "RUNNING");
    for ms in [10_000, 50_000, 90_000, 130_000] {
        missing(&mut desk, ms, 1);
        assert_eq!(desk.verdict(0), None, "four answers are not enough");
    }
    missing(&mut desk, 130_001, 1);
    assert_eq!(desk.verdict(0), Some(Verdict::Vanished));
}

#[test]
fn a_server_that_is_back_for_one_look_is_counted_anew() {
    let mut desk = Desk::accepted(1, "RUNNING");
    for ms in [10_000, 40_000, 70_000, 100_000] {
        missing(&mut desk, ms, 1);
    }
    desk.look(110_000, "INSTALLING");
    for ms in [120_000, 150_000, 180_000, 210_000, 239_999] {
        missing(&mut desk, ms, 1);
        assert_eq!(desk.verdict(0), None);
    }
    missing(&mut desk, 240_000, 1);
    assert_eq!(desk.verdict(0), Some(Verdict::Vanished));
}

#[test]
fn more_than_a_fifth_missing_at_once_is_no_verdict_and_is_told_once() {
    let moments = [10_000, 40_000, 70_000, 100_000, 130_000, 160_000];
    for (servers, gone, vanish) in [(10, 2, true), (10, 3, false), (9, 2, false), (1, 1, true), (2, 1, true)] {
        let mut desk = Desk::accepted(servers, "RUNNING");
        let told: Vec<String> = moments.iter().flat_map(|&ms| missing(&mut desk, ms, gone)).collect();
        let verdict = vanish.then_some(Verdict::Vanished);
        assert!((0..gone).all(|index| desk.verdict(index) == verdict), "{gone} of {servers}");
        if vanish {
            assert!(told.is_empty(), "{told:?}");
        } else {
            let start = format!("test: no new orders for now: {gone} of {servers} watched servers are missing at once");
            assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_before_its_order_is_skipped_with_the_third_answer() {
    let mut desk = Desk::of(1, "RUNNING");
    desk.tick(0);
    for ms in [0, 5_000] {
        missing(&mut desk, ms, 1);
        assert_eq!((desk.verdict(0), desk.next(0)), (None, u128::from(ms) + 5_000));
    }
    missing(&mut desk, 10_000, 1);
    assert_eq!((desk.verdict(0), desk.error(0).0.as_str()), (Some(Verdict::Skipped), "not_found"));
}

#[test]
fn what_is_watched_without_an_order_of_ours_is_not_skipped() {
    for stage in [
        Stage::Watching,
        Stage::Starting(Asked { since: at(0).steady, times: 1, again: at(60_000).steady, taken: false }),
    ] {
        let mut desk = Desk::under(Policy { watch_only: true, ..policy() }, 1, "RUNNING");
        desk.target(0).ordered_at = Some(at(0).wall);
        desk.target(0).stage = stage;
        for ms in [0, 30_000, 60_000, 90_000] {
            missing(&mut desk, ms, 1);
            assert_eq!(desk.verdict(0), None);
        }
        missing(&mut desk, 120_000, 1);
        assert_eq!(desk.verdict(0), Some(Verdict::Vanished));
    }
}

fn fault(desk: &mut Desk, ms: u64, class: FaultClass) -> Vec<String> {
    let fault = ReadFault { error: error(class.word()), class };
    notices(&desk.step(ms, Input::Looked(vec![(0, Seen::Fault(fault))])))
}

#[test]
fn absences_with_unreadable_looks_between_them_do_not_add_up() {
    let mut desk = Desk::accepted(1, "RUNNING");
    for ms in (10_000..200_000).step_by(10_000) {
        missing(&mut desk, ms, 1);
        assert_eq!(desk.verdict(0), None);
        fault(&mut desk, ms + 5_000, FaultClass::Server);
    }
    for ms in [200_000, 230_000, 260_000, 290_000] {
        missing(&mut desk, ms, 1);
        assert_eq!(desk.verdict(0), None);
    }
    missing(&mut desk, 320_000, 1);
    assert_eq!(desk.verdict(0), Some(Verdict::Vanished));
}

#[test]
fn failed_looks_come_more_and_more_rarely_up_to_half_a_minute() {
    let mut desk = Desk::accepted(1, "RUNNING");
    for wait in [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000] {
        fault(&mut desk, 10_000, FaultClass::Server);
        assert_eq!(desk.next(0), 10_000 + wait);
    }
    desk.look(20_000, "INSTALLING");
    fault(&mut desk, 30_000, FaultClass::Server);
    assert_eq!(desk.next(0), 30_500, "a good look begins the count anew");
}

#[test]
fn a_provider_that_wants_peace_gets_it_for_ten_minutes_at_most() {
    let mut desk = Desk::accepted(1, "RUNNING");
    for (asked, wait) in [(7, 7_000), (600, 600_000), (100_000, 600_000)] {
        fault(&mut desk, 10_000, FaultClass::Throttled(Some(Duration::from_secs(asked))));
        assert_eq!(desk.next(0), 10_000 + wait);
    }
    let mut desk = Desk::accepted(1, "RUNNING");
    fault(&mut desk, 10_000, FaultClass::Throttled(None));
    assert_eq!(desk.next(0), 10_500);
}

#[test]
fn a_fault_is_told_when_it_is_new() {
    let mut desk = Desk::accepted(1, "RUNNING");
    assert_eq!(fault(&mut desk, 10_000, FaultClass::Server).len(), 1);
    assert_eq!(fault(&mut desk, 11_000, FaultClass::Server).len(), 0);
    assert_eq!(fault(&mut desk, 12_000, FaultClass::Malformed).len(), 1);
    assert_eq!(fault(&mut desk, 13_000, FaultClass::Malformed).len(), 0);
    desk.look(14_000, "INSTALLING");
    assert!(fault(&mut desk, 15_000, FaultClass::Malformed)[0].starts_with("cannot look: "));
}

#[test]
fn a_baseline_that_cannot_be_read_for_five_minutes_is_not_waited_for() {
    let mut desk = Desk::of(1, "RUNNING");
    desk.tick(0);
    fault(&mut desk, 300_000, FaultClass::Server);
    assert_eq!(desk.verdict(0), None);
    fault(&mut desk, 300_001, FaultClass::Server);
    assert_eq!((desk.verdict(0), desk.machine.halted()), (Some(Verdict::NotStarted), None));

    let mut desk = Desk::of(1, "RUNNING");
    desk.target(0).stage =
        Stage::Stopping(Asked { since: at(0).steady, times: 1, again: at(60_000).steady, taken: false });
    fault(&mut desk, 300_000, FaultClass::Server);
    assert_eq!(desk.verdict(0), None);
    fault(&mut desk, 300_001, FaultClass::Server);
    assert_eq!(desk.verdict(0), Some(Verdict::NotStarted));
}

#[test]
fn refused_credentials_halt_the_run_before_an_order_and_end_the_watching_unverified_after_five_minutes() {
    for class in [FaultClass::Denied, FaultClass::SignedOut] {
        let mut desk = Desk::of(2, "RUNNING");
        desk.tick(0);
        fault(&mut desk, 1_000, class.clone());
        assert_eq!((desk.verdict(0), desk.verdict(1)), (Some(Verdict::NotStarted), Some(Verdict::NotStarted)));
        assert!(desk.machine.halted().is_some_and(|reason| reason.contains("refuses the credentials")));

        let mut desk = Desk::accepted(1, "RUNNING");
        fault(&mut desk, 1_000, class.clone());
        fault(&mut desk, 300_999, class.clone());
        assert_eq!((desk.verdict(0), desk.machine.halted()), (None, None));
        fault(&mut desk, 301_000, class);
        assert_eq!((desk.verdict(0), desk.machine.halted()), (Some(Verdict::Unverified), None));
    }
}

#[test]
fn absent_for_two_minutes_is_vanished_and_a_moment_is_not() {
    let gone: Box<dyn Fn(Duration) -> Seen> =
        Box::new(|since| if since < secs(10) { seen("INSTALLING") } else { Seen::Absent });
    let mut rig = Rig::one("RUNNING", gone, vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Vanished]);
    assert!(rig.elapsed() >= secs(120));
    let back: Box<dyn Fn(Duration) -> Seen> = Box::new(|since| match since.as_secs() {
        0..10 => seen("INSTALLING"),
        10..100 => Seen::Absent,
        _ => seen("RUNNING"),
    });
    assert_eq!(Rig::one("RUNNING", back, vec![accepted()]).run(), [Verdict::Succeeded]);
}

#[test]
fn many_absent_at_once_is_no_verdict_on_any() {
    let scripts = (0..5)
        .map(|_| {
            let looks: Box<dyn Fn(Duration) -> Seen> = Box::new(|since| match since.as_secs() {
                0..10 => seen("INSTALLING"),
                10..700 => Seen::Absent,
                _ => seen("RUNNING"),
            });
            Script { before: "RUNNING", looks, answers: vec![accepted()] }
        })
        .collect();
    assert_eq!(rig(policy(), None, scripts).run(), [Verdict::Succeeded; 5]);
}
