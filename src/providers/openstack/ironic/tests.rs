//! Ironic against its emulator, and against answers worded after what a real service was seen to say.

use super::look;
use super::wire::Glance;
use super::*;
use crate::model::{Choice, LoginWish, Phase};
use crate::providers::bench::{Bench, MapSources, ready};
use crate::sandbox::Emulator;
use crate::secret::{Reveal, Secret};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use std::time::Duration;

const WEB: &str = "5ab1c0de-6385-4bbf-a5c8-b95a00000001";
const NEW: &str = "https://images.example/ubuntu-24.04.qcow2";

fn product() -> (Box<dyn Emulator>, Ironic) {
    let emulator = (super::super::VENDOR.emulator)();
    let sources = MapSources::of(&*emulator)
        .with("variable:OS_AUTH_TYPE", "http_basic")
        .with("variable:OS_USERNAME", "sandbox-operator")
        .with("variable:OS_PASSWORD", "SandboxIronic0123456789");
    let product = Ironic::new(&sources).expect("settings");
    (emulator, product)
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> WireResponse {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().expect("a header"));
    }
    WireResponse { status: StatusCode::from_u16(status).expect("a status"), headers: map, body: body.to_owned().into() }
}

fn no_secrets() -> OrderSecrets {
    OrderSecrets::default()
}

fn find(bench: &Bench<'_>, product: &Ironic, id: &str) -> Record {
    ready(product.connect(bench)).expect("a service");
    let refs = [Ref::Id(self::id(id))];
    ready(product.find(bench, &refs)).expect("a node").remove(0)
}

fn prepared(bench: &Bench<'_>, product: &Ironic, wish: &Wish) -> Prepared {
    let record = find(bench, product, WEB);
    ready(product.prepare(bench, record, PowerPlan::Nothing, wish)).expect("a plan")
}

fn send(bench: &Bench<'_>, product: &Ironic, prepared: &Prepared, secrets: &OrderSecrets) -> WireResponse {
    let order = Order { batch: &[prepared], secrets, token: None, reveal: Reveal::Real };
    bench.exchange(product.order(&order))
}

fn look_at(bench: &Bench<'_>, product: &Ironic) -> Observation {
    let watches = [Watch { id: id(WEB), ticket: None }];
    match ready(product.observe(bench, &watches)).remove(0).1 {
        Seen::Here(seen) => seen,
        other => panic!("{other:?}"),
    }
}

fn installed(bench: &Bench<'_>, field: &str) -> Value {
    let mut guard = bench.lock();
    let now = guard.1.now;
    guard.1.fleet.get(ID, WEB, now).expect("the node").fields.get(field).cloned().unwrap_or_default()
}

#[test]
fn a_rebuild_goes_through_deploying_and_wait_call_back_to_active() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    let plan = prepared(&bench, &product, &Wish::default());
    assert!(product.arrange(&plan).is_none(), "the same image needs no change of the record");
    let said = send(&bench, &product, &plan, &no_secrets());
    assert_eq!(said.status.as_u16(), 202);
    assert_eq!(product.judge(&[id(WEB)], &said), [(id(WEB), Judgement::Accepted { ticket: None })]);
    assert!(product.request_id(&said).is_some());
    let mut words = Vec::new();
    for _ in 0..40 {
        let seen = look_at(&bench, &product);
        if words.last() != Some(&seen.status) {
            words.push(seen.status);
        }
        bench.advance(Duration::from_millis(100));
    }
    assert_eq!(words, ["active", "deploying", "wait call-back", "deploying", "active"]);
    assert_eq!(bench.reinstalls(&id(WEB)), 1);
}

#[test]
fn a_new_image_is_put_on_the_record_before_and_may_be_put_there_twice() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    let wish = Wish { image: Some(Choice::Id(NEW.to_owned())), ..Wish::default() };
    let plan = prepared(&bench, &product, &wish);
    assert!(!plan.must_change.contains_key("image"), "the record changes before anything is installed");
    let update = product.arrange(&plan).expect("a change of the record");
    assert_eq!(update.method, Method::PATCH);
    let steps: Value = serde_json::from_slice(&update.body).expect("JSON");
    assert_eq!(
        steps,
        json!([
            { "op": "add", "path": "/instance_info/image_source", "value": NEW },
            { "op": "add", "path": "/instance_info/image_checksum", "value": "" },
            { "op": "remove", "path": "/instance_info/image_checksum" },
        ])
    );
    for _ in 0..2 {
        let said = bench.exchange(update.clone());
        assert_eq!(product.judge_arranged(&plan, &said), Ok(()));
    }
    assert_eq!(bench.reinstalls(&id(WEB)), 0, "nothing is installed by it");
    assert_eq!(send(&bench, &product, &plan, &no_secrets()).status.as_u16(), 202);
    bench.advance(Duration::from_secs(10));
    assert_eq!(look_at(&bench, &product).phase, Phase::Running);
    assert_eq!(installed(&bench, "installed_image"), json!(NEW));
}

#[test]
fn a_refused_rebuild_leaves_a_record_from_which_the_next_plan_goes_on() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    let wish = Wish { image: Some(Choice::Id(NEW.to_owned())), ..Wish::default() };
    let plan = prepared(&bench, &product, &wish);
    bench.exchange(product.arrange(&plan).expect("a change"));
    let held = |value: Value| {
        let mut guard = bench.lock();
        let now = guard.1.now;
        guard.1.fleet.get(ID, WEB, now).expect("the node").fields.insert("reservation".to_owned(), value);
    };
    held(json!("sandbox-conductor"));
    let (class, error) = product.fault(&send(&bench, &product, &plan, &no_secrets())).expect("a refusal");
    assert_eq!(class, FaultClass::Busy);
    assert!(error.message.contains("is locked by host"), "{error}");
    held(Value::Null);
    let again = prepared(&bench, &product, &wish);
    assert!(product.arrange(&again).is_none(), "the record names the image already");
    assert_eq!(send(&bench, &product, &again, &no_secrets()).status.as_u16(), 202);
    bench.advance(Duration::from_secs(10));
    assert_eq!(installed(&bench, "installed_image"), json!(NEW));
    assert_eq!(bench.reinstalls(&id(WEB)), 1);
}

#[test]
fn keys_and_user_data_go_into_a_config_drive_and_user_data_is_masked() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    let fields = [("public_keys".to_owned(), json!("ssh-ed25519 AAAAone a\n\nssh-rsa AAAAtwo b\n"))];
    let wish = Wish {
        user_data: true,
        hostname: Some("web-1.example".to_owned()),
        fields: fields.into_iter().collect(),
        login: LoginWish { password: false, none: true },
        ..Wish::default()
    };
    let plan = prepared(&bench, &product, &wish);
    let secrets = OrderSecrets { user_data: Some(Secret::from("#cloud-config\n".to_owned()).shared()), ..no_secrets() };
    let masked = Order { batch: &[&plan], secrets: &secrets, token: None, reveal: Reveal::Masked };
    let shown: Value = serde_json::from_slice(&product.order(&masked).body).expect("JSON");
    assert_eq!(
        shown,
        json!({ "target": "rebuild", "configdrive": { "user_data": "***", "meta_data": { "hostname": "web-1.example",
            "public_keys": { "0": "ssh-ed25519 AAAAone a", "1": "ssh-rsa AAAAtwo b" } } } })
    );
    let request = product.order(&masked);
    assert_eq!(request.headers[calls::VERSION], "1.56");
    assert_eq!(send(&bench, &product, &plan, &secrets).status.as_u16(), 202);
    bench.advance(Duration::from_secs(10));
    look_at(&bench, &product);
    assert_eq!(installed(&bench, "installed_drive")["user_data"], json!("#cloud-config\n"));
}

#[test]
fn protected_maintenance_and_reserved_are_told_apart() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    ready(product.connect(&bench)).expect("a service");
    let kind = |number: u32| {
        let record = find(&bench, &product, &format!("5ab1c0de-6385-4bbf-a5c8-b95a0000000{number}"));
        match product.admit(&record.seen, &Wish::default()) {
            Admission::No(refusal) => format!("{} {}", refusal.kind, refusal.message),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(kind(1), "Go");
    assert_eq!(kind(4), "locked the node is protected: holds the keys");
    assert_eq!(kind(5), "maintenance the node is in maintenance: disk swap");
    let mut reserved = find(&bench, &product, WEB).seen;
    reserved.marks.insert(look::RESERVATION.to_owned(), "conductor-1".to_owned());
    let admission = product.admit(&reserved, &Wish::default());
    assert_eq!(admission, Admission::Busy("reserved by conductor conductor-1".to_owned()));
}

/// Recorded from a real service, but for those behind the blank line. `n1` stands for a UUID.
#[test]
fn errors_are_read_out_of_a_document_inside_of_a_string() {
    let (_, product) = product();
    let told = |status: u16, inner: Value| {
        let body = json!({ "error_message": inner.to_string() }).to_string();
        product.fault(&answer(status, &[("x-openstack-request-id", "req-1")], &body)).expect("a fault")
    };
    let fault = |text: &str| json!({ "faultcode": "Client", "faultstring": text, "debuginfo": "never shown" });
    for (status, text, class) in [
        (403, "Node n1 is protected and cannot be undeployed, rebuilt or deleted", FaultClass::Locked),
        (
            400,
            "The provisioning operation can't be performed on node n1 because it's in maintenance mode.",
            FaultClass::Locked,
        ),
        (
            409,
            "Node n1 is locked by host localhost, please retry after the current operation is completed.",
            FaultClass::Busy,
        ),
        (
            400,
            "The requested action \"rebuild\" can not be performed on node \"n1\" while it is in state \"available\".",
            FaultClass::Busy,
        ),
        (409, "Node n1 can not be updated while a state transition is in progress.", FaultClass::Busy),
        (404, "Node n1 could not be found.", FaultClass::NotFound),
        (
            400,
            "Couldn't apply patch '{'op': 'remove', 'path': '/instance_info/kernel'}'. Reason: can't remove a \
             non-existent object 'kernel'",
            FaultClass::Invalid,
        ),
        (
            400,
            "Providing a JSON object for configdrive is only supported starting with API version 1.56",
            FaultClass::Invalid,
        ),
        (406, "Request not acceptable.", FaultClass::Invalid),
        (403, "Access was denied", FaultClass::Denied),
        (500, "Internal", FaultClass::Server),
    ] {
        let (found, error) = told(status, fault(text));
        assert_eq!(found, class, "{text}");
        assert_eq!((error.message.as_str(), error.request_id.as_deref()), (text, Some("req-1")));
        assert!(!error.next_step.is_empty() && error.code.is_some(), "{text}");
    }
    let steps: Vec<String> = [fault("x is protected"), fault("in maintenance mode")]
        .into_iter()
        .zip([403, 400])
        .map(|(inner, status)| told(status, inner).1.next_step)
        .collect();
    assert_ne!(steps[0], steps[1], "both are locked, and different things are to be done");
    let (class, error) = told(
        406,
        json!({ "code": 406, "title": "Not Acceptable", "description": "Version 1.999 was requested but the minor \
            version is not supported by this service. The supported version range is: [1.1, 1.115]." }),
    );
    assert_eq!((class, error.code.as_deref()), (FaultClass::Invalid, Some("406")));
    for basic in ["Authorization required", "Incorrect username or password"] {
        let body = format!(r#"{{"error":{{"message":"{basic}","code":401}}}}"#);
        assert_eq!(product.fault(&answer(401, &[], &body)).map(|fault| fault.0), Some(FaultClass::Denied));
    }
    for foreign in ["", "<html>", "{}", r#"{"error_message": 3}"#, r#"{"error":{}}"#] {
        assert!(product.fault(&answer(400, &[], foreign)).is_none(), "{foreign}");
    }
}

#[test]
fn only_an_empty_202_that_names_the_node_is_taken_for_a_yes() {
    let (_, product) = product();
    let place = format!("http://h:6385/v1/nodes/{WEB}/states");
    let judged = |status: u16, headers: &[(&'static str, &str)], body: &str| {
        let told = product.judge(&[id(WEB)], &answer(status, headers, body)).remove(0).1;
        matches!(told, Judgement::Accepted { .. })
    };
    assert!(judged(202, &[("location", &place)], ""));
    for (status, headers, body) in [
        (202, vec![], ""),
        (202, vec![("location", place.as_str())], "{}"),
        (200, vec![("location", place.as_str())], ""),
        (202, vec![("location", "http://h/v1/nodes/other/states")], ""),
        (202, vec![("location", "http://h/login")], ""),
    ] {
        assert!(!judged(status, &headers, body), "{status} {headers:?} {body:?}");
    }
}

#[test]
fn states_mean_what_the_documentation_says() {
    let seen = |state: &str, power: Option<&str>| {
        let glance: Glance = serde_json::from_value(json!({ "provision_state": state, "power_state": power,
            "last_error": "an old one", "provision_updated_at": null, "reservation": null, "instance_info": {} }))
        .expect("a node");
        look::observation(&glance, state)
    };
    for (state, power, phase) in [
        ("active", None, Phase::Running),
        ("active", Some("power on"), Phase::Running),
        ("active", Some("power off"), Phase::Stopped),
        ("deploying", None, Phase::Installing),
        ("wait call-back", Some("power off"), Phase::Installing),
        ("deploy hold", None, Phase::Installing),
        ("deploy failed", None, Phase::Failed),
        ("error", None, Phase::Failed),
        ("rescuing", None, Phase::Changing),
        ("cleaning", None, Phase::Gone),
        ("available", None, Phase::Gone),
        ("manageable", None, Phase::Unknown),
        ("Active", None, Phase::Unknown),
        ("", None, Phase::Unknown),
    ] {
        let seen = seen(state, power);
        assert_eq!(seen.phase, phase, "{state} {power:?}");
        assert_eq!(seen.error.is_some(), phase == Phase::Failed, "an old error is read with a failed state alone");
    }
    let forgotten = json!({ "provision_state": "deploy failed", "last_error": null });
    let forgotten: Glance = serde_json::from_value(forgotten).expect("a node");
    assert_eq!(look::observation(&forgotten, "deploy failed").error, None, "a later look has none, and invents none");
    assert_eq!(seen("deploy failed", None).error.map(|error| error.message).as_deref(), Some("an old one"));
}

#[test]
fn a_service_that_is_too_old_is_told_before_any_order() {
    let old = |newest: u32| Level { newest, reading: 8 };
    let record = |image: &str| {
        let node = json!({ "uuid": WEB, "provision_state": "active", "instance_info": { "image_source": image } });
        reads::record(serde_json::from_value(node).expect("a node")).expect("a record")
    };
    let wish = Wish { user_data: true, ..Wish::default() };
    let refusal = plan::settle(record(NEW), PowerPlan::Nothing, &wish, None, old(34)).expect_err("too old");
    assert_eq!(refusal.kind, "too_old");
    assert!(refusal.message.contains("1.56") && refusal.message.contains("1.34"), "{refusal}");
    assert!(plan::settle(record(NEW), PowerPlan::Nothing, &Wish::default(), None, old(34)).is_ok());
    assert!(Level::of(7).is_none());
    assert_eq!(Level::of(115).map(|level| level.reading), Some(66));
}

#[test]
fn a_node_of_the_compute_service_is_left_to_it() {
    let node = json!({ "uuid": WEB, "provision_state": "active", "instance_uuid": "i-1",
        "instance_info": { "image_source": NEW } });
    let record = reads::record(serde_json::from_value(node).expect("a node")).expect("a record");
    let level = Level { newest: 94, reading: 66 };
    let refusal = plan::settle(record, PowerPlan::Nothing, &Wish::default(), None, level).expect_err("owned");
    assert_eq!(refusal.kind, "owned_by_compute");
}

#[test]
fn bad_wishes_are_refused_and_nothing_of_them_is_quoted() {
    let (_, product) = product();
    let with = |name: &str, value: Value| {
        let wish = Wish { fields: [(name.to_owned(), value)].into_iter().collect(), ..Wish::default() };
        product.check(&wish, &no_secrets())
    };
    assert!(with("public_keys", json!("ssh-ed25519 AAAA ops")).is_ok());
    for (name, value) in [
        ("public_keys", json!("")),
        ("public_keys", json!("-----BEGIN OPENSSH PRIVATE KEY-----\nHUSH")),
        ("meta_data", json!([])),
        ("deploy_steps", json!([])),
        ("deploy_steps", json!([{ "interface": "deploy" }])),
    ] {
        let refusal = with(name, value).expect_err(name);
        assert!(!refusal.message.contains("HUSH"), "{refusal}");
    }
    for image in ["debian", "ftp://x/y", "https://u:p@h/x", "name=debian"] {
        let wish = Wish { image: Some(image.parse().expect("a choice")), ..Wish::default() };
        assert!(product.check(&wish, &no_secrets()).is_err(), "{image}");
    }
}

#[test]
fn a_word_that_is_no_uuid_is_never_put_into_a_path() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    ready(product.connect(&bench)).expect("a service");
    for word in ["detail", "web-1", "5ab1c0de63854bbfa5c8b95a00000001"] {
        assert!(ready(product.find(&bench, &[Ref::Id(id(word))])).expect("nobody").is_empty(), "{word}");
    }
}

#[test]
fn the_address_may_be_written_with_its_version() {
    for text in ["https://i.example:6385", "https://i.example:6385/", "https://i.example:6385/v1/"] {
        assert_eq!(without_version(text.parse().expect("an address")).as_str(), "https://i.example:6385/");
    }
    let cloud = without_version("https://c.example/baremetal/v1".parse().expect("an address"));
    assert_eq!(cloud.as_str(), "https://c.example/baremetal");
}

#[test]
fn a_service_without_a_sign_in_is_asked_without_credentials() {
    let sources = MapSources::default()
        .with("variable:OS_AUTH_TYPE", "none")
        .with("variable:OS_ENDPOINT", "https://i.example:6385");
    let product = Ironic::new(&sources).expect("settings");
    let mut request = calls::call(product.base(), Method::GET, &["nodes"], 8, calls::NODES);
    assert_eq!(request.url.as_str(), "https://i.example:6385/v1/nodes");
    product.login().authorize(&mut request, &crate::wire::Stamp { at: now(), nonce: String::new() });
    assert!(!request.headers.contains_key("authorization") && !request.headers.contains_key("x-auth-token"));
    let basic = r#"{"error":{"message":"Authorization required","code":401}}"#;
    assert_eq!(product.fault(&answer(401, &[], basic)).map(|fault| fault.0), Some(FaultClass::Denied));
}

fn cloud(interface: &str, region: Option<&str>) -> Ironic {
    let mut sources = MapSources::default()
        .with("variable:OS_AUTH_URL", "https://keystone.example/v3")
        .with("variable:OS_USERNAME", "ann")
        .with("variable:OS_PASSWORD", "S3cret!")
        .with("variable:OS_USER_DOMAIN_NAME", "Default")
        .with("variable:OS_PROJECT_NAME", "lab")
        .with("variable:OS_PROJECT_DOMAIN_NAME", "Default")
        .with("variable:OS_INTERFACE", interface);
    if let Some(region) = region {
        sources = sources.with("variable:OS_REGION_NAME", region);
    }
    let product = Ironic::new(&sources).expect("settings");
    let catalogue = json!({ "token": { "expires_at": "2026-11-21T10:00:00Z", "user": { "id": "u1", "name": "ann" },
        "catalog": [{ "type": "baremetal", "name": "ironic", "endpoints": [
            { "interface": "public", "region": "one", "url": "https://one.example/baremetal/v1" },
            { "interface": "internal", "region": "one", "url": "http://10.0.0.1:6385" },
            { "interface": "public", "region": "two", "url": "https://two.example:6385" }] }] } });
    let token = answer(201, &[("x-subject-token", "TOKEN")], &catalogue.to_string());
    product.login().renewed(&token, now()).expect("a token");
    product
}

fn now() -> DateTime<Utc> {
    "2026-11-21T09:00:00Z".parse().expect("a date")
}

/// Answers the identity service and the service itself, and notes who was asked.
struct Answers(std::sync::Mutex<Vec<String>>);

impl Api for Answers {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        self.0.lock().expect("the list").push(request.url.to_string());
        let body = r#"{"token":{"expires_at":"2026-11-21T10:00:00Z","user":{"id":"u1","name":"ann"}}}"#;
        let newest = [("x-openstack-ironic-api-maximum-version", "1.94")];
        Box::pin(std::future::ready(Ok(answer(200, &newest, body))))
    }

    fn now(&self) -> DateTime<Utc> {
        now()
    }
}

#[test]
fn the_catalogue_names_the_address_by_interface_and_region() {
    for (interface, region, address) in [
        ("public", Some("one"), Some("https://one.example/baremetal/v1")),
        ("public", Some("two"), Some("https://two.example:6385/v1")),
        ("public", None, None),
        ("public", Some("three"), None),
        // Not https, and not this machine.
        ("internal", Some("one"), None),
    ] {
        let product = cloud(interface, region);
        let api = Answers(std::sync::Mutex::new(Vec::new()));
        let told = ready(product.connect(&api));
        match address {
            Some(address) => {
                told.expect("an address");
                let asked = api.0.lock().expect("the list").clone();
                assert_eq!(asked.last().map(|url| url.trim_end_matches('/')), Some(address));
            }
            None => {
                let fault = told.expect_err("no address");
                assert!(!fault.error.next_step.is_empty());
            }
        }
    }
}

#[test]
fn a_token_that_ran_out_is_renewed_and_is_no_verdict() {
    let product = cloud("public", Some("one"));
    let said = r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}"#;
    let (class, _) = product.fault(&answer(401, &[], said)).expect("a refusal");
    assert_eq!(class, FaultClass::SignedOut);
    assert!(product.login().renewal(now()).is_none());
    assert!(product.login().expire(), "another token can be obtained");
    assert!(product.login().renewal(now()).is_some());
}

/// A node's image, as the record names it, and as the plan shows it.
fn chosen(product: &Ironic, bench: &Bench<'_>, image: &str) -> Result<Prepared, Refusal> {
    let wish = Wish { image: Some(image.parse().expect("a choice")), ..Wish::default() };
    product.check(&wish, &no_secrets())?;
    let record = find(bench, product, WEB);
    ready(product.prepare(bench, record, PowerPlan::Nothing, &wish))
}

#[test]
fn in_a_cloud_an_image_may_be_named_and_must_be_known() {
    let emulator = (super::super::VENDOR.emulator)();
    let product = Ironic::new(&MapSources::of(&*emulator)).expect("settings");
    let bench = Bench::new(&product, emulator);
    ready(product.connect(&bench)).expect("a cloud");
    let images = ready(product.images(&bench, None)).expect("images");
    let named = images.iter().find(|image| image.name.is_some()).expect("an image of the image service");
    assert!(images.iter().any(|image| image.id.contains("://")), "and those that nodes have: {images:?}");
    let name = named.name.clone().expect("a name");
    for choice in [named.id.clone(), format!("name={name}")] {
        let plan = chosen(&product, &bench, &choice).expect("a plan");
        assert_eq!(plan.image, Some((named.id.clone(), Some(name.clone()))), "{choice}");
        assert!(!plan.lines.iter().any(|(what, _)| what == "checksum"), "the image service knows it");
        let update = product.arrange(&plan).expect("a change of the record");
        assert!(String::from_utf8_lossy(&update.body).contains(&named.id));
    }
    let unknown = chosen(&product, &bench, "name=no-such-image").expect_err("unknown");
    assert!(unknown.message.contains(&name), "those that there are: {unknown}");
    assert!(chosen(&product, &bench, "00000000-0000-0000-0000-00000000dead").is_err());
    assert!(chosen(&product, &bench, NEW).is_ok(), "the address of a file needs no image service");
}

#[test]
fn an_image_by_address_without_a_checksum_is_told_in_the_plan() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    let told = |fields: &[(&str, &str)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let wish = Wish { image: Some(Choice::Id(NEW.to_owned())), fields, ..Wish::default() };
        prepared(&bench, &product, &wish).lines.iter().any(|(what, _)| what == "checksum")
    };
    assert!(told(&[]));
    assert!(told(&[("image_os_hash_algo", "sha256")]), "an algorithm alone says nothing");
    assert!(!told(&[("image_os_hash_algo", "sha256"), ("image_os_hash_value", "00ff")]));
    assert!(!told(&[("image_checksum", "00ff")]));
}

#[test]
fn a_reason_that_the_service_has_forgotten_is_read_from_the_history() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    let plan = prepared(&bench, &product, &Wish::default());
    {
        let mut guard = bench.lock();
        guard.1.fate =
            crate::sandbox::machine::Fate { ending: crate::sandbox::machine::Ending::Failed, ..guard.1.fate };
        let now = guard.1.now;
        guard.1.fleet.get(ID, WEB, now).expect("the node").fields.insert("sandbox_forgotten".to_owned(), json!(true));
    }
    assert_eq!(send(&bench, &product, &plan, &no_secrets()).status.as_u16(), 202);
    bench.advance(Duration::from_secs(10));
    let seen = look_at(&bench, &product);
    assert_eq!((seen.status.as_str(), seen.phase), ("deploy failed", Phase::Failed));
    let error = seen.error.expect("the reason");
    assert!(error.message.starts_with("Timeout reached while waiting for callback"), "{error}");

    let glance: Glance = serde_json::from_value(json!({ "provision_state": "deploy failed",
        "provision_updated_at": "2026-11-21T19:28:00.692261+00:00" }))
    .expect("a node");
    let told = |severity: &str, at: &str| {
        let entry = json!([{ "created_at": at, "severity": severity, "event": "why" }]);
        look::remembered(&glance, &serde_json::from_value::<Vec<wire::Entry>>(entry).expect("entries")).is_some()
    };
    assert!(told("ERROR", "2026-11-21T19:28:00.698621+00:00"));
    assert!(!told("INFO", "2026-11-21T19:28:00.698621+00:00"));
    assert!(!told("ERROR", "2026-11-21T19:27:40.707339+00:00"), "an older failure is not this one");
    assert!(!told("ERROR", "yesterday"));
}

#[test]
fn a_node_that_is_asked_for_twice_is_told_of_once() {
    let (emulator, product) = product();
    let bench = Bench::new(&product, emulator);
    ready(product.connect(&bench)).expect("a service");
    let other = "5ab1c0de-6385-4bbf-a5c8-b95a00000002";
    for (asked, told) in [(vec![WEB, WEB], vec![WEB]), (vec![WEB, other, WEB], vec![WEB, other])] {
        let watches: Vec<Watch> = asked.into_iter().map(|text| Watch { id: id(text), ticket: None }).collect();
        let seen = ready(product.observe(&bench, &watches));
        assert!(seen.iter().all(|(_, seen)| matches!(seen, Seen::Here(_))), "{seen:?}");
        assert_eq!(seen.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), told);
    }
}
