//! Journals that a disk, a crash or a person has changed: what is read was written, and damage is never silence.
//!
//! An input begins with a line: `raw` before the bytes of a journal, `sealed` before records without their checksums
//! (they get right ones), `edited` before a script that changes a good journal.

use chrono::DateTime;
use reinstall::clock::Now;
use reinstall::journal::Story;
use reinstall::model::{Event, What};
use reinstall::run::resume::past;
use reinstall::sign::hash::sha256_hex;
use std::time::Duration;

/// A journal of a run over two servers, without checksums.
const GOOD: &str = include_str!("journal.jsonl");

/// Reads the journal that the input describes.
pub(crate) fn check(bytes: &[u8]) {
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let rest = bytes.get(line + 1..).unwrap_or_default();
    match &bytes[..line] {
        b"raw" => {
            read(rest);
        }
        b"sealed" => resumed(&read(&sealed(rest))),
        b"edited" => edited(rest),
        _ => {}
    }
}

/// Each line with its checksum, as the format's page has it.
fn sealed(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.split(|&byte| byte == b'\n') {
        let Some(head) = line.strip_suffix(b"}") else {
            out.extend_from_slice(line);
            out.push(b'\n');
            continue;
        };
        out.extend_from_slice(head);
        out.extend_from_slice(format!(",\"sum\":\"{}\"}}\n", &sha256_hex(line)[..16]).as_bytes());
    }
    // The last piece stands behind the last line feed.
    out.pop();
    out
}

/// Whether a line ends with the checksum of what is before it.
fn is_sealed(line: &[u8]) -> bool {
    const TAIL: usize = r#","sum":"0123456789abcdef"}"#.len();
    let Some(at) = line.len().checked_sub(TAIL) else { return false };
    let (head, tail) = line.split_at(at);
    let sum = sha256_hex(&[head, b"}"].concat());
    tail == format!(",\"sum\":\"{}\"}}", &sum[..16]).as_bytes()
}

/// Reads it, and holds the story against the bytes.
fn read(bytes: &[u8]) -> Story {
    let story = Story::read(bytes);
    let whole: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")).collect();
    assert!(story.events.len() <= whole.len(), "more events than lines");
    for ((number, event), line) in (1_u64..).zip(&story.events).zip(&whole) {
        assert_eq!(event.seq, number, "numbers have no gaps");
        assert!(is_sealed(&line[..line.len() - 1]), "an event without its checksum");
        let value = serde_json::to_value(event).expect("an event is a document");
        // What a newer version wrote is kept as it stands, and read by the journal's own reader alone.
        let own = matches!(event.what, What::Newer(_))
            || serde_json::from_value::<Event>(value).as_ref().is_ok_and(|again| again == event);
        assert!(own, "an event is its own document: {event:?}");
    }
    let good: usize = whole[..story.events.len()].iter().map(|line| line.len()).sum();
    assert_eq!(story.good_bytes, good, "the good part is what was read");
    if !story.torn && story.damage.is_none() {
        assert_eq!(good, bytes.len(), "bytes were passed over in silence");
    }
    if story.torn {
        assert!(!bytes.ends_with(b"\n"), "only a line without its end is torn");
    }
    let again = Story::read(&bytes[..good]);
    assert_eq!(again.events, story.events, "the good part alone tells the same");
    assert!(!again.torn && again.damage.is_none());
    story
}

/// A run is taken up or refused, whatever its records say.
fn resumed(story: &Story) {
    let wall = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let now = Now { wall, boot: Duration::from_secs(3600), steady: Duration::from_secs(3600) };
    let Ok(past) = past(&story.events, now) else { return };
    let mut known = std::collections::BTreeSet::new();
    for server in &past.servers {
        let named = |event: &Event| event.instance.as_ref() == Some(&server.instance);
        assert!(story.events.iter().any(named), "{} out of nothing", server.instance);
        assert!(known.insert((&server.provider, &server.instance)), "{} stands there twice", server.instance);
    }
}

/// A good journal under a script: three bytes a step are what, where and with which byte.
fn edited(script: &[u8]) {
    let good = sealed(GOOD.as_bytes());
    let original = Story::read(&good);
    assert!(original.damage.is_none() && !original.torn && original.events.len() > 5, "{:?}", original.damage);
    let mut bytes = good.clone();
    for step in script.chunks_exact(4).take(16) {
        let at = usize::from(u16::from_le_bytes([step[1], step[2]]));
        let lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        let (place, line) = (at % bytes.len().max(1), at % lines.len().max(1));
        match step[0] % 8 {
            0 => bytes.truncate(place),
            1 if place < bytes.len() => bytes[place] ^= 1 << (step[3] % 8),
            2 if place < bytes.len() => bytes[place] = step[3],
            3 if place < bytes.len() => bytes.insert(place, step[3]),
            4 if place < bytes.len() => drop(bytes.remove(place)),
            5 if line < lines.len() => bytes.extend_from_slice(&lines[line]),
            6 if line < lines.len() => {
                let mut lines = lines;
                let other = usize::from(step[3]) % lines.len();
                lines.swap(line, other);
                bytes = lines.concat();
            }
            7 if line < lines.len() => {
                let mut lines = lines;
                lines.remove(line);
                bytes = lines.concat();
            }
            _ => {}
        }
    }
    let story = read(&bytes);
    assert!(original.events.starts_with(&story.events), "an event that was not written");
    if story.damage.is_none() && !story.torn {
        assert!(good.starts_with(&bytes), "a changed journal is read as a good one");
    }
}
