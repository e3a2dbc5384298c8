//! One line of a journal, and the reading of a whole one.

use crate::model::Event;
use crate::sign::hash::sha256_hex;
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

/// What a journal tells.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Its events, in order, up to the first damage.
    pub events: Vec<Event>,
    /// The highest epoch seen.
    pub epoch: u32,
    /// Bytes of whole records: what follows is the torn tail.
    pub good_bytes: usize,
    /// A last line that was cut while it was written. Its send had not begun.
    pub torn: bool,
    /// Anything worse: then nothing may be ordered on its word.
    pub damage: Option<Damage>,
}

impl Story {
    /// Reads a journal's bytes, up to the first damage.
    pub fn of(bytes: &[u8]) -> Self {
        read(bytes)
    }
}

/// What is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A record whose checksum does not fit, or that is no record.
    #[error("line {0} is damaged")]
    Line(usize),
    /// Records are missing.
    #[error("line {line} has number {found} where {expected} was due")]
    Gap {
        /// Which line.
        line: usize,
        /// The number due.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// Written by another major version.
    #[error("it is written in format {0}, and this program reads format {VERSION}")]
    Version(u64),
}

/// Reads a journal's bytes; stops at the first damage.
pub fn read(bytes: &[u8]) -> Story {
    let mut story = Story::default();
    let mut rest = bytes;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (line, next) = match rest.iter().position(|&byte| byte == b'\n') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        let whole = next.len() < rest.len() && rest.len() - next.len() > line.len();
        match parse(line, number) {
            Ok((event, epoch)) if whole => {
                let expected = story.events.last().map_or(1, |last: &Event| last.seq + 1);
                if event.seq != expected {
                    story.damage = Some(Damage::Gap { line: number, expected, found: event.seq });
                    return story;
                }
                story.epoch = story.epoch.max(epoch);
                story.events.push(event);
                story.good_bytes = bytes.len() - next.len();
            }
            // Only the last line can be torn: a single write either ends in its line feed or was cut.
            _ if !whole => {
                story.torn = true;
                return story;
            }
            Ok(_) => return story,
            Err(damage) => {
                story.damage = Some(damage);
                return story;
            }
        }
        rest = next;
    }
    story
}

fn parse(line: &[u8], number: usize) -> Result<(Event, u32), Damage> {
    let bad = Damage::Line(number);
    let text = std::str::from_utf8(line).map_err(|_| bad.clone())?;
    let at = text.len().checked_sub(SUFFIX).filter(|&at| text.is_char_boundary(at)).ok_or(bad.clone())?;
    let (body, suffix) = text.split_at(at);
    let sum = suffix.strip_prefix(r#","sum":""#).and_then(|rest| rest.strip_suffix(r#""}"#)).ok_or(bad.clone())?;
    let mut whole = body.to_owned();
    whole.push('}');
    if checksum(&whole) != sum {
        return Err(bad);
    }
    let value: serde_json::Value = serde_json::from_str(&whole).map_err(|_| bad.clone())?;
    match value.get("v").and_then(serde_json::Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(Damage::Version(other)),
        None => return Err(bad),
    }
    let epoch = value.get("epoch").and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let event = serde_json::from_value(value).map_err(|_| bad.clone())?;
    Ok((event, epoch.ok_or(bad)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RunId, ServerId, What};
    use chrono::DateTime;

    fn event(seq: u64) -> Event {
        Event {
            seq,
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            run: RunId::parse("0197f36dd83b7258b1773784b7887a17").unwrap(),
            provider: Some("zenlayer-bmc".into()),
            instance: ServerId::new("i-1").ok(),
            what: What::OrderIntent { permit: seq, attempt: 1, token: None },
        }
    }

    fn journal(count: u64) -> Vec<u8> {
        (1..=count)
            .map(|seq| line(&event(seq), 0, Duration::from_secs(5), "b").unwrap())
            .collect::<String>()
            .into_bytes()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let story = read(&journal(3));
        assert_eq!(story.events, vec![event(1), event(2), event(3)]);
        assert!(!story.torn && story.damage.is_none());
    }

    #[test]
    fn every_truncation_is_either_whole_or_torn_and_never_damage() {
        let bytes = journal(3);
        for length in 0..bytes.len() {
            let story = read(&bytes[..length]);
            assert_eq!(story.damage, None, "cut at {length}");
            let whole = bytes[..length].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(story.events.len(), whole, "cut at {length}");
            assert_eq!(story.torn, !bytes[..length].is_empty() && bytes[length - 1] != b'\n', "cut at {length}");
        }
    }

    #[test]
    fn every_single_bit_flip_is_noticed() {
        let bytes = journal(3);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                let story = read(&flipped);
                assert!(story.damage.is_some() || story.torn, "bit {bit} of byte {place} went unnoticed");
            }
        }
    }

    #[test]
    fn a_missing_record_is_damage() {
        let mut bytes = line(&event(1), 0, Duration::ZERO, "b").unwrap();
        bytes.push_str(&line(&event(3), 0, Duration::ZERO, "b").unwrap());
        assert_eq!(read(bytes.as_bytes()).damage, Some(Damage::Gap { line: 2, expected: 2, found: 3 }));
    }
}
