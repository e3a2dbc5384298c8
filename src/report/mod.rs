//! Tells what happened: lines and bars for people, documents for programs.
//!
//! Everything here writes to writers that it is given, and a lost output comes back as an error, never as a
//! panic. Text from a provider goes through [`text::clean`] before people see it.

mod document;
mod human;
mod json;
mod jsonl;
mod live;
mod out;
mod paint;
mod phrase;
mod plan;
mod story;
mod table;
pub mod text;
pub mod words;

pub use document::{Glimpse, RunReport, SCHEMA as REPORT_SCHEMA, TargetReport};
pub use human::{Human, Level};
pub use json::{write_document, write_line};
pub use jsonl::{JsonLines, SCHEMA as EVENT_SCHEMA};
pub use live::{Live, Screen, size_of};
pub use out::{Out, Sink};
pub use paint::{Color, ColorHints, Paint, Tone};
pub use plan::{PlanTarget, PlanView};
pub use story::{StoryView, story};
pub use table::{ProviderRow, RunRow, Width, images, keys, providers, results, runs, servers};

use crate::model::Event;
use std::io;

/// Hears every event of a run, in order.
pub trait Reporter: Send {
    /// Takes one event. An error means that output was lost.
    fn on(&mut self, event: &Event) -> io::Result<()>;

    /// Learns of an event that an earlier process has told already: for `resume`, so that names, times and
    /// counts are right. Tells nothing.
    fn recall(&mut self, _event: &Event) {}
}

/// Tells several reporters.
#[derive(Default)]
pub struct FanOut(Vec<Box<dyn Reporter>>);

impl FanOut {
    /// Tells these, in this order.
    pub fn new(reporters: Vec<Box<dyn Reporter>>) -> Self {
        Self(reporters)
    }

    /// Tells one more.
    pub fn push(&mut self, reporter: Box<dyn Reporter>) {
        self.0.push(reporter);
    }
}

impl Reporter for FanOut {
    /// Every reporter hears the event, even if one before it has lost its output; the first error is returned.
    fn on(&mut self, event: &Event) -> io::Result<()> {
        let mut first = Ok(());
        for reporter in &mut self.0 {
            let heard = reporter.on(event);
            first = first.and(heard);
        }
        first
    }

    fn recall(&mut self, event: &Event) {
        self.0.iter_mut().for_each(|reporter| reporter.recall(event));
    }
}

#[cfg(test)]
mod tests;
