//! Zenlayer's part of the sandbox: one host, three services, the action in a header.

mod bmc;
mod demo;
mod fields;
mod zec;

use super::sign;
use crate::sandbox::machine::Machine;
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use crate::secret::Secret;
use crate::sign::hash::same;
use fields::{Fields, No};
use serde_json::{Map, Value, json};

/// The sandbox's access key.
const KEY_ID: &str = "SANDBOXZENLAYER01";
const KEY_SECRET: &str = "SANDBOXzenlayerSecret0123456789";
/// The sandbox's access token, for tools that use one.
const TOKEN: &str = "pat_5a4db0c55a4db0c55a4db0c5";
/// How far a signature's time may be from the clock, in seconds (documentation: commonerrorcode).
const CLOCK_WINDOW: u64 = 300;

/// Emulates `/api/v2/bmc`, `/api/v2/zec` and `/api/v2/ccs`.
pub(super) struct Zenlayer;

/// The services with the versions that are served: the present one, and the one of the official tools.
const SERVICES: [(&str, &str, &[&str]); 3] = [
    ("bmc", super::bmc::ID, &["2026-02-01", "2022-11-20"]),
    ("zec", super::zec::ID, &["2025-09-01", "2024-04-01"]),
    ("ccs", super::NAME, &["2025-09-01"]),
];

fn service(request: &Inbound) -> Option<(&'static str, &'static str, &'static [&'static str])> {
    let segments = request.segments();
    match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["api", "v2", name] => SERVICES.into_iter().find(|(known, _, _)| known == name),
        _ => None,
    }
}

impl Emulator for Zenlayer {
    fn route(&self, request: &Inbound) -> Option<Route> {
        let (_, provider, _) = service(request)?;
        let action = request.header("x-zc-action").to_owned();
        let operation = match action.as_str() {
            "StopInstances" => Operation::Stop,
            "StartInstances" => Operation::Start,
            "ReinstallInstance" | "ResetInstance" => Operation::Reinstall,
            _ => Operation::Read,
        };
        let body = request.json().unwrap_or_default();
        let one = body["instanceId"].as_str().map(str::to_owned);
        let many = body["instanceIds"].as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned));
        Some(Route { provider, operation, action, servers: one.into_iter().chain(many).collect() })
    }

    fn verify(&mut self, request: &Inbound, world: &mut World) -> Result<(), Outbound> {
        verified(request).map_err(|no| no.outbound(world))
    }

    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound {
        match carried_out(request, &route.action, world) {
            Ok(response) => success(response, world),
            Err(no) => no.outbound(world),
        }
    }

    fn inject(&mut self, what: Injected, route: &Route, world: &mut World) -> Outbound {
        let zec = route.provider == super::zec::ID;
        let power = matches!(route.operation, Operation::Stop | Operation::Start);
        let no = match what {
            Injected::Throttled => No::new(429, "REQUEST_LIMIT_EXCEEDED", "too many requests"),
            Injected::Unauthorized => No::new(401, "AUTHFAILURE_SIGNATURE_FAILURE", "the signature is wrong"),
            Injected::Forbidden => No::new(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION", "no permission"),
            Injected::WrongState if zec => {
                No::new(400, "UNSUPPORTED_OPERATION_INSTANCE_STATUS", "not in the present state")
            }
            Injected::WrongState => No::new(403, "OPERATION_DENIED_INSTANCE_STATUS", "not in the present state"),
            Injected::NotFound => No::new(404, "INVALID_INSTANCE_NOT_FOUND", "no such instance"),
            Injected::ServerError => No::new(500, "INTERNAL_SERVER_ERROR", "internal error"),
            Injected::NotSuccessful if zec && power => {
                let failed = Map::from_iter([("instanceIds".to_owned(), json!(route.servers))]);
                return success(failed, world);
            }
            Injected::Invalid | Injected::NotSuccessful => No::new(400, "INVALID_PARAMETER_VALUE", "bad value"),
        };
        no.outbound(world)
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![("ZENLAYER_ACCESS_KEY_ID", KEY_ID.to_owned()), ("ZENLAYER_ACCESS_KEY_SECRET", KEY_SECRET.to_owned())]
    }

    fn machines(&self) -> Vec<Machine> {
        demo::machines()
    }
}

fn request_id(world: &mut World) -> String {
    format!("T{}", world.request_id().to_uppercase())
}

fn success(mut response: Map<String, Value>, world: &mut World) -> Outbound {
    let id = request_id(world);
    response.insert("requestId".to_owned(), id.clone().into());
    Outbound::json(200, &json!({ "requestId": id, "response": response }))
}

/// Recomputes the signature from what arrived: method, body and the headers that the request itself names.
fn verified(request: &Inbound) -> Result<(), No> {
    let malformed = || No::new(401, "AUTHFAILURE_INVALID_AUTHORIZATION", "the authorization header is malformed");
    let wrong = || No::new(401, "AUTHFAILURE_SIGNATURE_FAILURE", "the signature is wrong");
    let authorization = request.header("authorization");
    if let Some(token) = authorization.strip_prefix("Bearer ") {
        return if same(token.trim(), TOKEN) { Ok(()) } else { Err(malformed()) };
    }
    let mut parts = [("Credential=", ""), ("SignedHeaders=", ""), ("Signature=", "")];
    let rest =
        authorization.strip_prefix(sign::SCHEME).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(malformed)?;
    let pieces: Vec<&str> = rest.split(", ").collect();
    if pieces.len() != parts.len() {
        return Err(malformed());
    }
    for (part, piece) in parts.iter_mut().zip(pieces) {
        part.1 = piece.strip_prefix(part.0).ok_or_else(malformed)?;
    }
    let [(_, credential), (_, names), (_, given)] = parts;
    if request.header("x-zc-signature-method") != sign::SCHEME {
        return Err(malformed());
    }
    let names: Vec<&str> = names.split(';').collect();
    let ordered = names.windows(2).all(|pair| pair[0] < pair[1]);
    let lower = names.iter().all(|name| !name.chars().any(|c| c.is_ascii_uppercase()));
    if !ordered || !lower || !names.contains(&"content-type") || !names.contains(&"host") {
        return Err(malformed());
    }
    let mut headers = Vec::with_capacity(names.len());
    for name in names {
        if !request.headers.contains_key(name) {
            return Err(malformed());
        }
        headers.push((name, request.header(name).to_owned()));
    }
    let timestamp: i64 = request.header("x-zc-timestamp").parse().map_err(|_| malformed())?;
    if request.at.timestamp().abs_diff(timestamp) > CLOCK_WINDOW {
        return Err(No::new(401, "AUTHFAILURE_SIGNATURE_EXPIRED", "the timestamp is off by more than five minutes"));
    }
    let canonical = sign::canonical_of(request.method.as_str(), &headers, &request.body);
    let expected = sign::signature(&Secret::from(KEY_SECRET.to_owned()), &sign::string_to_sign(&canonical, timestamp));
    // Both comparisons are made, so that the time tells nothing of either.
    let (key_fits, signature_fits) = (same(credential, KEY_ID), same(given, &expected));
    if key_fits & signature_fits { Ok(()) } else { Err(wrong()) }
}

fn carried_out(request: &Inbound, action: &str, world: &mut World) -> Result<Map<String, Value>, No> {
    let unknown = || No::new(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION", "no permission, or no such action");
    let (service, _, versions) = service(request).ok_or_else(unknown)?;
    if request.method != http::Method::POST {
        return Err(unknown());
    }
    // The documentation's example of a bearer token sends no version.
    let version = match request.header("x-zc-version") {
        "" if request.header("authorization").starts_with("Bearer ") => versions[0],
        "" => return Err(No::new(400, "MISSING_PARAMETER", "X-ZC-Version is missing")),
        version => version,
    };
    if !versions.contains(&version) {
        return Err(No::new(400, "INVALID_PARAMETER_VALUE", "no such X-ZC-Version"));
    }
    let body = match request.json() {
        Some(Value::Object(body)) => body,
        None if request.body.is_empty() => Map::new(),
        _ => return Err(No::new(400, "INVALID_PARAMETER_TYPE", "the body is no JSON object")),
    };
    let fields = Fields::new(&body);
    match (service, action) {
        ("ccs", "DescribeKeyPairs") => demo::key_pairs(&fields),
        ("bmc", "DescribeInstances") => bmc::instances(&fields, world),
        ("bmc", "DescribeImages") => bmc::images(&fields),
        ("bmc", "DescribeInstanceTypes") => bmc::instance_types(&fields),
        ("bmc", "StopInstances") => bmc::stop(&fields, world),
        ("bmc", "StartInstances") => bmc::start(&fields, world),
        ("bmc", "ReinstallInstance") => bmc::reinstall(&fields, version == versions[1], world),
        ("zec", "DescribeInstances") => zec::instances(&fields, world),
        ("zec", "DescribeInstancesStatus") => zec::statuses(&fields, world),
        ("zec", "DescribeImages") => zec::images(&fields),
        ("zec", "DescribeTimeZones") => Ok(Map::from_iter([("timeZones".to_owned(), json!(demo::TIME_ZONES))])),
        ("zec", "StopInstances") => zec::stop(&fields, world),
        ("zec", "StartInstances") => zec::start(&fields, world),
        ("zec", "ResetInstance") => zec::reset(&fields, world),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
