//! What proves that a reinstall began, and what never does.

use crate::cases::cases;
use proptest::prelude::*;
use reinstall::model::{HandleState, Observation, Operation, Phase, PowerPlan, Prepared, Record, ServerId};
use reinstall::run::evidence::{Before, proof};
use std::collections::BTreeMap;

const WORDS: [&str; 6] = ["RUNNING", "stopped", "INSTALLING", "warp", "", "reinstall-failed"];

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::Running,
        Phase::Stopped,
        Phase::Installing,
        Phase::Changing,
        Phase::Failed,
        Phase::Gone,
        Phase::Unknown,
    ])
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned)
}

fn marks() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(
        prop::sample::select(vec!["image", "launched_at"]).prop_map(str::to_owned),
        word(),
        0..3,
    )
}

fn seen() -> impl Strategy<Value = Observation> {
    let operation =
        prop::option::of((word(), any::<bool>()).prop_map(|(word, reinstall)| Operation { word, reinstall }));
    let states = vec![HandleState::Working, HandleState::Done, HandleState::Failed];
    let handle = prop::option::of(prop::sample::select(states));
    (word(), phase(), operation, handle, prop::option::of(word()), marks()).prop_map(
        |(status, phase, operation, handle, image, marks)| Observation {
            status,
            phase,
            operation,
            handle,
            image,
            marks,
            error: None,
        },
    )
}

fn prepared() -> impl Strategy<Value = Prepared> {
    let must_change = prop::collection::btree_map(
        prop::sample::select(vec!["image", "launched_at"]).prop_map(str::to_owned),
        prop::option::of(word()),
        0..3,
    );
    (seen(), must_change).prop_map(|(seen, must_change)| Prepared {
        record: Record {
            id: ServerId::new("i-1").expect("an id"),
            name: None,
            addresses: Vec::new(),
            zone: None,
            model: None,
            image_name: None,
            seen,
            attributes: BTreeMap::new(),
        },
        image: None,
        power: PowerPlan::Nothing,
        body: serde_json::Value::Null,
        lines: Vec::new(),
        must_change,
        ends: Phase::Running,
    })
}

/// Flags of a look back: read twice, stopped by us, accepted.
fn before<'a>(baseline: &'a Observation, flags: [bool; 3], ticket: Option<&'a str>) -> Before<'a> {
    Before { baseline: Some(baseline), read_twice: flags[0], stopped_by_us: flags[1], accepted: flags[2], ticket }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_terminal_look_like_the_baseline_is_never_a_proof(seen in seen(), prepared in prepared(), flags in any::<[bool; 3]>()) {
        prop_assume!(seen.phase != Phase::Installing);
        prop_assert_eq!(proof(&before(&seen, flags, None), &prepared, &seen), None);
    }

    #[test]
    fn a_foreign_job_is_no_proof(old in seen(), now in seen(), prepared in prepared(), flags in any::<[bool; 3]>()) {
        let found = proof(&before(&old, flags, None), &prepared, &now);
        prop_assert!(found.is_none_or(|found| !found.text.starts_with("job:")));
    }

    #[test]
    fn one_read_suffices_for_an_own_job_alone(old in seen(), now in seen(), prepared in prepared(), flags in any::<[bool; 3]>(), own in any::<bool>()) {
        let ticket = own.then_some("job-1");
        if let Some(found) = proof(&before(&old, flags, ticket), &prepared, &now) {
            prop_assert!(found.reads >= 1);
            prop_assert_eq!(found.reads == 1, found.text == "job:job-1", "{:?}", found);
        }
    }

    #[test]
    fn unknown_failed_and_gone_states_prove_nothing_by_themselves(old in seen(), now in seen(), prepared in prepared(), flags in any::<[bool; 3]>()) {
        for phase in [Phase::Unknown, Phase::Failed, Phase::Gone] {
            let now = Observation { phase, ..now.clone() };
        let found = proof(&before(&old, flags, None), &prepared, &now);
        prop_assert!(found.is_none_or(|found| !found.text.starts_with("status:")));
        }
    }

    #[test]
    fn leaving_the_off_state_needs_an_accepted_order_and_a_confirmed_baseline(old in seen(), now in seen(), prepared in prepared(), flags in any::<[bool; 3]>()) {
        prop_assume!(now.phase != Phase::Installing);
        if let Some(found) = proof(&before(&old, flags, None), &prepared, &now)
            && found.text.starts_with("status:")
        {
            prop_assert!(old.phase == Phase::Stopped && flags[0] && flags[2]);
            prop_assert!(!flags[1] || found.reads > 2, "a lagging read could show the time before the stop");
        }
    }

    #[test]
    fn a_changed_mark_counts_only_if_the_order_had_to_change_it(old in seen(), now in seen(), prepared in prepared(), flags in any::<[bool; 3]>()) {
        if let Some(found) = proof(&before(&old, flags, None), &prepared, &now)
            && let Some(mark) = found.text.strip_prefix("changed:")
        {
            prop_assert!(prepared.must_change.contains_key(mark));
            prop_assert!(found.reads > 2, "an inferred proof takes more reads than a named one");
        }
    }

    #[test]
    fn without_a_baseline_only_a_named_state_or_an_own_job_proves(now in seen(), prepared in prepared(), accepted in any::<bool>(), own in any::<bool>()) {
        let before = Before { baseline: None, read_twice: true, stopped_by_us: false, accepted, ticket: own.then_some("j") };
        if let Some(found) = proof(&before, &prepared, &now) {
            prop_assert!(found.text.starts_with("job:") || now.phase == Phase::Installing, "{:?}", found);
        }
    }
}
