//! Two processes at once: one is stopped in the middle of its run, and another is called for the same servers, or to
//! go on with the run of the first.

use crate::asked::{self, repeat};
use crate::bench::{Bench, FLEETS, Fleet, ZENLAYER, program, side_by_side, spread};
use crate::judge::{Tally, events, resume};
use crate::pause::signal;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

const FAMILY: &str = "rival";

/// Verdict and error message of each server of a report.
fn verdicts(out: &str) -> BTreeMap<String, (String, String)> {
    let report: Value = serde_json::from_str(out).unwrap_or_else(|why| panic!("{why}: {out}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let targets = report["targets"].as_array().expect("targets");
    targets
        .iter()
        .map(|target| (text(&target["instance"]), (text(&target["verdict"]), text(&target["error"]["message"]))))
        .collect()
}

/// Stops the first process once its journal has so many records, calls the others, and lets it go on.
fn hold(fleet: Fleet, at: usize, tally: &Tally) {
    let bench = Bench::new();
    let mut first = bench.command(&fleet.order()).spawn().expect("the program runs");
    while events(&bench).len() < at && first.try_wait().expect("its state").is_none() {
        thread::sleep(Duration::from_micros(200));
    }
    if first.try_wait().expect("its state").is_some() {
        tally.count("(had ended)");
        return;
    }
    let pid = first.id();
    signal(pid, Signal::STOP);
    let run = events(&bench)[0]["run"].as_str().expect("a run").to_owned();
    let told = |text: &str| text.contains(&run) && text.contains(&format!("process {pid} on "));

    let ended = events(&bench).iter().any(|event| event["event"] == "run_closed");
    let claimed = bench.claims().len();
    let second = bench.run(&fleet.order());
    let resumed = bench.run(&[resume(), vec![run.clone()]].concat());
    if !ended {
        assert_eq!(resumed.code, Some(5), "{resumed:#?}");
        assert!(claimed == 0 || told(&resumed.err), "the resume names run and process: {resumed:#?}");
        let any = bench.run(&program(&["resume"]));
        assert!(any.err.contains("no unfinished run"), "it is not taken for one that was left: {any:#?}");
    }
    signal(pid, Signal::CONT);
    let first = bench.end(first);
    assert_eq!(first.code, Some(0), "{first:#?}");

    let (mine, theirs) = (verdicts(&first.out), verdicts(&second.out));
    assert_eq!((mine.len(), theirs.len()), (fleet.servers.len(), fleet.servers.len()));
    for &id in fleet.servers {
        let (verdict, message) = &theirs[id];
        let wiped = match verdict.as_str() {
            // The first run had ended with it, or it was being reinstalled.
            "succeeded" => 2,
            "skipped" => 1,
            other => panic!("{id}: {other}: {second:#?}"),
        };
        let busy = ["already", "reinstall"].iter().any(|word| message.contains(word));
        assert!(wiped == 2 || told(message) || busy, "{id}: {message}");
        assert_eq!((mine[id].0.as_str(), bench.wiped(id)), ("succeeded", wiped), "{id}: {first:#?} {second:#?}");
        tally.count(if wiped == 1 { "refused to the second" } else { "free for the second" });
    }
    assert_eq!(bench.claims().len(), 0, "claims after the end");
}

fn at_records(fleets: &[Fleet], sample: usize) {
    let mut cases = Vec::new();
    for &fleet in fleets {
        let bench = Bench::new();
        assert_eq!(bench.run(&fleet.order()).code, Some(0));
        // The last record says that the run is over.
        let moments = spread(events(&bench).len() - 1, sample);
        cases.extend(moments.into_iter().map(|at| (fleet, at)).filter(|&(fleet, at)| asked::case(fleet, FAMILY, at)));
    }
    let (tally, count) = (Tally::default(), cases.len());
    side_by_side(cases, |&(fleet, at)| repeat(fleet, FAMILY, at), |&(fleet, at)| hold(fleet, at, &tally));
    println!("{count} runs stopped while a second one came: {}", tally.told());
}

#[test]
fn a_second_run_and_a_resume_are_refused_while_the_first_process_is_only_stopped() {
    at_records(&[ZENLAYER], 4);
}

#[test]
#[ignore = "every record: minutes; run by ./check kill"]
fn a_second_run_and_a_resume_are_refused_whenever_the_first_process_is_only_stopped() {
    if asked::family(FAMILY) {
        at_records(&FLEETS, 100);
    }
}
