//! Zenlayer: bare metal (BMC) and elastic compute (ZEC), API v2.

mod bmc;
mod calls;
mod fields;
pub mod login;
mod reads;
mod rules;
mod sandbox;
pub mod sign;
mod wire;
mod zec;

use super::{Entry, Vendor};

/// Name of the vendor: folder, family, section.
pub const NAME: &str = "zenlayer";

/// Zenlayer and its products.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "Zenlayer",
    products: &PRODUCTS,
    variables: fields::VARIABLES,
    sign: |sources, request, stamp, _| login::sign_request(sources, request, stamp),
    emulator: || Box::new(sandbox::Zenlayer),
};

const BMC: usize = 0;
const ZEC: usize = 1;

static PRODUCTS: [Entry; 2] = [
    Entry {
        id: bmc::ID,
        aliases: &[],
        about: "Zenlayer bare metal (BMC)",
        facts: fields::BMC_FACTS,
        fields: fields::BMC_FIELDS,
        build: |sources| Ok(Box::new(bmc::Bmc::new(sources)?)),
    },
    Entry {
        id: zec::ID,
        aliases: &[],
        about: "Zenlayer elastic compute (ZEC)",
        facts: fields::ZEC_FACTS,
        fields: fields::ZEC_FIELDS,
        build: |sources| Ok(Box::new(zec::Zec::new(sources)?)),
    },
];
