//! One claim per server: two runs of this machine never order for the same one at the same time.

use crate::model::{RunId, ServerId};
use crate::sign::hash::sha256_hex;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Who works on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// The product.
    pub provider: String,
    /// The server.
    pub instance: ServerId,
    /// Host name.
    pub host: String,
    /// Process.
    pub pid: u32,
    /// Since when, RFC 3339.
    pub since: String,
}

impl Claim {
    /// A claim of this process.
    pub fn new(run: &RunId, provider: &str, instance: &ServerId, now: DateTime<Utc>) -> Self {
        Self {
            run: run.clone(),
            provider: provider.to_owned(),
            instance: instance.clone(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            since: now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        }
    }
}

/// Why a server cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another run has it. Claims are never taken over by age.
    #[error("run {} works on it since {} (process {} on {})", .0.run, .0.since, .0.pid, .0.host)]
    Busy(Box<Claim>),
    /// A claim file that cannot be read: someone has it, nobody knows who.
    #[error("the claim file {0} cannot be read")]
    Unreadable(String),
    /// The disk says no.
    #[error("cannot write the claim file {path}: {cause}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        cause: io::Error,
    },
}

/// The folder of claims.
#[derive(Clone, Debug)]
pub struct Claims {
    folder: PathBuf,
}

impl Claims {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Claims are per product, endpoint and server: the same id at another endpoint is another server.
    fn path(&self, provider: &str, endpoint: &str, instance: &ServerId) -> PathBuf {
        let name = sha256_hex(format!("{provider}\n{endpoint}\n{instance}").as_bytes());
        self.folder.join(format!("{}.json", &name[..32]))
    }

    /// Takes the server for the run; fine if this very run has it already.
    pub fn take(&self, endpoint: &str, claim: &Claim) -> Result<(), ClaimError> {
        let path = self.path(&claim.provider, endpoint, &claim.instance);
        let io = |cause| ClaimError::Io { path: path.display().to_string(), cause };
        let mut text = serde_json::to_string(claim).map_err(|error| io(io::Error::other(error)))?;
        text.push('\n');
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(io),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let held = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Claim>(&bytes).ok());
                match held {
                    Some(held) if held.run == claim.run => Ok(()),
                    Some(held) => Err(ClaimError::Busy(Box::new(held))),
                    None => Err(ClaimError::Unreadable(path.display().to_string())),
                }
            }
            Err(error) => Err(io(error)),
        }
    }

    /// Gives every server of the run free. Only for a run that has sent nothing and never will.
    pub fn release_all(&self, run: &RunId) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            Self::remove(&path, run);
        }
    }

    /// Gives the server free, if the run has it.
    pub fn release(&self, endpoint: &str, provider: &str, instance: &ServerId, run: &RunId) {
        Self::remove(&self.path(provider, endpoint, instance), run);
    }

    fn remove(path: &Path, run: &RunId) {
        let own = fs::read(path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Claim>(&bytes).ok())
            .is_some_and(|held| held.run == *run);
        if own {
            // A claim that stays behind is named to whoever meets it; nothing is lost.
            let _ = fs::remove_file(path);
        }
    }
}
