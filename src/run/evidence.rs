//! Proof that a reinstall began. Without one no status, however good, is an end.

use crate::flaw::{self, Flaw};
use crate::model::{Observation, Phase, Prepared};

/// A proof, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// As the report shows it: `job:<id>`, `status:<value>`, `operation:<value>`, `changed:<field>`.
    pub text: String,
    /// Equal terminal reads in a row that a verdict on this proof takes.
    pub reads: u32,
}

impl Proof {
    /// Whether it rests on a difference alone, which a lagging read can fake.
    pub fn inferred(&self) -> bool {
        self.reads > NAMED
    }

    /// Equal terminal reads that a verdict on this proof takes, on a look like this one. Without a word of the own job,
    /// a state may still be that of before it; where looks behind its end disagree, one of them lags; and behind an
    /// operation of reinstalling the operation of before it does not come back.
    pub fn needs(&self, baseline: Option<&Observation>, seen: &Observation, disputed: bool) -> u32 {
        let blind = self.text.starts_with("job:") && seen.handle.is_none();
        let old = self.text.starts_with("operation:")
            && seen.operation.as_ref().is_some_and(|operation| {
                !operation.reinstall && baseline.and_then(|baseline| baseline.operation.as_ref()) == Some(operation)
            });
        if blind || disputed || old { INFERRED } else { self.reads }
    }
}

/// What a proof is judged against.
pub struct Before<'a> {
    /// The last look before the permit; `None` when another program ordered and nothing is known.
    pub baseline: Option<&'a Observation>,
    /// Whether that look was confirmed by an equal one.
    pub read_twice: bool,
    /// Whether this run powered the server off: a lagging read may then show the time before.
    pub stopped_by_us: bool,
    /// Whether the provider accepted the order.
    pub accepted: bool,
    /// The job that the order's answer named.
    pub ticket: Option<&'a str>,
}

/// Two equal reads: the rule for a proof that names the reinstall itself.
const NAMED: u32 = 2;
/// For a proof by inference, since a lagging read could fake it for a moment.
const INFERRED: u32 = 10;

/// Looks for the strongest proof in one observation that was read after the send.
pub fn proof(before: &Before<'_>, prepared: &Prepared, now: &Observation) -> Option<Proof> {
    if flaw::is(Flaw::OldRunningCounts) && now.phase == Phase::Running {
        return Some(Proof { text: format!("status:{}", now.status), reads: NAMED });
    }
    own_handle(before, now)
        .or_else(|| new_operation(before, now))
        .or_else(|| named_status(now))
        .or_else(|| left_off_state(before, now))
        .or_else(|| changed_mark(before, prepared, now))
}

/// A proof as a journal tells it, to be judged as strictly as when it was found. `last` is the look that it
/// was found in; where that is not known, the proof counts as inferred.
pub fn remembered(text: &str, stopped_by_us: bool, last: Option<&Observation>) -> Proof {
    let named = match text.split_once(':') {
        Some(("changed", _)) => false,
        Some(("status", _)) => !stopped_by_us || last.is_some_and(|seen| seen.phase == Phase::Installing),
        _ => true,
    };
    Proof { text: text.to_owned(), reads: if named { NAMED } else { INFERRED } }
}

fn own_handle(before: &Before<'_>, now: &Observation) -> Option<Proof> {
    let ticket = before.ticket?;
    now.handle.as_ref()?;
    Some(Proof { text: format!("job:{ticket}"), reads: 1 })
}

/// An operation state of reinstalling that was not there before the order.
fn new_operation(before: &Before<'_>, now: &Observation) -> Option<Proof> {
    let baseline = before.baseline?;
    let operation = now.operation.as_ref().filter(|operation| operation.reinstall)?;
    if baseline.operation.as_ref().is_some_and(|old| old.word.eq_ignore_ascii_case(&operation.word)) {
        return None;
    }
    Some(Proof { text: format!("operation:{}", operation.word), reads: NAMED })
}

fn named_status(now: &Observation) -> Option<Proof> {
    (now.phase == Phase::Installing).then(|| Proof { text: format!("status:{}", now.status), reads: NAMED })
}

/// From a stopped state that was read twice, an accepted order and a known other state.
/// Unknown, empty and failed states prove nothing.
fn left_off_state(before: &Before<'_>, now: &Observation) -> Option<Proof> {
    let baseline = before.baseline?;
    let moved = baseline.phase == Phase::Stopped && matches!(now.phase, Phase::Running | Phase::Changing);
    if !(moved && before.read_twice && before.accepted) {
        return None;
    }
    let reads = if before.stopped_by_us { INFERRED } else { NAMED };
    Some(Proof { text: format!("status:{}", now.status), reads })
}

/// An attribute that this order had to change, and that did.
fn changed_mark(before: &Before<'_>, prepared: &Prepared, now: &Observation) -> Option<Proof> {
    let baseline = before.baseline?;
    prepared.must_change.iter().find_map(|(mark, wanted)| {
        let value = value(now, mark).filter(|value| !value.is_empty())?;
        let old = self::value(baseline, mark)?;
        let changed = match wanted {
            Some(wanted) => value == wanted && old != wanted,
            None => value != old,
        };
        changed.then(|| Proof { text: format!("changed:{mark}"), reads: INFERRED })
    })
}

/// Whether a mark that each order of this kind changes, whatever it was, is another one than in the baseline.
pub fn marked_anew(baseline: &Observation, prepared: &Prepared, now: &Observation) -> bool {
    let mut any = prepared.must_change.iter().filter(|(_, wanted)| wanted.is_none());
    any.any(|(mark, _)| value(baseline, mark).zip(value(now, mark)).is_some_and(|(old, new)| old != new))
}

/// Whether such a mark is there and is still that of the baseline: a look from before the order, however it came.
pub fn marked_old(baseline: &Observation, prepared: &Prepared, now: &Observation) -> bool {
    let mut any = prepared.must_change.iter().filter(|(_, wanted)| wanted.is_none());
    any.any(|(mark, _)| value(baseline, mark).zip(value(now, mark)).is_some_and(|(old, new)| old == new))
}

fn value<'a>(seen: &'a Observation, mark: &str) -> Option<&'a String> {
    seen.marks.get(mark).or(if mark == "image" { seen.image.as_ref() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HandleState, Operation, PowerPlan, Record, ServerId};
    use std::collections::BTreeMap;

    fn seen(status: &str, phase: Phase) -> Observation {
        Observation::of(status, phase)
    }

    fn prepared(must_change: &[(&str, Option<&str>)]) -> Prepared {
        Prepared {
            record: Record {
                id: ServerId::new("i-1").unwrap(),
                name: None,
                addresses: Vec::new(),
                zone: None,
                model: None,
                image_name: None,
                seen: seen("RUNNING", Phase::Running),
                attributes: BTreeMap::new(),
            },
            image: None,
            power: PowerPlan::Nothing,
            body: serde_json::Value::Null,
            lines: Vec::new(),
            must_change: must_change.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect(),
            ends: Phase::Running,
        }
    }

    fn judge(baseline: &Observation, accepted: bool, now: &Observation) -> Option<String> {
        let before =
            Before { baseline: Some(baseline), read_twice: true, stopped_by_us: false, accepted, ticket: None };
        proof(&before, &prepared(&[]), now).map(|proof| proof.text)
    }

    #[test]
    fn a_terminal_status_equal_to_the_baseline_is_no_evidence() {
        for phase in [Phase::Running, Phase::Stopped, Phase::Failed] {
            let state = seen("X", phase);
            assert_eq!(judge(&state, true, &state), None);
        }
    }

    #[test]
    fn unknown_empty_and_failed_states_are_no_evidence() {
        let stopped = seen("stopped", Phase::Stopped);
        for (status, phase) in
            [("", Phase::Unknown), ("warp", Phase::Unknown), ("error", Phase::Failed), ("gone", Phase::Gone)]
        {
            assert_eq!(judge(&stopped, true, &seen(status, phase)), None, "{status}");
        }
    }

    #[test]
    fn leaving_the_off_state_counts_only_for_an_accepted_order_and_a_baseline_read_twice() {
        let stopped = seen("stopped", Phase::Stopped);
        let running = seen("running", Phase::Running);
        assert_eq!(judge(&stopped, true, &running).as_deref(), Some("status:running"));
        assert_eq!(judge(&stopped, false, &running), None);
        let once =
            Before { baseline: Some(&stopped), read_twice: false, stopped_by_us: false, accepted: true, ticket: None };
        assert_eq!(proof(&once, &prepared(&[]), &running), None);
    }

    #[test]
    fn a_named_installing_status_is_evidence_even_without_an_answer() {
        let running = seen("RUNNING", Phase::Running);
        assert_eq!(
            judge(&running, false, &seen("INSTALLING", Phase::Installing)).as_deref(),
            Some("status:INSTALLING")
        );
    }

    #[test]
    fn an_old_operation_word_is_stale_and_a_new_one_is_evidence() {
        let with = |word: &str| Observation {
            operation: Some(Operation { word: word.into(), reinstall: word.starts_with("reinstall") }),
            ..seen("running", Phase::Running)
        };
        assert_eq!(judge(&with("reinstall-succeed"), true, &with("reinstall-succeed")), None);
        assert_eq!(judge(&with("install-succeed"), true, &with("power-on-succeed")), None);
        assert_eq!(
            judge(&with("install-succeed"), true, &with("reinstall-succeed")).as_deref(),
            Some("operation:reinstall-succeed")
        );
    }

    #[test]
    fn an_operation_of_before_behind_that_of_the_reinstall_is_a_late_copy() {
        let shows = |word: &str, reinstall| Observation {
            operation: Some(Operation { word: word.into(), reinstall }),
            ..seen("running", Phase::Running)
        };
        let proof = Proof { text: "operation:reinstall-processing".into(), reads: NAMED };
        let (old, new) = (shows("install-succeed", false), shows("reinstall-succeed", true));
        assert_eq!(proof.needs(Some(&old), &old, false), INFERRED);
        assert_eq!(proof.needs(Some(&old), &new, false), NAMED);
        // After an earlier reinstall the word is the same at every end.
        assert_eq!(proof.needs(Some(&new), &new, false), NAMED);
    }

    #[test]
    fn an_own_job_is_the_strongest_and_needs_one_read() {
        let running = seen("ACTIVE", Phase::Running);
        let done = Observation { handle: Some(HandleState::Done), ..running.clone() };
        let before = Before {
            baseline: Some(&running),
            read_twice: true,
            stopped_by_us: false,
            accepted: true,
            ticket: Some("j1"),
        };
        let proof = proof(&before, &prepared(&[]), &done).unwrap();
        assert_eq!((proof.text.as_str(), proof.reads), ("job:j1", 1));
    }

    #[test]
    fn a_remembered_proof_needs_as_many_reads_as_when_it_was_found() {
        let (installing, running) = (seen("INSTALLING", Phase::Installing), seen("RUNNING", Phase::Running));
        for (text, stopped_by_us, last, reads) in [
            ("job:j1", true, Some(&running), NAMED),
            ("operation:reinstalling", true, Some(&running), NAMED),
            ("status:INSTALLING", true, Some(&installing), NAMED),
            ("status:RUNNING", false, Some(&running), NAMED),
            ("status:RUNNING", true, Some(&running), INFERRED),
            ("status:RUNNING", true, None, INFERRED),
            ("changed:image", false, Some(&running), INFERRED),
        ] {
            assert_eq!(remembered(text, stopped_by_us, last).reads, reads, "{text}, stopped by us: {stopped_by_us}");
        }
    }

    #[test]
    fn a_changed_attribute_counts_only_if_the_order_had_to_change_it() {
        let mut old = seen("RUNNING", Phase::Running);
        old.image = Some("a".into());
        let mut new = old.clone();
        new.image = Some("b".into());
        let before =
            Before { baseline: Some(&old), read_twice: true, stopped_by_us: false, accepted: true, ticket: None };
        assert_eq!(proof(&before, &prepared(&[]), &new), None);
        assert_eq!(proof(&before, &prepared(&[("image", Some("c"))]), &new), None);
        let found = proof(&before, &prepared(&[("image", Some("b"))]), &new).unwrap();
        assert_eq!(found.text, "changed:image");
        assert!(found.reads > 2, "an inferred proof takes more reads than a named one");
    }
}
