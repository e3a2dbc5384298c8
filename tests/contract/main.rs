//! The contract: layers, registry, documentation, and the rules that every product keeps over real loopback.

mod layers;
mod registry;
mod source;
