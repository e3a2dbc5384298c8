//! Encoding and sorting rules that several schemes share, each with its variation as an argument.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// Everything but `A-Z a-z 0-9 - . _ ~`.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes text: bare are `A-Z a-z 0-9 - . _ ~`, all else is `%XX` in upper case, byte by byte.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, STRICT).to_string()
}

/// Percent-decodes; a `%` that begins no escape stands for itself.
pub fn decode(text: &str) -> String {
    percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
}

/// Each segment of a path decoded once and encoded once.
pub fn path(raw: &str) -> String {
    raw.split('/').map(|segment| encode(&decode(segment))).collect::<Vec<_>>().join("/")
}

/// Query parameters decoded (`+` is a space), in the order of the wire; a bare name has the empty value.
pub fn parameters(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

/// The canonical query: sorted by decoded name, then value; both encoded; `name=` for an empty value.
pub fn query(raw: &str) -> String {
    let mut parameters = parameters(raw);
    parameters.sort();
    parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}
