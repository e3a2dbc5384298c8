//! JDCLOUD2-HMAC-SHA256, and its twin JDCLOUD3 in which only the labels differ.
//!
//! Source: <https://docs.jdcloud.com/en/common-declaration/api/authorization-rules>; where that page is silent, what the
//! official SDKs agree on (`README.md`).

use crate::secret::Secret;
use crate::sign::{Stages, canonical, hash, moment};
use crate::wire::{Stamp, WireRequest};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use percent_encoding::percent_decode_str;

/// Header with the time of the signature.
pub const DATE: &str = "x-jdcloud-date";
/// Header with the random text of the attempt.
pub const NONCE: &str = "x-jdcloud-nonce";
/// Header with the token of operation protection or of a temporary key.
pub const TOKEN: &str = "x-jdcloud-security-token";

/// Bare in a path: `A-Z a-z 0-9 - . _ ~ /`.
fn bare_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/')
}

/// The labels of one generation of the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Algorithm, first word of the `Authorization` header.
    pub algorithm: &'static str,
    /// What stands before the secret in the first key.
    pub prefix: &'static str,
    /// Last part of the scope.
    pub terminator: &'static str,
}

/// The documented generation, which this program signs with.
pub const JDCLOUD2: Generation =
    Generation { algorithm: "JDCLOUD2-HMAC-SHA256", prefix: "JDCLOUD2", terminator: "jdcloud2_request" };

/// The generation of newer Python SDKs.
pub const JDCLOUD3: Generation =
    Generation { algorithm: "JDCLOUD3-HMAC-SHA256", prefix: "JDCLOUD3", terminator: "jdcloud3_request" };

/// An access key.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// Its id, which every request shows.
    pub id: &'a str,
    /// Its secret half.
    pub secret: &'a Secret,
}

/// What a signature is valid for, besides its day.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Region; `jdcloud-api` for calls without one.
    pub region: &'a str,
    /// Service, `cps` for every call of the product.
    pub service: &'a str,
}

/// Which headers are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// `content-type`, `host`, date, nonce and, if there is one, the security token.
    Usual,
    /// Every header on the request.
    All,
}

/// The parts of a request that a signature covers: of one to be sent as well as of one received.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path as on the wire.
    pub path: &'a str,
    /// Query as on the wire, without `?`.
    pub query: &'a str,
    /// Headers, `host` among them.
    pub headers: &'a HeaderMap,
    /// Body bytes.
    pub body: &'a [u8],
}

/// Writes the time as the scheme wants it.
pub fn timestamp(at: DateTime<Utc>) -> String {
    moment::compact(at)
}

/// Puts date, nonce and content type on a request, signs it and returns the stages.
///
/// `Authorization` is marked sensitive. The `Host` header is signed as given, or as the address has it.
pub fn sign(request: &mut WireRequest, key: Key<'_>, scope: Scope<'_>, stamp: &Stamp, signing: Signing) -> Stages {
    if !request.headers.contains_key("content-type") {
        request.set("content-type", "application/json");
    }
    let date = timestamp(stamp.at);
    request.set(DATE, &date);
    request.set(NONCE, &stamp.nonce);
    if !request.headers.contains_key("host") {
        request.set("host", &request.host());
    }
    let names = signed_names(&request.headers, signing);
    let parts = Parts {
        method: request.method.as_str(),
        path: request.url.path(),
        query: request.url.query().unwrap_or_default(),
        headers: &request.headers,
        body: &request.body,
    };
    let stages = stages(parts, &names, key, scope, &date, JDCLOUD2);
    request.set_sensitive("authorization", &stages.authorization);
    stages
}

/// Computes every stage for a request whose headers are complete. `names` are the signed headers, in lower case.
pub fn stages(
    parts: Parts<'_>,
    names: &[impl AsRef<str>],
    key: Key<'_>,
    scope: Scope<'_>,
    date: &str,
    generation: Generation,
) -> Stages {
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names.dedup();
    let canonical_request = canonical_request(parts, &names);
    let scope_text = scope_text(scope, date, generation);
    let string_to_sign = string_to_sign(&canonical_request, &scope_text, date, generation);
    let signature = signature(&string_to_sign, key.secret, scope, date, generation);
    let authorization = format!(
        "{} Credential={}/{scope_text}, SignedHeaders={}, Signature={signature}",
        generation.algorithm,
        key.id,
        names.join(";")
    );
    Stages { canonical_request, string_to_sign, signature, authorization }
}

/// Joins method, path, query, headers, their names and the body's digest. `names` must be sorted.
pub fn canonical_request(parts: Parts<'_>, names: &[&str]) -> String {
    let mut out = String::with_capacity(512);
    out.extend(parts.method.chars().map(|letter| letter.to_ascii_uppercase()));
    out.push('\n');
    push_path(&mut out, parts.path);
    out.push('\n');
    canonical::push_query(&mut out, parts.query);
    out.push('\n');
    for name in names {
        out.push_str(name);
        out.push(':');
        push_header(&mut out, parts.headers, name);
        out.push('\n');
    }
    out.push('\n');
    push_names(&mut out, names);
    out.push('\n');
    out.push_str(&hash::sha256_hex(parts.body));
    out
}

fn push_names(out: &mut String, names: &[&str]) {
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            out.push(';');
        }
        out.push_str(name);
    }
}

/// Joins algorithm, time, scope and the canonical request's digest.
pub fn string_to_sign(canonical_request: &str, scope: &str, date: &str, generation: Generation) -> String {
    format!("{}\n{date}\n{scope}\n{}", generation.algorithm, hash::sha256_hex(canonical_request.as_bytes()))
}

/// The path decoded as a whole and encoded once: `:` becomes `%3A`, `/` stays.
fn push_path(out: &mut String, raw: &str) {
    if raw.is_empty() {
        out.push('/');
    } else if raw.contains('%') {
        let bytes: Vec<u8> = percent_decode_str(raw).collect();
        canonical::push_encoded_but(out, &bytes, bare_in_path);
    } else {
        canonical::push_encoded_but(out, raw.as_bytes(), bare_in_path);
    }
}

/// All values of a header joined by commas, without outer white space.
fn push_header(out: &mut String, headers: &HeaderMap, name: &str) {
    for (place, value) in headers.get_all(name).iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(String::from_utf8_lossy(value.as_bytes()).trim());
    }
}

fn signed_names(headers: &HeaderMap, signing: Signing) -> Vec<&str> {
    const USUAL: [&str; 5] = ["content-type", "host", DATE, NONCE, TOKEN];
    let chosen = |name: &&str| match signing {
        Signing::Usual => USUAL.contains(name),
        Signing::All => *name != "authorization",
    };
    headers.keys().map(http::HeaderName::as_str).filter(chosen).collect()
}

/// The day stands at the front of the time; a text from outside may be shorter.
fn day(date: &str) -> &str {
    date.get(..8).unwrap_or(date)
}

fn scope_text(scope: Scope<'_>, date: &str, generation: Generation) -> String {
    format!("{}/{}/{}/{}", day(date), scope.region, scope.service, generation.terminator)
}

fn signature(string_to_sign: &str, secret: &Secret, scope: Scope<'_>, date: &str, generation: Generation) -> String {
    let first = Secret::from(format!("{}{}", generation.prefix, secret.expose()));
    let mut key = hash::hmac_sha256(first.expose().as_bytes(), day(date).as_bytes());
    for part in [scope.region, scope.service, generation.terminator] {
        key = hash::hmac_sha256(&key, part.as_bytes());
    }
    hash::hex(&hash::hmac_sha256(&key, string_to_sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_path(raw: &str) -> String {
        let mut out = String::new();
        push_path(&mut out, raw);
        out
    }
    use chrono::NaiveDateTime;
    use http::{HeaderName, HeaderValue, Method};
    use serde_json::Value;
    use url::Url;

    fn text<'a>(case: &'a Value, pointer: &str) -> &'a str {
        case.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {case}"))
    }

    fn request(case: &Value) -> WireRequest {
        let method: Method = text(case, "/method").parse().expect("a method");
        let mut request = WireRequest::new(method, Url::parse(text(case, "/url")).expect("an address"), "vector");
        for (name, value) in case["headers"].as_object().expect("headers") {
            let name: HeaderName = name.parse().expect("a header name");
            request.headers.insert(name, HeaderValue::from_str(value.as_str().expect("text")).expect("a value"));
        }
        request.body = text(case, "/body").to_owned().into();
        request
    }

    fn stamp(case: &Value) -> Stamp {
        let at = NaiveDateTime::parse_from_str(text(case, "/date"), "%Y%m%dT%H%M%SZ").expect("a time").and_utc();
        Stamp { at, nonce: text(case, "/nonce").to_owned() }
    }

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("vectors/jdcloud.json")).expect("vectors")
    }

    #[test]
    fn every_stage_of_every_vector_is_met() {
        let cases = vectors();
        assert!(!cases.is_empty());
        for case in &cases {
            let name = text(case, "/name");
            for signing in [Signing::Usual, Signing::All] {
                let mut request = request(case);
                let secret = Secret::from(text(case, "/secret_key").to_owned());
                let key = Key { id: text(case, "/access_key"), secret: &secret };
                let scope = Scope { region: text(case, "/region"), service: text(case, "/service") };
                let stages = sign(&mut request, key, scope, &stamp(case), signing);
                assert_eq!(stages.canonical_request, text(case, "/expect/canonical_request"), "{name}");
                assert_eq!(stages.string_to_sign, text(case, "/expect/string_to_sign"), "{name}");
                assert_eq!(stages.signature, text(case, "/expect/signature"), "{name}");
                assert_eq!(stages.authorization, text(case, "/expect/authorization"), "{name}");
                request.set("host", &request.host());
                let wanted = case["expect"]["headers"].as_object().expect("headers");
                assert_eq!(request.headers.len(), wanted.len(), "{name}");
                for (header, value) in wanted {
                    let got = request.headers.get(header.as_str()).and_then(|got| got.to_str().ok());
                    assert_eq!(got, value.as_str(), "{name}: {header}");
                }
            }
        }
    }

    #[test]
    fn the_other_generation_differs_in_its_labels_alone() {
        for case in &vectors() {
            let name = text(case, "/name");
            let mut request = request(case);
            let (secret, stamp) = (Secret::from(text(case, "/secret_key").to_owned()), stamp(case));
            let key = Key { id: text(case, "/access_key"), secret: &secret };
            let scope = Scope { region: text(case, "/region"), service: text(case, "/service") };
            sign(&mut request, key, scope, &stamp, Signing::Usual);
            request.set("host", &request.host());
            let names = signed_names(&request.headers, Signing::Usual);
            let parts = Parts {
                method: request.method.as_str(),
                path: request.url.path(),
                query: request.url.query().unwrap_or_default(),
                headers: &request.headers,
                body: &request.body,
            };
            let stages = stages(parts, &names, key, scope, &timestamp(stamp.at), JDCLOUD3);
            assert_eq!(stages.string_to_sign, text(case, "/expect_jdcloud3/string_to_sign"), "{name}");
            assert_eq!(stages.signature, text(case, "/expect_jdcloud3/signature"), "{name}");
            assert_eq!(stages.authorization, text(case, "/expect_jdcloud3/authorization"), "{name}");
        }
    }

    /// The worked example of the provider's page, where headers of the caller's own are signed too.
    #[test]
    fn the_published_example_is_met() {
        let url = Url::parse("http://test.jdcloud-api.com/v1/resource:action?p1=p1&p0=p0&o=%&u=u").expect("an address");
        let mut headers = HeaderMap::new();
        for (name, value) in
            [(DATE, "20190214T104514Z"), (NONCE, "testnonce"), ("x-my-header", "test"), ("x-my-header_blank", " blank")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        let parts = Parts {
            method: "POST",
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: &headers,
            body: b"body data",
        };
        let secret = Secret::from("TESTSK".to_owned());
        let key = Key { id: "TESTAK", secret: &secret };
        let scope = Scope { region: "cn-north-1", service: "test" };
        let stages = stages(parts, &names, key, scope, "20190214T104514Z", JDCLOUD2);
        assert_eq!(stages.canonical_request.lines().nth(1), Some("/v1/resource%3Aaction"));
        assert_eq!(stages.canonical_request.lines().nth(2), Some("o=%25&p0=p0&p1=p1&u=u"));
        assert_eq!(stages.signature, "2a98f83c074e7bee260bfc8ef64f009c07595bd93f7f0c3f4e156bf6479ed9bf");
    }

    #[test]
    fn a_colon_and_its_escape_are_the_same_path() {
        for path in ["/v1/instances/i:stopInstance", "/v1/instances/i%3AstopInstance", "/v1/instances/i%3astopInstance"]
        {
            assert_eq!(canonical_path(path), "/v1/instances/i%3AstopInstance");
        }
        assert_eq!(canonical_path(""), "/");
        assert_eq!(canonical_path("/a%2Fb/%"), "/a/b/%25");
    }

    #[test]
    fn given_headers_are_signed_only_when_all_are() {
        let secret = Secret::from("secret".to_owned());
        let key = Key { id: "id", secret: &secret };
        let scope = Scope { region: "cn-north-1", service: "cps" };
        let stamp = Stamp { at: DateTime::UNIX_EPOCH, nonce: "n".to_owned() };
        let plain = WireRequest::new(Method::GET, Url::parse("https://h.example/").expect("an address"), "sign")
            .header("user-agent", "x")
            .header("x-own", " y ")
            .header("authorization", "old");
        let usual = sign(&mut plain.clone(), key, scope, &stamp, Signing::Usual);
        assert!(!usual.authorization.contains("x-own"));
        let all = sign(&mut plain.clone(), key, scope, &stamp, Signing::All);
        assert!(
            all.authorization
                .contains("SignedHeaders=content-type;host;user-agent;x-jdcloud-date;x-jdcloud-nonce;x-own,"),
            "{}",
            all.authorization
        );
        assert!(all.canonical_request.contains("\nx-own:y\n"));
    }
}
