//! The control interface below `/_sandbox/`: faults, log, reset, help.

use super::host::Host;
use super::rule_json::{self, KNOWN};
use super::{Inbound, Outbound};
use http::Method;
use serde_json::{Map, Value, json};

/// Where the control interface begins.
const ROOT: &str = "/_sandbox";

/// Answers a request to the control interface; `None` if it is for the providers.
pub(super) fn answer(request: &Inbound, host: &mut Host) -> Option<Outbound> {
    let call = request.path.strip_prefix(ROOT)?;
    if !call.is_empty() && !call.starts_with('/') {
        return None;
    }
    Some(match (&request.method, call.trim_matches('/')) {
        (&Method::GET, "") => Outbound::json(200, &help()),
        (&Method::GET, "faults") => Outbound::json(200, &faults(host)),
        (&Method::POST, "faults") => add(request, host),
        (&Method::DELETE, "faults") => {
            host.rules().clear();
            Outbound::json(200, &faults(host))
        }
        (&Method::GET, "log") => match serde_json::to_value(host.log()) {
            Ok(log) => Outbound::json(200, &log),
            Err(_) => Outbound::json(500, &json!({"error": "the log cannot be written as JSON"})),
        },
        (&Method::POST, "reset") => {
            host.reset();
            Outbound::json(200, &json!({"reset": true}))
        }
        (_, "" | "faults" | "log" | "reset") => {
            Outbound::json(405, &json!({"error": "this call has another method; see /_sandbox/"}))
        }
        _ => Outbound::json(404, &json!({"error": "no such call; see /_sandbox/"})),
    })
}

fn faults(host: &mut Host) -> Value {
    let rules: Vec<_> = host.rules().all().iter().map(|(rule, progress)| rule_json::shown(rule, *progress)).collect();
    json!({ "faults": rules })
}

fn add(request: &Inbound, host: &mut Host) -> Outbound {
    let refused = |message: String| Outbound::json(400, &json!({ "error": message }));
    let Some(document) = request.json() else { return refused("the body is not JSON".to_owned()) };
    match rule_json::rules(&document) {
        Ok(rules) => {
            rules.into_iter().for_each(|rule| host.add_fault(rule));
            Outbound::json(201, &faults(host))
        }
        Err(bad) => refused(bad.to_string()),
    }
}

fn help() -> Value {
    let faults: Map<String, Value> =
        KNOWN.iter().map(|&word| (word.to_owned(), json!(rule_json::parameters(word)))).collect();
    json!({
        "calls": {
            "GET /_sandbox/": "this page",
            "GET /_sandbox/log": "requests, and how often each server was really reinstalled",
            "GET /_sandbox/faults": "rules with how often they matched and fired",
            "POST /_sandbox/faults": "adds one rule or a list of them",
            "DELETE /_sandbox/faults": "forgets all rules",
            "POST /_sandbox/reset": "servers as at the start, no rules, empty log",
        },
        "rule": {
            "operation": "reinstall, stop, start, read, sign_in or any (default)",
            "provider": "a product, or a vendor's name for all of its products (default: any)",
            "instance": "a server that the request names (default: any)",
            "after": "so many matching requests pass first (default 0)",
            "times": "so often it happens (default 1)",
            "fault": "one of `faults`, with the parameters listed there",
        },
        "faults": faults,
        "notes": [
            "rules touch only requests whose signature or token is right",
            "of the rules about answers the first that is due applies; one about how an install ends, one about \
             what it shows, one about staleness and one about duration can apply to the same order besides",
            "`bytes` counts from the body, or with \"from\":\"answer\" from the status line",
            "redirect and html are not carried out, garbage, huge and content_type are, unless `carried_out` says so",
        ],
    })
}
