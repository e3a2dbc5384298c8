//! What goes wrong with an order: one verdict, one exit code, one wipe or none, for every product.

use crate::bench::{BMC, Bench, CLOUDDC, ECS, JDCLOUD, PRODUCTS, Product, ZEC, each};
use serde_json::json;

/// A fault of the order and what it must come to.
struct Case {
    fault: &'static str,
    options: &'static [&'static str],
    code: i32,
    verdict: &'static str,
    /// `orders_sent` of the report.
    sent: u64,
    /// Times that the server was really wiped.
    wiped: u64,
}

const fn case(fault: &'static str, code: i32, verdict: &'static str, sent: u64, wiped: u64) -> Case {
    Case { fault, options: &[], code, verdict, sent, wiped }
}

const fn brief(case: Case) -> Case {
    Case { options: &["--start-window", "1s", "--timeout", "3s"], ..case }
}

/// What a product does otherwise than the others, on good grounds.
fn expected(product: Product, mut case: Case) -> Case {
    let carried_out_later = ["close_before", "server_error", "html"];
    if product.id == JDCLOUD.id && carried_out_later.contains(&case.fault) {
        // The same order again under its token: the provider carries it out once.
        case = Case { options: &[], code: 0, verdict: "succeeded", sent: 1, wiped: 1, ..case };
    }
    if product.id == ECS.id && case.fault == "never_start" {
        // The job says that it is under way.
        case = Case { code: 3, verdict: "timed_out", ..case };
    }
    if product.id != BMC.id && case.fault == "no_progress_shown" {
        // A job, another operation, or the change from stopped to running is the proof.
        case = Case { options: &[], code: 0, verdict: "succeeded", ..case };
    }
    case
}

fn hold(product: Product) {
    each(cases(), |case| try_one(product, &expected(product, case)));
}

fn try_one(product: Product, case: &Case) {
    let bench = Bench::new();
    bench.sandbox().order_fault(case.fault);
    let ran = bench.reinstall(product, &[product.ready], case.options);
    let told = format!("{} {}: {ran:#?}", product.id, case.fault);
    assert_eq!(ran.code, Some(case.code), "{told}");
    let report = ran.json();
    let target = &report["targets"][0];
    assert_eq!(target["verdict"], case.verdict, "{told}");
    assert_eq!(target["orders_sent"], case.sent, "{told}");
    assert_eq!(report["counts"][case.verdict], 1, "{told}");
    assert_eq!(bench.sandbox().wiped(product.ready), case.wiped, "{told}");
    if case.verdict == "succeeded" {
        assert_eq!(target["error"], json!(null), "{told}");
        assert!(target["proof"].is_string(), "{told}");
    } else {
        assert!(target["error"]["kind"].is_string() && target["error"]["message"].is_string(), "{told}");
    }
    if product.id != JDCLOUD.id && case.fault != "throttle" {
        assert_eq!(bench.sandbox().orders(), 1, "an order without a token went out twice: {told}");
    }
}

fn cases() -> Vec<Case> {
    vec![
        brief(case("never_start", 4, "unverified", 1, 0)),
        brief(case("stuck_install", 3, "timed_out", 1, 1)),
        brief(case("no_progress_shown", 4, "unverified", 1, 1)),
        case("drop_answer", 0, "succeeded", 1, 1),
        case("reset_answer", 0, "succeeded", 1, 1),
        case("server_error_after", 0, "succeeded", 1, 1),
        case("garbage", 0, "succeeded", 1, 1),
        case("content_type", 0, "succeeded", 1, 1),
        case("ends_off", 0, "succeeded", 1, 1),
        case("throttle", 0, "succeeded", 1, 1),
        brief(case("close_before", 4, "unverified", 1, 0)),
        brief(case("server_error", 4, "unverified", 1, 0)),
        brief(case("html", 4, "unverified", 1, 0)),
        brief(case("redirect", 4, "unverified", 1, 0)),
        case("fail_install", 1, "failed", 1, 1),
        case("unauthorized", 1, "rejected", 0, 0),
        case("forbidden", 1, "rejected", 0, 0),
        case("wrong_state", 1, "rejected", 0, 0),
        case("invalid", 1, "rejected", 0, 0),
        case("not_found", 1, "rejected", 0, 0),
        case("not_successful", 1, "rejected", 0, 0),
    ]
}

#[test]
fn jdcloud_orders_end_as_they_must_whatever_befalls_them() {
    hold(JDCLOUD);
}

#[test]
fn bare_metal_orders_end_as_they_must_whatever_befalls_them() {
    hold(BMC);
}

#[test]
fn elastic_compute_orders_end_as_they_must_whatever_befalls_them() {
    hold(ZEC);
}

#[test]
fn ecs_orders_end_as_they_must_whatever_befalls_them() {
    hold(ECS);
}

#[test]
fn clouddc_orders_end_as_they_must_whatever_befalls_them() {
    hold(CLOUDDC);
}

#[test]
fn a_truncated_answer_is_no_answer_and_the_order_is_watched() {
    each(PRODUCTS, |product| {
        let bench = Bench::new();
        bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "truncate", "bytes": 9 }));
        let ran = bench.reinstall(product, &[product.ready], &[]).ended(0);
        assert_eq!(ran.json()["targets"][0]["orders_sent"], 1);
        assert_eq!(bench.sandbox().wiped(product.ready), 1);
    });
}
