//! Faults inside the process, by its system calls: strace delivers a signal or an error at the Nth call of a family.

use crate::bench::{Bench, Fleet};
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
                "skipped: strace is not here or may not trace; kills at network events and journal records stand in"
            );
        }
        killed
    })
}

/// A call under strace with this injection into a family's calls, such as `signal=KILL:when=7`.
pub(crate) fn injecting(family: Family, what: &str, call: Vec<String>) -> Vec<String> {
    let (trace, inject) = (format!("trace={}", family.calls), format!("inject={}:{what}", family.calls));
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    strace.iter().map(|&word| word.to_owned()).chain(call).collect()
}

/// The system calls of this kind that a whole run makes in its first thread and whose line names this, as strace
/// tells them.
pub(crate) fn calls(fleet: Fleet, kind: &str, named: &str) -> Vec<String> {
    let bench = Bench::new();
    let log = bench.state().with_extension("strace");
    let trace = format!("trace={kind}");
    let strace = ["strace", "-f", "-y", "-s", "400", "-qq", "-o", log.to_str().expect("a path"), "-e", &trace];
    let ran = bench.run(&strace.iter().map(|&word| word.to_owned()).chain(fleet.order()).collect::<Vec<_>>());
    crate::judge::report(&bench, fleet, &ran, &crate::judge::Tally::default());
    let log = std::fs::read_to_string(log).expect("the log of system calls");
    let first = log.split_whitespace().next().unwrap_or_default();
    let own = log.lines().filter(|line| line.starts_with(first) && line.contains('(') && line.contains(named));
    own.map(str::to_owned).collect()
}

/// Which calls of the family, counted from 1, are on a file whose path has this in it.
pub(crate) fn calls_on(fleet: Fleet, family: Family, path: &str) -> Vec<usize> {
    let calls = calls(fleet, family.calls, "");
    (1..).zip(calls).filter(|(_, line)| line.contains(path)).map(|(number, _)| number).collect()
}

/// How many calls of each family a whole run of the fleet makes. The run is held to its success on the way.
pub(crate) fn census(fleet: Fleet) -> [usize; FAMILIES.len()] {
    let bench = Bench::new();
    let log = bench.state().with_extension("strace");
    let strace = ["strace", "-f", "-qq", "-o", log.to_str().expect("a path")];
    let ran = bench.run(&strace.iter().map(|&word| word.to_owned()).chain(fleet.order()).collect::<Vec<_>>());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    crate::judge::report(&bench, fleet, &ran, &crate::judge::Tally::default());
    let log = std::fs::read_to_string(log).expect("the log of system calls");
    FAMILIES.map(|family| {
        let names: Vec<&str> = family.calls.split(',').map(|name| name.trim_start_matches('?')).collect();
        let call = |line: &&str| line.split(' ').find_map(|word| word.split_once('(')).map(|(name, _)| name.to_owned());
        let first = log.split_whitespace().next().unwrap_or_default();
        // Strace counts for each thread by itself.
        let own = log.lines().filter(|line| line.starts_with(first));
        own.filter(|line| call(line).is_some_and(|name| names.contains(&name.as_str()))).count()
    })
}
