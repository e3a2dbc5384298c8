//! The ready-made servers, images and key pairs.

use super::super::{bmc, zec};
use super::fields::{Fields, No};
use crate::sandbox::machine::{Machine, Stage};
use serde_json::{Map, Value, json};

/// Key pairs of the account: id and name.
pub(super) const KEYS: [(&str, &str); 3] =
    [("key-SbxOps01", "ops"), ("key-SbxDepl1", "deploy"), ("key-SbxDepl2", "deploy-old")];

/// Time zones that a reset takes.
pub(super) const TIME_ZONES: [&str; 5] =
    ["Asia/Hong_Kong", "Asia/Shanghai", "Asia/Singapore", "Europe/Berlin", "America/Los_Angeles"];

/// An image for bare metal.
pub(super) struct BmcImage {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) catalog: &'static str,
    pub(super) os: &'static str,
    /// Models it is offered for.
    pub(super) models: &'static [&'static str],
}

/// A model of bare metal: id, RAID levels, number of disks.
pub(super) const MODELS: [(&str, &[u64], u64); 2] =
    [("S9I.sandbox-4d", &[0, 1, 5, 10], 4), ("S5C.sandbox-2d", &[0, 1], 2)];

/// A model as `DescribeInstanceTypes` and every server show it.
pub(super) fn model(id: &str) -> Value {
    let known = MODELS.iter().find(|known| known.0 == id);
    let (raids, disks) = known.map_or((&[] as &[u64], 0), |known| (known.1, known.2));
    json!({ "instanceTypeId": id, "description": null, "supportRaids": raids, "isHA": false,
        "diskInfo": { "totalDiskSize": 880 * disks, "diskDescription": format!("{disks} * 880 GB SSD"),
            "disks": [{ "diskSize": 880, "diskCount": disks }] } })
}

const EVERY_MODEL: &[&str] = &["S9I.sandbox-4d", "S5C.sandbox-2d"];

pub(super) const BMC_IMAGES: [BmcImage; 5] = [
    BmcImage {
        id: "5ab1c0de-0001-4bbf-a5c8-b95a193b1601",
        name: "Ubuntu 22.04 LTS",
        catalog: "ubuntu",
        os: "linux",
        models: EVERY_MODEL,
    },
    BmcImage {
        id: "5ab1c0de-0002-4bbf-a5c8-b95a193b1602",
        name: "Ubuntu 24.04 LTS",
        catalog: "ubuntu",
        os: "linux",
        models: EVERY_MODEL,
    },
    BmcImage {
        id: "5ab1c0de-0003-4bbf-a5c8-b95a193b1603",
        name: "Debian 12",
        catalog: "debian",
        os: "linux",
        models: EVERY_MODEL,
    },
    BmcImage {
        id: "5ab1c0de-0004-4bbf-a5c8-b95a193b1604",
        name: "CentOS 7.9",
        catalog: "centos",
        os: "linux",
        models: &["S5C.sandbox-2d"],
    },
    BmcImage {
        id: "5ab1c0de-0005-4bbf-a5c8-b95a193b1605",
        name: "Windows Server 2022",
        catalog: "windows",
        os: "windows",
        models: &["S9I.sandbox-4d"],
    },
];

/// An image for elastic compute.
pub(super) struct ZecImage {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) os: &'static str,
    pub(super) status: &'static str,
    /// In GiB.
    pub(super) min_disk: u64,
    /// Whether the guest agent is in it.
    pub(super) agent: bool,
}

/// Zones of elastic compute.
pub(super) const ZEC_ZONES: [&str; 2] = ["asia-east-1a", "asia-southeast-1a"];

const fn zec_image(
    id: &'static str,
    name: &'static str,
    category: &'static str,
    os: &'static str,
    min_disk: u64,
) -> ZecImage {
    ZecImage { id, name, category, os, status: "AVAILABLE", min_disk, agent: true }
}

pub(super) const ZEC_IMAGES: [ZecImage; 8] = [
    zec_image("ubuntu2204_20240101", "Ubuntu Server 22.04", "Ubuntu", "linux", 20),
    zec_image("ubuntu2404_20250601", "Ubuntu Server 24.04", "Ubuntu", "linux", 20),
    zec_image("debian12_20250601", "Debian 12", "Debian", "linux", 20),
    zec_image("windows2022_20250601", "Windows Server 2022", "Windows", "windows", 40),
    zec_image("large_20250601", "Analytics Workbench", "Ubuntu", "linux", 500),
    zec_image("generic_20250601", "Generic Linux", "Generic", "linux", 20),
    ZecImage { status: "CREATING", ..zec_image("golden_20261120", "Golden", "Ubuntu", "linux", 20) },
    ZecImage { agent: false, ..zec_image("tiny_20250601", "Tiny Linux", "Alpine", "linux", 5) },
];

/// The ready-made servers of both products.
pub(super) fn machines() -> Vec<Machine> {
    let mut machines = Vec::new();
    for (number, (name, stage)) in
        (1_usize..).zip([("web-1", Stage::Running), ("db-1", Stage::Stopped), ("cache-1", Stage::Running)])
    {
        let (model, image) = match number {
            2 => (MODELS[1].0, &BMC_IMAGES[2]),
            _ => (MODELS[0].0, &BMC_IMAGES[0]),
        };
        machines.push(Machine::new(
            bmc::ID,
            &format!("bmc-demo-{number}"),
            name,
            &format!("198.51.100.{}", 10 + number),
            stage,
            json!({
                "zoneId": "HKG-A", "instanceTypeId": model, "instanceType": self::model(model), "hostname": name,
                "imageId": image.id, "imageName": image.name, "keyId": null,
                "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth", "bandwidthOutMbps": 20,
                "privateIpAddresses": [format!("10.128.0.{}", 10 + number)], "ipv6Addresses": [],
                "createTime": "2026-01-15T08:00:00Z", "expiredTime": null,
                "raidConfig": { "raidType": 1 }, "partitions": null, "nic": { "wanName": "wan0", "lanName": "lan0" },
                "ipxeUrl": null, "tags": null, "enableGatewayMode": false,
            }),
        ));
        let image = &ZEC_IMAGES[if number == 2 { 2 } else { 0 }];
        machines.push(Machine::new(
            zec::ID,
            &format!("zec-demo-{number}"),
            name,
            &format!("203.0.113.{}", 10 + number),
            stage,
            json!({
                "zoneId": ZEC_ZONES[0], "instanceType": "z2a.cpu.4", "cpu": 4, "memory": 8,
                "imageId": image.id, "imageName": image.name, "timeZone": "Asia/Hong_Kong", "keyId": null,
                "enableAgent": true, "enableAgentMonitor": false, "enableIpForward": false,
                "nicNetworkType": "Auto", "instanceOptions": null, "tags": null, "dataDisks": [],
                "systemDisk": { "diskId": format!("disk-sbx-{number}"), "diskSize": 60,
                    "diskCategory": "Standard NVMe SSD", "burstingEnabled": false },
                "privateIpAddresses": [format!("10.129.0.{}", 10 + number)],
                "createTime": "2026-01-15T08:00:00Z", "expiredTime": null,
            }),
        ));
    }
    machines
}

/// `DescribeKeyPairs`; the name filter is fuzzy.
pub(super) fn key_pairs(fields: &Fields<'_>) -> Result<Map<String, Value>, No> {
    let (ids, part) = (fields.texts("keyIds")?, fields.text("keyName")?);
    let rows = KEYS
        .iter()
        .filter(|(id, name)| {
            ids.as_ref().is_none_or(|ids| ids.contains(id)) && part.is_none_or(|part| name.contains(part))
        })
        .map(|(id, name)| {
            json!({ "keyId": id, "keyName": name, "publicKey": format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 {name}"),
                "keyDescription": null, "createTime": "2026-01-15T08:00:00Z" })
        })
        .collect();
    fields.page(rows)
}

/// Whether the account has this key pair.
pub(super) fn has_key(id: &str) -> bool {
    KEYS.iter().any(|(known, _)| *known == id)
}
