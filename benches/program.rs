#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]
//! The whole program against its own sandbox, as a user starts it: process start, first byte on the wire, one
//! whole `--no-wait` order beside curl making the same number of requests, peak memory, size.
//!
//! `cargo bench --bench program`. Each figure is minimum, median and maximum of its runs; the ratio to curl is
//! taken pair by pair, since a machine's speed drifts.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 31;

fn main() {
    let bench = Bench::new();
    println!("{:<44} {:>9} {:>9} {:>9}", "", "min", "median", "max");
    row("process start to --version, ms", runs(|| bench.version()));
    row("process start to first byte, ms", runs(|| bench.first_byte()));
    bench.order_beside_curl();
    row("peak memory of a watched run, MiB", (0..5).map(|_| bench.peak_memory()).collect());
    let bytes = fs::metadata(&bench.binary).map_or(0, |file| file.len());
    println!("{:<44} {:>9.2}", "size of the binary, MiB", bytes as f64 / 1024.0 / 1024.0);
}

fn runs(mut one: impl FnMut() -> f64) -> Vec<f64> {
    one();
    (0..RUNS).map(|_| one()).collect()
}

fn row(name: &str, mut figures: Vec<f64>) {
    figures.sort_by(f64::total_cmp);
    let (min, median, max) = (figures[0], figures[figures.len() / 2], figures[figures.len() - 1]);
    println!("{name:<44} {min:>9.2} {median:>9.2} {max:>9.2}");
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn time(what: impl FnOnce()) -> f64 {
    let start = Instant::now();
    what();
    start.elapsed().as_secs_f64() * 1000.0
}

struct Bench {
    binary: PathBuf,
    home: tempfile::TempDir,
    sandbox: Sandbox,
}

/// `reinstall sandbox` in a process of its own.
struct Sandbox {
    child: Child,
    address: String,
    credentials: BTreeMap<String, String>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bench {
    fn new() -> Self {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_reinstall"));
        let home = tempfile::tempdir().expect("a folder");
        let sandbox = Sandbox::start(&binary, home.path());
        let password = home.path().join("password");
        fs::write(&password, "Aa1+xy2zQ\n").expect("a file");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&password, private).expect("a mode");
        Self { binary, home, sandbox }
    }

    fn program(&self, endpoint: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).envs(&self.sandbox.credentials);
        command.args(["--endpoint", endpoint, "--provider", "zenlayer-bmc", "--instance", "bmc-demo-1", "--yes"]);
        command.args(["--quiet", "--output", "json", "--password-file"]).arg(self.home.path().join("password"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn version(&self) -> f64 {
        let mut command = Command::new(&self.binary);
        command.arg("--version").stdout(Stdio::null());
        time(|| assert!(command.status().expect("it starts").success()))
    }

    /// Until a listener of our own has the first byte of the first request.
    fn first_byte(&self) -> f64 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let mut command = self.program(&endpoint);
        let mut child = None;
        let took = time(|| {
            child = Some(command.spawn().expect("it starts"));
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.read_exact(&mut [0]).expect("a byte");
        });
        let mut child = child.expect("a child");
        child.kill().expect("it ends");
        child.wait().expect("it ends");
        took
    }

    fn order(&self) -> f64 {
        self.sandbox.reset();
        let mut command = self.program(&format!("http://{}", self.sandbox.address));
        command.arg("--no-wait");
        time(|| assert!(command.status().expect("it starts").success()))
    }

    fn order_beside_curl(&self) {
        self.order();
        let log: Value = serde_json::from_str(&self.sandbox.call("GET", "/_sandbox/log")).expect("a log");
        let requests = log["requests"].as_array().map_or(0, Vec::len);
        if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
            row(&format!("one --no-wait order ({requests} requests), ms"), runs(|| self.order()));
            println!("curl is not on this machine: no figure beside it");
            return;
        }
        let read = self.signed_read();
        let (mut ours, mut curls, mut singles) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(self.order());
            curls.push(self.curl(&read, requests, 1));
            singles.push(self.curl(&read, 1, requests));
        }
        let ratios = |theirs: &[f64]| ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        let (whole, single) = (ratios(&curls), ratios(&singles));
        row(&format!("one --no-wait order ({requests} requests), ms"), ours);
        row(&format!("one curl with {requests} requests, ms"), curls);
        row("  order / that curl", whole);
        row(&format!("{requests} curls with one request, ms"), singles);
        row("  order / those curls", single);
    }

    /// Headers of a signed read, made by `reinstall sign`, so that curl gets real answers.
    fn signed_read(&self) -> Vec<String> {
        let url = format!("http://{}/api/v2/bmc", self.sandbox.address);
        let asked = serde_json::json!({
            "provider": "zenlayer-bmc", "method": "POST", "url": url, "body": READ,
            "headers": { "Content-Type": "application/json" },
        });
        let mut sign = Command::new(&self.binary)
            .arg("sign")
            .env_clear()
            .env("HOME", self.home.path())
            .envs(&self.sandbox.credentials)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        sign.stdin.take().expect("a pipe").write_all(asked.to_string().as_bytes()).expect("it reads");
        let told = sign.wait_with_output().expect("it ends").stdout;
        let told: Value = serde_json::from_slice(&told).expect("a document");
        let mut headers: Vec<String> = told["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()))
            .collect();
        headers.push("x-zc-action: DescribeInstances".to_owned());
        headers.push("x-zc-version: 2026-02-01".to_owned());
        headers
    }

    fn curl(&self, headers: &[String], requests: usize, processes: usize) -> f64 {
        let url = format!("http://{}/api/v2/bmc", self.sandbox.address);
        let mut words: Vec<&str> = Vec::new();
        for place in 0..requests {
            if place > 0 {
                words.push("--next");
            }
            words.extend(["--silent", "--fail", "--noproxy", "*", "--output", "/dev/null", "--data", READ]);
            for header in headers {
                words.extend(["--header", header]);
            }
            words.push(&url);
        }
        time(|| {
            for _ in 0..processes {
                assert!(
                    Command::new("curl").args(&words).status().expect("curl starts").success(),
                    "curl got an answer"
                );
            }
        })
    }

    /// The high-water mark that the kernel keeps, read while the run watches.
    fn peak_memory(&self) -> f64 {
        self.sandbox.reset();
        let mut command = self.program(&format!("http://{}", self.sandbox.address));
        let mut child = command.args(["--poll-interval", "300ms"]).spawn().expect("it starts");
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0.0_f64;
        while child.try_wait().expect("a state").is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
            let kib = line.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0);
            peak = peak.max(kib / 1024.0);
            pause(Duration::from_millis(5));
        }
        peak
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark lives in real time")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

const READ: &str = r#"{"instanceIds":["bmc-demo-1"],"pageNum":1,"pageSize":100}"#;

impl Sandbox {
    fn start(binary: &Path, home: &Path) -> Self {
        let mut child = Command::new(binary)
            .args(["sandbox", "--quiet"])
            .env_clear()
            .env("HOME", home)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("its first line");
        let url = told["url"].as_str().unwrap_or_default();
        let credentials = serde_json::from_value(told["credentials"].clone()).expect("credentials");
        Self { child, address: url.trim_start_matches("http://").to_owned(), credentials }
    }

    fn call(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    fn reset(&self) {
        self.call("POST", "/_sandbox/reset");
    }
}
