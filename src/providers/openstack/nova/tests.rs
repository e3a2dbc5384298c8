use super::*;
use crate::model::{Choice, HandleState, LoginWish, Ref};
use crate::providers::bench::{Bench, MapSources, ready, response};
use crate::sandbox::machine::{Ending, Stage};
use crate::sandbox::{Inbound, Injected, Operation, Route};
use crate::secret::{Reveal, Secret};
use std::collections::BTreeMap;
use std::time::Duration;

const WEB: &str = "5a0db0c5-570e-4000-8000-000000000001";
const DB: &str = "5a0db0c5-570e-4000-8000-000000000002";
const DEBIAN: &str = "5a0db0c5-57a1-4000-8000-000000000002";

fn product() -> Box<dyn Product> {
    let emulator = (super::super::VENDOR.emulator)();
    build(&MapSources::of(&*emulator)).expect("a product")
}

fn bench(product: &dyn Product) -> Bench<'_> {
    let bench = Bench::new(product, (super::super::VENDOR.emulator)());
    ready(product.connect(&bench)).expect("it connects");
    bench
}

fn record(product: &dyn Product, bench: &Bench<'_>, id: &str) -> Record {
    let reference: Ref = id.parse().expect("a reference");
    ready(product.find(bench, &[reference])).expect("a read").remove(0)
}

fn prepare(product: &dyn Product, bench: &Bench<'_>, id: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    let record = record(product, bench, id);
    ready(product.prepare(bench, record, PowerPlan::Nothing, wish))
}

fn password() -> (Wish, OrderSecrets) {
    let wish = Wish { login: LoginWish { password: true, none: false }, ..Wish::default() };
    let secrets =
        OrderSecrets { password: Some(Secret::from("Kx4!pT7!mW2".to_owned()).shared()), ..OrderSecrets::default() };
    (wish, secrets)
}

fn order(product: &dyn Product, prepared: &Prepared, secrets: &OrderSecrets) -> WireRequest {
    product.order(&Order { batch: &[prepared], secrets, token: None, reveal: Reveal::Real })
}

fn look(product: &dyn Product, bench: &Bench<'_>, id: &str, ticket: Option<&str>) -> Seen {
    let watch = Watch { id: ServerId::new(id).expect("an id"), ticket: ticket.map(str::to_owned) };
    ready(product.observe(bench, &[watch])).remove(0).1
}

fn here(seen: Seen) -> Observation {
    match seen {
        Seen::Here(seen) => seen,
        other => panic!("{other:?}"),
    }
}

/// Orders and gives the request's id.
fn ordered(product: &dyn Product, bench: &Bench<'_>, id: &str) -> String {
    let (wish, secrets) = password();
    let prepared = prepare(product, bench, id, &wish).expect("it is prepared");
    let answer = bench.exchange(order(product, &prepared, &secrets));
    assert!(product.fault(&answer).is_none(), "{:?}", product.fault(&answer));
    match product.judge(std::slice::from_ref(&prepared.record.id), &answer).remove(0).1 {
        Judgement::Accepted { ticket } => ticket.expect("a ticket"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rebuild_goes_from_the_record_to_the_proof_of_our_own_request() {
    let product = product();
    let bench = bench(&*product);
    let ticket = ordered(&*product, &bench, WEB);
    assert!(ticket.starts_with("req-"), "{ticket}");
    bench.advance(Duration::from_secs(1));
    let seen = here(look(&*product, &bench, WEB, Some(&ticket)));
    assert_eq!((seen.status.as_str(), seen.phase), ("REBUILD", Phase::Installing));
    assert_eq!(seen.handle, Some(HandleState::Working));
    bench.advance(Duration::from_secs(5));
    let seen = here(look(&*product, &bench, WEB, Some(&ticket)));
    assert_eq!((seen.phase, seen.handle), (Phase::Running, Some(HandleState::Done)));
    assert_eq!(bench.reinstalls(&ServerId::new(WEB).expect("an id")), 1);
}

#[test]
fn another_request_is_no_proof() {
    let product = product();
    let bench = bench(&*product);
    ordered(&*product, &bench, WEB);
    bench.advance(Duration::from_secs(5));
    assert_eq!(here(look(&*product, &bench, WEB, Some("req-of-somebody-else"))).handle, None);
}

#[test]
fn a_server_that_was_off_is_off_again() {
    let product = product();
    let bench = bench(&*product);
    let ticket = ordered(&*product, &bench, DB);
    bench.advance(Duration::from_secs(5));
    let seen = here(look(&*product, &bench, DB, Some(&ticket)));
    assert_eq!((seen.status.as_str(), seen.phase, seen.handle), ("SHUTOFF", Phase::Stopped, Some(HandleState::Done)));
}

#[test]
fn a_failed_rebuild_tells_the_clouds_own_reason() {
    let product = product();
    let bench = bench(&*product);
    bench.lock().1.fate.ending = Ending::Failed;
    let ticket = ordered(&*product, &bench, WEB);
    bench.advance(Duration::from_secs(5));
    let seen = here(look(&*product, &bench, WEB, Some(&ticket)));
    assert_eq!((seen.phase, seen.handle), (Phase::Failed, Some(HandleState::Failed)));
    assert!(seen.error.expect("a reason").message.contains("could not be spawned"));
    assert_eq!(product.admit(&here(look(&*product, &bench, WEB, None)), &Wish::default()), Admission::Go);
}

#[test]
fn the_lowest_version_that_carries_the_wish_is_asked_for() {
    let product = product();
    let bench = bench(&*product);
    let (plain, secrets) = password();
    for (wish, version) in [
        (plain.clone(), None),
        (Wish { key: Some(Choice::Id("demo".to_owned())), ..plain.clone() }, Some("compute 2.54")),
        (Wish { hostname: Some("web".to_owned()), ..plain.clone() }, Some("compute 2.90")),
        (Wish { hostname: Some("web.example.com".to_owned()), ..plain.clone() }, Some("compute 2.94")),
        (Wish { user_data: true, ..plain }, Some("compute 2.57")),
    ] {
        let prepared = prepare(&*product, &bench, WEB, &wish).expect("it is prepared");
        let request = order(&*product, &prepared, &secrets);
        let asked = request.headers.get(HEADER).and_then(|value| value.to_str().ok());
        assert_eq!(asked, version, "{wish:?}");
    }
}

#[test]
fn images_are_taken_by_id_and_by_a_unique_name() {
    let product = product();
    let bench = bench(&*product);
    let settle = |image: Choice| prepare(&*product, &bench, WEB, &Wish { image: Some(image), ..password().0 });
    for choice in [Choice::Id(DEBIAN.to_owned()), Choice::Name("debian-12".to_owned())] {
        let prepared = settle(choice).expect("it is known");
        assert_eq!(prepared.body["fields"]["imageRef"], DEBIAN);
        assert_eq!(prepared.must_change["image"].as_deref(), Some(DEBIAN));
    }
    for (choice, kind) in [
        (Choice::Name("twin".to_owned()), "ambiguous_image"),
        (Choice::Name("debian".to_owned()), "unknown_image"),
        (Choice::Name("half-uploaded".to_owned()), "unknown_image"),
        (Choice::Id("no,such".to_owned()), "unknown_image"),
    ] {
        let refusal = settle(choice).expect_err(kind);
        assert_eq!(refusal.kind, kind, "{refusal}");
    }
    let listed = ready(product.images(&bench, None)).expect("images");
    assert_eq!(listed.len(), 5, "the one that is not active is left out");
}

#[test]
fn a_server_that_boots_from_a_volume_needs_an_image_and_a_new_cloud() {
    let product = product();
    let bench = bench(&*product);
    let mut server = record(&*product, &bench, WEB);
    server.seen.image = None;
    server.attributes = BTreeMap::from([("boots_from".to_owned(), "volume".to_owned())]);
    let settle = |wish: &Wish| ready(product.prepare(&bench, server.clone(), PowerPlan::Nothing, wish));
    let (plain, _) = password();
    assert_eq!(settle(&plain).expect_err("no image").kind, "image_needed");
    let prepared = settle(&Wish { image: Some(Choice::Id(DEBIAN.to_owned())), ..plain }).expect("it is prepared");
    assert_eq!(prepared.body["version"], "2.93");
}

#[test]
fn a_locked_server_is_no_busy_one() {
    let product = product();
    let seen = |locked: &str| {
        let mut seen = Observation::of("ACTIVE", Phase::Running);
        seen.marks.insert("locked".to_owned(), locked.to_owned());
        seen
    };
    for (mark, says) in [("true", "the server is locked"), ("ann is away", "the server is locked: ann is away")] {
        match product.admit(&seen(mark), &Wish::default()) {
            Admission::No(refusal) => assert_eq!((refusal.kind, refusal.message.as_str()), ("locked", says)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_about_another_server_is_unclear() {
    let product = product();
    let ids = [ServerId::new(WEB).expect("an id")];
    for body in
        [format!(r#"{{"server":{{"id":"{DB}"}}}}"#), "{}".to_owned(), String::new(), r#"{"server":nu"#.to_owned()]
    {
        let status = http::StatusCode::ACCEPTED;
        let answer = WireResponse { status, headers: http::HeaderMap::new(), body: body.clone().into() };
        assert!(matches!(product.judge(&ids, &answer).remove(0).1, Judgement::Unclear(_)), "{body}");
    }
}

#[test]
fn a_list_tells_of_everybody_and_a_stranger_is_absent() {
    let product = product();
    let bench = bench(&*product);
    let ids = [WEB, "5a0db0c5-570e-4000-8000-000000700000", DB];
    let watches: Vec<Watch> =
        ids.iter().map(|id| Watch { id: ServerId::new(id).expect("an id"), ticket: None }).collect();
    let told = ready(product.observe(&bench, &watches));
    assert!(matches!(told[0].1, Seen::Here(_)) && matches!(told[2].1, Seen::Here(_)));
    assert!(matches!(told[1].1, Seen::Absent));
    assert!(matches!(look(&*product, &bench, ids[1], None), Seen::Absent));
}

#[test]
fn a_token_that_ends_is_replaced_and_a_refused_one_is_no_verdict() {
    let product = product();
    let bench = bench(&*product);
    let ticket = ordered(&*product, &bench, WEB);
    bench.advance(Duration::from_secs(2 * 3600));
    assert_eq!(here(look(&*product, &bench, WEB, Some(&ticket))).phase, Phase::Running);
    assert!(product.login().expire());
    assert_eq!(here(look(&*product, &bench, WEB, Some(&ticket))).handle, Some(HandleState::Done));
}

#[test]
fn a_version_that_the_cloud_has_not_is_refused_with_its_bounds() {
    let product = product();
    let bench = bench(&*product);
    let (wish, secrets) = password();
    let prepared = prepare(&*product, &bench, WEB, &wish).expect("it is prepared");
    let mut request = order(&*product, &prepared, &secrets);
    request.set(HEADER, "compute 9.99");
    let (class, error) = product.fault(&bench.exchange(request)).expect("a fault");
    assert_eq!(class, FaultClass::Invalid);
    assert!(error.message.contains("maximum is 2.104"), "{error}");
}

#[test]
fn injected_faults_are_in_the_clouds_own_words() {
    let product = product();
    let bench = bench(&*product);
    let route = Route {
        provider: "openstack",
        operation: Operation::Reinstall,
        action: "rebuild".to_owned(),
        servers: vec![WEB.to_owned()],
    };
    for (what, word) in [
        (Injected::Throttled, "throttled"),
        (Injected::Unauthorized, "credentials"),
        (Injected::Forbidden, "credentials"),
        (Injected::WrongState, "busy"),
        (Injected::Invalid, "invalid"),
        (Injected::NotFound, "not_found"),
        (Injected::ServerError, "provider_error"),
    ] {
        let mut guard = bench.lock();
        let (emulator, world) = &mut *guard;
        let answer = response(emulator.inject(what, &route, world));
        let (class, error) = product.fault(&answer).expect(word);
        assert_eq!(class.word(), word);
        assert!(error.request_id.is_some_and(|id| id.starts_with("req-")), "{word}");
    }
}

#[test]
fn power_calls_are_answered_without_a_body() {
    let product = product();
    let bench = bench(&*product);
    let (wish, secrets) = password();
    let prepared = prepare(&*product, &bench, DB, &wish).expect("it is prepared");
    let answer = bench.exchange(product.start(&prepared, &secrets).expect("a call"));
    assert_eq!(product.judge_power(&prepared.record.id, &answer), Ok(()));
    bench.advance(Duration::from_secs(1));
    assert_eq!(here(look(&*product, &bench, DB, None)).phase, Phase::Running);
    let again = bench.exchange(product.start(&prepared, &secrets).expect("a call"));
    assert_eq!(product.fault(&again).expect("a fault").0, FaultClass::Busy);
    assert!(product.stop(&prepared, PowerOff::Never, &secrets).is_none());
}

#[test]
fn an_emulator_without_a_token_says_where_to_get_one() {
    let mut emulator = (super::super::VENDOR.emulator)();
    let mut world = crate::sandbox::World::new(crate::sandbox::machine::Fleet::default());
    let request = Inbound {
        method: Method::GET,
        path: "/compute/v2.1/servers/detail".to_owned(),
        query: String::new(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        at: chrono::DateTime::UNIX_EPOCH,
    };
    let refusal = emulator.verify(&request, &mut world).expect_err("no token");
    assert_eq!(refusal.status, 401);
    assert!(refusal.headers.iter().any(|(name, value)| *name == "www-authenticate" && value.contains("/identity")));
    assert_eq!(emulator.machines()[1].truth(Duration::ZERO), Stage::Stopped);
}

/// Nova as a cloud with these versions at most has it, already connected.
fn of_age(minor: u32) -> Nova {
    let account = Account::read(&MapSources::of(&*(super::super::VENDOR.emulator)())).expect("an account");
    let base = Url::parse("http://127.0.0.1:8080/compute/v2.1").expect("an address");
    let range = Range { min: Microversion(2, 1), max: Microversion(2, minor) };
    Nova { account, service: OnceLock::from(Service { base, range }) }
}

#[test]
fn a_wish_beyond_the_clouds_version_is_refused_with_what_asked_for_it() {
    let plain = password().0;
    let named = |name: &str| Wish { hostname: Some(name.to_owned()), ..plain.clone() };
    let described = BTreeMap::from([("description".to_owned(), json!("new"))]);
    for (minor, wish, says) in [
        (18, Wish { fields: described, ..plain.clone() }, "`description` needs version 2.19"),
        (53, Wish { key: Some(Choice::Id("demo".to_owned())), ..plain.clone() }, "`key_name` needs version 2.54"),
        (56, Wish { user_data: true, ..plain.clone() }, "`user_data` needs version 2.57"),
        (89, named("web"), "`hostname` needs version 2.90"),
        (93, named("web.example.com"), "has dots, needs version 2.94"),
    ] {
        let (old, new) = (of_age(minor), of_age(minor + 1));
        for (nova, good) in [(&old, false), (&new, true)] {
            let bench = Bench::new(nova, (super::super::VENDOR.emulator)());
            match prepare(nova, &bench, WEB, &wish) {
                Ok(_) => assert!(good, "{says}"),
                Err(refusal) => {
                    assert_eq!((good, refusal.kind), (false, "cloud_too_old"), "{refusal}");
                    assert!(refusal.message.contains(says), "{refusal}");
                    assert!(refusal.message.contains(&format!("2.{minor} at most")), "{refusal}");
                }
            }
        }
    }
    // Such a server cannot be rebuilt there at all, and no image changes that.
    let old = of_age(92);
    let bench = Bench::new(&old, (super::super::VENDOR.emulator)());
    let mut server = record(&old, &bench, WEB);
    server.attributes = BTreeMap::from([("boots_from".to_owned(), "volume".to_owned())]);
    let wish = Wish { image: Some(Choice::Id(DEBIAN.to_owned())), ..plain };
    let refusal = ready(old.prepare(&bench, server, PowerPlan::Nothing, &wish)).expect_err("too old");
    assert_eq!(refusal.kind, "cloud_too_old");
    assert!(refusal.message.contains("boots from a volume") && refusal.message.contains("2.93"), "{refusal}");
}

/// A cloud with a cell that is down: its list leaves one server out, its own read still knows it.
struct HalfDown<'p> {
    whole: Bench<'p>,
}

impl Api for HalfDown<'_> {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        let list = request.url.path().ends_with("/servers/detail");
        let answer = ready(self.whole.read(request));
        Box::pin(std::future::ready(answer.map(|mut answer| {
            if list {
                let mut document: Value = serde_json::from_slice(&answer.body).expect("a list");
                document["servers"].as_array_mut().expect("servers").retain(|server| server["id"] != DB);
                answer.body = document.to_string().into();
            }
            answer
        })))
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.whole.now()
    }
}

#[test]
fn what_the_list_of_an_old_cloud_leaves_out_is_absent_only_if_its_own_read_says_so() {
    let ids = [WEB, DB, "5a0db0c5-570e-4000-8000-000000700000"];
    let watches: Vec<Watch> =
        ids.iter().map(|id| Watch { id: ServerId::new(id).expect("an id"), ticket: None }).collect();
    for (minor, here) in [(60, true), (72, true), (73, false)] {
        let nova = of_age(minor);
        let api = HalfDown { whole: Bench::new(&nova, (super::super::VENDOR.emulator)()) };
        let told = ready(nova.observe(&api, &watches));
        assert!(matches!(told[0].1, Seen::Here(_)), "2.{minor}");
        assert_eq!(matches!(told[1].1, Seen::Here(_)), here, "2.{minor}");
        assert!(matches!(told[2].1, Seen::Absent), "2.{minor}");
    }
}

#[test]
fn who_loses_the_race_for_a_server_is_refused_and_no_other_failure_is() {
    use crate::client::{Outcome, classify};
    let product = product();
    let ids = [ServerId::new(WEB).expect("an id")];
    let outcome = |class: &str| {
        let message = format!("Unexpected API Error. Please contact the administrator\n<class '{class}'>");
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let body = json!({"computeFault": {"code": 500, "message": message}}).to_string().into();
        let answer = WireResponse { status: http::StatusCode::INTERNAL_SERVER_ERROR, headers, body };
        classify(&*product, &ids, &Ok(answer)).outcomes.remove(0)
    };
    let lost = outcome("nova.exception.UnexpectedTaskStateError");
    assert!(matches!(lost, Outcome::Rejected { class: FaultClass::Busy, .. }), "{lost:?}");
    for other in ["oslo_messaging.exceptions.MessagingTimeout", "nova.exception.UnexpectedDeletingTaskStateError"] {
        assert!(matches!(outcome(other), Outcome::Maybe(_)), "{other}");
    }
}
