//! What follows an order, or a call before it, that is proven not to have been carried out.

use super::machine::{Action, Machine};
use super::policy::PERMITS;
use super::target::Stage;
use crate::clock::Now;
use crate::model::{ApiError, FaultClass, Verdict, What};
use std::time::Duration;

impl Machine {
    pub(super) fn unsent(
        &mut self,
        now: Now,
        index: usize,
        permit: u64,
        class: FaultClass,
        error: ApiError,
        renewed: bool,
    ) {
        self.actions.push(Action::Record(Some(index), What::OrderUnsent { permit, error: error.clone() }));
        if self.targets[index].ordered() {
            self.watch(now, index);
            return;
        }
        let permits = self.targets[index].permits;
        self.try_again(now, index, permits, class, error, renewed);
    }

    /// Nothing was ordered: another try follows, unless it cannot help or there were `tries` enough.
    pub(super) fn try_again(
        &mut self,
        now: Now,
        index: usize,
        tries: u32,
        class: FaultClass,
        error: ApiError,
        renewed: bool,
    ) {
        let refused = matches!(class, FaultClass::Denied | FaultClass::SignedOut | FaultClass::ClockSkew);
        if refused && (!renewed || self.targets[index].renewed) {
            self.finish(now, index, Verdict::Rejected, Some(error.clone()));
            self.halt(now, format!("the provider refuses the credentials: {}", error.message));
            return;
        }
        if matches!(class, FaultClass::Untrusted | FaultClass::Redirected) {
            self.finish(now, index, Verdict::NotStarted, Some(error.clone()));
            self.halt(now, error.message);
            return;
        }
        // Its order was on the wire when the run was halted: there is no permit left to try again with.
        if let Some(reason) = self.halted.clone() {
            return self.not_started(now, index, &reason);
        }
        let jitter = self.chance.unit();
        let target = &mut self.targets[index];
        target.renewed |= refused;
        if tries >= PERMITS {
            self.finish(now, index, Verdict::NotStarted, Some(error));
            return;
        }
        let wait = match class {
            FaultClass::Throttled(Some(asked)) => asked.min(Duration::from_secs(600)),
            FaultClass::Throttled(None) => crate::client::backoff(tries + 1, jitter.max(0.5)),
            _ if refused => Duration::ZERO,
            _ => crate::client::backoff(tries, jitter),
        };
        target.stage = Stage::Pausing { until: now.steady + wait };
    }
}
