//! A caller on a bare socket, which sees every byte and how the connection ends.

use super::vendor::KEY;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    Reset,
    Silent,
}

/// Everything that came back.
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) end: End,
    /// Time from the first byte to the end.
    pub(super) took: Duration,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(super) fn status(&self) -> u16 {
        self.text().get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let head = self.bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(self.bytes.len(), |at| at + 4);
        self.bytes[head..].to_vec()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap_or_default()
    }
}

/// Sends a signed request on a connection of its own and reads to its end.
pub(super) fn call(to: SocketAddr, method: &str, path: &str, body: &str) -> Reply {
    raw(to, method, path, body, &format!("authorization: {KEY}\r\n"))
}

/// The same with these headers in place of the signature; each ends with CR LF.
#[expect(clippy::disallowed_methods, reason = "measures what a caller sees")]
pub(super) fn raw(to: SocketAddr, method: &str, path: &str, body: &str, headers: &str) -> Reply {
    let mut stream = TcpStream::connect(to).expect("the sandbox listens");
    stream.set_read_timeout(Some(Duration::from_millis(400))).expect("a time limit");
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).expect("the request leaves");
    let started = Instant::now();
    let (mut bytes, mut block) = (Vec::new(), [0; 65536]);
    let end = loop {
        match stream.read(&mut block) {
            Ok(0) => break End::Closed,
            Ok(count) => bytes.extend_from_slice(&block[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break End::Silent,
            Err(_) => break End::Reset,
        }
    };
    Reply { bytes, end, took: started.elapsed() }
}
