//! Bare metal of OpenStack through the program: the record that is changed before the order.

use crate::bench::{Bench, Ran};
use crate::signals::Running;
use rustix::process::Signal;
use serde_json::{Value, json};

const NODES: [&str; 3] = [
    "5ab1c0de-6385-4bbf-a5c8-b95a00000001",
    "5ab1c0de-6385-4bbf-a5c8-b95a00000002",
    "5ab1c0de-6385-4bbf-a5c8-b95a00000003",
];
const WEB: &str = NODES[0];
const NEW: &str = "https://images.example/new.qcow2";

fn arguments<'a>(servers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["-p", "openstack-ironic", "-i", servers, "--no-login", "-y", "--image", NEW][..], more].concat()
}

fn order(bench: &Bench, servers: &str, more: &[&str]) -> Ran {
    bench.run(&arguments(servers, &[&["-o", "json"], more].concat()))
}

fn image(bench: &Bench) -> String {
    let list = bench.run(&["list", "-p", "openstack-ironic", "-o", "json"]).ended(0).json();
    let servers = list["servers"].as_array().expect("servers");
    let web = servers.iter().find(|server| server["instance"] == WEB || server["id"] == WEB).expect("web-1");
    web["image"].as_str().expect("an image").to_owned()
}

fn changes(bench: &Bench) -> Vec<String> {
    bench.sandbox().requests(&["arrange", "reinstall"]).into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn a_dry_run_shows_the_change_of_the_record_before_the_order_and_sends_neither() {
    let bench = Bench::new();
    let ran = order(&bench, WEB, &["--dry-run"]).ended(0);
    let report = ran.json();
    let requests = report["targets"][0]["requests"].as_array().expect("requests");
    let methods: Vec<&str> = requests.iter().map(|request| request["method"].as_str().expect("a method")).collect();
    assert_eq!(methods, ["PATCH", "PUT"]);
    assert_eq!(requests[0]["body"][0]["value"], NEW);
    assert!(ran.err.contains("before the order"), "{}", ran.err);
    assert_eq!(changes(&bench), Vec::<String>::new());
}

#[test]
fn a_refused_order_tells_that_the_record_stays_and_the_next_run_goes_on_from_it() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "wrong_state" }));
    let ran = order(&bench, WEB, &[]).ended(1);
    assert_eq!(ran.verdicts(), ["rejected"]);
    let next = ran.json()["targets"][0]["error"]["next_step"].as_str().expect("a step").to_owned();
    assert!(next.contains(&format!("its record names {NEW} now")), "{next}");
    assert_eq!(image(&bench), NEW);
    let run = ran.json()["run"].as_str().expect("a run").to_owned();
    let shown = bench.run(&["runs", "show", &run]).ended(0).out;
    for line in ["changes its record for the order", "its record says what is to be installed", "its record names"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let again = order(&bench, WEB, &[]).ended(0);
    assert_eq!((again.verdicts(), bench.sandbox().wiped(WEB)), (vec!["succeeded".to_owned()], 1));
}

#[test]
fn a_run_that_was_killed_in_the_change_of_the_record_goes_on_and_wipes_once() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "arrange", "fault": "stall" }));
    let mut running = Running::start(&bench, &arguments(WEB, &["-o", "jsonl"]));
    let run = running.until("arranging")["run"].as_str().expect("a run").to_owned();
    while image(&bench) != NEW {}
    running.signal(Signal::KILL);
    running.end();
    assert_eq!(changes(&bench), ["arrange"], "carried out, and nobody knows");
    let ran = bench.run(&["resume", &run, "-o", "json"]).ended(0);
    assert_eq!(ran.verdicts(), ["succeeded"], "no order had left, so it has its turn");
    assert_eq!(changes(&bench), ["arrange", "arrange", "reinstall"]);
    assert_eq!((ran.json()["targets"][0]["orders_sent"].clone(), bench.sandbox().wiped(WEB)), (Value::from(1), 1));
}

#[test]
fn several_nodes_are_ordered_once_each_although_answers_to_the_change_are_lost() {
    let bench = Bench::new();
    for fault in ["drop_answer", "close_before", "server_error"] {
        bench.sandbox().fault(&json!({ "operation": "arrange", "fault": fault }));
    }
    let ran = order(&bench, &NODES.join(","), &[]).ended(0);
    assert_eq!(ran.verdicts(), ["succeeded"; 3], "{ran:#?}");
    assert_eq!(NODES.map(|id| bench.sandbox().wiped(id)), [1, 1, 1]);
    let orders = changes(&bench).into_iter().filter(|kind| kind == "reinstall").count();
    assert_eq!((orders, changes(&bench).len()), (3, 9));
}
