//! The emulator looked at from outside: signatures, versions, paging, formats.

use super::super::VENDOR;
use super::*;
use crate::model::FaultClass;
use crate::providers::Product;
use crate::providers::bench::{Bench, MapSources};
use crate::wire::{Stamp, WireRequest, WireResponse};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("a date")
}

fn product() -> Box<dyn Product> {
    (VENDOR.products[0].build)(&MapSources::of(&Zenlayer)).expect("credentials")
}

/// A call as any tool might make it, not yet signed.
fn call(service: &str, action: &str, version: &str, body: &Value) -> WireRequest {
    let url = format!("http://127.0.0.1:8080/api/v2/{service}").parse().expect("an address");
    let mut request =
        WireRequest::new(http::Method::POST, url, "call").header("content-type", "application/json").json(body);
    request.set("x-zc-action", action);
    request.set("x-zc-version", version);
    request
}

fn signed(mut request: WireRequest) -> WireRequest {
    product().login().authorize(&mut request, &Stamp { at: noon(), nonce: String::new() });
    request
}

fn bearer(mut request: WireRequest) -> WireRequest {
    request.set("authorization", &format!("Bearer {TOKEN}"));
    request
}

fn deliver(request: &WireRequest, at: DateTime<Utc>) -> WireResponse {
    let product = product();
    Bench::new(product.as_ref(), Box::new(Zenlayer)).deliver(request, at)
}

/// Status and code of the answer; the code is empty for a success.
fn told(request: &WireRequest, at: DateTime<Utc>) -> (u16, String) {
    let answer = deliver(request, at);
    let document: Value = answer.parse().expect("JSON");
    assert!(document["requestId"].as_str().is_some_and(|id| id.starts_with('T')), "{document}");
    (answer.status.as_u16(), document["code"].as_str().unwrap_or_default().to_owned())
}

fn list() -> WireRequest {
    call("bmc", "DescribeInstances", "2026-02-01", &json!({}))
}

#[test]
fn a_good_signature_passes_and_every_change_breaks_it() {
    assert_eq!(told(&signed(list()), noon()), (200, String::new()));
    let failure = (401, "AUTHFAILURE_SIGNATURE_FAILURE".to_owned());
    let mut request = signed(list());
    request.body = r#"{"pageNum":2}"#.into();
    assert_eq!(told(&request, noon()), failure, "body");
    let mut request = signed(list());
    request.set("content-type", "text/json");
    assert_eq!(told(&request, noon()), failure, "content type");
    let mut request = signed(list());
    request.set("x-zc-timestamp", &(noon().timestamp() + 1).to_string());
    assert_eq!(told(&request, noon()), failure, "time");
    let mut request = signed(list());
    request.set("host", "console.zenlayer.com");
    assert_eq!(told(&request, noon()), failure, "host");
    let good = signed(list()).headers["authorization"].to_str().expect("text").to_owned();
    let last = if good.ends_with('0') { "1" } else { "0" };
    for bad in [good.replace(KEY_ID, "ANOTHERKEY"), format!("{}{last}", &good[..good.len() - 1])] {
        let mut request = signed(list());
        request.set("authorization", &bad);
        assert_eq!(told(&request, noon()), failure, "{bad}");
    }
}

#[test]
fn a_malformed_authorization_is_named_as_such() {
    let good = signed(list()).headers["authorization"].to_str().expect("text").to_owned();
    for bad in [
        String::new(),
        "Basic eDp5".to_owned(),
        "Bearer pat_wrong".to_owned(),
        good.replace("HMAC-SHA256", "HMAC_SHA256"),
        good.replace("content-type;host", "content-type"),
        good.replace("content-type;host", "host;content-type"),
        good.replace("content-type;host", "Content-Type;host"),
        good.replace("content-type;host", "content-type;host;x-absent"),
        good.replace(", Signature", "; Signature"),
    ] {
        let mut request = signed(list());
        request.set("authorization", &bad);
        assert_eq!(told(&request, noon()), (401, "AUTHFAILURE_INVALID_AUTHORIZATION".to_owned()), "{bad}");
    }
    let mut request = signed(list());
    request.headers.remove("x-zc-signature-method");
    assert_eq!(told(&request, noon()).1, "AUTHFAILURE_INVALID_AUTHORIZATION");
}

#[test]
fn further_signed_headers_are_checked_too() {
    let mut request = list();
    sign::usual_headers(&mut request, noon());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("host", request.host()),
        ("x-zc-action", "DescribeInstances".to_owned()),
    ];
    let canonical = sign::canonical_of("POST", &headers, &request.body);
    let secret = Secret::from(KEY_SECRET.to_owned());
    let signature = sign::signature(&secret, &sign::string_to_sign(&canonical, noon().timestamp()));
    request.set(
        "authorization",
        &format!(
            "ZC2-HMAC-SHA256 Credential={KEY_ID}, SignedHeaders=content-type;host;x-zc-action, Signature={signature}"
        ),
    );
    assert_eq!(told(&request, noon()), (200, String::new()));
    request.set("x-zc-action", "DescribeImages");
    assert_eq!(told(&request, noon()).1, "AUTHFAILURE_SIGNATURE_FAILURE");
}

#[test]
fn a_clock_that_is_off_by_more_than_five_minutes_is_told() {
    for (seconds, code) in
        [(300, ""), (-300, ""), (301, "AUTHFAILURE_SIGNATURE_EXPIRED"), (-301, "AUTHFAILURE_SIGNATURE_EXPIRED")]
    {
        assert_eq!(told(&signed(list()), noon() + TimeDelta::seconds(seconds)).1, code, "{seconds}");
    }
    let answer = deliver(&signed(list()), noon() + TimeDelta::hours(1));
    assert_eq!(product().fault(&answer).expect("a fault").0, FaultClass::ClockSkew);
}

#[test]
fn tokens_and_the_official_tools_older_versions_are_served() {
    for (service, version, action) in [
        ("bmc", "2022-11-20", "DescribeInstances"),
        ("zec", "2024-04-01", "DescribeInstancesStatus"),
        ("zec", "2025-09-01", "DescribeTimeZones"),
        ("bmc", "2026-02-01", "DescribeInstanceTypes"),
        ("ccs", "2025-09-01", "DescribeKeyPairs"),
    ] {
        let mut request = call(service, action, version, &json!({}));
        request.set("x-zc-service", service);
        request.set("x-zc-sdk-lang", "Python");
        assert_eq!(told(&signed(request.clone()), noon()), (200, String::new()), "{service} {version}");
        assert_eq!(told(&bearer(request), noon()), (200, String::new()), "{service} {version}");
    }
    let mut without_version = bearer(list());
    without_version.headers.remove("x-zc-version");
    assert_eq!(told(&without_version, noon()).0, 200);
    let mut old =
        call("bmc", "ReinstallInstance", "2022-11-20", &json!({ "instanceId": "bmc-demo-1", "sshKeys": ["k"] }));
    assert_eq!(told(&signed(old.clone()), noon()).0, 200);
    old.set("x-zc-version", "2026-02-01");
    assert_eq!(told(&signed(old), noon()).0, 400, "the newer version has no such field");
}

#[test]
fn what_is_not_a_call_is_refused_in_the_providers_own_format() {
    let unknown = (401, "AUTHFAILURE_UNAUTHORIZED_OPERATION".to_owned());
    assert_eq!(told(&signed(call("bmc", "DropEverything", "2026-02-01", &json!({}))), noon()), unknown);
    assert_eq!(told(&signed(call("zec", "ReinstallInstance", "2025-09-01", &json!({}))), noon()), unknown);
    let version = call("bmc", "DescribeInstances", "1999-01-01", &json!({}));
    assert_eq!(told(&signed(version), noon()), (400, "INVALID_PARAMETER_VALUE".to_owned()));
    let mut request = list();
    request.headers.remove("x-zc-version");
    assert_eq!(told(&signed(request), noon()), (400, "MISSING_PARAMETER".to_owned()));
    for body in ["[]", "{", "7"] {
        let mut request = list();
        request.body = body.into();
        assert_eq!(told(&signed(request), noon()), (400, "INVALID_PARAMETER_TYPE".to_owned()), "{body}");
    }
    let ids: Vec<String> = (0..101).map(|number| format!("i-{number}")).collect();
    for (body, code) in [
        (json!({ "pageSize": 0 }), "INVALID_PARAMETER_LESS_MINIMUM"),
        (json!({ "pageSize": 1001 }), "INVALID_PARAMETER_EXCEED_MAXIMUM"),
        (json!({ "pageNum": 0 }), "INVALID_PARAMETER_LESS_MINIMUM"),
        (json!({ "pageSize": "20" }), "INVALID_PARAMETER_TYPE"),
        (json!({ "instanceIds": ids }), "INVALID_PARAMETER_EXCEED_LENGTH"),
        (json!({ "instanceIds": [7] }), "INVALID_PARAMETER_TYPE"),
    ] {
        let request = call("zec", "DescribeInstances", "2025-09-01", &body);
        assert_eq!(told(&signed(request), noon()), (400, code.to_owned()), "{body}");
    }
    for (body, code) in
        [(json!({}), "MISSING_PARAMETER"), (json!({ "instanceIds": [] }), "INVALID_PARAMETER_LESS_LENGTH")]
    {
        for service in ["bmc", "zec"] {
            let version = if service == "bmc" { "2026-02-01" } else { "2025-09-01" };
            let request = call(service, "StopInstances", version, &body);
            assert_eq!(told(&signed(request), noon()), (400, code.to_owned()), "{service} {body}");
        }
    }
    assert_eq!(told(&signed(call("zec", "DescribeImages", "2025-09-01", &json!({}))), noon()).1, "MISSING_PARAMETER");
}

#[test]
fn other_paths_belong_to_somebody_else() {
    for path in ["/", "/api/v2", "/api/v2/vm", "/api/v2/bmc/x", "/v1/regions/cn-north-1/instances"] {
        let request = Inbound {
            method: http::Method::POST,
            path: path.to_owned(),
            query: String::new(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            at: noon(),
        };
        assert!(Zenlayer.route(&request).is_none(), "{path}");
    }
}

#[test]
fn injected_answers_are_read_as_what_they_are() {
    let product = product();
    let bench = Bench::new(product.as_ref(), Box::new(Zenlayer));
    let mut guard = bench.lock();
    let (emulator, world) = &mut *guard;
    for provider in [super::super::bmc::ID, super::super::zec::ID] {
        let route =
            Route { provider, operation: Operation::Reinstall, action: "x".to_owned(), servers: vec!["i".to_owned()] };
        for (what, class) in [
            (Injected::Throttled, FaultClass::Throttled(None)),
            (Injected::Unauthorized, FaultClass::Denied),
            (Injected::Forbidden, FaultClass::Denied),
            (Injected::WrongState, FaultClass::Busy),
            (Injected::Invalid, FaultClass::Invalid),
            (Injected::NotFound, FaultClass::NotFound),
            (Injected::ServerError, FaultClass::Server),
            (Injected::NotSuccessful, FaultClass::Invalid),
        ] {
            let outbound = emulator.inject(what, &route, world);
            let answer = WireResponse {
                status: http::StatusCode::from_u16(outbound.status).expect("a status"),
                headers: http::HeaderMap::new(),
                body: outbound.body,
            };
            assert_eq!(product.fault(&answer).expect("a fault").0, class, "{what:?}");
        }
    }
}

#[test]
fn the_demo_servers_are_those_of_the_contract() {
    let machines = Zenlayer.machines();
    for product in ["bmc", "zec"] {
        for (number, name) in [(1, "web-1"), (2, "db-1"), (3, "cache-1")] {
            let machine = machines
                .iter()
                .find(|machine| machine.id == format!("{product}-demo-{number}"))
                .expect("a demo server");
            assert_eq!(machine.name, name);
        }
    }
    let mut addresses: Vec<&str> = machines.iter().map(|machine| machine.ip.as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 6);
}
