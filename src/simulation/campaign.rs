//! Plays schedules: one after another on every core, and sums up what was checked.

use super::cosmos::{Cosmos, Due};
use super::operator::Desk;
use super::schedule::{Schedule, Trouble, Weather};
use super::{Killed, Shared, disk, lock, shared};
use crate::flaw::{Flaw, plant};
use crate::journal::{Claims, Store};
use crate::model::Verdict;
use futures_util::future::LocalBoxFuture;
use rand::RngExt;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// What one schedule, or many, came to.
#[derive(Default)]
pub(super) struct Tally {
    pub schedules: u64,
    pub wipes: u64,
    pub processes: u64,
    pub verdicts: BTreeMap<&'static str, u64>,
    pub checked: BTreeMap<&'static str, u64>,
    /// Seed, rule and what broke it.
    pub broken: Vec<(u64, &'static str, String)>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.wipes += other.wipes;
        self.processes += other.processes;
        for (word, count) in other.verdicts {
            *self.verdicts.entry(word).or_default() += count;
        }
        for (rule, count) in other.checked {
            *self.checked.entry(rule).or_default() += count;
        }
        self.broken.extend(other.broken);
    }
}

/// Plays the seeds on all cores; stops early once `enough` rules were broken.
pub(super) fn campaign(first: u64, count: u64, flaw: Option<Flaw>, enough: usize) -> Tally {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut whole = Tally::default();
    std::thread::scope(|scope| {
        let work = || {
            plant(flaw);
            let mut tally = Tally::default();
            while !stop.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + count {
                    break;
                }
                tally.add(play(seed));
                stop.fetch_or(tally.broken.len() >= enough, Ordering::Relaxed);
            }
            tally
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            whole.add(worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    whole.broken.sort();
    whole
}

/// Whether a process can go on.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One process on the stage.
struct Actor {
    run: usize,
    future: Option<LocalBoxFuture<'static, ()>>,
    flag: Arc<Flag>,
}

struct Stage {
    cosmos: Shared<Cosmos>,
    actors: Vec<Actor>,
    claims: Option<Claims>,
}

/// Most things that happen in one schedule before it counts as endless.
const MOST_STEPS: u64 = 100_000;

/// Plays one schedule.
pub(super) fn play(seed: u64) -> Tally {
    let schedule = Schedule::of(seed);
    let same_machine = schedule.second.is_none_or(|second| second.same_machine);
    let folder = (schedule.second.is_some() || seed.is_multiple_of(16)).then(|| tempfile::tempdir().expect("a folder"));
    let store = folder.as_ref().map(|folder| Store::open(&folder.path().join("state")).expect("a store"));
    let mut cosmos = Cosmos::new(schedule.clone());
    cosmos.oracle.poor_reads = !matches!(schedule.weather, Weather::Calm | Weather::One { changes: true, .. });
    cosmos.oracle.company = !same_machine;
    cosmos.disks = vec![disk::Handle::new(schedule.disk_breaks, schedule.disk_kills), disk::Handle::new(None, None)];
    cosmos.later(Duration::ZERO, Due::Begin(0));
    for (at, trouble) in &schedule.troubles {
        cosmos.later(*at, Due::Trouble(0, *trouble));
    }
    if let Some(second) = schedule.second {
        cosmos.later(second.at, Due::Begin(1));
    }
    let claims = store.as_ref().filter(|_| same_machine).map(Store::claims);
    let mut stage = Stage { cosmos: shared(cosmos), actors: Vec::new(), claims };
    let ends = stage.run();
    let mut cosmos = lock(&stage.cosmos);
    cosmos.oracle.hold("I6", ends, || "the schedule does not end".to_owned());
    stage_audit(&mut cosmos);
    let processes = cosmos.processes.len() as u64;
    let mut verdicts = BTreeMap::new();
    for verdict in cosmos.oracle.runs.values().flat_map(|run| run.verdicts.values()) {
        *verdicts.entry(verdict.word()).or_default() += 1;
    }
    let oracle = std::mem::take(&mut cosmos.oracle);
    Tally {
        schedules: 1,
        wipes: oracle.wipes.len() as u64,
        processes,
        verdicts,
        checked: oracle.checked,
        broken: oracle.broken.into_iter().map(|(rule, message)| (seed, rule, message)).collect(),
    }
}

fn stage_audit(cosmos: &mut Cosmos) {
    let door = cosmos.schedule.lanes.iter().any(|(_, entry)| entry.facts.token_door.is_some());
    for run in 0..cosmos.disks.len() {
        let bytes = cosmos.disks[run].bytes();
        cosmos.oracle.audit(run, &bytes, door);
    }
    if cosmos.schedule.calm() && !cosmos.schedule.policy.no_wait {
        let schedule = cosmos.schedule.clone();
        cosmos.oracle.expect_calm(schedule.timeout, schedule.lag);
    }
}

impl Stage {
    /// Plays until nothing is left to happen. Returns whether it came to that.
    fn run(&mut self) -> bool {
        for _ in 0..MOST_STEPS {
            self.poll_all();
            let due = lock(&self.cosmos).next();
            let Some(due) = due else { return true };
            match due {
                Due::Wake(waker) => waker.wake(),
                Due::Arrive(packet) => lock(&self.cosmos).arrive(*packet),
                Due::Answer(slot, result) => {
                    let mut slot = lock(&slot);
                    slot.result = Some(*result);
                    slot.waker.take().into_iter().for_each(Waker::wake);
                }
                Due::GoOn(process) => {
                    lock(&self.cosmos).processes[process].frozen = false;
                    self.actors[process].flag.0.store(true, Ordering::Relaxed);
                }
                Due::Begin(run) => self.begin(run),
                Due::Trouble(run, trouble) => self.trouble(run, trouble),
            }
        }
        false
    }

    fn begin(&mut self, run: usize) {
        let (desk, first) = {
            let mut cosmos = lock(&self.cosmos);
            let epoch = cosmos.epoch(run);
            let dies_at = cosmos.schedule.exchange_kills.filter(|_| run == 0 && epoch == 0);
            let process = cosmos.begin(run, dies_at, epoch >= 3);
            cosmos.oracle.taken_up(run);
            let servers = cosmos.schedule.servers;
            let lanes = cosmos.schedule.lanes.clone();
            let refs =
                lanes.iter().flat_map(|(_, entry)| cosmos.cloud.servers(entry.id).into_iter().take(servers)).collect();
            let disk = cosmos.disks[run].clone();
            let desk = Desk { cosmos: self.cosmos.clone(), run, process, disk, claims: self.claims.clone(), refs };
            (desk, epoch == 0)
        };
        let future: LocalBoxFuture<'static, ()> = if first { Box::pin(desk.begin()) } else { Box::pin(desk.resume()) };
        self.actors.push(Actor { run, future: Some(future), flag: Arc::new(Flag(AtomicBool::new(true))) });
    }

    fn trouble(&mut self, run: usize, trouble: Trouble) {
        let alive = self.actors.iter().rposition(|actor| actor.run == run && actor.future.is_some());
        let Some(process) = alive else { return };
        match trouble {
            Trouble::Kill => self.died(process, None),
            Trouble::PowerLoss(share) => self.died(process, Some(share)),
            other => lock(&self.cosmos).disturb(process, other),
        }
    }

    /// A process is gone without a word; it is taken up again some time later.
    fn died(&mut self, process: usize, lost: Option<f64>) {
        self.actors[process].future = None;
        let run = self.actors[process].run;
        let mut cosmos = lock(&self.cosmos);
        cosmos.processes[process].alive = false;
        self.again(&mut cosmos, run, lost);
    }

    fn again(&self, cosmos: &mut Cosmos, run: usize, lost: Option<f64>) {
        cosmos.disks[run].restart(lost);
        let pause = Duration::from_millis(cosmos.dice.random_range(10..900_000));
        cosmos.later(pause, Due::Begin(run));
    }

    fn poll_all(&mut self) {
        loop {
            let ready = (0..self.actors.len()).find(|&process| {
                let frozen = lock(&self.cosmos).processes[process].frozen;
                let actor = &self.actors[process];
                actor.future.is_some() && !frozen && actor.flag.0.load(Ordering::Relaxed)
            });
            let Some(process) = ready else { return };
            self.actors[process].flag.0.store(false, Ordering::Relaxed);
            let waker = Waker::from(self.actors[process].flag.clone());
            let Some(mut future) = self.actors[process].future.take() else { return };
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
            match polled {
                Ok(Poll::Pending) => self.actors[process].future = Some(future),
                Ok(Poll::Ready(())) => self.left(process),
                Err(cause) if cause.is::<Killed>() => {
                    // What unwinding left behind must not be polled.
                    drop(future);
                    self.died(process, None);
                }
                Err(panic) => resume_unwind(panic),
            }
        }
    }

    /// A process ended by itself: a run that is not closed is taken up again, and so may one whose end was not seen.
    fn left(&mut self, process: usize) {
        let run = self.actors[process].run;
        let mut cosmos = lock(&self.cosmos);
        let known = &cosmos.oracle.runs[&run];
        let open = known.verdicts.values().any(|v| matches!(v, Verdict::Unverified | Verdict::TimedOut));
        let closed = known.closed;
        let curious = open && cosmos.epoch(run) < 3 && cosmos.dice.random_bool(0.3);
        if !closed || curious {
            self.again(&mut cosmos, run, None);
        }
    }
}
