//! Text from a provider that wants to be more than text: shown, and harmless, in every form of output.

use crate::bench::{BMC, Bench};
use crate::front::{Front, rebody};
use crate::http::body_at;
use reinstall::report::text::is_unsafe;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

const EVIL: [&str; 14] = [
    "\u{1b}[2J\u{1b}[1;1Hgone",
    "\u{1b}]8;;https://evil.test\u{7}link\u{1b}]8;;\u{7}",
    "\u{1b}]52;c;ZXZpbA==\u{7}",
    "\u{1b}]0;title\u{7}",
    "\u{9b}31mred\u{9d}0;t\u{9c}",
    "abc\u{202e}txt.exe\u{2066}x\u{2069}",
    "a\r\nb\u{2028}c\u{85}d\u{b}e",
    "\n::error file=x::y",
    "\n::add-mask::y",
    "##[error]x ##vso[task.complete]",
    "=cmd|' /C calc'!A0",
    "\u{0}\u{1}\u{8}\u{7f}\u{fffe}",
    "zero\u{200b}\u{feff}\u{e0041}",
    "%n%s${HOME}$(id)`id`",
];

/// An emulator whose servers have this name, behind a front.
fn named(name: &str) -> (Bench, Front) {
    let mut bench = Bench::new();
    let front = Front::of(bench.sandbox().address());
    let name = Value::from(name).to_string();
    front.changes(move |_, answer| {
        let body = String::from_utf8_lossy(&answer[body_at(answer)..]).replace("\"web-1\"", &name);
        rebody(answer, body.as_bytes());
    });
    bench.set("REINSTALL_ENDPOINT", &front.server.url());
    (bench, front)
}

/// No line is taken for a command by a build log.
fn no_command(text: &str) -> bool {
    !text.lines().any(|line| line.trim_start().starts_with("::") || line.contains("##[")) && !text.contains("##vso")
}

fn harmless(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !is_unsafe(c)) && no_command(text)
}

#[test]
fn a_hostile_name_is_shown_and_does_nothing_in_any_form_of_output() {
    crate::bench::each(EVIL, |name| {
        let (bench, _front) = named(name);
        for form in [&["-o", "human"][..], &["-o", "json"], &["-o", "jsonl"], &["-vvv", "-o", "human"]] {
            // A host name that no server can have would be refused: the plan is made without it.
            let mut call = bench.order(BMC, &[BMC.ready], form);
            call.extend(["--hostname".to_owned(), "web-9".to_owned(), "--dry-run".to_owned()]);
            let ran = bench.run(&call).ended(0);
            assert!(harmless(&ran.err), "{name:?} {form:?}: {}", ran.err);
            assert!(harmless(&ran.out), "{name:?} {form:?}: {}", ran.out);
        }
        let list = bench.run(&["-p", BMC.id, "list"]).ended(0);
        assert!(harmless(&list.out), "{name:?}: {}", list.out);
        // For programs the name is what it was.
        let list = bench.run(&["-p", BMC.id, "list", "-o", "json"]).ended(0);
        assert!(harmless(&list.out), "{name:?}");
        let names: Vec<Value> =
            list.json()["servers"].as_array().expect("servers").iter().map(|server| server["name"].clone()).collect();
        assert!(names.contains(&Value::from(name)), "{names:?}");
    });
}

#[test]
fn a_hostile_error_of_a_provider_is_shown_and_does_nothing() {
    crate::bench::each(EVIL, |text| {
        let mut bench = Bench::new();
        let front = Front::of(bench.sandbox().address());
        let error = serde_json::json!({ "requestId": text, "code": text, "message": text }).to_string();
        front.changes(move |request, answer| {
            if String::from_utf8_lossy(request).contains("ReinstallInstance") {
                *answer = crate::http::json("400 Bad Request", error.as_bytes());
            }
        });
        bench.set("REINSTALL_ENDPOINT", &front.server.url());
        for form in ["human", "json", "jsonl"] {
            // Behind the front, too, the order comes to nothing: the next one finds the server as it was.
            bench.sandbox().order_fault("invalid");
            let ran = bench.reinstall(BMC, &[BMC.ready], &["-vv", "-o", form]).ended(1);
            assert!(harmless(&ran.err) && harmless(&ran.out), "{text:?} {form}: {ran:#?}");
            if form == "json" {
                assert_eq!(ran.json()["targets"][0]["error"]["message"], text);
            }
        }
    });
}

#[test]
fn an_id_that_is_a_path_or_an_option_is_refused_before_it_is_used() {
    crate::bench::each(["../../x", "-rf", "%n", "/etc/passwd", "a/../../b", ".", "a b", "a\u{0}b", "$(id)"], |id| {
        let mut bench = Bench::new();
        let front = Front::of(bench.sandbox().address());
        let text = Value::from(id).to_string();
        front.changes(move |_, answer| {
            let body = String::from_utf8_lossy(&answer[body_at(answer)..]).replace("\"bmc-demo-1\"", &text);
            rebody(answer, body.as_bytes());
        });
        bench.set("REINSTALL_ENDPOINT", &front.server.url());
        // Asked for by name, the server has the id that the provider tells.
        let call = ["-p", BMC.id, "-i", "name=web-1", "--no-login", "-y"];
        let ran = bench.run(&call);
        assert_ne!(ran.code, Some(0), "{id}: {ran:#?}");
        assert!(ran.err.contains("no usable id"), "{id}: {}", ran.err);
        assert_eq!(bench.sandbox().orders(), 0);
        assert!(!bench.path("x").exists() && !bench.path("../x").exists());
    });
}

/// What a terminal receives, its own colours and lines taken out.
fn on_a_terminal(bench: &Bench, arguments: &[&str]) -> String {
    let mut screen = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal"));
    grantpt(&screen).expect("granted");
    unlockpt(&screen).expect("unlocked");
    let name = ptsname(&screen, Vec::new()).expect("a name");
    let open = || -> Stdio {
        let path = OsStr::from_bytes(name.as_bytes());
        OpenOptions::new().read(true).write(true).open(path).expect("the terminal's end").into()
    };
    let mut command = bench.command(arguments);
    command.env("TERM", "xterm-256color").stdout(open()).stderr(open());
    let mut process = command.spawn().expect("the program starts");
    // The last end closes with the process.
    drop(command);
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = screen.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
    }
    assert!(process.wait().expect("an end").success());
    String::from_utf8(bytes).expect("UTF-8")
}

/// Takes out colours (`ESC [ … m`) and what moves within the own lines (`A`, `B`, `G`, `J`, `K`).
fn bare(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(place) = rest.find("\u{1b}[") {
        bare.push_str(&rest[..place]);
        let tail = &rest[place + 2..];
        let end = tail.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(0);
        match tail.as_bytes().get(end) {
            Some(b'm' | b'A' | b'B' | b'G' | b'K') => rest = &tail[end + 1..],
            _ => {
                bare.push('\u{1b}');
                rest = tail;
            }
        }
    }
    bare + rest
}

#[test]
fn a_hostile_name_moves_nothing_on_a_terminal() {
    crate::bench::each(EVIL, |name| {
        let (bench, _front) = named(name);
        bench.password();
        let call = ["-p", BMC.id, "-i", BMC.ready, "--password-file", "pw", "--hostname", "web-9", "-y"];
        for arguments in [&["-p", BMC.id, "list"][..], &call] {
            let shown = bare(&on_a_terminal(&bench, arguments));
            let shown = shown.replace("\r\n", "\n").replace('\r', "");
            assert!(harmless(&shown), "{name:?} {arguments:?}: {shown:?}");
        }
    });
}
