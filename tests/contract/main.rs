//! The contract: layers, registry, documentation, and the rules that every product keeps over real loopback.

mod conformance;
mod docs_fresh;
#[path = "../given/mod.rs"]
mod given;
mod layers;
mod planning;
mod registry;
mod rules;
mod samples;
mod source;
mod stage;
mod supply;
mod wiretap;
