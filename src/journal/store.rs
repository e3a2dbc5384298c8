//! Where journals live and how they are opened.

use super::folder::{local, make_private};
use super::{Claim, Claims, Damage, Journal, Story, files};
use crate::model::RunId;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Why a journal cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder is not ours alone.
    #[error("the state folder {path} {problem}")]
    Folder {
        /// Which.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The disk says no.
    #[error("{path}: {cause}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// No such run here.
    #[error("no run `{0}` is known on this machine")]
    Unknown(String),
    /// Several runs begin so.
    #[error("`{prefix}` could be any of: {}", .runs.join(", "))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// The runs.
        runs: Vec<String>,
    },
    /// Another process has it open.
    #[error("run {run} is still going on in another process{}", process(.holder.as_deref()))]
    Locked {
        /// The run.
        run: RunId,
        /// The claim of one of its servers, which names the process.
        holder: Option<Box<Claim>>,
    },
    /// It cannot be trusted.
    #[error("the journal {path} is damaged: {damage}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        damage: Damage,
    },
}

fn process(claim: Option<&Claim>) -> String {
    claim.map(|claim| format!(" (process {} on {})", claim.pid, claim.host)).unwrap_or_default()
}

/// The state folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens (and makes, with mode 0700) the folder; refuses one that others can write, that is a link, or that lies
    /// on a network file system.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self::open_anywhere(root)?;
        local(root)?;
        Ok(store)
    }

    /// The same on any file system, for somebody who knows that locks and syncs hold there.
    pub fn open_anywhere(root: &Path) -> Result<Self, StoreError> {
        make_private(root, false)?;
        for inner in ["runs", "claims"] {
            make_private(&root.join(inner), true)?;
        }
        Ok(Self { root: root.to_path_buf() })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The claims beside the journals.
    pub fn claims(&self) -> Claims {
        Claims::at(self.root.join("claims"))
    }

    pub(super) fn path(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(format!("{run}.jsonl"))
    }

    /// Makes the journal of a new run; folder and file are synced before it returns.
    pub fn create(&self, run: &RunId) -> Result<Journal, StoreError> {
        let path = self.path(run);
        let io = |cause| StoreError::Io { path: path.display().to_string(), cause };
        let file = files::create(&path).map_err(io)?;
        self.lock(&file, run, &path)?;
        file.sync_all().map_err(io)?;
        files::sync_folder_of(&path).map_err(io)?;
        Ok(Journal::over(file, path, 0))
    }

    /// Opens a run to go on with it: locks it, cuts a torn last line (a copy is kept) and raises the epoch.
    pub fn resume(&self, run: &RunId) -> Result<(Journal, Story), StoreError> {
        let path = self.path(run);
        let io = |cause| StoreError::Io { path: path.display().to_string(), cause };
        let mut file = files::open(&path, true).map_err(io)?;
        self.lock(&file, run, &path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let story = Story::of(run, &bytes);
        if let Some(damage) = story.damage.clone() {
            return Err(StoreError::Damaged { path: path.display().to_string(), damage });
        }
        if story.torn {
            keep_torn(&path.with_extension("torn"), &bytes[story.good_bytes..]).map_err(io)?;
            file.set_len(u64::try_from(story.good_bytes).unwrap_or(0)).map_err(io)?;
            file.seek(SeekFrom::End(0)).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        let epoch = story.epoch + 1;
        Ok((Journal::over(file, path, epoch), story))
    }

    fn lock(&self, file: &File, run: &RunId, path: &Path) -> Result<(), StoreError> {
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                StoreError::Locked { run: run.clone(), holder: self.claims().of(run).map(Box::new) }
            }
            TryLockError::Error(cause) => StoreError::Io { path: path.display().to_string(), cause },
        })
    }

    /// Reads a journal without locking it.
    pub fn read(&self, run: &RunId) -> Result<Story, StoreError> {
        let path = self.path(run);
        let bytes = files::read(&path).map_err(|cause| StoreError::Io { path: path.display().to_string(), cause })?;
        Ok(Story::of(run, &bytes))
    }

    /// Whether a process has the run open.
    pub fn alive(&self, run: &RunId) -> bool {
        files::open(&self.path(run), false).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        let folder = self.root.join("runs");
        let io = |cause| StoreError::Io { path: folder.display().to_string(), cause };
        let mut runs: Vec<RunId> = fs::read_dir(&folder)
            .map_err(io)?
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                RunId::parse(name.strip_suffix(".jsonl")?)
            })
            .collect();
        runs.sort();
        Ok(runs)
    }

    /// The run that a prefix (or a whole id) means.
    pub fn resolve(&self, prefix: &RunId) -> Result<RunId, StoreError> {
        let mut found: Vec<RunId> =
            self.runs()?.into_iter().filter(|run| run.as_str().starts_with(prefix.as_str())).collect();
        match (found.len(), found.pop()) {
            (1, Some(run)) => Ok(run),
            (_, None) => Err(StoreError::Unknown(prefix.to_string())),
            (_, Some(last)) => {
                found.push(last);
                let runs = found.iter().map(ToString::to_string).collect();
                Err(StoreError::Ambiguous { prefix: prefix.to_string(), runs })
            }
        }
    }
}

/// Keeps what a crash cut off, in place of what an earlier crash left.
fn keep_torn(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut kept = files::create(path)?;
    kept.write_all(bytes)?;
    kept.sync_all()?;
    files::sync_folder_of(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state")).unwrap();
        (folder, store)
    }

    #[test]
    fn folders_and_files_are_private() {
        let (_keep, store) = store();
        let run = RunId::fresh();
        let journal = store.create(&run).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(store.root()), 0o700);
        assert_eq!(mode(journal.path()), 0o600);
    }

    #[test]
    fn a_linked_or_shared_state_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(matches!(Store::open(&link), Err(StoreError::Folder { .. })));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Store::open(&real), Err(StoreError::Folder { .. })));
    }

    #[test]
    fn an_open_run_cannot_be_resumed_by_another() {
        let (_keep, store) = store();
        let run = RunId::fresh();
        let journal = store.create(&run).unwrap();
        let refused = store.resume(&run).map(|_| ()).unwrap_err();
        assert!(matches!(&refused, StoreError::Locked { run: named, holder: None } if *named == run), "{refused}");
        let server = crate::model::ServerId::new("i-1").unwrap();
        store.claims().take("https://a", &Claim::new(&run, "p", &server, chrono::DateTime::UNIX_EPOCH)).unwrap();
        let refused = store.resume(&run).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {} on ", std::process::id())), "{refused}");
        drop(journal);
        assert!(store.resume(&run).is_ok());
    }

    #[test]
    fn a_link_in_the_place_of_a_journal_is_refused() {
        let (keep, store) = store();
        let run = RunId::fresh();
        let elsewhere = keep.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, store.path(&run)).unwrap();
        assert!(store.create(&run).is_err());
        assert!(store.read(&run).is_err());
        assert!(store.resume(&run).is_err());
        // A torn tail is kept in a file of its own: a link in that place is removed and not written through.
        let torn = RunId::fresh();
        drop(store.create(&torn).unwrap());
        fs::write(store.path(&torn), "{\"v\":1,\"seq").unwrap();
        std::os::unix::fs::symlink(&elsewhere, store.path(&torn).with_extension("torn")).unwrap();
        store.resume(&torn).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "");
        assert_eq!(fs::read_to_string(store.path(&torn).with_extension("torn")).unwrap(), "{\"v\":1,\"seq");
    }

    #[test]
    fn room_is_kept_without_being_seen_and_given_back_at_the_end() {
        use std::os::unix::fs::MetadataExt;
        let (_keep, store) = store();
        let run = RunId::fresh();
        let mut journal = store.create(&run).unwrap();
        let blocks = |path: &Path| fs::metadata(path).unwrap().blocks();
        let path = journal.path().to_owned();
        let kept = journal.reserve(4 << 20).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        assert!(store.read(&run).unwrap().events.is_empty());
        if kept {
            assert!(blocks(&path) >= (4 << 20) / 512, "the room is kept");
        }
        drop(journal);
        assert!(blocks(&path) < 64, "the room is given back");
        // More than any disk has.
        let mut journal = store.resume(&run).unwrap().0;
        assert!(!kept || journal.reserve(1 << 60).is_err(), "what is not there cannot be kept");
    }

    #[test]
    fn two_processes_that_make_the_folders_at_once_both_get_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("deep/state");
        let open = || Store::open(&root).map(|_| ());
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            opened.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        });
    }
}
