//! Hostile answers to a look: none of them tells how a server is.

use crate::front::rebody;
use crate::http::{answer, body_at, json};
use crate::scene::{Scene, every_product};
use reinstall::model::{Phase, Record, Seen};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// A good look of one server, and what is needed to make bad ones of it.
struct Look {
    record: Record,
    body: String,
    /// The field that holds the status.
    key: String,
    /// The word for a running server.
    running: String,
}

fn good(scene: &Scene) -> Look {
    let servers = scene.servers();
    let running = servers.iter().find(|server| server.seen.phase == Phase::Running).expect("a running server");
    let record = servers.iter().find(|server| server.seen.phase == Phase::Stopped).expect("a stopped server").clone();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = kept.clone();
    scene.front.changes(move |_, answer| *keep.lock().expect("kept") = answer.clone());
    assert!(matches!(scene.look(&record), Seen::Here(_)));
    let answer = kept.lock().expect("kept").clone();
    let body = String::from_utf8(answer[body_at(&answer)..].to_vec()).expect("text");
    let value = body.find(&format!(":\"{}\"", record.seen.status)).expect("the status");
    let key = body[..value].trim_end_matches('"').rsplit('"').next().expect("a key").to_owned();
    Look { running: running.seen.status.clone(), record, body, key }
}

impl Look {
    fn status(&self) -> String {
        format!("\"{}\":\"{}\"", self.key, self.record.seen.status)
    }

    /// The body with the status field replaced.
    fn with(&self, text: &str) -> String {
        let body = self.body.replace(&self.status(), text);
        assert_ne!(body, self.body);
        body
    }

    /// The body with the status' value replaced.
    fn value(&self, value: &str) -> String {
        self.with(&format!("\"{}\":{value}", self.key))
    }

    /// The body with the list of servers changed.
    fn rows(&self, change: impl Fn(&mut Vec<Value>)) -> String {
        let mut document: Value = serde_json::from_str(&self.body).expect("JSON");
        assert!(list(&mut document, self.record.id.as_str(), &change));
        document.to_string()
    }

    /// A row as the given one, about another server or in another status.
    fn other(&self, row: &Value, id: &str, status: &str) -> Value {
        let text = row.to_string().replace(self.record.id.as_str(), id);
        let mut row: Value = serde_json::from_str(&text).expect("JSON");
        row[&self.key] = status.into();
        row
    }
}

/// Finds the list whose rows name the server.
fn list(value: &mut Value, id: &str, change: &impl Fn(&mut Vec<Value>)) -> bool {
    match value {
        Value::Array(rows)
            if rows.iter().any(|row| row.as_object().is_some_and(|row| row.values().any(|v| v == id))) =>
        {
            change(rows);
            true
        }
        Value::Array(rows) => rows.iter_mut().any(|row| list(row, id, change)),
        Value::Object(fields) => fields.values_mut().any(|field| list(field, id, change)),
        _ => false,
    }
}

/// Whether the look tells nothing that a verdict or an order could rest on.
fn blind(seen: &Seen) -> bool {
    match seen {
        Seen::Fault(_) => true,
        Seen::Here(seen) => seen.phase == Phase::Unknown,
        Seen::Absent => false,
    }
}

#[test]
fn a_status_that_is_not_quite_a_status_is_none() {
    every_product(|scene| {
        let look = good(scene);
        let (key, word) = (&look.key, &look.running);
        let raw = look.with(&format!("\"{key}\":\"{word}\""));
        scene.answers(json("200 OK", raw.as_bytes()));
        assert!(
            matches!(scene.look(&look.record), Seen::Here(seen) if seen.phase == Phase::Running),
            "the scene works"
        );
        let deep = 1 << 20;
        let cases = [
            ("twice", look.with(&format!("{},\"{key}\":\"{word}\"", look.status()))),
            ("twice, the good one last", look.with(&format!("\"{key}\":\"{word}\",{}", look.status()))),
            ("twice, the same", look.with(&format!("\"{key}\":\"{word}\",\"{key}\":\"{word}\""))),
            ("a NUL behind it", look.value(&format!("\"{word}\\u0000\""))),
            ("a NUL in it", look.value(&format!("\"{}\\u0000{}\"", &word[..3], &word[3..]))),
            ("a space behind it", look.value(&format!("\"{word} \""))),
            ("a space before it", look.value(&format!("\" {word}\""))),
            ("a line end", look.value(&format!("\"{word}\\n\""))),
            ("more of it", look.value(&format!("\"{word}_BUT\""))),
            ("less of it", look.value(&format!("\"{}\"", &word[..word.len() - 1]))),
            ("a zero-width space", look.value(&format!("\"{word}\\u200b\""))),
            ("a wide letter", look.value("\"ＲＵＮＮＩＮＧ\"")),
            ("a dotless i", look.value("\"RUNNıNG\"")),
            ("empty", look.value("\"\"")),
            ("null", look.value("null")),
            ("a number", look.value("1")),
            ("true", look.value("true")),
            ("a list", look.value(&format!("[\"{word}\"]"))),
            ("an object", look.value(&format!("{{\"{key}\":\"{word}\"}}"))),
            ("a lone surrogate", look.value("\"\\ud800\"")),
            ("a megabyte of brackets", look.value(&"[".repeat(deep))),
            ("a closed megabyte of brackets", look.value(&format!("{}{}", "[".repeat(deep), "]".repeat(deep)))),
            ("a megabyte of braces", look.value(&"{\"a\":".repeat(deep / 5))),
            ("missing", look.with("\"zzz\":1")),
        ];
        for (what, body) in cases {
            scene.answers(json("200 OK", body.as_bytes()));
            let seen = scene.look(&look.record);
            assert!(blind(&seen), "{} {what}: {seen:?}", scene.entry.id);
        }
    });
}

#[test]
fn bytes_that_are_no_json_tell_nothing() {
    every_product(|scene| {
        let look = good(scene);
        let body = look.with(&format!("\"{}\":\"{}\"", look.key, look.running)).into_bytes();
        let cut = body.len() / 2;
        let cases: [(&str, Vec<u8>); 10] = [
            ("a byte order mark", [b"\xef\xbb\xbf", &*body].concat()),
            ("bad UTF-8", [b"{\"\xff\xfe\":1,", &body[1..]].concat()),
            ("a raw NUL", [&body[..body.len() - 1], b"\0}"].concat()),
            ("text behind it", [&*body, b" ok"].concat()),
            ("half of it", body[..cut].to_vec()),
            ("4 MiB of brackets", vec![b'['; 4 << 20]),
            ("more than 4 MiB", [&*body, &vec![b' '; 4 << 20]].concat()),
            ("UTF-16", body.iter().flat_map(|&byte| [byte, 0]).collect()),
            ("a page", b"<html><body>Log in to continue</body></html>".to_vec()),
            ("nothing", Vec::new()),
        ];
        for (what, bytes) in cases {
            scene.answers(json("200 OK", &bytes));
            let seen = scene.look(&look.record);
            assert!(matches!(seen, Seen::Fault(_)), "{} {what}: {seen:?}", scene.entry.id);
        }
        for kind in ["text/html", "text/plain", "application/xml", "application/json-seq"] {
            scene.answers(answer("200 OK", &[("content-type", kind)], &body));
            let seen = scene.look(&look.record);
            assert!(matches!(seen, Seen::Fault(_)), "{} {kind}: {seen:?}", scene.entry.id);
        }
    });
}

#[test]
fn an_answer_about_other_servers_tells_nothing() {
    every_product(|scene| {
        let look = good(scene);
        let (id, word) = (look.record.id.as_str().to_owned(), look.running.clone());
        let cases = [
            ("another server instead", look.rows(|rows| rows[0] = look.other(&rows[0], "stranger-1", &word))),
            ("twice, in two states", look.rows(|rows| rows.push(look.other(&rows[0], &id, &word)))),
            ("twice, the other way round", look.rows(|rows| rows.insert(0, look.other(&rows[0], &id, &word)))),
            ("an id in capitals", look.rows(|rows| rows[0] = look.other(&rows[0], &id.to_ascii_uppercase(), &word))),
            ("an id with a space", look.rows(|rows| rows[0] = look.other(&rows[0], &format!("{id} "), &word))),
        ];
        for (what, body) in cases {
            scene.answers(json("200 OK", body.as_bytes()));
            let seen = scene.look(&look.record);
            assert!(matches!(seen, Seen::Fault(_)), "{} {what}: {seen:?}", scene.entry.id);
        }
    });
}

#[test]
fn ten_thousand_strangers_do_not_hide_or_change_the_one_that_was_asked_for() {
    every_product(|scene| {
        let look = good(scene);
        let body = look.rows(|rows| {
            let row = rows[0].clone();
            rows.extend((0..10_000).map(|number| look.other(&row, &format!("stranger-{number}"), &look.running)));
        });
        scene.answers(json("200 OK", body.as_bytes()));
        match scene.look(&look.record) {
            Seen::Here(seen) => assert_eq!(seen.phase, Phase::Stopped, "{}", scene.entry.id),
            Seen::Fault(_) => {}
            Seen::Absent => panic!("{}: strangers made it vanish", scene.entry.id),
        }
    });
}

#[test]
fn a_list_without_end_ends_and_a_count_that_lies_does_not_turn_in_circles() {
    every_product(|scene| {
        let look = good(scene);
        // Each page has another server, and says that there is more.
        let (key, record) = (look.key.clone(), look.record.clone());
        let base = look.body.clone();
        let pages = Arc::new(Mutex::new(0_u64));
        let turned = pages.clone();
        scene.front.changes(move |_, answer| {
            let mut turned = turned.lock().expect("a number");
            *turned += 1;
            let number = *turned;
            let text = base.replace(record.id.as_str(), &format!("stranger-{number}"));
            let mut document: Value = serde_json::from_str(&text).expect("JSON");
            endless(&mut document, number);
            let _ = &key;
            rebody(answer, document.to_string().as_bytes());
        });
        let told = scene.block(scene.product.list(&scene.client.patient()));
        assert!(told.is_err(), "{}: a list without end was believed", scene.entry.id);
        assert!(*pages.lock().expect("a number") <= 1000, "{}", scene.entry.id);
        for total in ["0", "1", "1000000", "-1", "\"1\"", "18446744073709551616", "1e400"] {
            let mut body = look.body.clone();
            for name in ["totalCount", "total_count", "count"] {
                if let Some(place) = body.find(&format!("\"{name}\":")) {
                    let from = place + name.len() + 3;
                    let length = body[from..].bytes().take_while(u8::is_ascii_digit).count();
                    body.replace_range(from..from + length, total);
                }
            }
            scene.answers(json("200 OK", body.as_bytes()));
            let seen = scene.look(&look.record);
            let honest = matches!(&seen, Seen::Here(seen) if seen.phase == Phase::Stopped);
            assert!(honest || matches!(seen, Seen::Fault(_)), "{} {total}: {seen:?}", scene.entry.id);
            assert!(scene.front.server.connections() <= 210, "{} {total}", scene.entry.id);
        }
    });
}

/// Makes a page say that many more follow.
fn endless(document: &mut Value, number: u64) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match name.as_str() {
                    "totalCount" | "total_count" | "count" => *value = 1_000_000_000.into(),
                    _ => endless(value, number),
                }
            }
            if fields.contains_key("page_info") {
                fields["page_info"] = serde_json::json!({ "next_marker": format!("m{number}") });
            }
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| endless(row, number)),
        _ => {}
    }
}
