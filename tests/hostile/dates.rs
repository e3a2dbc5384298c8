//! Dates and pauses that a server makes up.

use crate::http::{answer, header, message};
use crate::scene::{Scene, patient, product};
use chrono::{DateTime, TimeDelta, Utc};
use reinstall::client::Outcome;
use reinstall::clock::{Clock, SystemClock};
use reinstall::model::FaultClass;
use std::time::Duration;

const SKEW: &[u8] = br#"{"requestId":"T","code":"AUTHFAILURE_SIGNATURE_EXPIRED","message":"expired"}"#;

fn rfc2822(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Answers with these headers and takes one order; returns what became of it and the second that it was signed for.
fn ordered(scene: &Scene, status: &str, headers: &[(&str, &str)], body: &[u8]) -> (Outcome, i64) {
    // Settled on a line of its own: a good answer would set this one's clock right again.
    let settled = bmc().settled();
    let headers = [&[("content-type", "application/json")], headers].concat();
    scene.answers(answer(status, &headers, body));
    let (outcome, _) = scene.block(scene.order(&settled));
    let request = scene.front.server.received().remove(0);
    scene.front.passes();
    (outcome, header(&request, "x-zc-timestamp").expect("a time").parse().expect("a number"))
}

/// How far from now the next order is signed.
fn signed_off(scene: &Scene) -> i64 {
    let (_, at) = ordered(scene, "503 Busy", &[], b"");
    at - SystemClock.now().wall.timestamp()
}

fn bmc() -> Scene {
    let (vendor, entry) = product("zenlayer-bmc");
    Scene::new(vendor, entry, patient()).connected()
}

#[test]
fn a_refused_time_is_corrected_by_the_answers_date_once() {
    let scene = bmc();
    let date = rfc2822(SystemClock.now().wall + TimeDelta::minutes(40));
    let (outcome, _) = ordered(&scene, "401 Unauthorized", &[("date", &date)], SKEW);
    let Outcome::Unsent { class, renewed, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((class, renewed), (FaultClass::ClockSkew, true));
    let off = signed_off(&scene);
    assert!((2390..=2460).contains(&off), "{off} s");
    // The same date again is no news: signing again cannot help.
    let (outcome, _) = ordered(&scene, "401 Unauthorized", &[("date", &date)], SKEW);
    assert!(matches!(outcome, Outcome::Unsent { renewed: false, .. }), "{outcome:?}");
}

#[test]
fn a_date_that_cannot_be_true_moves_no_signature() {
    let near = rfc2822(SystemClock.now().wall + TimeDelta::minutes(40));
    let day = rfc2822(SystemClock.now().wall + TimeDelta::hours(25));
    for dates in [
        &["Thu, 01 Jan 1970 00:00:00 GMT"][..],
        &["Fri, 31 Dec 9999 23:59:59 GMT"],
        &["Fri, 31 Dec 99999 23:59:59 GMT"],
        &["Sat, 31 Feb 2026 09:00:00 GMT"],
        &["tomorrow"],
        &[""],
        &["-1"],
        &["1e18"],
        &[&day],
        &[&near, &near],
        &[],
    ] {
        let scene = bmc();
        let headers: Vec<(&str, &str)> = dates.iter().map(|date| ("date", *date)).collect();
        let (outcome, _) = ordered(&scene, "401 Unauthorized", &headers, SKEW);
        assert!(matches!(outcome, Outcome::Unsent { renewed: false, .. }), "{dates:?}: {outcome:?}");
        let off = signed_off(&scene);
        assert!(off.abs() < 60, "{dates:?}: {off} s");
    }
}

#[test]
fn a_date_without_a_refusal_moves_no_signature() {
    let scene = bmc();
    let date = rfc2822(SystemClock.now().wall + TimeDelta::minutes(40));
    for status in ["503 Busy", "400 Bad Request", "200 OK"] {
        ordered(&scene, status, &[("date", &date)], b"{}");
        assert!(signed_off(&scene).abs() < 60, "{status}");
    }
    // Over plain http nobody vouches for the date, so it is not worth a warning either.
    assert_eq!(scene.client.clock_warning(), None);
}

#[test]
fn a_pause_that_is_no_pause_is_not_waited_for() {
    let now = SystemClock.now().wall;
    let (soon, date) = (rfc2822(now + TimeDelta::seconds(30)), rfc2822(now));
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<u64>);
    let table: [Row<'_>; 13] = [
        (&[("retry-after", "7")], Some(7)),
        (&[("retry-after", "-1")], None),
        (&[("retry-after", "1000000000000000000")], Some(600)),
        (&[("retry-after", "1e18")], None),
        (&[("retry-after", "soon")], None),
        (&[("retry-after", "")], None),
        (&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"), ("date", &date)], Some(600)),
        (&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], None),
        (&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"), ("date", &date)], Some(0)),
        (&[("retry-after", &soon), ("date", &date)], Some(30)),
        (&[("retry-after", &soon), ("date", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(0)),
        (&[("retry-after", "1"), ("retry-after", "600")], None),
        (&[], None),
    ];
    crate::scene::every_product(|scene| {
        for (headers, seconds) in table {
            let settled = scene.settled();
            let headers = [&[("content-type", "application/json")], headers].concat();
            let body = throttle(scene.entry.id);
            scene.answers(answer("429 Too Many Requests", &headers, body.as_bytes()));
            let (outcome, _) = scene.block(scene.order(&settled));
            let Outcome::Unsent { class, .. } = outcome else { panic!("{}: {outcome:?}", scene.entry.id) };
            let expected = FaultClass::Throttled(seconds.map(Duration::from_secs));
            assert_eq!(class, expected, "{} {headers:?}", scene.entry.id);
            scene.front.passes();
        }
    });
}

/// A throttle in the product's own words; no pause stands in them.
fn throttle(id: &str) -> &'static str {
    match id {
        "jdcloud-cps" => r#"{"requestId":"T","error":{"code":429,"status":"RATE_LIMIT","message":"slow"}}"#,
        "huawei-ecs" => r#"{"error_code":"APIGW.0308","error_msg":"slow","request_id":"T"}"#,
        "huawei-clouddc" => r#"{"error_code":"iMetal.0005","error_msg":"slow"}"#,
        _ => r#"{"requestId":"T","code":"REQUEST_LIMIT_EXCEEDED","message":"slow"}"#,
    }
}

#[test]
fn a_request_that_was_read_is_what_the_scene_keeps() {
    let scene = bmc();
    scene.answers(answer("503 Busy", &[], b""));
    let settled = bmc().settled();
    scene.block(scene.order(&settled));
    let request = scene.front.server.received().remove(0);
    assert_eq!(message(&mut &*request).as_deref(), Some(&*request));
}
