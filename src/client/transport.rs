//! Bytes out, bytes in: limits on time and size, no redirects, no hidden repeats.

use crate::model::{ApiError, FaultClass};
use crate::wire::{WireRequest, WireResponse};
use bytes::{Bytes, BytesMut};
use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

/// Which connection a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A connection from the pool, short limits: reads.
    Pooled,
    /// A connection of its own, long limit: orders, power calls, sign-in.
    Fresh,
}

/// Why there is no whole answer.
#[derive(Clone, Debug)]
pub struct TransportFault {
    /// `Unreachable` and `Untrusted` are proven unsent; all else may have been carried out.
    pub class: FaultClass,
    /// What happened, in our words: the library's own texts can hold addresses with queries.
    pub message: String,
    /// The status line, where the answer broke off behind it.
    pub status: Option<u16>,
}

impl TransportFault {
    /// The same as an error for reports.
    pub fn error(&self) -> ApiError {
        ApiError::local(self.class.word(), self.message.clone()).advise(self.class.next_step())
    }
}

/// A future over one exchange.
pub(super) type Exchanging<'a> = Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + 'a>>;

/// Carries one signed request.
pub trait Transport: Send + Sync {
    /// Sends it and reads the whole answer.
    fn exchange(&self, request: WireRequest, route: Route) -> Exchanging<'_>;
}

const CONNECT: Duration = Duration::from_secs(5);
const READ_IDLE: Duration = Duration::from_secs(10);
const READ_TOTAL: Duration = Duration::from_secs(30);
/// A time-out of an order costs certainty, so it is long.
const SEND_TOTAL: Duration = Duration::from_secs(120);
const MOST_BODY: usize = 4 * 1024 * 1024;
const MOST_HEADERS: usize = 100;

/// The real network.
#[derive(Default)]
pub struct HttpTransport {
    // Four clients, made when first needed: loading certificates costs milliseconds that loopback does not need.
    plain: [OnceLock<Option<reqwest::Client>>; 2],
    secure: [OnceLock<Option<reqwest::Client>>; 2],
}

impl HttpTransport {
    /// A transport without connections.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&self, secure: bool, route: Route) -> Option<&reqwest::Client> {
        let family = if secure { &self.secure } else { &self.plain };
        family[usize::from(route == Route::Fresh)].get_or_init(|| build(secure, route).ok()).as_ref()
    }
}

fn build(secure: bool, route: Route) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("reinstall/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .http1_max_headers(MOST_HEADERS)
        .connect_timeout(CONNECT);
    let builder = match route {
        Route::Pooled => builder.pool_max_idle_per_host(4).read_timeout(READ_IDLE).timeout(READ_TOTAL),
        Route::Fresh => builder.pool_max_idle_per_host(0).timeout(SEND_TOTAL),
    };
    match secure {
        true => builder.tls_version_min(reqwest::tls::Version::TLS_1_2).build(),
        // Literal loopback only (the configuration refuses anything else): never through a proxy.
        false => builder.tls_certs_only(std::iter::empty()).no_proxy().build(),
    }
}

impl Transport for HttpTransport {
    fn exchange(&self, request: WireRequest, route: Route) -> Exchanging<'_> {
        Box::pin(async move {
            let secure = request.url.scheme() == "https";
            let Some(client) = self.client(secure, route) else {
                return Err(fault(FaultClass::Unreachable, "the HTTP client cannot be set up on this machine"));
            };
            let mut headers = request.headers;
            headers.entry("accept").or_insert(http::HeaderValue::from_static("application/json"));
            headers.insert("accept-encoding", http::HeaderValue::from_static("identity"));
            let place = crate::wire::host_of(&request.url);
            let answer = client
                .request(request.method, request.url)
                .headers(headers)
                .body(request.body)
                .send()
                .await
                .map_err(|error| from_send(&error, &place))?;
            collect(answer, &place).await
        })
    }
}

async fn collect(mut answer: reqwest::Response, place: &str) -> Result<WireResponse, TransportFault> {
    let status = answer.status();
    let headers = answer.headers().clone();
    let cut = |class, message: String| TransportFault { class, message, status: Some(status.as_u16()) };
    if headers.get("content-encoding").is_some_and(|coding| coding != "identity") {
        return Err(cut(FaultClass::Malformed, format!("{place} answered in an encoding that was not asked for")));
    }
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MOST_BODY => {
                return Err(cut(FaultClass::Malformed, format!("the answer of {place} is larger than 4 MiB")));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(WireResponse { status, headers, body: Bytes::from(body) }),
            Err(error) if error.is_timeout() => {
                return Err(cut(FaultClass::Broken, format!("{place} did not end its answer in time")));
            }
            Err(_) => return Err(cut(FaultClass::Broken, format!("the answer of {place} broke off"))),
        }
    }
}

fn fault(class: FaultClass, message: impl Into<String>) -> TransportFault {
    TransportFault { class, message: message.into(), status: None }
}

fn from_send(error: &reqwest::Error, place: &str) -> TransportFault {
    if error.is_connect() {
        let cause = root_cause(error);
        if cause.contains("certificate") {
            return fault(FaultClass::Untrusted, format!("the certificate of {place} is not to be trusted: {cause}"));
        }
        return fault(FaultClass::Unreachable, format!("cannot connect to {place}: {cause}"));
    }
    if error.is_builder() {
        return fault(FaultClass::Unreachable, format!("the request for {place} cannot be built"));
    }
    if error.is_timeout() {
        return fault(FaultClass::Broken, format!("{place} did not answer in time"));
    }
    fault(FaultClass::Broken, format!("the connection to {place} broke before an answer came"))
}

/// The innermost cause: it names the fault of socket, name lookup or certificate and no address with a query.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = String::from("no connection");
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
