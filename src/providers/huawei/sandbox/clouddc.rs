//! CloudDC: instances, their batch reinstall, and the power of the physical servers under them.

use super::answers::{good, metal};
use super::{CLOUDDC, demo, texts};
use crate::providers::huawei::fields;
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, Outbound, World};
use crate::secret::Secret;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// State and operation state as the interface of 2026 shows them.
fn words(machine: &Machine, now: Duration) -> (&'static str, Value) {
    let operation = machine.fields.get("operation_state").cloned().unwrap_or_default();
    match machine.shown(now) {
        Stage::Running | Stage::Stopping => ("running", operation),
        Stage::Stopped | Stage::Starting => ("stopped", operation),
        Stage::Installing => ("pending", "reinstall-processing".into()),
        Stage::Failed => ("error", "reinstall-failed".into()),
    }
}

fn instance(machine: &Machine, now: Duration) -> Value {
    let (state, operation) = words(machine, now);
    let get = |key: &str| machine.fields.get(key).cloned().unwrap_or_default();
    let mut document = json!({
        "id": machine.id,
        "name": machine.name,
        "state": state,
        "operation_state": operation,
        "server_id": get("server_id"),
        "vpc_id": "5a0db0c5-0c00-4000-8000-000000000002",
        "network_interfaces": [{"subnet_id": "5a0db0c5-0c01-4000-8000-000000000002", "ipv4_address": machine.ip}],
        "tags": [],
        "image": {"id": get("image"), "name": get("image_name"), "os_type": get("os_type")},
        "description": "",
        "metadata": {},
        "user_data": "",
        "created_at": get("created_at"),
        "updated_at": get("updated_at"),
        "launched_at": get("launched_at"),
    });
    if state == "error" {
        document["error"] = fault();
    }
    document
}

fn fault() -> Value {
    json!({"error_code": "iMetal.0110", "error_msg": "The operating system could not be written to the disk.",
        "error_type": "reinstall_error"})
}

/// `GET /v1/{project_id}/instances`.
pub(super) fn list(request: &Inbound, world: &mut World) -> Outbound {
    let now = world.now;
    let ids = request.parameter("instance_id");
    let servers = request.parameter("server_id");
    if ids.is_some() && servers.is_some() {
        return invalid("instance_id and server_id exclude each other", world);
    }
    for list in [&ids, &servers].into_iter().flatten() {
        if list.split(',').count() > 100 {
            return invalid("at most 100 ids", world);
        }
    }
    let names = |list: &Option<String>, id: &str| list.as_ref().is_none_or(|list| list.split(',').any(|one| one == id));
    let state = request.parameter("instance_state");
    let limit = request.parameter("limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(10).clamp(10, 1000);
    let mut rows: Vec<Value> = world
        .fleet
        .of(CLOUDDC, now)
        .into_iter()
        .filter(|machine| {
            let server = machine.fields.get("server_id").and_then(Value::as_str).unwrap_or_default();
            names(&ids, &machine.id)
                && names(&servers, server)
                && state.as_ref().is_none_or(|state| words(machine, now).0 == state)
        })
        .map(|machine| instance(machine, now))
        .collect();
    let count = rows.len();
    if let Some(marker) = request.parameter("marker") {
        rows.retain(|row| row["id"].as_str().is_some_and(|id| id > marker.as_str()));
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let mut info = json!({"current_count": rows.len()});
    if let (true, Some(last)) = (more, rows.last()) {
        info["next_marker"] = last["id"].clone();
    }
    good(200, &json!({"instances": rows, "page_info": info, "count": count}), world)
}

/// `GET /v1/{project_id}/instances/{id}/status`.
pub(super) fn status(id: &str, world: &mut World) -> Outbound {
    let now = world.now;
    let Some((state, operation)) = world.fleet.get(CLOUDDC, id, now).map(|machine| words(machine, now)) else {
        return metal(404, "iMetal.0200", &format!("Instances not found: [{id}]"), world);
    };
    let mut document = json!({"state": state, "operation_state": operation});
    if state == "error" {
        document["error"] = fault();
    }
    good(200, &document, world)
}

fn invalid(what: &str, world: &mut World) -> Outbound {
    let message = format!("A request parameter contains invalid or unsupported value: {what}");
    metal(400, "iMetal.0001", &message, world)
}

fn missing(what: &str, world: &mut World) -> Outbound {
    metal(400, "iMetal.0002", &format!("Missing required parameters: {what}"), world)
}

/// `PUT /v1/{project_id}/instances/reinstall`: all ids or none.
pub(super) fn reinstall(request: &Inbound, world: &mut World) -> Outbound {
    let now = world.now;
    let Some(Value::Object(body)) = request.json() else { return invalid("body", world) };
    let image = match body.get("image_id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if id.is_empty() => None,
        Some(Value::String(id)) => match demo::image_of(id) {
            Some(image) if image.virtual_env_type == "Ironic" => Some(image),
            _ => return invalid("image_id", world),
        },
        Some(_) => return invalid("image_id", world),
    };
    match body.get("password") {
        None | Some(Value::Null) => return missing("password", world),
        Some(Value::String(text)) if fields::CLOUDDC.password.check(&Secret::from(text.clone())).is_ok() => {}
        Some(_) => return invalid("password", world),
    }
    let ids = match body.get("instance_id_set") {
        Some(list @ Value::Array(items)) if items.iter().all(Value::is_string) => texts(list),
        None | Some(Value::Null) => return missing("instance_id_set", world),
        Some(_) => return invalid("instance_id_set", world),
    };
    if ids.is_empty() {
        return missing("instance_id_set", world);
    }
    if ids.len() > 50 {
        return invalid("instance_id_set has more than 50 ids", world);
    }
    let unknown: Vec<&str> =
        ids.iter().filter(|id| world.fleet.get(CLOUDDC, id, now).is_none()).map(String::as_str).collect();
    if !unknown.is_empty() {
        return metal(404, "iMetal.0200", &format!("Instances not found: [{}]", unknown.join(", ")), world);
    }
    let fits = |machine: &mut Machine| matches!(machine.truth(now), Stage::Running | Stage::Failed);
    let unfit: Vec<&str> =
        ids.iter().filter(|id| !world.fleet.get(CLOUDDC, id, now).is_some_and(fits)).map(String::as_str).collect();
    if !unfit.is_empty() {
        return metal(400, "iMetal.0201", &format!("Instances state is not ready: [{}]", unfit.join(", ")), world);
    }
    for id in &ids {
        let fate = world.fate_of(id);
        let end = chrono::Duration::from_std(fate.duration).map_or(request.at, |takes| request.at + takes);
        let end = end.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let Some(machine) = world.fleet.get(CLOUDDC, id, now) else { continue };
        let mut changes = Map::new();
        if let Some(image) = image {
            changes.insert("image".to_owned(), image.id.into());
            changes.insert("image_name".to_owned(), image.name.into());
            changes.insert("os_type".to_owned(), image.os_type.into());
        }
        changes.insert("operation_state".to_owned(), "reinstall-succeed".into());
        changes.insert("launched_at".to_owned(), end.clone().into());
        changes.insert("updated_at".to_owned(), end.into());
        machine.reinstall(now, &fate, changes);
    }
    let rows: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    good(202, &json!({"instances": rows}), world)
}

/// `GET /v1/{project_id}/physicalservers`, and one of them.
pub(super) fn servers(only: Option<&str>, world: &mut World) -> Outbound {
    let now = world.now;
    let row = |machine: &mut Machine| {
        let get = |key: &str| machine.fields.get(key).cloned().unwrap_or_default();
        let on = !matches!(machine.truth(now), Stage::Stopped | Stage::Starting);
        json!({"id": get("server_id"), "name": format!("host-{}", machine.name), "project_id": demo::PROJECT,
            "domain_id": demo::DOMAIN, "manage_state": "managed", "power_state": if on { "on" } else { "off" },
            "operation_state": get("power_operation"), "tags": []})
    };
    let rows: Vec<Value> =
        world.fleet.of(CLOUDDC, now).into_iter().map(row).filter(|row| only.is_none_or(|id| row["id"] == id)).collect();
    match (only, rows.first()) {
        (None, _) => {
            let count = rows.len();
            good(200, &json!({"servers": rows, "page_info": {"current_count": count}, "count": count}), world)
        }
        (Some(_), Some(row)) => good(200, row, world),
        (Some(id), None) => metal(404, "iMetal.0100", &format!("Physical servers ID not found: [{id}]"), world),
    }
}

/// `PUT /v1/{project_id}/physicalservers/power-state`.
pub(super) fn power(request: &Inbound, world: &mut World) -> Outbound {
    let now = world.now;
    let body = request.json().unwrap_or_default();
    let Some(action @ ("power on" | "power off" | "rebooting")) = body["action"].as_str() else {
        return invalid("action", world);
    };
    let ids = texts(&body["server_id_set"]);
    if ids.is_empty() {
        return missing("server_id_set", world);
    }
    if ids.len() > 50 {
        return invalid("server_id_set has more than 50 ids", world);
    }
    let instances = demo::instances_on(&ids);
    if instances.len() < ids.len() {
        return metal(404, "iMetal.0100", &format!("Physical servers ID not found: [{}]", ids.join(", ")), world);
    }
    let busy = instances
        .iter()
        .any(|id| world.fleet.get(CLOUDDC, id, now).is_some_and(|machine| machine.truth(now) == Stage::Installing));
    if busy {
        return metal(400, "iMetal.0101", &format!("Physical servers state is not ready: [{}]", ids.join(", ")), world);
    }
    for id in &instances {
        let Some(machine) = world.fleet.get(CLOUDDC, id, now) else { continue };
        let word = match (action, machine.truth(now)) {
            ("power on", Stage::Stopped | Stage::Failed) => {
                machine.start(now);
                "power-on-succeed"
            }
            ("power off", Stage::Running) => {
                machine.stop(now);
                "power-off-succeed"
            }
            _ => continue,
        };
        machine.fields.insert("power_operation".to_owned(), word.into());
    }
    let rows: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    good(200, &json!({"physical_servers": rows}), world)
}
