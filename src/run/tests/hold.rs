//! New orders wait while a product's answers cannot be used, and nothing waits for ever.

use super::*;
use crate::run::machine::Machine;
use crate::run::target::Stage;

/// So many servers that are reinstalled one after another.
fn one_by_one(count: usize) -> Rig {
    let scripts =
        (0..count).map(|_| Script { before: "RUNNING", looks: life("RUNNING", "RUNNING"), answers: vec![accepted()] });
    rig(Policy { concurrency: 1, ..policy() }, None, scripts.collect())
}

/// As many, two at a time: while one is watched the next one may wait for its order.
fn two_at_a_time(count: usize) -> Rig {
    let mut rig = one_by_one(count);
    rig.machine.policy.concurrency = 2;
    rig
}

impl Rig {
    fn told(&self, text: &str) -> usize {
        let notices = self.records.iter().filter(|(_, what)| match what {
            What::Notice { message } => message.contains(text),
            _ => false,
        });
        notices.count()
    }

    fn ordered(&self) -> usize {
        self.sends.iter().filter(|sends| !sends.is_empty()).count()
    }
}

fn holds(machine: &Machine) -> bool {
    machine.on_hold(0)
}

#[test]
fn three_looks_that_cannot_be_used_hold_new_orders_and_a_good_one_lifts_that() {
    for class in [FaultClass::Malformed, FaultClass::Untrusted, FaultClass::Redirected, FaultClass::SignedOut] {
        let mut rig = one_by_one(2);
        let kind = class.clone();
        // The first server is under way; the second waits for its turn.
        rig.weather = Box::new(move |at| (20..200).contains(&at.as_secs()).then(|| fault(kind.clone())));
        rig.until(secs(150));
        assert!(holds(&rig.machine), "{class:?}");
        assert_eq!(rig.run(), [Verdict::Succeeded; 2], "{class:?}");
        assert_eq!((rig.told("no new orders for now"), rig.told("may go on")), (1, 1), "{class:?}");
    }
}

#[test]
fn two_bad_looks_between_good_ones_hold_nothing() {
    let mut rig = one_by_one(2);
    let looks = std::cell::Cell::new(0);
    rig.weather = Box::new(move |_| {
        looks.set(looks.get() + 1);
        (looks.get() % 3 != 0).then(|| fault(FaultClass::Malformed))
    });
    assert_eq!(rig.run(), [Verdict::Succeeded; 2]);
    assert_eq!(rig.told("no new orders"), 0);
}

#[test]
fn an_order_answered_by_a_page_lets_the_next_one_wait_for_a_look_that_is_read() {
    let mut rig = two_at_a_time(3);
    rig.page_for = Some(0);
    // The page stands before the interface for half a minute.
    rig.weather = Box::new(|at| (1..30).contains(&at.as_secs()).then(|| fault(FaultClass::Malformed)));
    rig.until(secs(25));
    assert!(holds(&rig.machine));
    assert_eq!(rig.ordered(), 2);
    assert_eq!(rig.run(), [Verdict::Succeeded; 3]);
}

#[test]
fn a_ready_server_looks_again_when_a_hold_comes_before_its_order() {
    let mut rig = one_by_one(2);
    rig.step(Input::Tick);
    rig.machine.targets[1].stage = Stage::Ready;
    rig.machine.hold(rig.now, 0, crate::run::hold::Until::Readable, "a page".to_owned());
    assert!(matches!(rig.machine.targets[1].stage, Stage::Checking { .. }));
    rig.machine.targets[1].maybe = true;
    rig.machine.targets[1].stage = Stage::Ready;
    rig.machine.lift(0, crate::run::hold::Until::Found);
    assert!(holds(&rig.machine), "only what it waits for lifts it");
    rig.step(Input::Tick);
    assert!(rig.sends[1].is_empty(), "not even a repeat leaves");
}

#[test]
fn what_waits_for_five_minutes_ends_as_not_started_and_what_is_under_way_is_watched() {
    for class in [FaultClass::Malformed, FaultClass::Unreachable] {
        let mut rig = one_by_one(3);
        let kind = class.clone();
        rig.weather = Box::new(move |at| (20..1500).contains(&at.as_secs()).then(|| fault(kind.clone())));
        let ended = rig.run();
        assert_eq!(ended, [Verdict::Succeeded, Verdict::NotStarted, Verdict::NotStarted], "{class:?}");
        let why = rig.machine.targets()[2].error.as_ref().expect("why").message.clone();
        assert!(why.contains("for 5 minutes"), "{why}");
        assert_eq!(rig.sends[1].len() + rig.sends[2].len(), 0);
    }
}

#[test]
fn many_missing_servers_hold_new_orders_until_they_are_found() {
    let mut rig = two_at_a_time(4);
    rig.machine.policy.max_failures = 4;
    rig.weather = Box::new(|at| (20..200).contains(&at.as_secs()).then_some(Seen::Absent));
    rig.until(secs(199));
    assert!(holds(&rig.machine));
    assert_eq!(rig.run(), [Verdict::Succeeded; 4]);
    assert_eq!((rig.told("are missing at once"), rig.told("may go on")), (1, 1));
}

#[test]
fn refused_credentials_end_the_watching_as_unverified_and_never_as_a_failure() {
    let mut rig = one_by_one(2);
    rig.weather = Box::new(|at| (at >= secs(20)).then(|| fault(FaultClass::Denied)));
    assert_eq!(rig.run(), [Verdict::Unverified, Verdict::NotStarted]);
    let error = rig.machine.targets()[0].error.clone().expect("why");
    assert!(error.message.contains("cannot be watched") && error.next_step.contains("resume"), "{error:?}");
    assert!(rig.elapsed() < secs(500), "it does not go on asking until the deadline");
}

#[test]
fn a_hold_of_one_product_leaves_the_others_alone() {
    let (mut one, two) = (one_by_one(2).machine, one_by_one(1).machine);
    one.lanes.extend(two.lanes);
    one.health.push(Default::default());
    one.targets[1].lane = 1;
    let now = one_by_one(1).now;
    one.hold(now, 0, crate::run::hold::Until::Readable, "a page".to_owned());
    for target in &mut one.targets {
        target.stage = Stage::Ready;
        target.baseline_at = now.boot;
    }
    let actions = one.step(now, Input::Tick);
    let sent: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Send { targets, .. } => Some(targets.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [vec![1]]);
}
