//! A disk that fails: what could not be made durable is not sent, nothing follows it, and what was sent is watched.

use crate::asked::{self, repeat};
use crate::bench::{Bench, FLEETS, Fleet, ONE, Ran, ZENLAYER, left_out, program, side_by_side, spread};
use crate::judge::{Tally, events, judge, report, truth};
use crate::strace::{Injection, Made, calls, sees};
use serde_json::Value;
use std::collections::BTreeMap;

/// The system calls by which journals and claims are made and written.
const DISK: [&str; 9] = ["write", "fsync", "fdatasync", "fallocate", "open", "openat", "mkdir", "mkdirat", "linkat"];
/// In the path of every journal and claim.
const STATE: &str = "/state/reinstall/";

/// One error at one such call.
struct Failure {
    fleet: Fleet,
    call: String,
    at: usize,
    error: &'static str,
}

/// How often a moment is tried until it meets journal or claim.
const TRIES: usize = 4;
const ERRORS: [&str; 2] = ["error=EIO", "error=ENOSPC"];

fn family_of(call: &str) -> String {
    format!("disk-{call}")
}

impl Failure {
    fn named(&self) -> String {
        format!("{}  # {}", repeat(self.fleet, &family_of(&self.call), self.at), self.error)
    }

    fn hold(&self, tally: &Tally) {
        // No two runs make the very same calls, and it may meet another file, such as the runtime's own.
        for _ in 0..TRIES {
            let bench = Bench::new();
            let injection = Injection { call: self.call.clone(), what: self.error, at: self.at };
            let ran = bench.run(&injection.during(&bench, self.fleet.order()));
            if injection.met(&bench, STATE) {
                return self.met(&bench, &ran, tally);
            }
            judge(&bench, self.fleet, &Tally::default());
        }
        tally.count("(another file)");
    }

    /// What came of a run whose journal or claim could not be written.
    fn met(&self, bench: &Bench, ran: &Ran, tally: &Tally) {
        if ran.code == Some(0) {
            // What fails without harm: a file that may be missing, room that cannot be kept.
            tally.count("(no harm)");
            report(bench, self.fleet, ran, tally);
            return;
        }
        assert_eq!(ran.code, Some(74), "{ran:#?}");
        let told = format!("{ran:#?}");
        assert!(ran.err.contains("error") || ran.err.contains("cannot write"), "{told}");
        let events = events(bench);
        let intents = |id: &str| {
            let own = events.iter().filter(|event| event["instance"] == id && event["event"] == "order_intent");
            own.map(|event| event["seq"].as_u64().expect("a number")).collect::<Vec<_>>()
        };
        // Nothing is written behind the failure, so the record that could not be made durable is the last one.
        let last = events.last().and_then(|event| event["seq"].as_u64()).unwrap_or(0);
        for id in self.fleet.servers {
            let durable = intents(id).iter().filter(|&&seq| !self.call.ends_with("sync") || seq < last).count();
            assert!(
                bench.orders(id) <= durable,
                "{id}: {} orders, {durable} durable intents: {told}",
                bench.orders(id)
            );
        }
        if !ran.out.is_empty() {
            // What was sent before is watched to its end all the same.
            truth(bench, self.fleet, ran, tally);
        }
        tally.count("(exit 74)");
        judge(bench, self.fleet, tally);
    }
}

/// Failures of each kind and fleet: both errors at every call, or one at some.
fn failures(fleets: &[Fleet], all: bool) -> Vec<Failure> {
    let mut failures = Vec::new();
    for &fleet in fleets {
        let bench = Bench::new();
        let (made, ran) = calls(&bench, None, fleet.order());
        report(&bench, fleet, &ran, &Tally::default());
        let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for Made { call, number, line } in made {
            if DISK.contains(&call.as_str()) && line.contains(STATE) {
                kinds.entry(call).or_default().push(number);
            }
        }
        for (turn, (call, own)) in kinds.into_iter().enumerate() {
            println!("{}: {} calls of {call} on journal and claims", fleet.provider, own.len());
            let places = if all { (1..=own.len()).collect() } else { spread(own.len(), 1 + own.len() / 15) };
            for (place, other) in places.into_iter().zip(turn..) {
                let errors = if all { &ERRORS[..] } else { &ERRORS[other % 2..][..1] };
                let one = |error| Failure { fleet, call: call.clone(), at: own[place - 1], error };
                failures.extend(errors.iter().copied().map(one));
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
    if sees() {
        hold(failures(&[ZENLAYER], false));
    }
}

#[test]
#[ignore = "every call: minutes; run by ./check kill"]
fn no_record_that_cannot_be_kept_lets_an_order_follow() {
    if asked::family_like(|family| family.starts_with("disk-")) && sees() {
        let fleets: Vec<Fleet> = FLEETS.into_iter().filter(|fleet| asked::fleet(*fleet)).collect();
        let mut failures = failures(&fleets, true);
        failures.retain(|failure| asked::case(failure.fleet, &family_of(&failure.call), failure.at));
        hold(failures);
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
        left_out("a full disk, since none can be mounted here");
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
