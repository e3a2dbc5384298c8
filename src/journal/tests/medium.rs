//! What is written, what is synced, and what one failure means for all that follows.

use super::super::{Journal, Medium, filesystem, room};
use super::{event, store};
use crate::clock::{Clock, SystemClock};
use crate::model::{RunId, What};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What a disk was asked for, and how it answers.
#[derive(Default)]
struct Disk {
    calls: Vec<String>,
    fails: Option<&'static str>,
    keeps_room: bool,
}

struct Handle(Arc<Mutex<Disk>>);

impl Handle {
    fn call(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.calls.push(name.to_owned());
        if disk.fails == Some(name) { Err(io::Error::other("no")) } else { Ok(()) }
    }
}

impl Medium for Handle {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        self.call("append")
    }
    fn sync(&mut self) -> io::Result<()> {
        self.call("sync")
    }
    fn reserve(&mut self, _: u64) -> io::Result<bool> {
        self.call("reserve")?;
        Ok(self.0.lock().unwrap().keeps_room)
    }
    fn give_back(&mut self) {
        let _ = self.call("give_back");
    }
}

fn journal(disk: Disk) -> (Arc<Mutex<Disk>>, Journal) {
    let disk = Arc::new(Mutex::new(disk));
    let journal = Journal::on(Box::new(Handle(disk.clone())), PathBuf::from("j.jsonl"), 2, "b");
    (disk, journal)
}

fn calls(disk: &Arc<Mutex<Disk>>) -> Vec<String> {
    std::mem::take(&mut disk.lock().unwrap().calls)
}

fn notice() -> What {
    What::Notice { message: "m".to_owned() }
}

#[test]
fn what_must_be_durable_is_synced_before_the_call_returns_and_nothing_else_is() {
    let run = RunId::fresh();
    let (disk, mut journal) = journal(Disk::default());
    assert_eq!(journal.epoch(), 2);
    journal.append(&event(&run, 1, None, notice()), SystemClock.now()).unwrap();
    assert_eq!(calls(&disk), ["append"]);
    let intent = What::OrderIntent { permit: 1, attempt: 1, token: None };
    journal.append(&event(&run, 2, Some("i-1"), intent), SystemClock.now()).unwrap();
    assert_eq!(calls(&disk), ["append", "sync"]);
}

#[test]
fn after_one_failure_nothing_is_written_any_more_however_well_the_disk_is() {
    for fails in ["append", "sync"] {
        let run = RunId::fresh();
        let (disk, mut journal) = journal(Disk { fails: Some(fails), ..Disk::default() });
        let closed = || event(&run, 1, None, What::RunClosed { exit_code: 0 });
        let lost = journal.append(&closed(), SystemClock.now()).unwrap_err().to_string();
        assert!(lost.contains("j.jsonl") && lost.contains("no"), "{lost}");
        disk.lock().unwrap().fails = None;
        calls(&disk);
        let lost = journal.append(&closed(), SystemClock.now()).unwrap_err().to_string();
        assert!(lost.contains("an earlier write failed"), "{lost}");
        assert!(calls(&disk).is_empty());
    }
}

#[test]
fn room_is_given_back_if_and_only_if_it_was_kept() {
    for (keeps_room, back) in [(true, 1), (false, 0)] {
        let (disk, mut journal) = journal(Disk { keeps_room, ..Disk::default() });
        assert_eq!(journal.reserve(10).unwrap(), keeps_room);
        assert_eq!(journal.reserve(10).unwrap(), keeps_room);
        drop(journal);
        assert_eq!(calls(&disk).iter().filter(|call| *call == "give_back").count(), back);
    }
    let (disk, mut journal) = journal(Disk { fails: Some("reserve"), ..Disk::default() });
    assert!(journal.reserve(10).unwrap_err().to_string().contains("j.jsonl"));
    drop(journal);
    assert_eq!(calls(&disk), ["reserve"]);
}

#[test]
fn a_medium_that_knows_nothing_of_room_keeps_none() {
    struct Plain;
    impl Medium for Plain {
        fn append(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut journal = Journal::on(Box::new(Plain), PathBuf::from("j"), 0, "b");
    assert!(!journal.reserve(10).unwrap());
}

#[test]
fn a_file_keeps_room_wherever_the_file_system_can() {
    use rustix::fs::FallocateFlags;
    let (keep, store) = store();
    let probe = std::fs::File::create(keep.path().join("probe")).unwrap();
    let can = rustix::fs::fallocate(&probe, FallocateFlags::KEEP_SIZE, 0, 4096).is_ok();
    assert_eq!(filesystem::reserve(&probe, 0, 4096).unwrap(), can);
    assert_eq!(store.create(&RunId::fresh()).unwrap().reserve(4096).unwrap(), can);
}

#[test]
fn the_room_of_a_run_is_two_kib_for_each_record_that_may_come() {
    assert_eq!(room(&[], 0), 16 * 2048);
    assert_eq!(room(&[], 3), (16 + 3 * 32) * 2048);
    let known = notice();
    let length = serde_json::to_string(&known).unwrap().len() as u64;
    assert_eq!(room(&[&known, &known], 1), (16 + 32) * 2048 + 2 * (length + 512));
}

#[test]
fn the_start_of_the_machine_stands_in_every_record() {
    let known = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    assert_eq!(super::super::boot_id(), known.trim());
    let (_keep, store) = store();
    let run = RunId::fresh();
    let now = SystemClock.now();
    store.create(&run).unwrap().append(&event(&run, 1, None, notice()), now).unwrap();
    let stamp = store.read(&run).unwrap().stamps.remove(0);
    assert_eq!((stamp.epoch, stamp.boot_id.as_str()), (0, known.trim()));
    assert_eq!(stamp.boot.as_millis(), now.boot.as_millis());
}

#[test]
fn only_a_journal_without_a_word_is_discarded() {
    let (_keep, store) = store();
    let (empty, told) = (RunId::fresh(), RunId::fresh());
    let journal = store.create(&empty).unwrap();
    let path = journal.path().to_owned();
    assert!(path.exists());
    journal.discard();
    assert!(!path.exists());
    let mut journal = store.create(&told).unwrap();
    journal.append(&event(&told, 1, None, notice()), SystemClock.now()).unwrap();
    let path = journal.path().to_owned();
    journal.discard();
    assert!(path.exists());
}
