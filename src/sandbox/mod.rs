//! The sandbox: the providers' interfaces on loopback, with signatures checked and faults on demand.
//!
//! This module knows no vendor: each vendor's folder brings an [`Emulator`], and they share
//! [`machine::Machine`] for the lives of servers.

mod connection;
mod control;
mod delivery;
pub mod faults;
mod host;
pub mod log;
pub mod machine;
pub mod rule_json;
mod rules;
mod server;
#[cfg(test)]
mod tests;

pub use server::{Sandbox, StartError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method};
use machine::Fleet;
use std::collections::BTreeMap;
use std::time::Duration;

/// A request as it was received.
pub struct Inbound {
    /// HTTP method.
    pub method: Method,
    /// The raw path as it stood on the wire, without query.
    pub path: String,
    /// The raw query as it stood on the wire, without `?`; empty if there is none.
    pub query: String,
    /// Headers, `host` among them.
    pub headers: HeaderMap,
    /// Body bytes.
    pub body: Bytes,
    /// Civil time of arrival, for the signature's time.
    pub at: DateTime<Utc>,
}

impl Inbound {
    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Query parameters, decoded, in the order of the wire.
    pub fn parameters(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The first query parameter of that name, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The body as JSON; `None` if it is none.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Path segments, percent-decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect()
    }
}

/// What kind of call a request is, for faults and for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Obtaining a token.
    SignIn,
    /// Any read.
    Read,
    /// Powering off.
    Stop,
    /// Powering on.
    Start,
    /// The call before an order, which changes the server's record.
    Arrange,
    /// The order.
    Reinstall,
}

/// Where a request belongs.
#[derive(Clone, Debug)]
pub struct Route {
    /// The product that it speaks to; the vendor's name for calls that all its products share.
    pub provider: &'static str,
    /// What kind of call.
    pub operation: Operation,
    /// The provider's name of the call.
    pub action: String,
    /// The servers that it names.
    pub servers: Vec<String>,
}

/// An answer.
pub struct Outbound {
    /// HTTP status.
    pub status: u16,
    /// Extra headers; `content-type` is JSON unless it is among them.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Bytes,
}

impl Outbound {
    /// A JSON answer.
    pub fn json(status: u16, document: &serde_json::Value) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::from(document.to_string()) }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers that a fault rule asks for and that the vendor words in its own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// Too many requests.
    Throttled,
    /// Signature or token refused.
    Unauthorized,
    /// Not allowed.
    Forbidden,
    /// Present state does not allow it.
    WrongState,
    /// Bad value.
    Invalid,
    /// No such server.
    NotFound,
    /// Internal failure.
    ServerError,
    /// HTTP success whose document says that it did not succeed; the same as `Invalid` where there is no such form.
    NotSuccessful,
}

/// Everything that lives in the sandbox, shared by the vendors.
pub struct World {
    /// All servers.
    pub fleet: Fleet,
    /// Sandbox time since its start: real time, times the speed.
    pub now: Duration,
    /// What the reinstall being answered will come to, as the fault rules say.
    pub fate: machine::Fate,
    fates: BTreeMap<String, machine::Fate>,
    counter: u64,
}

impl World {
    /// A world with these servers.
    pub fn new(fleet: Fleet) -> Self {
        Self { fleet, now: Duration::ZERO, fate: machine::Fate::default(), fates: BTreeMap::new(), counter: 0 }
    }

    /// What the reinstall being answered will come to for this one of its servers: a rule may name one
    /// server of a call for several. Where none does, it is [`World::fate`].
    pub fn fate_of(&self, id: &str) -> machine::Fate {
        self.fates.get(id).copied().unwrap_or(self.fate)
    }

    /// A number that was not used before, for request and job ids.
    pub fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A request id in UUID form, repeatable from run to run.
    pub fn request_id(&mut self) -> String {
        uuid::Uuid::from_u128(0x5a0d_b0c5_0000_4000_8000_0000_0000_0000 + u128::from(self.next_number())).to_string()
    }
}

/// One vendor's part of the sandbox. It checks what it receives as the vendor documents it.
pub trait Emulator: Send {
    /// Tells whether the request is for this vendor, and which call it is.
    fn route(&self, request: &Inbound) -> Option<Route>;
    /// Recomputes signature or token from the bytes received; the vendor's 401 if they do not fit.
    fn verify(&mut self, request: &Inbound, world: &mut World) -> Result<(), Outbound>;
    /// Validates the request and carries it out.
    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound;
    /// Words an injected answer in the vendor's format.
    fn inject(&mut self, what: Injected, route: &Route, world: &mut World) -> Outbound;
    /// Environment variables with which the program and the vendor's tools reach this part.
    fn credentials(&self) -> Vec<(&'static str, String)>;
    /// Environment variables that hold the sandbox's address as the vendor's tools want it; `base` has no path.
    fn addresses(&self, _base: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Forgets what it remembers of orders, when every server goes back to how it was.
    fn reset(&mut self) {}
    /// The ready-made servers.
    fn machines(&self) -> Vec<machine::Machine>;
}
