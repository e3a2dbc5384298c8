//! Faults inside the process, by its system calls: strace delivers a signal or an error at the Nth call of a family.

use crate::bench::{Bench, Ran, program};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// System calls of one kind. A name with `?` is one that not every kernel knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) calls: &'static str,
}

/// Everything by which a run touches disk, network and file names.
pub(crate) const FAMILIES: [Family; 6] = [
    Family { name: "write", calls: "write,?pwrite64,?ftruncate,?fallocate" },
    Family { name: "sync", calls: "fsync,fdatasync" },
    Family {
        name: "names",
        calls: "?open,openat,?mkdir,mkdirat,?rename,?renameat,renameat2,?link,linkat,?unlink,unlinkat",
    },
    Family { name: "connect", calls: "connect" },
    Family { name: "send", calls: "writev,sendto,sendmsg" },
    Family { name: "receive", calls: "read,recvfrom,recvmsg" },
];

/// Whether strace may trace here; says why not, once.
pub(crate) fn works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let mut probe = Command::new("strace");
        probe.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=exit_group", "-e", "inject=exit_group:signal=KILL"]);
        probe.arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let killed =
            probe.status().is_ok_and(|status| std::os::unix::process::ExitStatusExt::signal(&status) == Some(9));
        if !killed {
            println!(
                "left out: kills and errors at system calls, since strace is not here or may not trace; kills at \
                 exchanges and records stand in"
            );
        }
        killed
    })
}

/// Whether strace may trace here and sees which file a call is about. The program keeps other processes of its user from
/// its memory, so that takes root.
pub(crate) fn sees() -> bool {
    static SEES: OnceLock<bool> = OnceLock::new();
    works()
        && *SEES.get_or_init(|| {
            let bench = Bench::new();
            let (calls, _) = calls(&bench, "openat,mkdirat", program(&["runs"]));
            let sees = calls.iter().any(|line| line.contains("/state/reinstall"));
            if !sees {
                println!("left out: strace cannot see which file a call is about, which takes root");
            }
            sees
        })
}

/// What is done to which call of a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injection {
    pub(crate) family: Family,
    /// Such as `signal=KILL` or `error=EIO`.
    pub(crate) what: &'static str,
    /// Which call, counted from 1 in each thread.
    pub(crate) at: usize,
}

impl Injection {
    /// A call of the program, with this done to it.
    pub(crate) fn into(self, bench: &Bench, call: Vec<String>) -> Vec<String> {
        let inject = format!("inject={}:{}:when={}", self.family.calls, self.what, self.at);
        traced(bench, self.family.calls, &["-e", &inject], call)
    }

    /// Whether it met a call whose line names this, such as a path.
    pub(crate) fn met(self, bench: &Bench, named: &str) -> bool {
        log(bench).lines().any(|line| line.contains("(INJECTED)") && line.contains(named))
    }
}

/// A call of the program under strace, which tells of these system calls.
fn traced(bench: &Bench, calls: &str, more: &[&str], call: Vec<String>) -> Vec<String> {
    let (log, trace) = (bench.trace(), format!("trace={calls}"));
    let log = log.to_str().expect("a path");
    let fixed = ["strace", "-f", "-y", "-s", "400", "-qq", "-o", log, "-e", &trace];
    fixed.iter().chain(more).map(|&word| word.to_owned()).chain(call).collect()
}

fn log(bench: &Bench) -> String {
    std::fs::read_to_string(bench.trace()).expect("the log of system calls")
}

/// The system calls of this kind that a call of the program makes in its first thread, as strace tells them, and what
/// the call came to.
pub(crate) fn calls(bench: &Bench, kind: &str, call: Vec<String>) -> (Vec<String>, Ran) {
    let ran = bench.run(&traced(bench, kind, &[], call));
    let log = log(bench);
    // Strace counts for each thread by itself.
    let first = log.split_whitespace().next().unwrap_or_default();
    let own = log.lines().filter(|line| line.starts_with(first) && line.contains('('));
    (own.map(str::to_owned).collect(), ran)
}

/// How many calls of each family such a call of the program makes, and what it came to.
pub(crate) fn census(bench: &Bench, call: Vec<String>) -> ([usize; FAMILIES.len()], Ran) {
    let (calls, ran) = calls(bench, &FAMILIES.map(|family| family.calls).join(","), call);
    let made: Vec<&str> = calls.iter().filter_map(|line| Some(line.split_once('(')?.0.rsplit(' ').next()?)).collect();
    let count = |family: Family| {
        let names: Vec<&str> = family.calls.split(',').map(|name| name.trim_start_matches('?')).collect();
        made.iter().filter(|name| names.contains(name)).count()
    };
    (FAMILIES.map(count), ran)
}
