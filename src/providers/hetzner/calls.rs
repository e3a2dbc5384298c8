//! How a call is built, what its errors mean, how the answer to a change is judged.

use super::login::HetznerLogin;
use super::wire::{Begun, Made, Problem, Refused};
use crate::model::{ApiError, FaultClass, ServerId};
use crate::providers::{Judgement, SetupError, Sources};
use crate::secret::Secret;
use crate::wire::{ReadFault, WireRequest, WireResponse};
use http::Method;
use serde_json::Value;
use std::time::Duration;
use url::Url;

const HOST: &str = "https://api.hetzner.cloud/";
const VERSION: &str = "v1";
/// The command of a rebuild's action.
pub(super) const REBUILD: &str = "rebuild_server";

/// Token and address.
pub(super) struct Account {
    pub(super) login: HetznerLogin,
    pub(super) host: Url,
}

impl Account {
    /// Reads credentials and address.
    pub(super) fn read(sources: &dyn Sources) -> Result<Self, SetupError> {
        let bad = |origin: &str, problem: String| SetupError::BadSetting { origin: origin.to_owned(), problem };
        let host = match sources.endpoint() {
            Some(url) => url.clone(),
            None => Url::parse(HOST).map_err(|error| bad("built-in address", error.to_string()))?,
        };
        if host.cannot_be_a_base() {
            return Err(bad("endpoint", "it is no address of a host".to_owned()));
        }
        Ok(Self { login: HetznerLogin::read(sources)?, host })
    }

    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.host.clone();
        url.set_query(None);
        url.set_fragment(None);
        // The endpoint may be given as the provider's tools take it, with the version.
        let versioned = url.path_segments().is_some_and(|mut parts| parts.any(|part| part == VERSION));
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty();
            if !versioned {
                parts.push(VERSION);
            }
            parts.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Builds a read.
    pub(super) fn get(&self, label: &'static str, path: &[&str], query: &[(&str, String)]) -> WireRequest {
        WireRequest::new(Method::GET, self.url(path, query), label).header("accept", "application/json")
    }

    /// Builds a change.
    pub(super) fn post(&self, label: &'static str, path: &[&str], body: Option<&Value>) -> WireRequest {
        let request = WireRequest::new(Method::POST, self.url(path, &[]), label).header("accept", "application/json");
        match body {
            Some(body) => request.header("content-type", "application/json").json(body),
            None => request,
        }
    }
}

/// Reads the provider's error out of an answer that is not a success.
pub(super) fn fault(answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
    let status = answer.status.as_u16();
    if status < 400 {
        return None;
    }
    let Refused { error: Problem { code, message } } = answer.parse().ok()?;
    let code = code.filter(|code| !code.is_empty())?;
    let class = classify(status, &code, answer);
    let message = message.filter(|text| !text.is_empty()).unwrap_or_else(|| code.clone());
    let mut error = ApiError::from_provider(&class, Some(code.clone()), message, request_id(answer));
    match code.as_str() {
        "token_readonly" => "give a token with the permission to read and write".clone_into(&mut error.next_step),
        "resource_unavailable" => {
            "the provider has no room for it now: run it again later".clone_into(&mut error.next_step);
        }
        // The official clients repeat it, but they repeat a time-out as well: that is no promise.
        "conflict" => {
            "something else changed it at the same moment: look at it, then run it again"
                .clone_into(&mut error.next_step);
        }
        "protected" => {
            "a person protected it against rebuilds: ask, lift the protection at the provider, then run it again"
                .clone_into(&mut error.next_step);
        }
        _ => {}
    }
    Some((class, error))
}

/// Maps code and status. `locked` is another action under way, `protected` a person's decision.
fn classify(status: u16, code: &str, answer: &WireResponse) -> FaultClass {
    // A 5xx may have been carried out whatever its code says.
    if status >= 500 || status == 408 {
        return FaultClass::Server;
    }
    match code {
        "rate_limit_exceeded" => FaultClass::Throttled(rest(answer)),
        "locked" | "conflict" | "action_in_progress" => FaultClass::Busy,
        "protected" => FaultClass::Locked,
        "unauthorized" | "forbidden" | "token_readonly" => FaultClass::Denied,
        "not_found" => FaultClass::NotFound,
        "server_error" | "service_error" | "bad_gateway" | "timeout" | "maintenance" | "unavailable" => {
            FaultClass::Server
        }
        _ => match status {
            401 => FaultClass::Denied,
            404 => FaultClass::NotFound,
            423 => FaultClass::Busy,
            429 => FaultClass::Throttled(rest(answer)),
            _ => FaultClass::Invalid,
        },
    }
}

/// How long until the provider takes requests again, by its rate limit headers and its own clock.
///
/// `RateLimit-Reset` is when all of the allowance is back; one request is back long before, so a minute is enough.
fn rest(answer: &WireResponse) -> Option<Duration> {
    let reset: i64 = answer.header("ratelimit-reset")?.trim().parse().ok()?;
    let left = reset.checked_sub(answer.date()?.timestamp())?;
    Some(Duration::from_secs(u64::try_from(left).ok()?.clamp(1, 60)))
}

/// Once nine tenths of the allowance are used: the time in which one request comes back.
pub(super) fn pause(answer: &WireResponse) -> Option<Duration> {
    let number = |name: &str| answer.header(name)?.trim().parse::<u64>().ok();
    let (limit, left) = (number("ratelimit-limit")?, number("ratelimit-remaining")?);
    let used = limit.checked_sub(left).filter(|used| *used > 0)?;
    if left > limit / 10 {
        return None;
    }
    let reset = i64::try_from(number("ratelimit-reset")?).ok()?;
    let seconds = u64::try_from(reset.checked_sub(answer.date()?.timestamp())?).ok()?;
    let one = Duration::from_secs_f64((seconds.min(3600) as f64 / used as f64).clamp(0.1, 60.0));
    Some(one)
}

/// The provider's id of the request.
pub(super) fn request_id(answer: &WireResponse) -> Option<String> {
    answer.header("x-correlation-id").filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Judges the answer to an order: it names its action, and the action names the server.
pub(super) fn judge(ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
    ids.iter().map(|id| (id.clone(), judged(id, answer, Some(REBUILD)))).collect()
}

fn judged(id: &ServerId, answer: &WireResponse, command: Option<&str>) -> Judgement {
    let unclear = |text: &str| Judgement::Unclear(ReadFault::malformed(text.to_owned()).error);
    let Begun { action } = match answer.parse() {
        Ok(begun) => begun,
        Err(fault) => return Judgement::Unclear(fault.error),
    };
    let ours = action
        .resources
        .iter()
        .any(|resource| resource.kind.as_deref() == Some("server") && resource.id.to_string() == id.as_str());
    if !ours {
        return unclear("the answer's action does not name this server");
    }
    if command.is_some_and(|command| action.command.as_deref() != Some(command)) {
        return unclear("the answer's action is of another kind");
    }
    match action.status.as_deref() {
        Some("error") => Judgement::NotSuccessful(problem(action.error, request_id(answer))),
        Some("running" | "success") => Judgement::Accepted { ticket: Some(action.id.to_string()) },
        _ => unclear("the answer's action has no known status"),
    }
}

/// The root password that the answer to a rebuild carries, unless the server was made with ssh keys.
pub(super) fn root_password(answer: &WireResponse) -> Option<Secret> {
    let Made { root_password } = answer.parse().ok()?;
    root_password.filter(|text| !text.is_empty()).map(Secret::from)
}

/// The error of an action.
pub(super) fn problem(error: Option<Problem>, request_id: Option<String>) -> ApiError {
    let Problem { code, message } = error.unwrap_or(Problem { code: None, message: None });
    let code = code.filter(|code| !code.is_empty());
    let message = message.filter(|text| !text.is_empty());
    let message = message.or_else(|| code.clone()).unwrap_or_else(|| "the action failed without a reason".to_owned());
    ApiError { next_step: String::new(), ..ApiError::from_provider(&FaultClass::Server, code, message, request_id) }
        .advise("look at the server's actions at the provider; its disk may be empty, so order it once more")
}

/// Judges the answer to a power call.
pub(super) fn judge_power(id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
    match judged(id, answer, None) {
        Judgement::Accepted { .. } => Ok(()),
        Judgement::NotSuccessful(error) | Judgement::Unclear(error) => Err(error),
    }
}
