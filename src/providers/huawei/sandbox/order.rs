//! ECS: `reinstallos` and `changeos`, with everything that the documentation asks of their bodies.

use super::answers::{WRONG_STATE, ecs};
use super::jobs::{Job, Jobs};
use super::{ECS, demo};
use crate::providers::huawei::fields;
use crate::sandbox::machine::Stage;
use crate::sandbox::{Inbound, Outbound, World};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

type Fault = (u16, &'static str, String);

fn invalid(what: &str) -> Fault {
    (400, "Ecs.0005", format!("Invalid parameters: {what}"))
}

/// A text field; `Err` if it is there and is no text.
fn text<'b>(fields: &'b Map<String, Value>, name: &str) -> Result<Option<&'b str>, Fault> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(name)),
    }
}

/// What a good order changes.
struct Settled {
    image: Option<&'static demo::DemoImage>,
    key: Option<String>,
    stops: bool,
}

fn check(fields: &Map<String, Value>, change: bool, cloud_init: bool) -> Result<Settled, Fault> {
    let password = text(fields, "adminpass")?;
    let key = text(fields, "keyname")?;
    let user = text(fields, "userid")?;
    let user_data = metadata(fields, cloud_init)?;
    match (password, key) {
        (Some(_), Some(_)) => return Err(invalid("adminpass and keyname exclude each other")),
        (None, None) if !user_data => return Err(invalid("adminpass or keyname is required")),
        (Some(password), None) if fields::ECS.password.check(&Secret::from(password.to_owned())).is_err() => {
            return Err((
                400,
                "Ecs.0011",
                "Ensure the password meets the password complexity requirements.".to_owned(),
            ));
        }
        (None, Some(name)) => {
            let user = user.ok_or_else(|| invalid("userid is required with keyname"))?;
            if user != demo::USER || !demo::KEY_PAIRS.iter().any(|(known, _)| *known == name) {
                return Err((
                    400,
                    "Ecs.0314",
                    "The key pair does not exist. Refresh the key pair list and check the key pair.".to_owned(),
                ));
            }
        }
        _ => {}
    }
    let stops = match text(fields, "mode")? {
        None => false,
        Some("withStopServer") => true,
        Some(_) => return Err(invalid("mode")),
    };
    let image = match (change, text(fields, "imageid")?) {
        (false, _) => None,
        (true, None) => return Err(invalid("imageid is required")),
        (true, Some(id)) => {
            let image = demo::image_of(id).ok_or((400, "Ecs.0031", "The image does not exist.".to_owned()))?;
            if image.virtual_env_type != "FusionCompute" {
                return Err((400, "Ecs.0007", "The image attributes do not fit.".to_owned()));
            }
            Some(image)
        }
    };
    if !matches!(text(fields, "isAutoPay")?, None | Some("true" | "false")) {
        return Err(invalid("isAutoPay"));
    }
    Ok(Settled { image, key: key.map(str::to_owned), stops })
}

/// Checks `metadata` and tells whether user data is in it.
fn metadata(fields: &Map<String, Value>, cloud_init: bool) -> Result<bool, Fault> {
    let metadata = match fields.get("metadata") {
        None | Some(Value::Null) => return Ok(false),
        Some(Value::Object(metadata)) => metadata,
        Some(_) => return Err(invalid("metadata")),
    };
    if metadata.values().any(|value| !value.is_string()) {
        return Err(invalid("metadata holds texts only"));
    }
    let encrypted = text(metadata, "__system__encrypted")?;
    let key = text(metadata, "__system__cmkid")?;
    match (encrypted, key) {
        (None | Some("0"), None) => {}
        (Some("1"), Some(key)) if key.len() == 36 => {}
        _ => return Err((400, "Ecs.0025", "The disk encryption key is not correct.".to_owned())),
    }
    match text(metadata, "user_data")? {
        None => Ok(false),
        Some(_) if !cloud_init => Err(invalid("metadata.user_data needs Cloud-Init")),
        Some(encoded) => {
            let data = STANDARD.decode(encoded).map_err(|_| invalid("metadata.user_data is not base64"))?;
            if data.len() > 32 * 1024 {
                return Err(invalid("metadata.user_data is larger than 32 KB"));
            }
            Ok(true)
        }
    }
}

/// `POST /v1|v2/{project_id}/cloudservers/{server_id}/reinstallos|changeos`.
pub(super) fn carry_out(jobs: &mut Jobs, request: &Inbound, id: &str, world: &mut World) -> Outbound {
    match try_to(request, id, world) {
        Ok(job) => jobs.begin(job, world),
        Err((status, code, message)) => ecs(status, code, &message, world),
    }
}

fn try_to(request: &Inbound, id: &str, world: &mut World) -> Result<Job, Fault> {
    let now = world.now;
    let change = request.path.trim_end_matches('/').ends_with("/changeos");
    let cloud_init = request.path.starts_with("/v2/");
    let name = if change { "os-change" } else { "os-reinstall" };
    let body = request.json().ok_or((400, "Ecs.0000", "The request cannot be understood.".to_owned()))?;
    let fields = body.get(name).and_then(Value::as_object).ok_or_else(|| invalid(name))?;
    let settled = check(fields, change, cloud_init)?;
    let fate = world.fate;
    let machine = world.fleet.get(ECS, id, now).ok_or((404, "Ecs.0114", "The ECS does not exist.".to_owned()))?;
    if machine.fields.get("locked") == Some(&Value::Bool(true)) {
        return Err((400, "Ecs.0605", "ECS locked.".to_owned()));
    }
    if machine.fields.get("frozen") == Some(&Value::Bool(true)) {
        return Err((403, "Ecs.0068", "The resource is frozen.".to_owned()));
    }
    match machine.truth(now) {
        Stage::Stopped | Stage::Failed => {}
        Stage::Running if settled.stops => {}
        Stage::Installing => {
            return Err((400, "Ecs.1002", "Another operation is being performed on the ECS.".to_owned()));
        }
        Stage::Running | Stage::Stopping | Stage::Starting => return Err((400, "Ecs.0100", WRONG_STATE.to_owned())),
    }
    let mut changes = Map::new();
    if let Some(Value::Object(image)) = settled.image.map(demo::image_fields) {
        changes.extend(image);
    }
    changes.insert("key_name".to_owned(), settled.key.map_or(Value::Null, Value::String));
    let end = chrono::Duration::from_std(fate.duration).map_or(request.at, |takes| request.at + takes);
    changes.insert("updated".to_owned(), end.format("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    machine.reinstall(now, &fate, changes);
    Ok(Job {
        server: id.to_owned(),
        kind: if change { "changeOS" } else { "reinstallOS" },
        began_at: request.at,
        began: now,
        takes: fate.duration,
        ending: fate.ending,
    })
}
