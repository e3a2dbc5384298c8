//! When what is read, how long nothing is due, and what a sleep means.

use super::super::machine::Input;
use super::desk::{Desk, at, looks};
use super::{observed, policy, secs};
use std::time::Duration;

#[test]
fn one_read_takes_as_many_servers_as_the_product_allows() {
    let mut desk = Desk::accepted(5, "RUNNING");
    desk.machine.lanes[0].observe_batch = 2;
    assert_eq!(looks(&desk.tick(0)), [vec![0, 1], vec![2, 3], vec![4]]);
    assert!(looks(&desk.tick(0)).is_empty(), "they are under way");
    let mut desk = Desk::accepted(3, "RUNNING");
    desk.machine.lanes[0].observe_batch = 0;
    assert_eq!(looks(&desk.tick(0)).len(), 3);
}

#[test]
fn whoever_is_due_within_a_quarter_of_the_gap_comes_along_unless_it_confirms_an_end() {
    let mut desk = Desk::accepted(4, "RUNNING");
    for (index, due) in [(0, 10_000), (1, 11_250), (2, 11_251), (3, 11_000)] {
        desk.target(index).next_look = at(due).steady;
    }
    desk.target(3).last = Some(observed("RUNNING"));
    assert!(looks(&desk.tick(9_999)).is_empty());
    assert_eq!(looks(&desk.tick(10_000)), [[0, 1]]);
    assert_eq!(looks(&desk.tick(11_000)), [[2, 3]], "whoever was left out has its own time");
    let mut desk = Desk::accepted(2, "RUNNING");
    desk.target(1).lane = 1;
    let second = super::rig(policy(), None, Vec::new()).machine.lanes.remove(0);
    desk.machine.lanes.push(second);
    desk.machine.health.push(Default::default());
    assert_eq!(looks(&desk.tick(0)), [[0], [1]], "each product for itself");
}

#[test]
fn idle_is_until_the_next_look_or_the_deadline() {
    let mut desk = Desk::accepted(2, "RUNNING");
    desk.target(0).next_look = at(30_000).steady;
    desk.target(1).next_look = at(20_000).steady;
    assert_eq!(desk.machine.idle(at(5_000)), Some(secs(15)));
    desk.target(1).looking = true;
    assert_eq!(desk.machine.idle(at(5_000)), Some(secs(25)), "an answer that is awaited is no date");
    assert_eq!(desk.machine.idle(at(40_000)), Some(Duration::ZERO));
    desk.target(0).next_look = at(5_000_000).steady;
    assert_eq!(desk.machine.idle(at(1_799_000)), Some(secs(1)), "the deadline comes first");
    assert_eq!(desk.machine.idle(at(1_801_000)), Some(secs(3199)), "once it has passed, the look counts");
    desk.target(0).looking = true;
    assert_eq!(desk.machine.idle(at(5_000)), None);
}

#[test]
fn more_than_five_seconds_of_sleep_bring_a_look_at_everything() {
    let asleep = |wall: u64, boot: u64| {
        let mut desk = Desk::accepted(1, "RUNNING");
        desk.target(0).next_look = at(90_000).steady;
        desk.target(0).last_looks = 2;
        desk.tick(1_000);
        let mut now = at(11_000);
        now.wall += Duration::from_millis(wall);
        now.boot += Duration::from_millis(boot);
        let woke = !looks(&desk.machine.step(now, Input::Tick)).is_empty();
        assert_eq!(desk.target(0).last_looks, if woke { 0 } else { 2 });
        woke
    };
    assert!(!asleep(0, 0) && !asleep(5_000, 0) && !asleep(0, 5_000));
    assert!(asleep(5_001, 0) && asleep(0, 5_001) && asleep(9_000, 9_000));
}
