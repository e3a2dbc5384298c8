//! Reinstalls the operating system of cloud servers: an order is never sent twice, an outcome is never
//! guessed, a server is never lost from view.
//!
//! Layers, lowest first (`docs/ARCHITECTURE.md`): [`model`], [`secret`], [`clock`], [`wire`] and [`sign`] know
//! nothing above them; [`providers`] build requests and read answers; `client` sends them; `run` decides when;
//! `journal` remembers; `report` tells; [`config`] settles; `cli` takes what was typed.

pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
mod flaw;
pub mod journal;
pub mod model;
pub mod providers;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod secret;
pub mod sign;
#[cfg(test)]
mod simulation;
pub mod wire;
