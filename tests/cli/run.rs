//! A reinstall from order to report, for every product and in every form of output.

use crate::bench::{BMC, Bench, CLOUDDC, ECS, JDCLOUD, PRODUCTS, ZEC, each, files};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const VERDICTS: [&str; 9] =
    ["succeeded", "accepted", "failed", "rejected", "vanished", "timed_out", "unverified", "skipped", "not_started"];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn utc(value: &Value) -> chrono::DateTime<chrono::FixedOffset> {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    assert!(text.ends_with('Z'), "{text}");
    chrono::DateTime::parse_from_rfc3339(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// Holds a report to the published form.
fn well_formed(report: &Value) {
    assert_eq!(report["schema"], "reinstall.report/1");
    for key in ["schema", "run", "started_at", "finished_at", "exit_code", "counts", "targets"] {
        assert!(report.get(key).is_some(), "no `{key}` in {report}");
    }
    assert!(utc(&report["started_at"]) <= utc(&report["finished_at"]));
    let counts = &report["counts"];
    let sum: u64 = VERDICTS.iter().map(|verdict| counts[verdict].as_u64().expect("every verdict is counted")).sum();
    assert_eq!(counts["total"], sum);
    let targets = report["targets"].as_array().expect("targets");
    assert_eq!(targets.len() as u64, sum);
    for target in targets {
        let expected = [
            "baseline",
            "duration_ms",
            "error",
            "finished_at",
            "instance",
            "last",
            "name",
            "ordered_at",
            "orders_sent",
            "proof",
            "provider",
            "reads",
            "region",
            "request_ids",
            "ticket",
            "verdict",
        ];
        assert_eq!(keys(target), expected, "{target}");
        assert_eq!(keys(&target["last"]), ["image", "status"]);
        if target["error"].is_object() {
            assert_eq!(keys(&target["error"]), ["code", "kind", "message", "next_step", "request_id"]);
        }
    }
}

#[test]
fn every_product_is_reinstalled_with_proof_and_reported_in_the_published_form() {
    each(PRODUCTS, |product| {
        let bench = Bench::new();
        let ran = bench.reinstall(product, &[product.ready], &["--reason", "ticket 7"]).ended(0);
        let report = ran.json();
        well_formed(&report);
        assert_eq!((&report["exit_code"], &report["reason"]), (&json!(0), &json!("ticket 7")));
        let target = &report["targets"][0];
        assert_eq!(target["verdict"], "succeeded");
        assert_eq!((&target["provider"], &target["instance"]), (&json!(product.id), &json!(product.ready)));
        assert_eq!((&target["orders_sent"], &target["error"]), (&json!(1), &json!(null)));
        assert!(target["proof"].as_str().is_some_and(|proof| proof.starts_with(product.proof)), "{target}");
        let (ordered, finished) = (utc(&target["ordered_at"]), utc(&target["finished_at"]));
        let between = (finished - ordered).num_milliseconds();
        assert!((target["duration_ms"].as_i64().expect("a duration") - between).abs() <= 2, "{target}");
        assert!(target["reads"].as_u64() >= Some(3), "{target}");
        assert!(target["request_ids"].as_array().is_some_and(|ids| !ids.is_empty()), "{target}");
        assert_eq!(target["ticket"].is_string(), product.id == ECS.id, "{target}");
        let zenlayer = product.id.starts_with("zenlayer");
        assert_eq!(target["region"].is_null(), zenlayer, "{target}");
        assert_eq!(bench.sandbox().wiped(product.ready), 1);
        assert_eq!(bench.sandbox().orders(), 1);
    });
}

#[test]
fn a_report_of_nothing_done_has_the_same_form_with_nulls() {
    let bench = Bench::new();
    let ran = bench.reinstall(BMC, &[BMC.ready], &["--expect", "name=db-1"]).ended(5);
    let report = ran.json();
    well_formed(&report);
    let target = &report["targets"][0];
    for key in ["proof", "ticket", "ordered_at", "duration_ms"] {
        assert_eq!(target[key], json!(null), "{key}");
    }
}

#[test]
fn json_lines_tell_the_story_in_order_without_gaps_and_end_with_the_report() {
    each([BMC, ECS], |product| {
        let bench = Bench::new();
        let ran = bench.reinstall(product, &[product.ready], &["-o", "jsonl"]).ended(0);
        let mut lines = ran.lines();
        let report = lines.pop().expect("a report");
        well_formed(&report);
        for (place, line) in lines.iter().enumerate() {
            assert_eq!(line["schema"], "reinstall.event/1");
            assert_eq!(line["seq"], place as u64 + 1, "{line}");
            assert_eq!(line["run"], report["run"]);
            utc(&line["at"]);
            assert!(line["event"].is_string() && line.get("instance").is_some(), "{line}");
        }
        let told: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
        let place =
            |event: &str| told.iter().position(|own| *own == event).unwrap_or_else(|| panic!("{event}: {told:?}"));
        let order = ["planned", "confirmed", "order_intent", "order_accepted", "status", "verdict"];
        assert!(order.map(place).is_sorted(), "{told:?}");
        let journal = files(&bench.state().join("reinstall/runs"));
        let kept = fs::read_to_string(&journal[0]).expect("the journal");
        assert_eq!(
            kept.lines().filter(|line| line.contains("\"seq\"")).count(),
            lines.len(),
            "the journal has the same"
        );
    });
}

#[test]
fn several_servers_are_one_run_and_each_is_named() {
    let bench = Bench::new();
    let ran = bench.reinstall(BMC, &["bmc-demo-1,bmc-demo-2", "bmc-demo-3", "bmc-demo-1"], &["--expect-count", "3"]);
    let report = ran.ended(0).json();
    well_formed(&report);
    let named: Vec<&str> =
        report["targets"].as_array().expect("targets").iter().filter_map(|t| t["instance"].as_str()).collect();
    assert_eq!(named, BMC.servers);
    assert_eq!(BMC.servers.map(|id| bench.sandbox().wiped(id)), [1, 1, 1]);
}

#[test]
fn a_family_finds_each_server_in_its_product() {
    let bench = Bench::new();
    let [ready] = ["5a0db0c5-dc00-7000-8000-000000000001"];
    let call = |family: &str, refs: &str| {
        let mut arguments = vec!["-p", family, "-i", refs, "--yes", "-o", "json"];
        let password = bench.password();
        arguments.extend(password.iter().map(String::as_str));
        bench.run(&arguments).ended(0).json()
    };
    let report = call("zenlayer", "zec-demo-2,bmc-demo-1");
    let products: Vec<&Value> = report["targets"].as_array().expect("two").iter().map(|t| &t["provider"]).collect();
    assert!(products.contains(&&json!("zenlayer-bmc")) && products.contains(&&json!("zenlayer-zec")), "{report}");
    let report = call("huawei", ready);
    assert_eq!(report["targets"][0]["provider"], CLOUDDC.id);
    let report = call("jdcloud", "cps-demo-1");
    assert_eq!(report["targets"][0]["provider"], JDCLOUD.id);
}

#[test]
fn names_addresses_and_standard_input_select_the_same_servers_as_ids() {
    each(
        [
            ("name=db-1", "", "bmc-demo-2"),
            ("ip=198.51.100.13", "", "bmc-demo-3"),
            ("-", "# the list\n\n  bmc-demo-1  \n", "bmc-demo-1"),
            ("-", "name=db-1\r\n", "bmc-demo-2"),
        ],
        |(reference, input, server)| {
            let bench = Bench::new();
            let call = ["-p", BMC.id, "-i", reference, "--no-login", "--yes", "--no-wait", "-o", "json"];
            let report = bench.fed(input, &call).ended(0).json();
            assert_eq!(report["targets"][0]["instance"], server);
            assert_eq!(bench.sandbox().orders(), 1);
        },
    );
}

#[test]
fn without_waiting_it_is_accepted_and_a_later_wait_sees_the_end_with_proof() {
    each([BMC, ECS, JDCLOUD], |product| {
        let bench = Bench::new();
        let report = bench.reinstall(product, &[product.ready], &["--no-wait"]).ended(0).json();
        well_formed(&report);
        assert_eq!(report["counts"]["accepted"], 1);
        assert_eq!(report["targets"][0]["orders_sent"], 1);
        let ran = bench.run(&["wait", "-p", product.id, "-i", product.ready, "-o", "json"]).ended(0);
        let report = ran.json();
        well_formed(&report);
        let target = &report["targets"][0];
        assert_eq!((&target["verdict"], &target["orders_sent"]), (&json!("succeeded"), &json!(0)), "{report}");
        assert!(target["proof"].is_string(), "{target}");
        assert_eq!(bench.sandbox().orders(), 1);
    });
}

#[test]
fn waiting_for_a_server_that_nobody_reinstalls_guesses_nothing() {
    let bench = Bench::new();
    let ran = bench.run(&["wait", "-p", BMC.id, "-i", BMC.ready, "--timeout", "1s", "-o", "json"]).ended(4);
    assert_eq!(ran.verdicts(), ["unverified"]);
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn generated_passwords_are_kept_privately_one_for_each_server_and_fit() {
    let bench = Bench::new();
    let lengths =
        [(JDCLOUD, "cps-demo-1,cps-demo-2"), (BMC, "bmc-demo-1,bmc-demo-2"), (ZEC, "zec-demo-2"), (ECS, ECS.ready)];
    let mut wanted = 0;
    for (product, refs) in lengths {
        let call = ["-p", product.id, "-i", refs, "--generate-password", "made.jsonl", "-y", "-o", "json"];
        let ran = bench.run(&call).ended(0);
        wanted += refs.split(',').count();
        let path = bench.path("made.jsonl");
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("the file");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), wanted);
        let mut different: Vec<&str> = lines.iter().filter_map(|line| line["password"].as_str()).collect();
        for line in &lines {
            assert_eq!(keys(line), ["instance", "password", "provider", "run"]);
        }
        assert_eq!(lines.last().expect("a line")["run"], ran.json()["run"]);
        for password in &different {
            assert!(!ran.out.contains(password) && !ran.err.contains(password));
        }
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), wanted);
    }
}

/// The text without what differs from run to run: address, run id, time taken.
fn neutral(bench: &Bench, text: &str) -> String {
    let word = |word: &str| {
        let core = word.trim_end_matches([')', '\n']);
        let rest = &word[core.len()..];
        let took = core.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
        let run = core.len() == 32 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (took, run) {
            (true, _) => format!("[took]{rest}"),
            (_, true) => format!("[run]{rest}"),
            _ => word.to_owned(),
        }
    };
    let text = text.replace(&bench.sandbox().url, "[sandbox]");
    text.split_inclusive('\n')
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn the_table_for_people_says_which_server_ended_how() {
    let bench = Bench::new();
    bench.password();
    let call = ["-p", BMC.id, "-i", "bmc-demo-1,bmc-demo-2", "--password-file", "pw", "-y"];
    let ran = bench.run(&call).ended(0);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("table-results", neutral(&bench, &ran.out));
        let plan = ran.err.split("There is no way back.").next().expect("a plan").to_owned();
        insta::assert_snapshot!("table-plan", neutral(&bench, &plan));
    });
}
