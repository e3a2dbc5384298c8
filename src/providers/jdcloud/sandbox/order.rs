//! The changing calls of the emulated interface: bodies are checked as the pages demand.

use super::demo::{KEYS, image_fields, raid_level};
use super::{Fault, PROVIDER};
use crate::providers::jdcloud::fields::{FACTS, IMAGE_TYPES, USER_DATA_MAX};
use crate::providers::jdcloud::rules;
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, World};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Longest client token.
const TOKEN_MAX: usize = 36;

/// Fields of `instanceSpec`.
const SPEC: [&str; 10] = [
    "az",
    "imageType",
    "osTypeId",
    "sysRaidTypeId",
    "dataRaidTypeId",
    "keepData",
    "password",
    "hostname",
    "userData",
    "keypairId",
];

/// The body as an object. No body at all is an empty one.
pub(super) fn body(request: &Inbound) -> Result<Map<String, Value>, Fault> {
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match request.json() {
        Some(Value::Object(body)) => Ok(body),
        _ => Err(Fault::invalid("the body is not a JSON object")),
    }
}

/// The client token, if there is one.
pub(super) fn client_token(body: &Map<String, Value>) -> Result<Option<String>, Fault> {
    match text(body, "clientToken")? {
        Some(token) if token.is_empty() || token.chars().count() > TOKEN_MAX => {
            Err(Fault::invalid("clientToken has at most 36 characters"))
        }
        token => Ok(token.map(str::to_owned)),
    }
}

/// Carries out a call on one server.
pub(super) fn carry_out(action: &str, id: &str, body: &Map<String, Value>, world: &mut World) -> Result<(), Fault> {
    let (now, fate) = (world.now, world.fate);
    let machine = world.fleet.get(PROVIDER, id, now).ok_or_else(|| Fault::unknown("server"))?;
    match action {
        "startInstance" => {
            must_be(machine, Stage::Stopped, now)?;
            machine.start(now);
        }
        "stopInstance" => {
            must_be(machine, Stage::Running, now)?;
            machine.stop(now);
        }
        "resetPassword" => {
            password(required(body, "password")?)?;
            must_be(machine, Stage::Stopped, now)?;
        }
        _ => {
            let Some(Value::Object(spec)) = body.get("instanceSpec") else {
                return Err(Fault::invalid("instanceSpec is required"));
            };
            let changes = changes(spec, machine)?;
            must_be(machine, Stage::Stopped, now)?;
            machine.reinstall(now, &fate, changes);
        }
    }
    Ok(())
}

fn must_be(machine: &Machine, wanted: Stage, now: std::time::Duration) -> Result<(), Fault> {
    if machine.truth(now) == wanted {
        return Ok(());
    }
    let message = match wanted {
        Stage::Running => "the server is not running",
        _ => "the server is not stopped",
    };
    Err(Fault::new(400, "FAILED_PRECONDITION", message))
}

/// Checks the specification and tells what a good end changes on the server.
fn changes(spec: &Map<String, Value>, machine: &Machine) -> Result<Map<String, Value>, Fault> {
    if let Some((name, _)) = spec.iter().find(|(name, value)| !value.is_null() && !SPEC.contains(&name.as_str())) {
        return Err(Fault::invalid(format!("instanceSpec.{name} is not known")));
    }
    let field = |name: &str| machine.fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if required(spec, "az")? != field("az") {
        return Err(Fault::invalid("az is not the server's"));
    }
    // One version of the page writes the words with capitals.
    let image_type = required(spec, "imageType")?.to_ascii_lowercase();
    if !IMAGE_TYPES.contains(&image_type.as_str()) {
        return Err(Fault::invalid("imageType must be standard or standard_app"));
    }
    let image = image_fields(field("deviceType"), required(spec, "osTypeId")?)
        .ok_or_else(|| Fault::invalid("osTypeId is not offered for the server's deviceType"))?;
    let system = required(spec, "sysRaidTypeId")?;
    let system_level =
        raid_level("system", system).ok_or_else(|| Fault::invalid("sysRaidTypeId is not a level of system disks"))?;
    let keep = match required(spec, "keepData")? {
        "yes" => true,
        "no" => false,
        _ => return Err(Fault::invalid("keepData must be yes or no")),
    };
    let mut changes = Map::new();
    // The English page demands the field; a newer page and the SDKs do not.
    if let Some(data) = text(spec, "dataRaidTypeId")? {
        let level =
            raid_level("data", data).ok_or_else(|| Fault::invalid("dataRaidTypeId is not a level of data disks"))?;
        if keep && data != field("dataRaidTypeId") {
            return Err(Fault::invalid("keepData yes and another dataRaidTypeId exclude each other"));
        }
        changes.insert("dataRaidTypeId".to_owned(), json!(data));
        changes.insert("dataRaidType".to_owned(), json!(level));
    }
    password(required(spec, "password")?)?;
    if let Some(Err(problem)) = text(spec, "hostname")?.map(rules::hostname) {
        return Err(Fault::invalid(format!("hostname: {problem}")));
    }
    if let Some(script) = text(spec, "userData")? {
        let script = STANDARD.decode(script).map_err(|_| Fault::invalid("userData is not Base64"))?;
        if script.len() > USER_DATA_MAX {
            return Err(Fault::invalid("userData has at most 16 KB before Base64"));
        }
    }
    if let Some(key) = text(spec, "keypairId")? {
        if image["osType"] == "Windows" {
            return Err(Fault::invalid("keypairId does not go with Windows"));
        }
        if !KEYS.iter().any(|known| known.0 == key) {
            return Err(Fault::unknown("key pair"));
        }
        changes.insert("keypairId".to_owned(), json!(key));
    }
    if let Value::Object(image) = image {
        changes.extend(image);
    }
    changes.insert("imageType".to_owned(), json!(image_type));
    changes.insert("sysRaidTypeId".to_owned(), json!(system));
    changes.insert("sysRaidType".to_owned(), json!(system_level));
    Ok(changes)
}

fn password(text: &str) -> Result<(), Fault> {
    let refuse = |problem: String| Err(Fault::invalid(format!("password: {problem}")));
    if let Err(fault) = FACTS.password.check(&Secret::from(text.to_owned())) {
        return refuse(fault.to_string());
    }
    match rules::run(text) {
        Some(run) => refuse(format!("has {run}")),
        None => Ok(()),
    }
}

/// A text field; `null` counts as left out.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Fault> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::invalid(format!("{name} must be text"))),
    }
}

fn required<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fault> {
    text(fields, name)?.filter(|text| !text.is_empty()).ok_or_else(|| Fault::invalid(format!("{name} is required")))
}
