//! A secret as programs, logs and shells spell it.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Shorter texts stand everywhere by chance.
const LEAST: usize = 8;

/// The seven ways to spell a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Raw,
    Base64,
    HexLower,
    HexUpper,
    Percent,
    Json,
    Shell,
}

/// Every way.
pub(crate) const WAYS: [Way; 7] =
    [Way::Raw, Way::Base64, Way::HexLower, Way::HexUpper, Way::Percent, Way::Json, Way::Shell];

/// A secret in one way: several texts where the way has variants.
pub(crate) fn spellings(way: Way, secret: &str) -> Vec<String> {
    let all = match way {
        Way::Raw => vec![secret.to_owned(), secret.chars().rev().collect()],
        Way::Base64 => base64(secret),
        Way::HexLower => vec![hex(secret)],
        Way::HexUpper => vec![hex(secret).to_ascii_uppercase()],
        Way::Percent => percent(secret),
        Way::Json => json(secret),
        Way::Shell => shell(secret),
    };
    all.into_iter().filter(|text| text.len() >= LEAST).collect()
}

fn hex(secret: &str) -> String {
    secret.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Both alphabets, at each of the three places where a text can begin inside a longer one that was encoded, without
/// the characters that it shares with its neighbours.
fn base64(secret: &str) -> Vec<String> {
    let mut all = Vec::new();
    for shift in 0..3 {
        let mut bytes = vec![0; shift];
        bytes.extend(secret.as_bytes());
        let whole = bytes.len() * 8 / 6;
        let first = (shift * 8).div_ceil(6);
        for text in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
            all.push(text[first..whole].to_owned());
        }
    }
    all
}

fn percent(secret: &str) -> Vec<String> {
    let strict = utf8_percent_encode(secret, UNRESERVED).to_string();
    let all = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let lower = |text: &str| {
        let mut parts = text.split('%');
        let mut lower = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (digits, rest) = part.split_at(2.min(part.len()));
            lower.push('%');
            lower.push_str(&digits.to_ascii_lowercase());
            lower.push_str(rest);
        }
        lower
    };
    vec![lower(&strict), lower(&all), lower(&form), strict, all, form]
}

/// With and without escapes for what is not ASCII; once and twice, for JSON inside JSON.
fn json(secret: &str) -> Vec<String> {
    let once = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let ascii: String = once(secret)
        .chars()
        .map(|c| match c.is_ascii() {
            true => c.to_string(),
            false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect();
    let twice = once(&once(secret));
    vec![once(secret), ascii, twice]
}

/// In single quotes, in double quotes, and with a backslash before everything odd.
fn shell(secret: &str) -> Vec<String> {
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"-_./=+:,@%".contains(c);
    let before = |is: &dyn Fn(char) -> bool| -> String {
        secret.chars().flat_map(|c| is(c).then_some('\\').into_iter().chain([c])).collect()
    };
    vec![
        secret.replace('\'', r"'\''"),
        secret.replace('\'', "'\"'\"'"),
        before(&|c| "\"\\$`".contains(c)),
        before(&odd),
        secret.escape_debug().to_string(),
    ]
}
