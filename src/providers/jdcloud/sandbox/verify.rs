//! Recomputing a signature from the bytes received.

use crate::providers::jdcloud::sign::{self, DATE, Generation, JDCLOUD2, JDCLOUD3, Key, NONCE, Parts, Scope, TOKEN};
use crate::sandbox::Inbound;
use crate::secret::Secret;
use crate::sign::hash;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Id of the only access key.
pub(super) const ACCESS_KEY: &str = "SANDBOXJDCLOUDACCESSKEY0000000001";
/// Its secret half, which protects nothing.
pub(super) const SECRET_KEY: &str = "SANDBOXJDCLOUDSECRETKEY0000000001";

/// How far the time of a signature may be off. No limit is documented; the provider's object storage allows so much.
const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Nonces that were used, with the time of their use.
#[derive(Default)]
pub(super) struct Nonces(BTreeMap<String, DateTime<Utc>>);

impl Nonces {
    fn first_use(&mut self, nonce: &str, at: DateTime<Utc>) -> bool {
        self.0.retain(|_, used| at - *used <= WINDOW * 2);
        self.0.insert(nonce.to_owned(), at).is_none()
    }
}

struct Claim {
    generation: Generation,
    key: String,
    day: String,
    region: String,
    service: String,
    names: Vec<String>,
    signature: String,
}

/// Tells why a request is not authorized, as the gateway would. `region` is the one of the path.
pub(super) fn verify(request: &Inbound, region: Option<&str>, nonces: &mut Nonces) -> Result<(), &'static str> {
    if request.header("authorization").is_empty() {
        return Err("lack of header authorization[gw]");
    }
    let claim = read_claim(request.header("authorization")).ok_or("header authorization is malformed[gw]")?;
    let date = request.header(DATE);
    if date.is_empty() {
        return Err("lack of header x-jdcloud-date[gw]");
    }
    let nonce = request.header(NONCE);
    if nonce.is_empty() {
        return Err("lack of header x-jdcloud-nonce[gw]");
    }
    let must_be_signed = |name: &str| match name {
        // The newer Python SDK sets both after signing.
        DATE | NONCE => claim.generation == JDCLOUD2,
        TOKEN => request.headers.contains_key(TOKEN),
        _ => false,
    };
    if [DATE, NONCE, TOKEN].iter().any(|name| must_be_signed(name) && !claim.names.iter().any(|signed| signed == name))
    {
        return Err("a header that must be signed is not[gw]");
    }
    if claim.names.iter().any(|name| !request.headers.contains_key(name.as_str())) {
        return Err("a signed header is not there[gw]");
    }
    let at = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map_err(|_| "x-jdcloud-date is malformed[gw]")?;
    if claim.day != date.get(..8).unwrap_or_default() {
        return Err("the scope's day is not the day of x-jdcloud-date[gw]");
    }
    if claim.service != "cps" || region.is_some_and(|region| region != claim.region) {
        return Err("the scope does not fit the request[gw]");
    }
    if claim.key != ACCESS_KEY {
        return Err("the access key is not known[gw]");
    }
    let secret = Secret::from(SECRET_KEY.to_owned());
    let parts = Parts {
        method: request.method.as_str(),
        path: &request.path,
        query: &request.query,
        headers: &request.headers,
        body: &request.body,
    };
    let stages = sign::stages(
        parts,
        &claim.names,
        Key { id: ACCESS_KEY, secret: &secret },
        Scope { region: &claim.region, service: &claim.service },
        date,
        claim.generation,
    );
    if !hash::same(&stages.signature, &claim.signature) {
        return Err("the signature does not match[gw]");
    }
    if (request.at - at.and_utc()).abs() > WINDOW {
        return Err("request expired: x-jdcloud-date is too far from the present[gw]");
    }
    if !nonces.first_use(nonce, request.at) {
        return Err("x-jdcloud-nonce was used before[gw]");
    }
    Ok(())
}

fn read_claim(header: &str) -> Option<Claim> {
    let (algorithm, rest) = header.split_once(' ')?;
    let generation = [JDCLOUD2, JDCLOUD3].into_iter().find(|generation| generation.algorithm == algorithm)?;
    let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
    for field in rest.split(',') {
        let (name, value) = field.trim().split_once('=')?;
        if fields.insert(name, value).is_some() {
            return None;
        }
    }
    let credential: Vec<&str> = fields.get("Credential")?.split('/').collect();
    let [key, day, region, service, terminator] = credential[..] else { return None };
    let names: Vec<String> = fields.get("SignedHeaders")?.split(';').map(str::to_owned).collect();
    let sorted = names.windows(2).all(|pair| pair[0] < pair[1]);
    let legal = names.iter().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase());
    if terminator != generation.terminator || !sorted || !legal || names.iter().any(|name| name == "authorization") {
        return None;
    }
    Some(Claim {
        generation,
        key: key.to_owned(),
        day: day.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        names,
        signature: (*fields.get("Signature")?).to_owned(),
    })
}
