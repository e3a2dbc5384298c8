//! Answers that take their time.

use crate::bench::{Bench, PRODUCTS, each};
use serde_json::json;

#[test]
fn a_slow_answer_to_an_order_is_waited_for_and_believed() {
    let slow = [
        json!({ "operation": "reinstall", "fault": "delay", "ms": 1500 }),
        json!({ "operation": "reinstall", "fault": "drip", "ms": 3 }),
    ];
    each(PRODUCTS.into_iter().flat_map(|product| slow.iter().map(move |rule| (product, rule))), |(product, rule)| {
        let bench = Bench::new();
        // Long enough for the installing state to be seen behind the answer.
        bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 5000 }));
        bench.sandbox().fault(rule);
        let ran = bench.reinstall(product, &[product.ready], &["-o", "jsonl"]).ended(0);
        let lines = ran.lines();
        let told: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
        assert!(told.contains(&"order_accepted") && !told.contains(&"order_maybe_sent"), "{told:?}");
        assert_eq!((bench.sandbox().orders(), bench.sandbox().wiped(product.ready)), (1, 1), "{rule}");
        let report = lines.last().expect("a report");
        assert!(report["targets"][0]["proof"].is_string(), "{report}");
    });
}
