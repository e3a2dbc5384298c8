//! The short form of the simulation: the promise, claim by claim, and the proof that the simulation can fail.

use super::campaign::{Tally, campaign};
use crate::flaw::Flaw;
use std::fmt::Write;
use std::sync::OnceLock;

/// Schedules of the short form: the same seeds each time, so that a failure is one of the change, not of the day.
const SHORT: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "both forms may be told their size from outside")]
    std::env::var(name).ok()?.parse().ok()
}

/// The short form, played once for all claims. `SIMULATE_SHORT` makes it shorter where the tests run many times over.
fn short() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| campaign(0, number("SIMULATE_SHORT").unwrap_or(SHORT).max(1), None, 50))
}

/// What the usual number of schedules has to reach, for as many as are played.
fn share(of: u64) -> u64 {
    of * short().schedules / SHORT
}

fn broken(tally: &Tally, rule: Option<&str>) -> String {
    let mut text = String::new();
    for (seed, of, message) in tally.broken.iter().filter(|(_, of, _)| rule.is_none_or(|rule| rule == *of)).take(10) {
        let _ = writeln!(text, "seed {seed}: {of}: {message}");
    }
    text
}

/// The rule was never broken, and often enough there was something to break it.
fn holds(rule: &'static str, least: u64) {
    let tally = short();
    let found = broken(tally, Some(rule));
    assert!(found.is_empty(), "again with SIMULATE_SEED=<seed> ./simulate --schedules 1\n{found}");
    let checked = tally.checked.get(rule).copied().unwrap_or_default();
    assert!(checked >= share(least), "{rule} was only checked {checked} times");
}

#[test]
fn i1_one_permit_carries_one_order_and_one_run_wipes_a_server_once() {
    holds("I1", 10_000);
}

#[test]
fn i2_no_order_leaves_before_its_intent_is_on_stable_storage() {
    holds("I2", 10_000);
}

#[test]
fn i3_succeeded_and_failed_are_proven_and_true() {
    holds("I3", 10_000);
}

#[test]
fn i4_a_read_error_is_never_a_verdict() {
    holds("I4", 5_000);
}

#[test]
fn i5_every_planned_server_has_its_verdict() {
    holds("I5", 10_000);
}

#[test]
fn i6_after_any_kill_a_resumed_run_keeps_the_promise() {
    holds("I6", 10_000);
    assert!(short().processes > short().schedules * 5 / 4, "too few runs were taken up again");
}

#[test]
fn i7_nothing_changes_a_server_after_a_halt_a_signal_a_lost_output_a_failed_sync_or_a_void_permit() {
    holds("I7", 10_000);
}

#[test]
fn i8_no_order_is_built_for_no_server() {
    holds("I8", 10_000);
}

#[test]
fn i9_no_journal_holds_a_password() {
    holds("I9", 10_000);
}

#[test]
fn i10_no_second_carries_more_requests_than_the_bucket_allows() {
    holds("I10", 100_000);
}

#[test]
fn no_order_reaches_the_provider_before_the_record_that_it_rests_on() {
    holds("record first", 200);
}

#[test]
fn the_schedules_reach_every_verdict() {
    for verdict in crate::model::Verdict::ALL {
        let seen = short().verdicts.get(verdict.word()).copied().unwrap_or_default();
        assert!(seen >= share(50), "{} was reached {seen} times", verdict.word());
    }
}

#[test]
fn one_seed_is_one_schedule() {
    for seed in [3, 77, 246] {
        let (first, second) = (campaign(seed, 1, None, 1), campaign(seed, 1, None, 1));
        assert_eq!(first.checked, second.checked, "seed {seed}");
        assert_eq!(first.verdicts, second.verdicts, "seed {seed}");
    }
}

/// The test of the test: each deliberate mistake is found within the short form's seeds.
#[test]
fn a_core_with_any_of_ten_mistakes_is_caught() {
    for flaw in [
        Flaw::ResendOnReset,
        Flaw::OldRunningCounts,
        Flaw::NoIntentRecord,
        Flaw::DropOnPollError,
        Flaw::ReusePermit,
        Flaw::PermitForEver,
        Flaw::ForgetIntent,
        Flaw::OneReadIsEnough,
        Flaw::OrderAfterHalt,
        Flaw::OrderUnarranged,
    ] {
        let tally = campaign(0, SHORT, Some(flaw), 1);
        assert!(!tally.broken.is_empty(), "{flaw:?} went unnoticed in {} schedules", tally.schedules);
        eprintln!("{flaw:?}: found after {} schedules: {}", tally.schedules, broken(&tally, None).trim_end());
    }
}

/// The long form, for `./simulate`: as many schedules as are asked for, in portions, with a line for each.
#[test]
#[ignore = "the long form: ./simulate --schedules N"]
fn long() {
    let (first, count) = (number("SIMULATE_SEED").unwrap_or(0), number("SIMULATE_SCHEDULES").unwrap_or(SHORT));
    let mut wipes = 0;
    let mut done = 0;
    let mut rules_broken = 0;
    while done < count {
        let portion = (count - done).min(50_000);
        let tally = campaign(first + done, portion, None, 20);
        eprint!("{}", broken(&tally, None));
        rules_broken += tally.broken.len();
        done += portion;
        wipes += tally.wipes;
        let checks: u64 = tally.checked.values().sum();
        eprintln!("{done} schedules, {wipes} wipes; in the last {portion}: {checks} checks, {:?}", tally.verdicts);
    }
    assert_eq!(rules_broken, 0, "the seeds are above");
    eprintln!("seeds {first} to {}: no rule was broken", first + count - 1);
    // A portion of nothing would prove nothing.
    assert!(wipes > 0, "nothing was ordered");
}
