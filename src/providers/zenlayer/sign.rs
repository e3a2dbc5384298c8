//! ZC2-HMAC-SHA256, the signature of Zenlayer's API v2 (documentation: api-introduction/instruction/sign).
//!
//! Signed are method, content type, host, body and time. Path, action and version are not: the canonical path
//! is a lone slash for every call. Further headers may be signed by the documentation, but no official tool
//! does so; this signer keeps to the two that are required.

use crate::secret::Secret;
use crate::sign::hash::{hex, hmac_sha256, sha256_hex};
use crate::sign::{Stages, concat};
use crate::wire::WireRequest;
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// Name of the scheme, as header `x-zc-signature-method` and as first word of `authorization`.
pub const SCHEME: &str = "ZC2-HMAC-SHA256";

/// The content type that is sent and signed unless the request has one.
pub const CONTENT_TYPE: &str = "application/json";

/// Sets the headers that a signed request must carry, apart from `authorization`; a content type stays as it is.
pub fn usual_headers(request: &mut WireRequest, at: DateTime<Utc>) {
    if !request.headers.contains_key("content-type") {
        request.set("content-type", CONTENT_TYPE);
    }
    request.set("x-zc-timestamp", &at.timestamp().to_string());
    request.set("x-zc-signature-method", SCHEME);
}

/// Returns the canonical request over the two required headers.
///
/// The host is the request's `host` header or, without one, what the address says.
pub fn canonical_request(request: &WireRequest) -> String {
    let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").map_or_else(|| Cow::Owned(request.host()), Cow::Borrowed);
    let headers = [("content-type", Cow::Borrowed(text("content-type").unwrap_or_default())), ("host", host)];
    canonical_of(request.method.as_str(), &headers, &request.body)
}

/// Returns the canonical request over these headers: names lower case and sorted, values as they are on the
/// wire. Values are trimmed and put into lower case here, as documented.
pub(super) fn canonical_of(method: &str, headers: &[(&str, impl AsRef<str>)], body: &[u8]) -> String {
    let mut out = String::with_capacity(256);
    out.push_str(method);
    out.push_str("\n/\n\n");
    for (name, value) in headers {
        out.push_str(name);
        out.push(':');
        push_lower(&mut out, value.as_ref().trim());
        out.push('\n');
    }
    out.push('\n');
    for (place, (name, _)) in headers.iter().enumerate() {
        if place > 0 {
            out.push(';');
        }
        out.push_str(name);
    }
    out.push('\n');
    out.push_str(&sha256_hex(body));
    out
}

fn push_lower(out: &mut String, text: &str) {
    if text.is_ascii() {
        out.extend(text.chars().map(|letter| letter.to_ascii_lowercase()));
    } else {
        out.push_str(&text.to_lowercase());
    }
}

/// Returns the string to sign; the time is in seconds since 1970, as in `x-zc-timestamp`.
pub fn string_to_sign(canonical_request: &str, timestamp: i64) -> String {
    concat(&[SCHEME, "\n", &timestamp.to_string(), "\n", &sha256_hex(canonical_request.as_bytes())])
}

/// Returns the signature. The key is the text of the access key's secret itself; nothing is derived from it.
pub(super) fn signature(secret: &Secret, string_to_sign: &str) -> String {
    hex(&hmac_sha256(secret.expose().as_bytes(), string_to_sign.as_bytes()))
}

/// Returns every stage of the signature of this request, whose headers must be complete ([`usual_headers`]).
pub fn stages(request: &WireRequest, key_id: &str, secret: &Secret, at: DateTime<Utc>) -> Stages {
    let canonical_request = canonical_request(request);
    let string_to_sign = string_to_sign(&canonical_request, at.timestamp());
    let signature = signature(secret, &string_to_sign);
    let authorization = format!("{SCHEME} Credential={key_id}, SignedHeaders=content-type;host, Signature={signature}");
    Stages { canonical_request, string_to_sign, signature, authorization }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use http::{HeaderName, HeaderValue, Method};
    use serde_json::Value;

    fn request(case: &Value) -> WireRequest {
        let text = |key: &str| case[key].as_str().expect("text");
        let url = text("url").parse().expect("an address");
        let mut request = WireRequest::new(Method::POST, url, "vector");
        for (name, value) in case["headers"].as_object().expect("headers") {
            let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).expect("a name");
            request.headers.insert(name, HeaderValue::from_str(value.as_str().expect("text")).expect("a value"));
        }
        request.body = text("body").to_owned().into();
        request
    }

    #[test]
    fn every_stage_of_every_vector_is_met() {
        let cases: Vec<Value> = serde_json::from_str(include_str!("vectors/zenlayer.json")).expect("vectors");
        assert!(cases.len() >= 6);
        for case in &cases {
            let at = Utc.timestamp_opt(case["timestamp"].as_i64().expect("a time"), 0).single().expect("a time");
            let secret = Secret::from(case["secret"].as_str().expect("text").to_owned());
            let stages = stages(&request(case), case["access_key_id"].as_str().expect("text"), &secret, at);
            let expect = |stage: &str| case["expect"][stage].as_str().expect("a stage");
            assert_eq!(stages.canonical_request, expect("canonical_request"), "{}", case["name"]);
            assert_eq!(stages.string_to_sign, expect("string_to_sign"), "{}", case["name"]);
            assert_eq!(stages.signature, expect("signature"), "{}", case["name"]);
            assert_eq!(stages.authorization, expect("authorization"), "{}", case["name"]);
        }
    }

    /// The worked example of the documentation's page on signing.
    fn documented(content_type: &str) -> Stages {
        let url = "https://console.zenlayer.com/api/v2/bmc".parse().expect("an address");
        let mut request = WireRequest::new(Method::POST, url, "example").header("content-type", content_type);
        request.body = r#"{"pageSize":10,"pageNum":1,"zoneId":"HKG-A"}"#.into();
        let at = Utc.timestamp_opt(1_673_361_177, 0).single().expect("a time");
        usual_headers(&mut request, at);
        stages(&request, "0D9UtpyKYcHxms5v", &Secret::from("Gu5t9xGARNpq86cd98joQYCN3".to_owned()), at)
    }

    #[test]
    fn the_documentations_own_example_is_met() {
        let stages = documented("application/json; charset=utf-8");
        assert_eq!(stages.signature, "efb356c32e55c781e10dc676da59462c22596d82e91c57803666243379555b2f");
    }

    #[test]
    fn header_values_are_trimmed_and_lowered_for_signing() {
        let lower = documented("application/json; charset=utf-8");
        assert_eq!(documented("Application/JSON; charset=UTF-8"), lower);
        assert_ne!(documented("application/json"), lower);
    }

    #[test]
    fn the_host_is_signed_with_a_port_that_is_not_the_schemes_own() {
        for (address, host) in [
            ("http://127.0.0.1:8080/api/v2/bmc", "host:127.0.0.1:8080\n"),
            ("https://console.zenlayer.com:443/api/v2/bmc", "host:console.zenlayer.com\n"),
            ("https://[::1]:8443/api/v2/bmc", "host:[::1]:8443\n"),
        ] {
            let request = WireRequest::new(Method::POST, address.parse().expect("an address"), "host");
            assert!(canonical_request(&request).contains(host), "{address}");
        }
    }
}
