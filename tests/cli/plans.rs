//! Dry runs: they read, show each request with its secrets hidden, and every option reaches the provider's field.

use crate::bench::{BMC, Bench, CLOUDDC, ECS, JDCLOUD, PASSWORD, PRODUCTS, Product, ZEC};
use serde_json::{Value, json};

/// The requests of a dry run for the ready server.
fn requests(bench: &Bench, product: Product, more: &[&str]) -> Vec<Value> {
    let mut call = vec!["-p", product.id, "-i", product.ready, "--dry-run", "-o", "json"];
    call.extend(more);
    let ran = bench.run(&call).ended(0);
    assert_eq!(bench.sandbox().changes(), [], "a dry run changed something");
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD), "{ran:#?}");
    assert_eq!(ran.json()["dry_run"], true);
    ran.json()["targets"][0]["requests"].as_array().expect("requests").clone()
}

/// The body of the order.
fn body(bench: &Bench, product: Product, more: &[&str]) -> Value {
    requests(bench, product, more).last().expect("the order")["body"].clone()
}

/// Whether a value stands anywhere in the document under this key.
fn has(document: &Value, key: &str, value: &Value) -> bool {
    match document {
        Value::Object(map) => map.iter().any(|(own, found)| (own == key && found == value) || has(found, key, value)),
        Value::Array(list) => list.iter().any(|found| has(found, key, value)),
        _ => false,
    }
}

#[track_caller]
fn sent(document: &Value, key: &str, value: Value) {
    assert!(has(document, key, &value), "`{key}` is not {value} in {document:#}");
}

#[test]
fn a_dry_run_only_reads_and_hides_the_password() {
    for product in PRODUCTS {
        let bench = Bench::new();
        let password = bench.password();
        let list = requests(&bench, product, &[&password[0], &password[1]]);
        let order = list.last().expect("the order");
        assert!(order["url"].as_str().is_some_and(|url| url.starts_with(&bench.sandbox().url)), "{order}");
        assert!(order["headers"].as_array().is_some_and(|names| names.contains(&json!("authorization"))), "{order}");
        assert!(order["body"].to_string().contains("***"), "{order}");
        // For people it is the same.
        let ran = bench.run(&["-p", product.id, "-i", product.ready, "--dry-run", &password[0], &password[1]]).ended(0);
        assert!(ran.out.contains("***") && !ran.out.contains(PASSWORD), "{}", ran.out);
        assert!(ran.err.contains(product.ready), "{}", ran.err);
        assert_eq!(bench.sandbox().changes(), []);
    }
}

#[test]
fn a_dry_run_shows_the_stop_before_the_order() {
    let bench = Bench::new();
    let password = bench.password();
    let call = ["-p", ZEC.id, "-i", "zec-demo-1", "--dry-run", "-o", "json", &password[0], &password[1]];
    let report = bench.run(&call).ended(0).json();
    assert_eq!(report["targets"][0]["requests"].as_array().expect("requests").len(), 2, "{report:#}");
    let ran = bench.run(&[&call[..], &["--power-off", "never"]].concat()).ended(5);
    assert_eq!(ran.verdicts(), ["skipped"]);
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn a_dry_run_leaves_no_journal_no_claim_and_no_password_file() {
    let bench = Bench::new();
    requests(&bench, BMC, &["--generate-password", "made.jsonl"]);
    let made = std::fs::read_to_string(bench.path("made.jsonl")).unwrap_or_default();
    assert_eq!(made, "", "no password was made for nothing");
    assert_eq!(crate::bench::files(&bench.state()), Vec::<std::path::PathBuf>::new());
    let runs = bench.run(&["runs", "-o", "json"]).ended(0).json();
    assert_eq!(runs["runs"], json!([]));
}

#[test]
fn options_of_jdcloud_reach_its_fields() {
    let bench = Bench::new();
    let [flag, file] = bench.password();
    let given = |more: &[&str]| body(&bench, JDCLOUD, &[&[flag.as_str(), file.as_str()], more].concat());
    sent(&given(&[]), "keepData", json!("yes"));
    sent(&given(&["--keep-data"]), "keepData", json!("yes"));
    sent(&given(&["--wipe-data"]), "keepData", json!("no"));
    sent(&given(&["--hostname", "web-7"]), "hostname", json!("web-7"));
    sent(&given(&["--image", "os-demo-debian12"]), "osTypeId", json!("os-demo-debian12"));
    sent(&given(&["--image", "name=Debian 12(x86_64)"]), "osTypeId", json!("os-demo-debian12"));
    sent(&given(&["--ssh-key", "name=ops"]), "keypairId", json!("key-demo-ops"));
    sent(&given(&["--ssh-key", "key-demo-ci"]), "keypairId", json!("key-demo-ci"));
    sent(&given(&["--set", "sysRaidTypeId=raid-demo-sys0"]), "sysRaidTypeId", json!("raid-demo-sys0"));
    bench.private("boot.sh", "#!/bin/sh\necho MARKER\n");
    let with_data = given(&["--user-data", "boot.sh"]);
    assert!(with_data.to_string().contains("userData") && !with_data.to_string().contains("MARKER"), "{with_data:#}");
}

#[test]
fn options_of_zenlayer_reach_its_fields() {
    let bench = Bench::new();
    let (none, key) = ("--no-login", ["--ssh-key", "key-SbxOps01"]);
    sent(&body(&bench, BMC, &[none, "--hostname", "web-7"]), "hostname", json!("web-7"));
    let debian = "5ab1c0de-0003-4bbf-a5c8-b95a193b1603";
    sent(&body(&bench, BMC, &[none, "--image", "name=Debian 12"]), "imageId", json!(debian));
    sent(&body(&bench, BMC, &["--ssh-key", "name=ops"]), "keyId", json!("key-SbxOps01"));
    let raid = body(&bench, BMC, &[none, "--set", r#"raidConfig={"raidType":5}"#]);
    sent(&raid, "raidType", json!(5));
    bench.private("raid.json", r#"{"raidType":10}"#);
    sent(&body(&bench, BMC, &[none, "--set", "raidConfig=@raid.json"]), "raidType", json!(10));
    sent(&body(&bench, ZEC, &[key[0], key[1], "--set", "timezone=Europe/Berlin"]), "timezone", json!("Europe/Berlin"));
    sent(&body(&bench, ZEC, &[key[0], key[1], "--set", "enableAgent=false"]), "enableAgent", json!(false));
    sent(&body(&bench, ZEC, &["--ssh-key", "key-SbxOps01"]), "keyId", json!("key-SbxOps01"));
}

#[test]
fn options_of_huawei_reach_its_fields() {
    let bench = Bench::new();
    let password = bench.password();
    let [flag, file] = [password[0].as_str(), password[1].as_str()];
    let debian = "5a0db0c5-1a6e-4000-8000-000000000002";
    sent(&body(&bench, ECS, &[flag, file, "--image", "name=Debian 12.0.0 64bit"]), "imageid", json!(debian));
    sent(&body(&bench, ECS, &["--ssh-key", "KeyPair-ops"]), "keyname", json!("KeyPair-ops"));
    sent(&body(&bench, ECS, &["--ssh-key", "name=KeyPair-ops"]), "keyname", json!("KeyPair-ops"));
    let euler = "5a0db0c5-1a6e-4000-8000-000000000012";
    let order = body(&bench, CLOUDDC, &[flag, file, "--image", "name=metal-euler-22.03"]).to_string();
    assert!(order.contains(euler), "{order}");
}

#[test]
fn a_name_that_is_not_unique_or_not_known_is_an_error_that_lists_what_it_could_be() {
    let bench = Bench::new();
    let password = bench.password();
    let [flag, file] = [password[0].as_str(), password[1].as_str()];
    for (product, more, code) in [
        (ECS, ["--image", "name=twin"], [2, 5]),
        (BMC, ["--image", "name=Nothing 1.0"], [2, 5]),
        (JDCLOUD, ["--ssh-key", "name=ci"], [2, 5]),
        (JDCLOUD, ["--image", "os-nowhere"], [2, 5]),
    ] {
        let mut call = vec!["-p", product.id, "-i", product.ready, "-y", "-o", "json"];
        if product.id != BMC.id {
            call.extend([flag, file]);
        } else {
            call.push("--no-login");
        }
        call.extend(more);
        let ran = bench.run(&call);
        assert!(ran.code.is_some_and(|own| code.contains(&own)), "{more:?}: {ran:#?}");
        let value = more[1].trim_start_matches("name=");
        assert!(ran.err.contains(value), "{ran:#?}");
        assert_eq!(bench.sandbox().changes(), []);
    }
}
