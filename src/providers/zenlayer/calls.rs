//! What both products share about calls: how one is built, what its errors mean, how its answer is judged.

use super::login::ZenlayerLogin;
use super::sign;
use super::wire::{Done, Envelope};
use crate::model::{ApiError, FaultClass, Order, ServerId};
use crate::providers::{Judgement, SetupError, Sources};
use crate::wire::{ReadFault, WireRequest, WireResponse};
use http::Method;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use url::Url;

/// The one host of all products and regions (documentation: api-introduction/instruction/request).
const HOST: &str = "https://console.zenlayer.com/";

/// A service: last part of the path, and the version of its interface.
#[derive(Clone, Copy)]
pub(super) struct Service {
    name: &'static str,
    version: &'static str,
}

/// Bare metal.
pub(super) const BMC: Service = Service { name: "bmc", version: "2026-02-01" };
/// Elastic compute.
pub(super) const ZEC: Service = Service { name: "zec", version: "2025-09-01" };
/// Key pairs.
pub(super) const KEYS: Service = Service { name: "ccs", version: "2025-09-01" };

/// Credentials and address: what each product is built on.
pub(super) struct Account {
    pub(super) login: ZenlayerLogin,
    pub(super) host: Url,
}

impl Account {
    /// Reads credentials and address.
    pub(super) fn read(sources: &dyn Sources) -> Result<Self, SetupError> {
        let host = match sources.endpoint() {
            Some(url) => url.clone(),
            None => Url::parse(HOST).map_err(|error| SetupError::BadSetting {
                origin: "built-in address".to_owned(),
                problem: error.to_string(),
            })?,
        };
        if host.cannot_be_a_base() {
            return Err(SetupError::BadSetting {
                origin: "endpoint".to_owned(),
                problem: "it is no address of a host".to_owned(),
            });
        }
        Ok(Self { login: ZenlayerLogin::read(sources)?, host })
    }

    /// Builds a call. Every call is a POST with the action in a header and a JSON object as body.
    pub(super) fn call(&self, service: Service, action: &'static str, body: &Value) -> WireRequest {
        let mut url = self.host.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v2", service.name]);
        }
        WireRequest::new(Method::POST, url, action)
            .header("content-type", sign::CONTENT_TYPE)
            .header("x-zc-action", action)
            .header("x-zc-version", service.version)
            .json(body)
    }
}

/// Completes a prepared body with its secrets. Without a server there is nothing to order, and the empty body
/// that comes of it is refused by the provider.
pub(super) fn order_body(order: &Order<'_>) -> Value {
    let mut body = order.batch.first().map_or_else(|| json!({}), |prepared| prepared.body.clone());
    if let Some(password) = &order.secrets.password {
        body["password"] = order.reveal.text(password).into();
    }
    if let Some(user_data) = &order.secrets.user_data {
        body["userData"] = order.reveal.text(user_data).into();
    }
    body
}

/// Reads the inner document of a successful answer.
pub(super) fn inner<T: DeserializeOwned>(answer: &WireResponse) -> Result<T, ReadFault> {
    let envelope: Envelope<T> = answer.parse()?;
    envelope.response.ok_or_else(|| ReadFault::malformed("the answer has no `response`".to_owned()))
}

/// Reads the provider's error out of an answer that is not a success.
pub(super) fn fault(answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
    let status = answer.status.as_u16();
    if status < 400 {
        return None;
    }
    let envelope: Envelope<IgnoredAny> = answer.parse().ok()?;
    let code = envelope.code.filter(|code| !code.is_empty())?;
    let class = classify(status, &code);
    let message = envelope.message.filter(|text| !text.is_empty()).unwrap_or_else(|| code.clone());
    let error = ApiError::from_provider(&class, Some(code), message, envelope.request_id);
    Some((class, error))
}

/// Maps code and status. The Go SDK writes codes with dots and capitals, hence the common spelling first.
fn classify(status: u16, code: &str) -> FaultClass {
    let code = code.to_ascii_uppercase().replace('.', "_");
    // A 5xx may have been carried out whatever its code says.
    if status >= 500 || status == 408 {
        return FaultClass::Server;
    }
    match code.as_str() {
        "REQUEST_LIMIT_EXCEEDED" => return FaultClass::Throttled(None),
        "AUTHFAILURE_SIGNATURE_EXPIRED" => return FaultClass::ClockSkew,
        "INTERNAL_SERVER_ERROR" | "SERVICE_TEMPORARY_UNAVAILABLE" | "REQUEST_TIMED_OUT" => {
            return FaultClass::Server;
        }
        // Nothing that passes by waiting, unlike the other refusals of a state.
        "OPERATION_DENIED_INSTANCE_RECYCLED" | "OPERATION_FAILED_FOR_RECYCLE_RESOURCE" => {
            return FaultClass::Invalid;
        }
        "UNSUPPORTED_OPERATION_INSTANCE_STATUS"
        | "OPERATION_DENIED_INSTANCE_CREATING"
        | "OPERATION_DENIED_INSTANCE_NOT_RUNNING"
        | "OPERATION_DENIED_INSTANCE_NOT_STOPPED" => return FaultClass::Busy,
        _ => {}
    }
    let denied = ["AUTHFAILURE", "UNAUTHORIZED", "FORBIDDEN", "NO_PERMISSION", "ACCESS_DENIED"];
    if code.starts_with("OPERATION_DENIED_INSTANCE_STATUS") || status == 409 {
        FaultClass::Busy
    } else if status == 401 || denied.iter().any(|word| code.contains(word)) {
        FaultClass::Denied
    } else if status == 429 {
        FaultClass::Throttled(None)
    } else if status == 404 || code.ends_with("_NOT_FOUND") {
        FaultClass::NotFound
    } else {
        FaultClass::Invalid
    }
}

/// The provider's id of the request, in good and bad answers alike.
pub(super) fn request_id(answer: &WireResponse) -> Option<String> {
    let envelope: Envelope<IgnoredAny> = answer.parse().ok()?;
    envelope.request_id.filter(|id| !id.is_empty())
}

/// What a 2xx answer says of an action.
enum Told {
    /// Carried out, but for these servers.
    Done(Vec<String>),
    /// The document is an error.
    No(ApiError),
    /// Not readable as an answer of this interface.
    Unclear(ApiError),
}

fn told(answer: &WireResponse) -> Told {
    let envelope: Envelope<Done> = match answer.parse() {
        Ok(envelope) => envelope,
        Err(fault) => return Told::Unclear(fault.error),
    };
    let Envelope { request_id, response, code, message } = envelope;
    if let Some(code) = code.filter(|code| !code.is_empty()) {
        let text = message.unwrap_or_else(|| code.clone());
        return Told::No(ApiError::from_provider(&FaultClass::Invalid, Some(code), text, request_id));
    }
    match response {
        Some(done) if request_id.is_some() || done.request_id.is_some() => {
            Told::Done(done.instance_ids.unwrap_or_default())
        }
        _ => Told::Unclear(ReadFault::malformed("the answer names no request".to_owned()).error),
    }
}

fn in_failed_list(answer: &WireResponse) -> ApiError {
    ApiError {
        kind: "not_successful".to_owned(),
        code: None,
        message: "the answer lists this server among those for which the operation failed".to_owned(),
        request_id: request_id(answer),
        next_step: "look at the server's status; it may be busy or locked at the provider".to_owned(),
    }
}

/// Judges the answer to an order: it names no server unless something failed.
pub(super) fn judge(ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
    let told = told(answer);
    ids.iter()
        .map(|id| {
            let judgement = match &told {
                Told::Done(failed) if failed.iter().any(|name| name == id.as_str()) => {
                    Judgement::NotSuccessful(in_failed_list(answer))
                }
                // Somebody failed, and it is nobody we asked for: the answer belongs to another request.
                Told::Done(failed) if failed.iter().any(|name| !ids.iter().any(|id| id.as_str() == name)) => {
                    Judgement::Unclear(
                        ReadFault::malformed("the answer names servers that were not asked for".to_owned()).error,
                    )
                }
                Told::Done(_) => Judgement::Accepted { ticket: None },
                Told::No(error) => Judgement::NotSuccessful(error.clone()),
                Told::Unclear(error) => Judgement::Unclear(error.clone()),
            };
            (id.clone(), judgement)
        })
        .collect()
}

/// Judges the answer to stop or start: HTTP says yes even if the server is in the failed list.
pub(super) fn judge_power(id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
    match judge(std::slice::from_ref(id), answer).pop() {
        Some((_, Judgement::Accepted { .. })) => Ok(()),
        Some((_, Judgement::NotSuccessful(error) | Judgement::Unclear(error))) => Err(error),
        None => Err(ReadFault::malformed("the answer is empty".to_owned()).error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn answer(status: u16, body: &str) -> WireResponse {
        WireResponse {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn codes_of_the_documentation_have_their_class() {
        use FaultClass::{Busy, ClockSkew, Denied, Invalid, NotFound, Server, Throttled};
        for (status, code, class) in [
            (500, "INTERNAL_SERVER_ERROR", Server),
            (503, "SERVICE_TEMPORARY_UNAVAILABLE", Server),
            (503, "REQUEST_TIMED_OUT", Server),
            (500, "INVALID_PARAMETER_VALUE", Server),
            (429, "REQUEST_LIMIT_EXCEEDED", Throttled(None)),
            (429, "SOMETHING_ELSE", Throttled(None)),
            (401, "AUTHFAILURE_INVALID_AUTHORIZATION", Denied),
            (401, "AUTHFAILURE_SIGNATURE_FAILURE", Denied),
            (401, "AUTHFAILURE_SIGNATURE_EXPIRED", ClockSkew),
            (401, "AUTHFAILURE_UNAUTHORIZED_OPERATION", Denied),
            (401, "A_NEW_CODE", Denied),
            (403, "OPERATION_FAILED_FOR_RECYCLE_RESOURCE", Invalid),
            (403, "OPERATION_DENIED_INSTANCE_RECYCLED", Invalid),
            (403, "OPERATION_DENIED_INSTANCE_STATUS", Busy),
            (403, "OPERATION_DENIED_INSTANCE_STATUS_INSTALLING", Busy),
            (403, "OPERATION_DENIED_INSTANCE_NOT_RUNNING", Busy),
            (403, "INVALID_PARTITION_IMAGE_NOT_SET", Invalid),
            (400, "UNSUPPORTED_OPERATION_INSTANCE_STATUS", Busy),
            (400, "Unsupported.Operation.Instance.Status", Busy),
            (404, "INVALID_INSTANCE_NOT_FOUND", NotFound),
            (404, "OPERATION_FAILED_RESOURCE_NOT_FOUND", NotFound),
            (404, "Invalid.Instance.Not.Found", NotFound),
            (400, "INVALID_LOGIN_SETTING_CONFLICT", Invalid),
            (400, "INVALID_IMAGE_STATUS", Invalid),
            (400, "A_NEW_CODE", Invalid),
        ] {
            let body = json!({ "requestId": "T1", "code": code, "message": "text" }).to_string();
            let (found, error) = fault(&answer(status, &body)).expect("a fault");
            assert_eq!(found, class, "{status} {code}");
            assert_eq!(error.code.as_deref(), Some(code));
            assert_eq!(error.request_id.as_deref(), Some("T1"));
        }
    }

    #[test]
    fn what_is_not_this_interface_speaking_is_no_fault_of_it() {
        let error = r#"{"requestId":"T","code":"X","message":"m"}"#;
        for (status, body) in [
            (403, "<html>challenge</html>"),
            (451, "blocked"),
            (500, ""),
            (502, r#"{"error":"bad gateway"}"#),
            (400, r#"{"code":7}"#),
            (302, error),
            (200, error),
            (200, r#"{"requestId":"T","response":{"requestId":"T"}}"#),
        ] {
            assert!(fault(&answer(status, body)).is_none(), "{status} {body}");
        }
    }

    #[test]
    fn an_order_is_accepted_only_by_an_answer_that_says_so() {
        let ids = [ServerId::new("i-1").expect("an id")];
        let judged = |body: &str| judge(&ids, &answer(200, body)).remove(0).1;
        let good = r#"{"requestId":"T","response":{"requestId":"T"}}"#;
        assert_eq!(judged(good), Judgement::Accepted { ticket: None });
        let empty_list = r#"{"requestId":"T","response":{"requestId":"T","instanceIds":[]}}"#;
        assert_eq!(judged(empty_list), Judgement::Accepted { ticket: None });
        for refused in [
            r#"{"requestId":"T","response":{"requestId":"T","instanceIds":["i-1"]}}"#,
            r#"{"requestId":"T","code":"INVALID_PARAMETER_VALUE","message":"m"}"#,
        ] {
            assert!(matches!(judged(refused), Judgement::NotSuccessful(_)), "{refused}");
        }
        for unclear in [
            "",
            "<html>",
            "{}",
            "[]",
            "null",
            r#"{"requestId":"T"}"#,
            r#"{"response":{}}"#,
            r#"{"requestId":"T","response":{"requestId":"T""#,
            r#"{"requestId":"T","response":{"requestId":"T","instanceIds":["i-2"]}}"#,
            r#"{"requestId":"T","response":{"requestId":"T","instanceIds":[1]}}"#,
        ] {
            assert!(matches!(judged(unclear), Judgement::Unclear(_)), "{unclear}");
            assert!(judge_power(&ids[0], &answer(200, unclear)).is_err(), "{unclear}");
        }
        assert!(judge_power(&ids[0], &answer(200, good)).is_ok());
    }
}
