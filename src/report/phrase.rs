//! Each kind of event as a sentence for people.

use super::Tone;
use super::text::clean;
use super::words::count;
use crate::model::{ApiError, Observation, PowerOff, Verdict, What};

/// How much it matters to somebody who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Even under `--quiet`.
    Alert,
    /// A change.
    Change,
    /// With `-v`.
    Detail,
    /// With `-vv`.
    Trace,
}

/// A sentence with its weight.
pub(super) struct Phrase {
    pub(super) weight: Weight,
    pub(super) tone: Option<Tone>,
    pub(super) text: String,
}

/// Words for an event.
pub(super) fn phrase(what: &What) -> Phrase {
    use Weight::{Alert, Change, Detail, Trace};
    let (weight, tone, text) = match what {
        What::RunOpened(head) => {
            let place = if head.sandbox { " in the sandbox" } else { "" };
            (Change, None, format!("begins: {}{place}", count(head.total, "server")))
        }
        What::Planned(target) => {
            let image = target.prepared.image.as_ref();
            let image = image.map_or("no image".to_owned(), |(id, name)| name.as_ref().unwrap_or(id).clone());
            (Detail, None, format!("planned: {} -> {}", clean(&target.prepared.record.seen.status), clean(&image)))
        }
        What::Confirmed { by } => (Detail, None, format!("confirmed by {}", clean(by))),
        What::Baseline { seen } => (Detail, None, format!("before the order: {}", look(seen))),
        What::PowerOff { mode } => {
            let how = match mode {
                PowerOff::Soft => "asks the operating system to stop",
                PowerOff::Hard => "cuts the power",
                PowerOff::Never => "leaves the power alone",
            };
            (Change, None, how.to_owned())
        }
        What::Stopped { status } => (Change, None, format!("is off ({})", clean(status))),
        What::Arranging { attempt: 1 } => (Change, None, "changes its record for the order".to_owned()),
        What::Arranging { attempt } => (Change, None, format!("changes its record for the order (attempt {attempt})")),
        What::Arranged {} => (Detail, None, "its record says what is to be installed".to_owned()),
        What::NotArranged { error } => {
            (Change, Some(Tone::Warn), format!("no order: its record is not known to be changed: {}", fault(error)))
        }
        // A provider that knows tokens answers a repeat with its first answer and carries out nothing twice.
        What::OrderIntent { permit, attempt, token: Some(_) } if *attempt > 1 => {
            (Change, None, format!("asks again under the same token (permit {permit}, attempt {attempt})"))
        }
        What::OrderIntent { permit, attempt, .. } => {
            (Detail, None, format!("sends the order (permit {permit}, attempt {attempt})"))
        }
        What::OrderAccepted { ticket, request_id, .. } => {
            let mut text = "order accepted".to_owned();
            if let Some(ticket) = ticket {
                text += &format!(", job {}", clean(ticket));
            }
            if let Some(id) = request_id {
                text += &format!(" [request {}]", clean(id));
            }
            (Change, None, text)
        }
        What::OrderRejected { error, .. } => (Alert, Some(Tone::Bad), format!("order refused: {}", fault(error))),
        What::OrderUnsent { error, .. } => {
            (Change, Some(Tone::Warn), format!("order not carried out: {}", fault(error)))
        }
        What::OrderMaybeSent { error, .. } => (
            Alert,
            Some(Tone::Warn),
            format!("the order may have been taken: watching, and never a second order ({})", fault(error)),
        ),
        What::Status { seen } => (Change, None, look(seen)),
        What::Started { proof } => (Change, None, format!("the reinstall has begun ({})", clean(proof))),
        What::PowerOn {} => (Change, None, "powers it on".to_owned()),
        What::Notice { message } => (Alert, Some(Tone::Warn), clean(message)),
        What::Verdict { verdict, error } => {
            let tone = tone_of(*verdict);
            let weight = if tone == Tone::Good { Change } else { Alert };
            let mut text = words_of(*verdict).to_owned();
            if let Some(error) = error {
                text += &format!(": {}", fault(error));
                if !error.next_step.is_empty() {
                    text += &format!("; next: {}", clean(&error.next_step));
                }
            }
            (weight, Some(tone), text)
        }
        What::Halted { reason } => (Alert, Some(Tone::Warn), format!("no new orders: {}", clean(reason))),
        What::Signalled { signal } => (Alert, Some(Tone::Warn), format!("stopped by {}: no new orders", clean(signal))),
        What::Resend { by, reason, .. } => {
            (Alert, Some(Tone::Warn), format!("{} allows one more order: {}", clean(by), clean(reason)))
        }
        What::Resumed { times } => (Change, None, format!("taken up again ({})", count(*times as usize, "time"))),
        What::RunClosed { exit_code } => (Trace, None, format!("closed with exit code {exit_code}")),
        What::Newer(_) => (Detail, None, format!("{} (known to a newer version)", clean(what.word()))),
    };
    Phrase { weight, tone, text }
}

/// A look in a few words.
pub(super) fn look(seen: &Observation) -> String {
    let mut text = if seen.status.trim().is_empty() { "no status".to_owned() } else { clean(&seen.status) };
    if let Some(operation) = &seen.operation {
        text += &format!(", {}", clean(&operation.word));
    }
    if let Some(error) = &seen.error {
        text += &format!(": {}", fault(error));
    }
    text
}

/// An error in one line.
pub(super) fn fault(error: &ApiError) -> String {
    clean(&error.to_string())
}

/// The verdict as people read it; scripts read [`Verdict::word`].
pub(super) fn words_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::TimedOut => "timed out",
        Verdict::NotStarted => "not started",
        other => other.word(),
    }
}

/// How a verdict sounds.
pub(super) fn tone_of(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Succeeded | Verdict::Accepted => Tone::Good,
        Verdict::Failed | Verdict::Rejected | Verdict::Vanished => Tone::Bad,
        Verdict::TimedOut | Verdict::Unverified | Verdict::Skipped | Verdict::NotStarted => Tone::Warn,
    }
}

/// A mark that tells the same as the tone where there is no colour.
pub(super) fn mark_of(verdict: Verdict) -> &'static str {
    match tone_of(verdict) {
        Tone::Good => "✓",
        Tone::Bad => "✗",
        _ => "!",
    }
}
