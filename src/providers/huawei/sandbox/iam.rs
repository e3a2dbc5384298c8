//! The identity service: tokens, projects, the owner of a key.

use super::answers::{good, identity};
use super::auth::{LIFE, Tokens};
use super::demo;
use crate::sandbox::{Inbound, Outbound, World};
use crate::sign::hash::same;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

fn token_document(end: DateTime<Utc>) -> Value {
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let domain = json!({"id": demo::DOMAIN, "name": demo::DOMAIN_NAME});
    json!({"token": {
        "expires_at": time(end),
        "issued_at": time(end - LIFE),
        "methods": ["password"],
        "catalog": [],
        "roles": [{"id": "0", "name": "te_admin"}],
        "project": {"id": demo::PROJECT, "name": demo::REGION, "domain": domain},
        "user": {"id": demo::USER, "name": demo::USER_NAME, "domain": domain, "password_expires_at": ""},
    }})
}

/// `POST /v3/auth/tokens`.
pub(super) fn create_token(tokens: &mut Tokens, request: &Inbound, world: &mut World) -> Outbound {
    let Some(body) = request.json() else {
        return identity(400, "Bad Request", "The request body is invalid", world);
    };
    let user = &body["auth"]["identity"]["password"]["user"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if body["auth"]["identity"]["methods"][0] != "password" || user.is_null() {
        return identity(400, "Bad Request", "The authentication method is not supported", world);
    }
    let domain = &user["domain"];
    let known = text(&user["id"]) == demo::USER
        || (text(&user["name"]) == demo::USER_NAME
            && (text(&domain["name"]) == demo::DOMAIN_NAME || text(&domain["id"]) == demo::DOMAIN));
    if !known || !same(&text(&user["password"]), demo::USER_PASSWORD) {
        return identity(401, "Unauthorized", "The username or password is wrong.", world);
    }
    let project = &body["auth"]["scope"]["project"];
    if text(&project["id"]) != demo::PROJECT && text(&project["name"]) != demo::REGION {
        return identity(401, "Unauthorized", "The project does not exist or the user may not enter it.", world);
    }
    let token = format!("{}{}", demo::READY_TOKEN, world.next_number());
    tokens.issue(token.clone(), request.at);
    good(201, &token_document(request.at + LIFE), world).with("x-subject-token", token)
}

/// `GET /v3/auth/tokens`.
pub(super) fn validate_token(tokens: &Tokens, request: &Inbound, world: &mut World) -> Outbound {
    let subject = request.header("x-subject-token");
    match tokens.end(subject, request.at) {
        Ok(end) => good(200, &token_document(end), world).with("x-subject-token", subject),
        Err(_) => identity(404, "Not Found", "The token is not valid.", world),
    }
}

/// `GET /v3/projects`, which takes a name, and `GET /v3/auth/projects`.
pub(super) fn projects(request: &Inbound, world: &mut World) -> Outbound {
    let wanted = request.parameter("name");
    let projects: Vec<Value> = [(demo::PROJECT, demo::REGION), (demo::DOMAIN, "MOS")]
        .iter()
        .filter(|(_, name)| wanted.as_deref().is_none_or(|wanted| wanted == *name))
        .map(|(id, name)| {
            json!({"id": id, "name": name, "domain_id": demo::DOMAIN, "parent_id": demo::DOMAIN, "enabled": true,
                "is_domain": false, "description": ""})
        })
        .collect();
    good(200, &json!({"projects": projects, "links": {"next": null, "previous": null}}), world)
}

/// `GET /v3/auth/domains`: the SDKs look their account up with it.
pub(super) fn domains(world: &mut World) -> Outbound {
    let domain = json!({"id": demo::DOMAIN, "name": demo::DOMAIN_NAME, "enabled": true, "description": ""});
    good(200, &json!({"domains": [domain], "links": {"next": null, "previous": null}}), world)
}

/// `GET /v3.0/OS-CREDENTIAL/credentials/{access_key}`.
pub(super) fn access_key(id: &str, world: &mut World) -> Outbound {
    if id != demo::KEY_ID {
        return identity(404, "Not Found", &format!("Could not find credential: {id}."), world);
    }
    let document = json!({"credential": {"access": id, "user_id": demo::USER, "status": "active",
        "create_time": "2026-01-02T03:04:05.000000Z", "description": ""}});
    good(200, &document, world)
}
