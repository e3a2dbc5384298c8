//! From references to a plan: what is refused before anything is ordered, and in which words.

use crate::stage::Stage;
use reinstall::model::{ApiError, Exit, Expectation, FaultClass, Guard, Record, Ref, Refusal, ServerId};
use reinstall::providers::entries;
use reinstall::run::plan::{self, PlanError};
use reinstall::wire::ReadFault;

fn stage() -> Stage {
    let (vendor, entry) = entries().next().expect("a product");
    Stage::new(vendor, entry)
}

#[test]
fn a_server_that_answers_twice_must_be_named_with_its_product() {
    let stage = stage();
    let id = stage.servers().remove(0).id;
    let select = stage.block(plan::select(&[&stage.client, &stage.client], &[Ref::Id(id.clone())]));
    let error = select.expect_err("two servers answer");
    let PlanError::Ambiguous { found, .. } = &error else { panic!("{error}") };
    assert!(found.len() == 2 && found.iter().all(|name| name.contains(id.as_str())), "{found:?}");
    assert!(found[0].starts_with(stage.entry.id), "{found:?}");
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.next_step().contains("--provider"), "{}", error.next_step());
}

#[test]
fn every_unknown_reference_is_named_with_the_places_that_were_searched() {
    let stage = stage();
    let known = stage.servers().remove(0).id;
    let stranger = ServerId::new("stranger-1").expect("an id");
    let refs = [Ref::Id(known), Ref::Id(stranger), Ref::Name("nobody".to_owned())];
    let error = stage.block(plan::select(&[&stage.client], &refs)).expect_err("two are unknown");
    let PlanError::Unknown { refs, looked } = &error else { panic!("{error}") };
    assert_eq!((refs.len(), looked.len(), error.exit()), (2, 1, Exit::Usage));
    let text = error.to_string();
    assert!(["`stranger-1`", "`name=nobody`", stage.entry.id].iter().all(|word| text.contains(word)), "{text}");
    assert!(error.next_step().contains("reinstall list"));
}

#[test]
fn a_server_that_is_named_twice_is_one() {
    let stage = stage();
    let record = stage.servers().remove(0);
    let name = record.name.clone().expect("a name");
    let refs = [Ref::Name(name), Ref::Id(record.id.clone())];
    let selected = stage.block(plan::select(&[&stage.client], &refs)).expect("it is known");
    assert_eq!(selected.len(), 1);
    assert_eq!((selected[0].0, &selected[0].1.id), (0, &record.id));
}

fn refused(stage: &Stage, record: &Record, key: &str, value: &str) -> Vec<(ServerId, ApiError)> {
    let expect = [Expectation { key: key.to_owned(), value: value.to_owned() }];
    stage.block(plan::refused(&stage.client, [record.id.clone()], &Guard::default(), &expect)).expect("a read")
}

#[test]
fn what_is_not_as_expected_is_left_alone_and_told_in_its_own_words() {
    let stage = stage();
    let record = stage.servers().remove(0);
    let image = record.image_name.clone().or_else(|| record.seen.image.clone());
    for (key, value) in [
        ("name", record.name.clone()),
        ("ip", record.addresses.first().cloned()),
        ("image", image),
        ("status", Some(record.seen.status.to_lowercase())),
    ] {
        let value = value.expect(key);
        assert!(refused(&stage, &record, key, &value).is_empty(), "{key} is {value}");
        let found = refused(&stage, &record, key, "other");
        assert_eq!(found.len(), 1, "{key}");
        assert_eq!((&found[0].0, found[0].1.kind.as_str()), (&record.id, "not_as_expected"));
        assert!(found[0].1.message.contains(key) && found[0].1.message.contains("`other`"), "{}", found[0].1.message);
    }
}

#[test]
fn nothing_is_read_where_nothing_is_held_against_anybody() {
    let stage = stage();
    let record = stage.servers().remove(0);
    let before = stage.client.requests();
    let none = stage.block(plan::refused(&stage.client, [record.id], &Guard::default(), &[])).expect("nothing");
    let expect = [Expectation { key: "name".to_owned(), value: "other".to_owned() }];
    let nobody = stage.block(plan::refused(&stage.client, [], &Guard::default(), &expect)).expect("nothing");
    assert!(none.is_empty() && nobody.is_empty());
    assert_eq!(stage.client.requests(), before);
}

#[test]
fn every_reason_for_no_plan_has_its_exit_code_and_a_next_step() {
    let read = |class: FaultClass, next_step: &str| {
        let error = ApiError::local(class.word(), "words".to_owned()).advise(next_step);
        PlanError::Read { product: "acme", fault: ReadFault { class, error } }
    };
    for (class, exit) in [
        (FaultClass::SignedOut, Exit::Credentials),
        (FaultClass::Denied, Exit::Credentials),
        (FaultClass::ClockSkew, Exit::Credentials),
        (FaultClass::Invalid, Exit::Usage),
        (FaultClass::NotFound, Exit::Usage),
        (FaultClass::Server, Exit::Unreachable),
        (FaultClass::Unreachable, Exit::Unreachable),
    ] {
        let error = read(class.clone(), "");
        assert_eq!(error.exit(), exit, "{class:?}");
        assert_eq!(error.next_step(), class.next_step(), "{class:?}");
        assert!(error.to_string().starts_with("acme: "), "{error}");
        assert_eq!(read(class, "ask the hotline").next_step(), "ask the hotline");
    }
    let refusal = || Refusal::guard("locked", "it is locked", "unlock it");
    let of_all = PlanError::Refused { server: None, refusal: refusal() };
    let of_one = PlanError::Refused { server: Some("acme i-1".to_owned()), refusal: refusal() };
    assert_eq!((of_one.exit(), of_one.next_step().as_str()), (refusal().exit, "unlock it"));
    assert_eq!(of_one.to_string(), format!("acme i-1: {of_all}"));
}
