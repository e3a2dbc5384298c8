//! Bare metal in the sandbox (documentation: compute/bmc/bare-metal-instance and datastructure).

use super::super::bmc::ID;
use super::super::fields::MOST_USER_DATA;
use super::super::wire::{Nic, Partition, RaidConfig};
use super::demo::{self, BMC_IMAGES, MODELS};
use super::fields::{Fields, No, any_in, equal, equal_or_begins, password_fits};
use crate::sandbox::World;
use crate::sandbox::machine::{Machine, Stage};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

const SPECIAL: &str = "~!@$^*-_=+`";

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Running => "RUNNING",
        Stage::Stopped => "STOPPED",
        Stage::Stopping => "STOPPING",
        Stage::Starting => "BOOTING",
        Stage::Installing => "INSTALLING",
        Stage::Failed => "INSTALL_FAILED",
    }
}

fn row(machine: &Machine, now: Duration) -> Value {
    let mut row = machine.fields.clone();
    row.insert("instanceId".to_owned(), json!(machine.id));
    row.insert("instanceName".to_owned(), json!(machine.name));
    row.insert("instanceStatus".to_owned(), json!(word(machine.shown(now))));
    row.insert("primaryPublicIpAddress".to_owned(), json!(machine.ip));
    row.insert("publicIpAddresses".to_owned(), json!([machine.ip]));
    Value::Object(row)
}

/// `DescribeInstances`: filters are joined by "and"; names are exact, or beginnings where they end with `*`.
pub(super) fn instances(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    let now = world.now;
    let ids = fields.texts("instanceIds")?;
    let (public, private) = (fields.texts("publicIpAddresses")?, fields.texts("privateIpAddresses")?);
    let mut exact = Vec::new();
    for name in ["zoneId", "instanceTypeId", "imageId", "instanceStatus"] {
        exact.push((name, fields.text(name)?));
    }
    let (name, hostname) = (fields.text("instanceName")?, fields.text("hostname")?);
    let rows = world
        .fleet
        .of(ID, now)
        .into_iter()
        .filter(|machine| ids.as_ref().is_none_or(|ids| ids.contains(&machine.id.as_str())))
        .map(|machine| row(machine, now))
        .filter(|row| {
            exact.iter().all(|(name, wanted)| equal(*wanted, &row[*name]))
                && equal_or_begins(name, &row["instanceName"])
                && equal_or_begins(hostname, &row["hostname"])
                && any_in(public.as_ref(), &row["publicIpAddresses"])
                && any_in(private.as_ref(), &row["privateIpAddresses"])
        })
        .collect();
    fields.page(rows)
}

/// `DescribeImages`: not paged.
pub(super) fn images(fields: &Fields<'_>) -> Result<Map<String, Value>, No> {
    let (ids, model) = (fields.texts("imageIds")?, fields.text("instanceTypeId")?);
    if model.is_some_and(|model| !MODELS.iter().any(|known| known.0 == model)) {
        return Err(No::new(404, "INVALID_INSTANCE_TYPE_NOT_FOUND", "no such model"));
    }
    let (name, catalog, os) = (fields.text("imageName")?, fields.text("catalog")?, fields.text("osType")?);
    let images: Vec<Value> = BMC_IMAGES
        .iter()
        .filter(|image| {
            ids.as_ref().is_none_or(|ids| ids.contains(&image.id))
                && model.is_none_or(|model| image.models.contains(&model))
                && name.is_none_or(|name| image.name == name)
                && catalog.is_none_or(|catalog| image.catalog == catalog)
                && os.is_none_or(|os| image.os == os)
        })
        .map(|image| {
            json!({ "imageId": image.id, "imageName": image.name, "catalog": image.catalog,
                "imageType": "PUBLIC_IMAGE", "osType": image.os })
        })
        .collect();
    Ok(Map::from_iter([("images".to_owned(), json!(images))]))
}

/// `DescribeInstanceTypes`.
pub(super) fn instance_types(fields: &Fields<'_>) -> Result<Map<String, Value>, No> {
    let ids = fields.texts("instanceTypeIds")?;
    let types: Vec<Value> = MODELS
        .iter()
        .filter(|(id, _, _)| ids.as_ref().is_none_or(|ids| ids.contains(id)))
        .map(|(id, _, _)| demo::model(id))
        .collect();
    Ok(Map::from_iter([("instanceTypes".to_owned(), json!(types))]))
}

fn not_found() -> No {
    No::new(404, "INVALID_INSTANCE_NOT_FOUND", "no such instance")
}

/// `StopInstances`: one server in the wrong state fails the whole call.
pub(super) fn stop(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    power(fields, world, Stage::Running, "OPERATION_DENIED_INSTANCE_NOT_RUNNING", Machine::stop)
}

/// `StartInstances`.
pub(super) fn start(fields: &Fields<'_>, world: &mut World) -> Result<Map<String, Value>, No> {
    power(fields, world, Stage::Stopped, "OPERATION_DENIED_INSTANCE_NOT_STOPPED", Machine::start)
}

fn power(
    fields: &Fields<'_>,
    world: &mut World,
    needed: Stage,
    otherwise: &'static str,
    change: fn(&mut Machine, Duration),
) -> Result<Map<String, Value>, No> {
    let ids = fields.need_ids()?;
    let now = world.now;
    for id in &ids {
        let machine = world.fleet.get(ID, id, now).ok_or_else(not_found)?;
        if machine.truth(now) != needed {
            return Err(No::new(403, otherwise, "the instance is in another state"));
        }
    }
    for id in ids {
        if let Some(machine) = world.fleet.get(ID, id, now) {
            change(machine, now);
        }
    }
    Ok(Map::new())
}

/// `ReinstallInstance`. `old` is version 2022-11-20, which also had `sshKeys`.
pub(super) fn reinstall(fields: &Fields<'_>, old: bool, world: &mut World) -> Result<Map<String, Value>, No> {
    let now = world.now;
    let id = fields.need("instanceId")?;
    let mut known = vec![
        "instanceId",
        "imageId",
        "hostname",
        "password",
        "keyId",
        "raidConfig",
        "partitions",
        "nic",
        "ipxeUrl",
        "userData",
    ];
    if old {
        known.push("sshKeys");
    }
    fields.only(&known)?;
    let fate = world.fate;
    let machine = world.fleet.get(ID, id, now).ok_or_else(not_found)?;
    match machine.truth(now) {
        Stage::Running | Stage::Stopped | Stage::Failed => {}
        Stage::Installing => {
            return Err(No::new(403, "OPERATION_DENIED_INSTANCE_STATUS_INSTALLING", "an installation is under way"));
        }
        Stage::Stopping | Stage::Starting => {
            return Err(No::new(403, "OPERATION_DENIED_INSTANCE_STATUS", "the power is changing"));
        }
    }
    let changes = checked(fields, &machine.fields)?;
    machine.reinstall(now, &fate, changes);
    Ok(Map::new())
}

/// Checks the order and returns what a good end changes.
fn checked(fields: &Fields<'_>, present: &Map<String, Value>) -> Result<Map<String, Value>, No> {
    let model = present["instanceTypeId"].as_str().unwrap_or_default();
    let mut changes = Map::new();
    let ipxe = fields.text("ipxeUrl")?.filter(|url| !url.is_empty());
    let image = fields.text("imageId")?.filter(|id| !id.is_empty());
    let mut windows = false;
    match (ipxe, image.or(present["imageId"].as_str())) {
        (Some(_), _) if image.is_some() => {
            return Err(No::new(400, "INVALID_PARAMETER_VALUE", "imageId must be empty with ipxeUrl"));
        }
        (Some(url), _) => {
            changes.extend([
                ("ipxeUrl".to_owned(), json!(url)),
                ("imageId".to_owned(), Value::Null),
                ("imageName".to_owned(), Value::Null),
            ]);
        }
        (None, Some(id)) => {
            let image = BMC_IMAGES
                .iter()
                .find(|image| image.id == id && image.models.contains(&model))
                .ok_or_else(|| No::new(404, "INVALID_IMAGE_NOT_FOUND", "no such image for this model"))?;
            windows = image.os == "windows";
            changes.extend([
                ("imageId".to_owned(), json!(image.id)),
                ("imageName".to_owned(), json!(image.name)),
                ("ipxeUrl".to_owned(), Value::Null),
            ]);
        }
        (None, None) => {}
    }
    let hostname = fields.text("hostname")?.unwrap_or("hostname");
    if hostname.len() > 64 {
        return Err(No::new(400, "INVALID_PARAMETER_HOSTNAME_EXCEED", "hostname has more than 64 characters"));
    }
    if hostname.is_empty() || hostname.chars().any(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '.') {
        return Err(No::new(400, "INVALID_PARAMETER_HOSTNAME_MALFORMED", "hostname has other characters"));
    }
    changes.insert("hostname".to_owned(), json!(hostname));
    changes.insert("keyId".to_owned(), login(fields, windows)?);
    if let Some(value) = fields.get("raidConfig") {
        raid(value, model)?;
        changes.insert("raidConfig".to_owned(), value.clone());
    }
    if let Some(value) = fields.get("partitions") {
        if ipxe.is_some() {
            return Err(No::new(403, "INVALID_PARTITION_IMAGE_NOT_SET", "partitions need an operating system"));
        }
        partitions(value, windows)?;
        changes.insert("partitions".to_owned(), value.clone());
    }
    if let Some(value) = fields.get("nic") {
        nic(value)?;
        changes.insert("nic".to_owned(), value.clone());
    }
    if fields.text("userData")?.is_some_and(|text| text.len() > MOST_USER_DATA) {
        return Err(No::new(400, "INVALID_PARAMETER_EXCEED_LENGTH", "userData has more than 32 KB"));
    }
    Ok(changes)
}

fn login(fields: &Fields<'_>, windows: bool) -> Result<Value, No> {
    let (password, key) = (fields.text("password")?, fields.text("keyId")?);
    if let Some(keys) = fields.list("sshKeys")? {
        if keys.is_empty() || keys.len() > 5 || !keys.iter().all(Value::is_string) {
            return Err(No::new(400, "INVALID_PARAMETER_SSH_KEY_MALFORMED", "sshKeys has 1 to 5 texts"));
        }
        if password.is_some() || key.is_some() {
            return Err(No::new(400, "INVALID_PARAMETER_INSTANCE_LOGIN_CONFLICT", "one login only"));
        }
    }
    match (password, key) {
        (Some(_), Some(_)) => {
            Err(No::new(400, "INVALID_PARAMETER_INSTANCE_LOGIN_CONFLICT", "password and keyId exclude each other"))
        }
        (Some(password), None) if !password_fits(password, SPECIAL) => {
            Err(No::new(400, "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED", "the password breaks the rules"))
        }
        (None, Some(_)) if windows => Err(No::new(400, "INVALID_KEY_PAIR_NOT_SUPPORT", "Windows takes no key pair")),
        (None, Some(key)) if !demo::has_key(key) => Err(No::new(404, "INVALID_KEY_PAIR_NOT_FOUND", "no such key pair")),
        (_, key) => Ok(json!(key)),
    }
}

fn shape<T: for<'de> Deserialize<'de>>(name: &str, value: &Value) -> Result<T, No> {
    T::deserialize(value).map_err(|_| No::new(400, "INVALID_PARAMETER_TYPE", format!("{name} has the wrong shape")))
}

fn raid(value: &Value, model: &str) -> Result<(), No> {
    let config: RaidConfig = shape("raidConfig", value)?;
    let (levels, disks) =
        MODELS.iter().find(|known| known.0 == model).map_or((&[] as &[u64], 0), |known| (known.1, known.2));
    let level = |level: u64, count: u64| {
        if !levels.contains(&level) {
            return Err(No::new(400, "INVALID_INSTANCE_TYPE_RAID_NOT_SUPPORT", "the model lacks this level"));
        }
        let fits = match level {
            0 => count >= 1,
            1 => count == 2,
            5 => count >= 3,
            _ => count >= 4 && count.is_multiple_of(2),
        };
        if fits {
            Ok(())
        } else {
            Err(No::new(400, "INVALID_PARAMETER_VALUE_RAID_DISK_MISMATCH", "the disks do not fit the level"))
        }
    };
    match (config.raid_type, config.custom_raids) {
        (Some(_), Some(_)) => {
            Err(No::new(400, "INVALID_RAID_CONFIG_FAST_CUSTOM_CONFLICT", "raidType and customRaids exclude each other"))
        }
        // For the whole machine, level 1 takes the first two disks.
        (Some(1), None) => level(1, disks.min(2)),
        (Some(whole), None) => level(whole, disks),
        (None, Some(arrays)) if !arrays.is_empty() => {
            let mut used = Vec::new();
            for array in arrays {
                let numbers = array.disk_sequence;
                if numbers.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
                    return Err(No::new(400, "INVALID_PARAMETER_VALUE_RAID_DISK_DISORDER", "not in order"));
                }
                if numbers.iter().any(|number| *number == 0 || *number > disks) {
                    return Err(No::new(400, "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_RANGE", "no such disk"));
                }
                if numbers.iter().any(|number| used.contains(number)) {
                    return Err(No::new(400, "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_DUPLICATE", "a disk twice"));
                }
                level(array.raid_type, u64::try_from(numbers.len()).unwrap_or(u64::MAX))?;
                used.extend(numbers);
            }
            Ok(())
        }
        (None, _) => Err(No::new(400, "MISSING_PARAMETER", "raidConfig needs raidType or customRaids")),
    }
}

fn partitions(value: &Value, windows: bool) -> Result<(), No> {
    let list: Vec<Partition> = shape("partitions", value)?;
    let bad = |code: &'static str| Err(No::new(400, code, "the partitions break the rules"));
    let first = if windows { "C" } else { "/" };
    if !list.iter().any(|partition| partition.fs_path == first) {
        return bad("INVALID_PARTITION_MISSING_REQUIRED_FILE_PATH");
    }
    if list[0].fs_path != first {
        return bad("INVALID_PARTITION_INVALID_ORDER");
    }
    for (place, partition) in list.iter().enumerate() {
        let path = partition.fs_path.as_str();
        if list[..place].iter().any(|earlier| earlier.fs_path == path) {
            return bad("INVALID_PARTITION_DUPLICATE_FILE_PATH");
        }
        let path_fits = match windows {
            true => matches!(path, "C" | "D" | "E" | "F" | "G" | "H"),
            false => path.starts_with('/'),
        };
        if !path_fits || partition.size == 0 {
            return bad("INVALID_PARTITION_MALFORMED");
        }
        if windows && place > 0 && list[place - 1].fs_path.as_str() > path {
            return bad("INVALID_PARTITION_INVALID_ORDER");
        }
        let types: &[&str] = if windows { &["NTFS"] } else { &["ext2", "ext3", "ext4"] };
        if !types.contains(&partition.fs_type.as_str()) {
            return bad("INVALID_PARTITION_NO_TYPE");
        }
    }
    Ok(())
}

fn nic(value: &Value) -> Result<(), No> {
    let nic: Nic = shape("nic", value)?;
    let fits = |name: &str, forbidden: &str| {
        (4..=10).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && !name.starts_with(forbidden)
    };
    let bad = |name: &Option<String>, forbidden: &str| name.as_deref().is_some_and(|name| !fits(name, forbidden));
    if bad(&nic.wan_name, "lan") || bad(&nic.lan_name, "wan") {
        return Err(No::new(400, "INVALID_PARAMETER_NIC_NAME_MALFORMED", "a name breaks the rules"));
    }
    if nic.wan_name.is_some() && nic.wan_name == nic.lan_name {
        return Err(No::new(400, "INVALID_PARAMETER_NIC_NAME_CONFLICT", "the names are equal"));
    }
    Ok(())
}
