//! A server's life in the sandbox: which state it is in, which state it shows, and when.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// States that every vendor words for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Up.
    Running,
    /// Off.
    Stopped,
    /// Going down.
    Stopping,
    /// Coming up.
    Starting,
    /// Being reinstalled.
    Installing,
    /// The last reinstall failed.
    Failed,
}

/// How a reinstall ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As the vendor documents success.
    Good,
    /// Installed, but powered off.
    Off,
    /// The vendor's failed state.
    Failed,
    /// Never: it stays in progress.
    Stuck,
    /// Accepted, and nothing happens at all.
    NeverStarts,
    /// Gone from every list.
    Vanishes,
}

/// What the next reinstall comes to; fault rules change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How long the old state still shows after acceptance.
    pub stale: Duration,
    /// From acceptance to the end.
    pub duration: Duration,
    /// How it ends.
    pub ending: Ending,
    /// Whether the installing state shows; if not, the server goes from its old state to its end at once.
    pub shows_progress: bool,
}

impl Default for Fate {
    fn default() -> Self {
        Self {
            stale: Duration::from_millis(300),
            duration: Duration::from_millis(1600),
            ending: Ending::Good,
            shows_progress: true,
        }
    }
}

/// How long stopping and starting take.
pub const POWER_CHANGE: Duration = Duration::from_millis(300);

/// One server.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its id.
    pub id: String,
    /// The product it belongs to.
    pub provider: &'static str,
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// The vendor's fields, changed by orders as documented.
    pub fields: Map<String, Value>,
    /// How often it was really reinstalled.
    pub reinstalls: u32,
    /// When the last reinstall was accepted.
    pub reinstalled_at: Option<Duration>,
    truth: Vec<(Duration, Stage)>,
    shown: Vec<(Duration, Stage)>,
    pending: Vec<(Duration, Map<String, Value>)>,
    gone_at: Option<Duration>,
}

impl Machine {
    /// A server that has been in this state for ever.
    pub fn new(provider: &'static str, id: &str, name: &str, ip: &str, stage: Stage, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        Self {
            id: id.to_owned(),
            provider,
            name: name.to_owned(),
            ip: ip.to_owned(),
            fields,
            reinstalls: 0,
            reinstalled_at: None,
            truth: vec![(Duration::ZERO, stage)],
            shown: vec![(Duration::ZERO, stage)],
            pending: Vec::new(),
            gone_at: None,
        }
    }

    fn at(line: &[(Duration, Stage)], now: Duration) -> Stage {
        line.iter().rev().find(|(since, _)| *since <= now).map_or(Stage::Stopped, |(_, stage)| *stage)
    }

    /// The state it is really in: what decides whether a call is allowed.
    pub fn truth(&self, now: Duration) -> Stage {
        Self::at(&self.truth, now)
    }

    /// The state that reads show, which lags behind after an order.
    pub fn shown(&self, now: Duration) -> Stage {
        Self::at(&self.shown, now)
    }

    /// Whether it has vanished.
    pub fn gone(&self, now: Duration) -> bool {
        self.gone_at.is_some_and(|at| at <= now)
    }

    /// Changes one of its fields at that time.
    pub fn change_at(&mut self, at: Duration, field: &str, value: Value) {
        self.pending.push((at, Map::from_iter([(field.to_owned(), value)])));
    }

    /// Applies field changes that have come due. Call before reading `fields`.
    pub fn settle(&mut self, now: Duration) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at <= now);
        self.pending = later;
        for (_, changes) in due {
            self.fields.extend(changes);
        }
    }

    fn plan(&mut self, steps: &[(Duration, Stage)]) {
        let Some((first, _)) = steps.first() else { return };
        for line in [&mut self.truth, &mut self.shown] {
            line.retain(|(at, _)| at < first);
            line.extend_from_slice(steps);
        }
    }

    /// Powers it off.
    pub fn stop(&mut self, now: Duration) {
        self.plan(&[(now, Stage::Stopping), (now + POWER_CHANGE, Stage::Stopped)]);
    }

    /// Powers it on.
    pub fn start(&mut self, now: Duration) {
        self.plan(&[(now, Stage::Starting), (now + POWER_CHANGE, Stage::Running)]);
    }

    /// Reinstalls it: counts, and lays out what will be and what will be seen.
    /// `changes` are the fields that a good end brings.
    pub fn reinstall(&mut self, now: Duration, fate: &Fate, changes: Map<String, Value>) {
        if fate.ending == Ending::NeverStarts {
            return;
        }
        self.reinstalls += 1;
        self.reinstalled_at = Some(now);
        let end = now + fate.duration;
        let last = match fate.ending {
            Ending::Good => Some(Stage::Running),
            Ending::Off => Some(Stage::Stopped),
            Ending::Failed => Some(Stage::Failed),
            Ending::Stuck | Ending::NeverStarts | Ending::Vanishes => None,
        };
        self.truth.push((now, Stage::Installing));
        if fate.shows_progress {
            self.shown.push(((now + fate.stale).min(end), Stage::Installing));
        }
        if let Some(stage) = last {
            self.truth.push((end, stage));
            self.shown.push((end.max(now + fate.stale), stage));
        }
        match fate.ending {
            Ending::Good | Ending::Off => self.pending.push((end, changes)),
            Ending::Vanishes => self.gone_at = Some(now + fate.stale),
            _ => {}
        }
    }
}

/// All servers of the sandbox.
#[derive(Clone, Debug, Default)]
pub struct Fleet(BTreeMap<String, Machine>);

impl Fleet {
    /// Adds a server.
    pub fn add(&mut self, machine: Machine) {
        self.0.insert(machine.id.clone(), machine);
    }

    /// The server of this product with this id, unless it has vanished; fields are settled.
    pub fn get(&mut self, provider: &str, id: &str, now: Duration) -> Option<&mut Machine> {
        let machine = self.0.get_mut(id).filter(|machine| machine.provider == provider && !machine.gone(now))?;
        machine.settle(now);
        Some(machine)
    }

    /// All servers of a product, by id; fields are settled.
    pub fn of(&mut self, provider: &str, now: Duration) -> Vec<&mut Machine> {
        let mut found: Vec<_> =
            self.0.values_mut().filter(|machine| machine.provider == provider && !machine.gone(now)).collect();
        for machine in &mut found {
            machine.settle(now);
        }
        found
    }

    /// Every server, vanished ones too.
    pub fn all(&self) -> impl Iterator<Item = &Machine> {
        self.0.values()
    }
}
