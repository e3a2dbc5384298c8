//! Orders in doubt and orders of others: what is given up when, and what is tried once more.

use super::super::policy::Policy;
use super::super::target::Stage;
use super::desk::{Desk, sends};
use super::{error, observed, policy, secs};
use crate::model::{ApiError, Observation, Verdict};

#[test]
fn an_order_in_doubt_is_given_up_after_the_start_window_if_nothing_changed() {
    let mut desk = Desk::doubtful(1, "RUNNING");
    desk.target(0).error = Some(ApiError { code: Some("X.1".to_owned()), ..error("reset") });
    desk.target(0).request_ids = vec!["r-1".to_owned(), "r-2".to_owned()];
    desk.look(899_999, "RUNNING");
    assert_eq!(desk.verdict(0), None);
    desk.look(900_000, "RUNNING");
    assert_eq!(desk.verdict(0), Some(Verdict::Unverified));
    let error = desk.target(0).error.clone().unwrap();
    assert_eq!((error.kind.as_str(), error.code.as_deref()), ("no_start_seen", Some("X.1")));
    assert_eq!(error.request_id.as_deref(), Some("r-2"), "the last request");
    assert!(error.message.contains("may have been taken") && error.message.contains("reset"), "{}", error.message);
}

#[test]
fn an_order_that_was_accepted_or_a_server_that_changed_is_watched_on() {
    let changed = [
        observed("WARPED"),
        Observation { image: Some("img-2".to_owned()), ..observed("RUNNING") },
        Observation { marks: [("launched".to_owned(), "2".to_owned())].into(), ..observed("RUNNING") },
    ];
    for seen in changed {
        let mut desk = Desk::doubtful(1, "RUNNING");
        desk.here(900_000, seen.clone());
        assert_eq!(desk.verdict(0), None, "{seen:?}");
    }
    let mut desk = Desk::accepted(1, "RUNNING");
    desk.look(900_000, "RUNNING");
    assert_eq!(desk.verdict(0), None);
}

#[test]
fn an_order_of_somebody_else_is_given_up_after_the_window_too() {
    let watch = |baseline: bool| {
        let mut desk = Desk::under(Policy { watch_only: true, ..policy() }, 1, "RUNNING");
        *desk.target(0) = Desk::accepted(1, "RUNNING").target(0).clone();
        if !baseline {
            desk.target(0).baseline = None;
        }
        desk.look(900_000, "RUNNING");
        desk.verdict(0)
    };
    assert_eq!(watch(false), Some(Verdict::Unverified));
    assert_eq!(watch(true), None, "an own order that was accepted is watched to its deadline");
    let mut own = Desk::accepted(1, "RUNNING");
    own.target(0).baseline = None;
    own.look(900_000, "RUNNING");
    assert_eq!(own.verdict(0), None);
}

/// An order in doubt at a provider with tokens.
fn door() -> Desk {
    let mut desk = Desk::doubtful(1, "STOPPED");
    desk.machine.lanes[0].token_door = Some(secs(600));
    desk.target(0).token = Some("t-1".to_owned());
    desk
}

#[test]
fn the_token_door_is_open_for_ten_minutes_and_three_permits() {
    let repeated = |change: &dyn Fn(&mut Desk), ms: u64, status: &str| {
        let mut desk = door();
        change(&mut desk);
        !sends(&desk.look(ms, status)).is_empty()
    };
    assert!(repeated(&|_| {}, 10_000, "STOPPED"));
    assert!(repeated(&|_| {}, 600_000, "STOPPED"));
    assert!(!repeated(&|_| {}, 600_001, "STOPPED"), "the token is too old");
    assert!(repeated(&|desk| desk.target(0).permits = 2, 10_000, "STOPPED"));
    for permits in [3, 4] {
        assert!(!repeated(&|desk| desk.target(0).permits = permits, 10_000, "STOPPED"), "{permits} permits");
    }
    assert!(!repeated(&|_| {}, 10_000, "WARPED"), "something has changed");
    assert!(!repeated(&|desk| desk.target(0).baseline = None, 10_000, "STOPPED"), "no baseline");
    assert!(!repeated(&|desk| desk.target(0).token = None, 10_000, "STOPPED"), "no token");
    assert!(!repeated(&|desk| desk.target(0).accepted = true, 10_000, "STOPPED"), "it was accepted");
    assert!(!repeated(&|desk| desk.target(0).maybe = false, 10_000, "STOPPED"), "there is no doubt");
    assert!(!repeated(&|desk| desk.machine.policy.watch_only = true, 10_000, "STOPPED"), "only watched");
    assert!(!repeated(&|desk| desk.machine.halted = Some("x".to_owned()), 10_000, "STOPPED"), "halted");
}

#[test]
fn a_halted_run_watches_an_order_in_doubt_on() {
    let mut desk = door();
    desk.machine.halted = Some("x".to_owned());
    desk.look(10_000, "STOPPED");
    assert_eq!((desk.target(0).stage.clone(), desk.verdict(0)), (Stage::Watching, None));
}
