//! What a whole journal tells, as far as it can be trusted, and what can be saved of the rest.

use super::record::{self, Stamp, VERSION};
use crate::model::{Event, RunId};

/// What a journal tells.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Its events, in order, up to the first damage.
    pub events: Vec<Event>,
    /// When each of them was written.
    pub stamps: Vec<Stamp>,
    /// The highest epoch seen.
    pub epoch: u32,
    /// Lines read, whatever they hold.
    pub lines: usize,
    /// Bytes of whole records: what follows is the torn tail.
    pub good_bytes: usize,
    /// A last line that was cut while it was written. Its send had not begun.
    pub torn: bool,
    /// Anything worse, the first of it: then nothing may be ordered on its word.
    pub damage: Option<Damage>,
    /// Every damage, in order.
    pub damages: Vec<Damage>,
    /// Records behind the first damage whose checksums fit. They are for people to read, and nothing is ordered on
    /// their word.
    pub salvaged: Vec<Event>,
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
    /// A process wrote after a later one had taken the run up.
    #[error("line {0} was written by a process that another had replaced")]
    Replaced(usize),
    /// The file of another run under this run's name.
    #[error("line {line} belongs to run {run}")]
    OtherRun {
        /// Which line.
        line: usize,
        /// Whose it is.
        run: RunId,
    },
    /// Written by another major version.
    #[error("it is written in format {0}, and this program reads format {VERSION}; use the program that wrote it")]
    Version(u64),
    /// The file cannot be opened or read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl Story {
    /// Reads a journal's bytes. Events are believed up to the first damage; behind it, what is whole is saved apart.
    pub fn read(bytes: &[u8]) -> Self {
        Self::default().read_on(bytes)
    }

    /// Reads on behind whole lines that were read before.
    pub fn read_on(mut self, bytes: &[u8]) -> Self {
        let before = self.good_bytes;
        let mut rest = bytes;
        while !rest.is_empty() {
            self.lines += 1;
            let number = self.lines;
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                self.tail(rest, number);
                return self;
            };
            let line = &rest[..end];
            rest = &rest[end + 1..];
            match record::parse(line, number).and_then(|found| self.follows(found, number)) {
                Ok((event, _)) if self.damage.is_some() => self.salvaged.push(event),
                Ok((event, stamp)) => {
                    self.epoch = self.epoch.max(stamp.epoch);
                    self.events.push(event);
                    self.stamps.push(stamp);
                    self.good_bytes = before + bytes.len() - rest.len();
                }
                Err(damage @ Damage::Version(_)) => {
                    // Nothing behind it can be understood either.
                    self.hurt(damage);
                    return self;
                }
                Err(damage) => self.hurt(damage),
            }
        }
        self
    }

    /// The journal of this run: a file that tells of another one is no word of it.
    pub fn of(run: &RunId, bytes: &[u8]) -> Self {
        let mut story = Self::read(bytes);
        if let Some(other) = story.events.first().filter(|event| event.run != *run) {
            let damage = Damage::OtherRun { line: 1, run: other.run.clone() };
            story = Self { salvaged: std::mem::take(&mut story.events), ..Self::default() };
            story.hurt(damage);
        }
        story
    }

    /// A journal of which nothing can be had.
    pub fn unreadable(problem: &str) -> Self {
        let mut story = Self::default();
        story.hurt(Damage::Unreadable(problem.to_owned()));
        story
    }

    /// The bytes behind the last line feed. Only the last line can be torn: a single write either ends in its line
    /// feed or was cut.
    fn tail(&mut self, tail: &[u8], number: usize) {
        match record::is_cut(tail) {
            true => self.torn = true,
            false => self.hurt(Damage::Line(number)),
        }
    }

    /// Whether a record may stand behind those before it. Behind damage nothing is known of what was due.
    fn follows(&self, found: (Event, Stamp), line: usize) -> Result<(Event, Stamp), Damage> {
        let (event, stamp) = &found;
        let last = self.events.last();
        if last.is_some_and(|last| last.run != event.run) {
            return Err(Damage::OtherRun { line, run: event.run.clone() });
        }
        let expected = last.map_or(1, |last| last.seq + 1);
        if self.damage.is_none() && event.seq != expected {
            return Err(Damage::Gap { line, expected, found: event.seq });
        }
        if stamp.epoch < self.epoch {
            return Err(Damage::Replaced(line));
        }
        Ok(found)
    }

    fn hurt(&mut self, damage: Damage) {
        self.damage.get_or_insert_with(|| damage.clone());
        self.damages.push(damage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record::line;
    use crate::model::{ServerId, What};
    use chrono::DateTime;
    use std::time::Duration;

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
        let story = Story::read(&journal(3));
        assert_eq!(story.events, vec![event(1), event(2), event(3)]);
        assert!(!story.torn && story.damage.is_none());
    }

    #[test]
    fn every_truncation_is_either_whole_or_torn_and_never_damage() {
        let bytes = journal(3);
        for length in 0..bytes.len() {
            let story = Story::read(&bytes[..length]);
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
                let story = Story::read(&flipped);
                assert!(story.damage.is_some(), "bit {bit} of byte {place} went unnoticed");
            }
        }
    }

    #[test]
    fn a_missing_record_is_damage_and_what_stands_behind_it_is_saved_apart() {
        let mut bytes = line(&event(1), 0, Duration::ZERO, "b").unwrap();
        bytes.push_str(&line(&event(3), 0, Duration::ZERO, "b").unwrap());
        assert_eq!(Story::read(bytes.as_bytes()).damage, Some(Damage::Gap { line: 2, expected: 2, found: 3 }));
    }
    #[test]
    fn the_damaged_line_is_named_and_its_neighbours_are_saved() {
        let mut bytes = journal(4);
        let second = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 9;
        bytes[second] ^= 1;
        let story = Story::read(&bytes);
        assert_eq!((story.events, story.damage), (vec![event(1)], Some(Damage::Line(2))));
        assert_eq!((story.salvaged, story.damages), (vec![event(3), event(4)], vec![Damage::Line(2)]));
    }

    #[test]
    fn a_last_line_whose_line_feed_was_changed_is_damage_and_not_a_cut() {
        let mut bytes = journal(2);
        let last = bytes.len() - 1;
        bytes[last] = b'J';
        assert_eq!(Story::read(&bytes).damage, Some(Damage::Line(2)));
        // Cut right before the line feed it is a torn record like any other.
        let story = Story::read(&bytes[..last]);
        assert!(story.torn && story.damage.is_none());
    }

    #[test]
    fn the_file_of_another_run_and_a_record_of_a_replaced_process_are_damage() {
        let run = event(1).run;
        assert_eq!(Story::of(&run, &journal(2)).damage, None);
        let story = Story::of(&RunId::fresh(), &journal(2));
        assert_eq!((story.damage, story.events.len()), (Some(Damage::OtherRun { line: 1, run }), 0));
        let records =
            [(1, 0), (2, 1), (3, 0)].map(|(seq, epoch)| line(&event(seq), epoch, Duration::ZERO, "b").unwrap());
        assert_eq!(Story::read(records.concat().as_bytes()).damage, Some(Damage::Replaced(3)));
    }

    /// A line as some other version would write it, under our seal.
    fn sealed(text: &str) -> String {
        let mut sum = crate::sign::hash::sha256_hex(text.as_bytes());
        sum.truncate(16);
        format!("{},\"sum\":\"{sum}\"}}\n", text.strip_suffix('}').unwrap())
    }

    const HEAD: &str = r#""seq":1,"at":"2026-11-21T09:00:00Z","run":"0197f36dd83b7258b1773784b7887a17""#;
    const FOOT: &str = r#""epoch":0,"boot_ms":1,"boot_id":"b"}"#;

    #[test]
    fn another_major_version_is_refused_by_its_number_however_it_is_sealed() {
        for text in [
            sealed(&format!(r#"{{"v":2,{HEAD},"event":"confirmed","by":"x",{FOOT}"#)),
            "{\"v\":2,\"seal\":\"other\"}\n".to_owned(),
        ] {
            let story = Story::read(text.as_bytes());
            assert_eq!((story.damage, story.events.len()), (Some(Damage::Version(2)), 0), "{text}");
        }
    }

    #[test]
    fn fields_and_kinds_that_a_newer_version_added_are_read() {
        let known = sealed(&format!(
            r#"{{"v":1,{HEAD},"provider":"p","instance":"i-1","event":"confirmed","by":"x","mood":"good",{FOOT}"#
        ));
        let story = Story::read(known.as_bytes());
        assert_eq!(story.damage, None);
        assert_eq!(story.events[0].what, What::Confirmed { by: "x".into() });
        let kind = sealed(&format!(
            r#"{{"v":1,{HEAD},"provider":"p","instance":"i-1","event":"tea_break","minutes":5,{FOOT}"#
        ));
        let story = Story::read(kind.as_bytes());
        assert_eq!(story.damage, None);
        assert_eq!(story.events[0].what.word(), "tea_break");
        assert_eq!(story.events[0].instance, ServerId::new("i-1").ok());
        let again = serde_json::to_value(&story.events[0]).unwrap();
        assert_eq!((&again["event"], &again["minutes"]), (&"tea_break".into(), &5.into()));
        // A known kind without its fields is none that a newer version may write.
        let broken = sealed(&format!(r#"{{"v":1,{HEAD},"event":"confirmed",{FOOT}"#));
        assert_eq!(Story::read(broken.as_bytes()).damage, Some(Damage::Line(1)));
    }

    #[test]
    fn a_resumption_of_an_older_journal_is_counted_by_its_epoch() {
        let old = sealed(&format!(
            r#"{{"v":1,{HEAD},"provider":null,"instance":null,"event":"resumed",{}"#,
            FOOT.replace(":0,", ":2,")
        ));
        assert_eq!(Story::read(old.as_bytes()).events[0].what, What::Resumed { times: 2 });
    }
}
