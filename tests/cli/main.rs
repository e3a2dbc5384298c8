//! The built program as users and scripts meet it: one process a call, against an emulator in another process.
#![expect(clippy::disallowed_methods, reason = "real processes are waited for in real time")]

mod bench;
mod errors;
mod faults;
mod help;
mod hosts;
mod journal;
mod lost;
mod output;
mod plans;
mod resume;
mod run;
mod sandbox;
mod secrets;
mod signals;
