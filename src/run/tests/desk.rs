//! The machine one step at a time: servers are put where a test wants them, and every second counts.

use super::super::machine::{Action, Input, Machine, Power};
use super::super::policy::Policy;
use super::super::target::{Stage, Target};
use super::{Script, observed, policy, rig};
use crate::clock::Now;
use crate::model::{Observation, Prepared, Seen, Verdict, What};
use chrono::DateTime;
use std::sync::Arc;
use std::time::Duration;

/// So many milliseconds after the start.
pub(super) fn at(ms: u64) -> Now {
    let since = Duration::from_millis(ms);
    let steady = Duration::from_secs(1000) + since;
    Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap() + since, boot: steady, steady }
}

pub(super) struct Desk {
    pub(super) machine: Machine,
}

impl Desk {
    /// So many planned servers with the baseline `before`, of one lane.
    pub(super) fn of(count: usize, before: &'static str) -> Self {
        Self::under(policy(), count, before)
    }

    pub(super) fn under(policy: Policy, count: usize, before: &'static str) -> Self {
        let script = || Script { before, looks: Box::new(|_| Seen::Absent), answers: Vec::new() };
        Self { machine: rig(policy, None, (0..count).map(|_| script()).collect()).machine }
    }

    /// The same with every order sent, and accepted, at the start.
    pub(super) fn accepted(count: usize, before: &'static str) -> Self {
        let mut desk = Self::of(count, before);
        (0..count).for_each(|index| desk.order(index, before, true));
        desk
    }

    /// The same with orders that may have been taken.
    pub(super) fn doubtful(count: usize, before: &'static str) -> Self {
        let mut desk = Self::of(count, before);
        (0..count).for_each(|index| desk.order(index, before, false));
        desk
    }

    fn order(&mut self, index: usize, before: &str, accepted: bool) {
        let target = self.target(index);
        target.baseline = Some(observed(before));
        target.baseline_twice = true;
        target.permits = 1;
        target.accepted = accepted;
        target.maybe = !accepted;
        target.ordered_at = Some(at(0).wall);
        target.ordered_steady = Some(at(0).steady);
        target.next_look = at(0).steady;
        target.stage = Stage::Watching;
    }

    pub(super) fn target(&mut self, index: usize) -> &mut Target {
        &mut self.machine.targets[index]
    }

    pub(super) fn prepared(&mut self, index: usize) -> &mut Prepared {
        Arc::make_mut(&mut self.machine.targets[index].prepared)
    }

    pub(super) fn step(&mut self, ms: u64, input: Input) -> Vec<Action> {
        self.machine.step(at(ms), input)
    }

    pub(super) fn tick(&mut self, ms: u64) -> Vec<Action> {
        self.step(ms, Input::Tick)
    }

    /// A look at the first server shows this status.
    pub(super) fn look(&mut self, ms: u64, status: &str) -> Vec<Action> {
        self.here(ms, observed(status))
    }

    pub(super) fn here(&mut self, ms: u64, seen: Observation) -> Vec<Action> {
        self.step(ms, Input::Looked(vec![(0, Seen::Here(seen))]))
    }

    /// Milliseconds after the start when the server is looked at next.
    pub(super) fn next(&self, index: usize) -> u128 {
        (self.machine.targets[index].next_look - at(0).steady).as_millis()
    }

    pub(super) fn verdict(&self, index: usize) -> Option<Verdict> {
        self.machine.targets[index].verdict
    }

    /// Kind and words of what ended the server.
    pub(super) fn error(&self, index: usize) -> (String, String) {
        let error = self.machine.targets[index].error.clone().unwrap();
        (error.kind, error.message)
    }
}

/// The power calls among the actions.
pub(super) fn powers(actions: &[Action]) -> Vec<Power> {
    let power = |action: &Action| match action {
        Action::Power { power, .. } => Some(*power),
        _ => None,
    };
    actions.iter().filter_map(power).collect()
}

/// The servers of each order among the actions.
pub(super) fn sends(actions: &[Action]) -> Vec<Vec<usize>> {
    let send = |action: &Action| match action {
        Action::Send { targets, .. } => Some(targets.clone()),
        _ => None,
    };
    actions.iter().filter_map(send).collect()
}

/// The servers of each read among the actions.
pub(super) fn looks(actions: &[Action]) -> Vec<Vec<usize>> {
    let look = |action: &Action| match action {
        Action::Look { targets, .. } => Some(targets.clone()),
        _ => None,
    };
    actions.iter().filter_map(look).collect()
}

/// The words of the records among the actions.
pub(super) fn records(actions: &[Action]) -> Vec<&str> {
    let record = |action: &'_ Action| match action {
        Action::Record(_, what) => Some(what.word().to_owned()),
        _ => None,
    };
    let words = actions.iter().filter_map(record);
    words.filter_map(|word| What::WORDS.into_iter().find(|known| *known == word)).collect()
}

/// The messages of the notices among the actions.
pub(super) fn notices(actions: &[Action]) -> Vec<String> {
    let notice = |action: &Action| match action {
        Action::Record(_, What::Notice { message }) => Some(message.clone()),
        _ => None,
    };
    actions.iter().filter_map(notice).collect()
}
