//! What must hold for any bytes whatever: one function for each kind of input that comes from outside.
//!
//! The same functions run twice: over the kept inputs and their mutations in `fuzzed.rs`, and under libFuzzer in
//! `fuzz/`. A function that returns has found nothing; one that panics has found a fault.

pub(crate) mod config;
pub(crate) mod credentials;
pub(crate) mod documents;
#[path = "../../given/mod.rs"]
mod given;
pub(crate) mod journal;
pub(crate) mod line;
pub(crate) mod orders;
pub(crate) mod pauses;
pub(crate) mod products;
pub(crate) mod reads;
pub(crate) mod selection;
pub(crate) mod signing;
pub(crate) mod text;
pub(crate) mod truth;
pub(crate) mod written;

/// A property over bytes.
pub(crate) type Property = fn(&[u8]);

/// Every kind of input by its name: the program below `fuzz/fuzz_targets` and the folder below `fuzz/corpus` have it.
pub(crate) const TARGETS: [(&str, Property); 18] = [
    ("sign_jdcloud", signing::jdcloud),
    ("sign_zenlayer", signing::zenlayer),
    ("sign_huawei", signing::huawei),
    ("reads_jdcloud_cps", |bytes| reads::check("jdcloud-cps", bytes)),
    ("reads_zenlayer_bmc", |bytes| reads::check("zenlayer-bmc", bytes)),
    ("reads_zenlayer_zec", |bytes| reads::check("zenlayer-zec", bytes)),
    ("reads_huawei_ecs", |bytes| reads::check("huawei-ecs", bytes)),
    ("reads_huawei_clouddc", |bytes| reads::check("huawei-clouddc", bytes)),
    ("reads_openstack", |bytes| reads::check("openstack", bytes)),
    ("reads_openstack_ironic", |bytes| reads::check("openstack-ironic", bytes)),
    ("reads_hetzner", |bytes| reads::check("hetzner", bytes)),
    ("orders", orders::check),
    ("pauses", pauses::check),
    ("journal", journal::check),
    ("config", config::check),
    ("credentials", credentials::check),
    ("selection", selection::check),
    ("text", text::check),
];

/// The property of a kind of input.
pub(crate) fn property(name: &str) -> Option<Property> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, property)| *property)
}
