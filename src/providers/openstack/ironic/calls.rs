//! How a call is built, what Ironic's errors mean, how the answer to an order is judged.

use super::wire::{Envelope, Told};
use crate::model::{ApiError, FaultClass, ServerId};
use crate::providers::Judgement;
use crate::providers::openstack::credentials::below;
use crate::wire::{ReadFault, WireRequest, WireResponse};
use http::Method;
use serde_json::Value;
use url::Url;

/// The header that asks for a version of the interface. Without it a request speaks 1.1, with few fields.
pub(super) const VERSION: &str = "x-openstack-ironic-api-version";
/// The header in which every answer tells the newest version.
pub(super) const NEWEST: &str = "x-openstack-ironic-api-maximum-version";

/// Labels of the calls.
pub(super) const ROOT: &str = "GET /v1";
pub(super) const NODES: &str = "GET /v1/nodes";
pub(super) const NODE: &str = "GET /v1/nodes/{node}";
pub(super) const HISTORY: &str = "GET /v1/nodes/{node}/history";
pub(super) const UPDATE: &str = "PATCH /v1/nodes/{node}";
pub(super) const REBUILD: &str = "PUT /v1/nodes/{node}/states/provision";
pub(super) const POWER: &str = "PUT /v1/nodes/{node}/states/power";

/// Builds a call; `minor` is the version's second number.
pub(super) fn call(base: &Url, method: Method, path: &[&str], minor: u32, label: &'static str) -> WireRequest {
    let path = [&["v1"], path].concat();
    WireRequest::new(method, below(base, &path, &[]), label)
        .header(VERSION, &format!("1.{minor}"))
        .header("accept", "application/json")
}

/// The same with a document.
pub(super) fn call_with(
    base: &Url,
    method: Method,
    path: &[&str],
    minor: u32,
    label: &'static str,
    body: &Value,
) -> WireRequest {
    call(base, method, path, minor, label).header("content-type", "application/json").json(body)
}

/// The newest version's second number.
pub(super) fn newest(answer: &WireResponse) -> Result<u32, ReadFault> {
    let text = answer.header(NEWEST).unwrap_or_default();
    text.strip_prefix("1.")
        .and_then(|minor| minor.parse().ok())
        .ok_or_else(|| ReadFault::malformed("the answer does not tell the interface's newest version".to_owned()))
}

/// The provider's id of the request.
pub(super) fn request_id(answer: &WireResponse) -> Option<String> {
    ["x-openstack-request-id", "openstack-request-id"]
        .iter()
        .find_map(|name| answer.header(name))
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

/// What an error says, out of either envelope.
fn told(answer: &WireResponse) -> Option<(Option<String>, String)> {
    let envelope: Envelope = answer.parse().ok()?;
    if let Some(front) = envelope.error {
        let code = front.title.or_else(|| front.code.map(|code| code.to_string()));
        return Some((code, front.message.filter(|text| !text.is_empty())?));
    }
    // A JSON document inside of a JSON string; some versions leave out the string.
    let told: Told = match envelope.error_message? {
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(told) => told,
            Err(_) => Told { faultstring: Some(text), ..Told::default() },
        },
        document => serde_json::from_value(document).ok()?,
    };
    let code = match told.code {
        Some(Value::String(code)) => Some(code),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let message = told.faultstring.or(told.description).or(told.title).filter(|text| !text.is_empty())?;
    Some((told.faultcode.or(code).filter(|code| !code.is_empty()), message))
}

/// Reads Ironic's error, or that of the sign-in in front of it; `None` for anything else.
pub(super) fn fault(answer: &WireResponse, refused: &FaultClass) -> Option<(FaultClass, ApiError)> {
    let status = answer.status.as_u16();
    if status < 400 {
        return None;
    }
    let (code, message) = told(answer)?;
    let (class, advice) = classify(status, &message, refused);
    let code = code.unwrap_or_else(|| status.to_string());
    let error = ApiError::from_provider(&class, Some(code), message, request_id(answer));
    Some((class, if advice.is_empty() { error } else { error.advise(advice) }))
}

/// What status and sentence mean. Ironic has no codes: three refusals that call for different things are told
/// apart by their sentences, and a sentence that is not known falls back to its status.
fn classify(status: u16, message: &str, refused: &FaultClass) -> (FaultClass, &'static str) {
    let says = |text: &str| message.contains(text);
    match status {
        401 => (refused.clone(), ""),
        403 if says("is protected") => (
            FaultClass::Locked,
            "a person protected the node: ask, `openstack baremetal node unset NODE --protected`, then run it again",
        ),
        403 => (FaultClass::Denied, ""),
        404 => (FaultClass::NotFound, ""),
        406 => (FaultClass::Invalid, "the service is too old or too new for this call: see `reinstall check`"),
        409 if says("is locked by host") => (
            FaultClass::Busy,
            "a conductor holds the node for another operation: wait until that has ended, then run it again",
        ),
        409 => (FaultClass::Busy, ""),
        429 => (FaultClass::Throttled(None), ""),
        400 if says("maintenance mode") => (
            FaultClass::Locked,
            "the node is in maintenance: see its maintenance_reason, `openstack baremetal node maintenance unset \
             NODE`, then run it again",
        ),
        400 if says("while it is in state") => (FaultClass::Busy, ""),
        // Nothing was done for want of a free worker.
        503 if says("no free conductor workers") || says("No free conductor workers") => {
            (FaultClass::Server, "the conductor has no free worker: look at the node, then run it again")
        }
        408 | 500.. => (FaultClass::Server, ""),
        _ => (FaultClass::Invalid, ""),
    }
}

/// Judges the answer to a rebuild: 202, nothing in it, and the node's own states in `Location`.
///
/// A body has no place there, so whoever sends one is not Ironic; without `Location` nothing names the node.
pub(super) fn judge(ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
    ids.iter().map(|id| (id.clone(), judge_one(id, answer))).collect()
}

fn judge_one(id: &ServerId, answer: &WireResponse) -> Judgement {
    let unclear = |text: &str| Judgement::Unclear(ReadFault::malformed(text.to_owned()).error);
    if answer.status.as_u16() != 202 || !answer.body.is_empty() {
        return unclear("the answer is not the empty 202 of a rebuild");
    }
    let names = |place: &str| {
        let path = place.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        path.ends_with(&format!("/v1/nodes/{id}/states"))
    };
    match answer.header("location") {
        Some(place) if names(place) => Judgement::Accepted { ticket: None },
        Some(_) => unclear("the answer names another node"),
        None => unclear("the answer names no node"),
    }
}

/// Judges the answer to a power call.
pub(super) fn judge_power(answer: &WireResponse) -> Result<(), ApiError> {
    if answer.status.as_u16() == 202 && answer.body.is_empty() {
        return Ok(());
    }
    Err(ReadFault::malformed("the answer is not the empty 202 of a power call".to_owned()).error)
}
