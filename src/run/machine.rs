//! The heart: a pure state machine that decides what is read, stopped, ordered, started, and how it ends.
//!
//! It does no input or output and asks no clock: the driver feeds it what happened and carries out what it
//! says, in order. So a simulation can drive it through every fault at every moment.

use super::arrange;
use super::hold::{Health, Until};
use super::passwords;
use super::policy::{PERMIT_LIFE, PERMITS, Policy, SUSPENSION};
use super::target::{Stage, Target};
use crate::client::Outcome;
use crate::clock::Now;
use crate::flaw::{self, Flaw};
use crate::model::{ApiError, FaultClass, Observation, PowerOff, Prepared, Seen, Verdict, What};
use crate::providers::Admission;
use std::time::Duration;

/// What the machine needs to know of a product.
pub struct Lane {
    /// Its name.
    pub product: &'static str,
    /// Servers in one reinstall call.
    pub order_batch: usize,
    /// Servers in one read.
    pub observe_batch: usize,
    /// Per server, counted from its order.
    pub timeout: Duration,
    /// How long a repeated token is safe.
    pub token_door: Option<Duration>,
    /// Whether a server in this state may be reinstalled.
    pub admit: Box<dyn Fn(&Observation) -> Admission + Send>,
    /// Whether its record must be changed before its order.
    pub arranges: Box<dyn Fn(&Prepared) -> bool + Send>,
    /// How it is stopped.
    pub power_off: PowerOff,
    /// Whether a server that ends off is started.
    pub start_when_off: bool,
    /// How to set a new password where a made-up one that the run waits for was lost.
    pub new_password: Option<&'static str>,
}

/// Randomness from outside.
pub trait Chance: Send {
    /// A number in 0..1.
    fn unit(&mut self) -> f64;
    /// An idempotency token of at most 36 characters.
    fn token(&mut self) -> String;
}

/// Stop or start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Power off.
    Off,
    /// Power on.
    On,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A read has ended: one entry for each server that was asked for.
    Looked(Vec<(usize, Seen)>),
    /// An order has ended, in whatever way.
    Sent {
        /// The permit it left under.
        permit: u64,
        /// Each server of it.
        outcomes: Vec<(usize, Outcome)>,
        /// Why no new order may follow in this run, if so.
        halt: Option<String>,
        /// Why none may follow at this product before a look was read, if so.
        hold: Option<String>,
        /// Servers whose made-up password came and could not be kept, and why.
        lost: Vec<(usize, String)>,
    },
    /// The call before an order has ended.
    Arranged {
        /// The server.
        target: usize,
        /// A clear yes, or what became of the order for want of one.
        result: Result<(), Outcome>,
    },
    /// A power call has ended.
    Powered {
        /// The server.
        target: usize,
        /// Which.
        power: Power,
        /// What the provider said; an error of class `Broken` may have been carried out.
        result: Result<(), (FaultClass, ApiError)>,
    },
    /// A signal asks to end.
    Signal(&'static str),
    /// The journal cannot be written any more.
    JournalLost,
    /// Standard output cannot be written any more.
    OutputLost,
}

/// What to do, in order.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Write an event, of one server or of the run. When a durable one cannot be written, every `Arrange`,
    /// `Send` and `Power` that follows in the same list must not be carried out.
    Record(Option<usize>, What),
    /// Read these servers, all of one lane, at most its batch.
    Look {
        /// The lane.
        lane: usize,
        /// The servers.
        targets: Vec<usize>,
    },
    /// Send the call that must come before the order of this server, not later than 30 s of boot time after this.
    Arrange {
        /// The server.
        target: usize,
        /// Boot time of this moment.
        issued: Duration,
    },
    /// Send one order under this permit, which is void 30 s of boot time after its issue.
    Send {
        /// Number of the permit.
        permit: u64,
        /// Boot time of its issue.
        issued: Duration,
        /// The lane.
        lane: usize,
        /// The servers.
        targets: Vec<usize>,
        /// The idempotency token.
        token: Option<String>,
    },
    /// Send a power call, which may not leave later than 30 s of boot time after this.
    Power {
        /// The server.
        target: usize,
        /// Which.
        power: Power,
        /// Boot time of this moment.
        issued: Duration,
    },
}

/// The state of a run.
pub struct Machine {
    pub(super) policy: Policy,
    pub(super) lanes: Vec<Lane>,
    pub(super) targets: Vec<Target>,
    pub(super) halted: Option<String>,
    pub(super) leaving: Option<&'static str>,
    pub(super) health: Vec<Health>,
    pub(super) chance: Box<dyn Chance>,
    next_permit: u64,
    clocks: Option<Now>,
    pub(super) actions: Vec<Action>,
}

impl Machine {
    /// A machine over planned (or resumed) servers.
    pub fn new(
        policy: Policy,
        lanes: Vec<Lane>,
        targets: Vec<Target>,
        next_permit: u64,
        chance: Box<dyn Chance>,
    ) -> Self {
        Self {
            policy,
            health: lanes.iter().map(|_| Health::default()).collect(),
            lanes,
            targets,
            halted: None,
            leaving: None,
            chance,
            next_permit,
            clocks: None,
            actions: Vec::new(),
        }
    }

    /// The servers, in the order of the plan.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Why no new orders are made, if so.
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// Whether nothing is left to do: every server has its verdict, or a signal asked to leave and nothing
    /// is on the wire.
    pub fn done(&self) -> bool {
        self.targets.iter().all(|target| target.stage == Stage::Done)
            || (self.leaving.is_some() && !self.targets.iter().any(Target::on_the_wire))
    }

    /// Takes what happened and says what to do.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Action> {
        self.notice_suspension(now);
        match input {
            Input::Tick => {}
            // What is seen now could only begin something that may not leave any more: the next process looks again.
            Input::Looked(_) if self.leaving.is_some() => {}
            Input::Looked(results) => self.looked(now, results),
            Input::Sent { permit, outcomes, halt, hold, lost } => {
                let lane = outcomes.first().map(|(index, _)| self.targets[*index].lane);
                for (index, outcome) in outcomes {
                    if self.targets[index].stage == (Stage::Sending { permit }) {
                        self.sent(now, index, permit, outcome);
                    }
                }
                self.passwords_lost(now, lost);
                if let Some(reason) = halt {
                    self.halt(now, reason);
                }
                if let Some((lane, reason)) = lane.zip(hold) {
                    self.hold(now, lane, Until::Readable, reason);
                }
            }
            Input::Arranged { target, result } => self.arrange_ended(now, target, result),
            Input::Powered { target, power, result } => self.powered(now, target, power, result),
            Input::Signal(name) => {
                self.actions.push(Action::Record(None, What::Signalled { signal: name.to_owned() }));
                self.leaving = Some(name);
            }
            Input::JournalLost => self.halt(now, "the journal cannot be written any more".to_owned()),
            Input::OutputLost => self.halt(now, "standard output is closed".to_owned()),
        }
        if self.leaving.is_none() || flaw::is(Flaw::OrderAfterHalt) {
            self.deadlines(now);
            self.end_long_holds(now);
            self.stop_rule(now);
            self.admit_next(now);
            self.look_again_at_old_baselines(now);
            self.arrange_next(now);
            self.issue_permits(now);
            self.due_looks(now);
        }
        std::mem::take(&mut self.actions)
    }

    /// How long nothing is due; `None` when only an answer can bring something new.
    pub fn idle(&self, now: Now) -> Option<Duration> {
        self.targets
            .iter()
            .filter_map(|target| {
                let mut due = None;
                if let Stage::Pausing { until } = target.stage {
                    due = Some(until);
                }
                if target.looks() && !target.looking {
                    due = Some(target.next_look);
                }
                let due = due?;
                // Once the deadline has passed, the look that it asked for is what is due.
                let deadline = self.deadline_in(now, target).filter(|left| !left.is_zero());
                Some(deadline.map_or(due, |left| due.min(now.steady + left)))
            })
            .min()
            .map(|due| due.saturating_sub(now.steady))
    }

    /// No new orders in this run. What is not under way ends as not started.
    pub(super) fn halt(&mut self, now: Now, reason: String) {
        if self.halted.is_some() {
            return;
        }
        self.actions.push(Action::Record(None, What::Halted { reason: reason.clone() }));
        self.halted = Some(reason.clone());
        for index in 0..self.targets.len() {
            self.give_up_waiting(now, index, &reason);
        }
    }

    /// Ends a server that waits for its order, and one whose order waits for its repeat goes on to be watched.
    pub(super) fn give_up_waiting(&mut self, now: Now, index: usize, reason: &str) {
        let target = &mut self.targets[index];
        let waiting = matches!(
            target.stage,
            Stage::Queued | Stage::Checking { .. } | Stage::Stopping(_) | Stage::Ready | Stage::Pausing { .. }
        );
        if waiting && target.ordered() {
            // A repeat under the token was due; without it the first order is still to be watched.
            target.stage = Stage::Watching;
            target.next_look = now.steady;
        } else if waiting {
            self.not_started(now, index, reason);
        }
    }

    /// Ends a server that the halted run does not come to any more.
    pub(super) fn not_started(&mut self, now: Now, index: usize, reason: &str) {
        let left_off = match self.targets[index].stopped_by_us {
            true => "; it was powered off for the reinstall and is off now",
            false => "",
        };
        let error = ApiError::local("halted", format!("no order was sent: {reason}{left_off}"))
            .advise("run it again for this server once the cause is gone");
        self.finish(now, index, Verdict::NotStarted, Some(error));
    }

    /// Ends one server.
    pub(super) fn finish(&mut self, now: Now, index: usize, verdict: Verdict, error: Option<ApiError>) {
        let target = &mut self.targets[index];
        if target.stage == Stage::Done {
            return;
        }
        let error = error.map(|error| arrange::left_behind(target, verdict, error));
        target.stage = Stage::Done;
        let error = error.or_else(|| passwords::unknown(target, &self.lanes[target.lane], verdict));
        target.verdict = Some(verdict);
        target.finished_at = Some(now.wall);
        target.error.clone_from(&error);
        self.actions.push(Action::Record(Some(index), What::Verdict { verdict, error }));
    }

    /// Wall or boot time ran ahead of steady time: the process or machine slept. Everything is looked at once
    /// before any deadline counts.
    fn notice_suspension(&mut self, now: Now) {
        if let Some(before) = self.clocks {
            let steady = now.steady.saturating_sub(before.steady);
            let boot = now.boot.saturating_sub(before.boot);
            let wall = (now.wall - before.wall).to_std().unwrap_or_default();
            if boot.max(wall) > steady + SUSPENSION {
                for target in &mut self.targets {
                    target.last_looks = 0;
                    target.next_look = now.steady;
                }
            }
        }
        self.clocks = Some(now);
    }

    /// Stops new orders once enough servers have failed.
    fn stop_rule(&mut self, now: Now) {
        let failed = self.targets.iter().filter(|t| t.verdict.is_some_and(Verdict::counts_as_failure)).count();
        let waits = self.targets.iter().any(|t| matches!(t.stage, Stage::Queued));
        if failed >= self.policy.max_failures && (waits || self.targets.iter().any(Self::before_order)) {
            let servers = if failed == 1 { "1 server has" } else { &format!("{failed} servers have") };
            self.halt(now, format!("{servers} failed and --max-failures is {}", self.policy.max_failures));
        }
    }

    /// Whether failures, together with orders that may have been taken and show no start, forbid new orders for now.
    pub(super) fn held(&self) -> bool {
        let doubtful = |t: &&Target| t.verdict.is_none() && t.maybe && !t.accepted && t.proof.is_none();
        let failed = self.targets.iter().filter(|t| t.verdict.is_some_and(Verdict::counts_as_failure)).count();
        failed + self.targets.iter().filter(doubtful).count() >= self.policy.max_failures
    }

    fn before_order(target: &Target) -> bool {
        !target.ordered()
            && matches!(
                target.stage,
                Stage::Checking { .. } | Stage::Stopping(_) | Stage::Ready | Stage::Arranging | Stage::Pausing { .. }
            )
    }

    /// Lets waiting servers begin while there is room.
    fn admit_next(&mut self, now: Now) {
        for target in &mut self.targets {
            if let Stage::Pausing { until } = target.stage
                && until <= now.steady
            {
                target.begin_count();
                target.last = None;
                target.stage = Stage::Checking { since: now.steady };
                target.next_look = now.steady;
            }
        }
        if self.halted.is_some() || self.held() {
            return;
        }
        let mut active = self.targets.iter().filter(|target| target.active()).count();
        for target in &mut self.targets {
            if active >= self.policy.concurrency {
                break;
            }
            if target.stage == Stage::Queued {
                target.stage = Stage::Checking { since: now.steady };
                target.next_look = now.steady;
                active += 1;
            }
        }
    }

    /// Gives permits to servers whose baseline is good: one call for several where product and secrets allow.
    fn issue_permits(&mut self, now: Now) {
        if self.halted.is_some() || self.policy.watch_only {
            return;
        }
        loop {
            // A repeat under its token goes first: it settles what holds the others back.
            let ready = |target: &Target| {
                target.stage == Stage::Ready && !self.on_hold(target.lane) && !self.must_arrange(target)
            };
            let first = self.targets.iter().position(|target| ready(target) && target.maybe);
            let Some(first) = first.or_else(|| self.targets.iter().position(ready)) else { return };
            let (lane, secrets, repeat) =
                (self.targets[first].lane, self.targets[first].secrets, self.targets[first].maybe);
            if !repeat && self.held() {
                return;
            }
            let image = self.targets[first].prepared.image.clone();
            let most = if repeat { 1 } else { self.lanes[lane].order_batch.max(1) };
            let group: Vec<usize> = (first..self.targets.len())
                .filter(|&index| {
                    let target = &self.targets[index];
                    ready(target)
                        && target.lane == lane
                        && target.secrets == secrets
                        && target.maybe == repeat
                        && target.prepared.image == image
                })
                .take(most)
                .collect();
            self.permit(now, lane, group);
        }
    }

    /// A permit rests on what was seen just before it: who had to wait for it is looked at again.
    fn look_again_at_old_baselines(&mut self, now: Now) {
        if self.halted.is_some() || self.policy.watch_only {
            return;
        }
        for target in &mut self.targets {
            let old = now.boot.saturating_sub(target.baseline_at) > PERMIT_LIFE;
            if target.stage == Stage::Ready && !target.maybe && old {
                target.begin_count();
                target.stage = Stage::Checking { since: now.steady };
                target.next_look = now.steady;
            }
        }
    }

    fn permit(&mut self, now: Now, lane: usize, group: Vec<usize>) {
        let permit = self.next_permit;
        self.next_permit += u64::from(!flaw::is(Flaw::ReusePermit));
        let wants_token = self.lanes[lane].token_door.is_some();
        let mut token = None;
        for &index in &group {
            if wants_token && self.targets[index].token.is_none() {
                self.targets[index].token = Some(self.chance.token());
            }
            let target = &mut self.targets[index];
            target.permits += 1;
            target.stage = Stage::Sending { permit };
            token.clone_from(&target.token);
            let what = What::OrderIntent { permit, attempt: target.permits, token: target.token.clone() };
            if !flaw::is(Flaw::NoIntentRecord) {
                self.actions.push(Action::Record(Some(index), what));
            }
        }
        self.actions.push(Action::Send { permit, issued: now.boot, lane, targets: group, token });
    }

    /// Takes what became of an order.
    fn sent(&mut self, now: Now, index: usize, permit: u64, outcome: Outcome) {
        match outcome {
            Outcome::Accepted { ticket, request_id } => {
                self.ordered(now, index);
                let target = &mut self.targets[index];
                target.accepted = true;
                target.ticket.clone_from(&ticket);
                target.request_ids.extend(request_id.clone());
                self.actions.push(Action::Record(Some(index), What::OrderAccepted { permit, ticket, request_id }));
                if self.policy.no_wait {
                    self.finish(now, index, Verdict::Accepted, None);
                } else {
                    self.watch(now, index);
                }
            }
            Outcome::Maybe(error) => {
                self.ordered(now, index);
                let target = &mut self.targets[index];
                target.maybe = true;
                target.request_ids.extend(error.request_id.clone());
                target.error = Some(error.clone());
                self.actions.push(Action::Record(Some(index), What::OrderMaybeSent { permit, error }));
                self.watch(now, index);
            }
            // After an own order that may have been taken, a refusal only says that something is under way.
            Outcome::Rejected { error, .. } | Outcome::NotSuccessful(error) if self.targets[index].ordered() => {
                self.actions.push(Action::Record(Some(index), What::OrderRejected { permit, error }));
                self.targets[index].permits = PERMITS;
                self.watch(now, index);
            }
            Outcome::NotSuccessful(error) => {
                self.targets[index].begin_count();
                self.targets[index].stage = Stage::Confirming { error };
                self.targets[index].next_look = now.steady;
            }
            Outcome::Rejected { class, error } => {
                self.targets[index].request_ids.extend(error.request_id.clone());
                self.actions.push(Action::Record(Some(index), What::OrderRejected { permit, error: error.clone() }));
                self.finish(now, index, Verdict::Rejected, Some(error.clone()));
                if matches!(class, FaultClass::Denied | FaultClass::SignedOut | FaultClass::ClockSkew) {
                    self.halt(now, format!("the provider refuses the credentials: {}", error.message));
                }
            }
            Outcome::Unsent { class, error, renewed } => self.unsent(now, index, permit, class, error, renewed),
        }
    }

    fn ordered(&mut self, now: Now, index: usize) {
        let target = &mut self.targets[index];
        target.ordered_at.get_or_insert(now.wall);
        target.ordered_steady.get_or_insert(now.steady);
    }

    /// Begins (or goes on) watching after a send.
    pub(super) fn watch(&mut self, now: Now, index: usize) {
        let pause = self.policy.pause(Duration::ZERO, self.chance.unit());
        let target = &mut self.targets[index];
        target.begin_count();
        target.stage = Stage::Watching;
        target.next_look = now.steady + pause;
    }

    /// Reads what is due, many servers to a request.
    fn due_looks(&mut self, now: Now) {
        for lane in 0..self.lanes.len() {
            let waits = |target: &Target| target.lane == lane && target.looks() && !target.looking;
            if !self.targets.iter().any(|target| waits(target) && target.next_look <= now.steady) {
                continue;
            }
            // Whoever is due a little later comes along: one request instead of two.
            let slack = self.policy.confirm_gap() / 4;
            let due: Vec<usize> = (0..self.targets.len())
                .filter(|&index| {
                    let target = &self.targets[index];
                    let early = if target.confirming() { Duration::ZERO } else { slack };
                    waits(target) && target.next_look <= now.steady + early
                })
                .collect();
            for chunk in due.chunks(self.lanes[lane].observe_batch.max(1)) {
                for &index in chunk {
                    self.targets[index].looking = true;
                }
                self.actions.push(Action::Look { lane, targets: chunk.to_vec() });
            }
        }
    }
}
