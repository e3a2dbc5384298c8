//! The ready-made account: credentials, servers, images and key pairs, all made up.

use super::{CLOUDDC, ECS};
use crate::sandbox::machine::{Machine, Stage};
use serde_json::{Value, json};

pub(super) const KEY_ID: &str = "SANDBOXHUAWEI0000001";
pub(super) const KEY_SECRET: &str = "sandbox-huawei-secret-key-not-real-00001";
/// A temporary key, for which the security token is needed.
pub(super) const TEMPORARY_ID: &str = "SANDBOXHUAWEITEMP001";
pub(super) const TEMPORARY_SECRET: &str = "sandbox-huawei-temporary-key-not-real-01";
pub(super) const SECURITY_TOKEN: &str = "SANDBOXHUAWEISECURITYTOKENNOTREAL";
/// A token that is always good.
pub(super) const READY_TOKEN: &str = "SANDBOXHUAWEITOKENNOTREAL";
pub(super) const REGION: &str = "ap-southeast-3";
pub(super) const PROJECT: &str = "5a0db0c5000040008000000000000a11";
pub(super) const DOMAIN: &str = "5a0db0c5000040008000000000000d01";
pub(super) const DOMAIN_NAME: &str = "sandbox";
pub(super) const USER: &str = "5a0db0c5000040008000000000000e01";
pub(super) const USER_NAME: &str = "sandbox-user";
pub(super) const USER_PASSWORD: &str = "Sandbox-0nly!";

/// Key pairs: name, fingerprint.
pub(super) const KEY_PAIRS: [(&str, &str); 3] = [
    ("KeyPair-demo", "1e:2c:9b:56:79:4b:45:77:f9:ca:7a:98:2c:b0:d5:3c"),
    ("KeyPair-ops", "ab:41:07:2d:9f:6c:3e:81:54:d2:7b:90:18:ce:f3:65"),
    ("KeyPair-old", "7f:00:3a:b4:c1:95:2e:68:d9:41:0b:7c:56:e2:8a:13"),
];

/// An image of the demo account.
pub(super) struct DemoImage {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) os_type: &'static str,
    pub(super) platform: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) virtual_env_type: &'static str,
    /// Whether the platform brings in password and key, because the image has no Cloud-Init.
    pub(super) platform_injects: bool,
}

const fn image(
    id: &'static str,
    name: &'static str,
    system: (&'static str, &'static str, &'static str),
    kind: (&'static str, &'static str),
    platform_injects: bool,
) -> DemoImage {
    DemoImage {
        id,
        name,
        os_type: system.0,
        platform: system.1,
        version: system.2,
        kind: kind.0,
        virtual_env_type: kind.1,
        platform_injects,
    }
}

const PUBLIC: (&str, &str) = ("gold", "FusionCompute");
const PRIVATE: (&str, &str) = ("private", "FusionCompute");
const METAL: (&str, &str) = ("private", "Ironic");

/// The images.
pub(super) const IMAGES: [DemoImage; 8] = [
    image(
        "5a0db0c5-1a6e-4000-8000-000000000001",
        "Ubuntu 24.04 server 64bit",
        ("Linux", "Ubuntu", "Ubuntu 24.04 server 64bit"),
        PUBLIC,
        false,
    ),
    image(
        "5a0db0c5-1a6e-4000-8000-000000000002",
        "Debian 12.0.0 64bit",
        ("Linux", "Debian", "Debian GNU/Linux 12.0.0 64bit"),
        PUBLIC,
        false,
    ),
    image("5a0db0c5-1a6e-4000-8000-000000000003", "legacy-app", ("Linux", "CentOS", "CentOS 7.9 64bit"), PRIVATE, true),
    image(
        "5a0db0c5-1a6e-4000-8000-000000000004",
        "Windows Server 2022 Standard 64bit English",
        ("Windows", "Windows", "Windows Server 2022 Standard 64bit"),
        PUBLIC,
        true,
    ),
    image("5a0db0c5-1a6e-4000-8000-000000000005", "twin", ("Linux", "Debian", "Debian 12"), PRIVATE, false),
    image("5a0db0c5-1a6e-4000-8000-000000000006", "twin", ("Linux", "Debian", "Debian 12"), PRIVATE, false),
    image(
        "5a0db0c5-1a6e-4000-8000-000000000011",
        "metal-ubuntu-24.04",
        ("Linux", "Ubuntu", "Ubuntu 24.04 server 64bit"),
        METAL,
        false,
    ),
    image(
        "5a0db0c5-1a6e-4000-8000-000000000012",
        "metal-euler-22.03",
        ("Linux", "EulerOS", "openEuler 22.03 64bit"),
        METAL,
        false,
    ),
];

/// The image of this id.
pub(super) fn image_of(id: &str) -> Option<&'static DemoImage> {
    IMAGES.iter().find(|image| image.id == id)
}

/// What an ECS shows of its image.
pub(super) fn image_fields(image: &DemoImage) -> Value {
    json!({"image": image.id, "image_name": image.name, "image_type": image.kind, "os_type": image.os_type})
}

/// ECS ids.
pub(super) const SERVERS: [&str; 3] = [
    "5a0db0c5-ec50-4000-8000-000000000001",
    "5a0db0c5-ec50-4000-8000-000000000002",
    "5a0db0c5-ec50-4000-8000-000000000003",
];

/// CloudDC instances and the physical servers under them.
pub(super) const INSTANCES: [(&str, &str); 3] = [
    ("5a0db0c5-dc00-7000-8000-000000000001", "5a0db0c5-dc50-7000-8000-000000000001"),
    ("5a0db0c5-dc00-7000-8000-000000000002", "5a0db0c5-dc50-7000-8000-000000000002"),
    ("5a0db0c5-dc00-7000-8000-000000000003", "5a0db0c5-dc50-7000-8000-000000000003"),
];

/// The instances on these physical servers.
pub(super) fn instances_on(servers: &[String]) -> Vec<String> {
    INSTANCES
        .iter()
        .filter(|(_, server)| servers.iter().any(|id| id == server))
        .map(|(instance, _)| (*instance).to_owned())
        .collect()
}

/// The ready-made servers.
pub(super) fn machines() -> Vec<Machine> {
    let names = [("web-1", Stage::Running), ("db-1", Stage::Stopped), ("cache-1", Stage::Running)];
    let mut all = Vec::new();
    for (place, (name, stage)) in names.into_iter().enumerate() {
        let mut fields = image_fields(&IMAGES[place]);
        fields["key_name"] = KEY_PAIRS[0].0.into();
        fields["created"] = "2026-02-03T04:05:06Z".into();
        fields["updated"] = "2026-02-03T04:07:08Z".into();
        fields["flavor"] = json!({"id": "s6.large.2", "name": "s6.large.2", "vcpus": "2", "ram": "4096", "disk": "0"});
        all.push(Machine::new(ECS, SERVERS[place], name, &format!("192.0.2.{}", 61 + place), stage, fields));
    }
    for (place, (name, stage)) in names.into_iter().enumerate() {
        let (id, server) = INSTANCES[place];
        let image = &IMAGES[6];
        let fields = json!({
            "server_id": server,
            "image": image.id,
            "image_name": image.name,
            "os_type": image.os_type,
            "operation_state": "install-succeed",
            "power_operation": "power-on-succeed",
            "created_at": "2026-02-03T04:05:06Z",
            "updated_at": "2026-02-03T04:25:26Z",
            "launched_at": "2026-02-03T04:25:26Z",
        });
        all.push(Machine::new(CLOUDDC, id, name, &format!("198.51.100.{}", 61 + place), stage, fields));
    }
    all
}
