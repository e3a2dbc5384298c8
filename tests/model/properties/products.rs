//! The registry's products, made from their emulators' credentials; nothing listens behind them.

use super::given::Given;
use reinstall::providers::{Entry, Product, Vendor, entries};
use reinstall::sandbox::Emulator;
use std::sync::OnceLock;

/// Where every product's requests would go.
pub(crate) const ENDPOINT: &str = "http://127.0.0.1:9/";

/// What the inputs of a product call two servers, a job and an image: words that it can take for ids.
pub(crate) struct Names {
    pub(crate) servers: [&'static str; 2],
    pub(crate) job: &'static str,
    pub(crate) image: &'static str,
}

/// The names in a product's inputs.
pub(crate) fn names(id: &str) -> Names {
    match id {
        "hetzner" => Names { servers: ["42", "43"], job: "13", image: "7" },
        "openstack" => Names { servers: ["i-1", "i-2"], job: "req-1", image: "img-1" },
        "openstack-ironic" => Names {
            servers: ["5a0db0c5-dc00-7000-8000-000000000001", "5a0db0c5-dc00-7000-8000-000000000002"],
            job: "job-1",
            image: "img-1",
        },
        _ => Names { servers: ["i-1", "i-2"], job: "job-1", image: "img-1" },
    }
}

fn entry(id: &str) -> (&'static Vendor, &'static Entry) {
    entries().find(|(_, entry)| entry.id == id).expect("a product of the registry")
}

/// The emulator of a product's provider, as it begins.
pub(crate) fn emulator(id: &str) -> Box<dyn Emulator> {
    (entry(id).0.emulator)()
}

/// Makes one product afresh: what it once read does not reach the next input.
pub(crate) fn product(id: &str) -> Box<dyn Product> {
    let (vendor, entry) = entry(id);
    let sources = Given::new((vendor.emulator)().credentials(), ENDPOINT);
    (entry.build)(&sources).expect("a product")
}

/// Every product.
pub(crate) fn products() -> &'static [(&'static Entry, Box<dyn Product>)] {
    static ALL: OnceLock<Vec<(&'static Entry, Box<dyn Product>)>> = OnceLock::new();
    ALL.get_or_init(|| entries().map(|(_, entry)| (entry, product(entry.id))).collect())
}
