//! Lists page by page, and looks, from answers that a test makes up.

use super::*;
use crate::model::{HandleState, Observation, Seen, Watch};
use crate::wire::{Api, ReadFault, Reading, WireResponse};
use serde_json::json;
use std::sync::Mutex;

/// Answers by path and parameters, and the requests that came.
struct Script<F> {
    tell: F,
    asked: Mutex<Vec<String>>,
}

impl<F: Fn(&str, &[(String, String)]) -> Value + Send + Sync> Api for Script<F> {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        let parameters: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let body = (self.tell)(request.url.path(), &parameters);
        let text = format!("{}?{}", request.url.path(), request.url.query().unwrap_or_default());
        self.asked.lock().expect("the list").push(text);
        let told = if body.get("error").is_some() { answer(404, &body) } else { answer(200, &body) };
        let result = match crate::providers::hetzner::calls::fault(&told) {
            Some((class, error)) => Err(ReadFault { class, error }),
            None => Ok(told),
        };
        Box::pin(std::future::ready(result))
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::UNIX_EPOCH
    }
}

fn script<F: Fn(&str, &[(String, String)]) -> Value + Send + Sync>(tell: F) -> Script<F> {
    Script { tell, asked: Mutex::default() }
}

fn asked<F>(script: &Script<F>) -> Vec<String> {
    script.asked.lock().expect("the list").clone()
}

fn parameter(parameters: &[(String, String)], wanted: &str) -> u64 {
    parameters.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.parse().ok()).expect(wanted)
}

fn image(number: u64) -> Value {
    json!({ "id": number, "name": format!("image-{number}"), "status": "available", "architecture": "x86" })
}

/// A page of so many images of `total`, as the provider gives it.
fn images(parameters: &[(String, String)], total: u64) -> Value {
    let (page, size) = (parameter(parameters, "page"), parameter(parameters, "per_page"));
    let rows: Vec<Value> = ((page - 1) * size..total.min(page * size)).map(image).collect();
    let last = total.div_ceil(size);
    let next = (page < last).then(|| page + 1);
    let paging =
        json!({ "page": page, "per_page": size, "next_page": next, "last_page": last, "total_entries": total });
    json!({ "images": rows, "meta": { "pagination": paging } })
}

#[test]
fn every_page_of_a_list_is_read() {
    let product = product();
    for (total, requests) in [(0, 1), (1, 1), (50, 1), (51, 2), (120, 3)] {
        let api = script(|_, parameters| images(parameters, total));
        let rows = ready(product.images(&api, None)).expect("a list");
        assert_eq!((rows.len() as u64, asked(&api).len()), (total, requests), "{total}");
    }
}

#[test]
fn half_a_list_is_a_fault() {
    let product = product();
    type Change = fn(&mut Value);
    let broken: [(&str, Change); 6] = [
        ("no meta", |body| body["meta"] = Value::Null),
        ("no pagination", |body| body["meta"] = json!({})),
        ("another page", |body| body["meta"]["pagination"]["page"] = json!(7)),
        ("a page left out", |body| body["meta"]["pagination"]["next_page"] = json!(3)),
        ("a shorter list than its count", |body| body["meta"]["pagination"]["next_page"] = Value::Null),
        ("an endless list", |body| {
            let page = body["meta"]["pagination"]["page"].as_u64().expect("a page");
            body["meta"]["pagination"]["next_page"] = json!(page + 1);
            body["images"] = json!([image(page)]);
        }),
    ];
    for (name, change) in broken {
        let api = script(|_, parameters| {
            let mut body = images(parameters, 60);
            change(&mut body);
            body
        });
        let fault = ready(product.images(&api, None)).expect_err(name);
        assert_eq!(fault.class, crate::model::FaultClass::Malformed, "{name}");
    }
}

#[test]
fn a_row_that_moved_between_two_pages_comes_once() {
    let product = product();
    let api = script(|_, parameters| {
        let mut body = images(parameters, 60);
        if parameter(parameters, "page") == 2 {
            body["images"].as_array_mut().expect("rows").insert(0, image(49));
        }
        body
    });
    assert_eq!(ready(product.images(&api, None)).expect("a list").len(), 60);
}

#[test]
fn a_server_that_comes_twice_on_a_page_or_in_two_states_is_a_fault() {
    let product = product();
    let watches: Vec<Watch> = (0..60).map(|number| Watch { id: id(&number.to_string()), ticket: None }).collect();
    for (page, word, good) in [(1, "running", false), (2, "off", false), (2, "running", true)] {
        let api = script(|path, parameters| match path {
            "/v1/servers" => {
                let mut body = servers(parameters, 60, "running");
                if parameter(parameters, "page") == page {
                    body["servers"].as_array_mut().expect("rows").push(server(1, word));
                }
                body
            }
            _ => list(&[], None),
        });
        let told = ready(product.observe(&api, &watches));
        assert!(told.iter().all(|(_, seen)| matches!(seen, Seen::Here(_)) == good), "{page} {word}: {told:?}");
    }
}

fn server(number: u64, status: &str) -> Value {
    json!({ "id": number, "name": format!("s{number}"), "status": status, "locked": status == "rebuilding" })
}

fn servers(parameters: &[(String, String)], total: u64, status: &str) -> Value {
    let mut body = images(parameters, total);
    let rows: Vec<Value> = body["images"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| server(row["id"].as_u64().expect("id"), status))
        .collect();
    body["servers"] = rows.into();
    body
}

fn action(number: u64, command: &str, server: u64, status: &str) -> Value {
    let error = if status == "error" { json!({ "code": "action_failed", "message": "no image" }) } else { Value::Null };
    json!({ "id": number, "command": command, "status": status, "error": error,
            "resources": [{ "id": server, "type": "server" }] })
}

#[test]
fn the_actions_of_many_orders_come_fifty_to_a_request() {
    let product = product();
    let api = script(|path, parameters| match path {
        "/v1/actions" => {
            let ids = parameters.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.parse::<u64>().expect("id"));
            let rows: Vec<Value> = ids.map(|id| action(id, "rebuild_server", id - 1000, "success")).collect();
            assert!(rows.len() <= 50);
            json!({ "actions": rows })
        }
        _ => servers(parameters, 120, "running"),
    });
    let watches: Vec<Watch> = (0..120)
        .map(|number| Watch { id: id(&number.to_string()), ticket: Some((number + 1000).to_string()) })
        .collect();
    let told = ready(product.observe(&api, &watches));
    let done = |seen: &Seen| matches!(seen, Seen::Here(seen) if seen.handle == Some(HandleState::Done));
    assert_eq!(told.iter().filter(|(_, seen)| done(seen)).count(), 120);
    let requests = asked(&api);
    assert_eq!(requests.iter().filter(|text| text.starts_with("/v1/actions?")).count(), 3);
    assert_eq!(requests.len(), 6, "three pages of servers beside them: {requests:#?}");
}

/// A look at server 42 without an order of our own, whose list of actions is this.
fn alone(status: &str, actions: &Value) -> (Result<Observation, ReadFault>, usize) {
    under(None, status, actions)
}

/// The same behind an order whose action the provider does not list any more.
fn under(ticket: Option<&str>, status: &str, actions: &Value) -> (Result<Observation, ReadFault>, usize) {
    let product = product();
    let api = script(|path, _| match path {
        "/v1/actions" => json!({ "actions": [] }),
        "/v1/servers/42" => json!({ "server": server(42, status) }),
        "/v1/servers/42/actions" => actions.clone(),
        other => panic!("{other}"),
    });
    let mut told = ready(product.observe(&api, &[Watch { id: id("42"), ticket: ticket.map(str::to_owned) }]));
    let seen = match told.remove(0).1 {
        Seen::Here(seen) => Ok(seen),
        Seen::Fault(fault) => Err(fault),
        Seen::Absent => panic!("absent"),
    };
    (seen, asked(&api).len())
}

fn list(rows: &[Value], next: Option<u64>) -> Value {
    json!({ "actions": rows, "meta": { "pagination": { "page": 1, "next_page": next } } })
}

#[test]
fn without_an_own_action_the_newest_rebuild_of_the_server_is_told() {
    let old = action(5, "rebuild_server", 42, "success");
    let new = action(9, "rebuild_server", 42, "running");
    let others = [action(12, "start_server", 42, "success"), action(13, "rebuild_server", 43, "error")];
    let rows = [&others[..], &[old.clone(), new]].concat();
    let (seen, requests) = alone("running", &list(&rows, Some(2)));
    let seen = seen.expect("a look");
    assert_eq!((seen.marks["rebuild"].as_str(), seen.handle), ("9", Some(HandleState::Working)));
    assert_eq!(requests, 2);

    let failed = list(&[action(9, "rebuild_server", 42, "error"), old], None);
    let seen = alone("off", &failed).0.expect("a look");
    assert_eq!((seen.marks["rebuild"].as_str(), seen.handle), ("9", Some(HandleState::Failed)));
    assert!(seen.error.expect("the provider's words").message.contains("no image"));

    let seen = alone("running", &list(&others, None)).0.expect("a look");
    assert_eq!((seen.marks["rebuild"].as_str(), seen.handle), ("none", None));
    // Behind this page there may be one: nothing is said.
    let seen = alone("running", &list(&others, Some(2))).0.expect("a look");
    assert!(!seen.marks.contains_key("rebuild"));
    // While it is rebuilt there is nothing more to learn.
    assert_eq!(alone("rebuilding", &Value::Null).1, 1);
    // What cannot be read is no look.
    for body in [json!({}), json!({ "actions": [] }), json!({ "error": { "code": "not_found", "message": "m" } })] {
        assert!(alone("running", &body).0.is_err(), "{body}");
    }
}

#[test]
fn a_name_that_several_images_have_is_refused_with_their_numbers() {
    let product = product();
    let api = script(|_, parameters| {
        let mut body = images(parameters, 2);
        for row in body["images"].as_array_mut().expect("rows") {
            row["name"] = json!("golden");
        }
        body
    });
    let record = ready(product.find(&bench(&product), &["471101".parse().expect("a reference")]));
    let wish = Wish { image: Some(crate::model::Choice::Name("golden".to_owned())), ..wish() };
    let record = record.expect("a read").remove(0);
    let refusal = ready(product.prepare(&api, record, PowerPlan::StoppedByOrder, &wish)).expect_err("two");
    assert_eq!(refusal.kind, "image_ambiguous");
    assert!(refusal.message.contains("0, 1"), "{}", refusal.message);
}

#[test]
fn behind_a_ticket_another_rebuild_is_not_the_own_one() {
    let rows = list(&[action(9, "rebuild_server", 42, "success"), action(5, "rebuild_server", 42, "success")], None);
    let seen = under(Some("7"), "running", &rows).0.expect("a look");
    assert_eq!((seen.marks["rebuild"].as_str(), seen.handle), ("9", None));
    let seen = under(Some("9"), "running", &rows).0.expect("a look");
    assert_eq!(seen.handle, Some(HandleState::Done));
}
