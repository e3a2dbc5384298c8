//! The cloud's documents as types: what is not documented as always there is optional.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Answer of `GET /servers/detail`.
#[derive(Deserialize)]
pub(super) struct ServerList {
    pub(super) servers: Vec<Server>,
    #[serde(default)]
    pub(super) servers_links: Vec<Link>,
}

/// Answer of `GET /servers/{server_id}` and of the rebuild call.
#[derive(Deserialize)]
pub(super) struct ServerAnswer {
    pub(super) server: Server,
}

/// Where the next page is.
#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) rel: String,
    pub(super) href: String,
}

/// One server. Of a cell that is down the cloud tells little.
#[derive(Deserialize)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    pub(super) task_state: Option<String>,
    pub(super) locked: Option<bool>,
    pub(super) locked_reason: Option<String>,
    pub(super) image: Option<ImageOfServer>,
    pub(super) addresses: Option<BTreeMap<String, Vec<Address>>>,
    pub(super) flavor: Option<Flavor>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    pub(super) zone: Option<String>,
    pub(super) fault: Option<ServerFault>,
}

/// The image; a server that boots from a volume shows an empty text in its place.
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

/// One address of a server.
#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) addr: Option<String>,
}

/// The flavour: an id in old versions, a name in newer ones.
#[derive(Deserialize)]
pub(super) struct Flavor {
    pub(super) id: Option<String>,
    pub(super) original_name: Option<String>,
}

/// Why a server is in state ERROR.
#[derive(Deserialize)]
pub(super) struct ServerFault {
    pub(super) code: Option<serde_json::Value>,
    pub(super) message: Option<String>,
}

impl Server {
    /// Id of the installed image; `None` for a server that boots from a volume.
    pub(super) fn image_id(&self) -> Option<String> {
        match self.image.as_ref()? {
            ImageOfServer::Image { id } => id.clone().filter(|id| !id.is_empty()),
            ImageOfServer::Text(text) => Some(text.clone()).filter(|id| !id.is_empty()),
        }
    }

    /// Whether it says that it has no image of its own.
    pub(super) fn is_volume_backed(&self) -> bool {
        matches!(&self.image, Some(ImageOfServer::Text(text)) if text.is_empty())
    }

    /// Addresses as text.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.addresses.iter().flat_map(BTreeMap::values).flatten().filter_map(|address| address.addr.clone()).collect()
    }
}

/// Answer of `GET /servers/{server_id}/os-instance-actions/{request_id}`.
#[derive(Deserialize)]
pub(super) struct ActionAnswer {
    #[serde(rename = "instanceAction")]
    pub(super) action: Action,
}

/// What became of one request.
#[derive(Deserialize)]
pub(super) struct Action {
    pub(super) action: Option<String>,
    pub(super) instance_uuid: Option<String>,
    pub(super) request_id: Option<String>,
    /// `Error`, or nothing.
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) events: Option<Vec<ActionEvent>>,
}

/// A step of it.
#[derive(Deserialize)]
pub(super) struct ActionEvent {
    pub(super) event: Option<String>,
    /// `Success`, `Error`, or nothing yet.
    pub(super) result: Option<String>,
}

/// Answer of Glance's `GET /v2/images`.
#[derive(Deserialize)]
pub(super) struct ImageList {
    pub(super) images: Vec<ImageRow>,
    /// Path of the next page.
    pub(super) next: Option<String>,
}

/// One image.
#[derive(Clone, Deserialize)]
pub(super) struct ImageRow {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) os_distro: Option<String>,
    pub(super) os_version: Option<String>,
    pub(super) visibility: Option<String>,
}

/// Answer of `GET /os-keypairs`.
#[derive(Deserialize)]
pub(super) struct KeyPairList {
    pub(super) keypairs: Vec<KeyPairRow>,
    #[serde(default)]
    pub(super) keypairs_links: Vec<Link>,
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

/// The query of the next page, out of its whole address: the host in it is never gone to.
pub(super) fn next_marker(href: &str) -> Option<String> {
    let (_, query) = href.split_once('?')?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| name == "marker" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_a_volume_has_no_image_and_says_so() {
        let server = |text: &str| serde_json::from_str::<Server>(text).expect("a server");
        let volume = server(r#"{"id":"a","image":""}"#);
        assert!(volume.is_volume_backed() && volume.image_id().is_none());
        let plain = server(r#"{"id":"a","image":{"id":"i1"}}"#);
        assert!(!plain.is_volume_backed());
        assert_eq!(plain.image_id().as_deref(), Some("i1"));
        assert!(!server(r#"{"id":"a","status":"UNKNOWN"}"#).is_volume_backed());
    }

    #[test]
    fn the_next_page_is_a_marker_and_never_a_host() {
        assert_eq!(next_marker("http://evil.example/v2.1/servers?limit=1&marker=a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(next_marker("/v2/images?marker=i1").as_deref(), Some("i1"));
        assert_eq!(next_marker("/v2/images"), None);
        assert_eq!(next_marker("/v2/images?marker="), None);
    }
}
