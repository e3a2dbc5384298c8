//! The provider's documents, typed. Nearly every field may be missing: the pages promise few of them.
//!
//! Source: <https://docs.jdcloud.com/en/cloud-physical-server/api/overview> and the SDKs' models, revision 2.4.3.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

/// What every good answer is wrapped in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<T> {
    pub(super) request_id: Option<Word>,
    pub(super) result: Option<T>,
    /// A good answer has none; one that is not even an object still makes it no good answer.
    pub(super) error: Option<IgnoredAny>,
}

/// What every refusal is wrapped in. Fields of the good answer may stand beside it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) request_id: Option<Word>,
    pub(super) error: Option<ErrorField>,
}

/// What stands under `error`: other interfaces put a text there.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ErrorField {
    Object(ErrorBody),
    Other(IgnoredAny),
}

/// The `error` object. An odd field must not hide that there is an error.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) code: Option<Code>,
    pub(super) status: Option<Word>,
    pub(super) message: Option<Word>,
}

/// A text, or something else that is passed over.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Word {
    Text(String),
    Other(IgnoredAny),
}

impl Word {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// The code is documented as a number; a text is read too.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Code {
    Number(u16),
    Text(String),
    Other(IgnoredAny),
}

impl Code {
    pub(super) fn number(&self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Other(_) => None,
        }
    }
}

/// One server.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    pub(super) instance_id: String,
    pub(super) region: Option<String>,
    pub(super) az: Option<String>,
    pub(super) device_type: Option<String>,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) image_type: Option<String>,
    pub(super) os_type_id: Option<String>,
    pub(super) os_name: Option<String>,
    pub(super) os_type: Option<String>,
    pub(super) sys_raid_type_id: Option<String>,
    pub(super) sys_raid_type: Option<String>,
    pub(super) data_raid_type_id: Option<String>,
    pub(super) data_raid_type: Option<String>,
    pub(super) private_ip: Option<String>,
    pub(super) public_ip: Option<String>,
    pub(super) keypair_id: Option<String>,
}

/// One server of a list: one that cannot be read does not hide its neighbours.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Row {
    /// Readable.
    Whole(Box<Instance>),
    /// Not readable, but it says whose it is.
    #[serde(rename_all = "camelCase")]
    Named {
        /// Whose.
        instance_id: String,
    },
    /// Not readable at all.
    Garbled(IgnoredAny),
}

impl Row {
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Whole(instance) => Some(&instance.instance_id),
            Self::Named { instance_id } => Some(instance_id),
            Self::Garbled(_) => None,
        }
    }
}

/// `describeInstances`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstancePage {
    pub(super) instances: Option<Vec<Row>>,
    pub(super) total_count: Option<u64>,
}

/// `describeInstance`.
#[derive(Deserialize)]
pub(super) struct OneInstance {
    pub(super) instance: Option<Instance>,
}

/// `describeInstanceRaid`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceRaid {
    pub(super) sys_raid_type_id: Option<String>,
    pub(super) sys_raid_type: Option<String>,
    pub(super) data_raid_type_id: Option<String>,
    pub(super) data_raid_type: Option<String>,
}

/// `describeOS`.
#[derive(Deserialize)]
pub(super) struct OsList {
    pub(super) oss: Option<Vec<Os>>,
}

/// One operating system for one model.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Os {
    pub(super) os_type_id: String,
    pub(super) os_name: Option<String>,
    pub(super) os_type: Option<String>,
    pub(super) device_type: Option<String>,
}

/// `describeDeviceRaids`.
#[derive(Deserialize)]
pub(super) struct RaidList {
    pub(super) raids: Option<Vec<Raid>>,
}

/// One RAID level of one model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raid {
    pub(super) raid_type_id: String,
    pub(super) raid_type: Option<String>,
    pub(super) volume_type: Option<String>,
}

/// `describeKeypairs`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeypairPage {
    pub(super) keypairs: Option<Vec<Keypair>>,
    pub(super) total_count: Option<u64>,
}

/// One key pair.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keypair {
    pub(super) keypair_id: String,
    pub(super) name: Option<String>,
    pub(super) finger_print: Option<String>,
}

/// What every changing call answers.
#[derive(Deserialize)]
pub(super) struct Success {
    pub(super) success: Option<bool>,
}

/// The body of `reinstallInstance`.
pub(super) fn reinstall_body(token: Option<&str>, spec: Map<String, Value>) -> Value {
    let mut body = Map::new();
    if let Some(token) = token {
        body.insert("clientToken".to_owned(), json!(token));
    }
    body.insert("instanceSpec".to_owned(), Value::Object(spec));
    Value::Object(body)
}
