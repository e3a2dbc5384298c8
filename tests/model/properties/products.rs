//! The registry's products, made from their emulators' credentials; nothing listens behind them.

use reinstall::providers::{Entry, Found, Product, SetupError, Sources, entries};
use reinstall::secret::Secret;
use std::sync::OnceLock;
use url::Url;

/// Where every product's requests would go.
pub(crate) const ENDPOINT: &str = "http://127.0.0.1:9/";

struct OfEmulator {
    credentials: Vec<(&'static str, String)>,
    endpoint: Url,
}

impl Sources for OfEmulator {
    fn variable(&self, name: &str) -> Option<Found> {
        let (_, value) = self.credentials.iter().find(|(known, _)| *known == name)?;
        Some(Found { value: Secret::from(value.clone()), origin: name.to_owned() })
    }
    fn home_file(&self, _: &str) -> Result<Option<Found>, SetupError> {
        Ok(None)
    }
    fn file(&self, _: &str) -> Result<Option<Found>, SetupError> {
        Ok(None)
    }
    fn setting(&self, _: &str) -> Option<Found> {
        None
    }
    fn profile(&self) -> Option<&str> {
        None
    }
    fn endpoint(&self) -> Option<&Url> {
        Some(&self.endpoint)
    }
}

/// Makes one product afresh: what it once read does not reach the next input.
pub(crate) fn product(id: &str) -> Box<dyn Product> {
    let (vendor, entry) = entries().find(|(_, entry)| entry.id == id).expect("a product of the registry");
    let endpoint = Url::parse(ENDPOINT).expect("an address");
    let sources = OfEmulator { credentials: (vendor.emulator)().credentials(), endpoint };
    (entry.build)(&sources).expect("a product")
}

/// Every product.
pub(crate) fn products() -> &'static [(&'static Entry, Box<dyn Product>)] {
    static ALL: OnceLock<Vec<(&'static Entry, Box<dyn Product>)>> = OnceLock::new();
    ALL.get_or_init(|| entries().map(|(_, entry)| (entry, product(entry.id))).collect())
}
