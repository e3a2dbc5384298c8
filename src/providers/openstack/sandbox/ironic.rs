//! Ironic's part of the sandbox: `/v1/nodes` with versions, the locks of a node, and its states.
//!
//! It answers below `/v1` and below `/baremetal/v1`, as a service of its own and as a cloud's catalogue has it.

mod node;
mod order;

pub(super) use crate::providers::openstack::ironic::ID as PRODUCT;
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Inbound, Injected, Operation, Outbound, Route, World};
use crate::sign::hash::same;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

/// User and password for HTTP basic.
pub(super) const USER: &str = "sandbox-operator";
pub(super) const PASSWORD: &str = "SandboxIronic0123456789";

/// The versions that are served.
const OLDEST: u32 = 1;
const NEWEST: u32 = 94;

/// The header that asks for a version.
const VERSION: &str = "x-openstack-ironic-api-version";

/// A refusal: status, kind and sentence.
struct No(u16, &'static str, String);

impl No {
    fn client(status: u16, text: impl Into<String>) -> Self {
        Self(status, "Client", text.into())
    }
}

type Answer = Result<Outbound, No>;

fn segments(request: &Inbound) -> Option<Vec<String>> {
    let mut all = request.segments();
    if all.first().is_some_and(|first| first == "baremetal") {
        all.remove(0);
    }
    match all.first().map(String::as_str) {
        Some("v1") => {
            all.remove(0);
            Some(all)
        }
        _ => None,
    }
}

/// Which call it is; `None` where it is not one of Ironic's.
pub(super) fn route(request: &Inbound) -> Option<Route> {
    let segments = segments(request)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let route = |operation, action: &str, servers: Vec<String>| {
        Some(Route { provider: PRODUCT, operation, action: action.to_owned(), servers })
    };
    let target = || request.json().unwrap_or_default()["target"].as_str().unwrap_or_default().to_owned();
    let named = |ident: &str| vec![node::uuid_of(ident).unwrap_or(ident).to_owned()];
    match (&request.method, segments.as_slice()) {
        (&Method::GET, []) => route(Operation::Read, "ShowVersion", Vec::new()),
        (&Method::GET, ["nodes"]) => route(Operation::Read, "ListNodes", Vec::new()),
        (&Method::GET, ["nodes", "detail"]) => route(Operation::Read, "ListNodesDetailed", Vec::new()),
        (&Method::GET, ["nodes", ident]) => route(Operation::Read, "ShowNode", named(ident)),
        (&Method::GET, ["nodes", ident, "history"]) => route(Operation::Read, "ListNodeHistory", named(ident)),
        (&Method::GET, ["nodes", ident, "states"]) => route(Operation::Read, "ShowNodeStates", named(ident)),
        // It changes a record and nothing that is installed.
        (&Method::PATCH, ["nodes", ident]) => route(Operation::Arrange, "UpdateNode", named(ident)),
        (&Method::PUT, ["nodes", ident, "states", "provision"]) => {
            let operation = if target() == "rebuild" { Operation::Reinstall } else { Operation::Stop };
            route(operation, "ChangeProvisionState", named(ident))
        }
        (&Method::PUT, ["nodes", ident, "states", "power"]) => {
            let operation = if target() == "power on" { Operation::Start } else { Operation::Stop };
            route(operation, "ChangePowerState", named(ident))
        }
        (_, ["nodes", ..]) => route(Operation::Stop, "Unknown", Vec::new()),
        _ => None,
    }
}

/// Checks HTTP basic; `None` where the request tries another way to sign in.
pub(super) fn verify(request: &Inbound) -> Option<Result<(), Outbound>> {
    if segments(request).is_some_and(|segments| segments.is_empty()) && request.method == Method::GET {
        // The list of versions is open to everybody.
        return Some(Ok(()));
    }
    let given = request.header("authorization").strip_prefix("Basic ")?;
    let expected = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    Some(if same(given, &expected) { Ok(()) } else { Err(unauthorized()) })
}

/// The 401 of HTTP basic.
pub(super) fn unauthorized() -> Outbound {
    Outbound::json(401, &json!({ "error": { "message": "Authorization required", "code": 401 } }))
        .with("www-authenticate", "Basic realm=\"Baremetal API\"")
}

/// Carries a call out.
pub(super) fn answer(request: &Inbound, route: &Route, world: &mut World) -> Outbound {
    let outcome = version(request).and_then(|minor| carried_out(request, route, minor, world));
    let answer = outcome.unwrap_or_else(refused);
    dressed(answer, world)
}

fn refused(No(status, code, text): No) -> Outbound {
    let told = match status {
        406 => json!({ "code": status, "title": "Not Acceptable", "description": text }),
        _ => json!({ "faultcode": code, "faultstring": text, "debuginfo": null }),
    };
    // A document inside of a string, as the service does it.
    Outbound::json(status, &json!({ "error_message": told.to_string() }))
}

fn dressed(answer: Outbound, world: &mut World) -> Outbound {
    answer
        .with("x-openstack-ironic-api-minimum-version", format!("1.{OLDEST}"))
        .with("x-openstack-ironic-api-maximum-version", format!("1.{NEWEST}"))
        .with("x-openstack-request-id", format!("req-{}", world.request_id()))
}

/// The version asked for; without the header it is the oldest one.
fn version(request: &Inbound) -> Result<u32, No> {
    let unusable =
        |text: &str| No(406, "", format!("Version {text} was requested, and 1.{OLDEST} to 1.{NEWEST} are supported"));
    match request.header(VERSION) {
        "" => Ok(OLDEST),
        "latest" => Ok(NEWEST),
        text => text
            .strip_prefix("1.")
            .and_then(|minor| minor.parse().ok())
            .filter(|minor| (OLDEST..=NEWEST).contains(minor))
            .ok_or_else(|| unusable(text)),
    }
}

fn carried_out(request: &Inbound, route: &Route, minor: u32, world: &mut World) -> Answer {
    let ident = segments(request).and_then(|mut all| (all.len() > 1).then(|| all.swap_remove(1))).unwrap_or_default();
    match route.action.as_str() {
        "ShowVersion" => Ok(Outbound::json(200, &json!({ "id": "v1", "name": "OpenStack Ironic API" }))),
        "ListNodes" | "ListNodesDetailed" => node::list(request, minor, world),
        "ShowNode" => node::show(request, &ident, minor, world),
        "ListNodeHistory" if minor < 78 => Err(No::client(404, "Not Found")),
        "ListNodeHistory" => node::history(&ident, world),
        "ShowNodeStates" => node::states(&ident, world),
        "UpdateNode" => order::update(request, &ident, minor, world),
        "ChangeProvisionState" => order::provision(request, &ident, minor, world),
        "ChangePowerState" => order::power(request, &ident, world),
        _ => Err(No::client(404, "Not Found")),
    }
}

/// Words an injected answer.
pub(super) fn inject(what: Injected, route: &Route, world: &mut World) -> Outbound {
    let node = route.servers.first().cloned().unwrap_or_default();
    let no = match what {
        Injected::Unauthorized => return dressed(unauthorized(), world),
        Injected::Throttled => No::client(429, "Too many requests"),
        Injected::Forbidden => No::client(403, "baremetal:node:set_provision_state is disallowed by policy"),
        Injected::WrongState => order::locked(&node),
        Injected::NotFound => node::unknown(&node),
        Injected::ServerError => No(500, "Server", "Internal server error".to_owned()),
        Injected::Invalid | Injected::NotSuccessful => No::client(400, "Expected a different value"),
    };
    dressed(refused(no), world)
}

/// The ready-made nodes: three to be rebuilt, one protected, one in maintenance.
pub(super) fn machines() -> Vec<Machine> {
    let one = |number: usize, name: &str, stage: Stage, more: Value| {
        let id = node::NODES[number - 1].0;
        let ip = format!("192.0.2.{}", 60 + number);
        let mut fields = json!({
            "driver": "redfish", "resource_class": "baremetal-sandbox", "instance_uuid": null,
            "instance_info": { "image_source": "https://images.example/debian-12.qcow2",
                "image_checksum": "5a4db0c55a4db0c55a4db0c55a4db0c5", "root_gb": 10, "configdrive": "******" },
            "driver_info": { "redfish_address": format!("https://198.51.100.{number}"),
                "redfish_username": "admin", "redfish_password": "******" },
            "network_data": { "networks": [{ "id": "network0", "type": "ipv4", "ip_address": ip }] },
            "protected": false, "protected_reason": null, "maintenance": false, "maintenance_reason": null,
            "provision_updated_at": "2026-01-10T08:00:00+00:00",
        });
        if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
            fields.extend(more);
        }
        Machine::new(PRODUCT, id, name, &ip, stage, fields)
    };
    vec![
        one(1, "web-1", Stage::Running, json!({})),
        one(2, "db-1", Stage::Stopped, json!({})),
        one(
            3,
            "cache-1",
            Stage::Running,
            json!({ "instance_info": { "image_source": "https://images.example/ubuntu-22.04.qcow2", "root_gb": 10 } }),
        ),
        one(4, "vault-1", Stage::Running, json!({ "protected": true, "protected_reason": "holds the keys" })),
        one(5, "bench-1", Stage::Running, json!({ "maintenance": true, "maintenance_reason": "disk swap" })),
    ]
}
