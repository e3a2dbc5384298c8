//! One server on its way through a run.

use super::evidence::Proof;
use crate::model::{ApiError, Observation, Prepared, ServerId, Verdict};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// Where a server stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Planned, not begun.
    Queued,
    /// Its baseline is being read.
    Checking {
        /// When that began (steady time).
        since: Duration,
    },
    /// It was asked to power off.
    Stopping(Asked),
    /// Ready for a permit, or first for the call that changes its record.
    Ready,
    /// The call that must come before its order is on the wire.
    Arranging,
    /// A permit is out.
    Sending {
        /// Which.
        permit: u64,
    },
    /// Proven unsent; a new permit may follow after this time (steady).
    Pausing {
        /// When.
        until: Duration,
    },
    /// The answer said "not successful": one more look decides whether it was refused.
    Confirming {
        /// What the answer said.
        error: ApiError,
    },
    /// The order was or may have been taken.
    Watching,
    /// Reinstalled, off, and asked to power on.
    Starting(Asked),
    /// It has its verdict.
    Done,
}

/// A stop or a start that was asked for. Times are steady times.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// When that began.
    pub since: Duration,
    /// How many requests left.
    pub times: u32,
    /// When to ask again if it still stands as before.
    pub again: Duration,
    /// Whether one of them was or may have been carried out.
    pub taken: bool,
}

/// One server of a run. The machine alone changes it.
#[derive(Clone)]
pub struct Target {
    /// Which product of the run.
    pub lane: usize,
    /// Everything settled for it.
    pub prepared: Arc<Prepared>,
    /// Servers with the same number share their order's secrets and may share a call.
    pub secrets: usize,
    /// Where it stands.
    pub stage: Stage,
    /// The last look before the permit.
    pub baseline: Option<Observation>,
    /// Whether an equal look confirmed it.
    pub baseline_twice: bool,
    /// Boot time of that look.
    pub baseline_at: Duration,
    /// Whether this run powered it off.
    pub stopped_by_us: bool,
    /// Its record may have been changed for the order.
    pub touched: bool,
    /// Its record is known to say what the order is to install; a later look at the server ends that.
    pub arranged: bool,
    /// Calls before the order of which that is not known, or that took too long.
    pub arrange_failures: u32,
    /// Permits that were issued for it.
    pub permits: u32,
    /// Whether a refused signature or token was renewed once already.
    pub renewed: bool,
    /// The idempotency token, made once.
    pub token: Option<String>,
    /// Civil time of the first order that left or may have left.
    pub ordered_at: Option<DateTime<Utc>>,
    /// The same in steady time; reset when a run is resumed.
    pub ordered_steady: Option<Duration>,
    /// The provider took the order.
    pub accepted: bool,
    /// An order may have been taken without an answer that says so.
    pub maybe: bool,
    /// The job that the answer named.
    pub ticket: Option<String>,
    /// Why the password that the provider made up for it could not be kept, if so.
    pub password_lost: Option<String>,
    /// The provider's ids of our orders.
    pub request_ids: Vec<String>,
    /// Proof that it began.
    pub proof: Option<Proof>,
    /// The last good look.
    pub last: Option<Observation>,
    /// Equal looks in a row, and when the first of them was (steady).
    pub equal: u32,
    /// See `equal`.
    pub equal_since: Duration,
    /// Answers in a row that do not know it, and when the first of them was (steady).
    pub absent: u32,
    /// See `absent`.
    pub absent_since: Duration,
    /// Looks behind its own job's end disagree about its state.
    pub disputed: bool,
    /// Whether a look since the order has shown another status than before it.
    pub moved: bool,
    /// Why it failed, as a look since the proof told it: a provider may forget that before the next look.
    pub failure: Option<ApiError>,
    /// Good looks since the order.
    pub reads: u32,
    /// Failed looks in a row.
    pub faults: u32,
    /// The last failed look.
    pub last_fault: Option<ApiError>,
    /// When to look next (steady).
    pub next_look: Duration,
    /// Whether a look is under way.
    pub looking: bool,
    /// Looks that ended after the deadline.
    pub last_looks: u32,
    /// The end.
    pub verdict: Option<Verdict>,
    /// Why, where it did not end well.
    pub error: Option<ApiError>,
    /// Civil time of the verdict.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Target {
    /// A planned server.
    pub fn planned(lane: usize, prepared: Arc<Prepared>, secrets: usize) -> Self {
        Self {
            lane,
            prepared,
            secrets,
            stage: Stage::Queued,
            baseline: None,
            baseline_twice: false,
            baseline_at: Duration::ZERO,
            stopped_by_us: false,
            touched: false,
            arranged: false,
            arrange_failures: 0,
            permits: 0,
            renewed: false,
            token: None,
            ordered_at: None,
            ordered_steady: None,
            accepted: false,
            maybe: false,
            ticket: None,
            password_lost: None,
            request_ids: Vec::new(),
            proof: None,
            last: None,
            equal: 0,
            equal_since: Duration::ZERO,
            absent: 0,
            absent_since: Duration::ZERO,
            disputed: false,
            moved: false,
            failure: None,
            reads: 0,
            faults: 0,
            last_fault: None,
            next_look: Duration::ZERO,
            looking: false,
            last_looks: 0,
            verdict: None,
            error: None,
            finished_at: None,
        }
    }

    /// Its id.
    pub fn id(&self) -> &ServerId {
        &self.prepared.record.id
    }

    /// Whether it stands between its turn and its verdict.
    pub fn active(&self) -> bool {
        !matches!(self.stage, Stage::Queued | Stage::Done)
    }

    /// Whether an order for it was or may have been carried out.
    pub fn ordered(&self) -> bool {
        self.accepted || self.maybe
    }

    /// Whether a call that changes something is under way for it; its end must be taken.
    pub fn on_the_wire(&self) -> bool {
        matches!(self.stage, Stage::Arranging | Stage::Sending { .. })
    }

    /// Reinstall orders that were or may have been carried out; one repeated under its token counts once.
    pub fn orders_sent(&self) -> u32 {
        // What is on the wire may arrive.
        u32::from(self.ordered() || matches!(self.stage, Stage::Sending { .. }))
    }

    /// Whether its stage goes on by looking.
    pub fn looks(&self) -> bool {
        matches!(
            self.stage,
            Stage::Checking { .. }
                | Stage::Stopping(_)
                | Stage::Confirming { .. }
                | Stage::Watching
                | Stage::Starting(_)
        )
    }

    /// Whether its last look shows an end that the next one may confirm: that one must not come early.
    pub fn confirming(&self) -> bool {
        use crate::model::Phase;
        self.last.as_ref().is_some_and(|last| matches!(last.phase, Phase::Running | Phase::Stopped | Phase::Failed))
    }

    /// Takes a good look into the account of equal ones. Returns whether the state differs from the look before.
    pub fn note(&mut self, seen: &Observation, at: Duration) -> bool {
        let same = self.last.as_ref().is_some_and(|last| last.same_state(seen));
        if same {
            self.equal += 1;
        } else {
            self.equal = 1;
            self.equal_since = at;
        }
        self.last = Some(seen.clone());
        self.faults = 0;
        self.last_fault = None;
        self.absent = 0;
        !same
    }

    /// Its record was changed: the image that it names from now on is no sign of anything.
    pub fn record_says_new(&mut self) {
        (self.touched, self.arranged) = (true, true);
        if let (Some(baseline), Some((image, _))) = (&mut self.baseline, &self.prepared.image) {
            baseline.image = Some(image.clone());
        }
    }

    /// Whether a look names this image because this run put it on the record.
    pub fn named_by_us(&self, seen: &Observation) -> bool {
        self.touched && seen.image.is_some() && seen.image.as_ref() == self.prepared.image.as_ref().map(|(id, _)| id)
    }

    /// Forgets the account of equal looks: a new stage begins.
    pub fn begin_count(&mut self) {
        self.equal = 0;
        self.faults = 0;
        self.absent = 0;
    }
}
