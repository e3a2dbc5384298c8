//! The record of what was asked of each server.

use super::answers::{good, plain};
use crate::providers::openstack::microversion::Microversion;
use crate::sandbox::machine::Ending;
use crate::sandbox::{Outbound, World};
use serde_json::{Value, json};
use std::time::Duration;

/// One request.
pub(super) struct Row {
    pub(super) server: String,
    pub(super) request_id: String,
    pub(super) began: Duration,
    pub(super) takes: Duration,
    pub(super) ending: Ending,
}

/// Every request since the start.
#[derive(Default)]
pub(super) struct Actions(Vec<Row>);

impl Row {
    fn document(&self, version: Option<Microversion>, now: Duration) -> Value {
        let ended = now >= self.began + self.takes;
        let result = match self.ending {
            Ending::Good | Ending::Off if ended => Value::from("Success"),
            Ending::Failed if ended => "Error".into(),
            _ => Value::Null,
        };
        let mut document = json!({
            "action": "rebuild",
            "instance_uuid": self.server,
            "request_id": self.request_id,
            "message": if result == "Error" { "Error".into() } else { Value::Null },
            "start_time": "2026-11-21T09:00:00.000000",
        });
        if version.is_some_and(|version| version >= Microversion(2, 51)) {
            let mut events = vec![json!({"event": "rebuild_server", "result": "Success"})];
            if self.ending != Ending::NeverStarts {
                events.insert(0, json!({"event": "compute_rebuild_instance", "result": result}));
            }
            document["events"] = events.into();
        }
        document
    }
}

impl Actions {
    /// Notes a request that was taken.
    pub(super) fn note(&mut self, row: Row) {
        self.0.push(row);
    }

    /// `GET /servers/{server_id}/os-instance-actions`: the newest first.
    pub(super) fn list(&self, server: &str, world: &mut World) -> Outbound {
        let now = world.now;
        let rows: Vec<Value> =
            self.0.iter().rev().filter(|row| row.server == server).map(|row| row.document(None, now)).collect();
        good(200, &json!({"instanceActions": rows}), world)
    }

    /// `GET /servers/{server_id}/os-instance-actions/{request_id}`.
    pub(super) fn show(&self, server: &str, request: &str, version: Microversion, world: &mut World) -> Outbound {
        let now = world.now;
        match self.0.iter().find(|row| row.server == server && row.request_id == request) {
            Some(row) => good(200, &json!({"instanceAction": row.document(Some(version), now)}), world),
            None => plain(
                404,
                "itemNotFound",
                &format!("Action for request_id {request} on instance {server} not found"),
                world,
            ),
        }
    }
}
