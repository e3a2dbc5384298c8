//! The built program as users and scripts meet it: one process a call, against an emulator in another process.
#![expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]

#[path = "../artefacts/mod.rs"]
mod artefacts;
mod bench;
mod completions;
mod errors;
mod faults;
mod guards;
mod help;
mod hetzner;
mod hosts;
mod ironic;
mod journal;
mod limits;
mod lost;
mod openstack;
mod output;
mod plans;
mod process;
mod prompt;
mod resume;
mod returned;
mod run;
mod sandbox;
mod secrets;
mod signals;
mod slow;
