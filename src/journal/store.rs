//! Where journals live, how they are opened, listed and thrown away.

use super::record::{self, Damage, Story};
use super::{Claims, Journal};
use crate::model::{Counts, RunId, Verdict, What};
use chrono::{DateTime, Utc};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
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
    #[error("run {0} is still going on in another process")]
    Locked(RunId),
    /// It cannot be trusted.
    #[error("the journal {path} is damaged: {damage}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        damage: Damage,
    },
}

/// One line of `reinstall runs`.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// How many servers.
    pub total: usize,
    /// Verdicts so far.
    pub counts: Counts,
    /// Exit code, once it has ended.
    pub exit_code: Option<u8>,
    /// Whether a process has it open.
    pub alive: bool,
    /// `--reason`.
    pub reason: Option<String>,
    /// Whether it ran in the sandbox.
    pub sandbox: bool,
    /// What is wrong with its journal.
    pub damage: Option<Damage>,
}

impl RunSummary {
    /// Whether something is left to do or to watch.
    pub fn unfinished(&self) -> bool {
        self.exit_code.is_none() && self.damage.is_none()
    }
}

/// The state folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens (and makes, with mode 0700) the folder; refuses one that others can write or that is a link.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in [root.to_path_buf(), root.join("runs"), root.join("claims")] {
            make_private(&folder)?;
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

    fn path(&self, run: &RunId) -> PathBuf {
        self.root.join("runs").join(format!("{run}.jsonl"))
    }

    /// Makes the journal of a new run; folder and file are synced before it returns.
    pub fn create(&self, run: &RunId) -> Result<Journal, StoreError> {
        let path = self.path(run);
        let io = |cause| StoreError::Io { path: path.display().to_string(), cause };
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
        lock(&file, run, &path)?;
        file.sync_all().map_err(io)?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        Ok(Journal::over(file, path, 0))
    }

    /// Opens a run to go on with it: locks it, cuts a torn last line (a copy is kept) and raises the epoch.
    pub fn resume(&self, run: &RunId) -> Result<(Journal, Story), StoreError> {
        let path = self.path(run);
        let io = |cause| StoreError::Io { path: path.display().to_string(), cause };
        let mut file = OpenOptions::new().read(true).append(true).open(&path).map_err(io)?;
        lock(&file, run, &path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let story = record::read(&bytes);
        if let Some(damage) = story.damage.clone() {
            return Err(StoreError::Damaged { path: path.display().to_string(), damage });
        }
        if story.torn {
            let copy = path.with_extension("torn");
            let mut kept =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(copy).map_err(io)?;
            io::Write::write_all(&mut kept, &bytes[story.good_bytes..]).map_err(io)?;
            file.set_len(u64::try_from(story.good_bytes).unwrap_or(0)).map_err(io)?;
            file.seek(SeekFrom::End(0)).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        let epoch = story.epoch + 1;
        Ok((Journal::over(file, path, epoch), story))
    }

    /// Reads a journal without locking it.
    pub fn read(&self, run: &RunId) -> Result<Story, StoreError> {
        let path = self.path(run);
        let bytes = fs::read(&path).map_err(|cause| StoreError::Io { path: path.display().to_string(), cause })?;
        Ok(record::read(&bytes))
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

    /// What each run's journal tells in one line.
    pub fn summaries(&self) -> Result<Vec<RunSummary>, StoreError> {
        self.runs()?.into_iter().map(|run| self.summary(run)).collect()
    }

    fn summary(&self, run: RunId) -> Result<RunSummary, StoreError> {
        let story = self.read(&run)?;
        let alive =
            File::open(self.path(&run)).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        let mut summary = RunSummary {
            run,
            started_at: story.events.first().map(|event| event.at),
            total: 0,
            counts: Counts::default(),
            exit_code: None,
            alive,
            reason: None,
            sandbox: false,
            damage: story.damage,
        };
        let mut verdicts: Vec<(String, Verdict)> = Vec::new();
        for event in &story.events {
            match &event.what {
                What::RunOpened(head) => {
                    summary.total = head.total;
                    summary.reason.clone_from(&head.reason);
                    summary.sandbox = head.sandbox;
                }
                What::Verdict { verdict, .. } => {
                    let target = format!("{:?}/{:?}", event.provider, event.instance);
                    verdicts.retain(|(known, _)| *known != target);
                    verdicts.push((target, *verdict));
                }
                What::Resumed { .. } => summary.exit_code = None,
                What::RunClosed { exit_code } => summary.exit_code = Some(*exit_code),
                _ => {}
            }
        }
        summary.counts = Counts::of(verdicts.into_iter().map(|(_, verdict)| verdict));
        Ok(summary)
    }

    /// Removes the journals of ended runs older than the date. Unfinished and damaged ones stay.
    pub fn prune(&self, before: DateTime<Utc>) -> Result<Vec<RunId>, StoreError> {
        let mut removed = Vec::new();
        for summary in self.summaries()? {
            let old = summary.started_at.is_some_and(|at| at < before);
            if old && !summary.alive && summary.exit_code.is_some() && summary.damage.is_none() {
                let path = self.path(&summary.run);
                fs::remove_file(&path).map_err(|cause| StoreError::Io { path: path.display().to_string(), cause })?;
                // What a crash once cut off the journal goes with it; mostly there is none.
                let _ = fs::remove_file(path.with_extension("torn"));
                removed.push(summary.run);
            }
        }
        Ok(removed)
    }
}

fn lock(file: &File, run: &RunId, path: &Path) -> Result<(), StoreError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::Locked(run.clone()),
        TryLockError::Error(cause) => StoreError::Io { path: path.display().to_string(), cause },
    })
}

fn make_private(folder: &Path) -> Result<(), StoreError> {
    let problem =
        |problem: &str| StoreError::Folder { path: folder.display().to_string(), problem: problem.to_owned() };
    let io = |cause| StoreError::Io { path: folder.display().to_string(), cause };
    match fs::symlink_metadata(folder) {
        Ok(found) if found.file_type().is_symlink() => return Err(problem("is a symbolic link")),
        Ok(found) if !found.is_dir() => return Err(problem("is not a folder")),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            return Err(problem("belongs to another user"));
        }
        Ok(found) if found.mode() & 0o022 != 0 => {
            return Err(problem("can be written by others; run `chmod 700` on it"));
        }
        Ok(_) => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        Err(_) => {}
    }
    if let Some(parent) = folder.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io)?;
    }
    DirBuilder::new().mode(0o700).create(folder).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Claim, ClaimError};
    use crate::model::ServerId;
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
        assert!(matches!(store.resume(&run), Err(StoreError::Locked(_))));
        drop(journal);
        assert!(store.resume(&run).is_ok());
    }

    #[test]
    fn a_claimed_server_names_the_run_that_has_it_and_is_free_after_release() {
        let (_keep, store) = store();
        let claim = |run: &RunId| Claim {
            run: run.clone(),
            provider: "p".into(),
            instance: ServerId::new("i-1").unwrap(),
            host: "h".into(),
            pid: 1,
            since: "2026-11-21T09:00:00Z".into(),
        };
        let (first, second) = (RunId::fresh(), RunId::fresh());
        let claims = store.claims();
        claims.take("https://a", &claim(&first)).unwrap();
        claims.take("https://a", &claim(&first)).unwrap();
        let refused = claims.take("https://a", &claim(&second)).unwrap_err();
        assert!(matches!(&refused, ClaimError::Busy(held) if held.run == first), "{refused}");
        claims.take("https://b", &claim(&second)).unwrap();
        claims.release("https://a", "p", &ServerId::new("i-1").unwrap(), &second);
        assert!(claims.take("https://a", &claim(&second)).is_err(), "only the owner releases");
        claims.release("https://a", "p", &ServerId::new("i-1").unwrap(), &first);
        claims.take("https://a", &claim(&second)).unwrap();
    }
}
