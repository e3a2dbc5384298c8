//! ECS: servers, key pairs, power.

use super::answers::{WRONG_STATE, ecs, gateway, good};
use super::jobs::{Job, Jobs};
use super::{ECS, demo, texts};
use crate::sandbox::machine::{Ending, Machine, POWER_CHANGE, Stage};
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Value, json};
use std::time::Duration;

/// Status, task, state of the virtual machine and of its power, as they go together.
fn words(stage: Stage) -> (&'static str, Option<&'static str>, &'static str, u8) {
    match stage {
        Stage::Running => ("ACTIVE", None, "active", 1),
        Stage::Stopped => ("SHUTOFF", None, "stopped", 4),
        Stage::Stopping => ("ACTIVE", Some("powering-off"), "active", 1),
        Stage::Starting => ("SHUTOFF", Some("powering-on"), "stopped", 4),
        Stage::Installing => ("REBUILD", Some("rebuilding"), "active", 4),
        Stage::Failed => ("ERROR", None, "error", 4),
    }
}

fn server(machine: &Machine, now: Duration) -> Value {
    let (status, task, vm, power) = words(machine.shown(now));
    let fields = &machine.fields;
    let get = |key: &str| fields.get(key).cloned().unwrap_or_default();
    let mut metadata = json!({
        "charging_mode": "0",
        "image_name": get("image_name"),
        "metering.image_id": get("image"),
        "metering.imagetype": get("image_type"),
        "os_type": get("os_type"),
        "vpc_id": "5a0db0c5-0c00-4000-8000-000000000001",
    });
    if get("frozen") == true {
        metadata["EcmResStatus"] = "freeze".into();
    }
    let mut document = json!({
        "id": machine.id,
        "name": machine.name,
        "status": status,
        "OS-EXT-STS:task_state": task,
        "OS-EXT-STS:vm_state": vm,
        "OS-EXT-STS:power_state": power,
        "OS-EXT-AZ:availability_zone": format!("{}a", demo::REGION),
        "locked": get("locked") == true,
        "key_name": get("key_name"),
        "image": {"id": get("image")},
        "flavor": get("flavor"),
        "metadata": metadata,
        "addresses": {"5a0db0c5-0c00-4000-8000-000000000001": [{"version": "4", "addr": machine.ip,
            "OS-EXT-IPS:type": "fixed"}]},
        "tenant_id": demo::PROJECT,
        "user_id": demo::USER,
        "created": get("created"),
        "updated": get("updated"),
        "hostId": "",
        "tags": [],
    });
    if status == "ERROR" {
        document["fault"] =
            json!({"code": 500, "message": "Failed to create the system disk.", "created": get("updated")});
    }
    document
}

/// `GET /v1/{project_id}/cloudservers/{server_id}`.
pub(super) fn show(id: &str, world: &mut World) -> Outbound {
    let now = world.now;
    match world.fleet.get(ECS, id, now).map(|machine| server(machine, now)) {
        Some(server) => good(200, &json!({"server": server}), world),
        None => ecs(404, "Ecs.0114", "The ECS does not exist.", world),
    }
}

/// `GET /v1/{project_id}/cloudservers/detail`.
pub(super) fn list(request: &Inbound, world: &mut World) -> Outbound {
    let now = world.now;
    let number = |name: &str, default: usize| match request.parameter(name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map_err(|_| name.to_owned()),
    };
    let (limit, offset) = match (number("limit", 25), number("offset", 1)) {
        (Ok(limit @ 1..=1000), Ok(offset)) => (limit, offset.max(1)),
        _ => return ecs(400, "Ecs.0005", "Invalid parameters: limit or offset", world),
    };
    let rows: Vec<Value> = match request.parameter("server_id") {
        Some(ids) => {
            let ids: Vec<&str> = ids.split(',').collect();
            if ids.len() > 100 || ids.contains(&"") {
                return ecs(400, "Ecs.0005", "Invalid parameters: server_id", world);
            }
            let row = |id: &str| match world.fleet.get(ECS, id, now) {
                Some(machine) => server(machine, now),
                None => json!({"id": id, "name": null, "status": null, "OS-EXT-STS:task_state": null, "image": null,
                    "metadata": null, "addresses": null, "flavor": null, "locked": null,
                    "fault": {"code": 404, "message": format!("Instance {id} could not be found.")}}),
            };
            ids.into_iter().map(row).collect()
        }
        None => {
            let name = request.parameter("name");
            let status = request.parameter("status");
            let fits = |machine: &&mut Machine| {
                name.as_ref().is_none_or(|name| machine.name.contains(name.as_str()))
                    && status.as_ref().is_none_or(|status| words(machine.shown(now)).0 == status)
            };
            world.fleet.of(ECS, now).into_iter().filter(fits).map(|machine| server(machine, now)).collect()
        }
    };
    let count = rows.len();
    let page: Vec<Value> = rows.into_iter().skip((offset - 1) * limit).take(limit).collect();
    good(200, &json!({"count": count, "servers": page}), world)
}

/// Both calls that list key pairs; the newer one has pages.
pub(super) fn keypairs(request: &Inbound, world: &mut World) -> Outbound {
    let limit = request.parameter("limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(100).max(1);
    let marker = request.parameter("marker");
    let after = marker
        .and_then(|marker| demo::KEY_PAIRS.iter().position(|(name, _)| *name == marker))
        .map_or(0, |place| place + 1);
    let rows: Vec<Value> = demo::KEY_PAIRS
        .iter()
        .skip(after)
        .take(limit)
        .map(|(name, fingerprint)| {
            json!({"keypair": {"name": name, "fingerprint": fingerprint, "type": "ssh",
                "public_key": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABNOTREAL Generated-by-Nova"}})
        })
        .collect();
    let mut document = json!({"keypairs": rows});
    if request.path.starts_with("/v3/") {
        let last = demo::KEY_PAIRS.get((after + limit).saturating_sub(1)).map(|(name, _)| *name);
        let next = last.filter(|_| after + limit < demo::KEY_PAIRS.len());
        document["page_info"] = json!({"next_marker": next, "current_count": limit});
    }
    good(200, &document, world)
}

/// `POST /v1/{project_id}/cloudservers/action`.
pub(super) fn power(jobs: &mut Jobs, request: &Inbound, world: &mut World) -> Outbound {
    let now = world.now;
    let Some(body) = request.json() else { return ecs(400, "Ecs.0000", "The request cannot be understood.", world) };
    let (stop, action) = match (&body["os-stop"], &body["os-start"]) {
        (Value::Object(_), Value::Null) => (true, &body["os-stop"]),
        (Value::Null, Value::Object(_)) => (false, &body["os-start"]),
        _ => return ecs(400, "Ecs.0005", "Invalid parameters: os-stop or os-start", world),
    };
    let kind_fits = match action.get("type") {
        None => true,
        Some(kind) => stop && matches!(kind.as_str(), Some("SOFT" | "HARD")),
    };
    let ids = texts(&action["servers"]);
    if !kind_fits || ids.is_empty() || ids.len() > 1000 {
        return ecs(400, "Ecs.0005", "Invalid parameters: type or servers", world);
    }
    for id in &ids {
        let Some(machine) = world.fleet.get(ECS, id, now) else {
            return ecs(404, "Ecs.0114", "The ECS does not exist.", world);
        };
        let stage = machine.truth(now);
        let fits = if stop { Stage::Running } else { Stage::Stopped };
        let already = if stop { Stage::Stopped } else { Stage::Running };
        if stage == Stage::Installing {
            return ecs(400, "Ecs.1002", "Another operation is being performed on the ECS.", world);
        }
        if stage != fits && stage != already {
            return ecs(400, "Ecs.0100", WRONG_STATE, world);
        }
    }
    for id in &ids {
        if let Some(machine) = world.fleet.get(ECS, id, now) {
            match (stop, machine.truth(now)) {
                (true, Stage::Running) => machine.stop(now),
                (false, Stage::Stopped) => machine.start(now),
                _ => {}
            }
        }
    }
    let Some(first) = ids.into_iter().next() else { return gateway(400, "APIGW.0201", "Bad request", world) };
    let job = Job {
        server: first,
        kind: if stop { "stopServer" } else { "startServer" },
        began_at: request.at,
        began: now,
        takes: POWER_CHANGE,
        ending: Ending::Good,
    };
    jobs.begin(job, world)
}
