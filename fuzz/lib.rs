//! The property functions, as the tests have them.

#[path = "../tests/model/properties/mod.rs"]
mod properties;

/// The property of a kind of input.
pub fn property(name: &str) -> Option<fn(&[u8])> {
    properties::property(name)
}
