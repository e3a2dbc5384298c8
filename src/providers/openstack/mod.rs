//! OpenStack: servers of Nova, nodes of Ironic, and the sign-in that its products share. See `README.md` in this folder.

mod account;
mod clouds;
mod credentials;
mod fault;
mod fields;
mod images;
mod ironic;
mod login;
mod microversion;
mod nova;
mod sandbox;
mod sign;
mod wire;

use crate::providers::{Entry, Vendor};

/// What it calls itself in messages.
const NAME: &str = "openstack";

static PRODUCTS: [Entry; 2] = [nova::ENTRY, ironic::ENTRY];

/// The vendor's line in the registry.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "OpenStack",
    products: &PRODUCTS,
    variables: fields::VARIABLES,
    sign: sign::request,
    emulator: sandbox::emulator,
};
