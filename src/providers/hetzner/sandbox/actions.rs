//! Actions: each follows what becomes of its server.

use super::answers::No;
use crate::sandbox::machine::{Ending, Fate, POWER_CHANGE};
use crate::sandbox::{Inbound, World};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Numbers of actions begin here.
const FIRST: u64 = 1_100_000_000;

struct Action {
    server: String,
    command: &'static str,
    began_at: DateTime<Utc>,
    began: Duration,
    takes: Duration,
    ending: Ending,
}

/// All actions, by number.
#[derive(Default)]
pub(super) struct Actions(BTreeMap<u64, Action>);

/// Ids that `GET /actions` asks for.
pub(super) fn asked(request: &Inbound) -> Vec<String> {
    request.parameters().into_iter().filter(|(name, _)| name == "id").map(|(_, id)| id).collect()
}

fn document(id: u64, server: &str, command: &str, status: &str, error: &Value) -> Value {
    let resources = json!([{ "id": server.parse::<u64>().unwrap_or_default(), "type": "server" }]);
    json!({
        "id": id, "command": command, "status": status, "progress": if status == "success" { 100 } else { 0 },
        "started": "2026-11-21T09:00:00+00:00", "finished": null, "resources": resources, "error": error,
    })
}

/// An action that failed as soon as it began.
pub(super) fn refused(number: u64, server: &str, command: &str) -> Value {
    let error = json!({ "code": "action_failed", "message": "Action failed" });
    document(FIRST + number, server, command, "error", &error)
}

impl Actions {
    /// Begins a rebuild and answers with its action.
    pub(super) fn rebuild(&mut self, server: &str, at: DateTime<Utc>, fate: &Fate, world: &mut World) -> Value {
        let action = Action {
            server: server.to_owned(),
            command: "rebuild_server",
            began_at: at,
            began: world.now,
            takes: fate.duration,
            ending: fate.ending,
        };
        self.begin(action, world)
    }

    /// Begins something short that ends well.
    pub(super) fn passing(
        &mut self,
        server: &str,
        command: &'static str,
        at: DateTime<Utc>,
        world: &mut World,
    ) -> Value {
        let (server, began) = (server.to_owned(), world.now);
        let action = Action { server, command, began_at: at, began, takes: POWER_CHANGE, ending: Ending::Good };
        self.begin(action, world)
    }

    fn begin(&mut self, action: Action, world: &mut World) -> Value {
        let id = FIRST + world.next_number();
        let shown = show(id, &action, world.now);
        self.0.insert(id, action);
        shown
    }

    /// The servers that these actions are about.
    pub(super) fn servers(&self, ids: &[String]) -> Vec<String> {
        let known = ids.iter().filter_map(|id| self.0.get(&id.parse().ok()?));
        known.map(|action| action.server.clone()).collect()
    }

    /// One action.
    pub(super) fn show(&self, id: &str, now: Duration) -> Option<Value> {
        let id: u64 = id.parse().ok()?;
        Some(show(id, self.0.get(&id)?, now))
    }

    /// The actions of a server, filtered by `status`, in the order of `sort`.
    pub(super) fn of(&self, server: &str, parameters: &[(String, String)], now: Duration) -> Result<Vec<Value>, No> {
        let given = |wanted: &str| -> Vec<&str> {
            parameters.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
        };
        let wanted = given("status");
        let mut rows: Vec<Value> = self
            .0
            .iter()
            .filter(|(_, action)| action.server == server)
            .map(|(id, action)| show(*id, action, now))
            .filter(|row| wanted.is_empty() || row["status"].as_str().is_some_and(|status| wanted.contains(&status)))
            .collect();
        match given("sort").as_slice() {
            [] | ["id" | "id:asc"] => {}
            ["id:desc"] => rows.reverse(),
            _ => return Err(No::new(422, "invalid_input", "invalid input in field 'sort'")),
        }
        Ok(rows)
    }
}

fn show(id: u64, action: &Action, now: Duration) -> Value {
    let over = now >= action.began + action.takes;
    let status = match action.ending {
        Ending::Good | Ending::Off if over => "success",
        Ending::Failed | Ending::Vanishes if over => "error",
        _ => "running",
    };
    let error = match status {
        "error" => json!({ "code": "action_failed", "message": "Action failed" }),
        _ => Value::Null,
    };
    let mut shown = document(id, &action.server, action.command, status, &error);
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    shown["started"] = time(action.began_at).into();
    if status == "running" {
        let passed = now.saturating_sub(action.began).as_millis() * 100;
        let percent = passed.checked_div(action.takes.as_millis()).unwrap_or_default();
        shown["progress"] = u64::try_from(percent).unwrap_or_default().min(99).into();
    } else if let Ok(takes) = chrono::Duration::from_std(action.takes) {
        shown["finished"] = time(action.began_at + takes).into();
    }
    shown
}
