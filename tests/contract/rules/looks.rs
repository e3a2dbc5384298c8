//! Looking at servers: everyone is told of, and nothing is made up.

use crate::stage::{Stage, strangers};
use reinstall::model::{Phase, Ref, Seen, ServerId};
use reinstall::providers::Admission;
use reinstall::sandbox::Operation;
use std::collections::BTreeSet;

pub(crate) fn one_entry_each(stage: &Stage) {
    let known: Vec<ServerId> = stage.servers().into_iter().map(|record| record.id).collect();
    let mut ids = strangers(&known[0], 150);
    // The known ones stand between the others, so that order and place are no help.
    let step = ids.len() / known.len();
    for (place, id) in known.iter().enumerate() {
        ids.insert(place * step + step / 2, id.clone());
    }
    let most = stage.facts().observe_batch;
    for count in [1, most.min(3), ids.len()] {
        stage.reset();
        let asked = &ids[ids.len() - count..];
        let mut told = Vec::new();
        for chunk in Stage::watches(asked).chunks(most) {
            told.extend(stage.block(stage.product.observe(&stage.client.single(), chunk)));
        }
        let names: BTreeSet<&ServerId> = told.iter().map(|(id, _)| id).collect();
        assert_eq!((told.len(), names.len()), (count, count), "entries and names for {count} servers");
        assert!(asked.iter().all(|id| names.contains(id)), "somebody is missing");
        let mut alone = 0;
        for (id, seen) in &told {
            match seen {
                Seen::Here(_) => {
                    alone += 1;
                    assert!(known.contains(id), "{id} is unknown and seen");
                }
                Seen::Absent => assert!(!known.contains(id), "{id} is there and absent"),
                Seen::Fault(fault) => panic!("{id}: {fault}"),
            }
        }
        let requests = stage.logged(Operation::Read).len();
        // What proves an order without an answer may have to be asked for each server that is there.
        assert!(requests <= count.div_ceil(most) + alone, "{requests} requests for {count} servers");
    }
}

pub(crate) fn nobody(stage: &Stage) {
    stage.tap.clear();
    let told = stage.block(stage.product.observe(&stage.client.single(), &[]));
    assert!(told.is_empty());
    // Some interfaces answer a read without ids with the whole account.
    let found = stage.block(stage.product.find(&stage.client.single(), &[])).expect("nobody is found");
    assert!(found.is_empty(), "a question about nobody found {found:?}");
    assert!(stage.tap.sent().is_empty(), "a request without a server was made");
}

pub(crate) fn unknown_states(stage: &Stage) {
    let wish = stage.wish();
    let record = stage.ready().remove(0);
    for word in ["", "WARP", "runningish", "RUNNING\\u0000", "null"] {
        let (old, new) = (format!("\"{}\"", record.seen.status), format!("\"{word}\""));
        stage.tap.change_answers(move |answer| {
            let text = String::from_utf8_lossy(&answer.body).replace(&old, &new);
            answer.body = text.into_bytes().into();
        });
        let watches = Stage::watches(std::slice::from_ref(&record.id));
        let mut told = stage.block(stage.product.observe(&stage.client.single(), &watches));
        assert_eq!(told.len(), 1);
        let (_, seen) = told.remove(0);
        match seen {
            Seen::Here(seen) => {
                assert_eq!(seen.phase, Phase::Unknown, "{word:?} became {:?}", seen.phase);
                let admission = stage.product.admit(&seen, &wish);
                assert!(matches!(admission, Admission::No(_) | Admission::Busy(_)), "{word:?}: {admission:?}");
            }
            // An empty word may as well count as an answer that cannot be read.
            Seen::Fault(_) => {}
            Seen::Absent => panic!("{word:?} made the server vanish"),
        }
    }
}

pub(crate) fn references(stage: &Stage) {
    let find = |reference: &Ref| {
        let found = stage.block(stage.product.find(&stage.client.patient(), std::slice::from_ref(reference)));
        let mut found = found.expect("a read");
        found.retain(|record| record.is(reference));
        found
    };
    let servers = stage.servers();
    for record in &servers {
        let name = record.name.clone().expect("the emulator's servers have names");
        let address = record.addresses.first().expect("the emulator's servers have addresses");
        let references = [Ref::Id(record.id.clone()), Ref::Name(name), Ref::Ip(address.parse().expect("an address"))];
        for reference in references {
            let found = find(&reference);
            assert_eq!(found.len(), 1, "{reference}");
            assert_eq!(found[0].id, record.id, "{reference}");
            assert_eq!(found[0].seen.phase, record.seen.phase, "{reference}");
        }
    }
    let stranger = strangers(&servers[0].id, 1).remove(0);
    let nobody =
        [Ref::Id(stranger), Ref::Name("nobody".to_owned()), Ref::Ip("192.0.2.250".parse().expect("an address"))];
    for reference in nobody {
        assert!(find(&reference).is_empty(), "{reference} was found");
    }
    // A part of a name is another name.
    let name = servers[0].name.clone().unwrap_or_default();
    assert!(find(&Ref::Name(name[..name.len() - 1].to_owned())).is_empty());
}
