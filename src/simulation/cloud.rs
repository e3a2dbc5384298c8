//! The providers: their own emulators over one world whose time the simulation sets.

use crate::model::ServerId;
use crate::providers::Vendor;
use crate::providers::bench::{MapSources, response};
use crate::sandbox::machine::{Fate, Fleet, Stage};
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use crate::wire::WireResponse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Every vendor of a schedule.
pub(super) struct Cloud {
    parts: Vec<Box<dyn Emulator>>,
    world: World,
    /// The newest moment that a read has shown; reads do not go back behind it, but for single ones.
    shown: Duration,
    /// What the last read of each showed from behind that: two in a row do not.
    flapped: BTreeSet<String>,
}

/// A request as the cloud understands it.
pub(super) struct Call {
    part: usize,
    pub route: Route,
}

impl Call {
    /// Whether it changes a server.
    pub(super) fn changes(&self) -> bool {
        !matches!(self.route.operation, Operation::SignIn | Operation::Read)
    }
}

impl Cloud {
    pub(super) fn new<'v>(vendors: impl Iterator<Item = &'v Vendor>) -> Self {
        let parts: Vec<Box<dyn Emulator>> = vendors.map(|vendor| (vendor.emulator)()).collect();
        let mut fleet = Fleet::default();
        for machine in parts.iter().flat_map(|part| part.machines()) {
            fleet.add(machine);
        }
        Self { parts, world: World::new(fleet), shown: Duration::ZERO, flapped: BTreeSet::new() }
    }

    /// Settings and credentials for a product of the vendor in this place.
    pub(super) fn sources(&self, part: usize) -> MapSources {
        MapSources::of(&*self.parts[part])
    }

    /// The ready-made servers of a product.
    pub(super) fn servers(&self, provider: &str) -> Vec<ServerId> {
        self.world
            .fleet
            .all()
            .filter(|machine| machine.provider == provider)
            .filter_map(|machine| ServerId::new(&machine.id).ok())
            .collect()
    }

    pub(super) fn call(&self, request: &Inbound) -> Option<Call> {
        let route = |(part, emulator): (usize, &dyn Emulator)| Some(Call { part, route: emulator.route(request)? });
        self.parts.iter().map(|part| &**part).enumerate().find_map(route)
    }

    /// Answers a request that arrives now. A read shows the past, `lag` ago; a change comes to what `fate` says.
    /// Returns the servers that were wiped by it.
    pub(super) fn answer(
        &mut self,
        call: &Call,
        request: &Inbound,
        now: Duration,
        lag: Lag,
        fate: Fate,
    ) -> (WireResponse, Vec<String>) {
        let before = self.wipes();
        self.world.now = now;
        self.world.fate = fate;
        let emulator = &mut self.parts[call.part];
        let outbound = match emulator.verify(request, &mut self.world) {
            Ok(()) => {
                if call.route.operation == Operation::Read {
                    let past = now.saturating_sub(lag.behind);
                    let flaps = flaps(&mut self.flapped, &self.world.fleet, call, lag.flap);
                    self.world.now = if flaps { past } else { past.max(self.shown) };
                    self.shown = self.shown.max(self.world.now);
                }
                emulator.answer(request, &call.route, &mut self.world)
            }
            Err(refusal) => refusal,
        };
        self.world.now = now;
        let wiped = self.wipes().into_iter().filter(|(id, count)| before.get(id) != Some(count)).map(|(id, _)| id);
        (response(outbound), wiped.collect())
    }

    /// An error in the vendor's own words; nothing is carried out.
    pub(super) fn inject(&mut self, call: &Call, what: Injected) -> WireResponse {
        let outbound: Outbound = self.parts[call.part].inject(what, &call.route, &mut self.world);
        response(outbound)
    }

    fn wipes(&self) -> BTreeMap<String, u32> {
        self.world.fleet.all().map(|machine| (machine.id.clone(), machine.reinstalls)).collect()
    }

    /// What a server really is at this moment.
    pub(super) fn truth(&self, id: &str, now: Duration) -> Option<Stage> {
        let machine = self.world.fleet.all().find(|machine| machine.id == id)?;
        (!machine.gone(now)).then(|| machine.truth(now))
    }
}

/// Whether this read goes back behind what was shown: never twice in a row for a server, by itself or in a list.
fn flaps(flapped: &mut BTreeSet<String>, fleet: &Fleet, call: &Call, may: bool) -> bool {
    let mut shown = call.route.servers.clone();
    if shown.is_empty() {
        let all = fleet.all().filter(|machine| machine.provider == call.route.provider);
        shown.extend(all.map(|machine| machine.id.clone()));
    }
    let flaps = may && !shown.iter().any(|id| flapped.contains(id));
    for id in shown {
        if flaps {
            flapped.insert(id)
        } else {
            flapped.remove(&id)
        };
    }
    flaps
}

/// How a read lags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lag {
    pub behind: Duration,
    /// It may go back behind what an earlier read has shown.
    pub flap: bool,
}
