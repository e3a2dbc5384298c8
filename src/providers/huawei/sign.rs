//! SDK-HMAC-SHA256, the signature of Huawei Cloud and of the clouds built on it.
//!
//! Source: API Request Signing Guide, `api-sign-algorithm-001` and `api-sign-exclude-header`. The key is the
//! secret key's plain text; there is no chain over date and region. Only `X-Sdk-Date` has to be signed; this
//! signer signs every header that is on the request.

use crate::secret::Secret;
use crate::sign::hash::{hex, hmac_sha256, sha256_hex};
use crate::sign::{Stages, canonical, concat, moment};
use crate::wire::WireRequest;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use std::borrow::Cow;

/// Name of the scheme: first word of `authorization` and first line of the string to sign.
pub const SCHEME: &str = "SDK-HMAC-SHA256";

/// Header with the signature's time.
pub const DATE: &str = "x-sdk-date";

/// Header that stands for the hash of the body where a tool sends it.
pub const CONTENT_HASH: &str = "x-sdk-content-sha256";

/// How the signature's time is written.
pub const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Sets the headers that a signed request must carry, apart from `host` and `authorization`.
///
/// The project id is for services of a region; the security token belongs to temporary keys.
pub fn usual_headers(
    request: &mut WireRequest,
    project_id: Option<&str>,
    security_token: Option<&Secret>,
    at: DateTime<Utc>,
) {
    request.set(DATE, &moment::compact(at));
    if let Some(project_id) = project_id {
        request.set("x-project-id", project_id);
    }
    if let Some(token) = security_token {
        request.set_sensitive("x-security-token", token.expose());
    }
}

/// Returns the canonical request over all headers of the request, and its host.
pub fn canonical_request(request: &WireRequest) -> String {
    canonical_over(request, &signed_headers(request))
}

fn canonical_over(request: &WireRequest, headers: &[(&str, Cow<'_, str>)]) -> String {
    let payload = match request.headers.get(CONTENT_HASH) {
        Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        None => sha256_hex(&request.body),
    };
    let query = request.url.query().unwrap_or_default();
    canonical_of(request.method.as_str(), request.url.path(), query, headers, &payload)
}

/// Names, in lower case and sorted, and values of the headers that are signed.
fn signed_headers(request: &WireRequest) -> Vec<(&str, Cow<'_, str>)> {
    let mut headers: Vec<(&str, Cow<'_, str>)> = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        // The gateway's own tools leave names with an underscore out: proxies drop such headers.
        .filter(|name| *name != "authorization" && !name.contains('_'))
        .map(|name| (name, header_value(&request.headers, name)))
        .collect();
    if !request.headers.contains_key("host") {
        headers.push(("host", Cow::Owned(request.host())));
    }
    headers.sort_unstable();
    headers
}

/// A header's value as it is signed: trimmed at both ends; several of one name are joined by a comma.
pub(super) fn header_value<'a>(headers: &'a HeaderMap, name: &str) -> Cow<'a, str> {
    let mut values = headers.get_all(name).iter().map(|value| match String::from_utf8_lossy(value.as_bytes()) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    });
    let first = values.next().unwrap_or_default();
    values.fold(first, |joined, value| Cow::Owned(format!("{joined},{value}")))
}

/// Returns the canonical request over raw path, raw query and these headers, sorted and in lower case.
pub(super) fn canonical_of(
    method: &str,
    raw_path: &str,
    raw_query: &str,
    headers: &[(impl AsRef<str>, impl AsRef<str>)],
    payload_hash: &str,
) -> String {
    let mut out = String::with_capacity(512);
    out.push_str(method);
    out.push('\n');
    canonical::push_path(&mut out, raw_path);
    if !out.ends_with('/') {
        out.push('/');
    }
    out.push('\n');
    canonical::push_query(&mut out, raw_query);
    out.push('\n');
    for (name, value) in headers {
        out.push_str(name.as_ref());
        out.push(':');
        out.push_str(value.as_ref());
        out.push('\n');
    }
    out.push('\n');
    push_names(&mut out, headers);
    out.push('\n');
    out.push_str(payload_hash);
    out
}

fn push_names(out: &mut String, headers: &[(impl AsRef<str>, impl AsRef<str>)]) {
    for (place, (name, _)) in headers.iter().enumerate() {
        if place > 0 {
            out.push(';');
        }
        out.push_str(name.as_ref());
    }
}

/// Returns the string to sign; `date` is the value of `X-Sdk-Date`.
pub fn string_to_sign(canonical_request: &str, date: &str) -> String {
    concat(&[SCHEME, "\n", date, "\n", &sha256_hex(canonical_request.as_bytes())])
}

/// Returns the signature, lower-case hexadecimal.
pub(super) fn signature(secret: &Secret, string_to_sign: &str) -> String {
    hex(&hmac_sha256(secret.expose().as_bytes(), string_to_sign.as_bytes()))
}

/// Returns every stage of the signature of this request, whose headers must be complete ([`usual_headers`]).
pub fn stages(request: &WireRequest, key_id: &str, secret: &Secret, at: DateTime<Utc>) -> Stages {
    let headers = signed_headers(request);
    let canonical_request = canonical_over(request, &headers);
    let string_to_sign = string_to_sign(&canonical_request, &moment::compact(at));
    let signature = signature(secret, &string_to_sign);
    let mut authorization = String::with_capacity(256);
    authorization.push_str(SCHEME);
    authorization.push_str(" Access=");
    authorization.push_str(key_id);
    authorization.push_str(", SignedHeaders=");
    push_names(&mut authorization, &headers);
    authorization.push_str(", Signature=");
    authorization.push_str(&signature);
    Stages { canonical_request, string_to_sign, signature, authorization }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDateTime;
    use http::{HeaderName, HeaderValue, Method};
    use serde_json::Value;

    const VECTORS: &str = include_str!("vectors/huawei.json");

    fn time(text: &str) -> DateTime<Utc> {
        NaiveDateTime::parse_from_str(text, DATE_FORMAT).expect("a time").and_utc()
    }

    fn request(case: &Value) -> WireRequest {
        let text = |key: &str| case[key].as_str().expect("text");
        let method: Method = text("method").parse().expect("a method");
        let mut request = WireRequest::new(method, text("url").parse().expect("an address"), "vector");
        for (name, value) in case["headers"].as_object().expect("headers") {
            let name: HeaderName = name.parse().expect("a name");
            request.headers.insert(name, HeaderValue::from_str(value.as_str().expect("text")).expect("a value"));
        }
        request.body = text("body").to_owned().into();
        let token = case.get("security_token").and_then(Value::as_str).map(|token| Secret::from(token.to_owned()));
        usual_headers(&mut request, case["project_id"].as_str(), token.as_ref(), time(text("date")));
        request
    }

    #[test]
    fn every_stage_of_every_vector_fits() {
        let cases: Vec<Value> = serde_json::from_str(VECTORS).expect("JSON");
        assert_eq!(cases.len(), 6);
        for case in cases {
            let secret = Secret::from(case["sk"].as_str().expect("a key").to_owned());
            let date = case["date"].as_str().expect("a time");
            let got = stages(&request(&case), case["ak"].as_str().expect("an id"), &secret, time(date));
            let name = &case["name"];
            assert_eq!(got.canonical_request, case["expect"]["canonical_request"], "{name}: canonical request");
            assert_eq!(got.string_to_sign, case["expect"]["string_to_sign"], "{name}: string to sign");
            assert_eq!(got.signature, case["expect"]["signature"], "{name}: signature");
            assert_eq!(got.authorization, case["expect"]["authorization"], "{name}: authorization");
        }
    }

    #[test]
    fn a_second_signing_does_not_sign_the_first() {
        let mut request = WireRequest::new(Method::GET, "https://ecs.example.com/a".parse().expect("an address"), "x");
        usual_headers(&mut request, None, None, time("20260315T081500Z"));
        let first = canonical_request(&request);
        request.set("authorization", "old");
        assert_eq!(canonical_request(&request), first);
    }

    #[test]
    fn path_and_query_are_decoded_once_and_encoded_once() {
        let url = "https://h/a%20b/c*d?b=2&a=%2B1&a=&B".parse().expect("an address");
        let request = WireRequest::new(Method::GET, url, "x");
        assert!(canonical_request(&request).starts_with("GET\n/a%20b/c%2Ad/\nB=&a=&a=%2B1&b=2\nhost:h\n"));
    }

    #[test]
    fn names_with_an_underscore_are_not_signed_and_values_are_trimmed() {
        let mut request = WireRequest::new(Method::GET, "https://h:8443/".parse().expect("an address"), "x");
        request.headers.insert("x_odd", HeaderValue::from_static("1"));
        request.headers.insert("x-two", HeaderValue::from_static(" a  b "));
        let text = canonical_request(&request);
        assert!(text.contains("\nhost:h:8443\nx-two:a  b\n\nhost;x-two\n"), "{text}");
    }

    #[test]
    fn a_content_hash_on_the_request_stands_for_the_body() {
        let mut request = WireRequest::new(Method::PUT, "https://h/".parse().expect("an address"), "x");
        request.headers.insert(CONTENT_HASH, HeaderValue::from_static("UNSIGNED-PAYLOAD"));
        let text = canonical_request(&request);
        assert!(text.ends_with("\nhost;x-sdk-content-sha256\nUNSIGNED-PAYLOAD"), "{text}");
    }
}
