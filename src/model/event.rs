//! What happened, when, to which server: the one type that screen, JSON lines and journal share.

use super::{ApiError, Observation, PowerOff, Prepared, RunId, ServerId, Verdict, Wish};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the run, from 1, without gaps.
    pub seq: u64,
    /// Civil time.
    pub at: DateTime<Utc>,
    /// The run.
    pub run: RunId,
    /// The product, for events of one server.
    pub provider: Option<String>,
    /// The server, for events of one server.
    pub instance: Option<ServerId>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// The head of a run: everything that does not differ between its servers. It holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// Version of the program.
    pub program: String,
    /// Who started it: user and host. Older journals do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was asked for.
    pub wish: Wish,
    /// `--reason`.
    pub reason: Option<String>,
    /// Digest over the rest of this head and the planned servers; in older journals over wish and servers.
    pub plan_hash: String,
    /// How many servers.
    pub total: usize,
    /// Per server, counted from its order; `None` is the product's default.
    pub timeout: Option<Duration>,
    /// How long to look for a sign of a start.
    pub start_window: Duration,
    /// Upper bound of the pause between looks.
    pub poll_interval: Option<Duration>,
    /// Servers between order and verdict at one time.
    pub concurrency: usize,
    /// No new orders once so many have failed.
    pub max_failures: usize,
    /// End once the orders are accepted.
    pub no_wait: bool,
    /// Profile, region, project, endpoint as they were chosen, for `resume`.
    pub place: Vec<(String, String)>,
    /// Whether it ran against the sandbox inside the process.
    pub sandbox: bool,
}

/// A server as it was planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedTarget {
    /// Region of the product's settings.
    pub region: Option<String>,
    /// The product's endpoint.
    pub endpoint: String,
    /// Whose credentials: the name of a key or user. Older journals do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Everything settled.
    pub prepared: Prepared,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The run was opened.
    RunOpened(Box<RunHead>),
    /// A server is part of the plan.
    Planned(Box<PlannedTarget>),
    /// The plan was confirmed.
    Confirmed {
        /// `--yes` or `terminal`.
        by: String,
    },
    /// A fresh look right before the order.
    Baseline {
        /// How it looked.
        seen: Observation,
    },
    /// A stop request is about to leave.
    PowerOff {
        /// How.
        mode: PowerOff,
    },
    /// It is off.
    Stopped {
        /// The provider's word.
        status: String,
    },
    /// The call that changes the server's record before its order is about to leave.
    Arranging {
        /// Which try for this server since its last success, from 1.
        attempt: u32,
    },
    /// The record says what the order is to install.
    Arranged {},
    /// The record was not, or may not have been, changed: no order follows on it.
    NotArranged {
        /// Why.
        error: ApiError,
    },
    /// An order is about to leave; on disk before it does.
    OrderIntent {
        /// Number of the permit within the run.
        permit: u64,
        /// Which try for this server, from 1.
        attempt: u32,
        /// The idempotency token, where the provider knows one.
        token: Option<String>,
    },
    /// The provider took the order.
    OrderAccepted {
        /// The permit.
        permit: u64,
        /// Job, task or action, where the answer named one.
        ticket: Option<String>,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// The provider refused the order.
    OrderRejected {
        /// The permit.
        permit: u64,
        /// Why.
        error: ApiError,
    },
    /// The order is proven not to have been carried out.
    OrderUnsent {
        /// The permit.
        permit: u64,
        /// Why.
        error: ApiError,
    },
    /// The order may have been carried out; nobody knows yet.
    OrderMaybeSent {
        /// The permit.
        permit: u64,
        /// Why.
        error: ApiError,
    },
    /// A look shows something else than the look before.
    Status {
        /// How it looks now.
        seen: Observation,
    },
    /// Proof that the reinstall began.
    Started {
        /// Which proof.
        proof: String,
    },
    /// A start request is about to leave.
    PowerOn {},
    /// Something the operator should know; nothing ends by it.
    Notice {
        /// What.
        message: String,
    },
    /// How it ended for this server.
    Verdict {
        /// The verdict.
        verdict: Verdict,
        /// Why, where it did not end well.
        error: Option<ApiError>,
    },
    /// No new orders in this run.
    Halted {
        /// Why.
        reason: String,
    },
    /// A signal arrived.
    Signalled {
        /// Its name.
        signal: String,
    },
    /// An operator allows one more order for a server whose earlier one may have been taken.
    Resend {
        /// The permit of the earlier order.
        permit: u64,
        /// Who: user, number of the user, host.
        by: String,
        /// Why.
        reason: String,
    },
    /// The run is taken up again.
    Resumed {
        /// For how many times now.
        times: u32,
    },
    /// The run has ended; nothing is left to do.
    RunClosed {
        /// The exit code.
        exit_code: u8,
    },
    /// A kind that a newer version of the program added: all of its fields, `event` among them. Within a major version
    /// of the journal such a kind never changes what may be sent.
    #[serde(untagged, skip_deserializing)]
    Newer(serde_json::Map<String, serde_json::Value>),
}

impl What {
    /// Every word of the `event` field that this version writes.
    pub const WORDS: [&str; 24] = [
        "run_opened",
        "planned",
        "confirmed",
        "baseline",
        "power_off",
        "stopped",
        "arranging",
        "arranged",
        "not_arranged",
        "order_intent",
        "order_accepted",
        "order_rejected",
        "order_unsent",
        "order_maybe_sent",
        "status",
        "started",
        "power_on",
        "notice",
        "verdict",
        "halted",
        "signalled",
        "resend",
        "resumed",
        "run_closed",
    ];

    /// The word of the `event` field.
    pub fn word(&self) -> &str {
        match self {
            Self::RunOpened(_) => "run_opened",
            Self::Planned(_) => "planned",
            Self::Confirmed { .. } => "confirmed",
            Self::Baseline { .. } => "baseline",
            Self::PowerOff { .. } => "power_off",
            Self::Stopped { .. } => "stopped",
            Self::Arranging { .. } => "arranging",
            Self::Arranged {} => "arranged",
            Self::NotArranged { .. } => "not_arranged",
            Self::OrderIntent { .. } => "order_intent",
            Self::OrderAccepted { .. } => "order_accepted",
            Self::OrderRejected { .. } => "order_rejected",
            Self::OrderUnsent { .. } => "order_unsent",
            Self::OrderMaybeSent { .. } => "order_maybe_sent",
            Self::Status { .. } => "status",
            Self::Started { .. } => "started",
            Self::PowerOn {} => "power_on",
            Self::Notice { .. } => "notice",
            Self::Verdict { .. } => "verdict",
            Self::Halted { .. } => "halted",
            Self::Signalled { .. } => "signalled",
            Self::Resend { .. } => "resend",
            Self::Resumed { .. } => "resumed",
            Self::RunClosed { .. } => "run_closed",
            Self::Newer(fields) => fields.get("event").and_then(serde_json::Value::as_str).unwrap_or("unknown"),
        }
    }

    /// Whether the record must be on stable storage before the program goes on.
    pub fn must_be_durable(&self) -> bool {
        matches!(
            self,
            Self::RunOpened(_)
                | Self::PowerOff { .. }
                | Self::Arranging { .. }
                | Self::OrderIntent { .. }
                | Self::OrderAccepted { .. }
                | Self::PowerOn {}
                | Self::Resend { .. }
                | Self::Verdict { .. }
                | Self::RunClosed { .. }
        )
    }
}
