//! `wait`: watches servers that are being reinstalled already, whoever ordered it. It orders nothing.

use super::error::CliError;
use super::execute::{Job, execute, policy};
use super::list::lines;
use super::session::{Line, Session};
use super::signals::Signals;
use crate::config::selection;
use crate::journal::Store;
use crate::model::{Event, Exit, OrderSecrets, Phase, PowerPlan, Prepared, Record, RunId, Wish};
use crate::run::plan;
use crate::run::resume::past;
use crate::run::target::{Stage, Target};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Watches.
pub(super) async fn run(session: &Session, provider: Option<&str>, instances: &[String]) -> Result<Exit, CliError> {
    let started_at = session.clock.now().wall;
    let lines = lines(session, provider)?;
    let refs = selection::instances(instances, std::io::stdin())?;
    let clients: Vec<_> = lines.iter().map(|line| &line.client).collect();
    let chosen = plan::select(&clients, &refs).await?;
    // A journal is a help here, not a need.
    let store = session.store().ok();
    let targets: Vec<Target> =
        chosen.into_iter().map(|(lane, record)| watched(session, store.as_ref(), &lines[lane], lane, record)).collect();
    let job = Job {
        run: RunId::fresh(),
        journal: None,
        last_seq: 0,
        opening: Vec::new(),
        policy: policy(session, targets.len(), true),
        targets,
        secrets: vec![OrderSecrets::default()],
        aside: Vec::new(),
        claims: None,
        next_permit: 1,
        started_at,
        timeout: session.settings.timeout.value,
        reason: session.settings.reason.value.clone(),
        lanes: lines.into_iter().map(|line| (line, Wish::default())).collect(),
        history: Vec::new(),
        orders_before: BTreeMap::new(),
    };
    let signals = Signals::of_run(session, None);
    execute(session, job, &signals).await
}

/// A server to watch: with baseline and job if a journal of this machine has its order, with nothing otherwise.
fn watched(session: &Session, store: Option<&Store>, line: &Line, lane: usize, record: Record) -> Target {
    let now = session.clock.now();
    let mut target = store.and_then(|store| known(session, store, line, &record)).unwrap_or_else(|| {
        let prepared = Prepared {
            record,
            image: None,
            power: PowerPlan::Nothing,
            body: serde_json::Value::Null,
            lines: Vec::new(),
            must_change: BTreeMap::new(),
            ends: Phase::Running,
        };
        Target::planned(lane, Arc::new(prepared), 0)
    });
    target.lane = lane;
    target.secrets = 0;
    target.stage = Stage::Watching;
    target.ordered_at = Some(now.wall);
    target.ordered_steady = Some(now.steady);
    target.next_look = now.steady;
    target
}

/// The newest order for this server in the journals, if its end was not seen.
fn known(session: &Session, store: &Store, line: &Line, record: &Record) -> Option<Target> {
    let mut runs = store.runs().ok()?;
    runs.reverse();
    for run in runs {
        let Ok(story) = store.read(&run) else { continue };
        if story.damage.is_some() {
            // Its order for this server may be what was lost: then an older baseline would prove the wrong thing.
            let names = |event: &Event| event.instance.as_ref() == Some(&record.id);
            match story.events.iter().chain(&story.salvaged).any(names) {
                true => return None,
                false => continue,
            }
        }
        let Ok(past) = past(&story.events, session.clock.now()) else { continue };
        let found = past.servers.into_iter().find(|server| {
            let endpoint = server.planned.as_ref().map(|planned| planned.endpoint.as_str());
            server.provider == line.entry.id
                && server.instance == record.id
                && endpoint == Some(line.product.endpoint().as_str())
        });
        let Some(target) = found.and_then(|server| server.target).filter(Target::ordered) else { continue };
        let open = match target.verdict {
            None => true,
            Some(verdict) => verdict == crate::model::Verdict::Accepted,
        };
        return open.then(|| Target { verdict: None, error: None, finished_at: None, ..target });
    }
    None
}
