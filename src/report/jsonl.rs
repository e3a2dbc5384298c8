//! One event a line, `reinstall.event/1`, and the report as the last line.

use super::words::{milliseconds, rfc3339};
use super::{Reporter, RunReport, Sink, write_line};
use crate::model::{Event, Observation, PlannedTarget, RunHead, What};
use serde_json::{Map, Value, json};
use std::io;
use std::time::Duration;

/// The lines' name and major version. Within it, fields are only added.
pub const SCHEMA: &str = "reinstall.event/1";

/// Writes events as JSON lines.
pub struct JsonLines {
    sink: Sink,
}

impl JsonLines {
    /// Writes to this stream.
    pub fn new(sink: Sink) -> Self {
        Self { sink }
    }

    /// Writes the last line.
    pub fn finish(&mut self, report: &RunReport) -> io::Result<()> {
        write_line(&self.sink, report)
    }
}

impl Reporter for JsonLines {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        write_line(&self.sink, &line(event))
    }
}

/// The line of one event: its fields beside the common ones, `null` where there is no value.
pub(super) fn line(event: &Event) -> Value {
    let mut line = Map::new();
    line.insert("schema".to_owned(), json!(SCHEMA));
    line.insert("seq".to_owned(), json!(event.seq));
    line.insert("at".to_owned(), json!(rfc3339(event.at)));
    line.insert("run".to_owned(), json!(event.run));
    line.insert("provider".to_owned(), json!(event.provider));
    line.insert("instance".to_owned(), json!(event.instance));
    line.insert("event".to_owned(), json!(event.what.word()));
    let fields = match &event.what {
        What::RunOpened(head) => opened(head),
        What::Planned(target) => planned(target),
        What::Baseline { seen } | What::Status { seen } => look(seen),
        // Their fields are plain: no times, no lengths, absent values written as null.
        plain => serde_json::to_value(plain).unwrap_or_default(),
    };
    if let Value::Object(mut fields) = fields {
        fields.remove("event");
        line.extend(fields);
    }
    Value::Object(line)
}

fn opened(head: &RunHead) -> Value {
    let ms = |time: Duration| milliseconds(time);
    json!({
        "program": head.program,
        "wish": head.wish,
        "reason": head.reason,
        "plan_hash": head.plan_hash,
        "total": head.total,
        "timeout_ms": head.timeout.map(ms),
        "start_window_ms": ms(head.start_window),
        "poll_interval_ms": head.poll_interval.map(ms),
        "concurrency": head.concurrency,
        "max_failures": head.max_failures,
        "no_wait": head.no_wait,
        "place": head.place.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>(),
        "sandbox": head.sandbox,
    })
}

fn planned(target: &PlannedTarget) -> Value {
    let prepared = &target.prepared;
    let record = &prepared.record;
    let image = prepared.image.as_ref().map(|(id, name)| json!({"id": id, "name": name}));
    let plan: Vec<_> = prepared.lines.iter().map(|(what, value)| json!({"what": what, "value": value})).collect();
    json!({
        "region": target.region,
        "endpoint": target.endpoint,
        "name": record.name,
        "addresses": record.addresses,
        "status": record.seen.status,
        "image": record.seen.image,
        "image_name": record.image_name,
        "install": image,
        "power": prepared.power,
        "plan": plan,
    })
}

fn look(seen: &Observation) -> Value {
    json!({
        "status": seen.status,
        "phase": seen.phase,
        "operation": seen.operation.as_ref().map(|operation| &operation.word),
        "handle": seen.handle,
        "image": seen.image,
        "marks": seen.marks,
        "error": seen.error,
    })
}
