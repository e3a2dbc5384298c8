//! Encoding and sorting rules that several schemes share, each with its variation as an argument.
//!
//! A request is signed at each attempt, so these write into one string where they can.

use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Bare in every scheme: `A-Z a-z 0-9 - . _ ~`.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends text percent-encoded: all but the bare characters is `%XX` in upper case, byte by byte.
pub fn push_encoded(out: &mut String, text: &str) {
    push_encoded_but(out, text.as_bytes(), is_bare);
}

/// Appends bytes percent-encoded, but for those that `bare` lets through; it must let through ASCII alone.
pub fn push_encoded_but(out: &mut String, bytes: &[u8], bare: fn(u8) -> bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii() && bare(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Percent-encodes text; see [`push_encoded`].
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_encoded(&mut out, text);
    out
}

/// Percent-decodes; a `%` that begins no escape stands for itself.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned())
}

/// Appends a path, each segment decoded once and encoded once.
pub fn push_path(out: &mut String, raw: &str) {
    for (place, segment) in raw.split('/').enumerate() {
        if place > 0 {
            out.push('/');
        }
        if segment.bytes().all(is_bare) {
            out.push_str(segment);
        } else {
            push_encoded(out, &decode(segment));
        }
    }
}

/// Query parameters decoded (`+` is a space), in the order of the wire; a bare name has the empty value.
pub fn parameters(raw: &str) -> Vec<(String, String)> {
    let read = |text: &str| decode(&text.replace('+', " ")).into_owned();
    raw.split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (read(name), read(value))
        })
        .collect()
}

/// Appends the canonical query: sorted by decoded name, then value; both encoded; `name=` for an empty value.
pub fn push_query(out: &mut String, raw: &str) {
    if raw.is_empty() {
        return;
    }
    let mut parameters = parameters(raw);
    parameters.sort();
    for (place, (name, value)) in parameters.iter().enumerate() {
        if place > 0 {
            out.push('&');
        }
        push_encoded(out, name);
        out.push('=');
        push_encoded(out, value);
    }
}

/// The canonical query as a text of its own.
pub fn query(raw: &str) -> String {
    let mut out = String::new();
    push_query(&mut out, raw);
    out
}

/// The canonical path as a text of its own.
pub fn path(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 8);
    push_path(&mut out, raw);
    out
}
