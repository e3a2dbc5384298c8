//! `reinstall sign` as its users run it: every test vector of every provider, through the binary.

use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[path = "artefacts/mod.rs"]
mod artefacts;

/// Runs `reinstall sign` with nothing in its environment but these variables.
fn sign(variables: &[(&str, &str)], asked: &Value) -> Output {
    let home = artefacts::Artefacts::new("sign");
    for (name, value) in variables {
        // Tokens stand on the request as they are; `headers` shows them.
        if ["SECRET_ACCESS_KEY", "KEY_SECRET", "_SK"].iter().any(|end| name.ends_with(end)) {
            home.secret(value);
        }
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_reinstall"))
        .arg("sign")
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    child.stdin.take().expect("its input").write_all(asked.to_string().as_bytes()).expect("its input");
    let output = child.wait_with_output().expect("its end");
    home.keep("out", &output.stdout);
    home.keep("err", &output.stderr);
    output
}

fn signed(variables: &[(&str, &str)], asked: &Value) -> Value {
    let output = sign(variables, asked);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{asked}: {errors}");
    assert!(errors.is_empty(), "{asked}: {errors}");
    serde_json::from_slice(&output.stdout).expect("one document")
}

fn vectors(provider: &str) -> Vec<Value> {
    let path = format!("{}/src/providers/{provider}/vectors/{provider}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(Path::new(&path)).expect("the vectors");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("a list");
    assert!(!cases.is_empty());
    cases
}

fn text<'a>(case: &'a Value, pointer: &str) -> &'a str {
    case.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {case}"))
}

/// `20260315T081500Z` as the object on standard input wants it.
fn written_out(date: &str) -> String {
    let part = |from: usize, to: usize| &date[from..to];
    format!("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15))
}

/// Compares each stage, and the headers with those that the vector says must be on the request.
fn assert_fits(case: &Value, got: &Value, mut headers: Map<String, Value>) {
    let name = text(case, "/name");
    for stage in ["canonical_request", "string_to_sign", "signature"] {
        assert_eq!(got[stage], case["expect"][stage], "{name}: {stage}");
    }
    headers.insert("authorization".to_owned(), case["expect"]["authorization"].clone());
    assert_eq!(got["headers"].as_object().expect("headers").len(), headers.len(), "{name}: {}", got["headers"]);
    for (header, value) in headers {
        assert_eq!(got["headers"][&header], value, "{name}: {header}");
    }
    assert_eq!(got.as_object().expect("a document").len(), 4, "{name}");
}

/// The caller's headers with names in lower case, and the host of the address.
fn given_headers(case: &Value) -> Map<String, Value> {
    let mut headers: Map<String, Value> = case["headers"]
        .as_object()
        .expect("headers")
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .collect();
    let host = text(case, "/url").split('/').nth(2).expect("a host");
    headers.insert("host".to_owned(), host.into());
    headers
}

#[test]
fn every_jdcloud_vector_is_met_at_every_stage() {
    for case in vectors("jdcloud") {
        let credentials = [
            ("JDCLOUD_ACCESS_KEY_ID", text(&case, "/access_key")),
            ("JDCLOUD_SECRET_ACCESS_KEY", text(&case, "/secret_key")),
        ];
        let mut asked = json!({
            "provider": "jdcloud-cps",
            "method": case["method"],
            "url": case["url"],
            "headers": case["headers"],
            "body": case["body"],
            "at": written_out(text(&case, "/date")),
            "nonce": case["nonce"],
            "region": case["region"],
        });
        let headers = case["expect"]["headers"].as_object().expect("headers").clone();
        assert_fits(&case, &signed(&credentials, &asked), headers.clone());
        asked["service"] = case["service"].clone();
        assert_fits(&case, &signed(&credentials, &asked), headers);
    }
}

#[test]
fn every_zenlayer_vector_is_met_at_every_stage() {
    for case in vectors("zenlayer") {
        let at = case["timestamp"].as_i64().and_then(|at| chrono::DateTime::from_timestamp(at, 0)).expect("a time");
        let credentials = [
            ("ZENLAYER_ACCESS_KEY_ID", text(&case, "/access_key_id")),
            ("ZENLAYER_ACCESS_KEY_SECRET", text(&case, "/secret")),
        ];
        for provider in ["zenlayer-bmc", "zenlayer-zec"] {
            let asked = json!({
                "provider": provider,
                "method": case["method"],
                "url": case["url"],
                "headers": case["headers"],
                "body": case["body"],
                "at": at.to_rfc3339(),
            });
            assert_fits(&case, &signed(&credentials, &asked), given_headers(&case));
        }
    }
}

#[test]
fn every_huawei_vector_is_met_at_every_stage() {
    for case in vectors("huawei") {
        let mut credentials =
            vec![("HUAWEICLOUD_SDK_AK", text(&case, "/ak")), ("HUAWEICLOUD_SDK_SK", text(&case, "/sk"))];
        let mut headers = given_headers(&case);
        headers.insert("x-sdk-date".to_owned(), case["date"].clone());
        for (field, variable, header) in [
            ("project_id", "HUAWEICLOUD_SDK_PROJECT_ID", "x-project-id"),
            ("security_token", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "x-security-token"),
        ] {
            if let Some(value) = case[field].as_str() {
                credentials.push((variable, value));
                headers.insert(header.to_owned(), value.into());
            }
        }
        for provider in ["huawei-ecs", "huawei-clouddc"] {
            let asked = json!({
                "provider": provider,
                "method": case["method"],
                "url": case["url"],
                "headers": case["headers"],
                "body": case["body"],
                "at": written_out(text(&case, "/date")),
                "region": "eu-de",
            });
            assert_fits(&case, &signed(&credentials, &asked), headers.clone());
        }
    }
}

#[test]
fn every_signed_header_is_in_the_output() {
    let credentials = [("HUAWEICLOUD_SDK_AK", "id"), ("HUAWEICLOUD_SDK_SK", "secret")];
    let asked = json!({"provider": "huawei-ecs", "method": "GET", "url": "https://ecs.eu-de.otc.t-systems.com/",
        "region": "eu-de", "headers": {"X-Beyond": " ümlaut ", "x-empty": ""}});
    let got = signed(&credentials, &asked);
    assert!(text(&got, "/canonical_request").contains("\nx-beyond:ümlaut\nx-empty:\n"), "{got}");
    let names = text(&got, "/headers/authorization").split("SignedHeaders=").nth(1).expect("names");
    for name in names.split(',').next().expect("names").split(';') {
        assert!(got["headers"][name].is_string(), "{name}: {got}");
    }
    assert_eq!(got["headers"]["x-beyond"], "ümlaut");
}

#[test]
fn a_secret_is_in_no_output() {
    let url = "https://ecs.eu-de.otc.t-systems.com/v1/p/jobs/j";
    let secret = "canary-secret-7d1f";
    for (provider, id, name) in [
        ("jdcloud-cps", "JDCLOUD_ACCESS_KEY_ID", "JDCLOUD_SECRET_ACCESS_KEY"),
        ("zenlayer-bmc", "ZENLAYER_ACCESS_KEY_ID", "ZENLAYER_ACCESS_KEY_SECRET"),
        ("huawei-ecs", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
    ] {
        for asked in [
            json!({"provider": provider, "method": "GET", "url": url, "region": "eu-de"}),
            json!({"provider": provider, "method": "GET", "url": "nowhere", "region": "eu-de"}),
            json!({"provider": provider, "verb": "GET"}),
        ] {
            let output = sign(&[(id, "id"), (name, secret)], &asked);
            for written in [output.stdout, output.stderr] {
                assert!(!String::from_utf8_lossy(&written).contains(secret), "{asked}");
            }
        }
    }
}

#[test]
fn the_same_request_has_another_nonce_each_time() {
    let asked = json!({"provider": "jdcloud-cps", "method": "GET", "url": "https://cps.jdcloud-api.com/v1/regions",
        "at": "2026-03-15T08:15:00Z", "region": "cn-north-1"});
    let credentials = [("JDCLOUD_ACCESS_KEY_ID", "id"), ("JDCLOUD_SECRET_ACCESS_KEY", "secret")];
    let nonces: Vec<Value> =
        (0..2).map(|_| signed(&credentials, &asked)["headers"]["x-jdcloud-nonce"].clone()).collect();
    assert!(nonces[0].is_string());
    assert_ne!(nonces[0], nonces[1]);
}

#[test]
fn without_credentials_nothing_is_signed() {
    let asked = json!({"provider": "huawei-ecs", "method": "GET", "url": "https://ecs.eu-de.otc.t-systems.com/"});
    let output = sign(&[], &asked);
    assert_eq!(output.status.code(), Some(6));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_token_signs_nothing_and_says_so() {
    let asked = json!({"provider": "zenlayer-bmc", "method": "POST", "url": "https://console.zenlayer.com/api/v2/bmc"});
    let output = sign(&[("ZENLAYER_TOKEN", "pat_0")], &asked);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("token"));
}
