//! A line to a product: its own emulator greets it, then an input's answers answer its reads.

use super::documents::Said;
use super::{products, written};
use chrono::DateTime;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use reinstall::client::{Client, Reader, Route, Transport, TransportFault};
use reinstall::clock::{Clock, ManualClock};
use reinstall::providers::Product;
use reinstall::sandbox::machine::Fleet;
use reinstall::sandbox::{Emulator, Inbound, World};
use reinstall::wire::{WireRequest, WireResponse};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// More requests than any read of two servers may need: 400 pages, asked for by id, name and address.
const MOST_REQUESTS: usize = 2000;

/// Status and body.
pub(crate) type Answer = (StatusCode, Vec<u8>);

/// Answers in their order, the last one for ever; they answer reads alone, and at the given address alone. The emulator
/// answers what is asked while the product connects, and every sign-in.
struct Canned {
    answers: Vec<Answer>,
    asked: AtomicUsize,
    /// The last part of each path that was asked for, and which answer came.
    given: Mutex<Vec<(String, usize)>>,
    product: Arc<dyn Product>,
    clock: Arc<ManualClock>,
    connecting: AtomicBool,
    host: Mutex<(Box<dyn Emulator>, World)>,
}

impl Canned {
    /// Whether this is the sign-in that the product itself has due.
    fn signs_in(&self, request: &WireRequest) -> bool {
        let due = self.product.login().renewal(self.clock.now().wall);
        due.is_some_and(|due| due.method == request.method && due.url == request.url && due.body == request.body)
    }

    fn greet(&self, request: &WireRequest) -> WireResponse {
        let inbound = Inbound {
            method: request.method.clone(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            at: self.clock.now().wall,
        };
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        let (emulator, world) = &mut *host;
        let route = emulator.route(&inbound).expect("a call that the emulator knows");
        let answer = match emulator.verify(&inbound, world) {
            Ok(()) => emulator.answer(&inbound, &route, world),
            Err(refusal) => refusal,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in answer.headers {
            headers.insert(HeaderName::from_static(name), value.parse().expect("a header"));
        }
        let status = StatusCode::from_u16(answer.status).expect("a status");
        WireResponse { status, headers, body: answer.body }
    }
}

impl Transport for Canned {
    fn exchange(
        &self,
        request: WireRequest,
        route: Route,
    ) -> Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + '_>> {
        let sign_in = self.signs_in(&request);
        let action = request.headers.get("x-zc-action").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let read = request.method == Method::GET || action.starts_with("Describe");
        assert!(read || sign_in, "{} is no read", request.label);
        assert!(request.url.as_str().starts_with(products::ENDPOINT), "a read goes to {}", request.url);
        assert_eq!(route == Route::Fresh, sign_in, "{}", request.label);
        if sign_in || self.connecting.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Ok(self.greet(&request))));
        }
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(number < MOST_REQUESTS, "a read does not end: {}", request.url);
        let number = number.min(self.answers.len() - 1);
        let path = request.url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push((path, number));
        let (status, body) = &self.answers[number];
        Box::pin(std::future::ready(Ok(written::json_answer(*status, body))))
    }
}

/// A line to a product whose provider answers so.
pub(crate) struct Line {
    client: Client,
    transport: Arc<Canned>,
}

impl Line {
    pub(crate) fn new(id: &str, answers: Vec<Answer>) -> Self {
        let product: Arc<dyn Product> = Arc::from(products::product(id));
        let clock = Arc::new(ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).expect("a time")));
        let transport = Arc::new(Canned {
            answers,
            asked: AtomicUsize::new(0),
            given: Mutex::default(),
            product: product.clone(),
            clock: clock.clone(),
            connecting: AtomicBool::new(true),
            host: Mutex::new((products::emulator(id), World::new(Fleet::default()))),
        });
        let client = Client::new(product, transport.clone(), clock, None);
        client.connect().now_or_never().expect("it waits for nothing").expect("it is connected");
        transport.connecting.store(false, Ordering::Relaxed);
        Self { client, transport }
    }

    pub(crate) fn product(&self) -> &dyn Product {
        self.client.product()
    }

    pub(crate) fn ask<T>(&self, read: impl FnOnce(Reader<'_>) -> Option<T>) -> T {
        read(self.client.single()).expect("it waits for nothing")
    }

    /// Every text in the answers that were given.
    pub(crate) fn said(&self) -> Said {
        let given = self.transport.asked.load(Ordering::Relaxed).min(self.transport.answers.len());
        Said::by(self.transport.answers[..given].iter().map(|(_, body)| &body[..]))
    }

    /// Each answer that was given, behind the last part of the path that it was given to.
    pub(crate) fn given(&self) -> Vec<(String, &Answer)> {
        let given = self.transport.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.iter().map(|(path, number)| (path.clone(), &self.transport.answers[*number])).collect()
    }
}
