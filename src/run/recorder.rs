//! Every event goes through here: numbered, written to the journal, then told to whoever listens.

use crate::clock::Clock;
use crate::journal::{Journal, JournalLost};
use crate::model::{Event, RunId, ServerId, What};
use std::io;
use std::sync::Arc;

/// Who is told of events after the journal has them.
pub trait Listener {
    /// Takes one event.
    fn on(&mut self, event: &Event) -> io::Result<()>;
}

/// Why an event could not be recorded.
#[derive(Debug)]
pub enum Lost {
    /// The journal is gone: nothing that changes a server may follow.
    Journal(JournalLost),
    /// Standard output is gone: no new orders, but watching goes on.
    Output(io::Error),
}

/// Numbers events and hands them on.
pub struct Recorder<'l> {
    run: RunId,
    seq: u64,
    journal: Option<Journal>,
    listener: &'l mut dyn Listener,
    clock: Arc<dyn Clock>,
}

impl<'l> Recorder<'l> {
    /// A recorder for a run; without a journal (watching only) events are told and not kept.
    pub fn new(
        run: RunId,
        journal: Option<Journal>,
        last_seq: u64,
        listener: &'l mut dyn Listener,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { run, seq: last_seq, journal, listener, clock }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Records one event. The journal comes first; if it fails nobody is told.
    pub fn record(&mut self, target: Option<(&str, &ServerId)>, what: What) -> Result<(), Lost> {
        let now = self.clock.now();
        let event = Event {
            seq: self.seq + 1,
            at: now.wall,
            run: self.run.clone(),
            provider: target.map(|(provider, _)| provider.to_owned()),
            instance: target.map(|(_, instance)| instance.clone()),
            what,
        };
        if let Some(journal) = &mut self.journal {
            journal.append(&event, now).map_err(Lost::Journal)?;
        }
        self.seq += 1;
        self.listener.on(&event).map_err(Lost::Output)
    }
}
