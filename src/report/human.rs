//! One line a change, for logs, CI and terminals that cannot move their cursor.

use super::phrase::{Weight, phrase};
use super::text::clean_to;
use super::{Paint, Reporter, Sink, Tone, words};
use crate::model::{Event, ServerId, What};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::io;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// `--quiet`: only what did not go well.
    Quiet,
    /// Every change.
    #[default]
    Normal,
    /// `-v`: details too.
    Verbose,
    /// `-vv`: everything.
    Everything,
}

impl Level {
    pub(super) fn shows(self, weight: Weight) -> bool {
        weight
            <= match self {
                Self::Quiet => Weight::Alert,
                Self::Normal => Weight::Change,
                Self::Verbose => Weight::Detail,
                Self::Everything => Weight::Trace,
            }
    }
}

/// What is remembered of each server to name it and to time it.
#[derive(Default)]
pub(super) struct Memory(BTreeMap<(String, ServerId), Remembered>);

#[derive(Default)]
struct Remembered {
    name: Option<String>,
    ordered_at: Option<DateTime<Utc>>,
}

impl Memory {
    /// Takes notice of an event.
    pub(super) fn take(&mut self, event: &Event) {
        let Some(key) = key(event) else { return };
        let server = self.0.entry(key).or_default();
        match &event.what {
            What::Planned(target) => server.name.clone_from(&target.prepared.record.name),
            What::OrderIntent { .. } => server.ordered_at = Some(event.at),
            _ => {}
        }
    }

    /// What the event is about: `provider/id (name)`, or the run.
    pub(super) fn subject(&self, event: &Event) -> String {
        let Some(key) = key(event) else { return format!("run {}", short(event.run.as_str())) };
        let name = self.0.get(&key).and_then(|server| server.name.as_deref()).filter(|&name| name != key.1.as_str());
        let id = if key.0.is_empty() { key.1.to_string() } else { format!("{}/{}", key.0, key.1) };
        name.map_or_else(|| clean_to(&id, 160), |name| format!("{} ({})", clean_to(&id, 160), clean_to(name, 40)))
    }

    /// Time since the order, if there was one.
    pub(super) fn elapsed(&self, event: &Event) -> Option<std::time::Duration> {
        let ordered = self.0.get(&key(event)?)?.ordered_at?;
        (event.at - ordered).to_std().ok()
    }
}

fn key(event: &Event) -> Option<(String, ServerId)> {
    Some((event.provider.clone().unwrap_or_default(), event.instance.clone()?))
}

/// The first digits of a run's id, which tell runs apart on one screen.
fn short(run: &str) -> &str {
    run.get(..13).unwrap_or(run)
}

/// Writes lines.
pub struct Human {
    sink: Sink,
    level: Level,
    paint: Paint,
    memory: Memory,
}

impl Human {
    /// Writes to this stream, which is standard error.
    pub fn new(sink: Sink, level: Level, paint: Paint) -> Self {
        Self { sink, level, paint, memory: Memory::default() }
    }
}

impl Reporter for Human {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        self.memory.take(event);
        match line(event, &self.memory, self.level, self.paint) {
            Some(line) => self.sink.line(&line),
            None => Ok(()),
        }
    }

    fn recall(&mut self, event: &Event) {
        self.memory.take(event);
    }
}

/// The line of an event at this level, if it has one there.
pub(super) fn line(event: &Event, memory: &Memory, level: Level, paint: Paint) -> Option<String> {
    let phrase = phrase(&event.what);
    if !level.shows(phrase.weight) {
        return None;
    }
    let subject = memory.subject(event);
    let text = phrase.tone.map_or_else(|| phrase.text.clone(), |tone| paint.tone(tone, &phrase.text));
    let after = match event.what {
        What::Verdict { .. } | What::Status { .. } | What::Started { .. } => memory.elapsed(event),
        _ => None,
    };
    let after = after.map(|time| format!(" after {}", words::duration(time))).unwrap_or_default();
    let time = paint.tone(Tone::Dim, &words::clock(event.at));
    Some(format!("{time} {subject}: {text}{after}"))
}
