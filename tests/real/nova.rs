//! `openstack` against a real Nova with its fake hypervisor: verdicts against what Nova tells.

use crate::cloud::Cloud;
use crate::program::{Program, Ran, ended_of};
use crate::{Row, state};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::thread::sleep;
use std::time::Duration;

/// A call for these servers, JSON on standard output.
fn order<'a>(servers: &'a str, image: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["-p", "openstack", "-i", servers, "--image", image, "--no-login", "-y"];
    all.extend(["--poll-interval", "1s"]);
    if !more.contains(&"-o") {
        all.extend(["-o", "json"]);
    }
    all.extend(more);
    all
}

/// Runs one and holds the number of wipes that Nova counts.
fn wiped(cloud: &Cloud, program: &Program, row: &mut Row, call: &[&str], id: &str, wipes: usize) -> Ran {
    let before = cloud.wipes(id);
    let ran = program.run(call);
    row.verdict(&ran);
    assert_eq!(cloud.wipes(id) - before, wipes, "{ran:#?}");
    ran
}

/// Starts a call with events on standard output and waits for one of them.
fn until(program: &Program, call: &[&str], event: &str) -> std::process::Child {
    let mut child = program.start(call);
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    while lines.read_line(&mut line).expect("a line") > 0 {
        let told: Value = serde_json::from_str(&line).expect("JSON");
        if told["event"] == event {
            return child;
        }
        line.clear();
    }
    panic!("it ended before `{event}`: {:?}", ended_of(child));
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_running_server_runs_again_and_the_official_client_sees_what_is_reported() {
    let mut row = Row::begin("nova: from ACTIVE, image by name");
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("web1"), cloud.program());
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=ubuntu-24.04", &[]), &id, 1).ended(0);
    let target = ran.target(&id);
    assert_eq!(target["verdict"], "succeeded");
    assert!(target["proof"].as_str().is_some_and(|proof| proof.starts_with("job:req-")), "{target}");
    let actions = cloud.nova("GET", &format!("/servers/{id}/os-instance-actions"), None).good().body;
    assert_eq!(actions["instanceActions"][0]["request_id"], target["ticket"], "the proof is Nova's own request id");
    let client = state().join("client/bin/openstack");
    let shown = program.other(&client, &["server", "show", &id, "-f", "json"]).ended(0);
    let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!(shown["status"], target["last"]["status"]);
    let image = target["last"]["image"].as_str().expect("an image");
    assert!(shown["image"].as_str().is_some_and(|text| text.contains(image)), "{shown}");
    assert_eq!(cloud.versions_asked(&id).last().map(String::as_str), Some("2.1"), "nothing newer was wished for");
    row.truth(format!("{}, 1 wipe; `openstack server show` agrees; microversion 2.1", cloud.status(&id)));
    let mut row = Row::begin("nova: from ACTIVE, image left out");
    let before = cloud.server(&id)["image"]["id"].clone();
    let call = ["-p", "openstack", "-i", &id, "--no-login", "-y", "-o", "json", "--poll-interval", "1s"];
    let ran = wiped(&cloud, &program, &mut row, &call, &id, 1).ended(0);
    assert_eq!(ran.verdict(&id), "succeeded");
    assert_eq!(cloud.server(&id)["image"]["id"], before);
    row.truth(format!("{}, 1 wipe, the same image", cloud.status(&id)));
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn every_field_of_the_wish_reaches_the_server() {
    let mut row = Row::begin("nova: key, user data, names, metadata, other fields");
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("farm-6"), cloud.program());
    let data = program.private("data", "#cloud-config\n");
    let image = cloud.image("debian-12");
    let call = format!(
        "-p openstack -i {id} --image {image} -y -o json --poll-interval 1s --user-data {} --ssh-key ops-key \
         --hostname fresh.example.org --set name=fresh --set description=new --set OS-DCF:diskConfig=MANUAL \
         --set metadata={{\"role\":\"db\"}}",
        data.display()
    );
    let call: Vec<&str> = call.split(' ').collect();
    wiped(&cloud, &program, &mut row, &call, &id, 1).ended(0);
    let server = cloud.server(&id);
    assert_eq!(server["name"], "fresh");
    assert_eq!(server["OS-EXT-SRV-ATTR:hostname"], "fresh.example.org");
    assert_eq!(server["metadata"], json!({ "role": "db" }));
    assert_eq!(server["description"], "new");
    assert_eq!(server["key_name"], "ops-key");
    assert_eq!(server["OS-DCF:diskConfig"], "MANUAL");
    assert_eq!(server["OS-EXT-SRV-ATTR:user_data"], "I2Nsb3VkLWNvbmZpZwo=");
    assert_eq!(cloud.versions_asked(&id).last().map(String::as_str), Some("2.94"), "a host name with dots");
    row.truth("all of them are on the server; microversion 2.94");
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_server_that_was_off_stays_off_or_is_started_as_wished() {
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("web2"), cloud.program());
    let mut row = Row::begin("nova: from SHUTOFF, --power-on never");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=ubuntu-24.04", &["--power-on", "never"]), &id, 1);
    assert_eq!(ran.ended(0).verdict(&id), "succeeded");
    assert_eq!(cloud.status(&id), "SHUTOFF");
    row.truth("SHUTOFF, 1 wipe");
    let mut row = Row::begin("nova: from SHUTOFF, --power-on auto");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=debian-12", &["--power-on", "auto"]), &id, 1);
    assert_eq!(ran.ended(0).verdict(&id), "succeeded");
    assert_eq!(cloud.status(&id), "ACTIVE");
    row.truth("ACTIVE, 1 wipe");
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_failing_image_is_a_failure_and_the_server_can_be_rebuilt_from_error() {
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("web4"), cloud.program());
    let mut row = Row::begin("nova: an image that fails");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=broken-image", &[]), &id, 1).ended(1);
    let (target, server) = (ran.target(&id), cloud.server(&id));
    assert_eq!((target["verdict"].as_str(), server["status"].as_str()), (Some("failed"), Some("ERROR")));
    // An administrator reads more of it than a plain user.
    let fault = server["fault"]["message"].as_str().expect("a fault");
    let told = target["error"]["message"].as_str().expect("a message");
    assert!(fault.contains(told) || told.contains(fault), "`{told}` and `{fault}`");
    row.truth(format!("ERROR, 1 wipe, fault `{fault}`"));
    let mut row = Row::begin("nova: from ERROR");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=debian-12", &[]), &id, 1).ended(0);
    assert_eq!((ran.verdict(&id).as_str(), cloud.status(&id).as_str()), ("succeeded", "ACTIVE"));
    row.truth("ACTIVE, 1 wipe");
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_slow_image_outlives_its_token() {
    let cloud = Cloud::open();
    let _short = cloud.tokens_of(40);
    let mut row = Row::begin("nova: a slow image, tokens of 40 s");
    let (id, program) = (cloud.id("web1"), cloud.program());
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=slow-rocky-9", &["-vv"]), &id, 1).ended(0);
    assert_eq!((ran.verdict(&id).as_str(), cloud.status(&id).as_str()), ("succeeded", "ACTIVE"));
    let signed_in = ran.err.matches("POST /v3/auth/tokens: ").count();
    assert!(signed_in > 1, "{ran:#?}");
    row.truth(format!("ACTIVE, 1 wipe; {signed_in} sign-ins"));
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn tokens_that_are_revoked_in_the_wait_are_renewed() {
    let mut row = Row::begin("nova: every token revoked in the wait (401)");
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("farm-7"), cloud.program());
    let before = cloud.wipes(&id);
    let mut child = program.start(&order(&id, "name=slow-rocky-9", &["-o", "jsonl", "-vv"]));
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let accepted = |line: &std::io::Result<String>| line.as_ref().is_ok_and(|line| line.contains("order_accepted"));
    assert!(lines.by_ref().any(|line| accepted(&line)), "{:?}", ended_of(child));
    sleep(Duration::from_secs(3));
    // A password that is set anew ends every token of the user, even to the same one.
    let body = json!({ "user": { "password": cloud.text("password") } });
    cloud.keystone("PATCH", &format!("/users/{}", cloud.text("user_id")), Some(&body)).good();
    let report = lines.map(|line| line.expect("a line")).last().expect("a report");
    let ran = Ran { out: report, ..ended_of(child) };
    row.verdict(&ran);
    let (refused, told) = (ran.err.contains("-> 401"), ran.err.clone());
    assert_eq!(ran.ended(0).verdict(&id), "succeeded");
    assert_eq!(cloud.wipes(&id) - before, 1);
    assert!(refused, "no 401 was met: {told}");
    row.truth(format!("{}, 1 wipe", cloud.status(&id)));
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_rebuild_that_hangs_is_never_a_success() {
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("web5"), cloud.program());
    let mut row = Row::begin("nova: the machine is lost under the rebuild");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=lost-image", &[]), &id, 1).ended(1);
    assert_eq!(ran.verdict(&id), "failed");
    row.truth(format!("{}, 1 wipe", cloud.status(&id)));
    let mut row = Row::begin("nova: a rebuild that hangs, --timeout 20s");
    let call = order(&id, "name=debian-12", &["--timeout", "20s"]);
    let ran = wiped(&cloud, &program, &mut row, &call, &id, 1).ended(3);
    assert_eq!(ran.verdict(&id), "timed_out");
    let status = cloud.status(&id);
    assert!(status.starts_with("REBUILD/"), "{status}");
    row.truth(format!("{status}, 1 wipe"));
    // What is stuck is busy for the next one.
    let mut row = Row::begin("nova: again while it hangs");
    let ran = wiped(&cloud, &program, &mut row, &call, &id, 0).ended(5);
    assert_eq!(ran.verdict(&id), "skipped");
    row.truth("0 wipes");
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn locked_and_busy_servers_are_told_apart_and_left_alone() {
    let cloud = Cloud::open();
    let program = cloud.program();
    let mut row = Row::begin("nova: a locked server");
    let id = cloud.id("web3");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=ubuntu-24.04", &[]), &id, 0).ended(5);
    let error = ran.target(&id)["error"].clone();
    assert_eq!((ran.verdict(&id).as_str(), error["kind"].as_str()), ("skipped", Some("locked")));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("change freeze")), "{error}");
    row.truth(format!("locked: {}, 0 wipes", cloud.server(&id)["locked"]));
    let mut row = Row::begin("nova: a busy server");
    let id = cloud.id("farm-8");
    cloud.rebuild(&id, "slow-rocky-9");
    let ran = wiped(&cloud, &program, &mut row, &order(&id, "name=ubuntu-24.04", &[]), &id, 0).ended(5);
    assert_eq!(ran.verdict(&id), "skipped");
    assert_ne!(ran.target(&id)["error"]["kind"], "locked");
    row.truth(format!("{}, 0 wipes of ours", cloud.status(&id)));
    cloud.rests(&id, &["ACTIVE"]);
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn two_runs_at_once_wipe_once() {
    let cloud = Cloud::open();
    let id = cloud.id("farm-9");
    let mut row = Row::begin("nova: two runs at once on one machine");
    let (program, before) = (cloud.program(), cloud.wipes(&id));
    let call = order(&id, "name=slow-rocky-9", &[]);
    let (one, two) = (program.start(&call), program.start(&call));
    let rans = [ended_of(one), ended_of(two)];
    row.verdicts(&rans);
    let good = rans.iter().filter(|ran| ran.code == Some(0)).count();
    assert_eq!((good, cloud.wipes(&id) - before), (1, 1), "{rans:#?}");
    assert!(rans.iter().any(|ran| ran.code == Some(5)), "{rans:#?}");
    row.truth(format!("{}, 1 wipe", cloud.status(&id)));
    // On a busy machine a plan may fail before any order: then neither has met the other, and they try again.
    for last in [false, false, true] {
        let mut row = Row::begin("nova: two runs at once on two machines");
        let (here, there, before) = (cloud.program(), cloud.program(), cloud.wipes(&id));
        let (one, two) = (here.start(&call), there.start(&call));
        let rans = [ended_of(one), ended_of(two)];
        row.verdicts(&rans);
        let (good, wipes) = (rans.iter().filter(|ran| ran.code == Some(0)).count(), cloud.wipes(&id) - before);
        assert!(good <= 1 && good == wipes && (wipes == 1 || !last), "{wipes} wipes: {rans:#?}");
        row.truth(format!("{}, {wipes} wipe", cloud.status(&id)));
        if wipes == 1 {
            break;
        }
    }
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_killed_run_is_resumed_without_a_second_wipe() {
    let mut row = Row::begin("nova: kill -9 in the wait, then resume");
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("farm-10"), cloud.program());
    let before = cloud.wipes(&id);
    let mut child = until(&program, &order(&id, "name=slow-rocky-9", &["-o", "jsonl"]), "order_accepted");
    child.kill().expect("killed");
    child.wait().expect("its end");
    let ran = program.run(&["resume", "-o", "json"]);
    row.verdict(&ran);
    assert_eq!(ran.ended(0).verdict(&id), "succeeded");
    assert_eq!(cloud.wipes(&id) - before, 1);
    row.truth(format!("{}, 1 wipe", cloud.status(&id)));
    let mut row = Row::begin("nova: kill -9 with the order on its way, then resume");
    let before = cloud.wipes(&id);
    let mut child = until(&program, &order(&id, "name=slow-rocky-9", &["-o", "jsonl"]), "order_intent");
    child.kill().expect("killed");
    child.wait().expect("its end");
    let ran = program.run(&["resume", "-o", "json", "--start-window", "10s"]);
    row.verdict(&ran);
    let wipes = cloud.wipes(&id) - before;
    assert!(wipes <= 1, "{ran:#?}");
    // The request may have been cut off before it was read: then nobody can know that, and it is not sent again.
    let verdict = ran.verdict(&id);
    assert_eq!(verdict, if wipes == 1 { "succeeded" } else { "unverified" }, "{ran:#?}");
    row.truth(format!("{}, {wipes} wipe", cloud.status(&id)));
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn ten_servers_in_one_call_are_wiped_once_each() {
    let mut row = Row::begin("nova: ten servers in one call");
    let cloud = Cloud::open();
    let program = cloud.program();
    let ids: Vec<String> = (1..=10).map(|number| cloud.id(&format!("farm-{number}"))).collect();
    let before: Vec<usize> = ids.iter().map(|id| cloud.wipes(id)).collect();
    // At the program's own pace: one every second for each would be more than this small cloud can answer.
    let ids_text = ids.join(",");
    let call = ["-p", "openstack", "-i", &ids_text, "--image", "name=ubuntu-24.04", "--no-login", "-y", "-o", "json"];
    let ran = program.run(&call);
    row.verdict(&ran);
    let ran = ran.ended(0);
    for (id, before) in ids.iter().zip(before) {
        assert_eq!((ran.verdict(id).as_str(), cloud.wipes(id) - before), ("succeeded", 1), "{id}");
        assert_eq!(cloud.server(id)["image"]["id"], cloud.image("ubuntu-24.04").as_str());
        assert_eq!(cloud.status(id), "ACTIVE");
    }
    row.truth("10 ACTIVE with the new image, 10 wipes");
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn wishes_that_cannot_be_are_refused_before_any_order() {
    let cloud = Cloud::open();
    let program = cloud.program();
    let (web, volume) = (cloud.id("web1"), cloud.id("volume"));
    let cases: [(&str, &str, Vec<&str>, i32, &str); 6] = [
        ("no image of that name", &web, vec!["--image", "name=nope"], 2, "debian-12"),
        ("two images of that name", &web, vec!["--image", "name=twin"], 2, "several images"),
        (
            "no image of that id",
            &web,
            vec!["--image", "00000000-0000-0000-0000-00000000dead"],
            2,
            "there is no active image",
        ),
        ("no key pair of that name", &web, vec!["--image", "name=debian-12", "--ssh-key", "absent"], 2, "ops-key"),
        ("a volume without --image", &volume, vec![], 2, "boots from a volume"),
        ("no such server", "00000000-0000-0000-0000-00000000dead", vec![], 2, "00000000-0000-0000-0000-00000000dead"),
    ];
    for (case, id, more, code, says) in cases {
        let mut row = Row::begin(&format!("nova: {case}"));
        let known = id == web || id == volume;
        let before = if known { cloud.wipes(id) } else { 0 };
        let login: &[&str] = if more.contains(&"--ssh-key") { &[] } else { &["--no-login"] };
        let call = [&["-p", "openstack", "-i", id, "-y", "-o", "json"][..], login, &more].concat();
        let ran = program.run(&call);
        row.verdict(&ran);
        ran.ended(code).says(says);
        let wipes = if known { cloud.wipes(id) - before } else { 0 };
        assert_eq!(wipes, 0);
        row.truth("0 wipes");
    }
}
