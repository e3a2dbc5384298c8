//! Completion scripts offer what the registry knows.

use crate::bench::Bench;

#[test]
fn each_script_offers_every_product_and_family_for_provider() {
    let bench = Bench::alone();
    let told = bench.run(&["providers", "-o", "json"]).ended(0).json();
    let products = told["providers"].as_array().expect("products").clone();
    assert!(products.len() >= 8, "{told}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bench.run(&["completions", shell]).ended(0).out;
        if ["elvish", "powershell"].contains(&shell) {
            // These two complete options, not their values.
            continue;
        }
        let ids = products.iter().map(|product| product["provider"].as_str().expect("an id"));
        for name in ids.chain(["zenlayer", "huawei"]) {
            assert!(script.contains(name), "{shell} does not offer {name}");
        }
    }
}
