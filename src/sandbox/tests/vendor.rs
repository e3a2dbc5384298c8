//! A vendor of the tests' own: one product, one header as signature.

use crate::sandbox::machine::{Machine, Stage};
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use serde_json::json;

/// The header value that counts as a signature.
pub(super) const KEY: &str = "signed-7f3a";

/// `GET /metal/ID`, `POST /metal/ID/CALL`, `GET /metal:list`.
pub(super) struct Acme;

impl Emulator for Acme {
    fn route(&self, request: &Inbound) -> Option<Route> {
        let segments = request.segments();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (operation, action, servers) = match words[..] {
            ["metal:list"] => (Operation::Read, "List", vec![]),
            ["metal", id] => (Operation::Read, "Show", vec![id.to_owned()]),
            ["metal", id, "stop"] => (Operation::Stop, "Stop", vec![id.to_owned()]),
            ["metal", id, "reinstall"] => (Operation::Reinstall, "Reinstall", vec![id.to_owned()]),
            _ => return None,
        };
        Some(Route { provider: "acme-metal", operation, action: action.to_owned(), servers })
    }

    fn verify(&mut self, request: &Inbound, _world: &mut World) -> Result<(), Outbound> {
        let fresh =
            request.header("x-time").parse().map_or(true, |time: i64| (request.at.timestamp() - time).abs() < 300);
        if request.header("authorization") == KEY && fresh {
            Ok(())
        } else {
            Err(Outbound::json(401, &json!({"acme": "bad signature"})))
        }
    }

    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound {
        let now = world.now;
        let Some(id) = route.servers.first() else {
            let ids: Vec<_> = world.fleet.of("acme-metal", now).iter().map(|machine| machine.id.clone()).collect();
            return Outbound::json(200, &json!({"ids": ids, "path": request.path, "query": request.query}));
        };
        let fate = world.fate_of(id);
        let Some(machine) = world.fleet.get("acme-metal", id, now) else {
            return Outbound::json(404, &json!({"acme": "no such server"}));
        };
        match route.operation {
            Operation::Stop => machine.stop(now),
            Operation::Reinstall => machine.reinstall(now, &fate, serde_json::Map::new()),
            _ => {}
        }
        Outbound::json(200, &json!({"id": id, "state": format!("{:?}", machine.shown(now))}))
    }

    fn inject(&mut self, what: Injected, _route: &Route, _world: &mut World) -> Outbound {
        let status = match what {
            Injected::Throttled => 429,
            Injected::Unauthorized => 401,
            Injected::Forbidden => 403,
            Injected::WrongState => 409,
            Injected::NotFound => 404,
            Injected::ServerError => 500,
            Injected::NotSuccessful => 200,
            Injected::Invalid => 400,
        };
        Outbound::json(status, &json!({"acme": format!("{what:?}")})).with("retry-after", "99")
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![("ACME_KEY", KEY.to_owned())]
    }

    fn machines(&self) -> Vec<Machine> {
        ["a", "b"]
            .map(|id| Machine::new("acme-metal", id, id, "192.0.2.1", Stage::Running, json!({})))
            .into_iter()
            .collect()
    }
}
