//! A service asked without the program's own code: plain HTTP/1.0 to the loopback, JSON in and out.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Answer {
    /// A header by its name, in whatever case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Fails with everything that was said unless the status is of the 200s.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:?}");
        self
    }
}

/// Sends a request. `url` is an address on the loopback with a port.
pub(crate) fn call(method: &str, url: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
    let rest = url.strip_prefix("http://").expect("plain http on the loopback");
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, path.to_owned()));
    let mut stream = TcpStream::connect(host).unwrap_or_else(|why| panic!("{url}: {why}; ./check real starts it"));
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut head = format!("{method} /{path} HTTP/1.0\r\nhost: {host}\r\naccept: application/json\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        let kind =
            if method == "PATCH" && body.starts_with('[') { "application/json-patch+json" } else { "application/json" };
        head.push_str(&format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).expect("the request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    let body = if body.trim().is_empty() { Value::Null } else { serde_json::from_str(body).unwrap_or(Value::Null) };
    Answer { status, head: head.to_owned(), body }
}
