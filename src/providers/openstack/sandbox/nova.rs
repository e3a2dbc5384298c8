//! The compute service: versions, servers, key pairs, power.

use super::answers::{empty, good, plain};
use super::{NOVA, demo};
use crate::providers::openstack::microversion::Microversion;
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Value, json};

const MIN: Microversion = Microversion(2, 1);
const MAX: Microversion = Microversion(2, 104);

/// The version that a request asks for.
pub(super) fn version(request: &Inbound) -> Result<Microversion, String> {
    let asked = match request.header("openstack-api-version").strip_prefix("compute ") {
        Some(text) => text,
        None => request.header("x-openstack-nova-api-version"),
    };
    let version = match asked.trim() {
        "" => MIN,
        "latest" => MAX,
        text => text.parse().map_err(|()| format!("API Version String {text} is of invalid format."))?,
    };
    if (MIN..=MAX).contains(&version) {
        return Ok(version);
    }
    Err(format!("Version {version} is not supported by the API. Minimum is {MIN} and maximum is {MAX}."))
}

/// `GET /` and `GET /v2.1`.
pub(super) fn versions(request: &Inbound) -> Outbound {
    let href = format!("{}/", demo::service(request, "compute/v2.1"));
    let row = json!({"id": "v2.1", "status": "CURRENT", "version": MAX.to_string(), "min_version": MIN.to_string(),
        "updated": "2013-07-23T11:33:21Z", "links": [{"rel": "self", "href": href}]});
    if request.segments().len() > 1 {
        return Outbound::json(200, &json!({"version": row}));
    }
    Outbound::json(200, &json!({"versions": [row]}))
}

/// Status, task, state of the virtual machine and of its power, as they go together.
pub(super) fn words(stage: Stage) -> (&'static str, Option<&'static str>, &'static str, u8) {
    match stage {
        Stage::Running => ("ACTIVE", None, "active", 1),
        Stage::Stopped => ("SHUTOFF", None, "stopped", 4),
        Stage::Stopping => ("ACTIVE", Some("powering-off"), "active", 1),
        Stage::Starting => ("SHUTOFF", Some("powering-on"), "stopped", 4),
        Stage::Installing => ("REBUILD", Some("rebuilding"), "active", 4),
        Stage::Failed => ("ERROR", None, "error", 4),
    }
}

/// A server as reads show it.
pub(super) fn server(machine: &Machine, stage: Stage, version: Microversion) -> Value {
    let (status, task, vm, power) = words(stage);
    let get = |key: &str| machine.fields.get(key).cloned().unwrap_or_default();
    let image = match get("image") {
        Value::String(id) => json!({"id": id, "links": []}),
        _ => "".into(),
    };
    let name = machine.fields.get("name").and_then(Value::as_str).unwrap_or(&machine.name);
    let mut document = json!({
        "id": machine.id,
        "name": name,
        "status": status,
        "OS-EXT-STS:task_state": task,
        "OS-EXT-STS:vm_state": vm,
        "OS-EXT-STS:power_state": power,
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-DCF:diskConfig": "MANUAL",
        "image": image,
        "key_name": get("key_name"),
        "metadata": get("metadata"),
        "addresses": {"private": [{"version": 4, "addr": machine.ip, "OS-EXT-IPS:type": "fixed",
            "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01"}]},
        "accessIPv4": "",
        "accessIPv6": "",
        "tenant_id": demo::PROJECT,
        "user_id": demo::USER,
        "created": get("created"),
        "updated": get("updated"),
        "hostId": "sandbox",
        "links": [],
    });
    document["flavor"] = match version >= Microversion(2, 47) {
        true => json!({"original_name": "m1.small", "vcpus": 1, "ram": 2048, "disk": 20, "ephemeral": 0, "swap": 0}),
        false => json!({"id": "1", "links": []}),
    };
    if version >= Microversion(2, 9) {
        document["locked"] = (get("locked") == true).into();
    }
    if version >= Microversion(2, 73) {
        document["locked_reason"] = get("locked_reason");
    }
    if status == "ERROR" {
        document["fault"] = json!({"code": 500, "created": get("updated"),
            "message": "Build of instance aborted: the image could not be spawned."});
    } else if status != "REBUILD" {
        document["progress"] = 0.into();
    }
    document
}

fn missing(id: &str, world: &mut World) -> Outbound {
    plain(404, "itemNotFound", &format!("Instance {id} could not be found."), world)
}

/// `GET /servers/{server_id}`.
pub(super) fn show(id: &str, version: Microversion, world: &mut World) -> Outbound {
    let now = world.now;
    match world.fleet.get(NOVA, id, now).map(|machine| server(machine, machine.shown(now), version)) {
        Some(server) => good(200, &json!({"server": server}), world),
        None => missing(id, world),
    }
}

/// `GET /servers` and `GET /servers/detail`.
pub(super) fn list(request: &Inbound, version: Microversion, detail: bool, world: &mut World) -> Outbound {
    let now = world.now;
    let limit = match request.parameter("limit").map(|text| text.parse::<usize>()) {
        None => 1000,
        Some(Ok(limit)) => limit.min(1000),
        Some(Err(_)) => return plain(400, "badRequest", "Invalid input for query parameters limit.", world),
    };
    let name = request.parameter("name");
    // A regular expression at the real service; here a part of the name.
    let fits = |machine: &&mut Machine| name.as_ref().is_none_or(|name| machine.name.contains(name.as_str()));
    let row = |machine: &mut Machine| match detail {
        true => server(machine, machine.shown(now), version),
        false => json!({"id": machine.id, "name": machine.name, "links": []}),
    };
    let rows: Vec<Value> = world.fleet.of(NOVA, now).into_iter().filter(fits).map(row).collect();
    let from = match request.parameter("marker") {
        None => 0,
        Some(marker) => match rows.iter().position(|row| row["id"] == marker.as_str()) {
            Some(place) => place + 1,
            None => return plain(400, "badRequest", &format!("marker [{marker}] not found"), world),
        },
    };
    let all = rows.len();
    let page: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    let mut document = json!({"servers": page});
    // A full page tells where the next one would be, even if that is empty.
    if limit > 0 && page_is_full(&document, limit) && from + limit <= all {
        let last = document["servers"][limit - 1]["id"].as_str().unwrap_or_default().to_owned();
        let href = format!("{}/servers/detail?limit={limit}&marker={last}", demo::service(request, "compute/v2.1"));
        document["servers_links"] = json!([{"rel": "next", "href": href}]);
    }
    good(200, &document, world)
}

fn page_is_full(document: &Value, limit: usize) -> bool {
    document["servers"].as_array().is_some_and(|page| page.len() == limit)
}

/// `GET /os-keypairs`.
pub(super) fn keypairs(request: &Inbound, world: &mut World) -> Outbound {
    let limit = request.parameter("limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(1000);
    let after = request
        .parameter("marker")
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
    good(200, &json!({"keypairs": rows}), world)
}

/// `os-stop` and `os-start`.
pub(super) fn power(id: &str, stop: bool, world: &mut World) -> Outbound {
    let now = world.now;
    let Some(machine) = world.fleet.get(NOVA, id, now) else { return missing(id, world) };
    if machine.fields.get("locked") == Some(&Value::Bool(true)) {
        return plain(409, "conflictingRequest", &format!("Instance {id} is locked"), world);
    }
    let stage = machine.truth(now);
    match (stop, stage) {
        (true, Stage::Running) => machine.stop(now),
        (false, Stage::Stopped) => machine.start(now),
        _ => {
            let message = conflict(id, if stop { "stop" } else { "start" }, stage);
            return plain(409, "conflictingRequest", &message, world);
        }
    }
    empty(202, world)
}

/// Nova's words for a call that does not fit the server's state.
pub(super) fn conflict(id: &str, call: &str, stage: Stage) -> String {
    match words(stage) {
        (_, Some(task), ..) => format!("Cannot '{call}' instance {id} while it is in task_state {task}"),
        (_, None, vm, _) => format!("Cannot '{call}' instance {id} while it is in vm_state {vm}"),
    }
}

/// The server in the rebuild call's answer, which has the new state and image at once.
pub(super) fn after_rebuild(machine: &Machine, version: Microversion, image: &str) -> Value {
    let mut document = server(machine, Stage::Installing, version);
    document["image"] = json!({"id": image, "links": []});
    document
}
