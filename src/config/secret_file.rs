//! Rules for files that hold secrets, and how they are read.

use crate::secret::Secret;
use rustix::fs::{Mode, OFlags};
use secrecy::zeroize::Zeroizing;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most bytes of a password or credential file: 64 KiB.
pub const SECRET_LIMIT: usize = 64 * 1024;
/// Most bytes of user data and other large values: 1 MiB. Providers allow less.
pub const DATA_LIMIT: usize = 1024 * 1024;

/// Which rule a file breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Not there.
    #[error("there is no such file")]
    Missing,
    /// A symbolic link: who may change the link chooses the file.
    #[error("it is a symbolic link, and links to secrets are not followed")]
    Symlink,
    /// A directory, FIFO, socket or device.
    #[error("it is not a regular file")]
    Kind,
    /// Somebody else's.
    #[error("it belongs to user {0}")]
    Owner(u32),
    /// Others may read or write it.
    #[error("others may access it (mode {0:04o})")]
    Mode(u32),
    /// Too large.
    #[error("it is larger than {0} bytes")]
    Large(usize),
    /// Not text.
    #[error("it is not UTF-8 text")]
    Text,
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Nothing in the first line.
    #[error("its first line is empty")]
    EmptyLine,
    /// The operating system says no.
    #[error("{0}")]
    Io(std::io::ErrorKind),
}

/// A file that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The rule.
    pub fault: FileFault,
}

impl FileError {
    /// What to do about it.
    pub fn next_step(&self) -> String {
        let path = self.path.display();
        match &self.fault {
            FileFault::Missing => "correct the path".to_owned(),
            FileFault::Symlink => "name the file itself; `-` reads standard input where the option takes it".to_owned(),
            FileFault::Kind => "name a regular file; `-` reads standard input where the option takes it".to_owned(),
            FileFault::Owner(_) => format!("`chown` {path} to the user that runs this, or run it as its owner"),
            FileFault::Mode(_) => {
                format!("`chmod 600 {path}`, and change the secret if others could read it")
            }
            FileFault::Large(_) => "name the right file".to_owned(),
            FileFault::Text => "write it as UTF-8 text".to_owned(),
            FileFault::Empty | FileFault::EmptyLine => "write the secret into its first line".to_owned(),
            FileFault::Io(_) => "check the file and the folders above it".to_owned(),
        }
    }
}

/// The rules as a pure decision: owned by `me` or root, and no bit for group or others.
pub(super) fn check_access(owner: u32, mode: u32, me: u32) -> Result<(), FileFault> {
    if owner != me && owner != 0 {
        return Err(FileFault::Owner(owner));
    }
    match mode & 0o7777 {
        mode if mode & 0o077 != 0 => Err(FileFault::Mode(mode)),
        _ => Ok(()),
    }
}

/// Checks an open file against all rules.
pub(super) fn check_open(file: &File) -> Result<(), FileFault> {
    let about = file.metadata().map_err(|error| FileFault::Io(error.kind()))?;
    if !about.is_file() {
        return Err(FileFault::Kind);
    }
    check_access(about.uid(), about.mode(), rustix::process::geteuid().as_raw())
}

/// Words an error of `open`; `O_NOFOLLOW` answers a link with `ELOOP` (`EMLINK` on some systems).
pub(super) fn open_fault(error: rustix::io::Errno) -> FileFault {
    match error {
        rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => FileFault::Missing,
        rustix::io::Errno::LOOP | rustix::io::Errno::MLINK => FileFault::Symlink,
        // A socket, or a FIFO without a reader where one is opened to write.
        rustix::io::Errno::NXIO | rustix::io::Errno::ISDIR => FileFault::Kind,
        other => FileFault::Io(std::io::Error::from(other).kind()),
    }
}

/// Opens without following a final link and without waiting for the other end of a FIFO.
fn open(path: &Path, follow: OFlags) -> Result<File, FileFault> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | follow;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(open_fault)
}

fn read_all(file: File, limit: usize) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    read_limited(file, limit).map_err(|error| FileFault::Io(error.kind()))?.ok_or(FileFault::Large(limit))
}

/// Reads to the end; `None` if there is more than `limit`. The buffer never grows, so no copy stays behind.
pub(super) fn read_limited(source: impl Read, limit: usize) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    source.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

fn text_of(bytes: &[u8]) -> Result<&str, FileFault> {
    std::str::from_utf8(bytes).map_err(|_| FileFault::Text)
}

/// The first line without its end.
pub(super) fn first_line(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

fn at<T>(path: &Path, result: Result<T, FileFault>) -> Result<T, FileError> {
    result.map_err(|fault| FileError { path: path.to_path_buf(), fault })
}

/// Reads a whole file that holds a secret, after all rules were checked on the open file.
pub fn read_secret(path: &Path) -> Result<Secret, FileError> {
    at(
        path,
        open(path, OFlags::NOFOLLOW).and_then(|file| {
            check_open(&file)?;
            let bytes = read_all(file, SECRET_LIMIT)?;
            match text_of(&bytes)? {
                "" => Err(FileFault::Empty),
                text => Ok(Secret::from(text.to_owned())),
            }
        }),
    )
}

/// Reads a password: the first line of a file that holds a secret.
pub fn read_password(path: &Path) -> Result<Secret, FileError> {
    let whole = read_secret(path)?;
    match first_line(whole.expose()) {
        "" => at(path, Err(FileFault::EmptyLine)),
        line => Ok(Secret::from(line.to_owned())),
    }
}

/// Reads a file that need not be secret, such as user data or a JSON value: any regular file of text up to
/// `limit` bytes. It is kept as a secret all the same, for such files often hold some.
pub fn read_data(path: &Path, limit: usize) -> Result<Secret, FileError> {
    at(
        path,
        open(path, OFlags::empty()).and_then(|file| {
            if !file.metadata().map_err(|error| FileFault::Io(error.kind()))?.is_file() {
                return Err(FileFault::Kind);
            }
            let bytes = read_all(file, limit)?;
            match text_of(&bytes)? {
                "" => Err(FileFault::Empty),
                text => Ok(Secret::from(text.to_owned())),
            }
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn file(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
        path
    }

    fn fault(path: &Path) -> FileFault {
        match read_password(path) {
            Ok(_) => panic!("{} was read", path.display()),
            Err(error) => {
                assert!(!format!("{error} {error:?} {}", error.next_step()).contains("hunter2"), "{error}");
                error.fault
            }
        }
    }

    #[test]
    fn only_the_owner_may_have_access() {
        for (owner, mode, me, expected) in [
            (1000, 0o100600, 1000, Ok(())),
            (1000, 0o100400, 1000, Ok(())),
            (0, 0o100600, 1000, Ok(())),
            (0, 0o100400, 0, Ok(())),
            (1000, 0o100644, 1000, Err(FileFault::Mode(0o644))),
            (1000, 0o100640, 1000, Err(FileFault::Mode(0o640))),
            (1000, 0o100620, 1000, Err(FileFault::Mode(0o620))),
            (1000, 0o100601, 1000, Err(FileFault::Mode(0o601))),
            (0, 0o100444, 1000, Err(FileFault::Mode(0o444))),
            (1001, 0o100600, 1000, Err(FileFault::Owner(1001))),
            (1001, 0o100600, 0, Err(FileFault::Owner(1001))),
        ] {
            assert_eq!(check_access(owner, mode, me), expected, "{owner} {mode:o} {me}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_fix() {
        let folder = tempfile::tempdir().expect("folder");
        for mode in [0o644, 0o640, 0o604, 0o660, 0o666] {
            let path = file(folder.path(), "pw", b"hunter2\n", mode);
            let Err(error) = read_password(&path) else { panic!("read with mode {mode:o}") };
            assert_eq!(error.fault, FileFault::Mode(mode));
            assert!(error.next_step().contains(&format!("chmod 600 {}", path.display())), "{}", error.next_step());
        }
    }

    #[test]
    fn links_and_everything_but_regular_files_are_refused_without_waiting() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let real = file(folder.path(), "pw", b"hunter2\n", 0o600);
        symlink(&real, at("link")).expect("a link");
        symlink(at("nowhere"), at("dangling")).expect("a link");
        std::fs::create_dir(at("folder")).expect("a folder");
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        for (path, expected) in [
            (at("link"), FileFault::Symlink),
            (at("dangling"), FileFault::Symlink),
            (at("folder"), FileFault::Kind),
            (at("fifo"), FileFault::Kind),
            (at("socket"), FileFault::Kind),
            (at("nowhere"), FileFault::Missing),
            (PathBuf::from("/dev/zero"), FileFault::Kind),
        ] {
            assert_eq!(fault(&path), expected, "{}", path.display());
        }
    }

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        let folder = tempfile::tempdir().expect("folder");
        for (bytes, expected) in [
            (&b"hunter2"[..], "hunter2"),
            (b"hunter2\n", "hunter2"),
            (b"hunter2\r\n", "hunter2"),
            (b"hunter2\r\r\n", "hunter2\r"),
            (b" spaces stay \nsecond", " spaces stay "),
        ] {
            let path = file(folder.path(), "pw", bytes, 0o600);
            let Ok(password) = read_password(&path) else { panic!("refused") };
            assert!(password.expose() == expected, "{expected:?}");
        }
    }

    #[test]
    fn empty_large_and_unreadable_files_are_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let large = vec![b'x'; SECRET_LIMIT + 1];
        for (bytes, expected) in [
            (&b""[..], FileFault::Empty),
            (b"\n", FileFault::EmptyLine),
            (b"\r\nhunter2", FileFault::EmptyLine),
            (b"hunter2\xff\n", FileFault::Text),
            (&large, FileFault::Large(SECRET_LIMIT)),
        ] {
            assert_eq!(fault(&file(folder.path(), "pw", bytes, 0o600)), expected);
        }
        let full = file(folder.path(), "pw", &vec![b'x'; SECRET_LIMIT], 0o600);
        assert!(read_password(&full).is_ok());
    }

    #[test]
    fn a_huge_file_is_refused_without_reading_it() {
        let folder = tempfile::tempdir().expect("folder");
        let path = file(folder.path(), "pw", b"", 0o600);
        File::options().write(true).open(&path).expect("open").set_len(1 << 30).expect("sparse");
        assert_eq!(fault(&path), FileFault::Large(SECRET_LIMIT));
    }

    #[test]
    fn user_data_may_be_readable_and_behind_a_link_but_must_be_a_file_of_text() {
        let folder = tempfile::tempdir().expect("folder");
        let script = file(folder.path(), "script", b"#!/bin/sh\n", 0o644);
        symlink(&script, folder.path().join("link")).expect("a link");
        for name in ["script", "link"] {
            let Ok(data) = read_data(&folder.path().join(name), DATA_LIMIT) else { panic!("refused") };
            assert!(data.expose() == "#!/bin/sh\n");
        }
        let Err(error) = read_data(folder.path(), DATA_LIMIT) else { panic!("a folder was read") };
        assert_eq!(error.fault, FileFault::Kind);
        let Err(error) = read_data(&script, 3) else { panic!("too much was read") };
        assert_eq!(error.fault, FileFault::Large(3));
    }
}
