//! Hetzner Cloud: rebuild.

mod calls;
mod cloud;
mod fields;
mod images;
mod login;
mod pages;
mod reads;
mod sandbox;
mod watching;
mod wire;

use super::{Entry, Vendor};

/// Name of the vendor: folder, family, section, and its one product.
pub const NAME: &str = "hetzner";

/// Hetzner and its product.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "Hetzner",
    products: &PRODUCTS,
    variables: fields::VARIABLES,
    sign: |sources, request, _, _| login::sign_request(sources, request),
    emulator: || Box::new(sandbox::Hetzner::default()),
};

static PRODUCTS: [Entry; 1] = [Entry {
    id: NAME,
    aliases: &["hetzner-cloud"],
    about: "Hetzner Cloud servers",
    facts: fields::FACTS,
    fields: &[],
    build: |sources| Ok(Box::new(cloud::Cloud::new(sources)?)),
}];

#[cfg(test)]
mod tests;
