//! The call before the order: no order follows on a doubtful one, it may come again, and what it left behind is told.

use super::super::machine::{Action, Input};
use super::super::policy::Policy;
use super::super::target::Stage;
use super::desk::{Desk, at, records, sends};
use super::{Rig, accepted, error, life, observed, policy, secs, unsent};
use crate::client::Outcome;
use crate::flaw::{self, Flaw};
use crate::model::{FaultClass, Observation, Verdict, What};
use std::time::Duration;

type Ended = (Result<(), Outcome>, Duration);

const NEW: &str = "img-new";

fn quick(outcome: Outcome) -> Ended {
    (Err(outcome), Duration::ZERO)
}

/// A server whose record must be changed first, and what those calls come to.
fn first(calls: Vec<Ended>, answers: Vec<Outcome>) -> Rig {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), answers);
    std::sync::Arc::make_mut(&mut rig.machine.targets[0].prepared).body = "arrange first".into();
    rig.arrangements = calls.into();
    rig
}

/// How many calls before the order left.
fn calls(rig: &Rig) -> usize {
    rig.records.iter().filter(|(_, what)| what.word() == "arranging").count()
}

fn words(rig: &Rig) -> Vec<&str> {
    let ours = ["arranging", "arranged", "not_arranged", "order_intent", "order_unsent", "order_rejected"];
    rig.records.iter().map(|(_, what)| what.word()).filter(|word| ours.contains(word)).collect()
}

#[test]
fn an_order_follows_a_call_that_was_carried_out_and_its_record() {
    let mut rig = first(Vec::new(), vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(words(&rig), ["arranging", "arranged", "order_intent"]);
    assert_eq!((calls(&rig), rig.sends[0].len()), (1, 1));
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![accepted()]);
    assert_eq!((rig.run(), calls(&rig)), (vec![Verdict::Succeeded], 0), "most products need no such call");
}

#[test]
fn a_doubtful_call_is_followed_by_a_look_and_another_call() {
    for class in [FaultClass::Broken, FaultClass::Server, FaultClass::Malformed, FaultClass::Throttled(None)] {
        let mut rig = first(vec![quick(unsent(class.clone())), quick(unsent(class.clone()))], vec![accepted()]);
        assert_eq!(rig.run(), [Verdict::Succeeded], "{class:?}");
        assert_eq!((calls(&rig), rig.sends[0].len()), (3, 1), "{class:?}");
        let each = ["arranging", "not_arranged", "arranging", "not_arranged", "arranging", "arranged", "order_intent"];
        assert_eq!(words(&rig), each, "{class:?}");
    }
    let mut rig = first((0..9).map(|_| quick(unsent(FaultClass::Broken))).collect(), vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::NotStarted]);
    assert_eq!((calls(&rig), rig.sends[0].len()), (3, 0), "three tries, and no order");
}

#[test]
fn an_order_that_leaves_although_the_call_before_it_failed_is_noticed() {
    flaw::plant(Some(Flaw::OrderUnarranged));
    let mut rig = first(vec![quick(unsent(FaultClass::Broken))], vec![accepted()]);
    rig.run();
    flaw::plant(None);
    assert_eq!((calls(&rig), rig.sends[0].len()), (1, 1), "the flaw orders on one doubtful call");
    let mut rig = first(vec![quick(unsent(FaultClass::Broken))], vec![accepted()]);
    rig.run();
    assert_eq!((calls(&rig), rig.sends[0].len()), (2, 1), "and the program does not");
}

#[test]
fn a_refused_call_is_the_end_and_left_no_record_changed() {
    let no = Outcome::Rejected { class: FaultClass::Locked, error: error("locked") };
    let mut rig = first(vec![quick(no)], vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Rejected]);
    assert_eq!((words(&rig), rig.sends[0].len()), (vec!["arranging", "not_arranged"], 0));
    let told = rig.machine.targets()[0].error.clone().unwrap();
    assert!(!told.next_step.contains("its record"), "{told:?}");
}

#[test]
fn credentials_that_are_refused_end_the_ordering_and_a_renewed_login_tries_once_more() {
    let mut rig = first(vec![quick(unsent(FaultClass::Denied))], vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Rejected]);
    assert!(rig.machine.halted().is_some());
    let renewed = Outcome::Unsent { class: FaultClass::SignedOut, error: error("signed_out"), renewed: true };
    let mut rig = first(vec![quick(renewed)], vec![accepted()]);
    assert_eq!((rig.run(), calls(&rig)), (vec![Verdict::Succeeded], 2));
}

#[test]
fn a_refused_order_tells_that_the_record_stays_changed() {
    let no = Outcome::Rejected { class: FaultClass::Busy, error: error("busy") };
    let mut rig = first(Vec::new(), vec![no]);
    std::sync::Arc::make_mut(&mut rig.machine.targets[0].prepared).image = Some((NEW.to_owned(), None));
    assert_eq!(rig.run(), [Verdict::Rejected]);
    let told = rig.machine.targets()[0].error.clone().unwrap();
    assert!(
        told.next_step
            .ends_with("its record names img-new now, and a reinstall without `--image` installs what it names")
    );
    let verdict = rig.records.iter().rev().find_map(|(_, what)| match what {
        What::Verdict { error, .. } => error.clone(),
        _ => None,
    });
    assert_eq!(verdict, Some(told), "the journal has it too");
    let mut rig = first((0..3).map(|_| quick(unsent(FaultClass::Broken))).collect(), vec![accepted()]);
    std::sync::Arc::make_mut(&mut rig.machine.targets[0].prepared).image = Some((NEW.to_owned(), None));
    rig.run();
    assert!(rig.machine.targets()[0].error.clone().unwrap().next_step.contains("its record may name img-new now"));
}

#[test]
fn after_an_unsent_order_the_call_comes_again_before_the_next_permit() {
    let mut rig = first(Vec::new(), vec![unsent(FaultClass::Unreachable), accepted()]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    let both = ["arranging", "arranged", "order_intent", "order_unsent", "arranging", "arranged", "order_intent"];
    assert_eq!(words(&rig), both);
}

#[test]
fn a_call_that_outlives_its_baseline_is_followed_by_a_look_and_no_order() {
    let slow = || (Ok(()), secs(31));
    let mut rig = first(vec![slow()], vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(words(&rig), ["arranging", "arranged", "arranging", "arranged", "order_intent"]);
    let mut rig = first((0..9).map(|_| slow()).collect(), vec![accepted()]);
    assert_eq!((rig.run(), calls(&rig), rig.sends[0].len()), (vec![Verdict::NotStarted], 3, 0));
}

/// A server that is ready, with an old image on its record, and the new one planned.
fn ready() -> Desk {
    let mut desk = Desk::under(Policy { max_failures: 3, ..policy() }, 1, "RUNNING");
    let named = |image: &str| Observation { image: Some(image.to_owned()), ..observed("RUNNING") };
    desk.prepared(0).body = "arrange first".into();
    desk.prepared(0).image = Some((NEW.to_owned(), None));
    desk.prepared(0).record.seen = named("img-old");
    desk.target(0).baseline = Some(named("img-old"));
    desk.target(0).baseline_at = at(0).boot;
    desk.target(0).stage = Stage::Ready;
    desk
}

fn ended(desk: &mut Desk, ms: u64, result: Result<(), Outcome>) -> Vec<Action> {
    desk.step(ms, Input::Arranged { target: 0, result })
}

#[test]
fn the_image_that_this_run_put_on_the_record_is_no_change_by_somebody_else() {
    let named = |image: &str| Observation { image: Some(image.to_owned()), ..observed("RUNNING") };
    for (image, verdict) in [("img-old", None), (NEW, None), ("img-other", Some(Verdict::Skipped))] {
        let mut desk = ready();
        desk.tick(0);
        ended(&mut desk, 100, Err(unsent(FaultClass::Broken)));
        assert!(matches!(desk.target(0).stage, Stage::Pausing { .. }));
        desk.tick(20_000);
        desk.here(20_100, named(image));
        desk.here(26_000, named(image));
        assert_eq!(desk.verdict(0), verdict, "{image}");
    }
    let mut desk = ready();
    desk.target(0).stage = Stage::Checking { since: at(0).steady };
    desk.here(100, named(NEW));
    assert_eq!(desk.verdict(0), Some(Verdict::Skipped), "before any call of ours it was somebody else");
}

#[test]
fn the_new_name_on_the_record_is_no_sign_of_a_start() {
    let mut desk = ready();
    desk.tick(0);
    let actions = ended(&mut desk, 100, Ok(()));
    assert_eq!(sends(&actions), [[0]]);
    assert_eq!(desk.target(0).baseline.as_ref().and_then(|seen| seen.image.as_deref()), Some(NEW));
}

#[test]
fn an_answer_that_comes_after_a_halt_or_a_signal_orders_nothing() {
    let mut desk = ready();
    desk.tick(0);
    desk.step(50, Input::JournalLost);
    assert_eq!(desk.verdict(0), None, "its call is on the wire");
    assert!(sends(&ended(&mut desk, 100, Ok(()))).is_empty());
    assert_eq!(desk.verdict(0), Some(Verdict::NotStarted));
    let mut desk = ready();
    desk.tick(0);
    desk.step(50, Input::Signal("SIGTERM"));
    assert!(!desk.machine.done(), "the answer is still to be taken");
    let actions = ended(&mut desk, 100, Ok(()));
    assert_eq!((sends(&actions).len(), records(&actions)), (0, vec!["arranged"]));
    assert!(desk.machine.done());
}

#[test]
fn nothing_but_a_clear_yes_to_the_call_lets_the_order_follow() {
    for outcome in [Outcome::Maybe(error("odd")), Outcome::NotSuccessful(error("odd")), accepted()] {
        let mut desk = ready();
        desk.tick(0);
        let actions = ended(&mut desk, 100, Err(outcome.clone()));
        assert_eq!(records(&actions), ["not_arranged"], "{outcome:?}");
        assert!(matches!(desk.target(0).stage, Stage::Pausing { .. }), "{outcome:?}");
    }
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut desk = ready();
    assert!(records(&ended(&mut desk, 0, Ok(()))).iter().all(|word| *word == "arranging"));
    ended(&mut desk, 100, Ok(()));
    let actions = ended(&mut desk, 200, Err(unsent(FaultClass::Broken)));
    assert!(records(&actions).is_empty() && matches!(desk.target(0).stage, Stage::Sending { .. }));
}

#[test]
fn a_redirected_call_ends_the_ordering() {
    for class in [FaultClass::Redirected, FaultClass::Untrusted] {
        let mut rig = first(vec![quick(unsent(class.clone()))], vec![accepted()]);
        assert_eq!((rig.run(), calls(&rig)), (vec![Verdict::NotStarted], 1), "{class:?}");
        assert!(rig.machine.halted().is_some(), "{class:?}");
    }
}
