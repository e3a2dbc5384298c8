//! Faults inside the process, by its system calls: strace delivers a signal or an error at the Nth call of a kind.

use crate::bench::{Bench, Ran, left_out, program};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Everything by which a run touches disk, network and file names. One with `?` is not known to every kernel.
const ALL: &str = "write,?pwrite64,?ftruncate,?fallocate,fsync,fdatasync,?open,openat,?mkdir,mkdirat,?rename,?renameat,\
                   renameat2,?link,linkat,?unlink,unlinkat,connect,writev,sendto,sendmsg,read,recvfrom,recvmsg";

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
            left_out("strace is not here or may not trace: kills at exchanges and records stand in for system calls");
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
            let (calls, _) = calls(&bench, None, program(&["runs"]));
            let sees = calls.iter().any(|made| made.line.contains("/state/reinstall"));
            if !sees {
                left_out("errors at system calls on journal and claims: strace cannot see the file, which takes root");
            }
            sees
        })
}

/// What is done to which system call. Strace counts each kind by itself, and each thread.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    /// Its kind, such as `fsync`.
    pub(crate) call: String,
    /// Such as `signal=KILL` or `error=EIO`.
    pub(crate) what: &'static str,
    /// Which of them, counted from 1.
    pub(crate) at: usize,
}

impl Injection {
    /// A call of the program, with this done to it.
    pub(crate) fn during(&self, bench: &Bench, call: Vec<String>) -> Vec<String> {
        let inject = format!("inject={}:{}:when={}", self.call, self.what, self.at);
        traced(bench, &self.call, &["-e", &inject], call)
    }

    /// Whether it met a call whose line names this, such as a path.
    pub(crate) fn met(&self, bench: &Bench, named: &str) -> bool {
        let log = log(bench);
        let lines: Vec<&str> = log.lines().collect();
        let Some(at) = lines.iter().position(|line| line.contains("(INJECTED)")) else { return false };
        // Another thread's call may stand between the two halves of its line.
        let thread = lines[at].split(' ').next().unwrap_or_default();
        let begun = lines[..=at].iter().rev().find(|line| line.starts_with(thread) && !line.contains(" resumed>"));
        begun.is_some_and(|line| line.contains(named))
    }
}

/// A call of the program under strace, which tells of these system calls.
fn traced(bench: &Bench, calls: &str, more: &[&str], call: Vec<String>) -> Vec<String> {
    let (log, trace) = (bench.trace(), format!("trace={calls}"));
    let log = log.to_str().expect("a path");
    let fixed = ["strace", "-f", "-y", "-s", "3000", "-qq", "-o", log, "-e", &trace];
    fixed.iter().chain(more).map(|&word| word.to_owned()).chain(call).collect()
}

fn log(bench: &Bench) -> String {
    std::fs::read_to_string(bench.trace()).expect("the log of system calls")
}

/// One system call of the program's first thread.
#[derive(Debug)]
pub(crate) struct Made {
    /// Its kind.
    pub(crate) call: String,
    /// Which of its kind it is, counted from 1.
    pub(crate) number: usize,
    /// How strace tells it.
    pub(crate) line: String,
}

/// The system calls of these kinds, or of all, that a call of the program makes in its first thread, and what it came
/// to.
pub(crate) fn calls(bench: &Bench, kinds: Option<&str>, call: Vec<String>) -> (Vec<Made>, Ran) {
    let ran = bench.run(&traced(bench, kinds.unwrap_or(ALL), &[], call));
    let log = log(bench);
    let first = log.split_whitespace().next().unwrap_or_default();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut made = Vec::new();
    for line in log.lines().filter(|line| line.starts_with(first) && !line.contains(" resumed>")) {
        let Some(call) = line.split_once('(').and_then(|(head, _)| head.rsplit(' ').next()) else { continue };
        let number = numbers.entry(call).or_default();
        *number += 1;
        made.push(Made { call: call.to_owned(), number: *number, line: line.to_owned() });
    }
    (made, ran)
}

/// How many system calls of each kind such a call of the program makes, and what it came to.
pub(crate) fn census(bench: &Bench, call: Vec<String>) -> (BTreeMap<String, usize>, Ran) {
    let (made, ran) = calls(bench, None, call);
    (made.into_iter().map(|made| (made.call, made.number)).collect(), ran)
}
