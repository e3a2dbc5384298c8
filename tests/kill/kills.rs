//! Killed at its system calls.

use crate::bench::{Bench, Fleet, asked, of_each_fleet, side_by_side, spread};
use crate::judge::{Tally, judge};
use crate::strace::{FAMILIES, Family, census, injecting, works};

/// One kill: this fleet, before the Nth call of this family.
struct Kill {
    fleet: Fleet,
    family: Family,
    at: usize,
}

impl Kill {
    fn named(&self) -> String {
        format!("./check kill {} {} {}", self.fleet.provider, self.family.name, self.at)
    }

    fn hold(&self, tally: &Tally) {
        let bench = Bench::new();
        let ran = bench.run(&injecting(self.family, &format!("signal=KILL:when={}", self.at), self.fleet.order()));
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
    let mut kills = Vec::new();
    for (fleet, counts) in of_each_fleet(census) {
        for (family, most) in FAMILIES.into_iter().zip(counts) {
            println!("{}: {most} calls of {}", fleet.provider, family.name);
            // A few more, since no two runs make the very same calls.
            let moments = sample.map_or_else(|| (1..=most + 3).collect(), |count| spread(most, count));
            kills.extend(moments.into_iter().map(|at| Kill { fleet, family, at }));
        }
    }
    kills
}

#[test]
fn a_run_killed_at_a_system_call_wipes_no_server_twice_and_loses_none() {
    if !works() {
        return;
    }
    let tally = Tally::default();
    side_by_side(kills(Some(3)), Kill::named, |kill| kill.hold(&tally));
    println!("{}", tally.told());
}

#[test]
#[ignore = "every moment: minutes; run by ./check kill"]
fn a_run_killed_at_every_system_call_wipes_no_server_twice_and_loses_none() {
    if !works() {
        return;
    }
    let mut kills = kills(None);
    if let Some(fleet) = asked("KILL_FLEET") {
        kills.retain(|kill| kill.fleet.provider == fleet);
    }
    if let Some(family) = asked("KILL_FAMILY") {
        kills.retain(|kill| kill.family.name == family);
    }
    if let Some(at) = asked("KILL_AT") {
        kills.retain(|kill| kill.at.to_string() == at);
    }
    let (tally, count) = (Tally::default(), kills.len());
    side_by_side(kills, Kill::named, |kill| kill.hold(&tally));
    println!("{count} kills at system calls: {}", tally.told());
}
