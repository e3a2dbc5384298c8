//! The table of outcomes, line by line, in each provider's own words.

use crate::properties::products::product;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reinstall::client::{Delivery, Outcome, TransportFault, classify};
use reinstall::model::{ApiError, FaultClass, ServerId};
use reinstall::wire::WireResponse;
use std::time::Duration;

const PRODUCTS: [&str; 5] = ["jdcloud-cps", "zenlayer-bmc", "zenlayer-zec", "huawei-ecs", "huawei-clouddc"];
const SERVER: &str = "5a0db0c5-dc00-7000-8000-000000000001";

fn server() -> ServerId {
    ServerId::new(SERVER).expect("an id")
}

type Headers<'a> = &'a [(&'static str, &'a str)];

fn answer(status: u16, headers: Headers<'_>, body: &str) -> WireResponse {
    let pair = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
    };
    let headers: HeaderMap = headers.iter().map(pair).collect();
    let status = StatusCode::from_u16(status).expect("a status");
    WireResponse { status, headers, body: body.to_owned().into() }
}

fn delivery(id: &str, status: u16, headers: Headers<'_>, body: &str) -> Delivery {
    classify(&*product(id), &[server()], &Ok(answer(status, headers, body)))
}

fn outcome(id: &str, status: u16, headers: Headers<'_>, body: &str) -> Outcome {
    delivery(id, status, headers, body).outcomes.remove(0)
}

fn without_answer(id: &str, class: FaultClass, status: Option<u16>) -> Outcome {
    let fault = TransportFault { class, message: "gone".to_owned(), status };
    classify(&*product(id), &[server()], &Err(fault)).outcomes.remove(0)
}

/// An error in the provider's own envelope.
fn own(id: &str, code: &str, number: u16, message: &str) -> String {
    match id {
        "jdcloud-cps" => serde_json::json!({
            "requestId": "r-1", "error": { "code": number, "status": code, "message": message } }),
        "zenlayer-bmc" | "zenlayer-zec" => {
            serde_json::json!({ "requestId": "r-1", "code": code, "message": message })
        }
        _ => serde_json::json!({ "error_code": code, "error_msg": message, "request_id": "r-1" }),
    }
    .to_string()
}

/// An answer that says yes.
fn good(id: &str) -> String {
    match id {
        "jdcloud-cps" => r#"{"requestId":"r-1","result":{"success":true}}"#.to_owned(),
        "zenlayer-bmc" | "zenlayer-zec" => r#"{"requestId":"r-1","response":{"requestId":"r-1"}}"#.to_owned(),
        "huawei-ecs" => r#"{"job_id":"j-1","request_id":"r-1"}"#.to_owned(),
        _ => format!(r#"{{"instances":[{{"id":"{SERVER}"}}]}}"#),
    }
}

#[test]
fn a_connection_that_never_stood_is_unsent_and_one_that_broke_is_in_doubt() {
    for id in PRODUCTS {
        for class in [FaultClass::Unreachable, FaultClass::Untrusted] {
            let Outcome::Unsent { class: found, renewed, .. } = without_answer(id, class.clone(), None) else {
                panic!("{id}: {class:?} is unsent")
            };
            assert!(found == class && !renewed, "{id}");
        }
        for class in [FaultClass::Broken, FaultClass::Malformed] {
            for (status, told) in [(None, false), (Some(199), false), (Some(200), true), (Some(300), false)] {
                let Outcome::Maybe(error) = without_answer(id, class.clone(), status) else {
                    panic!("{id}: {class:?} is in doubt")
                };
                assert_eq!(error.message.contains("said that it was accepted"), told, "{id}: {status:?}");
            }
        }
    }
}

#[test]
fn a_throttle_in_any_words_is_unsent_and_the_pause_is_the_one_asked_for() {
    let limited = "over ratelimit,limit:20,time:1 minute";
    for (id, code) in [
        ("jdcloud-cps", "RATE_LIMIT"),
        ("zenlayer-bmc", "REQUEST_LIMIT_EXCEEDED"),
        ("zenlayer-zec", "REQUEST_LIMIT_EXCEEDED"),
        ("huawei-ecs", "APIGW.0308"),
        ("huawei-clouddc", "iMetal.0005"),
    ] {
        let worded = id.starts_with("huawei").then_some(Duration::from_secs(60));
        let body = own(id, code, 429, limited);
        let secs = Duration::from_secs;
        for (header, pause) in [(None, worded), (Some("7"), Some(secs(7))), (Some("99999"), Some(secs(600)))] {
            let headers: Vec<(&'static str, &str)> = header.map(|value| ("retry-after", value)).into_iter().collect();
            let delivery = delivery(id, 429, &headers, &body);
            let Outcome::Unsent { class, error, .. } = &delivery.outcomes[0] else { panic!("{id}: {delivery:?}") };
            assert_eq!(*class, FaultClass::Throttled(pause), "{id} {header:?}");
            assert_eq!(error.code.as_deref(), Some(code), "{id}");
            assert_eq!(delivery.throttled(), Some(pause.unwrap_or(Duration::from_secs(1))), "{id} {header:?}");
        }
        // A gateway in front of the interface says so with a bare text.
        let delivery = delivery(id, 429, &[("retry-after", "9"), ("content-type", "text/plain")], "slow down");
        assert!(matches!(delivery.outcomes[0], Outcome::Unsent { .. }), "{id}: {delivery:?}");
        assert_eq!(delivery.throttled(), Some(Duration::from_secs(9)), "{id}");
    }
}

#[test]
fn refused_credentials_and_clocks_are_unsent() {
    let aksk = "verify aksk signature fail";
    for (id, code, message, class) in [
        ("jdcloud-cps", "ACCESS_ERROR", "no such key", FaultClass::Denied),
        ("jdcloud-cps", "ACCESS_ERROR", "request expired", FaultClass::ClockSkew),
        ("zenlayer-bmc", "AUTHFAILURE_SIGNATURE_FAILURE", "m", FaultClass::Denied),
        ("zenlayer-zec", "AUTHFAILURE_SIGNATURE_EXPIRED", "m", FaultClass::ClockSkew),
        ("huawei-ecs", "APIGW.0301", aksk, FaultClass::Denied),
        ("huawei-ecs", "APIGW.0301", "decrypt token fail", FaultClass::SignedOut),
        ("huawei-clouddc", "iMetal.0003", "Unauthorized", FaultClass::SignedOut),
    ] {
        let mut delivery = delivery(id, 401, &[], &own(id, code, 401, message));
        let Outcome::Unsent { class: found, error, renewed } = &delivery.outcomes[0] else {
            panic!("{id} {code}: {delivery:?}")
        };
        assert_eq!((found, error.code.as_deref(), *renewed), (&class, Some(code), false), "{id} {code}");
        assert!(delivery.halt.is_none() && delivery.throttled().is_none(), "{id} {code}");
        delivery.renewed(true);
        assert!(matches!(delivery.outcomes[0], Outcome::Unsent { renewed: true, .. }), "{id} {code}");
    }
}

#[test]
fn a_refusal_in_the_providers_words_is_final() {
    for (id, status, code, class) in [
        ("jdcloud-cps", 400, "INVALID_ARGUMENT", FaultClass::Invalid),
        ("jdcloud-cps", 404, "NOT_FOUND", FaultClass::NotFound),
        ("jdcloud-cps", 400, "FAILED_PRECONDITION", FaultClass::Busy),
        ("zenlayer-bmc", 400, "INVALID_IMAGE_STATUS", FaultClass::Invalid),
        ("zenlayer-bmc", 404, "INVALID_INSTANCE_NOT_FOUND", FaultClass::NotFound),
        ("zenlayer-zec", 403, "OPERATION_DENIED_INSTANCE_STATUS", FaultClass::Busy),
        ("huawei-ecs", 400, "Ecs.0605", FaultClass::Locked),
        ("huawei-ecs", 400, "Ecs.0011", FaultClass::Invalid),
        ("huawei-clouddc", 404, "iMetal.0200", FaultClass::NotFound),
        ("huawei-clouddc", 409, "iMetal.0201", FaultClass::Busy),
    ] {
        let Outcome::Rejected { class: found, error } = outcome(id, status, &[], &own(id, code, status, "text")) else {
            panic!("{id} {code} is a rejection")
        };
        assert_eq!((found, error.code.as_deref(), error.message.as_str()), (class, Some(code), "text"), "{id}");
        assert_eq!(error.request_id.as_deref(), Some("r-1"), "{id}");
    }
}

fn doubt(outcome: Outcome, what: &str) -> ApiError {
    match outcome {
        Outcome::Maybe(error) => error,
        other => panic!("{what} is in doubt, not {other:?}"),
    }
}

#[test]
fn a_failing_server_proves_nothing_whatever_it_says() {
    for (id, code) in PRODUCTS.into_iter().zip(["INTERNAL", "INTERNAL_SERVER_ERROR", "X", "Ecs.1000", "iMetal.0099"]) {
        for status in [408, 500, 502, 503, 599] {
            let error = doubt(outcome(id, status, &[], &own(id, code, status, "text")), id);
            assert_eq!(error.code.as_deref(), Some(code), "{id} {status}: its words are kept");
            let page = doubt(outcome(id, status, &[("content-type", "text/html")], "<html>"), id);
            let kind = if status == 408 { FaultClass::Malformed } else { FaultClass::Server };
            assert_eq!(page.kind, kind.word(), "{id} {status}");
            assert!(page.message.contains(&status.to_string()) && page.message.contains("text/html"), "{id}");
        }
    }
    // The same within an answer that is no failure by its status.
    for (id, status, code) in [("jdcloud-cps", 200, "INTERNAL"), ("huawei-ecs", 400, "Ecs.1000")] {
        doubt(outcome(id, status, &[], &own(id, code, 500, "text")), id);
    }
}

#[test]
fn a_redirect_is_in_doubt_and_ends_all_ordering() {
    for id in PRODUCTS {
        for status in [300, 301, 302, 307, 308, 399] {
            let mut delivery = delivery(id, status, &[("location", "https://elsewhere.test/")], &good(id));
            assert!(delivery.halt.as_ref().is_some_and(|why| why.contains("redirect")), "{id} {status}");
            assert_eq!(doubt(delivery.outcomes.remove(0), id).kind, FaultClass::Redirected.word(), "{id} {status}");
        }
    }
}

#[test]
fn only_a_good_document_under_a_good_status_and_type_is_an_acceptance() {
    for id in PRODUCTS {
        let header = [("x-request-id", "r-1")];
        let Outcome::Accepted { ticket, request_id } = outcome(id, 200, &header, &good(id)) else {
            panic!("{id}: it was accepted")
        };
        assert_eq!(ticket.as_deref(), (id == "huawei-ecs").then_some("j-1"), "{id}");
        assert_eq!(request_id.as_deref(), Some("r-1"), "{id}");
        for status in [404, 418, 499] {
            let error = doubt(outcome(id, status, &[], &good(id)), id);
            assert_eq!(error.kind, FaultClass::Malformed.word(), "{id} {status}");
        }
        let mut page = delivery(id, 200, &[("content-type", "text/html")], &good(id));
        assert!(page.hold.is_some(), "{id}: whoever answers so is not the provider, and the next orders wait");
        let error = doubt(page.outcomes.remove(0), id);
        assert!(error.message.contains("text/html"), "{id}: {}", error.message);
        assert_eq!(delivery(id, 200, &[], &good(id)).hold, None, "{id}");
        // A page that looks like a refusal is none.
        doubt(outcome(id, 400, &[("content-type", "text/html")], &own(id, "Ecs.0011", 400, "text")), id);
        for body in ["", "{", "<html>", "[]", "null"] {
            doubt(outcome(id, 200, &[], body), &format!("{id}: {body:?}"));
        }
    }
}

#[test]
fn http_yes_and_the_document_no_is_neither_accepted_nor_final() {
    for (id, body) in [
        ("jdcloud-cps", r#"{"requestId":"r-1","result":{"success":false}}"#.to_owned()),
        (
            "zenlayer-bmc",
            format!(r#"{{"requestId":"r-1","response":{{"requestId":"r-1","instanceIds":["{SERVER}"]}}}}"#),
        ),
        ("zenlayer-zec", own("zenlayer-zec", "INVALID_IMAGE_STATUS", 200, "text")),
        ("huawei-ecs", own("huawei-ecs", "Ecs.0011", 200, "text")),
        ("huawei-clouddc", own("huawei-clouddc", "iMetal.0001", 200, "text")),
    ] {
        assert!(matches!(outcome(id, 200, &[], &body), Outcome::NotSuccessful(_)), "{id}");
    }
}

#[test]
fn in_one_answer_for_several_servers_each_is_judged_by_its_own_name() {
    let other = ServerId::new("5a0db0c5-dc00-7000-8000-000000000002").expect("an id");
    let answer = answer(200, &[], &good("huawei-clouddc"));
    for ids in [[server(), other.clone()], [other, server()]] {
        let outcomes = classify(&*product("huawei-clouddc"), &ids, &Ok(answer.clone())).outcomes;
        for (id, outcome) in ids.iter().zip(outcomes) {
            assert_eq!(matches!(outcome, Outcome::Accepted { .. }), id.as_str() == SERVER, "{id}: {outcome:?}");
        }
    }
}
