//! A product and its own emulator joined without a network: unit tests of the vendors' folders run on it.

use super::{Found, Product, SetupError, Sources};
use crate::model::{FaultClass, ServerId};
use crate::sandbox::machine::Fleet;
use crate::sandbox::{Emulator, Inbound, Outbound, World};
use crate::secret::Secret;
use crate::wire::{Api, ReadFault, Reading, Stamp, WireRequest, WireResponse};
use chrono::{DateTime, TimeZone, Utc};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use url::Url;

/// Settings and credentials out of a map: `variable:NAME`, `setting:KEY`, `file:PATH`.
#[derive(Default)]
pub(crate) struct MapSources {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) endpoint: Option<Url>,
}

impl MapSources {
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.values.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Everything an emulator hands out, on the sandbox's address.
    pub(crate) fn of(emulator: &dyn Emulator) -> Self {
        let mut sources = Self { endpoint: Url::parse("http://127.0.0.1:8080").ok(), ..Self::default() };
        for (name, value) in emulator.credentials() {
            sources.values.insert(format!("variable:{name}"), value);
        }
        sources
    }

    fn found(&self, key: &str) -> Option<Found> {
        let value = self.values.get(key)?.clone();
        Some(Found { value: Secret::from(value), origin: key.to_owned() })
    }
}

impl Sources for MapSources {
    fn variable(&self, name: &str) -> Option<Found> {
        self.found(&format!("variable:{name}"))
    }
    fn home_file(&self, relative: &str) -> Result<Option<Found>, SetupError> {
        Ok(self.found(&format!("file:{relative}")))
    }
    fn file(&self, path: &str) -> Result<Option<Found>, SetupError> {
        Ok(self.found(&format!("file:{path}")))
    }
    fn setting(&self, key: &str) -> Option<Found> {
        self.found(&format!("setting:{key}"))
    }
    fn profile(&self) -> Option<&str> {
        self.values.get("profile").map(String::as_str)
    }
    fn endpoint(&self) -> Option<&Url> {
        self.endpoint.as_ref()
    }
}

/// One product in front of one emulator; time stands still until [`Bench::advance`].
pub(crate) struct Bench<'p> {
    product: &'p dyn Product,
    inner: Mutex<(Box<dyn Emulator>, World)>,
}

impl<'p> Bench<'p> {
    pub(crate) fn new(product: &'p dyn Product, emulator: Box<dyn Emulator>) -> Self {
        let mut fleet = Fleet::default();
        for machine in emulator.machines() {
            fleet.add(machine);
        }
        Self { product, inner: Mutex::new((emulator, World::new(fleet))) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, (Box<dyn Emulator>, World)> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.lock().1.now += by;
    }

    pub(crate) fn reinstalls(&self, id: &ServerId) -> u32 {
        self.lock().1.fleet.all().find(|machine| machine.id == id.as_str()).map_or(0, |machine| machine.reinstalls)
    }

    fn wall(&self) -> DateTime<Utc> {
        let start = Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).single().expect("a date");
        start + self.lock().1.now
    }

    /// Authorizes (signing in first where that is due) and exchanges one request, as the engine does.
    pub(crate) fn exchange(&self, mut request: WireRequest) -> WireResponse {
        let now = self.wall();
        if let Some(renewal) = self.product.login().renewal(now) {
            let answer = self.deliver(&renewal, now);
            self.product.login().renewed(&answer, now).expect("the emulator signs in");
        }
        let nonce = uuid::Uuid::new_v4().to_string();
        self.product.login().authorize(&mut request, &Stamp { at: now, nonce });
        self.deliver(&request, now)
    }

    /// Hands a request to the emulator as it is.
    pub(crate) fn deliver(&self, request: &WireRequest, at: DateTime<Utc>) -> WireResponse {
        let inbound = inbound(request, at);
        let mut guard = self.lock();
        let (emulator, world) = &mut *guard;
        let route =
            emulator.route(&inbound).unwrap_or_else(|| panic!("no route for {} {}", inbound.method, inbound.path));
        let outbound = match emulator.verify(&inbound, world) {
            Ok(()) => emulator.answer(&inbound, &route, world),
            Err(refusal) => refusal,
        };
        response(outbound)
    }
}

impl Api for Bench<'_> {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        let answer = self.exchange(request);
        let result = match self.product.fault(&answer) {
            Some((class, error)) => Err(ReadFault { class, error }),
            None if answer.status.is_success() => Ok(answer),
            None => Err(ReadFault {
                class: FaultClass::Malformed,
                error: crate::model::ApiError::local("malformed_answer", format!("HTTP {}", answer.status)),
            }),
        };
        Box::pin(std::future::ready(result))
    }

    fn now(&self) -> DateTime<Utc> {
        self.wall()
    }
}

/// A request as a server receives it.
pub(crate) fn inbound(request: &WireRequest, at: DateTime<Utc>) -> Inbound {
    let mut headers = request.headers.clone();
    headers.entry("host").or_insert_with(|| request.host().parse().expect("a host"));
    Inbound {
        method: request.method.clone(),
        path: request.url.path().to_owned(),
        query: request.url.query().unwrap_or_default().to_owned(),
        headers,
        body: request.body.clone(),
        at,
    }
}

/// An answer as a client receives it.
pub(crate) fn response(outbound: Outbound) -> WireResponse {
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    for (name, value) in outbound.headers {
        headers.insert(name, value.parse().expect("a header"));
    }
    let status = http::StatusCode::from_u16(outbound.status).expect("a status");
    WireResponse { status, headers, body: outbound.body }
}

/// Runs a future that never really waits: everything a [`Bench`] gives is ready.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the bench never waits"),
    }
}
