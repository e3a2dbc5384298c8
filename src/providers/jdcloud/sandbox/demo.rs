//! The ready-made account: servers, models, images, RAID levels, key pairs.

use super::PROVIDER;
use crate::sandbox::machine::{Machine, Stage};
use serde_json::{Value, json};

/// The only region that has something.
pub(super) const REGION: &str = "cn-north-1";
const AZ: &str = "cn-north-1a";

/// The two models.
pub(super) const MODELS: [&str; 2] = ["cps.c.normal", "cps.s.large"];

/// Model, id, name, family, version.
pub(super) const IMAGES: [(&str, &str, &str, &str, &str); 7] = [
    ("cps.c.normal", "os-demo-ubuntu2204", "Ubuntu 22.04(x86_64)", "Ubuntu", "22.04"),
    ("cps.c.normal", "os-demo-centos79", "CentOS 7.9(x86_64)", "CentOS", "7.9"),
    ("cps.c.normal", "os-demo-debian12", "Debian 12(x86_64)", "Debian", "12"),
    ("cps.c.normal", "os-demo-win2019", "Windows Server 2019(x86_64)", "Windows", "2019"),
    ("cps.s.large", "os-demo-ubuntu2204", "Ubuntu 22.04(x86_64)", "Ubuntu", "22.04"),
    ("cps.s.large", "os-demo-ubuntu2404", "Ubuntu 24.04(x86_64)", "Ubuntu", "24.04"),
    ("cps.s.large", "os-demo-centos79", "CentOS 7.9(x86_64)", "CentOS", "7.9"),
];

/// Volume, id, level; the same for both models.
pub(super) const RAIDS: [(&str, &str, &str); 5] = [
    ("system", "raid-demo-sys1", "RAID1"),
    ("system", "raid-demo-sys0", "NORAID"),
    ("data", "raid-demo-data0", "NORAID"),
    ("data", "raid-demo-data1", "RAID1"),
    ("data", "raid-demo-data10", "RAID10"),
];

/// Id, name, fingerprint.
pub(super) const KEYS: [(&str, &str, &str); 3] = [
    ("key-demo-ops", "ops", "7c:1e:52:6b:0d:93:44:f8:21:aa:5e:3c:90:17:6d:02"),
    ("key-demo-ci", "ci", "b0:44:9a:71:2f:c8:16:e3:5d:80:fb:29:6e:d4:13:a7"),
    ("key-demo-ci-old", "ci", "19:d2:37:e5:8a:04:bc:6f:93:41:0e:77:c5:28:fa:50"),
];

/// Fields that describe an image on a server.
pub(super) fn image_fields(model: &str, id: &str) -> Option<Value> {
    let (_, id, name, family, version) = IMAGES.iter().find(|image| image.0 == model && image.1 == id)?;
    Some(json!({ "osTypeId": id, "osName": name, "osType": family, "osVersion": version }))
}

/// The level of a RAID id.
pub(super) fn raid_level(volume: &str, id: &str) -> Option<&'static str> {
    RAIDS.iter().find(|raid| raid.0 == volume && raid.1 == id).map(|raid| raid.2)
}

/// The servers: two that are off, one that is up.
pub(super) fn machines() -> Vec<Machine> {
    [
        (1, "web-1", Stage::Stopped, MODELS[0], "os-demo-centos79"),
        (2, "db-1", Stage::Stopped, MODELS[1], "os-demo-ubuntu2204"),
        (3, "cache-1", Stage::Running, MODELS[0], "os-demo-ubuntu2204"),
    ]
    .into_iter()
    .map(|(number, name, stage, model, image)| machine(number, name, stage, model, image))
    .collect()
}

/// One server.
pub(super) fn machine(number: u16, name: &str, stage: Stage, model: &str, image: &str) -> Machine {
    let ip = format!("10.32.{}.{}", number / 200, 10 + number % 200);
    let mut fields = json!({
        "region": REGION,
        "az": AZ,
        "deviceType": model,
        "imageType": "standard",
        "sysRaidTypeId": "raid-demo-sys1",
        "sysRaidType": "RAID1",
        "dataRaidTypeId": "raid-demo-data0",
        "dataRaidType": "NORAID",
        "networkType": "vpc",
        "subnetId": "subnet-demo-1",
        "interfaceMode": "bond",
        "enableInternet": "yes",
        "publicIp": format!("203.0.113.{}", 10 + number % 200),
        "keypairId": "key-demo-ops",
        "description": "",
        "agentStatus": "normal",
        "createTime": "2026-01-15T08:00:00Z",
        "charge": { "chargeMode": "prepaid_by_duration", "chargeStatus": "normal" },
    });
    if let (Some(fields), Some(Value::Object(image))) = (fields.as_object_mut(), image_fields(model, image)) {
        fields.extend(image);
    }
    Machine::new(PROVIDER, &format!("cps-demo-{number}"), name, &ip, stage, fields)
}
