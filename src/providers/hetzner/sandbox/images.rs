//! The ready-made images: more than fit on a page, as a project has them.

use std::sync::LazyLock;

/// An image.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) description: String,
    pub(super) kind: &'static str,
    pub(super) flavour: &'static str,
    pub(super) version: Option<&'static str>,
    pub(super) architecture: &'static str,
    pub(super) status: &'static str,
    /// GB.
    pub(super) disk_size: u64,
    pub(super) deprecated: Option<&'static str>,
}

/// Systems for both architectures: number of the one for x86 (that for arm is two higher), name, title, version.
const SYSTEMS: [(u64, &str, &str, &str); 14] = [
    (114_690_387, "debian", "Debian", "12"),
    (310_557_660, "debian", "Debian", "13"),
    (161_547_269, "ubuntu", "Ubuntu", "24.04"),
    (320_000_001, "fedora", "Fedora", "41"),
    (320_000_011, "fedora", "Fedora", "42"),
    (320_000_021, "alma", "AlmaLinux", "8"),
    (320_000_031, "alma", "AlmaLinux", "9"),
    (320_000_041, "alma", "AlmaLinux", "10"),
    (320_000_051, "rocky", "Rocky Linux", "8"),
    (320_000_061, "rocky", "Rocky Linux", "9"),
    (320_000_071, "rocky", "Rocky Linux", "10"),
    (320_000_081, "centos-stream", "CentOS Stream", "9"),
    (320_000_091, "centos-stream", "CentOS Stream", "10"),
    (320_000_101, "opensuse", "openSUSE Leap", "15"),
];

/// Systems with an application, for both architectures.
const APPLICATIONS: [&str; 12] = [
    "collab-tools",
    "docker-ce",
    "gitlab",
    "go",
    "jitsi",
    "lamp",
    "nextcloud",
    "owncast",
    "photoprism",
    "prometheus-grafana",
    "wireguard",
    "wordpress",
];

fn plain(id: u64, kind: &'static str, flavour: &'static str, description: &str, architecture: &'static str) -> Image {
    Image {
        id,
        name: None,
        description: description.to_owned(),
        kind,
        flavour,
        version: None,
        architecture,
        status: "available",
        disk_size: 5,
        deprecated: None,
    }
}

fn system(id: u64, name: &'static str, title: &str, version: &'static str, architecture: &'static str) -> Image {
    let flavour = name.split('-').next().unwrap_or(name);
    Image {
        name: Some(format!("{name}-{version}")),
        version: Some(version),
        ..plain(id, "system", flavour, &format!("{title} {version}"), architecture)
    }
}

fn snapshot(id: u64, description: &str, status: &'static str, disk_size: u64) -> Image {
    Image { status, disk_size, ..plain(id, "snapshot", "ubuntu", description, "x86") }
}

/// All of them, in the order of the list.
pub(super) static IMAGES: LazyLock<Vec<Image>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (id, name, title, version) in SYSTEMS {
        all.push(system(id, name, title, version, "x86"));
        all.push(system(id + 2, name, title, version, "arm"));
    }
    all.push(system(67_794_396, "ubuntu", "Ubuntu", "22.04", "x86"));
    let old = system(45_557_056, "debian", "Debian", "11", "x86");
    all.push(Image { deprecated: Some("2026-06-01T00:00:00+00:00"), ..old });
    for (name, id) in APPLICATIONS.into_iter().zip((330_000_001..).step_by(10)) {
        for (architecture, id) in [("x86", id), ("arm", id + 2)] {
            all.push(Image { name: Some(name.to_owned()), ..plain(id, "app", "ubuntu", name, architecture) });
        }
    }
    all.push(snapshot(90_000_001, "golden", "available", 20));
    all.push(snapshot(90_000_002, "nightly", "creating", 20));
    all.push(snapshot(90_000_003, "warehouse", "available", 320));
    all
});
