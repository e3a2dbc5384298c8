//! The journal's promises where one needs a broken disk, an odd folder or another process to see them.

mod medium;
mod places;
mod runs;

use super::Store;
use crate::clock::{Clock, SystemClock};
use crate::model::{Event, RunId, ServerId, What};
use chrono::{DateTime, Utc};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    (folder, store)
}

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// An event of this server, or of the run.
fn event(run: &RunId, seq: u64, server: Option<&str>, what: What) -> Event {
    Event {
        seq,
        at: time(0),
        run: run.clone(),
        provider: server.map(|_| "acme".to_owned()),
        instance: server.map(|id| ServerId::new(id).unwrap()),
        what,
    }
}

/// Writes a run with these events, from the first on, and lets it go.
fn write(store: &Store, run: &RunId, whats: Vec<(Option<&str>, What)>) {
    let mut journal = store.create(run).unwrap();
    for (seq, (server, what)) in (1..).zip(whats) {
        journal.append(&event(run, seq, server, what), SystemClock.now()).unwrap();
    }
}
