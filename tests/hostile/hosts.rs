//! Where plain `http` may go, judged by what was typed and not by what a parser makes of it.

use crate::bench::{BMC, Bench, each};
use crate::server::Server;

#[test]
fn plain_http_goes_to_a_literal_loopback_address_alone() {
    // Whoever is taken for this machine would hear the request.
    let server = Server::start(|talk| talk.hold());
    let port = server.port();
    let refused = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1.",
        "127.0.0.1.example.org",
        "127.0.0.1.nip.io",
        "127-0-0-1.example.org",
        "0x7f.1",
        "0x7f.0.0.1",
        "0x7F000001",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.000.000.001",
        "127.0.0.1%2f.example.org",
        "%31%32%37.0.0.1",
        "user@127.0.0.1",
        "user:pw@127.0.0.1",
        "127.0.0.1@example.org",
        "example.org@127.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "lоcalhost",
        "xn--lcalhost-30d",
        "0.0.0.0",
        "0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::1%25lo]",
        "[fe80::1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "128.0.0.1",
        "126.255.255.255",
    ];
    let bench = Bench::alone();
    for host in refused {
        let url = format!("http://{host}:{port}");
        let ran = bench.run(&["-p", BMC.id, "-i", "a", "--no-login", "-y", "--endpoint", &url]).ended(2);
        assert!(ran.err.contains("--endpoint"), "{url}: {}", ran.err);
    }
    assert_eq!(server.connections(), 0);
    let ran = bench.run(&["-p", BMC.id, "-i", "a", "--no-login", "-y", "--endpoint", "http://localhost:1"]).ended(2);
    assert!(ran.err.contains("write `https`, or 127.0.0.1 or [::1]"), "{}", ran.err);
}

#[test]
fn every_spelling_of_a_literal_loopback_address_is_spoken_to() {
    let mut bench = Bench::alone();
    bench.set("ZENLAYER_TOKEN", "made-up");
    let server = Server::start(|talk| {
        crate::http::message(talk);
    });
    let port = server.port();
    // Nobody listens at most of them: they are tried, and not refused.
    let urls = [
        format!("http://127.0.0.1:{port}"),
        format!("HTTP://127.0.0.1:{port}/"),
        "http://127.0.0.2:1".to_owned(),
        "http://127.255.255.254:1".to_owned(),
        "http://[::1]:1".to_owned(),
        "http://[0:0:0:0:0:0:0:1]:1".to_owned(),
    ];
    each(urls, |url| {
        bench.run(&["-p", BMC.id, "list", "--endpoint", &url]).ended(69);
    });
    let received = server.received();
    assert!(received.len() >= 2 && received.iter().all(|bytes| bytes.starts_with(b"POST ")), "{}", received.len());
}
