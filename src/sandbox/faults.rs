//! What can go wrong, and which requests a rule means.

use super::machine::{Ending, Fate};
use super::{Injected, Operation, Route};
use std::time::Duration;

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The connection is closed and nothing is carried out.
    CloseBefore,
    /// Carried out; the connection is closed without a byte.
    DropAnswer,
    /// Carried out; the connection is reset after so much of the answer.
    ResetAnswer(Cut),
    /// Carried out; the connection is closed after so much of the answer.
    Truncate(Cut),
    /// Carried out; silence after so much of the answer, the connection stays open.
    Stall(Cut),
    /// Carried out at once, answered after this time.
    Delay(Duration),
    /// Carried out; the answer comes one byte at a time, with this pause between two.
    Drip(Duration),
    /// Another answer than the vendor's.
    Foreign(Foreign),
    /// A refusal or failure in the vendor's words; nothing is carried out.
    Says(Injected, Option<u16>),
    /// Too many requests, with this `Retry-After` as it stands.
    Throttle(Option<String>),
    /// Carried out, yet answered with the vendor's internal failure.
    ServerErrorAfter(u16),
    /// The request arrives with the sandbox's clock this much ahead (behind if negative), in milliseconds.
    Skew(i64),
    /// The reinstall ends like this.
    Ends(Ending),
    /// The installing state never shows.
    HidesProgress,
    /// The old state shows for so long after acceptance.
    Stale(Duration),
    /// The reinstall takes so long.
    Lasts(Duration),
}

/// Where an answer breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// So many bytes arrive.
    pub bytes: usize,
    /// Counted from the first byte of the body; otherwise from the first byte of the status line.
    pub after_head: bool,
}

/// An answer that does not speak the vendor's format.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// What comes.
    pub answer: ForeignAnswer,
    /// Whether the request is carried out all the same.
    pub carried_out: bool,
}

/// Answers of proxies, portals and broken servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignAnswer {
    /// A redirect.
    Redirect {
        /// HTTP status.
        status: u16,
        /// `Location`.
        location: String,
    },
    /// A page for people.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// Bytes that are no text, called JSON.
    Garbage {
        /// HTTP status.
        status: u16,
    },
    /// A document of so many bytes.
    Huge {
        /// Size of the body.
        bytes: u64,
    },
    /// The vendor's answer under another content type.
    ContentType {
        /// The header's value.
        value: String,
    },
}

/// Rules of one axis exclude each other on one request; rules of different axes add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Clock,
    Answer,
    Ending,
    Progress,
    Stale,
    Duration,
}

impl Fault {
    /// Which other rules it excludes on one request.
    pub(super) fn axis(&self) -> Axis {
        match self {
            Self::Skew(_) => Axis::Clock,
            Self::Ends(_) => Axis::Ending,
            Self::HidesProgress => Axis::Progress,
            Self::Stale(_) => Axis::Stale,
            Self::Lasts(_) => Axis::Duration,
            _ => Axis::Answer,
        }
    }

    /// Whether it is about the life of a server and so belongs to reinstalls alone.
    pub fn is_of_life(&self) -> bool {
        !matches!(self.axis(), Axis::Clock | Axis::Answer)
    }

    /// Whether the request is carried out all the same.
    pub fn carries_out(&self) -> bool {
        match self {
            Self::CloseBefore | Self::Says(..) | Self::Throttle(_) => false,
            Self::Foreign(foreign) => foreign.carried_out,
            _ => true,
        }
    }

    /// Shapes what a reinstall comes to.
    pub(super) fn shape(&self, fate: &mut Fate) {
        match self {
            Self::Ends(ending) => fate.ending = *ending,
            Self::HidesProgress => fate.shows_progress = false,
            Self::Stale(duration) => fate.stale = *duration,
            Self::Lasts(duration) => fate.duration = *duration,
            _ => {}
        }
    }

    /// The word of the control interface and the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::CloseBefore => "close_before",
            Self::DropAnswer => "drop_answer",
            Self::ResetAnswer(_) => "reset_answer",
            Self::Truncate(_) => "truncate",
            Self::Stall(_) => "stall",
            Self::Delay(_) => "delay",
            Self::Drip(_) => "drip",
            Self::Foreign(foreign) => match foreign.answer {
                ForeignAnswer::Redirect { .. } => "redirect",
                ForeignAnswer::Html { .. } => "html",
                ForeignAnswer::Garbage { .. } => "garbage",
                ForeignAnswer::Huge { .. } => "huge",
                ForeignAnswer::ContentType { .. } => "content_type",
            },
            Self::Says(Injected::Throttled, _) | Self::Throttle(_) => "throttle",
            Self::Says(Injected::Unauthorized, _) => "unauthorized",
            Self::Says(Injected::Forbidden, _) => "forbidden",
            Self::Says(Injected::WrongState, _) => "wrong_state",
            Self::Says(Injected::Invalid, _) => "invalid",
            Self::Says(Injected::NotFound, _) => "not_found",
            Self::Says(Injected::ServerError, _) => "server_error",
            Self::Says(Injected::NotSuccessful, _) => "not_successful",
            Self::ServerErrorAfter(_) => "server_error_after",
            Self::Skew(_) => "skew",
            Self::Ends(Ending::Failed) => "fail_install",
            Self::Ends(Ending::Stuck) => "stuck_install",
            Self::Ends(Ending::NeverStarts) => "never_start",
            Self::Ends(Ending::Off) => "ends_off",
            Self::Ends(Ending::Vanishes) => "vanish",
            Self::Ends(Ending::Good) => "ends_well",
            Self::HidesProgress => "no_progress_shown",
            Self::Stale(_) => "stale",
            Self::Lasts(_) => "slow_install",
        }
    }
}

/// One rule: which requests, how often, what happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The kind of call; `None` is any.
    pub operation: Option<Operation>,
    /// A product, or a vendor's name for all of its products; `None` is any.
    pub provider: Option<String>,
    /// A server that the request names; `None` is any.
    pub instance: Option<String>,
    /// So many matching requests pass first.
    pub after: u32,
    /// So often it happens.
    pub times: u32,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// A rule for the next request of any kind; one about the life of a server means reinstalls.
    pub fn new(fault: Fault) -> Self {
        let operation = fault.is_of_life().then_some(Operation::Reinstall);
        Self { operation, provider: None, instance: None, after: 0, times: 1, fault }
    }

    /// Only calls of this kind.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only requests that name this server.
    #[must_use]
    pub fn instance(mut self, id: &str) -> Self {
        self.instance = Some(id.to_owned());
        self
    }

    /// Only this product, or all products of this vendor.
    #[must_use]
    pub fn provider(mut self, name: &str) -> Self {
        self.provider = Some(name.to_owned());
        self
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.after = count;
        self
    }

    /// Happens so often.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = count;
        self
    }

    /// Whether the request is one that it names.
    pub(super) fn means(&self, route: &Route) -> bool {
        let provider = self.provider.as_deref().is_none_or(|name| {
            route.provider == name || route.provider.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        });
        provider
            && self.operation.is_none_or(|operation| operation == route.operation)
            && self.instance.as_ref().is_none_or(|id| route.servers.contains(id))
    }
}
