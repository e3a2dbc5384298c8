//! Sees the truth of the cloud and holds against it what the program did and what it said.

use super::operator::PASSWORD;
use crate::journal::Story;
use crate::model::{ServerId, Verdict, What};
use crate::run::policy::PERMIT_LIFE;
use crate::sandbox::machine::{Ending, Fate, Stage};
use crate::sandbox::{Operation, Route};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A reinstall that really happened, or one that the cloud took and never began.
#[derive(Clone, Debug)]
pub(super) struct Wipe {
    pub server: String,
    pub run: usize,
    pub at: Duration,
    pub fate: Fate,
}

/// What is known of one run.
#[derive(Default)]
pub(super) struct Run {
    planned: BTreeSet<String>,
    /// Servers whose record must be changed before their order, and those whose record was.
    arranges: BTreeSet<String>,
    arranged: BTreeSet<String>,
    /// The last verdict on each server.
    pub verdicts: BTreeMap<String, Verdict>,
    /// Permits of which a byte was on the wire.
    used: BTreeSet<u64>,
    /// Whether an end was recorded that leaves nothing to do.
    pub closed: bool,
    pub processes: usize,
}

/// Rules that were checked, how often, and what broke them.
#[derive(Default)]
pub(super) struct Oracle {
    pub runs: BTreeMap<usize, Run>,
    pub wipes: Vec<Wipe>,
    /// Orders that the provider took: run and server.
    taken: BTreeSet<(usize, String)>,
    /// Servers that were said to be reinstalled and left off.
    left_off: BTreeSet<(usize, String)>,
    /// When a call that powers a server off last reached the provider.
    stops: BTreeMap<String, Duration>,
    pub broken: Vec<(&'static str, String)>,
    pub checked: BTreeMap<&'static str, u64>,
    /// Processes that must not change anything any more.
    ended: BTreeMap<usize, &'static str>,
    /// Whether reads go wrong in this schedule.
    pub poor_reads: bool,
    /// Whether someone else may have wiped the servers too.
    pub company: bool,
}

impl Oracle {
    /// Checks a rule.
    pub(super) fn hold(&mut self, rule: &'static str, holds: bool, message: impl FnOnce() -> String) {
        *self.checked.entry(rule).or_default() += 1;
        if !holds {
            self.blame(rule, message());
        }
    }

    pub(super) fn blame(&mut self, rule: &'static str, message: String) {
        self.broken.push((rule, message));
    }

    fn run(&mut self, run: usize) -> &mut Run {
        self.runs.entry(run).or_default()
    }

    /// The run has this server in its plan; whether its record is to be changed before its order.
    pub(super) fn planned(&mut self, run: usize, id: &ServerId, arranges: bool) {
        self.run(run).planned.insert(id.to_string());
        if arranges {
            self.run(run).arranges.insert(id.to_string());
        }
    }

    /// The provider changed the records of these servers.
    pub(super) fn arranged(&mut self, run: usize, servers: &[String]) {
        self.run(run).arranged.extend(servers.iter().cloned());
    }

    /// The process was told to end, or that no order may follow.
    pub(super) fn hushed(&mut self, process: usize, why: &'static str) {
        self.ended.entry(process).or_insert(why);
    }

    /// A request that changes something leaves. `durable` is the journal as a loss of power would leave it.
    pub(super) fn changing(&mut self, leaves: &Leaving<'_>) {
        let Leaving { now, boot, run, process, route, durable, unsent, broken_disk } = *leaves;
        let place = || format!("{} for {:?} at {now:?}", route.action, route.servers);
        let hushed = self.ended.get(&process).copied();
        self.hold("I7", hushed.is_none(), || format!("{} after {}", place(), hushed.unwrap_or_default()));
        self.hold("I7", !broken_disk, || format!("{} after the journal was lost", place()));
        self.hold("I8", !route.servers.is_empty(), || format!("{} names no server", route.action));
        let word = match route.operation {
            Operation::Reinstall => "order_intent",
            Operation::Arrange => "arranging",
            Operation::Stop => "power_off",
            _ => "power_on",
        };
        let mut permits = BTreeSet::new();
        for server in &route.servers {
            let record = last_record(durable, word, server);
            self.hold("I2", record.is_some(), || format!("{} without its record on the disk", place()));
            let Some(record) = record else { continue };
            if route.operation == Operation::Reinstall {
                permits.extend(record.get("permit").and_then(serde_json::Value::as_u64));
            }
            let issued = record.get("boot_ms").and_then(serde_json::Value::as_u64).unwrap_or_default();
            let age = boot.saturating_sub(Duration::from_millis(issued));
            let fresh = age <= PERMIT_LIFE + Duration::from_secs(1);
            self.hold("I7", fresh, || format!("{} that was decided {age:?} before", place()));
        }
        if route.operation == Operation::Reinstall && !unsent {
            for permit in permits {
                let first = self.run(run).used.insert(permit);
                self.hold("I1", first, || format!("{} under permit {permit} again", place()));
            }
        }
    }

    /// A process takes the run up again: what had not begun may have its turn now.
    pub(super) fn taken_up(&mut self, run: usize) {
        let known = self.run(run);
        known.processes += 1;
        known.verdicts.retain(|_, verdict| *verdict != Verdict::NotStarted);
    }

    /// An order for these servers reached the provider.
    pub(super) fn arrived(&mut self, run: usize, servers: &[String]) {
        for server in servers {
            let known = self.run(run);
            if known.arranges.contains(server) {
                let first = known.arranged.contains(server);
                self.hold("record first", first, || format!("{server} is ordered and its record is of before"));
            }
        }
        self.taken.extend(servers.iter().map(|server| (run, server.clone())));
    }

    /// The provider wiped these servers.
    pub(super) fn wiped(&mut self, now: Duration, run: usize, servers: &[String], fate: Fate) {
        for server in servers {
            let before = self.wipes.iter().filter(|wipe| wipe.run == run && wipe.server == *server).count();
            self.hold("I1", before == 0, || format!("{server} is wiped a second time by one run at {now:?}"));
            let done = self.run(run).verdicts.get(server).copied();
            let unordered = done.filter(|v| matches!(v, Verdict::Rejected | Verdict::NotStarted | Verdict::Skipped));
            self.hold("I1", unordered.is_none(), || format!("{server} is wiped after it was said to be {unordered:?}"));
            let others = self.runs.iter().any(|(other, known)| {
                let wiped = self.wipes.iter().any(|wipe| wipe.run == *other && wipe.server == *server);
                *other != run && wiped && !known.verdicts.contains_key(server)
            });
            let claimed = !self.company;
            self.hold("I1", !(others && claimed), || format!("{server} is wiped while another run works on it"));
            self.wipes.push(Wipe { server: server.clone(), run, at: now, fate });
        }
    }

    /// A call that powers these servers off reaches the provider.
    pub(super) fn stopped(&mut self, now: Duration, servers: &[String]) {
        self.stops.extend(servers.iter().map(|server| (server.clone(), now)));
    }

    /// The program gives its verdict on a server.
    pub(super) fn verdict(&mut self, now: Duration, run: usize, id: &ServerId, verdict: Verdict, truth: Option<Stage>) {
        let server = id.to_string();
        self.run(run).verdicts.insert(server.clone(), verdict);
        let own: Vec<Wipe> =
            self.wipes.iter().filter(|wipe| wipe.server == server && wipe.run == run).cloned().collect();
        let any = self.wipes.iter().rev().find(|wipe| wipe.server == server).cloned();
        let wipe = if self.runs.len() > 1 { any } else { own.last().cloned() };
        let over = |wipe: &Wipe| wipe.at + wipe.fate.duration <= now;
        let fits = match verdict {
            Verdict::Succeeded => wipe.as_ref().is_some_and(|wipe| {
                let good = matches!(wipe.fate.ending, Ending::Good | Ending::Off) && over(wipe);
                // A stop from before the order that arrives behind it turns the server off again, now or later.
                let late_stop = self.stops.get(&server).is_some_and(|stop| *stop > wipe.at);
                good && (truth == Some(Stage::Running) || late_stop || self.runs.len() > 1)
            }),
            Verdict::Failed => wipe.as_ref().is_some_and(|wipe| match wipe.fate.ending {
                Ending::Failed | Ending::Off => over(wipe),
                // Some products leave a server off that was off; a halted run does not start it.
                Ending::Good => over(wipe) && truth == Some(Stage::Stopped),
                ending => ending == Ending::Vanishes,
            }),
            Verdict::Vanished => truth.is_none(),
            Verdict::TimedOut => wipe.is_some() || self.taken.contains(&(run, server.clone())),
            Verdict::Rejected | Verdict::NotStarted | Verdict::Skipped => own.is_empty(),
            Verdict::Unverified | Verdict::Accepted => true,
        };
        if verdict == Verdict::Failed && truth == Some(Stage::Stopped) {
            self.left_off.insert((run, server.clone()));
        }
        // Two machines that know nothing of each other may take each other's reinstall for their own.
        let fits = fits || (self.company && self.runs.len() > 1);
        let rule = if self.poor_reads { "I4" } else { "I3" };
        let message = || format!("{server} is said to be {verdict:?} at {now:?}; truth: {truth:?}, {wipe:?}");
        self.hold(rule, fits, message);
        if self.runs.get(&run).is_some_and(|known| known.processes > 1) {
            let message = || format!("after a resume {server} is said to be {verdict:?}; {wipe:?}");
            self.hold("I6", fits, message);
        }
    }

    /// The report at the end of a process. `whole`: neither a signal nor the disk cut it short.
    pub(super) fn reported(&mut self, run: usize, told: &[(ServerId, Option<Verdict>, u32)], whole: bool) {
        for (id, verdict, orders) in told {
            self.hold("I5", !whole || verdict.is_some(), || format!("{id} has no verdict in the report"));
            let wipes = self.wipes.iter().filter(|w| w.run == run && w.server == id.as_str()).count();
            let enough = wipes <= usize::try_from(*orders).unwrap_or(usize::MAX);
            self.hold("I5", enough, || format!("{id}: {orders} orders are reported and {wipes} wipes happened"));
        }
    }

    /// Where nothing went wrong, every verdict is the whole truth.
    pub(super) fn expect_calm(&mut self, timeout: Duration, lag: Duration) {
        use Verdict::*;
        for wipe in self.wipes.clone() {
            let Some(said) = self.run(wipe.run).verdicts.get(&wipe.server).copied() else { continue };
            let Fate { stale, duration, ending, shows_progress } = wipe.fate;
            let in_time = stale.max(duration) + lag + Duration::from_secs(120) < timeout;
            // Looks are up to a minute apart: what shows for less may pass unseen.
            let seen = shows_progress && duration > stale + lag + Duration::from_secs(61);
            // A run that was halted meanwhile starts nothing, and some products leave off what was off.
            let left_off = said == Failed && self.left_off.contains(&(wipe.run, wipe.server.clone()));
            let allowed: &[Verdict] = match ending {
                Ending::Good | Ending::Off if left_off => &[Failed],
                // An end that came without a sign of its beginning, or too late, may stay unknown.
                Ending::Good if in_time && seen => &[Succeeded],
                Ending::Off if in_time && seen => &[Succeeded, Failed],
                Ending::Failed if in_time && seen => &[Failed],
                Ending::Good => &[Succeeded, TimedOut, Unverified],
                Ending::Off => &[Succeeded, Failed, TimedOut, Unverified],
                Ending::Failed => &[Failed, TimedOut, Unverified],
                Ending::Stuck => &[TimedOut, Unverified],
                Ending::Vanishes => &[Vanished, Failed, TimedOut, Unverified],
                Ending::NeverStarts => &[Unverified],
            };
            self.hold("I3", allowed.contains(&said), || format!("calm: {said:?} for {wipe:?}"));
        }
    }

    /// Everything is over: what the journal of a run says in the end.
    pub(super) fn audit(&mut self, run: usize, bytes: &[u8], token_door: bool) {
        let text = String::from_utf8_lossy(bytes);
        self.hold("I9", !text.contains(PASSWORD), || "the journal holds a password".to_owned());
        let story = Story::read(bytes);
        let intact = story.damage.is_none();
        self.hold("I6", intact, || format!("the journal is damaged: {:?}", story.damage));
        let mut last: BTreeMap<String, &What> = BTreeMap::new();
        let mut proven: BTreeSet<String> = BTreeSet::new();
        for event in &story.events {
            let Some(id) = event.instance.as_ref().map(ToString::to_string) else { continue };
            match &event.what {
                What::OrderIntent { .. } => {
                    let before = last.get(&id).copied();
                    let again = matches!(before, None | Some(What::OrderUnsent { .. }))
                        || (token_door && matches!(before, Some(What::OrderMaybeSent { .. })));
                    self.hold("I1", again, || format!("{id} gets a permit after {before:?}"));
                    last.insert(id, &event.what);
                }
                What::OrderAccepted { .. }
                | What::OrderMaybeSent { .. }
                | What::OrderUnsent { .. }
                | What::OrderRejected { .. } => {
                    last.insert(id, &event.what);
                }
                What::Started { .. } => {
                    proven.insert(id);
                }
                What::Verdict { verdict: verdict @ (Verdict::Succeeded | Verdict::Failed), .. } => {
                    let proof = proven.contains(&id);
                    self.hold("I3", proof, || format!("{id} is {verdict:?} without a proof that it began"));
                }
                _ => {}
            }
        }
        let known = self.run(run);
        let (planned, closed) = (known.planned.clone(), known.closed);
        let confirmed = story.events.iter().any(|event| matches!(event.what, What::Confirmed { .. }));
        for id in planned.iter().filter(|_| closed && confirmed) {
            let named = story.events.iter().any(|event| {
                matches!(event.what, What::Verdict { .. })
                    && event.instance.as_ref().is_some_and(|named| named.as_str() == id)
            });
            self.hold("I5", named, || format!("{id} was planned and the journal has no verdict on it"));
        }
    }
}

/// A request that changes something, as it leaves.
#[derive(Clone, Copy)]
pub(super) struct Leaving<'a> {
    pub now: Duration,
    pub boot: Duration,
    pub run: usize,
    pub process: usize,
    pub route: &'a Route,
    pub durable: &'a [u8],
    /// No byte of it will be on the wire.
    pub unsent: bool,
    /// The program was told that the journal is lost.
    pub broken_disk: bool,
}

fn last_record(journal: &[u8], word: &str, server: &str) -> Option<serde_json::Value> {
    let text = std::str::from_utf8(journal).ok()?;
    text.lines().rev().find_map(|line| {
        // Cheaper than reading every record.
        if !line.contains(word) || !line.contains(server) {
            return None;
        }
        let record: serde_json::Value = serde_json::from_str(line).ok()?;
        let fits = record.get("event")? == word && record.get("instance")? == server;
        fits.then_some(record)
    })
}
