//! An operator's process: plans, orders and watches as the verb does, or goes on with a run as `resume` does.

use super::cosmos::{Cosmos, Watch};
use super::network::Line;
use super::{Shared, disk, lock};
use crate::client::Client;
use crate::clock::Clock;
use crate::journal::{Claim, Claims, Journal, Story};
use crate::model::{
    Choice, Event, Exit, LoginWish, OrderSecrets, PlannedTarget, Record, Ref, RunHead, RunId, ServerId, Verdict, What,
    Wish,
};
use crate::providers::Product;
use crate::run::driver::{Crew, Ended, drive, lane};
use crate::run::machine::{Chance, Lane, Machine};
use crate::run::plan::{self, PlanLane};
use crate::run::recorder::{Listener, Recorder};
use crate::run::resume::{Past, past};
use crate::run::rivals::{Ours, ordered_in};
use crate::run::target::{Stage, Target};
use crate::secret::Secret;
use crate::wire::ReadFault;
use chrono::DateTime;
use futures_util::future::BoxFuture;
use rand::RngExt;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;

/// The password of every order; nothing that a process writes may hold it.
pub(super) const PASSWORD: &str = "Canary-7f3-Passw0rd";

/// What a process has to work with.
pub(super) struct Desk {
    pub cosmos: Shared<Cosmos>,
    /// The operator's run.
    pub run: usize,
    pub process: usize,
    pub disk: disk::Handle,
    pub claims: Option<Claims>,
    pub refs: Vec<ServerId>,
}

type Opening = Vec<(Option<(&'static str, ServerId)>, What)>;

/// The parts of a process that plan and resume share.
struct Kit {
    clock: Arc<dyn Clock>,
    products: Vec<Arc<dyn Product>>,
    clients: Vec<Client>,
    /// What is asked of each product.
    wishes: Vec<Wish>,
    id: RunId,
}

impl Desk {
    fn kit(&self) -> Kit {
        let cosmos = lock(&self.cosmos);
        let clock: Arc<dyn Clock> = Arc::new(Watch { cosmos: self.cosmos.clone(), process: self.process });
        let mut vendors: Vec<&str> = Vec::new();
        let mut products = Vec::new();
        for (vendor, entry) in &cosmos.schedule.lanes {
            let place = vendors.iter().position(|name| *name == vendor.name).unwrap_or_else(|| {
                vendors.push(vendor.name);
                vendors.len() - 1
            });
            let product = (entry.build)(&cosmos.cloud.sources(place)).expect("the emulator's own credentials");
            products.push(Arc::<dyn Product>::from(product));
        }
        drop(cosmos);
        let line = || Arc::new(Line { cosmos: self.cosmos.clone(), process: self.process });
        let clients =
            products.iter().map(|product| Client::new(product.clone(), line(), clock.clone(), None)).collect();
        let plain = Wish { login: LoginWish { password: true, none: false }, ..Wish::default() };
        let asked = lock(&self.cosmos).wishes.get(&self.run).cloned();
        let wishes = asked.unwrap_or_else(|| vec![plain; products.len()]);
        // The same name at every run of the seed: nothing may depend on the real clock.
        let id = RunId::parse(&format!("{:032x}", self.run + 1)).expect("a run id");
        Kit { clock, products, clients, wishes, id }
    }

    /// A new run: plan, claims, orders, watching.
    pub(super) async fn begin(self) {
        let mut kit = self.kit();
        let refs: Vec<Ref> = self.refs.iter().cloned().map(Ref::Id).collect();
        let clients: Vec<&Client> = kit.clients.iter().collect();
        let Ok(chosen) = plan::select(&clients, &refs).await else { return self.gone(None) };
        if self.name_images(&mut kit, &chosen).await.is_err() {
            return self.gone(None);
        }
        let wishes: Vec<_> = kit.wishes.iter().cloned().map(Ok).collect();
        let lanes: Vec<PlanLane<'_>> =
            kit.clients.iter().zip(&wishes).map(|(client, wish)| PlanLane { client, wish }).collect();
        let Ok(rows) = plan::prepare(&lanes, chosen, &Default::default()).await else { return self.gone(None) };
        let mut opening: Opening = Vec::new();
        let mut targets = Vec::new();
        let mut records = Vec::new();
        for row in rows {
            let product = &kit.products[row.lane];
            let named = Some((product.entry().id, row.record.id.clone()));
            let arranges = row.result.as_ref().is_ok_and(|prepared| product.arrange(prepared).is_some());
            lock(&self.cosmos).oracle.planned(self.run, &row.record.id, arranges);
            match row.result {
                Err(error) => records.push((named, What::Verdict { verdict: Verdict::Skipped, error: Some(error) })),
                Ok(prepared) => {
                    let endpoint = product.endpoint().to_string();
                    let planned = PlannedTarget { region: None, account: None, endpoint, prepared: prepared.clone() };
                    records.push((named, What::Planned(Box::new(planned))));
                    targets.push(Target::planned(row.lane, Arc::new(prepared), 0));
                }
            }
        }
        let mut head = self.head(&kit, records.len());
        let hashed: Vec<_> = records
            .iter()
            .filter_map(|(named, what)| match (named, what) {
                (Some((provider, _)), What::Planned(planned)) => Some((*provider, &**planned)),
                _ => None,
            })
            .collect();
        head.plan_hash = plan::digest(&head, &hashed);
        opening.push((None, What::RunOpened(Box::new(head))));
        opening.extend(records);
        opening.push((None, What::Confirmed { by: "--yes".to_owned() }));
        let targets = self.claim(&kit, targets, &mut opening);
        let journal = Journal::on(Box::new(self.disk.clone()), PathBuf::from("journal"), 0, "boot");
        self.work(kit, journal, 0, 1, opening, targets).await;
    }

    /// Where the schedule says so, names an image for each product: another one than its first server has.
    async fn name_images(&self, kit: &mut Kit, chosen: &[(usize, Record)]) -> Result<(), ReadFault> {
        let (named, seed) = {
            let cosmos = lock(&self.cosmos);
            (cosmos.schedule.names_images, cosmos.schedule.seed)
        };
        for (lane, client) in kit.clients.iter().enumerate().filter(|_| named) {
            let Some((_, first)) = chosen.iter().find(|(of, _)| *of == lane) else { continue };
            let known = client.product().images(&client.patient(), Some(first)).await?;
            let others: Vec<String> =
                known.into_iter().map(|image| image.id).filter(|id| first.seen.image.as_ref() != Some(id)).collect();
            let place = seed as usize % others.len().max(1);
            kit.wishes[lane].image = others.into_iter().nth(place).map(Choice::Id);
        }
        lock(&self.cosmos).wishes.insert(self.run, kit.wishes.clone());
        Ok(())
    }

    /// Goes on with the run from its journal alone.
    pub(super) async fn resume(self) {
        let kit = self.kit();
        let story = Story::read(&self.disk.bytes());
        self.disk.cut(story.good_bytes);
        let damage = || format!("after a crash the journal is damaged: {:?}", story.damage);
        lock(&self.cosmos).oracle.hold("I6", story.damage.is_none(), damage);
        let Ok(Past { servers, confirmed: true, last_seq, next_permit, .. }) = past(&story.events, kit.clock.now())
        else {
            self.release_all(&kit);
            return self.gone(None);
        };
        let epoch = story.epoch + 1;
        let journal = Journal::on(Box::new(self.disk.clone()), PathBuf::from("journal"), epoch, "boot");
        let mut opening: Opening = vec![(None, What::Resumed { times: epoch })];
        let mut targets = Vec::new();
        for server in servers {
            let lane = kit.products.iter().position(|product| product.entry().id == server.provider);
            let untold = server.untold();
            if let (Some(mut target), Some(lane)) = (server.target, lane) {
                let named = (kit.products[lane].entry().id, server.instance);
                opening.extend(untold.map(|verdict| (Some(named), verdict)));
                target.lane = lane;
                targets.push(target);
            }
        }
        let (done, open): (Vec<_>, Vec<_>) = targets.into_iter().partition(|target| target.stage == Stage::Done);
        let open = self.without_rivals(&kit, &story, open, &mut opening);
        let mut targets = self.claim(&kit, open, &mut opening);
        targets.extend(done);
        self.work(kit, journal, last_seq, next_permit, opening, targets).await;
    }

    fn head(&self, kit: &Kit, total: usize) -> RunHead {
        let cosmos = lock(&self.cosmos);
        let (policy, timeout) = (&cosmos.schedule.policy, cosmos.schedule.timeout);
        RunHead {
            program: String::new(),
            wish: kit.wishes[0].clone(),
            reason: None,
            plan_hash: String::new(),
            by: None,
            total,
            timeout: Some(timeout),
            start_window: policy.start_window,
            poll_interval: policy.poll_interval,
            concurrency: policy.concurrency,
            max_failures: policy.max_failures,
            no_wait: policy.no_wait,
            place: Vec::new(),
            sandbox: false,
        }
    }

    /// What another run of this machine has ordered for since is none of this run's any more.
    fn without_rivals(&self, kit: &Kit, own: &Story, targets: Vec<Target>, opening: &mut Opening) -> Vec<Target> {
        if self.claims.is_none() {
            return targets;
        }
        let disks = lock(&self.cosmos).disks.clone();
        let others = disks.iter().enumerate().filter(|(run, _)| *run != self.run);
        let others: Vec<Story> = others.map(|(_, disk)| Story::read(&disk.bytes())).collect();
        let ordered = |event: &&Event| matches!(event.what, What::OrderIntent { .. });
        let mut free = Vec::new();
        for target in targets {
            let product = &kit.products[target.lane];
            let mine =
                own.events.iter().rev().filter(|event| event.instance.as_ref() == Some(target.id())).find(ordered);
            let since = mine.or_else(|| own.events.first()).map_or(DateTime::UNIX_EPOCH, |event| event.at);
            let (provider, endpoint) = (product.entry().id, product.endpoint().as_str());
            let ours = Ours { provider, endpoint, instance: target.id(), since };
            if others.iter().any(|story| ordered_in(story, &ours)) {
                let verdict = if target.ordered() { Verdict::Unverified } else { Verdict::Skipped };
                opening.push((Some((provider, target.id().clone())), What::Verdict { verdict, error: None }));
            } else {
                free.push(target);
            }
        }
        free
    }

    fn claim(&self, kit: &Kit, targets: Vec<Target>, opening: &mut Opening) -> Vec<Target> {
        let Some(claims) = &self.claims else { return targets };
        let mut free = Vec::new();
        for target in targets {
            let product = &kit.products[target.lane];
            let claim = Claim::new(&kit.id, product.entry().id, target.id(), kit.clock.now().wall);
            match claims.take(product.endpoint().as_str(), &claim) {
                Ok(()) => free.push(target),
                Err(_) => {
                    let verdict = if target.ordered() { Verdict::Unverified } else { Verdict::Skipped };
                    let verdict = What::Verdict { verdict, error: None };
                    opening.push((Some((product.entry().id, target.id().clone())), verdict));
                }
            }
        }
        free
    }

    async fn work(
        self,
        kit: Kit,
        journal: Journal,
        last_seq: u64,
        next_permit: u64,
        opening: Opening,
        targets: Vec<Target>,
    ) {
        let (policy, timeout) = {
            let cosmos = lock(&self.cosmos);
            (cosmos.schedule.policy.clone(), cosmos.schedule.timeout)
        };
        let mut ears = Ears { cosmos: self.cosmos.clone(), process: self.process, run: self.run };
        let mut recorder = Recorder::new(kit.id.clone(), Some(journal), last_seq, &mut ears, kit.clock.clone());
        for (target, what) in opening {
            let target = target.as_ref().map(|(provider, id)| (*provider, id));
            if matches!(recorder.record(target, what), Err(crate::run::recorder::Lost::Journal(_))) {
                self.release_all(&kit);
                return self.gone(None);
            }
        }
        let lanes: Vec<Lane> = kit
            .products
            .iter()
            .zip(&kit.clients)
            .zip(&kit.wishes)
            .map(|((product, client), wish)| lane(client, wish.clone(), Some(timeout), product.clone()))
            .collect();
        let chance = Dice { cosmos: self.cosmos.clone(), run: self.run };
        let mut machine = Machine::new(policy, lanes, targets, next_permit, Box::new(chance));
        let secrets = [OrderSecrets {
            password: Some(Secret::from(PASSWORD.to_owned()).shared()),
            user_data: None,
            ..OrderSecrets::default()
        }];
        let crew =
            Crew { clients: &kit.clients, secrets: &secrets, clock: kit.clock.clone(), claims: self.claims.clone() };
        let mut ended = Ended::default();
        if !machine.done() {
            ended = drive(&mut machine, &crew, &mut recorder, || self.signal()).await;
        }
        let whole = ended.signal.is_none() && ended.journal_lost.is_none();
        if whole {
            let _ = recorder.record(None, What::RunClosed { exit_code: Exit::Success.code() });
        }
        let told: Vec<_> = machine
            .targets()
            .iter()
            .map(|target| (target.id().clone(), target.verdict, target.orders_sent()))
            .collect();
        lock(&self.cosmos).oracle.reported(self.run, &told, whole);
        self.gone(Some(whole));
    }

    fn signal(&self) -> BoxFuture<'static, &'static str> {
        let (cosmos, process) = (self.cosmos.clone(), self.process);
        Box::pin(poll_fn(move |context| {
            let mut cosmos = lock(&cosmos);
            let process = &mut cosmos.processes[process];
            if process.signals.is_empty() {
                process.signal_wakers.push(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(process.signals.remove(0))
        }))
    }

    fn release_all(&self, kit: &Kit) {
        if let Some(claims) = &self.claims {
            claims.release_all(&kit.id);
        }
    }

    /// The process ends by itself. `None`: nothing was or ever will be sent.
    fn gone(&self, whole: Option<bool>) {
        let mut cosmos = lock(&self.cosmos);
        cosmos.processes[self.process].alive = false;
        cosmos.oracle.runs.entry(self.run).or_default().closed = whole != Some(false);
    }
}

/// Hears what the program tells.
struct Ears {
    cosmos: Shared<Cosmos>,
    process: usize,
    run: usize,
}

impl Listener for Ears {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        let mut cosmos = lock(&self.cosmos);
        let now = cosmos.now;
        if let (What::Verdict { verdict, .. }, Some(id)) = (&event.what, &event.instance) {
            let truth = cosmos.cloud.truth(id.as_str(), now);
            cosmos.oracle.verdict(now, self.run, id, *verdict, truth);
        }
        match &event.what {
            What::Halted { .. } => cosmos.oracle.hushed(self.process, "HALT"),
            What::Signalled { .. } => cosmos.oracle.hushed(self.process, "a signal"),
            _ => {}
        }
        if !cosmos.processes[self.process].output_lost {
            return Ok(());
        }
        cosmos.oracle.hushed(self.process, "the loss of standard output");
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// The machine's randomness out of the seed.
struct Dice {
    cosmos: Shared<Cosmos>,
    run: usize,
}

impl Chance for Dice {
    fn unit(&mut self) -> f64 {
        lock(&self.cosmos).dice.random_range(0.0..1.0)
    }

    fn token(&mut self) -> String {
        format!("token-{}-{:x}", self.run, lock(&self.cosmos).dice.random::<u64>())
    }
}
