//! Bare metal against its own emulator: from the plan to the end, every refusal, every odd answer.

use super::super::VENDOR;
use super::*;
use crate::model::{Choice, LoginWish};
use crate::providers::bench::{Bench, MapSources, ready};
use crate::sandbox::machine::{Ending, Machine, Stage};
use crate::secret::{Reveal, Secret};
use std::sync::Mutex;
use std::time::Duration;

const UBUNTU: &str = "5ab1c0de-0001-4bbf-a5c8-b95a193b1601";
const NOBLE: &str = "5ab1c0de-0002-4bbf-a5c8-b95a193b1602";
const CENTOS: &str = "5ab1c0de-0004-4bbf-a5c8-b95a193b1604";
const WINDOWS: &str = "5ab1c0de-0005-4bbf-a5c8-b95a193b1605";

fn product() -> Bmc {
    let emulator = (VENDOR.emulator)();
    Bmc::new(&MapSources::of(emulator.as_ref())).expect("credentials")
}

fn bench(product: &Bmc) -> Bench<'_> {
    Bench::new(product, (VENDOR.emulator)())
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn watch(text: &str) -> Watch {
    Watch { id: id(text), ticket: None }
}

fn server(product: &Bmc, bench: &Bench<'_>, text: &str) -> Record {
    ready(product.find(bench, &[Ref::Id(id(text))])).expect("a read").pop().expect("a server")
}

fn with_password() -> Wish {
    Wish { login: LoginWish { password: true, none: false }, ..Wish::default() }
}

fn password() -> OrderSecrets {
    OrderSecrets { password: Some(Secret::from("Example_123".to_owned()).shared()), ..OrderSecrets::default() }
}

fn plan(product: &Bmc, bench: &Bench<'_>, server_id: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    product.check(wish, &OrderSecrets::default())?;
    let record = server(product, bench, server_id);
    ready(product.prepare(bench, record, PowerPlan::Nothing, wish))
}

fn request(product: &Bmc, prepared: &Prepared, secrets: &OrderSecrets, reveal: Reveal) -> WireRequest {
    product.order(&Order { batch: &[prepared], secrets, token: None, reveal })
}

fn text(request: &WireRequest) -> String {
    String::from_utf8(request.body.to_vec()).expect("text")
}

fn seen(product: &Bmc, bench: &Bench<'_>, server_id: &str) -> Observation {
    match ready(product.observe(bench, &[watch(server_id)])).pop() {
        Some((_, Seen::Here(seen))) => seen,
        other => panic!("not here: {other:?}"),
    }
}

/// Sends an order body that is not the product's own and returns the provider's code.
fn code_of(product: &Bmc, bench: &Bench<'_>, body: &Value) -> String {
    let answer = bench.exchange(product.account.call(BMC, "ReinstallInstance", body));
    product.fault(&answer).map_or_else(|| "accepted".to_owned(), |(_, error)| error.code.expect("a code"))
}

#[test]
fn a_running_server_is_reinstalled_and_seen_through_to_running() {
    let product = product();
    let bench = bench(&product);
    let wish = Wish { image: Some(Choice::Name("Ubuntu 24.04 LTS".to_owned())), ..with_password() };
    let prepared = plan(&product, &bench, "bmc-demo-1", &wish).expect("a plan");
    assert_eq!(product.admit(&prepared.record.seen, &wish), Admission::Go);
    assert_eq!(prepared.must_change.get("imageId"), Some(&Some(NOBLE.to_owned())));
    assert_eq!(prepared.record.seen.marks.get("imageId").map(String::as_str), Some(UBUNTU));
    let answer = bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    assert!(product.fault(&answer).is_none());
    assert!(product.request_id(&answer).is_some_and(|id| id.starts_with('T')));
    assert_eq!(product.judge(&[id("bmc-demo-1")], &answer)[0].1, Judgement::Accepted { ticket: None });
    assert_eq!(seen(&product, &bench, "bmc-demo-1").phase, Phase::Running, "the old state still shows");
    bench.advance(Duration::from_millis(600));
    let working = seen(&product, &bench, "bmc-demo-1");
    assert_eq!((working.phase, working.status.as_str()), (Phase::Installing, "INSTALLING"));
    assert!(matches!(product.admit(&working, &wish), Admission::Busy(word) if word == "INSTALLING"));
    let again = bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    assert_eq!(product.fault(&again).expect("a refusal").0, FaultClass::Busy);
    bench.advance(Duration::from_secs(3));
    let end = seen(&product, &bench, "bmc-demo-1");
    assert_eq!((end.phase, end.image.as_deref()), (Phase::Running, Some(NOBLE)));
    assert_eq!(end.marks.get("imageId").map(String::as_str), Some(NOBLE));
    assert_eq!(bench.reinstalls(&id("bmc-demo-1")), 1);
}

#[test]
fn a_failed_installation_is_seen_as_failed_and_may_be_repeated() {
    let product = product();
    let bench = bench(&product);
    bench.lock().1.fate.ending = Ending::Failed;
    let prepared = plan(&product, &bench, "bmc-demo-2", &with_password()).expect("a plan");
    bench.exchange(request(&product, &prepared, &password(), Reveal::Real));
    bench.advance(Duration::from_secs(5));
    let end = seen(&product, &bench, "bmc-demo-2");
    assert_eq!((end.phase, end.status.as_str()), (Phase::Failed, "INSTALL_FAILED"));
    assert!(end.error.is_some_and(|error| error.next_step.contains("support")));
    assert_eq!(product.admit(&seen(&product, &bench, "bmc-demo-2"), &Wish::default()), Admission::Go);
}

#[test]
fn the_present_image_and_host_name_are_sent_when_none_is_given() {
    let product = product();
    let bench = bench(&product);
    let wish = Wish { login: LoginWish { password: false, none: true }, ..Wish::default() };
    let prepared = plan(&product, &bench, "bmc-demo-1", &wish).expect("a plan");
    let body = text(&request(&product, &prepared, &OrderSecrets::default(), Reveal::Real));
    assert_eq!(body, format!(r#"{{"instanceId":"bmc-demo-1","imageId":"{UBUNTU}","hostname":"web-1"}}"#));
    assert!(prepared.must_change.is_empty());
    let lines = format!("{:?}", prepared.lines);
    for part in ["web-1 (from the server)", "mails a random password", "the present one (from the server)"] {
        assert!(lines.contains(part), "{lines}");
    }
}

#[test]
fn every_field_of_an_order_reaches_the_provider() {
    let product = product();
    let bench = bench(&product);
    let mut wish = Wish {
        image: Some(Choice::Id(UBUNTU.to_owned())),
        key: Some(Choice::Name("ops".to_owned())),
        hostname: Some("web-01.example".to_owned()),
        user_data: true,
        ..Wish::default()
    };
    for (name, value) in [
        ("raidConfig", json!({ "customRaids": [{ "raidType": 1, "diskSequence": [1, 2] }] })),
        ("partitions", json!([{ "fsPath": "/", "fsType": "ext4", "size": 100 }])),
        ("nic", json!({ "wanName": "wan0", "lanName": "lan0" })),
    ] {
        wish.fields.insert(name.to_owned(), value);
    }
    let prepared = plan(&product, &bench, "bmc-demo-1", &wish).expect("a plan");
    let secrets = OrderSecrets {
        user_data: Some(Secret::from("#!/bin/sh\necho ready\n".to_owned()).shared()),
        ..OrderSecrets::default()
    };
    let order = request(&product, &prepared, &secrets, Reveal::Real);
    let body: Value = serde_json::from_slice(&order.body).expect("JSON");
    assert_eq!(body["keyId"], "key-SbxOps01");
    assert_eq!(body["userData"], "#!/bin/sh\necho ready\n", "plain, not base64");
    assert_eq!(body["partitions"][0]["fsType"], "ext4");
    assert!(product.fault(&bench.exchange(order.clone())).is_none());
    assert_eq!(text(&order), text(&request(&product, &prepared, &secrets, Reveal::Real)), "the same bytes");
}

#[test]
fn ipxe_takes_the_place_of_the_image() {
    let product = product();
    let bench = bench(&product);
    let mut wish = Wish { login: LoginWish { password: false, none: true }, ..Wish::default() };
    wish.fields.insert("ipxeUrl".to_owned(), "netboot".into());
    let prepared = plan(&product, &bench, "bmc-demo-1", &wish).expect("a plan");
    assert_eq!(prepared.image, None);
    assert!(prepared.body.get("imageId").is_none());
    assert!(product.fault(&bench.exchange(request(&product, &prepared, &password(), Reveal::Real))).is_none());
    wish.image = Some(Choice::Id(UBUNTU.to_owned()));
    assert_eq!(plan(&product, &bench, "bmc-demo-1", &wish).expect_err("both").kind, "ipxe_or_image");
    wish.image = None;
    wish.fields.insert("partitions".to_owned(), json!([{ "fsPath": "/", "fsType": "ext4", "size": 1 }]));
    assert!(plan(&product, &bench, "bmc-demo-1", &wish).is_err());
}

#[test]
fn wishes_that_cannot_be_are_refused_before_anything_is_sent() {
    let product = product();
    let bench = bench(&product);
    let image = |id: &str| Wish { image: Some(Choice::Id(id.to_owned())), ..with_password() };
    let key = |name: &str| Some(Choice::Name(name.to_owned()));
    let field = |name: &str, value: Value| {
        let mut wish = with_password();
        wish.fields.insert(name.to_owned(), value);
        wish
    };
    let raid = |disks: Value| field("raidConfig", json!({ "customRaids": [{ "raidType": 0, "diskSequence": disks }] }));
    let windows_parts = json!([{ "fsPath": "C", "fsType": "NTFS", "size": 1 }]);
    for (wish, says) in [
        (image("nothing"), "offered are: 5ab1c0de"),
        (image(CENTOS), "no image for this model"),
        (Wish { key: key("nobody"), ..Wish::default() }, "key-SbxOps01 (ops)"),
        (Wish { key: key("ops"), image: Some(Choice::Id(WINDOWS.to_owned())), ..Wish::default() }, "Windows"),
        (Wish { key: key("ops"), ..with_password() }, "never both"),
        (Wish { hostname: Some("web_1".to_owned()), ..with_password() }, "host name"),
        (field("raidConfig", json!({ "raidType": 6 })), "raidType"),
        (raid(json!([4, 5])), "disk 5"),
        (field("partitions", json!([])), "empty"),
        (field("partitions", windows_parts), "another family"),
        (field("nic", json!({ "wanName": "x" })), "4 to 10"),
        (field("ipxeUrl", json!("nonsense")), "netboot"),
    ] {
        let refusal = plan(&product, &bench, "bmc-demo-1", &wish).expect_err(says);
        assert!(refusal.message.contains(says), "{}", refusal.message);
        assert!(!refusal.next_step.is_empty());
    }
    assert_eq!(bench.reinstalls(&id("bmc-demo-1")), 0);
}

#[test]
fn a_raid_that_the_model_cannot_have_is_refused_before_anything_is_sent() {
    let product = product();
    let bench = bench(&product);
    let wish = |config: Value| {
        let mut wish = with_password();
        wish.fields.insert("raidConfig".to_owned(), config);
        wish
    };
    let five = wish(json!({ "raidType": 5 }));
    assert!(plan(&product, &bench, "bmc-demo-1", &five).is_ok());
    let refusal = plan(&product, &bench, "bmc-demo-2", &five).expect_err("two disks, levels 0 and 1");
    assert!(refusal.message.contains("0, 1"), "{}", refusal.message);
    let mut record = server(&product, &bench, "bmc-demo-2");
    record.model = None;
    assert!(ready(product.prepare(&bench, record, PowerPlan::Nothing, &five)).is_ok(), "the provider decides");
}

#[test]
fn states_admit_as_the_documentation_says() {
    let product = product();
    let admit = |word: &str| product.admit(&look(word, None), &Wish::default());
    for word in ["RUNNING", "Running", "stopped", "INSTALL_FAILED"] {
        assert_eq!(admit(word), Admission::Go, "{word}");
    }
    for word in ["INSTALLING", "PENDING", "CREATING", "BOOTING", "STOPPING"] {
        assert!(matches!(admit(word), Admission::Busy(_)), "{word}");
    }
    for word in ["RECYCLE", "RECYCLING", "CREATE_FAILED", "NEVER_SEEN", "RUNNING2", ""] {
        assert!(matches!(admit(word), Admission::No(_)), "{word}");
    }
    assert_eq!(phase("INSTALL"), Phase::Unknown, "words are compared whole");
    assert_eq!(phase("CREATING"), Phase::Changing, "creating proves no reinstall");
}

#[test]
fn a_dry_run_shows_no_secret() {
    let product = product();
    let bench = bench(&product);
    let prepared = plan(&product, &bench, "bmc-demo-1", &with_password()).expect("a plan");
    let secrets = OrderSecrets { user_data: Some(Secret::from("S3cretScript".to_owned()).shared()), ..password() };
    let shown = text(&request(&product, &prepared, &secrets, Reveal::Masked));
    assert!(shown.contains(r#""password":"***""#) && shown.contains(r#""userData":"***""#), "{shown}");
    let all = format!("{shown}{prepared:?}{:?}", product.origins());
    for secret in ["Example_123", "S3cretScript", "SANDBOXzenlayerSecret"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(text(&request(&product, &prepared, &secrets, Reveal::Real)).contains("Example_123"));
}

#[test]
fn bad_orders_are_refused_with_the_documented_code() {
    let product = product();
    let bench = bench(&product);
    let with = |name: &str, value: Value| {
        let mut body = json!({ "instanceId": "bmc-demo-1" });
        body[name] = value;
        body
    };
    let raid = |sequence: Value, level: u64| {
        with("raidConfig", json!({ "customRaids": [{ "raidType": level, "diskSequence": sequence }] }))
    };
    let parts = |list: Value| with("partitions", list);
    let part = |path: &str, kind: &str| json!({ "fsPath": path, "fsType": kind, "size": 10 });
    let mut both = with("password", json!("Example_123"));
    both["keyId"] = json!("key-SbxOps01");
    let mut windows_key = with("keyId", json!("key-SbxOps01"));
    windows_key["imageId"] = json!(WINDOWS);
    let mut ipxe_parts = parts(json!([part("/", "ext4")]));
    ipxe_parts["ipxeUrl"] = json!("netboot");
    let mut ipxe_image = with("ipxeUrl", json!("netboot"));
    ipxe_image["imageId"] = json!(UBUNTU);
    let mut two_arrays = raid(json!([1, 2]), 1);
    two_arrays["raidConfig"]["customRaids"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"raidType": 0, "diskSequence": [2]}));
    for (body, code) in [
        (json!({}), "MISSING_PARAMETER"),
        (json!({ "instanceId": "" }), "MISSING_PARAMETER"),
        (json!({ "instanceId": 7 }), "INVALID_PARAMETER_TYPE"),
        (json!({ "instanceId": "bmc-demo-9" }), "INVALID_INSTANCE_NOT_FOUND"),
        (json!({ "instanceId": "zec-demo-1" }), "INVALID_INSTANCE_NOT_FOUND"),
        (with("hostName", json!("x")), "INVALID_PARAMETER_VALUE"),
        (with("imageId", json!("x")), "INVALID_IMAGE_NOT_FOUND"),
        (with("imageId", json!(CENTOS)), "INVALID_IMAGE_NOT_FOUND"),
        (with("hostname", json!("a".repeat(65))), "INVALID_PARAMETER_HOSTNAME_EXCEED"),
        (with("hostname", json!("a_b")), "INVALID_PARAMETER_HOSTNAME_MALFORMED"),
        (with("password", json!("short1!A".repeat(3))), "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED"),
        (with("password", json!("Example 123")), "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED"),
        (with("password", json!("example_123")), "INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED"),
        (both, "INVALID_PARAMETER_INSTANCE_LOGIN_CONFLICT"),
        (windows_key, "INVALID_KEY_PAIR_NOT_SUPPORT"),
        (with("keyId", json!("key-none")), "INVALID_KEY_PAIR_NOT_FOUND"),
        (with("raidConfig", json!({ "raidType": 1, "customRaids": [] })), "INVALID_RAID_CONFIG_FAST_CUSTOM_CONFLICT"),
        (with("raidConfig", json!({ "raidType": 6 })), "INVALID_INSTANCE_TYPE_RAID_NOT_SUPPORT"),
        (with("raidConfig", json!({ "raidType": "1" })), "INVALID_PARAMETER_TYPE"),
        (with("raidConfig", json!({})), "MISSING_PARAMETER"),
        (raid(json!([1]), 1), "INVALID_PARAMETER_VALUE_RAID_DISK_MISMATCH"),
        (raid(json!([2, 1]), 1), "INVALID_PARAMETER_VALUE_RAID_DISK_DISORDER"),
        (raid(json!([4, 5]), 1), "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_RANGE"),
        (two_arrays, "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_DUPLICATE"),
        (ipxe_parts, "INVALID_PARTITION_IMAGE_NOT_SET"),
        (ipxe_image, "INVALID_PARAMETER_VALUE"),
        (parts(json!([part("/data", "ext4")])), "INVALID_PARTITION_MISSING_REQUIRED_FILE_PATH"),
        (parts(json!([])), "INVALID_PARTITION_MISSING_REQUIRED_FILE_PATH"),
        (parts(json!([part("/data", "ext4"), part("/", "ext4")])), "INVALID_PARTITION_INVALID_ORDER"),
        (parts(json!([part("/", "ext4"), part("/", "ext4")])), "INVALID_PARTITION_DUPLICATE_FILE_PATH"),
        (parts(json!([part("/", "xfs")])), "INVALID_PARTITION_NO_TYPE"),
        (parts(json!([part("/", "ext4"), part("data", "ext4")])), "INVALID_PARTITION_MALFORMED"),
        (with("nic", json!({ "wanName": "lan0" })), "INVALID_PARAMETER_NIC_NAME_MALFORMED"),
        (with("nic", json!({ "wanName": "eth0", "lanName": "eth0" })), "INVALID_PARAMETER_NIC_NAME_CONFLICT"),
        (with("userData", json!("x".repeat(32 * 1024 + 1))), "INVALID_PARAMETER_EXCEED_LENGTH"),
    ] {
        assert_eq!(code_of(&product, &bench, &body), code, "{body}");
    }
    assert_eq!(bench.reinstalls(&id("bmc-demo-1")), 0);
    assert_eq!(code_of(&product, &bench, &json!({ "instanceId": "bmc-demo-1" })), "accepted");
}

#[test]
fn a_stopped_server_can_be_started_and_a_running_one_cannot() {
    let product = product();
    let bench = bench(&product);
    let start = |server_id: &str| {
        let prepared = plan(&product, &bench, server_id, &with_password()).expect("a plan");
        assert!(product.stop(&prepared, PowerOff::Soft, &OrderSecrets::default()).is_none());
        bench.exchange(product.start(&prepared, &OrderSecrets::default()).expect("a call"))
    };
    let answer = start("bmc-demo-2");
    assert_eq!(product.judge_power(&id("bmc-demo-2"), &answer), Ok(()));
    bench.advance(Duration::from_secs(1));
    assert_eq!(seen(&product, &bench, "bmc-demo-2").phase, Phase::Running);
    assert_eq!(product.fault(&start("bmc-demo-1")).expect("a refusal").0, FaultClass::Busy);
}

fn more_machines(bench: &Bench<'_>, count: usize) {
    let mut guard = bench.lock();
    for number in 0..count {
        let fields = json!({ "zoneId": "HKG-A", "imageId": UBUNTU, "hostname": "h" });
        let name = format!("bmc-more-{number:04}");
        guard.1.fleet.add(Machine::new(ID, &name, &name, "192.0.2.1", Stage::Running, fields));
    }
}

#[test]
fn every_page_is_read_and_every_server_found() {
    let product = product();
    let bench = bench(&product);
    more_machines(&bench, 250);
    assert_eq!(ready(product.list(&bench)).expect("a list").len(), 253);
    let named = ready(product.find(&bench, &[Ref::Name("bmc-more-0249".to_owned())])).expect("a list");
    assert_eq!(named.iter().filter(|record| record.is(&Ref::Name("bmc-more-0249".to_owned()))).count(), 1);
    let refs: Vec<Ref> = (0..230).map(|number| Ref::Id(id(&format!("bmc-more-{number:04}")))).collect();
    assert_eq!(ready(product.find(&bench, &refs)).expect("a list").len(), 230);
    let watches: Vec<Watch> = (0..230).map(|number| watch(&format!("bmc-more-{number:04}"))).collect();
    let seen = ready(product.observe(&bench, &watches));
    assert_eq!(seen.len(), 230);
    assert!(seen.iter().all(|(_, seen)| matches!(seen, Seen::Here(_))));
    assert!(seen.iter().zip(&watches).all(|((id, _), watch)| *id == watch.id), "in the order asked");
}

/// Answers every read with the next of these; repeats the last one for ever.
struct Script(Mutex<Vec<Result<String, ReadFault>>>, Mutex<usize>);

impl Script {
    fn of(answers: &[&str]) -> Self {
        Self(Mutex::new(answers.iter().map(|text| Ok((*text).to_owned())).collect()), Mutex::new(0))
    }
}

impl Api for Script {
    fn read(&self, _request: WireRequest) -> Reading<'_, WireResponse> {
        *self.1.lock().expect("a lock") += 1;
        let mut answers = self.0.lock().expect("a lock");
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(std::future::ready(next.map(|body| WireResponse {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: body.into(),
        })))
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::UNIX_EPOCH
    }
}

fn page(total: u64, rows: &str) -> String {
    format!(r#"{{"requestId":"T","response":{{"requestId":"T","totalCount":{total},"dataSet":{rows}}}}}"#)
}

#[test]
fn an_answer_that_is_not_clear_is_never_a_state() {
    let product = product();
    let running = r#"{"instanceId":"i-1","instanceStatus":"RUNNING"}"#;
    for body in [
        page(2, &format!(r#"[{running},{{"instanceId":"i-1","instanceStatus":"INSTALL_FAILED"}}]"#)),
        page(1, r#"[{"instanceId":"i-1"}]"#),
        page(1, r#"[{"instanceId":"i-1","instanceStatus":null}]"#),
        page(1, r#"[{"instanceId":"i-1","instanceStatus":" "}]"#),
        page(1, r#"[{"instanceId":"i-1","instanceStatus":7}]"#),
        page(1, r#"[{"instanceId":"i-1","instanceStatus":"RUNNING","instanceStatus":"STOPPED"}]"#),
        page(1, r#"[{"instanceId":"i-2","instanceStatus":"RUNNING"}]"#),
        page(1, r#"[{"instanceStatus":"RUNNING"}]"#),
        page(3, &format!("[{running}]")),
        page(1, "null"),
        "{}".to_owned(),
        "<html>".to_owned(),
        r#"{"requestId":"T"}"#.to_owned(),
        r#"{"requestId":"T","response":{"requestId":"T"}}"#.to_owned(),
        page(1, &format!("[{running}")),
    ] {
        let seen = ready(product.observe(&Script::of(&[&body]), &[watch("i-1")]));
        assert_eq!(seen.len(), 1);
        assert!(
            matches!(&seen[0].1, Seen::Fault(fault) if fault.class == FaultClass::Malformed),
            "{body}: {:?}",
            seen[0].1
        );
    }
}

#[test]
fn each_server_asked_for_has_one_entry() {
    let product = product();
    let body = page(1, r#"[{"instanceId":"i-1","instanceStatus":"Installing","imageId":"x"}]"#);
    let seen = ready(product.observe(&Script::of(&[&body]), &[watch("i-1"), watch("i-2"), watch("i-1")]));
    assert_eq!(seen.len(), 2);
    assert!(matches!(&seen[0].1, Seen::Here(seen) if seen.phase == Phase::Installing && seen.status == "Installing"));
    assert!(matches!(seen[1].1, Seen::Absent));
}

#[test]
fn a_failed_read_is_a_fault_for_each_and_not_found_only_for_the_one() {
    let product = product();
    let fault = |class: FaultClass, code: &str| {
        let error = ApiError::from_provider(&class, Some(code.to_owned()), "x".to_owned(), None);
        ReadFault { class, error }
    };
    let script = |answers: Vec<Result<String, ReadFault>>| Script(Mutex::new(answers), Mutex::new(0));
    let both = [watch("i-1"), watch("i-2")];
    for (class, code) in [
        (FaultClass::Broken, "X"),
        (FaultClass::Denied, "AUTHFAILURE_SIGNATURE_FAILURE"),
        (FaultClass::NotFound, "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND"),
    ] {
        let seen = ready(product.observe(&script(vec![Err(fault(class, code))]), &both));
        assert!(seen.len() == 2 && seen.iter().all(|(_, seen)| matches!(seen, Seen::Fault(_))), "{code}");
    }
    let one = page(1, r#"[{"instanceId":"i-1","instanceStatus":"RUNNING"}]"#);
    let unknown = || Err(fault(FaultClass::NotFound, "INVALID_INSTANCE_NOT_FOUND"));
    let seen = ready(product.observe(&script(vec![unknown(), Ok(one), unknown()]), &both));
    assert!(matches!(&seen[0], (server, Seen::Here(_)) if server.as_str() == "i-1"), "{seen:?}");
    assert!(matches!(&seen[1], (server, Seen::Absent) if server.as_str() == "i-2"), "{seen:?}");
}

#[test]
fn paging_ends_even_if_the_provider_does_not() {
    let product = product();
    let script = Script::of(&[&page(1_000_000, r#"[{"instanceId":"i-1","instanceStatus":"RUNNING"}]"#)]);
    assert_eq!(ready(product.list(&script)).expect_err("the same page again").class, FaultClass::Malformed);
    assert_eq!(*script.1.lock().expect("a lock"), 2);
    let fresh: Vec<String> = (0..300)
        .map(|number| page(1_000_000, &format!(r#"[{{"instanceId":"i-{number}","instanceStatus":"RUNNING"}}]"#)))
        .collect();
    let script = Script::of(&fresh.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ready(product.list(&script)).expect_err("too many pages").class, FaultClass::Malformed);
    assert_eq!(*script.1.lock().expect("a lock"), 200);
    let script = Script::of(&[&page(5, "[]")]);
    assert!(ready(product.list(&script)).is_err(), "an empty page before the end is half a list");
    assert!(ready(product.list(&Script::of(&[&page(0, "[]")]))).expect("a list").is_empty());
}

#[test]
fn a_record_has_all_addresses_and_keeps_odd_servers_in_view() {
    let product = product();
    let row = r#"{"instanceId":"i-1","instanceStatus":null,"primaryPublicIpAddress":"192.0.2.1",
        "primaryPublicIPv6Address":"2001:db8::1","publicIpAddresses":["192.0.2.1","192.0.2.2"],
        "privateIpAddresses":["10.0.0.1"],"ipv6Addresses":null,"imageId":null}"#;
    let records = ready(product.list(&Script::of(&[&page(1, &format!("[{row}]"))]))).expect("a list");
    assert_eq!(records[0].addresses, ["192.0.2.1", "2001:db8::1", "192.0.2.2", "10.0.0.1"]);
    assert_eq!(records[0].seen.phase, Phase::Unknown);
    let refusal = ready(product.prepare(
        &Script::of(&[r#"{"requestId":"T","response":{"images":[]}}"#]),
        records[0].clone(),
        PowerPlan::Nothing,
        &with_password(),
    ))
    .expect_err("no image");
    assert_eq!(refusal.kind, "no_image");
    assert!(ready(product.list(&Script::of(&[&page(1, r#"[{"instanceId":"../x"}]"#)]))).is_err());
}

#[test]
fn images_and_keys_are_those_of_the_account_and_the_model() {
    let product = product();
    let bench = bench(&product);
    assert_eq!(ready(product.images(&bench, None)).expect("a list").len(), 5);
    let record = server(&product, &bench, "bmc-demo-1");
    let images = ready(product.images(&bench, Some(&record))).expect("a list");
    assert!(images.iter().any(|image| image.id == WINDOWS) && images.iter().all(|image| image.id != CENTOS));
    assert_eq!(ready(product.keys(&bench)).expect("a list").len(), 3);
}
