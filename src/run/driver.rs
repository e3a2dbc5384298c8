//! Carries out what the machine says: reads, orders and power calls side by side, events in order.

use super::machine::{Action, Chance, Input, Lane, Machine, Power};
use super::policy::PERMIT_LIFE;
use super::recorder::{Lost, Recorder};
use crate::client::{Client, Delivery, Outcome};
use crate::clock::Clock;
use crate::flaw::{self, Flaw};
use crate::journal::Claims;
use crate::model::{ApiError, FaultClass, Order, OrderSecrets, Seen, ServerId, Watch, What, Wish};
use crate::secret::Reveal;
use crate::wire::ReadFault;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long sends that are under way are waited for after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// Shut at a signal, at HALT, and when journal or output is lost: what still waits for its turn stays unsent.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl Gate {
    fn shut(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn open(&self) -> bool {
        !self.0.load(Ordering::Acquire) || flaw::is(Flaw::OrderAfterHalt)
    }
}

/// Everything that a run works with.
pub struct Crew<'a> {
    /// One client per lane.
    pub clients: &'a [Client],
    /// Secrets by group.
    pub secrets: &'a [OrderSecrets],
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Claims to give back at a verdict.
    pub claims: Option<Claims>,
}

/// How a run ended, beside the verdicts.
#[derive(Debug, Default)]
pub struct Ended {
    /// The signal that ended it.
    pub signal: Option<&'static str>,
    /// The journal was lost.
    pub journal_lost: Option<String>,
    /// Standard output was lost.
    pub output_lost: bool,
    /// A password that the provider made up could not be written to its file.
    pub password_lost: bool,
}

/// Makes the lane of a product for a wish.
pub fn lane(
    client: &Client,
    wish: Wish,
    timeout: Option<Duration>,
    product: Arc<dyn crate::providers::Product>,
) -> Lane {
    let facts = &client.product().entry().facts;
    let arranging = product.clone();
    Lane {
        product: client.product().entry().id,
        order_batch: facts.order_batch,
        observe_batch: facts.observe_batch,
        timeout: timeout.unwrap_or(facts.timeout),
        token_door: facts.token_door,
        power_off: wish.power_off,
        start_when_off: wish.power_on == crate::model::PowerOn::Auto,
        new_password: client.product().new_password().filter(|_| wish.login.password),
        admit: Box::new(move |seen| product.admit(seen, &wish)),
        arranges: Box::new(move |prepared| arranging.arrange(prepared).is_some()),
    }
}

/// The machine's randomness.
pub struct RandomChance;

impl Chance for RandomChance {
    fn unit(&mut self) -> f64 {
        rand::random_range(0.0..1.0)
    }

    fn token(&mut self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

/// Drives the machine until every server has its verdict or a signal asks to leave.
pub async fn drive(
    machine: &mut Machine,
    crew: &Crew<'_>,
    recorder: &mut Recorder<'_>,
    mut signals: impl FnMut() -> BoxFuture<'static, &'static str>,
) -> Ended {
    let mut ended = Ended::default();
    let mut flying: FuturesUnordered<BoxFuture<'_, Input>> = FuturesUnordered::new();
    let mut inputs = VecDeque::from([Input::Tick]);
    let mut signal = signals();
    let mut leave_at: Option<Duration> = None;
    let gate = Gate::default();
    loop {
        while let Some(input) = inputs.pop_front() {
            let actions = machine.step(crew.clock.now(), input);
            carry_out(machine, crew, recorder, actions, &gate, &mut flying, &mut inputs, &mut ended);
            if machine.halted().is_some() {
                gate.shut();
            }
        }
        if machine.done() {
            return ended;
        }
        let now = crew.clock.now();
        let idle = match leave_at {
            Some(at) if at <= now.steady => return ended,
            Some(at) => Some(at.saturating_sub(now.steady)),
            None => machine.idle(now),
        };
        // A look at the clocks at least each ten seconds, so that a suspension is noticed.
        let pause = idle.unwrap_or(Duration::from_secs(10)).clamp(Duration::from_millis(1), Duration::from_secs(10));
        tokio::select! {
            biased;
            name = &mut signal => {
                if ended.signal.is_some() {
                    return ended;
                }
                gate.shut();
                ended.signal = Some(name);
                // The pause may have lasted longer than the grace: it counts from now.
                leave_at = Some(crew.clock.now().steady + GRACE);
                inputs.push_back(Input::Signal(name));
                signal = signals();
            }
            Some(input) = flying.next(), if !flying.is_empty() => {
                ended.password_lost |= matches!(&input, Input::Sent { lost, .. } if !lost.is_empty());
                inputs.push_back(input);
            }
            () = crew.clock.sleep(pause) => inputs.push_back(Input::Tick),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the run that only the driver holds together")]
fn carry_out<'a>(
    machine: &Machine,
    crew: &'a Crew<'_>,
    recorder: &mut Recorder<'_>,
    actions: Vec<Action>,
    gate: &Gate,
    flying: &mut FuturesUnordered<BoxFuture<'a, Input>>,
    inputs: &mut VecDeque<Input>,
    ended: &mut Ended,
) {
    // Once a record is lost, nothing later in the list may change a server.
    let mut void = false;
    for action in actions {
        match action {
            Action::Record(index, what) => {
                let target = index.map(|index| &machine.targets()[index]);
                let provider = target.map(|target| crew.clients[target.lane].product());
                let named = target.zip(provider).map(|(target, product)| (product.entry().id, target.id()));
                let verdict = matches!(what, What::Verdict { .. });
                match recorder.record(named, what) {
                    Ok(()) => {}
                    Err(Lost::Journal(lost)) => {
                        void = true;
                        gate.shut();
                        if ended.journal_lost.is_none() {
                            ended.journal_lost = Some(lost.to_string());
                            inputs.push_back(Input::JournalLost);
                        }
                    }
                    Err(Lost::Output(_)) => {
                        gate.shut();
                        if !ended.output_lost {
                            ended.output_lost = true;
                            inputs.push_back(Input::OutputLost);
                        }
                    }
                }
                if let (true, false, Some((target, product)), Some(claims)) =
                    (verdict, void, target.zip(provider), &crew.claims)
                {
                    claims.release(product.endpoint().as_str(), product.entry().id, target.id(), recorder.run());
                }
            }
            Action::Look { lane, targets } => {
                let watches = targets
                    .iter()
                    .map(|&index| {
                        let target = &machine.targets()[index];
                        Watch { id: target.id().clone(), ticket: target.ticket.clone() }
                    })
                    .collect();
                flying.push(Box::pin(look(&crew.clients[lane], targets, watches)));
            }
            Action::Arrange { target, issued } => {
                if !gate.open() {
                    let unsent =
                        Outcome::Unsent { class: FaultClass::Unreachable, error: held_back(ended), renewed: false };
                    inputs.push_back(Input::Arranged { target, result: Err(unsent) });
                    continue;
                }
                let chosen = &machine.targets()[target];
                let client = &crew.clients[chosen.lane];
                let prepared = chosen.prepared.clone();
                let (gate, clock) = (gate.clone(), crew.clock.clone());
                flying.push(Box::pin(async move {
                    let fresh = || clock.now().boot.saturating_sub(issued) < PERMIT_LIFE;
                    let result = client.arrange(&prepared, || fresh() && gate.open()).await;
                    Input::Arranged { target, result }
                }));
            }
            Action::Send { permit, issued, lane, targets, token } => {
                if !gate.open() {
                    let error = held_back(ended);
                    let unsent = Outcome::Unsent { class: FaultClass::Unreachable, error, renewed: false };
                    let outcomes = targets.into_iter().map(|index| (index, unsent.clone())).collect();
                    inputs.push_back(Input::Sent { permit, outcomes, halt: None, hold: None, lost: Vec::new() });
                    continue;
                }
                flying.push(Box::pin(send(crew, machine, gate.clone(), permit, issued, lane, targets, token)));
            }
            Action::Power { target, power, issued } => {
                if !gate.open() {
                    continue;
                }
                let chosen = &machine.targets()[target];
                let client = &crew.clients[chosen.lane];
                let secrets = &crew.secrets[chosen.secrets];
                let mode = machine.lanes[chosen.lane].power_off;
                let request = match power {
                    Power::Off => client.product().stop(&chosen.prepared, mode, secrets),
                    Power::On => client.product().start(&chosen.prepared, secrets),
                };
                let id = chosen.id().clone();
                let (gate, clock) = (gate.clone(), crew.clock.clone());
                flying.push(Box::pin(async move {
                    let fresh = || clock.now().boot.saturating_sub(issued) < PERMIT_LIFE;
                    let result = match request {
                        Some(request) => client.power(request, &id, || fresh() && gate.open()).await,
                        None => Err((
                            FaultClass::Invalid,
                            ApiError::local("no_power_call", "the product has no such call".to_owned()),
                        )),
                    };
                    Input::Powered { target, power, result }
                }));
            }
        }
    }
}

/// Why an order whose turn had come did not leave.
fn held_back(ended: &Ended) -> ApiError {
    if ended.journal_lost.is_some() {
        ApiError::local("journal_lost", "the intent could not be recorded".to_owned())
    } else if ended.output_lost {
        ApiError::local("output_lost", "the intent could not be told".to_owned())
    } else {
        ApiError::local("not_started", "the run ended before its turn".to_owned())
    }
}

async fn look(client: &Client, targets: Vec<usize>, watches: Vec<Watch>) -> Input {
    let reader = client.single();
    let portions = watches.chunks(client.portion()).map(|portion| async {
        let seen = client.product().observe(&reader, portion).await;
        let broken = |(_, seen): &(_, Seen)| matches!(seen, Seen::Fault(fault) if fault.class == FaultClass::Malformed);
        let readable = portion.len() == 1 || !seen.iter().all(broken);
        (seen, readable)
    });
    let told = join_all(portions).await;
    client.looked(watches.len(), told.iter().all(|(_, readable)| *readable));
    let mut seen: Vec<_> = told.into_iter().flat_map(|(seen, _)| seen).collect();
    let results = targets
        .into_iter()
        .zip(&watches)
        .map(|(index, watch)| {
            let place = seen.iter().position(|(id, _)| *id == watch.id);
            let one = place.map(|place| seen.swap_remove(place).1).unwrap_or_else(|| {
                Seen::Fault(ReadFault::malformed("the answer says nothing of this server".to_owned()))
            });
            (index, one)
        })
        .collect();
    Input::Looked(results)
}

/// Keeps the passwords that the provider made up, before anything else is told of the order. Returns the servers for
/// which that failed, and why.
fn keep(secrets: &OrderSecrets, delivery: &Delivery, ids: &[ServerId], targets: &[usize]) -> Vec<(usize, String)> {
    let Some(book) = secrets.keep.as_ref() else { return Vec::new() };
    let lost = delivery.returned.0.iter().filter_map(|(id, password)| {
        let why = book.keep(id, password).err()?;
        let place = ids.iter().position(|known| known == id)?;
        Some((targets[place], why))
    });
    lost.collect()
}

/// Builds the order now and returns the future that sends it.
#[expect(
    clippy::too_many_arguments,
    reason = "everything that an order is made of, taken before the future that sends it"
)]
fn send<'a>(
    crew: &'a Crew<'_>,
    machine: &Machine,
    gate: Gate,
    permit: u64,
    issued: Duration,
    lane: usize,
    targets: Vec<usize>,
    token: Option<String>,
) -> impl Future<Output = Input> + Send + use<'a> {
    let client = &crew.clients[lane];
    let all = machine.targets();
    let batch: Vec<&crate::model::Prepared> = targets.iter().map(|&index| &*all[index].prepared).collect();
    let secrets = &crew.secrets[all[targets[0]].secrets];
    let order = Order { batch: &batch, secrets, token: token.as_deref(), reveal: Reveal::Real };
    let request = client.product().order(&order);
    let ids: Vec<_> = batch.iter().map(|prepared| prepared.record.id.clone()).collect();
    let clock = crew.clock.clone();
    async move {
        let fresh = || clock.now().boot.saturating_sub(issued) < PERMIT_LIFE || flaw::is(Flaw::PermitForEver);
        let delivery = client.order(request, &ids, || fresh() && gate.open()).await;
        let lost = keep(secrets, &delivery, &ids, &targets);
        let outcomes = targets.into_iter().zip(delivery.outcomes).collect();
        Input::Sent { permit, outcomes, halt: delivery.halt, hold: delivery.hold, lost }
    }
}
