//! `resume`: goes on with an interrupted run, from its journal alone.

use super::args::{Cli, SecretArgs};
use super::error::CliError;
use super::execute::{Job, execute, policy};
use super::login;
use super::outcome::target_report;
use super::resend::{self, Wanted};
use super::runs;
use super::session::{Line, Session};
use super::signals::Signals;
use crate::config::ask_password;
use crate::journal::{Claim, ClaimError, Journal, Store, Story};
use crate::model::{ApiError, Event, Exit, Expectation, RunHead, RunId, ServerId, Verdict, What};
use crate::providers::entries;
use crate::report::{Out, TargetReport, words};
use crate::run::plan;
use crate::run::recorder::{Listener, Recorder};
use crate::run::resume::{NoPast, Past, PastServer, past};
use crate::run::rivals::{Ours, ordered_since};
use crate::run::target::{Stage, Target};
use chrono::{DateTime, Utc};

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
    let head = match trusted(&session, &run, &story)? {
        Ok(past) => past.head,
        Err(NoHead) => return Ok((session, run)),
    };
    if head.sandbox {
        let message = format!("run {run} talked to the sandbox inside its own process, which is gone");
        return Err(CliError::usage(message, "use `reinstall sandbox` and `--endpoint` to try interruptions"));
    }
    let shared = &mut cli.shared;
    for (key, typed) in [
        ("profile", &mut shared.profile),
        ("region", &mut shared.region),
        ("project", &mut shared.project),
        ("endpoint", &mut shared.endpoint),
    ] {
        let planned = head.place.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        if let Some(typed) = typed.as_deref().filter(|typed| !planned.is_some_and(|value| same_place(typed, value))) {
            let with = planned.map_or_else(|| format!("without a {key}"), |value| format!("with {key} `{value}`"));
            let message = format!("run {run} was planned {with}, not with `{typed}`");
            return Err(CliError::usage(message, "leave the option out, or make a new run"));
        }
        *typed = planned.cloned();
    }
    limits(cli, &head);
    cli.verb.reason.clone_from(&head.reason);
    Ok((Session::open(cli, out.clone())?, run))
}

fn same_place(typed: &str, planned: &str) -> bool {
    typed.trim_end_matches('/') == planned.trim_end_matches('/')
}

/// The journal ends before its head.
struct NoHead;

/// What the journal tells, if it can be trusted: it is whole, and its plan is the one that was confirmed.
fn trusted(session: &Session, run: &RunId, story: &Story) -> Result<Result<Past, NoHead>, CliError> {
    if let Some(damage) = &story.damage {
        return Err(CliError::new(
            Exit::JournalDamaged,
            format!("the journal of run {run} is damaged: {damage}; nothing is sent on its word"),
            format!("see what can be read with `reinstall runs show {run}`; watch the servers with `reinstall wait`"),
        ));
    }
    match past(&story.events, session.clock.now()) {
        Ok(past) => Ok(Ok(past)),
        Err(NoPast::NoHead) => Ok(Err(NoHead)),
        Err(why @ NoPast::PlanChanged { .. }) => Err(CliError::new(
            Exit::JournalDamaged,
            format!("run {run}: {why}; nothing is sent on its word"),
            "go on with the version that wrote it, or watch the servers with `reinstall wait`",
        )),
    }
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
    let all = store.summaries()?;
    let damaged = all.iter().filter(|run| run.damage.is_some()).count();
    let open: Vec<RunId> =
        all.into_iter().filter(|run| run.unfinished() && !run.alive && !run.sandbox).map(|run| run.run).collect();
    match open.as_slice() {
        [] if damaged > 0 => Err(CliError::new(
            Exit::JournalDamaged,
            format!("no unfinished run is known on this machine, and {} damaged", words::count(damaged, "journal is")),
            "see `reinstall runs`, and what can be read with `reinstall runs show RUN`",
        )),
        [] => Err(CliError::usage("no unfinished run is known on this machine", "see `reinstall runs`")),
        [one] => Ok(one.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(RunId::as_str).collect();
            Err(CliError::usage(format!("several runs are unfinished: {}", names.join(", ")), "name one of them"))
        }
    }
}

/// Goes on with the run.
pub(super) async fn run(
    session: &Session,
    run: &RunId,
    secrets: &SecretArgs,
    wanted: Option<&Wanted>,
) -> Result<Exit, CliError> {
    let store = session.store()?;
    let (journal, story) = store.resume(run)?;
    if story.torn {
        session.warn("the last record was cut while it was written; what it announced had not begun");
    }
    let mut past = match trusted(session, run, &story)? {
        Ok(past) if past.confirmed => past,
        Ok(past) => return Err(abandon(session, &store, run, journal, Some(&past))),
        Err(NoHead) => return Err(abandon(session, &store, run, journal, None)),
    };
    let lines = lines(session, &past).await?;
    let wish = past.head.wish.clone();
    let mut logins = login::read(session, secrets, wish.login.none, false)?;
    let mut opening = vec![(None, What::Resumed { times: journal.epoch() })];
    let mut policy = policy(session, past.head.total, false);
    if let Some(wanted) = wanted {
        logins = complete(session, logins, true, &wish, &lines)?;
        opening.extend(resend::allow(session, wanted, run, &story, &mut past, &lines, &logins).await?);
        // What has failed or is in doubt already the operator has looked at: it holds this order back no more.
        let looked_at = past.servers.iter().filter(|server| server.in_doubt()).count();
        policy.max_failures = policy.max_failures.saturating_add(looked_at);
    }
    let started_at = story.events.first().map_or_else(|| session.clock.now().wall, |event| event.at);
    let mut job = Job {
        run: run.clone(),
        opening,
        journal: Some(journal),
        last_seq: past.last_seq,
        lanes: Vec::new(),
        targets: Vec::new(),
        secrets: Vec::new(),
        aside: Vec::new(),
        claims: Some(store.claims()),
        next_permit: past.next_permit,
        started_at,
        policy,
        timeout: session.settings.timeout.value,
        reason: past.head.reason.clone(),
        history: story.events,
        orders_before: past.servers.iter().filter(|server| server.orders_before > 0).map(counted).collect(),
    };
    for server in past.servers {
        let lane = lines.iter().position(|line| line.entry.id == server.provider);
        let untold = server.untold();
        match (server.target, lane) {
            (Some(mut target), Some(lane)) => {
                target.lane = lane;
                job.opening.extend(untold.map(|verdict| (Some((server.provider, server.instance)), verdict)));
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
    claim(session, &store, &mut job, &lines)?;
    let fields: Vec<login::SecretFields> = lines.iter().map(|_| login::SecretFields::new()).collect();
    let orders = job.targets.iter().any(|target| target.stage == Stage::Queued);
    let logins = complete(session, logins, orders, &wish, &lines)?;
    logins.fill(&mut job, &lines, &fields)?;
    job.lanes = lines.into_iter().map(|line| (line, wish.clone())).collect();
    // Behind the questions, which listen to signals by themselves.
    let signals = Signals::of_run(session, Some(run));
    execute(session, job, &signals).await
}

fn counted(server: &PastServer) -> ((String, String), u32) {
    ((server.provider.clone(), server.instance.to_string()), server.orders_before)
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

/// The products of the run, at the very endpoints, in the very region and account that it was planned for.
async fn lines(session: &Session, past: &Past) -> Result<Vec<Line>, CliError> {
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
        let elsewhere = |what: &str, then: &str, now: &str| {
            let message = format!("the run was planned for {what} `{then}`, and the settings now lead to `{now}`");
            Err(CliError::usage(message, "use the settings of then, or make a new run"))
        };
        let none = || "none".to_owned();
        let (endpoint, region) = (line.product.endpoint().to_string(), line.product.region().map(str::to_owned));
        if endpoint != planned.endpoint {
            return elsewhere("endpoint", &planned.endpoint, &endpoint);
        }
        if region != planned.region {
            let (then, now) = (planned.region.clone().unwrap_or_else(none), region.unwrap_or_else(none));
            return elsewhere("region", &then, &now);
        }
        if let Some(then) = &planned.account {
            if line.product.account() != *then {
                // Some know whose they are only once they have signed in.
                line.client.connect().await?;
            }
            let now = line.product.account();
            if now != *then {
                return elsewhere("the credentials of", then, &now);
            }
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

/// Claims every server that is still open. One that another run has, or has ordered for since, is none of this run's any
/// more: an order to come is skipped, and what is seen of an order of before proves nothing.
fn claim(session: &Session, store: &Store, job: &mut Job, lines: &[Line]) -> Result<(), CliError> {
    let Some(claims) = job.claims.clone() else { return Ok(()) };
    let now = session.clock.now().wall;
    let endpoints: Vec<String> = lines.iter().map(|line| line.product.endpoint().to_string()).collect();
    let since = |target: &Target| last_intent(&job.history, target.id()).unwrap_or(job.started_at);
    let ours: Vec<Ours<'_>> = job
        .targets
        .iter()
        .map(|target| Ours {
            provider: lines[target.lane].entry.id,
            endpoint: &endpoints[target.lane],
            instance: target.id(),
            since: since(target),
        })
        .collect();
    let rivals = ordered_since(store, &job.run, &ours)?;
    drop(ours);
    let mut kept = Vec::new();
    for (mut target, rival) in std::mem::take(&mut job.targets).into_iter().zip(rivals) {
        let line = &lines[target.lane];
        let (product, endpoint) = (line.entry.id, endpoints[target.lane].as_str());
        if target.stage == Stage::Done {
            // A crash between the verdict and the release leaves the claim behind.
            claims.release(endpoint, product, target.id(), &job.run);
            kept.push(target);
            continue;
        }
        let error = match (rival, claims.take(endpoint, &Claim::new(&job.run, product, target.id(), now))) {
            (Some(rival), taken) => {
                if taken.is_ok() {
                    claims.release(endpoint, product, target.id(), &job.run);
                }
                let message = format!("run {rival} has ordered for it since");
                ApiError::local("ordered_again", message).advise(format!("see `reinstall runs show {rival}`"))
            }
            (None, Ok(())) => {
                kept.push(target);
                continue;
            }
            (None, Err(error @ ClaimError::Io { .. })) => {
                return Err(CliError::new(Exit::OutputLost, error, "name another folder with `--state-dir`"));
            }
            (None, Err(busy)) => {
                ApiError::local("busy", busy.to_string()).advise("wait for that run, then make a new one")
            }
        };
        let verdict = if target.ordered() { Verdict::Unverified } else { Verdict::Skipped };
        let named = Some((product.to_owned(), target.id().clone()));
        job.opening.push((named, What::Verdict { verdict, error: Some(error.clone()) }));
        target.verdict = Some(verdict);
        target.error = Some(error);
        job.aside.push(target_report(&target, &*line.product));
    }
    job.targets = kept;
    Ok(())
}

/// When the last order for the server was about to leave.
fn last_intent(history: &[Event], id: &ServerId) -> Option<DateTime<Utc>> {
    let is = |event: &&Event| event.instance.as_ref() == Some(id) && matches!(event.what, What::OrderIntent { .. });
    history.iter().rev().find(is).map(|event| event.at)
}

/// Passwords are in no journal: those of orders still to come are asked for again.
fn complete(
    session: &Session,
    logins: login::Logins,
    orders: bool,
    wish: &crate::model::Wish,
    lines: &[Line],
) -> Result<login::Logins, CliError> {
    if !orders {
        return Ok(logins);
    }
    let again = "the journal keeps no secrets: give again what the run was started with";
    if wish.user_data && !logins.user_data() {
        return Err(CliError::usage("orders of this run carry user data", format!("{again}: `--user-data`")));
    }
    let returned = lines.iter().any(|line| line.entry.facts.login.returned);
    if wish.login.password && returned && !logins.keeps() {
        let step = format!("{again}: `--generate-password`");
        return Err(CliError::usage("the provider of this run makes passwords up, and a file keeps them", step));
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
