//! What a run did, on disk before it is done: one file of JSON lines per run, one claim per server.
//!
//! Format and rules: `docs/journal-format.md`.

mod claim;
mod files;
mod filesystem;
mod folder;
mod record;
mod store;
mod story;
mod summary;
#[cfg(test)]
mod tests;

pub use claim::{Claim, ClaimError, Claims};
pub use record::Stamp;
pub use store::{Store, StoreError};
pub use story::{Damage, Story};
pub use summary::RunSummary;

use crate::clock::Now;
use crate::model::{Event, What};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a journal is written to: its file, or in the simulation a disk that breaks on demand.
pub trait Medium: Send {
    /// Appends the bytes with one write.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything that was appended is on stable storage.
    fn sync(&mut self) -> io::Result<()>;
    /// Keeps room for so many bytes more, invisible to readers; `false` where the medium cannot.
    fn reserve(&mut self, _bytes: u64) -> io::Result<bool> {
        Ok(false)
    }
    /// Gives back the room that was kept and not used.
    fn give_back(&mut self) {}
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<bool> {
        filesystem::reserve(self, self.metadata()?.len(), bytes)
    }

    fn give_back(&mut self) {
        // Cut to the length that it has. If that fails, `resume` and `runs prune` give it back.
        let _ = self.metadata().and_then(|found| self.set_len(found.len()));
    }
}

/// An open journal: the lock on its file is held until it is dropped.
pub struct Journal {
    medium: Box<dyn Medium>,
    path: PathBuf,
    epoch: u32,
    boot_id: String,
    broken: bool,
    reserved: bool,
}

/// Room that is kept for one record. Longer ones are rare, and most are much shorter.
const RECORD_ROOM: u64 = 2048;
/// Records of one server after its plan: three tries with all their looks, and as many again.
const SERVER_RECORDS: u64 = 32;
/// Records of the run itself: signals, halts, resumptions, the end.
const RUN_RECORDS: u64 = 16;

/// Bytes that a run may still write: records that are known already, and what so many servers may bring.
pub fn room(known: &[&What], servers: usize) -> u64 {
    let text = |what: &&What| serde_json::to_string(what).map_or(RECORD_ROOM, |text| text.len() as u64 + 512);
    known.iter().map(text).sum::<u64>() + RECORD_ROOM * (RUN_RECORDS + SERVER_RECORDS * servers as u64)
}

/// Which start of the machine this is; empty where the system does not tell.
pub fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
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
        Self::on(Box::new(file), path, epoch, &boot_id())
    }

    /// A journal on any medium; `epoch` is how many times the run was taken up before.
    pub fn on(medium: Box<dyn Medium>, path: PathBuf, epoch: u32, boot_id: &str) -> Self {
        Self { medium, path, epoch, boot_id: boot_id.to_owned(), broken: false, reserved: false }
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

    /// Keeps room on the disk for so many bytes more, invisible to readers, and gives it back when the journal is closed.
    /// `false` where the file system cannot keep room.
    pub fn reserve(&mut self, bytes: u64) -> Result<bool, JournalLost> {
        let kept = self.medium.reserve(bytes).map_err(|cause| self.lost(cause))?;
        self.reserved |= kept;
        Ok(kept)
    }

    /// Removes the journal of a run that has not begun: nothing was written, nothing is to be told.
    pub fn discard(self) {
        if std::fs::metadata(&self.path).is_ok_and(|found| found.len() == 0) {
            // An empty journal that stays behind is found by `resume`, which says that nothing was sent.
            let _ = std::fs::remove_file(&self.path);
        }
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

impl Drop for Journal {
    fn drop(&mut self) {
        if self.reserved {
            self.medium.give_back();
        }
    }
}
