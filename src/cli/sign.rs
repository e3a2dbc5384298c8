//! `reinstall sign`: how a request is signed, for finding out why a provider answers 401. Nothing is sent.

use super::error::CliError;
use super::session::Session;
use crate::config::select_products;
use crate::model::Exit;
use crate::providers::{Found, SetupError, SignScope, Sources, VENDORS};
use crate::report::write_document;
use crate::secret::Secret;
use crate::wire::{Stamp, WireRequest};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use url::Url;

/// The object on standard input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    provider: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    at: Option<DateTime<Utc>>,
    nonce: Option<String>,
    region: Option<String>,
    service: Option<String>,
}

/// Most bytes of the object.
const MOST: u64 = 16 * 1024 * 1024;

/// Reads one object, signs what it describes and writes every stage.
pub(super) fn run(session: &Session) -> Result<Exit, CliError> {
    let asked = read()?;
    let bad =
        |message: String| CliError::usage(message, "see the object that `reinstall sign` takes in the documentation");
    let (vendor, _) = select_products(VENDORS, &asked.provider)?
        .into_iter()
        .next()
        .ok_or_else(|| bad("no such provider".to_owned()))?;
    let method =
        Method::from_bytes(asked.method.as_bytes()).map_err(|_| bad("`method` is no HTTP method".to_owned()))?;
    let url = Url::parse(&asked.url).map_err(|why| bad(format!("`url` is no address: {why}")))?;
    if !url.has_host() {
        return Err(bad("`url` has no host".to_owned()));
    }
    let mut request = WireRequest::new(method, url, "sign");
    request.body = Bytes::from(asked.body);
    for (name, value) in &asked.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(format!("`{name}` is no header name")))?;
        let value = HeaderValue::from_bytes(value.trim().as_bytes())
            .map_err(|_| bad(format!("the value of header `{name}` cannot be in a header")))?;
        request.headers.insert(name, value);
    }
    let stamp = Stamp {
        at: asked.at.unwrap_or_else(|| session.clock.now().wall),
        nonce: asked.nonce.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
    };
    let real = session.sources(vendor)?;
    let sources = WithRegion { real: &real, region: asked.region.as_deref() };
    let scope = SignScope { region: asked.region.as_deref(), service: asked.service.as_deref() };
    let stages = (vendor.sign)(&sources, &mut request, &stamp, scope)?.ok_or_else(|| {
        CliError::usage("the credentials are a token, and a token signs nothing", "use an access key for this")
    })?;
    // A value beyond ASCII is on the request too: the values came from this object, so they are UTF-8.
    let mut headers: BTreeMap<&str, Cow<'_, str>> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let host = request.host();
    headers.entry("host").or_insert(Cow::Borrowed(&host));
    let document = json!({
        "canonical_request": stages.canonical_request,
        "string_to_sign": stages.string_to_sign,
        "signature": stages.signature,
        "headers": headers,
    });
    write_document(&session.out.stdout, &document).map_err(CliError::output)?;
    Ok(Exit::Success)
}

fn read() -> Result<Asked, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .take(MOST)
        .read_to_string(&mut text)
        .map_err(|_| CliError::usage("standard input is not readable text", "give one JSON object"))?;
    serde_json::from_str(&text).map_err(|why| {
        // The library's own text can quote a value; its place cannot.
        let message =
            format!("standard input is not the expected JSON object (line {}, column {})", why.line(), why.column());
        CliError::usage(message, "give provider, method, url and, if wanted, headers, body, at, nonce, region, service")
    })
}

/// The region of the object stands before every other source.
struct WithRegion<'a> {
    real: &'a dyn Sources,
    region: Option<&'a str>,
}

impl Sources for WithRegion<'_> {
    fn variable(&self, name: &str) -> Option<Found> {
        self.real.variable(name)
    }
    fn home_file(&self, relative: &str) -> Result<Option<Found>, SetupError> {
        self.real.home_file(relative)
    }
    fn file(&self, path: &str) -> Result<Option<Found>, SetupError> {
        self.real.file(path)
    }
    fn open_file(&self, path: &str) -> Result<Option<Found>, SetupError> {
        self.real.open_file(path)
    }
    fn setting(&self, key: &str) -> Option<Found> {
        match (key, self.region) {
            ("region", Some(region)) => {
                Some(Found { value: Secret::from(region.to_owned()), origin: "the object's region".to_owned() })
            }
            _ => self.real.setting(key),
        }
    }
    fn profile(&self) -> Option<&str> {
        self.real.profile()
    }
    fn endpoint(&self) -> Option<&Url> {
        self.real.endpoint()
    }
}
