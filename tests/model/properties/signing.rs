//! Signatures over requests of any shape: the same request is the same signature, another one is another.

use super::written;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method};
use reinstall::providers::{huawei, jdcloud, zenlayer};
use reinstall::secret::Secret;
use reinstall::sign::Stages;
use reinstall::wire::{Stamp, WireRequest};

const ID: &str = "KEY-ID";
const SECRET: &str = "kept-back";

/// A scheme with what it leaves open.
struct Scheme {
    /// Puts its headers on the request and signs it.
    sign_with: fn(&mut WireRequest, &Secret) -> Stages,
    /// Whether path and query are signed.
    address: bool,
    /// A header that takes the place of the body's hash.
    instead_of_body: Option<&'static str>,
}

impl Scheme {
    fn sign(&self, request: &mut WireRequest) -> Stages {
        (self.sign_with)(request, &Secret::from(SECRET.to_owned()))
    }
}

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

/// JDCLOUD2-HMAC-SHA256.
pub(crate) fn jdcloud(bytes: &[u8]) {
    use jdcloud::sign::{Key, Scope, Signing, sign};
    let sign_with = |request: &mut WireRequest, secret: &Secret| {
        let (key, scope) = (Key { id: ID, secret }, Scope { region: "cn-north-1", service: "cps" });
        let stamp = Stamp { at: time(), nonce: "nonce".to_owned() };
        sign(request, key, scope, &stamp, Signing::All)
    };
    check(bytes, &Scheme { sign_with, address: true, instead_of_body: None });
}

/// ZC2-HMAC-SHA256, which signs neither path nor query.
pub(crate) fn zenlayer(bytes: &[u8]) {
    let sign_with = |request: &mut WireRequest, secret: &Secret| {
        zenlayer::sign::usual_headers(request, time());
        zenlayer::sign::stages(request, ID, secret, time())
    };
    check(bytes, &Scheme { sign_with, address: false, instead_of_body: None });
}

/// SDK-HMAC-SHA256.
pub(crate) fn huawei(bytes: &[u8]) {
    let sign_with = |request: &mut WireRequest, secret: &Secret| {
        huawei::sign::usual_headers(request, Some("0123456789abcdef"), None, time());
        huawei::sign::stages(request, ID, secret, time())
    };
    check(bytes, &Scheme { sign_with, address: true, instead_of_body: Some(huawei::sign::CONTENT_HASH) });
}

fn check(bytes: &[u8], scheme: &Scheme) {
    let Some(request) = written::request(bytes) else { return };
    let mut signed = request.clone();
    let stages = scheme.sign(&mut signed);
    well_formed(&stages);
    nothing_but_the_signature_depends_on_the_secret(&request, scheme, &stages);
    signed.set("authorization", &stages.authorization);
    assert_eq!(scheme.sign(&mut signed), stages, "a second signing signs the first");
    same_request(&request, scheme, &stages);
    other_request(&request, scheme, &stages);
}

/// So the secret itself stands in none of the stages, whatever the request holds.
fn nothing_but_the_signature_depends_on_the_secret(request: &WireRequest, scheme: &Scheme, stages: &Stages) {
    let other = (scheme.sign_with)(&mut request.clone(), &Secret::from("quite another".to_owned()));
    assert_ne!(other.signature, stages.signature, "the secret signs nothing");
    let swapped = other.authorization.replace(&other.signature, &stages.signature);
    assert_eq!(Stages { signature: stages.signature.clone(), authorization: swapped, ..other }, *stages);
}

/// Lines cannot be smuggled in, and the header that carries the signature can be sent.
fn well_formed(stages: &Stages) {
    let hexadecimal = |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    assert!(hexadecimal(&stages.signature), "{}", stages.signature);
    assert!(stages.authorization.ends_with(&format!("Signature={}", stages.signature)), "{}", stages.authorization);
    assert!(HeaderValue::from_str(&stages.authorization).is_ok(), "{:?}", stages.authorization);
    let lines: Vec<&str> = stages.canonical_request.split('\n').collect();
    let names = lines[lines.len() - 2].split(';').count();
    assert_eq!(lines.len(), names + 6, "{:?}", stages.canonical_request);
    for (line, name) in lines[3..].iter().zip(lines[lines.len() - 2].split(';')) {
        assert!(line.starts_with(&format!("{name}:")), "{line:?} is not {name}");
    }
    assert!(stages.string_to_sign.lines().all(|line| !line.is_empty()), "{:?}", stages.string_to_sign);
}

/// What means the same to the receiver is signed the same.
fn same_request(request: &WireRequest, scheme: &Scheme, stages: &Stages) {
    let again = |request: WireRequest| scheme.sign(&mut { request });
    assert_eq!(again(request.clone()), *stages, "the same request twice");

    let mut turned = HeaderMap::new();
    let mut names: Vec<_> = request.headers.keys().collect();
    names.reverse();
    for name in names {
        for value in request.headers.get_all(name) {
            turned.append(name, value.clone());
        }
    }
    assert_eq!(again(WireRequest { headers: turned, ..request.clone() }), *stages, "the order of headers");

    if let Some(query) = request.url.query() {
        let mut pieces: Vec<&str> = query.split('&').collect();
        pieces.reverse();
        let mut turned = request.clone();
        turned.url.set_query(Some(&pieces.join("&")));
        assert_eq!(again(turned), *stages, "the order of the query in {query:?}");
    }

    let path = request.url.path();
    if let Some(at) = path.find(|c: char| c.is_ascii_alphanumeric()).filter(|_| !path.contains('%')) {
        let mut escaped = request.clone();
        escaped.url.set_path(&format!("{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..]));
        assert_eq!(again(escaped), *stages, "an escaped letter in {path:?}");
    }
}

/// What means something else is signed differently.
fn other_request(request: &WireRequest, scheme: &Scheme, stages: &Stages) {
    let differs = |other: WireRequest, what: &str| {
        let got = scheme.sign(&mut { other });
        assert_ne!(got.signature, stages.signature, "{what} is not signed");
    };
    if !scheme.instead_of_body.is_some_and(|name| request.headers.contains_key(name)) {
        let body = [&request.body[..], b"x"].concat();
        differs(WireRequest { body: body.into(), ..request.clone() }, "the body");
    }
    let method = format!("X{}", request.method);
    if let Ok(method) = Method::from_bytes(method.as_bytes()) {
        differs(WireRequest { method, ..request.clone() }, "the method");
    }
    if !request.headers.contains_key("host") {
        let mut other = request.clone();
        let host = format!("a{}", request.url.host_str().unwrap_or_default());
        if other.url.set_host(Some(&host)).is_ok() && other.url.host_str() != request.url.host_str() {
            differs(other, "the host");
        }
    }
    if scheme.address {
        let mut other = request.clone();
        other.url.query_pairs_mut().append_pair("another", "1");
        differs(other, "the query");
        let mut other = request.clone();
        other.url.set_path(&format!("{}/x", request.url.path()));
        differs(other, "the path");
    }
}
