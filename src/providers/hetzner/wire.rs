//! Documents of the interface, with the fields that are read. Ids are whole numbers.

use serde::Deserialize;

/// One page of a list has its rows under the name of what it lists; `meta` is the same everywhere.
#[derive(Deserialize)]
pub(super) struct Meta {
    pub(super) pagination: Option<Pagination>,
}

#[derive(Deserialize)]
pub(super) struct Pagination {
    pub(super) page: Option<u64>,
    pub(super) next_page: Option<u64>,
    pub(super) last_page: Option<u64>,
    pub(super) total_entries: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Servers {
    pub(super) servers: Vec<Server>,
    pub(super) meta: Option<Meta>,
}

#[derive(Deserialize)]
pub(super) struct OneServer {
    pub(super) server: Server,
}

#[derive(Deserialize)]
pub(super) struct Server {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) locked: bool,
    pub(super) protection: Option<Protection>,
    /// Null once the image was deleted.
    pub(super) image: Option<Image>,
    pub(super) server_type: Option<ServerType>,
    pub(super) datacenter: Option<Named>,
    pub(super) location: Option<Named>,
    pub(super) public_net: Option<PublicNet>,
    #[serde(default)]
    pub(super) private_net: Vec<PrivateNet>,
    /// GB.
    pub(super) primary_disk_size: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Protection {
    #[serde(default)]
    pub(super) rebuild: bool,
}

#[derive(Deserialize)]
pub(super) struct ServerType {
    pub(super) name: Option<String>,
    /// `x86` or `arm`.
    pub(super) architecture: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PublicNet {
    pub(super) ipv4: Option<Address>,
    pub(super) ipv6: Option<Address>,
}

#[derive(Deserialize)]
pub(super) struct Address {
    /// An address; for IPv6 the server's network.
    pub(super) ip: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PrivateNet {
    pub(super) ip: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Images {
    pub(super) images: Vec<Image>,
    pub(super) meta: Option<Meta>,
}

#[derive(Deserialize)]
pub(super) struct OneImage {
    pub(super) image: Image,
}

#[derive(Clone, Deserialize)]
pub(super) struct Image {
    pub(super) id: u64,
    /// Null for snapshots and backups.
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    /// `available`, `creating`, `unavailable`.
    pub(super) status: Option<String>,
    pub(super) os_flavor: Option<String>,
    pub(super) os_version: Option<String>,
    pub(super) architecture: Option<String>,
    /// GB that the server's disk must have.
    pub(super) disk_size: Option<f64>,
    /// Set once it was declared old; such images can still be used for a time.
    pub(super) deprecation: Option<Deprecation>,
    /// The same in older answers: since when.
    pub(super) deprecated: Option<String>,
    /// Set once it was deleted.
    pub(super) deleted: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Deprecation {
    pub(super) announced: Option<String>,
    /// From then on it cannot be installed any more.
    pub(super) unavailable_after: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Keys {
    pub(super) ssh_keys: Vec<Key>,
    pub(super) meta: Option<Meta>,
}

#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) fingerprint: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Actions {
    pub(super) actions: Vec<Action>,
}

/// The actions of one server.
#[derive(Deserialize)]
pub(super) struct ServerActions {
    pub(super) actions: Vec<Action>,
    pub(super) meta: Option<Meta>,
}

/// The answer to an order or a power call. It has a field `root_password` too, which this type does not read.
#[derive(Deserialize)]
pub(super) struct Begun {
    pub(super) action: Action,
}

/// The secret part of the same answer; it becomes a [`crate::secret::Secret`] where it is read.
#[derive(Deserialize)]
pub(super) struct Made {
    pub(super) root_password: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) command: Option<String>,
    /// `running`, `success`, `error`.
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) resources: Vec<Resource>,
    pub(super) error: Option<Problem>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Resource {
    pub(super) id: u64,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// The provider's error, of a call or of an action.
#[derive(Clone, Deserialize)]
pub(super) struct Problem {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Refused {
    pub(super) error: Problem,
}
