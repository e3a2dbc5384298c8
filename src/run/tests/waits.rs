//! Stops before an order, starts after it, and what an order may rest on.

use super::*;
use crate::run::target::Stage;

/// A server that must be powered off before its order, and one look later is.
fn stop_first() -> Rig {
    let mut rig = Rig::one("RUNNING", life("STOPPED", "RUNNING"), vec![accepted()]);
    rig.machine.lanes[0].admit = Box::new(|seen| match seen.phase {
        Phase::Running => Admission::StopFirst,
        _ => Admission::Go,
    });
    let mut prepared = (*rig.machine.targets[0].prepared).clone();
    prepared.power = PowerPlan::StopFirst;
    rig.machine.targets[0] = Target::planned(0, Arc::new(prepared), 0);
    rig
}

impl Rig {
    fn calls(&self, wanted: Power) -> usize {
        self.powers.iter().filter(|(_, power)| *power == wanted).count()
    }
}

#[test]
fn a_stop_whose_answer_was_lost_is_asked_again_within_seconds() {
    let lost = [FaultClass::Server, FaultClass::Broken, FaultClass::Malformed, FaultClass::Unreachable];
    for class in lost.into_iter().chain([FaultClass::Throttled(None), FaultClass::ClockSkew]) {
        let mut rig = stop_first();
        rig.power_faults = vec![class.clone()];
        rig.until(secs(20));
        assert_eq!(rig.calls(Power::Off), 2, "{class:?}");
        rig.first_send[0].expect("an order after the second stop");
    }
}

#[test]
fn a_stop_that_was_taken_has_a_minute_and_one_on_its_way_is_not_hurried() {
    let mut rig = stop_first();
    rig.power_faults = vec![FaultClass::Busy];
    rig.until(secs(55));
    assert_eq!(rig.calls(Power::Off), 1);
    rig.until(secs(90));
    assert_eq!(rig.calls(Power::Off), 2);
}

#[test]
fn a_stop_is_asked_for_three_times_and_no_order_follows_a_refusal() {
    for class in [FaultClass::Unreachable, FaultClass::Throttled(None)] {
        let mut rig = stop_first();
        rig.power_faults = vec![class; 9];
        assert_eq!(rig.run(), [Verdict::Skipped]);
        assert_eq!((rig.calls(Power::Off), rig.sends[0].len()), (3, 0));
    }
    for class in [FaultClass::Denied, FaultClass::Untrusted, FaultClass::Redirected] {
        let mut rig = stop_first();
        rig.power_faults = vec![class.clone(), FaultClass::Broken];
        assert_eq!(rig.run(), [Verdict::Skipped]);
        let message = rig.machine.targets()[0].error.as_ref().expect("why").message.clone();
        assert!(message.contains("an earlier stop may have powered it off"), "{message}");
        let mut rig = stop_first();
        rig.power_faults = vec![class];
        assert_eq!(rig.run(), [Verdict::Skipped]);
        assert_eq!((rig.calls(Power::Off), rig.sends[0].len()), (1, 0));
        assert!(rig.machine.halted().is_some(), "nothing else is sent there");
    }
}

#[test]
fn a_server_that_stays_off_for_ten_minutes_after_a_halt_is_said_to_be_left_off() {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "STOPPED"), vec![accepted()]);
    rig.power_faults = vec![FaultClass::Server; 9];
    while rig.powers.is_empty() {
        let idle = rig.machine.idle(rig.now).unwrap_or_default();
        rig.advance(idle.max(Duration::from_millis(1)));
        rig.step(Input::Tick);
    }
    rig.step(Input::OutputLost);
    let asked = rig.elapsed();
    assert_eq!(rig.run(), [Verdict::Failed]);
    assert_eq!(rig.machine.targets()[0].error.as_ref().expect("why").kind, "left_off");
    let after = rig.elapsed() - asked;
    assert!((secs(600)..secs(700)).contains(&after), "after {after:?}: reads may lag, and the deadline is far");
    assert_eq!(rig.powers.len(), 1, "no call after the halt");
}

#[test]
fn a_look_that_comes_back_after_a_signal_begins_nothing() {
    let mut rig = stop_first();
    let asked = rig.machine.step(rig.now, Input::Tick);
    assert!(matches!(asked.as_slice(), [Action::Look { .. }]), "{asked:?}");
    rig.machine.step(rig.now, Input::Signal("SIGINT"));
    let begun = rig.machine.step(rig.now, Input::Looked(vec![(0, seen("RUNNING"))]));
    assert!(begun.is_empty(), "{begun:?}");
}

#[test]
fn an_endpoint_that_cannot_be_trusted_ends_the_run_before_its_first_order() {
    for class in [FaultClass::Untrusted, FaultClass::Redirected] {
        let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![accepted()]);
        let kind = class.clone();
        rig.weather = Box::new(move |_| Some(fault(kind.clone())));
        assert_eq!(rig.run(), [Verdict::NotStarted]);
        assert!(rig.machine.halted().is_some() && rig.elapsed() < secs(1), "{class:?}");
    }
}

/// The first order's answer is lost and shows its start after ten minutes. Meanwhile someone else reinstalls the second.
#[test]
fn a_server_that_had_to_wait_is_looked_at_again_before_its_order() {
    let first = Script {
        before: "RUNNING",
        looks: Box::new(|since| if since < secs(600) { seen("RUNNING") } else { seen("INSTALLING") }),
        answers: vec![Outcome::Maybe(error("lost"))],
    };
    let second = Script { before: "RUNNING", looks: life("RUNNING", "RUNNING"), answers: vec![accepted()] };
    let mut rig = rig(Policy { concurrency: 2, ..policy() }, None, vec![first, second]);
    // Its state is not the planned one at first, so that its baseline takes a moment longer.
    rig.machine.targets[1].last = Some(observed("STARTING"));
    rig.until(secs(300));
    assert!(rig.sends[1].is_empty(), "the first one's doubt holds it back");
    let looks = rig.machine.targets()[1].baseline_at;
    assert!(rig.now.boot - looks <= secs(60), "it is looked at again and again");
    rig.scripts[1].before = "INSTALLING";
    rig.until(secs(640));
    assert_eq!(rig.machine.targets()[1].verdict, Some(Verdict::Skipped));
    assert!(rig.sends[1].is_empty());
    // The very step that ends the doubt finds a baseline of before: that one does not count either.
    let mut ready = super::rig(
        policy(),
        None,
        vec![Script { before: "RUNNING", looks: life("RUNNING", "RUNNING"), answers: vec![accepted()] }],
    );
    ready.machine.targets[0].stage = Stage::Ready;
    ready.machine.targets[0].baseline_at = ready.now.boot - secs(31);
    let actions = ready.machine.step(ready.now, Input::Tick);
    assert!(matches!(actions.as_slice(), [Action::Look { .. }]), "{actions:?}");
}
