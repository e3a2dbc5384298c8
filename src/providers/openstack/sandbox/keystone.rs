//! The identity service: tokens with their catalogue.

use super::answers::{good, identity};
use super::demo;
use crate::sandbox::{Inbound, Outbound, World};
use crate::sign::hash::same;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

/// How long a token is good.
const LIFE: Duration = Duration::hours(1);

/// Tokens that were given out, and the ready-made one.
#[derive(Default)]
pub(super) struct Tokens(Vec<(String, DateTime<Utc>)>);

impl Tokens {
    fn issue(&mut self, token: String, now: DateTime<Utc>) {
        self.0.retain(|(_, end)| *end > now);
        self.0.push((token, now + LIFE));
    }

    /// When the token ends; `None` for one that is unknown or has ended.
    pub(super) fn owner(&self, token: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if same(token, demo::READY_TOKEN) {
            return Some(now + LIFE);
        }
        self.0.iter().find(|(known, end)| same(known, token) && *end > now).map(|(_, end)| *end)
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn catalogue(request: &Inbound) -> Value {
    let service = |kind: &str, name: &str, path: &str| {
        let endpoints: Vec<Value> = ["public", "internal"]
            .iter()
            .map(|interface| {
                json!({"id": format!("{name}-{interface}"), "interface": interface, "region": demo::REGION,
                    "region_id": demo::REGION, "url": demo::service(request, path)})
            })
            .collect();
        json!({"id": name, "type": kind, "name": name, "endpoints": endpoints})
    };
    json!([
        service("identity", "keystone", "identity"),
        service("compute", "nova", "compute/v2.1"),
        service("image", "glance", "image"),
        service("baremetal", "ironic", "baremetal"),
    ])
}

fn document(request: &Inbound, method: &str, end: DateTime<Utc>) -> Value {
    let domain = json!({"id": demo::DOMAIN, "name": demo::DOMAIN_NAME});
    let mut token = json!({
        "methods": [method],
        "issued_at": time(end - LIFE),
        "expires_at": time(end),
        "audit_ids": ["sandbox"],
        "is_domain": false,
        "roles": [{"id": "member", "name": "member"}],
        "project": {"id": demo::PROJECT, "name": demo::PROJECT_NAME, "domain": domain},
        "user": {"id": demo::USER, "name": demo::USER_NAME, "domain": domain, "password_expires_at": null},
    });
    if request.parameter("nocatalog").is_none() {
        token["catalog"] = catalogue(request);
    }
    json!({"token": token})
}

fn is_domain(domain: &Value) -> bool {
    domain["id"] == demo::DOMAIN || domain["name"] == demo::DOMAIN_NAME
}

fn is_user(user: &Value) -> bool {
    user["id"] == demo::USER || (user["name"] == demo::USER_NAME && is_domain(&user["domain"]))
}

/// `POST /v3/auth/tokens`.
pub(super) fn issue(tokens: &mut Tokens, request: &Inbound, world: &mut World) -> Outbound {
    let Some(body) = request.json() else {
        return identity(400, "Bad Request", "Expecting to find valid JSON in the request body.", world);
    };
    let auth = &body["auth"];
    let method = auth["identity"]["methods"][0].as_str().unwrap_or_default().to_owned();
    let proof = &auth["identity"][method.as_str()];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let scope = &auth["scope"];
    let good_proof = match method.as_str() {
        "password" => is_user(&proof["user"]) && same(&text(&proof["user"]["password"]), demo::USER_PASSWORD),
        "application_credential" if !scope.is_null() => {
            return identity(401, "Unauthorized", "Application credentials cannot request a scope.", world);
        }
        "application_credential" => {
            let named =
                proof["id"] == demo::CREDENTIAL || (proof["name"] == demo::CREDENTIAL_NAME && is_user(&proof["user"]));
            named && same(&text(&proof["secret"]), demo::CREDENTIAL_SECRET)
        }
        "token" => tokens.owner(&text(&proof["id"]), request.at).is_some(),
        _ => {
            return identity(401, "Unauthorized", "Attempted to authenticate with an unsupported method.", world);
        }
    };
    let project = &scope["project"];
    let good_scope = method == "application_credential"
        || project["id"] == demo::PROJECT
        || (project["name"] == demo::PROJECT_NAME && is_domain(&project["domain"]));
    if !good_proof || !good_scope {
        return identity(401, "Unauthorized", "The request you have made requires authentication.", world);
    }
    let token = format!("gAAAAA-sandbox-{:08}", world.next_number());
    tokens.issue(token.clone(), request.at);
    good(201, &document(request, &method, request.at + LIFE), world).with("x-subject-token", token)
}

/// `GET /v3/auth/tokens`.
pub(super) fn validate(tokens: &Tokens, request: &Inbound, world: &mut World) -> Outbound {
    let subject = request.header("x-subject-token");
    match tokens.owner(subject, request.at) {
        Some(end) => good(200, &document(request, "password", end), world).with("x-subject-token", subject),
        None => identity(404, "Not Found", "Failed to validate token", world),
    }
}

fn row(request: &Inbound) -> Value {
    json!({"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{}/v3/", demo::identity(request))}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]})
}

/// `GET /`.
pub(super) fn versions(request: &Inbound) -> Outbound {
    Outbound::json(300, &json!({"versions": {"values": [row(request)]}}))
}

/// `GET /v3`.
pub(super) fn version(request: &Inbound) -> Outbound {
    Outbound::json(200, &json!({"version": row(request)}))
}
