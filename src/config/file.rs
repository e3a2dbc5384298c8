//! Finds and reads the configuration file. The working directory is never searched.

use super::env::{CONFIG, Environment, XDG_CONFIG_HOME};
use super::error::ConfigError;
use super::origin::Origin;
use super::schema::{self, Document};
use crate::providers::Vendor;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most bytes of a configuration file: 1 MiB.
const LIMIT: u64 = 1024 * 1024;

/// A configuration file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// The path as people write it.
    pub shown: String,
    /// What named it.
    pub origin: Origin,
    /// What it says.
    pub document: Document,
}

/// Where the file is looked for, and what named the place. `None` without a home directory and without a name.
pub fn locate(typed: Option<&Path>, environment: &Environment) -> Result<Option<(PathBuf, Origin)>, ConfigError> {
    if let Some(path) = typed {
        return Ok(Some((path.to_path_buf(), Origin::Option("config"))));
    }
    if let Some(path) = environment.get(CONFIG) {
        let origin = Origin::Variable(CONFIG.to_owned());
        return match environment.expand(path).filter(|path| path.is_absolute()) {
            Some(path) => Ok(Some((path, origin))),
            // Otherwise the folder that somebody happens to stand in would decide.
            None => {
                Err(ConfigError::BadValue { origin, name: "config", problem: "the path must be absolute".to_owned() })
            }
        };
    }
    Ok(usual_place(environment).map(|path| (path, Origin::Default)))
}

fn usual_place(environment: &Environment) -> Option<PathBuf> {
    let folder = environment.xdg(XDG_CONFIG_HOME, ".config")?;
    Some(folder.join("reinstall").join("config.toml"))
}

/// Reads the file at the usual place, whatever other file was named: what it protects stays protected.
pub fn usual(environment: &Environment, vendors: &[&'static Vendor]) -> Result<Option<ConfigFile>, ConfigError> {
    match usual_place(environment) {
        Some(path) => read_at(path, Origin::Default, environment, vendors),
        None => Ok(None),
    }
}

/// Reads the file: `None` where nobody named one and there is none at the usual place.
pub fn load(
    typed: Option<&Path>,
    environment: &Environment,
    vendors: &[&'static Vendor],
) -> Result<Option<ConfigFile>, ConfigError> {
    if environment.is_unreadable(CONFIG) && typed.is_none() {
        return Err(ConfigError::BadValue {
            origin: Origin::Variable(CONFIG.to_owned()),
            name: "config",
            problem: "the value is not UTF-8".to_owned(),
        });
    }
    match locate(typed, environment)? {
        Some((path, origin)) => read_at(path, origin, environment, vendors),
        None => Ok(None),
    }
}

fn read_at(
    path: PathBuf,
    origin: Origin,
    environment: &Environment,
    vendors: &[&'static Vendor],
) -> Result<Option<ConfigFile>, ConfigError> {
    let shown = environment.shorten(&path);
    let unreadable = |problem: String| ConfigError::Unreadable { origin: origin.clone(), path: shown.clone(), problem };
    let text = match read(&path) {
        Ok(text) => text,
        Err(Problem::Missing) if origin == Origin::Default => return Ok(None),
        Err(problem) => return Err(unreadable(problem.to_string())),
    };
    let document = schema::parse(&text, &shown, vendors)?;
    Ok(Some(ConfigFile { path, shown, origin, document }))
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("there is no such file")]
    Missing,
    #[error("it is not a regular file")]
    Kind,
    #[error("everybody may write it: `chmod o-w` it, for it decides where credentials are sent")]
    Writable,
    #[error("it is larger than 1 MiB")]
    Large,
    #[error("it is not UTF-8")]
    Text,
    #[error("{0}")]
    Io(std::io::ErrorKind),
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Self::Missing,
            kind => Self::Io(kind),
        }
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    // The usual way to say "no file".
    if path == Path::new("/dev/null") {
        return Ok(String::new());
    }
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(Problem::Kind);
    }
    if about.mode() & 0o002 != 0 {
        return Err(Problem::Writable);
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Problem::Large);
    }
    String::from_utf8(bytes).map_err(|_| Problem::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::VENDORS;
    use crate::model::Exit;
    use std::os::unix::fs::PermissionsExt;

    fn write(path: &Path, text: impl AsRef<[u8]>) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("file");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    }

    #[test]
    fn no_file_at_the_usual_place_is_no_error_and_a_named_one_is() {
        let home = tempfile::tempdir().expect("folder");
        let environment = Environment::fake([], Some(home.path()));
        assert_eq!(load(None, &environment, VENDORS), Ok(None));
        let fault = load(Some(&home.path().join("x.toml")), &environment, VENDORS).expect_err("missing");
        assert_eq!(fault.to_string(), "option --config: configuration file ~/x.toml: there is no such file");
        assert_eq!(fault.exit(), Exit::Usage);
        let environment = Environment::fake([(CONFIG, "/nowhere/x.toml")], Some(home.path()));
        assert_eq!(load(None, &environment, VENDORS).expect_err("missing").exit(), Exit::Config);
    }

    #[test]
    fn option_beats_variable_beats_usual_place() {
        let home = tempfile::tempdir().expect("folder");
        let at = |name: &str| home.path().join(name);
        write(&at(".config/reinstall/config.toml"), "default_profile = 'usual'\n[profiles.usual]");
        write(&at("xdg/reinstall/config.toml"), "default_profile = 'xdg'\n[profiles.xdg]");
        write(&at("env.toml"), "default_profile = 'env'\n[profiles.env]");
        write(&at("typed.toml"), "default_profile = 'typed'\n[profiles.typed]");
        let chosen = |typed: Option<&Path>, environment: &Environment| {
            let file = load(typed, environment, VENDORS).expect("readable").expect("there");
            file.document.default_profile.expect("named").text
        };
        let plain = Environment::fake([], Some(home.path()));
        assert_eq!(chosen(None, &plain), "usual");
        let xdg = at("xdg").display().to_string();
        assert_eq!(chosen(None, &Environment::fake([(XDG_CONFIG_HOME, &xdg)], Some(home.path()))), "xdg");
        let named = Environment::fake([(XDG_CONFIG_HOME, &xdg), (CONFIG, "~/env.toml")], Some(home.path()));
        assert_eq!(chosen(None, &named), "env");
        assert_eq!(chosen(Some(&at("typed.toml")), &named), "typed");
    }

    #[test]
    fn the_working_directory_never_decides() {
        for relative in ["config.toml", "./config.toml", "../config.toml"] {
            let environment = Environment::fake([(CONFIG, relative)], None);
            let fault = load(None, &environment, VENDORS).expect_err(relative);
            assert!(fault.to_string().contains("must be absolute"), "{fault}");
        }
        let environment = Environment::fake([(XDG_CONFIG_HOME, ".")], None);
        assert_eq!(load(None, &environment, VENDORS), Ok(None));
    }

    #[test]
    fn a_file_that_is_no_plain_text_file_is_refused_without_waiting() {
        let home = tempfile::tempdir().expect("folder");
        let environment = Environment::fake([], Some(home.path()));
        let at = |name: &str| home.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
        std::fs::create_dir(at("folder")).expect("a folder");
        write(&at("bytes"), [0xff, 0xfe]);
        write(&at("large"), vec![b'#'; 1024 * 1024 + 1]);
        write(&at("open"), "");
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o666)).expect("mode");
        for (name, says) in [
            ("fifo", "not a regular file"),
            ("folder", "not a regular file"),
            ("bytes", "not UTF-8"),
            ("large", "larger than 1 MiB"),
            ("open", "everybody may write it"),
        ] {
            let fault = load(Some(&at(name)), &environment, VENDORS).expect_err(name).to_string();
            assert!(fault.contains(says), "{fault}");
        }
        let none = load(Some(Path::new("/dev/null")), &environment, VENDORS).expect("empty").expect("there");
        assert_eq!(none.document, Document::default());
    }
}
