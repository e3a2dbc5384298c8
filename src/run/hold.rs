//! No new orders at one product for now: its answers cannot be read or trusted, or many of its servers are missing.
//!
//! Watching goes on, and what it sees lifts the hold. What still waits after five minutes ends as not started.

use super::machine::{Action, Machine};
use super::policy::{BASELINE_LIMIT, POOR_LOOKS};
use super::target::Stage;
use crate::clock::Now;
use crate::model::{ApiError, FaultClass, Seen, Verdict, What};
use std::time::Duration;

/// What lifts a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// A look that can be read.
    Readable,
    /// A look that finds the missing servers again.
    Found,
}

/// How one product's answers were of late, and whether that forbids new orders.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Looks in a row that could not be read or trusted.
    poor: u32,
    /// Since when every look finds nobody there (steady time).
    unreachable_since: Option<Duration>,
    /// Since when every look is refused for its credentials (steady time).
    refused_since: Option<Duration>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    since: Duration,
    until: Until,
    reason: String,
}

impl Machine {
    /// Whether no order and no power call may leave for this lane now.
    pub(super) fn on_hold(&self, lane: usize) -> bool {
        self.health[lane].held.is_some()
    }

    /// Takes what one look, over all servers of its request, says of the lane.
    pub(super) fn judge_look(&mut self, now: Now, lane: usize, results: &[(usize, Seen)]) {
        let fault = results.iter().find_map(|(_, seen)| match seen {
            Seen::Fault(fault) => Some(fault.clone()),
            _ => None,
        });
        let health = &mut self.health[lane];
        let Some(fault) = fault.filter(|_| results.iter().all(|(_, seen)| matches!(seen, Seen::Fault(_)))) else {
            (health.poor, health.unreachable_since, health.refused_since) = (0, None, None);
            return self.lift(lane, Until::Readable);
        };
        match fault.class {
            FaultClass::Untrusted | FaultClass::Malformed | FaultClass::Redirected => {
                health.poor += 1;
                if health.poor >= POOR_LOOKS {
                    self.hold(now, lane, Until::Readable, format!("its answers cannot be used: {}", fault.error));
                }
            }
            FaultClass::Denied | FaultClass::SignedOut => {
                let since = *health.refused_since.get_or_insert(now.steady);
                self.hold(now, lane, Until::Readable, format!("it refuses the credentials: {}", fault.error));
                if now.steady.saturating_sub(since) >= BASELINE_LIMIT {
                    self.out_of_sight(now, lane, &fault.error);
                }
            }
            FaultClass::Unreachable => {
                let since = *health.unreachable_since.get_or_insert(now.steady);
                if now.steady.saturating_sub(since) >= BASELINE_LIMIT {
                    self.hold(now, lane, Until::Readable, format!("nobody answers: {}", fault.error));
                }
            }
            _ => {}
        }
    }

    /// Holds the lane. What was ready for its order looks again first.
    pub(super) fn hold(&mut self, now: Now, lane: usize, until: Until, reason: String) {
        if self.on_hold(lane) {
            return;
        }
        let message = format!("{}: no new orders for now: {reason}", self.lanes[lane].product);
        self.actions.push(Action::Record(None, What::Notice { message }));
        self.health[lane].held = Some(Held { since: now.steady, until, reason });
        for target in self.targets.iter_mut().filter(|target| target.lane == lane && target.stage == Stage::Ready) {
            let stage = if target.ordered() { Stage::Watching } else { Stage::Checking { since: now.steady } };
            target.begin_count();
            target.stage = stage;
            target.next_look = now.steady;
        }
    }

    /// Lifts the hold, if this is what it waits for.
    pub(super) fn lift(&mut self, lane: usize, seen: Until) {
        if self.health[lane].held.take_if(|held| held.until == seen).is_some() {
            let message = format!("{}: new orders may go on", self.lanes[lane].product);
            self.actions.push(Action::Record(None, What::Notice { message }));
        }
    }

    /// Ends what has waited too long for a hold to be lifted.
    pub(super) fn end_long_holds(&mut self, now: Now) {
        for lane in 0..self.lanes.len() {
            let Some(held) = &self.health[lane].held else { continue };
            if now.steady.saturating_sub(held.since) < BASELINE_LIMIT {
                continue;
            }
            let reason = format!("for {} minutes {}", BASELINE_LIMIT.as_secs() / 60, held.reason);
            for index in 0..self.targets.len() {
                if self.targets[index].lane == lane {
                    self.give_up_waiting(now, index, &reason);
                }
            }
        }
    }

    /// Nothing can be seen any more with these credentials: what is under way is not known, and no more is asked.
    fn out_of_sight(&mut self, now: Now, lane: usize, error: &ApiError) {
        for index in 0..self.targets.len() {
            let target = &self.targets[index];
            let watched = matches!(target.stage, Stage::Watching | Stage::Starting(_));
            if target.lane == lane && watched {
                let error = ApiError { message: format!("it cannot be watched: {}", error.message), ..error.clone() }
                    .advise("renew the credentials, then go on with `reinstall resume`");
                self.finish(now, index, Verdict::Unverified, Some(error));
            }
        }
    }
}
