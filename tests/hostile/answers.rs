//! Hostile answers to a look: none of them tells how a server is.

use crate::front::rebody;
use crate::http::{answer, body_at, json};
use crate::scene::{Scene, every_product};
use reinstall::model::{Phase, Record, Seen};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Where power is a field of its own, beside a status that is the same on and off: product, field, off, on.
const POWER: [(&str, &str, &str, &str); 1] = [("openstack-ironic", "power_state", "power off", "power on")];

/// A good look of one server, and what is needed to make bad ones of it.
struct Look {
    record: Record,
    /// Who is looked at beside it: some products read a list only for several.
    beside: Vec<Record>,
    /// First line of the request that this answers; others are passed on.
    line: Vec<u8>,
    /// Whether that request names the server. Otherwise it asks for everybody, and who is not there is absent.
    named: bool,
    body: String,
    /// The field that holds the state.
    key: String,
    /// The word for this server, which is off, and that for one that is running.
    stopped: String,
    running: String,
}

fn line(request: &[u8]) -> Vec<u8> {
    request.iter().copied().take_while(|&byte| byte != b'\r').collect()
}

fn good(scene: &Scene) -> Look {
    let mut servers = scene.servers();
    let running = servers.iter().find(|server| server.seen.phase == Phase::Running).expect("a running server");
    let power = POWER.iter().find(|(id, ..)| *id == scene.entry.id);
    let running = power.map_or(running.seen.status.as_str(), |power| power.3).to_owned();
    let place = servers.iter().position(|server| server.seen.phase == Phase::Stopped).expect("a stopped server");
    let record = servers.remove(place);
    let stopped = power.map_or(record.seen.status.as_str(), |power| power.2).to_owned();
    for beside in [Vec::new(), servers] {
        let (request, body) = kept(scene, &record, &beside, &format!(":\"{stopped}\""));
        let value = body.find(&format!(":\"{stopped}\"")).expect("the state");
        let key = body[..value].trim_end_matches('"').rsplit('"').next().expect("a key").to_owned();
        let look = Look {
            record: record.clone(),
            beside,
            line: line(request.as_bytes()),
            named: request.contains(record.id.as_str()),
            body,
            key,
            stopped: stopped.clone(),
            running: running.clone(),
        };
        if look.has_rows() {
            return look;
        }
    }
    panic!("{}: no list names the server", scene.entry.id)
}

/// Request and body of the exchange whose answer holds this text.
fn kept(scene: &Scene, record: &Record, beside: &[Record], text: &str) -> (String, String) {
    let exchanges = Arc::new(Mutex::new(Vec::new()));
    let keep = exchanges.clone();
    scene.front.changes(move |request, answer| {
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        keep.lock().expect("kept").push((told(request), told(&answer[body_at(answer)..])));
    });
    assert!(matches!(scene.look(record, beside), Seen::Here(_)));
    let exchanges = exchanges.lock().expect("kept").clone();
    exchanges.into_iter().find(|(_, body)| body.contains(text)).expect("the answer with the state")
}

impl Look {
    fn status(&self) -> String {
        format!("\"{}\":\"{}\"", self.key, self.stopped)
    }

    /// Looks once; the request for the state meets this answer.
    fn answered(&self, scene: &Scene, bytes: Vec<u8>) -> Seen {
        let wanted = self.line.clone();
        scene.front.server.forget();
        scene.front.changes(move |request, answer| {
            if line(request) == wanted {
                answer.clone_from(&bytes);
            }
        });
        scene.look(&self.record, &self.beside)
    }

    fn has_rows(&self) -> bool {
        let mut document: Value = serde_json::from_str(&self.body).expect("JSON");
        list(&mut document, self.record.id.as_str(), &|_| {})
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

    /// An id of nobody, in the form of this provider's.
    fn stranger(&self, number: u64) -> String {
        match self.record.id.as_str().parse::<u64>() {
            Ok(own) => (own + 1_000_000 + number).to_string(),
            Err(_) => format!("stranger-{number}"),
        }
    }

    /// A row as the given one, about another server or in another status.
    fn other(&self, row: &Value, id: &str, status: &str) -> Value {
        let text = row.to_string().replace(self.record.id.as_str(), id);
        let mut row: Value = serde_json::from_str(&text).expect("JSON");
        row[&self.key] = status.into();
        row
    }
}

fn names(row: &Value, id: &str) -> bool {
    // Some providers number their servers.
    let is = |value: &Value| value == id || value.as_u64().is_some_and(|number| number.to_string() == id);
    row.as_object().is_some_and(|row| row.values().any(is))
}

/// Finds the list whose rows name the server, and puts its row first.
fn list(value: &mut Value, id: &str, change: &impl Fn(&mut Vec<Value>)) -> bool {
    match value {
        Value::Array(rows) if rows.iter().any(|row| names(row, id)) => {
            rows.sort_by_key(|row| !names(row, id));
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
        let seen = look.answered(scene, json("200 OK", raw.as_bytes()));
        assert!(matches!(seen, Seen::Here(seen) if seen.phase == Phase::Running), "the scene works");
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
        // A power state that was never reported is null, or not there.
        let optional = POWER.iter().any(|(id, ..)| *id == scene.entry.id);
        for (what, body) in cases.iter().filter(|(what, _)| !(optional && ["null", "missing"].contains(what))) {
            let seen = look.answered(scene, json("200 OK", body.as_bytes()));
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
            let seen = look.answered(scene, json("200 OK", &bytes));
            assert!(matches!(seen, Seen::Fault(_)), "{} {what}: {seen:?}", scene.entry.id);
        }
        for kind in ["text/html", "text/plain", "application/xml", "application/json-seq"] {
            let seen = look.answered(scene, answer("200 OK", &[("content-type", kind)], &body));
            assert!(matches!(seen, Seen::Fault(_)), "{} {kind}: {seen:?}", scene.entry.id);
        }
    });
}

#[test]
fn an_answer_about_other_servers_tells_nothing() {
    every_product(|scene| {
        let look = good(scene);
        let (id, word) = (look.record.id.as_str().to_owned(), look.running.clone());
        let numbered = id.parse::<u64>().is_ok();
        let twice = [
            ("twice, in two states", look.rows(|rows| rows.push(look.other(&rows[0], &id, &word)))),
            ("twice, the other way round", look.rows(|rows| rows.insert(0, look.other(&rows[0], &id, &word)))),
        ];
        for (what, body) in twice {
            let seen = look.answered(scene, json("200 OK", body.as_bytes()));
            assert!(matches!(seen, Seen::Fault(_)), "{} {what}: {seen:?}", scene.entry.id);
        }
        let instead = [
            ("another server instead", look.stranger(1)),
            ("an id in capitals", id.to_ascii_uppercase()),
            ("an id with a space", format!("{id} ")),
        ];
        // A number has no capitals, and a space beside it is none of its own.
        for (what, other) in instead.into_iter().take(if numbered { 1 } else { 3 }) {
            let body = look.rows(|rows| rows[0] = look.other(&rows[0], &other, &word));
            let seen = look.answered(scene, json("200 OK", body.as_bytes()));
            // Who is missing in a list may be asked for alone, and that is answered well.
            let fits = match &seen {
                Seen::Fault(_) => true,
                Seen::Absent => !look.named,
                Seen::Here(seen) => seen.phase == Phase::Stopped,
            };
            assert!(fits, "{} {what}: {seen:?}", scene.entry.id);
        }
    });
}

#[test]
fn ten_thousand_strangers_do_not_hide_or_change_the_one_that_was_asked_for() {
    every_product(|scene| {
        let look = good(scene);
        let body = look.rows(|rows| {
            let row = rows[0].clone();
            rows.extend((0..10_000).map(|number| look.other(&row, &look.stranger(number), &look.running)));
        });
        match look.answered(scene, json("200 OK", body.as_bytes())) {
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
        let (id, base) = (look.record.id.as_str().to_owned(), look.body.clone());
        let strangers: Vec<String> = (0..2000).map(|number| look.stranger(number)).collect();
        let pages = Arc::new(Mutex::new(0_u64));
        let turned = pages.clone();
        scene.front.changes(move |_, answer| {
            let mut turned = turned.lock().expect("a number");
            *turned += 1;
            let number = *turned;
            let stranger = usize::try_from(number).ok().and_then(|number| strangers.get(number)).expect("an end");
            let text = base.replace(&id, stranger);
            let mut document: Value = serde_json::from_str(&text).expect("JSON");
            endless(&mut document, number);
            rebody(answer, document.to_string().as_bytes());
        });
        let told = scene.block(scene.product.list(&scene.client.patient()));
        assert!(told.is_err(), "{}: a list without end was believed", scene.entry.id);
        assert!(*pages.lock().expect("a number") <= 1000, "{}", scene.entry.id);
        for total in ["0", "1", "1000000", "-1", "\"1\"", "18446744073709551616", "1e400"] {
            let mut body = look.body.clone();
            for name in ["totalCount", "total_count", "total_entries", "count"] {
                if let Some(place) = body.find(&format!("\"{name}\":")) {
                    let from = place + name.len() + 3;
                    let length = body[from..].bytes().take_while(u8::is_ascii_digit).count();
                    body.replace_range(from..from + length, total);
                }
            }
            let seen = look.answered(scene, json("200 OK", body.as_bytes()));
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
                    "totalCount" | "total_count" | "total_entries" | "count" => *value = 1_000_000_000.into(),
                    "page" => *value = number.into(),
                    "next_page" => *value = (number + 1).into(),
                    _ => endless(value, number),
                }
            }
            let next = format!("http://127.0.0.1/next?marker=m{number}");
            if fields.contains_key("servers") {
                fields.insert("servers_links".to_owned(), serde_json::json!([{ "rel": "next", "href": next }]));
            }
            if fields.contains_key("nodes") {
                fields.insert("next".to_owned(), next.into());
            }
            if fields.contains_key("page_info") {
                fields["page_info"] = serde_json::json!({ "next_marker": format!("m{number}") });
            }
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| endless(row, number)),
        _ => {}
    }
}
