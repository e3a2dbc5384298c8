//! `POST /servers/{id}/actions/rebuild`, validated as documented.

use super::super::NAME;
use super::super::fields::MOST_USER_DATA;
use super::actions::Actions;
use super::answers::No;
use super::demo;
use super::images::IMAGES;
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Map, Value, json};

fn invalid(field: &str, why: &str) -> No {
    No::new(422, "invalid_input", &format!("invalid input in field '{field}': {why}"))
}

/// Checks the order and begins the rebuild.
pub(super) fn carry_out(actions: &mut Actions, request: &Inbound, id: &str, world: &mut World) -> Result<Outbound, No> {
    let now = world.now;
    if !request.header("content-type").starts_with("application/json") {
        return Err(No::new(400, "json_error", "the content type is not JSON"));
    }
    let Some(Value::Object(body)) = request.json() else {
        return Err(No::new(400, "json_error", "the body is no JSON object"));
    };
    if let Some(name) = body.keys().find(|name| !["image", "user_data"].contains(&name.as_str())) {
        return Err(invalid(name, "unknown field"));
    }
    let not_found = || No::new(404, "not_found", "server not found");
    let machine = world.fleet.get(NAME, id, now).ok_or_else(not_found)?;
    let architecture = machine.fields["architecture"].as_str().unwrap_or_default().to_owned();
    if machine.fields.get("protect_rebuild") == Some(&Value::Bool(true)) {
        return Err(No::new(403, "protected", "server is protected against rebuild"));
    }
    let image = match body.get("image") {
        Some(Value::Number(id)) => IMAGES.iter().find(|image| Some(image.id) == id.as_u64()),
        // The name, or the number as a text.
        Some(Value::String(name)) => IMAGES.iter().find(|image| {
            (image.name.as_ref() == Some(name) && image.architecture == architecture) || image.id.to_string() == *name
        }),
        _ => return Err(invalid("image", "it is required")),
    };
    let image = image.ok_or_else(|| No::new(404, "not_found", "image not found"))?;
    if image.architecture != architecture {
        return Err(invalid("image", "image architecture does not match the server's"));
    }
    if image.status != "available" {
        return Err(invalid("image", "image is not available"));
    }
    if image.disk_size > machine.fields["disk"].as_u64().unwrap_or_default() {
        return Err(invalid("image", "image disk is bigger than server disk"));
    }
    let user_data = match body.get("user_data") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.len() <= MOST_USER_DATA => Some(text.clone()),
        Some(Value::String(_)) => return Err(invalid("user_data", "it is longer than 32 KiB")),
        Some(_) => return Err(invalid("user_data", "it is no text")),
    };
    let mut changes = Map::from_iter([("image".to_owned(), json!(image.id))]);
    // What is left out stays for this rebuild and for later ones.
    changes.extend(user_data.map(|text| ("user_data".to_owned(), json!(text))));
    let with_keys = machine.fields["made_with_keys"] == true;
    let fate = world.fate_of(id);
    world.fleet.get(NAME, id, now).ok_or_else(not_found)?.reinstall(now, &fate, changes);
    let action = actions.rebuild(id, request.at, &fate, world);
    let password = (!with_keys).then(|| format!("{}{:04}", demo::ROOT_PASSWORD, world.next_number()));
    Ok(Outbound::json(201, &json!({ "action": action, "root_password": password })))
}
