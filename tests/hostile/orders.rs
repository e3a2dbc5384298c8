//! Answers to an order that nobody can take at their word: it may have been carried out, and is not sent again.

use crate::http::{answer, body_at, json};
use crate::scene::{Scene, every_product};
use reinstall::client::Outcome;
use reinstall::model::{OrderSecrets, Prepared};

fn outcome(scene: &Scene, settled: &(Prepared, OrderSecrets), bytes: Vec<u8>) -> Outcome {
    scene.answers(bytes);
    let (outcome, halt) = scene.block(scene.order(settled));
    assert_eq!(halt, None);
    assert_eq!(scene.front.server.connections(), 1, "an order is sent once");
    outcome
}

/// Products whose good answer to an order has no body; whatever has one is not theirs.
const BARE: [&str; 1] = ["openstack-ironic"];

fn bare(good: &[u8]) -> bool {
    good.is_empty()
}

#[track_caller]
fn maybe(scene: &Scene, settled: &(Prepared, OrderSecrets), what: &str, bytes: Vec<u8>) {
    let outcome = outcome(scene, settled, bytes);
    assert!(matches!(outcome, Outcome::Maybe(_)), "{} {what}: {outcome:?}", scene.entry.id);
}

#[test]
fn a_good_status_with_an_unreadable_document_is_no_acceptance() {
    every_product(|scene| {
        let settled = scene.settled();
        let (whole, mut good) = scene.good_order(&settled);
        let accepted = outcome(scene, &settled, whole);
        assert!(matches!(accepted, Outcome::Accepted { .. }), "the scene works: {accepted:?}");
        let whole_is_bare = bare(&good);
        if whole_is_bare {
            good = br#"{"job_id":"1"}"#.to_vec();
            maybe(scene, &settled, "a document", json("202 Accepted", &good));
        }
        let deep = "[".repeat(4 << 20);
        let unknown = format!("{{\"zzz\":{}{},{}", "[".repeat(1 << 20), "]".repeat(1 << 20), "");
        let unreadable: [(&str, Vec<u8>); 18] = [
            ("nothing", Vec::new()),
            ("null", b"null".to_vec()),
            ("an empty object", b"{}".to_vec()),
            ("an empty list", b"[]".to_vec()),
            ("a number", b"7".to_vec()),
            ("true", b"true".to_vec()),
            ("a page", b"<html><body>Welcome to the airport</body></html>".to_vec()),
            ("a byte order mark", [b"\xef\xbb\xbf", &*good].concat()),
            ("zeros", vec![0; 512]),
            ("text behind it", [&*good, b"x"].concat()),
            ("a second document", [&*good, &*good].concat()),
            ("bad UTF-8", [b"{\"\xff\":1,", &good[1..]].concat()),
            ("a lone surrogate", [b"{\"zzz\":\"\\ud800\",\"requestId\":\"\\udc00\",\"job_id\":\"\\ud800\",\"instances\":[{\"id\":\"\\ud800\"}],\"result\":{\"success\":\"\\ud800\"}}".as_slice()].concat()),
            ("depth", deep.into_bytes()),
            ("an unknown depth, cut", unknown.into_bytes()),
            ("UTF-16", good.iter().flat_map(|&byte| [byte, 0]).collect()),
            ("every field as null", nulled(&good)),
            ("every field as a number", numbered(&good)),
        ];
        for (what, body) in unreadable {
            maybe(scene, &settled, what, json("200 OK", &body));
        }
        for status in ["200 OK", "201 Created", "202 Accepted", "204 No Content", "206 Partial Content", "299 Fine"] {
            if status.starts_with("202") && whole_is_bare {
                continue;
            }
            maybe(scene, &settled, status, json(status, b""));
        }
    });
}

#[test]
fn a_good_document_under_a_wrong_name_is_no_acceptance() {
    every_product(|scene| {
        let settled = scene.settled();
        let (_, good) = scene.good_order(&settled);
        for kind in ["text/html", "text/plain", "application/octet-stream", "image/png", "application/x-ndjson"] {
            maybe(scene, &settled, kind, answer("200 OK", &[("content-type", kind)], &good));
        }
        for coding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "x"] {
            let headers = [("content-type", "application/json"), ("content-encoding", coding)];
            maybe(scene, &settled, coding, answer("200 OK", &headers, &good));
        }
        let twice = [("content-encoding", "identity"), ("content-encoding", "gzip")];
        maybe(scene, &settled, "two codings", answer("200 OK", &twice, &good));
    });
}

#[test]
fn every_shorter_document_is_no_acceptance() {
    every_product(|scene| {
        let settled = scene.settled();
        let (_, good) = scene.good_order(&settled);
        if bare(&good) {
            return;
        }
        let step = if crate::offsets::long() { 1 } else { good.len().div_ceil(16) };
        for length in (0..good.len()).step_by(step) {
            maybe(scene, &settled, &format!("{length} bytes"), json("200 OK", &good[..length]));
        }
    });
}

#[test]
fn a_field_that_stands_twice_is_no_acceptance() {
    every_product(|scene| {
        let settled = scene.settled();
        let (_, good) = scene.good_order(&settled);
        if bare(&good) {
            return;
        }
        // The first field of the document, once more at its end.
        let text = String::from_utf8(good).expect("text");
        let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).expect("an object");
        let document = format!("{{{inner},{inner}}}");
        maybe(scene, &settled, "twice", json("200 OK", document.as_bytes()));
    });
}

#[test]
fn an_answer_about_other_servers_is_no_acceptance() {
    let bodies = [
        ("zenlayer-bmc", r#"{"requestId":"T","response":{"requestId":"T","instanceIds":["stranger-1"]}}"#),
        ("zenlayer-zec", r#"{"requestId":"T","response":{"requestId":"T","instanceIds":["stranger-1"]}}"#),
        ("huawei-clouddc", r#"{"instances":[{"id":"stranger-1"}]}"#),
        ("huawei-clouddc", r#"{"instances":[]}"#),
        ("huawei-clouddc", r#"{"instances":[{"id":null}]}"#),
        ("huawei-ecs", r#"{"job_id":""}"#),
        ("huawei-ecs", r#"{"job_id":null}"#),
        ("huawei-ecs", r#"{"job_id":["1"]}"#),
        ("jdcloud-cps", r#"{"requestId":"T","result":{}}"#),
        ("jdcloud-cps", r#"{"requestId":"T","result":{"success":"true"}}"#),
        ("jdcloud-cps", r#"{"requestId":"T","result":{"success":1}}"#),
        ("jdcloud-cps", r#"{"requestId":"T","result":{"success":true},"error":"odd"}"#),
        ("openstack", r#"{"server":{"id":"stranger-1","status":"REBUILD"}}"#),
        ("openstack", r#"{"server":{"id":null}}"#),
        (
            "hetzner",
            r#"{"action":{"id":1,"command":"rebuild_server","status":"running","resources":[{"id":1,"type":"server"}]},"root_password":null}"#,
        ),
        (
            "hetzner",
            r#"{"action":{"id":1,"command":"reboot_server","status":"running","resources":[{"id":471101,"type":"server"}]},"root_password":null}"#,
        ),
        ("hetzner", r#"{"action":{"id":null,"command":"rebuild_server","status":"running"},"root_password":null}"#),
    ];
    every_product(|scene| {
        let settled = scene.settled();
        for (_, body) in bodies.iter().filter(|(product, _)| *product == scene.entry.id) {
            maybe(scene, &settled, body, json("200 OK", body.as_bytes()));
        }
    });
}

#[test]
fn strangers_refusals_are_no_refusals() {
    every_product(|scene| {
        let settled = scene.settled();
        let page = b"<html><h1>Nothing here</h1></html>";
        for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 No", "409 No"] {
            maybe(scene, &settled, status, answer(status, &[("content-type", "text/html")], page));
            maybe(scene, &settled, status, json(status, b"{}"));
        }
        for status in ["408 Timeout", "500 Oops", "502 Bad Gateway", "503 Busy", "504 Timeout", "599 What"] {
            maybe(scene, &settled, status, answer(status, &[("content-type", "text/html")], page));
        }
        maybe(scene, &settled, "no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
        maybe(scene, &settled, "another protocol", b"HTTP/0.9 200 OK\r\n\r\n{}".to_vec());
        maybe(scene, &settled, "two lengths", two_lengths());
    });
}

fn two_lengths() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ".to_vec()
}

/// The document with each value of its fields replaced.
fn replaced(good: &[u8], by: &serde_json::Value) -> Vec<u8> {
    let mut document: serde_json::Value = serde_json::from_slice(good).expect("JSON");
    for value in document.as_object_mut().expect("an object").values_mut() {
        *value = by.clone();
    }
    document.to_string().into_bytes()
}

fn nulled(good: &[u8]) -> Vec<u8> {
    replaced(good, &serde_json::Value::Null)
}

fn numbered(good: &[u8]) -> Vec<u8> {
    replaced(good, &serde_json::json!(7))
}

#[test]
fn the_scenes_good_answer_has_a_body_of_its_own() {
    every_product(|scene| {
        let settled = scene.settled();
        let (whole, body) = scene.good_order(&settled);
        let bare = BARE.contains(&scene.entry.id);
        assert!((bare && body.is_empty() || body.len() > 10) && body_at(&whole) + body.len() == whole.len());
    });
}
