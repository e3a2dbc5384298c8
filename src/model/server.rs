//! What is known about a server, in our words, with the provider's own word beside them.

use super::{ApiError, BadId, ReadFault, ServerId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How the user names a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ref {
    /// The provider's id.
    Id(ServerId),
    /// `name=NAME`: exact, and exactly one.
    Name(String),
    /// `ip=ADDRESS`: exact, and exactly one.
    Ip(IpAddr),
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRef {
    /// Not an id.
    #[error("`{0}` is not a server id: {1}")]
    Id(String, BadId),
    /// `name=` with nothing behind it.
    #[error("`name=` needs a name behind it")]
    EmptyName,
    /// Not an address.
    #[error("`{0}` is not an IP address")]
    Ip(String),
}

impl std::str::FromStr for Ref {
    type Err = BadRef;

    fn from_str(text: &str) -> Result<Self, BadRef> {
        if let Some(name) = text.strip_prefix("name=") {
            if name.is_empty() {
                return Err(BadRef::EmptyName);
            }
            return Ok(Self::Name(name.to_owned()));
        }
        if let Some(ip) = text.strip_prefix("ip=") {
            return ip.parse().map(Self::Ip).map_err(|_| BadRef::Ip(ip.to_owned()));
        }
        ServerId::new(text).map(Self::Id).map_err(|bad| BadRef::Id(text.to_owned(), bad))
    }
}

impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => write!(f, "name={name}"),
            Self::Ip(ip) => write!(f, "ip={ip}"),
        }
    }
}

/// What a server is doing, as far as a reinstall is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Up.
    Running,
    /// Powered off.
    Stopped,
    /// A status that the provider names for a reinstall under way: it proves that one began.
    Installing,
    /// Another known passing state: starting, stopping, being resized.
    Changing,
    /// The provider reports a failed installation or a broken server.
    Failed,
    /// Being released or in a recycle bin.
    Gone,
    /// A word that no document explains; it proves nothing and ends nothing.
    Unknown,
}

/// The state of an operation that the provider shows beside the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The provider's word, such as `reinstall-processing`.
    pub word: String,
    /// Whether the word speaks of reinstalling: only then it can prove that one began.
    pub reinstall: bool,
}

/// The state of our own job, task or action at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandleState {
    /// Not ended yet, or a state that no document explains.
    Working,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
}

/// One look at a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The provider's status word as it came.
    pub status: String,
    /// What that means.
    pub phase: Phase,
    /// The operation state, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The job that our own order was answered with, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleState>,
    /// Id of the installed image.
    #[serde(default)]
    pub image: Option<String>,
    /// Attributes that an order may change, by the provider's name for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<String, String>,
    /// What the provider says is wrong, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
}

impl Observation {
    /// A look that shows a status and nothing else.
    pub fn of(status: impl Into<String>, phase: Phase) -> Self {
        Self {
            status: status.into(),
            phase,
            operation: None,
            handle: None,
            image: None,
            marks: BTreeMap::new(),
            error: None,
        }
    }

    /// Whether two looks show the same state (the fault text and the marks may differ).
    pub fn same_state(&self, other: &Self) -> bool {
        self.phase == other.phase
            && self.status.eq_ignore_ascii_case(&other.status)
            && self.operation == other.operation
            && self.handle == other.handle
    }
}

/// A server with everything that plan and order need from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: ServerId,
    /// Its name at the provider.
    pub name: Option<String>,
    /// Its addresses as text.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Region or zone.
    pub zone: Option<String>,
    /// Hardware model or flavour.
    pub model: Option<String>,
    /// Name of the installed image, where the provider tells.
    pub image_name: Option<String>,
    /// How it looked.
    pub seen: Observation,
    /// Whatever else the provider's order builder needs; only the provider's folder reads it.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl Record {
    /// Whether the reference means this server, exactly.
    pub fn is(&self, reference: &Ref) -> bool {
        match reference {
            Ref::Id(id) => self.id == *id,
            Ref::Name(name) => self.name.as_deref() == Some(name),
            Ref::Ip(ip) => self.addresses.iter().any(|address| address.parse() == Ok(*ip)),
        }
    }
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The server.
    pub id: ServerId,
    /// The job of our order, if the answer named one.
    pub ticket: Option<String>,
}

/// What one look gave for one server.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It is there.
    Here(Observation),
    /// The provider answered and does not know it.
    Absent,
    /// The look failed for this server; proves nothing.
    Fault(ReadFault),
}

/// An image that can be installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its id, as `--image` takes it.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Operating system family, as the provider writes it.
    pub os: Option<String>,
    /// Zone, model or kind that it is offered for.
    pub offered_for: Option<String>,
}

/// A key pair of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyPair {
    /// What `--ssh-key` takes.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Fingerprint, where the provider tells.
    pub fingerprint: Option<String>,
}
