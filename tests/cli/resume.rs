//! Killed at any moment, resumed, run twice at once: at most one wipe, and a verdict for each server.

use crate::bench::{BMC, Bench, CLOUDDC, ECS, JDCLOUD, Product, each, files};
use crate::signals::Running;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// Kills a run of three servers after this time, takes it up again, and holds both to the promise.
fn killed_after(product: Product, time: Duration) {
    let bench = Bench::new();
    let running = Running::start(&bench, &bench.order(product, &product.servers, &["-o", "jsonl"]));
    std::thread::sleep(time);
    running.signal(Signal::KILL);
    running.end();
    let before = product.servers.map(|id| bench.sandbox().wiped(id));
    assert!(before.iter().all(|&wiped| wiped <= 1), "{before:?}");
    let told = format!("{} after {time:?}", product.id);
    if files(&bench.state().join("reinstall/runs")).is_empty() {
        assert_eq!(bench.sandbox().changes(), [], "{told}: something was sent without a journal");
        return;
    }
    let ran = bench.run(&["resume", "--password-file", "pw", "--start-window", "2s", "-o", "json"]);
    let told = format!("{told}: {ran:#?}");
    let after = product.servers.map(|id| bench.sandbox().wiped(id));
    if ran.out.is_empty() {
        // Cut off before it was confirmed: nothing was sent, and the servers are free for a new run.
        assert_eq!(ran.code, Some(5), "{told}");
        assert_eq!(bench.sandbox().changes(), [], "{told}");
        assert_eq!(files(&bench.state().join("reinstall/claims")).len(), 0, "{told}");
        return;
    }
    let report = ran.json();
    assert_eq!(report["counts"]["total"], 3, "{told}");
    for (id, wiped) in product.servers.into_iter().zip(after) {
        let targets = report["targets"].as_array().expect("targets");
        let target = targets.iter().find(|target| target["instance"] == id).unwrap_or_else(|| panic!("{id}: {told}"));
        match target["verdict"].as_str().expect("a verdict") {
            "succeeded" => assert_eq!(wiped, 1, "{id}: {told}"),
            "skipped" | "not_started" | "rejected" => assert_eq!(wiped, 0, "{id}: {told}"),
            _ => assert!(wiped <= 1, "{id}: {told}"),
        }
    }
    assert!(files(&bench.state().join("reinstall/claims")).is_empty(), "{told}");
}

fn killed_at_many_moments(product: Product) {
    // Dense where the plan is made and the orders leave, then over the whole install.
    let moments = [5, 12, 18, 25, 32, 40, 55, 80, 130, 300, 700, 1500];
    each(moments, |moment| killed_after(product, Duration::from_millis(moment)));
}

#[test]
fn a_killed_run_of_bare_metal_wipes_no_server_twice_and_loses_none() {
    killed_at_many_moments(BMC);
}

#[test]
fn a_killed_run_of_jdcloud_wipes_no_server_twice_and_loses_none() {
    killed_at_many_moments(JDCLOUD);
}

#[test]
fn a_killed_run_of_ecs_wipes_no_server_twice_and_loses_none() {
    killed_at_many_moments(ECS);
}

#[test]
fn a_killed_batch_wipes_no_server_twice_and_loses_none() {
    killed_at_many_moments(CLOUDDC);
}

#[test]
fn a_run_that_was_cut_off_before_its_confirmation_gives_its_servers_free() {
    each([0, 1, 2], |lines| {
        let bench = Bench::new();
        bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "throttle", "retry_after": 60 }));
        let mut running = Running::start(&bench, &bench.order(BMC, &[BMC.ready], &["-o", "jsonl"]));
        let run = running.until("order_unsent")["run"].as_str().expect("a run").to_owned();
        running.signal(Signal::KILL);
        running.end();
        // As if it had been killed that much earlier: the claim stands, the journal has no confirmation.
        let journal = &files(&bench.state().join("reinstall/runs"))[0];
        let text = std::fs::read_to_string(journal).expect("the journal");
        let kept: String = text.split_inclusive('\n').take(lines).collect();
        std::fs::write(journal, kept).expect("the journal");
        let blocked = bench.reinstall(BMC, &[BMC.ready], &[]).ended(5);
        assert!(blocked.err.contains(&format!("reinstall resume {run}")), "{}", blocked.err);
        let ran = bench.run(&["resume", &run]).ended(5);
        assert!(ran.err.contains("nothing was sent"), "{}", ran.err);
        let again = bench.reinstall(BMC, &[BMC.ready], &[]).ended(0);
        assert_eq!(again.verdicts(), ["succeeded"], "after {lines} lines");
        assert!(bench.run(&["resume"]).ended(2).err.contains("no unfinished run"));
    });
}

#[test]
fn a_server_that_another_run_has_is_skipped_and_that_run_is_named() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "throttle", "retry_after": 4 }));
    let mut first = Running::start(&bench, &bench.order(BMC, &[BMC.ready], &["-o", "jsonl"]));
    let run = first.until("order_unsent")["run"].as_str().expect("a run").to_owned();
    let second = bench.reinstall(BMC, &[BMC.ready], &[]).ended(5);
    assert_eq!(second.verdicts(), ["skipped"]);
    let error = &second.json()["targets"][0]["error"];
    assert_eq!(error["kind"], "busy");
    assert!(error["message"].as_str().is_some_and(|text| text.contains(&run)), "{error}");
    // Nor can it be resumed under its own feet, or under another endpoint.
    let ran = bench.run(&["resume", &run, "--password-file", "pw"]).ended(5);
    assert!(ran.err.contains(&run), "{}", ran.err);
    let first = first.end().ended(0);
    assert_eq!(first.lines().pop().expect("a report")["counts"]["succeeded"], 1);
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
    // Now it is free.
    bench.reinstall(BMC, &[BMC.ready], &["--no-wait"]).ended(0);
}

#[test]
fn a_server_that_is_being_reinstalled_already_is_skipped() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 9000 }));
    bench.reinstall(BMC, &[BMC.ready], &["--no-wait"]).ended(0);
    std::thread::sleep(Duration::from_millis(600));
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]).ended(5);
    assert_eq!(ran.json()["targets"][0]["error"]["kind"], "busy");
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
}

#[test]
fn resume_without_a_run_or_with_a_wrong_one_says_what_there_is() {
    let bench = Bench::new();
    assert!(bench.run(&["resume"]).ended(2).err.contains("no unfinished run"));
    assert!(bench.run(&["resume", "0123abcd"]).ended(2).err.contains("reinstall runs"));
    assert!(bench.run(&["resume", "../../etc"]).ended(2).err.contains("no run id"));
    let mut runs = Vec::new();
    for server in ["bmc-demo-1", "bmc-demo-2"] {
        bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 3000 }));
        let mut running = Running::start(&bench, &bench.order(BMC, &[server], &["-o", "jsonl"]));
        runs.push(running.until("order_accepted")["run"].as_str().expect("a run").to_owned());
        running.signal(Signal::KILL);
    }
    let ran = bench.run(&["resume"]).ended(2);
    assert!(runs.iter().all(|run| ran.err.contains(run)), "{}", ran.err);
    let elsewhere = bench.run(&["resume", &runs[0], "--endpoint", "https://example.com"]).ended(2);
    assert!(elsewhere.err.contains("endpoint"), "{}", elsewhere.err);
    for run in &runs {
        let ran = bench.run(&["resume", run, "-o", "json"]).ended(0);
        assert_eq!(ran.verdicts(), ["succeeded"]);
    }
    assert_eq!(bench.sandbox().orders(), 2);
}

#[test]
fn runs_are_listed_shown_and_pruned_and_an_unfinished_one_is_kept() {
    let bench = Bench::new();
    let done = bench.reinstall(BMC, &["bmc-demo-1"], &["--reason", "ticket 7"]).ended(0).json();
    let run = done["run"].as_str().expect("a run");
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 9000 }));
    let mut running = Running::start(&bench, &bench.order(BMC, &["bmc-demo-2"], &["-o", "jsonl"]));
    running.until("order_accepted");
    let state = |name: &str| {
        let listed = bench.run(&["runs", "list", "-o", "json"]).ended(0).json();
        let rows = listed["runs"].as_array().expect("runs").clone();
        rows.into_iter().filter(|row| row["state"] == name).collect::<Vec<Value>>()
    };
    assert_eq!(state("running").len(), 1);
    running.signal(Signal::KILL);
    running.end();
    assert_eq!(state("unfinished").len(), 1);
    let ended = state("ended");
    assert_eq!(
        (&ended[0]["run"], &ended[0]["reason"], &ended[0]["exit_code"]),
        (&json!(run), &json!("ticket 7"), &json!(0))
    );
    assert_eq!(ended[0]["counts"]["succeeded"], 1);
    let told = bench.run(&["runs", "show", run, "-o", "jsonl"]).ended(0).lines();
    let words: Vec<&str> = told.iter().filter_map(|line| line["event"].as_str()).collect();
    assert!(words.contains(&"order_intent") && words.contains(&"verdict"), "{words:?}");
    let table = bench.run(&["runs"]).ended(0).out;
    assert!(table.contains(run) && table.contains("ticket 7") && table.contains("unfinished"), "{table}");
    assert_eq!(bench.run(&["runs", "prune", "-o", "json"]).ended(0).json()["removed"], json!([]));
    let removed = bench.run(&["runs", "prune", "--keep", "0", "-o", "json"]).ended(0).json();
    assert_eq!(removed["removed"], json!([run]));
    assert_eq!((state("ended").len(), state("unfinished").len()), (0, 1));
    bench.run(&["runs", "show", run]).ended(2);
}
