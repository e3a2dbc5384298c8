//! Signals at any moment: no order after the first, a way to go on, and a second one that is obeyed at once.

use crate::asked::{self, repeat};
use crate::bench::{Bench, FLEETS, Fleet, ONE, side_by_side};
use crate::judge::{Tally, events, judge};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reinstall::sandbox::Operation;
use reinstall::sandbox::faults::{Cut, Fault, Rule};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Output};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const KINDS: [(&str, Signal, i32); 3] =
    [("SIGINT", Signal::INT, 130), ("SIGTERM", Signal::TERM, 143), ("SIGHUP", Signal::HUP, 143)];

fn send(process: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(process.id()).expect("an id")).expect("an id");
    // A process that has ended by itself is not reaped yet, so its id is nobody else's.
    kill_process(id, signal).expect("the signal is sent");
}

/// Milliseconds that things took, for the benchmark of the long form.
#[derive(Default)]
struct Times(Mutex<Vec<u128>>);

impl Times {
    fn took(&self, time: Duration) {
        self.0.lock().expect("the times").push(time.as_millis());
    }

    fn told(&self) -> String {
        let mut times = self.0.lock().expect("the times").clone();
        times.sort_unstable();
        match (times.first(), times.get(times.len() / 2), times.last()) {
            (Some(least), Some(middle), Some(most)) => {
                format!("{} times: {least} / {middle} / {most} ms (least / median / most)", times.len())
            }
            _ => "never".to_owned(),
        }
    }
}

/// What was measured.
#[derive(Default)]
struct Measured {
    message: Times,
    end: Times,
    second: Times,
}

/// The end of a process, with the moment at which standard error first spoke of a signal.
fn ended(mut process: Child) -> (Output, Option<Instant>) {
    let errors = process.stderr.take().expect("its errors");
    let reading = thread::spawn(move || {
        let (mut text, mut spoken) = (Vec::new(), None);
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            spoken = spoken.or_else(|| line.contains("stopped by").then(Instant::now));
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        (text, spoken)
    });
    let mut output = process.wait_with_output().expect("its end");
    let (text, spoken) = reading.join().expect("its errors");
    output.stderr = text;
    (output, spoken)
}

const FAMILY: &str = "signal";

/// The fleet that this seed chooses first, and what chooses the rest.
fn chosen(seed: usize) -> (Fleet, StdRng) {
    let mut dice = StdRng::seed_from_u64(seed as u64);
    (FLEETS[dice.random_range(0..FLEETS.len())], dice)
}

/// One run that gets a signal, or two, at a moment that the seed chooses.
fn at_random(seed: usize, tally: &Tally, measured: &Measured) {
    let (fleet, mut dice) = chosen(seed);
    let (name, signal, code) = KINDS[dice.random_range(0..KINDS.len())];
    let (after, twice) = (dice.random_range(0..2500), dice.random_bool(0.5).then(|| dice.random_range(0..20)));
    let told = format!("seed {seed}: {} gets {name} after {after} ms, again after {twice:?}", fleet.provider);
    let bench = Bench::new();
    let process = bench.command(&fleet.order()).spawn().expect("the program runs");
    let id = process.id();
    let watching = thread::spawn(move || ended(process));
    thread::sleep(Duration::from_millis(after));
    let pid = Pid::from_raw(i32::try_from(id).expect("an id")).expect("an id");
    let first = Instant::now();
    if watching.is_finished() || kill_process(pid, signal).is_err() {
        tally.count("(had ended)");
        return;
    }
    let mut second = None;
    if let Some(pause) = twice {
        thread::sleep(Duration::from_millis(pause));
        if !watching.is_finished() && kill_process(pid, signal).is_ok() {
            second = Some(Instant::now());
        }
    }
    let (output, spoken) = watching.join().expect("its end");
    let ended_at = Instant::now();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let events = events(&bench);
    let at = events.iter().position(|event| event["event"] == "signalled");
    match (output.status.code(), at) {
        // Before a run began a signal has its usual effect, and nothing was sent.
        (None, None) => {
            assert_eq!(bench.changes(), 0, "{told}: {err}");
            tally.count("(before the run)");
        }
        (Some(0), None) => tally.count("(had ended)"),
        (Some(got), Some(at)) => {
            assert_eq!(got, code, "{told}: {err}");
            let changing = ["order_intent", "power_off", "power_on"];
            let later = events[at..].iter().find(|event| changing.iter().any(|word| event["event"] == *word));
            assert_eq!(later, None, "{told}: something was asked of a server after the signal");
            let run = events[0]["run"].as_str().expect("a run");
            // A second signal may cut the farewell short, never the first message.
            assert!(second.is_some() || err.contains(&format!("reinstall resume {run}")), "{told}: {err}");
            if let Some(spoken) = spoken {
                measured.message.took(spoken.saturating_duration_since(first));
            } else {
                assert!(second.is_some(), "{told}: nothing was said: {err}");
            }
            match second {
                None => measured.end.took(ended_at - first),
                Some(second) if spoken.is_some_and(|spoken| spoken < second) => measured.second.took(ended_at - second),
                // Two that come before the first is heard are one to the kernel, and to the program.
                Some(_) => tally.count("(two as one)"),
            }
            if second.is_none() {
                assert!(err.contains("What was ordered goes on at the provider"), "{told}: {err}");
                let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
                assert_eq!(report["targets"].as_array().map(Vec::len), Some(fleet.servers.len()), "{told}");
            }
            tally.count(if second.is_some() { "(twice)" } else { "(once)" });
        }
        other => panic!("{told}: {other:?}: {err}"),
    }
    judge(&bench, fleet, tally);
}

fn hold(seeds: impl Iterator<Item = usize>) {
    let seeds: Vec<usize> = seeds.collect();
    let (tally, measured, count) = (Tally::default(), Measured::default(), seeds.len());
    side_by_side(seeds, |&seed| repeat(chosen(seed).0, FAMILY, seed), |&seed| at_random(seed, &tally, &measured));
    println!("{count} runs signalled: {}", tally.told());
    println!("first message: {}", measured.message.told());
    println!("end after one signal: {}", measured.end.told());
    println!("end after the second: {}", measured.second.told());
}

#[test]
fn after_a_signal_at_any_moment_nothing_is_ordered_and_resume_ends_it_with_one_wipe_each() {
    hold(1..13);
}

#[test]
#[ignore = "hundreds of moments: minutes; run by ./check kill"]
fn after_a_signal_at_hundreds_of_moments_nothing_is_ordered_and_resume_ends_it_with_one_wipe_each() {
    if asked::family(FAMILY) {
        let most = asked::number().unwrap_or(300);
        hold((1..=most).filter(|&seed| asked::case(chosen(seed).0, FAMILY, seed)));
    }
}

/// A run whose order is on the wire and gets no answer.
fn stalled(bench: &Bench) -> Child {
    bench.sandbox.add_fault(Rule::new(Fault::Stall(Cut { bytes: 0, after_head: false })).on(Operation::Reinstall));
    let process = bench.command(&ONE.order()).spawn().expect("the program runs");
    while bench.orders(ONE.servers[0]) == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    process
}

#[test]
fn an_order_on_the_wire_is_waited_for_a_few_seconds_and_a_second_signal_cuts_that_short() {
    let bench = Bench::new();
    let process = stalled(&bench);
    let first = Instant::now();
    send(&process, Signal::TERM);
    let (output, _) = ended(process);
    let waited = first.elapsed();
    assert_eq!(output.status.code(), Some(143));
    assert!(waited >= Duration::from_millis(4900), "an answer may still come: {waited:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(
        (&report["targets"][0]["verdict"], &report["targets"][0]["orders_sent"]),
        (&"unverified".into(), &1.into())
    );

    let bench = Bench::new();
    let process = stalled(&bench);
    send(&process, Signal::INT);
    // The first one is in the journal before the second is sent: two at once are one to the kernel.
    while !events(&bench).iter().any(|event| event["event"] == "signalled") {
        thread::sleep(Duration::from_millis(1));
    }
    let second = Instant::now();
    send(&process, Signal::INT);
    let (output, _) = ended(process);
    let took = second.elapsed();
    assert_eq!(output.status.code(), Some(130));
    println!("a send under way: left {waited:?} after one signal, {took:?} after the second");
    assert!(took < Duration::from_secs(4), "it did not wait for the answer: {took:?}");
    judge(&bench, ONE, &Tally::default());
}

/// The lines of a stream as they come.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.for_each(|line| tell.send(line).unwrap_or_default());
    });
    told
}

#[test]
fn a_program_that_hangs_in_a_write_tells_of_a_signal_and_a_second_one_ends_it() {
    let bench = Bench::new();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // As much as a pipe holds.
    writer.write_all(&[b'-'; 65536]).expect("room");
    let mut process = bench.command(&ONE.call(&["-o", "jsonl"])).stdout(writer).spawn().expect("the program runs");
    let told = lines(process.stderr.take().expect("its errors"));
    // Its first line hangs in the pipe; the journal has the record by then.
    while events(&bench).is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(300));
    let first = Instant::now();
    send(&process, Signal::INT);
    let line = || told.recv_timeout(Duration::from_secs(20)).expect("it hangs, and says nothing of the signal");
    while !line().contains("stopped by SIGINT") {}
    println!("a program that hangs: told {:?} after the signal", first.elapsed());
    let run = events(&bench)[0]["run"].as_str().expect("a run").to_owned();
    let next = line();
    assert!(next.contains(&format!("reinstall resume {run}")), "{next}");
    let second = Instant::now();
    send(&process, Signal::INT);
    let code = process.wait().expect("its end").code();
    println!("a program that hangs: left {:?} after the second signal", second.elapsed());
    assert_eq!(code, Some(130));
    assert_eq!(bench.changes(), 0, "nothing leaves while its intent cannot be told");
    drop(reader);
}
