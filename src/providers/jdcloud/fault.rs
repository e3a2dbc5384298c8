//! The provider's refusals in our words.
//!
//! Source: <https://docs.jdcloud.com/en/common-declaration/api/error-codes>.

use super::wire::{Code, ErrorBody, ErrorField, Failure, Word};
use crate::model::{ApiError, FaultClass};
use crate::wire::WireResponse;

const REQUEST_ID: &str = "x-jdcloud-request-id";
const DENIED_ADVICE: &str = "check the credentials with `reinstall check`; if the account has operation protection on, \
                             give its token with `--set securityToken=@FILE` or JDCLOUD_SECURITY_TOKEN";

/// Reads the `error` object, which counts as a refusal whatever the HTTP status says.
pub(super) fn fault(answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
    let failure: Failure = answer.parse().ok()?;
    let Some(ErrorField::Object(error)) = failure.error else { return None };
    let class = class(&error, answer);
    let message = text(&error.message).unwrap_or("no reason was given").to_owned();
    let number = error.code.as_ref().and_then(Code::number);
    let code = text(&error.status).map(str::to_owned).or_else(|| number.map(|number| number.to_string()));
    let request_id = text(&failure.request_id).or_else(|| answer.header(REQUEST_ID)).map(str::to_owned);
    let mut error = ApiError::from_provider(&class, code, message, request_id);
    if class == FaultClass::Denied {
        error = error.advise(DENIED_ADVICE);
    }
    Some((class, error))
}

/// The provider's id of the request, out of header or document.
pub(super) fn request_id(answer: &WireResponse) -> Option<String> {
    if let Some(id) = answer.header(REQUEST_ID) {
        return Some(id.to_owned());
    }
    let document: Failure = answer.parse().ok()?;
    text(&document.request_id).map(str::to_owned)
}

fn text(word: &Option<Word>) -> Option<&str> {
    word.as_ref().and_then(Word::text)
}

fn class(error: &ErrorBody, answer: &WireResponse) -> FaultClass {
    let http = answer.status.as_u16();
    let word = text(&error.status).unwrap_or_default().to_ascii_uppercase();
    if word == "NOT_IMPLEMENTED" {
        return FaultClass::Invalid;
    }
    // A failing server that also names a mistake of ours is not believed: the order may have been taken.
    if http >= 500 {
        return FaultClass::Server;
    }
    let code = error.code.as_ref().and_then(Code::number).unwrap_or(http);
    match word.as_str() {
        "RATE_LIMIT" => return FaultClass::Throttled(None),
        "FAILED_PRECONDITION" | "ABORTED" | "ALREADY_EXISTS" => return FaultClass::Busy,
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" | "QUOTA_EXCEEDED" => return FaultClass::Invalid,
        "UNAUTHENTICATED" | "ACCESS_ERROR" => return denied(error),
        "HTTP_FORBIDDEN" => return FaultClass::Denied,
        "NOT_FOUND" => return FaultClass::NotFound,
        "UNKNOWN" | "INTERNAL" | "SOURCE_UNAVAILABLE" | "UNAVAILABLE" | "CANCELLED" => return FaultClass::Server,
        _ => {}
    }
    match code {
        401 => denied(error),
        403 => FaultClass::Denied,
        404 => FaultClass::NotFound,
        409 => FaultClass::Busy,
        429 => FaultClass::Throttled(None),
        // 408 and 499 do not say how far the request had come.
        408 | 499 => FaultClass::Server,
        400..=498 => FaultClass::Invalid,
        // 501 alone says that nothing was done.
        501 => FaultClass::Invalid,
        _ => FaultClass::Server,
    }
}

/// The page has one code for every refused signature; only the text can tell that the time was the reason.
fn denied(error: &ErrorBody) -> FaultClass {
    let text = text(&error.message).unwrap_or_default().to_ascii_lowercase();
    let speaks_of_time = ["expired", "clock", "skew", "timestamp"].iter().any(|word| text.contains(word));
    if speaks_of_time && !text.contains("token") { FaultClass::ClockSkew } else { FaultClass::Denied }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    fn answer(status: u16, body: &str) -> WireResponse {
        WireResponse {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn refusal(http: u16, code: u16, word: &str, message: &str) -> WireResponse {
        let error = serde_json::json!({ "code": code, "status": word, "message": message });
        answer(http, &serde_json::json!({ "requestId": "r-1", "error": error }).to_string())
    }

    fn class_of(answer: &WireResponse) -> FaultClass {
        fault(answer).expect("a fault").0
    }

    #[test]
    fn every_documented_code_has_its_class() {
        use FaultClass::{Busy, Denied, Invalid, NotFound, Server, Throttled};
        let table = [
            (400, "INVALID_ARGUMENT", Invalid),
            (400, "OUT_OF_RANGE", Invalid),
            (400, "FAILED_PRECONDITION", Busy),
            (401, "UNAUTHENTICATED", Denied),
            (401, "ACCESS_ERROR", Denied),
            (403, "HTTP_FORBIDDEN", Denied),
            (404, "NOT_FOUND", NotFound),
            (409, "ABORTED", Busy),
            (409, "ALREADY_EXISTS", Busy),
            (429, "RATE_LIMIT", Throttled(None)),
            (429, "QUOTA_EXCEEDED", Invalid),
            (499, "CANCELLED", Server),
            (500, "UNKNOWN", Server),
            (500, "INTERNAL", Server),
            (501, "NOT_IMPLEMENTED", Invalid),
            (502, "SOURCE_UNAVAILABLE", Server),
            (503, "UNAVAILABLE", Server),
        ];
        for (code, word, class) in table {
            assert_eq!(class_of(&refusal(code, code, word, "text")), class, "{code} {word}");
            assert_eq!(class_of(&refusal(code, code, &word.to_lowercase(), "text")), class, "{code} {word}");
            assert_eq!(class_of(&refusal(200, code, word, "text")), class, "{code} {word} under HTTP 200");
        }
    }

    #[test]
    fn without_a_word_the_number_decides_and_without_a_number_the_status_line() {
        use FaultClass::{Busy, Denied, Invalid, NotFound, Server, Throttled};
        let table = [
            (400, Invalid),
            (401, Denied),
            (403, Denied),
            (404, NotFound),
            (405, Invalid),
            (408, Server),
            (409, Busy),
            (418, Invalid),
            (429, Throttled(None)),
            (500, Server),
            (504, Server),
        ];
        for (code, class) in table {
            assert_eq!(class_of(&answer(200, &format!(r#"{{"error":{{"code":{code}}}}}"#))), class, "{code}");
            assert_eq!(class_of(&answer(200, &format!(r#"{{"error":{{"code":"{code}"}}}}"#))), class, "{code} as text");
            assert_eq!(class_of(&answer(code, r#"{"error":{"message":"m"}}"#)), class, "{code} of HTTP");
        }
        assert_eq!(class_of(&answer(200, r#"{"error":{}}"#)), Server, "an error that says nothing may be anything");
    }

    #[test]
    fn a_failing_server_is_not_believed_when_it_blames_the_request() {
        assert_eq!(class_of(&refusal(500, 400, "INVALID_ARGUMENT", "x")), FaultClass::Server);
        assert_eq!(class_of(&refusal(503, 429, "RATE_LIMIT", "x")), FaultClass::Server);
    }

    #[test]
    fn code_text_and_request_id_are_kept() {
        let (_, error) = fault(&refusal(400, 400, "INVALID_ARGUMENT", "az is wrong")).expect("a fault");
        assert_eq!(error.code.as_deref(), Some("INVALID_ARGUMENT"));
        assert_eq!(error.message, "az is wrong");
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
        let mut bare = answer(404, r#"{"error":{"code":404}}"#);
        bare.headers.insert(REQUEST_ID, "r-2".parse().expect("a value"));
        let (_, error) = fault(&bare).expect("a fault");
        assert_eq!((error.code.as_deref(), error.request_id.as_deref()), (Some("404"), Some("r-2")));
        let (_, denied) = fault(&refusal(403, 403, "HTTP_FORBIDDEN", "x")).expect("a fault");
        assert!(denied.next_step.contains("securityToken"));
    }

    #[test]
    fn other_voices_and_good_answers_are_no_fault() {
        for (status, body) in [
            (200, r#"{"requestId":"r","result":{"success":true}}"#),
            (200, r#"{"requestId":"r","error":null,"result":{}}"#),
            (502, "<html>Bad Gateway</html>"),
            (404, "not found"),
            (404, r#"{"error":"Not Found"}"#),
            (500, ""),
            (403, r#"{"message":"forbidden"}"#),
            (200, "[]"),
        ] {
            assert!(fault(&answer(status, body)).is_none(), "{body}");
        }
    }

    #[test]
    fn an_error_object_with_odd_fields_is_still_an_error() {
        let odd = r#"{"requestId":7,"result":{"success":true},"error":{"code":[],"status":4,"message":{}}}"#;
        assert_eq!(class_of(&answer(200, odd)), FaultClass::Server);
        assert_eq!(class_of(&answer(400, r#"{"error":{"code":400,"message":5}}"#)), FaultClass::Invalid);
    }

    #[test]
    fn a_refused_time_is_told_from_a_refused_key() {
        let skew = refusal(401, 401, "ACCESS_ERROR", "request expired[gw]");
        assert_eq!(class_of(&skew), FaultClass::ClockSkew);
        let token = refusal(401, 401, "ACCESS_ERROR", "security token expired");
        assert_eq!(class_of(&token), FaultClass::Denied);
    }
}
