//! The cloud's error formats.

use super::demo;
use crate::sandbox::{Inbound, Injected, Operation, Outbound, Route, World};
use bytes::Bytes;
use serde_json::{Value, json};

/// An answer with its request id, as every service gives one.
pub(super) fn good(status: u16, document: &Value, world: &mut World) -> Outbound {
    let id = format!("req-{}", world.request_id());
    with_id(Outbound::json(status, document), &id)
}

/// The same with an id that is known already.
pub(super) fn with_id(answer: Outbound, id: &str) -> Outbound {
    answer.with("x-openstack-request-id", id).with("x-compute-request-id", id)
}

/// An answer without a body.
pub(super) fn empty(status: u16, world: &mut World) -> Outbound {
    let id = format!("req-{}", world.request_id());
    with_id(Outbound { status, headers: Vec::new(), body: Bytes::new() }, &id)
}

/// The format of Nova: one key that names the kind.
pub(super) fn plain(status: u16, kind: &str, message: &str, world: &mut World) -> Outbound {
    good(status, &json!({kind: {"code": status, "message": message}}), world)
}

/// The format of Keystone, which its middleware has in all services.
pub(super) fn identity(status: u16, title: &str, message: &str, world: &mut World) -> Outbound {
    good(status, &json!({"error": {"code": status, "message": message, "title": title}}), world)
}

/// No token, or one that is not good any more.
pub(super) fn unauthorized(request: &Inbound, world: &mut World) -> Outbound {
    let uri = format!("Keystone uri=\"{}\"", demo::identity(request));
    identity(401, "Unauthorized", "The request you have made requires authentication.", world)
        .with("www-authenticate", uri)
}

pub(super) fn inject(what: Injected, route: &Route, world: &mut World) -> Outbound {
    let id = route.servers.first().map_or("", String::as_str);
    match what {
        Injected::Throttled => plain(429, "overLimit", "This request was rate-limited.", world),
        Injected::Unauthorized => {
            identity(401, "Unauthorized", "The request you have made requires authentication.", world)
        }
        Injected::Forbidden => {
            let message = "Policy doesn't allow os_compute_api:servers:rebuild to be performed.";
            plain(403, "forbidden", message, world)
        }
        Injected::WrongState => {
            let message = format!("Cannot '{}' instance {id} while it is in vm_state paused", route.action);
            plain(409, "conflictingRequest", &message, world)
        }
        Injected::Invalid | Injected::NotSuccessful => {
            plain(400, "badRequest", "Invalid input for field/attribute injected.", world)
        }
        Injected::NotFound => plain(404, "itemNotFound", &format!("Instance {id} could not be found."), world),
        Injected::ServerError if route.operation == Operation::SignIn => {
            identity(500, "Internal Server Error", "An unexpected error prevented the server from answering.", world)
        }
        Injected::ServerError => {
            let message = "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/.";
            plain(500, "computeFault", message, world)
        }
    }
}
