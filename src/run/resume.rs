//! A run out of its journal: what was planned, what was or may have been sent, what has ended.

use super::evidence;
use super::target::{Stage, Target};
use crate::clock::Now;
use crate::flaw::{self, Flaw};
use crate::model::{Event, PlannedTarget, RunHead, ServerId, Verdict, What};
use std::sync::Arc;

/// A run as its journal tells it.
pub struct Past {
    /// Its head.
    pub head: RunHead,
    /// The servers: product and what is known, in the order of the plan.
    pub servers: Vec<PastServer>,
    /// The last event's number.
    pub last_seq: u64,
    /// The first permit number that was not used.
    pub next_permit: u64,
    /// Whether it was confirmed: before that nothing may be sent on its word.
    pub confirmed: bool,
}

/// One server of a past run.
pub struct PastServer {
    /// The product.
    pub provider: String,
    /// As planned; `None` for a server that was skipped while the plan was made.
    pub planned: Option<PlannedTarget>,
    /// Its id.
    pub instance: ServerId,
    /// What is known, with lane and secrets still to be set.
    pub target: Option<Target>,
    /// The verdict of a server that was never planned.
    pub verdict: Option<Verdict>,
}

/// Why a journal is no run that can be taken up.
#[derive(Debug, thiserror::Error)]
pub enum NoPast {
    /// It ends before its head was written.
    #[error("the journal has no head: nothing was sent")]
    NoHead,
    /// The plan in it is not the one that was confirmed.
    #[error("the plan in the journal does not fit its digest")]
    PlanChanged,
}

/// Reads the events of a run. Orders without an outcome count as maybe sent.
pub fn past(events: &[Event], now: Now) -> Result<Past, NoPast> {
    let head = events.iter().find_map(|event| match &event.what {
        What::RunOpened(head) => Some((**head).clone()),
        _ => None,
    });
    let mut past = Past {
        head: head.ok_or(NoPast::NoHead)?,
        servers: Vec::new(),
        last_seq: events.last().map_or(0, |event| event.seq),
        next_permit: 1,
        confirmed: false,
    };
    for event in events {
        match &event.what {
            What::Confirmed { .. } => past.confirmed = true,
            What::OrderIntent { permit, .. } => past.next_permit = past.next_permit.max(permit.saturating_add(1)),
            _ => {}
        }
        let (Some(provider), Some(instance)) = (&event.provider, &event.instance) else { continue };
        let known = past.servers.iter().position(|server| server.provider == *provider && server.instance == *instance);
        let place = known.unwrap_or_else(|| {
            past.servers.push(PastServer {
                provider: provider.clone(),
                planned: None,
                instance: instance.clone(),
                target: None,
                verdict: None,
            });
            past.servers.len() - 1
        });
        take(&mut past.servers[place], event);
    }
    check_digest(&past)?;
    for server in &mut past.servers {
        if let Some(target) = &mut server.target {
            settle(target, now);
        }
    }
    Ok(past)
}

fn check_digest(past: &Past) -> Result<(), NoPast> {
    let targets: Vec<_> = past
        .servers
        .iter()
        .filter_map(|server| {
            let planned = server.planned.as_ref()?;
            Some((server.provider.clone(), planned.endpoint.clone(), planned.prepared.clone()))
        })
        .collect();
    let whole = targets.len() == past.head.total || past.confirmed;
    if whole && super::plan::digest(&past.head.wish, &targets) != past.head.plan_hash {
        return Err(NoPast::PlanChanged);
    }
    Ok(())
}

fn take(server: &mut PastServer, event: &Event) {
    if let What::Planned(planned) = &event.what {
        server.target = Some(Target::planned(0, Arc::new(planned.prepared.clone()), 0));
        server.planned = Some((**planned).clone());
        return;
    }
    let Some(target) = &mut server.target else {
        if let What::Verdict { verdict, .. } = &event.what {
            server.verdict = Some(*verdict);
        }
        return;
    };
    match &event.what {
        What::Baseline { seen } => {
            target.baseline = Some(seen.clone());
            target.baseline_twice = true;
        }
        What::PowerOff { .. } => target.stopped_by_us = true,
        What::OrderIntent { permit, attempt, token } => {
            target.permits = *attempt;
            target.token.clone_from(token);
            target.stage = Stage::Sending { permit: *permit };
            target.ordered_at.get_or_insert(event.at);
        }
        What::OrderAccepted { ticket, request_id, .. } => {
            target.accepted = true;
            target.ticket.clone_from(ticket);
            target.request_ids.extend(request_id.clone());
            target.stage = Stage::Watching;
        }
        What::OrderMaybeSent { error, .. } => {
            target.maybe = true;
            target.error = Some(error.clone());
            target.stage = Stage::Watching;
        }
        What::OrderUnsent { .. } => {
            target.stage = if target.ordered() { Stage::Watching } else { Stage::Queued };
            if !target.ordered() {
                target.ordered_at = None;
            }
        }
        What::OrderRejected { .. } if target.ordered() => target.stage = Stage::Watching,
        What::Status { seen } => target.last = Some(seen.clone()),
        What::Started { proof } => {
            target.proof = Some(evidence::remembered(proof, target.stopped_by_us, target.last.as_ref()));
        }
        What::PowerOn {} => target.stage = Stage::Watching,
        What::Verdict { verdict, error } => {
            // An intent whose outcome no process saw stays an order that may have been taken, also behind a verdict.
            let unseen = matches!(target.stage, Stage::Sending { .. });
            let open = !matches!(verdict, Verdict::Rejected | Verdict::NotStarted | Verdict::Skipped);
            target.maybe |= unseen && open;
            target.verdict = Some(*verdict);
            target.error.clone_from(error);
            target.finished_at = Some(event.at);
            target.stage = Stage::Done;
        }
        _ => {}
    }
}

/// What an interrupted stage means now.
fn settle(target: &mut Target, now: Now) {
    match (&target.stage, target.verdict) {
        // On its way when the process ended: it may have arrived.
        (Stage::Sending { .. }, _) if flaw::is(Flaw::ForgetIntent) => target.stage = Stage::Queued,
        (Stage::Sending { .. }, _) => {
            target.maybe = true;
            target.stage = Stage::Watching;
        }
        // These two say that the end was not seen: watching may go on, with a fresh deadline.
        (Stage::Done, Some(Verdict::TimedOut | Verdict::Unverified)) => {
            target.verdict = None;
            target.finished_at = None;
            target.ordered_at = Some(now.wall);
            target.stage = Stage::Watching;
        }
        // The run ended before its turn: it may have its turn now.
        (Stage::Done, Some(Verdict::NotStarted)) => {
            target.verdict = None;
            target.error = None;
            target.finished_at = None;
            target.permits = 0;
            target.stage = Stage::Queued;
        }
        _ => {}
    }
    if target.stage == Stage::Watching {
        // A repeat needs the very bytes of the first try, and no journal has its password: it is only watched.
        target.token = None;
        target.ordered_steady = Some(now.steady);
        target.next_look = now.steady;
        target.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Observation, Phase, PowerPlan, Prepared, Record, RunId, ServerId};
    use std::collections::BTreeMap;

    fn server() -> PastServer {
        let id = ServerId::new("i-1").unwrap();
        let prepared = Prepared {
            record: Record {
                id: id.clone(),
                name: None,
                addresses: Vec::new(),
                zone: None,
                model: None,
                image_name: None,
                seen: Observation::of("STOPPED", Phase::Stopped),
                attributes: BTreeMap::new(),
            },
            image: None,
            power: PowerPlan::Nothing,
            body: serde_json::Value::Null,
            lines: Vec::new(),
            must_change: BTreeMap::new(),
            ends: Phase::Running,
        };
        PastServer {
            provider: "p".to_owned(),
            planned: None,
            instance: id,
            target: Some(Target::planned(0, Arc::new(prepared), 0)),
            verdict: None,
        }
    }

    fn event(what: What) -> Event {
        Event {
            seq: 1,
            at: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            run: RunId::fresh(),
            provider: None,
            instance: None,
            what,
        }
    }

    #[test]
    fn an_order_that_may_have_been_taken_is_never_repeated_after_a_resume() {
        let now = Now {
            wall: chrono::DateTime::from_timestamp(1_800_000_060, 0).unwrap(),
            boot: std::time::Duration::from_secs(100),
            steady: std::time::Duration::from_secs(100),
        };
        let mut server = server();
        take(&mut server, &event(What::OrderIntent { permit: 1, attempt: 1, token: Some("t".to_owned()) }));
        let mut target = server.target.unwrap();
        settle(&mut target, now);
        assert!(target.maybe, "an intent without an outcome may have been sent");
        assert_eq!(target.stage, Stage::Watching);
        assert_eq!(target.token, None, "without its token there is no door for a repeat");
    }

    #[test]
    fn an_order_that_may_have_been_taken_still_counts_after_a_second_resume() {
        let mut server = server();
        take(&mut server, &event(What::OrderIntent { permit: 1, attempt: 1, token: None }));
        take(&mut server, &event(What::Verdict { verdict: Verdict::Unverified, error: None }));
        assert_eq!(server.target.unwrap().orders_sent(), 1);
    }

    #[test]
    fn an_inferred_proof_is_not_worth_more_after_a_resume() {
        let mut server = server();
        let mut needed = |whats: Vec<What>| {
            whats.into_iter().for_each(|what| take(&mut server, &event(what)));
            server.target.as_ref().unwrap().proof.as_ref().unwrap().reads
        };
        let look = |status: &str, phase| What::Status { seen: Observation::of(status, phase) };
        let started = |proof: &str| What::Started { proof: proof.to_owned() };
        let named = needed(vec![look("INSTALLING", Phase::Installing), started("status:INSTALLING")]);
        assert_eq!(named, 2);
        assert!(needed(vec![started("changed:image")]) > named);
        let mode = crate::model::PowerOff::Soft;
        let left = needed(vec![What::PowerOff { mode }, look("RUNNING", Phase::Running), started("status:RUNNING")]);
        assert!(left > named);
    }
}
