//! Hetzner Cloud through the program: lists over several pages, credentials, and what is refused before any order.

use crate::bench::{Bench, Ran};
use crate::returned::HETZNER;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

const WEB: &str = HETZNER.servers[0];
const DB: &str = HETZNER.servers[1];
const READS_ALONE: &str = "SANDBOXhetznerReads0123456789abcdefSANDBOXhetznerReads0123456789";

fn token(bench: &Bench) -> String {
    let found = bench.sandbox().credentials.iter().find(|(name, _)| name == "HCLOUD_TOKEN");
    found.expect("a token").1.clone()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.secret(&token(&bench));
    bench.secret(READS_ALONE);
    bench
}

fn order(bench: &Bench, servers: &[&str], more: &[&str]) -> Ran {
    let servers = servers.join(",");
    bench.run(&[&["-p", HETZNER.id, "-i", &servers, "--no-login", "-y", "-o", "json"], more].concat())
}

/// Calls the provider's interface as somebody else would.
fn post(bench: &Bench, path: &str, body: &Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(bench.sandbox().address()).expect("a connection");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        token(bench),
        body.len()
    )
    .expect("the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn images_are_read_over_all_pages_as_table_and_json() {
    let bench = bench();
    let told = bench.run(&["images", "-p", HETZNER.id, "-o", "json"]).ended(0).json();
    let rows = told["images"].as_array().expect("images").clone();
    assert!(rows.len() > 50, "{}", rows.len());
    assert_eq!(bench.sandbox().arrived(), 2, "two pages");
    let names = |rows: &[Value], name: &str| rows.iter().filter(|row| row["name"] == name).count();
    assert_eq!((names(&rows, "debian-12"), names(&rows, "golden")), (2, 1));
    // What cannot be installed, or is to go away, is not offered.
    assert_eq!((names(&rows, "nightly"), names(&rows, "debian-11")), (0, 0));
    let table = bench.run(&["images", "-p", HETZNER.id]).ended(0).out;
    assert_eq!(table.lines().count(), rows.len() + 1, "{table}");
    assert!(table.lines().any(|line| line.contains("114690389") && line.contains("debian 12") && line.contains("arm")));
    let told = bench.run(&["images", "-p", HETZNER.id, "-i", "name=db-1", "-o", "json"]).ended(0).json();
    let rows = told["images"].as_array().expect("images").clone();
    assert!(rows.len() > 20 && rows.iter().all(|row| row["offered_for"] == "arm"), "{rows:?}");
}

#[test]
fn servers_keys_and_the_check_are_told_as_table_and_json() {
    let bench = bench();
    let told = bench.run(&["list", "-p", HETZNER.id, "-o", "json"]).ended(0).json();
    let ids: Vec<_> = told["servers"].as_array().expect("servers").iter().map(|row| row["instance"].clone()).collect();
    assert_eq!(ids, HETZNER.servers);
    let table = bench.run(&["list", "-p", HETZNER.id]).ended(0).out;
    assert!(table.contains("web-1") && table.contains("cax11") && table.contains("ubuntu-22.04"), "{table}");
    let told = bench.run(&["keys", "-p", HETZNER.id, "-o", "json"]).ended(0).json();
    assert_eq!((&told["keys"][0]["id"], &told["keys"][1]["name"]), (&json!("2323001"), &json!("deploy")));
    assert_eq!(bench.run(&["keys", "-p", HETZNER.id]).ended(0).out.lines().count(), 3);
    let check = bench.run(&["check", "-p", HETZNER.id]).ended(0);
    assert!(check.out.contains("token: from variable HCLOUD_TOKEN"), "{check:#?}");
    assert!(check.out.contains("one read: fine, 3 servers"), "{check:#?}");
    assert!(!check.out.contains(&token(&bench)), "{check:#?}");
}

#[test]
fn a_wrong_token_is_told_before_any_order_and_a_reading_one_at_the_first() {
    let mut bench = bench();
    bench.set("HCLOUD_TOKEN", &"x".repeat(64));
    let ran = order(&bench, &[WEB], &[]).ended(6);
    assert!(ran.err.contains("unauthorized") && ran.err.contains("next:"), "{ran:#?}");
    assert_eq!(bench.sandbox().orders(), 0);
    bench.set("HCLOUD_TOKEN", READS_ALONE);
    let ran = order(&bench, &[WEB, DB], &["--concurrency", "1"]);
    let report = ran.json();
    let error = &report["targets"][0]["error"];
    assert_eq!((&report["targets"][0]["verdict"], &error["code"]), (&json!("rejected"), &json!("token_readonly")));
    assert!(error["next_step"].as_str().expect("a step").contains("read and write"), "{error}");
    // The next one would be refused as well.
    assert_eq!((&report["targets"][1]["verdict"], bench.sandbox().orders()), (&json!("not_started"), 1));
    assert_eq!(HETZNER.servers.map(|id| bench.sandbox().wiped(id)), [0, 0, 0]);
}

#[test]
fn a_context_of_the_own_file_is_taken_and_an_unknown_one_is_told_with_those_that_there_are() {
    let mut bench = bench();
    let path = bench.artefacts().path().join("home/.config/hcloud/cli.toml");
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let context = |name: &str, token: &str| format!("[[contexts]]\n  name = \"{name}\"\n  token = \"{token}\"\n");
    let text =
        format!("active_context = \"old\"\n{}{}", context("old", &"y".repeat(64)), context("prod", &token(&bench)));
    fs::write(&path, text).expect("the file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode");
    bench.artefacts().given(&path);
    bench.unset("HCLOUD_TOKEN");
    order(&bench, &[WEB], &["--dry-run"]).ended(6);
    let ran = order(&bench, &[WEB], &["--profile", "staging", "--dry-run"]).ended(6);
    assert!(ran.err.contains("it has no context `staging`; it has: old, prod"), "{ran:#?}");
    let ran = order(&bench, &[WEB], &["--profile", "prod", "--dry-run"]).ended(0);
    assert!(ran.err.contains("context prod"), "{ran:#?}");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode");
    let ran = order(&bench, &[WEB], &["--profile", "prod", "--dry-run"]).ended(6);
    assert!(ran.err.contains("cli.toml"), "{ran:#?}");
}

#[test]
fn an_image_that_is_not_there_or_does_not_fit_is_refused_before_any_order() {
    let bench = bench();
    for (server, image, cause) in [
        (WEB, "name=debian-99", "there is no image `debian-99` for this server"),
        (WEB, "debian-99", "there is no image `debian-99` for this server"),
        (WEB, "7", "there is no image `7` for this server"),
        (DB, "name=ubuntu-22.04", "there is no image `ubuntu-22.04` for this server"),
        (DB, "114690387", "image 114690387 is for x86, and the server is arm"),
        (WEB, "90000002", "image 90000002 is creating"),
        (WEB, "90000003", "image 90000003 needs a disk of 320 GB, and the server's has 40 GB"),
    ] {
        let ran = order(&bench, &[server], &["--image", image]).ended(2);
        assert!(ran.err.contains(cause), "{image}: {ran:#?}");
        assert!(ran.err.contains("next: `reinstall images --instance ID` lists those"), "{image}: {ran:#?}");
    }
    assert_eq!(bench.sandbox().orders(), 0);
}

#[test]
fn a_protected_server_is_a_persons_word_and_a_locked_one_is_busy() {
    let bench = bench();
    post(&bench, "/v1/servers/471101/actions/change_protection", &json!({ "rebuild": true }));
    let ran = order(&bench, &[WEB], &[]).ended(5);
    let target = ran.json()["targets"][0].clone();
    assert_eq!((&target["verdict"], &target["error"]["kind"]), (&json!("skipped"), &json!("protected")));
    assert!(target["error"]["next_step"].as_str().expect("a step").contains("disable-protection"), "{target}");
    post(&bench, "/v1/servers/471101/actions/change_protection", &json!({ "rebuild": false }));
    // Somebody else's rebuild is under way.
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 6000 }));
    post(&bench, "/v1/servers/471101/actions/rebuild", &json!({ "image": "debian-12" }));
    while !bench.run(&["list", "-p", HETZNER.id]).ended(0).out.contains("rebuilding") {}
    let ran = order(&bench, &[WEB], &[]).ended(5);
    let target = ran.json()["targets"][0].clone();
    assert_eq!((&target["verdict"], &target["error"]["kind"]), (&json!("skipped"), &json!("busy")));
    let ran = bench.run(&["wait", "-p", HETZNER.id, "-i", WEB, "-o", "json"]).ended(0);
    assert_eq!(ran.verdicts(), ["succeeded"]);
    // An action that began between the look and the order.
    bench.sandbox().order_fault("wrong_state");
    let ran = order(&bench, &[DB], &[]).ended(1);
    let target = ran.json()["targets"][0].clone();
    assert_eq!((&target["verdict"], &target["error"]["code"]), (&json!("rejected"), &json!("locked")));
    assert_eq!((bench.sandbox().wiped(WEB), bench.sandbox().wiped(DB)), (1, 0));
}

#[test]
fn an_order_over_the_rate_limit_comes_again_when_the_headers_allow() {
    let bench = bench();
    bench.sandbox().order_fault("throttle");
    let ran = order(&bench, &[WEB], &[]).ended(0);
    assert_eq!(
        (ran.verdicts(), bench.sandbox().orders(), bench.sandbox().wiped(WEB)),
        (vec!["succeeded".to_owned()], 2, 1)
    );
}

#[test]
fn a_failed_rebuild_is_told_in_the_providers_words_and_by_its_action() {
    let bench = bench();
    bench.sandbox().order_fault("fail_install");
    let ran = order(&bench, &[WEB], &[]).ended(1);
    let target = ran.json()["targets"][0].clone();
    assert_eq!((&target["verdict"], &target["error"]["code"]), (&json!("failed"), &json!("action_failed")));
    let proof = target["proof"].as_str().expect("a proof");
    assert_eq!(proof, format!("job:{}", target["ticket"].as_str().expect("a ticket")));
}
