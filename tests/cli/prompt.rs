//! The question for a password, on a terminal of its own: whatever ends it, the terminal echoes again.

use crate::bench::{BMC, Bench, each};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// Names the program for [`becomes_the_program`].
const PROGRAM: &str = "PROGRAM_ON_A_TERMINAL";

/// Not a test: the process in which the next test starts the program. It makes standard input its controlling
/// terminal, which needs no unsafe code only from inside.
#[test]
#[ignore = "started by the tests beside it"]
#[expect(clippy::disallowed_methods, reason = "told by the test that starts it")]
fn becomes_the_program() {
    let program = std::env::var(PROGRAM).expect("started by another test");
    rustix::process::setsid().expect("a session");
    rustix::process::ioctl_tiocsctty(rustix::stdio::stdin()).expect("a controlling terminal");
    let arguments = std::env::var("PROGRAM_ARGUMENTS").expect("its arguments");
    let why = Command::new(program).args(arguments.split(' ')).env_remove(PROGRAM).exec();
    panic!("{why}");
}

fn echoes(terminal: &File) -> bool {
    tcgetattr(terminal).expect("modes").local_modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
}

/// Starts the program so that it asks for a password, does this to it, and returns how it ended, what was shown,
/// and whether the terminal is as before.
fn asked(bench: &Bench, act: impl FnOnce(&mut File, Pid)) -> (ExitStatus, String, bool) {
    let mut keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map(File::from).expect("a terminal");
    grantpt(&keyboard).expect("granted");
    unlockpt(&keyboard).expect("unlocked");
    let name = ptsname(&keyboard, Vec::new()).expect("a name");
    let open =
        || File::from(rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opened"));
    // Kept open, so that the modes can be asked for when the program has gone.
    let screen = open();
    let given = bench.command::<&str>(&[]);
    let arguments = format!("-p {} -i {} --yes", BMC.id, BMC.ready);
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--ignored", "--exact", "prompt::becomes_the_program", "--nocapture"]).env_clear();
    command.envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env(PROGRAM, given.get_program()).env("PROGRAM_ARGUMENTS", arguments);
    let mut child = command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("it starts");
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&shown).contains("(not shown): ") {
        let count = keyboard.read(&mut buffer).expect("the prompt");
        shown.extend_from_slice(&buffer[..count]);
    }
    assert!(!echoes(&screen), "the prompt does not echo");
    act(&mut keyboard, Pid::from_child(&child));
    let status = child.wait().expect("its end");
    rustix::io::ioctl_fionbio(&keyboard, true).expect("non-blocking");
    while let Ok(count @ 1..) = keyboard.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
    }
    bench.artefacts().keep("terminal", &shown);
    (status, String::from_utf8_lossy(&shown).into_owned(), echoes(&screen))
}

#[test]
fn every_signal_at_the_prompt_gives_the_echo_back_and_still_ends_the_program() {
    each([Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT], |signal| {
        let bench = Bench::new();
        let typed = bench.secret("Zq7-halb-getippt");
        let (status, shown, back) = asked(&bench, |keyboard, program| {
            keyboard.write_all(typed.as_bytes()).expect("typed");
            kill_process(program, signal).expect("sent");
        });
        assert!(back, "{signal:?}: the terminal does not echo: {shown}");
        assert_eq!(status.signal(), Some(signal.as_raw()), "{signal:?}: {status:?} {shown}");
        assert!(!shown.contains(typed), "{shown}");
        assert_eq!(bench.sandbox().changes(), []);
    });
}

#[test]
fn ctrl_c_at_the_prompt_gives_the_echo_back_and_ends_as_a_signal_does() {
    let bench = Bench::new();
    let (status, shown, back) = asked(&bench, |keyboard, _| keyboard.write_all(b"Zq7-halb\x03").expect("typed"));
    assert!(back && status.code() == Some(130), "{status:?} {shown}");
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn a_signal_after_the_prompt_ends_the_program_too() {
    let bench = Bench::new();
    // The plan's reads hang, so the signal meets the program between prompt and run.
    bench.sandbox().fault(&serde_json::json!({ "operation": "read", "fault": "stall", "times": 9 }));
    let typed = bench.secret(crate::bench::PASSWORD);
    let (status, shown, back) = asked(&bench, |keyboard, program| {
        keyboard.write_all(format!("{typed}\r{typed}\r").as_bytes()).expect("typed");
        while bench.sandbox().arrived() == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        kill_process(program, Signal::TERM).expect("sent");
    });
    assert!(back && status.signal() == Some(Signal::TERM.as_raw()), "{status:?} {shown}");
    assert!(!shown.contains(typed), "{shown}");
}
