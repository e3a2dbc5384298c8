//! Elastic compute against its own emulator: from the stop to the end, every refusal.

use super::super::VENDOR;
use super::*;
use crate::model::LoginWish;
use crate::providers::bench::{Bench, MapSources, ready};
use crate::sandbox::machine::{Ending, Machine, Stage};
use crate::sandbox::{Injected, Operation, Route};
use crate::secret::{Reveal, Secret};
use std::time::Duration;

const UBUNTU: &str = "ubuntu2204_20240101";
const DEBIAN: &str = "debian12_20250601";
const WINDOWS: &str = "windows2022_20250601";
const GENERIC: &str = "generic_20250601";

fn product() -> Zec {
    let emulator = (VENDOR.emulator)();
    Zec::new(&MapSources::of(emulator.as_ref())).expect("credentials")
}

fn bench(product: &Zec) -> Bench<'_> {
    Bench::new(product, (VENDOR.emulator)())
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn with_password() -> Wish {
    Wish { login: LoginWish { password: true, none: false }, ..Wish::default() }
}

fn with_image(image: &str) -> Wish {
    Wish { image: Some(Choice::Id(image.to_owned())), ..with_password() }
}

fn with_field(name: &str, value: Value) -> Wish {
    let mut wish = with_password();
    wish.fields.insert(name.to_owned(), value);
    wish
}

fn password() -> OrderSecrets {
    OrderSecrets { password: Some(Secret::from("Example+123".to_owned()).shared()), ..OrderSecrets::default() }
}

fn server(product: &Zec, bench: &Bench<'_>, text: &str) -> Record {
    ready(product.find(bench, &[Ref::Id(id(text))])).expect("a read").pop().expect("a server")
}

fn plan(product: &Zec, bench: &Bench<'_>, server_id: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    product.check(wish, &OrderSecrets::default())?;
    ready(product.prepare(bench, server(product, bench, server_id), PowerPlan::Nothing, wish))
}

fn request(product: &Zec, prepared: &Prepared, secrets: &OrderSecrets, reveal: Reveal) -> WireRequest {
    product.order(&Order { batch: &[prepared], secrets, token: None, reveal })
}

fn seen(product: &Zec, bench: &Bench<'_>, server_id: &str) -> Observation {
    match ready(product.observe(bench, &[Watch { id: id(server_id), ticket: None }])).pop() {
        Some((_, Seen::Here(seen))) => seen,
        other => panic!("not here: {other:?}"),
    }
}

fn code_of(product: &Zec, bench: &Bench<'_>, body: &Value) -> String {
    let answer = bench.exchange(product.account.call(ZEC, "ResetInstance", body));
    product.fault(&answer).map_or_else(|| "accepted".to_owned(), |(_, error)| error.code.expect("a code"))
}

#[test]
fn a_running_server_is_stopped_reset_and_seen_through_to_running() {
    let product = product();
    let bench = bench(&product);
    let wish = with_image(DEBIAN);
    let prepared = plan(&product, &bench, "zec-demo-1", &wish).expect("a plan");
    assert_eq!(product.admit(&prepared.record.seen, &wish), Admission::StopFirst);
    let early = bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    assert_eq!(product.fault(&early).expect("a refusal").0, FaultClass::Busy, "it is not stopped yet");
    let stop = product.stop(&prepared, PowerOff::Soft, &OrderSecrets::default()).expect("a call");
    assert_eq!(stop.body, r#"{"instanceIds":["zec-demo-1"],"forceShutdown":false}"#);
    assert_eq!(product.judge_power(&id("zec-demo-1"), &bench.exchange(stop)), Ok(()));
    assert_eq!(seen(&product, &bench, "zec-demo-1").phase, Phase::Changing);
    bench.advance(Duration::from_secs(1));
    let stopped = seen(&product, &bench, "zec-demo-1");
    assert_eq!((stopped.phase, product.admit(&stopped, &wish)), (Phase::Stopped, Admission::Go));
    let answer = bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    assert!(product.fault(&answer).is_none());
    assert_eq!(product.judge(&[id("zec-demo-1")], &answer)[0].1, Judgement::Accepted { ticket: None });
    bench.advance(Duration::from_millis(600));
    let working = seen(&product, &bench, "zec-demo-1");
    assert_eq!((working.phase, working.status.as_str()), (Phase::Installing, "DEPLOYING"));
    bench.advance(Duration::from_secs(3));
    let end = seen(&product, &bench, "zec-demo-1");
    assert_eq!((end.phase, end.image.as_deref()), (Phase::Running, Some(DEBIAN)));
    assert_eq!(prepared.must_change.get("imageId"), Some(&Some(DEBIAN.to_owned())));
    assert_eq!(end.marks.get("imageId").map(String::as_str), Some(DEBIAN));
    assert_eq!(bench.reinstalls(&id("zec-demo-1")), 1);
}

#[test]
fn a_stop_that_the_answer_lists_as_failed_has_failed() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, "zec-demo-2", &with_password()).expect("a plan");
    let stop = product.stop(&prepared, PowerOff::Hard, &OrderSecrets::default()).expect("a call");
    assert_eq!(stop.body, r#"{"instanceIds":["zec-demo-2"],"forceShutdown":true}"#);
    let answer = bench.exchange(stop);
    assert!(answer.status.is_success() && product.fault(&answer).is_none());
    assert!(product.judge_power(&id("zec-demo-2"), &answer).is_err(), "it was stopped already");
    assert!(product.stop(&prepared, PowerOff::Never, &OrderSecrets::default()).is_none());
    let start = product.start(&prepared, &OrderSecrets::default()).expect("a call");
    assert_eq!(product.judge_power(&id("zec-demo-2"), &bench.exchange(start)), Ok(()));
    bench.advance(Duration::from_secs(1));
    assert_eq!(seen(&product, &bench, "zec-demo-2").phase, Phase::Running);
}

#[test]
fn an_injected_stop_failure_is_a_200_that_names_the_server() {
    let product = product();
    let bench = bench(&product);
    let route = Route {
        provider: ID,
        operation: Operation::Stop,
        action: "StopInstances".to_owned(),
        servers: vec!["zec-demo-1".to_owned()],
    };
    let mut guard = bench.lock();
    let (emulator, world) = &mut *guard;
    let outbound = emulator.inject(Injected::NotSuccessful, &route, world);
    let answer = WireResponse {
        status: http::StatusCode::from_u16(outbound.status).expect("a status"),
        headers: http::HeaderMap::new(),
        body: outbound.body,
    };
    assert!(answer.status.is_success() && product.judge_power(&id("zec-demo-1"), &answer).is_err());
}

#[test]
fn a_failed_reset_is_seen_as_failed_and_is_left_to_a_person() {
    let product = product();
    let bench = bench(&product);
    bench.lock().1.fate.ending = Ending::Failed;
    let prepared = plan(&product, &bench, "zec-demo-2", &with_password()).expect("a plan");
    bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    bench.advance(Duration::from_secs(5));
    let end = seen(&product, &bench, "zec-demo-2");
    assert_eq!((end.phase, end.status.as_str()), (Phase::Failed, "REINSTALL_FAILED"));
    assert!(end.error.is_some());
    assert!(matches!(product.admit(&end, &Wish::default()), Admission::No(_)), "only stopped servers are taken");
}

#[test]
fn the_guest_agent_stays_as_it_was_unless_told_otherwise() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, "zec-demo-2", &with_password()).expect("a plan");
    let body = String::from_utf8(request(&product, &prepared, &password(), Reveal::Real).body.to_vec()).expect("text");
    assert_eq!(
        body,
        format!(r#"{{"instanceId":"zec-demo-2","imageId":"{DEBIAN}","enableAgent":true,"password":"Example+123"}}"#)
    );
    assert!(format!("{:?}", prepared.lines).contains("on (from the server)"));
    bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    bench.advance(Duration::from_secs(5));
    assert_eq!(server(&product, &bench, "zec-demo-2").attributes[AGENT], "true");
    let off = plan(&product, &bench, "zec-demo-2", &with_field("enableAgent", false.into())).expect("a plan");
    assert_eq!(off.body["enableAgent"], false);
    let mut record = server(&product, &bench, "zec-demo-2");
    record.attributes.remove(AGENT);
    let unknown = ready(product.prepare(&bench, record, PowerPlan::Nothing, &with_password())).expect("a plan");
    assert!(unknown.body.get("enableAgent").is_none());
    assert!(format!("{:?}", unknown.lines).contains("does not tell"));
}

#[test]
fn name_time_zone_and_user_data_reach_the_server() {
    let product = product();
    let bench = bench(&product);
    let mut wish = with_field("timezone", "Asia/Shanghai".into());
    wish.fields.insert("instanceName".to_owned(), "db-2".into());
    wish.login.password = false;
    wish.key = Some(Choice::Name("ops".to_owned()));
    let prepared = plan(&product, &bench, "zec-demo-2", &wish).expect("a plan");
    assert_eq!(prepared.body["keyId"], "key-SbxOps01");
    let secrets =
        OrderSecrets { user_data: Some(Secret::from("#!/bin/sh\n".to_owned()).shared()), ..OrderSecrets::default() };
    assert!(product.fault(&bench.exchange(request(&product, &prepared, &secrets, Reveal::Real))).is_none());
    bench.advance(Duration::from_secs(5));
    let record = server(&product, &bench, "zec-demo-2");
    assert_eq!(record.name.as_deref(), Some("db-2"));
    assert_eq!(record.attributes[TIME_ZONE], "Asia/Shanghai");
}

#[test]
fn wishes_that_cannot_be_are_refused_before_anything_is_sent() {
    let product = product();
    let bench = bench(&product);
    let none = Wish { login: LoginWish { password: false, none: true }, ..Wish::default() };
    let key = Some(Choice::Id("key-SbxOps01".to_owned()));
    for (wish, says) in [
        (with_image("nothing"), "offered are: ubuntu2204_20240101 (Ubuntu Server 22.04)"),
        (with_image("golden_20261120"), "CREATING"),
        (with_image("large_20250601"), "500 GiB"),
        (with_image(WINDOWS), "keeps the family"),
        (with_image(GENERIC), "neither password nor key pair"),
        (Wish { key: key.clone(), login: LoginWish::default(), ..with_image(GENERIC) }, "neither password nor key"),
        (Wish { key, ..with_password() }, "never both"),
        (none.clone(), "needs a password or a key pair"),
        (Wish { key: Some(Choice::Name("nobody".to_owned())), ..Wish::default() }, "key-SbxOps01 (ops)"),
        (with_field("timezone", "Mars/Base".into()), "Asia/Shanghai"),
        (with_field("instanceName", "x".into()), "2 to 63"),
    ] {
        let refusal = plan(&product, &bench, "zec-demo-2", &wish).expect_err(says);
        assert!(refusal.message.contains(says), "{}", refusal.message);
        assert!(!refusal.next_step.is_empty());
    }
    let generic = Wish { image: Some(Choice::Id(GENERIC.to_owned())), ..none };
    let prepared = plan(&product, &bench, "zec-demo-2", &generic).expect("a generic image needs none");
    assert!(
        product.fault(&bench.exchange(request(&product, &prepared, &OrderSecrets::default(), Reveal::Real))).is_none()
    );
}

#[test]
fn a_delisted_present_image_is_left_to_the_provider() {
    let product = product();
    let bench = bench(&product);
    let mut record = server(&product, &bench, "zec-demo-2");
    record.seen.image = Some("gone_2020".to_owned());
    let prepared = ready(product.prepare(&bench, record, PowerPlan::Nothing, &with_password())).expect("a plan");
    assert_eq!(prepared.body["imageId"], "gone_2020");
    assert!(format!("{:?}", prepared.lines).contains("no longer offered"));
}

#[test]
fn states_admit_as_the_documentation_says() {
    let product = product();
    let admit = |word: &str, power_off| product.admit(&look(word, None), &Wish { power_off, ..Wish::default() });
    assert_eq!(admit("STOPPED", PowerOff::Never), Admission::Go);
    assert_eq!(admit("Running", PowerOff::Soft), Admission::StopFirst);
    assert!(matches!(admit("RUNNING", PowerOff::Never), Admission::No(no) if no.kind == "must_be_stopped"));
    for word in
        ["DEPLOYING", "REBUILDING", "REBOOT", "BOOTING", "STARTING", "STOPPING", "IMAGING", "RESIZING", "PENDING"]
    {
        assert!(matches!(admit(word, PowerOff::Soft), Admission::Busy(_)), "{word}");
    }
    for word in ["REINSTALL_FAILED", "CREATE_FAILED", "RELEASING", "RECYCLE", "RECYCLING", "NEW_WORD", ""] {
        assert!(matches!(admit(word, PowerOff::Soft), Admission::No(_)), "{word}");
    }
    for (word, means) in [
        ("DEPLOYING", Phase::Installing),
        ("rebuilding", Phase::Installing),
        ("IMAGING", Phase::Changing),
        ("RELEASING", Phase::Gone),
        ("NEW_WORD", Phase::Unknown),
        ("RUNNING_", Phase::Unknown),
    ] {
        assert_eq!(phase(word), means, "{word}");
    }
}

#[test]
fn a_dry_run_shows_no_secret() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, "zec-demo-2", &with_password()).expect("a plan");
    let shown = request(&product, &prepared, &password(), Reveal::Masked);
    let body = String::from_utf8(shown.body.to_vec()).expect("text");
    assert!(body.contains(r#""password":"***""#) && !body.contains("Example"), "{body}");
    assert!(!format!("{prepared:?}").contains("Example+123"));
}

#[test]
fn bad_orders_are_refused_with_the_documented_code() {
    let product = product();
    let bench = bench(&product);
    let base = || json!({ "instanceId": "zec-demo-2", "password": "Example+123" });
    let with = |name: &str, value: Value| {
        let mut body = base();
        body[name] = value;
        body
    };
    let mut no_agent = with("imageId", json!("tiny_20250601"));
    no_agent["enableAgent"] = json!(true);
    for (body, code) in [
        (json!({}), "MISSING_PARAMETER"),
        (json!({ "instanceId": ["zec-demo-2"] }), "INVALID_PARAMETER_TYPE"),
        (json!({ "instanceId": "bmc-demo-2" }), "INVALID_INSTANCE_NOT_FOUND"),
        (json!({ "instanceId": "zec-demo-3" }), "UNSUPPORTED_OPERATION_INSTANCE_STATUS"),
        (json!({ "instanceId": "zec-demo-2" }), "INVALID_LOGIN_SETTING_CONFLICT"),
        (with("keyId", json!("key-SbxOps01")), "INVALID_LOGIN_SETTING_CONFLICT"),
        (with("timeZone", json!("Asia/Shanghai")), "INVALID_PARAMETER_VALUE"),
        (with("timezone", json!("Mars/Base")), "INVALID_PARAMETER_VALUE"),
        (with("imageId", json!("x")), "INVALID_IMAGE_NOT_FOUND"),
        (with("imageId", json!("golden_20261120")), "INVALID_IMAGE_STATUS"),
        (with("imageId", json!("large_20250601")), "INVALID_IMAGE_SIZE_EXCEED"),
        (with("imageId", json!(WINDOWS)), "INVALID_OS_TYPE_NOT_SAME"),
        (with("imageId", json!(GENERIC)), "INVALID_IMAGE_PASSWORD_NOT_SUPPORT"),
        (
            json!({ "instanceId": "zec-demo-2", "imageId": GENERIC, "keyId": "key-SbxOps01" }),
            "INVALID_IMAGE_KEY_PAIR_NOT_SUPPORT",
        ),
        (no_agent, "INVALID_IMAGE_AGENT_NOT_SUPPORT"),
        (with("password", json!("short")), "INVALID_PASSWORD_MALFORMED"),
        (with("password", json!("Example(123")), "INVALID_PASSWORD_MALFORMED"),
        (json!({ "instanceId": "zec-demo-2", "keyId": "key-none" }), "INVALID_KEY_PAIR_NOT_FOUND"),
        (with("enableAgent", json!("true")), "INVALID_PARAMETER_TYPE"),
        (with("instanceName", json!("x")), "INVALID_PARAMETER_LESS_LENGTH"),
        (with("instanceName", json!("x".repeat(64))), "INVALID_PARAMETER_EXCEED_LENGTH"),
        (with("instanceName", json!("a_b")), "INVALID_PARAMETER_PATTERN_ERROR"),
        (with("userData", json!("x".repeat(32 * 1024 + 1))), "INVALID_PARAMETER_USER_DATA_EXCEED"),
    ] {
        assert_eq!(code_of(&product, &bench, &body), code, "{body}");
    }
    assert_eq!(bench.reinstalls(&id("zec-demo-2")), 0);
    assert_eq!(code_of(&product, &bench, &base()), "accepted");
}

#[test]
fn a_vanished_server_is_absent() {
    let product = product();
    let bench = bench(&product);
    bench.lock().1.fate.ending = Ending::Vanishes;
    let prepared = plan(&product, &bench, "zec-demo-2", &with_password()).expect("a plan");
    bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    bench.advance(Duration::from_secs(1));
    let watches = [Watch { id: id("zec-demo-2"), ticket: None }, Watch { id: id("zec-demo-3"), ticket: None }];
    let seen = ready(product.observe(&bench, &watches));
    assert!(matches!(seen[0].1, Seen::Absent) && matches!(seen[1].1, Seen::Here(_)));
}

#[test]
fn images_are_those_of_the_zones_in_use_and_fit_the_server() {
    let product = product();
    let bench = bench(&product);
    let fields = json!({ "zoneId": "asia-southeast-1a", "imageId": UBUNTU, "systemDisk": { "diskSize": 600 } });
    bench.lock().1.fleet.add(Machine::new(ID, "zec-big", "big", "192.0.2.9", Stage::Stopped, fields));
    let all = ready(product.images(&bench, None)).expect("a list");
    assert_eq!(all.len(), 14, "seven that are available, in two zones");
    let small = server(&product, &bench, "zec-demo-1");
    let fitting = ready(product.images(&bench, Some(&small))).expect("a list");
    assert!(fitting.iter().all(|image| image.id != "large_20250601" && image.id != WINDOWS));
    let big = server(&product, &bench, "zec-big");
    let fitting = ready(product.images(&bench, Some(&big))).expect("a list");
    assert!(fitting.iter().any(|image| image.id == "large_20250601"));
    assert_eq!(ready(product.keys(&bench)).expect("a list").len(), 3);
}
