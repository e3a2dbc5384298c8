//! Answers as they are recorded, and the product in front of its emulator.

mod answers;
mod flow;
mod lists;

use super::cloud::Cloud;
use crate::model::{LoginWish, Order, OrderSecrets, PowerPlan, Prepared, Refusal, ServerId, Wish};
use crate::providers::bench::{Bench, MapSources, ready};
use crate::providers::{Admission, Product};
use crate::secret::Reveal;
use crate::wire::WireRequest;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/hetzner.json")).expect("vectors")
}

fn product() -> Cloud {
    Cloud::new(&MapSources::of(&*(super::VENDOR.emulator)())).expect("a product")
}

fn bench(product: &Cloud) -> Bench<'_> {
    Bench::new(product, (super::VENDOR.emulator)())
}

fn answer(status: u16, body: &Value) -> crate::wire::WireResponse {
    let mut headers = HeaderMap::new();
    headers.insert("x-correlation-id", "0123abcd".parse().expect("a header"));
    headers.insert("date", "Sat, 21 Nov 2026 09:00:00 GMT".parse().expect("a header"));
    let status = StatusCode::from_u16(status).expect("a status");
    crate::wire::WireResponse { status, headers, body: Bytes::from(body.to_string()) }
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn wish() -> Wish {
    Wish { login: LoginWish { password: false, none: true }, ..Wish::default() }
}

fn plan(product: &Cloud, bench: &Bench<'_>, server: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    let refs = [server.parse().expect("a reference")];
    let record = ready(product.find(bench, &refs)).expect("a read").remove(0);
    let power = match product.admit(&record.seen, wish) {
        Admission::StoppedByOrder => PowerPlan::StoppedByOrder,
        _ => PowerPlan::Nothing,
    };
    ready(product.prepare(bench, record, power, wish))
}

fn request(product: &Cloud, prepared: &Prepared, secrets: &OrderSecrets) -> WireRequest {
    product.order(&Order { batch: &[prepared], secrets, token: None, reveal: Reveal::Real })
}
