//! JD Cloud: Cloud Physical Server. Calls, states, rules and their sources: `README.md` in this folder.

mod cps;
mod fault;
mod fields;
mod login;
mod plan;
mod read;
mod rules;
mod sandbox;
pub mod sign;
#[cfg(test)]
mod tests;
mod wire;

pub use cps::Cps;
pub use login::{AccessKey, SERVICE};

use super::Vendor;

/// The vendor's line in the registry.
pub static VENDOR: Vendor = Vendor {
    name: "jdcloud",
    title: "JD Cloud",
    products: &[cps::ENTRY],
    variables: fields::VARIABLES,
    sign: |sources, request, stamp, scope| {
        Ok(Some(AccessKey::from_sources(sources)?.explain(request, stamp, scope.region, scope.service)))
    },
    emulator: || Box::new(sandbox::Sandbox::default()),
};
