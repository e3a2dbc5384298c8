//! A disk that keeps what was synced, may keep the rest, fills up and breaks.

use super::{Shared, die, lock, shared};
use crate::journal::Medium;
use std::io;

/// What is on it.
#[derive(Default)]
pub(super) struct Disk {
    /// Every byte appended.
    bytes: Vec<u8>,
    /// How many of them survive a loss of power.
    synced: usize,
    /// Appends so far, over all processes.
    appends: usize,
    /// Fails this append (counted from 0) and every later one; `true`: the write succeeds and its sync fails.
    breaks: Option<(usize, bool)>,
    /// A write or a sync has failed in this process' sight.
    told: bool,
    /// The process dies within this append, after so many bytes of it.
    kills: Option<(usize, usize)>,
}

/// A disk as its processes hold it.
#[derive(Clone)]
pub(super) struct Handle(Shared<Disk>);

impl Handle {
    pub(super) fn new(breaks: Option<(usize, bool)>, kills: Option<(usize, usize)>) -> Self {
        Self(shared(Disk { breaks, kills, ..Disk::default() }))
    }

    /// What a process of this machine reads.
    pub(super) fn bytes(&self) -> Vec<u8> {
        lock(&self.0).bytes.clone()
    }

    /// What is certain to be there after a loss of power.
    pub(super) fn durable(&self) -> Vec<u8> {
        let disk = lock(&self.0);
        disk.bytes[..disk.synced].to_vec()
    }

    /// Whether the process was told that a write or a sync has failed. What is not synced fails in silence.
    pub(super) fn broken(&self) -> bool {
        lock(&self.0).told
    }

    /// A new process begins: the disk works again. After a loss of power a part of what was not synced is gone.
    pub(super) fn restart(&self, lost: Option<f64>) {
        let mut disk = lock(&self.0);
        if let Some(share) = lost {
            let loose = disk.bytes.len() - disk.synced;
            let kept = disk.synced + (loose as f64 * share) as usize;
            disk.bytes.truncate(kept);
        }
        disk.breaks = None;
        disk.told = false;
        disk.kills = None;
        disk.synced = disk.bytes.len();
    }

    /// Cuts a torn last record, as opening the journal does.
    pub(super) fn cut(&self, length: usize) {
        let mut disk = lock(&self.0);
        disk.bytes.truncate(length);
        disk.synced = disk.synced.min(length);
    }
}

impl Medium for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = lock(&self.0);
        let number = disk.appends;
        disk.appends += 1;
        if let Some((_, most)) = disk.kills.filter(|(at, _)| *at == number) {
            disk.bytes.extend_from_slice(&bytes[..most.min(bytes.len())]);
            drop(disk);
            die();
        }
        match disk.breaks {
            Some((at, false)) if number >= at => {
                // A disk that is full takes a part of the write.
                let part = if number == at { bytes.len() / 2 } else { 0 };
                disk.bytes.extend_from_slice(&bytes[..part]);
                disk.told = true;
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => {
                disk.bytes.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = lock(&self.0);
        if disk.breaks.is_some_and(|(at, sync)| sync && disk.appends > at) {
            disk.told = true;
            return Err(io::Error::other("input/output error"));
        }
        disk.synced = disk.bytes.len();
        Ok(())
    }
}
