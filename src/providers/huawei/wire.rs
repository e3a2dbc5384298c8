//! The provider's documents as types: what is not documented as always there is optional.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Answer of `GET /v1/{project_id}/cloudservers/detail`.
#[derive(Deserialize)]
pub(super) struct ServerList {
    pub(super) servers: Vec<Server>,
    /// How many servers the account has, or how many the filter met.
    pub(super) count: Option<usize>,
}

/// Answer of `GET /v1/{project_id}/cloudservers/{server_id}`.
#[derive(Deserialize)]
pub(super) struct ServerAnswer {
    pub(super) server: Server,
}

/// One ECS; for an unknown id in a list all fields but the id are null.
#[derive(Deserialize)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    pub(super) task_state: Option<String>,
    pub(super) locked: Option<bool>,
    pub(super) image: Option<ImageOfServer>,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
    pub(super) addresses: Option<BTreeMap<String, Vec<Address>>>,
    pub(super) flavor: Option<Flavor>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    pub(super) zone: Option<String>,
    pub(super) fault: Option<ServerFault>,
}

/// The image; a server that boots from a volume may show an empty text in its place.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ImageOfServer {
    /// As documented.
    Image {
        /// The image's id.
        id: Option<String>,
    },
    /// In its place.
    Text(String),
}

/// The keys of a server's metadata that matter here.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) image_name: Option<String>,
    #[serde(rename = "metering.image_id")]
    pub(super) image_id: Option<String>,
    pub(super) os_type: Option<String>,
    #[serde(rename = "EcmResStatus")]
    pub(super) resource_status: Option<String>,
}

/// One address of a server.
#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) addr: Option<String>,
}

/// The flavour.
#[derive(Deserialize)]
pub(super) struct Flavor {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

/// Why a server is in state ERROR.
#[derive(Deserialize)]
pub(super) struct ServerFault {
    pub(super) code: Option<serde_json::Value>,
    pub(super) message: Option<String>,
}

impl Server {
    /// Id of the installed image.
    pub(super) fn image_id(&self) -> Option<String> {
        let direct = match self.image.as_ref() {
            Some(ImageOfServer::Image { id }) => id.as_deref(),
            Some(ImageOfServer::Text(text)) => Some(text.as_str()),
            None => None,
        };
        direct
            .filter(|id| !id.is_empty())
            .or_else(|| self.metadata.as_ref()?.image_id.as_deref())
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    }

    /// Whether the account's resources are frozen (arrears, a public order).
    pub(super) fn frozen(&self) -> bool {
        let status = self.metadata.as_ref().and_then(|metadata| metadata.resource_status.as_deref());
        status.is_some_and(|status| status.eq_ignore_ascii_case("freeze"))
    }

    /// Addresses as text.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.addresses.iter().flat_map(BTreeMap::values).flatten().filter_map(|address| address.addr.clone()).collect()
    }
}

/// Answer to a call that begins a task. One sibling interface spells the name differently.
#[derive(Deserialize)]
pub(super) struct Task {
    #[serde(alias = "jobId")]
    pub(super) job_id: String,
}

/// Answer of `GET /v1/{project_id}/jobs/{job_id}`; sub jobs have the same form.
#[derive(Deserialize)]
pub(super) struct Job {
    pub(super) status: Option<String>,
    pub(super) job_id: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) fail_reason: Option<String>,
    pub(super) entities: Option<JobEntities>,
}

/// What a job is about.
#[derive(Deserialize)]
pub(super) struct JobEntities {
    pub(super) server_id: Option<String>,
    pub(super) errorcode_message: Option<String>,
    #[serde(default)]
    pub(super) sub_jobs: Option<Vec<Job>>,
}

/// Answer of `GET /v2/cloudimages`.
#[derive(Deserialize)]
pub(super) struct ImageList {
    pub(super) images: Vec<ImageRow>,
    pub(super) page_info: Option<PageInfo>,
}

/// One image.
#[derive(Deserialize)]
pub(super) struct ImageRow {
    pub(super) id: String,
    pub(super) name: Option<String>,
    #[serde(rename = "__os_type")]
    pub(super) os_type: Option<String>,
    #[serde(rename = "__os_version")]
    pub(super) os_version: Option<String>,
    #[serde(rename = "__platform")]
    pub(super) platform: Option<String>,
    pub(super) virtual_env_type: Option<String>,
    #[serde(rename = "__support_fc_inject")]
    pub(super) platform_injects: Option<String>,
}

/// Where the next page is.
#[derive(Deserialize)]
pub(super) struct PageInfo {
    pub(super) next_marker: Option<String>,
}

impl PageInfo {
    /// The marker of the next page; some pages write a whole address in its place.
    pub(super) fn next(&self) -> Option<String> {
        let text = self.next_marker.as_deref().filter(|text| !text.is_empty())?;
        match text.split_once('?') {
            Some((_, query)) => url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "marker")
                .map(|(_, value)| value.into_owned()),
            None => Some(text.to_owned()),
        }
    }
}

/// Answer of both calls that list key pairs.
#[derive(Deserialize)]
pub(super) struct KeyPairList {
    pub(super) keypairs: Vec<KeyPairRow>,
    pub(super) page_info: Option<PageInfo>,
}

/// One row of it.
#[derive(Deserialize)]
pub(super) struct KeyPairRow {
    pub(super) keypair: KeyPairFields,
}

/// A key pair: its name is its id.
#[derive(Deserialize)]
pub(super) struct KeyPairFields {
    pub(super) name: String,
    pub(super) fingerprint: Option<String>,
}

/// Answer of CloudDC's `GET /v1/{project_id}/instances`.
#[derive(Deserialize)]
pub(super) struct InstanceList {
    pub(super) instances: Vec<Instance>,
    pub(super) page_info: Option<PageInfo>,
}

/// One CloudDC instance.
#[derive(Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) state: Option<String>,
    /// One example of the documentation has this name for the state.
    pub(super) status: Option<String>,
    pub(super) operation_state: Option<String>,
    pub(super) server_id: Option<String>,
    pub(super) image: Option<InstanceImage>,
    #[serde(default)]
    pub(super) network_interfaces: Option<Vec<NetworkInterface>>,
    pub(super) launched_at: Option<String>,
    pub(super) error: Option<InstanceFault>,
}

/// The image of an instance.
#[derive(Deserialize)]
pub(super) struct InstanceImage {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

/// One interface of an instance.
#[derive(Deserialize)]
pub(super) struct NetworkInterface {
    pub(super) ipv4_address: Option<String>,
}

/// What is wrong with an instance.
#[derive(Deserialize)]
pub(super) struct InstanceFault {
    pub(super) error_code: Option<String>,
    pub(super) error_msg: Option<String>,
    pub(super) error_type: Option<String>,
}

impl Instance {
    /// Addresses as text.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.network_interfaces
            .iter()
            .flatten()
            .filter_map(|interface| interface.ipv4_address.clone())
            .filter(|text| text.parse::<IpAddr>().is_ok())
            .collect()
    }
}

/// Answer to CloudDC's batch calls: the ids that were taken.
#[derive(Deserialize)]
pub(super) struct Taken {
    #[serde(alias = "physical_servers")]
    pub(super) instances: Vec<TakenRow>,
}

/// One id of it.
#[derive(Deserialize)]
pub(super) struct TakenRow {
    pub(super) id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_taken_out_of_an_address() {
        let next = |text: &str| PageInfo { next_marker: Some(text.to_owned()) }.next();
        assert_eq!(next("abc").as_deref(), Some("abc"));
        assert_eq!(next("https://h/v1/p/instances?limit=10&marker=a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(next("https://h/v1/p/instances?limit=10"), None);
        assert_eq!(next(""), None);
    }

    #[test]
    fn a_server_that_boots_from_a_volume_tells_its_image_in_its_metadata() {
        let row = r#"{"id":"a","image":"","metadata":{"metering.image_id":"i1"},"x":1}"#;
        let server: Server = serde_json::from_str(row).expect("a server");
        assert_eq!(server.image_id().as_deref(), Some("i1"));
        let server: Server = serde_json::from_str(r#"{"id":"a","image":{"id":"i2"}}"#).expect("a server");
        assert_eq!(server.image_id().as_deref(), Some("i2"));
    }

    #[test]
    fn a_status_that_stands_twice_is_not_read() {
        assert!(serde_json::from_str::<Server>(r#"{"id":"a","status":"ACTIVE","status":"ERROR"}"#).is_err());
    }
}
