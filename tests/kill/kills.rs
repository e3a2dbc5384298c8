//! Killed at its system calls.

use crate::asked::{self, repeat};
use crate::bench::{Bench, Fleet, of_each_fleet, side_by_side, spread};
use crate::judge::{Tally, judge, report};
use crate::strace::{Injection, census, works};

/// What names of other families begin with.
const OTHERS: [&str; 7] = ["disk-", "exchange", "pause", "record", "resume-", "rival", "signal"];

/// One kill: this fleet, before the Nth system call of this kind.
struct Kill {
    fleet: Fleet,
    call: String,
    at: usize,
}

impl Kill {
    fn named(&self) -> String {
        repeat(self.fleet, &self.call, self.at)
    }

    fn hold(&self, tally: &Tally) {
        let bench = Bench::new();
        let kill = Injection { call: self.call.clone(), what: "signal=KILL", at: self.at };
        let ran = bench.run(&kill.during(&bench, self.fleet.order()));
        if ran.code == Some(0) {
            tally.count("(not hit)");
            return;
        }
        assert_eq!(ran.code, None, "killed, or whole: {ran:#?}");
        tally.count("(killed)");
        judge(&bench, self.fleet, tally);
    }
}

/// Moments of each kind and fleet: every one, or a sample.
fn kills(all: bool) -> Vec<Kill> {
    let counts = of_each_fleet(|fleet| {
        let bench = Bench::new();
        let (counts, ran) = census(&bench, fleet.order());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        report(&bench, fleet, &ran, &Tally::default());
        counts
    });
    let mut kills = Vec::new();
    for (fleet, counts) in counts {
        println!("{}: a whole run makes {} system calls: {counts:?}", fleet.provider, counts.values().sum::<usize>());
        for (call, most) in counts {
            // A few more, since no two runs make the very same calls.
            let moments = if all { (1..=most + 3).collect() } else { spread(most, 1 + most / 25) };
            kills.extend(moments.into_iter().map(|at| Kill { fleet, call: call.clone(), at }));
        }
    }
    kills
}

fn hold(kills: Vec<Kill>) {
    let (tally, count) = (Tally::default(), kills.len());
    side_by_side(kills, Kill::named, |kill| kill.hold(&tally));
    println!("{count} kills at system calls: {}", tally.told());
}

#[test]
fn a_run_killed_at_a_system_call_wipes_no_server_twice_and_loses_none() {
    if works() {
        hold(kills(false));
    }
}

#[test]
#[ignore = "every moment: minutes; run by ./check kill"]
fn a_run_killed_at_every_system_call_wipes_no_server_twice_and_loses_none() {
    if asked::family_like(|family| !OTHERS.iter().any(|other| family.starts_with(other))) && works() {
        let mut kills = kills(true);
        kills.retain(|kill| asked::case(kill.fleet, &kill.call, kill.at));
        hold(kills);
    }
}
