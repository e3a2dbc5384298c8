//! What the user wishes, what was settled for one server, and what the order needs when it is built.

use super::{Phase, Record, ServerId};
use crate::secret::{Reveal, Secret, SharedSecret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image or a key pair as the user names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// By the provider's id.
    Id(String),
    /// `name=NAME`: exact and unique.
    Name(String),
}

impl std::str::FromStr for Choice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("name=") {
            Some("") => Err("`name=` needs a name behind it"),
            Some(name) => Ok(Self::Name(name.to_owned())),
            None if text.trim().is_empty() => Err("an id must not be empty"),
            None => Ok(Self::Id(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Name(name) => write!(f, "name={name}"),
        }
    }
}

/// `--set FIELD=VALUE` after its kind was checked.
pub type FieldValue = serde_json::Value;

/// How to stop a server that must be stopped first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerOff {
    /// Ask the operating system.
    #[default]
    Soft,
    /// Cut the power.
    Hard,
    /// Do not: refuse a running server.
    Never,
}

/// What to do with a server that ends its reinstall powered off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerOn {
    /// Start it.
    #[default]
    Auto,
    /// Leave it off and say so.
    Never,
}

/// Which login the user chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginWish {
    /// A password comes with the order.
    pub password: bool,
    /// `--no-login`.
    pub none: bool,
}

/// A condition that a server must meet: `--expect KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// `name`, `ip`, `image` or `status`.
    pub key: String,
    /// What it must be.
    pub value: String,
}

/// What to install and how to log in, the same for every server of a run. It holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// The image; left out: the server's present one.
    pub image: Option<Choice>,
    /// The key pair.
    pub key: Option<Choice>,
    /// Password or none.
    pub login: LoginWish,
    /// Host name.
    pub hostname: Option<String>,
    /// Whether user data comes with the order.
    pub user_data: bool,
    /// JD Cloud's data disks.
    pub keep_data: Option<bool>,
    /// `--set`, by the provider's field name; secret ones are in [`OrderSecrets`].
    pub fields: BTreeMap<String, FieldValue>,
    /// How to stop.
    pub power_off: PowerOff,
    /// What if it ends off.
    pub power_on: PowerOn,
    /// Guards.
    pub expect: Vec<Expectation>,
}

/// What happens to the power before the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerPlan {
    /// Nothing: its present state is right.
    Nothing,
    /// The program stops it and waits until it is off.
    StopFirst,
    /// The reinstall call itself stops it.
    StoppedByOrder,
}

/// Everything settled for one server. It holds no secret and goes into the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// The live record that the plan was made from.
    pub record: Record,
    /// Image to be installed: id and name, `None` where the provider installs without one.
    pub image: Option<(String, Option<String>)>,
    /// Power before the order.
    pub power: PowerPlan,
    /// The order's fields without secrets, in the provider's own shape; only the provider's folder reads it.
    pub body: serde_json::Value,
    /// Lines for the plan: what, and which value (with its origin where it was read from the server).
    pub lines: Vec<(String, String)>,
    /// Marks of [`super::Observation`] that the order must change: to this value, or (`None`) to anything else.
    #[serde(default)]
    pub must_change: BTreeMap<String, Option<String>>,
    /// The phase that a good end shows.
    pub ends: Phase,
}

/// The secrets of one server's order. Never stored.
#[derive(Default)]
pub struct OrderSecrets {
    /// The password.
    pub password: Option<SharedSecret>,
    /// User data as the user wrote it.
    pub user_data: Option<SharedSecret>,
    /// Secret `--set` fields.
    pub fields: BTreeMap<String, SharedSecret>,
    /// Where a password goes that the provider makes up; without one it is forgotten.
    pub keep: Option<Arc<dyn Keep>>,
}

/// Keeps what a provider returned: on stable storage once this is back.
pub trait Keep: Send + Sync {
    /// Keeps the password of one server; the text of a failure holds nothing of it.
    fn keep(&self, id: &ServerId, password: &Secret) -> Result<(), String>;
}

/// What an order is built from: one call for one or several servers that share image and secrets.
pub struct Order<'a> {
    /// At least one; more than one only up to the product's batch limit.
    pub batch: &'a [&'a Prepared],
    /// Password, user data, secret fields.
    pub secrets: &'a OrderSecrets,
    /// Made once per order, for providers that know such a token.
    pub token: Option<&'a str>,
    /// To be sent or to be shown.
    pub reveal: Reveal,
}
