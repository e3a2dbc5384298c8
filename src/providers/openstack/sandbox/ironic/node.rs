//! Nodes as the service shows them.

use super::{Answer, No};
use crate::providers::openstack::ironic::ID;
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// UUIDs and names of the ready-made nodes.
pub(super) const NODES: [(&str, &str); 5] = [
    ("5ab1c0de-6385-4bbf-a5c8-b95a00000001", "web-1"),
    ("5ab1c0de-6385-4bbf-a5c8-b95a00000002", "db-1"),
    ("5ab1c0de-6385-4bbf-a5c8-b95a00000003", "cache-1"),
    ("5ab1c0de-6385-4bbf-a5c8-b95a00000004", "vault-1"),
    ("5ab1c0de-6385-4bbf-a5c8-b95a00000005", "bench-1"),
];

/// Fields by the version that brought them.
const SINCE: [(&str, u32); 6] = [
    ("name", 5),
    ("resource_class", 21),
    ("protected", 48),
    ("protected_reason", 48),
    ("network_data", 66),
    ("description", 51),
];
const ALWAYS: [&str; 14] = [
    "uuid",
    "instance_uuid",
    "driver",
    "driver_info",
    "instance_info",
    "provision_state",
    "target_provision_state",
    "power_state",
    "target_power_state",
    "last_error",
    "maintenance",
    "maintenance_reason",
    "reservation",
    "provision_updated_at",
];

/// Set on a node that has forgotten its last error, as the service does when it next compares the power state.
pub(super) const FORGOTTEN: &str = "sandbox_forgotten";

/// How long a part of a deployment shows.
const PART: Duration = Duration::from_millis(400);

/// The UUID of a node that a path names by UUID or name.
pub(super) fn uuid_of(ident: &str) -> Option<&'static str> {
    NODES.iter().find(|(uuid, name)| *uuid == ident || *name == ident).map(|(uuid, _)| *uuid)
}

/// The refusal of an unknown node.
pub(super) fn unknown(ident: &str) -> No {
    No::client(404, format!("Node {ident} could not be found."))
}

/// The node that a path names.
pub(super) fn find<'w>(ident: &str, world: &'w mut World) -> Result<&'w mut Machine, No> {
    let now = world.now;
    let uuid = uuid_of(ident).ok_or_else(|| unknown(ident))?;
    world.fleet.get(ID, uuid, now).ok_or_else(|| unknown(ident))
}

/// The provision state that a look sees: a deployment waits for its ramdisk between two parts.
fn state(machine: &Machine, now: Duration) -> &'static str {
    match machine.shown(now) {
        Stage::Failed => "deploy failed",
        Stage::Installing => {
            let since = now.saturating_sub(machine.reinstalled_at.unwrap_or_default());
            if (PART * 2..PART * 3).contains(&since) { "wait call-back" } else { "deploying" }
        }
        _ => "active",
    }
}

fn time(at: Duration) -> String {
    let start = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_500);
    (start + at).format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

/// What a good end changes.
pub(super) fn changes(end: Duration) -> Map<String, Value> {
    Map::from_iter([("provision_updated_at".to_owned(), json!(time(end)))])
}

fn whole(machine: &Machine, now: Duration) -> Map<String, Value> {
    let mut row = machine.fields.clone();
    let shown = machine.shown(now);
    let state = state(machine, now);
    let working = shown == Stage::Installing;
    let (power, wanted) = match shown {
        Stage::Stopped => ("power off", None),
        Stage::Starting => ("power off", Some("power on")),
        Stage::Stopping => ("power on", Some("power off")),
        _ => ("power on", None),
    };
    let failed = state == "deploy failed";
    let error = error(machine);
    row.insert("uuid".to_owned(), json!(machine.id));
    row.insert("name".to_owned(), json!(machine.name));
    row.insert("provision_state".to_owned(), json!(state));
    row.insert("target_provision_state".to_owned(), if working || failed { json!("active") } else { Value::Null });
    row.insert("power_state".to_owned(), json!(power));
    row.insert("target_power_state".to_owned(), json!(wanted));
    let told = failed && machine.fields.get(FORGOTTEN).is_none();
    row.insert("last_error".to_owned(), if told { json!(error) } else { Value::Null });
    row.insert("reservation".to_owned(), if working { json!("sandbox-conductor") } else { row_reservation(machine) });
    // Behind a new order a failed state of before is still shown for a moment, with the time of before.
    let known = machine.reinstalled_at.is_some_and(|at| at <= now);
    if working || (failed && known && machine.truth(now) == Stage::Failed) {
        row.insert("provision_updated_at".to_owned(), updated(machine));
    }
    row
}

/// When the last deployment began or failed.
pub(super) fn updated(machine: &Machine) -> Value {
    json!(time(machine.reinstalled_at.unwrap_or_default()))
}

fn row_reservation(machine: &Machine) -> Value {
    machine.fields.get("reservation").cloned().unwrap_or_default()
}

fn error(machine: &Machine) -> String {
    format!("Timeout reached while waiting for callback for node {}", machine.id)
}

/// `GET /v1/nodes/{node}/history`: a start and, where it failed, the error.
pub(super) fn history(ident: &str, world: &mut World) -> Answer {
    let now = world.now;
    let machine = find(ident, world)?;
    let Some(at) = machine.reinstalled_at else { return Ok(Outbound::json(200, &json!({ "history": [] }))) };
    let entry = |severity: &str, event: String| json!({ "uuid": machine.id, "created_at": time(at), "severity": severity, "event": event, "links": [] });
    let mut entries = vec![entry("INFO", "Starting deployment with steps=[]".to_owned())];
    if state(machine, now) == "deploy failed" {
        entries.push(entry("ERROR", error(machine)));
    }
    Ok(Outbound::json(200, &json!({ "history": entries })))
}

/// The fields that were asked for, or all that the version has.
fn fields(request: &Inbound, minor: u32) -> Result<Vec<String>, No> {
    let since = |name: &str| match SINCE.iter().find(|(known, _)| *known == name) {
        Some((_, since)) => Some(*since),
        None => ALWAYS.contains(&name).then_some(1),
    };
    match request.parameter("fields") {
        None => Ok(ALWAYS
            .into_iter()
            .chain(SINCE.into_iter().filter(|(_, since)| *since <= minor).map(|(name, _)| name))
            .map(str::to_owned)
            .collect()),
        Some(_) if minor < 8 => Err(No::client(406, "Request not acceptable: fields")),
        Some(list) => {
            let names: Vec<String> = list.split(',').map(str::to_owned).collect();
            for name in &names {
                match since(name) {
                    None => return Err(No::client(400, format!("Field(s) \"{name}\" are not valid"))),
                    Some(since) if since > minor => return Err(No::client(406, "Request not acceptable.")),
                    Some(_) => {}
                }
            }
            Ok(names)
        }
    }
}

fn part(row: &Map<String, Value>, names: &[String]) -> Value {
    Value::Object(names.iter().map(|name| (name.clone(), row.get(name).cloned().unwrap_or_default())).collect())
}

/// `GET /v1/nodes`.
pub(super) fn list(request: &Inbound, minor: u32, world: &mut World) -> Answer {
    let now = world.now;
    let names = fields(request, minor)?;
    let limit: usize = match request.parameter("limit") {
        Some(text) => text.parse().map_err(|_| No::client(400, "Limit must be an integer"))?,
        None => 1000,
    };
    let marker = request.parameter("marker").unwrap_or_default();
    let rows: Vec<Map<String, Value>> = world
        .fleet
        .of(ID, now)
        .into_iter()
        .filter(|machine| machine.id > marker)
        .map(|machine| whole(machine, now))
        .collect();
    let limit = if limit == 0 { 1000 } else { limit.min(1000) };
    let shown: Vec<Value> = rows.iter().take(limit).map(|row| part(row, &names)).collect();
    let mut document = json!({ "nodes": shown });
    if let (true, Some(last)) = (rows.len() > limit, rows.get(limit - 1)) {
        let last = last["uuid"].as_str().unwrap_or_default();
        document["next"] = json!(format!("http://{}/v1/nodes?limit={limit}&marker={last}", request.header("host")));
    }
    Ok(Outbound::json(200, &document))
}

/// `GET /v1/nodes/{node}`.
pub(super) fn show(request: &Inbound, ident: &str, minor: u32, world: &mut World) -> Answer {
    let now = world.now;
    let names = fields(request, minor)?;
    let machine = find(ident, world)?;
    Ok(Outbound::json(200, &part(&whole(machine, now), &names)))
}

/// `GET /v1/nodes/{node}/states`.
pub(super) fn states(ident: &str, world: &mut World) -> Answer {
    let now = world.now;
    let names = [
        "provision_state",
        "target_provision_state",
        "power_state",
        "target_power_state",
        "last_error",
        "provision_updated_at",
    ];
    let machine = find(ident, world)?;
    Ok(Outbound::json(200, &part(&whole(machine, now), &names.map(str::to_owned))))
}

/// The whole node, as the answer to a change.
pub(super) fn document(ident: &str, minor: u32, world: &mut World) -> Answer {
    let now = world.now;
    let names: Vec<String> = ALWAYS
        .into_iter()
        .chain(SINCE.into_iter().filter(|(_, since)| *since <= minor).map(|(name, _)| name))
        .map(str::to_owned)
        .collect();
    let machine = find(ident, world)?;
    Ok(Outbound::json(200, &part(&whole(machine, now), &names)))
}
