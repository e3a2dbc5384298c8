//! The verb: plan from live reads, shown, confirmed, ordered, watched, reported.

use super::args::VerbArgs;
use super::confirm::{Answer, confirm};
use super::error::CliError;
use super::execute::{Job, execute, policy};
use super::login::{self, Logins, gather};
use super::operator;
use super::outcome::{deliver, exit_of};
use super::session::{Line, Session};
use super::signals::Signals;
use crate::client::proxy_for;
use crate::config::{fields, select_products, selection};
use crate::journal::{Claim, ClaimError, Claims};
use crate::model::{
    ApiError, Choice, Exit, LoginWish, Order, PlannedTarget, PowerPlan, Prepared, Record, Ref, Refusal, RunHead, RunId,
    ServerId, Verdict, What, Wish,
};
use crate::providers::{Entry, VENDORS};
use crate::report::{Glimpse, PlanTarget, PlanView, RunReport, TargetReport};
use crate::run::driver::Ended;
use crate::run::plan::{self, PlanLane, Row};
use crate::run::target::Target;
use crate::secret::Reveal;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

/// The verb's arguments, once the shared ones are settled.
pub(super) struct Ask<'a> {
    /// `--provider`.
    pub provider: Option<&'a str>,
    /// `--instance`.
    pub instances: &'a [String],
    /// The rest.
    pub verb: &'a VerbArgs,
}

/// A wish in one product's terms, with its secret fields.
struct LaneWish {
    wish: Result<Wish, Refusal>,
    secret_fields: BTreeMap<String, crate::secret::SharedSecret>,
}

/// Runs the verb.
pub(super) async fn run(session: &Session, ask: Ask<'_>) -> Result<Exit, CliError> {
    let started_at = session.clock.now().wall;
    let verb = ask.verb;
    // Before everything else: whoever types a password must hear at once that it went the wrong way.
    login::no_password_option(&verb.secrets)?;
    let (lines, refs) = selected_lines(session, &ask)?;
    let expect_count = verb.expect_count.as_deref().map(selection::expect_count).transpose()?;
    let entries: Vec<&Entry> = lines.iter().map(|line| line.entry).collect();
    let logins = gather(session, verb, ask.instances, &entries)?;
    let base = wish(session, verb, &logins)?;
    let wishes: Vec<LaneWish> = lines.iter().map(|line| lane_wish(line, &base, verb, &logins)).collect();
    // A mistake in every product's terms needs no look at a server.
    if let Some(Err(refusal)) = wishes.iter().all(|wish| wish.wish.is_err()).then(|| &wishes[0].wish) {
        return Err(refusal.clone().into());
    }

    let clients: Vec<_> = lines.iter().map(|line| &line.client).collect();
    let chosen = plan::select(&clients, &refs).await?;
    check_count(expect_count, chosen.len())?;
    let plan_lanes: Vec<PlanLane<'_>> =
        lines.iter().zip(&wishes).map(|(line, wish)| PlanLane { client: &line.client, wish: &wish.wish }).collect();
    let mut rows = plan::prepare(&plan_lanes, chosen, &session.settings.guard).await?;
    let Sorted { going, planned, aside } = sorted(&rows, &lines);
    show(session, &lines, &going, &planned, &aside, &logins);

    if session.settings.dry_run.value {
        let requests = requests(&lines, &going, &wishes, &logins);
        return dry_run(session, started_at, &lines, &going, aside, &requests);
    }
    let by = match going.is_empty() || verb.yes {
        true => "--yes",
        false => match confirm(session, &going.iter().map(|(_, ready)| &ready.record).collect::<Vec<_>>()) {
            Answer::Yes => "terminal",
            Answer::No(why) => return unconfirmed(session, started_at, &lines, &going, aside, why),
        },
    };

    recheck(session, &lines, &mut rows, &base).await?;
    let Sorted { going, planned, aside } = sorted(&rows, &lines);

    let run = RunId::fresh();
    let store = session.store()?;
    // Before the first file: a signal from here on leaves a run that is told of, and no claim of one that is not.
    let signals = Signals::of_run(session, Some(&run));
    let journal = store.create(&run)?;
    let claims = store.claims();
    let mut job = Job {
        run: run.clone(),
        journal: Some(journal),
        last_seq: 0,
        opening: Vec::new(),
        lanes: Vec::new(),
        targets: Vec::new(),
        secrets: Vec::new(),
        aside,
        claims: Some(claims.clone()),
        next_permit: 1,
        started_at,
        policy: policy(session, rows.len(), false),
        timeout: session.settings.timeout.value,
        reason: session.settings.reason.value.clone(),
        history: Vec::new(),
        orders_before: BTreeMap::new(),
    };
    open_run(session, &mut job, &lines, &rows, &planned, &base, by);
    let secret_fields: Vec<_> = wishes.iter().map(|wish| wish.secret_fields.clone()).collect();
    claim(session, &mut job, &lines, going, &claims)
        .and_then(|()| logins.fill(&mut job, &lines, &secret_fields))
        .inspect_err(|_| claims.release_all(&run))?;
    job.lanes =
        lines.into_iter().zip(wishes).map(|(line, wish)| (line, wish.wish.unwrap_or_else(|_| base.clone()))).collect();
    execute(session, job, &signals).await
}

/// The rows of a plan: what is to be ordered, and what is skipped.
struct Sorted {
    going: Vec<(usize, Prepared)>,
    planned: Vec<PlannedTarget>,
    aside: Vec<TargetReport>,
}

fn sorted(rows: &[Row], lines: &[Line]) -> Sorted {
    let skipped = |row: &Row| row.result.as_ref().err().map(|error| aside(row, lines, error));
    let ready = |row: &Row| row.result.as_ref().ok().map(|ready| (row.lane, ready.clone()));
    let going: Vec<(usize, Prepared)> = rows.iter().filter_map(ready).collect();
    let planned = going.iter().map(|(lane, ready)| planned(&lines[*lane], ready)).collect();
    Sorted { going, planned, aside: rows.iter().filter_map(skipped).collect() }
}

/// A plan can wait long for its yes. What must be left alone by now is taken out of it.
async fn recheck(session: &Session, lines: &[Line], rows: &mut [Row], base: &Wish) -> Result<(), CliError> {
    for (lane, line) in lines.iter().enumerate() {
        let own = rows.iter().filter(|row| row.lane == lane && row.result.is_ok());
        let ids: Vec<ServerId> = own.map(|row| row.record.id.clone()).collect();
        for (id, error) in plan::refused(&line.client, ids, &session.settings.guard, &base.expect).await? {
            session.warn(&format!("{} {id} is skipped: {error}", line.entry.id));
            for row in rows.iter_mut().filter(|row| row.lane == lane && row.record.id == id) {
                row.result = Err(error.clone());
            }
        }
    }
    Ok(())
}

/// The products to ask and the references to ask them for.
pub(super) fn selected_lines(session: &Session, ask: &Ask<'_>) -> Result<(Vec<Line>, Vec<Ref>), CliError> {
    let Some(provider) = ask.provider else {
        let known: Vec<&str> = crate::providers::entries().map(|(_, entry)| entry.id).collect();
        return Err(CliError::usage("no `--provider` was given", format!("name one of {}", known.join(", "))));
    };
    let chosen = select_products(VENDORS, provider)?;
    let refs = selection::instances(ask.instances, std::io::stdin())?;
    Ok((session.lines(&chosen)?, refs))
}

fn wish(session: &Session, verb: &VerbArgs, logins: &Logins) -> Result<Wish, CliError> {
    let choice = |option: &str, text: &Option<String>| -> Result<Option<Choice>, CliError> {
        let read = |text: &String| text.parse::<Choice>();
        text.as_ref()
            .map(read)
            .transpose()
            .map_err(|why| CliError::usage(format!("`--{option}`: {why}"), "give an id or `name=NAME`"))
    };
    Ok(Wish {
        image: choice("image", &verb.image)?,
        key: choice("ssh-key", &verb.ssh_key)?,
        login: LoginWish { password: logins.password(), none: verb.no_login },
        hostname: verb.hostname.clone(),
        user_data: logins.user_data(),
        keep_data: match (verb.keep_data, verb.wipe_data) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        fields: BTreeMap::new(),
        power_off: session.settings.power_off.value,
        power_on: session.settings.power_on.value,
        expect: selection::expectations(&verb.expect)?,
    })
}

fn lane_wish(line: &Line, base: &Wish, verb: &VerbArgs, logins: &Logins) -> LaneWish {
    let read = fields::fields(line.entry, &verb.fields);
    let (values, secret_fields) = match read {
        Ok(fields) => (fields.plain, fields.secret),
        Err(refusal) => return LaneWish { wish: Err(refusal), secret_fields: Default::default() },
    };
    let wish = Wish { fields: values, ..base.clone() };
    let checked = super::checks::check(line.entry, &wish, logins).and_then(|()| {
        let secrets = logins.sample(&secret_fields, &line.entry.facts.password);
        line.product.check(&wish, &secrets)
    });
    LaneWish { wish: checked.map(|()| wish), secret_fields }
}

fn check_count(expected: Option<usize>, selected: usize) -> Result<(), CliError> {
    match expected {
        Some(expected) if expected != selected => Err(CliError::new(
            Exit::Skipped,
            format!(
                "{} selected, and --expect-count says {expected}; nothing was sent",
                if selected == 1 { "1 server is".to_owned() } else { format!("{selected} servers are") }
            ),
            "check the selection",
        )),
        _ => Ok(()),
    }
}

fn glimpse(record: &Record) -> Option<Glimpse> {
    Some(Glimpse { status: record.seen.status.clone(), image: record.seen.image.clone() })
}

fn unordered(line: &Line, record: &Record, verdict: Verdict, error: Option<ApiError>) -> TargetReport {
    TargetReport {
        region: line.product.region().map(str::to_owned),
        name: record.name.clone(),
        baseline: glimpse(record),
        last: glimpse(record),
        error,
        ..TargetReport::new(line.entry.id, record.id.as_str(), verdict)
    }
}

fn aside(row: &Row, lines: &[Line], error: &ApiError) -> TargetReport {
    unordered(&lines[row.lane], &row.record, Verdict::Skipped, Some(error.clone()))
}

fn planned(line: &Line, prepared: &Prepared) -> PlannedTarget {
    PlannedTarget {
        region: line.product.region().map(str::to_owned),
        endpoint: line.product.endpoint().to_string(),
        account: Some(line.product.account()),
        prepared: prepared.clone(),
    }
}

/// Shows the plan on standard error, unless nobody would read it.
pub(super) fn show(
    session: &Session,
    lines: &[Line],
    going: &[(usize, Prepared)],
    planned: &[PlannedTarget],
    aside: &[TargetReport],
    logins: &Logins,
) {
    let settings = &session.settings;
    for target in aside {
        let why = target.error.as_ref().map(ToString::to_string).unwrap_or_default();
        session.warn(&format!("{} {} is skipped: {why}", target.provider, target.instance));
    }
    if going.is_empty() || (session.quiet() && !session.may_ask()) {
        return;
    }
    let accounts: Vec<String> = lines.iter().map(|line| line.product.account()).collect();
    let proxies: Vec<Option<String>> = lines.iter().map(|line| proxy_for(line.product.endpoint())).collect();
    let targets = going
        .iter()
        .zip(planned)
        .map(|((lane, _), planned)| PlanTarget {
            provider: lines[*lane].entry.id,
            account: &accounts[*lane],
            own_endpoint: lines[*lane].own_endpoint.as_deref(),
            proxy: proxies[*lane].as_deref(),
            planned,
        })
        .collect();
    let mut limits = Vec::new();
    if let Some(timeout) = settings.timeout.value {
        limits.push(("time for each".to_owned(), crate::report::words::duration(timeout)));
    }
    if going.len() > 1 {
        limits.push(("at one time".to_owned(), settings.concurrency.value.to_string()));
        limits.push(("stop after".to_owned(), format!("{} failed", settings.max_failures.value)));
    }
    let in_plan = |lane: &usize| going.iter().any(|(planned, _)| planned == lane);
    let entries: Vec<&Entry> = (0..lines.len()).filter(in_plan).map(|lane| lines[lane].entry).collect();
    let view = PlanView {
        targets,
        power_off: settings.power_off.value,
        power_on: settings.power_on.value,
        login: logins.shown(&entries),
        reason: settings.reason.value.clone(),
        limits,
        warnings: lines.iter().filter_map(|line| line.client.clock_warning()).collect(),
        dry_run: settings.dry_run.value,
        sandbox: settings.sandbox.value,
    };
    let paint = session.paint(std::io::stderr().is_terminal());
    let _ = session.out.stderr.all(view.text(session.stderr_width(), paint).as_bytes());
}

/// Every request of the plan with secrets hidden: (index of the server, request).
fn requests(
    lines: &[Line],
    going: &[(usize, Prepared)],
    wishes: &[LaneWish],
    logins: &Logins,
) -> Vec<(usize, serde_json::Value)> {
    let mut requests = Vec::new();
    for (index, (lane, prepared)) in going.iter().enumerate() {
        let line = &lines[*lane];
        let secrets = logins.sample(&wishes[*lane].secret_fields, &line.entry.facts.password);
        let mut steps = Vec::new();
        if prepared.power == PowerPlan::StopFirst {
            let mode = wishes[*lane].wish.as_ref().map(|wish| wish.power_off).unwrap_or_default();
            steps.extend(line.product.stop(prepared, mode, &secrets));
        }
        steps.extend(line.product.arrange(prepared));
        let token = line.entry.facts.token_door.map(|_| "(made once, right before the order)");
        let order = Order { batch: &[prepared], secrets: &secrets, token, reveal: Reveal::Masked };
        steps.push(line.product.order(&order));
        for mut request in steps {
            let stamp = crate::wire::Stamp { at: chrono::DateTime::UNIX_EPOCH, nonce: String::new() };
            line.product.login().authorize(&mut request, &stamp);
            let mut headers: Vec<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
            headers.sort_unstable();
            let body = serde_json::from_slice::<serde_json::Value>(&request.body).unwrap_or(serde_json::Value::Null);
            requests.push((
                index,
                json!({
                    "call": request.label, "method": request.method.as_str(), "url": request.url.as_str(),
                    "headers": headers, "body": body,
                }),
            ));
        }
    }
    requests
}

fn dry_run(
    session: &Session,
    started_at: chrono::DateTime<chrono::Utc>,
    lines: &[Line],
    going: &[(usize, Prepared)],
    aside: Vec<TargetReport>,
    requests: &[(usize, serde_json::Value)],
) -> Result<Exit, CliError> {
    let clean = aside.is_empty();
    let exit = if clean { Exit::Success } else { exit_of(&aside, &Ended::default()) };
    let mut targets: Vec<TargetReport> =
        going.iter().map(|(lane, ready)| unordered(&lines[*lane], &ready.record, Verdict::NotStarted, None)).collect();
    targets.extend(aside);
    if session.human() {
        let mut text = String::new();
        for (_, request) in requests {
            text.push_str(&super::requests::shown(request));
            text.push('\n');
        }
        session.out.stdout.all(text.as_bytes()).map_err(|why| CliError::output(why).and("nothing was sent"))?;
        return Ok(exit);
    }
    let report = RunReport {
        run: None,
        started_at,
        finished_at: session.clock.now().wall,
        exit,
        dry_run: true,
        reason: session.settings.reason.value.clone(),
        targets,
    };
    super::requests::deliver(session, &report, going, requests)?;
    Ok(exit)
}

fn unconfirmed(
    session: &Session,
    started_at: chrono::DateTime<chrono::Utc>,
    lines: &[Line],
    going: &[(usize, Prepared)],
    aside: Vec<TargetReport>,
    why: &'static str,
) -> Result<Exit, CliError> {
    session.tell(&format!("not confirmed: {why}; nothing was sent"));
    let error = ApiError::local("not_confirmed", why.to_owned()).advise("confirm it at a terminal, or pass `--yes`");
    let mut targets: Vec<TargetReport> = going
        .iter()
        .map(|(lane, ready)| unordered(&lines[*lane], &ready.record, Verdict::NotStarted, Some(error.clone())))
        .collect();
    targets.extend(aside);
    let exit = exit_of(&targets, &Ended::default());
    let report = RunReport {
        run: None,
        started_at,
        finished_at: session.clock.now().wall,
        exit,
        dry_run: false,
        reason: session.settings.reason.value.clone(),
        targets,
    };
    let mut lines = session.json_lines();
    Ok(deliver(session, &report, lines.as_mut()))
}

/// The head of the journal: what was asked for, every planned server, every skipped one, and who said yes.
fn open_run(
    session: &Session,
    job: &mut Job,
    lines: &[Line],
    rows: &[Row],
    planned: &[PlannedTarget],
    base: &Wish,
    by: &str,
) {
    let settings = &session.settings;
    let hashed: Vec<(&str, &PlannedTarget)> = rows
        .iter()
        .filter(|row| row.result.is_ok())
        .zip(planned)
        .map(|(row, planned)| (lines[row.lane].entry.id, planned))
        .collect();
    let place = [
        ("profile", settings.profile.value.clone()),
        ("region", settings.region.value.clone()),
        ("project", settings.project.value.clone()),
        ("endpoint", settings.endpoint.value.as_ref().map(ToString::to_string)),
    ];
    let mut head = RunHead {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        by: Some(operator::name()),
        wish: base.clone(),
        reason: job.reason.clone(),
        plan_hash: String::new(),
        total: rows.len(),
        timeout: job.timeout,
        start_window: job.policy.start_window,
        poll_interval: job.policy.poll_interval,
        concurrency: job.policy.concurrency,
        max_failures: job.policy.max_failures,
        no_wait: job.policy.no_wait,
        place: place.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect(),
        sandbox: settings.sandbox.value,
    };
    head.plan_hash = plan::digest(&head, &hashed);
    job.opening.push((None, What::RunOpened(Box::new(head))));
    let mut planned = planned.iter();
    for row in rows {
        let target = Some((lines[row.lane].entry.id.to_owned(), row.record.id.clone()));
        match (&row.result, row.result.is_ok().then(|| planned.next()).flatten()) {
            (Ok(_), Some(planned)) => job.opening.push((target, What::Planned(Box::new(planned.clone())))),
            (Err(error), _) => {
                let what = What::Verdict { verdict: Verdict::Skipped, error: Some(error.clone()) };
                job.opening.push((target, what));
            }
            _ => {}
        }
    }
    job.opening.push((None, What::Confirmed { by: by.to_owned() }));
}

/// Takes every server for this run; one that another run has is skipped, and that run is named.
fn claim(
    session: &Session,
    job: &mut Job,
    lines: &[Line],
    going: Vec<(usize, Prepared)>,
    claims: &Claims,
) -> Result<(), CliError> {
    for (lane, prepared) in going {
        let line = &lines[lane];
        let claim = Claim::new(&job.run, line.entry.id, &prepared.record.id, session.clock.now().wall);
        match claims.take(line.product.endpoint().as_str(), &claim) {
            Ok(()) => job.targets.push(Target::planned(lane, Arc::new(prepared), job.targets.len())),
            Err(error @ ClaimError::Io { .. }) => {
                return Err(CliError::new(Exit::OutputLost, error, "name another folder with `--state-dir`"));
            }
            Err(busy) => {
                let step = match &busy {
                    ClaimError::Busy(held) => format!("wait for it, or `reinstall resume {}`", held.run),
                    _ => "look at the file; remove it only if no run works on the server".to_owned(),
                };
                let error = ApiError::local("busy", busy.to_string()).advise(step);
                session.warn(&format!("{} {} is skipped: {busy}", line.entry.id, prepared.record.id));
                let target: (String, ServerId) = (line.entry.id.to_owned(), prepared.record.id.clone());
                let what = What::Verdict { verdict: Verdict::Skipped, error: Some(error.clone()) };
                job.opening.push((Some(target), what));
                job.aside.push(unordered(line, &prepared.record, Verdict::Skipped, Some(error)));
            }
        }
    }
    Ok(())
}
