//! Lists, pages and looks, good and bad.

use super::*;
use crate::model::Phase;
use crate::providers::jdcloud::sandbox::many_machines;
use std::net::IpAddr;

fn looks(product: &Cps, api: &dyn Api, servers: &[&str]) -> Vec<Seen> {
    let watches: Vec<Watch> = servers.iter().map(|server| watch(server)).collect();
    let looks = ready(product.observe(api, &watches));
    let ids: Vec<&str> = looks.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, servers, "exactly one entry for each that was asked for");
    looks.into_iter().map(|(_, seen)| seen).collect()
}

fn one(body: &str) -> Seen {
    let product = product();
    let canned = Canned::new(&product, [(200, body)]);
    looks(&product, &canned, &["a"]).remove(0)
}

#[test]
fn every_server_of_a_large_account_is_listed_and_looked_at() {
    let product = product();
    let bench = bench(&product);
    for machine in many_machines(250) {
        bench.lock().1.fleet.add(machine);
    }
    let all = ready(product.list(&bench)).expect("a list");
    assert_eq!(all.len(), 253);
    let ids: Vec<String> = all.iter().map(|record| record.id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert!(looks(&product, &bench, &ids).iter().all(|seen| matches!(seen, Seen::Here(_))));
    let refs: Vec<Ref> = ids.iter().map(|text| Ref::Id(id(text))).collect();
    assert_eq!(ready(product.find(&bench, &refs)).expect("a list").len(), 253);
}

#[test]
fn a_server_is_found_by_id_name_and_either_address() {
    let product = product();
    let bench = bench(&product);
    let find = |reference: Ref| {
        let found = ready(product.find(&bench, std::slice::from_ref(&reference))).expect("a list");
        found.into_iter().filter(|record| record.is(&reference)).map(|record| record.id.to_string()).collect::<Vec<_>>()
    };
    let ip = |text: &str| Ref::Ip(text.parse::<IpAddr>().expect("an address"));
    assert_eq!(find(Ref::Id(id("cps-demo-2"))), ["cps-demo-2"]);
    assert_eq!(find(Ref::Name("web-1".to_owned())), ["cps-demo-1"]);
    assert_eq!(find(ip("10.32.0.13")), ["cps-demo-3"]);
    assert_eq!(find(ip("203.0.113.12")), ["cps-demo-2"]);
    for unknown in [Ref::Id(id("cps-none")), Ref::Name("web".to_owned()), ip("192.0.2.1")] {
        assert!(find(unknown).is_empty());
    }
    let twice = [Ref::Id(id("cps-demo-1")), Ref::Name("web-1".to_owned()), Ref::Id(id("cps-demo-1"))];
    assert_eq!(ready(product.find(&bench, &twice)).expect("a list").len(), 1);
    let record = record(&product, &bench, "cps-demo-1");
    assert_eq!(record.addresses, ["203.0.113.11", "10.32.0.11"]);
    assert_eq!(record.model.as_deref(), Some("cps.c.normal"));
    assert_eq!(record.image_name.as_deref(), Some("CentOS 7.9(x86_64)"));
}

#[test]
fn images_are_those_of_the_server_or_of_all_models_in_the_account() {
    let product = product();
    let bench = bench(&product);
    let record = record(&product, &bench, "cps-demo-2");
    let for_one = ready(product.images(&bench, Some(&record))).expect("images");
    assert_eq!(for_one.len(), 3);
    assert!(for_one.iter().all(|image| image.offered_for.as_deref() == Some("cps.s.large")));
    assert_eq!(ready(product.images(&bench, None)).expect("images").len(), 7);
    let keys = ready(product.keys(&bench)).expect("keys");
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key.name.is_some() && key.fingerprint.is_some()));
}

#[test]
fn ids_are_asked_for_by_the_hundred_and_each_once() {
    let product = product();
    let empty = r#"{"result":{"instances":[],"totalCount":0}}"#;
    let canned = Canned::new(&product, [(200, empty)]);
    let names: Vec<String> = (0..101).map(|number| format!("i-{number}")).collect();
    let mut watches: Vec<Watch> = names.iter().map(|name| watch(name)).collect();
    watches.push(watch("i-0"));
    let looks = ready(product.observe(&canned, &watches));
    assert_eq!(looks.len(), 101);
    assert!(looks.iter().all(|(_, seen)| matches!(seen, Seen::Absent)));
    let asked = canned.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].contains("filters.1.values.100=i-99&") && !asked[0].contains("i-100"), "{}", asked[0]);
    assert!(asked[0].contains("pageSize=100") && asked[1].contains("filters.1.values.1=i-100&"), "{}", asked[1]);
}

#[test]
fn a_missing_or_unexplained_status_is_unknown() {
    for (body, status) in [
        (r#"{"result":{"instances":[{"instanceId":"a"}],"totalCount":1}}"#, ""),
        (r#"{"result":{"instances":[{"instanceId":"a","status":null}],"totalCount":1}}"#, ""),
        (r#"{"result":{"instances":[{"instanceId":"a","status":"odd"}]}}"#, "odd"),
    ] {
        assert!(
            matches!(&one(body), Seen::Here(look) if look.phase == Phase::Unknown && look.status == status),
            "{body}"
        );
    }
}

#[test]
fn an_answer_that_is_garbled_for_a_server_proves_nothing_about_it() {
    for body in [
        r#"{"result":{"instances":[{"instanceId":"a","status":5}],"totalCount":1}}"#,
        r#"{"result":{"instances":[{"instanceId":"a","status":"running","status":"error"}],"totalCount":1}}"#,
        r#"{"result":{"instances":[{"instanceId":"a","status":"running"},{"instanceId":"a","status":"error"}],"totalCount":2}}"#,
        r#"{"result":{"instances":[{"instanceId":"a","status":"running","osTypeId":"x"},{"instanceId":"a","status":"running","osTypeId":"y"}],"totalCount":2}}"#,
        r#"{"result":{"instances":[{"status":"running"}],"totalCount":1}}"#,
        r#"{"result":{"instances":[7],"totalCount":1}}"#,
        r#"{"result":{"instances":[{"instanceId":"other","status":"running"}],"totalCount":1}}"#,
        r#"{"result":{"instances":[],"totalCount":1}}"#,
        r#"{"result":{"instances":"none","totalCount":0}}"#,
        r#"{"result":{"totalCount":3}}"#,
        r#"{"result":{}}"#,
        r#"{"result":null}"#,
        r#"{"result":{"instances":[],"totalCount":0},"error":"odd"}"#,
        r#"{}"#,
        r#"{"result":{"instances":[{"instanceId":"a","status":"running"}],"totalCount":"1"}}"#,
        "<html>",
        "",
    ] {
        assert!(matches!(&one(body), Seen::Fault(fault) if fault.class == FaultClass::Malformed), "{body}");
    }
}

#[test]
fn a_server_that_cannot_be_read_does_not_hide_its_neighbours() {
    let product = product();
    let body = r#"{"result":{"instances":[{"instanceId":"a","status":{}},{"instanceId":"b","status":"running"}],"totalCount":2}}"#;
    let canned = Canned::new(&product, [(200, body)]);
    let seen = looks(&product, &canned, &["a", "b", "c"]);
    assert!(matches!(&seen[..], [Seen::Fault(_), Seen::Here(look), Seen::Absent] if look.phase == Phase::Running));
    let canned = Canned::new(&product, [(200, body)]);
    let records = ready(product.list(&canned)).expect("a list");
    assert_eq!(records.len(), 2, "it stays in view");
    assert_eq!(records[0].seen.phase, Phase::Unknown);
}

#[test]
fn a_failed_read_is_a_fault_for_every_server_of_the_request() {
    let product = product();
    for (status, body, class) in [
        (500, r#"{"error":{"code":500,"status":"INTERNAL"}}"#, FaultClass::Server),
        (404, r#"{"error":{"code":404,"status":"NOT_FOUND"}}"#, FaultClass::NotFound),
        (200, r#"{"result":{"instances":[]},"error":{"code":429,"status":"RATE_LIMIT"}}"#, FaultClass::Throttled(None)),
    ] {
        let canned = Canned::new(&product, [(status, body)]);
        for seen in looks(&product, &canned, &["a", "b"]) {
            assert!(matches!(&seen, Seen::Fault(fault) if fault.class == class), "{seen:?}");
        }
    }
}

#[test]
fn pages_that_never_end_or_end_early_are_no_list() {
    let product = product();
    let full = |from: usize, total: usize| {
        let rows: Vec<String> = (from..from + 100).map(|number| format!(r#"{{"instanceId":"i-{number}"}}"#)).collect();
        format!(r#"{{"result":{{"instances":[{}],"totalCount":{total}}}}}"#, rows.join(","))
    };
    let (first, second) = (full(0, 1000), full(100, 1000));
    let repeated = Canned::new(&product, [(200, first.as_str()), (200, second.as_str())]);
    assert!(ready(product.list(&repeated)).is_err());
    assert_eq!(repeated.asked().len(), 3, "a repeated page ends it");
    let early =
        Canned::new(&product, [(200, first.as_str()), (200, r#"{"result":{"instances":[],"totalCount":1000}}"#)]);
    assert!(ready(product.list(&early)).is_err());
    let pages: Vec<(u16, String)> = (0..300).map(|page| (200, full(page * 100, 1_000_000))).collect();
    let endless = Canned { product: &product, answers: Mutex::new(pages.into()), asked: Mutex::default() };
    assert!(ready(product.list(&endless)).is_err());
    assert_eq!(endless.asked().len(), 200);
    let uncounted = Canned::new(&product, [(200, r#"{"result":{"instances":[{"instanceId":"a"}]}}"#)]);
    assert_eq!(ready(product.list(&uncounted)).expect("a list").len(), 1);
}

#[test]
fn texts_from_outside_are_encoded_in_addresses() {
    let product = product();
    let canned = Canned::new(&product, [(200, r#"{"result":{"instances":[],"totalCount":0}}"#)]);
    let odd = [Ref::Name("a&status=x/../ü #1".to_owned())];
    assert!(ready(product.find(&canned, &odd)).expect("a list").is_empty());
    let asked = canned.asked().remove(0);
    assert!(asked.contains("?name=a%26status%3Dx%2F..%2F%C3%BC+%231&"), "{asked}");
}

#[test]
fn an_endpoint_replaces_the_host_and_keeps_its_path() {
    let with = |endpoint: Option<&str>| {
        let mut sources = MapSources::of(&Sandbox::default());
        sources.endpoint = endpoint.map(|text| text.parse().expect("an address"));
        Cps::new(&sources).map(|product| product.url(&["instances"], &[]).to_string())
    };
    let url = |endpoint| with(endpoint).map_err(|fault| fault.to_string()).expect("an address");
    assert_eq!(url(None), "https://cps.jdcloud-api.com/v1/regions/cn-north-1/instances");
    assert_eq!(url(Some("https://gate.example/jd/")), "https://gate.example/jd/v1/regions/cn-north-1/instances");
    assert!(with(Some("data:text")).is_err());
}
