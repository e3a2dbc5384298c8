//! Takes an interrupted run up again and holds the outcome to the promise.

use crate::bench::{Bench, Fleet, Ran, program};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

/// How many servers ended with which verdict, over many cases.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<String, usize>>);

impl Tally {
    pub(crate) fn count(&self, word: &str) {
        *self.0.lock().expect("the tally").entry(word.to_owned()).or_default() += 1;
    }

    pub(crate) fn told(&self) -> String {
        let tally = self.0.lock().expect("the tally");
        tally.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<_>>().join(", ")
    }
}

/// The call that goes on with the only unfinished run.
pub(crate) fn resume() -> Vec<String> {
    program(&["resume", "--password-file", "pw", "--start-window", "2s", "--timeout", "20s", "-o", "json"])
}

/// Resumes what was cut off and judges it.
pub(crate) fn judge(bench: &Bench, fleet: Fleet, tally: &Tally) {
    for server in fleet.servers {
        assert!(bench.wiped(server) <= 1, "{server} was wiped {} times before the resume", bench.wiped(server));
    }
    if bench.journal().is_none() {
        assert_eq!(bench.changes(), 0, "something was sent without a journal");
        assert_eq!(bench.claims().len(), 0, "a claim without a journal");
        tally.count("(no run yet)");
        return;
    }
    let ran = bench.run(&resume());
    if ran.code == Some(2) && ran.err.contains("no unfinished run") {
        let verdicts = recorded(bench);
        for &id in fleet.servers {
            let verdict = verdicts.get(id).unwrap_or_else(|| panic!("{id} is lost: {verdicts:?}"));
            due(id, verdict, bench.wiped(id));
        }
        assert_eq!(bench.claims().len(), 0, "a claim of a run that has ended");
        tally.count("(had ended)");
    } else if ran.out.is_empty() {
        assert_eq!(ran.code, Some(5), "{ran:#?}");
        assert!(ran.err.contains("nothing was sent"), "{ran:#?}");
        assert_eq!(bench.changes(), 0, "{ran:#?}");
        assert_eq!(bench.claims().len(), 0, "{ran:#?}");
        tally.count("(not confirmed yet)");
    } else {
        report(bench, fleet, &ran, tally);
    }
}

/// Holds a whole report to what the emulator counted: verdicts, journal, exit code, claims.
pub(crate) fn report(bench: &Bench, fleet: Fleet, ran: &Ran, tally: &Tally) {
    let (verdicts, code) = truth(bench, fleet, ran, tally);
    let recorded = recorded(bench);
    for (id, verdict) in verdicts {
        assert_eq!(recorded.get(&id), Some(&verdict), "{id}: the journal tells another verdict");
    }
    assert_eq!(ran.code, Some(code), "{ran:#?}");
    assert_eq!(bench.claims().len(), 0, "a claim after the end: {ran:#?}");
}

/// Holds the verdicts of a report to what the emulator counted. Returns them, and the exit code that they ask for.
pub(crate) fn truth(bench: &Bench, fleet: Fleet, ran: &Ran, tally: &Tally) -> (BTreeMap<String, String>, i32) {
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{why}: {ran:#?}"));
    let targets = report["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), fleet.servers.len(), "each server exactly once: {ran:#?}");
    let mut codes = Vec::new();
    let mut verdicts = BTreeMap::new();
    for id in fleet.servers {
        let target =
            targets.iter().find(|target| target["instance"] == *id).unwrap_or_else(|| panic!("{id} is lost: {ran:#?}"));
        let (wiped, orders) = (bench.wiped(id), bench.orders(id));
        let verdict = target["verdict"].as_str().expect("a verdict");
        assert!(wiped <= 1 && orders <= 1, "{id}: {orders} orders, {wiped} wipes: {ran:#?}");
        assert!(target["orders_sent"].as_u64().is_some_and(|sent| sent >= u64::from(wiped)), "{id}: {ran:#?}");
        codes.extend(due(id, verdict, wiped));
        verdicts.insert((*id).to_owned(), verdict.to_owned());
        tally.count(verdict);
    }
    // `unverified` before `timed_out` before `skipped` and `not_started`.
    let code = [4, 3, 5].into_iter().find(|code| codes.contains(code)).unwrap_or(0);
    assert_eq!(report["exit_code"].as_i64(), ran.code.map(i64::from), "{ran:#?}");
    (verdicts, code)
}

/// Holds one verdict to how often the server was wiped; returns the exit code that it asks for.
fn due(id: &str, verdict: &str, wiped: u32) -> Option<i32> {
    match (verdict, wiped) {
        ("succeeded", 1) => None,
        ("skipped" | "not_started", 0) => Some(5),
        ("unverified", 0 | 1) => Some(4),
        ("timed_out", 0 | 1) => Some(3),
        _ => panic!("{id}: nothing went wrong at the provider, it was wiped {wiped} times, and yet {verdict}"),
    }
}

/// Events of the journal, as they stand in the file.
pub(crate) fn events(bench: &Bench) -> Vec<Value> {
    let text = bench.journal().map(|path| fs::read_to_string(path).expect("the journal")).unwrap_or_default();
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Each server's last verdict in the journal.
fn recorded(bench: &Bench) -> BTreeMap<String, String> {
    let events = events(bench);
    let verdicts = events.iter().filter(|event| event["event"] == "verdict");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    verdicts.map(|event| (text(&event["instance"]), text(&event["verdict"]))).collect()
}
