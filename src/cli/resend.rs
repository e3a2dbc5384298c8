//! The operator's door: one more order for a server whose earlier order may have been taken, because a person who has
//! looked says so. Everything that the program can know against it is asked first.

use super::confirm::{Answer, confirm};
use super::error::CliError;
use super::login::Logins;
use super::operator;
use super::reinstall::show;
use super::session::{Line, Session};
use crate::clock::Now;
use crate::config::values;
use crate::journal::{Stamp, Story, boot_id};
use crate::model::{Exit, PlannedTarget, Prepared, Record, Ref, RunId, ServerId, What};
use crate::providers::Admission;
use crate::run::plan;
use crate::run::policy::PERMIT_LIFE;
use crate::run::resume::{Past, PastServer};
use crate::run::target::Stage;
use std::time::Duration;

/// What was typed.
pub(super) struct Wanted {
    /// The servers, each by its id.
    pub servers: Vec<String>,
    /// Why.
    pub reason: String,
    /// Whether no question is asked.
    pub yes: bool,
}

/// How long after a permit became void nothing of its order can be on its way any more.
const QUIET: Duration = Duration::from_secs(60);

impl Wanted {
    /// Reads `--resend`, `--reason` and `--yes`; `None` without the first.
    pub(super) fn read(servers: Vec<String>, reason: Option<String>, yes: bool) -> Result<Option<Self>, CliError> {
        if servers.is_empty() {
            let stray = if reason.is_some() { Some("--reason") } else { yes.then_some("--yes") };
            return match stray {
                Some(option) => {
                    let message = format!("`{option}` belongs to `--resend` here, and none was given");
                    Err(CliError::usage(message, "leave it out: `resume` asks nothing and repeats nothing"))
                }
                None => Ok(None),
            };
        }
        let Some(reason) = reason else {
            return Err(CliError::usage(
                "`--resend` sends an order again that may have been taken, and needs a `--reason`",
                "say in it how you know that the first order was not carried out; the journal keeps it",
            ));
        };
        let reason = values::line(&reason)
            .map_err(|why| CliError::usage(format!("`--reason`: {why}"), "give a short text on one line"))?;
        Ok(Some(Self { servers, reason, yes }))
    }
}

/// Finds the servers, refuses those whose order must not be repeated, shows the plan, and asks. Returns what the journal
/// has to say of each, and leaves the servers as if they had only been planned.
pub(super) async fn allow(
    session: &Session,
    wanted: &Wanted,
    run: &RunId,
    story: &Story,
    past: &mut Past,
    lines: &[Line],
    logins: &Logins,
) -> Result<Vec<(Option<(String, ServerId)>, What)>, CliError> {
    let mut chosen: Vec<usize> = Vec::new();
    for name in &wanted.servers {
        let place = find(&past.servers, name)?;
        if !chosen.contains(&place) {
            chosen.push(place);
        }
    }
    let now = session.clock.now();
    let mut going: Vec<(usize, Prepared)> = Vec::new();
    let mut planned: Vec<PlannedTarget> = Vec::new();
    let mut permits = Vec::new();
    for &place in &chosen {
        let server = &past.servers[place];
        permits.push(permit(server, story, now)?);
        let Some(plan) = &server.planned else { continue };
        let Some(lane) = lines.iter().position(|line| line.entry.id == server.provider) else { continue };
        look(session, run, &lines[lane], plan, past).await?;
        going.push((lane, plan.prepared.clone()));
        planned.push(plan.clone());
    }
    show(session, lines, &going, &planned, &[], logins);
    for name in &chosen {
        let server = &past.servers[*name];
        session.warn(&format!(
            "{} {}: its first order may have been taken; this one may wipe it a second time",
            server.provider, server.instance
        ));
    }
    if !wanted.yes {
        let records: Vec<&Record> = going.iter().map(|(_, ready)| &ready.record).collect();
        if let Answer::No(why) = confirm(session, &records) {
            return Err(refused(format!("not confirmed: {why}; nothing was sent"), "confirm it, or pass `--yes`"));
        }
    }
    let by = operator::name();
    let mut told = Vec::new();
    for (&place, permit) in chosen.iter().zip(permits) {
        let server = &mut past.servers[place];
        server.resend();
        let what = What::Resend { permit, by: by.clone(), reason: wanted.reason.clone() };
        told.push((Some((server.provider.clone(), server.instance.clone())), what));
    }
    Ok(told)
}

fn refused(message: String, step: &str) -> CliError {
    CliError::new(Exit::Skipped, message, step)
}

/// The server that a text means: its id, or `PROVIDER/ID` where two products have the same one.
fn find(servers: &[PastServer], name: &str) -> Result<usize, CliError> {
    let is = |server: &PastServer| {
        server.instance.as_str() == name || format!("{}/{}", server.provider, server.instance) == name
    };
    let found: Vec<usize> = (0..servers.len()).filter(|&place| is(&servers[place])).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(CliError::usage(
            format!("`--resend {name}`: the run has no such server"),
            "give the id as `reinstall runs show` tells it",
        )),
        _ => Err(CliError::usage(
            format!("`--resend {name}`: several products of the run have such a server"),
            "write it as `PROVIDER/ID`",
        )),
    }
}

/// The permit of the order in question, if nobody has seen that order begin, and no process can use it any more.
fn permit(server: &PastServer, story: &Story, now: Now) -> Result<u64, CliError> {
    let name = format!("{} {}", server.provider, server.instance);
    let no = |why: &str, step: &str| Err(refused(format!("{name} is not ordered again: {why}"), step));
    let Some(target) = &server.target else { return no("it was skipped while the plan was made", "make a new run") };
    match &target.stage {
        Stage::Queued => return no("its order is still to come", "leave `--resend` out: `resume` sends it"),
        Stage::Done => {
            let verdict = target.verdict.map_or("done", |verdict| verdict.word());
            return no(&format!("it ended as {verdict}"), "make a new run for it");
        }
        _ => {}
    }
    if let Some(proof) = &target.proof {
        return no(&format!("its reinstall was seen to begin ({})", proof.text), "leave `--resend` out: watch it");
    }
    let (true, Some((permit, place))) = (target.ordered(), server.last_intent) else {
        return no("no order for it may have been taken", "leave `--resend` out");
    };
    let (Some(event), Some(stamp)) = (story.events.get(place), story.stamps.get(place)) else {
        return no("the journal does not tell when it was ordered", "make a new run for it");
    };
    match still_usable(event.at, stamp, &boot_id(), now) {
        None => Ok(permit),
        Some(left) => no(
            &format!("the process that held its permit could still use it for {}", seconds(left)),
            "wait so long, and look at the server meanwhile",
        ),
    }
}

/// How long a suspended process may still send under the permit, or bytes of it be on their way: by civil time, and
/// by the time since the machine's start where that is still the same start.
fn still_usable(at: chrono::DateTime<chrono::Utc>, stamp: &Stamp, boot_id: &str, now: Now) -> Option<Duration> {
    let whole = PERMIT_LIFE + QUIET;
    // A clock that was set back makes this longer, never shorter.
    let wall = whole.saturating_sub((now.wall - at).to_std().unwrap_or_default());
    let boot = match stamp.boot_id == boot_id {
        true => whole.saturating_sub(now.boot.saturating_sub(stamp.boot)),
        false => Duration::ZERO,
    };
    Some(wall.max(boot)).filter(|left| !left.is_zero())
}

fn seconds(time: Duration) -> String {
    crate::report::words::duration(time.max(Duration::from_secs(1)))
}

/// A fresh look: a server that is being reinstalled, or carries another image than planned, shows that the first order
/// was carried out.
async fn look(
    session: &Session,
    run: &RunId,
    line: &Line,
    planned: &PlannedTarget,
    past: &Past,
) -> Result<(), CliError> {
    let id = &planned.prepared.record.id;
    let refs = [Ref::Id(id.clone())];
    let found = plan::select(&[&line.client], &refs).await?;
    let Some((_, record)) = found.into_iter().next() else { return Ok(()) };
    let name = format!("{} {id}", line.entry.id);
    let watch = format!("leave `--resend` out: `reinstall resume {run}` watches it");
    let (before, is) = (&planned.prepared.record.seen.image, &record.seen.image);
    let target = past.servers.iter().find(|server| server.instance == *id && server.provider == line.entry.id);
    let by_us = target.and_then(|server| server.target.as_ref()).is_some_and(|known| known.named_by_us(&record.seen));
    if before.is_some() && is.is_some() && before != is && !by_us {
        return Err(refused(format!("{name} is not ordered again: its image has changed since the plan"), &watch));
    }
    match line.product.admit(&record.seen, &past.head.wish) {
        Admission::Busy(what) => Err(refused(format!("{name} is not ordered again: it is {what} already"), &watch)),
        Admission::No(refusal) => Err(refused(format!("{name} is not ordered again: {refusal}"), &refusal.next_step)),
        _ => {
            session.tell(&format!("{name} looks as before: {}", record.seen.status));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn at(wall: i64, boot: u64) -> Now {
        Now {
            wall: DateTime::from_timestamp(wall, 0).unwrap(),
            boot: Duration::from_secs(boot),
            steady: Duration::from_secs(boot),
        }
    }

    #[test]
    fn a_permit_that_a_paused_process_could_still_use_keeps_the_door_shut() {
        let sent = DateTime::from_timestamp(1000, 0).unwrap();
        let stamp = Stamp { epoch: 0, boot: Duration::from_secs(500), boot_id: "this".to_owned() };
        let left = |boot_id: &str, now| still_usable(sent, &stamp, boot_id, now).map(|left| left.as_secs());
        assert_eq!(left("this", at(1000, 500)), Some(90));
        assert_eq!(left("this", at(1089, 589)), Some(1));
        assert_eq!(left("this", at(1090, 590)), None);
        // Civil time alone may have been set forward, the time since the start alone begins anew with it.
        assert_eq!(left("this", at(5000, 520)), Some(70));
        assert_eq!(left("this", at(1010, 5000)), Some(80));
        assert_eq!(left("this", at(10, 5000)), Some(90), "a clock that was set back opens nothing");
        assert_eq!(left("another", at(1090, 3)), None, "no process outlives its machine's start");
        assert_eq!(left("another", at(1050, 3)), Some(40));
    }

    #[test]
    fn a_repeated_order_needs_a_reason_and_its_options_stand_for_nothing_else() {
        assert!(Wanted::read(Vec::new(), None, false).unwrap().is_none());
        assert!(Wanted::read(Vec::new(), Some("x".into()), false).is_err());
        assert!(Wanted::read(Vec::new(), None, true).is_err());
        assert!(Wanted::read(vec!["i-1".into()], None, true).is_err());
        assert!(Wanted::read(vec!["i-1".into()], Some("  ".into()), true).is_err());
        assert!(Wanted::read(vec!["i-1".into()], Some("looked at the console".into()), true).unwrap().is_some());
    }
}
