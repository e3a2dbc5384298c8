//! A place of its own for each test: folders, environment, the program, and what a call of it came to.

use crate::artefacts::Artefacts;
use crate::sandbox::Sandbox;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A password that every product takes.
pub(crate) const PASSWORD: &str = "Kq7-Wm2=tZ4x+Rb";
/// The emulator's credentials that are secret.
pub(crate) const SECRET_KEYS: [&str; 3] =
    ["JDCLOUD_SECRET_ACCESS_KEY", "ZENLAYER_ACCESS_KEY_SECRET", "HUAWEICLOUD_SDK_SK"];
/// No call of the program may take longer: a hung one must not hang the suite.
const PATIENCE: Duration = Duration::from_secs(100);

/// A product, and three servers of it in the emulator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) id: &'static str,
    pub(crate) servers: [&'static str; 3],
    /// The server that can be reinstalled as it is, without a stop.
    pub(crate) ready: &'static str,
    /// What the proof of a start begins with.
    pub(crate) proof: &'static str,
}

pub(crate) const JDCLOUD: Product = Product {
    id: "jdcloud-cps",
    servers: ["cps-demo-1", "cps-demo-2", "cps-demo-3"],
    ready: "cps-demo-1",
    proof: "status:reinstalling",
};
pub(crate) const BMC: Product = Product {
    id: "zenlayer-bmc",
    servers: ["bmc-demo-1", "bmc-demo-2", "bmc-demo-3"],
    ready: "bmc-demo-1",
    proof: "status:INSTALLING",
};
pub(crate) const ZEC: Product = Product {
    id: "zenlayer-zec",
    servers: ["zec-demo-1", "zec-demo-2", "zec-demo-3"],
    ready: "zec-demo-2",
    proof: "status:DEPLOYING",
};
pub(crate) const ECS: Product = Product {
    id: "huawei-ecs",
    servers: [
        "5a0db0c5-ec50-4000-8000-000000000001",
        "5a0db0c5-ec50-4000-8000-000000000002",
        "5a0db0c5-ec50-4000-8000-000000000003",
    ],
    ready: "5a0db0c5-ec50-4000-8000-000000000001",
    proof: "job:",
};
pub(crate) const CLOUDDC: Product = Product {
    id: "huawei-clouddc",
    servers: [
        "5a0db0c5-dc00-7000-8000-000000000001",
        "5a0db0c5-dc00-7000-8000-000000000002",
        "5a0db0c5-dc00-7000-8000-000000000003",
    ],
    ready: "5a0db0c5-dc00-7000-8000-000000000001",
    proof: "operation:reinstall-processing",
};
pub(crate) const PRODUCTS: [Product; 5] = [JDCLOUD, BMC, ZEC, ECS, CLOUDDC];

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:#?}"))
    }

    /// Standard output, a JSON document a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: `{line}`"));
        self.out.lines().map(line).collect()
    }

    /// Fails with everything that was said unless the program ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The verdict of each server in the report.
    pub(crate) fn verdicts(&self) -> Vec<String> {
        let report = self.json();
        let targets = report["targets"].as_array().expect("targets").clone();
        targets.iter().map(|target| target["verdict"].as_str().expect("verdict").to_owned()).collect()
    }
}

/// Folders, environment, and the emulator if there is one.
pub(crate) struct Bench {
    pub(crate) sandbox: Option<Sandbox>,
    environment: Vec<(String, String)>,
    dir: Arc<Artefacts>,
}

impl Bench {
    /// Without an emulator: for what must fail before any provider is spoken to.
    pub(crate) fn alone() -> Self {
        let dir = Arc::new(Artefacts::new("cli"));
        for name in ["home", "state", "config", "work"] {
            fs::create_dir(dir.path().join(name)).expect("folder");
        }
        Self { sandbox: None, environment: Vec::new(), dir }
    }

    /// With an emulator that is slow enough for every state to be seen on a busy machine.
    pub(crate) fn new() -> Self {
        Self::at_speed(1.0)
    }

    /// With an emulator that is so many times faster than its usual self.
    pub(crate) fn at_speed(speed: f64) -> Self {
        let mut bench = Self::alone();
        let sandbox = Sandbox::start(&mut bench.bare(&[]), speed);
        bench.environment = sandbox.credentials.clone();
        for (name, value) in &sandbox.credentials {
            if SECRET_KEYS.contains(&name.as_str()) {
                bench.dir.secret(value);
            }
        }
        bench.environment.push(("REINSTALL_ENDPOINT".to_owned(), sandbox.url.clone()));
        bench.environment.push(("REINSTALL_POLL_INTERVAL".to_owned(), "50ms".to_owned()));
        bench.sandbox = Some(sandbox);
        bench
    }

    /// The emulator.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("a bench with an emulator")
    }

    /// Sets a variable for every call.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away from every call.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// A path in the folder where calls run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("work").join(name)
    }

    /// The folder of journals and claims.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The configuration file that is read without `--config`.
    pub(crate) fn configure(&self, text: &str) {
        let folder = self.dir.path().join("config/reinstall");
        fs::create_dir_all(&folder).expect("folder");
        fs::write(folder.join("config.toml"), text).expect("configuration");
    }

    /// Makes a secret known to the sweep and returns it.
    pub(crate) fn secret<'s>(&self, text: &'s str) -> &'s str {
        self.dir.secret(text);
        text
    }

    /// Where the sweep finds what is to be swept.
    pub(crate) fn artefacts(&self) -> Arc<Artefacts> {
        self.dir.clone()
    }

    /// A file that its owner alone can read, which may hold secrets.
    pub(crate) fn private(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).expect("file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        file.write_all(content.as_bytes()).expect("content");
        self.dir.given(&path);
        path
    }

    /// `--password-file` with a password that every product takes.
    pub(crate) fn password(&self) -> [String; 2] {
        self.private("pw", &format!("{}\n", self.secret(PASSWORD)));
        ["--password-file".to_owned(), "pw".to_owned()]
    }

    fn bare(&self, arguments: &[&OsStr]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reinstall"));
        let root = self.dir.path();
        command.args(arguments).env_clear().current_dir(root.join("work"));
        command.env("HOME", root.join("home")).env("XDG_STATE_HOME", root.join("state"));
        command.env("XDG_CONFIG_HOME", root.join("config"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A call that the test starts by itself.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        let mut command = self.bare(&arguments);
        if let Some(at) = arguments.iter().position(|argument| *argument == "--generate-password") {
            self.dir.book(&self.path("").join(arguments.get(at + 1).unwrap_or(&OsStr::new(""))));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end with empty standard input.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        self.fed("", arguments)
    }

    /// Runs it to its end with this on standard input.
    pub(crate) fn fed<S: AsRef<OsStr>>(&self, input: &str, arguments: &[S]) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(arguments));
        let output = command.timeout(PATIENCE).write_stdin(input).output().expect("the program runs");
        self.dir.keep("out", &output.stdout);
        self.dir.keep("err", &output.stderr);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Reinstalls servers of a product with the common password, `--yes` and a JSON report.
    pub(crate) fn reinstall(&self, product: Product, servers: &[&str], more: &[&str]) -> Ran {
        self.run(&self.order(product, servers, more))
    }

    /// The arguments of such a call.
    pub(crate) fn order(&self, product: Product, servers: &[&str], more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["-p".to_owned(), product.id.to_owned(), "-i".to_owned(), servers.join(",")];
        arguments.extend(self.password());
        arguments.push("--yes".to_owned());
        if !more.contains(&"-o") {
            arguments.extend(["-o", "json"].map(str::to_owned));
        }
        arguments.extend(more.iter().map(|&text| text.to_owned()));
        arguments
    }
}

/// Holds each of these to a claim, six at a time: most of the time is waiting for the emulator.
pub(crate) fn each<T: Send>(items: impl IntoIterator<Item = T>, hold: impl Fn(T) + Sync) {
    let items: Vec<T> = items.into_iter().collect();
    let workers = items.len().min(6);
    let queue = Mutex::new(items.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("the queue").next();
                    let Some(item) = next else { return };
                    hold(item);
                }
            });
        }
    });
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}
