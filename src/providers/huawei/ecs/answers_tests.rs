//! What the product makes of answers that no emulator would give.

use crate::model::{FaultClass, Seen, ServerId, Watch};
use crate::providers::Product;
use crate::providers::bench::{MapSources, ready};
use crate::providers::huawei::VENDOR;
use crate::wire::{Api, ReadFault, Reading, WireRequest, WireResponse};
use chrono::{DateTime, TimeZone, Utc};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Mutex;

fn product_of(sources: &MapSources) -> Box<dyn Product> {
    (VENDOR.products[0].build)(sources).unwrap_or_else(|fault| panic!("{fault}"))
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

/// Answers that are written down, by the end of the path.
struct Script {
    answers: Vec<(&'static str, u16, Value)>,
    asked: Mutex<Vec<String>>,
    product: Box<dyn Product>,
}

impl Script {
    fn new(answers: Vec<(&'static str, u16, Value)>) -> Self {
        let sources = MapSources::default()
            .with("variable:HUAWEICLOUD_SDK_AK", "A")
            .with("variable:HUAWEICLOUD_SDK_SK", "s")
            .with("setting:region", "cn-north-4")
            .with("setting:project", "p");
        Self { answers, asked: Mutex::default(), product: product_of(&sources) }
    }

    fn look(&self, ids: &[&str], ticket: Option<&str>) -> Vec<(ServerId, Seen)> {
        let watches: Vec<Watch> =
            ids.iter().map(|text| Watch { id: id(text), ticket: ticket.map(str::to_owned) }).collect();
        ready(self.product.observe(self, &watches))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a lock").clone()
    }
}

impl Api for Script {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        let path = format!("{}?{}", request.url.path(), request.url.query().unwrap_or_default());
        self.asked.lock().expect("a lock").push(path.clone());
        let (_, status, body) =
            self.answers.iter().find(|(part, ..)| path.contains(part)).unwrap_or_else(|| panic!("{path}"));
        let answer = WireResponse {
            status: StatusCode::from_u16(*status).expect("a status"),
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        };
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

fn row(id: &str, status: &str) -> Value {
    json!({"id": id, "name": id, "status": status})
}

fn word(seen: &Seen) -> String {
    match seen {
        Seen::Here(seen) => seen.status.clone(),
        Seen::Absent => "absent".to_owned(),
        Seen::Fault(fault) => format!("fault {}", fault.class.word()),
    }
}

#[test]
fn each_id_has_exactly_one_answer_whatever_the_list_holds() {
    let list = |servers: Value| Script::new(vec![("detail", 200, json!({"count": 3, "servers": servers}))]);
    let words =
        |script: &Script| script.look(&["a", "b", "c"], None).iter().map(|(_, seen)| word(seen)).collect::<Vec<_>>();
    let empty = json!({"id": "b", "name": null, "status": null, "fault": {"code": 404, "message": "no"}});
    assert_eq!(words(&list(json!([row("c", "SHUTOFF"), empty, row("a", "ACTIVE")]))), ["ACTIVE", "absent", "SHUTOFF"]);
    let twice = json!([row("a", "ACTIVE"), row("a", "ERROR"), row("b", "ACTIVE"), row("b", "ACTIVE"), row("c", "x")]);
    assert_eq!(words(&list(twice)), ["fault malformed_answer", "ACTIVE", "x"]);
    let garbled = json!([{"id": "a", "name": "a", "status": null}, row("b", "ACTIVE"), row("c", "ACTIVE")]);
    assert_eq!(words(&list(garbled)), ["fault malformed_answer", "ACTIVE", "ACTIVE"]);
    assert_eq!(words(&list(json!("x"))), ["fault malformed_answer"; 3]);
    let down = Script::new(vec![("detail", 500, json!({"error": {"code": "Ecs.1000", "message": "x"}}))]);
    assert_eq!(words(&down), ["fault provider_error"; 3]);
    let one = list(json!([row("a", "ACTIVE")])).look(&["a", "a"], None);
    assert_eq!(one.iter().map(|(_, seen)| word(seen)).collect::<Vec<_>>(), ["ACTIVE"], "one entry for each id");
    let none = Script::new(vec![("detail", 200, json!({"count": 0, "servers": []}))]);
    assert_eq!(words(&none), ["absent"; 3]);
}

#[test]
fn a_cloud_that_does_not_know_the_filter_is_asked_one_by_one() {
    let strangers = json!({"count": 40, "servers": [row("x", "ACTIVE"), row("b", "ERROR")]});
    let refused = json!({"error": {"code": "Ecs.0005", "message": "server_id"}});
    for (status, list) in [(200, strangers), (400, refused)] {
        let script = Script::new(vec![
            ("detail", status, list),
            ("cloudservers/a", 200, json!({"server": row("a", "ACTIVE")})),
            ("cloudservers/b", 404, json!({"error": {"code": "Ecs.0114", "message": "no"}})),
            ("cloudservers/c", 200, json!({"server": row("a", "ACTIVE")})),
            ("cloudservers/d", 404, json!({"error_code": "APIGW.0101", "error_msg": "no such API"})),
        ]);
        let words: Vec<_> = script.look(&["a", "b", "c", "d"], None).iter().map(|(_, seen)| word(seen)).collect();
        assert_eq!(words, ["ACTIVE", "absent", "fault malformed_answer", "fault not_found"]);
    }
}

#[test]
fn a_call_that_is_not_there_at_all_is_asked_once_and_is_no_absence() {
    let script =
        Script::new(vec![("cloudservers", 404, json!({"error_code": "APIGW.0101", "error_msg": "no such API"}))]);
    let words: Vec<_> = script.look(&["a", "b", "c"], None).iter().map(|(_, seen)| word(seen)).collect();
    assert_eq!(words, ["fault not_found"; 3]);
    assert_eq!(script.asked().len(), 2);
}

#[test]
fn a_jobs_answer_counts_only_if_it_is_about_this_job() {
    let server = json!({"count": 1, "servers": [row("a", "ACTIVE")]});
    let table = [
        (200, json!({"status": "SUCCESS", "job_id": "j", "entities": {"server_id": "a"}}), "Some(Done)"),
        (200, json!({"status": "success", "entities": {}}), "Some(Done)"),
        (200, json!({"status": "RUNNING"}), "Some(Working)"),
        (200, json!({"status": "PENDING_PAYMENT"}), "Some(Working)"),
        (200, json!({"status": "FAIL", "error_code": "Ecs.1", "fail_reason": "x"}), "Some(Failed)"),
        (404, json!({"error": {"code": "Ecs.0114", "message": "no job"}}), "None"),
        (200, json!({"status": "SUCCESS", "entities": {"server_id": "b"}}), "fault malformed_answer"),
        (200, json!({"status": "SUCCESS", "job_id": "k"}), "fault malformed_answer"),
        (200, json!({"code": "Common.0011", "message": "x"}), "fault malformed_answer"),
        (200, json!({}), "fault malformed_answer"),
        (500, json!({"error": {"code": "Ecs.1000", "message": "x"}}), "fault provider_error"),
    ];
    for (status, job, expected) in table {
        let script = Script::new(vec![("detail", 200, server.clone()), ("jobs/j", status, job.clone())]);
        let seen = script.look(&["a"], Some("j")).pop().expect("one").1;
        let got = match &seen {
            Seen::Here(seen) => format!("{:?}", seen.handle),
            other => word(other),
        };
        assert_eq!(got, expected, "{job}");
    }
}

#[test]
fn a_hundred_and_one_servers_are_asked_in_two_calls() {
    let ids: Vec<String> = (0..101).map(|number| format!("s{number}")).collect();
    let script = Script::new(vec![("detail", 200, json!({"servers": []}))]);
    let seen = script.look(&ids.iter().map(String::as_str).collect::<Vec<_>>(), None);
    assert_eq!(seen.len(), 101);
    assert_eq!(script.asked().len(), 2);
    assert!(script.asked()[0].contains("limit=100&server_id=s0%2Cs1%2C"), "{:?}", script.asked()[0]);
}

#[test]
fn a_list_is_read_to_its_end_and_never_for_ever() {
    let page = |from: usize, rows: usize| -> Vec<Value> {
        (from..from + rows).map(|n| row(&format!("s{n}"), "ACTIVE")).collect()
    };
    let script = Script::new(vec![
        ("offset=1", 200, json!({"count": 450, "servers": page(0, 200)})),
        ("offset=2", 200, json!({"count": 450, "servers": page(200, 200)})),
        ("offset=3", 200, json!({"count": 450, "servers": page(400, 50)})),
    ]);
    assert_eq!(ready(script.product.list(&script)).expect("a list").len(), 450);
    let same = Script::new(vec![("offset", 200, json!({"count": 4500, "servers": page(0, 200)}))]);
    assert_eq!(ready(same.product.list(&same)).expect_err("a fault").class, FaultClass::Malformed);
    assert_eq!(same.asked().len(), 2);
    let untold = Script::new(vec![
        ("offset=1", 200, json!({"servers": page(0, 200)})),
        ("offset=2", 200, json!({"servers": []})),
    ]);
    assert_eq!(ready(untold.product.list(&untold)).expect("a list").len(), 200);
}
