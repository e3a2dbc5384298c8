//! One product in front of its vendor's emulator, over real loopback and with time that runs five times as fast.

use crate::given::Given;
use crate::wiretap::Tap;
use reinstall::client::Client;
use reinstall::clock::{Clock, Now, Sleep, SystemClock};
use reinstall::model::{
    Event, Guard, LoginWish, Order, OrderSecrets, PowerPlan, Prepared, Record, Ref, Refusal, RunId, ServerId, Watch,
    What, Wish,
};
use reinstall::providers::{Admission, Entry, Facts, Product, SignScope, Vendor};
use reinstall::run::driver::{Crew, Ended, RandomChance, drive, lane};
use reinstall::run::machine::Machine;
use reinstall::run::plan::{self, PlanLane};
use reinstall::run::policy::Policy;
use reinstall::run::recorder::{Listener, Recorder};
use reinstall::run::target::Target;
use reinstall::sandbox::faults::{Fault, Rule};
use reinstall::sandbox::log::Entry as Logged;
use reinstall::sandbox::{Operation, Sandbox};
use reinstall::secret::{Reveal, Secret};
use reinstall::wire::WireRequest;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// All clocks of the machine, faster. Client and sandbox share it, so that neither sees a difference.
struct Fast {
    began: Now,
}

const SPEED: u32 = 5;

impl Clock for Fast {
    fn now(&self) -> Now {
        let real = SystemClock.now();
        let passed = real.steady.saturating_sub(self.began.steady) * SPEED;
        Now { wall: self.began.wall + passed, boot: self.began.boot + passed, steady: self.began.steady + passed }
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        SystemClock.sleep(duration / SPEED)
    }
}

/// A product, its line, and the emulator at the other end.
pub(crate) struct Stage {
    pub(crate) entry: &'static Entry,
    vendor: &'static Vendor,
    pub(crate) product: Arc<dyn Product>,
    pub(crate) client: Client,
    pub(crate) tap: Arc<Tap>,
    pub(crate) sandbox: Sandbox,
    clock: Arc<dyn Clock>,
    orders: Cell<u32>,
    runtime: tokio::runtime::Runtime,
}

/// How a run ended.
pub(crate) struct Told {
    pub(crate) targets: Vec<Target>,
    pub(crate) events: Vec<Event>,
    pub(crate) ended: Ended,
}

impl Told {
    /// The only server of the run.
    pub(crate) fn one(&self) -> &Target {
        assert_eq!(self.targets.len(), 1);
        &self.targets[0]
    }

    /// How many events of this word.
    pub(crate) fn count(&self, word: &str) -> usize {
        self.events.iter().filter(|event| event.what.word() == word).count()
    }

    /// What happened, for a failed assertion.
    pub(crate) fn story(&self) -> String {
        let line = |event: &Event| match &event.what {
            What::Verdict { verdict, error } => format!("verdict {} {error:?}", verdict.word()),
            What::Status { seen } => format!("status {} {:?} {:?}", seen.status, seen.phase, seen.handle),
            What::Started { proof } => format!("started {proof}"),
            What::OrderMaybeSent { error, .. }
            | What::OrderRejected { error, .. }
            | What::OrderUnsent { error, .. } => {
                format!("{} {error}", event.what.word())
            }
            What::Notice { message } => format!("notice {message}"),
            what => what.word().to_owned(),
        };
        self.events.iter().map(line).collect::<Vec<_>>().join("; ")
    }
}

struct Kept(Vec<Event>);

impl Listener for Kept {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        self.0.push(event.clone());
        Ok(())
    }
}

impl Stage {
    /// Starts the emulator and connects the product to it.
    pub(crate) fn new(vendor: &'static Vendor, entry: &'static Entry) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Fast { began: SystemClock.now() });
        let address = "127.0.0.1:0".parse().expect("an address");
        let sandbox = Sandbox::start(vec![(vendor.emulator)()], clock.clone(), address, 1.0).expect("a sandbox");
        let sources = Given::new(sandbox.credentials(), &sandbox.url());
        let product: Arc<dyn Product> = Arc::from((entry.build)(&sources).expect("a product"));
        let tap = Arc::new(Tap::default());
        let client = Client::new(product.clone(), tap.clone(), clock.clone(), None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let stage = Self { entry, vendor, product, client, tap, sandbox, clock, orders: Cell::new(1), runtime };
        stage.block(stage.client.connect()).expect("it connects");
        stage
    }

    pub(crate) fn facts(&self) -> &'static Facts {
        &self.entry.facts
    }

    /// Whether the credentials sign what is sent; a token only tells who is calling.
    pub(crate) fn signs(&self) -> bool {
        let sources = Given::new(self.sandbox.credentials(), self.product.endpoint().as_str());
        let (prepared, secrets) = self.settled();
        let mut request = self.request(&prepared, &secrets, Reveal::Masked);
        let stamp = reinstall::wire::Stamp { at: self.clock.now().wall, nonce: "n".to_owned() };
        let stages = (self.vendor.sign)(&sources, &mut request, &stamp, SignScope::default());
        stages.is_ok_and(|stages| stages.is_some())
    }

    pub(crate) fn block<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn fault(&self, rule: Rule) {
        self.sandbox.add_fault(rule.provider(self.entry.id));
    }

    /// A fault of the next reinstall calls.
    pub(crate) fn reinstalls_meet(&self, fault: Fault, times: u32) {
        self.fault(Rule::new(fault).on(Operation::Reinstall).times(times));
    }

    /// All servers of the product.
    pub(crate) fn servers(&self) -> Vec<Record> {
        self.block(self.product.list(&self.client.patient())).expect("the list")
    }

    /// What most orders wish: a password where the product takes one, otherwise a key pair, otherwise nothing.
    pub(crate) fn wish(&self) -> Wish {
        let takes = self.facts().login;
        let login = LoginWish { password: takes.password, none: !takes.password && !takes.key };
        let mut wish = Wish { login, ..Wish::default() };
        if !takes.password && takes.key {
            let keys = self.block(self.product.keys(&self.client.patient())).expect("key pairs");
            wish.key = keys.first().map(|key| reinstall::model::Choice::Id(key.id.clone()));
        }
        wish
    }

    /// Secrets that fit the wish.
    pub(crate) fn secrets(&self, wish: &Wish) -> OrderSecrets {
        let password = wish.login.password.then(|| self.facts().password.generate().shared());
        let user_data = wish.user_data.then(|| Secret::from("#!/bin/sh\necho marker-user-data\n".to_owned()).shared());
        OrderSecrets { password, user_data, ..OrderSecrets::default() }
    }

    /// Servers that may be ordered as they are, without a stop.
    pub(crate) fn ready(&self) -> Vec<Record> {
        let wish = self.wish();
        let mut servers = self.servers();
        servers.retain(|record| {
            matches!(self.product.admit(&record.seen, &wish), Admission::Go | Admission::StoppedByOrder)
        });
        assert!(!servers.is_empty(), "the emulator has no server that is ready");
        servers
    }

    /// Settles the order of one server.
    pub(crate) fn prepare(&self, record: &Record, wish: &Wish) -> Result<Prepared, Refusal> {
        let power = match self.product.admit(&record.seen, wish) {
            Admission::StopFirst => PowerPlan::StopFirst,
            Admission::StoppedByOrder => PowerPlan::StoppedByOrder,
            _ => PowerPlan::Nothing,
        };
        self.block(self.product.prepare(&self.client.patient(), record.clone(), power, wish))
    }

    /// A ready server with its order settled, and the secrets for it.
    pub(crate) fn settled(&self) -> (Prepared, OrderSecrets) {
        let wish = self.wish();
        let record = self.ready().remove(0);
        let prepared = self.prepare(&record, &wish).expect("it is prepared");
        (prepared, self.secrets(&wish))
    }

    /// The token of the order at hand, where the product has such; [`Stage::reset`] makes another one.
    pub(crate) fn token(&self) -> Option<String> {
        self.facts().token_door.map(|_| format!("5a0db0c5-70ce-4000-8000-{:012}", self.orders.get()))
    }

    pub(crate) fn request(&self, prepared: &Prepared, secrets: &OrderSecrets, reveal: Reveal) -> WireRequest {
        self.product.order(&Order { batch: &[prepared], secrets, token: self.token().as_deref(), reveal })
    }

    /// Sends one order as the engine does and tells what became of it.
    pub(crate) fn order(&self, prepared: &Prepared, secrets: &OrderSecrets) -> reinstall::client::Outcome {
        let request = self.request(prepared, secrets, Reveal::Real);
        if let Err(outcome) = self.block(self.client.arrange(prepared, || true)) {
            return outcome;
        }
        let ids = [prepared.record.id.clone()];
        let mut delivery = self.block(self.client.order(request, &ids, || true));
        assert_eq!(delivery.outcomes.len(), 1, "one outcome for one server");
        delivery.outcomes.remove(0)
    }

    /// Limits of a run that nothing but its verdicts ends.
    fn policy(&self) -> Policy {
        Policy {
            start_window: Duration::from_secs(20),
            poll_interval: Some(Duration::from_millis(300)),
            concurrency: 50,
            max_failures: 1000,
            no_wait: false,
            watch_only: false,
        }
    }

    /// Plans these servers as the verb does and runs to the last verdict.
    pub(crate) fn run(&self, ids: &[ServerId], wish: &Wish) -> Told {
        self.run_within(Duration::from_secs(60), ids, wish)
    }

    /// The same with another `--timeout`.
    pub(crate) fn run_within(&self, timeout: Duration, ids: &[ServerId], wish: &Wish) -> Told {
        self.block(async {
            let refs: Vec<Ref> = ids.iter().cloned().map(Ref::Id).collect();
            let chosen = plan::select(&[&self.client], &refs).await.expect("every server is known");
            let settled = Ok(wish.clone());
            let rows = plan::prepare(&[PlanLane { client: &self.client, wish: &settled }], chosen, &Guard::default())
                .await
                .expect("a plan");
            let targets = rows
                .into_iter()
                .map(|row| Target::planned(0, Arc::new(row.result.expect("none is skipped")), 0))
                .collect();
            let made = lane(&self.client, wish.clone(), Some(timeout), self.product.clone());
            let mut machine = Machine::new(self.policy(), vec![made], targets, 1, Box::new(RandomChance));
            let secrets = [self.secrets(wish)];
            let clients = std::slice::from_ref(&self.client);
            let crew = Crew { clients, secrets: &secrets, clock: self.clock.clone(), claims: None };
            let mut kept = Kept(Vec::new());
            let mut recorder = Recorder::new(RunId::fresh(), None, 0, &mut kept, self.clock.clone());
            let ended = drive(&mut machine, &crew, &mut recorder, || Box::pin(std::future::pending())).await;
            Told { targets: machine.targets().to_vec(), events: kept.0, ended }
        })
    }

    /// Requests of this kind that reached the emulator.
    pub(crate) fn logged(&self, operation: Operation) -> Vec<Logged> {
        let log = self.sandbox.log();
        log.requests.into_iter().filter(|entry| entry.operation == Some(operation)).collect()
    }

    /// How often the server was really reinstalled.
    pub(crate) fn reinstalls(&self, id: &ServerId) -> u32 {
        self.sandbox.log().reinstalls.get(id.as_str()).copied().unwrap_or(0)
    }

    /// What to look at for these servers.
    pub(crate) fn watches(ids: &[ServerId]) -> Vec<Watch> {
        ids.iter().map(|id| Watch { id: id.clone(), ticket: None }).collect()
    }

    /// Puts servers, faults, log and tap back to the start.
    pub(crate) fn reset(&self) {
        self.sandbox.reset();
        self.orders.set(self.orders.get() + 1);
        self.tap.clear();
    }
}

/// So many ids that the emulator does not know, shaped like one that it does.
pub(crate) fn strangers(like: &ServerId, count: usize) -> Vec<ServerId> {
    let text = like.as_str();
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let width = text.len() - stem.len();
    (0..count).map(|number| ServerId::new(&format!("{stem}{:0width$}", 700_000 + number)).expect("an id")).collect()
}
