//! Jobs of ECS: each follows what becomes of its server.

use super::answers::{ecs, good};
use crate::sandbox::machine::Ending;
use crate::sandbox::{Outbound, World};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a job shows that it was taken and has not begun.
const INIT: Duration = Duration::from_millis(100);

/// One job.
pub(super) struct Job {
    pub(super) server: String,
    pub(super) kind: &'static str,
    pub(super) began_at: DateTime<Utc>,
    pub(super) began: Duration,
    pub(super) takes: Duration,
    pub(super) ending: Ending,
}

/// All jobs, by id.
#[derive(Default)]
pub(super) struct Jobs(BTreeMap<String, Job>);

impl Jobs {
    /// Adds a job and answers with its id, as every call does that begins a task.
    pub(super) fn begin(&mut self, job: Job, world: &mut World) -> Outbound {
        let id = world.request_id().replace('-', "");
        self.0.insert(id.clone(), job);
        good(200, &json!({"job_id": id}), world)
    }

    /// The server that a job is about.
    pub(super) fn server(&self, id: &str) -> Vec<String> {
        self.0.get(id).map(|job| vec![job.server.clone()]).unwrap_or_default()
    }

    /// `GET /v1/{project_id}/jobs/{job_id}`.
    pub(super) fn show(&self, id: &str, world: &mut World) -> Outbound {
        match self.0.get(id) {
            Some(job) => good(200, &document(id, job, world.now), world),
            None => ecs(404, "Ecs.0114", "The job does not exist.", world),
        }
    }
}

fn status(job: &Job, now: Duration) -> &'static str {
    let over = now >= job.began + job.takes;
    match job.ending {
        Ending::NeverStarts => "INIT",
        _ if now < job.began + INIT => "INIT",
        Ending::Stuck => "RUNNING",
        Ending::Good | Ending::Off if over => "SUCCESS",
        Ending::Failed | Ending::Vanishes if over => "FAIL",
        _ => "RUNNING",
    }
}

fn document(id: &str, job: &Job, now: Duration) -> Value {
    let status = status(job, now);
    let over = matches!(status, "SUCCESS" | "FAIL");
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let end = chrono::Duration::from_std(job.takes).map(|takes| time(job.began_at + takes)).ok().filter(|_| over);
    let (code, reason) = match status {
        "FAIL" => (Some("Ecs.0202"), Some("Failed to create the system disk.")),
        _ => (None, None),
    };
    let part = json!({
        "status": status,
        "entities": {"server_id": job.server},
        "job_id": format!("{}{}", &id[..id.len().saturating_sub(1)], "f"),
        "job_type": format!("{}Sub", job.kind),
        "begin_time": time(job.began_at),
        "end_time": end,
        "error_code": code,
        "fail_reason": reason,
    });
    json!({
        "status": status,
        "entities": {"server_id": job.server, "sub_jobs_total": 1, "sub_jobs": [part]},
        "job_id": id,
        "job_type": job.kind,
        "begin_time": time(job.began_at),
        "end_time": end,
        "error_code": code.map(|_| "Ecs.0000"),
        "fail_reason": reason.map(|_| "A sub job failed."),
    })
}
