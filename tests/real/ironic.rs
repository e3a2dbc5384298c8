//! `openstack-ironic` against a real Ironic with its fake hardware.

use crate::program::{Program, Ran, ended_of};
use crate::{Row, service, state};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::{Duration, Instant};

const PRODUCT: [&str; 3] = ["-p", "openstack-ironic", "--no-login"];
const FLEET: usize = 10;

/// A service, as itself tells of it.
struct Lab {
    folder: &'static str,
    lab: Value,
}

impl Lab {
    fn open() -> Self {
        Self::of("ironic")
    }

    /// What `ironic/up.sh` wrote down: `url`, `auth`, `user`, `password`, `nodes` by name.
    fn of(folder: &'static str) -> Self {
        let file = state().join(folder).join("lab.json");
        let text = fs::read_to_string(file).expect("./check real starts the services");
        Self { folder, lab: serde_json::from_str(&text).expect("JSON") }
    }

    fn url(&self) -> &str {
        self.lab["url"].as_str().expect("an address")
    }

    fn id(&self, name: &str) -> String {
        self.lab["nodes"][name].as_str().expect("a node").to_owned()
    }

    fn program(&self) -> Program {
        Program::new(&[("OS_AUTH_TYPE", "none"), ("OS_ENDPOINT", self.url())])
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let version = [("x-openstack-ironic-api-version", "1.94")];
        service::call(method, &format!("{}/v1/nodes/{path}", self.url()), &version, body).good().body
    }

    fn node(&self, id: &str) -> Value {
        self.call("GET", id, None)
    }

    fn image(&self, id: &str) -> String {
        self.node(id)["instance_info"]["image_source"].as_str().unwrap_or_default().to_owned()
    }

    /// How often the service began to deploy the node, as its log has it.
    fn wipes(&self, id: &str) -> usize {
        let log = fs::read_to_string(state().join(self.folder).join("ironic.log")).expect("a log");
        let begins = format!("Node {id} moved to provision state \"deploying\" from state");
        let again = "from state \"wait call-back\"";
        log.lines().filter(|line| line.contains(&begins) && !line.contains(again)).count()
    }

    /// `active, 1 wipe`
    fn truth(&self, id: &str, before: usize) -> String {
        let state = self.node(id)["provision_state"].as_str().unwrap_or_default().to_owned();
        format!("{state}, {} wipe(s)", self.wipes(id) - before)
    }
}

fn order<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&PRODUCT, &["-y", "-o", "json"], more].concat()
}

#[track_caller]
fn reason(ran: &Ran, id: &str) -> String {
    let error = &ran.target(id)["error"];
    format!("{} {}", error["message"].as_str().expect("a reason"), error["next_step"].as_str().expect("a step"))
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn the_nodes_are_listed() {
    let mut row = Row::begin("ironic: list");
    let lab = Lab::open();
    let ran = lab.program().run(&["list", "-p", "openstack-ironic", "-o", "json"]).ended(0);
    row.verdict(&ran);
    for (name, id) in lab.lab["nodes"].as_object().expect("nodes") {
        assert!(ran.out.contains(id.as_str().expect("an id")), "{name}: {ran:#?}");
    }
    let nodes = lab.call("GET", "", None)["nodes"].as_array().expect("nodes").len();
    row.truth(format!("{nodes} nodes"));
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn the_same_image_is_installed_again_by_uuid_and_by_name() {
    for (case, reference) in [("by UUID", None), ("by name", Some("name=n1"))] {
        let mut row = Row::begin(&format!("ironic: the same image again, {case}"));
        let lab = Lab::open();
        let (id, program) = (lab.id("n1"), lab.program());
        let (before, image) = (lab.wipes(&id), lab.image(&id));
        let ran = program.run(&order(&["-i", reference.unwrap_or(&id)])).ended(0);
        row.verdict(&ran);
        assert_eq!(ran.verdict(&id), "succeeded");
        assert_eq!((lab.wipes(&id) - before, lab.image(&id)), (1, image));
        row.truth(lab.truth(&id, before));
    }
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn a_new_image_is_put_on_the_record_and_installed_and_the_official_client_sees_it() {
    let mut row = Row::begin("ironic: a new image");
    let lab = Lab::open();
    let (id, program) = (lab.id("n1"), lab.program());
    let image = format!("http://127.0.0.1:9/{}.qcow2", std::process::id());
    let new = ["-i", &id, "--image", &image, "--set", "image_checksum=00ff00ff00ff00ff00ff00ff00ff00ff"];
    let dry = program.run(&order(&[&new[..], &["--dry-run"]].concat())).ended(0).says("PATCH");
    assert_ne!(lab.image(&id), image, "a dry run changes nothing: {dry:#?}");
    let before = lab.wipes(&id);
    let ran = program.run(&order(&new)).ended(0);
    row.verdict(&ran);
    assert_eq!((ran.verdict(&id).as_str(), lab.wipes(&id) - before), ("succeeded", 1));
    assert_eq!(lab.image(&id), image);
    let client = state().join("ironic/venv/bin/baremetal");
    let fields = ["node", "show", "n1", "-f", "json", "--fields", "provision_state", "instance_info"];
    let seen = program.other(&client, &[&["--os-auth-type", "none", "--os-endpoint", lab.url()], &fields[..]].concat());
    let seen: Value = serde_json::from_str(&seen.ended(0).out).expect("JSON");
    assert_eq!((&seen["provision_state"], &seen["instance_info"]["image_source"]), (&json!("active"), &json!(image)));
    row.truth(format!("{}, the new image, also to `baremetal node show`", lab.truth(&id, before)));
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn keys_and_user_data_go_into_the_config_drive_and_a_node_that_was_off_is_started() {
    let mut row = Row::begin("ironic: config drive, a node that is off");
    let lab = Lab::open();
    let (id, program) = (lab.id("n2"), lab.program());
    let keys = program.private("id.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA lab\n");
    let data = program.private("user-data", "#cloud-config\n");
    lab.call("PUT", &format!("{id}/states/power"), Some(&json!({ "target": "power off" })));
    until(|| lab.node(&id)["power_state"] == "power off");
    let before = lab.wipes(&id);
    let keys = format!("public_keys=@{}", keys.display());
    let data = data.display().to_string();
    let ran =
        program.run(&order(&["-i", &id, "--set", &keys, "--user-data", &data, "--hostname", "n2.example"])).ended(0);
    row.verdict(&ran);
    assert_eq!((ran.verdict(&id).as_str(), lab.wipes(&id) - before), ("succeeded", 1));
    let node = lab.node(&id);
    assert!(node["instance_info"]["configdrive"].is_string(), "{node}");
    assert_eq!(node["power_state"], "power on");
    row.truth(format!("{}, config drive, power on", lab.truth(&id, before)));
}

fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "it does not come to that");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn a_ramdisk_that_never_calls_back_is_a_failure_with_its_reason() {
    let lab = Lab::open();
    let (id, program) = (lab.id("mute"), lab.program());
    for case in ["ironic: wait call-back, then deploy failed", "ironic: again from deploy failed"] {
        let mut row = Row::begin(case);
        let before = lab.wipes(&id);
        let ran = program.run(&order(&["-i", &id])).ended(1).says("wait call-back");
        row.verdict(&ran);
        assert_eq!(ran.verdict(&id), "failed");
        assert!(reason(&ran, &id).contains("Timeout reached while waiting for callback"), "{ran:#?}");
        row.truth(lab.truth(&id, before));
    }
    let mut row = Row::begin("ironic: --timeout in a hang, then resume");
    let before = lab.wipes(&id);
    let ran = program.run(&order(&["-i", &id, "--timeout", "4s"]));
    assert_eq!(ran.verdict(&id), "timed_out", "{ran:#?}");
    let run = ran.report()["run"].as_str().expect("a run").to_owned();
    let ran = program.run(&["resume", &run, "-o", "json", "--timeout", "2m"]);
    row.verdict(&ran);
    assert_eq!((ran.verdict(&id).as_str(), lab.wipes(&id) - before), ("failed", 1), "{ran:#?}");
    row.truth(lab.truth(&id, before));
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn what_stands_in_the_way_is_told_apart_and_nothing_is_sent() {
    let lab = Lab::open();
    let set = |path: &str, value: Value| json!([{ "op": "add", "path": path, "value": value }]);
    let n2 = lab.id("n2");
    let reserve = |holder: &str| {
        let python = state().join("ironic/venv/bin/python");
        let database = state().join("ironic/ironic.sqlite");
        let line = format!(
            "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], timeout=30); \
             c.execute('update nodes set reservation=? where uuid=?', [{holder}, sys.argv[2]]); c.commit()"
        );
        let done = Command::new(python).args(["-c", &line]).arg(database).arg(&n2).status().expect("python");
        assert!(done.success());
    };
    for (case, name, says) in [
        ("maintenance", "n4-maintenance", "in maintenance: disk swap"),
        ("available", "n3-available", "in state `available`"),
        ("protected", "n2", "is protected: holds the keys"),
        ("reserved", "n2", "reserved by conductor another-host"),
    ] {
        let mut row = Row::begin(&format!("ironic: {case}"));
        let id = lab.id(name);
        match case {
            "protected" => {
                let both = [set("/protected", json!(true)), set("/protected_reason", json!("holds the keys"))];
                let both: Vec<Value> = both.iter().map(|one| one[0].clone()).collect();
                lab.call("PATCH", &id, Some(&json!(both)));
            }
            "reserved" => reserve("'another-host'"),
            _ => {}
        }
        let (before, image) = (lab.wipes(&id), lab.image(&id));
        let ran = lab.program().run(&order(&["-i", &id, "--image", "http://127.0.0.1:9/other.qcow2"])).ended(5);
        row.verdict(&ran);
        let refused = service::call(
            "PUT",
            &format!("{}/v1/nodes/{id}/states/provision", lab.url()),
            &[("x-openstack-ironic-api-version", "1.48")],
            Some(&json!({ "target": "rebuild" })),
        );
        match case {
            "protected" => drop(lab.call("PATCH", &id, Some(&set("/protected", json!(false))))),
            "reserved" => reserve("None"),
            _ => {}
        }
        assert_eq!(ran.verdict(&id), "skipped");
        assert!(reason(&ran, &id).contains(says), "{ran:#?}");
        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert_eq!((lab.wipes(&id) - before, lab.image(&id)), (0, image), "the record is as it was");
        row.truth(format!("{} to a rebuild, 0 wipes", refused.status));
    }
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn unknown_nodes_and_wrong_passwords_are_told_before_any_order() {
    let lab = Lab::open();
    let mut row = Row::begin("ironic: unknown node");
    let ran = lab.program().run(&order(&["-i", "00000000-0000-0000-0000-00000000dead"])).ended(2);
    row.verdict(&ran.says("no server is known as"));
    let version = [("x-openstack-ironic-api-version", "1.48")];
    let url = format!("{}/v1/nodes/00000000-0000-0000-0000-00000000dead", lab.url());
    let answer = service::call("GET", &url, &version, None);
    assert_eq!(answer.status, 404, "{answer:?}");
    row.truth("404 to a look");

    let basic = Lab::of("ironic-basic");
    let id = basic.id("n1");
    for (case, password, code) in
        [("HTTP basic", "Op3rator!", 0), ("HTTP basic, wrong password", "guess", 6), ("HTTP basic, none", "", 6)]
    {
        let mut row = Row::begin(&format!("ironic: {case}"));
        let before = basic.wipes(&id);
        let mut program = basic.program();
        if !password.is_empty() {
            program.set("OS_AUTH_TYPE", "http_basic").set("OS_USERNAME", "operator").set("OS_PASSWORD", password);
        }
        let ran = program.run(&order(&["-i", &id])).ended(code);
        row.verdict(&ran);
        let wipes = basic.wipes(&id) - before;
        assert_eq!(wipes, usize::from(code == 0));
        row.truth(format!("{wipes} wipe(s)"));
    }
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn two_runs_at_once_wipe_once() {
    let mut row = Row::begin("ironic: two runs at once, two machines");
    let lab = Lab::open();
    let id = lab.id("n2");
    let before = lab.wipes(&id);
    let programs = [lab.program(), lab.program()];
    let images = ["http://127.0.0.1:9/one.qcow2", "http://127.0.0.1:9/two.qcow2"];
    let running: Vec<_> = programs
        .iter()
        .zip(images)
        .map(|(program, image)| program.start(&order(&["-i", &id, "--image", image])))
        .collect();
    let ran: Vec<Ran> = running.into_iter().map(ended_of).collect();
    let verdicts: Vec<String> = ran.iter().map(|ran| ran.verdict(&id)).collect();
    row.verdict(ran.iter().find(|ran| ran.verdict(&id) != "succeeded").unwrap_or(&ran[0]));
    let won = verdicts.iter().filter(|verdict| *verdict == "succeeded").count();
    assert_eq!((won, lab.wipes(&id) - before), (1, 1), "{verdicts:?}");
    row.truth(lab.truth(&id, before));
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn a_killed_run_is_resumed_and_wipes_once() {
    let mut row = Row::begin("ironic: kill -9 and resume");
    let lab = Lab::open();
    let (id, program) = (lab.id("mute"), lab.program());
    let before = lab.wipes(&id);
    let new = ["-i", &id, "--image", "http://127.0.0.1:9/again.qcow2", "-y", "-o", "jsonl"];
    let mut child = program.start(&[&PRODUCT[..], &new[..]].concat());
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let accepted = lines.find_map(|line| {
        let event: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        (event["event"] == "order_accepted").then_some(event)
    });
    child.kill().expect("killed");
    child.wait().expect("its end");
    let run = accepted.expect("an order")["run"].as_str().expect("a run").to_owned();
    let ran = program.run(&["resume", &run, "-o", "json"]);
    row.verdict(&ran);
    assert_eq!((ran.verdict(&id).as_str(), lab.wipes(&id) - before), ("failed", 1), "{ran:#?}");
    row.truth(lab.truth(&id, before));
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn ten_nodes_in_one_call_are_wiped_once_each() {
    let mut row = Row::begin("ironic: ten nodes in one call, a new image");
    let lab = Lab::open();
    let ids: Vec<String> = (0..FLEET).map(|number| lab.id(&format!("fleet-{number}"))).collect();
    let before: Vec<usize> = ids.iter().map(|id| lab.wipes(id)).collect();
    let ran = lab.program().run(&order(&["-i", &ids.join(","), "--image", "http://127.0.0.1:9/fleet.qcow2"])).ended(0);
    row.verdict(&ran);
    for (id, before) in ids.iter().zip(before) {
        assert_eq!((ran.verdict(id).as_str(), lab.wipes(id) - before), ("succeeded", 1), "{id}");
        assert_eq!(lab.image(id), "http://127.0.0.1:9/fleet.qcow2", "{id}");
    }
    row.truth("active x10, 1 wipe each");
}
