//! The environment: every variable name of our own, and a snapshot that is taken once.

use crate::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What every variable of our own begins with.
pub const PREFIX: &str = "REINSTALL_";

/// Path of the configuration file; must be absolute.
pub const CONFIG: &str = "REINSTALL_CONFIG";
/// Folder of journals and claims; must be absolute.
pub const STATE_DIR: &str = "REINSTALL_STATE_DIR";
/// `allow`: the folder of journals and claims may lie on a network file system.
pub const STATE_ON_NETWORK: &str = "REINSTALL_STATE_ON_NETWORK";
/// Name of the profile.
pub const PROFILE: &str = "REINSTALL_PROFILE";
/// Region or zone.
pub const REGION: &str = "REINSTALL_REGION";
/// Project.
pub const PROJECT: &str = "REINSTALL_PROJECT";
/// Address that replaces every host of the provider.
pub const ENDPOINT: &str = "REINSTALL_ENDPOINT";
/// How to stop a server that must be stopped first.
pub const POWER_OFF: &str = "REINSTALL_POWER_OFF";
/// What to do with a server that ends powered off.
pub const POWER_ON: &str = "REINSTALL_POWER_ON";
/// Reads only.
pub const DRY_RUN: &str = "REINSTALL_DRY_RUN";
/// End once the orders are accepted.
pub const NO_WAIT: &str = "REINSTALL_NO_WAIT";
/// Time for one server.
pub const TIMEOUT: &str = "REINSTALL_TIMEOUT";
/// Text for journal and report.
pub const REASON: &str = "REINSTALL_REASON";
/// Never ask.
pub const NO_INPUT: &str = "REINSTALL_NO_INPUT";
/// How long to look for a sign of a start.
pub const START_WINDOW: &str = "REINSTALL_START_WINDOW";
/// Upper bound of the pause between looks.
pub const POLL_INTERVAL: &str = "REINSTALL_POLL_INTERVAL";
/// Servers between order and verdict at one time.
pub const CONCURRENCY: &str = "REINSTALL_CONCURRENCY";
/// No new orders once so many servers have failed.
pub const MAX_FAILURES: &str = "REINSTALL_MAX_FAILURES";
/// Form of the output.
pub const OUTPUT: &str = "REINSTALL_OUTPUT";
/// Talk to the emulator inside the process.
pub const SANDBOX: &str = "REINSTALL_SANDBOX";
/// More detail: `0`, `1` or `2`.
pub const VERBOSE: &str = "REINSTALL_VERBOSE";
/// Less detail.
pub const QUIET: &str = "REINSTALL_QUIET";
/// When to use colour.
pub const COLOR: &str = "REINSTALL_COLOR";

/// No colour if it is set and not empty (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";
/// Colour even without a terminal, unless empty or `0` (<https://bixense.com/clicolors>).
pub const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";
/// Folder above `reinstall/config.toml`; a relative path is ignored, as the XDG specification wants it.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Folder above `reinstall/`, for journals and claims; a relative path is ignored.
pub const XDG_STATE_HOME: &str = "XDG_STATE_HOME";

/// The environment as it was when the program started. It can hold credentials and is never shown as a whole.
#[derive(Default)]
pub struct Environment {
    values: BTreeMap<String, Secret>,
    unreadable: BTreeSet<String>,
    home: Option<PathBuf>,
}

impl Environment {
    /// Takes the snapshot of this process.
    pub fn of_process() -> Self {
        let home = etcetera::home_dir().ok();
        Self::of(std::env::vars_os(), home)
    }

    /// Makes a snapshot from pairs and a home directory; a relative home is no home.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>, home: Option<PathBuf>) -> Self {
        let mut snapshot = Self { home: home.filter(|path| path.is_absolute()), ..Self::default() };
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => {
                    snapshot.values.insert(name, Secret::from(value));
                }
                Err(_) => {
                    snapshot.unreadable.insert(name);
                }
            }
        }
        snapshot
    }

    /// The variable's text; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(Secret::expose).filter(|text| !text.is_empty())
    }

    /// Whether the variable is set to bytes that are not UTF-8.
    pub fn is_unreadable(&self, name: &str) -> bool {
        self.unreadable.contains(name)
    }

    /// Names of all variables that begin with [`PREFIX`] and are not empty.
    pub fn ours(&self) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
            .map(|(name, _)| name.as_str())
    }

    /// The home directory, if there is one; always absolute.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The folder that an XDG variable names, or `fallback` below the home directory.
    pub fn xdg(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.home().map(|home| home.join(fallback)))
    }

    /// The path as people write it: `~` in place of the home directory.
    pub fn shorten(&self, path: &Path) -> String {
        match self.home().and_then(|home| path.strip_prefix(home).ok()) {
            Some(below) => format!("~/{}", below.display()),
            None => path.display().to_string(),
        }
    }

    /// The path with a leading `~/` replaced by the home directory; `None` where there is no home directory.
    pub fn expand(&self, path: &str) -> Option<PathBuf> {
        match path.strip_prefix("~/") {
            Some(below) => self.home().map(|home| home.join(below)),
            None => Some(PathBuf::from(path)),
        }
    }
}

#[cfg(test)]
impl Environment {
    /// A snapshot for tests: pairs as text, home as given.
    pub(crate) fn fake<const N: usize>(variables: [(&str, &str); N], home: Option<&Path>) -> Self {
        let pairs = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self::of(pairs, home.map(Path::to_path_buf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_not_set() {
        let environment = Environment::fake([("A", ""), ("B", "x")], None);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.get("B"), Some("x"));
        assert_eq!(environment.get("C"), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_remembered_as_such() {
        use std::os::unix::ffi::OsStringExt;
        let pairs = [(OsString::from("REINSTALL_REGION"), OsString::from_vec(vec![0xff]))];
        let environment = Environment::of(pairs, None);
        assert!(environment.is_unreadable("REINSTALL_REGION"));
        assert_eq!(environment.get("REINSTALL_REGION"), None);
    }

    #[test]
    fn relative_folders_are_never_used() {
        let environment = Environment::fake([(XDG_CONFIG_HOME, "conf")], Some(Path::new("/home/u")));
        assert_eq!(environment.xdg(XDG_CONFIG_HOME, ".config"), Some(PathBuf::from("/home/u/.config")));
        let homeless = Environment::fake([(XDG_CONFIG_HOME, "conf")], Some(Path::new("u")));
        assert_eq!(homeless.xdg(XDG_CONFIG_HOME, ".config"), None);
    }
}
