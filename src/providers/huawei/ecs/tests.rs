//! The product in front of its emulator.

use crate::model::{
    Choice, FaultClass, HandleState, LoginWish, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::bench::{Bench, MapSources, ready};
use crate::providers::huawei::{VENDOR, sandbox};
use crate::providers::{Admission, Judgement, Product, SetupError};
use crate::sandbox::machine::{Ending, Fate};
use crate::secret::{Reveal, Secret};
use crate::wire::{Api, WireRequest, WireResponse};
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const WEB: &str = "5a0db0c5-ec50-4000-8000-000000000001";
const DB: &str = "5a0db0c5-ec50-4000-8000-000000000002";
const CACHE: &str = "5a0db0c5-ec50-4000-8000-000000000003";
const DEBIAN: &str = "5a0db0c5-1a6e-4000-8000-000000000002";
const WINDOWS: &str = "5a0db0c5-1a6e-4000-8000-000000000004";
const HUSH: &str = "Hush-Hush-2468";

fn product_of(sources: &MapSources) -> Box<dyn Product> {
    (VENDOR.products[0].build)(sources).unwrap_or_else(|fault| panic!("{fault}"))
}

fn product() -> Box<dyn Product> {
    product_of(&MapSources::of(&*sandbox::emulator()))
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn record(product: &dyn Product, api: &dyn Api, server: &str) -> Record {
    let refs = [Ref::Id(id(server))];
    ready(product.find(api, &refs)).expect("a read").pop().expect("a server")
}

fn password() -> Wish {
    Wish { login: LoginWish { password: true, none: false }, ..Wish::default() }
}

fn key() -> Wish {
    Wish { key: Some(Choice::Id("KeyPair-demo".to_owned())), ..Wish::default() }
}

fn secrets() -> OrderSecrets {
    OrderSecrets { password: Some(Secret::from(HUSH.to_owned()).shared()), ..OrderSecrets::default() }
}

fn prepare(product: &dyn Product, api: &dyn Api, server: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    ready(product.connect(api)).expect("connected");
    let record = record(product, api, server);
    let power = match product.admit(&record.seen, wish) {
        Admission::StoppedByOrder => PowerPlan::StoppedByOrder,
        Admission::StopFirst => PowerPlan::StopFirst,
        _ => PowerPlan::Nothing,
    };
    ready(product.prepare(api, record, power, wish))
}

fn order(product: &dyn Product, server: &Prepared, secrets: &OrderSecrets, reveal: Reveal) -> WireRequest {
    product.order(&Order { batch: &[server], secrets, token: None, reveal })
}

fn body(request: &WireRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

fn ticket(product: &dyn Product, server: &str, answer: &WireResponse) -> String {
    match product.judge(&[id(server)], answer).pop().expect("a judgement").1 {
        Judgement::Accepted { ticket: Some(ticket) } => ticket,
        other => panic!("{other:?}"),
    }
}

fn look(product: &dyn Product, api: &dyn Api, server: &str, ticket: Option<&str>) -> Seen {
    let watch = Watch { id: id(server), ticket: ticket.map(str::to_owned) };
    let mut all = ready(product.observe(api, &[watch]));
    assert_eq!(all.len(), 1);
    all.pop().expect("one").1
}

fn here(seen: Seen) -> Observation {
    match seen {
        Seen::Here(seen) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_running_server_is_stopped_by_the_call_and_its_job_is_followed_to_the_end() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let prepared = prepare(&*product, &bench, WEB, &password()).expect("prepared");
    assert_eq!(prepared.power, PowerPlan::StoppedByOrder);
    let request = order(&*product, &prepared, &secrets(), Reveal::Real);
    assert_eq!(request.url.path(), format!("/v2/5a0db0c5000040008000000000000a11/cloudservers/{WEB}/reinstallos"));
    assert_eq!(body(&request), json!({"os-reinstall": {"mode": "withStopServer", "adminpass": HUSH}}));
    let job = ticket(&*product, WEB, &bench.exchange(request));

    let seen = here(look(&*product, &bench, WEB, Some(&job)));
    assert_eq!((seen.phase, seen.handle), (Phase::Running, Some(HandleState::Working)), "the old state still shows");
    bench.advance(Duration::from_millis(500));
    let seen = here(look(&*product, &bench, WEB, Some(&job)));
    assert_eq!((seen.status.as_str(), seen.phase), ("REBUILD", Phase::Installing));
    assert!(matches!(product.admit(&seen, &password()), Admission::Busy(_)));
    bench.advance(Duration::from_secs(3));
    let seen = here(look(&*product, &bench, WEB, Some(&job)));
    assert_eq!((seen.phase, seen.handle, prepared.ends), (Phase::Running, Some(HandleState::Done), Phase::Running));
    assert_eq!(bench.reinstalls(&id(WEB)), 1);
}

#[test]
fn a_failed_job_tells_what_its_deepest_part_says() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    bench.lock().1.fate = Fate { ending: Ending::Failed, ..Fate::default() };
    let prepared = prepare(&*product, &bench, DB, &password()).expect("prepared");
    let answer = bench.exchange(order(&*product, &prepared, &secrets(), Reveal::Real));
    let job = ticket(&*product, DB, &answer);
    bench.advance(Duration::from_secs(3));
    let seen = here(look(&*product, &bench, DB, Some(&job)));
    assert_eq!((seen.phase, seen.handle.clone()), (Phase::Failed, Some(HandleState::Failed)));
    assert_eq!(seen.error.as_ref().and_then(|error| error.code.as_deref()), Some("Ecs.0202"));
    assert_eq!(product.admit(&seen, &password()), Admission::Go, "a failed reinstall may be ordered again");
}

#[test]
fn another_image_is_a_change_that_must_show() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let wish = Wish {
        image: Some(Choice::Name("Debian 12.0.0 64bit".to_owned())),
        fields: [("isAutoPay".to_owned(), json!(true))].into(),
        ..key()
    };
    let prepared = prepare(&*product, &bench, WEB, &wish).expect("prepared");
    assert_eq!(prepared.image.as_ref().map(|(id, _)| id.as_str()), Some(DEBIAN));
    assert_eq!(prepared.must_change.get("image"), Some(&Some(DEBIAN.to_owned())));
    let request = order(&*product, &prepared, &OrderSecrets::default(), Reveal::Real);
    assert!(request.url.path().ends_with("/changeos"));
    assert_eq!(
        body(&request),
        json!({"os-change": {"imageid": DEBIAN, "keyname": "KeyPair-demo",
            "userid": "5a0db0c5000040008000000000000e01", "mode": "withStopServer", "isAutoPay": "true"}})
    );
    let answer = bench.exchange(request);
    assert_eq!(answer.status, StatusCode::OK);
    bench.advance(Duration::from_secs(3));
    let seen = here(look(&*product, &bench, WEB, None));
    assert_eq!(seen.marks.get("image").map(String::as_str), Some(DEBIAN));
}

#[test]
fn the_image_decides_between_the_two_versions_unless_it_is_set() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let version = |server: &str, wish: &Wish| {
        prepare(&*product, &bench, server, wish).expect("prepared").body["api"].as_str().map(str::to_owned)
    };
    assert_eq!(version(WEB, &key()).as_deref(), Some("v2"));
    assert_eq!(version(CACHE, &key()).as_deref(), Some("v1"), "the image has no Cloud-Init");
    let set = Wish { fields: [("api".to_owned(), json!("v2"))].into(), ..key() };
    assert_eq!(version(CACHE, &set).as_deref(), Some("v2"));
    let windows = Wish { image: Some(Choice::Id(WINDOWS.to_owned())), ..password() };
    assert_eq!(version(WEB, &windows).as_deref(), Some("v1"), "the new image decides");
    let same = Wish { image: Some(Choice::Id("5a0db0c5-1a6e-4000-8000-000000000001".to_owned())), ..key() };
    let prepared = prepare(&*product, &bench, WEB, &same).expect("prepared");
    assert_eq!(prepared.body["call"], "reinstallos", "the present image is no change");
}

#[test]
fn what_the_documentation_forbids_is_refused_before_anything_is_sent() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let set = |name: &str, value: Value, wish: Wish| Wish { fields: [(name.to_owned(), value)].into(), ..wish };
    let image = |text: &str, wish: Wish| Wish { image: Some(text.parse().expect("a choice")), ..wish };
    let cmk = "0123456789";
    let table = [
        (WEB, image("name=nothing", key()), "unknown_image"),
        (WEB, image("5a0db0c5-1a6e-4000-8000-0000000000ff", key()), "unknown_image"),
        (WEB, image("5a0db0c5-1a6e-4000-8000-000000000011", key()), "unknown_image"),
        (WEB, image("name=twin", key()), "ambiguous_image"),
        (WEB, Wish { key: Some(Choice::Name("nobody".to_owned())), ..Wish::default() }, "unknown_key"),
        (WEB, Wish { login: LoginWish { password: true, none: false }, ..key() }, "two_logins"),
        (WEB, Wish::default(), "login_needed"),
        (CACHE, Wish { user_data: true, ..key() }, "user_data"),
        (CACHE, Wish { login: LoginWish { password: false, none: true }, ..Wish::default() }, "login_needed"),
        (WEB, image(WINDOWS, key()), "password_only"),
        (WEB, set("metadata", json!({"user_data": "x"}), key()), "user_data"),
        (WEB, set("metadata", json!({"admin": "x"}), key()), "unknown_field"),
        (WEB, set("metadata", json!({"BYOL": true}), key()), "bad_field"),
        (WEB, set("metadata", json!(["BYOL"]), key()), "bad_field"),
        (WEB, set("metadata", json!({"__system__encrypted": "1"}), key()), "bad_field"),
        (WEB, set("metadata", json!({"__system__encrypted": "2"}), key()), "bad_field"),
        (WEB, set("metadata", json!({"__system__encrypted": "1", "__system__cmkid": cmk}), key()), "bad_field"),
        (WEB, set("metadata", json!({"__system__cmkid": cmk}), key()), "bad_field"),
        (WEB, set("BYOL", json!(true), image(DEBIAN, key())), "unknown_field"),
        (WEB, set("isAutoPay", json!(true), key()), "unknown_field"),
        (WEB, set("userid", json!("u"), password()), "unknown_field"),
    ];
    for (row, (server, wish, kind)) in table.iter().enumerate() {
        let refusal = prepare(&*product, &bench, server, wish).expect_err(kind);
        assert_eq!(refusal.kind, *kind, "row {row}: {refusal}");
        assert!(!refusal.next_step.is_empty());
    }
    assert_eq!(bench.reinstalls(&id(WEB)), 0);
    let ambiguous = prepare(&*product, &bench, WEB, &image("name=twin", key())).expect_err("two").message;
    assert!(ambiguous.contains("000000000005") && ambiguous.contains("000000000006"), "{ambiguous}");
}

#[test]
fn checks_without_a_read_know_user_data_and_the_region() {
    let product = product();
    let none = Wish { login: LoginWish { password: false, none: true }, ..Wish::default() };
    assert_eq!(product.check(&none, &OrderSecrets::default()).expect_err("no").kind, "login_needed");
    let data = Wish { user_data: true, ..none };
    assert!(product.check(&data, &OrderSecrets::default()).is_ok());

    let otc =
        MapSources::default().with("variable:OS_AK", "A").with("variable:OS_SK", "s").with("setting:region", "eu-de");
    let otc = product_of(&otc);
    assert_eq!(otc.check(&password(), &secrets()).expect_err("no").kind, "key_only");
    assert!(otc.check(&key(), &OrderSecrets::default()).is_ok());
    assert_eq!(otc.endpoint().as_str(), "https://ecs.eu-de.otc.t-systems.com/");
}

#[test]
fn power_is_settled_by_state_and_wish() {
    let product = product();
    let seen = |status: &str, phase| Observation::of(status, phase);
    let off = |power_off| Wish { power_off, ..key() };
    assert_eq!(product.admit(&seen("ACTIVE", Phase::Running), &off(PowerOff::Soft)), Admission::StoppedByOrder);
    assert_eq!(product.admit(&seen("ACTIVE", Phase::Running), &off(PowerOff::Hard)), Admission::StopFirst);
    assert!(matches!(product.admit(&seen("ACTIVE", Phase::Running), &off(PowerOff::Never)), Admission::No(_)));
    assert_eq!(product.admit(&seen("SHUTOFF", Phase::Stopped), &off(PowerOff::Never)), Admission::Go);
    assert!(matches!(product.admit(&seen("RESIZE", Phase::Changing), &key()), Admission::Busy(_)));
    assert!(matches!(product.admit(&seen("SHELVED", Phase::Changing), &key()), Admission::No(_)));
    assert!(matches!(product.admit(&seen("DELETED", Phase::Gone), &key()), Admission::No(_)));
    assert!(matches!(product.admit(&seen("NEW", Phase::Unknown), &key()), Admission::No(_)));
    for mark in ["locked", "frozen"] {
        let mut seen = seen("SHUTOFF", Phase::Stopped);
        seen.marks.insert(mark.to_owned(), "true".to_owned());
        let Admission::No(refusal) = product.admit(&seen, &key()) else { panic!("{mark}") };
        assert_eq!(refusal.kind, mark);
    }
}

#[test]
fn a_locked_server_shows_that_it_is_locked() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let set = |name: &str| {
        let mut guard = bench.lock();
        let now = guard.1.now;
        let machine = guard.1.fleet.get("huawei-ecs", WEB, now).expect("a server");
        machine.fields.insert(name.to_owned(), Value::Bool(true));
    };
    set("locked");
    set("frozen");
    let seen = here(look(&*product, &bench, WEB, None));
    assert!(seen.marks.contains_key("locked") && seen.marks.contains_key("frozen"));
}

#[test]
fn hard_power_off_stops_first_and_start_starts_again() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let wish = Wish { power_off: PowerOff::Hard, ..key() };
    let prepared = prepare(&*product, &bench, WEB, &wish).expect("prepared");
    assert_eq!(prepared.power, PowerPlan::StopFirst);
    assert_eq!(prepared.body["fields"].get("mode"), None);
    let stop = product.stop(&prepared, PowerOff::Hard, &OrderSecrets::default()).expect("a call");
    assert_eq!(body(&stop), json!({"os-stop": {"type": "HARD", "servers": [{"id": WEB}]}}));
    let answer = bench.exchange(stop);
    assert_eq!(product.judge_power(&id(WEB), &answer), Ok(()));
    assert_eq!(here(look(&*product, &bench, WEB, None)).phase, Phase::Changing);
    bench.advance(Duration::from_secs(1));
    assert_eq!(here(look(&*product, &bench, WEB, None)).phase, Phase::Stopped);
    let start = product.start(&prepared, &OrderSecrets::default()).expect("a call");
    let answer = bench.exchange(start);
    assert_eq!(product.judge_power(&id(WEB), &answer), Ok(()));
    bench.advance(Duration::from_secs(1));
    assert_eq!(here(look(&*product, &bench, WEB, None)).phase, Phase::Running);
    assert!(product.stop(&prepared, PowerOff::Never, &OrderSecrets::default()).is_none());
}

#[test]
fn a_dry_run_shows_no_secret_and_the_same_order_gives_the_same_bytes() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let wish = Wish { user_data: true, ..password() };
    let prepared = prepare(&*product, &bench, WEB, &wish).expect("prepared");
    assert!(prepared.lines.iter().any(|(_, line)| line.contains("ignores the password")), "{:?}", prepared.lines);
    let secrets = OrderSecrets { user_data: Some(Secret::from("#!/bin/sh\n".to_owned()).shared()), ..secrets() };
    let masked = order(&*product, &prepared, &secrets, Reveal::Masked);
    assert_eq!(body(&masked)["os-reinstall"]["adminpass"], "***");
    assert_eq!(body(&masked)["os-reinstall"]["metadata"]["user_data"], "***");
    let real = order(&*product, &prepared, &secrets, Reveal::Real);
    assert_eq!(body(&real)["os-reinstall"]["metadata"]["user_data"], "IyEvYmluL3NoCg==");
    assert_eq!(real.body, order(&*product, &prepared, &secrets, Reveal::Real).body);
    let journal = serde_json::to_string(&prepared).expect("JSON");
    assert!(!journal.contains(HUSH) && !journal.contains("IyEv"));
    assert_eq!(bench.exchange(real).status, StatusCode::OK);
}

#[test]
fn names_and_addresses_are_found_in_the_whole_list() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    ready(product.connect(&bench)).expect("connected");
    let reference: Ref = "name=db-1".parse().expect("a reference");
    let found = ready(product.find(&bench, std::slice::from_ref(&reference))).expect("a read");
    let hits: Vec<&Record> = found.iter().filter(|record| record.is(&reference)).collect();
    assert_eq!(hits.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), [DB]);
    let ip: Ref = "ip=192.0.2.63".parse().expect("a reference");
    assert!(found.iter().any(|record| record.is(&ip) && record.id.as_str() == CACHE));
    let gone = [Ref::Id(id("5a0db0c5-ec50-4000-8000-0000000000ff")), Ref::Id(id(WEB))];
    assert_eq!(ready(product.find(&bench, &gone)).expect("a read").len(), 1);
    let keys = ready(product.keys(&bench)).expect("key pairs");
    assert!(keys.iter().any(|key| key.id == "KeyPair-ops"));
    let images = ready(product.images(&bench, None)).expect("images");
    assert!(images.len() >= 3 && images.iter().all(|image| image.offered_for.as_deref() == Some("FusionCompute")));
}

#[test]
fn a_vanished_server_is_absent() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    bench.lock().1.fate = Fate { ending: Ending::Vanishes, ..Fate::default() };
    let prepared = prepare(&*product, &bench, DB, &key()).expect("prepared");
    let answer = bench.exchange(order(&*product, &prepared, &OrderSecrets::default(), Reveal::Real));
    let job = ticket(&*product, DB, &answer);
    bench.advance(Duration::from_secs(1));
    assert!(matches!(look(&*product, &bench, DB, Some(&job)), Seen::Absent));
}

fn answer(status: u16, body: &str) -> WireResponse {
    let status = StatusCode::from_u16(status).expect("a status");
    WireResponse { status, headers: HeaderMap::new(), body: body.to_owned().into() }
}

#[test]
fn only_a_named_job_is_acceptance() {
    let product = product();
    let judge = |body: &str| product.judge(&[id(WEB)], &answer(200, body)).pop().expect("one").1;
    assert_eq!(judge(r#"{"job_id":"j"}"#), Judgement::Accepted { ticket: Some("j".to_owned()) });
    assert_eq!(judge(r#"{"jobId":"j"}"#), Judgement::Accepted { ticket: Some("j".to_owned()) });
    for unclear in ["", "{}", "<html>", r#"{"job_id":""}"#, r#"{"job_id":7}"#, r#"{"job_id":"a","job_id":"b"}"#] {
        assert!(matches!(judge(unclear), Judgement::Unclear(_)), "{unclear}");
    }
    let refused = r#"{"error":{"code":"Ecs.0005","message":"no"}}"#;
    assert!(matches!(judge(refused), Judgement::NotSuccessful(error) if error.code.as_deref() == Some("Ecs.0005")));
    let two = product.judge(&[id(WEB), id(DB)], &answer(200, r#"{"job_id":"j"}"#));
    assert!(two.len() == 2 && two.iter().all(|(_, judgement)| matches!(judgement, Judgement::Unclear(_))));
}

#[test]
fn a_job_that_failed_is_no_fault_of_the_answer() {
    let product = product();
    assert!(product.fault(&answer(200, r#"{"status":"FAIL","error_code":"Ecs.0202","fail_reason":"x"}"#)).is_none());
}

#[test]
fn a_region_is_needed_without_an_endpoint() {
    let sources = MapSources::default().with("variable:OS_TOKEN", "T");
    let fault = (VENDOR.products[0].build)(&sources).err().expect("a fault");
    assert!(matches!(fault, SetupError::MissingSetting { key: "region", .. }));
}

#[test]
fn the_emulator_refuses_what_the_documentation_forbids() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    ready(product.connect(&bench)).expect("connected");
    let user = "5a0db0c5000040008000000000000e01";
    let send = |version: &str, server: &str, call: &str, body: Value| {
        let url =
            format!("http://127.0.0.1:8080/{version}/5a0db0c5000040008000000000000a11/cloudservers/{server}/{call}");
        let request = WireRequest::new(Method::POST, url.parse().expect("an address"), "x").json(&body);
        let answer = bench.exchange(request);
        product.fault(&answer).and_then(|(_, error)| error.code).unwrap_or_else(|| answer.status.to_string())
    };
    let r = |fields: Value| json!({"os-reinstall": fields});
    let c = |fields: Value| json!({"os-change": fields});
    let table = [
        ("v2", DB, "reinstallos", json!("x"), "Ecs.0005"),
        ("v2", DB, "reinstallos", json!({}), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({})), "Ecs.0005"),
        ("v1", DB, "reinstallos", r(json!({"metadata": {"BYOL": "true"}})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"adminpass": HUSH, "keyname": "KeyPair-demo", "userid": user})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"keyname": "KeyPair-demo"})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"keyname": "nobody", "userid": user})), "Ecs.0314"),
        ("v2", DB, "reinstallos", r(json!({"keyname": "KeyPair-demo", "userid": "x"})), "Ecs.0314"),
        ("v2", DB, "reinstallos", r(json!({"adminpass": "short"})), "Ecs.0011"),
        ("v2", DB, "reinstallos", r(json!({"adminpass": HUSH, "mode": "now"})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"adminpass": HUSH, "metadata": {"BYOL": true}})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"metadata": {"user_data": "%"}})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"adminpass": HUSH, "metadata": {"__system__encrypted": "1"}})), "Ecs.0025"),
        ("v1", DB, "reinstallos", r(json!({"adminpass": HUSH, "metadata": {"user_data": "eA=="}})), "Ecs.0005"),
        ("v2", "unknown", "reinstallos", r(json!({"adminpass": HUSH})), "Ecs.0114"),
        ("v2", WEB, "reinstallos", r(json!({"adminpass": HUSH})), "Ecs.0100"),
        ("v2", DB, "changeos", c(json!({"adminpass": HUSH})), "Ecs.0005"),
        ("v2", DB, "changeos", c(json!({"adminpass": HUSH, "imageid": "x"})), "Ecs.0031"),
        ("v2", DB, "changeos", c(json!({"adminpass": HUSH, "imageid": DEBIAN, "isAutoPay": true})), "Ecs.0005"),
        ("v2", DB, "reinstallos", r(json!({"metadata": {"user_data": "eA=="}})), "200 OK"),
        ("v2", DB, "reinstallos", r(json!({"adminpass": HUSH})), "Ecs.1002"),
    ];
    for (row, (version, server, call, body, expected)) in table.into_iter().enumerate() {
        assert_eq!(send(version, server, call, body), expected, "row {row}");
    }
    assert_eq!(bench.reinstalls(&id(DB)), 1);
}

#[test]
fn a_tampered_request_is_refused_by_the_emulator() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let prepared = prepare(&*product, &bench, DB, &password()).expect("prepared");
    let at = bench.now();
    let signed = || {
        let mut request = order(&*product, &prepared, &secrets(), Reveal::Real);
        product.login().authorize(&mut request, &crate::wire::Stamp { at, nonce: "n".to_owned() });
        request
    };
    let refused = |request: &WireRequest, at: DateTime<Utc>| {
        let (class, error) = product.fault(&bench.deliver(request, at)).expect("refused");
        assert_eq!(error.code.as_deref(), Some("APIGW.0301"));
        assert!(!error.message.contains("canonicalRequest"));
        class
    };
    let mut body = signed();
    body.body = json!({"os-reinstall": {"adminpass": "Other-Pass-1"}}).to_string().into();
    assert_eq!(refused(&body, at), FaultClass::Denied);
    let mut path = signed();
    path.url.set_path(&path.url.path().replace(DB, WEB));
    assert_eq!(refused(&path, at), FaultClass::Denied);
    let mut header = signed();
    header.set("x-project-id", "other");
    assert_eq!(refused(&header, at), FaultClass::Denied);
    let mut bare = signed();
    bare.headers.remove("authorization");
    assert_eq!(refused(&bare, at), FaultClass::SignedOut);
    assert_eq!(refused(&signed(), at + chrono::Duration::minutes(16)), FaultClass::ClockSkew);
    assert_eq!(refused(&signed(), at - chrono::Duration::minutes(16)), FaultClass::ClockSkew);
    assert_eq!(bench.reinstalls(&id(DB)), 0);
    assert_eq!(bench.deliver(&signed(), at + chrono::Duration::minutes(14)).status, StatusCode::OK);
}
