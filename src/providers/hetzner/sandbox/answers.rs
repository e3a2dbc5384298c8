//! The error envelope, pages, and the rate limit headers that are on every answer.

use crate::sandbox::{Inbound, Outbound, World};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::Duration;

/// Requests an hour; one comes back each second.
const LIMIT: u64 = 3600;

/// A refusal.
pub(super) struct No {
    status: u16,
    code: &'static str,
    message: String,
}

impl No {
    pub(super) fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned() }
    }

    pub(super) fn outbound(self) -> Outbound {
        let error = json!({ "code": self.code, "message": self.message, "details": null });
        Outbound::json(self.status, &json!({ "error": error }))
    }
}

/// What is left of the allowance of requests.
pub(super) struct Budget {
    used: u64,
    since: Duration,
    at: DateTime<Utc>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { used: 0, since: Duration::ZERO, at: DateTime::UNIX_EPOCH }
    }
}

impl Budget {
    /// Notes when a request came, and gives back what has become free since.
    pub(super) fn arrived(&mut self, at: DateTime<Utc>, now: Duration) {
        let seconds = now.saturating_sub(self.since).as_secs();
        self.used = self.used.saturating_sub(seconds);
        self.since += Duration::from_secs(seconds);
        self.at = at;
    }

    /// Takes one request; `false` if there is none left.
    pub(super) fn take(&mut self) -> bool {
        let free = self.used < LIMIT;
        self.used += u64::from(free);
        free
    }

    /// Uses all of it up.
    pub(super) fn empty(&mut self) {
        self.used = LIMIT;
    }

    /// Puts the headers on an answer.
    pub(super) fn stamped(&self, answer: Outbound, world: &mut World) -> Outbound {
        let reset = self.at.timestamp().saturating_add_unsigned(self.used);
        answer
            .with("x-correlation-id", world.request_id().replace('-', ""))
            .with("ratelimit-limit", LIMIT.to_string())
            .with("ratelimit-remaining", (LIMIT - self.used).to_string())
            .with("ratelimit-reset", reset.to_string())
    }
}

/// One page of a list; 25 rows unless asked otherwise, 50 at most.
pub(super) fn page(request: &Inbound, name: &str, rows: Vec<Value>) -> Result<Outbound, No> {
    let number = |key: &str, default: usize| match request.parameter(key) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|number| *number >= 1)
            .ok_or_else(|| No::new(400, "invalid_input", &format!("invalid input in field '{key}'"))),
    };
    let (page, size) = (number("page", 1)?, number("per_page", 25)?.min(50));
    let total = rows.len();
    let last = total.div_ceil(size).max(1);
    let rows: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
    let pagination = json!({
        "page": page, "per_page": size, "total_entries": total, "last_page": last,
        "previous_page": (page > 1).then(|| page - 1), "next_page": (page < last).then(|| page + 1),
    });
    Ok(Outbound::json(200, &json!({ name: rows, "meta": { "pagination": pagination } })))
}
