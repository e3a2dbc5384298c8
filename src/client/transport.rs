//! Bytes out, bytes in: limits on time and size, no redirects, no hidden repeats.

use crate::model::{ApiError, FaultClass};
use crate::wire::{WireRequest, WireResponse};
use bytes::{Bytes, BytesMut};
use hyper_util::client::proxy::matcher::Matcher;
use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;
use url::{Host, Url};

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

const MOST_BODY: usize = 4 * 1024 * 1024;
const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// How long an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// Silence while a read's answer comes in.
    pub read_idle: Duration,
    /// A whole read.
    pub read_total: Duration,
    /// A whole order, power call or sign-in. A time-out of an order costs certainty, so it is long.
    pub send_total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read_idle: Duration::from_secs(10),
            read_total: Duration::from_secs(30),
            send_total: Duration::from_secs(120),
        }
    }
}

/// How a request travels.
#[derive(Clone, Copy)]
enum Way {
    /// Plain, to a literal loopback address (the configuration refuses anything else): never through a proxy.
    Plain,
    /// TLS to this machine: never through a proxy either.
    Near,
    /// TLS, through the proxy that environment or system name for the address, if any.
    Far,
}

impl Way {
    fn to(url: &Url) -> Self {
        match (url.scheme(), is_loopback(url)) {
            ("https", true) => Self::Near,
            ("https", false) => Self::Far,
            _ => Self::Plain,
        }
    }
}

/// The real network.
#[derive(Default)]
pub struct HttpTransport {
    limits: Limits,
    /// Trusted beside those of the machine.
    authorities: Vec<reqwest::Certificate>,
    // Six clients, made when first needed: loading certificates costs milliseconds that loopback does not need.
    clients: [[OnceLock<Option<reqwest::Client>>; 2]; 3],
}

impl HttpTransport {
    /// A transport without connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with other limits.
    pub fn within(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// One that trusts these certificate authorities, as PEM, beside those of the machine.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn trusting(pem: &str) -> Result<Self, &'static str> {
        let authorities = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|_| "it cannot be read as certificates in PEM form")?;
        if authorities.is_empty() {
            return Err("it has no certificate in PEM form");
        }
        let transport = Self { authorities, ..Self::default() };
        match build(Way::Far, Route::Pooled, transport.limits, &transport.authorities) {
            Ok(_) => Ok(transport),
            Err(_) => Err("one of its certificates cannot be used"),
        }
    }

    fn client(&self, way: Way, route: Route) -> Option<&reqwest::Client> {
        let slot = &self.clients[way as usize][usize::from(route == Route::Fresh)];
        slot.get_or_init(|| build(way, route, self.limits, &self.authorities).ok()).as_ref()
    }
}

/// Whether the host is this machine, whatever the name lookup says of `localhost`.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The proxy that requests to this address go through, as environment or system name it: without its password.
pub fn proxy_for(url: &Url) -> Option<String> {
    if !matches!(Way::to(url), Way::Far) {
        return None;
    }
    // The very rules that the HTTP library follows.
    let found = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    let known = found.basic_auth().is_some() || found.raw_auth().is_some();
    let scheme = found.uri().scheme_str().unwrap_or("http");
    Some(format!("{scheme}://{}{}", if known { "***@" } else { "" }, found.uri().authority()?))
}

fn build(
    way: Way,
    route: Route,
    limits: Limits,
    authorities: &[reqwest::Certificate],
) -> reqwest::Result<reqwest::Client> {
    let extra = authorities.iter().cloned();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("reinstall/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .http1_max_headers(MOST_HEADERS)
        .connect_timeout(limits.connect);
    let builder = match route {
        Route::Pooled => builder.pool_max_idle_per_host(4).read_timeout(limits.read_idle).timeout(limits.read_total),
        Route::Fresh => builder.pool_max_idle_per_host(0).timeout(limits.send_total),
    };
    match way {
        Way::Plain => builder.tls_certs_only(std::iter::empty()).no_proxy().build(),
        Way::Near => builder.tls_certs_merge(extra).tls_version_min(reqwest::tls::Version::TLS_1_2).no_proxy().build(),
        Way::Far => builder.tls_certs_merge(extra).tls_version_min(reqwest::tls::Version::TLS_1_2).build(),
    }
}

impl Transport for HttpTransport {
    fn exchange(&self, request: WireRequest, route: Route) -> Exchanging<'_> {
        Box::pin(async move {
            let Some(client) = self.client(Way::to(&request.url), route) else {
                return Err(fault(FaultClass::Unreachable, "the HTTP client cannot be set up on this machine"));
            };
            let mut headers = request.headers;
            headers.entry("accept").or_insert(http::HeaderValue::from_static("application/json"));
            headers.insert("accept-encoding", http::HeaderValue::from_static("identity"));
            let mut place = crate::wire::host_of(&request.url);
            if let Some(proxy) = proxy_for(&request.url) {
                place.push_str(&format!(" (through the proxy {proxy})"));
            }
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
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MOST_HEADER_BYTES {
        return Err(cut(FaultClass::Malformed, format!("the headers of {place} are larger than 64 KiB")));
    }
    if headers.get_all("content-encoding").iter().any(|coding| coding != "identity") {
        return Err(cut(FaultClass::Malformed, format!("{place} answered in an encoding that was not asked for")));
    }
    let too_large = || cut(FaultClass::Malformed, format!("the answer of {place} is larger than 4 MiB"));
    if answer.content_length().is_some_and(|length| length > MOST_BODY as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MOST_BODY => return Err(too_large()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_every_exchange_are_those_of_the_documentation() {
        let seconds = |limit: Duration| limit.as_secs();
        let Limits { connect, read_idle, read_total, send_total } = Limits::default();
        assert_eq!([connect, read_idle, read_total, send_total].map(seconds), [5, 10, 30, 120]);
        assert_eq!((MOST_BODY, MOST_HEADERS, MOST_HEADER_BYTES), (4 << 20, 100, 64 << 10));
    }

    #[test]
    fn authorities_that_are_none_are_refused_when_they_are_read() {
        let begin = "-----BEGIN CERTIFICATE-----";
        for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", begin] {
            assert!(HttpTransport::trusting(bad).is_err(), "{bad}");
        }
    }
}
