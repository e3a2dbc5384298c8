//! Checks signature or token from the bytes that arrived.

use super::demo;
use crate::providers::huawei::sign;
use crate::sandbox::Inbound;
use crate::secret::Secret;
use crate::sign::hash::{same, sha256_hex};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use http::HeaderMap;

/// How far the signature's time may be from the gateway's.
const WINDOW: Duration = Duration::minutes(15);
/// How long a token is good.
pub(super) const LIFE: Duration = Duration::hours(24);

/// Tokens that the identity service gave out, and the ready-made one.
#[derive(Default)]
pub(super) struct Tokens(Vec<(String, DateTime<Utc>)>);

impl Tokens {
    pub(super) fn issue(&mut self, token: String, now: DateTime<Utc>) {
        self.0.retain(|(_, end)| *end > now);
        self.0.push((token, now + LIFE));
    }

    /// When the token ends: `Err` for a token that was never given out.
    pub(super) fn end(&self, token: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        if same(token, demo::READY_TOKEN) {
            return Ok(now + LIFE);
        }
        match self.0.iter().find(|(known, _)| same(known, token)) {
            Some((_, end)) if *end > now => Ok(*end),
            Some((_, end)) => Err(format!("token expires, expires_at: {}", end.to_rfc3339())),
            None => Err("decrypt token fail".to_owned()),
        }
    }
}

/// Tells what is wrong with the request's token or signature, in the gateway's words.
pub(super) fn verify(tokens: &Tokens, request: &Inbound) -> Result<(), String> {
    let authorization = request.header("authorization");
    if let Some(parts) = authorization.strip_prefix(sign::SCHEME) {
        return signature(parts, request);
    }
    match request.header("x-auth-token") {
        "" => Err("x-auth-token not found".to_owned()),
        token => tokens.end(token, request.at).map(drop),
    }
}

struct Parts<'a> {
    access: &'a str,
    names: Vec<&'a str>,
    signature: &'a str,
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let (mut access, mut names, mut signature) = (None, None, None);
    for part in text.strip_prefix(' ')?.split(", ") {
        match part.split_once('=')? {
            ("Access", value) => access = Some(value),
            ("SignedHeaders", value) => names = Some(value.split(';').collect()),
            ("Signature", value) => signature = Some(value),
            _ => return None,
        }
    }
    Some(Parts { access: access?, names: names?, signature: signature? })
}

fn signature(text: &str, request: &Inbound) -> Result<(), String> {
    let Parts { access, names, signature } = parts(text).ok_or("Authorization header is malformed")?;
    let secret = match access {
        demo::KEY_ID => demo::KEY_SECRET,
        demo::TEMPORARY_ID => {
            let token = request.header("x-security-token");
            if token.is_empty() {
                return Err("x-security-token not found".to_owned());
            }
            if !same(token, demo::SECURITY_TOKEN) {
                return Err("decrypt token fail".to_owned());
            }
            demo::TEMPORARY_SECRET
        }
        _ => return Err(format!("ak {access} not exist")),
    };
    let date = request.header(sign::DATE);
    let at = NaiveDateTime::parse_from_str(date, sign::DATE_FORMAT).map_err(|_| "X-Sdk-Date not found or malformed")?;
    if !names.contains(&sign::DATE) {
        return Err("X-Sdk-Date is not among the signed headers".to_owned());
    }
    if (request.at - at.and_utc()).abs() > WINDOW {
        let server = request.at.format(sign::DATE_FORMAT);
        return Err(format!("calc aksk signature fail:signature expired, signature time:{date},server time:{server}"));
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted != names {
        return Err("verify aksk signature fail, SignedHeaders is not sorted".to_owned());
    }
    let headers: Vec<(String, String)> =
        names.iter().map(|name| ((*name).to_owned(), value(&request.headers, name))).collect();
    let payload = match request.header(sign::CONTENT_HASH) {
        "" => sha256_hex(&request.body),
        given => given.to_owned(),
    };
    if payload != "UNSIGNED-PAYLOAD" && payload != sha256_hex(&request.body) {
        return Err("verify aksk signature fail, the body's hash differs".to_owned());
    }
    let canonical = sign::canonical_of(request.method.as_str(), &request.path, &request.query, &headers, &payload);
    let expected = sign::signature(&Secret::from(secret.to_owned()), &sign::string_to_sign(&canonical, date));
    if same(&expected, signature) {
        Ok(())
    } else {
        // The gateway shows what it has signed itself, a bar for each line end.
        Err(format!("verify aksk signature fail, canonicalRequest:{}", canonical.replace('\n', "|")))
    }
}

fn value(headers: &HeaderMap, name: &str) -> String {
    sign::header_value(headers, name).into_owned()
}
