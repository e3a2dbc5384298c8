//! Zenlayer's documents as they are on the wire. Almost every field of an answer may be absent or null.

use serde::{Deserialize, Serialize};

/// What every answer is wrapped in: `response` on success, `code` and `message` on failure.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: serde::de::DeserializeOwned")]
pub(super) struct Envelope<T> {
    pub(super) request_id: Option<String>,
    pub(super) response: Option<T>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// The inner document of an action: stop, start and batch resets name the servers for which it failed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Done {
    pub(super) request_id: Option<String>,
    pub(super) instance_ids: Option<Vec<String>>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: serde::de::DeserializeOwned")]
pub(super) struct Page<T> {
    pub(super) total_count: Option<u64>,
    pub(super) data_set: Option<Vec<T>>,
}

/// A row of BMC `DescribeInstances`, as far as plan and order need it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BmcInstance {
    pub(super) instance_id: Option<String>,
    pub(super) instance_name: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) zone_id: Option<String>,
    pub(super) instance_type_id: Option<String>,
    pub(super) image_id: Option<String>,
    pub(super) image_name: Option<String>,
    pub(super) instance_status: Option<String>,
    pub(super) primary_public_ip_address: Option<String>,
    #[serde(rename = "primaryPublicIPv6Address")]
    pub(super) primary_public_ipv6_address: Option<String>,
    pub(super) public_ip_addresses: Option<Vec<String>>,
    pub(super) private_ip_addresses: Option<Vec<String>>,
    pub(super) ipv6_addresses: Option<Vec<String>>,
}

/// A row of BMC `DescribeInstances`, as far as watching needs it: drift elsewhere must not blind a watch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BmcGlance {
    pub(super) instance_id: Option<String>,
    pub(super) instance_status: Option<String>,
    pub(super) image_id: Option<String>,
}

/// BMC `DescribeImages`: not paged, and the list has its own name.
#[derive(Debug, Deserialize)]
pub(super) struct BmcImages {
    pub(super) images: Option<Vec<BmcImage>>,
}

/// An image for bare metal.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BmcImage {
    pub(super) image_id: Option<String>,
    pub(super) image_name: Option<String>,
    pub(super) catalog: Option<String>,
    pub(super) os_type: Option<String>,
}

/// BMC `DescribeInstanceTypes`: not paged.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BmcModels {
    pub(super) instance_types: Option<Vec<BmcModel>>,
}

/// What a model can do with its disks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BmcModel {
    pub(super) instance_type_id: Option<String>,
    pub(super) support_raids: Option<Vec<u64>>,
    pub(super) disk_info: Option<DiskInfo>,
}

/// The disks of a model, in the order in which `diskSequence` counts them.
#[derive(Debug, Deserialize)]
pub(super) struct DiskInfo {
    pub(super) disks: Option<Vec<DiskGroup>>,
}

/// Some disks of one size.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiskGroup {
    pub(super) disk_count: Option<u64>,
}

/// A row of ZEC `DescribeInstances`, as far as plan and order need it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZecInstance {
    pub(super) instance_id: Option<String>,
    pub(super) instance_name: Option<String>,
    pub(super) zone_id: Option<String>,
    pub(super) instance_type: Option<String>,
    pub(super) image_id: Option<String>,
    pub(super) image_name: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) status: Option<String>,
    pub(super) system_disk: Option<SystemDisk>,
    pub(super) public_ip_addresses: Option<Vec<String>>,
    pub(super) private_ip_addresses: Option<Vec<String>>,
    pub(super) enable_agent: Option<bool>,
}

/// The disk that a reset wipes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SystemDisk {
    /// In GiB.
    pub(super) disk_size: Option<u64>,
}

/// A row of ZEC `DescribeInstances`, as far as watching needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZecGlance {
    pub(super) instance_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) image_id: Option<String>,
}

/// An image for elastic compute, offered in one zone.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ZecImage {
    pub(super) image_id: Option<String>,
    pub(super) image_name: Option<String>,
    pub(super) image_status: Option<String>,
    pub(super) category: Option<String>,
    pub(super) os_type: Option<String>,
    /// In GiB.
    pub(super) min_disk_size: Option<u64>,
}

/// ZEC `DescribeTimeZones`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeZones {
    pub(super) time_zones: Option<Vec<String>>,
}

/// A key pair of `/api/v2/ccs`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyPairRow {
    pub(super) key_id: Option<String>,
    pub(super) key_name: Option<String>,
}

/// `raidConfig` of an order: one of both fields.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RaidConfig {
    pub(super) raid_type: Option<u64>,
    pub(super) custom_raids: Option<Vec<CustomRaid>>,
}

/// One array of `customRaids`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CustomRaid {
    pub(super) raid_type: u64,
    /// Numbers of disks, counted from 1 in the order of the model's disk list.
    pub(super) disk_sequence: Vec<u64>,
}

/// One entry of `partitions`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Partition {
    pub(super) fs_path: String,
    pub(super) fs_type: String,
    /// In GB; the last partition gets what is left.
    pub(super) size: u64,
}

/// `nic` of an order: names of the network interfaces.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Nic {
    pub(super) wan_name: Option<String>,
    pub(super) lan_name: Option<String>,
}
