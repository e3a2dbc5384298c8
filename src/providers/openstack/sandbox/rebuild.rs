//! The rebuild call, with everything that its schema asks, version by version.

use super::actions::{Actions, Row};
use super::answers::{plain, with_id};
use super::nova::{after_rebuild, conflict};
use super::{NOVA, demo};
use crate::providers::openstack::microversion::Microversion;
use crate::sandbox::machine::{Ending, Fate, Stage};
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Map, Value, json};
use std::time::Duration;

type Fault = (u16, &'static str, String);

fn bad(message: impl Into<String>) -> Fault {
    (400, "badRequest", message.into())
}

fn invalid(name: &str) -> Fault {
    bad(format!("Invalid input for field/attribute {name}."))
}

/// Each field with the version that it came with.
const FIELDS: [(&str, Microversion); 12] = [
    ("imageRef", Microversion(2, 1)),
    ("adminPass", Microversion(2, 1)),
    ("name", Microversion(2, 1)),
    ("metadata", Microversion(2, 1)),
    ("preserve_ephemeral", Microversion(2, 1)),
    ("OS-DCF:diskConfig", Microversion(2, 1)),
    ("accessIPv4", Microversion(2, 1)),
    ("accessIPv6", Microversion(2, 1)),
    ("description", Microversion(2, 19)),
    ("key_name", Microversion(2, 54)),
    ("user_data", Microversion(2, 57)),
    ("hostname", Microversion(2, 90)),
];

fn check(fields: &Map<String, Value>, version: Microversion) -> Result<&'static demo::DemoImage, Fault> {
    for (name, value) in fields {
        if !FIELDS.iter().any(|(known, since)| known == name && version >= *since) {
            return Err(bad(format!(
                "Invalid input for field/attribute rebuild. Additional properties are not allowed ('{name}' was unexpected)"
            )));
        }
        let length = value.as_str().map(|text| text.chars().count());
        let good = match name.as_str() {
            "imageRef" => value.as_str().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok()),
            "adminPass" => length.is_some(),
            "name" => length.is_some_and(|length| (1..=255).contains(&length)),
            "description" => value.is_null() || length.is_some_and(|length| length <= 255),
            "preserve_ephemeral" => value.is_boolean(),
            "OS-DCF:diskConfig" => value == "AUTO" || value == "MANUAL",
            "metadata" => value.as_object().is_some_and(|pairs| pairs.values().all(Value::is_string)),
            "accessIPv4" => value.as_str().is_some_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok()),
            "accessIPv6" => value.as_str().is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok()),
            "user_data" => value.is_null() || length.is_some_and(|length| length <= 65_535),
            "hostname" => value
                .as_str()
                .is_some_and(|text| !text.is_empty() && (version >= Microversion(2, 94) || !text.contains('.'))),
            _ => value.is_null() || length.is_some_and(|length| (1..=255).contains(&length)),
        };
        if !good {
            return Err(invalid(name));
        }
    }
    let id = fields
        .get("imageRef")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("Invalid input for field/attribute rebuild. 'imageRef' is a required property"))?;
    let image = demo::image_of(id).ok_or_else(|| bad("Cannot find image for rebuild"))?;
    if image.status != "active" {
        return Err(bad(format!("Image {id} is not active.")));
    }
    let key = fields.get("key_name").and_then(Value::as_str);
    if key.is_some_and(|name| !demo::KEY_PAIRS.iter().any(|(known, _)| *known == name)) {
        return Err(bad("Invalid key_name provided."));
    }
    Ok(image)
}

/// `POST /servers/{server_id}/action` with `rebuild`.
pub(super) fn carry_out(
    actions: &mut Actions,
    request: &Inbound,
    id: &str,
    version: Microversion,
    world: &mut World,
) -> Outbound {
    match try_to(actions, request, id, version, world) {
        Ok(answer) => answer,
        Err((status, kind, message)) => plain(status, kind, &message, world),
    }
}

/// When reads show the new image: it stands in one row with status and task, and changes with them.
fn shown_after(fate: &Fate) -> Option<Duration> {
    match fate.ending {
        Ending::NeverStarts => None,
        _ if fate.shows_progress => Some(fate.stale.min(fate.duration)),
        Ending::Good | Ending::Off | Ending::Failed => Some(fate.stale.max(fate.duration)),
        Ending::Stuck | Ending::Vanishes => None,
    }
}

fn try_to(
    actions: &mut Actions,
    request: &Inbound,
    id: &str,
    version: Microversion,
    world: &mut World,
) -> Result<Outbound, Fault> {
    let now = world.now;
    let body = request.json().ok_or_else(|| bad("Malformed request body"))?;
    let fields = body["rebuild"].as_object().ok_or_else(|| invalid("rebuild"))?;
    let image = check(fields, version)?;
    let mut fate = world.fate_of(id);
    let machine = world
        .fleet
        .get(NOVA, id, now)
        .ok_or_else(|| (404, "itemNotFound", format!("Instance {id} could not be found.")))?;
    if machine.fields.get("locked") == Some(&Value::Bool(true)) {
        return Err((409, "conflictingRequest", format!("Instance {id} is locked")));
    }
    let stage = machine.truth(now);
    if !matches!(stage, Stage::Running | Stage::Stopped | Stage::Failed) {
        return Err((409, "conflictingRequest", conflict(id, "rebuild", stage)));
    }
    if machine.fields.get("image").is_none_or(Value::is_null) && version < Microversion(2, 93) {
        return Err(bad("Unable to rebuild with a different image for a volume-backed server."));
    }
    // What was off is off again.
    if stage == Stage::Stopped && fate.ending == Ending::Good {
        fate.ending = Ending::Off;
    }
    let mut changes = Map::new();
    for name in ["key_name", "metadata", "name", "description"] {
        if let Some(value) = fields.get(name) {
            changes.insert(name.to_owned(), value.clone());
        }
    }
    let end = chrono::Duration::from_std(fate.duration).map_or(request.at, |takes| request.at + takes);
    changes.insert("updated".to_owned(), end.format("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    if let Some(after) = shown_after(&fate) {
        machine.change_at(now + after, "image", image.id.into());
    }
    machine.reinstall(now, &fate, changes);
    let mut server = after_rebuild(machine, version, image.id);
    server["adminPass"] = fields.get("adminPass").cloned().unwrap_or_else(|| "sandboxMade1".into());
    let request_id = format!("req-{}", world.request_id());
    actions.note(Row {
        server: id.to_owned(),
        request_id: request_id.clone(),
        began: now,
        takes: fate.duration.max(fate.stale),
        ending: fate.ending,
    });
    let location = format!("{}/servers/{id}", demo::service(request, "compute/v2.1"));
    Ok(with_id(Outbound::json(202, &json!({"server": server})), &request_id).with("location", location))
}
