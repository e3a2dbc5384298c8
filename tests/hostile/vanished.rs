//! A server that vanishes from the provider's lists, as the whole program tells it. The verdict takes two minutes of real
//! time, so the short form only sees that it is not given sooner.

use crate::bench::{Bench, ECS, PRODUCTS, Product, each};
use crate::offsets::long;
use serde_json::{Value, json};

/// `--timeout`, verdict and exit code.
fn expected(product: Product) -> (&'static str, &'static str, i32) {
    match long() {
        true => ("300s", "vanished", 1),
        // Its own job is a proof that it began.
        false if product.id == ECS.id => ("4s", "timed_out", 3),
        false => ("4s", "unverified", 4),
    }
}

#[test]
fn a_server_is_called_vanished_after_two_minutes_without_it_and_not_before() {
    each(PRODUCTS, |product| {
        let (timeout, verdict, code) = expected(product);
        let bench = Bench::new();
        bench.sandbox().order_fault("vanish");
        // Longer than other calls may take.
        let call = bench.order(product, &[product.ready], &["--timeout", timeout]);
        let output = bench.command(&call).output().expect("the program runs");
        bench.artefacts().keep("out", &output.stdout);
        bench.artefacts().keep("err", &output.stderr);
        assert_eq!(output.status.code(), Some(code), "{}: {output:?}", product.id);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let target = &report["targets"][0];
        assert_eq!((&target["verdict"], &target["orders_sent"]), (&json!(verdict), &json!(1)), "{target}");
        if long() {
            assert!(target["duration_ms"].as_u64() >= Some(120_000), "{}: {target}", product.id);
        }
        assert_eq!(bench.sandbox().orders(), 1, "{}: it was ordered again", product.id);
    });
}
