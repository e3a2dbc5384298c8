//! What can be wrong with an answer or a wish, in words that all providers share.

use super::Exit;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The kind of a fault, whatever HTTP status or code the provider chose for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultClass {
    /// Proven unsent: name lookup, refused connection, failed handshake.
    Unreachable,
    /// Unsent because the certificate is not to be trusted.
    Untrusted,
    /// The connection stood, then it broke or fell silent.
    Broken,
    /// Too many requests; not carried out. The provider's wish for a pause, if it told one.
    Throttled(Option<Duration>),
    /// The token or signature was refused and a fresh one may help.
    SignedOut,
    /// The signature's time was refused: the clocks differ.
    ClockSkew,
    /// The credentials were refused.
    Denied,
    /// No such server, image, key or call.
    NotFound,
    /// The server's present state does not allow it, or another operation is under way.
    Busy,
    /// A person has protected or locked the server.
    Locked,
    /// The provider understood and refuses: bad value, quota, anything final.
    Invalid,
    /// The provider's own failure (5xx).
    Server,
    /// A redirect: this is not the endpoint.
    Redirected,
    /// Not readable as this interface's answer: HTML, cut, wrong type, too large.
    Malformed,
}

impl FaultClass {
    /// The word that reports use in `error.kind`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted_certificate",
            Self::Broken => "connection_lost",
            Self::Throttled(_) => "throttled",
            Self::SignedOut | Self::Denied => "credentials",
            Self::ClockSkew => "clock_skew",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Locked => "locked",
            Self::Invalid => "invalid",
            Self::Server => "provider_error",
            Self::Redirected => "redirected",
            Self::Malformed => "malformed_answer",
        }
    }

    /// What the operator can do about it.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Unreachable => "check network, region and endpoint, then run it again",
            Self::Untrusted => {
                "check the endpoint and the machine's certificates; something may be intercepting the connection"
            }
            Self::Broken => "look at the server before ordering again: `reinstall wait`",
            Self::Throttled(_) => "wait a minute, then run it again with a lower `--concurrency`",
            Self::SignedOut | Self::Denied => "check the credentials with `reinstall check`",
            Self::ClockSkew => "set this machine's clock right (NTP)",
            Self::NotFound => "check id, region and account with `reinstall list`",
            Self::Busy => "wait until the other operation has ended, then run it again",
            Self::Locked => "a person locked or protected it: ask, unlock it at the provider, then run it again",
            Self::Invalid => "correct the request as the message says",
            Self::Server => "try again later; with the request id the provider's support can help",
            Self::Redirected => "correct `--endpoint`: redirects are never followed",
            Self::Malformed => "check the endpoint: a proxy or portal may have answered",
        }
    }

    /// Whether another attempt of the same read may help.
    pub fn worth_retrying(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Broken | Self::Throttled(_) | Self::Server | Self::Malformed)
    }
}

/// An error as the report carries it. Text from a provider is kept as it came; whoever shows it neutralises it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Our word for it.
    pub kind: String,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's text, or ours.
    pub message: String,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// What to do now.
    pub next_step: String,
}

impl ApiError {
    /// An error of our own, with a generic next step.
    pub fn local(kind: &str, message: String) -> Self {
        Self { kind: kind.to_owned(), code: None, message, request_id: None, next_step: String::new() }
    }

    /// The same error with this advice.
    #[must_use]
    pub fn advise(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = next_step.into();
        self
    }

    /// An error that the provider reported.
    pub fn from_provider(
        class: &FaultClass,
        code: Option<String>,
        message: String,
        request_id: Option<String>,
    ) -> Self {
        Self { kind: class.word().to_owned(), code, message, request_id, next_step: class.next_step().to_owned() }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} ({code})", self.message)?,
            None => f.write_str(&self.message)?,
        }
        match &self.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

/// A local "no" before anything is sent: which rule, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A stable word for scripts.
    pub kind: &'static str,
    /// Which rule is broken, never with a secret in it.
    pub message: String,
    /// What to do about it.
    pub next_step: String,
    /// The exit code it leads to when the whole run is refused.
    pub exit: Exit,
}

impl Refusal {
    /// A mistake in what was asked for.
    pub fn usage(kind: &'static str, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { kind, message: message.into(), next_step: next_step.into(), exit: Exit::Usage }
    }

    /// A guard that says no to this server.
    pub fn guard(kind: &'static str, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { kind, message: message.into(), next_step: next_step.into(), exit: Exit::Skipped }
    }

    /// The same as an error for the report.
    pub fn to_error(&self) -> ApiError {
        ApiError::local(self.kind, self.message.clone()).advise(self.next_step.clone())
    }
}

/// Why a read gave nothing. It is never a verdict on a server.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct ReadFault {
    /// What kind of fault, in our words.
    pub class: FaultClass,
    /// The details, with the provider's own code and text where it spoke.
    pub error: ApiError,
}

impl ReadFault {
    /// An answer that could not be read.
    pub fn malformed(message: String) -> Self {
        Self { class: FaultClass::Malformed, error: ApiError::local("malformed_answer", message) }
    }
}

impl From<ReadFault> for Refusal {
    fn from(fault: ReadFault) -> Self {
        let exit = match fault.class {
            FaultClass::SignedOut | FaultClass::Denied | FaultClass::ClockSkew => Exit::Credentials,
            FaultClass::NotFound | FaultClass::Invalid => Exit::Usage,
            _ => Exit::Unreachable,
        };
        Self { kind: fault.class.word(), message: fault.error.to_string(), next_step: fault.error.next_step, exit }
    }
}
