//! Requests and answers as the kept inputs write them: lines that a person can read and a fuzzer can bend.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reinstall::wire::{WireRequest, WireResponse};
use url::Url;

/// Splits at the first blank line; without one everything is head.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &[]),
    }
}

/// Header lines `name: value`; a line that cannot be a header is left out.
fn headers<'t>(lines: impl Iterator<Item = &'t str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// `METHOD ADDRESS`, header lines, a blank line, the body.
pub(crate) fn request(bytes: &[u8]) -> Option<WireRequest> {
    let (head, body) = split(bytes);
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let (method, address) = lines.next()?.split_once(' ')?;
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let mut request = WireRequest::new(method.parse::<Method>().ok()?, url, "fuzzed");
    request.headers = headers(lines);
    request.body = Bytes::copy_from_slice(body);
    Some(request)
}

/// `STATUS`, header lines, a blank line, the body.
pub(crate) fn answer(bytes: &[u8]) -> Option<WireResponse> {
    let (head, body) = split(bytes);
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let status = status(lines.next()?)?;
    Some(WireResponse { status, headers: headers(lines), body: Bytes::copy_from_slice(body) })
}

/// A status that a final answer can have.
pub(crate) fn status(text: &str) -> Option<StatusCode> {
    let number = text.trim().parse().ok().filter(|number| (200..600).contains(number))?;
    StatusCode::from_u16(number).ok()
}

/// A JSON answer without further headers.
pub(crate) fn json_answer(status: StatusCode, body: &[u8]) -> WireResponse {
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    WireResponse { status, headers, body: Bytes::copy_from_slice(body) }
}
