//! What a rebuild of one node is made of: the image on the node's record, and the call with its config drive.
//!
//! The image is not part of the rebuild call. It stands in `instance_info`, and is set by a call of its own before.

use super::fields::OF_IMAGE;
use super::look;
use super::reads::{INFO, Level, OWNED_BY};
use crate::model::{Choice, Order, OrderSecrets, Phase, PowerPlan, Prepared, Record, Refusal, Wish};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// Keys of `Prepared::body`, which only this folder reads.
pub(super) const REBUILD: &str = "rebuild";
pub(super) const UPDATE: &str = "update";
pub(super) const MINOR: &str = "minor";

/// Versions that carry a field of the order: a rebuild by itself, a config drive as an object, its
/// `vendor_data`, deploy steps.
const PLAIN: u32 = 8;
const DRIVE: u32 = 56;
const VENDOR_DATA: u32 = 59;
const STEPS: u32 = 69;

fn bad(name: &str, problem: &str) -> Refusal {
    Refusal::usage("bad_field", format!("`{name}`: {problem}"), format!("correct `--set {name}=…`"))
}

/// Checks what can be checked without a read.
pub(super) fn check(wish: &Wish, _secrets: &OrderSecrets, signed_in: bool) -> Result<(), Refusal> {
    if let Some(choice) = &wish.image {
        image(choice, signed_in)?;
    }
    for name in ["meta_data", "network_data", "vendor_data"] {
        if wish.fields.get(name).is_some_and(|value| !value.is_object()) {
            return Err(bad(name, "it must be a JSON object"));
        }
    }
    if let Some(steps) = wish.fields.get("deploy_steps") {
        let whole = |step: &Value| {
            step["interface"].is_string() && step["step"].is_string() && step.get("priority").is_some_and(Value::is_i64)
        };
        if !steps.as_array().is_some_and(|steps| !steps.is_empty() && steps.iter().all(whole)) {
            return Err(bad("deploy_steps", "it must be a list of {\"interface\", \"step\", \"args\", \"priority\"}"));
        }
    }
    if let Some(text) = wish.fields.get("public_keys") {
        keys(text.as_str().unwrap_or_default())?;
    }
    if wish.hostname.as_ref().is_some_and(|name| {
        !(1..=253).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
    }) {
        return Err(Refusal::usage(
            "bad_hostname",
            "the host name must have 1 to 253 letters, digits, `-` and `.`",
            "correct `--hostname`",
        ));
    }
    Ok(())
}

/// An image as it goes onto the record.
pub(super) struct Chosen {
    /// Address of a file, or id of the image service.
    pub(super) id: String,
    /// Its name there.
    pub(super) name: Option<String>,
}

/// Whether the image is the address of a file and no image of the image service.
pub(super) fn is_address(choice: &Choice) -> bool {
    matches!(choice, Choice::Id(id) if id.contains("://"))
}

/// An image: the address of a file, or an image of the image service, by id or by name where somebody signs in.
fn image(choice: &Choice, signed_in: bool) -> Result<(), Refusal> {
    let refused = |message: &str| {
        Refusal::usage(
            "bad_image",
            message,
            "name the address of an image file, or an image of the image service: its id, or `name=NAME`",
        )
    };
    let id = match choice {
        Choice::Name(_) if signed_in => return Ok(()),
        Choice::Name(_) => {
            return Err(refused("without a cloud's sign-in there is no image service that could be asked for a name"));
        }
        Choice::Id(id) => id,
    };
    if uuid::Uuid::try_parse(id).is_ok() {
        return Ok(());
    }
    let url = Url::parse(id).map_err(|_| refused("the image is neither an address nor a UUID"))?;
    match url.scheme() {
        "http" | "https" | "file" | "glance" | "oci" => {}
        _ => return Err(refused("the image's address must begin with https, http, file, glance or oci")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("the image's address must carry no user or password: plan and journal show it"));
    }
    Ok(())
}

/// Whether something tells what the image's content must be: a checksum, or algorithm and value together.
fn has_checksum(wish: &Wish) -> bool {
    let has = |name: &str| wish.fields.contains_key(name);
    has("image_checksum") || (has("image_os_hash_algo") && has("image_os_hash_value"))
}

/// Public keys as the metadata has them: numbered texts.
fn keys(text: &str) -> Result<Map<String, Value>, Refusal> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if lines.iter().any(|line| line.contains("PRIVATE KEY")) {
        return Err(bad("public_keys", "this is a private key: give the file that ends in .pub"));
    }
    let whole = |line: &&str| line.split_whitespace().count() >= 2 && !line.chars().any(char::is_control);
    if lines.is_empty() || !lines.iter().all(whole) {
        return Err(bad("public_keys", "it needs public keys, one a line, such as `ssh-ed25519 AAAA… name`"));
    }
    Ok(lines.iter().enumerate().map(|(place, line)| (place.to_string(), json!(line))).collect())
}

/// A node of the compute service is that service's to rebuild.
fn allowed(record: &Record) -> Result<(), Refusal> {
    if let Some(owner) = record.attributes.get(OWNED_BY) {
        return Err(Refusal::guard(
            "owned_by_compute",
            format!("instance {owner} of the compute service is on this node"),
            format!("rebuild that server instead: `reinstall --provider openstack {owner}`"),
        ));
    }
    Ok(())
}

/// Settles one node's rebuild.
pub(super) fn settle(
    record: Record,
    power: PowerPlan,
    wish: &Wish,
    chosen: Option<Chosen>,
    level: Level,
) -> Result<Prepared, Refusal> {
    allowed(&record)?;
    let mut lines = Vec::new();
    let name = chosen.as_ref().and_then(|chosen| chosen.name.clone());
    let (image, update) = settle_image(&record, wish, chosen, &mut lines)?;
    let (rebuild, minor) = settle_call(wish, &mut lines)?;
    if minor > level.newest {
        return Err(Refusal::usage(
            "too_old",
            format!("this needs version 1.{minor} of the interface, and the service has at most 1.{}", level.newest),
            "leave out what is new, or have the service brought up to date",
        ));
    }
    lines.push((
        "disks".to_owned(),
        "the root disk is written anew; what becomes of others, deploy steps say".to_owned(),
    ));
    // No image: it changes before the rebuild is even ordered. The time of the last change of state does prove that
    // something began, where `deploying` fell between two looks.
    let must_change = match record.seen.marks.contains_key(look::UPDATED) {
        true => BTreeMap::from([(look::UPDATED.to_owned(), None)]),
        false => BTreeMap::new(),
    };
    let body = json!({ REBUILD: rebuild, UPDATE: update, MINOR: minor });
    Ok(Prepared { record, image: Some((image, name)), power, body, lines, must_change, ends: Phase::Running })
}

/// The image, and the change to the node's record that puts it there; empty if it is there already.
fn settle_image(
    record: &Record,
    wish: &Wish,
    chosen: Option<Chosen>,
    lines: &mut Vec<(String, String)>,
) -> Result<(String, Vec<Value>), Refusal> {
    let present = record.seen.image.as_deref();
    let beside: Vec<&str> = OF_IMAGE.into_iter().filter(|name| wish.fields.contains_key(*name)).collect();
    let wanted = match &chosen {
        Some(chosen) => chosen.id.as_str(),
        None => match present {
            Some(_) if !beside.is_empty() => {
                return Err(Refusal::usage(
                    "bad_field",
                    format!("`{}` belongs to a new image", beside[0]),
                    "name the image with `--image` as well",
                ));
            }
            Some(id) => id,
            None => {
                return Err(Refusal::usage(
                    "no_image",
                    "the node's instance_info names no image, so there is none to install again",
                    "name one with `--image`",
                ));
            }
        },
    };
    if chosen.is_none() {
        lines.push(("image".to_owned(), "the one that instance_info names (from the node)".to_owned()));
    }
    if present == Some(wanted) && beside.is_empty() {
        return Ok((wanted.to_owned(), Vec::new()));
    }
    let path = |name: &str| format!("/instance_info/{name}");
    let add = |name: &str, value: &Value| json!({ "op": "add", "path": path(name), "value": value });
    let mut update = vec![add("image_source", &json!(wanted))];
    let there: Vec<&str> = record.attributes.get(INFO).map(|names| names.split(',').collect()).unwrap_or_default();
    for name in OF_IMAGE {
        match wish.fields.get(name) {
            Some(value) => {
                update.push(add(name, value));
                lines.push((name.to_owned(), format!("{} (from --set)", value.as_str().unwrap_or_default())));
            }
            // The old image's checksum would refuse the new image. Added first, so that the same call may come
            // twice: to remove what is not there is an error.
            None if there.contains(&name) => {
                update.push(add(name, &json!("")));
                update.push(json!({ "op": "remove", "path": path(name) }));
                lines.push((name.to_owned(), "taken out: it belongs to the old image".to_owned()));
            }
            None => {}
        }
    }
    if wanted.starts_with("http") && !has_checksum(wish) {
        let without = "none is sent: most ways to deploy demand one for an image by address (`--set image_checksum=…`)";
        lines.push(("checksum".to_owned(), without.to_owned()));
    }
    lines.push((
        "before the order".to_owned(),
        format!(
            "instance_info is set to the new image; if the rebuild is then refused it stays so (now: {})",
            present.unwrap_or("none")
        ),
    ));
    Ok((wanted.to_owned(), update))
}

/// The rebuild call without its secrets, and the version that it needs.
fn settle_call(wish: &Wish, lines: &mut Vec<(String, String)>) -> Result<(Value, u32), Refusal> {
    let mut minor = PLAIN;
    let mut meta = match wish.fields.get("meta_data") {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    if let Some(text) = wish.fields.get("public_keys").and_then(Value::as_str) {
        let keys = keys(text)?;
        lines.push(("ssh keys".to_owned(), format!("{} (from --set)", keys.len())));
        meta.insert("public_keys".to_owned(), Value::Object(keys));
    }
    if let Some(name) = &wish.hostname {
        meta.insert("hostname".to_owned(), json!(name));
    }
    let mut drive = Map::new();
    if !meta.is_empty() {
        drive.insert("meta_data".to_owned(), Value::Object(meta));
    }
    for name in ["network_data", "vendor_data"] {
        if let Some(value) = wish.fields.get(name) {
            drive.insert(name.to_owned(), value.clone());
            lines.push((name.to_owned(), format!("{value} (from --set)")));
        }
    }
    let mut call = json!({ "target": "rebuild" });
    if !drive.is_empty() || wish.user_data {
        minor = if drive.contains_key("vendor_data") { VENDOR_DATA } else { DRIVE };
        call["configdrive"] = Value::Object(drive);
    } else {
        lines.push(("config drive".to_owned(), "none sent: the node keeps the one that it has".to_owned()));
    }
    if let Some(steps) = wish.fields.get("deploy_steps") {
        minor = minor.max(STEPS);
        call["deploy_steps"] = steps.clone();
        lines.push(("deploy_steps".to_owned(), format!("{steps} (from --set)")));
    }
    Ok((call, minor))
}

/// Completes the call with its secrets.
pub(super) fn order_body(prepared: &Prepared, order: &Order<'_>) -> Value {
    let mut body = prepared.body.get(REBUILD).cloned().unwrap_or_else(|| json!({}));
    if let Some(user_data) = &order.secrets.user_data {
        body["configdrive"]["user_data"] = order.reveal.text(user_data).into();
    }
    body
}

/// The version that the call needs.
pub(super) fn minor(prepared: &Prepared) -> u32 {
    let needed = prepared.body.get(MINOR).and_then(Value::as_u64).and_then(|minor| u32::try_from(minor).ok());
    needed.unwrap_or(DRIVE)
}
