//! The product in front of its emulator, and of answers that no emulator would give.

use crate::model::{
    Choice, Expectation, FaultClass, LoginWish, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::bench::{Bench, MapSources, ready};
use crate::providers::huawei::{VENDOR, sandbox};
use crate::providers::{Admission, Judgement, Product, SetupError};
use crate::sandbox::machine::{Ending, Fate};
use crate::secret::{Reveal, Secret};
use crate::wire::{Api, ReadFault, Reading, WireRequest, WireResponse};
use chrono::{DateTime, TimeZone, Utc};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

const WEB: &str = "5a0db0c5-dc00-7000-8000-000000000001";
const DB: &str = "5a0db0c5-dc00-7000-8000-000000000002";
const CACHE: &str = "5a0db0c5-dc00-7000-8000-000000000003";
const EULER: &str = "5a0db0c5-1a6e-4000-8000-000000000012";
const HUSH: &str = "Hush-Hush-2468";

fn product() -> Box<dyn Product> {
    let sources = MapSources::of(&*sandbox::emulator());
    (VENDOR.products[1].build)(&sources).unwrap_or_else(|fault| panic!("{fault}"))
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn wish() -> Wish {
    Wish { login: LoginWish { password: true, none: false }, ..Wish::default() }
}

fn secrets() -> OrderSecrets {
    OrderSecrets { password: Some(Secret::from(HUSH.to_owned()).shared()), ..OrderSecrets::default() }
}

fn prepare(product: &dyn Product, api: &dyn Api, server: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    ready(product.connect(api)).expect("connected");
    let refs = [Ref::Id(id(server))];
    let record: Record = ready(product.find(api, &refs)).expect("a read").pop().expect("a server");
    ready(product.prepare(api, record, PowerPlan::Nothing, wish))
}

fn look(product: &dyn Product, api: &dyn Api, server: &str) -> Seen {
    ready(product.observe(api, &[Watch { id: id(server), ticket: None }])).pop().expect("one").1
}

fn here(seen: Seen) -> Observation {
    match seen {
        Seen::Here(seen) => seen,
        other => panic!("{other:?}"),
    }
}

fn body(request: &WireRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

#[test]
fn two_servers_go_in_one_call_and_are_judged_one_by_one() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let wish = Wish { image: Some(Choice::Name("metal-euler-22.03".to_owned())), ..wish() };
    let web = prepare(&*product, &bench, WEB, &wish).expect("prepared");
    let cache = prepare(&*product, &bench, CACHE, &wish).expect("prepared");
    assert_eq!(web.must_change.get("launched_at"), Some(&None));
    assert_eq!(web.must_change.get("image"), Some(&Some(EULER.to_owned())));
    let secrets = secrets();
    let order = |reveal| product.order(&Order { batch: &[&web, &cache], secrets: &secrets, token: None, reveal });
    let request = order(Reveal::Real);
    assert_eq!(request.method, Method::PUT);
    assert_eq!(body(&request), json!({"image_id": EULER, "password": HUSH, "instance_id_set": [WEB, CACHE]}));
    assert_eq!(request.body, order(Reveal::Real).body);
    assert_eq!(body(&order(Reveal::Masked))["password"], "***");
    assert!(!serde_json::to_string(&web).expect("JSON").contains(HUSH));
    let before = here(look(&*product, &bench, WEB));

    let answer = bench.exchange(request);
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let ids = [id(WEB), id(DB), id(CACHE)];
    let judged = product.judge(&ids, &answer);
    assert_eq!(judged.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(judged[0].1, Judgement::Accepted { ticket: None });
    assert!(matches!(judged[1].1, Judgement::Unclear(_)), "an id that the answer does not name");

    assert!(here(look(&*product, &bench, WEB)).same_state(&before), "the old state still shows");
    bench.advance(Duration::from_millis(500));
    let seen = here(look(&*product, &bench, WEB));
    assert_eq!(seen.phase, Phase::Installing);
    assert!(seen.operation.as_ref().is_some_and(|operation| operation.reinstall));
    assert!(matches!(product.admit(&seen, &wish), Admission::Busy(_)));
    bench.advance(Duration::from_secs(3));
    for server in [WEB, CACHE] {
        let seen = here(look(&*product, &bench, server));
        assert_eq!(seen.phase, Phase::Running);
        assert_eq!(seen.operation.map(|operation| operation.word).as_deref(), Some("reinstall-succeed"));
        assert_eq!(seen.image.as_deref(), Some(EULER));
        assert_ne!(seen.marks.get("launched_at"), before.marks.get("launched_at"));
        assert_eq!(bench.reinstalls(&id(server)), 1);
    }
}

#[test]
fn a_named_image_is_sent_even_for_a_server_that_has_it_already() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let present = "5a0db0c5-1a6e-4000-8000-000000000011";
    let wish = Wish { image: Some(Choice::Id(present.to_owned())), ..wish() };
    let web = prepare(&*product, &bench, WEB, &wish).expect("prepared");
    let secrets = secrets();
    let request = product.order(&Order { batch: &[&web], secrets: &secrets, token: None, reveal: Reveal::Real });
    assert_eq!(body(&request)["image_id"], present, "it may share its call with a server that has another one");
    assert!(!web.must_change.contains_key("image"));
}

#[test]
fn a_failure_tells_its_text_and_may_be_tried_again() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    bench.lock().1.fate = Fate { ending: Ending::Failed, ..Fate::default() };
    let web = prepare(&*product, &bench, WEB, &wish()).expect("prepared");
    let secrets = secrets();
    let request = product.order(&Order { batch: &[&web], secrets: &secrets, token: None, reveal: Reveal::Real });
    assert_eq!(body(&request).get("image_id"), None, "left out, the present image stays");
    bench.exchange(request);
    bench.advance(Duration::from_secs(3));
    let seen = here(look(&*product, &bench, WEB));
    assert_eq!(seen.phase, Phase::Failed);
    assert!(seen.error.as_ref().is_some_and(|error| error.message.starts_with("reinstall_error: ")));
    assert_eq!(product.admit(&seen, &wish()), Admission::Go);
}

#[test]
fn a_server_that_ends_off_is_started_through_its_physical_server() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    bench.lock().1.fate = Fate { ending: Ending::Off, ..Fate::default() };
    let web = prepare(&*product, &bench, WEB, &wish()).expect("prepared");
    let secrets = secrets();
    bench.exchange(product.order(&Order { batch: &[&web], secrets: &secrets, token: None, reveal: Reveal::Real }));
    bench.advance(Duration::from_secs(3));
    assert_eq!(here(look(&*product, &bench, WEB)).phase, Phase::Stopped);
    let start = product.start(&web, &OrderSecrets::default()).expect("a call");
    assert_eq!(body(&start), json!({"action": "power on", "server_id_set": ["5a0db0c5-dc50-7000-8000-000000000001"]}));
    let answer = bench.exchange(start);
    assert_eq!(product.judge_power(&id(WEB), &answer), Ok(()));
    bench.advance(Duration::from_secs(1));
    assert_eq!(here(look(&*product, &bench, WEB)).phase, Phase::Running);
    assert!(product.stop(&web, PowerOff::Soft, &OrderSecrets::default()).is_none());
}

#[test]
fn only_fit_states_are_admitted() {
    let product = product();
    let seen = |status: &str, phase| Observation::of(status, phase);
    assert_eq!(product.admit(&seen("running", Phase::Running), &wish()), Admission::Go);
    assert_eq!(product.admit(&seen("error", Phase::Failed), &wish()), Admission::Go);
    assert!(matches!(product.admit(&seen("stopped", Phase::Stopped), &wish()), Admission::No(_)));
    let expect = |key: &str, value: &str| Expectation { key: key.to_owned(), value: value.to_owned() };
    let told = Wish { expect: vec![expect("status", "stopped")], ..wish() };
    assert_eq!(product.admit(&seen("stopped", Phase::Stopped), &told), Admission::Go);
    let other = Wish { expect: vec![expect("name", "stopped"), expect("status", "running")], ..wish() };
    assert!(matches!(product.admit(&seen("stopped", Phase::Stopped), &other), Admission::No(_)));
    assert!(matches!(product.admit(&seen("pending", Phase::Installing), &wish()), Admission::Busy(_)));
    assert!(matches!(product.admit(&seen("terminated", Phase::Gone), &wish()), Admission::No(_)));
    assert!(matches!(product.admit(&seen("odd", Phase::Unknown), &wish()), Admission::No(_)));
}

#[test]
fn only_a_password_is_taken_and_an_unknown_image_is_refused() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let key = Wish { key: Some(Choice::Id("k".to_owned())), ..Wish::default() };
    let none = Wish { login: LoginWish { password: false, none: true }, ..Wish::default() };
    for wish in [key, none] {
        assert_eq!(product.check(&wish, &OrderSecrets::default()).expect_err("no").kind, "password_only");
    }
    assert!(product.check(&wish(), &secrets()).is_ok());
    for image in ["name=nothing", "5a0db0c5-1a6e-4000-8000-0000000000ff"] {
        let wish = Wish { image: Some(image.parse().expect("a choice")), ..wish() };
        let refusal = prepare(&*product, &bench, WEB, &wish).expect_err(image);
        assert_eq!(refusal.kind, "unknown_image");
        assert!(refusal.message.contains(EULER), "{refusal}");
    }
    assert!(ready(product.keys(&bench)).expect("none").is_empty());
    assert_eq!(ready(product.images(&bench, None)).expect("images").len(), 2);
}

#[test]
fn it_exists_in_four_regions_or_where_it_is_told_to() {
    let region = |name: &str| {
        let sources = MapSources::default().with("variable:OS_TOKEN", "T").with("setting:region", name);
        (VENDOR.products[1].build)(&sources).map(|product| product.endpoint().to_string())
    };
    assert_eq!(region("cn-south-1").ok().as_deref(), Some("https://clouddc.cn-south-1.myhuaweicloud.com/"));
    assert!(matches!(region("eu-de"), Err(SetupError::NotInRegion { product: "huawei-clouddc", .. })));
}

#[test]
fn the_emulator_refuses_what_the_documentation_forbids() {
    let product = product();
    let bench = Bench::new(&*product, sandbox::emulator());
    let send = |body: Value| {
        let url = "http://127.0.0.1:8080/v1/5a0db0c5000040008000000000000a11/instances/reinstall";
        let answer = bench.exchange(WireRequest::new(Method::PUT, url.parse().expect("an address"), "x").json(&body));
        let error = product.fault(&answer).map(|(_, error)| error);
        (error.as_ref().and_then(|error| error.code.clone()).unwrap_or_else(|| answer.status.to_string()), error)
    };
    let many: Vec<String> = (0..51).map(|number| format!("i{number}")).collect();
    let table = [
        (json!("x"), "iMetal.0001"),
        (json!({"instance_id_set": [WEB]}), "iMetal.0002"),
        (json!({"password": HUSH}), "iMetal.0002"),
        (json!({"password": HUSH, "instance_id_set": []}), "iMetal.0002"),
        (json!({"password": HUSH, "instance_id_set": WEB}), "iMetal.0001"),
        (json!({"password": HUSH, "instance_id_set": [7]}), "iMetal.0001"),
        (json!({"password": HUSH, "instance_id_set": many}), "iMetal.0001"),
        (json!({"password": "weak", "instance_id_set": [WEB]}), "iMetal.0001"),
        (json!({"password": "Root-2468-x", "instance_id_set": [WEB]}), "iMetal.0001"),
        (json!({"password": HUSH, "instance_id_set": [WEB], "image_id": "x"}), "iMetal.0001"),
        (json!({"password": HUSH, "instance_id_set": [WEB, "unknown"]}), "iMetal.0200"),
        (json!({"password": HUSH, "instance_id_set": [WEB, DB]}), "iMetal.0201"),
        (json!({"password": HUSH, "instance_id_set": [WEB], "image_id": ""}), "202 Accepted"),
        (json!({"password": HUSH, "instance_id_set": [WEB]}), "iMetal.0201"),
    ];
    for (row, (body, expected)) in table.into_iter().enumerate() {
        let (code, error) = send(body);
        assert_eq!(code, expected, "row {row}");
        if expected == "iMetal.0200" {
            assert!(error.is_some_and(|error| error.message.contains("[unknown]")));
        }
    }
    assert_eq!((bench.reinstalls(&id(WEB)), bench.reinstalls(&id(DB))), (1, 0));
}

/// Answers that are written down, by a part of the query.
struct Script {
    answers: Vec<(&'static str, Value)>,
    asked: Mutex<Vec<String>>,
    product: Box<dyn Product>,
}

impl Script {
    fn new(answers: Vec<(&'static str, Value)>) -> Self {
        Self { answers, asked: Mutex::default(), product: product() }
    }

    fn words(&self, ids: &[&str]) -> Vec<String> {
        let watches: Vec<Watch> = ids.iter().map(|text| Watch { id: id(text), ticket: None }).collect();
        let word = |seen: &Seen| match seen {
            Seen::Here(seen) => seen.status.clone(),
            Seen::Absent => "absent".to_owned(),
            Seen::Fault(fault) => fault.class.word().to_owned(),
        };
        ready(self.product.observe(self, &watches)).iter().map(|(_, seen)| word(seen)).collect()
    }
}

impl Api for Script {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        let query = request.url.query().unwrap_or_default().to_owned();
        let (_, body) = self.answers.iter().find(|(part, _)| query.contains(part)).expect("an answer");
        self.asked.lock().expect("a lock").push(query);
        let status = if body.get("error_code").is_some() { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let answer = WireResponse { status, headers: HeaderMap::new(), body: body.to_string().into() };
        let result = match self.product.fault(&answer) {
            Some((class, error)) => Err(ReadFault { class, error }),
            None => Ok(answer),
        };
        Box::pin(std::future::ready(result))
    }

    fn now(&self) -> DateTime<Utc> {
        Utc.timestamp_opt(0, 0).single().expect("a time")
    }
}

#[test]
fn each_id_has_exactly_one_answer_and_every_page_is_read() {
    let row = |id: &str, state: &str| json!({"id": id, "state": state});
    let page = |rows: Value, next: &str| json!({"instances": rows, "page_info": {"next_marker": next}});
    let script = Script::new(vec![
        ("marker=m1", page(json!([row("b", "running"), {"id": "c", "status": "stopped"}]), "")),
        ("", page(json!([row("a", "running"), row("x", "error")]), "https://h/v1/p/instances?marker=m1&limit=100")),
    ]);
    // An answer with a stranger in it has not understood the question: that `d` is not there proves nothing.
    assert_eq!(script.words(&["a", "b", "c", "d"]), ["running", "running", "stopped", "malformed_answer"]);
    assert_eq!(script.asked.lock().expect("a lock").len(), 2);

    let twice = Script::new(vec![(
        "",
        page(
            json!([row("a", "running"), row("a", "error"), row("b", "running"), row("b", "running"), {"id": "c"}]),
            "",
        ),
    )]);
    assert_eq!(twice.words(&["a", "b", "c"]), ["malformed_answer", "running", "malformed_answer"]);

    assert_eq!(script.words(&["a", "a"]), ["running"], "one entry for each id");

    let endless = Script::new(vec![("", page(json!([row("a", "running")]), "m1"))]);
    assert_eq!(endless.words(&["a", "b"]), ["malformed_answer"; 2]);
    let fault = ready(endless.product.list(&endless)).expect_err("a fault");
    assert_eq!(fault.class, FaultClass::Malformed);

    let unknown = json!({"error_code": "iMetal.0200", "error_msg": "Instances not found: [b]"});
    let refused = Script::new(vec![
        ("instance_id=a%2Cb", unknown.clone()),
        ("instance_id=b", unknown),
        ("instance_id=a", page(json!([row("a", "running")]), "")),
    ]);
    assert_eq!(refused.words(&["a", "b"]), ["running", "absent"], "one unknown id hides no other");

    let garbled = Script::new(vec![("", json!({"instances": [{"id": 7}]}))]);
    assert_eq!(garbled.words(&["a"]), ["malformed_answer"]);
}

#[test]
fn an_answer_that_names_nobody_proves_nothing() {
    let product = product();
    let judge = |status: StatusCode, body: &str| {
        let answer = WireResponse { status, headers: HeaderMap::new(), body: body.to_owned().into() };
        product.judge(&[id(WEB)], &answer).pop().expect("one").1
    };
    for body in ["", "{}", "<html>", r#"{"instances":[]}"#, r#"{"instances":[{"id":"other"}]}"#] {
        assert!(matches!(judge(StatusCode::ACCEPTED, body), Judgement::Unclear(_)), "{body}");
    }
    let refused = r#"{"error_code":"iMetal.0001","error_msg":"no"}"#;
    assert!(matches!(judge(StatusCode::OK, refused), Judgement::NotSuccessful(_)));
}
