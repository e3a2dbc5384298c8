//! Proxies: which request goes through one, and what is told of it.

use crate::bench::{BMC, Bench, Ran, each};
use crate::front::forward;
use crate::http::{header, message};
use crate::server::Server;
use crate::tls::{Authority, Flaw, Heard, serve};
use rustls::ServerConfig;
use std::fs;
use std::sync::Arc;

/// An address that is not a loopback one by its text, and leads to this machine all the same.
const FAR: &str = "0.0.0.0";
const NAMES: [&str; 3] = [FAR, "127.0.0.1", "localhost"];

struct Place {
    bench: Bench,
    /// Speaks TLS.
    direct: Server,
    /// Takes CONNECT, and then speaks TLS itself.
    proxy: Server,
}

fn speaking(config: Arc<ServerConfig>, behind: String, tunnel: bool) -> Server {
    Server::start(move |talk| {
        if tunnel {
            match message(talk) {
                Some(asked) if asked.starts_with(b"CONNECT ") => talk.say(b"HTTP/1.1 200 Fine\r\n\r\n"),
                _ => return,
            };
        }
        serve(&config, talk, &Heard::default(), |request| forward(&behind, request));
    })
}

impl Place {
    fn new() -> Self {
        let authority = Authority::new();
        let mut bench = Bench::new();
        let path = bench.path("ca.pem");
        fs::write(&path, &authority.pem).expect("a file");
        bench.set("SSL_CERT_FILE", &path.to_string_lossy());
        let config = authority.server(&NAMES, Flaw::None);
        let behind = bench.sandbox().address().to_owned();
        let direct = speaking(config.clone(), behind.clone(), false);
        let proxy = speaking(config, behind, true);
        bench.unset("REINSTALL_ENDPOINT");
        Self { bench, direct, proxy }
    }

    fn list(&self, host: &str, variables: &[(&str, &str)]) -> Ran {
        self.run(&["-p", BMC.id, "list", "--endpoint", &format!("https://{host}:{}", self.direct.port())], variables)
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let proxy = format!("http://127.0.0.1:{}", self.proxy.port());
        let named = format!("http://ann:Geheim-123@127.0.0.1:{}", self.proxy.port());
        let mut command = self.bench.command(arguments);
        for (name, value) in variables {
            let value = match *value {
                "PROXY" => &proxy,
                "NAMED" => &named,
                value => value,
            };
            command.env(name, value);
        }
        let output = command.output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Connections to proxy and server since the last count.
    fn counts(&self) -> (usize, usize) {
        let counts = (self.proxy.connections(), self.direct.connections());
        self.proxy.forget();
        self.direct.forget();
        counts
    }
}

#[test]
fn a_proxy_for_https_is_asked_and_one_for_http_is_not() {
    let place = Place::new();
    let port = place.direct.port();
    for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        place.list(FAR, &[(name, "PROXY")]).ended(0);
        let asked = place.proxy.received();
        assert!(asked[0].starts_with(format!("CONNECT {FAR}:{port} HTTP/1.1\r\n").as_bytes()), "{name}");
        assert!(matches!(place.counts(), (1.., 0)), "{name}");
    }
    let direct: [&[(&str, &str)]; 9] = [
        &[],
        &[("http_proxy", "PROXY")],
        &[("HTTP_PROXY", "PROXY")],
        &[("HTTP_PROXY", "PROXY"), ("REQUEST_METHOD", "GET")],
        &[("https_proxy", "PROXY"), ("no_proxy", FAR)],
        &[("https_proxy", "PROXY"), ("NO_PROXY", "0.0.0.0")],
        &[("ALL_PROXY", "PROXY"), ("no_proxy", "0.0.0.0/8, example.org")],
        &[("https_proxy", "")],
        &[("https_proxy", "ftp://127.0.0.1:1")],
    ];
    for variables in direct {
        place.list(FAR, variables).ended(0);
        assert!(matches!(place.counts(), (0, 1..)), "{variables:?}");
    }
}

#[test]
fn loopback_is_never_asked_through_a_proxy() {
    let place = Place::new();
    let every = [
        ("http_proxy", "PROXY"),
        ("HTTP_PROXY", "PROXY"),
        ("https_proxy", "PROXY"),
        ("HTTPS_PROXY", "PROXY"),
        ("all_proxy", "PROXY"),
        ("ALL_PROXY", "PROXY"),
    ];
    for host in ["127.0.0.1", "localhost"] {
        place.list(host, &every).ended(0);
        assert!(matches!(place.counts(), (0, 1..)), "{host}");
    }
    let sandbox = place.bench.sandbox().url.clone();
    place.run(&["-p", BMC.id, "list", "--endpoint", &sandbox], &every).ended(0);
    assert_eq!(place.counts(), (0, 0));
    // The emulator in the process is loopback, too.
    place.run(&["--sandbox", "-p", BMC.id, "list"], &every).ended(0);
    assert_eq!(place.counts(), (0, 0));
}

#[test]
fn the_plan_names_the_proxy_and_nothing_tells_its_password() {
    let place = Place::new();
    let endpoint = format!("https://{FAR}:{}", place.direct.port());
    let call = ["-p", BMC.id, "-i", BMC.ready, "--no-login", "--dry-run", "-vv", "--endpoint", &endpoint];
    let ran = place.run(&call, &[("https_proxy", "NAMED")]).ended(0);
    let shown = format!("through    the proxy http://***@127.0.0.1:{}", place.proxy.port());
    assert!(ran.err.contains(&shown), "{}", ran.err);
    let asked = place.proxy.received();
    assert_eq!(header(&asked[0], "proxy-authorization").as_deref(), Some("Basic YW5uOkdlaGVpbS0xMjM="));
    let dead = format!("http://ann:Geheim-123@127.0.0.1:{}", free_port());
    let failed = place.run(&call, &[("https_proxy", &dead)]).ended(69);
    assert!(failed.err.contains("through the proxy http://***@127.0.0.1:"), "{}", failed.err);
    for text in [&ran.err, &ran.out, &failed.err, &failed.out] {
        assert!(!text.contains("Geheim") && !text.contains("YW5uOk") && !text.contains("ann:"), "{text}");
    }
    // No proxy, no line.
    let ran = place.run(&call, &[]).ended(0);
    assert!(!ran.err.contains("proxy"), "{}", ran.err);
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port()
}

#[test]
fn a_proxy_that_refuses_or_lies_gets_no_request() {
    let replies: [&'static [u8]; 6] = [
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\nno\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 Fine\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"",
    ];
    let place = Place::new();
    let endpoint = format!("https://{FAR}:{}", place.direct.port());
    each(replies, |reply| {
        let proxy = Server::start(move |talk| {
            message(talk);
            talk.say(reply);
            talk.close();
            talk.hold();
        });
        let address = format!("http://127.0.0.1:{}", proxy.port());
        let ran = place.run(&["-p", BMC.id, "list", "--endpoint", &endpoint], &[("https_proxy", &address)]).ended(69);
        let told = String::from_utf8_lossy(reply).into_owned();
        assert!(ran.err.contains("through the proxy"), "{told}: {}", ran.err);
        assert!(proxy.connections() > 0, "{told}");
        for received in proxy.received() {
            let text = String::from_utf8_lossy(&received).into_owned();
            assert!(text.starts_with("CONNECT ") && !text.contains("x-zc-action"), "{told}: {text}");
        }
    });
    assert_eq!(place.direct.connections(), 0);
}
