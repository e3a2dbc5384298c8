//! A process that is stopped and goes on much later: a suspended laptop, a debugger, a frozen container.

use crate::asked;
use crate::bench::{Bench, ONE, Ran};
use crate::judge::{Tally, events, report};
use crate::strace::{Injection, calls, sees};
use rustix::process::{Pid, Signal, kill_process};
use std::thread;
use std::time::Duration;

pub(crate) fn signal(process: u32, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(process).expect("an id")).expect("an id");
    kill_process(id, signal).expect("the signal is sent");
}

/// Waits until the journal has this event.
fn until(bench: &Bench, word: &str) {
    while !events(bench).iter().any(|event| event["event"] == word) {
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_process_that_was_stopped_past_its_deadline_looks_before_it_judges() {
    let bench = Bench::in_real_time();
    let process = bench.command(&ONE.call(&["-o", "json", "--timeout", "3s"])).spawn().expect("the program runs");
    until(&bench, "started");
    signal(process.id(), Signal::STOP);
    // Past the deadline, and more than the five seconds by which a suspension is told from a slow machine.
    thread::sleep(Duration::from_secs(7));
    signal(process.id(), Signal::CONT);
    let ran = bench.end(process);
    assert_eq!(ran.code, Some(0), "the install ended while the process was stopped: {ran:#?}");
    report(&bench, ONE, &ran, &Tally::default());
}

/// Stops the process for so long at the Nth system call of this kind, and lets it go on.
fn stopped_at(call: &str, at: usize, pause: Duration) -> (Bench, Ran) {
    let bench = Bench::in_real_time();
    let stop = Injection { call: call.to_owned(), what: "signal=STOP", at };
    let strace = bench.command(&stop.during(&bench, ONE.order())).spawn().expect("strace runs");
    until(&bench, "order_intent");
    thread::sleep(pause);
    let children = format!("/proc/{0}/task/{0}/children", strace.id());
    let children = std::fs::read_to_string(children).expect("the traced process");
    signal(children.trim().parse().expect("an id"), Signal::CONT);
    let ran = bench.end(strace);
    (bench, ran)
}

#[test]
#[ignore = "really stops for longer than a permit lives; run by ./check kill"]
fn an_order_whose_permit_ran_out_while_the_process_was_stopped_does_not_leave() {
    if !asked::family("pause") || !sees() {
        return;
    }
    // The sync of the intent: the permit was given right before it and is checked after it.
    let (calls, _) = calls(&Bench::new(), Some("write,fdatasync"), ONE.order());
    let behind = calls.iter().skip_while(|made| !made.line.contains("order_intent"));
    let sync = behind.into_iter().find(|made| made.call == "fdatasync").expect("the sync of an intent");
    let (bench, ran) = stopped_at("fdatasync", sync.number, Duration::from_secs(35));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let events = events(&bench);
    let words: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let unsent = events.iter().find(|event| event["event"] == "order_unsent").expect("the first order was void");
    assert_eq!(unsent["error"]["kind"], "permit_void", "{words:?}");
    assert_eq!(words.iter().filter(|&&word| word == "order_intent").count(), 2, "a new permit: {words:?}");
    assert_eq!((bench.orders(ONE.servers[0]), bench.wiped(ONE.servers[0])), (1, 1));
    report(&bench, ONE, &ran, &Tally::default());
}
