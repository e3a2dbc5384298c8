//! The built program with a home, a state folder and an environment of its own.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// No call may take longer: a hung one must not hang the table.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The report on standard output.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:#?}"))
    }

    /// The row of one server in the report, by its id.
    #[track_caller]
    pub(crate) fn target(&self, id: &str) -> Value {
        let report = self.report();
        let targets = report["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().find(|target| target["instance"] == id).unwrap_or_else(|| panic!("no {id}: {self:#?}"))
    }

    /// The verdict of one server.
    #[track_caller]
    pub(crate) fn verdict(&self, id: &str) -> String {
        self.target(id)["verdict"].as_str().expect("a verdict").to_owned()
    }

    /// Fails with everything that was said unless the program ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Fails unless standard error or output has this text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text) || self.out.contains(text), "no `{text}` in {self:#?}");
        self
    }

    /// `succeeded ×2, failed (1)`: for the table.
    pub(crate) fn told(&self) -> String {
        let code = self.code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let report: Value = serde_json::from_str(&self.out).unwrap_or(Value::Null);
        let counts = report["counts"].as_object().cloned().unwrap_or_default();
        let words: Vec<String> = counts
            .iter()
            .filter(|(name, count)| *name != "total" && count.as_u64().is_some_and(|count| count > 0))
            .map(|(name, count)| if count == 1 { name.clone() } else { format!("{name} x{count}") })
            .collect();
        match (words.is_empty(), self.code) {
            (false, _) => format!("{} ({code})", words.join(", ")),
            (true, Some(0)) => format!("done ({code})"),
            (true, _) => format!("refused ({code})"),
        }
    }
}

/// A place of its own for a case.
pub(crate) struct Program {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Program {
    /// With these variables and nothing of the caller's environment.
    pub(crate) fn new(variables: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["home", "state", "config", "work"] {
            fs::create_dir(root.path().join(name)).expect("a folder");
        }
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { root, variables }
    }

    /// Sets a variable for every call.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.unset(name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a variable away from every call.
    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// Writes a file that its owner alone may read; the path is below the home folder.
    pub(crate) fn private(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        file.write_all(text.as_bytes()).expect("written");
        path
    }

    /// The home folder of calls.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let root = self.root.path();
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(root.join("work"));
        command.env("HOME", root.join("home")).env("XDG_STATE_HOME", root.join("state"));
        command.env("XDG_CONFIG_HOME", root.join("config")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(Path::new(env!("CARGO_BIN_EXE_reinstall")), arguments).spawn().expect("the program starts")
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ended(self.command(Path::new(env!("CARGO_BIN_EXE_reinstall")), arguments))
    }

    /// Runs another program in the same surroundings.
    pub(crate) fn other(&self, program: &Path, arguments: &[&str]) -> Ran {
        ended(self.command(program, arguments))
    }
}

fn ended(command: Command) -> Ran {
    let output = assert_cmd::Command::from_std(command).timeout(PATIENCE).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What a started program came to.
pub(crate) fn ended_of(child: Child) -> Ran {
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
