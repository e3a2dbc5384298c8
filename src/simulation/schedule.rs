//! What one seed means: which servers, which limits, which weather, and what goes wrong when.

use super::network::{Damage, Fault};
use crate::providers::{Entry, Vendor, entries};
use crate::run::policy::Policy;
use crate::sandbox::Injected;
use crate::sandbox::machine::{Ending, Fate};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// How the network behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Weather {
    /// Nothing goes wrong.
    Calm,
    /// Exactly one exchange goes wrong, in this way: the place counts all exchanges, or only those that change
    /// something.
    One { place: usize, changes: bool, fault: Fault },
    /// So many exchanges go wrong, each in its own way.
    Storm(f64),
    /// Between these times every read goes wrong in this way.
    Outage { from: Duration, to: Duration, fault: Fault },
}

/// What happens to a process, or to its machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    /// SIGKILL.
    Kill,
    /// The power fails: what was not synced is lost, but for this share of it.
    PowerLoss(f64),
    /// SIGSTOP, and SIGCONT so much later.
    Freeze(Duration),
    /// The machine sleeps so long: its steady clock stands still.
    Sleep(Duration),
    /// The civil clock is set by so many seconds.
    ClockStep(i64),
    /// A signal that asks to end.
    Signal(&'static str),
    /// Nobody reads standard output any more.
    OutputLost,
}

/// A second operator with the same servers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Second {
    /// When it begins.
    pub at: Duration,
    /// Whether it works on the same machine, so that it sees the claims.
    pub same_machine: bool,
}

/// One schedule.
#[derive(Clone)]
pub(super) struct Schedule {
    pub seed: u64,
    pub lanes: Vec<(&'static Vendor, &'static Entry)>,
    /// Servers of each lane.
    pub servers: usize,
    /// Whether the operator names the image to install.
    pub names_images: bool,
    pub policy: Policy,
    pub timeout: Duration,
    pub weather: Weather,
    /// How far reads lag behind the truth.
    pub lag: Duration,
    /// How many reads show the past although newer ones did not.
    pub flaps: f64,
    pub troubles: Vec<(Duration, Trouble)>,
    /// The append that fails, and whether it is its sync.
    pub disk_breaks: Option<(usize, bool)>,
    /// The append within which the first process dies, after so many bytes.
    pub disk_kills: Option<(usize, usize)>,
    /// The exchange at which the first process dies, and whether its request still leaves.
    pub exchange_kills: Option<(usize, bool)>,
    pub second: Option<Second>,
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Schedule {
    /// The schedule of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let all: Vec<_> = entries().collect();
        let first = *all.choose(&mut dice).expect("a product");
        let mut lanes = vec![first];
        if dice.random_bool(0.1) {
            lanes.extend(all.iter().filter(|(vendor, entry)| vendor.name == first.0.name && entry.id != first.1.id));
        }
        let timeout = *[secs(600), secs(1200), secs(2400)].choose(&mut dice).expect("a time");
        let mut schedule = Self {
            seed,
            lanes,
            servers: dice.random_range(1..=3),
            names_images: dice.random_bool(0.5),
            policy: Policy {
                start_window: *[secs(120), secs(900)].choose(&mut dice).expect("a time"),
                poll_interval: dice.random_bool(0.3).then_some(secs(20)),
                concurrency: dice.random_range(1..=3),
                max_failures: dice.random_range(1..=3),
                no_wait: dice.random_bool(0.05),
                watch_only: false,
            },
            timeout,
            weather: Weather::Calm,
            lag: Duration::ZERO,
            flaps: 0.0,
            troubles: Vec::new(),
            disk_breaks: None,
            disk_kills: None,
            exchange_kills: None,
            second: None,
        };
        schedule.worsen(&mut dice);
        schedule
    }

    fn worsen(&mut self, dice: &mut StdRng) {
        self.weather = match dice.random_range(0..100) {
            0..25 => Weather::Calm,
            25..65 => Weather::One {
                place: dice.random_range(0..12),
                changes: dice.random_bool(0.6),
                fault: Fault::any(dice),
            },
            65..85 => Weather::Storm(dice.random_range(0.02..0.3)),
            _ => {
                let from = secs(dice.random_range(0..300));
                let to = from + secs(dice.random_range(10..1500));
                // A provider whose lists are without a server for minutes is believed: that is no outage.
                let fault = match Fault::any(dice) {
                    Fault::Says(Injected::NotFound) | Fault::Damaged(Damage::OtherServer) => Fault::Refused,
                    fault => fault,
                };
                Weather::Outage { from, to, fault }
            }
        };
        self.lag = *[Duration::ZERO, Duration::ZERO, secs(10), secs(60), secs(300)].choose(dice).expect("a lag");
        self.flaps = if dice.random_bool(0.2) { 0.1 } else { 0.0 };
        if dice.random_bool(0.4) {
            for _ in 0..dice.random_range(1..=3) {
                let longest = *[2_000, 60_000, 900_000].choose(dice).expect("a time");
                let at = Duration::from_millis(dice.random_range(0..longest));
                self.troubles.push((at, trouble(dice)));
            }
        }
        match dice.random_range(0..100) {
            0..10 => self.disk_kills = Some((dice.random_range(0..20), dice.random_range(0..1500))),
            10..20 => self.disk_breaks = Some((dice.random_range(0..20), dice.random_bool(0.5))),
            20..32 => self.exchange_kills = Some((dice.random_range(0..20), dice.random_bool(0.5))),
            32..47 => {
                let at = Duration::from_millis(dice.random_range(0..200_000));
                self.second = Some(Second { at, same_machine: dice.random_bool(0.6) });
            }
            _ => {}
        }
        // Whoever gives an order up before reads show what it did may take its end for that of the next one.
        if self.second.is_some() && self.lag > self.policy.start_window {
            self.policy.start_window = secs(900);
        }
    }

    /// What a reinstall comes to.
    pub(super) fn fate(dice: &mut StdRng) -> Fate {
        let ending = match dice.random_range(0..100) {
            0..62 => Ending::Good,
            62..74 => Ending::Failed,
            74..82 => Ending::Off,
            82..87 => Ending::Stuck,
            87..95 => Ending::NeverStarts,
            _ => Ending::Vanishes,
        };
        let duration = secs(dice.random_range(20..500));
        let stale = *[Duration::ZERO, secs(2), secs(20), secs(120), secs(300)].choose(dice).expect("a time");
        Fate { stale: stale.min(duration), duration, ending, shows_progress: dice.random_bool(0.85) }
    }

    /// Whether nothing but time stands between an order and its end.
    pub(super) fn calm(&self) -> bool {
        self.weather == Weather::Calm
            && self.flaps == 0.0
            && self.troubles.is_empty()
            && self.disk_breaks.is_none()
            && self.disk_kills.is_none()
            && self.exchange_kills.is_none()
            && self.second.is_none()
    }
}

fn trouble(dice: &mut StdRng) -> Trouble {
    match dice.random_range(0..100) {
        0..30 => Trouble::Kill,
        30..45 => Trouble::PowerLoss(dice.random_range(0.0..1.0)),
        45..60 => Trouble::Freeze(secs(dice.random_range(1..2000))),
        60..70 => Trouble::Sleep(secs(dice.random_range(1..8000))),
        70..80 => {
            let most = *[60, 1000, 100_000].choose(dice).expect("a time");
            Trouble::ClockStep(dice.random_range(-most..most))
        }
        80..93 => Trouble::Signal(if dice.random_bool(0.5) { "SIGINT" } else { "SIGTERM" }),
        _ => Trouble::OutputLost,
    }
}
