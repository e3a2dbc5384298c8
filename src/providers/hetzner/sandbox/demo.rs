//! The ready-made servers and keys, and images as the interface shows them.

use super::super::NAME;
use super::images::{IMAGES, Image};
use crate::sandbox::machine::{Machine, Stage};
use serde_json::{Value, json};
use std::time::Duration;

/// How each root password begins that the sandbox makes up.
pub(super) const ROOT_PASSWORD: &str = "SbxRootPw7kXq9mTzR2";

/// An image as the interface shows it.
pub(super) fn image(image: &Image) -> Value {
    // Older clients read `deprecated`, newer ones `deprecation`.
    let deprecation =
        image.deprecated.map(|since| json!({ "announced": since, "unavailable_after": "2026-12-01T00:00:00+00:00" }));
    json!({
        "id": image.id, "type": image.kind, "status": image.status, "name": image.name,
        "description": image.description, "image_size": null, "disk_size": image.disk_size,
        "created": "2026-01-15T08:00:00+00:00", "created_from": null, "bound_to": null,
        "os_flavor": image.flavour, "os_version": image.version, "rapid_deploy": image.kind == "system",
        "protection": { "delete": false }, "deprecated": image.deprecated, "deprecation": deprecation, "labels": {}, "deleted": null,
        "architecture": image.architecture,
    })
}

/// `GET /images` with its filters; each may stand there several times.
pub(super) fn images(parameters: &[(String, String)]) -> Vec<Value> {
    let wanted = |name: &str| -> Vec<String> {
        parameters.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    };
    let fits = |name: &str, value: &Value| {
        let wanted = wanted(name);
        wanted.is_empty() || value.as_str().is_some_and(|value| wanted.iter().any(|word| word == value))
    };
    let old_too = wanted("include_deprecated").first().is_some_and(|word| word.eq_ignore_ascii_case("true"));
    IMAGES
        .iter()
        .filter(|image| old_too || image.deprecated.is_none())
        .map(image)
        .filter(|row| ["name", "architecture", "status", "type"].iter().all(|name| fits(name, &row[*name])))
        .collect()
}

/// The project's ssh keys.
pub(super) fn keys() -> Vec<Value> {
    [
        (2_323_001_u64, "ops", "b7:2f:30:a0:2f:6c:58:6c:21:04:58:61:ba:06:3b:2f"),
        (2_323_002, "deploy", "1a:90:14:4c:0e:9f:de:5b:d1:74:e0:4c:4c:11:7a:55"),
    ]
    .into_iter()
    .map(|(id, name, fingerprint)| {
        json!({ "id": id, "name": name, "fingerprint": fingerprint, "labels": {},
                "public_key": format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 {name}"),
                "created": "2026-01-15T08:00:00+00:00" })
    })
    .collect()
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Running => "running",
        Stage::Stopping => "stopping",
        Stage::Starting => "starting",
        Stage::Installing => "rebuilding",
        // There is no failed status: the action tells.
        Stage::Stopped | Stage::Failed => "off",
    }
}

/// A server as the interface shows it.
pub(super) fn server(machine: &Machine, now: Duration) -> Value {
    let fields = &machine.fields;
    let stage = machine.shown(now);
    let present = IMAGES.iter().find(|image| Some(image.id) == fields["image"].as_u64()).map(image);
    let protect = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or_default();
    let location = json!({ "id": 1, "name": "fsn1", "description": "Falkenstein DC Park 1", "country": "DE",
        "city": "Falkenstein", "latitude": 50.47612, "longitude": 12.370071, "network_zone": "eu-central" });
    json!({
        "id": machine.id.parse::<u64>().unwrap_or_default(), "name": machine.name, "status": word(stage),
        "created": "2026-01-15T08:00:00+00:00", "locked": stage == Stage::Installing, "labels": {},
        "protection": { "delete": protect("protect_delete"), "rebuild": protect("protect_rebuild") },
        "image": present, "iso": null, "rescue_enabled": false, "backup_window": null, "volumes": [],
        "load_balancers": [], "private_net": [], "placement_group": null, "outgoing_traffic": 0,
        "ingoing_traffic": 0, "included_traffic": 21_990_232_555_520_u64, "primary_disk_size": fields["disk"],
        "server_type": { "id": 104, "name": fields["type"], "description": fields["type"], "cores": 2,
            "memory": 4.0, "disk": fields["disk"], "storage_type": "local", "cpu_type": "shared",
            "architecture": fields["architecture"], "deprecated": false, "prices": [] },
        // Older clients read the first, newer ones the second.
        "datacenter": { "id": 4, "name": "fsn1-dc14", "description": "Falkenstein 1 virtual DC 14",
            "location": location.clone(), "server_types": { "supported": [], "available": [] } },
        "location": location,
        "public_net": {
            "ipv4": { "id": 1, "ip": machine.ip, "blocked": false, "dns_ptr": format!("{}.example", machine.name) },
            "ipv6": { "id": 2, "ip": format!("2001:db8:{}::/64", &machine.id[2..]), "blocked": false, "dns_ptr": [] },
            "floating_ips": [], "firewalls": [],
        },
    })
}

/// The ready-made servers: two of x86, one of arm; the last one was made with ssh keys.
pub(super) fn machines() -> Vec<Machine> {
    let rows = [
        ("471101", "web-1", Stage::Running, "x86", "cx22", 67_794_396_u64, 40, false),
        ("471102", "db-1", Stage::Stopped, "arm", "cax11", 114_690_389, 40, false),
        ("471103", "cache-1", Stage::Running, "x86", "cx32", 114_690_387, 80, true),
    ];
    rows.into_iter()
        .map(|(id, name, stage, architecture, kind, image, disk, made_with_keys)| {
            let fields = json!({ "architecture": architecture, "type": kind, "image": image, "disk": disk,
                "made_with_keys": made_with_keys });
            Machine::new(NAME, id, name, &format!("192.0.2.1{}", &id[4..]), stage, fields)
        })
        .collect()
}
