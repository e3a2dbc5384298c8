//! Single stories about orders: tokens, waiting, stale states, power, and which of two servers is meant.

use crate::bench::{BMC, Bench, CLOUDDC, JDCLOUD, ZEC, each};
use serde_json::{Value, json};

fn events(lines: &[Value], server: &str) -> Vec<String> {
    let own = lines.iter().filter(|line| line["instance"] == server);
    own.filter_map(|line| line["event"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_lost_answer_of_jdcloud_is_fetched_again_by_its_token_and_wipes_once() {
    let bench = Bench::new();
    bench.sandbox().order_fault("drop_answer");
    let ran = bench.reinstall(JDCLOUD, &["cps-demo-1"], &["-o", "jsonl"]).ended(0);
    let lines = ran.lines();
    let told = events(&lines, "cps-demo-1");
    assert!(told.contains(&"order_maybe_sent".to_owned()) && told.contains(&"order_accepted".to_owned()), "{told:?}");
    let tokens: Vec<&Value> =
        lines.iter().filter(|line| line["event"] == "order_intent").map(|line| &line["token"]).collect();
    assert!(tokens[0].is_string() && tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    assert_eq!(bench.sandbox().orders(), 2, "the question is asked again");
    assert_eq!(bench.sandbox().wiped("cps-demo-1"), 1, "and answered from memory");
    assert_eq!(lines.last().expect("a report")["targets"][0]["orders_sent"], 1);
}

#[test]
fn a_throttled_order_waits_as_long_as_it_was_told_to() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "throttle", "retry_after": 2 }));
    let ran = bench.reinstall(BMC, &[BMC.ready], &["-o", "jsonl"]).ended(0);
    let lines = ran.lines();
    let at = |event: &str, last: bool| {
        let mut times = lines.iter().filter(|line| line["event"] == event).filter_map(|line| line["at"].as_str());
        let time = if last { times.next_back() } else { times.next() }.unwrap_or_else(|| panic!("{event}"));
        chrono::DateTime::parse_from_rfc3339(time).expect("a time")
    };
    let waited = at("order_intent", true) - at("order_unsent", false);
    assert!(waited >= chrono::TimeDelta::seconds(2), "{waited}");
    assert_eq!((bench.sandbox().orders(), bench.sandbox().wiped(BMC.ready)), (2, 1));
}

#[test]
fn an_order_that_is_throttled_for_ever_is_given_up_as_not_started() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "throttle", "times": 99 }));
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]).ended(5);
    assert_eq!(ran.verdicts(), ["not_started"]);
    assert_eq!(ran.json()["targets"][0]["orders_sent"], 0);
    assert_eq!((bench.sandbox().orders(), bench.sandbox().wiped(BMC.ready)), (3, 0));
}

#[test]
fn an_old_running_state_is_not_success() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!([
        { "operation": "reinstall", "fault": "stale", "ms": 2000 },
        { "operation": "reinstall", "fault": "slow_install", "ms": 4000 },
    ]));
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]).ended(0);
    let target = &ran.json()["targets"][0];
    assert_eq!(target["proof"], "status:INSTALLING");
    assert!(target["duration_ms"].as_u64() >= Some(4000), "{target}");
}

#[test]
fn an_old_failed_state_is_not_failure() {
    let bench = Bench::new();
    bench.sandbox().order_fault("fail_install");
    bench.reinstall(BMC, &[BMC.ready], &[]).ended(1);
    bench.sandbox().fault(&json!([
        { "operation": "reinstall", "fault": "stale", "ms": 1000 },
        { "operation": "reinstall", "fault": "slow_install", "ms": 2500 },
    ]));
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]);
    let target = &ran.json()["targets"][0];
    assert_eq!(target["verdict"], "succeeded", "{ran:#?}");
    assert_eq!(target["baseline"]["status"], "INSTALL_FAILED");
}

#[test]
fn a_server_that_is_out_of_sight_for_a_moment_is_not_called_vanished() {
    let bench = Bench::new();
    bench.sandbox().order_fault("vanish");
    let ran = bench.reinstall(BMC, &[BMC.ready], &["--timeout", "3s"]).ended(4);
    assert_eq!(ran.verdicts(), ["unverified"]);
    assert_eq!(bench.sandbox().orders(), 1);
}

#[test]
fn a_server_that_ends_off_is_started_or_left_off_as_asked() {
    each([("auto", "RUNNING", 1), ("never", "STOPPED", 0)], |(choice, status, starts)| {
        let bench = Bench::new();
        bench.sandbox().order_fault("ends_off");
        let ran = bench.reinstall(BMC, &[BMC.ready], &["--power-on", choice]).ended(0);
        assert_eq!(ran.json()["targets"][0]["last"]["status"], status);
        assert_eq!(bench.sandbox().requests(&["start"]).len(), starts);
    });
}

#[test]
fn a_server_whose_stop_fails_is_not_ordered() {
    for (product, server) in [(ZEC, "zec-demo-1"), (JDCLOUD, "cps-demo-3")] {
        let bench = Bench::new();
        bench.sandbox().fault(&json!({ "operation": "stop", "fault": "not_successful" }));
        let ran = bench.reinstall(product, &[server], &[]).ended(5);
        assert_eq!(ran.verdicts(), ["skipped"]);
        assert_eq!(ran.json()["targets"][0]["error"]["kind"], "not_successful");
        assert_eq!((bench.sandbox().orders(), bench.sandbox().wiped(server)), (0, 0));
    }
}

#[test]
fn a_running_server_that_must_be_off_is_stopped_ordered_and_runs_again() {
    each([(ZEC, "zec-demo-1"), (JDCLOUD, "cps-demo-3")], |(product, server)| {
        let bench = Bench::new();
        let ran = bench.reinstall(product, &[server], &["-o", "jsonl"]).ended(0);
        let told = events(&ran.lines(), server);
        let place =
            |event: &str| told.iter().position(|own| own == event).unwrap_or_else(|| panic!("{event}: {told:?}"));
        let order = ["planned", "power_off", "stopped", "baseline", "order_intent", "order_accepted", "verdict"];
        assert!(order.map(place).is_sorted(), "{told:?}");
        let kinds: Vec<String> = bench.sandbox().changes().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["stop", "reinstall"]);
    });
}

#[test]
fn one_refused_server_stops_the_orders_behind_it_and_each_is_named() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "instance": "bmc-demo-1", "fault": "invalid" }));
    let ran = bench.reinstall(BMC, &BMC.servers, &["--max-failures", "1", "--concurrency", "1"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let report = ran.json();
    assert_eq!(report["counts"]["total"], 3);
    assert_eq!((&report["counts"]["rejected"], &report["counts"]["not_started"]), (&json!(1), &json!(2)));
    for target in report["targets"].as_array().expect("targets") {
        let wiped = bench.sandbox().wiped(target["instance"].as_str().expect("an id"));
        assert_eq!(wiped, u64::from(target["verdict"] == "succeeded"), "{target}");
    }
}

#[test]
fn an_order_that_is_throttled_while_another_is_refused_ends_as_not_started() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!([
        { "operation": "reinstall", "instance": "bmc-demo-1", "fault": "invalid" },
        { "operation": "reinstall", "instance": "bmc-demo-2", "fault": "throttle", "times": 9 },
    ]));
    let ran = bench.reinstall(BMC, &["bmc-demo-1", "bmc-demo-2"], &[]).ended(1);
    assert_eq!(ran.verdicts(), ["rejected", "not_started"]);
}

#[test]
fn in_a_batch_each_server_gets_its_own_verdict_and_one_order_went_out() {
    let bench = Bench::new();
    let [first, second, third] = CLOUDDC.servers;
    bench.sandbox().fault(&json!({ "operation": "reinstall", "instance": first, "fault": "fail_install" }));
    // The second one is stopped, which CloudDC does not reinstall.
    let ran = bench.reinstall(CLOUDDC, &[first, second, third], &[]).ended(1);
    assert_eq!(ran.json()["counts"]["total"], 3);
    let verdict = |id: &str| {
        let report = ran.json();
        let targets = report["targets"].as_array().expect("targets").clone();
        targets.into_iter().find(|target| target["instance"] == id).expect("named")["verdict"].clone()
    };
    assert_eq!(
        (verdict(first), verdict(second), verdict(third)),
        (json!("failed"), json!("skipped"), json!("succeeded"))
    );
    assert_eq!(bench.sandbox().requests(&["reinstall"]).len(), 1);
    assert_eq!([first, second, third].map(|id| bench.sandbox().wiped(id)), [1, 0, 1]);
}
