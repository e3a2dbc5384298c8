//! `Retry-After` and `Date` as a server may write them.
//!
//! An input is header lines, `retry-after` and `date` mostly.

use super::products::products;
use super::{products, written};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use reinstall::client::{Client, Outcome, Route, Transport, TransportFault, classify};
use reinstall::clock::{Clock, ManualClock};
use reinstall::model::{FaultClass, ServerId};
use reinstall::wire::{Api, WireRequest, WireResponse};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// "Too much" and "your time is wrong" in each provider's own words, with the status that they come with.
/// A token signs no time, so nobody complains of it.
const WORDS: [(&str, &str, Option<&str>); 5] = [
    (
        "jdcloud",
        r#"{"requestId":"r","error":{"code":429,"status":"RATE_LIMIT","message":"slow"}}"#,
        Some(r#"{"requestId":"r","error":{"code":401,"status":"ACCESS_ERROR","message":"request expired"}}"#),
    ),
    (
        "zenlayer",
        r#"{"requestId":"r","code":"REQUEST_LIMIT_EXCEEDED","message":"slow"}"#,
        Some(r#"{"requestId":"r","code":"AUTHFAILURE_SIGNATURE_EXPIRED","message":"expired"}"#),
    ),
    (
        "huawei",
        r#"{"error_code":"APIGW.0308","error_msg":"slow","request_id":"r"}"#,
        Some(
            r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: AK/SK signature expired","request_id":"r"}"#,
        ),
    ),
    ("openstack", r#"{"overLimit":{"code":429,"message":"slow"}}"#, None),
    ("hetzner", r#"{"error":{"code":"rate_limit_exceeded","message":"slow"}}"#, None),
];

/// A pause has a limit and one source; a clock is corrected by a day at most.
pub(crate) fn check(bytes: &[u8]) {
    let input = |status: &str, body: &str| {
        let head = [status.as_bytes(), b"\n", &bytes[..bytes.len().min(4096)]].concat();
        let mut answer = written::answer(&head)?;
        answer.body = body.as_bytes().to_vec().into();
        Some(answer)
    };
    let id = [ServerId::new("i-1").expect("an id")];
    for (entry, product) in products() {
        let words = WORDS.iter().find(|(vendor, ..)| entry.id.starts_with(vendor)).expect("a vendor");
        for body in [words.1, "<html>slow down</html>"] {
            let Some(answer) = input("429", body) else { return };
            let delivery = classify(&**product, &id, &Ok(answer.clone()));
            let told = matches!(&delivery.outcomes[0], Outcome::Unsent { class: FaultClass::Throttled(_), .. });
            assert!(told, "{}: {:?}", entry.id, delivery.outcomes[0]);
            let pause = delivery.throttled().expect("a throttle has a pause");
            assert!(pause <= Duration::from_secs(600), "{}: {pause:?}", entry.id);
            assert_eq!(pause, expected(&answer), "{}: {:?}", entry.id, answer.headers);
        }
        let Some(answer) = words.2.and_then(|body| input("401", body)) else { continue };
        clock_is_sane(entry.id, answer);
    }
}

/// The rule once more, written down in another way.
fn expected(answer: &WireResponse) -> Duration {
    const NONE: Duration = Duration::from_secs(1);
    let all: Vec<_> = answer.headers.get_all("retry-after").iter().collect();
    let [only] = all[..] else { return NONE };
    let Ok(text) = only.to_str() else { return NONE };
    let text = text.trim();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        let digits = text.trim_start_matches('0');
        let seconds = if digits.len() > 3 { 600 } else { digits.parse().unwrap_or(0).min(600) };
        return Duration::from_secs(seconds);
    }
    let date = |text: &str| DateTime::parse_from_rfc2822(text).ok();
    let (until, now) = (date(text), only_date(answer).and_then(date));
    let (Some(until), Some(now)) = (until, now) else { return NONE };
    Duration::from_secs((until - now).num_seconds().clamp(0, 600).unsigned_abs())
}

struct Always(WireResponse);

impl Transport for Always {
    fn exchange(
        &self,
        _: WireRequest,
        _: Route,
    ) -> Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

fn clock_is_sane(id: &str, answer: WireResponse) {
    let began: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let clock = ManualClock::at(began);
    let product = Arc::from(products::product(id));
    let client = Client::new(product, Arc::new(Always(answer)), Arc::new(clock.clone()), None);
    let reader = client.patient();
    let read = client.product().list(&reader).now_or_never().expect("it waits for nothing");
    assert!(read.is_err(), "{id}: a refusal is no list");
    let now = clock.now().wall;
    assert!(now - began < TimeDelta::minutes(10), "{id}: a refused signature is waited for");
    assert!((reader.now() - now).abs() <= TimeDelta::hours(24), "{id}: the clock is off by {}", reader.now() - now);
}

/// The answer's date; of two nobody knows which one holds.
fn only_date(answer: &reinstall::wire::WireResponse) -> Option<&str> {
    (answer.headers.get_all("date").iter().count() == 1).then(|| answer.header("date"))?
}
