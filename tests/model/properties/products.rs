//! The registry's products, made from their emulators' credentials; nothing listens behind them.

use super::given::Given;
use reinstall::providers::{Entry, Product, entries};
use std::sync::OnceLock;

/// Where every product's requests would go.
pub(crate) const ENDPOINT: &str = "http://127.0.0.1:9/";

/// Makes one product afresh: what it once read does not reach the next input.
pub(crate) fn product(id: &str) -> Box<dyn Product> {
    let (vendor, entry) = entries().find(|(_, entry)| entry.id == id).expect("a product of the registry");
    let sources = Given::new((vendor.emulator)().credentials(), ENDPOINT);
    (entry.build)(&sources).expect("a product")
}

/// Every product.
pub(crate) fn products() -> &'static [(&'static Entry, Box<dyn Product>)] {
    static ALL: OnceLock<Vec<(&'static Entry, Box<dyn Product>)>> = OnceLock::new();
    ALL.get_or_init(|| entries().map(|(_, entry)| (entry, product(entry.id))).collect())
}
