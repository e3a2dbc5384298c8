//! Errors in the formats of Keystone, Nova, Glance and Ironic.
//!
//! Sources: Compute API guide ("Faults"), Identity API reference; answers as the services give them.

use crate::model::{ApiError, FaultClass};
use crate::wire::WireResponse;
use serde_json::{Map, Value};

/// Words with which Nova names the kind of a fault.
const KINDS: [&str; 14] = [
    "error",
    "badRequest",
    "unauthorized",
    "forbidden",
    "itemNotFound",
    "badMethod",
    "conflictingRequest",
    "overLimit",
    "computeFault",
    "notImplemented",
    "serviceUnavailable",
    "buildInProgress",
    "badMediaType",
    "cloudServersFault",
];

struct Envelope {
    code: String,
    message: String,
}

fn text(document: &Map<String, Value>, key: &str) -> Option<String> {
    match document.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One key that names the kind, with code and message in it; or Ironic's text in a text.
fn envelope(body: &[u8]) -> Option<Envelope> {
    let Ok(Value::Object(document)) = serde_json::from_slice(body) else { return None };
    for kind in KINDS {
        let Some(inner) = document.get(kind).and_then(Value::as_object) else { continue };
        let message = text(inner, "message")?;
        // `badRequest` tells more than the 400 that stands in it.
        let code = if kind == "error" { text(inner, "title").or_else(|| text(inner, "code")) } else { None };
        return Some(Envelope { code: code.unwrap_or_else(|| kind.to_owned()), message });
    }
    if let Some(inner) = document.get("error_message") {
        let inner = match inner {
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| inner.clone()),
            other => other.clone(),
        };
        return match &inner {
            Value::Object(fields) => Some(Envelope {
                code: text(fields, "faultcode").or_else(|| text(fields, "code")).unwrap_or_else(|| "fault".to_owned()),
                message: text(fields, "faultstring").or_else(|| text(fields, "message"))?,
            }),
            Value::String(text) => Some(Envelope { code: "fault".to_owned(), message: text.clone() }),
            _ => None,
        };
    }
    // Glance and the middleware of all: {"code": "404 Not Found", "title", "message"}.
    let (code, message) = (text(&document, "code")?, text(&document, "message")?);
    document.contains_key("title").then_some(Envelope { code, message })
}

/// The id of the request, for support and for `os-instance-actions`.
pub(super) fn request_id(answer: &WireResponse) -> Option<String> {
    ["x-openstack-request-id", "x-compute-request-id"]
        .iter()
        .find_map(|name| answer.header(name))
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

/// Reads the error of an answer with an error status; `None` for good answers and for whatever is not the
/// cloud speaking.
pub(super) fn fault(answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
    if answer.status.as_u16() < 400 {
        return None;
    }
    let found = envelope(&answer.body)?;
    let class = classify(answer.status.as_u16(), &found);
    let mut error = ApiError::from_provider(&class, Some(found.code), found.message, request_id(answer));
    if answer.status.as_u16() == 406 {
        error.next_step = "the cloud is too old for this wish: leave out what it does not know".to_owned();
    }
    Some((class, error))
}

/// Whether Nova says that another call was faster. It claims a server by setting its task, and does that before
/// anything is recorded or handed on; who loses is answered with a 500 that names this exception.
pub(super) fn is_lost_race(message: &str) -> bool {
    message.contains("nova.exception.UnexpectedTaskStateError")
}

fn classify(status: u16, found: &Envelope) -> FaultClass {
    let message = found.message.to_ascii_lowercase();
    match status {
        401 => FaultClass::SignedOut,
        413 | 429 if found.code == "overLimit" || status == 429 => FaultClass::Throttled(None),
        403 => FaultClass::Denied,
        404 => FaultClass::NotFound,
        // One status for both: a person's lock does not pass by itself.
        409 if message.contains("is locked") => FaultClass::Locked,
        409 => FaultClass::Busy,
        500 if is_lost_race(&found.message) => FaultClass::Busy,
        408 | 500.. => FaultClass::Server,
        _ => FaultClass::Invalid,
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
    fn recorded_errors_are_told_apart() {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/faults.json")).expect("vectors");
        for vector in vectors {
            let status = u16::try_from(vector["status"].as_u64().expect("a status")).expect("a status");
            let (class, error) = fault(&answer(status, &vector["body"].to_string())).expect("a fault");
            assert_eq!(class.word(), vector["word"], "{vector}");
            assert_eq!(error.code.as_deref(), vector["code"].as_str(), "{vector}");
            assert!(!error.message.is_empty() && !error.next_step.is_empty(), "{vector}");
        }
    }

    #[test]
    fn good_answers_and_strangers_are_no_error_of_the_cloud() {
        for (status, body) in [
            (202, r#"{"badRequest":{"code":400,"message":"x"}}"#),
            (300, r#"{"choices":[]}"#),
            (502, "<html>Bad gateway</html>"),
            (404, "404 page not found"),
            (400, r#"{"code":"x","message":"y"}"#),
            (400, r#"{"error":null}"#),
            (500, "{}"),
            (500, ""),
        ] {
            assert!(fault(&answer(status, body)).is_none(), "{status} {body}");
        }
    }
}
