//! A disk that fails: what could not be made durable is not sent, nothing follows it, and what was sent is watched.

use crate::bench::{Bench, FLEETS, Fleet, ONE, ZENLAYER, program, side_by_side, spread};
use crate::judge::{Tally, events, judge, truth};
use crate::strace::{Family, calls_on, injecting, works};
use serde_json::Value;

/// The system calls by which journals and claims are written.
const DISK: [Family; 2] = [Family { name: "write", calls: "write" }, Family { name: "sync", calls: "fsync,fdatasync" }];

/// One error at one such call.
struct Failure {
    fleet: Fleet,
    family: Family,
    at: usize,
    error: &'static str,
}

impl Failure {
    fn named(&self) -> String {
        format!("{}: {} at call {} of {}", self.fleet.provider, self.error, self.at, self.family.name)
    }

    fn hold(&self, tally: &Tally) {
        let bench = Bench::new();
        let fault = format!("error={}:when={}", self.error, self.at);
        let ran = bench.run(&injecting(self.family, &fault, self.fleet.order()));
        if ran.code != Some(74) {
            // It met a call of another kind, such as a line on standard error; the run is a whole one.
            truth(&bench, self.fleet, &ran, tally);
            tally.count("(not the disk)");
            return;
        }
        let told = format!("{ran:#?}");
        assert!(ran.err.contains("error") || ran.err.contains("cannot write"), "{told}");
        let events = events(&bench);
        let intents = |id: &str| {
            let own = events.iter().filter(|event| event["instance"] == id && event["event"] == "order_intent");
            own.map(|event| event["seq"].as_u64().expect("a number")).collect::<Vec<_>>()
        };
        // Nothing is written behind the failure, so the record that could not be made durable is the last one.
        let last = events.last().and_then(|event| event["seq"].as_u64()).unwrap_or(0);
        for id in self.fleet.servers {
            let durable = intents(id).iter().filter(|&&seq| self.family.name != "sync" || seq < last).count();
            assert!(
                bench.orders(id) <= durable,
                "{id}: {} orders, {durable} durable intents: {told}",
                bench.orders(id)
            );
        }
        if !ran.out.is_empty() {
            // What was sent before is watched to its end all the same.
            truth(&bench, self.fleet, &ran, tally);
        }
        tally.count("(exit 74)");
        judge(&bench, self.fleet, tally);
    }
}

fn failures(fleets: &[Fleet], sample: Option<usize>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for &fleet in fleets {
        for family in DISK {
            let calls = calls_on(fleet, family, "/state/reinstall/");
            println!("{}: {} calls of {} on journal and claims", fleet.provider, calls.len(), family.name);
            let places = sample.map_or_else(|| (1..=calls.len()).collect(), |count| spread(calls.len(), count));
            for (turn, place) in places.into_iter().enumerate() {
                let errors: &[&str] =
                    if sample.is_some() { &["EIO", "ENOSPC"][turn % 2..][..1] } else { &["EIO", "ENOSPC"] };
                failures.extend(errors.iter().map(|error| Failure { fleet, family, at: calls[place - 1], error }));
            }
        }
    }
    failures
}

fn hold(failures: Vec<Failure>) {
    let (tally, count) = (Tally::default(), failures.len());
    side_by_side(failures, Failure::named, |failure| failure.hold(&tally));
    println!("{count} disk errors: {}", tally.told());
}

#[test]
fn a_record_that_cannot_be_kept_lets_no_order_follow() {
    if works() {
        hold(failures(&[ZENLAYER], Some(6)));
    }
}

#[test]
#[ignore = "every call: minutes; run by ./check kill"]
fn no_record_that_cannot_be_kept_lets_an_order_follow() {
    if works() {
        hold(failures(&FLEETS, None));
    }
}

/// A call on a state folder that is a disk of this size, which ends with the call.
fn on_a_disk_of(size: &str, call: Vec<String>) -> Vec<String> {
    let script = format!("mkdir -p disk && mount -t tmpfs -o size={size},mode=700 tmpfs disk && exec \"$@\"");
    let shell = ["unshare", "-m", "sh", "-c", &script, "sh"];
    let folder = ["--state-dir".to_owned(), "disk/state".to_owned()];
    shell.iter().map(|&word| word.to_owned()).chain(call).chain(folder).collect()
}

#[test]
fn a_disk_without_room_for_the_whole_run_is_refused_before_the_first_order() {
    let bench = Bench::new();
    if bench.run(&on_a_disk_of("4m", program(&["runs"]))).code != Some(0) {
        println!("skipped: a disk can only be mounted by root");
        return;
    }
    for size in ["4k", "16k", "64k"] {
        let ran = bench.run(&on_a_disk_of(size, ZENLAYER.order()));
        assert_eq!(ran.code, Some(74), "{size}: {ran:#?}");
        assert!(ran.err.contains("No space left on device"), "{size}: {ran:#?}");
        assert_eq!(bench.changes(), 0, "{size}: {ran:#?}");
    }
    let ran = bench.run(&on_a_disk_of("4m", ZENLAYER.order()));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let report: Value = serde_json::from_str(&ran.out).expect("a report");
    assert_eq!(report["counts"]["succeeded"], ZENLAYER.servers.len());
    // The room is for the run that is under way: a small one still fits.
    let one = Bench::new();
    assert_eq!(one.run(&on_a_disk_of("256k", ONE.order())).code, Some(0));
}
