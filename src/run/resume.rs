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
    /// Whether the journal has a verdict of it, beside what the events say.
    told: bool,
    /// Its last order: number of the permit, and the place of its intent among the events.
    pub last_intent: Option<(u64, usize)>,
    /// Orders that were or may have been carried out before the operator allowed one more.
    pub orders_before: u32,
    /// How it stood when the operator allowed one more order, as long as that order has not left.
    before_resend: Option<Box<Target>>,
}

impl PastServer {
    /// Begins anew, as planned: the operator allows one more order.
    pub fn resend(&mut self) {
        let Some(target) = &mut self.target else { return };
        // A resumed run has done this already; where the journal alone speaks, an order on its way was left so.
        unanswered(target);
        let mut again = Target::planned(target.lane, target.prepared.clone(), target.secrets);
        // What an earlier order put on the record is still there.
        again.touched = target.touched;
        let before = std::mem::replace(target, again);
        // An allowance that was not used is replaced by this one.
        if self.before_resend.is_none() {
            self.orders_before += before.orders_sent();
            self.before_resend = Some(Box::new(before));
        }
    }

    /// Whether it counts against `--max-failures`: it has failed, or an order may have been taken and shows no start.
    pub fn in_doubt(&self) -> bool {
        let Some(target) = &self.target else { return false };
        match target.verdict {
            Some(verdict) => verdict.counts_as_failure(),
            None => target.ordered() && target.proof.is_none(),
        }
    }

    /// The verdict that the journal does not have yet: of a crash between what decided it and its record.
    pub fn untold(&self) -> Option<What> {
        let target = self.target.as_ref().filter(|_| !self.told)?;
        Some(What::Verdict { verdict: target.verdict?, error: target.error.clone() })
    }

    /// What an interrupted stage means now.
    fn settle(&mut self, now: Now) {
        let Some(target) = &mut self.target else { return };
        unanswered(target);
        // The allowance for one more order belongs to the process that was given it.
        if let Some(before) = self.before_resend.take_if(|_| !target.ordered()) {
            self.orders_before -= before.orders_sent();
            *target = *before;
        }
        self.before_resend = None;
        settle(target, now);
    }
}

/// Why a journal is no run that can be taken up.
#[derive(Debug, thiserror::Error)]
pub enum NoPast {
    /// It ends before its head was written.
    #[error("the journal has no head: nothing was sent")]
    NoHead,
    /// The plan in it is not the one that was confirmed, or holds more than this version knows.
    #[error("the plan in the journal, written by version {program}, does not fit its digest")]
    PlanChanged {
        /// Version of the program that wrote it.
        program: String,
    },
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
    for (index, event) in events.iter().enumerate() {
        match &event.what {
            What::Confirmed { .. } => past.confirmed = true,
            What::OrderIntent { permit, .. } => past.next_permit = past.next_permit.max(permit.saturating_add(1)),
            // Whatever was on its way then has no answer in any later process.
            What::Resumed { .. } => {
                past.servers.iter_mut().filter_map(|server| server.target.as_mut()).for_each(unanswered);
            }
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
                told: false,
                last_intent: None,
                orders_before: 0,
                before_resend: None,
            });
            past.servers.len() - 1
        });
        take(&mut past.servers[place], event, index);
    }
    check_digest(&past)?;
    past.servers.iter_mut().for_each(|server| server.settle(now));
    Ok(past)
}

fn check_digest(past: &Past) -> Result<(), NoPast> {
    let head = &past.head;
    let targets: Vec<_> =
        past.servers.iter().filter_map(|server| Some((server.provider.as_str(), server.planned.as_ref()?))).collect();
    let whole = targets.len() == head.total || past.confirmed;
    let fits = || {
        let hashes = [super::plan::digest(head, &targets), super::plan::older_digest(&head.wish, &targets)];
        hashes.contains(&head.plan_hash)
    };
    if whole && !fits() {
        return Err(NoPast::PlanChanged { program: head.program.clone() });
    }
    Ok(())
}

/// An order that was on its way when its process ended may have arrived.
fn unanswered(target: &mut Target) {
    if let Stage::Sending { .. } = target.stage {
        if flaw::is(Flaw::ForgetIntent) {
            target.stage = Stage::Queued;
            return;
        }
        target.maybe = true;
        target.stage = Stage::Watching;
    }
}

fn take(server: &mut PastServer, event: &Event, index: usize) {
    if let What::Resend { .. } = &event.what {
        return server.resend();
    }
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
        // Without an answer it may have been carried out.
        What::Arranging { .. } => target.touched = true,
        What::Arranged {} => target.record_says_new(),
        What::OrderIntent { permit, attempt, token } => {
            target.permits = *attempt;
            target.token.clone_from(token);
            target.stage = Stage::Sending { permit: *permit };
            server.last_intent = Some((*permit, index));
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
        What::OrderRejected { error, .. } => {
            target.verdict = Some(Verdict::Rejected);
            target.error = Some(error.clone());
            target.finished_at = Some(event.at);
            target.stage = Stage::Done;
        }
        What::Status { seen } => target.last = Some(seen.clone()),
        What::Started { proof } => {
            target.proof = Some(evidence::remembered(proof, target.stopped_by_us, target.last.as_ref()));
        }
        What::PowerOn {} => target.stage = Stage::Watching,
        What::Verdict { verdict, error } => {
            // An intent whose outcome no process saw stays an order that may have been taken, also behind a verdict.
            if !matches!(verdict, Verdict::Rejected | Verdict::NotStarted | Verdict::Skipped) {
                unanswered(target);
            }
            server.told = true;
            target.verdict = Some(*verdict);
            target.error.clone_from(error);
            target.finished_at = Some(event.at);
            target.stage = Stage::Done;
        }
        _ => {}
    }
}

/// What an interrupted stage means now, once no order is on its way.
fn settle(target: &mut Target, now: Now) {
    match (&target.stage, target.verdict) {
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
            told: false,
            last_intent: None,
            orders_before: 0,
            before_resend: None,
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

    fn now() -> Now {
        Now {
            wall: chrono::DateTime::from_timestamp(1_800_000_060, 0).unwrap(),
            boot: std::time::Duration::from_secs(100),
            steady: std::time::Duration::from_secs(100),
        }
    }

    fn told(whats: Vec<What>) -> PastServer {
        let mut server = server();
        whats.into_iter().enumerate().for_each(|(index, what)| take(&mut server, &event(what), index));
        server.settle(now());
        server
    }

    fn intent(permit: u64) -> What {
        What::OrderIntent { permit, attempt: 1, token: Some("t".to_owned()) }
    }

    fn maybe(permit: u64) -> What {
        What::OrderMaybeSent { permit, error: crate::model::ApiError::local("reset", "cut off".to_owned()) }
    }

    fn verdict(verdict: Verdict) -> What {
        What::Verdict { verdict, error: None }
    }

    fn resend() -> What {
        What::Resend { permit: 1, by: "u".to_owned(), reason: "r".to_owned() }
    }

    #[test]
    fn an_order_that_may_have_been_taken_is_never_repeated_after_a_resume() {
        let target = told(vec![intent(1)]).target.unwrap();
        assert!(target.maybe, "an intent without an outcome may have been sent");
        assert_eq!(target.stage, Stage::Watching);
        assert_eq!(target.token, None, "without its token there is no door for a repeat");
    }

    #[test]
    fn a_call_before_the_order_is_no_order() {
        let server = told(vec![What::Arranging { attempt: 1 }]);
        let target = server.target.unwrap();
        assert_eq!((target.stage.clone(), target.orders_sent(), target.touched), (Stage::Queued, 0, true));
        let server = told(vec![What::Arranging { attempt: 1 }, What::Arranged {}, intent(1)]);
        assert_eq!(server.target.unwrap().stage, Stage::Watching, "behind a permit nothing is sent again");
        let server = told(vec![What::Arranging { attempt: 1 }, What::Arranged {}, intent(1), resend()]);
        assert!(server.target.unwrap().touched, "what is on the record stays there");
    }

    #[test]
    fn an_order_without_an_answer_counts_in_every_later_process() {
        // Killed, taken up again, given up as unverified, and taken up once more.
        let server = told(vec![intent(1), verdict(Verdict::Unverified)]);
        let target = server.target.unwrap();
        assert_eq!((target.stage.clone(), target.orders_sent()), (Stage::Watching, 1));
        assert_eq!(server.last_intent, Some((1, 0)));
    }

    #[test]
    fn an_order_that_was_refused_is_no_order_in_doubt_after_a_crash() {
        let error = crate::model::ApiError::local("refused", "no".to_owned());
        let server = told(vec![intent(1), What::OrderRejected { permit: 1, error }]);
        let target = server.target.unwrap();
        assert_eq!((target.verdict, target.orders_sent(), server.told), (Some(Verdict::Rejected), 0, false));
    }

    #[test]
    fn an_allowed_order_counts_beside_the_first_one() {
        let server = told(vec![intent(1), maybe(1), verdict(Verdict::Unverified), resend(), intent(2), maybe(2)]);
        let target = server.target.unwrap();
        assert_eq!((server.orders_before, target.orders_sent(), target.stage.clone()), (1, 1, Stage::Watching));
    }

    #[test]
    fn an_allowance_that_was_not_used_is_void_for_the_next_process() {
        let first = [intent(1), maybe(1), verdict(Verdict::Unverified), resend()];
        let error = crate::model::ApiError::local("refused", "no".to_owned());
        let unused: [Vec<What>; 5] = [
            vec![],
            vec![verdict(Verdict::Skipped)],
            vec![intent(2), What::OrderUnsent { permit: 2, error: error.clone() }],
            vec![intent(2), What::OrderRejected { permit: 2, error }, verdict(Verdict::Rejected)],
            vec![resend()],
        ];
        for more in unused {
            let server = told(first.iter().cloned().chain(more.clone()).collect());
            let target = server.target.unwrap();
            assert_eq!(target.stage, Stage::Watching, "{more:?}: the first order is watched, nothing is sent");
            assert_eq!((server.orders_before, target.orders_sent()), (0, 1), "{more:?}");
        }
    }

    #[test]
    fn failures_and_orders_without_a_start_are_in_doubt_and_nothing_else_is() {
        let started = || What::Started { proof: "status:INSTALLING".to_owned() };
        assert!(!told(vec![]).in_doubt(), "it was never ordered");
        assert!(told(vec![intent(1)]).in_doubt());
        assert!(!told(vec![intent(1), maybe(1), started()]).in_doubt());
        assert!(told(vec![intent(1), verdict(Verdict::Failed)]).in_doubt());
        assert!(!told(vec![intent(1), verdict(Verdict::Succeeded)]).in_doubt());
        assert!(!PastServer { target: None, ..server() }.in_doubt(), "it was skipped while the plan was made");
    }

    #[test]
    fn an_inferred_proof_is_not_worth_more_after_a_resume() {
        let mut server = server();
        let mut needed = |whats: Vec<What>| {
            whats.into_iter().for_each(|what| take(&mut server, &event(what), 0));
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
