//! A run is killed, and so is its resume, and the next one: the one that is left in peace ends it.

use crate::asked::{self, repeat};
use crate::bench::{FLEETS, Fleet, HUAWEI, side_by_side, spread};
use crate::events::killed_at_exchange;
use crate::judge::{Tally, judge, report, resume};
use crate::strace::{Injection, census, works};

/// A run that was killed at this event of its exchanges; each of its resumes is killed at this call.
struct Kill {
    fleet: Fleet,
    cut: usize,
    call: String,
    at: usize,
}

fn family_of(cut: usize, call: &str) -> String {
    format!("resume-{cut}-{call}")
}

impl Kill {
    fn named(&self) -> String {
        repeat(self.fleet, &family_of(self.cut, &self.call), self.at)
    }

    fn hold(&self, tally: &Tally) {
        let (bench, killed, _) = killed_at_exchange(self.fleet, self.cut);
        assert!(killed, "the first one was not killed");
        let kill = Injection { call: self.call.clone(), what: "signal=KILL", at: self.at };
        for _ in 0..2 {
            let ran = bench.run(&kill.during(&bench, resume()));
            if ran.code == Some(2) {
                // The one before it was killed behind its last record.
                break;
            }
            if ran.code.is_some() {
                // It makes fewer calls than that, and has ended the run.
                tally.count("(not hit)");
                report(&bench, self.fleet, &ran, tally);
                return;
            }
            tally.count("(killed)");
            let twice = self.fleet.servers.iter().find(|server| bench.wiped(server) > 1);
            assert_eq!(twice, None, "wiped twice");
        }
        judge(&bench, self.fleet, tally);
    }
}

/// So many calls of each kind, for so many moments at which the first process was killed.
fn kills(fleet: Fleet, cuts: usize, sample: usize) -> Vec<Kill> {
    let (_, _, events) = killed_at_exchange(fleet, 0);
    // Neither before the run nor behind it: the second half of the exchanges begins with the orders.
    let cuts: Vec<usize> = spread(events / 2, cuts + 2).into_iter().map(|at| at + events / 4).collect();
    let mut kills = Vec::new();
    for &cut in &cuts[1..cuts.len() - 1] {
        let (bench, _, _) = killed_at_exchange(fleet, cut);
        let (counts, ran) = census(&bench, resume());
        report(&bench, fleet, &ran, &Tally::default());
        println!("{}: resumed behind event {cut} of {events}: {counts:?}", fleet.provider);
        for (call, most) in counts {
            let moments = spread(most, sample).into_iter();
            kills.extend(moments.map(|at| Kill { fleet, cut, call: call.clone(), at }));
        }
    }
    kills
}

fn hold(kills: Vec<Kill>) {
    let (tally, count) = (Tally::default(), kills.len());
    side_by_side(kills, Kill::named, |kill| kill.hold(&tally));
    println!("{count} runs whose resume was killed twice: {}", tally.told());
}

#[test]
fn a_resume_that_is_killed_can_be_resumed() {
    if works() {
        hold(kills(HUAWEI, 1, 1));
    }
}

#[test]
#[ignore = "many moments: minutes; run by ./check kill"]
fn a_resume_that_is_killed_at_any_system_call_can_be_resumed() {
    if asked::family_like(|family| family.starts_with("resume-")) && works() {
        let fleets = FLEETS.into_iter().filter(|fleet| asked::fleet(*fleet));
        let mut kills: Vec<Kill> = fleets.flat_map(|fleet| kills(fleet, 3, 6)).collect();
        kills.retain(|kill| asked::case(kill.fleet, &family_of(kill.cut, &kill.call), kill.at));
        hold(kills);
    }
}
