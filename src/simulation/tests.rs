//! The short form of the simulation: the promise, claim by claim, and the proof that the simulation can fail.

use super::campaign::{Tally, campaign};
use crate::flaw::Flaw;
use std::sync::OnceLock;

/// Seeds of the short form: the same ones each time, so that a failure is one of the change, not of the day.
const SHORT: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "the long form is told its size from outside")]
    std::env::var(name).ok()?.parse().ok()
}

fn short() -> &'static Tally {
    static TALLY: OnceLock<Tally> = OnceLock::new();
    TALLY.get_or_init(|| campaign(number("SIMULATE_SEED").unwrap_or(0), number("SIMULATE").unwrap_or(SHORT), None, 20))
}

#[test]
fn zz_look() {
    let t = std::time::Instant::now();
    let tally = short();
    eprintln!("{} schedules, {} processes, {} wipes, {:?} in {:?}", tally.schedules, tally.processes, tally.wipes, tally.verdicts, t.elapsed());
    eprintln!("{:?}", tally.checked);
    for broken in &tally.broken { eprintln!("{broken:?}"); }
    let _ = Flaw::ResendOnReset;
}
