//! HTTP messages as bytes: just enough to stand between a client and a server.

use std::io::{self, Read};

/// Reads one message: its head, and as much of a body as `content-length` says. `None` where the stream ends first.
pub(crate) fn message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1..) => bytes.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return None,
        }
    }
    let length = header(&bytes, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let head = bytes.len();
    bytes.resize(head + length, 0);
    stream.read_exact(&mut bytes[head..]).ok()?;
    Some(bytes)
}

/// Where the body begins.
pub(crate) fn body_at(message: &[u8]) -> usize {
    message.windows(4).position(|four| four == b"\r\n\r\n").map_or(message.len(), |place| place + 4)
}

/// A header's value.
pub(crate) fn header(message: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(&message[..body_at(message)]).into_owned();
    head.lines().skip(1).find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// An answer with these headers and this body, of the length that it has.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    [text.as_bytes(), body].concat()
}

/// A JSON answer.
pub(crate) fn json(status: &str, body: &[u8]) -> Vec<u8> {
    answer(status, &[("content-type", "application/json")], body)
}
