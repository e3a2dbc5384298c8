//! What Ironic's documents look like, as far as they are read.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A node, as a plan needs it; fields that were not asked for, or that a policy hides, are absent.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Node {
    pub(super) uuid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) resource_class: Option<String>,
    pub(super) instance_uuid: Option<String>,
    pub(super) driver_info: Option<Map<String, Value>>,
    pub(super) network_data: Option<Value>,
    #[serde(flatten)]
    pub(super) glance: Glance,
}

/// A node, as a watch needs it: drift elsewhere must not blind a watch.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Glance {
    pub(super) provision_state: Option<String>,
    pub(super) power_state: Option<String>,
    pub(super) last_error: Option<String>,
    pub(super) provision_updated_at: Option<String>,
    #[serde(default)]
    pub(super) maintenance: Option<bool>,
    #[serde(default)]
    pub(super) protected: Option<bool>,
    pub(super) maintenance_reason: Option<String>,
    pub(super) protected_reason: Option<String>,
    pub(super) reservation: Option<String>,
    pub(super) instance_info: Option<Map<String, Value>>,
}

/// A row of a watch: which node, and how it is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Watched {
    pub(super) uuid: Option<String>,
    #[serde(flatten)]
    pub(super) glance: Glance,
}

/// One page of `GET /v1/nodes`.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
pub(super) struct Page<T> {
    pub(super) nodes: Option<Vec<T>>,
    /// Address of the next page; it is there only if there is one.
    pub(super) next: Option<String>,
}

/// `GET /v1/nodes/{node}/history`, the oldest entry first.
#[derive(Debug, Deserialize)]
pub(super) struct History {
    pub(super) history: Option<Vec<Entry>>,
}

/// One thing that happened to a node.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) created_at: Option<String>,
    pub(super) severity: Option<String>,
    pub(super) event: Option<String>,
}

/// The two envelopes of errors: Ironic's own, and the one of the sign-in in front of it.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub(super) error_message: Option<Value>,
    pub(super) error: Option<Front>,
}

/// The error of HTTP basic and of the token check.
#[derive(Debug, Deserialize)]
pub(super) struct Front {
    pub(super) code: Option<u16>,
    pub(super) title: Option<String>,
    pub(super) message: Option<String>,
}

/// What stands in `error_message`, mostly as a JSON document inside of a JSON string. `debuginfo` is never read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Told {
    pub(super) faultcode: Option<String>,
    pub(super) faultstring: Option<String>,
    pub(super) code: Option<Value>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
}
