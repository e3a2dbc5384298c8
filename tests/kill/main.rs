//! Real processes that are killed, stopped, signalled and starved, at every moment: at most one wipe for each
//! server, no server lost, no verdict that the emulator's own count does not bear out.
//!
//! Each test takes a sample; `./check kill` takes every moment, and with a fleet, a family and a number that case alone.
#![expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]
#![expect(clippy::print_stdout, reason = "figures and what was skipped are for whoever runs the long form")]

mod again;
#[path = "../artefacts/mod.rs"]
mod artefacts;
mod asked;
mod bench;
mod disk;
mod events;
mod judge;
mod kills;
mod order;
mod pause;
mod rivals;
mod signals;
mod strace;
mod wire;
