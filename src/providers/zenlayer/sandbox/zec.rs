//! Elastic compute in the sandbox (documentation: compute/zec/instance).

use super::super::fields::MOST_USER_DATA;
use super::super::zec::ID;
use super::demo::{self, TIME_ZONES, ZEC_IMAGES, ZEC_ZONES, ZecImage};
use super::fields::{Fields, No, any_in, equal, password_fits};
use crate::sandbox::World;
use crate::sandbox::machine::{Machine, Stage};
use serde_json::{Map, Value, json};
use std::time::Duration;

const SPECIAL: &str = "~!@$^*-_=+`|;:,.?";

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Running => "RUNNING",
        Stage::Stopped => "STOPPED",
        Stage::Stopping => "STOPPING",
        Stage::Starting => "BOOTING",
        Stage::Installing => "DEPLOYING",
        Stage::Failed => "REINSTALL_FAILED",
    }
}

fn row(machine: &Machine, now: Duration) -> Value {
    let mut row = machine.fields.clone();
    row.insert("instanceId".to_owned(), json!(machine.id));
    row.entry("instanceName").or_insert_with(|| json!(machine.name));
    row.insert("status".to_owned(), json!(word(machine.shown(now))));
    row.insert("publicIpAddresses".to_owned(), json!([machine.ip]));
    Value::Object(row)
}

/// `DescribeInstances`; the name filter is fuzzy.
pub(super) fn instances(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    let now = world.now;
    let ids = fields.texts("instanceIds")?;
    let mut exact = Vec::new();
    for name in ["zoneId", "imageId", "status"] {
        exact.push((name, fields.text(name)?));
    }
    let part = fields.text("name")?;
    let address = fields.text("ipv4Address")?.map(|address| vec![address]);
    let rows = world
        .fleet
        .of(ID, now)
        .into_iter()
        .filter(|machine| ids.as_ref().is_none_or(|ids| ids.contains(&machine.id.as_str())))
        .map(|machine| row(machine, now))
        .filter(|row| {
            exact.iter().all(|(name, wanted)| equal(*wanted, &row[*name]))
                && part.is_none_or(|part| row["instanceName"].as_str().is_some_and(|name| name.contains(part)))
                && (any_in(address.as_ref(), &row["publicIpAddresses"])
                    || any_in(address.as_ref(), &row["privateIpAddresses"]))
        })
        .collect();
    fields.page(rows)
}

/// `DescribeInstancesStatus`.
pub(super) fn statuses(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    let now = world.now;
    let ids = fields.texts("instanceIds")?;
    let rows = world
        .fleet
        .of(ID, now)
        .into_iter()
        .filter(|machine| ids.as_ref().is_none_or(|ids| ids.contains(&machine.id.as_str())))
        .map(|machine| json!({ "instanceId": machine.id, "instanceStatus": word(machine.shown(now)) }))
        .collect();
    fields.page(rows)
}

/// `DescribeImages`: the zone is required.
pub(super) fn images(fields: &Fields<'_>) -> Result<Map<String, Value>, No> {
    let zone = fields.need("zoneId")?;
    if !ZEC_ZONES.contains(&zone) {
        return Err(No::new(404, "INVALID_ZONE_NOT_FOUND", "no such zone"));
    }
    let ids = fields.texts("imageIds")?;
    let (part, os, status) = (fields.text("imageName")?, fields.text("osType")?, fields.text("imageStatus")?);
    let rows = ZEC_IMAGES
        .iter()
        .filter(|image| {
            ids.as_ref().is_none_or(|ids| ids.contains(&image.id))
                && part.is_none_or(|part| image.name.contains(part))
                && os.is_none_or(|os| image.os == os)
                && status.is_none_or(|status| image.status == status)
        })
        .map(|image| {
            json!({ "imageId": image.id, "imageName": image.name, "imageType": "PUBLIC_IMAGE",
                "imageSource": "OFFICIAL", "imageSize": format!("{}", image.min_disk), "minDiskSize": image.min_disk,
                "imageDescription": null, "imageVersion": "1", "imageStatus": image.status,
                "nicNetworkType": ["Auto"], "category": image.category, "osType": image.os, "tags": null })
        })
        .collect();
    fields.page(rows)
}

/// `StopInstances`: what cannot be stopped is named in the answer, which still says 200.
pub(super) fn stop(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    let force = fields.flag("forceShutdown")?.unwrap_or(true);
    power(fields, world, Machine::stop, |stage| stage == Stage::Running || (force && stage == Stage::Stopping))
}

/// `StartInstances`.
pub(super) fn start(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    power(fields, world, Machine::start, |stage| stage == Stage::Stopped)
}

fn not_found() -> No {
    No::new(404, "INVALID_INSTANCE_NOT_FOUND", "no such instance")
}

fn power(
    fields: &Fields<'_>,
    world: &mut World,
    change: fn(&mut Machine, Duration),
    allowed: impl Fn(Stage) -> bool,
) -> Result<Map<String, Value>, No> {
    let ids = fields.need_ids()?;
    let now = world.now;
    for id in &ids {
        world.fleet.get(ID, id, now).ok_or_else(not_found)?;
    }
    let mut failed = Vec::new();
    for id in ids {
        match world.fleet.get(ID, id, now) {
            Some(machine) if allowed(machine.truth(now)) => change(machine, now),
            _ => failed.push(id),
        }
    }
    Ok(Map::from_iter([("instanceIds".to_owned(), json!(failed))]))
}

/// `ResetInstance`.
pub(super) fn reset(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    let now = world.now;
    let id = fields.need("instanceId")?;
    fields.only(&[
        "instanceId",
        "imageId",
        "password",
        "keyId",
        "timezone",
        "enableAgent",
        "instanceName",
        "userData",
    ])?;
    let fate = world.fate;
    let machine = world.fleet.get(ID, id, now).ok_or_else(not_found)?;
    if machine.truth(now) != Stage::Stopped {
        return Err(No::new(400, "UNSUPPORTED_OPERATION_INSTANCE_STATUS", "only powered-off instances can be reset"));
    }
    let changes = checked(fields, &machine.fields)?;
    machine.reinstall(now, &fate, changes);
    Ok(Map::new())
}

/// Checks the order and returns what a good end changes.
fn checked(fields: &Fields<'_>, present: &Map<String, Value>) -> Result<Map<String, Value>, No> {
    let find = |id: Option<&str>| ZEC_IMAGES.iter().find(|image| Some(image.id) == id);
    let current = present["imageId"].as_str();
    let image = find(fields.text("imageId")?.filter(|id| !id.is_empty()).or(current))
        .ok_or_else(|| No::new(404, "INVALID_IMAGE_NOT_FOUND", "no such image"))?;
    if image.status != "AVAILABLE" {
        return Err(No::new(400, "INVALID_IMAGE_STATUS", "the image is not available"));
    }
    if find(current).is_some_and(|current| current.os != image.os) {
        return Err(No::new(400, "INVALID_OS_TYPE_NOT_SAME", "the operating system family differs"));
    }
    if present["systemDisk"]["diskSize"].as_u64().is_some_and(|size| size < image.min_disk) {
        return Err(No::new(400, "INVALID_IMAGE_SIZE_EXCEED", "the boot disk is smaller than the image"));
    }
    let mut changes = Map::from_iter([
        ("imageId".to_owned(), json!(image.id)),
        ("imageName".to_owned(), json!(image.name)),
        ("keyId".to_owned(), login(fields, image)?),
    ]);
    // Left out, the agent is off, whatever it was before.
    let agent = fields.flag("enableAgent")?.unwrap_or(false);
    if agent && !image.agent {
        return Err(No::new(400, "INVALID_IMAGE_AGENT_NOT_SUPPORT", "there is no guest agent in the image"));
    }
    changes.insert("enableAgent".to_owned(), json!(agent));
    if let Some(zone) = fields.text("timezone")? {
        if !TIME_ZONES.contains(&zone) {
            return Err(No::new(400, "INVALID_PARAMETER_VALUE", "no such time zone"));
        }
        changes.insert("timeZone".to_owned(), json!(zone));
    }
    if let Some(name) = fields.text("instanceName")? {
        match name.len() {
            0 | 1 => return Err(No::new(400, "INVALID_PARAMETER_LESS_LENGTH", "instanceName has 2 to 63 characters")),
            64.. => return Err(No::new(400, "INVALID_PARAMETER_EXCEED_LENGTH", "instanceName has 2 to 63 characters")),
            _ => {}
        }
        if name.chars().any(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '.') {
            return Err(No::new(400, "INVALID_PARAMETER_PATTERN_ERROR", "instanceName has other characters"));
        }
        changes.insert("instanceName".to_owned(), json!(name));
    }
    if fields.text("userData")?.is_some_and(|text| text.len() > MOST_USER_DATA) {
        return Err(No::new(400, "INVALID_PARAMETER_USER_DATA_EXCEED", "userData is too long"));
    }
    Ok(changes)
}

fn login(fields: &Fields<'_>, image: &ZecImage) -> Result<Value, No> {
    let (password, key) = (fields.text("password")?, fields.text("keyId")?);
    if image.os == "windows" || image.category == "Generic" {
        return match (password, key) {
            (Some(_), _) => Err(No::new(400, "INVALID_IMAGE_PASSWORD_NOT_SUPPORT", "the image takes no password")),
            (None, Some(_)) => Err(No::new(400, "INVALID_IMAGE_KEY_PAIR_NOT_SUPPORT", "the image takes no key pair")),
            (None, None) => Ok(Value::Null),
        };
    }
    match (password, key) {
        (Some(_), Some(_)) | (None, None) => {
            Err(No::new(400, "INVALID_LOGIN_SETTING_CONFLICT", "exactly one of password and keyId"))
        }
        (Some(password), None) if !password_fits(password, SPECIAL) => {
            Err(No::new(400, "INVALID_PASSWORD_MALFORMED", "the password breaks the rules"))
        }
        (None, Some(key)) if !demo::has_key(key) => Err(No::new(404, "INVALID_KEY_PAIR_NOT_FOUND", "no such key pair")),
        (_, key) => Ok(json!(key)),
    }
}
