//! Powering servers off before their order and on after it.
//!
//! Asking again does no harm, so a request whose answer was lost is repeated once a look shows that nothing happened.

use super::machine::{Action, Machine, Power};
use super::policy::STOP_LIMIT;
use super::target::{Asked, Stage};
use super::watch::failure;
use crate::clock::Now;
use crate::model::{ApiError, FaultClass, Observation, Phase, Verdict, What};
use std::time::Duration;

/// Requests of one kind (stop, start) for one server.
const POWER_TRIES: u32 = 3;
/// How long a server may stay as it is after a request that was taken.
const PATIENCE: Duration = Duration::from_secs(60);

impl Machine {
    pub(super) fn begin_stop(&mut self, now: Now, index: usize) {
        self.targets[index].begin_count();
        let asked = Asked { since: now.steady, times: 0, again: now.steady, taken: false };
        self.targets[index].stage = Stage::Stopping(asked);
        self.stop(now, index);
    }

    fn stop(&mut self, now: Now, index: usize) {
        let mode = self.lanes[self.targets[index].lane].power_off;
        self.targets[index].stopped_by_us = true;
        self.actions.push(Action::Record(Some(index), What::PowerOff { mode }));
        self.ask(now, index, Power::Off);
    }

    fn start(&mut self, now: Now, index: usize) {
        self.actions.push(Action::Record(Some(index), What::PowerOn {}));
        self.ask(now, index, Power::On);
    }

    fn ask(&mut self, now: Now, index: usize, power: Power) {
        if let Stage::Stopping(asked) | Stage::Starting(asked) = &mut self.targets[index].stage {
            asked.times += 1;
            asked.again = now.steady + PATIENCE;
        }
        self.targets[index].next_look = now.steady + self.policy.power_pause(Duration::ZERO);
        self.actions.push(Action::Power { target: index, power, issued: now.boot });
    }

    pub(super) fn stopping(&mut self, now: Now, index: usize, asked: &Asked, seen: Observation) {
        let changed = self.targets[index].note(&seen, now.steady);
        if changed {
            self.actions.push(Action::Record(Some(index), What::Status { seen: seen.clone() }));
        }
        let elapsed = now.steady.saturating_sub(asked.since);
        let gap = self.policy.confirm_gap();
        let held = self.on_hold(self.targets[index].lane);
        let target = &mut self.targets[index];
        match seen.phase {
            // Its order must wait, and so must what is read for it.
            Phase::Stopped if held => target.next_look = now.steady + gap,
            Phase::Stopped if target.equal >= 2 && now.steady.saturating_sub(target.equal_since) >= gap => {
                let status = seen.status.clone();
                self.actions.push(Action::Record(Some(index), What::Stopped { status }));
                self.baseline(now, index, seen);
            }
            Phase::Stopped => target.next_look = target.equal_since + gap,
            Phase::Installing | Phase::Gone => {
                let error =
                    ApiError::local("busy", format!("it turned {} while it was being powered off", seen.status))
                        .advise("someone else works on it: look, then plan again");
                self.finish(now, index, Verdict::Skipped, Some(error));
            }
            Phase::Running if asked.times < POWER_TRIES && now.steady >= asked.again && !held => self.stop(now, index),
            _ if elapsed > STOP_LIMIT => self.stop_overdue(now, index),
            _ => target.next_look = now.steady + self.policy.power_pause(elapsed),
        }
    }

    fn stop_overdue(&mut self, now: Now, index: usize) {
        let minutes = STOP_LIMIT.as_secs() / 60;
        let error =
            ApiError::local("not_stopped", format!("it did not power off within {minutes} minutes; no order was sent"))
                .advise("power it off at the provider, or repeat with `--power-off hard`");
        self.finish(now, index, Verdict::Skipped, Some(error));
    }

    /// Reinstalled, but off.
    pub(super) fn ended_off(&mut self, now: Now, index: usize) {
        let lane = &self.lanes[self.targets[index].lane];
        if !lane.start_when_off || self.policy.watch_only {
            let message = "it ended powered off and was left so".to_owned();
            self.actions.push(Action::Record(Some(index), What::Notice { message }));
            return self.finish(now, index, Verdict::Succeeded, None);
        }
        if self.halted.is_some() {
            return self.left_off(now, index);
        }
        self.targets[index].begin_count();
        let asked = Asked { since: now.steady, times: 0, again: now.steady, taken: false };
        self.targets[index].stage = Stage::Starting(asked);
        self.start(now, index);
    }

    fn left_off(&mut self, now: Now, index: usize) {
        let reason = self.halted.as_deref().unwrap_or_default();
        let error = ApiError::local("left_off", format!("reinstalled, but off, and no call may follow: {reason}"))
            .advise("start it at the provider");
        self.finish(now, index, Verdict::Failed, Some(error));
    }

    pub(super) fn starting(&mut self, now: Now, index: usize, asked: &Asked, seen: Observation) {
        let changed = self.targets[index].note(&seen, now.steady);
        self.targets[index].reads += 1;
        if changed {
            self.actions.push(Action::Record(Some(index), What::Status { seen: seen.clone() }));
        }
        let elapsed = now.steady.saturating_sub(asked.since);
        let gap = self.policy.confirm_gap();
        let target = &mut self.targets[index];
        let settled = target.equal >= 2 && now.steady.saturating_sub(target.equal_since) >= gap;
        match seen.phase {
            Phase::Running if settled => self.finish(now, index, Verdict::Succeeded, None),
            Phase::Failed | Phase::Gone if settled => self.finish(now, index, Verdict::Failed, Some(failure(&seen))),
            Phase::Running | Phase::Failed | Phase::Gone => target.next_look = now.steady + gap,
            // What was asked for before the halt may still show late.
            Phase::Stopped if self.halted.is_some() && now.steady >= asked.again + STOP_LIMIT => {
                self.left_off(now, index)
            }
            Phase::Stopped if now.steady >= asked.again && asked.times < POWER_TRIES && self.halted.is_none() => {
                self.start(now, index);
            }
            _ => target.next_look = now.steady + self.policy.power_pause(elapsed),
        }
    }

    /// Takes the answer to a stop or start. Whatever it says, the next look decides; only a final refusal ends it.
    pub(super) fn powered(&mut self, now: Now, index: usize, power: Power, result: Result<(), (FaultClass, ApiError)>) {
        let gap = self.policy.confirm_gap();
        let target = &mut self.targets[index];
        let asked = match (&mut target.stage, power) {
            (Stage::Stopping(asked), Power::Off) | (Stage::Starting(asked), Power::On) => asked,
            _ => return,
        };
        let Err((class, error)) = result else {
            asked.taken = true;
            return;
        };
        let message = format!("power {}: {error}", if power == Power::Off { "off" } else { "on" });
        self.actions.push(Action::Record(Some(index), What::Notice { message }));
        let again = match class {
            // Something is under way: that is given its time.
            FaultClass::Busy => return,
            // It may have been carried out: the next looks tell.
            FaultClass::Broken | FaultClass::Server | FaultClass::Malformed => gap * 2,
            FaultClass::Redirected if power == Power::On => gap * 2,
            FaultClass::Throttled(Some(pause)) => pause.min(Duration::from_secs(600)),
            FaultClass::Unreachable | FaultClass::Throttled(None) | FaultClass::SignedOut | FaultClass::ClockSkew => {
                crate::client::backoff(asked.times + 1, 1.0)
            }
            _ => return self.power_refused(now, index, power, &class, error),
        };
        let certain = matches!(
            class,
            FaultClass::Unreachable | FaultClass::Throttled(_) | FaultClass::SignedOut | FaultClass::ClockSkew
        );
        if certain && asked.times >= POWER_TRIES {
            return self.power_refused(now, index, power, &class, error);
        }
        asked.again = now.steady + again;
        if certain {
            target.next_look = asked.again;
        } else {
            asked.taken = true;
        }
    }

    fn power_refused(&mut self, now: Now, index: usize, power: Power, class: &FaultClass, error: ApiError) {
        if power == Power::On {
            let gap = self.policy.confirm_gap();
            let target = &mut self.targets[index];
            if let Stage::Starting(asked) = &mut target.stage
                && asked.taken
            {
                // An earlier start may have been taken: no further one, and the looks decide.
                asked.times = POWER_TRIES;
                target.next_look = now.steady + gap;
                return;
            }
            return self.finish(now, index, Verdict::Failed, Some(error));
        }
        let halt = match class {
            FaultClass::Denied | FaultClass::SignedOut | FaultClass::ClockSkew => {
                Some("the provider refuses the credentials")
            }
            FaultClass::Untrusted => Some("the endpoint cannot be trusted"),
            FaultClass::Redirected => Some("the endpoint answers with a redirect"),
            _ => None,
        };
        let reason = halt.map(|why| format!("{why}: {}", error.message));
        let target = &mut self.targets[index];
        let earlier = matches!(&target.stage, Stage::Stopping(asked) if asked.taken);
        target.stopped_by_us = earlier;
        let mut error = error;
        if earlier {
            error.message.push_str("; an earlier stop may have powered it off: look at the server");
        }
        self.finish(now, index, Verdict::Skipped, Some(error));
        if let Some(reason) = reason {
            self.halt(now, reason);
        }
    }
}
