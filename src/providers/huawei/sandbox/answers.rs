//! The provider's error formats.

use super::CLOUDDC;
use crate::sandbox::{Injected, Outbound, Route, World};
use serde_json::{Value, json};

/// A good answer with its request id.
pub(super) fn good(status: u16, document: &Value, world: &mut World) -> Outbound {
    Outbound::json(status, document).with("x-request-id", world.request_id())
}

/// The gateway's format.
pub(super) fn gateway(status: u16, code: &str, message: &str, world: &mut World) -> Outbound {
    let id = world.request_id();
    Outbound::json(status, &json!({"error_code": code, "error_msg": message, "request_id": id}))
        .with("x-request-id", id)
}

/// The format of ECS and IMS.
pub(super) fn ecs(status: u16, code: &str, message: &str, world: &mut World) -> Outbound {
    good(status, &json!({"error": {"code": code, "message": message}}), world)
}

/// The format of CloudDC.
pub(super) fn metal(status: u16, code: &str, message: &str, world: &mut World) -> Outbound {
    good(status, &json!({"error_code": code, "error_msg": message}), world)
}

/// The format of the identity service, whose code is a number.
pub(super) fn identity(status: u16, title: &str, message: &str, world: &mut World) -> Outbound {
    let id = world.request_id();
    Outbound::json(status, &json!({"error": {"code": status, "message": message, "title": title}}))
        .with("x-iam-trace-id", id)
}

pub(super) fn unauthorized(why: &str, world: &mut World) -> Outbound {
    gateway(401, "APIGW.0301", &format!("Incorrect IAM authentication information: {why}"), world)
}

pub(super) fn no_such_call(world: &mut World) -> Outbound {
    gateway(404, "APIGW.0101", "The API does not exist or has not been published in the environment", world)
}

pub(super) fn foreign_project(provider: &str, world: &mut World) -> Outbound {
    if provider == CLOUDDC {
        metal(403, "iMetal.0004", "Insufficient permissions", world)
    } else {
        ecs(400, "Ecs.0023", "The project ID in the URL is different from that in the token.", world)
    }
}

pub(super) fn inject(what: Injected, route: &Route, world: &mut World) -> Outbound {
    let metallic = route.provider == CLOUDDC;
    let ids = format!("[{}]", route.servers.join(", "));
    match what {
        Injected::Throttled => gateway(
            429,
            "APIGW.0308",
            "The throttling threshold has been reached: policy user over ratelimit,limit:20,time:1 second",
            world,
        ),
        Injected::Unauthorized => unauthorized("verify aksk signature fail", world),
        Injected::Forbidden if metallic => metal(403, "iMetal.0004", "Insufficient permissions", world),
        Injected::Forbidden => gateway(403, "APIGW.0302", "The IAM user is not allowed to access the API.", world),
        Injected::WrongState if metallic => {
            metal(400, "iMetal.0201", &format!("Instances state is not ready: {ids}"), world)
        }
        Injected::WrongState => ecs(400, "Ecs.0100", WRONG_STATE, world),
        Injected::Invalid | Injected::NotSuccessful if metallic => {
            metal(400, "iMetal.0001", "A request parameter contains invalid or unsupported value: injected", world)
        }
        Injected::Invalid | Injected::NotSuccessful => ecs(400, "Ecs.0005", "Invalid parameters: injected", world),
        Injected::NotFound if metallic => metal(404, "iMetal.0200", &format!("Instances not found: {ids}"), world),
        Injected::NotFound => ecs(404, "Ecs.0114", "The ECS does not exist.", world),
        Injected::ServerError if metallic => metal(500, "iMetal.0099", "Internal server error", world),
        Injected::ServerError => ecs(500, "Ecs.1000", "Internal error.", world),
    }
}

/// The documented text of Ecs.0100.
pub(super) const WRONG_STATE: &str =
    "The ECS status does not meet requirements. Make the ECS in the required status and try again.";
