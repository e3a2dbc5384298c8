//! Requests and answers as plain values: what providers build and read, and what the client carries.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::future::Future;
use std::pin::Pin;
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
}

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
