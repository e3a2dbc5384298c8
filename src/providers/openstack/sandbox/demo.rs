//! The ready-made project: credentials, servers, images and key pairs, all made up.

use super::NOVA;
use crate::sandbox::Inbound;
use crate::sandbox::machine::{Machine, Stage};
use serde_json::{Value, json};

pub(super) const REGION: &str = "sandbox-1";
pub(super) const DOMAIN: &str = "default";
pub(super) const DOMAIN_NAME: &str = "Default";
pub(super) const PROJECT: &str = "5a0db0c50000400080000000000057a1";
pub(super) const PROJECT_NAME: &str = "sandbox-project";
pub(super) const USER: &str = "5a0db0c50000400080000000000057e1";
pub(super) const USER_NAME: &str = "sandbox-user";
pub(super) const USER_PASSWORD: &str = "Sandbox-Stack-0nly!";
pub(super) const CREDENTIAL: &str = "5a0db0c50000400080000000000057c1";
pub(super) const CREDENTIAL_NAME: &str = "sandbox-credential";
pub(super) const CREDENTIAL_SECRET: &str = "sandbox-openstack-credential-secret-not-real";
/// A token that is always good.
pub(super) const READY_TOKEN: &str = "gAAAAASANDBOXOPENSTACKTOKENNOTREAL";

/// The identity service's address as the caller reached it.
pub(super) fn identity(request: &Inbound) -> String {
    format!("http://{}/identity", request.header("host"))
}

/// A service's address as the caller reached it.
pub(super) fn service(request: &Inbound, path: &str) -> String {
    format!("http://{}/{path}", request.header("host"))
}

/// Key pairs of the user: name, fingerprint.
pub(super) const KEY_PAIRS: [(&str, &str); 3] = [
    ("demo", "1e:2c:9b:56:79:4b:45:77:f9:ca:7a:98:2c:b0:d5:3d"),
    ("ops", "ab:41:07:2d:9f:6c:3e:81:54:d2:7b:90:18:ce:f3:66"),
    ("old", "7f:00:3a:b4:c1:95:2e:68:d9:41:0b:7c:56:e2:8a:14"),
];

/// An image.
pub(super) struct DemoImage {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) distro: &'static str,
    pub(super) version: &'static str,
    pub(super) status: &'static str,
}

const fn image(
    id: &'static str,
    name: &'static str,
    distro: &'static str,
    version: &'static str,
    status: &'static str,
) -> DemoImage {
    DemoImage { id, name, distro, version, status }
}

/// The images.
pub(super) const IMAGES: [DemoImage; 6] = [
    image("5a0db0c5-57a1-4000-8000-000000000001", "ubuntu-24.04", "ubuntu", "24.04", "active"),
    image("5a0db0c5-57a1-4000-8000-000000000002", "debian-12", "debian", "12", "active"),
    image("5a0db0c5-57a1-4000-8000-000000000003", "rocky-9", "rocky", "9", "active"),
    image("5a0db0c5-57a1-4000-8000-000000000004", "twin", "debian", "12", "active"),
    image("5a0db0c5-57a1-4000-8000-000000000005", "twin", "debian", "12", "active"),
    image("5a0db0c5-57a1-4000-8000-000000000006", "half-uploaded", "debian", "13", "queued"),
];

/// The image of this id.
pub(super) fn image_of(id: &str) -> Option<&'static DemoImage> {
    IMAGES.iter().find(|image| image.id == id)
}

/// The ready-made servers.
pub(super) fn machines() -> Vec<Machine> {
    let rows = [("web-1", Stage::Running), ("db-1", Stage::Stopped), ("cache-1", Stage::Running)];
    rows.into_iter()
        .enumerate()
        .map(|(place, (name, stage))| {
            let fields: Value = json!({
                "image": IMAGES[place].id,
                "key_name": KEY_PAIRS[0].0,
                "created": "2026-02-03T04:05:06Z",
                "updated": "2026-02-03T04:07:08Z",
                "metadata": {},
            });
            let id = format!("5a0db0c5-570e-4000-8000-{:012}", place + 1);
            Machine::new(NOVA, &id, name, &format!("203.0.113.{}", 81 + place), stage, fields)
        })
        .collect()
}
