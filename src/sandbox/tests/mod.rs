//! The sandbox over real loopback sockets, with a vendor of the tests' own.

mod caller;
mod vendor;

use super::*;
use crate::clock::{Clock, ManualClock, SystemClock};
use caller::{End, call, raw};
use chrono::TimeZone;
use std::net::SocketAddr;
use std::sync::Arc;
use vendor::{Acme, KEY};

const ANY_PORT: &str = "127.0.0.1:0";

fn sandbox() -> Sandbox {
    started(Arc::new(SystemClock), 1.0)
}

fn started(clock: Arc<dyn Clock>, speed: f64) -> Sandbox {
    let address = ANY_PORT.parse().expect("an address");
    Sandbox::start(vec![Box::new(Acme)], clock, address, speed).expect("it starts")
}

fn with_fault(rule: &str) -> Sandbox {
    let sandbox = sandbox();
    let reply = call(sandbox.address(), "POST", "/_sandbox/faults", rule);
    assert_eq!(reply.status(), 201, "{}", reply.text());
    sandbox
}

/// One reinstall of server `a` under this fault: what the caller saw, how often it was carried out, the log's entry.
fn reinstall_under(rule: &str) -> (caller::Reply, u32, log::Entry) {
    let sandbox = with_fault(rule);
    let reply = call(sandbox.address(), "POST", "/metal/a/reinstall", "{}");
    let log = sandbox.log();
    let entry = log.requests.last().expect("one request").clone();
    (reply, log.reinstalls["a"], entry)
}

#[test]
fn anything_but_loopback_is_refused() {
    for address in ["0.0.0.0:0", "192.0.2.7:80", "[::]:0", "[2001:db8::1]:80"] {
        let address: SocketAddr = address.parse().expect("an address");
        let refused = Sandbox::start(vec![Box::new(Acme)], Arc::new(SystemClock), address, 1.0);
        assert!(matches!(refused, Err(StartError::NotLoopback(_))), "{address}");
    }
}

#[test]
fn a_port_that_is_taken_and_a_speed_that_cannot_be_are_refused() {
    let first = sandbox();
    let again = Sandbox::start(vec![], Arc::new(SystemClock), first.address(), 1.0);
    assert!(matches!(again, Err(StartError::Listen { .. })));
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let address = ANY_PORT.parse().expect("an address");
        assert!(matches!(Sandbox::start(vec![], Arc::new(SystemClock), address, speed), Err(StartError::Speed(_))));
    }
}

#[test]
fn it_starts_inside_a_runtime_and_serves_a_caller_that_blocks_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sandbox = sandbox();
        assert_eq!(call(sandbox.address(), "GET", "/metal/a", "").status(), 200);
        drop(sandbox);
    });
}

#[test]
fn a_dropped_sandbox_frees_its_port_even_while_a_request_hangs() {
    let sandbox = with_fault(r#"{"fault":"stall"}"#);
    let address = sandbox.address();
    let hanging = std::thread::spawn(move || call(address, "GET", "/metal/a", ""));
    while sandbox.log().requests.is_empty() {
        std::thread::yield_now();
    }
    drop(sandbox);
    assert_ne!(hanging.join().expect("a caller").end, End::Silent);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn raw_path_and_query_reach_the_emulator_untouched() {
    let sandbox = sandbox();
    let reply = call(sandbox.address(), "GET", "/metal%3Alist?a=%2F&b=x+y&a=", "");
    assert_eq!(reply.json()["path"], "/metal%3Alist");
    assert_eq!(reply.json()["query"], "a=%2F&b=x+y&a=");
}

#[test]
fn an_unknown_call_is_a_404_in_json_and_is_logged() {
    let sandbox = sandbox();
    let reply = call(sandbox.address(), "GET", "/nowhere", "");
    assert_eq!((reply.status(), reply.json()["error"].is_string()), (404, true));
    let log = sandbox.log();
    assert_eq!((log.requests[0].operation, log.requests[0].status), (None, Some(404)));
}

#[test]
fn requests_at_the_same_time_are_each_counted_once() {
    let sandbox = sandbox();
    let address = sandbox.address();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                (0..20).filter(|_| call(address, "POST", "/metal/a/reinstall", "").status() == 200).count()
            })
        })
        .collect();
    let good: usize = callers.into_iter().map(|caller| caller.join().expect("a caller")).sum();
    let log = sandbox.log();
    assert_eq!((good, log.reinstalls["a"], log.requests.len()), (160, 160, 160));
    assert!(log.requests.iter().zip(1..).all(|(entry, seq)| entry.seq == seq));
}

#[test]
fn a_bad_signature_is_refused_logged_and_uses_up_no_fault() {
    let sandbox = with_fault(r#"{"operation":"reinstall","fault":"drop_answer"}"#);
    let reply = raw(sandbox.address(), "POST", "/metal/a/reinstall", "", "authorization: forged\r\n");
    assert_eq!(reply.status(), 401);
    let log = sandbox.log();
    assert!(!log.requests[0].authorized);
    assert_eq!(log.reinstalls["a"], 0);
    assert_eq!(call(sandbox.address(), "POST", "/metal/a/reinstall", "").bytes, b"");
}

#[test]
fn the_log_counts_reinstalls_and_keeps_neither_headers_nor_bodies() {
    let sandbox = sandbox();
    for _ in 0..2 {
        call(sandbox.address(), "POST", "/metal/b/reinstall?token=query-secret", r#"{"password":"body-secret"}"#);
    }
    let reply = call(sandbox.address(), "GET", "/_sandbox/log", "");
    let log = reply.json();
    assert_eq!(log["reinstalls"], serde_json::json!({"a": 0, "b": 2}));
    assert_eq!(log["requests"].as_array().map(Vec::len), Some(2));
    let entry = &log["requests"][1];
    assert_eq!(
        (&entry["seq"], &entry["operation"], &entry["servers"][0]),
        (&2.into(), &"reinstall".into(), &"b".into())
    );
    assert_eq!((&entry["status"], &entry["fault"]), (&200.into(), &serde_json::Value::Null));
    for secret in [KEY, "query-secret", "body-secret"] {
        assert!(!reply.text().contains(secret), "{secret}");
    }
}

#[test]
fn a_connection_closed_before_carries_nothing_out() {
    let (reply, reinstalls, entry) = reinstall_under(r#"{"fault":"close_before"}"#);
    assert_eq!((reply.bytes.len(), reply.end, reinstalls, entry.status), (0, End::Closed, 0, None));
}

#[test]
fn a_dropped_answer_was_carried_out() {
    let (reply, reinstalls, entry) = reinstall_under(r#"{"fault":"drop_answer"}"#);
    assert_eq!((reply.bytes.len(), reply.end, reinstalls), (0, End::Closed, 1));
    assert_eq!((entry.status, entry.fault.as_deref()), (None, Some("drop_answer")));
}

#[test]
fn a_reset_is_a_reset_and_comes_after_the_bytes_asked_for() {
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"reset_answer"}"#);
    assert_eq!((reply.bytes.len(), reply.end, reinstalls), (0, End::Reset, 1));
    let (reply, ..) = reinstall_under(r#"{"fault":"reset_answer","bytes":2}"#);
    assert_eq!((reply.status(), reply.body().len(), reply.end), (200, 2, End::Reset));
}

#[test]
fn one_connection_serves_many_requests_until_a_fault_takes_it() {
    let sandbox = with_fault(r#"{"operation":"read","fault":"drop_answer","after":3}"#);
    let mut stream = std::net::TcpStream::connect(sandbox.address()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");
    let request = format!("GET /metal/a HTTP/1.1\r\nhost: x\r\nauthorization: {KEY}\r\n\r\n");
    let mut block = [0; 4096];
    for turn in 0..4 {
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("the request leaves");
        let count = std::io::Read::read(&mut stream, &mut block).expect("an answer or an end");
        assert_eq!(count > 0, turn < 3, "turn {turn}");
    }
    assert_eq!(sandbox.log().requests.len(), 4);
}

#[test]
fn an_answer_breaks_off_at_every_byte_asked_for() {
    for bytes in [1, 12, 40] {
        let (reply, reinstalls, entry) =
            reinstall_under(&format!(r#"{{"fault":"truncate","bytes":{bytes},"from":"answer"}}"#));
        assert_eq!((reply.bytes.len(), reply.end, reinstalls), (bytes, End::Closed, 1));
        assert_eq!(entry.status.is_some(), bytes >= 12);
    }
    let (reply, ..) = reinstall_under(r#"{"fault":"truncate","bytes":4}"#);
    assert_eq!((reply.status(), reply.body().len()), (200, 4));
    let declared = reply.text().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    assert!(declared.expect("a length") > 4);
}

#[test]
fn a_stalled_answer_was_carried_out_and_the_connection_stays() {
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"stall"}"#);
    assert_eq!((reply.bytes.len(), reply.end, reinstalls), (0, End::Silent, 1));
    let (reply, ..) = reinstall_under(r#"{"fault":"stall","bytes":3}"#);
    assert_eq!((reply.status(), reply.body().len(), reply.end), (200, 3, End::Silent));
}

#[test]
fn a_delayed_answer_is_whole_and_late() {
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"delay","ms":150}"#);
    assert_eq!((reply.status(), reinstalls), (200, 1));
    assert!(reply.took >= Duration::from_millis(150), "{:?}", reply.took);
}

#[test]
fn a_dripping_answer_is_whole_in_the_end() {
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"drip","ms":1}"#);
    assert_eq!((reply.status(), reinstalls), (200, 1));
    assert_eq!(reply.json()["id"], "a");
    assert!(reply.took >= Duration::from_millis(reply.bytes.len() as u64), "{:?}", reply.took);
}

#[test]
fn a_redirect_and_a_page_are_not_carried_out_unless_asked() {
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"redirect","status":308,"location":"http://x.test/"}"#);
    assert_eq!((reply.status(), reinstalls), (308, 0));
    assert!(reply.text().contains("location: http://x.test/\r\n"));
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"html","status":200,"carried_out":true}"#);
    assert_eq!((reply.status(), reinstalls), (200, 1));
    assert!(reply.text().contains("content-type: text/html"));
}

#[test]
fn garbage_huge_answers_and_false_types_are_what_they_say() {
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"garbage"}"#);
    assert!(serde_json::from_slice::<serde_json::Value>(&reply.body()).is_err());
    assert_eq!((reply.status(), reinstalls), (200, 1));
    let (reply, ..) = reinstall_under(r#"{"fault":"huge","bytes":6000000}"#);
    assert_eq!((reply.status(), reply.body().len()), (200, 6_000_000));
    let (reply, ..) = reinstall_under(r#"{"fault":"content_type","value":"text/csv"}"#);
    assert_eq!(reply.json()["id"], "a");
    assert!(reply.text().contains("content-type: text/csv\r\n"));
}

#[test]
fn the_vendors_own_refusals_are_in_its_words_and_carry_nothing_out() {
    let cases = [
        (r#"{"fault":"throttle","retry_after":7}"#, 429, "Throttled"),
        (r#"{"fault":"unauthorized"}"#, 401, "Unauthorized"),
        (r#"{"fault":"forbidden"}"#, 403, "Forbidden"),
        (r#"{"fault":"wrong_state"}"#, 409, "WrongState"),
        (r#"{"fault":"invalid"}"#, 400, "Invalid"),
        (r#"{"fault":"not_found"}"#, 404, "NotFound"),
        (r#"{"fault":"server_error","status":503}"#, 503, "ServerError"),
        (r#"{"fault":"not_successful"}"#, 200, "NotSuccessful"),
    ];
    for (rule, status, word) in cases {
        let (reply, reinstalls, entry) = reinstall_under(rule);
        assert_eq!((reply.status(), reply.json()["acme"].as_str(), reinstalls), (status, Some(word), 0), "{rule}");
        assert_eq!(entry.status, Some(status));
        if word == "Throttled" {
            assert!(reply.text().contains("retry-after: 7\r\n") && !reply.text().contains("99"));
        }
    }
    let (reply, reinstalls, _) = reinstall_under(r#"{"fault":"server_error_after","status":502}"#);
    assert_eq!((reply.status(), reinstalls), (502, 1));
}

fn states(rule: &str, speed: f64) -> Vec<String> {
    let clock = ManualClock::at(Utc.with_ymd_and_hms(2026, 3, 15, 8, 0, 0).single().expect("a date"));
    let sandbox = started(Arc::new(clock.clone()), speed);
    if !rule.is_empty() {
        assert_eq!(call(sandbox.address(), "POST", "/_sandbox/faults", rule).status(), 201);
    }
    call(sandbox.address(), "POST", "/metal/a/reinstall", "");
    [0, 400, 2000, 60_000]
        .iter()
        .map(|&ms| {
            clock.advance(Duration::from_millis(ms));
            let reply = call(sandbox.address(), "GET", "/metal/a", "");
            reply.json()["state"].as_str().map_or_else(|| reply.status().to_string(), str::to_owned)
        })
        .collect()
}

#[test]
fn the_life_of_a_server_follows_the_rules() {
    assert_eq!(states("", 1.0), ["Running", "Installing", "Running", "Running"]);
    assert_eq!(states("", 100.0), ["Running", "Running", "Running", "Running"]);
    assert_eq!(states(r#"{"fault":"fail_install"}"#, 1.0), ["Running", "Installing", "Failed", "Failed"]);
    assert_eq!(states(r#"{"fault":"ends_off"}"#, 1.0), ["Running", "Installing", "Stopped", "Stopped"]);
    assert_eq!(states(r#"{"fault":"stuck_install"}"#, 1.0), ["Running", "Installing", "Installing", "Installing"]);
    assert_eq!(states(r#"{"fault":"never_start"}"#, 1.0), ["Running", "Running", "Running", "Running"]);
    assert_eq!(states(r#"{"fault":"no_progress_shown"}"#, 1.0), ["Running", "Running", "Running", "Running"]);
    assert_eq!(states(r#"{"fault":"vanish"}"#, 1.0), ["Running", "404", "404", "404"]);
    assert_eq!(
        states(r#"{"fault":"slow_install","ms":30000}"#, 1.0),
        ["Running", "Installing", "Installing", "Running"]
    );
    let stale = r#"[{"fault":"stale","ms":1000},{"fault":"slow_install","ms":9000}]"#;
    assert_eq!(states(stale, 1.0), ["Running", "Running", "Installing", "Running"]);
}

#[test]
fn a_skewed_clock_refuses_signatures_and_shows_its_own_date() {
    let at = Utc.with_ymd_and_hms(2026, 3, 15, 8, 0, 0).single().expect("a date");
    let sandbox = started(Arc::new(ManualClock::at(at)), 1.0);
    call(sandbox.address(), "POST", "/_sandbox/faults", r#"{"fault":"skew","ms":-3600000}"#);
    let headers = format!("authorization: {KEY}\r\nx-time: {}\r\n", at.timestamp());
    let reply = raw(sandbox.address(), "GET", "/metal/a", "", &headers);
    assert_eq!(reply.status(), 401);
    assert!(reply.text().contains("date: Sun, 15 Mar 2026 07:00:00 GMT\r\n"), "{}", reply.text());
    let reply = raw(sandbox.address(), "GET", "/metal/a", "", &headers);
    assert_eq!(reply.status(), 200);
    assert!(reply.text().contains("date: Sun, 15 Mar 2026 08:00:00 GMT\r\n"));
}

#[test]
fn rules_can_be_listed_refused_and_forgotten() {
    let sandbox = with_fault(r#"[{"fault":"drop_answer","operation":"stop"},{"fault":"html","after":1}]"#);
    call(sandbox.address(), "GET", "/metal/a", "");
    let list = call(sandbox.address(), "GET", "/_sandbox/faults", "").json();
    assert_eq!((&list["faults"][0]["matched"], &list["faults"][1]["matched"]), (&0.into(), &1.into()));
    let bad = call(sandbox.address(), "POST", "/_sandbox/faults", r#"[{"fault":"stall"},{"fault":"nonsense"}]"#);
    assert_eq!(bad.status(), 400);
    assert!(bad.json()["error"].as_str().is_some_and(|text| text.contains("nonsense")));
    let list = call(sandbox.address(), "GET", "/_sandbox/faults", "").json();
    assert_eq!(list["faults"].as_array().map(Vec::len), Some(2), "a refused list adds nothing");
    call(sandbox.address(), "DELETE", "/_sandbox/faults", "");
    assert_eq!(call(sandbox.address(), "GET", "/metal/a", "").status(), 200);
}

#[test]
fn a_reset_brings_back_servers_and_empties_the_log() {
    let sandbox = with_fault(r#"[{"fault":"vanish"},{"operation":"read","fault":"html","times":9}]"#);
    call(sandbox.address(), "POST", "/metal/a/reinstall", "");
    assert_eq!(call(sandbox.address(), "POST", "/_sandbox/reset", "").status(), 200);
    let log = sandbox.log();
    assert_eq!((log.requests.len(), log.reinstalls["a"]), (0, 0));
    assert_eq!(call(sandbox.address(), "GET", "/metal/a", "").json()["state"], "Running");
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_help_is_there() {
    let sandbox = sandbox();
    let reply = call(sandbox.address(), "GET", "/_sandbox/", "");
    assert!(reply.json()["faults"]["truncate"].is_array());
    let reply = call(sandbox.address(), "PUT", "/_sandbox/log", "");
    assert_eq!(reply.status(), 405);
    assert_eq!(sandbox.credentials(), [("ACME_KEY", KEY.to_owned())]);
    let body = "x".repeat((12 << 20) + 1);
    let mut stream = std::net::TcpStream::connect(sandbox.address()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");
    let head = format!("POST /metal/a/stop HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("the head leaves");
    let mut answer = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert!(sandbox.log().requests.is_empty());
}
