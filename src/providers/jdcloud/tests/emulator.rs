//! The emulator refuses what the provider documents as wrong.

use super::*;
use crate::providers::jdcloud::sign::{self, DATE, JDCLOUD3, Key, NONCE, Parts, Scope};
use crate::sandbox::Injected;
use crate::sandbox::{Emulator, Inbound, Operation, Route, World};
use crate::wire::Stamp;
use chrono::{TimeDelta, TimeZone};
use http::Method;
use serde_json::{Value, json};
use url::Url;

/// One way to spoil a request.
type Tamper = (&'static str, fn(&mut WireRequest));
/// One way to rewrite a header.
type Edit = (&'static str, fn(&str) -> String);

fn call(product: &Cps, method: Method, path: &str, body: &str) -> WireRequest {
    let mut url = product.endpoint().clone();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    url.set_path(&format!("/v1/regions{path}"));
    url.set_query(query);
    let mut request = WireRequest::new(method, url, "test");
    request.body = Bytes::copy_from_slice(body.as_bytes());
    request
}

fn code(product: &Cps, answer: &WireResponse) -> (u16, String) {
    let error = product.fault(answer).map(|(_, error)| error.code.unwrap_or_default());
    (answer.status.as_u16(), error.unwrap_or_default())
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("a date")
}

fn signed(product: &Cps, nonce: &str) -> WireRequest {
    let mut request = call(product, Method::PUT, "/cn-north-1/instances/cps-demo-1:startInstance", "{}");
    product.login().authorize(&mut request, &Stamp { at: noon(), nonce: nonce.to_owned() });
    request
}

#[test]
fn every_bad_body_is_refused_with_the_documented_code() {
    let product = product();
    let bench = bench(&product);
    let good = json!({
        "az": "cn-north-1a", "imageType": "standard", "osTypeId": "os-demo-debian12", "sysRaidTypeId": "raid-demo-sys1",
        "dataRaidTypeId": "raid-demo-data0", "keepData": "yes", "password": PASSWORD,
    });
    let send = |body: &Value| {
        let path = "/cn-north-1/instances/cps-demo-1:reinstallInstance";
        code(&product, &bench.exchange(call(&product, Method::PUT, path, &body.to_string())))
    };
    let invalid = (400, "INVALID_ARGUMENT".to_owned());
    let with = |name: &str, value: Value| {
        let mut spec = good.clone();
        spec[name] = value;
        json!({ "instanceSpec": spec })
    };
    for required in ["az", "imageType", "osTypeId", "sysRaidTypeId", "keepData", "password"] {
        assert_eq!(send(&with(required, Value::Null)), invalid, "{required} left out");
        assert_eq!(send(&with(required, json!(5))), invalid, "{required} as a number");
    }
    let long = "x".repeat(22_000);
    for (name, value) in [
        ("az", json!("cn-north-1b")),
        ("imageType", json!("custom")),
        ("osTypeId", json!("os-demo-ubuntu2404")),
        ("sysRaidTypeId", json!("raid-demo-data1")),
        ("dataRaidTypeId", json!("raid-demo-sys1")),
        ("dataRaidTypeId", json!("raid-demo-data1")),
        ("keepData", json!("maybe")),
        ("keepData", json!(true)),
        ("password", json!("Ab1!")),
        ("password", json!("alllowercase")),
        ("password", json!("Fake#Pw7Zq92".repeat(3))),
        ("password", json!("Fake Pw7Zq92")),
        ("password", json!("Fake#Jd7Zq92")),
        ("password", json!("Fake#Pw789q2")),
        ("hostname", json!("-bad")),
        ("userData", json!("#!/bin/bash")),
        ("userData", json!(long)),
        ("unheardOf", json!("x")),
    ] {
        assert_eq!(send(&with(name, value.clone())), invalid, "{name} = {value}");
    }
    assert_eq!(send(&with("keypairId", json!("key-none"))), (404, "NOT_FOUND".to_owned()));
    let mut windows = with("keypairId", json!("key-demo-ops"));
    windows["instanceSpec"]["osTypeId"] = json!("os-demo-win2019");
    assert_eq!(send(&windows), invalid);
    for body in [json!({}), json!([]), json!({ "instanceSpec": [] }), json!({ "instanceSpec": null })] {
        assert_eq!(send(&body), invalid, "{body}");
    }
    let mut token = with("hostname", json!("ok"));
    token["clientToken"] = json!("x".repeat(37));
    assert_eq!(send(&token), invalid);
    assert_eq!(bench.reinstalls(&id("cps-demo-1")), 0, "nothing of this was carried out");

    // As the official clients send it: ids repeated, unset fields as null.
    let mut nulls = with("hostname", Value::Null);
    nulls["instanceSpec"]["userData"] = Value::Null;
    nulls["instanceSpec"]["dataRaidTypeId"] = Value::Null;
    nulls["regionId"] = json!("cn-north-1");
    nulls["instanceId"] = json!("cps-demo-1");
    nulls["clientToken"] = Value::Null;
    assert_eq!(send(&nulls), (200, String::new()));
    assert_eq!(bench.reinstalls(&id("cps-demo-1")), 1);
    assert_eq!(send(&nulls), (400, "FAILED_PRECONDITION".to_owned()), "it is being reinstalled");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let product = product();
    let bench = bench(&product);
    let missing = (404, "NOT_FOUND".to_owned());
    for (method, path) in [
        (Method::GET, "/cn-north-1/instances/none"),
        (Method::GET, "/cn-north-1/instances/none:describeInstanceRaid"),
        (Method::PUT, "/cn-north-1/instances/none:stopInstance"),
        (Method::PUT, "/cn-north-1/instances/cps-demo-1:explodeInstance"),
        (Method::POST, "/cn-north-1/instances/cps-demo-1:stopInstance"),
        (Method::GET, "/cn-north-1/instances/cps-demo-1/more"),
        (Method::GET, "/cn-north-1/keypairs/none"),
        (Method::GET, "/cn-north-1/os?deviceType=none"),
        (Method::GET, "/cn-north-1/what"),
    ] {
        let body = if method == Method::PUT { "{}" } else { "" };
        assert_eq!(code(&product, &bench.exchange(call(&product, method, path, body))), missing, "{path}");
    }
    for bad in [
        "/cn-north-1/os",
        "/cn-north-1/raids",
        "/cn-north-1/instances?pageSize=10",
        "/cn-north-1/instances?pageSize=101",
        "/cn-north-1/instances?pageNumber=0",
        "/cn-north-1/instances?pageSize=many",
        "/cn-north-1/instances?filters.1.name=color&filters.1.values.1=red",
        "/cn-north-1/instances?filters.0.name=status&filters.0.values.1=running",
        "/cn-north-1/instances?filters.1.name=status&filters.1.operator=like&filters.1.values.1=x",
        "/cn-north-1/instances?colour=red",
    ] {
        let answer = bench.exchange(call(&product, Method::GET, bad, ""));
        assert_eq!(code(&product, &answer), (400, "INVALID_ARGUMENT".to_owned()), "{bad}");
    }
}

#[test]
fn every_documented_read_is_served() {
    let product = product();
    let bench = bench(&product);
    for (path, pointer) in [
        ("/", "/result/regions/0/azs/0/az"),
        ("", "/result/regions/0/region"),
        ("/cn-north-1/deviceTypes", "/result/deviceTypes/0/deviceType"),
        ("/cn-north-1/os?deviceType=cps.c.normal&osType=CentOS", "/result/oss/0/osTypeId"),
        ("/cn-north-1/raids?deviceType=cps.c.normal&volumeType=data", "/result/raids/2/raidTypeId"),
        ("/cn-north-1/keypairs?name=op", "/result/keypairs/0/fingerPrint"),
        ("/cn-north-1/keypairs?filters.1.name=keypairId&filters.1.values.1=key-demo-ci", "/result/keypairs/0/name"),
        ("/cn-north-1/keypairs/key-demo-ops", "/result/keypair/name"),
        ("/cn-north-1/instances", "/result/instances/2/status"),
        ("/cn-north-1/instances?name=web", "/result/instances/0/osName"),
        ("/cn-north-1/instances?filters.1.name=status&filters.1.values.1=running", "/result/instances/0/az"),
        ("/cn-north-1/instances/cps-demo-1", "/result/instance/deviceType"),
        ("/cn-north-1/instances/cps-demo-1:describeInstanceRaid", "/result/dataRaidType"),
        ("/cn-north-1/instances/cps-demo-1:describeInstanceName", "/result/name"),
        ("/cn-north-1/instances/cps-demo-1%3AdescribeInstanceName", "/result/name"),
    ] {
        let answer = bench.exchange(call(&product, Method::GET, path, ""));
        let document: Value = serde_json::from_slice(&answer.body).expect("a document");
        assert!(document.pointer(pointer).is_some_and(Value::is_string), "{path}: {document}");
        assert_eq!(document["requestId"].as_str(), product.request_id(&answer).as_deref());
    }
    let health =
        bench.exchange(call(&product, Method::GET, "/cn-north-1/instances/cps-demo-1:describeInstanceStatus", ""));
    assert!(String::from_utf8_lossy(&health.body).contains(r#""cpus":true"#));
    let reset = call(
        &product,
        Method::PUT,
        "/cn-north-1/instances/cps-demo-1:resetPassword",
        &json!({ "password": PASSWORD }).to_string(),
    );
    assert_eq!(bench.exchange(reset).status, 200);
}

#[test]
fn any_change_to_a_signed_request_is_refused() {
    let product = product();
    let bench = bench(&product);
    let refused = |request: &WireRequest, at: DateTime<Utc>, what: &str| {
        let answer = bench.deliver(request, at);
        assert_eq!(code(&product, &answer), (401, "ACCESS_ERROR".to_owned()), "{what}");
        product.fault(&answer).expect("a fault").0
    };
    let tampers: [Tamper; 14] = [
        ("body", |request| request.body = Bytes::from_static(b"{} ")),
        ("method", |request| request.method = Method::POST),
        ("path", |request| request.url.set_path("/v1/regions/cn-north-1/instances/cps-demo-2:startInstance")),
        ("region", |request| request.url.set_path("/v1/regions/cn-east-1/instances/cps-demo-1:startInstance")),
        ("query", |request| request.url.set_query(Some("a=b"))),
        ("content type", |request| request.set("content-type", "text/plain")),
        ("host", |request| request.set("host", "127.0.0.1:8081")),
        ("date", |request| request.set(DATE, "20261121T120001Z")),
        ("nonce", |request| request.set(NONCE, "other")),
        ("no nonce", |request| drop(request.headers.remove(NONCE))),
        ("no date", |request| drop(request.headers.remove(DATE))),
        ("unsigned token", |request| request.set("x-jdcloud-security-token", "dA==")),
        ("no signature", |request| drop(request.headers.remove("authorization"))),
        ("garbage", |request| request.set("authorization", "JDCLOUD2-HMAC-SHA256 Credential=a, x")),
    ];
    for (what, tamper) in tampers {
        let mut request = signed(&product, what);
        tamper(&mut request);
        assert_eq!(refused(&request, noon(), what), FaultClass::Denied, "{what}");
    }
    let edits: [Edit; 6] = [
        ("another key", |text| text.replace("SANDBOXJDCLOUDACCESSKEY0000000001", "SANDBOX")),
        ("another day", |text| text.replace("/20261121/", "/20261120/").replace("=20261121/", "=20261120/")),
        ("another service", |text| text.replace("/cps/", "/vm/")),
        ("another region", |text| text.replace("/cn-north-1/", "/cn-east-1/")),
        ("another generation", |text| text.replace("JDCLOUD2", "JDCLOUD3").replace("jdcloud2", "jdcloud3")),
        ("nonce left out", |text| text.replace(";x-jdcloud-nonce", "")),
    ];
    for (what, edit) in edits {
        let mut request = signed(&product, what);
        let text = request.headers["authorization"].to_str().expect("text").to_owned();
        let edited = edit(&text);
        assert_ne!(text, edited, "{what}");
        request.set("authorization", &edited);
        refused(&request, noon(), what);
    }
    for (minutes, what) in [(16, "late"), (-16, "early")] {
        let request = signed(&product, what);
        assert_eq!(refused(&request, noon() + TimeDelta::minutes(minutes), what), FaultClass::ClockSkew);
    }
    let request = signed(&product, "once");
    assert_eq!(bench.deliver(&request, noon() + TimeDelta::minutes(14)).status, 200);
    refused(&request, noon() + TimeDelta::minutes(14), "the same nonce again");
}

#[test]
fn the_forms_of_the_official_clients_are_accepted() {
    let product = product();
    let bench = bench(&product);
    let secret = Secret::from("SANDBOXJDCLOUDSECRETKEY0000000001".to_owned());
    let key = Key { id: "SANDBOXJDCLOUDACCESSKEY0000000001", secret: &secret };
    let scope = Scope { region: "cn-north-1", service: "cps" };

    // `%3A` on the wire, and headers that are not signed.
    let mut request = call(&product, Method::GET, "/cn-north-1/instances/cps-demo-1%3AdescribeInstanceName", "");
    request.set("user-agent", "JdcloudSdkGo/0.3.23");
    product.login().authorize(&mut request, &Stamp { at: noon(), nonce: "go".to_owned() });
    request.set("x-jdcloud-request-id", "added after signing");
    assert_eq!(bench.deliver(&request, noon()).status, 200);

    // The other generation with date and nonce added after signing.
    let mut request = call(&product, Method::GET, "/cn-north-1/instances", "");
    request.set("content-type", "application/json");
    request.set("host", &request.host());
    let names = ["content-type".to_owned(), "host".to_owned()];
    let parts = Parts { method: "GET", path: request.url.path(), query: "", headers: &request.headers, body: b"" };
    let date = sign::timestamp(noon());
    let stages = sign::stages(parts, &names, key, scope, &date, JDCLOUD3);
    request.set("authorization", &stages.authorization);
    request.set(DATE, &date);
    request.set(NONCE, "python");
    assert_eq!(bench.deliver(&request, noon()).status, 200);

    // Calls without a region are signed for a region of their own.
    let mut request = call(&product, Method::GET, "", "");
    sign::sign(
        &mut request,
        key,
        Scope { region: "jdcloud-api", ..scope },
        &Stamp { at: noon(), nonce: "r".to_owned() },
        sign::Signing::Usual,
    );
    assert_eq!(bench.deliver(&request, noon()).status, 200);
}

/// Signatures that the provider's Python SDK 1.6.354 made, with everything else it puts on a request.
#[test]
fn what_the_python_sdk_sends_is_accepted() {
    let product = product();
    let bench = bench(&product);
    let credential =
        "JDCLOUD3-HMAC-SHA256 Credential=SANDBOXJDCLOUDACCESSKEY0000000001/20261121/cn-north-1/cps/jdcloud3_request";
    let send = |mut request: WireRequest, names: &str, signature: &str, digest: &str, nonce: &str| {
        for (name, value) in [
            ("user-agent", "JdcloudSdkPython/1.6.354 cps/2.4.3"),
            ("content-type", "application/json"),
            ("x-jdcloud-content-sha256", digest),
            ("jdcloud3-hmac-sha256", "JDCLOUD3-HMAC-SHA256"),
            (DATE, "20261121T120000Z"),
            (NONCE, nonce),
        ] {
            request.set(name, value);
        }
        request.set("authorization", &format!("{credential}, SignedHeaders={names}, Signature={signature}"));
        bench.deliver(&request, noon()).status
    };
    let list = "/cn-north-1/instances?filters.1.name=instanceId&filters.1.values.1=cps-demo-1&pageSize=100";
    let status = send(
        call(&product, Method::GET, list, ""),
        "content-type;host",
        "8432b0cdd2c4892d1a1680de2a0ea8f8c309d60566eb285ab2a15af3dddfcbde",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "f3a1c2d4-0000-4000-8000-00000000000a",
    );
    assert_eq!(status, 200);
    let body = r#"{"regionId": "cn-north-1", "instanceId": "cps-demo-1", "clientToken": null}"#;
    let start = call(&product, Method::PUT, "/cn-north-1/instances/cps-demo-1:startInstance", body)
        .header("x-jdcloud-security-token", "dG9rZW4=");
    let status = send(
        start,
        "content-type;host;x-jdcloud-security-token",
        "7f337db9b281e6b6ccbf5969ea0a556c6575956c94758a44c287b683ad440bd6",
        "2e32050a25b04a7df27c135fb25ceb492ab71103ccacc23a5f533cd3fb4f6934",
        "f3a1c2d4-0000-4000-8000-00000000000b",
    );
    assert_eq!(status, 200);
}

#[test]
fn injected_answers_are_read_as_what_they_mean() {
    let product = product();
    let mut sandbox = Sandbox::default();
    let mut world = World::new(crate::sandbox::machine::Fleet::default());
    let route = Route {
        provider: "jdcloud-cps",
        operation: Operation::Reinstall,
        action: "reinstallInstance".to_owned(),
        servers: vec!["cps-demo-1".to_owned()],
    };
    for (what, class) in [
        (Injected::Throttled, Some(FaultClass::Throttled(None))),
        (Injected::Unauthorized, Some(FaultClass::Denied)),
        (Injected::Forbidden, Some(FaultClass::Denied)),
        (Injected::WrongState, Some(FaultClass::Busy)),
        (Injected::Invalid, Some(FaultClass::Invalid)),
        (Injected::NotFound, Some(FaultClass::NotFound)),
        (Injected::ServerError, Some(FaultClass::Server)),
        (Injected::NotSuccessful, None),
    ] {
        let outbound = sandbox.inject(what, &route, &mut world);
        let answer = WireResponse {
            status: StatusCode::from_u16(outbound.status).expect("a status"),
            headers: HeaderMap::new(),
            body: outbound.body,
        };
        assert_eq!(product.fault(&answer).map(|(class, _)| class), class, "{what:?}");
        if class.is_none() {
            let judged = product.judge(&[id("cps-demo-1")], &answer);
            assert!(matches!(judged[..], [(_, crate::providers::Judgement::NotSuccessful(_))]), "{judged:?}");
        }
    }
}

#[test]
fn requests_are_told_apart_and_name_their_servers() {
    let sandbox = Sandbox::default();
    let route = |method: Method, address: &str| {
        let url = Url::parse(&format!("http://127.0.0.1{address}")).expect("an address");
        let inbound = Inbound {
            method,
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            at: noon(),
        };
        sandbox.route(&inbound).map(|route| (route.operation, route.action, route.servers))
    };
    let named = |operation, action: &str, servers: &[&str]| {
        Some((operation, action.to_owned(), servers.iter().map(|&server| server.to_owned()).collect::<Vec<_>>()))
    };
    let base = "/v1/regions/cn-north-1/instances";
    assert_eq!(
        route(Method::PUT, &format!("{base}/a%3AreinstallInstance")),
        named(Operation::Reinstall, "reinstallInstance", &["a"])
    );
    assert_eq!(route(Method::PUT, &format!("{base}/a:stopInstance")), named(Operation::Stop, "stopInstance", &["a"]));
    assert_eq!(
        route(Method::PUT, &format!("{base}/a:startInstance")),
        named(Operation::Start, "startInstance", &["a"])
    );
    assert_eq!(
        route(Method::GET, &format!("{base}?filters.1.name=instanceId&filters.1.values.2=b&filters.1.values.1=a")),
        named(Operation::Read, "describeInstances", &["b", "a"])
    );
    for foreign in ["/api/v2/bmc", "/v1/0123456789abcdef/cloudservers/detail", "/v3/auth/tokens", "/"] {
        assert_eq!(route(Method::GET, foreign), None, "{foreign}");
    }
}
