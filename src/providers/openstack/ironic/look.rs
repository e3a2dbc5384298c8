//! What a node's state means (`README.md` tells which words were seen and which are inferred).

use super::wire::{Entry, Glance};
use crate::model::{ApiError, Observation, Phase, Refusal, Wish};
use crate::providers::Admission;
use chrono::{DateTime, TimeDelta};
use std::collections::BTreeMap;

/// Marks of an observation.
pub(super) const MAINTENANCE: &str = "maintenance";
pub(super) const PROTECTED: &str = "protected";
pub(super) const RESERVATION: &str = "reservation";
/// State and entry are written one after the other.
const AROUND: TimeDelta = TimeDelta::seconds(5);
/// In place of a reason that nobody wrote.
const NO_REASON: &str = "no reason is given";
pub(super) const UPDATED: &str = "provision_updated_at";

/// What the states mean. `power` only tells of a node that is in use.
fn phase(state: &str, power: Option<&str>) -> Phase {
    match state {
        "active" => match power {
            // Drivers that never reported leave it null.
            None | Some("power on") => Phase::Running,
            Some("power off") => Phase::Stopped,
            Some("rebooting" | "soft rebooting" | "soft power off") => Phase::Changing,
            Some(_) => Phase::Unknown,
        },
        // `deploying` is shown by a first deployment, too; a node in use does not come there but by a rebuild.
        "deploying" | "wait call-back" | "deploy hold" => Phase::Installing,
        "deploy failed" | "error" => Phase::Failed,
        "rescuing" | "rescue wait" | "unrescuing" | "servicing" | "service wait" | "service hold" | "inspecting"
        | "inspect wait" | "adopting" | "verifying" => Phase::Changing,
        "deleting" | "deleted" | "undeploying" | "cleaning" | "clean wait" | "clean hold" | "clean failed"
        | "available" => Phase::Gone,
        _ => Phase::Unknown,
    }
}

/// One look. The image is what the *next* rebuild installs: it changes before a rebuild, so it proves nothing.
pub(super) fn observation(glance: &Glance, word: &str) -> Observation {
    let mut seen = Observation::of(word, phase(word, glance.power_state.as_deref()));
    seen.image = image(glance);
    let mut marks = BTreeMap::new();
    let mut mark = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            marks.insert(name.to_owned(), value.to_owned());
        }
    };
    let reason = |yes: Option<bool>, text: &'_ Option<String>| {
        yes.filter(|yes| *yes).map(|_| text.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| NO_REASON.into()))
    };
    mark(MAINTENANCE, reason(glance.maintenance, &glance.maintenance_reason).as_deref());
    mark(PROTECTED, reason(glance.protected, &glance.protected_reason).as_deref());
    mark(RESERVATION, glance.reservation.as_deref());
    mark(UPDATED, glance.provision_updated_at.as_deref());
    seen.marks = marks;
    if seen.phase == Phase::Failed {
        // An old error may stand beside any other state: it is read with these alone. The service forgets it when
        // it next compares the power state, so a later look may have none.
        seen.error = glance.last_error.clone().filter(|text| !text.is_empty()).map(failure);
    }
    seen
}

/// A failed deployment with what the service says of it.
fn failure(text: String) -> ApiError {
    ApiError::local("install_failed", text)
        .advise("look at the conductor's log and the node's console; a rebuild is allowed from this state")
}

/// What the node's history says of the failure that the state tells of: its last error, if that is as young as the
/// state itself.
pub(super) fn remembered(glance: &Glance, history: &[Entry]) -> Option<ApiError> {
    let time = |text: &Option<String>| DateTime::parse_from_rfc3339(text.as_deref()?).ok();
    let since = time(&glance.provision_updated_at)? - AROUND;
    let errors = history.iter().rev().filter(|entry| entry.severity.as_deref() == Some("ERROR"));
    let last = errors.into_iter().find(|entry| entry.event.as_ref().is_some_and(|text| !text.is_empty()))?;
    (time(&last.created_at)? >= since).then(|| last.event.clone().map(failure))?
}

/// What the next rebuild installs.
pub(super) fn image(glance: &Glance) -> Option<String> {
    let source = glance.instance_info.as_ref()?.get("image_source")?.as_str()?;
    Some(source.to_owned()).filter(|source| !source.is_empty())
}

/// Whether a node in this state may be rebuilt. Three things stand in the way and are told apart: a person's
/// protection, maintenance (a person's or Ironic's own), and a conductor that holds the node for a moment.
pub(super) fn admit(seen: &Observation, _wish: &Wish) -> Admission {
    if let Some(reason) = seen.marks.get(PROTECTED) {
        return Admission::No(Refusal::guard(
            "locked",
            format!("the node is protected: {reason}"),
            "a person decided that: ask, then `openstack baremetal node unset NODE --protected`",
        ));
    }
    if let Some(reason) = seen.marks.get(MAINTENANCE) {
        return Admission::No(Refusal::guard(
            "maintenance",
            format!("the node is in maintenance: {reason}"),
            "when that is done, `openstack baremetal node maintenance unset NODE`, then run it again",
        ));
    }
    match seen.phase {
        Phase::Installing | Phase::Changing => Admission::Busy(seen.status.clone()),
        Phase::Running | Phase::Stopped | Phase::Failed => match seen.marks.get(RESERVATION) {
            Some(conductor) => Admission::Busy(format!("reserved by conductor {conductor}")),
            None => Admission::Go,
        },
        Phase::Gone | Phase::Unknown => Admission::No(Refusal::guard(
            "wrong_state",
            format!("the node is in state `{}`, from which it cannot be rebuilt", seen.status),
            "a rebuild is allowed from `active`, `deploy failed` and `error`",
        )),
    }
}
