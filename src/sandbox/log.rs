//! What the sandbox received and did. Neither bodies nor headers are kept: they carry secrets.

use super::Operation;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Requests that are kept; older ones are dropped and counted.
const KEPT: usize = 100_000;

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Place in the order of arrival, from 1.
    pub seq: u64,
    /// Civil time of arrival.
    pub at: DateTime<Utc>,
    /// HTTP method.
    pub method: String,
    /// Raw path without query.
    pub path: String,
    /// The kind of call; `None` if no vendor knows the path.
    pub operation: Option<Operation>,
    /// The provider's name of the call.
    pub action: Option<String>,
    /// The product.
    pub provider: Option<&'static str>,
    /// Servers that it names.
    pub servers: Vec<String>,
    /// HTTP status of the answer; `None` if none was sent.
    pub status: Option<u16>,
    /// Words of the faults that befell it, joined by `+`.
    pub fault: Option<String>,
    /// Whether its signature or token was right.
    pub authorized: bool,
}

/// A copy of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Log {
    /// Requests in the order of arrival.
    pub requests: Vec<Entry>,
    /// How many older requests are no longer in `requests`.
    pub dropped: u64,
    /// How often each server was really reinstalled, vanished servers too.
    pub reinstalls: BTreeMap<String, u32>,
}

/// The requests so far.
#[derive(Debug, Default)]
pub(super) struct Requests {
    kept: VecDeque<Entry>,
    last: u64,
}

impl Requests {
    /// Adds a request and numbers it.
    pub(super) fn push(&mut self, mut entry: Entry) {
        self.last += 1;
        entry.seq = self.last;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(entry);
    }

    /// A copy of what is kept, with how many are not.
    pub(super) fn snapshot(&self) -> (Vec<Entry>, u64) {
        let kept: Vec<_> = self.kept.iter().cloned().collect();
        let dropped = self.last - kept.len() as u64;
        (kept, dropped)
    }

    /// Forgets everything and numbers from 1 again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
