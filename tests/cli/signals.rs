//! Signals: the program leaves within seconds, says how to go on, and going on works.

use crate::artefacts::Artefacts;
use crate::bench::{BMC, Bench, Product, Ran, each};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call that is under way, with `--output jsonl`. Killed when it is dropped.
pub(crate) struct Running {
    process: Child,
    output: Option<BufReader<ChildStdout>>,
    seen: Vec<String>,
    artefacts: Arc<Artefacts>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    pub(crate) fn start<S: AsRef<OsStr>>(bench: &Bench, arguments: &[S]) -> Self {
        Self::of(bench, bench.command(arguments))
    }

    /// The same by a command of the test's own.
    pub(crate) fn of(bench: &Bench, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program runs");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        Self { process, output: Some(output), seen: Vec::new(), artefacts: bench.artefacts() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Reads until this event; returns its line.
    pub(crate) fn until(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            let read = self.output.as_mut().expect("a reader").read_line(&mut line).expect("a line");
            assert!(read > 0, "it ended before `{event}`: {:?}", self.seen);
            let value: Value = serde_json::from_str(&line).expect("JSON");
            self.seen.push(line);
            if value["event"] == event {
                return value;
            }
        }
    }

    /// Reads no further, so that its output leads nowhere, and waits for its end.
    pub(crate) fn left_alone(mut self) -> Ran {
        self.output = None;
        self.end()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.id()).expect("an id")).expect("an id");
        kill_process(process, signal).expect("the signal is sent");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let (mut out, mut err) = (self.seen.concat(), String::new());
        if let Some(output) = &mut self.output {
            output.read_to_string(&mut out).expect("UTF-8");
        }
        self.process.stderr.take().expect("its errors").read_to_string(&mut err).expect("UTF-8");
        self.artefacts.keep("out", out.as_bytes());
        self.artefacts.keep("err", err.as_bytes());
        let code = self.process.wait().expect("its end").code();
        Ran { code, out, err }
    }
}

/// Starts a reinstall that takes long enough to be interrupted, and waits until its order is accepted.
fn under_way(bench: &Bench, product: Product) -> (Running, String) {
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 6000 }));
    let mut running = Running::start(bench, &bench.order(product, &[product.ready], &["-o", "jsonl"]));
    let run = running.until("order_accepted")["run"].as_str().expect("a run").to_owned();
    (running, run)
}

#[test]
fn a_signal_ends_it_within_seconds_with_its_code_and_resume_goes_on() {
    each([(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 143)], |(signal, code)| {
        let bench = Bench::new();
        let (running, run) = under_way(&bench, BMC);
        let asked = Instant::now();
        running.signal(signal);
        let ran = running.end().ended(code);
        assert!(asked.elapsed() < Duration::from_millis(5500), "in {:?}", asked.elapsed());
        assert!(ran.err.contains(&format!("reinstall resume {run}")), "{}", ran.err);
        let report: Value = ran.lines().pop().expect("a report");
        assert_eq!((&report["exit_code"], &report["counts"]["total"]), (&json!(code), &json!(1)), "{report}");
        assert!(report["targets"][0]["error"]["next_step"].as_str().is_some_and(|step| step.contains("resume")));
        let listed = bench.run(&["runs", "-o", "json"]).ended(0).json();
        assert_eq!((&listed["runs"][0]["run"], &listed["runs"][0]["state"]), (&json!(run), &json!("unfinished")));
        // The password is needed no more: the order is out.
        let again = bench.run(&["resume", "-o", "json"]).ended(0);
        assert_eq!((again.verdicts(), &again.json()["run"]), (vec!["succeeded".to_owned()], &json!(run)));
        assert_eq!((bench.sandbox().orders(), bench.sandbox().wiped(BMC.ready)), (1, 1));
    });
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "stall" }));
    let mut running = Running::start(&bench, &bench.order(BMC, &[BMC.ready], &["-o", "jsonl"]));
    running.until("order_intent");
    while bench.sandbox().orders() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal(Signal::INT);
    running.until("signalled");
    let asked = Instant::now();
    running.signal(Signal::INT);
    let ran = running.end().ended(130);
    assert!(asked.elapsed() < Duration::from_secs(3), "in {:?}", asked.elapsed());
    let report = ran.lines().pop().expect("a report");
    assert_eq!(report["targets"][0]["verdict"], "unverified", "the order was on its way: {report}");
    assert_eq!(report["targets"][0]["orders_sent"], 1);
}

#[test]
fn a_signal_before_the_order_leaves_nothing_behind_that_was_sent() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "throttle", "retry_after": 60 }));
    let mut running = Running::start(&bench, &bench.order(BMC, &[BMC.ready], &["-o", "jsonl"]));
    running.until("order_unsent");
    running.signal(Signal::INT);
    let ran = running.end().ended(130);
    assert_eq!(ran.lines().pop().expect("a report")["targets"][0]["verdict"], "not_started");
    assert_eq!(bench.sandbox().wiped(BMC.ready), 0);
    // Its order is still to come: the password is asked for again, by name.
    let ran = bench.run(&["resume"]).ended(2);
    assert!(ran.err.contains("--password-file"), "{}", ran.err);
    let again = bench.run(&["resume", "--password-file", "pw", "-o", "json"]).ended(0);
    assert_eq!(again.verdicts(), ["succeeded"]);
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
}
