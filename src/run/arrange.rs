//! The call before the order, where an order takes what it installs from the server's own record.
//!
//! It destroys nothing and may come twice, so it needs no permit: a doubtful answer is followed by another look and
//! another call. The permit is issued once the record is known to say what the order is to install.

use super::machine::{Action, Machine};
use super::policy::{PERMIT_LIFE, PERMITS};
use super::target::{Stage, Target};
use crate::client::Outcome;
use crate::clock::Now;
use crate::flaw::{self, Flaw};
use crate::model::{ApiError, FaultClass, Verdict, What};

impl Machine {
    /// Whether its record must be changed before an order for it may leave.
    pub(super) fn must_arrange(&self, target: &Target) -> bool {
        !target.maybe && !target.arranged && (self.lanes[target.lane].arranges)(&target.prepared)
    }

    /// Changes the records of servers whose baseline is good.
    pub(super) fn arrange_next(&mut self, now: Now) {
        if self.halted.is_some() || self.policy.watch_only || self.held() {
            return;
        }
        for index in 0..self.targets.len() {
            let target = &self.targets[index];
            let waits = target.stage == Stage::Ready && !self.on_hold(target.lane) && self.must_arrange(target);
            if !waits {
                continue;
            }
            let attempt = target.arrange_failures + 1;
            self.targets[index].stage = Stage::Arranging;
            self.actions.push(Action::Record(Some(index), What::Arranging { attempt }));
            self.actions.push(Action::Arrange { target: index, issued: now.boot });
        }
    }

    /// Takes what became of the call.
    pub(super) fn arrange_ended(&mut self, now: Now, index: usize, result: Result<(), Outcome>) {
        if self.targets[index].stage != Stage::Arranging {
            return;
        }
        match result {
            Err(Outcome::Rejected { class, error }) => {
                self.actions.push(Action::Record(Some(index), What::NotArranged { error: error.clone() }));
                self.finish(now, index, Verdict::Rejected, Some(error.clone()));
                if matches!(class, FaultClass::Denied | FaultClass::SignedOut | FaultClass::ClockSkew) {
                    self.halt(now, format!("the provider refuses the credentials: {}", error.message));
                }
            }
            Err(Outcome::Unsent { .. }) if flaw::is(Flaw::OrderUnarranged) => self.arranged(now, index),
            Err(Outcome::Unsent { class, error, renewed }) => self.arrange_again(now, index, class, error, renewed),
            Err(Outcome::Maybe(error) | Outcome::NotSuccessful(error)) => {
                self.arrange_again(now, index, FaultClass::Malformed, error, false);
            }
            Err(Outcome::Accepted { .. }) => {
                let error = ApiError::local("malformed_answer", "the answer is that to an order".to_owned());
                self.arrange_again(now, index, FaultClass::Malformed, error, false);
            }
            // Nothing but a clear yes lets the order follow.
            Ok(()) => self.arranged(now, index),
        }
    }

    fn arrange_again(&mut self, now: Now, index: usize, class: FaultClass, error: ApiError, renewed: bool) {
        self.targets[index].touched = true;
        self.targets[index].arrange_failures += 1;
        self.actions.push(Action::Record(Some(index), What::NotArranged { error: error.clone() }));
        let tries = self.targets[index].arrange_failures;
        self.try_again(now, index, tries, class, error, renewed);
    }

    fn arranged(&mut self, now: Now, index: usize) {
        self.actions.push(Action::Record(Some(index), What::Arranged {}));
        let target = &mut self.targets[index];
        target.record_says_new();
        target.stage = Stage::Ready;
        // Its baseline is too old for a permit by now: it is looked at again, and the call comes again.
        if now.boot.saturating_sub(target.baseline_at) > PERMIT_LIFE {
            target.arrange_failures += 1;
            if target.arrange_failures >= PERMITS {
                let error = ApiError::local("too_slow", "each change of its record took too long".to_owned())
                    .advise("look at the provider's service, then run this again");
                return self.finish(now, index, Verdict::NotStarted, Some(error));
            }
        }
        if let Some(reason) = self.halted.clone() {
            self.not_started(now, index, &reason);
        }
    }
}

/// What to add to the reason why a server got no order: its record stays as it was changed.
pub(super) fn left_behind(target: &Target, verdict: Verdict, error: ApiError) -> ApiError {
    let unordered = matches!(verdict, Verdict::Rejected | Verdict::NotStarted | Verdict::Skipped);
    let Some((image, _)) = target.prepared.image.as_ref().filter(|_| target.touched && unordered) else {
        return error;
    };
    let note = match target.arranged {
        true => format!("its record names {image} now"),
        false => format!("its record may name {image} now"),
    };
    let note = format!("{note}, and a reinstall without `--image` installs what it names");
    let next_step = match error.next_step.is_empty() {
        true => note,
        false => format!("{}; {note}", error.next_step),
    };
    ApiError { next_step, ..error }
}
