//! Sign-in and project discovery in front of the emulator.

use super::{VENDOR, sandbox, sign};
use crate::model::{Choice, FaultClass, PowerPlan, Ref, ServerId, Wish};
use crate::providers::Product;
use crate::providers::bench::{Bench, MapSources, ready};
use crate::wire::{Api, Stamp, WireRequest};
use http::Method;
use std::time::Duration;

const PROJECT: &str = "5a0db0c5000040008000000000000a11";
const USER: &str = "5a0db0c5000040008000000000000e01";
const WEB: &str = "5a0db0c5-ec50-4000-8000-000000000001";

fn sources(pairs: &[(&str, &str)]) -> MapSources {
    let sources =
        MapSources { endpoint: Some("http://127.0.0.1:8080".parse().expect("an address")), ..MapSources::default() };
    pairs.iter().fold(sources, |sources, (key, value)| sources.with(key, value))
}

fn key(more: &[(&str, &str)]) -> MapSources {
    let credentials = sandbox::emulator().credentials();
    let of = |name: &str| credentials.iter().find(|(known, _)| *known == name).expect("there").1.clone();
    let found = sources(&[("variable:HUAWEICLOUD_SDK_AK", &of("HUAWEICLOUD_SDK_AK"))])
        .with("variable:HUAWEICLOUD_SDK_SK", &of("HUAWEICLOUD_SDK_SK"));
    more.iter().fold(found, |sources, (key, value)| sources.with(key, value))
}

fn password(password: &str) -> MapSources {
    sources(&[
        ("variable:OS_USERNAME", "sandbox-user"),
        ("variable:OS_PASSWORD", password),
        ("variable:OS_USER_DOMAIN_NAME", "sandbox"),
        ("variable:OS_PROJECT_NAME", "ap-southeast-3"),
    ])
}

fn ecs(sources: &MapSources) -> Box<dyn Product> {
    (VENDOR.products[0].build)(sources).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The project that calls go to and the user that owns the keys, as a plan shows them.
fn plan(product: &dyn Product, api: &dyn Api) -> (String, String) {
    ready(product.connect(api)).expect("connected");
    let refs = [Ref::Id(ServerId::new(WEB).expect("an id"))];
    let record = ready(product.find(api, &refs)).expect("a read").pop().expect("a server");
    let wish = Wish { key: Some(Choice::Id("KeyPair-demo".to_owned())), ..Wish::default() };
    let prepared = ready(product.prepare(api, record, PowerPlan::Nothing, &wish)).expect("prepared");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (text(&prepared.body["project_id"]), text(&prepared.body["fields"]["userid"]))
}

#[test]
fn project_and_user_are_found_for_every_kind_of_login() {
    let table = [
        ("key with project", key(&[("setting:project", PROJECT)])),
        ("key by region", key(&[("setting:region", "ap-southeast-3")])),
        ("key by project name", key(&[("setting:region", "x-1"), ("variable:HW_PROJECT_NAME", "ap-southeast-3")])),
        ("password", password("Sandbox-0nly!")),
        ("ready token", sources(&[("variable:OS_TOKEN", "SANDBOXHUAWEITOKENNOTREAL")])),
    ];
    for (name, sources) in table {
        let product = ecs(&sources);
        let bench = Bench::new(&*product, sandbox::emulator());
        assert_eq!(plan(&*product, &bench), (PROJECT.to_owned(), USER.to_owned()), "{name}");
    }
}

#[test]
fn the_account_is_the_keys_id_or_the_users_name() {
    assert_eq!(ecs(&key(&[("setting:project", PROJECT)])).account(), "SANDBOXHUAWEI0000001");
    let product = ecs(&password("Sandbox-0nly!"));
    assert_eq!(product.account(), "sandbox-user");
    let origins = product.origins();
    assert!(origins.iter().any(|(name, origin)| *name == "password" && origin.contains("OS_PASSWORD")), "{origins:?}");
    assert!(origins.iter().all(|(_, origin)| !origin.contains("Sandbox-0nly!")));
}

#[test]
fn a_region_without_a_project_says_so() {
    for (name, expected) in [("eu-nowhere-1", "no project `eu-nowhere-1`"), ("", "the project is not known")] {
        let product = match name {
            "" => ecs(&key(&[])),
            name => ecs(&key(&[("setting:region", name)])),
        };
        let bench = Bench::new(&*product, sandbox::emulator());
        let fault = ready(product.connect(&bench)).expect_err("a fault");
        assert!(fault.error.message.contains(expected), "{fault}");
        assert!(fault.error.next_step.contains("--project"), "{}", fault.error.next_step);
    }
}

#[test]
fn a_token_of_another_project_is_not_used() {
    let product = ecs(&sources(&[("variable:OS_TOKEN", "SANDBOXHUAWEITOKENNOTREAL"), ("setting:project", "0a1b2c")]));
    let bench = Bench::new(&*product, sandbox::emulator());
    let fault = ready(product.connect(&bench)).expect_err("a fault");
    assert_eq!(fault.class, FaultClass::Denied);
    assert!(fault.error.message.contains(PROJECT), "{fault}");
}

#[test]
fn a_wrong_password_is_denied_and_not_repeated_to_the_user() {
    let product = ecs(&password("Wrong-Hush-1"));
    let renewal = product.login().renewal(chrono::DateTime::UNIX_EPOCH).expect("a sign-in");
    let other = ecs(&key(&[("setting:project", PROJECT)]));
    let bench = Bench::new(&*other, sandbox::emulator());
    let answer = bench.deliver(&renewal, bench.now());
    let fault = product.login().renewed(&answer, bench.now()).expect_err("refused");
    assert_eq!(fault.class, FaultClass::Denied);
    assert!(!format!("{fault:?}").contains("Wrong-Hush-1"));
}

#[test]
fn a_token_is_renewed_in_time_and_refused_after_its_end() {
    let product = ecs(&password("Sandbox-0nly!"));
    let bench = Bench::new(&*product, sandbox::emulator());
    ready(product.connect(&bench)).expect("connected");
    let url = format!("http://127.0.0.1:8080/v1/{PROJECT}/cloudservers/{WEB}");
    let mut old = WireRequest::new(Method::GET, url.parse().expect("an address"), "x");
    product.login().authorize(&mut old, &Stamp { at: bench.now(), nonce: String::new() });
    assert!(bench.deliver(&old, bench.now()).status.is_success());
    bench.advance(Duration::from_secs(25 * 3600));
    let (class, _) = product.fault(&bench.deliver(&old, bench.now())).expect("refused");
    assert_eq!(class, FaultClass::SignedOut);
    assert!(product.login().renewal(bench.now()).is_some());
    let refs = [Ref::Id(ServerId::new(WEB).expect("an id"))];
    assert_eq!(ready(product.find(&bench, &refs)).expect("a fresh token").len(), 1);
}

#[test]
fn a_temporary_key_needs_its_security_token_and_does_not_tell_its_user() {
    let pairs = [
        ("variable:HW_ACCESS_KEY", "SANDBOXHUAWEITEMP001"),
        ("variable:HW_SECRET_KEY", "sandbox-huawei-temporary-key-not-real-01"),
        ("setting:project", PROJECT),
    ];
    let find = |sources: MapSources| {
        let product = ecs(&sources);
        let bench = Bench::new(&*product, sandbox::emulator());
        ready(product.connect(&bench)).expect("connected");
        let refs = [Ref::Id(ServerId::new(WEB).expect("an id"))];
        let record = ready(product.find(&bench, &refs))?.pop().expect("a server");
        let wish = Wish { key: Some(Choice::Id("KeyPair-demo".to_owned())), ..Wish::default() };
        Ok::<_, crate::wire::ReadFault>(ready(product.prepare(&bench, record, PowerPlan::Nothing, &wish)))
    };
    assert_eq!(find(sources(&pairs)).expect_err("refused").class, FaultClass::SignedOut);
    let whole = sources(&pairs).with("variable:HW_SECURITY_TOKEN", "SANDBOXHUAWEISECURITYTOKENNOTREAL");
    let refusal = find(whole).expect("a read").expect_err("no user");
    assert_eq!(refusal.kind, FaultClass::Invalid.word());
    assert!(refusal.next_step.contains("--set userid"), "{}", refusal.next_step);
}

#[test]
fn an_unknown_call_is_the_gateways_404_and_foreign_paths_are_left_alone() {
    let product = ecs(&key(&[("setting:project", PROJECT)]));
    let bench = Bench::new(&*product, sandbox::emulator());
    let url = format!("http://127.0.0.1:8080/v1/{PROJECT}/nothing");
    let answer = bench.exchange(WireRequest::new(Method::GET, url.parse().expect("an address"), "x"));
    let (class, error) = product.fault(&answer).expect("refused");
    assert_eq!((class, error.code.as_deref()), (FaultClass::NotFound, Some("APIGW.0101")));
    let foreign = crate::sandbox::Inbound {
        method: Method::GET,
        path: "/v1/regions/cn-north-1/instances".to_owned(),
        query: String::new(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        at: bench.now(),
    };
    assert!(sandbox::emulator().route(&foreign).is_none());
}

#[test]
fn a_calls_project_must_be_the_accounts() {
    let product = ecs(&key(&[("setting:project", "0a1b2c")]));
    let bench = Bench::new(&*product, sandbox::emulator());
    ready(product.connect(&bench)).expect("a project is taken as it is given");
    let fault = ready(product.list(&bench)).expect_err("refused");
    assert_eq!(fault.error.code.as_deref(), Some("Ecs.0023"));
}

#[test]
fn the_sign_verb_gets_every_stage_and_the_request_all_headers() {
    let sources = key(&[("setting:project", PROJECT)]);
    let url = "https://ecs.eu-de.otc.t-systems.com/v1/x?b=2&a=1".parse().expect("an address");
    let mut request = WireRequest::new(Method::GET, url, "sign").header("x-odd", "1");
    let stamp = Stamp { at: chrono::DateTime::UNIX_EPOCH, nonce: String::new() };
    let stages = super::sign(&sources, &mut request, &stamp).expect("credentials").expect("a signature");
    assert!(
        stages.canonical_request.contains("\nhost;x-odd;x-project-id;x-sdk-date\n"),
        "{}",
        stages.canonical_request
    );
    assert_eq!(request.headers["authorization"], stages.authorization.as_str());
    assert_eq!(request.headers[sign::DATE], "19700101T000000Z");
    assert!(request.headers["authorization"].is_sensitive());
}

#[test]
fn key_pairs_come_page_by_page_from_the_successor_too() {
    let product = ecs(&key(&[("setting:project", PROJECT)]));
    let bench = Bench::new(&*product, sandbox::emulator());
    let mut names = Vec::new();
    let mut marker = String::new();
    for _ in 0..5 {
        let url = format!("http://127.0.0.1:8080/v3/{PROJECT}/keypairs?limit=2{marker}");
        let answer = bench.exchange(WireRequest::new(Method::GET, url.parse().expect("an address"), "x"));
        let page: super::wire::KeyPairList = answer.parse().expect("key pairs");
        names.extend(page.keypairs.into_iter().map(|row| row.keypair.name));
        match page.page_info.and_then(|info| info.next()) {
            Some(next) => marker = format!("&marker={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["KeyPair-demo", "KeyPair-ops", "KeyPair-old"]);
}
