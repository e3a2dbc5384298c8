//! The file of `--generate-password`: a password is on stable storage before its order may leave.

use super::secret_file::{FileError, FileFault, check_open, open_fault};
use crate::model::{RunId, ServerId};
use crate::secret::Secret;
use rustix::fs::{FallocateFlags, Mode, OFlags};
use secrecy::zeroize::Zeroizing;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Bytes of a line, more than any provider's password needs.
const ROOM: u64 = 512;

/// An open file that new passwords are appended to, one JSON object a line.
#[derive(Debug)]
pub struct PasswordBook {
    path: PathBuf,
    file: File,
    /// Whether the file ends with a whole line.
    whole: bool,
}

impl PasswordBook {
    /// Opens the file or makes it, for its owner alone whatever the umask, and makes its name durable.
    ///
    /// # Errors
    ///
    /// A file that is there already and breaks the rules for secret files; anything the operating system says.
    /// Call it before the plan is confirmed: a file that cannot be written should stop the run while it is free.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_at(path).map_err(|fault| FileError { path: path.to_path_buf(), fault })
    }

    fn open_at(path: &Path) -> Result<Self, FileFault> {
        let flags =
            OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = match rustix::fs::open(path, flags | OFlags::CREATE | OFlags::EXCL, mode) {
            Ok(descriptor) => {
                // The umask may have taken bits of the owner.
                rustix::fs::fchmod(&descriptor, mode).map_err(open_fault)?;
                let file = File::from(descriptor);
                file.sync_all().map_err(io)?;
                sync_folder(path)?;
                file
            }
            Err(rustix::io::Errno::EXIST) => File::from(rustix::fs::open(path, flags, mode).map_err(open_fault)?),
            Err(other) => return Err(open_fault(other)),
        };
        check_open(&file)?;
        let whole = ends_whole(&file)?;
        Ok(Self { path: path.to_path_buf(), file, whole })
    }

    /// Takes room on the disk for so many more passwords, where the file system can: what comes back from a provider
    /// comes once, and a disk that is full by then would lose it.
    ///
    /// # Errors
    ///
    /// There is no room, or the file is not there any more and cannot be made again.
    pub fn reserve(&mut self, passwords: usize) -> Result<(), FileError> {
        let wrap = |fault| FileError { path: self.path.clone(), fault };
        let length = self.file.metadata().map_err(|error| wrap(io(error)))?.len();
        let room = u64::try_from(passwords).unwrap_or(u64::MAX).saturating_mul(ROOM);
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, length, room) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => Ok(()),
            Err(other) => Err(wrap(io(other.into()))),
        }
    }

    /// Makes the file anew if its name was taken away since it was opened: what is written to a file without a name is
    /// gone at the end of the process.
    fn named(&mut self) -> Result<(), FileFault> {
        let there = std::fs::symlink_metadata(&self.path).ok();
        let own = self.file.metadata().map_err(io)?;
        if there.is_none_or(|there| (there.dev(), there.ino()) != (own.dev(), own.ino())) {
            *self = Self::open_at(&self.path)?;
        }
        Ok(())
    }

    /// Appends a server's password and returns once it is on stable storage. Only then its order may be sent.
    pub fn append(
        &mut self,
        run: &RunId,
        provider: &str,
        instance: &ServerId,
        password: &Secret,
    ) -> Result<(), FileError> {
        let mut line = Zeroizing::new(String::with_capacity(512 + 6 * password.expose().len()));
        line.push('{');
        let pairs = [
            ("run", run.as_str()),
            ("provider", provider),
            ("instance", instance.as_str()),
            ("password", password.expose()),
        ];
        for (place, (name, value)) in pairs.into_iter().enumerate() {
            let text = Zeroizing::new(serde_json::Value::from(value).to_string());
            line.push_str(if place == 0 { "\"" } else { ",\"" });
            line.push_str(name);
            line.push_str("\":");
            line.push_str(&text);
        }
        line.push_str("}\n");
        self.named().map_err(|fault| FileError { path: self.path.clone(), fault })?;
        if !self.whole {
            line.insert(0, '\n');
        }
        // Until all of it is there, the next one must begin on a line of its own.
        self.whole = false;
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_all())
            .map_err(|error| FileError { path: self.path.clone(), fault: io(error) })?;
        self.whole = true;
        Ok(())
    }
}

fn io(error: std::io::Error) -> FileFault {
    FileFault::Io(error.kind())
}

fn ends_whole(file: &File) -> Result<bool, FileFault> {
    let length = file.metadata().map_err(io)?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1).map_err(io)?;
    }
    Ok(last == [b'\n'])
}

fn sync_folder(path: &Path) -> Result<(), FileFault> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn append(book: &mut PasswordBook, instance: &str, password: &str) {
        let run = RunId::parse("0197f36dd83b7258").expect("a run");
        let id = ServerId::new(instance).expect("an id");
        book.append(&run, "acme-metal", &id, &Secret::from(password.to_owned())).expect("appended");
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").mode() & 0o7777
    }

    #[test]
    fn each_password_is_one_json_object_a_line_with_the_documented_names() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("passwords");
        append(&mut PasswordBook::open(&path).expect("made"), "i-1", "a\"b\\c");
        append(&mut PasswordBook::open(&path).expect("opened again"), "i-2", "é\u{1}");
        let text = std::fs::read_to_string(&path).expect("text");
        let first = "{\"run\":\"0197f36dd83b7258\",\"provider\":\"acme-metal\",\"instance\":\"i-1\",\"password\":\"a\\\"b\\\\c\"}";
        assert_eq!(text.lines().next(), Some(first));
        let second: serde_json::Value = serde_json::from_str(text.lines().nth(1).expect("two")).expect("JSON");
        assert_eq!(second["password"], "é\u{1}");
        assert_eq!((text.lines().count(), mode(&path)), (2, 0o600));
    }

    #[test]
    fn a_torn_line_spoils_no_other() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("passwords");
        drop(PasswordBook::open(&path).expect("made"));
        std::fs::write(&path, "{\"run\":\"x").expect("torn");
        append(&mut PasswordBook::open(&path).expect("opened"), "i-1", "pw");
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(serde_json::from_str::<serde_json::Value>(text.lines().nth(1).expect("two")).is_ok());
    }

    #[test]
    fn a_file_that_others_may_access_or_that_is_none_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("open"), "kept").expect("file");
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o644)).expect("mode");
        std::fs::write(at("real"), "").expect("file");
        std::fs::set_permissions(at("real"), std::fs::Permissions::from_mode(0o600)).expect("mode");
        symlink(at("real"), at("link")).expect("link");
        symlink(at("nowhere"), at("dangling")).expect("link");
        std::fs::create_dir(at("folder")).expect("folder");
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
        for (name, expected) in [
            ("open", FileFault::Mode(0o644)),
            ("link", FileFault::Symlink),
            ("dangling", FileFault::Symlink),
            ("folder", FileFault::Kind),
            ("fifo", FileFault::Kind),
            ("none/passwords", FileFault::Missing),
        ] {
            assert_eq!(PasswordBook::open(&at(name)).expect_err(name).fault, expected, "{name}");
        }
        assert_eq!(std::fs::read_to_string(at("open")).expect("text"), "kept");
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_password_on_record() {
        let path = Path::new("/dev/full");
        // A device is refused before anything is written to it.
        assert_eq!(PasswordBook::open(path).expect_err("a device").fault, FileFault::Kind);
        let folder = tempfile::tempdir().expect("folder");
        let good = PasswordBook::open(&folder.path().join("p")).expect("made");
        let full = File::options().write(true).open(path).expect("the device");
        let mut book = PasswordBook { file: full, path: path.to_path_buf(), ..good };
        let run = RunId::parse("0197f36dd83b7258").expect("a run");
        let id = ServerId::new("i-1").expect("an id");
        let error = book.append(&run, "acme-metal", &id, &Secret::from("hunter2".to_owned())).expect_err("full");
        assert!(matches!(error.fault, FileFault::Io(_)));
        assert!(!format!("{error} {error:?} {}", error.next_step()).contains("hunter2"));
    }

    #[test]
    fn a_file_that_was_taken_away_is_made_again_and_without_its_folder_it_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).expect("folder");
        let path = inner.join("passwords");
        let mut book = PasswordBook::open(&path).expect("made");
        append(&mut book, "i-1", "first");
        std::fs::remove_file(&path).expect("removed");
        append(&mut book, "i-2", "second");
        let text = std::fs::read_to_string(&path).expect("there again");
        assert!(text.contains("second") && !text.contains("first"));
        assert_eq!(mode(&path), 0o600);
        std::fs::remove_dir_all(&inner).expect("removed");
        let run = RunId::parse("0197f36dd83b7258").expect("a run");
        let id = ServerId::new("i-3").expect("an id");
        let error = book.append(&run, "acme-metal", &id, &Secret::from("third".to_owned())).expect_err("no folder");
        assert_eq!(error.fault, FileFault::Missing);
    }

    #[test]
    fn room_is_taken_without_a_change_to_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("passwords");
        let mut book = PasswordBook::open(&path).expect("made");
        append(&mut book, "i-1", "first");
        let before = std::fs::read(&path).expect("bytes");
        book.reserve(1000).expect("room");
        assert_eq!(std::fs::read(&path).expect("bytes"), before);
        append(&mut book, "i-2", "second");
        assert_eq!(std::fs::read_to_string(&path).expect("text").lines().count(), 2);
        assert!(book.reserve(1 << 50).is_err(), "no disk has that much");
    }
}
