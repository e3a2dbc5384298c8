//! What a look means: for a baseline, for a stop, for a reinstall under way, for an end.

use super::evidence::{self, Before};
use super::hold::Until;
use super::machine::{Action, Input, Machine};
use super::policy::{ABSENT_READS, ABSENT_TIME, BASELINE_LIMIT};
use super::target::{Asked, Stage, Target};
use crate::clock::Now;
use crate::flaw::{self, Flaw};
use crate::model::{ApiError, FaultClass, HandleState, Observation, Phase, PowerPlan, Seen, Verdict, What};
use crate::providers::Admission;
use crate::wire::ReadFault;
use std::time::Duration;

/// Looks after the deadline before it counts although none succeeds.
const LAST_LOOKS: u32 = 3;

impl Machine {
    pub(super) fn looked(&mut self, now: Now, results: Vec<(usize, Seen)>) {
        let Some(lane) = results.first().map(|(index, _)| self.targets[*index].lane) else { return };
        self.judge_look(now, lane, &results);
        for (index, seen) in results {
            self.targets[index].looking = false;
            if !self.targets[index].looks() {
                continue;
            }
            if self.deadline_in(now, &self.targets[index]) == Some(Duration::ZERO) {
                self.targets[index].last_looks += 1;
            }
            match seen {
                Seen::Here(seen) => self.here(now, index, seen),
                Seen::Absent => self.absent(now, index),
                Seen::Fault(fault) => self.fault(now, index, fault),
            }
        }
        if self.missing(lane).is_none() {
            self.lift(lane, Until::Found);
        }
    }

    fn here(&mut self, now: Now, index: usize, seen: Observation) {
        let seen = self.own(index, seen);
        match self.targets[index].stage.clone() {
            Stage::Checking { .. } => self.checked(now, index, seen),
            Stage::Stopping(asked) => self.stopping(now, index, &asked, seen),
            Stage::Confirming { error } => self.confirmed(now, index, error, seen),
            Stage::Watching => self.watched(now, index, seen),
            Stage::Starting(asked) => self.starting(now, index, &asked, seen),
            _ => {}
        }
    }

    /// Without a ticket the job of a look is the newest that the server knows, whoever ordered it. It counts only if it
    /// is newer than the baseline, and never as a good end.
    fn own(&self, index: usize, mut seen: Observation) -> Observation {
        let target = &self.targets[index];
        if target.ticket.is_some() || seen.handle.is_none() {
            return seen;
        }
        let baseline = target.baseline.as_ref();
        let newer = match baseline {
            Some(baseline) => evidence::marked_anew(baseline, &target.prepared, &seen),
            // Another program ordered it, and this look is the first that tells of it.
            None => target.proof.is_some(),
        };
        let counts = target.ordered() && newer;
        if seen.handle == Some(HandleState::Failed) && !counts {
            seen.error = None;
        }
        seen.handle = seen.handle.filter(|state| counts && *state != HandleState::Done);
        seen
    }

    /// A fresh look before the order: is it still the server that was planned, in a state that may be reinstalled?
    fn checked(&mut self, now: Now, index: usize, seen: Observation) {
        let lane = self.targets[index].lane;
        let planned = self.targets[index].prepared.clone();
        let first = self.targets[index].last.is_none();
        self.targets[index].note(&seen, now.steady);
        let other = planned.record.seen.image.is_some() && planned.record.seen.image != seen.image;
        if other && seen.image.is_some() && !self.targets[index].named_by_us(&seen) {
            let error = ApiError::local("changed", "its image has changed since the plan was made".to_owned())
                .advise("someone else may have reinstalled it: look, then plan again");
            return self.finish(now, index, Verdict::Skipped, Some(error));
        }
        match (self.lanes[lane].admit)(&seen) {
            // What it is will be looked at again once the hold is lifted.
            Admission::StopFirst | Admission::StoppedByOrder | Admission::Go if self.on_hold(lane) => {
                self.targets[index].begin_count();
                self.targets[index].next_look = now.steady + self.policy.confirm_gap();
            }
            Admission::Busy(what) => {
                let error = ApiError::local("busy", format!("it is {what} already"))
                    .advise("watch it with `reinstall wait`, or run this again when that has ended");
                self.finish(now, index, Verdict::Skipped, Some(error));
            }
            Admission::No(refusal) => self.finish(now, index, Verdict::Skipped, Some(refusal.to_error())),
            Admission::StopFirst if planned.power == PowerPlan::StopFirst => {
                self.begin_stop(now, index);
            }
            Admission::StoppedByOrder if planned.power != PowerPlan::StoppedByOrder => self.changed(now, index),
            Admission::StopFirst => self.changed(now, index),
            Admission::Go | Admission::StoppedByOrder => {
                let twice = self.targets[index].equal >= 2 || (first && seen.same_state(&planned.record.seen));
                if twice {
                    self.baseline(now, index, seen);
                } else {
                    self.targets[index].next_look = now.steady + self.policy.confirm_gap().min(Duration::from_secs(2));
                }
            }
        }
    }

    fn changed(&mut self, now: Now, index: usize) {
        let error = ApiError::local("changed", "its power state has changed since the plan was made".to_owned())
            .advise("plan again, so that the power step is part of what you confirm");
        self.finish(now, index, Verdict::Skipped, Some(error));
    }

    pub(super) fn baseline(&mut self, now: Now, index: usize, seen: Observation) {
        let target = &mut self.targets[index];
        target.baseline = Some(seen.clone());
        target.baseline_twice = true;
        target.baseline_at = now.boot;
        // Between this look and the last one somebody else may have changed its record.
        target.arranged = false;
        target.stage = Stage::Ready;
        self.actions.push(Action::Record(Some(index), What::Baseline { seen }));
    }

    /// HTTP said yes, the document said no: this look decides.
    fn confirmed(&mut self, now: Now, index: usize, error: ApiError, seen: Observation) {
        self.targets[index].note(&seen, now.steady);
        if self.find_proof(index, &seen) {
            self.targets[index].maybe = true;
            let target = &mut self.targets[index];
            target.ordered_at.get_or_insert(now.wall);
            target.ordered_steady.get_or_insert(now.steady);
            let permit = 0;
            self.actions.push(Action::Record(Some(index), What::OrderMaybeSent { permit, error }));
            self.watch(now, index);
            return;
        }
        self.actions.push(Action::Record(Some(index), What::OrderRejected { permit: 0, error: error.clone() }));
        self.finish(now, index, Verdict::Rejected, Some(error));
    }

    /// Looks for a proof of start in this look; keeps and records the first one.
    fn find_proof(&mut self, index: usize, seen: &Observation) -> bool {
        let target = &mut self.targets[index];
        let before = Before {
            baseline: target.baseline.as_ref(),
            read_twice: target.baseline_twice,
            stopped_by_us: target.stopped_by_us,
            accepted: target.accepted,
            ticket: target.ticket.as_deref(),
        };
        let Some(found) = evidence::proof(&before, &target.prepared, seen) else {
            return target.proof.is_some();
        };
        // A stronger proof replaces a weaker one: it needs fewer reads.
        if target.proof.as_ref().is_none_or(|known| found.reads < known.reads) {
            self.actions.push(Action::Record(Some(index), What::Started { proof: found.text.clone() }));
            target.proof = Some(found);
        }
        true
    }

    /// An inferred proof rests on a difference: a look at the baseline's state again shows that it was a lagging read.
    fn withdraw_proof(&mut self, index: usize, seen: &Observation) {
        let target = &mut self.targets[index];
        let inferred = target.proof.as_ref().is_some_and(evidence::Proof::inferred);
        if inferred && target.baseline.as_ref().is_some_and(|baseline| unchanged(baseline, seen)) {
            target.proof = None;
        }
    }

    fn watched(&mut self, now: Now, index: usize, seen: Observation) {
        // The job is done and cannot change any more, so one of the two looks was a lagging one.
        let done = |seen: &Observation| seen.handle == Some(HandleState::Done);
        let before = self.targets[index].last.as_ref();
        let disputed = before.is_some_and(|before| done(before) && done(&seen) && before.phase != seen.phase);
        self.targets[index].disputed |= disputed;
        let old = self.targets[index].baseline.as_ref();
        let old = old.is_some_and(|baseline| baseline.status.eq_ignore_ascii_case(&seen.status));
        self.targets[index].moved |= !old;
        let changed = self.targets[index].note(&seen, now.steady);
        self.targets[index].reads += 1;
        if changed {
            self.actions.push(Action::Record(Some(index), What::Status { seen: seen.clone() }));
        }
        self.withdraw_proof(index, &seen);
        let proven = self.find_proof(index, &seen);
        if proven && self.policy.no_wait {
            return self.finish(now, index, Verdict::Accepted, None);
        }
        if !proven {
            return self.not_proven(now, index, &seen);
        }
        let target = &mut self.targets[index];
        target.failure = seen.error.clone().or(target.failure.take()).filter(|_| seen.phase == Phase::Failed);
        let target = &self.targets[index];
        let baseline = target.baseline.as_ref();
        // Such a look is a late copy of before; and where only the job has told of anything, every one could be.
        let marked_old = baseline.is_some_and(|baseline| evidence::marked_old(baseline, &target.prepared, &seen));
        let doubtful = target.disputed || (done(&seen) && !target.moved) || marked_old;
        let needed = target.proof.as_ref().map_or(u32::MAX, |proof| proof.needs(baseline, &seen, doubtful));
        let broken = seen.handle == Some(HandleState::Failed);
        if broken && target.ticket.is_some() {
            return self.finish(now, index, Verdict::Failed, Some(failure(&seen)));
        }
        // While the own job works, the server's status proves nothing.
        let ended = match seen.handle {
            Some(HandleState::Working) => None,
            _ => Some(seen.phase)
                .filter(|phase| matches!(phase, Phase::Running | Phase::Stopped | Phase::Failed | Phase::Gone)),
        };
        let Some(phase) = ended else { return self.look_later(now, index) };
        let good = phase == target.prepared.ends;
        // The state of before could be a late copy of it: then a second look has to agree.
        let first = (done(&seen) && good && !target.disputed && !old) || flaw::is(Flaw::OneReadIsEnough);
        let reads = if first { 1 } else { needed.max(2) };
        let apart = self.policy.confirm_gap();
        let long_enough = reads == 1 || now.steady.saturating_sub(target.equal_since) >= apart;
        if target.equal < reads || !long_enough {
            self.targets[index].next_look = now.steady + apart;
            return;
        }
        match phase {
            _ if broken => self.finish(now, index, Verdict::Failed, Some(failure(&seen))),
            _ if good => self.finish(now, index, Verdict::Succeeded, None),
            Phase::Stopped => self.ended_off(now, index),
            Phase::Running => self.finish(now, index, Verdict::Succeeded, None),
            _ => {
                let error = seen.error.clone().or_else(|| target.failure.clone());
                self.finish(now, index, Verdict::Failed, Some(failure(&Observation { error, ..seen })));
            }
        }
    }

    /// No proof yet: only time, or a repeat under the token where the provider knows one, goes on.
    fn not_proven(&mut self, now: Now, index: usize, seen: &Observation) {
        let target = &self.targets[index];
        let unchanged = target.baseline.as_ref().is_none_or(|baseline| unchanged(baseline, seen));
        let age = target.ordered_at.map_or(Duration::ZERO, |at| (now.wall - at).to_std().unwrap_or_default());
        let most = super::policy::PERMITS;
        let door = self.lanes[target.lane].token_door.filter(|_| target.token.is_some());
        let open = door.is_some_and(|life| age <= life) && target.permits < most && target.baseline.is_some();
        let doubtful = target.maybe && !target.accepted && unchanged;
        let free = self.halted.is_none() && !self.on_hold(target.lane) && !self.policy.watch_only;
        if open && doubtful && free {
            self.targets[index].stage = Stage::Ready;
            return;
        }
        let adopted = self.policy.watch_only && target.baseline.is_none();
        if (!target.accepted || adopted) && unchanged && age >= self.policy.start_window {
            return self.no_start_seen(now, index);
        }
        self.look_later(now, index);
    }

    fn no_start_seen(&mut self, now: Now, index: usize) {
        let target = &self.targets[index];
        let why = match &target.error {
            Some(error) => format!("the order may have been taken ({error}), and no start was seen"),
            None => "no start was seen".to_owned(),
        };
        let error = ApiError {
            kind: "no_start_seen".to_owned(),
            code: target.error.as_ref().and_then(|error| error.code.clone()),
            message: why,
            request_id: target.request_ids.last().cloned(),
            next_step: "look at the server before ordering again; `reinstall wait` goes on watching".to_owned(),
        };
        self.finish(now, index, Verdict::Unverified, Some(error));
    }

    fn look_later(&mut self, now: Now, index: usize) {
        let jitter = self.chance.unit();
        let target = &mut self.targets[index];
        let since = target.ordered_steady.map_or(Duration::ZERO, |at| now.steady.saturating_sub(at));
        target.next_look = now.steady + self.policy.pause(since, jitter);
    }

    /// How many of a lane's watched servers are missing, if it is too many at once to be true of each.
    fn missing(&self, lane: usize) -> Option<(usize, usize)> {
        let watched = self.targets.iter().filter(|target| target.lane == lane && target.stage == Stage::Watching);
        let (mut missing, mut all) = (0, 0);
        for target in watched {
            all += 1;
            missing += usize::from(target.absent > 0);
        }
        (missing >= 2 && missing * 5 > all).then_some((missing, all))
    }

    fn absent(&mut self, now: Now, index: usize) {
        let target = &mut self.targets[index];
        if target.absent == 0 {
            target.absent_since = now.steady;
        }
        target.absent += 1;
        let count = target.absent;
        let long = now.steady.saturating_sub(target.absent_since) >= ABSENT_TIME;
        if !target.ordered() && !matches!(target.stage, Stage::Watching | Stage::Starting(_)) {
            if count >= 3 {
                let error = ApiError::local("not_found", "the provider does not know it any more".to_owned())
                    .advise(FaultClass::NotFound.next_step());
                return self.finish(now, index, Verdict::Skipped, Some(error));
            }
            target.next_look = now.steady + self.policy.confirm_gap();
            return;
        }
        let lane = self.targets[index].lane;
        let many = self.missing(lane);
        if let Some((missing, all)) = many {
            let reason =
                format!("{missing} of {all} watched servers are missing at once: wrong region or credentials?");
            self.hold(now, lane, Until::Found, reason);
        }
        if count >= ABSENT_READS && long && many.is_none() {
            let error = ApiError::local("vanished", "the provider's lists do not know it any more".to_owned())
                .advise("check at the provider whether it was released");
            return self.finish(now, index, Verdict::Vanished, Some(error));
        }
        self.targets[index].next_look = now.steady + self.policy.pause(ABSENT_TIME, 0.0);
    }

    /// A failed read is never a verdict; before an order it only limits how long a baseline is waited for.
    fn fault(&mut self, now: Now, index: usize, fault: ReadFault) {
        if flaw::is(Flaw::DropOnPollError) {
            self.targets[index].stage = Stage::Done;
            return;
        }
        let jitter = self.chance.unit();
        let target = &mut self.targets[index];
        target.faults += 1;
        // Absences count in a row: what is between two of them must not be unknown.
        target.absent = 0;
        let news = target.last_fault.as_ref().is_none_or(|last| last.kind != fault.error.kind);
        target.last_fault = Some(fault.error.clone());
        let wait = match fault.class {
            FaultClass::Throttled(Some(asked)) => asked.min(Duration::from_secs(600)),
            _ => self.policy.after_fault(target.faults, jitter),
        };
        target.next_look = now.steady + wait;
        if news {
            let message = format!("cannot look: {}", fault.error);
            self.actions.push(Action::Record(Some(index), What::Notice { message }));
        }
        let since = match self.targets[index].stage {
            Stage::Checking { since } | Stage::Stopping(Asked { since, .. }) => since,
            _ => return,
        };
        let halt = match fault.class {
            FaultClass::Denied | FaultClass::SignedOut => Some("the provider refuses the credentials"),
            FaultClass::Untrusted => Some("the endpoint cannot be trusted"),
            FaultClass::Redirected => Some("the endpoint answers with a redirect"),
            _ => None,
        };
        if halt.is_some() || now.steady.saturating_sub(since) > BASELINE_LIMIT {
            self.finish(now, index, Verdict::NotStarted, Some(fault.error.clone()));
        }
        if let Some(why) = halt {
            self.halt(now, format!("{why}: {}", fault.error.message));
        }
    }

    /// Time left until the deadline; `None` before an order.
    pub(super) fn deadline_in(&self, now: Now, target: &Target) -> Option<Duration> {
        if !matches!(target.stage, Stage::Watching | Stage::Starting(_)) {
            return None;
        }
        let end = target.ordered_at? + self.lanes[target.lane].timeout;
        Some((end - now.wall).to_std().unwrap_or_default())
    }

    /// Ends what is overdue, after one last look.
    pub(super) fn deadlines(&mut self, now: Now) {
        for index in 0..self.targets.len() {
            let target = &self.targets[index];
            if self.deadline_in(now, target) != Some(Duration::ZERO) || target.looking {
                continue;
            }
            let good_last = target.last_looks > 0 && target.faults == 0;
            // An end that was seen once, just now, is worth the look that confirms it.
            let unconfirmed =
                target.proof.is_some() && target.confirming() && target.equal < 2 && target.last_looks < LAST_LOOKS;
            if (good_last && !unconfirmed) || target.last_looks >= LAST_LOOKS {
                self.overdue(now, index);
            } else if target.last_looks == 0 {
                self.targets[index].next_look = now.steady;
            }
        }
    }

    fn overdue(&mut self, now: Now, index: usize) {
        let target = &self.targets[index];
        let status = target.last.as_ref().map_or("unknown", |seen| seen.status.as_str()).to_owned();
        if target.proof.is_some() {
            let error = ApiError::local("timed_out", format!("still {status} when the time was up"))
                .advise("it goes on at the provider: `reinstall resume` or `reinstall wait` watches on");
            self.finish(now, index, Verdict::TimedOut, Some(error));
        } else {
            self.no_start_seen(now, index);
        }
    }
}

/// Whether a look shows nothing that the baseline did not.
fn unchanged(baseline: &Observation, seen: &Observation) -> bool {
    baseline.same_state(seen) && baseline.image == seen.image && baseline.marks == seen.marks
}

/// The error of a failed reinstall: the provider's own words if it gave any.
pub(super) fn failure(seen: &Observation) -> ApiError {
    let generic = format!("the provider reports {}", seen.status);
    let error = seen.error.clone().unwrap_or_else(|| ApiError::local("install_failed", generic));
    if error.next_step.is_empty() {
        return error.advise("order it once more, or ask the provider's support");
    }
    error
}

impl Machine {
    /// Feeds nothing but time: for drivers that only want to know what is due.
    pub fn tick(&mut self, now: Now) -> Vec<Action> {
        self.step(now, Input::Tick)
    }
}
