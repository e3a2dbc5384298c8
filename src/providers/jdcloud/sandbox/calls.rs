//! The reads of the emulated interface.

use super::demo::{IMAGES, KEYS, MODELS, RAIDS, REGION};
use super::{Fault, PROVIDER};
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, World};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Parameters of a list call: those by name, and the filters.
struct Query {
    plain: BTreeMap<String, String>,
    filters: Vec<(String, Vec<String>)>,
}

/// Answers a read.
pub(super) fn read(request: &Inbound, action: &str, id: &str, world: &mut World) -> Result<Value, Fault> {
    let now = world.now;
    match action {
        "describeRegiones" => {
            let azs = [json!({ "region": REGION, "az": "cn-north-1a", "azName": "Zone A" })];
            Ok(json!({ "regions": [{ "region": REGION, "regionName": "Beijing", "azs": azs }] }))
        }
        "describeDeviceTypes" => Ok(json!({ "deviceTypes": MODELS.map(device_type) })),
        "describeOS" => oss(request),
        "describeDeviceRaids" => raids(request),
        "describeKeypairs" => keypairs(request),
        "describeKeypair" => {
            let key = KEYS.iter().find(|key| key.0 == id).ok_or_else(|| Fault::unknown("key pair"))?;
            Ok(json!({ "keypair": keypair(key) }))
        }
        "describeInstances" => instances(request, world),
        _ => {
            let machine = world.fleet.get(PROVIDER, id, now).ok_or_else(|| Fault::unknown("server"))?;
            Ok(match action {
                "describeInstance" => json!({ "instance": instance(machine, now) }),
                "describeInstanceRaid" => {
                    let names = ["sysRaidTypeId", "sysRaidType", "dataRaidTypeId", "dataRaidType"];
                    let known =
                        names.iter().filter_map(|&name| Some((name.to_owned(), machine.fields.get(name)?.clone())));
                    Value::Object(known.collect())
                }
                "describeInstanceName" => json!({ "name": machine.name }),
                // Health of the hardware, not what the server is doing.
                _ => json!({ "cpus": true, "mems": true, "disks": true, "nics": true }),
            })
        }
    }
}

/// The ids that a `describeInstances` call asks for; none if it asks for all.
pub(super) fn asked_ids(request: &Inbound) -> Vec<String> {
    let filters = query(request).map(|query| query.filters).unwrap_or_default();
    filters.into_iter().filter(|(name, _)| name == "instanceId").flat_map(|(_, values)| values).collect()
}

/// A server as the interface shows it.
fn instance(machine: &Machine, now: Duration) -> Value {
    let mut fields = Map::new();
    fields.insert("instanceId".to_owned(), json!(machine.id));
    fields.insert("name".to_owned(), json!(machine.name));
    fields.insert("status".to_owned(), json!(word(machine.shown(now))));
    fields.insert("privateIp".to_owned(), json!(machine.ip));
    fields.extend(machine.fields.clone());
    Value::Object(fields)
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Running => "running",
        Stage::Stopped => "stopped",
        Stage::Stopping => "stopping",
        Stage::Starting => "starting",
        Stage::Installing => "reinstalling",
        Stage::Failed => "error",
    }
}

fn instances(request: &Inbound, world: &mut World) -> Result<Value, Fault> {
    let query = query(request)?;
    let now = world.now;
    let all: Vec<Value> = world.fleet.of(PROVIDER, now).into_iter().map(|machine| instance(machine, now)).collect();
    let text = |instance: &Value, name: &str| instance[name].as_str().unwrap_or_default().to_owned();
    let mut chosen = all;
    for (name, wanted) in &query.plain {
        match name.as_str() {
            "pageNumber" | "pageSize" => {}
            "name" => chosen.retain(|instance| text(instance, "name").contains(wanted.as_str())),
            "az" | "networkType" | "deviceType" | "subnetId" | "keypairId" | "enableInternet" | "privateIp"
            | "interfaceMode" => chosen.retain(|instance| text(instance, name) == *wanted),
            _ => return Err(Fault::invalid(format!("unknown parameter {name}"))),
        }
    }
    for (name, values) in &query.filters {
        if !["instanceId", "status"].contains(&name.as_str()) {
            return Err(Fault::invalid(format!("unknown filter {name}")));
        }
        chosen.retain(|instance| values.contains(&text(instance, name)));
    }
    page("instances", chosen, &query)
}

fn keypairs(request: &Inbound) -> Result<Value, Fault> {
    let query = query(request)?;
    let mut chosen: Vec<_> = KEYS.iter().collect();
    if let Some(name) = query.plain.get("name") {
        chosen.retain(|key| key.1.contains(name.as_str()));
    }
    for (name, values) in &query.filters {
        if name != "keypairId" {
            return Err(Fault::invalid(format!("unknown filter {name}")));
        }
        chosen.retain(|key| values.iter().any(|value| value == key.0));
    }
    page("keypairs", chosen.into_iter().map(keypair).collect(), &query)
}

fn keypair(key: &(&str, &str, &str)) -> Value {
    json!({
        "keypairId": key.0,
        "region": REGION,
        "name": key.1,
        "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISANDBOX sandbox",
        "fingerPrint": key.2,
        "createTime": "2026-01-15T08:00:00Z",
        "updateTime": "2026-01-15T08:00:00Z",
    })
}

fn device_type(model: &str) -> Value {
    json!({
        "deviceType": model,
        "name": model,
        "family": "normal",
        "region": REGION,
        "cpuConcise": "2*16 cores",
        "memConcise": "256 GB",
        "systemDiskAmount": 2,
        "systemDiskSize": "480",
        "dataDiskAmount": 4,
        "dataDiskSize": "4000",
        "isSoldOut": false,
    })
}

fn oss(request: &Inbound) -> Result<Value, Fault> {
    let model = model(request)?;
    let family = request.parameter("osType").filter(|family| !family.is_empty());
    let oss: Vec<Value> = IMAGES
        .iter()
        .filter(|image| image.0 == model && family.as_deref().is_none_or(|family| family == image.3))
        .map(|(model, id, name, family, version)| {
            json!({ "osTypeId": id, "osName": name, "osType": family, "osVersion": version, "deviceType": model })
        })
        .collect();
    Ok(json!({ "oss": oss }))
}

fn raids(request: &Inbound) -> Result<Value, Fault> {
    let model = model(request)?;
    let volume = request.parameter("volumeType").filter(|volume| !volume.is_empty());
    let raids: Vec<Value> = RAIDS
        .iter()
        .filter(|raid| volume.as_deref().is_none_or(|volume| volume == raid.0))
        .map(|(volume, id, level)| {
            json!({
                "volumeType": volume,
                "volumeDetail": "SSD",
                "raidTypeId": id,
                "raidType": level,
                "deviceType": model,
                "description": level,
            })
        })
        .collect();
    Ok(json!({ "raids": raids }))
}

fn model(request: &Inbound) -> Result<String, Fault> {
    let model = request.parameter("deviceType").filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| Fault::invalid("deviceType is required"))?;
    if MODELS.contains(&model.as_str()) { Ok(model) } else { Err(Fault::unknown("deviceType")) }
}

/// Reads `filters.N.name`, `filters.N.operator` and `filters.N.values.M`, and everything else by name.
fn query(request: &Inbound) -> Result<Query, Fault> {
    let mut plain = BTreeMap::new();
    let mut numbered: BTreeMap<u32, (String, Vec<String>)> = BTreeMap::new();
    let bad = |name: &str| Fault::invalid(format!("{name} cannot be read"));
    for (name, value) in request.parameters() {
        let Some(rest) = name.strip_prefix("filters.") else {
            if !value.is_empty() {
                plain.insert(name, value);
            }
            continue;
        };
        let (number, field) = rest.split_once('.').ok_or_else(|| bad(&name))?;
        let number: u32 = number.parse().ok().filter(|&number| number > 0).ok_or_else(|| bad(&name))?;
        let filter = numbered.entry(number).or_default();
        match field.split_once('.') {
            None if field == "name" => filter.0 = value,
            None if field == "operator" && ["eq", ""].contains(&value.as_str()) => {}
            Some(("values", place)) if place.parse::<u32>().is_ok_and(|place| place > 0) => filter.1.push(value),
            _ => return Err(bad(&name)),
        }
    }
    Ok(Query { plain, filters: numbered.into_values().collect() })
}

fn page(name: &str, rows: Vec<Value>, query: &Query) -> Result<Value, Fault> {
    let number = |key: &str, default: usize| match query.plain.get(key) {
        Some(text) => text.parse::<usize>().map_err(|_| Fault::invalid(format!("{key} is not a number"))),
        None => Ok(default),
    };
    let (page, size) = (number("pageNumber", 1)?, number("pageSize", 20)?);
    if page == 0 {
        return Err(Fault::invalid("pageNumber begins at 1"));
    }
    if !(20..=100).contains(&size) {
        return Err(Fault::invalid("pageSize must be 20 to 100"));
    }
    let total = rows.len();
    let rows: Vec<Value> = rows.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    let mut result = Map::new();
    result.insert(name.to_owned(), Value::Array(rows));
    result.insert("pageNumber".to_owned(), json!(page));
    result.insert("pageSize".to_owned(), json!(size));
    result.insert("totalCount".to_owned(), json!(total));
    Ok(Value::Object(result))
}
