//! Files of this user alone: made with mode 0600, opened without following a link, kept in synced folders.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Never through a link; and never waiting for the other end of a pipe that somebody put there.
fn flags() -> i32 {
    // The bits of these two flags fit: `open` takes an `int`.
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0)
}

/// Makes a file that was not there; it can be read and appended to. Its mode is 0600 whatever the umask is.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create_new(true).mode(0o600).custom_flags(flags()).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Opens a file to read it, and to append to it if asked; refuses what is not a plain file that its owner, this
/// user, alone can write.
pub(super) fn open(path: &Path, append: bool) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(append).custom_flags(flags()).open(path).map_err(|error| {
        match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => io::Error::other("it is a symbolic link"),
            _ => error,
        }
    })?;
    let found = file.metadata()?;
    let refuse = |problem: &str| Err(io::Error::other(problem.to_owned()));
    if !found.is_file() {
        return refuse("it is not a plain file");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if found.mode() & 0o022 != 0 {
        return refuse("others can write it; look at what it holds, then run `chmod 600` on it");
    }
    Ok(file)
}

/// The whole of such a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, false)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts names that were made or removed in the file's folder on stable storage.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_a_pipe_a_folder_and_a_file_that_others_can_write_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        drop(create(&path("plain")).unwrap());
        assert!(open(&path("plain"), true).is_ok());
        std::os::unix::fs::symlink(path("plain"), path("link")).unwrap();
        std::os::unix::fs::symlink(path("nowhere"), path("dangling")).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        drop(create(&path("shared")).unwrap());
        std::fs::set_permissions(path("shared"), Permissions::from_mode(0o620)).unwrap();
        for name in ["link", "dangling", "folder", "pipe", "shared"] {
            assert!(open(&path(name), false).is_err(), "{name}");
            assert!(create(&path(name)).is_err(), "{name}");
        }
        assert!(!path("nowhere").exists(), "nothing is made through a link");
    }
}
