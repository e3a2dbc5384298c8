//! The folders of journals and claims: of this user alone, no link, and on this machine's own disks.

use super::StoreError;
use super::filesystem;
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// Makes the folder with mode 0700 if it is missing; refuses one that is a link, somebody else's or open to writers.
/// `inner` folders are ours entirely: they are closed to readers, too.
pub(super) fn make_private(folder: &Path, inner: bool) -> Result<(), StoreError> {
    let io = |cause| StoreError::Io { path: folder.display().to_string(), cause };
    if missing(folder).map_err(io)? {
        if let Some(parent) = folder.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io)?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {
                fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io)?;
                super::files::sync_folder_of(folder).map_err(io)?;
            }
            // Another process was quicker; what it made is looked at like any other.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io(error)),
        }
    }
    let found = fs::symlink_metadata(folder).map_err(io)?;
    if let Some(problem) = problem(&found) {
        return Err(refused(folder, problem.to_owned()));
    }
    if inner && found.mode() & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io)?;
    }
    Ok(())
}

fn missing(folder: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(folder) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn problem(found: &Metadata) -> Option<&'static str> {
    match found {
        found if found.file_type().is_symlink() => Some("is a symbolic link"),
        found if !found.is_dir() => Some("is not a folder"),
        found if found.uid() != rustix::process::geteuid().as_raw() => Some("belongs to another user"),
        found if found.mode() & 0o022 != 0 => Some("can be written by others; run `chmod 700` on it"),
        _ => None,
    }
}

/// Refuses a folder that lies on a network file system: locks and syncs there do not hold what they promise.
pub(super) fn local(folder: &Path) -> Result<(), StoreError> {
    match filesystem::network(folder) {
        Some(kind) => Err(refused(
            folder,
            format!(
                "lies on a network file system ({kind}), where a lock and a sync may not hold; \
                 REINSTALL_STATE_ON_NETWORK=allow takes it nevertheless"
            ),
        )),
        None => Ok(()),
    }
}

fn refused(folder: &Path, problem: String) -> StoreError {
    StoreError::Folder { path: folder.display().to_string(), problem }
}
