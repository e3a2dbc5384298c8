//! Lost output, colour and quiet.

use crate::bench::{BMC, Bench, Ran};
use std::fs::OpenOptions;
use std::process::Stdio;

/// Runs a call with standard output somewhere else.
fn into(bench: &Bench, stdout: Stdio, arguments: &[String]) -> Ran {
    let child = bench.command(arguments).stdout(stdout).spawn().expect("the program runs");
    let output = child.wait_with_output().expect("its end");
    bench.artefacts().keep("err", &output.stderr);
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    Ran { code: output.status.code(), out: String::new(), err }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_reinstall");

/// Runs a shell with these words in the place of the program, where the program would run.
fn shell(bench: &Bench, words: &[String]) -> Ran {
    let program = bench.command::<String>(&[]);
    let mut shell = std::process::Command::new("sh");
    shell.args(words).env_clear().current_dir(program.get_current_dir().expect("a folder"));
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let output = shell.output().expect("a shell");
    bench.artefacts().keep("err", &output.stderr);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("a full device").into()
}

#[test]
fn nothing_is_ordered_for_a_reader_who_is_gone_and_the_server_stays_free() {
    let bench = Bench::new();
    for form in ["human", "json", "jsonl"] {
        let ran = into(&bench, unread(), &bench.order(BMC, &[BMC.ready], &["-o", form])).ended(74);
        assert!(ran.err.contains("bmc-demo-1") && ran.err.contains("not started"), "{form}: {}", ran.err);
        assert_eq!(bench.sandbox().changes(), [], "{form}");
    }
    let runs = bench.run(&["runs", "-o", "json"]).ended(0).json();
    for run in runs["runs"].as_array().expect("runs") {
        assert_eq!(run["state"], "ended", "{run}");
        assert_eq!(run["counts"]["not_started"], 1, "{run}");
    }
    bench.reinstall(BMC, &[BMC.ready], &[]).ended(0);
}

#[test]
fn a_full_device_is_lost_output_and_the_result_stands_on_standard_error() {
    let bench = Bench::new();
    let ran = into(&bench, full(), &bench.order(BMC, &["bmc-demo-1"], &["-o", "jsonl"])).ended(74);
    assert!(ran.err.contains("not started"), "{}", ran.err);
    assert_eq!(bench.sandbox().changes(), [], "the first line was lost before the order");
    // A report is written at the end only: what was ordered by then is watched and told.
    let ran = into(&bench, full(), &bench.order(BMC, &["bmc-demo-2"], &["-o", "json"])).ended(74);
    assert!(ran.err.contains("bmc-demo-2") && ran.err.contains("succeeded"), "{}", ran.err);
    assert_eq!(bench.sandbox().wiped("bmc-demo-2"), 1);
}

/// The two places are told apart on standard error: the cause first, then the result.
fn cause_before_result(ran: &Ran, cause: &str, result: &str) {
    let (cause, result) = (ran.err.find(cause), ran.err.rfind(result));
    assert!(cause.is_some() && cause < result, "{ran:#?}");
}

#[test]
fn lost_output_is_told_with_its_cause_and_the_result_behind_it() {
    let bench = Bench::new();
    let ran = into(&bench, full(), &bench.order(BMC, &["bmc-demo-1"], &["-o", "json"])).ended(74);
    cause_before_result(&ran, "cannot be written: No space left on device", "succeeded  bmc-demo-1");
    let ran = into(&bench, unread(), &bench.order(BMC, &["bmc-demo-2"], &["-o", "json"])).ended(74);
    cause_before_result(&ran, "error: standard output is closed", "not started  bmc-demo-2");
    assert!(!ran.err.contains("could not be recorded"), "the journal is fine: {}", ran.err);
    let ran = into(&bench, full(), &["--help".to_owned()]).ended(74);
    assert!(ran.err.contains("No space left on device"), "{}", ran.err);
}

#[test]
fn a_reader_who_leaves_after_the_first_order_stops_the_others_and_the_first_is_watched() {
    let bench = Bench::new();
    let call = bench.order(BMC, &BMC.servers, &["-o", "jsonl", "--concurrency", "1"]);
    let mut running = crate::signals::Running::start(&bench, &call);
    running.until("order_accepted");
    let ran = running.left_alone().ended(74);
    assert_eq!(bench.sandbox().orders(), 1, "{ran:#?}");
    cause_before_result(&ran, "error: standard output is closed", "succeeded");
    assert_eq!(ran.err.matches("! not started").count(), 2, "{ran:#?}");
}

#[test]
fn a_reader_that_takes_one_byte_and_leaves_is_lost_output_and_the_order_is_watched_to_its_end() {
    let bench = Bench::new();
    // Opens its pipe, and leaves for good after the first byte: `| head -c1`.
    let call = bench.order(BMC, &["bmc-demo-1"], &["-o", "jsonl"]);
    let script = "{ \"$0\" \"$@\"; echo \"exit $?\" >&2; } | head -c1";
    let ran = shell(&bench, &[vec!["-c".to_owned(), script.to_owned(), PROGRAM.to_owned()], call].concat());
    assert_eq!(ran.out, "{", "{ran:#?}");
    assert!(ran.err.ends_with("exit 74\n"), "{ran:#?}");
    let (orders, wiped) = (bench.sandbox().orders(), bench.sandbox().wiped("bmc-demo-1"));
    assert!(orders <= 1 && usize::try_from(wiped).is_ok_and(|wiped| wiped == orders), "{orders} {wiped}");
    cause_before_result(&ran, "standard output is closed", if wiped == 1 { "succeeded" } else { "not started" });
}

#[test]
fn a_standard_output_that_was_closed_or_leads_nowhere_leaves_the_result_on_standard_error() {
    let bench = Bench::new();
    let order = |server: &str, more: &[&str]| {
        let call = bench.order(BMC, &[server], &[&["-o", "json"], more].concat());
        [vec!["-c".to_owned(), "exec \"$0\" \"$@\" >&-".to_owned(), PROGRAM.to_owned()], call].concat()
    };
    let ran = shell(&bench, &order("bmc-demo-1", &[])).ended(0);
    cause_before_result(&ran, "standard output leads nowhere", "succeeded  bmc-demo-1");
    let ran = shell(&bench, &order("bmc-demo-2", &["-q"])).ended(0);
    assert_eq!(ran.err, "", "quiet, and all is well");
    // Thrown away in plain sight: open for writing alone.
    let ran = into(&bench, Stdio::null(), &bench.order(BMC, &["bmc-demo-3"], &[])).ended(0);
    assert!(!ran.err.contains("leads nowhere"), "{}", ran.err);
}

#[test]
fn every_command_says_so_when_its_output_is_lost() {
    let bench = Bench::new();
    let commands: [&[&str]; 9] = [
        &["--help"],
        &["--version"],
        &["man"],
        &["completions", "fish"],
        &["providers"],
        &["runs"],
        &["list", "-p", BMC.id],
        &["images", "-p", BMC.id],
        &["keys", "-p", BMC.id, "-o", "json"],
    ];
    for command in commands {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let ran = into(&bench, full(), &command);
        assert_eq!(ran.code, Some(74), "{command:?}: {}", ran.err);
        let ran = into(&bench, unread(), &command);
        assert_eq!(ran.code, Some(74), "{command:?}: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }
}

#[test]
fn colour_is_for_those_who_ask_and_never_in_documents() {
    let escape = '\u{1b}';
    let mut bench = Bench::new();
    let call = |bench: &Bench, more: &[&str]| bench.run(&[&["runs"], more].concat()).ended(0);
    bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=x", "-o", "human"]).ended(5);
    assert!(!call(&bench, &[]).out.contains(escape), "a pipe gets no colour");
    let verb = bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=x", "-o", "human", "--color", "always"]);
    assert!(verb.out.contains(escape), "{}", verb.out);
    let verb = bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=x", "-o", "human", "--color", "never"]);
    assert!(!verb.out.contains(escape) && !verb.err.contains(escape));
    let verb = bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=x", "-o", "json", "--color", "always"]);
    assert!(!verb.out.contains(escape), "{}", verb.out);
    bench.set("CLICOLOR_FORCE", "1");
    let verb = bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=x", "-o", "human"]);
    assert!(verb.out.contains(escape), "{}", verb.out);
    bench.set("NO_COLOR", "1");
    let verb = bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=x", "-o", "human", "--color", "auto"]);
    assert!(!verb.out.contains(escape), "{}", verb.out);
}

#[test]
fn quiet_is_silent_when_all_is_well_and_still_tells_what_went_wrong() {
    let bench = Bench::new();
    let ran = bench.reinstall(BMC, &[BMC.ready], &["-q"]).ended(0);
    assert_eq!(ran.err, "");
    let ran = bench.reinstall(BMC, &[BMC.ready], &["-q", "--expect", "name=x"]).ended(5);
    assert!(ran.err.contains("skipped"), "{}", ran.err);
    let ran = bench.reinstall(BMC, &["bmc-demo-3"], &["-vv", "-o", "json"]).ended(0);
    assert!(ran.err.contains(&bench.sandbox().url), "every request is told: {}", ran.err);
    assert_eq!(ran.out.matches("reinstall.report/1").count(), 1);
}
