//! A provider whose answers tell how many requests are left: the client slows down before one is refused.

use super::keeper::{Joined, clock, joined};
use crate::client::Client;
use crate::clock::Clock;
use crate::providers::bench::ready;
use std::sync::Arc;
use std::time::Duration;

/// How long two pages take after so many requests of somebody else.
fn two_pages_after(requests: usize) -> Duration {
    let (product, bench) = joined();
    for _ in 0..requests {
        ready(product.keys(&bench)).expect("keys");
    }
    let clock = clock();
    let transport = Arc::new(Joined::new(bench, &clock, false));
    let client = Client::new(product.clone(), transport, Arc::new(clock.clone()), None);
    let began = clock.now().steady;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rows = runtime.block_on(product.images(&client.patient(), None)).expect("images");
    assert!(rows.len() > 50 && client.requests() == 2, "{} rows by {} requests", rows.len(), client.requests());
    clock.now().steady - began
}

#[test]
fn with_a_tenth_of_the_allowance_left_each_request_waits_for_one_to_come_back() {
    assert!(two_pages_after(0) < Duration::from_millis(500));
    assert!(two_pages_after(3000) < Duration::from_millis(500));
    let slow = two_pages_after(3300);
    assert!(slow >= Duration::from_millis(950) && slow < Duration::from_secs(3), "{slow:?}");
}
