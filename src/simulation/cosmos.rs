//! Time, the queue of what is to happen, the processes, and the network between them and the cloud.

use super::cloud::{Call, Cloud, Lag};
use super::disk;
use super::network::{Fault, Slot, broken, patience, unsent};
use super::oracle::{Leaving, Oracle};
use super::schedule::{Schedule, Trouble, Weather};
use super::{Shared, die, lock};
use crate::client::{Route, TransportFault};
use crate::clock::{Clock, Now, Sleep};
use crate::model::{FaultClass, Wish};
use crate::providers::bench::inbound;
use crate::sandbox::machine::Fate;
use crate::sandbox::{Inbound, Operation};
use crate::wire::{WireRequest, WireResponse};
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderValue;
use http::header::DATE;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

/// What is to happen.
pub(super) enum Due {
    /// Someone has slept enough.
    Wake(Waker),
    /// A request reaches the provider.
    Arrive(Box<Packet>),
    /// The end of an exchange reaches whoever waits for it.
    Answer(Shared<Slot>, Box<Result<WireResponse, TransportFault>>),
    /// Trouble for whichever process of the run is alive.
    Trouble(usize, Trouble),
    /// A process goes on after a pause.
    GoOn(usize),
    /// A process of this run begins.
    Begin(usize),
}

/// A request on its way.
pub(super) struct Packet {
    run: usize,
    call: Call,
    request: Inbound,
    fault: Option<Fault>,
    fate: Fate,
    back: Duration,
    slot: Shared<Slot>,
}

/// A process of a run.
pub(super) struct Process {
    pub run: usize,
    pub alive: bool,
    pub frozen: bool,
    pub output_lost: bool,
    pub signals: Vec<&'static str>,
    pub signal_wakers: Vec<Waker>,
    /// Steady time that it lost to sleep.
    slept: Duration,
    clock_step: TimeDelta,
    /// Exchanges it began.
    exchanges: usize,
    /// It dies at this exchange; whether its request still leaves.
    dies_at: Option<(usize, bool)>,
    /// Whether the schedule's weather is over for it.
    spared: bool,
    sent_at: BTreeMap<&'static str, Vec<Duration>>,
}

/// Everything that is not a process.
pub(super) struct Cosmos {
    pub now: Duration,
    pub dice: StdRng,
    pub schedule: Schedule,
    pub cloud: Cloud,
    pub oracle: Oracle,
    pub processes: Vec<Process>,
    pub disks: Vec<disk::Handle>,
    /// What each run asks of each of its products.
    pub wishes: BTreeMap<usize, Vec<Wish>>,
    queue: BTreeMap<(Duration, u64), Due>,
    serial: u64,
    exchanges: usize,
    changes: usize,
}

impl Cosmos {
    pub(super) fn new(schedule: Schedule) -> Self {
        let mut vendors: Vec<&crate::providers::Vendor> = Vec::new();
        for (vendor, _) in &schedule.lanes {
            if !vendors.iter().any(|known| known.name == vendor.name) {
                vendors.push(vendor);
            }
        }
        Self {
            now: Duration::ZERO,
            dice: StdRng::seed_from_u64(schedule.seed ^ 0x5eed),
            cloud: Cloud::new(vendors.into_iter()),
            oracle: Oracle::default(),
            processes: Vec::new(),
            disks: Vec::new(),
            wishes: BTreeMap::new(),
            queue: BTreeMap::new(),
            serial: 0,
            exchanges: 0,
            changes: 0,
            schedule,
        }
    }

    /// Puts something into the queue.
    pub(super) fn later(&mut self, after: Duration, due: Due) {
        self.serial += 1;
        self.queue.insert((self.now + after, self.serial), due);
    }

    /// Takes the next thing out of the queue; time moves on to it.
    pub(super) fn next(&mut self) -> Option<Due> {
        let ((at, _), due) = self.queue.pop_first()?;
        self.now = self.now.max(at);
        Some(due)
    }

    /// A process of the run begins. Returns its number.
    pub(super) fn begin(&mut self, run: usize, dies_at: Option<(usize, bool)>, spared: bool) -> usize {
        self.processes.push(Process {
            run,
            alive: true,
            frozen: false,
            output_lost: false,
            signals: Vec::new(),
            signal_wakers: Vec::new(),
            slept: Duration::ZERO,
            clock_step: TimeDelta::zero(),
            exchanges: 0,
            dies_at,
            spared,
            sent_at: BTreeMap::new(),
        });
        self.processes.len() - 1
    }

    fn wall(&self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        start + TimeDelta::from_std(self.now).unwrap_or_default()
    }

    /// The clocks as the process reads them.
    pub(super) fn clocks(&self, process: usize) -> Now {
        let since_boot = Duration::from_secs(5000) + self.now;
        let process = &self.processes[process];
        Now {
            wall: self.wall() + process.clock_step,
            boot: since_boot,
            steady: since_boot.saturating_sub(process.slept),
        }
    }

    /// A process hands a request to the network.
    pub(super) fn send(&mut self, process: usize, request: &WireRequest, route: Route, slot: Shared<Slot>) {
        let number = self.processes[process].exchanges;
        self.processes[process].exchanges += 1;
        let dies = self.processes[process].dies_at.filter(|(at, _)| *at == number);
        if dies.is_some_and(|(_, leaves)| !leaves) {
            die();
        }
        let request = inbound(request, self.wall());
        let Some(call) = self.cloud.call(&request) else {
            self.oracle.blame("every request is one that the provider knows", format!("no route: {}", request.path));
            return;
        };
        let run = self.processes[process].run;
        let fault = self.choose(process, &call);
        let fate = Schedule::fate(&mut self.dice);
        if call.changes() {
            let durable = self.disks[run].durable();
            let unsent = matches!(fault, Some(Fault::Refused | Fault::Untrusted));
            self.oracle.changing(&Leaving {
                now: self.now,
                boot: self.clocks(process).boot,
                run,
                process,
                route: &call.route,
                durable: &durable,
                unsent,
                broken_disk: self.disks[run].broken(),
            });
        }
        self.count_rate(process, &call);
        let jitter = Duration::from_millis(self.dice.random_range(1..400));
        match fault {
            Some(Fault::Refused) => self.answer(jitter, &slot, Err(unsent(FaultClass::Unreachable))),
            Some(Fault::Untrusted) => self.answer(jitter, &slot, Err(unsent(FaultClass::Untrusted))),
            Some(Fault::LostThere) => self.answer(jitter, &slot, Err(broken(None))),
            Some(Fault::Swallowed) => self.answer(patience(route), &slot, Err(broken(None))),
            _ => {
                let slow = Duration::from_secs(self.dice.random_range(1..patience(route).as_secs() / 2));
                let (there, back) = match fault {
                    Some(Fault::Late) => {
                        self.answer(patience(route), &slot, Err(broken(None)));
                        (patience(route) + slow * 4, Duration::ZERO)
                    }
                    Some(Fault::Mute) => {
                        self.answer(patience(route), &slot, Err(broken(None)));
                        (jitter, Duration::ZERO)
                    }
                    Some(Fault::Slow) => (slow / 2, slow / 2),
                    _ => (jitter / 2, jitter / 2),
                };
                self.later(there, Due::Arrive(Box::new(Packet { run, call, request, fault, fate, back, slot })));
            }
        }
        if dies.is_some() {
            die();
        }
    }

    fn answer(&mut self, after: Duration, slot: &Shared<Slot>, result: Result<WireResponse, TransportFault>) {
        self.later(after, Due::Answer(slot.clone(), Box::new(result)));
    }

    /// A request reaches the provider.
    pub(super) fn arrive(&mut self, packet: Packet) {
        let Packet { run, call, request, fault, fate, back, slot } = packet;
        let answer = match fault {
            Some(Fault::Says(what)) => self.cloud.inject(&call, what),
            Some(fault) if !fault.applies() => nothing(),
            _ => {
                let lag = self.lag();
                let (answer, wiped) = self.cloud.answer(&call, &request, self.now, lag, fate);
                if call.route.operation == Operation::Stop {
                    self.oracle.stopped(self.now, &call.route.servers);
                }
                if call.route.operation == Operation::Arrange && answer.status.is_success() {
                    self.oracle.arranged(run, &call.route.servers);
                }
                if call.route.operation == Operation::Reinstall {
                    self.oracle.arrived(run, &call.route.servers);
                    self.oracle.wiped(self.now, run, &wiped, fate);
                }
                answer
            }
        };
        if matches!(fault, Some(Fault::Late | Fault::Mute)) {
            return;
        }
        let mut result = match fault {
            Some(fault) => fault.distort(answer, &call.route.servers),
            None => Ok(answer),
        };
        if let Ok(answer) = &mut result {
            // As web servers do, so that a program whose clock is wrong can learn of it.
            let date = self.wall().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            answer.headers.insert(DATE, HeaderValue::try_from(date).expect("a date"));
        }
        self.answer(back, &slot, result);
    }

    fn lag(&mut self) -> Lag {
        let most = self.schedule.lag;
        let flap = self.schedule.flaps > 0.0 && self.dice.random_bool(self.schedule.flaps);
        let share = self.dice.random_range(0.0..=1.0);
        Lag { behind: most.mul_f64(share), flap }
    }

    fn choose(&mut self, process: usize, call: &Call) -> Option<Fault> {
        let place = self.exchanges;
        self.exchanges += 1;
        let change = self.changes;
        self.changes += usize::from(call.changes());
        if self.processes[process].spared {
            return None;
        }
        match self.schedule.weather {
            Weather::Calm => None,
            Weather::One { place: at, changes: true, fault } => (call.changes() && at % 3 == change).then_some(fault),
            Weather::One { place: at, changes: false, fault } => (at == place).then_some(fault),
            Weather::Storm(share) => self.dice.random_bool(share).then(|| Fault::any(&mut self.dice)),
            Weather::Outage { from, to, fault } => {
                let read = call.route.operation == Operation::Read;
                (read && (from..to).contains(&self.now)).then_some(fault)
            }
        }
    }

    /// No second may carry more requests of a product than burst and rate allow.
    fn count_rate(&mut self, process: usize, call: &Call) {
        let lanes = &self.schedule.lanes;
        let Some((_, entry)) = lanes.iter().find(|(_, entry)| entry.id == call.route.provider) else { return };
        let rate = entry.facts.rate as usize;
        let times = self.processes[process].sent_at.entry(entry.id).or_default();
        times.push(self.now);
        let crowd = times.len().checked_sub(2 * rate + 1).map(|first| self.now - times[first]);
        let message = || format!("{} requests of {} in {crowd:?}", 2 * rate + 1, entry.id);
        self.oracle.hold("I10", crowd.is_none_or(|span| span >= Duration::from_secs(1)), message);
    }

    /// How many processes the run has had.
    pub(super) fn epoch(&self, run: usize) -> usize {
        self.processes.iter().filter(|process| process.run == run).count()
    }

    /// Trouble that leaves the process alive.
    pub(super) fn disturb(&mut self, process: usize, trouble: Trouble) {
        match trouble {
            Trouble::Freeze(pause) => {
                self.processes[process].frozen = true;
                self.later(pause, Due::GoOn(process));
            }
            Trouble::Sleep(pause) => {
                self.processes[process].frozen = true;
                self.processes[process].slept += pause;
                self.later(pause, Due::GoOn(process));
            }
            Trouble::ClockStep(seconds) => self.processes[process].clock_step += TimeDelta::seconds(seconds),
            Trouble::Signal(name) => {
                self.processes[process].signals.push(name);
                let wakers = std::mem::take(&mut self.processes[process].signal_wakers);
                wakers.into_iter().for_each(Waker::wake);
            }
            Trouble::OutputLost => self.processes[process].output_lost = true,
            // The stage drops the process.
            Trouble::Kill | Trouble::PowerLoss(_) => {}
        }
    }
}

fn nothing() -> WireResponse {
    WireResponse { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body: bytes::Bytes::new() }
}

/// The clocks of one process.
pub(super) struct Watch {
    pub cosmos: Shared<Cosmos>,
    pub process: usize,
}

impl Clock for Watch {
    fn now(&self) -> Now {
        lock(&self.cosmos).clocks(self.process)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let until = self.now().steady + duration;
        let mut called = None;
        Box::pin(poll_fn(move |context| {
            let mut cosmos = lock(&self.cosmos);
            let steady = cosmos.clocks(self.process).steady;
            if steady >= until {
                return Poll::Ready(());
            }
            // Steady time may have stood still since the call was ordered.
            if called.is_none_or(|at| cosmos.now >= at) {
                called = Some(cosmos.now + (until - steady));
                cosmos.later(until - steady, Due::Wake(context.waker().clone()));
            }
            Poll::Pending
        }))
    }

    fn jitter(&self) -> f64 {
        lock(&self.cosmos).dice.random_range(0.0..1.0)
    }
}
