//! Emulators, world, faults and log under one lock: decides what follows each request.

use super::delivery::{Answer, Delivery, End, Script};
use super::faults::{Fault, ForeignAnswer, Rule};
use super::log::{Entry, Log, Requests};
use super::machine::{Fate, Fleet};
use super::rules::{Hit, Rules};
use super::{Emulator, Inbound, Injected, Outbound, Route, World};
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::json;
use std::time::Duration;

/// The inside of a sandbox. It does no input or output and never waits.
pub(super) struct Host {
    emulators: Vec<Box<dyn Emulator>>,
    world: World,
    rules: Rules,
    requests: Requests,
}

impl Host {
    /// A host with the emulators' ready-made servers.
    pub(super) fn new(emulators: Vec<Box<dyn Emulator>>) -> Self {
        let world = World::new(ready_made(&emulators));
        Self { emulators, world, rules: Rules::default(), requests: Requests::default() }
    }

    /// Environment variables with which programs reach the sandbox.
    pub(super) fn credentials(&self, base: &str) -> Vec<(&'static str, String)> {
        let of = |emulator: &dyn Emulator| [emulator.credentials(), emulator.addresses(base)].concat();
        self.emulators.iter().flat_map(|emulator| of(&**emulator)).collect()
    }

    /// The rules, for the control interface.
    pub(super) fn rules(&mut self) -> &mut Rules {
        &mut self.rules
    }

    /// Adds a rule behind the others.
    pub(super) fn add_fault(&mut self, rule: Rule) {
        self.rules.add(rule);
    }

    /// A copy of the log.
    pub(super) fn log(&self) -> Log {
        let (requests, dropped) = self.requests.snapshot();
        let reinstalls = self.world.fleet.all().map(|machine| (machine.id.clone(), machine.reinstalls)).collect();
        Log { requests, dropped, reinstalls }
    }

    /// Puts every server back to how it was, and forgets rules and log. Time and numbers go on, so that
    /// ids handed out before are not handed out again.
    pub(super) fn reset(&mut self) {
        self.world.fleet = ready_made(&self.emulators);
        self.emulators.iter_mut().for_each(|emulator| emulator.reset());
        self.rules.clear();
        self.requests.clear();
    }

    /// Takes one request at sandbox time `now` and says what follows it.
    pub(super) fn receive(&mut self, mut request: Inbound, now: Duration) -> Delivery {
        self.world.now = now;
        self.world.fate = Fate::default();
        self.world.fates.clear();
        let mut entry = Entry {
            seq: 0,
            at: request.at,
            method: request.method.to_string(),
            path: request.path.clone(),
            operation: None,
            action: None,
            provider: None,
            servers: Vec::new(),
            status: None,
            fault: None,
            authorized: false,
        };
        let found = self
            .emulators
            .iter()
            .enumerate()
            .find_map(|(place, emulator)| emulator.route(&request).map(|route| (place, route)));
        let Some((place, route)) = found else {
            entry.status = Some(404);
            self.requests.push(entry);
            let answer = Outbound::json(404, &json!({"error": "no provider has this call; see /_sandbox/"}));
            return Delivery::Whole(Answer::new(answer, request.at), None);
        };
        entry.operation = Some(route.operation);
        entry.action = Some(route.action.clone());
        entry.provider = Some(route.provider);
        entry.servers.clone_from(&route.servers);

        let skew = self.rules.skew(&route);
        if let Some(skewed) = skew.and_then(|ms| request.at.checked_add_signed(TimeDelta::milliseconds(ms))) {
            request.at = skewed;
        }
        let delivery = match self.emulators[place].verify(&request, &mut self.world) {
            Err(refusal) => {
                entry.fault = skew.map(|_| "skew".to_owned());
                entry.status = Some(refusal.status);
                Delivery::Whole(Answer::new(refusal, request.at), None)
            }
            Ok(()) => {
                entry.authorized = true;
                let Hit { answer: fault, fates, mut words } = self.rules.hit(&route);
                if let Some((_, first)) = fates.first().filter(|(_, first)| fates.iter().all(|(_, fate)| fate == first))
                {
                    self.world.fate = *first;
                }
                self.world.fates.extend(fates);
                words.extend(skew.map(|_| "skew"));
                entry.fault = (!words.is_empty()).then(|| words.join("+"));
                let delivery = match self.carry_out(place, &request, &route, fault.as_ref()) {
                    None => Delivery::Raw(Script::nothing(End::Close)),
                    Some(answer) => Delivery::of(Answer::new(answer, request.at), fault.as_ref()),
                };
                entry.status = delivery.status();
                delivery
            }
        };
        self.requests.push(entry);
        delivery
    }

    /// Carries the request out, or not, as the fault says. `None` is no answer at all.
    fn carry_out(&mut self, place: usize, request: &Inbound, route: &Route, fault: Option<&Fault>) -> Option<Outbound> {
        let (emulator, world) = (&mut self.emulators[place], &mut self.world);
        Some(match fault {
            Some(Fault::CloseBefore) => return None,
            Some(Fault::Says(what, status)) => {
                let mut answer = emulator.inject(*what, route, world);
                answer.status = status.unwrap_or(answer.status);
                answer
            }
            Some(Fault::Throttle(pause)) => {
                let mut answer = emulator.inject(Injected::Throttled, route, world);
                if let Some(pause) = pause {
                    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("retry-after"));
                    answer.headers.push(("retry-after", pause.clone()));
                }
                answer
            }
            Some(Fault::ServerErrorAfter(status)) => {
                emulator.answer(request, route, world);
                let mut answer = emulator.inject(Injected::ServerError, route, world);
                answer.status = *status;
                answer
            }
            Some(Fault::Foreign(foreign)) => {
                let own = foreign.carried_out.then(|| emulator.answer(request, route, world));
                foreign.answer.in_place_of(own)
            }
            _ => emulator.answer(request, route, world),
        })
    }
}

impl ForeignAnswer {
    /// The answer that comes instead of the vendor's own, which is there only if the request was carried out.
    fn in_place_of(&self, own: Option<Outbound>) -> Outbound {
        let typed =
            |status, kind: &str, body: Bytes| Outbound { status, headers: Vec::new(), body }.with("content-type", kind);
        match self {
            Self::Redirect { status, location } => {
                typed(*status, "text/html", Bytes::new()).with("location", location.clone())
            }
            Self::Html { status } => {
                let page = "<!DOCTYPE html><html><head><title>Sandbox gateway</title></head><body>\
                            <h1>This page is not the interface that was asked for</h1></body></html>";
                typed(*status, "text/html; charset=utf-8", Bytes::from_static(page.as_bytes()))
            }
            Self::Garbage { status } => {
                typed(*status, "application/json", Bytes::from_static(b"\xef\xbb\xbf{\"\x00\xff\xfe\x1b[2J"))
            }
            Self::Huge { .. } => typed(200, "application/json", Bytes::new()),
            Self::ContentType { value } => {
                let own = own.unwrap_or_else(|| Outbound::json(200, &json!({})));
                typed(own.status, value, own.body)
            }
        }
    }
}

fn ready_made(emulators: &[Box<dyn Emulator>]) -> Fleet {
    let mut fleet = Fleet::default();
    emulators.iter().flat_map(|emulator| emulator.machines()).for_each(|machine| fleet.add(machine));
    fleet
}
