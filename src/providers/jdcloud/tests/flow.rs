//! Whole reinstalls, from the plan to the end.

use super::*;
use crate::model::{Choice, Phase, PowerOff};
use crate::providers::{Admission, Judgement};
use crate::sandbox::machine::{Ending, POWER_CHANGE};
use std::time::Duration;

const LATER: Duration = Duration::from_secs(3);

fn accepted(product: &Cps, server: &str, answer: &WireResponse) {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert!(product.fault(answer).is_none());
    let judged = product.judge(&[id(server)], answer);
    assert_eq!(judged, [(id(server), Judgement::Accepted { ticket: None })]);
}

#[test]
fn a_stopped_server_is_reinstalled_and_ends_running_with_the_new_image() {
    let product = product();
    let bench = bench(&product);
    let wish = Wish {
        image: Some(Choice::Name("Ubuntu 22.04(x86_64)".to_owned())),
        key: Some(Choice::Name("ops".to_owned())),
        hostname: Some("web-1.example".to_owned()),
        user_data: true,
        ..Wish::default()
    };
    let before = look(&product, &bench, "cps-demo-1");
    assert_eq!(product.admit(&before, &wish), Admission::Go);
    let prepared = prepare(&product, &bench, "cps-demo-1", &wish).expect("a plan");
    assert_eq!(prepared.ends, Phase::Running);
    assert_eq!(prepared.must_change["osTypeId"].as_deref(), Some("os-demo-ubuntu2204"));
    assert_eq!(prepared.must_change.len(), 1, "RAID levels stay as they are");

    let mut secrets = secrets();
    secrets.user_data = Some(Secret::from("#!/bin/bash\ntrue\n".to_owned()).shared());
    let order = order_of(&product, &prepared, &secrets, Some("0b9f3d6e-1111-4c1e-9a77-3f2d5c7e9b10"));
    let answer = bench.exchange(order);
    accepted(&product, "cps-demo-1", &answer);
    assert!(product.request_id(&answer).is_some());

    assert_eq!(look(&product, &bench, "cps-demo-1").phase, Phase::Stopped, "the old state still shows");
    bench.advance(Duration::from_millis(500));
    let working = look(&product, &bench, "cps-demo-1");
    assert_eq!((working.phase, working.status.as_str()), (Phase::Installing, "reinstalling"));
    assert_eq!(working.image.as_deref(), Some("os-demo-centos79"));
    bench.advance(LATER);
    let done = look(&product, &bench, "cps-demo-1");
    assert_eq!(done.phase, Phase::Running);
    assert_eq!(done.image.as_deref(), Some("os-demo-ubuntu2204"));
    assert_eq!(done.marks.get("osTypeId"), prepared.must_change["osTypeId"].as_ref());
    assert_eq!(bench.reinstalls(&id("cps-demo-1")), 1);
}

#[test]
fn a_running_server_is_stopped_first() {
    let product = product();
    let bench = bench(&product);
    let wish = Wish::default();
    let before = look(&product, &bench, "cps-demo-3");
    assert_eq!(product.admit(&before, &wish), Admission::StopFirst);
    let never = Wish { power_off: PowerOff::Never, ..Wish::default() };
    assert!(matches!(product.admit(&before, &never), Admission::No(refusal) if refusal.kind == "not_stopped"));

    let prepared = prepare(&product, &bench, "cps-demo-3", &wish).expect("a plan");
    let order = order_of(&product, &prepared, &secrets(), Some("t-1"));
    let early = bench.exchange(order.clone());
    assert_eq!(product.fault(&early).expect("a fault").0, FaultClass::Busy, "a running server is refused");

    let stop = product.stop(&prepared, PowerOff::Soft, &secrets()).expect("a call");
    let stopping = bench.exchange(stop);
    assert_eq!(product.judge_power(&id("cps-demo-3"), &stopping), Ok(()));
    assert!(matches!(product.admit(&look(&product, &bench, "cps-demo-3"), &wish), Admission::Busy(_)));
    bench.advance(POWER_CHANGE);
    assert_eq!(product.admit(&look(&product, &bench, "cps-demo-3"), &wish), Admission::Go);
    accepted(&product, "cps-demo-3", &bench.exchange(order));
    bench.advance(LATER);
    assert_eq!(look(&product, &bench, "cps-demo-3").phase, Phase::Running);
}

#[test]
fn a_repeated_token_is_answered_and_not_carried_out_again() {
    let product = product();
    let bench = bench(&product);
    bench.lock().1.fate.ending = Ending::Off;
    let prepared = prepare(&product, &bench, "cps-demo-1", &Wish::default()).expect("a plan");
    let order = order_of(&product, &prepared, &secrets(), Some("same"));
    let first = bench.exchange(order.clone());
    accepted(&product, "cps-demo-1", &first);
    accepted(&product, "cps-demo-1", &bench.exchange(order.clone()));
    bench.advance(LATER);
    assert_eq!(look(&product, &bench, "cps-demo-1").phase, Phase::Stopped);
    let late = bench.exchange(order);
    accepted(&product, "cps-demo-1", &late);
    assert_eq!(late.body, first.body);
    assert_eq!(bench.reinstalls(&id("cps-demo-1")), 1);
    accepted(&product, "cps-demo-1", &bench.exchange(order_of(&product, &prepared, &secrets(), Some("other"))));
    assert_eq!(bench.reinstalls(&id("cps-demo-1")), 2);
}

#[test]
fn a_server_that_ends_off_can_be_started() {
    let product = product();
    let bench = bench(&product);
    bench.lock().1.fate.ending = Ending::Off;
    let prepared = prepare(&product, &bench, "cps-demo-2", &Wish::default()).expect("a plan");
    accepted(&product, "cps-demo-2", &bench.exchange(order_of(&product, &prepared, &secrets(), None)));
    bench.advance(LATER);
    let start = product.start(&prepared, &secrets()).expect("a call");
    let answer = bench.exchange(start.clone());
    assert_eq!(product.judge_power(&id("cps-demo-2"), &answer), Ok(()));
    bench.advance(POWER_CHANGE);
    assert_eq!(look(&product, &bench, "cps-demo-2").phase, Phase::Running);
    let again = bench.exchange(start);
    assert_eq!(product.fault(&again).expect("a fault").0, FaultClass::Busy, "only a stopped server can be started");
}

#[test]
fn every_other_ending_shows_as_what_it_is() {
    for (ending, phase) in
        [(Ending::Failed, Phase::Failed), (Ending::Stuck, Phase::Installing), (Ending::NeverStarts, Phase::Stopped)]
    {
        let product = product();
        let bench = bench(&product);
        bench.lock().1.fate.ending = ending;
        let prepared = prepare(&product, &bench, "cps-demo-1", &Wish::default()).expect("a plan");
        accepted(&product, "cps-demo-1", &bench.exchange(order_of(&product, &prepared, &secrets(), None)));
        bench.advance(LATER);
        assert_eq!(look(&product, &bench, "cps-demo-1").phase, phase, "{ending:?}");
    }
    let product = product();
    let bench = bench(&product);
    bench.lock().1.fate.ending = Ending::Vanishes;
    let prepared = prepare(&product, &bench, "cps-demo-1", &Wish::default()).expect("a plan");
    accepted(&product, "cps-demo-1", &bench.exchange(order_of(&product, &prepared, &secrets(), None)));
    bench.advance(LATER);
    let looks = ready(product.observe(&bench, &[watch("cps-demo-1"), watch("cps-demo-2")]));
    assert!(matches!(looks[..], [(_, Seen::Absent), (_, Seen::Here(_))]), "{looks:?}");
}

#[test]
fn the_same_order_gives_the_same_bytes_and_a_dry_run_shows_no_secret() {
    let product = product();
    let bench = bench(&product);
    let wish = Wish { user_data: true, ..Wish::default() };
    let prepared = prepare(&product, &bench, "cps-demo-1", &wish).expect("a plan");
    let mut secrets = secrets();
    secrets.user_data = Some(Secret::from("u53r-data".to_owned()).shared());
    secrets.fields.insert("securityToken".to_owned(), Secret::from("0p-token".to_owned()).shared());
    let real = order_of(&product, &prepared, &secrets, Some("t"));
    assert_eq!(real.body, order_of(&product, &prepared, &secrets, Some("t")).body);
    let masked =
        product.order(&Order { batch: &[&prepared], secrets: &secrets, token: Some("t"), reveal: Reveal::Masked });
    let text = format!("{} {:?}", String::from_utf8_lossy(&masked.body), masked.headers);
    for secret in [PASSWORD, "u53r-data", "dTUzci1kYXRh", "0p-token", "MHAtdG9rZW4="] {
        assert!(!text.contains(secret), "{text}");
        let real = format!(
            "{} {:?}",
            String::from_utf8_lossy(&real.body),
            real.headers.get("x-jdcloud-security-token").map(|value| value.as_bytes().escape_ascii().to_string())
        );
        let sent = real.contains(PASSWORD) && real.contains("dTUzci1kYXRh") && real.contains("MHAtdG9rZW4=");
        assert!(sent, "{real}");
    }
    assert!(text.contains(r#""password":"***""#) && text.contains(r#""userData":"***""#), "{text}");
    assert_eq!(masked.headers["x-jdcloud-security-token"], "***");
    assert!(!serde_json::to_string(&prepared).expect("text").contains(PASSWORD));
}

#[test]
fn a_token_of_operation_protection_goes_with_stop_and_order_and_not_with_start() {
    let plain = product();
    let bench_of = |product| Bench::new(product, Box::new(Sandbox::protected()));
    let refusing = bench_of(&plain);
    let prepared = prepare(&plain, &refusing, "cps-demo-1", &Wish::default()).expect("a plan");
    let answer = refusing.exchange(order_of(&plain, &prepared, &secrets(), None));
    let (class, error) = plain.fault(&answer).expect("a fault");
    assert_eq!(class, FaultClass::Denied);
    assert!(error.next_step.contains("JDCLOUD_SECURITY_TOKEN"));

    let sources = MapSources::of(&Sandbox::default()).with("variable:JDCLOUD_SECURITY_TOKEN", "operation");
    let product = Cps::new(&sources).map_err(|fault| fault.to_string()).expect("a product");
    let bench = bench_of(&product);
    let prepared = prepare(&product, &bench, "cps-demo-3", &Wish::default()).expect("a plan");
    assert!(prepared.lines.iter().any(|(_, line)| line.contains("JDCLOUD_SECURITY_TOKEN")));
    let stop = product.stop(&prepared, PowerOff::Soft, &secrets()).expect("a call");
    assert_eq!(bench.exchange(stop).status, 200);
    bench.advance(POWER_CHANGE);
    accepted(&product, "cps-demo-3", &bench.exchange(order_of(&product, &prepared, &secrets(), None)));
    let start = product.start(&prepared, &secrets()).expect("a call");
    assert!(!start.headers.contains_key("x-jdcloud-security-token"));
}

#[test]
fn an_answer_that_does_not_say_success_is_never_accepted() {
    let product = product();
    let judge = |body: &str| {
        let answer = WireResponse {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let power = product.judge_power(&id("a"), &answer);
        let mut judged = product.judge(&[id("a")], &answer);
        assert_eq!(judged.len(), 1);
        (judged.remove(0).1, power)
    };
    let (judged, power) = judge(r#"{"requestId":"r-9","result":{"success":false}}"#);
    let Judgement::NotSuccessful(error) = judged else { panic!("{judged:?}") };
    assert_eq!(error.request_id.as_deref(), Some("r-9"));
    assert!(power.is_err());
    for body in [
        "",
        "<html>",
        "{}",
        "[]",
        r#"{"result":{}}"#,
        r#"{"result":null}"#,
        r#"{"result":{"success":"yes"}}"#,
        r#"{"result":{"success":true,"success":false}}"#,
        r#"{"result":{"success":true},"error":"quota"}"#,
        r#"{"result":{"success":true},"error":{"code":1,"code":2}}"#,
    ] {
        let (judged, power) = judge(body);
        assert!(matches!(judged, Judgement::Unclear(_)), "{body}: {judged:?}");
        assert!(power.is_err(), "{body}");
    }
    let two = [id("a"), id("b")];
    let answer = WireResponse {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::from_static(br#"{"result":{"success":true}}"#),
    };
    assert!(product.judge(&two, &answer).iter().all(|(_, judged)| matches!(judged, Judgement::Unclear(_))));
}
