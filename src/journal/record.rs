//! One line of a journal: how it is written, and what it tells when it is read.

use super::Damage;
use crate::model::{Event, RunId, ServerId, What};
use crate::sign::hash::sha256_hex;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Major version of the format. A reader refuses any other.
pub(super) const VERSION: u64 = 1;

/// Length of the checksum: hexadecimal digits of SHA-256 over the record without it.
const SUM: usize = 16;
const SUFFIX: usize = r#","sum":""#.len() + SUM + r#""}"#.len();

/// Renders one record with its line feed.
pub(super) fn line(event: &Event, epoch: u32, boot: Duration, boot_id: &str) -> Result<String, serde_json::Error> {
    let mut head = serde_json::Map::new();
    head.insert("v".to_owned(), VERSION.into());
    if let serde_json::Value::Object(fields) = serde_json::to_value(event)? {
        head.extend(fields);
    }
    head.insert("epoch".to_owned(), epoch.into());
    head.insert("boot_ms".to_owned(), u64::try_from(boot.as_millis()).unwrap_or(u64::MAX).into());
    head.insert("boot_id".to_owned(), boot_id.into());
    let mut text = serde_json::Value::Object(head).to_string();
    let sum = checksum(&text);
    text.pop();
    text.push_str(r#","sum":""#);
    text.push_str(&sum);
    text.push_str("\"}\n");
    Ok(text)
}

fn checksum(text: &str) -> String {
    let mut hex = sha256_hex(text.as_bytes());
    hex.truncate(SUM);
    hex
}

/// When and by which process a record was written, beside its civil time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// How often the run was taken up before.
    pub epoch: u32,
    /// Time since the machine started, sleep included.
    pub boot: Duration,
    /// Which start of the machine.
    pub boot_id: String,
}

/// Reads one line without its line feed. `number` is its place in the file, for messages.
pub(super) fn parse(line: &[u8], number: usize) -> Result<(Event, Stamp), Damage> {
    let bad = || Damage::Line(number);
    let text = std::str::from_utf8(line).map_err(|_| bad())?;
    let Some(whole) = unsealed(text) else {
        // Another version may be sealed in another way; it says its number first all the same.
        return Err(foreign(text).map_or_else(bad, Damage::Version));
    };
    let mut value: Value = serde_json::from_str(&whole).map_err(|_| bad())?;
    match value.get("v").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(Damage::Version(other)),
        None => return Err(bad()),
    }
    let number_of = |value: &Value, field: &str| value.get(field).and_then(Value::as_u64);
    let stamp = Stamp {
        epoch: number_of(&value, "epoch").and_then(|epoch| u32::try_from(epoch).ok()).ok_or_else(bad)?,
        boot: Duration::from_millis(number_of(&value, "boot_ms").unwrap_or(0)),
        boot_id: value.get("boot_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    let kind = value.get("event").and_then(Value::as_str).ok_or_else(bad)?;
    if !What::WORDS.contains(&kind) {
        return Ok((newer(value).ok_or_else(bad)?, stamp));
    }
    if kind == "resumed" && value.get("times").is_none() {
        // Before it had a name of its own, the number was told by the record's epoch alone.
        value["times"] = stamp.epoch.into();
    }
    Ok((serde_json::from_value(value).map_err(|_| bad())?, stamp))
}

/// The record without its checksum, if that fits.
fn unsealed(text: &str) -> Option<String> {
    let at = text.len().checked_sub(SUFFIX).filter(|&at| text.is_char_boundary(at))?;
    let (body, suffix) = text.split_at(at);
    let sum = suffix.strip_prefix(r#","sum":""#)?.strip_suffix(r#""}"#)?;
    let whole = format!("{body}}}");
    (checksum(&whole) == sum).then_some(whole)
}

/// The version of a line that is not sealed as ours are.
fn foreign(text: &str) -> Option<u64> {
    let digits = text.strip_prefix(r#"{"v":"#)?;
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits[..end].parse().ok().filter(|&version| version != VERSION)
}

/// What every kind of event has.
#[derive(Deserialize)]
struct Head {
    seq: u64,
    at: DateTime<Utc>,
    run: RunId,
    provider: Option<String>,
    instance: Option<ServerId>,
}

/// An event of a kind that a newer version added: it is kept as it stands.
fn newer(value: Value) -> Option<Event> {
    let Head { seq, at, run, provider, instance } = Head::deserialize(&value).ok()?;
    let Value::Object(mut fields) = value else { return None };
    for known in ["v", "seq", "at", "run", "provider", "instance", "epoch", "boot_ms", "boot_id"] {
        fields.shift_remove(known);
    }
    Some(Event { seq, at, run, provider, instance, what: What::Newer(fields) })
}

/// Whether bytes without a line feed are what a cut write leaves: the beginning of a record, and nothing behind it.
pub(super) fn is_cut(tail: &[u8]) -> bool {
    // A whole record with one byte more had its line feed changed.
    tail.split_last().is_none_or(|(_, most)| std::str::from_utf8(most).ok().and_then(unsealed).is_none())
}
