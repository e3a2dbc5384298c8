//! Killed at its system calls.

use crate::asked::{self, repeat};
use crate::bench::{Bench, Fleet, of_each_fleet, side_by_side, spread};
use crate::judge::{Tally, judge, report};
use crate::strace::{FAMILIES, Family, Injection, census, works};

/// One kill: this fleet, before the Nth call of this family.
struct Kill {
    fleet: Fleet,
    family: Family,
    at: usize,
}

impl Kill {
    fn named(&self) -> String {
        repeat(self.fleet, self.family.name, self.at)
    }

    fn hold(&self, tally: &Tally) {
        let bench = Bench::new();
        let kill = Injection { family: self.family, what: "signal=KILL", at: self.at };
        let ran = bench.run(&kill.into(&bench, self.fleet.order()));
        if ran.code == Some(0) {
            tally.count("(not hit)");
            return;
        }
        assert_eq!(ran.code, None, "killed, or whole: {ran:#?}");
        judge(&bench, self.fleet, tally);
    }
}

/// So many moments of each family and fleet; all of them without a number.
fn kills(sample: Option<usize>) -> Vec<Kill> {
    let counts = of_each_fleet(|fleet| {
        let bench = Bench::new();
        let (counts, ran) = census(&bench, fleet.order());
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        report(&bench, fleet, &ran, &Tally::default());
        counts
    });
    let mut kills = Vec::new();
    for (fleet, counts) in counts {
        for (family, most) in FAMILIES.into_iter().zip(counts) {
            println!("{}: {most} calls of {}", fleet.provider, family.name);
            // A few more, since no two runs make the very same calls.
            let moments = sample.map_or_else(|| (1..=most + 3).collect(), |count| spread(most, count));
            kills.extend(moments.into_iter().map(|at| Kill { fleet, family, at }));
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
        hold(kills(Some(3)));
    }
}

#[test]
#[ignore = "every moment: minutes; run by ./check kill"]
fn a_run_killed_at_every_system_call_wipes_no_server_twice_and_loses_none() {
    if FAMILIES.iter().any(|family| asked::family(family.name)) && works() {
        let mut kills = kills(None);
        kills.retain(|kill| asked::case(kill.fleet, kill.family.name, kill.at));
        hold(kills);
    }
}
