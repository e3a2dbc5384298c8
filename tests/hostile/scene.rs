//! A product, its line over the real transport, and an emulator behind a front that can turn hostile.

use crate::front::Front;
use crate::given::Given;
use crate::http::{body_at, message};
use reinstall::client::{Client, HttpTransport, Limits, Outcome};
use reinstall::clock::{Clock, ManualClock, SystemClock};
use reinstall::model::{Choice, LoginWish, Order, OrderSecrets, PowerPlan, Prepared, Record, Seen, Watch, Wish};
use reinstall::providers::{Admission, Entry, Product, VENDORS, Vendor};
use reinstall::sandbox::Sandbox;
use reinstall::secret::Reveal;
use reinstall::wire::WireRequest;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// See the top of the page. Pauses cost no time here: the client's clock jumps.
pub(crate) struct Scene {
    pub(crate) entry: &'static Entry,
    pub(crate) product: Arc<dyn Product>,
    pub(crate) client: Client,
    pub(crate) front: Front,
    pub(crate) sandbox: Sandbox,
    runtime: tokio::runtime::Runtime,
}

/// Waits that no test means to reach.
pub(crate) fn patient() -> Limits {
    Limits { read_idle: Duration::from_secs(60), read_total: Duration::from_secs(60), ..Limits::default() }
}

/// Waits that a test means to reach.
pub(crate) fn hasty() -> Limits {
    Limits { send_total: Duration::from_millis(150), read_total: Duration::from_millis(150), ..patient() }
}

impl Scene {
    /// With the emulator's own credentials.
    pub(crate) fn new(vendor: &'static Vendor, entry: &'static Entry, limits: Limits) -> Self {
        Self::with(vendor, entry, limits, None)
    }

    /// With other credentials.
    pub(crate) fn with(
        vendor: &'static Vendor,
        entry: &'static Entry,
        limits: Limits,
        variables: Option<&[(&str, &str)]>,
    ) -> Self {
        let address = "127.0.0.1:0".parse().expect("an address");
        let sandbox =
            Sandbox::start(vec![(vendor.emulator)()], Arc::new(SystemClock), address, 1.0).expect("a sandbox");
        let front = Front::of(sandbox.url().strip_prefix("http://").expect("plain http"));
        let variables = match variables {
            Some(pairs) => pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            None => sandbox.credentials(),
        };
        let given = Given::new(variables, &front.server.url());
        let product: Arc<dyn Product> = Arc::from((entry.build)(&given).expect("a product"));
        let clock = Arc::new(ManualClock::at(SystemClock.now().wall));
        let client = Client::new(product.clone(), Arc::new(HttpTransport::within(limits)), clock, None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { entry, product, client, front, sandbox, runtime }
    }

    pub(crate) fn block<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Settles project and user.
    pub(crate) fn connected(self) -> Self {
        self.block(self.client.connect()).expect("it connects");
        self
    }

    /// Every server.
    pub(crate) fn servers(&self) -> Vec<Record> {
        self.block(self.product.list(&self.client.patient())).expect("the list")
    }

    /// A server that can be ordered as it is, with its order settled, and the secrets.
    pub(crate) fn settled(&self) -> (Prepared, OrderSecrets) {
        let facts = &self.entry.facts;
        let takes = facts.login;
        let login = LoginWish { password: takes.password, none: !takes.password && !takes.key };
        let mut wish = Wish { login, ..Wish::default() };
        if !takes.password && takes.key {
            let keys = self.block(self.product.keys(&self.client.patient())).expect("key pairs");
            wish.key = keys.first().map(|key| Choice::Id(key.id.clone()));
        }
        let mut servers = self.servers();
        servers.retain(|record| {
            matches!(self.product.admit(&record.seen, &wish), Admission::Go | Admission::StoppedByOrder)
        });
        let record = servers.remove(0);
        let power = match self.product.admit(&record.seen, &wish) {
            Admission::StoppedByOrder => PowerPlan::StoppedByOrder,
            _ => PowerPlan::Nothing,
        };
        let prepared = self.block(self.product.prepare(&self.client.patient(), record, power, &wish));
        let password = wish.login.password.then(|| facts.password.generate().shared());
        (prepared.expect("it is prepared"), OrderSecrets { password, ..OrderSecrets::default() })
    }

    /// The order's request, as the engine makes it.
    pub(crate) fn request(&self, settled: &(Prepared, OrderSecrets)) -> WireRequest {
        let token = self.entry.facts.token_door.map(|_| "5a0db0c5-70ce-4000-8000-000000000001");
        self.product.order(&Order { batch: &[&settled.0], secrets: &settled.1, token, reveal: Reveal::Real })
    }

    /// Sends one order under a permit that holds, and returns the only outcome.
    pub(crate) async fn order(&self, settled: &(Prepared, OrderSecrets)) -> (Outcome, Option<String>) {
        let ids = [settled.0.record.id.clone()];
        let mut delivery = self.client.order(self.request(settled), &ids, || true).await;
        assert_eq!(delivery.outcomes.len(), 1, "one outcome for one server");
        (delivery.outcomes.remove(0), delivery.halt)
    }

    /// One look at a server and those beside it, as the poller takes it.
    pub(crate) fn look(&self, record: &Record, beside: &[Record]) -> Seen {
        let watches: Vec<Watch> =
            std::iter::once(record).chain(beside).map(|record| Watch { id: record.id.clone(), ticket: None }).collect();
        let seen = self.block(self.product.observe(&self.client.single(), &watches));
        assert_eq!(seen.len(), watches.len(), "one entry for each server");
        seen.into_iter().find(|(id, _)| *id == record.id).expect("an entry of its own").1
    }

    /// What a good order is answered with: head and body apart.
    pub(crate) fn good_order(&self, settled: &(Prepared, OrderSecrets)) -> (Vec<u8>, Vec<u8>) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = kept.clone();
        self.front.changes(move |_, answer| *keep.lock().expect("kept") = answer.clone());
        let (outcome, _) = self.block(self.order(settled));
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        self.sandbox.reset();
        self.front.passes();
        self.front.server.forget();
        let answer = kept.lock().expect("kept").clone();
        let body = answer[body_at(&answer)..].to_vec();
        (answer, body)
    }

    /// Answers every request from now on with these bytes.
    pub(crate) fn answers(&self, bytes: Vec<u8>) {
        self.front.server.forget();
        self.front.does(move |talk| {
            if message(talk).is_some() {
                talk.say(&bytes);
                talk.close();
            }
        });
    }
}

/// Holds every product of every vendor to a claim.
pub(crate) fn every_product(claim: impl Fn(&Scene)) {
    for vendor in VENDORS {
        for entry in vendor.products {
            claim(&Scene::new(vendor, entry, patient()).connected());
        }
    }
}

/// The vendor and entry of this product.
pub(crate) fn product(id: &str) -> (&'static Vendor, &'static Entry) {
    reinstall::providers::entries().find(|(_, entry)| entry.id == id).expect("a product")
}
