//! OpenStack. See the `README.md` of each product's folder.

mod ironic;
mod sandbox;

use super::{Entry, SetupError, Vendor};

/// Name of the vendor: folder, family, section.
pub const NAME: &str = "openstack";

/// OpenStack and its products.
pub static VENDOR: Vendor = Vendor {
    name: NAME,
    title: "OpenStack",
    products: &PRODUCTS,
    variables: &[
        ("OS_AUTH_TYPE", "how to sign in: none, http_basic"),
        ("OS_ENDPOINT", "address of a service without a catalogue"),
        ("OS_USERNAME", "user"),
        ("OS_PASSWORD", "password"),
    ],
    sign: |_, _, _, _| Ok(None),
    emulator: || Box::new(sandbox::OpenStack),
};

const IRONIC: usize = 0;

static PRODUCTS: [Entry; 1] = [Entry {
    id: ironic::ID,
    aliases: &[],
    about: "OpenStack Ironic (bare metal)",
    facts: ironic::FACTS,
    fields: ironic::FIELDS,
    build: |sources| {
        let access = ironic::Access::standalone(sources)?.ok_or_else(|| SetupError::NoCredentials {
            vendor: NAME,
            looked: "OS_AUTH_TYPE".to_owned(),
            next_step: "set OS_AUTH_TYPE to none or http_basic, with OS_ENDPOINT".to_owned(),
        })?;
        Ok(Box::new(ironic::Ironic::new(&PRODUCTS[IRONIC], access)))
    },
}];
