//! Hetzner's part of the sandbox: `/v1/servers`, `/v1/actions`, `/v1/images`, `/v1/ssh_keys`, with bearer token.

mod actions;
mod answers;
mod demo;
mod images;
mod rebuild;

use super::NAME;
use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use crate::sign::hash::same;
use actions::Actions;
use answers::{Budget, No};
use serde_json::{Value, json};

/// The sandbox's API token, as long as a real one.
const TOKEN: &str = "SANDBOXhetznerToken0123456789abcdefSANDBOXhetznerToken0123456789";
/// The same for a token that may only read.
const READ_ONLY: &str = "SANDBOXhetznerReads0123456789abcdefSANDBOXhetznerReads0123456789";

/// Emulates `https://api.hetzner.cloud/v1`.
#[derive(Default)]
pub(super) struct Hetzner {
    actions: Actions,
    budget: Budget,
}

/// What a request asks for.
enum Call<'a> {
    Servers,
    Server(&'a str),
    ServerActions(&'a str),
    Act(&'a str, &'a str),
    Actions,
    Action(&'a str),
    Images,
    Image(&'a str),
    Keys,
    Key(&'a str),
    Unknown,
}

fn call<'a>(method: &str, segments: &'a [String]) -> Option<Call<'a>> {
    let segments: Vec<&'a str> = segments.iter().map(String::as_str).collect();
    let ["v1", kind, rest @ ..] = segments.as_slice() else { return None };
    if !["servers", "actions", "images", "ssh_keys"].contains(kind) {
        return None;
    }
    Some(match (method, *kind, rest) {
        ("GET", "servers", []) => Call::Servers,
        ("GET", "servers", [id]) => Call::Server(id),
        ("GET", "servers", [id, "actions"]) => Call::ServerActions(id),
        ("GET", "servers", [_, "actions", action]) => Call::Action(action),
        ("POST", "servers", [id, "actions", what]) => Call::Act(id, what),
        ("GET", "actions", []) => Call::Actions,
        ("GET", "actions", [id]) => Call::Action(id),
        ("GET", "images", []) => Call::Images,
        ("GET", "images", [id]) => Call::Image(id),
        ("GET", "ssh_keys", []) => Call::Keys,
        ("GET", "ssh_keys", [id]) => Call::Key(id),
        _ => Call::Unknown,
    })
}

impl Emulator for Hetzner {
    fn route(&self, request: &Inbound) -> Option<Route> {
        let segments = request.segments();
        let (operation, action, servers) = match call(request.method.as_str(), &segments)? {
            Call::Servers => (Operation::Read, "GET /servers".to_owned(), Vec::new()),
            Call::Server(id) => (Operation::Read, "GET /servers/{id}".to_owned(), vec![id.to_owned()]),
            Call::ServerActions(id) => (Operation::Read, "GET /servers/{id}/actions".to_owned(), vec![id.to_owned()]),
            Call::Act(id, what) => {
                let operation = match what {
                    "rebuild" => Operation::Reinstall,
                    "poweron" => Operation::Start,
                    _ => Operation::Stop,
                };
                (operation, format!("POST /servers/{{id}}/actions/{what}"), vec![id.to_owned()])
            }
            Call::Actions => {
                let ids = actions::asked(request);
                (Operation::Read, "GET /actions".to_owned(), self.actions.servers(&ids))
            }
            Call::Action(id) => {
                (Operation::Read, "GET /actions/{id}".to_owned(), self.actions.servers(&[id.to_owned()]))
            }
            Call::Images => (Operation::Read, "GET /images".to_owned(), Vec::new()),
            Call::Image(_) => (Operation::Read, "GET /images/{id}".to_owned(), Vec::new()),
            Call::Keys => (Operation::Read, "GET /ssh_keys".to_owned(), Vec::new()),
            Call::Key(_) => (Operation::Read, "GET /ssh_keys/{id}".to_owned(), Vec::new()),
            Call::Unknown => (Operation::Read, "unknown".to_owned(), Vec::new()),
        };
        Some(Route { provider: NAME, operation, action, servers })
    }

    fn verify(&mut self, request: &Inbound, world: &mut World) -> Result<(), Outbound> {
        self.budget.arrived(request.at, world.now);
        let token = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        // Both comparisons are made, so that the time tells nothing of either.
        let (full, reads) = (same(token, TOKEN), same(token, READ_ONLY));
        let no = match (full, reads) {
            (true, _) => return Ok(()),
            (_, true) if request.method == http::Method::GET => return Ok(()),
            (_, true) => No::new(403, "token_readonly", "the token is only allowed to perform GET requests"),
            _ => No::new(401, "unauthorized", "unable to authenticate"),
        };
        Err(self.budget.stamped(no.outbound(), world))
    }

    fn answer(&mut self, request: &Inbound, _route: &Route, world: &mut World) -> Outbound {
        let answer = match self.budget.take() {
            true => self.carried_out(request, world).unwrap_or_else(|no| no.outbound()),
            false => No::new(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached").outbound(),
        };
        self.budget.stamped(answer, world)
    }

    fn inject(&mut self, what: Injected, route: &Route, world: &mut World) -> Outbound {
        let no = match what {
            Injected::Throttled => {
                self.budget.empty();
                let no = No::new(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached");
                let answer = self.budget.stamped(no.outbound(), world);
                self.budget = Budget::default();
                return answer;
            }
            Injected::Unauthorized => No::new(401, "unauthorized", "unable to authenticate"),
            Injected::Forbidden => No::new(403, "forbidden", "insufficient permissions for this request"),
            Injected::WrongState => No::new(423, "locked", "server is locked by another action"),
            Injected::NotFound => No::new(404, "not_found", "server not found"),
            Injected::ServerError => No::new(500, "server_error", "an internal error happened"),
            Injected::NotSuccessful if route.operation == Operation::Reinstall => {
                let id = route.servers.first().cloned().unwrap_or_default();
                let action = actions::refused(world.next_number(), &id, "rebuild_server");
                let answer = Outbound::json(201, &json!({ "action": action, "root_password": null }));
                return self.budget.stamped(answer, world);
            }
            Injected::Invalid | Injected::NotSuccessful => {
                No::new(422, "invalid_input", "invalid input in field 'image'")
            }
        };
        self.budget.stamped(no.outbound(), world)
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![("HCLOUD_TOKEN", TOKEN.to_owned())]
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    fn machines(&self) -> Vec<Machine> {
        demo::machines()
    }
}

impl Hetzner {
    fn carried_out(&mut self, request: &Inbound, world: &mut World) -> Result<Outbound, No> {
        let segments = request.segments();
        let now = world.now;
        let not_found = |what: &str| No::new(404, "not_found", &format!("{what} not found"));
        match call(request.method.as_str(), &segments).unwrap_or(Call::Unknown) {
            Call::Servers => {
                let (name, status) = (request.parameter("name"), request.parameter("status"));
                let rows = world
                    .fleet
                    .of(NAME, now)
                    .into_iter()
                    .map(|machine| demo::server(machine, now))
                    .filter(|row| name.as_ref().is_none_or(|name| row["name"] == **name))
                    .filter(|row| status.as_ref().is_none_or(|status| row["status"] == **status))
                    .collect();
                answers::page(request, "servers", rows)
            }
            Call::Server(id) => {
                let machine = world.fleet.get(NAME, id, now).ok_or_else(|| not_found("server"))?;
                Ok(Outbound::json(200, &json!({ "server": demo::server(machine, now) })))
            }
            Call::ServerActions(id) => {
                world.fleet.get(NAME, id, now).ok_or_else(|| not_found("server"))?;
                let rows = self.actions.of(id, &request.parameters(), now)?;
                answers::page(request, "actions", rows)
            }
            Call::Actions => {
                let ids = actions::asked(request);
                if ids.is_empty() {
                    return Err(No::new(422, "invalid_input", "the parameter 'id' is required"));
                }
                let rows = ids.iter().filter_map(|id| self.actions.show(id, now)).collect();
                answers::page(request, "actions", rows)
            }
            Call::Action(id) => {
                let action = self.actions.show(id, now).ok_or_else(|| not_found("action"))?;
                Ok(Outbound::json(200, &json!({ "action": action })))
            }
            Call::Images => answers::page(request, "images", demo::images(&request.parameters())),
            Call::Image(id) => {
                let image = images::IMAGES.iter().find(|image| image.id.to_string() == id);
                let image = image.ok_or_else(|| not_found("image"))?;
                Ok(Outbound::json(200, &json!({ "image": demo::image(image) })))
            }
            Call::Keys => answers::page(request, "ssh_keys", demo::keys()),
            Call::Key(id) => {
                let key = demo::keys().into_iter().find(|key| key["id"].as_u64() == id.parse().ok());
                Ok(Outbound::json(200, &json!({ "ssh_key": key.ok_or_else(|| not_found("ssh_key"))? })))
            }
            Call::Act(id, what) => self.act(request, id, what, world),
            Call::Unknown => Err(not_found("page")),
        }
    }

    fn act(&mut self, request: &Inbound, id: &str, what: &str, world: &mut World) -> Result<Outbound, No> {
        let now = world.now;
        let machine = world.fleet.get(NAME, id, now).ok_or_else(|| No::new(404, "not_found", "server not found"))?;
        let stage = machine.truth(now);
        if matches!(stage, Stage::Installing | Stage::Starting | Stage::Stopping) && what != "change_protection" {
            return Err(No::new(423, "locked", "server is locked by another action"));
        }
        match what {
            "rebuild" => rebuild::carry_out(&mut self.actions, request, id, world),
            "poweron" => {
                if stage != Stage::Running {
                    machine.start(now);
                }
                let action = self.actions.passing(id, "start_server", request.at, world);
                Ok(Outbound::json(201, &json!({ "action": action })))
            }
            "poweroff" | "shutdown" => {
                if stage == Stage::Running {
                    machine.stop(now);
                }
                let command = if what == "poweroff" { "stop_server" } else { "shutdown_server" };
                let action = self.actions.passing(id, command, request.at, world);
                Ok(Outbound::json(201, &json!({ "action": action })))
            }
            "change_protection" => {
                let body = request.json().unwrap_or_default();
                for name in ["delete", "rebuild"] {
                    if let Some(Value::Bool(on)) = body.get(name) {
                        machine.fields.insert(format!("protect_{name}"), json!(on));
                    }
                }
                let action = self.actions.passing(id, "change_protection", request.at, world);
                Ok(Outbound::json(201, &json!({ "action": action })))
            }
            _ => Err(No::new(404, "not_found", "page not found")),
        }
    }
}
