//! The provider's errors: several envelopes, one table of codes.
//!
//! Sources: API Gateway and IAM error pages, ECS error codes (`en-us_topic_0022067717`), CloudDC ErrorCode page.

use crate::model::{ApiError, FaultClass};
use crate::wire::{ReadFault, WireResponse};
use serde_json::{Map, Value};
use std::time::Duration;

/// What an envelope tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

/// Reads any of the provider's envelopes, whatever the HTTP status; `None` if the body is none of them.
pub(super) fn envelope(body: &[u8]) -> Option<Envelope> {
    let Ok(Value::Object(document)) = serde_json::from_slice(body) else { return None };
    let outer = flat(&document);
    let inner = || document.values().filter_map(Value::as_object).find_map(flat);
    let mut found = outer.or_else(inner)?;
    if found.request_id.is_none() {
        found.request_id = text(&document, "request_id");
    }
    Some(found)
}

fn flat(document: &Map<String, Value>) -> Option<Envelope> {
    const FORMS: [(&str, &str); 3] = [("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message")];
    FORMS.iter().find_map(|(code, message)| {
        let message = text(document, message)?;
        let code = text(document, code)?;
        let details = document.get("details").and_then(Value::as_array).into_iter().flatten();
        let details: Vec<String> =
            details.filter_map(|detail| text(detail.as_object()?, "message")).filter(|text| *text != message).collect();
        let message = if details.is_empty() { message } else { format!("{message} ({})", details.join("; ")) };
        Some(Envelope { code: Some(code), message: without_echo(message), request_id: text(document, "request_id") })
    })
}

fn text(document: &Map<String, Value>, key: &str) -> Option<String> {
    match document.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The gateway repeats the request that it saw, and with it the security token among its headers.
fn without_echo(message: String) -> String {
    match message.find("canonicalRequest") {
        Some(place) => message[..place].trim_end_matches([' ', ',', ':']).to_owned(),
        None => message,
    }
}

/// The id of the request, for support.
pub(super) fn request_id(answer: &WireResponse) -> Option<String> {
    ["x-request-id", "x-iam-trace-id", "x-openstack-request-id"]
        .iter()
        .find_map(|name| answer.header(name))
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .or_else(|| envelope(&answer.body)?.request_id)
}

/// Reads the error of an answer with an error status; `None` for good answers and for whatever is not the
/// provider speaking.
pub(super) fn fault(answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
    if answer.status.as_u16() < 400 {
        return None;
    }
    let found = envelope(&answer.body)?;
    let class = classify(&found, answer);
    let error = ApiError::from_provider(&class, found.code, found.message, request_id(answer).or(found.request_id));
    Some((class, error))
}

/// An error envelope inside a good answer, as an error of this kind.
pub(super) fn inside(answer: &WireResponse) -> Option<ApiError> {
    let found = envelope(&answer.body)?;
    let id = request_id(answer);
    Some(ApiError::from_provider(&FaultClass::Invalid, found.code, found.message, id))
}

/// Turns an error answer, or an error inside a good answer, into a fault of a read.
pub(super) fn read_fault(answer: &WireResponse) -> Option<ReadFault> {
    fault(answer)
        .map(|(class, error)| ReadFault { class, error })
        .or_else(|| inside(answer).map(|error| ReadFault { class: FaultClass::Malformed, error }))
}

fn classify(found: &Envelope, answer: &WireResponse) -> FaultClass {
    let code = found.code.as_deref().unwrap_or_default();
    let status = answer.status.as_u16();
    let message = found.message.to_ascii_lowercase();
    // Older gateways leave the W out.
    let gateway = code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."));
    if status == 429 || gateway == Some("0308") || code == "iMetal.0005" {
        return FaultClass::Throttled(window(&message));
    }
    if let Some(number) = gateway {
        return match number {
            "0101" => FaultClass::NotFound,
            "0301" | "0303" => unauthorized(&message),
            "0302" => FaultClass::Denied,
            _ => by_status(status, &message),
        };
    }
    match code {
        "iMetal.0003" => FaultClass::SignedOut,
        "iMetal.0004" => FaultClass::Denied,
        "iMetal.0099" => FaultClass::Server,
        "iMetal.0100" | "iMetal.0200" | "Ecs.0114" | "Ecs.0614" => FaultClass::NotFound,
        "iMetal.0101" | "iMetal.0201" | "Ecs.0073" | "Ecs.0100" | "Ecs.0101" | "Ecs.0603" | "Ecs.1002" => {
            FaultClass::Busy
        }
        "Ecs.0605" => FaultClass::Locked,
        "Ecs.0003" | "Ecs.0004" | "Ecs.0110" => FaultClass::Denied,
        "Ecs.0066" | "Ecs.0067" | "Ecs.0068" | "Ecs.0069" | "Ecs.0070" | "Ecs.0071" => FaultClass::Denied,
        _ if message.contains("itemnotfound") => FaultClass::NotFound,
        // Failures within the provider come with HTTP 400 as well; how far the work went is not known then.
        "Ecs.0002" | "Ecs.1000" | "Ecs.1001" | "Ecs.1100" | "Ecs.1200" | "Ecs.1201" | "Ecs.1300" | "Ecs.0202"
        | "Ecs.0219" | "Ecs.0402" | "Ecs.0503" => FaultClass::Server,
        _ => by_status(status, &message),
    }
}

fn by_status(status: u16, message: &str) -> FaultClass {
    match status {
        401 => unauthorized(message),
        403 => FaultClass::Denied,
        404 => FaultClass::NotFound,
        409 => FaultClass::Busy,
        408 | 500.. => FaultClass::Server,
        _ => FaultClass::Invalid,
    }
}

/// A signature is refused for good, unless the clocks differ; a token may be replaced by a fresh one.
fn unauthorized(message: &str) -> FaultClass {
    const FINAL: [&str; 6] = ["aksk", "ak ", "secretkey", "password", "username", "reach the limit"];
    if message.contains("signature expired") {
        FaultClass::ClockSkew
    } else if message.contains("token") {
        FaultClass::SignedOut
    } else if FINAL.iter().any(|word| message.contains(word)) {
        FaultClass::Denied
    } else {
        FaultClass::SignedOut
    }
}

/// The window that the gateway's text names.
fn window(message: &str) -> Option<Duration> {
    let (_, window) = message.split_once("time:")?;
    let mut words = window.split_whitespace();
    let count: u32 = words.next()?.parse().ok()?;
    match words.next()?.trim_end_matches(|c: char| !c.is_ascii_alphabetic()) {
        "second" | "seconds" => Some(Duration::from_secs(u64::from(count))),
        "minute" | "minutes" => Some(Duration::from_secs(u64::from(count) * 60)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn answer(status: u16, body: &str) -> WireResponse {
        let status = StatusCode::from_u16(status).expect("a status");
        WireResponse { status, headers: HeaderMap::new(), body: body.to_owned().into() }
    }

    #[test]
    fn every_envelope_is_read() {
        let bodies = [
            r#"{"error_code":"X.1","error_msg":"no","request_id":"r"}"#,
            r#"{"error":{"code":"X.1","message":"no"},"request_id":"r"}"#,
            r#"{"code":"X.1","message":"no","request_id":"r"}"#,
            r#"{"errorCode":"X.1","errorMsg":"no","request_id":"r"}"#,
            r#"{"badRequest":{"code":"X.1","message":"no"},"request_id":"r"}"#,
        ];
        for body in bodies {
            let (_, error) = fault(&answer(400, body)).expect(body);
            assert_eq!((error.code.as_deref(), error.message.as_str()), (Some("X.1"), "no"), "{body}");
            assert_eq!(error.request_id.as_deref(), Some("r"), "{body}");
        }
        let (_, error) =
            fault(&answer(401, r#"{"error":{"code":401,"message":"The username or password is wrong."}}"#))
                .expect("one");
        assert_eq!(error.code.as_deref(), Some("401"));
    }

    #[test]
    fn good_answers_and_strangers_are_no_provider_error() {
        for (status, body) in [
            (200, r#"{"job_id":"1","error_code":"Ecs.1","error_msg":"x"}"#),
            (302, r#"{"code":"1","message":"x"}"#),
            (502, "<html>Bad gateway</html>"),
            (429, "slow down"),
            (500, "{}"),
            (500, r#"["code","message"]"#),
            (500, ""),
        ] {
            assert!(fault(&answer(status, body)).is_none(), "{status} {body}");
        }
    }

    #[test]
    fn codes_decide_before_the_status_does() {
        let auth = "Incorrect IAM authentication information: ";
        let table = [
            (404, "APIGW.0101", "no such API", FaultClass::NotFound),
            (401, "APIGW.0301", &format!("{auth}verify aksk signature fail"), FaultClass::Denied),
            (401, "APIG.0301", &format!("{auth}ak X not exist"), FaultClass::Denied),
            (401, "APIGW.0301", &format!("{auth}decrypt token fail"), FaultClass::SignedOut),
            (401, "APIGW.0301", &format!("{auth}token expires, expires_at: 2026"), FaultClass::SignedOut),
            (
                401,
                "APIGW.0301",
                &format!("{auth}calc aksk signature fail:signature expired, signature time:1,server time:2"),
                FaultClass::ClockSkew,
            ),
            (403, "APIGW.0302", "not allowed", FaultClass::Denied),
            (502, "APIGW.0201", "backend", FaultClass::Server),
            (413, "APIGW.0201", "too large", FaultClass::Invalid),
            (400, "Ecs.0100", "state", FaultClass::Busy),
            (400, "Ecs.1002", "other operation", FaultClass::Busy),
            (501, "Ecs.0603", "already running", FaultClass::Busy),
            (400, "Ecs.0605", "ECS locked.", FaultClass::Locked),
            (400, "Ecs.0114", "not there", FaultClass::NotFound),
            (400, "Ecs.1000", "nova: itemNotFound", FaultClass::NotFound),
            (400, "Ecs.1000", "internal", FaultClass::Server),
            (400, "Ecs.0011", "password", FaultClass::Invalid),
            (403, "Ecs.0067", "arrears", FaultClass::Denied),
            (401, "iMetal.0003", "Unauthorized", FaultClass::SignedOut),
            (404, "iMetal.0200", "Instances not found", FaultClass::NotFound),
            (400, "iMetal.0201", "state", FaultClass::Busy),
            (400, "iMetal.0001", "value", FaultClass::Invalid),
            (500, "iMetal.0099", "internal", FaultClass::Server),
            (409, "X", "conflict", FaultClass::Busy),
            (401, "401", "The username or password is wrong.", FaultClass::Denied),
        ];
        for (status, code, message, class) in table {
            let body = serde_json::json!({"error_code": code, "error_msg": message}).to_string();
            assert_eq!(fault(&answer(status, &body)).expect(code).0, class, "{code} {message}");
        }
    }

    #[test]
    fn a_throttle_tells_its_window() {
        let table = [
            ("policy user over ratelimit,limit:20,time:1 second", Some(1)),
            ("policy user over ratelimit,limit:20,time:1 minute.", Some(60)),
            ("slow down", None),
        ];
        for (message, seconds) in table {
            let body = serde_json::json!({"error_code": "APIGW.0308", "error_msg": message}).to_string();
            let class = fault(&answer(429, &body)).expect("a fault").0;
            assert_eq!(class, FaultClass::Throttled(seconds.map(Duration::from_secs)), "{message}");
        }
    }

    #[test]
    fn the_gateways_echo_of_the_request_is_cut_off() {
        let body = r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/|x-security-token:HUSH|"}"#;
        let (_, error) = fault(&answer(401, body)).expect("a fault");
        assert_eq!(error.message, "Incorrect IAM authentication information: verify aksk signature fail");
    }
}
