//! `resume`: goes on with an interrupted run, from its journal alone.

use super::args::{Cli, SecretArgs};
use super::error::CliError;
use super::execute::{Job, execute, policy};
use super::login;
use super::outcome::target_report;
use super::runs;
use super::session::{Line, Session};
use crate::config::ask_password;
use crate::journal::{Claim, ClaimError, Journal, Store};
use crate::model::{ApiError, Event, Exit, Expectation, RunHead, RunId, Verdict, What};
use crate::providers::entries;
use crate::report::{Out, TargetReport};
use crate::run::plan;
use crate::run::recorder::{Listener, Recorder};
use crate::run::resume::{NoPast, Past, past};
use crate::run::target::Stage;

/// The settings of the run to go on with: what is not typed is taken from its head; what is typed must be the same.
pub(super) fn session(
    cli: &mut Cli,
    session: Session,
    run: Option<&str>,
    out: &Out,
) -> Result<(Session, RunId), CliError> {
    let run = match run {
        Some(text) => runs::named(&session, text)?,
        None => only_unfinished(&session.store()?)?,
    };
    let story = session.store()?.read(&run)?;
    let head = story.events.iter().find_map(|event| match &event.what {
        What::RunOpened(head) => Some((**head).clone()),
        _ => None,
    });
    let Some(head) = head else { return Ok((session, run)) };
    if head.sandbox {
        let message = format!("run {run} talked to the sandbox inside its own process, which is gone");
        return Err(CliError::usage(message, "use `reinstall sandbox` and `--endpoint` to try interruptions"));
    }
    for (key, value) in &head.place {
        let typed = match key.as_str() {
            "profile" => &mut cli.shared.profile,
            "region" => &mut cli.shared.region,
            "project" => &mut cli.shared.project,
            "endpoint" => &mut cli.shared.endpoint,
            _ => continue,
        };
        match typed {
            Some(typed) if typed.trim_end_matches('/') != value.trim_end_matches('/') => {
                let message = format!("run {run} was planned with {key} `{value}`, not `{typed}`");
                return Err(CliError::usage(message, "leave the option out, or make a new run"));
            }
            _ => *typed = Some(value.clone()),
        }
    }
    limits(cli, &head);
    cli.verb.reason.clone_from(&head.reason);
    Ok((Session::open(cli, out.clone())?, run))
}

/// Limits that were typed hold; the others are those of the run.
fn limits(cli: &mut Cli, head: &RunHead) {
    let text = |time: std::time::Duration| format!("{}ms", time.as_millis());
    let shared = &mut cli.shared;
    shared.timeout = shared.timeout.take().or_else(|| head.timeout.map(text));
    shared.poll_interval = shared.poll_interval.take().or_else(|| head.poll_interval.map(text));
    shared.start_window = shared.start_window.take().or_else(|| Some(text(head.start_window)));
    cli.verb.concurrency = Some(head.concurrency.to_string());
    cli.verb.max_failures = Some(head.max_failures.to_string());
    cli.verb.no_wait = head.no_wait;
}

fn only_unfinished(store: &Store) -> Result<RunId, CliError> {
    let open: Vec<RunId> = store
        .summaries()?
        .into_iter()
        .filter(|run| run.unfinished() && !run.alive && !run.sandbox)
        .map(|run| run.run)
        .collect();
    match open.as_slice() {
        [] => Err(CliError::usage("no unfinished run is known on this machine", "see `reinstall runs`")),
        [one] => Ok(one.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(RunId::as_str).collect();
            Err(CliError::usage(format!("several runs are unfinished: {}", names.join(", ")), "name one of them"))
        }
    }
}

/// Goes on with the run.
pub(super) async fn run(session: &Session, run: &RunId, secrets: &SecretArgs) -> Result<Exit, CliError> {
    let store = session.store()?;
    let (journal, story) = store.resume(run)?;
    if story.torn {
        session.warn("the last record was cut while it was written; what it announced had not begun");
    }
    let past = match past(&story.events, session.clock.now()) {
        Ok(past) if past.confirmed => past,
        Err(why @ NoPast::PlanChanged) => {
            return Err(CliError::new(Exit::JournalDamaged, format!("run {run}: {why}"), "make a new run"));
        }
        Ok(past) => return Err(abandon(session, &store, run, journal, Some(&past))),
        Err(NoPast::NoHead) => return Err(abandon(session, &store, run, journal, None)),
    };
    let lines = lines(session, &past)?;
    let wish = past.head.wish.clone();
    let mut job = Job {
        run: run.clone(),
        opening: vec![(None, What::Resumed { epoch: journal.epoch() })],
        journal: Some(journal),
        last_seq: past.last_seq,
        lanes: Vec::new(),
        targets: Vec::new(),
        secrets: Vec::new(),
        aside: Vec::new(),
        claims: Some(store.claims()),
        next_permit: past.next_permit,
        started_at: story.events.first().map_or_else(|| session.clock.now().wall, |event| event.at),
        policy: policy(session, past.head.total, false),
        timeout: session.settings.timeout.value,
        reason: past.head.reason.clone(),
        history: story.events,
    };
    for server in past.servers {
        let lane = lines.iter().position(|line| line.entry.id == server.provider);
        match (server.target, lane) {
            (Some(mut target), Some(lane)) => {
                target.lane = lane;
                job.targets.push(target);
            }
            _ => job.aside.push(TargetReport::new(
                server.provider,
                server.instance.as_str(),
                server.verdict.unwrap_or(Verdict::Skipped),
            )),
        }
    }
    // Status and image are what this run itself may have begun to change.
    let expect: Vec<Expectation> =
        wish.expect.iter().filter(|expect| ["name", "ip"].contains(&expect.key.as_str())).cloned().collect();
    guard(session, &mut job, &lines, &expect).await?;
    claim(session, &mut job, &lines)?;
    let logins = login::read(session, secrets, wish.login.none, false)?;
    let fields: Vec<login::SecretFields> = lines.iter().map(|_| login::SecretFields::new()).collect();
    let logins = complete(session, logins, &job, &wish, &lines)?;
    logins.fill(&mut job, &lines, &fields)?;
    job.lanes = lines.into_iter().map(|line| (line, wish.clone())).collect();
    execute(session, job).await
}

/// Ends a run that was cut off before it was confirmed. It has sent nothing, so its servers are free again.
fn abandon(session: &Session, store: &Store, run: &RunId, journal: Journal, past: Option<&Past>) -> CliError {
    store.claims().release_all(run);
    let message = format!("run {run} was cut off before it was confirmed: nothing was sent, and its servers are free");
    let error = CliError::new(Exit::Skipped, message, "make a new run");
    let mut nobody = Nobody;
    let last = past.map_or(0, |past| past.last_seq);
    let mut recorder = Recorder::new(run.clone(), Some(journal), last, &mut nobody, session.clock.clone());
    let open = past.into_iter().flat_map(|past| &past.servers).filter(|server| server.target.is_some());
    for server in open {
        let what = What::Verdict { verdict: Verdict::NotStarted, error: None };
        // If the disk refuses, the run stays unfinished, and this is done again.
        let _ = recorder.record(Some((&server.provider, &server.instance)), what);
    }
    let _ = recorder.record(None, What::RunClosed { exit_code: error.exit.code() });
    error
}

/// Hears nothing.
struct Nobody;

impl Listener for Nobody {
    fn on(&mut self, _: &Event) -> std::io::Result<()> {
        Ok(())
    }
}

/// The products of the run, at the very endpoints that it was planned for.
fn lines(session: &Session, past: &Past) -> Result<Vec<Line>, CliError> {
    let mut lines: Vec<Line> = Vec::new();
    for server in &past.servers {
        let Some(planned) = &server.planned else { continue };
        if lines.iter().any(|line| line.entry.id == server.provider) {
            continue;
        }
        let (vendor, entry) = entries().find(|(_, entry)| entry.id == server.provider).ok_or_else(|| {
            CliError::new(
                Exit::JournalDamaged,
                format!("the journal names an unknown product `{}`", server.provider),
                "",
            )
        })?;
        let line = session.line(vendor, entry)?;
        if line.product.endpoint().as_str() != planned.endpoint {
            let message = format!(
                "the run was planned for {}, and the settings now lead to {}",
                planned.endpoint,
                line.product.endpoint()
            );
            return Err(CliError::usage(message, "use the settings of then, or make a new run"));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Servers whose order is still to come are held against the rules of today, by their names of today. What the run
/// had ordered before is watched to its end.
async fn guard(session: &Session, job: &mut Job, lines: &[Line], expect: &[Expectation]) -> Result<(), CliError> {
    for (lane, line) in lines.iter().enumerate() {
        let waiting = job.targets.iter().filter(|target| target.lane == lane && target.stage == Stage::Queued);
        let ids: Vec<_> = waiting.map(|target| target.id().clone()).collect();
        for (id, error) in plan::refused(&line.client, ids, &session.settings.guard, expect).await? {
            session.warn(&format!("{} {id} is skipped: {error}", line.entry.id));
            let Some(at) = job.targets.iter().position(|target| target.lane == lane && *target.id() == id) else {
                continue;
            };
            if let Some(claims) = &job.claims {
                claims.release(line.product.endpoint().as_str(), line.entry.id, &id, &job.run);
            }
            let mut target = job.targets.remove(at);
            let named = Some((line.entry.id.to_owned(), id));
            job.opening.push((named, What::Verdict { verdict: Verdict::Skipped, error: Some(error.clone()) }));
            target.verdict = Some(Verdict::Skipped);
            target.error = Some(error);
            job.aside.push(target_report(&target, &*line.product));
        }
    }
    Ok(())
}

/// Servers whose order is still to come are claimed again; one that another run has taken meanwhile is skipped.
fn claim(session: &Session, job: &mut Job, lines: &[Line]) -> Result<(), CliError> {
    let Some(claims) = job.claims.clone() else { return Ok(()) };
    let now = session.clock.now().wall;
    let mut kept = Vec::new();
    for mut target in std::mem::take(&mut job.targets) {
        let line = &lines[target.lane];
        if target.stage == Stage::Queued {
            let claim = Claim::new(&job.run, line.entry.id, target.id(), now);
            match claims.take(line.product.endpoint().as_str(), &claim) {
                Ok(()) => {}
                Err(error @ ClaimError::Io { .. }) => {
                    return Err(CliError::new(Exit::OutputLost, error, "name another folder with `--state-dir`"));
                }
                Err(busy) => {
                    let error =
                        ApiError::local("busy", busy.to_string()).advise("wait for that run, then make a new one");
                    let named = Some((line.entry.id.to_owned(), target.id().clone()));
                    job.opening.push((named, What::Verdict { verdict: Verdict::Skipped, error: Some(error.clone()) }));
                    target.verdict = Some(Verdict::Skipped);
                    target.error = Some(error);
                    job.aside.push(target_report(&target, &*line.product));
                    continue;
                }
            }
        }
        kept.push(target);
    }
    job.targets = kept;
    Ok(())
}

/// Passwords are in no journal: those of orders still to come are asked for again.
fn complete(
    session: &Session,
    logins: login::Logins,
    job: &Job,
    wish: &crate::model::Wish,
    lines: &[Line],
) -> Result<login::Logins, CliError> {
    if !job.targets.iter().any(|target| target.stage == Stage::Queued) {
        return Ok(logins);
    }
    let again = "the journal keeps no secrets: give again what the run was started with";
    if wish.user_data && !logins.user_data() {
        return Err(CliError::usage("orders of this run carry user data", format!("{again}: `--user-data`")));
    }
    if !wish.login.password || logins.password() {
        return Ok(logins);
    }
    if !session.may_ask() {
        let step = format!("{again}: `--password-file`, `--password-env` or `--generate-password`");
        return Err(CliError::usage("orders of this run carry a password", step));
    }
    let accept = |password: &crate::secret::Secret| {
        lines.iter().try_for_each(|line| line.entry.facts.password.check(password)).map_err(|fault| fault.to_string())
    };
    let password = ask_password("Password for the new system", accept).map_err(login::asked)?;
    Ok(logins.with_password(password))
}
