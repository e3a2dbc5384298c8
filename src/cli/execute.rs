//! From a settled plan to the end of its run: the part that the verb, `resume` and `wait` share.

use super::error::CliError;
use super::outcome::{deliver, exit_of, in_plan_order, plan_order, target_report};
use super::session::{Line, Session};
use super::signals::Signals;
use crate::client::Client;
use crate::journal::{Claims, Journal, room};
use crate::model::{Event, Exit, OrderSecrets, RunId, What, Wish};
use crate::report::{JsonLines, Reporter, RunReport, TargetReport};
use crate::run::driver::{self, Crew, Ended, RandomChance, drive};
use crate::run::machine::Machine;
use crate::run::policy::Policy;
use crate::run::recorder::{Listener, Lost, Recorder};
use crate::run::target::{Stage, Target};
use chrono::{DateTime, Utc};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Everything that a run needs once nothing is left to ask.
pub(super) struct Job {
    /// The run.
    pub run: RunId,
    /// Its journal; none while only watching.
    pub journal: Option<Journal>,
    /// Number of the journal's last event.
    pub last_seq: u64,
    /// Events to record before the machine begins: (index of the server or none, event).
    pub opening: Vec<(Option<(String, crate::model::ServerId)>, What)>,
    /// One line per lane, with the wish in its terms.
    pub lanes: Vec<(Line, Wish)>,
    /// Servers for the machine.
    pub targets: Vec<Target>,
    /// Secrets by group.
    pub secrets: Vec<OrderSecrets>,
    /// Servers that never reach the machine: skipped while the plan was made.
    pub aside: Vec<TargetReport>,
    /// Claims to give back.
    pub claims: Option<Claims>,
    /// The first permit number that was not used.
    pub next_permit: u64,
    /// When the run began.
    pub started_at: DateTime<Utc>,
    /// Events of before, for a run that is resumed.
    pub history: Vec<Event>,
    /// By product and server: orders that count beside the present one, which the operator allowed.
    pub orders_before: BTreeMap<(String, String), u32>,
    /// Limits.
    pub policy: Policy,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--reason`.
    pub reason: Option<String>,
}

/// Hears events: progress on standard error, lines on standard output. Only the latter's loss stops orders.
struct Voices {
    progress: Box<dyn Reporter>,
    lines: Option<JsonLines>,
    /// Set once progress has told of a signal.
    told: Arc<AtomicBool>,
}

impl Listener for Voices {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        // Progress is for the eye: a closed standard error changes nothing.
        let _ = self.progress.on(event);
        if matches!(event.what, What::Signalled { .. }) {
            self.told.store(true, Ordering::SeqCst);
        }
        if unread() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match &mut self.lines {
            Some(lines) => lines.on(event),
            None => Ok(()),
        }
    }
}

/// Whether whoever read standard output has gone. A report that nobody will read is found out before the orders,
/// not behind them.
fn unread() -> bool {
    let stdout = rustix::stdio::stdout();
    let mut streams = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut streams, Some(&now)).is_ok() && streams[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// The limits that the settings ask for.
pub(super) fn policy(session: &Session, total: usize, watch_only: bool) -> Policy {
    let settings = &session.settings;
    Policy {
        start_window: settings.start_window.value,
        poll_interval: settings.poll_interval.value,
        concurrency: if watch_only { usize::MAX } else { settings.concurrency.value.get() },
        max_failures: if watch_only { usize::MAX } else { settings.max_failures.value.of(total) },
        no_wait: settings.no_wait.value && !watch_only,
        watch_only,
    }
}

/// Keeps room on the disk for everything that the run may write, before the first permit.
fn make_room(session: &Session, job: &mut Job) -> Result<(), CliError> {
    let Some(journal) = &mut job.journal else { return Ok(()) };
    let waiting = job.targets.iter().filter(|target| target.stage == Stage::Queued).count();
    let open = job.targets.iter().filter(|target| target.stage != Stage::Done).count();
    let known: Vec<&What> = job.opening.iter().map(|(_, what)| what).collect();
    match journal.reserve(room(&known, open)) {
        Ok(_) => Ok(()),
        // What was ordered is watched whatever the disk says.
        Err(lost) if waiting == 0 && !job.history.is_empty() => {
            session.warn(&lost.to_string());
            Ok(())
        }
        Err(lost) => {
            if job.history.is_empty() {
                if let Some(claims) = &job.claims {
                    claims.release_all(&job.run);
                }
                job.journal.take().into_iter().for_each(Journal::discard);
            }
            let step = "nothing was sent; make room, or name another `--state-dir`";
            Err(CliError::new(Exit::OutputLost, format!("no room for the run: {lost}"), step))
        }
    }
}

/// Runs it to its end and reports.
pub(super) async fn execute(session: &Session, mut job: Job, signals: &Signals) -> Result<Exit, CliError> {
    make_room(session, &mut job)?;
    let order = plan_order(&job.history, &job.opening);
    let mut voices = Voices { progress: session.progress(), lines: session.json_lines(), told: signals.told() };
    for event in &job.history {
        voices.progress.recall(event);
        if let Some(lines) = &mut voices.lines {
            lines.recall(event);
        }
    }
    let (lines, wishes): (Vec<Line>, Vec<Wish>) = job.lanes.into_iter().unzip();
    let lanes = lines
        .iter()
        .zip(wishes)
        .map(|(line, wish)| driver::lane(&line.client, wish, job.timeout, line.product.clone()))
        .collect();
    let watch_only = job.policy.watch_only;
    let mut machine = Machine::new(job.policy, lanes, job.targets, job.next_permit, Box::new(RandomChance));
    let journaled = job.journal.is_some();
    let clients: Vec<Client> = lines.into_iter().map(|line| line.client).collect();
    let crew = Crew { clients: &clients, secrets: &job.secrets, clock: session.clock.clone(), claims: job.claims };
    let mut recorder = Recorder::new(job.run.clone(), job.journal, job.last_seq, &mut voices, session.clock.clone());
    let mut ended = Ended::default();
    for (target, what) in job.opening {
        let target = target.as_ref().map(|(provider, instance)| (provider.as_str(), instance));
        match recorder.record(target, what) {
            // Nobody to tell: the next event says so again, before the first permit, and every server gets its verdict.
            Ok(()) | Err(Lost::Output(_)) => {}
            // Nothing was sent yet: without a journal nothing will be.
            Err(Lost::Journal(lost)) => {
                // A resumed run keeps the servers that it has ordered for.
                if let Some(claims) = crew.claims.as_ref().filter(|_| job.history.is_empty()) {
                    claims.release_all(recorder.run());
                }
                return Err(CliError::new(
                    Exit::OutputLost,
                    lost,
                    "nothing was sent; make room, or name another `--state-dir`",
                ));
            }
        }
    }
    if !machine.done() {
        ended = drive(&mut machine, &crew, &mut recorder, || signals.next()).await;
    }
    let mut targets: Vec<TargetReport> =
        machine.targets().iter().map(|target| target_report(target, clients[target.lane].product())).collect();
    if watch_only {
        // Whoever ordered it, this run did not.
        targets.iter_mut().for_each(|target| target.orders_sent = 0);
    }
    targets.extend(job.aside);
    for target in &mut targets {
        let key = (target.provider.clone(), target.instance.clone());
        target.orders_sent += job.orders_before.get(&key).copied().unwrap_or(0);
    }
    in_plan_order(&mut targets, &order);
    let exit = exit_of(&targets, &ended);
    if ended.signal.is_none() && ended.journal_lost.is_none() {
        // Each was given back at its verdict; one that could not be read then must not stand behind the end of its run.
        if let Some(claims) = &crew.claims {
            claims.release_all(&job.run);
        }
        // The verdicts are on disk already; this line only says that nothing is left.
        let _ = recorder.record(None, What::RunClosed { exit_code: exit.code() });
    }
    let report = RunReport {
        run: Some(job.run.clone()),
        started_at: job.started_at,
        finished_at: session.clock.now().wall,
        exit,
        dry_run: false,
        reason: job.reason,
        targets,
    };
    let Voices { progress, mut lines, .. } = voices;
    drop(progress);
    if let Some(lost) = &ended.journal_lost {
        session.warn(lost);
    }
    let delivered = deliver(session, &report, lines.as_mut());
    if let (Some(signal), true) = (ended.signal, journaled) {
        session.tell(&format!(
            "stopped by {signal}: run {} is not finished. What was ordered goes on at the provider.",
            job.run
        ));
        session.tell(&format!("  next: reinstall resume {}", job.run));
    }
    Ok(delivered)
}
