//! Requests and answers as plain values: what providers build and read, and what the client carries.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use url::Url;

pub use crate::model::ReadFault;

/// One HTTP request, before signing. It has no `Debug`: bodies carry passwords.
#[derive(Clone)]
pub struct WireRequest {
    /// HTTP method.
    pub method: Method,
    /// Whole address; its path and query go on the wire as they stand here.
    pub url: Url,
    /// Headers in the order of insertion, `authorization` added by the signer.
    pub headers: HeaderMap,
    /// The exact bytes of the body.
    pub body: Bytes,
    /// A short name of the call for logs and messages, in the provider's words.
    pub label: &'static str,
}

impl WireRequest {
    /// A request without a body.
    pub fn new(method: Method, url: Url, label: &'static str) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), label }
    }

    /// Adds a header, replacing one of the same name.
    ///
    /// A value that is not legal in a header is dropped and the provider's answer tells; values
    /// that come from outside go through [`HeaderValue`] before they reach this point.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a header in place; see [`WireRequest::header`].
    pub fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Sets a header whose value is hidden from every debug output.
    pub fn set_sensitive(&mut self, name: &'static str, value: &str) {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Puts a JSON document into the body, serialized once: these bytes are hashed and sent.
    #[must_use]
    pub fn json(mut self, document: &serde_json::Value) -> Self {
        self.body = Bytes::from(document.to_string());
        self
    }

    /// The value of the `Host` header that goes with this address: the port only if it is not the scheme's own.
    pub fn host(&self) -> String {
        host_of(&self.url)
    }
}

/// The `Host` value of an address: bare for the scheme's own port, otherwise `host:port`, IPv6 in brackets.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A whole answer, body read within the size limit.
#[derive(Clone)]
pub struct WireResponse {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers as received.
    pub headers: HeaderMap,
    /// Body bytes.
    pub body: Bytes,
}

impl WireResponse {
    /// Reads the body as a typed document. The error never quotes the body.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, ReadFault> {
        // The parser looks at no byte of a text that nobody asked for; what is no text at all is no document either.
        let text = std::str::from_utf8(&self.body)
            .map_err(|_| ReadFault::malformed("the answer is not UTF-8 text".to_owned()))?;
        serde_json::from_str(text).map_err(|error| {
            ReadFault::malformed(format!(
                "the answer is not the expected document (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// A header's text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The same for a header that must stand there once: of two nobody can tell which one counts.
    fn only(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next()?;
        all.next().is_none().then(|| first.to_str().ok())?
    }

    /// Whether it is worth reading: nothing says that the body is something else than JSON, and it has no more parts
    /// than any page of a list. A part takes a hundred times its bytes in memory.
    pub fn may_be_json(&self) -> bool {
        let parts = || self.body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
        (self.body.len() <= MOST_PARTS || parts() <= MOST_PARTS) && self.says_json()
    }

    fn says_json(&self) -> bool {
        self.headers.get_all("content-type").iter().all(|kind| {
            let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
            let kind = kind.to_ascii_lowercase();
            kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
        })
    }

    /// When the provider says that it answered.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        Some(DateTime::parse_from_rfc2822(self.only("date")?).ok()?.with_timezone(&Utc))
    }

    /// The pause that `Retry-After` asks for, in seconds or as a date beside the answer's own: 0 to 10 minutes.
    /// Anything else, or two of them, is as if it were not there.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.only("retry-after")?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are still "long".
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(MOST_PAUSE));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
        Some((until - self.date()?).to_std().unwrap_or_default().min(MOST_PAUSE))
    }
}

/// Brackets, braces and commas in one body. A page of 500 images, the largest that is asked for, has some 30 000.
const MOST_PARTS: usize = 200_000;

/// No provider is waited for longer than this at a time.
const MOST_PAUSE: Duration = Duration::from_secs(600);

/// A future over a read.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, ReadFault>> + Send + 'a>>;

/// The handle through which a provider reads. It cannot change anything at the provider:
/// the engine alone sends orders, and it takes those as data.
pub trait Api: Send + Sync {
    /// Sends a read, signed afresh at each attempt and retried with backoff; returns a successful answer.
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse>;
    /// Civil time, corrected by what the provider's clock is known to differ.
    fn now(&self) -> DateTime<Utc>;
}

/// What one attempt of a signed request needs besides the credentials: both differ at each attempt.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Time that the signature carries.
    pub at: DateTime<Utc>,
    /// Fresh random text, for schemes that carry one.
    pub nonce: String,
}

/// How a provider knows who is calling.
pub trait Login: Send + Sync {
    /// Puts signature or token on the request: called once per attempt, the last thing before the bytes leave.
    fn authorize(&self, request: &mut WireRequest, stamp: &Stamp);

    /// The request that obtains a token, when one is needed and the present one is absent or near its end.
    /// Signers never need one.
    fn renewal(&self, _now: DateTime<Utc>) -> Option<WireRequest> {
        None
    }

    /// Takes the answer to [`Login::renewal`].
    fn renewed(&self, _answer: &WireResponse, _now: DateTime<Utc>) -> Result<(), ReadFault> {
        Ok(())
    }

    /// Forgets the token after the provider refused it. Returns whether a new one can be obtained.
    fn expire(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &str)]) -> WireResponse {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        WireResponse { status: StatusCode::TOO_MANY_REQUESTS, headers: map, body: Bytes::new() }
    }

    #[test]
    fn retry_after_is_clamped_and_nonsense_is_ignored() {
        let asked = |headers: &[(&'static str, &str)]| answer(headers).retry_after().map(|pause| pause.as_secs());
        let date = ("date", "Sat, 21 Nov 2026 09:00:00 GMT");
        for (text, seconds) in [
            ("7", Some(7)),
            (" 30 ", Some(30)),
            ("0", Some(0)),
            ("601", Some(600)),
            ("1000000000000000000000", Some(600)),
            ("18446744073709551615", Some(600)),
            ("-5", None),
            ("1e18", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("Sat, 21 Nov 2026 09:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2020 09:00:30 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(600)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ] {
            assert_eq!(asked(&[("retry-after", text), date]), seconds, "{text:?}");
        }
        assert_eq!(asked(&[("retry-after", "1"), ("retry-after", "9"), date]), None);
        assert_eq!(asked(&[("retry-after", "Sat, 21 Nov 2026 09:00:30 GMT"), date, date]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn what_says_that_it_is_something_else_is_not_read_as_json() {
        let kinds = |kinds: &[&'static str]| {
            answer(&kinds.iter().map(|kind| ("content-type", *kind)).collect::<Vec<_>>()).may_be_json()
        };
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/problem+json"] {
            assert!(kinds(&[good]), "{good}");
        }
        for bad in ["text/html", "text/plain", "", "image/svg+xml", "x-json", "application/jsonp", "text/html;json"] {
            assert!(!kinds(&[bad]), "{bad}");
        }
        assert!(kinds(&[]));
        assert!(!kinds(&["application/json", "text/html"]));
    }

    #[test]
    fn a_body_of_too_many_parts_is_not_read() {
        let parts = |count: usize| WireResponse { body: "{}".repeat(count).into(), ..answer(&[]) }.may_be_json();
        assert!(parts(MOST_PARTS) && !parts(MOST_PARTS + 1));
    }
}
