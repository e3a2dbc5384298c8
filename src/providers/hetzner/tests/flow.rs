//! From `find` to the end, against the emulator.

use super::*;
use crate::model::{Choice, HandleState, Phase, PowerOff, Seen, Watch};
use crate::providers::Judgement;
use crate::secret::Secret;
use serde_json::json;
use std::time::Duration;

const WEB: &str = "471101";
const DB: &str = "471102";
const CACHE: &str = "471103";

fn look(product: &Cloud, bench: &Bench<'_>, server: &str, ticket: Option<&str>) -> Seen {
    let watches = [Watch { id: id(server), ticket: ticket.map(str::to_owned) }];
    let mut told = ready(product.observe(bench, &watches));
    assert_eq!(told.len(), 1);
    told.remove(0).1
}

fn here(seen: Seen) -> crate::model::Observation {
    match seen {
        Seen::Here(seen) => seen,
        other => panic!("not here: {other:?}"),
    }
}

#[test]
fn an_order_becomes_an_action_that_is_watched_to_its_end() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, WEB, &wish()).expect("a plan");
    assert_eq!(prepared.power, PowerPlan::StoppedByOrder);
    let taken = bench.exchange(request(&product, &prepared, &OrderSecrets::default()));
    assert!(product.returned(&id(WEB), &taken).is_some(), "a server without keys gets a password");
    let Judgement::Accepted { ticket } = product.judge(&[id(WEB)], &taken).remove(0).1 else { panic!("refused") };
    let ticket = ticket.expect("an action");
    bench.advance(Duration::from_millis(500));
    let seen = here(look(&product, &bench, WEB, Some(&ticket)));
    assert!(matches!(product.admit(&seen, &wish()), Admission::Busy(_)));
    assert_eq!((seen.phase, seen.handle), (Phase::Installing, Some(HandleState::Working)));
    bench.advance(Duration::from_secs(5));
    let seen = here(look(&product, &bench, WEB, Some(&ticket)));
    assert_eq!((seen.phase, seen.handle), (Phase::Running, Some(HandleState::Done)));
    // Somebody else's action proves nothing.
    let seen = here(look(&product, &bench, DB, Some(&ticket)));
    assert_eq!((seen.handle, seen.marks["rebuild"].as_str()), (None, "none"));
    // Who has no answer to its order still finds the rebuild.
    let seen = here(look(&product, &bench, WEB, None));
    assert_eq!((seen.handle, &seen.marks["rebuild"]), (Some(HandleState::Done), &ticket));
    assert_eq!(bench.reinstalls(&id(WEB)), 1);
}

#[test]
fn a_server_with_keys_gets_no_password() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, CACHE, &wish()).expect("a plan");
    let taken = bench.exchange(request(&product, &prepared, &OrderSecrets::default()));
    assert!(product.returned(&id(CACHE), &taken).is_none());
}

#[test]
fn a_name_means_the_image_of_the_servers_architecture() {
    let product = product();
    let bench = bench(&product);
    for choice in [Choice::Name("debian-12".to_owned()), Choice::Id("debian-12".to_owned())] {
        let wish = Wish { image: Some(choice), ..wish() };
        assert_eq!(plan(&product, &bench, WEB, &wish).expect("a plan").body, json!({ "image": 114_690_387 }));
        assert_eq!(plan(&product, &bench, DB, &wish).expect("a plan").body, json!({ "image": 114_690_389 }));
    }
    for (server, image, kind) in [
        (WEB, "114690389", "image_does_not_fit"),
        (DB, "ubuntu-22.04", "image_not_found"),
        (WEB, "90000002", "image_does_not_fit"),
        (WEB, "90000003", "image_does_not_fit"),
        (WEB, "1", "image_not_found"),
        (WEB, "debian", "image_not_found"),
    ] {
        let wish = Wish { image: Some(Choice::Id(image.to_owned())), ..wish() };
        let refusal = plan(&product, &bench, server, &wish).expect_err(image);
        assert_eq!(refusal.kind, kind, "{image}");
    }
}

#[test]
fn an_image_that_was_declared_old_is_installed_and_said_to_be_so() {
    let product = product();
    let bench = bench(&product);
    let line = |image: &str| {
        let wish = Wish { image: Some(Choice::Name(image.to_owned())), ..wish() };
        let lines = plan(&product, &bench, WEB, &wish).expect("a plan").lines;
        lines.into_iter().find(|(name, _)| name == "image").map(|(_, text)| text)
    };
    let text = line("debian-11").expect("a line");
    assert!(text.contains("2026-06-01") && text.contains("can be installed until 2026-12-01"), "{text}");
    assert_eq!(line("debian-12"), None);
    for (body, expected) in [
        (json!({ "deprecated": "2026-06-01" }), Some("declared old by the provider (2026-06-01); it will go away")),
        (json!({ "deprecation": {} }), Some("declared old by the provider; it will go away")),
        (json!({ "deprecation": null, "deprecated": null }), None),
    ] {
        let mut image = json!({ "id": 1 });
        image.as_object_mut().expect("a map").extend(body.as_object().expect("a map").clone());
        let image = serde_json::from_value(image).expect("an image");
        assert_eq!(crate::providers::hetzner::images::old(&image).as_deref(), expected);
    }
}

#[test]
fn user_data_is_sent_as_it_is() {
    let product = product();
    let bench = bench(&product);
    let wish = Wish { user_data: true, image: Some(Choice::Name("debian-12".to_owned())), ..wish() };
    let prepared = plan(&product, &bench, WEB, &wish).expect("a plan");
    let user_data = Some(Secret::from("#cloud-config\n".to_owned()).shared());
    let order = request(&product, &prepared, &OrderSecrets { user_data, ..OrderSecrets::default() });
    let body: Value = serde_json::from_slice(&order.body).expect("JSON");
    assert_eq!(body, vectors()["order"]["body"]);
    assert_eq!(order.url.path(), "/v1/servers/471101/actions/rebuild");
}

#[test]
fn protection_is_a_persons_word_and_a_lock_is_another_action() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, WEB, &wish()).expect("a plan");
    let protect = |on: bool| {
        let url = product.endpoint().join("/v1/servers/471101/actions/change_protection").expect("an address");
        let request = WireRequest::new(http::Method::POST, url, "protect").json(&json!({ "rebuild": on }));
        assert!(bench.exchange(request).status.is_success());
    };
    protect(true);
    let refusal = plan(&product, &bench, WEB, &wish()).expect_err("protected");
    assert_eq!(refusal.kind, "protected");
    let refused = bench.exchange(request(&product, &prepared, &OrderSecrets::default()));
    assert_eq!(product.fault(&refused).expect("a fault").0, crate::model::FaultClass::Locked);
    protect(false);
    assert!(bench.exchange(request(&product, &prepared, &OrderSecrets::default())).status.is_success());
    let refused = bench.exchange(request(&product, &prepared, &OrderSecrets::default()));
    assert_eq!(product.fault(&refused).expect("a fault").0, crate::model::FaultClass::Busy);
}

#[test]
fn a_running_server_is_cut_off_only_where_that_is_allowed() {
    let product = product();
    let bench = bench(&product);
    let never = Wish { power_off: PowerOff::Never, ..wish() };
    assert!(matches!(product.admit(&here(look(&product, &bench, WEB, None)), &never), Admission::No(_)));
    assert_eq!(product.admit(&here(look(&product, &bench, DB, None)), &never), Admission::Go);
}

#[test]
fn texts_that_are_no_numbers_are_nobody() {
    let product = product();
    let bench = bench(&product);
    for text in ["web-1", "0471101", "99999999999999999999999", "471199"] {
        assert!(matches!(look(&product, &bench, text, None), Seen::Absent), "{text}");
    }
    let watches = [WEB, "471199", DB].map(|text| Watch { id: id(text), ticket: None });
    let told = ready(product.observe(&bench, &watches));
    assert_eq!(told.iter().filter(|(_, seen)| matches!(seen, Seen::Here(_))).count(), 2);
}
