//! What a run did, on disk before it is done: one file of JSON lines per run, one claim per server.
//!
//! Format and rules: `docs/journal-format.md`.

mod claim;
mod record;
mod store;

pub use claim::{Claim, ClaimError, Claims};
pub use record::{Damage, Story, read};
pub use store::{RunSummary, Store, StoreError};

use crate::clock::Now;
use crate::model::Event;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a journal is written to: its file, or in the simulation a disk that breaks on demand.
pub trait Medium: Send {
    /// Appends the bytes with one write.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything that was appended is on stable storage.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// An open journal: the lock on its file is held until it is dropped.
pub struct Journal {
    medium: Box<dyn Medium>,
    path: PathBuf,
    epoch: u32,
    boot_id: String,
    broken: bool,
}

/// The journal cannot be written any more; nothing that changes a server may follow.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {path}: {cause}")]
pub struct JournalLost {
    path: String,
    cause: io::Error,
}

impl Journal {
    fn over(file: File, path: PathBuf, epoch: u32) -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self::on(Box::new(file), path, epoch, boot_id.trim())
    }

    /// A journal on any medium; `epoch` is how many times the run was taken up before.
    pub fn on(medium: Box<dyn Medium>, path: PathBuf, epoch: u32, boot_id: &str) -> Self {
        Self { medium, path, epoch, boot_id: boot_id.to_owned(), broken: false }
    }

    /// Appends one event with one write; returns once it is on stable storage if the event asks for that.
    /// After one failure every further call fails: a failed sync is never retried into a success.
    pub fn append(&mut self, event: &Event, now: Now) -> Result<(), JournalLost> {
        if self.broken {
            return Err(self.lost(io::Error::other("an earlier write failed")));
        }
        let line = record::line(event, self.epoch, now.boot, &self.boot_id).map_err(io::Error::other);
        let durable = event.what.must_be_durable();
        let written = line.and_then(|line| {
            self.medium.append(line.as_bytes())?;
            if durable { self.medium.sync() } else { Ok(()) }
        });
        written.map_err(|cause| {
            self.broken = true;
            self.lost(cause)
        })
    }

    fn lost(&self, cause: io::Error) -> JournalLost {
        JournalLost { path: self.path.display().to_string(), cause }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many times the run was taken up before.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}
