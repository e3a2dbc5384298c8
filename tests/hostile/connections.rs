//! No connection but the configured ones: told by the kernel, in a network where nothing else is.

use crate::bench::{BMC, Bench};
use std::fs;
use std::process::Command;

/// Whether this machine lets a test have a network of its own and watch a process.
fn possible() -> bool {
    let works = |call: &[&str]| Command::new(call[0]).args(&call[1..]).output().is_ok_and(|out| out.status.success());
    works(&["unshare", "-n", "ip", "link", "set", "lo", "up"]) && works(&["strace", "-o", "/dev/null", "true"])
}

/// Emulator and program in a network that has loopback alone; each call of `connect` goes into a file.
const SCRIPT: &str = r#"
ip link set lo up
"$BIN" sandbox --listen 127.0.0.1:0 > sandbox.out 2> /dev/null &
sandbox=$!
until [ -s sandbox.out ]; do sleep 0.05; done
url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' sandbox.out)
printf '%s' "$url" > url
for call in "-i bmc-demo-1 --no-login -y" "list" "images" "keys" "check" "wait -i bmc-demo-2" "runs" "--help"; do
    ZENLAYER_ACCESS_KEY_ID=$(sed 's/.*"ZENLAYER_ACCESS_KEY_ID":"\([^"]*\)".*/\1/' sandbox.out) \
    ZENLAYER_ACCESS_KEY_SECRET=$(sed 's/.*"ZENLAYER_ACCESS_KEY_SECRET":"\([^"]*\)".*/\1/' sandbox.out) \
    REINSTALL_POLL_INTERVAL=100ms REINSTALL_ENDPOINT=$url REINSTALL_TIMEOUT=20s REINSTALL_START_WINDOW=1s \
    strace -f -qq -e trace=connect,sendto,sendmsg,sendmmsg -e signal=none -A -o trace \
        "$BIN" -p zenlayer-bmc $call > call.out 2> call.err
    echo "$call: $?" >> codes
done
kill $sandbox
"#;

#[test]
fn nothing_but_the_endpoint_is_connected_to() {
    if !possible() {
        println!("skipped: it needs root, unshare, ip and strace");
        return;
    }
    let bench = Bench::alone();
    let mut command = Command::new("unshare");
    command.args(["-n", "sh", "-c", SCRIPT]).env("BIN", env!("CARGO_BIN_EXE_reinstall"));
    command.env("HOME", bench.path("")).env("XDG_STATE_HOME", bench.state()).current_dir(bench.path(""));
    let output = command.output().expect("a shell");
    let read =
        |name: &str| fs::read_to_string(bench.path(name)).unwrap_or_else(|why| panic!("{name}: {why} {output:?}"));
    let codes = read("codes");
    assert!(codes.starts_with("-i bmc-demo-1 --no-login -y: 0\nlist: 0\n"), "{codes}");
    assert_eq!(codes.lines().count(), 8, "{codes}");
    let port = read("url").rsplit(':').next().expect("a port").to_owned();
    let trace = read("trace");
    let calls: Vec<&str> = trace.lines().filter(|line| line.contains("connect(")).collect();
    assert!(calls.len() > 5, "{trace}");
    for call in calls {
        let there = call.contains(&format!("sin_port=htons({port})")) && call.contains("inet_addr(\"127.0.0.1\")");
        assert!(there, "{call}");
    }
    // Datagrams need no connection: a name lookup would be one.
    let named: Vec<&str> =
        trace.lines().filter(|line| line.contains("sin_addr") && !line.contains("connect(")).collect();
    assert!(named.is_empty(), "{named:?}");
    assert_eq!(BMC.id, "zenlayer-bmc");
}
