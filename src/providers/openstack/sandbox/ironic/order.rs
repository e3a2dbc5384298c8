//! Changes: a node's record, its provision state, its power.

use super::node::{changes, document, find, updated};
use super::{Answer, No};
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, Outbound, World};
use bytes::Bytes;
use serde_json::{Map, Value};

/// Longest user data. The service names no figure; this one is the sandbox's.
const MOST_USER_DATA: usize = 64 * 1024;

/// Another operation holds the node.
pub(super) fn locked(node: &str) -> No {
    No::client(
        409,
        format!(
            "Node {node} is locked by host sandbox-conductor, please retry after the current operation is completed."
        ),
    )
}

fn flag(machine: &Machine, name: &str) -> bool {
    machine.fields.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn held(machine: &Machine, now: std::time::Duration) -> bool {
    let changing = matches!(machine.truth(now), Stage::Installing | Stage::Starting | Stage::Stopping);
    changing || machine.fields.get("reservation").is_some_and(Value::is_string)
}

/// `PATCH /v1/nodes/{node}`: a JSON Patch over `instance_info`, whole or not at all.
pub(super) fn update(request: &Inbound, ident: &str, minor: u32, world: &mut World) -> Answer {
    let now = world.now;
    let machine = find(ident, world)?;
    if held(machine, now) {
        return Err(locked(&machine.id));
    }
    let Some(Value::Array(steps)) = request.json() else {
        return Err(No::client(400, "Expected a JSON patch"));
    };
    let mut info = machine.fields.get("instance_info").and_then(Value::as_object).cloned().unwrap_or_default();
    for step in &steps {
        apply(&mut info, step)?;
    }
    machine.fields.insert("instance_info".to_owned(), Value::Object(info));
    document(ident, minor, world)
}

fn apply(info: &mut Map<String, Value>, step: &Value) -> Result<(), No> {
    let path = step["path"].as_str().unwrap_or_default();
    let bad = |text: &str| No::client(400, format!("Couldn't apply patch '{step}'. Reason: {text}"));
    let name = path
        .strip_prefix("/instance_info/")
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .ok_or_else(|| bad("the sandbox changes fields of /instance_info alone"))?;
    let there = info.contains_key(name);
    match (step["op"].as_str(), step.get("value")) {
        (Some("add"), Some(value)) => {
            info.insert(name.to_owned(), value.clone());
        }
        (Some("replace"), Some(value)) if there => {
            info.insert(name.to_owned(), value.clone());
        }
        (Some("remove"), None) if there => {
            info.remove(name);
        }
        (Some("replace" | "remove"), _) if !there => return Err(bad("can't replace or remove what is not there")),
        _ => return Err(bad("not a step of a JSON patch")),
    }
    Ok(())
}

/// `PUT /v1/nodes/{node}/states/provision`.
pub(super) fn provision(request: &Inbound, ident: &str, minor: u32, world: &mut World) -> Answer {
    let now = world.now;
    let Some(Value::Object(body)) = request.json() else {
        return Err(No::client(400, "Invalid input: the body is no JSON object"));
    };
    let Some(target) = body.get("target").and_then(Value::as_str) else {
        return Err(No::client(400, "Missing mandatory argument: target"));
    };
    if target != "rebuild" {
        return Err(No::client(400, format!("The requested action \"{target}\" is not served by the sandbox")));
    }
    checked(&body, minor)?;
    let id = find(ident, world)?.id.clone();
    let fate = world.fate_of(&id);
    let machine = find(ident, world)?;
    if flag(machine, "protected") {
        return Err(No::client(403, format!("Node {id} is protected and cannot be undeployed, rebuilt or deleted")));
    }
    if held(machine, now) {
        return Err(locked(&id));
    }
    if flag(machine, "maintenance") {
        return Err(No::client(
            400,
            format!("The provisioning operation can't be performed on node {id} because it's in maintenance mode."),
        ));
    }
    let image = machine.fields["instance_info"]["image_source"].clone();
    if !image.is_string() {
        return Err(No::client(
            400,
            format!("Node {id} failed to validate deploy image info. image_source is missing."),
        ));
    }
    if machine.truth(now) == Stage::Failed {
        let before = updated(machine);
        machine.fields.insert("provision_updated_at".to_owned(), before);
    }
    let mut after = changes(now + fate.duration);
    after.insert("installed_image".to_owned(), image);
    after.insert("installed_drive".to_owned(), body.get("configdrive").cloned().unwrap_or_default());
    machine.reinstall(now, &fate, after);
    Ok(accepted(request, &id, "states"))
}

fn accepted(request: &Inbound, id: &str, what: &str) -> Outbound {
    Outbound { status: 202, headers: Vec::new(), body: Bytes::new() }
        .with("location", format!("http://{}/v1/nodes/{id}/{what}", request.header("host")))
}

/// The body of a rebuild, by the version that it is sent with.
fn checked(body: &Map<String, Value>, minor: u32) -> Result<(), No> {
    let too_old = |what: &str, since: u32| {
        No::client(400, format!("{what} needs version 1.{since} of the interface, and 1.{minor} was asked for"))
    };
    if let Some(name) = body.keys().find(|name| !["target", "configdrive", "deploy_steps"].contains(&name.as_str())) {
        return Err(No::client(400, format!("Unexpected arguments: {name}")));
    }
    match body.get("configdrive") {
        None => {}
        Some(Value::String(_)) if minor >= 35 => {}
        Some(_) if minor < 35 => return Err(too_old("configdrive", 35)),
        Some(Value::Object(_)) if minor < 56 => return Err(too_old("configdrive as an object", 56)),
        Some(Value::Object(drive)) => {
            for (name, value) in drive {
                let fits = match name.as_str() {
                    "meta_data" | "network_data" => value.is_object(),
                    "vendor_data" if minor < 59 => return Err(too_old("vendor_data", 59)),
                    "vendor_data" => value.is_object(),
                    "user_data" => value.as_str().is_some_and(|text| text.len() <= MOST_USER_DATA),
                    _ => false,
                };
                if !fits {
                    return Err(No::client(400, format!("Schema error for configdrive: {name}")));
                }
            }
        }
        Some(_) => return Err(No::client(400, "Schema error for configdrive")),
    }
    match body.get("deploy_steps") {
        None => Ok(()),
        Some(_) if minor < 69 => Err(too_old("deploy_steps", 69)),
        Some(Value::Array(steps))
            if steps.iter().all(|step| step["interface"].is_string() && step["step"].is_string()) =>
        {
            Ok(())
        }
        Some(_) => Err(No::client(400, "Schema error for deploy_steps")),
    }
}

/// `PUT /v1/nodes/{node}/states/power`.
pub(super) fn power(request: &Inbound, ident: &str, world: &mut World) -> Answer {
    let now = world.now;
    let target = request.json().unwrap_or_default()["target"].as_str().unwrap_or_default().to_owned();
    let machine = find(ident, world)?;
    if held(machine, now) {
        return Err(locked(&machine.id));
    }
    match target.as_str() {
        "power on" => machine.start(now),
        "power off" | "soft power off" => machine.stop(now),
        _ => return Err(No::client(400, format!("Invalid power target \"{target}\""))),
    }
    let id = machine.id.clone();
    Ok(accepted(request, &id, "states"))
}
