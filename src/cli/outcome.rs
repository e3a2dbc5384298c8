//! From the machine's state to the report, and from the report to the exit code.

use super::error::CliError;
use super::process::leads_nowhere;
use super::session::Session;
use crate::config::values::Output;
use crate::model::{ApiError, Event, Exit, Observation, ServerId, Verdict, What};
use crate::providers::Product;
use crate::report::{Glimpse, JsonLines, RunReport, TargetReport, results, write_document};
use crate::run::driver::Ended;
use crate::run::passwords;
use crate::run::target::{Stage, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal};

fn glimpse(seen: Option<&Observation>) -> Option<Glimpse> {
    seen.map(|seen| Glimpse { status: seen.status.clone(), image: seen.image.clone() })
}

/// One server's line of the report. A server that a signal left open is told as what is known of it; its journal
/// keeps it open.
pub(super) fn target_report(target: &Target, product: &dyn Product) -> TargetReport {
    let record = &target.prepared.record;
    let (verdict, error) = match target.verdict {
        Some(verdict) => (verdict, target.error.clone()),
        None => open_end(target),
    };
    let baseline = target.baseline.as_ref().unwrap_or(&record.seen);
    let duration = target.ordered_at.zip(target.finished_at).and_then(|(from, to)| (to - from).to_std().ok());
    TargetReport {
        region: product.region().map(str::to_owned),
        name: record.name.clone(),
        // One that is still on the wire when the program leaves may have been taken.
        orders_sent: target.orders_sent().max(u32::from(matches!(target.stage, Stage::Sending { .. }))),
        proof: target.proof.as_ref().map(|proof| proof.text.clone()),
        ticket: target.ticket.clone(),
        request_ids: target.request_ids.clone(),
        baseline: glimpse(Some(baseline)),
        last: glimpse(target.last.as_ref().or(Some(baseline))),
        ordered_at: target.ordered_at,
        finished_at: target.finished_at,
        duration,
        reads: u64::from(target.reads),
        error: error.filter(|error| {
            !matches!(verdict, Verdict::Succeeded | Verdict::Accepted) || error.kind == passwords::KIND
        }),
        ..TargetReport::new(product.entry().id, record.id.as_str(), verdict)
    }
}

/// What to say of a server when the process leaves before its end.
fn open_end(target: &Target) -> (Verdict, Option<ApiError>) {
    let left = |kind: &str, message: &str| {
        Some(ApiError::local(kind, message.to_owned()).advise("`reinstall resume` goes on with it"))
    };
    match &target.stage {
        _ if target.proof.is_some() => {
            (Verdict::TimedOut, left("interrupted", "in progress at the provider when this program was stopped"))
        }
        Stage::Sending { .. } => {
            (Verdict::Unverified, left("interrupted", "the order was on its way when this program was stopped"))
        }
        _ if target.ordered() => {
            (Verdict::Unverified, left("interrupted", "ordered, and no start was seen before this program was stopped"))
        }
        _ if target.stopped_by_us => {
            (Verdict::NotStarted, left("interrupted", "asked to power off for the reinstall, and not ordered"))
        }
        _ => (Verdict::NotStarted, left("interrupted", "stopped before its order")),
    }
}

/// The servers of a run in the order in which its events name them first, which is that of the plan.
pub(super) fn plan_order(history: &[Event], opening: &[(Option<(String, ServerId)>, What)]) -> Vec<(String, String)> {
    let past = history.iter().filter_map(|event| Some((event.provider.clone()?, event.instance.clone()?)));
    let now = opening.iter().filter_map(|(server, _)| server.clone());
    let mut order: Vec<(String, String)> = Vec::new();
    let mut known = BTreeSet::new();
    for (provider, instance) in past.chain(now) {
        let key = (provider, instance.to_string());
        if known.insert(key.clone()) {
            order.push(key);
        }
    }
    order
}

/// Sorts the report as the plan was: skipped servers stand among the others. Without a plan the order stays.
pub(super) fn in_plan_order(targets: &mut [TargetReport], order: &[(String, String)]) {
    let places: BTreeMap<_, usize> = order.iter().zip(0..).collect();
    let key = |target: &TargetReport| (target.provider.clone(), target.instance.clone());
    targets.sort_by_cached_key(|target| places.get(&key(target)).copied().unwrap_or(usize::MAX));
}

/// The exit code of a run: each verdict's, credentials and reach as the reason why nothing was sent, and how the
/// process itself ended.
pub(super) fn exit_of(targets: &[TargetReport], ended: &Ended) -> Exit {
    let sent = targets.iter().any(|target| target.orders_sent > 0);
    let mut reasons: Vec<Exit> = targets.iter().map(|target| target.verdict.exit()).collect();
    for target in targets {
        if !matches!(target.verdict, Verdict::NotStarted | Verdict::Skipped) {
            continue;
        }
        match target.error.as_ref().map(|error| error.kind.as_str()) {
            Some("credentials" | "clock_skew") => reasons.push(Exit::Credentials),
            Some("unreachable" | "untrusted_certificate") if !sent => reasons.push(Exit::Unreachable),
            _ => {}
        }
    }
    if ended.journal_lost.is_some() || ended.output_lost || ended.password_lost {
        reasons.push(Exit::OutputLost);
    }
    match ended.signal {
        Some("SIGINT") => reasons.push(Exit::Interrupted),
        Some(_) => reasons.push(Exit::Terminated),
        None => {}
    }
    Exit::worst(reasons)
}

/// Writes the report to standard output in the form that was asked for, and returns the exit code. If it is lost, the
/// cause and then the table go to standard error, so that nobody is left without it.
pub(super) fn deliver(session: &Session, report: &RunReport, lines: Option<&mut JsonLines>) -> Exit {
    let written = match session.settings.output.value {
        Output::Json => write_document(&session.out.stdout, report),
        Output::Jsonl => match lines {
            Some(lines) => lines.finish(report),
            None => write_document(&session.out.stdout, report),
        },
        Output::Human => {
            let paint = session.paint(io::stdout().is_terminal());
            session.out.stdout.all(results(report, session.stdout_width(), paint).as_bytes())
        }
    };
    let table = || results(report, session.stderr_width(), session.paint(false));
    match written {
        Ok(()) => {
            if leads_nowhere() && !(session.quiet() && report.exit == Exit::Success) {
                session.warn("standard output leads nowhere; the result stands here");
                let _ = session.out.stderr.all(table().as_bytes());
            }
            report.exit
        }
        Err(why) => {
            let _ = session.out.stderr.line(&CliError::output(why).and("the result stands here").lines());
            let _ = session.out.stderr.all(table().as_bytes());
            Exit::worst([report.exit, Exit::OutputLost])
        }
    }
}
