//! The only place that sends. Reads are repeated with backoff; an order leaves once per permit, on a connection
//! of its own, and what became of it is told without guessing.

mod classify;
mod pace;
mod transport;

pub use classify::{Delivery, Outcome, classify};

pub use pace::{Pace, Portion, Quota, backoff};
pub use transport::{HttpTransport, Limits, Route, Transport, TransportFault, proxy_for};

use crate::clock::Clock;
use crate::model::{ApiError, FaultClass, Prepared, ServerId};
use crate::providers::Product;
use crate::wire::{Api, ReadFault, Reading, Stamp, WireRequest, WireResponse};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request and what came of it, for `-v`: no header value, no body.
pub struct Exchange<'a> {
    /// Name of the call.
    pub label: &'a str,
    /// Method and address.
    pub line: String,
    /// Status, or the kind of fault.
    pub result: String,
    /// How long it took.
    pub took: Duration,
}

/// Takes each exchange, for `-v`.
pub type Tracer = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// One product's line to its provider.
pub struct Client {
    product: Arc<dyn Product>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    pace: Mutex<Pace>,
    quota: Mutex<Quota>,
    portion: Mutex<Portion>,
    /// How far the provider's clock is from ours, once a refused signature told.
    offset: Mutex<TimeDelta>,
    /// The same as every dated answer tells it, for `check`.
    difference: Mutex<Option<TimeDelta>>,
    sign_in: tokio::sync::Mutex<()>,
    connected: tokio::sync::OnceCell<()>,
    tracer: Option<Tracer>,
    requests: AtomicU64,
}

/// Attempts of a read while a plan is made; a look of the poller has one, since the poller repeats it itself.
const PLAN_ATTEMPTS: u32 = 4;

// Within the quarter of an hour that providers allow, the own clock is good enough to sign with; beyond it they refuse,
// and only such a refusal moves the time of signatures. So a wrong date alone does nothing but warn.
/// A clock difference beyond this is believed to be an error of the answer, not of our clock.
const MOST_OFFSET: TimeDelta = TimeDelta::hours(24);
/// A smaller one does not explain a refused signature, and is not worth a warning.
const LEAST_OFFSET: TimeDelta = TimeDelta::seconds(60);

impl Client {
    /// A client for the product.
    pub fn new(
        product: Arc<dyn Product>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tracer: Option<Tracer>,
    ) -> Self {
        let facts = &product.entry().facts;
        let (pace, portion) = (Mutex::new(Pace::new(facts.rate)), Mutex::new(Portion::new(facts.observe_batch)));
        Self {
            product,
            transport,
            clock,
            pace,
            quota: Mutex::default(),
            portion,
            offset: Mutex::new(TimeDelta::zero()),
            difference: Mutex::new(None),
            sign_in: tokio::sync::Mutex::new(()),
            connected: tokio::sync::OnceCell::new(),
            tracer,
            requests: AtomicU64::new(0),
        }
    }

    /// The product that it serves.
    pub fn product(&self) -> &dyn Product {
        &*self.product
    }

    /// A reader that repeats a failed read with backoff: for plans and lists.
    pub fn patient(&self) -> Reader<'_> {
        Reader { client: self, attempts: PLAN_ATTEMPTS }
    }

    /// A reader that tries once: for the poller.
    pub fn single(&self) -> Reader<'_> {
        Reader { client: self, attempts: 1 }
    }

    /// Settles project and user, once.
    pub async fn connect(&self) -> Result<(), ReadFault> {
        let reader = self.patient();
        self.connected.get_or_try_init(|| self.product.connect(&reader)).await.copied()
    }

    /// How far the provider's clock is from ours, as the last dated answer told (to the second).
    pub fn clock_difference(&self) -> Option<TimeDelta> {
        *lock(&self.difference)
    }

    /// What the operator should know of the clocks before anything is signed: only a date that came over TLS counts.
    pub fn clock_warning(&self) -> Option<String> {
        let difference = self.clock_difference().filter(|_| self.product.endpoint().scheme() == "https")?;
        let (seconds, way) = match difference.num_seconds() {
            behind @ 1.. => (behind, "behind"),
            ahead => (-ahead, "ahead of"),
        };
        (difference.abs() > LEAST_OFFSET).then(|| {
            format!("this machine's clock is {seconds} s {way} the provider's: set it right (NTP), or signatures fail")
        })
    }

    /// How many servers to ask for in one look: fewer than the product allows while its answers cannot be read.
    pub fn portion(&self) -> usize {
        lock(&self.portion).size()
    }

    /// Takes how a look at so many servers went.
    pub fn looked(&self, servers: usize, readable: bool) {
        lock(&self.portion).note(servers, readable);
    }

    /// Requests that left, for benchmarks and reports.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Civil time as the provider's clock has it.
    fn provider_time(&self) -> DateTime<Utc> {
        self.clock.now().wall + *lock(&self.offset)
    }

    /// Sends an order once. `valid` is asked right before the bytes leave; a permit that is void by then is unsent.
    pub async fn order(&self, request: WireRequest, ids: &[ServerId], valid: impl Fn() -> bool) -> Delivery {
        if let Err(fault) = self.signed_in().await {
            return Delivery::unsent(ids, fault.class, fault.error, false);
        }
        self.wait_for_turn().await;
        if !valid() {
            let error = ApiError::local("permit_void", "the permit was void before the order left".to_owned());
            return Delivery::unsent(ids, FaultClass::Unreachable, error, false);
        }
        let result = self.attempt(request, Route::Fresh).await;
        let renewed = match self.refusal(&result) {
            Some((class, answer)) => self.renew(&class, answer),
            None => false,
        };
        let mut delivery = classify(&*self.product, ids, &result);
        delivery.renewed(renewed);
        if let Some(pause) = delivery.throttled() {
            self.slow_down(pause);
        }
        delivery
    }

    /// Sends what must be carried out before the order of this server, once. Whatever comes of it but a clear yes, the
    /// order itself has not left: a refusal in the provider's own words is the order's, all else is unsent.
    pub async fn arrange(&self, server: &Prepared, valid: impl Fn() -> bool) -> Result<(), Outcome> {
        let Some(request) = self.product.arrange(server) else { return Ok(()) };
        let unsent = |class, error, renewed| Err(Outcome::Unsent { class, error, renewed });
        if let Err(fault) = self.signed_in().await {
            return unsent(fault.class, fault.error, false);
        }
        self.wait_for_turn().await;
        if !valid() {
            let error = ApiError::local("permit_void", "the permit was void before the order left".to_owned());
            return unsent(FaultClass::Unreachable, error, false);
        }
        let result = self.attempt(request, Route::Fresh).await;
        let renewed = match self.refusal(&result) {
            Some((class, answer)) => self.renew(&class, answer),
            None => false,
        };
        let answer = match result {
            Ok(answer) => answer,
            Err(fault) => return unsent(fault.class.clone(), fault.error(), false),
        };
        match classify::said(&*self.product, &answer) {
            Some((
                class @ (FaultClass::Busy | FaultClass::Locked | FaultClass::Invalid | FaultClass::NotFound),
                error,
            )) => {
                return Err(Outcome::Rejected { class, error });
            }
            Some((class, error)) => {
                if let FaultClass::Throttled(pause) = &class {
                    self.slow_down(pause.unwrap_or(Duration::from_secs(1)));
                }
                return unsent(class, error, renewed);
            }
            None => {}
        }
        if !answer.status.is_success() || !answer.may_be_json() {
            let fault = classify::foreign(&answer);
            return unsent(fault.class, fault.error, false);
        }
        self.product.judge_arranged(server, &answer).or_else(|error| unsent(FaultClass::Malformed, error, false))
    }

    /// Sends a power call once. `valid` is asked right before the bytes leave.
    pub async fn power(
        &self,
        request: WireRequest,
        id: &ServerId,
        valid: impl Fn() -> bool,
    ) -> Result<(), (FaultClass, ApiError)> {
        self.signed_in().await.map_err(|fault| (fault.class, fault.error))?;
        self.wait_for_turn().await;
        if !valid() {
            let error = ApiError::local(
                "permit_void",
                "the run was ended, or stood still for too long, before the call left".to_owned(),
            );
            return Err((FaultClass::Unreachable, error));
        }
        let result = self.attempt(request, Route::Fresh).await;
        if let Some((class, answer)) = self.refusal(&result) {
            self.renew(&class, answer);
        }
        let answer = result.map_err(|fault| (fault.class.clone(), fault.error()))?;
        if let Some(fault) = classify::said(&*self.product, &answer) {
            return Err(fault);
        }
        if !answer.status.is_success() || !answer.may_be_json() {
            let fault = classify::foreign(&answer);
            return Err((fault.class, fault.error));
        }
        // What cannot be read is no refusal: the next look tells what became of the call.
        let unreadable = |error: &ApiError| error.kind == FaultClass::Malformed.word();
        let class = |error: &ApiError| if unreadable(error) { FaultClass::Malformed } else { FaultClass::Invalid };
        self.product.judge_power(id, &answer).map_err(|error| (class(&error), error))
    }

    /// One read with all its attempts.
    async fn read(&self, request: WireRequest, attempts: u32) -> Result<WireResponse, ReadFault> {
        let mut attempt = 1;
        let mut renewals = 1;
        loop {
            let fault = match self.read_once(request.clone()).await {
                Ok(answer) => {
                    lock(&self.quota).good();
                    return Ok(answer);
                }
                Err((fault, renewed)) if renewed && renewals > 0 => {
                    renewals -= 1;
                    drop(fault);
                    continue;
                }
                Err((fault, _)) => fault,
            };
            if attempt >= attempts || !fault.class.worth_retrying() || !lock(&self.quota).repeat() {
                return Err(fault);
            }
            let jitter = self.clock.jitter();
            let pause = match fault.class {
                FaultClass::Throttled(Some(asked)) => asked.min(Duration::from_secs(60)),
                _ => backoff(attempt, jitter),
            };
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    async fn read_once(&self, request: WireRequest) -> Result<WireResponse, (ReadFault, bool)> {
        self.signed_in().await.map_err(|fault| (fault, false))?;
        self.wait_for_turn().await;
        let result = self.attempt(request, Route::Pooled).await;
        if let Some((class, answer)) = self.refusal(&result) {
            let renewed = self.renew(&class, answer);
            let error = classify::said(&*self.product, answer)
                .map_or_else(|| ApiError::local("credentials", String::new()), |f| f.1);
            return Err((ReadFault { class, error }, renewed));
        }
        let answer = result.map_err(|fault| (ReadFault { class: fault.class.clone(), error: fault.error() }, false))?;
        if let Some((class, error)) = classify::said(&*self.product, &answer) {
            if let FaultClass::Throttled(pause) = &class {
                self.slow_down(pause.unwrap_or(Duration::from_secs(1)));
            }
            return Err((ReadFault { class, error }, false));
        }
        if !answer.status.is_success() || !answer.may_be_json() {
            return Err((classify::foreign(&answer), false));
        }
        Ok(answer)
    }

    /// Signs afresh and exchanges one request.
    async fn attempt(&self, mut request: WireRequest, route: Route) -> Result<WireResponse, TransportFault> {
        let stamp = Stamp { at: self.provider_time(), nonce: uuid::Uuid::new_v4().to_string() };
        self.product.login().authorize(&mut request, &stamp);
        self.exchange(request, route).await
    }

    async fn exchange(&self, request: WireRequest, route: Route) -> Result<WireResponse, TransportFault> {
        let label = request.label;
        let line = format!("{} {}", request.method, request.url);
        let began = self.clock.now().steady;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let result = self.transport.exchange(request, route).await;
        if let Some(date) = result.as_ref().ok().and_then(WireResponse::date) {
            *lock(&self.difference) = Some(date - self.clock.now().wall);
        }
        if let Some(pause) = result.as_ref().ok().and_then(|answer| self.product.pause(answer)) {
            lock(&self.pace).rest(self.clock.now().steady, pause);
        }
        if let Some(tracer) = &self.tracer {
            let told = match &result {
                Ok(answer) => answer.status.as_u16().to_string(),
                Err(fault) => fault.class.word().to_owned(),
            };
            tracer(&Exchange { label, line, result: told, took: self.clock.now().steady.saturating_sub(began) });
        }
        result
    }

    /// Obtains a token where one is due: one caller does it, the others wait.
    async fn signed_in(&self) -> Result<(), ReadFault> {
        let login = self.product.login();
        if login.renewal(self.provider_time()).is_none() {
            return Ok(());
        }
        let _one = self.sign_in.lock().await;
        let Some(request) = login.renewal(self.provider_time()) else { return Ok(()) };
        let answer = self
            .exchange(request, Route::Fresh)
            .await
            .map_err(|fault| ReadFault { class: fault.class.clone(), error: fault.error() })?;
        login.renewed(&answer, self.provider_time())
    }

    /// A refusal of the credentials in the provider's own words.
    fn refusal<'a>(&self, result: &'a Result<WireResponse, TransportFault>) -> Option<(FaultClass, &'a WireResponse)> {
        let answer = result.as_ref().ok()?;
        let (class, _) = classify::said(&*self.product, answer)?;
        matches!(class, FaultClass::SignedOut | FaultClass::Denied | FaultClass::ClockSkew).then_some((class, answer))
    }

    /// Does what can make the next attempt better: drops a refused token, or learns the clock difference from the
    /// answer's date. Returns whether something was done.
    fn renew(&self, class: &FaultClass, answer: &WireResponse) -> bool {
        if *class != FaultClass::ClockSkew && self.product.login().expire() {
            return true;
        }
        let Some(date) = answer.date() else { return false };
        let offset = date - self.clock.now().wall;
        let mut known = lock(&self.offset);
        let news = (offset - *known).abs() >= LEAST_OFFSET && offset.abs() <= MOST_OFFSET;
        if news {
            *known = offset;
        }
        news
    }

    async fn wait_for_turn(&self) {
        let wait = lock(&self.pace).reserve(self.clock.now().steady);
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
    }

    fn slow_down(&self, pause: Duration) {
        let now = self.clock.now().steady;
        lock(&self.pace).throttled(now, pause);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A [`Client`] as a provider may use it: it reads, with so many attempts.
pub struct Reader<'a> {
    client: &'a Client,
    attempts: u32,
}

impl Api for Reader<'_> {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        Box::pin(self.client.read(request, self.attempts))
    }

    fn now(&self) -> DateTime<Utc> {
        self.client.provider_time()
    }
}
