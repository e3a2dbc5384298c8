//! A disk that fails: what could not be made durable is not sent, nothing follows it, and what was sent is watched.

use crate::asked::{self, repeat};
use crate::bench::{Bench, FLEETS, Fleet, ONE, Ran, ZENLAYER, program, side_by_side, spread};
use crate::judge::{Tally, events, judge, report, truth};
use crate::strace::{Family, Injection, calls, sees};
use serde_json::Value;

/// The system calls by which journals and claims are written.
const DISK: [Family; 3] = [
    Family { name: "disk-write", calls: "write" },
    Family { name: "disk-sync", calls: "fsync,fdatasync" },
    Family { name: "disk-names", calls: "?open,openat,?mkdir,mkdirat,?link,linkat,?fallocate" },
];
/// In the path of every journal and claim.
const STATE: &str = "/state/reinstall/";

/// One error at one such call.
struct Failure {
    fleet: Fleet,
    family: Family,
    at: usize,
    error: &'static str,
}

/// How often a moment is tried until it meets journal or claim.
const TRIES: usize = 4;
const ERRORS: [&str; 2] = ["error=EIO", "error=ENOSPC"];

impl Failure {
    fn named(&self) -> String {
        format!("{}  # {}", repeat(self.fleet, self.family.name, self.at), self.error)
    }

    fn hold(&self, tally: &Tally) {
        // No two runs make the very same calls, and it may meet another file, such as the runtime's own.
        for _ in 0..TRIES {
            let bench = Bench::new();
            let injection = Injection { family: self.family, what: self.error, at: self.at };
            let ran = bench.run(&injection.into(&bench, self.fleet.order()));
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
            let durable = intents(id).iter().filter(|&&seq| self.family.name != "disk-sync" || seq < last).count();
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

fn failures(fleets: &[Fleet], sample: Option<usize>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for &fleet in fleets {
        for family in DISK {
            let bench = Bench::new();
            let (calls, ran) = calls(&bench, family.calls, fleet.order());
            report(&bench, fleet, &ran, &Tally::default());
            let own: Vec<usize> =
                (1..).zip(calls).filter(|(_, line)| line.contains(STATE)).map(|(number, _)| number).collect();
            assert!(!own.is_empty(), "{}: no call of {} on journal and claims", fleet.provider, family.name);
            println!("{}: {} calls of {} on journal and claims", fleet.provider, own.len(), family.name);
            let places = sample.map_or_else(|| (1..=own.len()).collect(), |count| spread(own.len(), count));
            for (turn, place) in places.into_iter().enumerate() {
                let errors = if sample.is_some() { &ERRORS[turn % 2..][..1] } else { &ERRORS[..] };
                failures.extend(errors.iter().map(|error| Failure { fleet, family, at: own[place - 1], error }));
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
        hold(failures(&[ZENLAYER], Some(5)));
    }
}

#[test]
#[ignore = "every call: minutes; run by ./check kill"]
fn no_record_that_cannot_be_kept_lets_an_order_follow() {
    if DISK.iter().any(|family| asked::family(family.name)) && sees() {
        let fleets: Vec<Fleet> = FLEETS.into_iter().filter(|fleet| asked::fleet(*fleet)).collect();
        let mut failures = failures(&fleets, None);
        failures.retain(|failure| asked::case(failure.fleet, failure.family.name, failure.at));
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
        println!("left out: a full disk, since none can be mounted here");
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
