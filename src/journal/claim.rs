//! One claim per server: two runs of this machine never order for the same one at the same time.

use super::files;
use crate::model::{RunId, ServerId};
use crate::sign::hash::sha256_hex;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
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
    #[error("the claim file {path} cannot be read: {problem}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        problem: String,
    },
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

    /// Takes the server for the run; one that this very run has already names this process from now on. The claim is
    /// on stable storage, with its name, when this returns.
    pub fn take(&self, endpoint: &str, claim: &Claim) -> Result<(), ClaimError> {
        let path = self.path(&claim.provider, endpoint, &claim.instance);
        let io = |cause| ClaimError::Io { path: path.display().to_string(), cause };
        match place(&path, claim) {
            Ok(()) => files::sync_folder_of(&path).map_err(io),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match held(&path) {
                Ok(held) if held.run == claim.run => {
                    let anew = Claim { since: held.since.clone(), ..claim.clone() };
                    if anew != held { replace(&path, &anew).map_err(io) } else { Ok(()) }
                }
                Ok(held) => Err(ClaimError::Busy(Box::new(held))),
                Err(cause) => {
                    Err(ClaimError::Unreadable { path: path.display().to_string(), problem: cause.to_string() })
                }
            },
            Err(error) => Err(io(error)),
        }
    }

    /// A claim of the run, whichever is found first.
    pub(super) fn of(&self, run: &RunId) -> Option<Claim> {
        let claims = fs::read_dir(&self.folder).ok()?.flatten().map(|entry| entry.path());
        let whole = claims.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        whole.filter_map(|path| held(&path).ok()).find(|claim| claim.run == *run)
    }

    /// Gives every server of the run free. Only for a run that has sent nothing and never will, or has ended.
    pub fn release_all(&self, run: &RunId) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == run.as_str()) {
                // A draft that a crash left behind: it was never a claim.
                let _ = fs::remove_file(path);
            } else {
                remove(&path, run);
            }
        }
    }

    /// Gives the server free, if the run has it.
    pub fn release(&self, endpoint: &str, provider: &str, instance: &ServerId, run: &RunId) {
        remove(&self.path(provider, endpoint, instance), run);
    }
}

/// Puts the claim in its place whole or not at all, and never over another: a crash leaves no claim that names nobody.
fn place(path: &Path, claim: &Claim) -> io::Result<()> {
    let draft = draft(path, claim)?;
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked {
        // A file system without hard links.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            write(path, claim)
        }
        linked => linked,
    }
}

/// Puts the claim in the place of an earlier one of the same run, whose journal this process has locked.
fn replace(path: &Path, claim: &Claim) -> io::Result<()> {
    fs::rename(draft(path, claim)?, path)?;
    files::sync_folder_of(path)
}

/// Writes the claim beside its place.
fn draft(path: &Path, claim: &Claim) -> io::Result<PathBuf> {
    let draft = path.with_extension(claim.run.as_str());
    // One of an earlier process of this run, which ended before it was done.
    let _ = fs::remove_file(&draft);
    write(&draft, claim)?;
    Ok(draft)
}

fn write(path: &Path, claim: &Claim) -> io::Result<()> {
    let mut text = serde_json::to_string(claim).map_err(io::Error::other)?;
    text.push('\n');
    let mut file = files::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn held(path: &Path) -> io::Result<Claim> {
    serde_json::from_slice(&files::read(path)?).map_err(|_| io::Error::other("it is no claim"))
}

fn remove(path: &Path, run: &RunId) {
    if held(path).is_ok_and(|held| held.run == *run) {
        // A claim that stays behind is named to whoever meets it; nothing is lost.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(run: &RunId) -> Claim {
        Claim {
            run: run.clone(),
            provider: "p".into(),
            instance: ServerId::new("i-1").unwrap(),
            host: "h".into(),
            pid: 1,
            since: "2001-01-01T00:00:00Z".into(),
        }
    }

    fn claims() -> (tempfile::TempDir, Claims) {
        let folder = tempfile::tempdir().unwrap();
        let claims = Claims::at(folder.path().to_owned());
        (folder, claims)
    }

    #[test]
    fn a_claimed_server_names_the_run_that_has_it_and_is_free_after_release() {
        let (_keep, claims) = claims();
        let (first, second) = (RunId::fresh(), RunId::fresh());
        let server = ServerId::new("i-1").unwrap();
        claims.take("https://a", &claim(&first)).unwrap();
        claims.take("https://a", &claim(&first)).unwrap();
        let refused = claims.take("https://a", &claim(&second)).unwrap_err();
        assert!(matches!(&refused, ClaimError::Busy(held) if held.run == first), "{refused}");
        claims.take("https://b", &claim(&second)).unwrap();
        claims.release("https://a", "p", &server, &second);
        assert!(claims.take("https://a", &claim(&second)).is_err(), "only the owner releases");
        claims.release("https://a", "p", &server, &first);
        claims.take("https://a", &claim(&second)).unwrap();
    }

    #[test]
    fn a_run_that_is_taken_up_again_claims_in_the_name_of_the_new_process_and_since_the_same_time() {
        let (keep, claims) = claims();
        let (run, server) = (RunId::fresh(), ServerId::new("i-1").unwrap());
        claims.take("https://a", &claim(&run)).unwrap();
        let again = Claim { pid: 2, host: "g".into(), since: "2002-02-02T00:00:00Z".into(), ..claim(&run) };
        claims.take("https://a", &again).unwrap();
        let found = claims.of(&run).unwrap();
        assert_eq!((found.pid, found.host.as_str(), found.since.as_str()), (2, "g", "2001-01-01T00:00:00Z"));
        assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 1, "no draft is left");
        assert_eq!(claims.of(&RunId::fresh()), None);
        claims.release("https://a", "p", &server, &run);
        assert_eq!(claims.of(&run), None);
    }

    #[test]
    fn a_claim_is_whole_or_not_there_and_a_crash_in_between_blocks_nobody() {
        let (keep, claims) = claims();
        let (first, second) = (RunId::fresh(), RunId::fresh());
        let path = claims.path("p", "https://a", &ServerId::new("i-1").unwrap());
        // What a process leaves that is killed before its claim stands: a draft, empty or whole.
        fs::write(path.with_extension(first.as_str()), "{\"run\"").unwrap();
        claims.take("https://a", &claim(&second)).unwrap();
        assert!(matches!(claims.take("https://a", &claim(&first)), Err(ClaimError::Busy(_))));
        claims.release_all(&second);
        fs::write(path.with_extension(first.as_str()), "{\"run\"").unwrap();
        claims.release_all(&first);
        assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_in_the_place_of_a_claim_is_not_followed_and_not_written_through() {
        let (keep, claims) = claims();
        let (first, second) = (RunId::fresh(), RunId::fresh());
        let path = claims.path("p", "https://a", &ServerId::new("i-1").unwrap());
        let elsewhere = keep.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(matches!(claims.take("https://a", &claim(&first)), Err(ClaimError::Unreadable { .. })));
        assert!(!elsewhere.exists());
        // Not even a good claim of this very run is believed through a link.
        fs::write(&elsewhere, serde_json::to_string(&claim(&second)).unwrap()).unwrap();
        assert!(matches!(claims.take("https://a", &claim(&second)), Err(ClaimError::Unreadable { .. })));
    }
}
