//! Killed at what happens around it: at each step of each exchange, and at each record of the journal. Needs nothing
//! but the program, so it also stands in where strace cannot be had.

use crate::asked::{self, repeat};
use crate::bench::{Bench, Fleet, of_each_fleet, side_by_side, spread};
use crate::judge::{Tally, events, judge};
use crate::wire::Relay;
use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;
use std::time::Duration;

const EXCHANGE: &str = "exchange";
const RECORD: &str = "record";

/// Runs the fleet before a relay that kills it at this event (0: never). Returns the bench, whether it was killed, and
/// the events that there were.
pub(crate) fn killed_at_exchange(fleet: Fleet, at: usize) -> (Bench, bool, usize) {
    let mut bench = Bench::new();
    let relay = Relay::start(bench.sandbox.address(), at);
    bench.through(relay.url());
    let process = bench.command(&fleet.order()).spawn().expect("the program runs");
    relay.aim_at(process.id());
    let ran = bench.end(process);
    let events = relay.disarm();
    (bench, ran.code.is_none(), events)
}

/// Kills the process as soon as the journal has so many records; whether it came to that.
fn kill_at_record(bench: &Bench, process: &mut Child, at: usize) -> bool {
    let records = || {
        bench
            .journal()
            .and_then(|path| std::fs::read(path).ok())
            .map_or(0, |text| text.iter().filter(|&&byte| byte == b'\n').count())
    };
    loop {
        if process.try_wait().expect("its state").is_some() {
            return false;
        }
        if records() >= at {
            let id = Pid::from_raw(i32::try_from(process.id()).expect("an id")).expect("an id");
            return kill_process(id, Signal::KILL).is_ok();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Every moment of every fleet that is asked for.
fn flat(moments: Vec<(Fleet, Vec<usize>)>, family: &str) -> Vec<(Fleet, usize)> {
    let each = moments.into_iter().flat_map(|(fleet, moments)| moments.into_iter().map(move |at| (fleet, at)));
    each.filter(|&(fleet, at)| asked::case(fleet, family, at)).collect()
}

fn at_exchanges(sample: Option<usize>) {
    let cases = of_each_fleet(|fleet| {
        let (bench, _, most) = killed_at_exchange(fleet, 0);
        assert!(fleet.servers.iter().all(|id| bench.wiped(id) == 1), "a run that nobody kills reinstalls every server");
        println!("{}: {most} events of exchanges", fleet.provider);
        sample.map_or_else(|| (1..=most).collect(), |count| spread(most, count))
    });
    let cases = flat(cases, EXCHANGE);
    let (tally, count) = (Tally::default(), cases.len());
    side_by_side(
        cases,
        |&(fleet, at)| repeat(fleet, EXCHANGE, at),
        |&(fleet, at)| {
            let (bench, killed, _) = killed_at_exchange(fleet, at);
            tally.count(if killed { "(killed)" } else { "(not hit)" });
            judge(&bench, fleet, &tally);
        },
    );
    println!("{count} kills at exchanges: {}", tally.told());
}

fn at_records(sample: Option<usize>) {
    let cases = of_each_fleet(|fleet| {
        let bench = Bench::new();
        assert_eq!(bench.run(&fleet.order()).code, Some(0));
        let most = events(&bench).len();
        println!("{}: {most} records", fleet.provider);
        sample.map_or_else(|| (1..=most).collect(), |count| spread(most, count))
    });
    let cases = flat(cases, RECORD);
    let (tally, count) = (Tally::default(), cases.len());
    side_by_side(
        cases,
        |&(fleet, at)| repeat(fleet, RECORD, at),
        |&(fleet, at)| {
            let bench = Bench::new();
            let mut process = bench.command(&fleet.order()).spawn().expect("the program runs");
            let killed = kill_at_record(&bench, &mut process, at);
            bench.end(process);
            tally.count(if killed { "(killed)" } else { "(not hit)" });
            judge(&bench, fleet, &tally);
        },
    );
    println!("{count} kills at records: {}", tally.told());
}

#[test]
fn a_run_killed_at_an_exchange_wipes_no_server_twice_and_loses_none() {
    at_exchanges(Some(6));
}

#[test]
fn a_run_killed_at_a_record_wipes_no_server_twice_and_loses_none() {
    at_records(Some(4));
}

#[test]
#[ignore = "every moment: minutes; run by ./check kill"]
fn a_run_killed_at_every_exchange_wipes_no_server_twice_and_loses_none() {
    if asked::family(EXCHANGE) {
        at_exchanges(None);
    }
}

#[test]
#[ignore = "every moment: minutes; run by ./check kill"]
fn a_run_killed_at_every_record_wipes_no_server_twice_and_loses_none() {
    if asked::family(RECORD) {
        at_records(None);
    }
}
