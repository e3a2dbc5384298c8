//! Answers of the provider, one by one.

use super::*;
use crate::model::{FaultClass, Phase};
use crate::providers::Judgement;
use crate::providers::hetzner::{calls, reads};
use serde_json::json;
use std::time::Duration;

#[test]
fn every_documented_status_has_its_phase_and_others_have_none() {
    for (word, expected) in [
        ("running", Phase::Running),
        ("off", Phase::Stopped),
        ("rebuilding", Phase::Installing),
        ("initializing", Phase::Changing),
        ("starting", Phase::Changing),
        ("stopping", Phase::Changing),
        ("migrating", Phase::Changing),
        ("deleting", Phase::Gone),
        ("unknown", Phase::Unknown),
        ("rebuildingish", Phase::Unknown),
    ] {
        assert_eq!(reads::phase(word), expected, "{word}");
    }
}

#[test]
fn every_recorded_error_has_its_class() {
    for row in vectors()["answers"]["errors"].as_array().expect("rows") {
        let status = u16::try_from(row["status"].as_u64().expect("a status")).expect("small");
        let body = json!({ "error": { "code": row["code"], "message": "text", "details": null } });
        let (class, error) = calls::fault(&answer(status, &body)).expect("a fault");
        assert_eq!(class.word(), row["class"].as_str().expect("a word"), "{row}");
        assert_eq!(error.request_id.as_deref(), Some("0123abcd"));
        assert!(!error.next_step.is_empty());
    }
    for (status, code, step) in [
        (403, "token_readonly", "read and write"),
        (403, "protected", "lift the protection"),
        (409, "conflict", "look at it"),
        (412, "resource_unavailable", "later"),
    ] {
        let body = json!({ "error": { "code": code, "message": "text" } });
        let (_, error) = calls::fault(&answer(status, &body)).expect("a fault");
        assert!(error.next_step.contains(step), "{code}: {}", error.next_step);
    }
    for (status, body) in [(403, json!("no")), (500, json!({})), (404, json!({ "error": "x" })), (200, json!({}))] {
        assert!(calls::fault(&answer(status, &body)).is_none(), "{status} {body}");
    }
}

#[test]
fn the_rate_limit_headers_tell_when_to_go_on() {
    let body = json!({ "error": { "code": "rate_limit_exceeded", "message": "m" } });
    let now = 1_795_251_600_i64;
    for (reset, expected) in [(now + 7, Some(7)), (now + 3000, Some(60)), (now, Some(1)), (now - 9, None)] {
        let mut limited = answer(429, &body);
        limited.headers.insert("ratelimit-reset", reset.to_string().parse().expect("a header"));
        let (class, _) = calls::fault(&limited).expect("a fault");
        assert_eq!(class, FaultClass::Throttled(expected.map(Duration::from_secs)), "{reset}");
    }
}

#[test]
fn a_good_answer_slows_down_once_little_is_left() {
    let now = 1_795_251_600_i64;
    for (left, reset, expected) in [(3599, now + 1, None), (360, now + 3240, Some(1)), (0, now + 3600, Some(1))] {
        let mut good = answer(200, &json!({}));
        let headers = [("ratelimit-limit", 3600), ("ratelimit-remaining", left), ("ratelimit-reset", reset)];
        for (name, value) in headers {
            good.headers.insert(name, value.to_string().parse().expect("a header"));
        }
        assert_eq!(calls::pause(&good), expected.map(Duration::from_secs), "{left}");
    }
    assert_eq!(calls::pause(&answer(200, &json!({}))), None);
}

#[test]
fn an_order_is_accepted_by_an_action_that_names_the_server() {
    let good = vectors()["answers"]["rebuild"].clone();
    let judged = |body: &Value| calls::judge(&[id("42")], &answer(201, body)).remove(0).1;
    assert_eq!(judged(&good), Judgement::Accepted { ticket: Some("13".to_owned()) });
    let changed = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).expect("a place") = value;
        judged(&body)
    };
    assert!(matches!(changed("/action/status", json!("error")), Judgement::NotSuccessful(_)));
    for (path, value) in [
        ("/action/resources/0/id", json!(43)),
        ("/action/resources/0/type", json!("volume")),
        ("/action/command", json!("start_server")),
        ("/action/status", json!("warp")),
        ("/action/id", json!(null)),
        ("/action", json!(null)),
    ] {
        assert!(matches!(changed(path, value), Judgement::Unclear(_)), "{path}");
    }
    let mut cut = answer(201, &good);
    cut.body = cut.body.slice(..40);
    assert!(matches!(calls::judge(&[id("42")], &cut).remove(0).1, Judgement::Unclear(_)));
}

#[test]
fn the_root_password_is_read_where_there_is_one() {
    let answers = &vectors()["answers"];
    let password = calls::root_password(&answer(201, &answers["rebuild"])).expect("one");
    assert_eq!(password.expose(), "PzVw7Ex4mpleOnly");
    for body in [&answers["rebuild_with_keys"], &json!({}), &json!({ "root_password": "" })] {
        assert!(calls::root_password(&answer(201, body)).is_none());
    }
    let judged = calls::judge(&[id("42")], &answer(201, &answers["rebuild"]));
    assert!(!format!("{judged:?}").contains("PzVw7Ex4mpleOnly"));
}
