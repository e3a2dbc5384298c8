//! JD Cloud's part of the sandbox: which call a request is, and whether its signature holds.

mod calls;
mod demo;
mod order;
mod verify;

use super::sign::TOKEN;
use crate::sandbox::machine::Machine;
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PROVIDER: &str = "jdcloud-cps";

/// The emulated interface.
#[derive(Default)]
pub(super) struct Sandbox {
    nonces: verify::Nonces,
    /// First results by call, server and client token.
    results: BTreeMap<(String, String, String), Bytes>,
    /// Whether stop and reinstall need the token of operation protection. Accounts begin without.
    protected: bool,
}

/// What a path below `/v1/regions` means.
struct Call {
    region: Option<String>,
    resource: String,
    id: Option<String>,
    action: &'static str,
    operation: Operation,
}

fn call(request: &Inbound) -> Option<Call> {
    let segments = request.segments();
    let mut segments = segments.iter().map(String::as_str);
    if (segments.next(), segments.next()) != (Some("v1"), Some("regions")) {
        return None;
    }
    let rest: Vec<&str> = segments.collect();
    let region = rest.first().map(|&region| region.to_owned());
    let (resource, id, verb) = match rest[..] {
        [] | [_] => ("", None, None),
        [_, resource] => match resource.split_once(':') {
            Some((resource, verb)) => (resource, None, Some(verb)),
            None => (resource, None, None),
        },
        [_, resource, last] => match last.rsplit_once(':') {
            Some((id, verb)) => (resource, Some(id), Some(verb)),
            None => (resource, Some(last), None),
        },
        _ => ("unknown", None, None),
    };
    let known = match (request.method.as_str(), resource, id.is_some(), verb) {
        ("GET", "", false, None) if region.is_none() => Some(("describeRegiones", Operation::Read)),
        ("GET", "deviceTypes", false, None) => Some(("describeDeviceTypes", Operation::Read)),
        ("GET", "os", false, None) => Some(("describeOS", Operation::Read)),
        ("GET", "raids", false, None) => Some(("describeDeviceRaids", Operation::Read)),
        ("GET", "keypairs", false, None) => Some(("describeKeypairs", Operation::Read)),
        ("GET", "keypairs", true, None) => Some(("describeKeypair", Operation::Read)),
        ("GET", "instances", false, None) => Some(("describeInstances", Operation::Read)),
        ("GET", "instances", true, None) => Some(("describeInstance", Operation::Read)),
        ("GET", "instances", true, Some("describeInstanceRaid")) => Some(("describeInstanceRaid", Operation::Read)),
        ("GET", "instances", true, Some("describeInstanceStatus")) => Some(("describeInstanceStatus", Operation::Read)),
        ("GET", "instances", true, Some("describeInstanceName")) => Some(("describeInstanceName", Operation::Read)),
        ("PUT", "instances", true, Some("startInstance")) => Some(("startInstance", Operation::Start)),
        ("PUT", "instances", true, Some("stopInstance")) => Some(("stopInstance", Operation::Stop)),
        ("PUT", "instances", true, Some("reinstallInstance")) => Some(("reinstallInstance", Operation::Reinstall)),
        ("PUT", "instances", true, Some("resetPassword")) => Some(("resetPassword", Operation::Read)),
        _ => None,
    };
    let (action, operation) = known.unwrap_or(("unknown", Operation::Read));
    Some(Call { region, resource: resource.to_owned(), id: id.map(str::to_owned), action, operation })
}

impl Emulator for Sandbox {
    fn route(&self, request: &Inbound) -> Option<Route> {
        let call = call(request)?;
        let servers = match call.id {
            Some(id) if call.resource == "instances" => vec![id],
            _ if call.action == "describeInstances" => calls::asked_ids(request),
            _ => Vec::new(),
        };
        Some(Route { provider: PROVIDER, operation: call.operation, action: call.action.to_owned(), servers })
    }

    fn verify(&mut self, request: &Inbound, world: &mut World) -> Result<(), Outbound> {
        let region = call(request).and_then(|call| call.region);
        verify::verify(request, region.as_deref(), &mut self.nonces)
            .map_err(|message| refuse(world, 401, "ACCESS_ERROR", message))
    }

    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound {
        let Some(call) = call(request) else {
            return refuse(world, 404, "NOT_FOUND", "no such call[gw]");
        };
        if call.action == "unknown" {
            return refuse(world, 404, "NOT_FOUND", "no such call[gw]");
        }
        if call.region.as_deref().is_some_and(|region| region != demo::REGION) {
            return refuse(world, 404, "NOT_FOUND", "the region has nothing for this account");
        }
        let id = call.id.unwrap_or_default();
        let outcome = match route.operation {
            Operation::Stop | Operation::Reinstall if self.protected && request.header(TOKEN).is_empty() => {
                Err(Fault::new(403, "HTTP_FORBIDDEN", "operation protection is on: a security token is needed[gw]"))
            }
            Operation::Stop | Operation::Start | Operation::Reinstall => {
                return self.change(request, call.action, &id, world);
            }
            _ if call.action == "resetPassword" => return self.change(request, call.action, &id, world),
            _ => calls::read(request, call.action, &id, world),
        };
        match outcome {
            Ok(result) => good(world, result),
            Err(fault) => fault.answer(world),
        }
    }

    fn inject(&mut self, what: Injected, _route: &Route, world: &mut World) -> Outbound {
        let (status, word, message) = match what {
            Injected::Throttled => (429, "RATE_LIMIT", "too many requests[gw]"),
            Injected::Unauthorized => (401, "UNAUTHENTICATED", "the access key is not accepted[gw]"),
            Injected::Forbidden => (403, "HTTP_FORBIDDEN", "no permission for this operation[gw]"),
            Injected::WrongState => (400, "FAILED_PRECONDITION", "the server's status does not allow the operation"),
            Injected::Invalid => (400, "INVALID_ARGUMENT", "a parameter has a value that cannot be"),
            Injected::NotFound => (404, "NOT_FOUND", "no such server"),
            Injected::ServerError => (500, "INTERNAL", "internal error"),
            Injected::NotSuccessful => return good(world, json!({ "success": false })),
        };
        refuse(world, status, word, message)
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![
            ("JDCLOUD_ACCESS_KEY_ID", verify::ACCESS_KEY.to_owned()),
            ("JDCLOUD_SECRET_ACCESS_KEY", verify::SECRET_KEY.to_owned()),
            ("JDCLOUD_REGION", demo::REGION.to_owned()),
        ]
    }

    fn reset(&mut self) {
        self.results.clear();
    }

    fn machines(&self) -> Vec<Machine> {
        demo::machines()
    }
}

impl Sandbox {
    /// An account that has operation protection on.
    #[cfg(test)]
    pub(super) fn protected() -> Self {
        Self { protected: true, ..Self::default() }
    }

    /// Carries out a changing call, or repeats the first result of its client token.
    fn change(&mut self, request: &Inbound, action: &str, id: &str, world: &mut World) -> Outbound {
        let body = match order::body(request) {
            Ok(body) => body,
            Err(fault) => return fault.answer(world),
        };
        let key = match order::client_token(&body) {
            Ok(token) => token.map(|token| (action.to_owned(), id.to_owned(), token)),
            Err(fault) => return fault.answer(world),
        };
        if let Some(first) = key.as_ref().and_then(|key| self.results.get(key)) {
            return Outbound { status: 200, headers: Vec::new(), body: first.clone() };
        }
        match order::carry_out(action, id, &body, world) {
            Ok(()) => {
                let answer = good(world, json!({ "success": true }));
                if let Some(key) = key {
                    self.results.insert(key, answer.body.clone());
                }
                answer
            }
            Err(fault) => fault.answer(world),
        }
    }
}

/// A refusal before it is worded.
#[derive(Debug)]
struct Fault {
    code: u16,
    word: &'static str,
    message: String,
}

impl Fault {
    fn new(code: u16, word: &'static str, message: impl Into<String>) -> Self {
        Self { code, word, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    fn unknown(what: &str) -> Self {
        Self::new(404, "NOT_FOUND", format!("no such {what}"))
    }

    fn answer(self, world: &mut World) -> Outbound {
        refuse(world, self.code, self.word, &self.message)
    }
}

fn refuse(world: &mut World, code: u16, word: &str, message: &str) -> Outbound {
    let id = world.request_id();
    let error = json!({ "code": code, "status": word, "message": message });
    Outbound::json(code, &json!({ "requestId": id, "error": error })).with("x-jdcloud-request-id", id)
}

fn good(world: &mut World, result: Value) -> Outbound {
    let id = world.request_id();
    Outbound::json(200, &json!({ "requestId": id, "result": result })).with("x-jdcloud-request-id", id)
}

/// More servers for tests of pages.
#[cfg(test)]
pub(super) fn many_machines(count: u16) -> impl Iterator<Item = Machine> {
    use crate::sandbox::machine::Stage;
    (100..100 + count).map(|number| {
        demo::machine(number, &format!("node-{number}"), Stage::Stopped, demo::MODELS[0], "os-demo-debian12")
    })
}
