//! `runs`: what the journals on this machine tell.

use super::args::RunsCommand;
use super::error::CliError;
use super::session::Session;
use crate::config::values::Output;
use crate::journal::RunSummary;
use crate::model::{Exit, RunId, Verdict};
use crate::report::{self, RunRow, StoryView, words, write_document, write_line};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::io::IsTerminal;

/// Lists, shows or prunes.
pub(super) fn run(session: &Session, what: Option<&RunsCommand>) -> Result<Exit, CliError> {
    match what {
        None | Some(RunsCommand::List) => list(session),
        Some(RunsCommand::Show { run }) => show(session, run),
        Some(RunsCommand::Prune { keep }) => prune(session, *keep),
    }
}

/// The run that a user names.
pub(super) fn named(session: &Session, text: &str) -> Result<RunId, CliError> {
    let prefix =
        RunId::parse(text).ok_or_else(|| CliError::usage(format!("`{text}` is no run id"), "see `reinstall runs`"))?;
    Ok(session.store()?.resolve(&prefix)?)
}

fn lost(cause: std::io::Error) -> CliError {
    CliError::output(cause)
}

fn state(summary: &RunSummary) -> &'static str {
    match (&summary.damage, summary.exit_code, summary.alive) {
        (Some(_), ..) => "damaged",
        (_, Some(_), _) => "ended",
        (_, None, true) => "running",
        (_, None, false) => "unfinished",
    }
}

fn list(session: &Session) -> Result<Exit, CliError> {
    let summaries = session.store()?.summaries()?;
    if session.human() {
        let rows: Vec<RunRow> = summaries.iter().map(row).collect();
        let paint = session.paint(std::io::stdout().is_terminal());
        session.out.stdout.all(report::runs(&rows, session.stdout_width(), paint).as_bytes()).map_err(lost)?;
    } else {
        let runs: Vec<Value> = summaries.iter().map(document).collect();
        write_document(&session.out.stdout, &json!({ "schema": "reinstall.runs/1", "runs": runs })).map_err(lost)?;
    }
    Ok(Exit::Success)
}

fn row(summary: &RunSummary) -> RunRow {
    let outcome: Vec<String> = Verdict::ALL
        .iter()
        .filter(|&&verdict| summary.counts.get(verdict) > 0)
        .map(|&verdict| format!("{} {}", summary.counts.get(verdict), verdict.word().replace('_', " ")))
        .collect();
    let mut state = state(summary).to_owned();
    if summary.sandbox {
        state.push_str(" (sandbox)");
    }
    RunRow {
        run: summary.run.to_string(),
        started_at: summary.started_at.unwrap_or_default(),
        state,
        servers: summary.total,
        outcome: outcome.join(", "),
        reason: summary.reason.clone(),
    }
}

fn document(summary: &RunSummary) -> Value {
    json!({
        "run": summary.run, "started_at": summary.started_at.map(words::rfc3339), "state": state(summary),
        "exit_code": summary.exit_code, "counts": summary.counts, "total": summary.total,
        "reason": summary.reason, "sandbox": summary.sandbox,
        "damage": summary.damage.as_ref().map(ToString::to_string),
    })
}

fn show(session: &Session, run: &str) -> Result<Exit, CliError> {
    let run = named(session, run)?;
    let store = session.store()?;
    let story = store.read(&run)?;
    let summary = RunSummary::of(run.clone(), &story, store.alive(&run));
    let damages: Vec<String> = story.damages.iter().map(ToString::to_string).collect();
    let next = next(&summary);
    if story.torn {
        session.warn("the last record was cut while it was written; what it announced had not begun");
    }
    match session.settings.output.value {
        Output::Human => {
            let sandbox = if summary.sandbox { " (sandbox)" } else { "" };
            let exit = summary.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
            let view = StoryView {
                run: run.as_str(),
                state: format!("{}{sandbox}{exit}", state(&summary)),
                events: &story.events,
                salvaged: &story.salvaged,
                damages,
                next,
            };
            let paint = session.paint(std::io::stdout().is_terminal());
            session.out.stdout.all(report::story(&view, paint).as_bytes()).map_err(lost)?;
        }
        Output::Json => {
            let mut whole = document(&summary);
            whole["schema"] = "reinstall.run/1".into();
            whole["damages"] = json!(damages);
            whole["torn"] = story.torn.into();
            whole["next"] = json!(next);
            whole["events"] = json!(story.events);
            whole["salvaged"] = json!(story.salvaged);
            write_document(&session.out.stdout, &whole).map_err(lost)?;
        }
        Output::Jsonl => {
            for event in &story.events {
                write_line(&session.out.stdout, event).map_err(lost)?;
            }
        }
    }
    match story.damage {
        Some(damage) => Err(CliError::new(
            Exit::JournalDamaged,
            format!("the journal of run {run} is damaged: {damage}; shown is what can be read"),
            "look at the servers with `reinstall wait`",
        )),
        None => Ok(Exit::Success),
    }
}

/// How to go on with a run.
fn next(summary: &RunSummary) -> Vec<String> {
    let run = &summary.run;
    let has = |verdict| summary.counts.get(verdict) > 0;
    match state(summary) {
        "damaged" => vec!["reinstall wait: watches its servers; nothing is ordered on this journal's word".to_owned()],
        "running" => vec!["a process works on it".to_owned()],
        _ if summary.sandbox => Vec::new(),
        "unfinished" => vec![format!("reinstall resume {run}")],
        _ if has(Verdict::TimedOut) || has(Verdict::Unverified) => {
            vec![format!("reinstall resume {run}: watches the servers whose end nobody saw")]
        }
        _ => Vec::new(),
    }
}

fn prune(session: &Session, keep: u32) -> Result<Exit, CliError> {
    let before = session.clock.now().wall - TimeDelta::days(i64::from(keep));
    let removed = session.store()?.prune(before)?;
    if session.human() {
        let line = format!("removed {}", words::count(removed.len(), "journal"));
        session.out.stdout.line(&line).map_err(lost)?;
    } else {
        write_document(&session.out.stdout, &json!({ "schema": "reinstall.pruned/1", "removed": removed }))
            .map_err(lost)?;
    }
    Ok(Exit::Success)
}
