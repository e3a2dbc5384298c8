//! A place of its own for each case: folders, environment, an emulator that outlives the kill, calls of the program.

use crate::artefacts::Artefacts;
use reinstall::clock::{Clock, Now, Sleep, SystemClock};
use reinstall::providers::VENDORS;
use reinstall::sandbox::{Operation, Sandbox};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// No call may take longer: a hung one must not hang the suite.
const PATIENCE: Duration = Duration::from_secs(120);

/// What every order sets.
const PASSWORD: &str = "Kq7-Wm2=tZ4x+Rb";

/// Servers of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) provider: &'static str,
    pub(crate) servers: &'static [&'static str],
}

/// Five servers of two products; `zec-demo-1` runs and is powered off first.
pub(crate) const ZENLAYER: Fleet =
    Fleet { provider: "zenlayer", servers: &["bmc-demo-1", "bmc-demo-2", "bmc-demo-3", "zec-demo-1", "zec-demo-2"] };
/// Five servers of two products, two of them in one batch call.
pub(crate) const HUAWEI: Fleet = Fleet {
    provider: "huawei",
    servers: &[
        "5a0db0c5-ec50-4000-8000-000000000001",
        "5a0db0c5-ec50-4000-8000-000000000002",
        "5a0db0c5-ec50-4000-8000-000000000003",
        "5a0db0c5-dc00-7000-8000-000000000001",
        "5a0db0c5-dc00-7000-8000-000000000003",
    ],
};
/// All that there are; `cps-demo-3` runs and is powered off first. Orders carry a token.
pub(crate) const JDCLOUD: Fleet = Fleet { provider: "jdcloud", servers: &["cps-demo-1", "cps-demo-2", "cps-demo-3"] };
/// Every fleet.
pub(crate) const FLEETS: [Fleet; 3] = [ZENLAYER, HUAWEI, JDCLOUD];
/// One server, for cases about one order.
pub(crate) const ONE: Fleet = Fleet { provider: "zenlayer-bmc", servers: &["bmc-demo-1"] };

/// Sandbox time that goes on by so much with each request, and else stands still: what a run sees does not depend on
/// how fast the machine is.
struct Stepped {
    began: Duration,
    step: Duration,
    readings: AtomicU32,
}

impl Clock for Stepped {
    fn now(&self) -> Now {
        let readings = self.readings.fetch_add(1, Ordering::Relaxed);
        Now { steady: self.began + self.step * readings, ..SystemClock.now() }
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        SystemClock.sleep(duration)
    }
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Folders, emulator, and where the program is told to find it.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    endpoint: String,
    artefacts: Artefacts,
    // What strace tells holds requests, which hold secrets by right: it is not kept.
    scratch: tempfile::TempDir,
}

impl Bench {
    /// With an emulator whose time goes on with its requests: about sixteen of them see an install.
    pub(crate) fn new() -> Self {
        // The emulator reads its clock twice for each request.
        let step = Duration::from_millis(50);
        Self::with(Arc::new(Stepped { began: SystemClock.now().steady, step, readings: AtomicU32::new(0) }))
    }

    /// With an emulator in real time.
    pub(crate) fn in_real_time() -> Self {
        Self::with(Arc::new(SystemClock))
    }

    fn with(clock: Arc<dyn Clock>) -> Self {
        let artefacts = Artefacts::new("kill");
        for name in ["home", "state", "config", "work"] {
            fs::create_dir(artefacts.path().join(name)).expect("folder");
        }
        let mut options = fs::OpenOptions::new();
        let password = artefacts.path().join("work/pw");
        let mut file = options.write(true).create_new(true).mode(0o600).open(&password).expect("file");
        std::io::Write::write_all(&mut file, format!("{PASSWORD}\n").as_bytes()).expect("a password");
        artefacts.secret(PASSWORD);
        artefacts.given(&password);
        let emulators = VENDORS.iter().map(|vendor| (vendor.emulator)()).collect();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let sandbox = Sandbox::start(emulators, clock, anywhere, 1.0).expect("the emulator starts");
        let endpoint = sandbox.url();
        let credentials = sandbox.credentials();
        let secret = |name: &str| ["_SK", "_SECRET", "_SECRET_ACCESS_KEY"].iter().any(|end| name.ends_with(end));
        credentials.iter().filter(|(name, _)| secret(name)).for_each(|(_, value)| artefacts.secret(value));
        Self { sandbox, endpoint, artefacts, scratch: tempfile::tempdir().expect("temporary folder") }
    }

    /// Sends every call to this address instead, such as a relay's.
    pub(crate) fn through(&mut self, endpoint: String) {
        self.endpoint = endpoint;
    }

    /// The folder of journals and claims.
    pub(crate) fn state(&self) -> PathBuf {
        self.artefacts.path().join("state/reinstall")
    }

    /// Where strace writes.
    pub(crate) fn trace(&self) -> PathBuf {
        self.scratch.path().join("strace")
    }

    /// The journal, once there is one.
    pub(crate) fn journal(&self) -> Option<PathBuf> {
        files(&self.state().join("runs")).into_iter().find(|path| path.extension().is_some_and(|end| end == "jsonl"))
    }

    /// Claims that stand.
    pub(crate) fn claims(&self) -> Vec<PathBuf> {
        files(&self.state().join("claims"))
    }

    /// A command with the environment of a call, which may be another program that runs ours.
    pub(crate) fn command(&self, words: &[String]) -> Command {
        let (program, arguments) = words.split_first().expect("a program");
        let mut command = Command::new(program);
        let root = self.artefacts.path();
        command.args(arguments).env_clear().current_dir(root.join("work"));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", root.join("home")).env("XDG_STATE_HOME", root.join("state"));
        command.env("XDG_CONFIG_HOME", root.join("config"));
        command.envs(self.sandbox.credentials());
        command.env("REINSTALL_ENDPOINT", &self.endpoint).env("REINSTALL_POLL_INTERVAL", "10ms");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[String]) -> Ran {
        let mut command = assert_cmd::Command::from_std(self.command(words));
        let output = command.timeout(PATIENCE).output().expect("it runs");
        self.told(output)
    }

    /// Waits for the end of a process.
    pub(crate) fn end(&self, process: Child) -> Ran {
        self.told(process.wait_with_output().expect("its end"))
    }

    fn told(&self, output: Output) -> Ran {
        self.artefacts.keep("out", &output.stdout);
        self.artefacts.keep("err", &output.stderr);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// How often the server was really reinstalled.
    pub(crate) fn wiped(&self, server: &str) -> u32 {
        self.sandbox.log().reinstalls[server]
    }

    /// How many reinstall requests named the server.
    pub(crate) fn orders(&self, server: &str) -> usize {
        let log = self.sandbox.log();
        let orders = log.requests.iter().filter(|request| request.operation == Some(Operation::Reinstall));
        orders.filter(|request| request.servers.iter().any(|named| named == server)).count()
    }

    /// How many requests arrived that change something.
    pub(crate) fn changes(&self) -> usize {
        let changes = [Operation::Reinstall, Operation::Stop, Operation::Start].map(Some);
        self.sandbox.log().requests.iter().filter(|request| changes.contains(&request.operation)).count()
    }
}

impl Fleet {
    /// The call that reinstalls all of it, with a JSON report.
    pub(crate) fn order(self) -> Vec<String> {
        self.call(&["-o", "json", "--timeout", "20s", "--start-window", "2s"])
    }

    /// The call that reinstalls all of it, and these words.
    pub(crate) fn call(self, more: &[&str]) -> Vec<String> {
        let servers = self.servers.join(",");
        let words = ["-p", self.provider, "-i", &servers, "--password-file", "pw", "--yes"];
        program(&[words.as_slice(), more].concat())
    }
}

/// A call of the program.
pub(crate) fn program(arguments: &[&str]) -> Vec<String> {
    std::iter::once(&env!("CARGO_BIN_EXE_reinstall")).chain(arguments).map(|&word| word.to_owned()).collect()
}

/// Says what is left out, past the harness, which keeps what a test prints to itself.
pub(crate) fn left_out(what: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("left out: {what}\n").as_bytes());
}

/// Every file of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

/// Runs cases side by side, since each mostly waits, and fails with all that failed and how to repeat each.
pub(crate) fn side_by_side<T: Send>(cases: Vec<T>, name: impl Fn(&T) -> String + Sync, case: impl Fn(&T) + Sync) {
    let workers = cases.len().min(24);
    let queue = std::sync::Mutex::new(cases.into_iter());
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("the queue").next();
                    let Some(next) = next else { return };
                    // Each case has its own bench: nothing of a failed one is used again.
                    let run = std::panic::AssertUnwindSafe(|| case(&next));
                    if std::panic::catch_unwind(run).is_err() {
                        failed.lock().expect("the list").push(name(&next));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("the list");
    assert!(failed.is_empty(), "failed; repeat with:\n{}", failed.join("\n"));
}

/// Does the same for every fleet, all at once.
pub(crate) fn of_each_fleet<T: Send>(count: impl Fn(Fleet) -> T + Sync) -> Vec<(Fleet, T)> {
    let count = &count;
    std::thread::scope(|scope| {
        let counting = FLEETS.map(|fleet| (fleet, scope.spawn(move || count(fleet))));
        counting.into_iter().map(|(fleet, counted)| (fleet, counted.join().expect("a whole run"))).collect()
    })
}

/// So many numbers of 1..=most, evenly spread, always the same.
pub(crate) fn spread(most: usize, count: usize) -> Vec<usize> {
    let count = count.min(most);
    if count == 1 {
        return vec![most.div_ceil(2)];
    }
    (0..count).map(|place| 1 + (place * (most - 1)) / count.max(2).saturating_sub(1)).collect()
}
