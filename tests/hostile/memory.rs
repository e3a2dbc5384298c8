//! How much memory hostile answers cost the program: read from outside, while it runs.

use crate::bench::{BMC, Bench};
use crate::http::{json, message};
use crate::server::{Server, Talk};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// The most memory that a call took, in KiB; the answer to each of its requests is what `deed` does.
fn peak(deed: impl Fn(&mut Talk) + Send + Sync + 'static) -> u64 {
    let server = Server::start(move |talk| {
        if message(talk).is_some() {
            deed(talk);
            talk.close();
        }
    });
    let mut bench = Bench::alone();
    bench.set("ZENLAYER_TOKEN", "made-up");
    let mut command = bench.command(&["-p", BMC.id, "list", "--endpoint", &server.url()]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let status = format!("/proc/{}/status", process.id());
    let mut most = 0;
    while process.try_wait().expect("a state").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        // For a moment a new process still shows the memory of the one that started it, and its name.
        let own = text.starts_with("Name:\treinstall\n");
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).filter(|_| own);
        let size = line.and_then(|line| line.split_whitespace().next()).and_then(|size| size.parse().ok());
        most = most.max(size.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    most
}

fn chunks(talk: &mut Talk) {
    talk.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 1 << 16], b"\r\n"].concat();
    while talk.say(&chunk) {}
}

fn length(talk: &mut Talk) {
    talk.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10000000000\r\n\r\n");
    while talk.say(&[b' '; 1 << 16]) {}
}

fn headers(talk: &mut Talk) {
    talk.say(b"HTTP/1.1 200 OK\r\nx-long: ");
    while talk.say(&[b'y'; 1 << 16]) {}
}

fn packed(talk: &mut Talk) {
    talk.say(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = [b"10000\r\n".as_slice(), &[0; 1 << 16], b"\r\n"].concat();
    while talk.say(&chunk) {}
}

/// A list of this row, as long as a body may be.
fn rows(row: &str) -> Vec<u8> {
    let most = (4 << 20) - 200;
    let rows = vec![row; most / (row.len() + 1)].join(",");
    json("200 OK", format!(r#"{{"requestId":"T","response":{{"totalCount":1,"dataSet":[{rows}]}}}}"#).as_bytes())
}

fn unknown(filling: &str) -> Vec<u8> {
    json("200 OK", format!(r#"{{"zzz":{filling},"response":{{"totalCount":0}}}}"#).as_bytes())
}

#[test]
fn no_hostile_answer_costs_16_mib() {
    let calm = peak(|talk| {
        talk.say(&json("200 OK", br#"{"requestId":"T","response":{"totalCount":0}}"#));
    });
    assert!(calm > 1000, "{calm} KiB");
    type Deed = Box<dyn Fn(&mut Talk) + Send + Sync>;
    let says = |bytes: Vec<u8>| -> Deed {
        Box::new(move |talk| {
            talk.say(&bytes);
        })
    };
    let numbers = format!("[{}]", vec!["0"; 1 << 20].join(","));
    let nested = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    let cases: Vec<(&str, Deed)> = vec![
        ("chunks without end", Box::new(chunks)),
        ("ten gigabytes by length", Box::new(length)),
        ("a header without end", Box::new(headers)),
        ("packed without end", Box::new(packed)),
        ("4 MiB of brackets", says(json("200 OK", &vec![b'['; (4 << 20) - 1]))),
        ("nested brackets in an unknown field", says(unknown(&nested))),
        ("a million numbers in an unknown field", says(unknown(&numbers))),
        ("empty rows", says(rows("{}"))),
        ("small rows", says(rows(r#"{"instanceId":"a"}"#))),
        ("rows of lists", says(rows(r#"{"publicIpAddresses":["","","","",""]}"#))),
        ("an error of many parts", says(json("400 Bad Request", format!(r#"{{"details":{numbers}}}"#).as_bytes()))),
    ];
    let told = std::sync::Mutex::new(Vec::new());
    crate::bench::each(cases, |(what, deed)| {
        let grown = peak(deed).saturating_sub(calm);
        told.lock().expect("told").push((what, grown));
    });
    let told = told.into_inner().expect("told");
    for (what, grown) in &told {
        println!("{what}: {grown} KiB over the {calm} KiB of a good answer");
    }
    for (what, grown) in told {
        assert!(grown < 16 << 10, "{what}: {grown} KiB");
    }
}
