//! The emulator as another process: faults go in, the log comes out.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// `reinstall sandbox`, ended when it is dropped.
pub(crate) struct Sandbox {
    pub(crate) url: String,
    pub(crate) credentials: Vec<(String, String)>,
    process: Child,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sandbox {
    /// Starts it on a free port and reads its first line.
    pub(crate) fn start(command: &mut Command, speed: f64) -> Self {
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--speed", &speed.to_string()]);
        let mut process = command.stderr(Stdio::null()).spawn().expect("the emulator starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
        let told: Value = serde_json::from_str(&line).expect("its first line is JSON");
        assert_eq!(told["pid"], process.id());
        let credentials = told["credentials"].as_object().expect("credentials");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let credentials = credentials.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        Self { url: text(&told["url"]), credentials, process }
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("plain http on loopback")
    }

    fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {length}");
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).expect("the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, serde_json::from_str(body).expect("JSON"))
    }

    /// Adds fault rules: one, or a list.
    #[track_caller]
    pub(crate) fn fault(&self, rule: &Value) {
        let (status, said) = self.call("POST", "/_sandbox/faults", &rule.to_string());
        assert_eq!(status, 201, "{said}");
    }

    /// Adds one about reinstall orders.
    #[track_caller]
    pub(crate) fn order_fault(&self, fault: &str) {
        self.fault(&json!({ "operation": "reinstall", "fault": fault }));
    }

    /// The log.
    pub(crate) fn log(&self) -> Value {
        self.call("GET", "/_sandbox/log", "").1
    }

    /// Requests of these kinds: their kind and the servers that they name.
    pub(crate) fn requests(&self, kinds: &[&str]) -> Vec<(String, Vec<String>)> {
        let log = self.log();
        assert_eq!(log["dropped"], 0);
        let requests = log["requests"].as_array().expect("requests");
        let kept = requests.iter().filter_map(|request| {
            let kind = request["operation"].as_str().filter(|kind| kinds.contains(kind))?;
            let servers = request["servers"].as_array()?.iter().filter_map(Value::as_str);
            Some((kind.to_owned(), servers.map(str::to_owned).collect()))
        });
        kept.collect()
    }

    /// Requests that change something, carried out or not.
    pub(crate) fn changes(&self) -> Vec<(String, Vec<String>)> {
        self.requests(&["reinstall", "stop", "start"])
    }

    /// How many reinstall requests arrived.
    pub(crate) fn orders(&self) -> usize {
        self.requests(&["reinstall"]).len()
    }

    /// How many requests of any kind arrived.
    pub(crate) fn arrived(&self) -> usize {
        self.log()["requests"].as_array().expect("requests").len()
    }

    /// How often the server was really reinstalled.
    pub(crate) fn wiped(&self, server: &str) -> u64 {
        self.log()["reinstalls"][server].as_u64().expect("a server of the emulator")
    }
}
