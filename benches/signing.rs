//! Requests a second that each scheme signs, beside the bare hashing that the scheme contains.
//!
//! `cargo bench --bench signing`; the ratio of two rows of one scheme is what counts, machines differ.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use divan::{Bencher, black_box};
use http::Method;
use reinstall::providers::{huawei, jdcloud, zenlayer};
use reinstall::secret::Secret;
use reinstall::sign::hash::{hex, hmac_sha256, sha256_hex};
use reinstall::wire::{Stamp, WireRequest};
use url::Url;

const BODY: &str = r#"{"instanceId":"1234567654321","imageId":"bd5faa16-0000-4bbf-a5c8-b95a193b1626","hostname":"web-01.example","password":"Example_123"}"#;

fn main() {
    divan::main();
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_312_000, 0).unwrap_or_default()
}

fn request(method: Method, url: &str) -> WireRequest {
    let url = Url::parse(url).expect("an address");
    let mut request = WireRequest::new(method, url, "bench").header("content-type", "application/json");
    request.body = Bytes::from_static(BODY.as_bytes());
    request
}

fn secret() -> Secret {
    Secret::from("ExampleOnlySecret-not-a-real-key-0001".to_owned())
}

/// Body digest, digest of a text as long as the canonical request, and so many HMACs in a chain.
fn bare(bencher: Bencher, canonical: &str, to_sign: &str, chain: usize) {
    let secret = secret();
    bencher.bench(|| {
        let body = sha256_hex(black_box(BODY.as_bytes()));
        let request = sha256_hex(black_box(canonical.as_bytes()));
        let mut key = Vec::from(secret.expose().as_bytes());
        for _ in 0..chain {
            key = hmac_sha256(&key, black_box(b"cn-north-1")).to_vec();
        }
        let signature = hmac_sha256(&key, black_box(to_sign.as_bytes()));
        (body, request, hex(&signature))
    });
}

mod jd {
    use super::*;
    use jdcloud::sign::{Key, Scope, Signing, sign};

    const URL: &str = "https://cps.jdcloud-api.com/v1/regions/cn-north-1/instances/cps-fake0a1b2c:reinstallInstance";

    fn signed(mut request: WireRequest, secret: &Secret, stamp: &Stamp) -> (WireRequest, reinstall::sign::Stages) {
        let key = Key { id: "AKFAKE00000000000000000000000001", secret };
        let scope = Scope { region: "cn-north-1", service: "cps" };
        let stages = sign(&mut request, key, scope, stamp, Signing::Usual);
        (request, stages)
    }

    fn stamp() -> Stamp {
        Stamp { at: at(), nonce: "5f1d7a84-9d3b-4b6e-8f6a-0c2f8f3a1b01".to_owned() }
    }

    #[divan::bench]
    fn sign_request(bencher: Bencher) {
        let (request, secret, stamp) = (request(Method::PUT, URL), secret(), stamp());
        bencher.with_inputs(|| request.clone()).bench_values(|request| signed(black_box(request), &secret, &stamp));
    }

    #[divan::bench]
    fn bare_hashing(bencher: Bencher) {
        let stages = signed(request(Method::PUT, URL), &secret(), &stamp()).1;
        bare(bencher, &stages.canonical_request, &stages.string_to_sign, 4);
    }
}

mod zc2 {
    use super::*;
    use zenlayer::sign::{stages, usual_headers};

    const URL: &str = "https://console.zenlayer.com/api/v2/bmc";

    fn signed(mut request: WireRequest, secret: &Secret) -> (WireRequest, reinstall::sign::Stages) {
        usual_headers(&mut request, at());
        let stages = stages(&request, "EXAMPLEAKID00001", secret, at());
        request.set_sensitive("authorization", &stages.authorization);
        (request, stages)
    }

    #[divan::bench]
    fn sign_request(bencher: Bencher) {
        let (request, secret) = (request(Method::POST, URL), secret());
        bencher.with_inputs(|| request.clone()).bench_values(|request| signed(black_box(request), &secret));
    }

    #[divan::bench]
    fn bare_hashing(bencher: Bencher) {
        let stages = signed(request(Method::POST, URL), &secret()).1;
        bare(bencher, &stages.canonical_request, &stages.string_to_sign, 0);
    }
}

mod sdk {
    use super::*;
    use huawei::sign::{stages, usual_headers};

    const URL: &str = "https://ecs.eu-de.otc.t-systems.com/v1/00000000000000000000000000000a11/cloudservers/0a1b2c3d-0000-4000-8000-00000000beef/reinstallos";

    fn signed(mut request: WireRequest, secret: &Secret) -> (WireRequest, reinstall::sign::Stages) {
        usual_headers(&mut request, Some("00000000000000000000000000000a11"), None, at());
        let stages = stages(&request, "HWTESTAKNOTREAL00001", secret, at());
        request.set_sensitive("authorization", &stages.authorization);
        (request, stages)
    }

    #[divan::bench]
    fn sign_request(bencher: Bencher) {
        let (request, secret) = (request(Method::POST, URL), secret());
        bencher.with_inputs(|| request.clone()).bench_values(|request| signed(black_box(request), &secret));
    }

    #[divan::bench]
    fn bare_hashing(bencher: Bencher) {
        let stages = signed(request(Method::POST, URL), &secret()).1;
        bare(bencher, &stages.canonical_request, &stages.string_to_sign, 0);
    }
}
