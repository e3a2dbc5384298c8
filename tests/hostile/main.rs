//! The program against servers and networks that mean no good: real sockets on loopback, and a fault server of the
//! project's own at the other end. `./check hostile` runs the long form.
#![expect(clippy::disallowed_methods, reason = "real sockets and processes are waited for in real time")]

#[path = "../artefacts/mod.rs"]
mod artefacts;
#[path = "../cli/bench.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod bench;
#[path = "../given/mod.rs"]
mod given;
#[expect(dead_code, reason = "shared with the tests of the command line, which use all of it")]
#[path = "../cli/sandbox.rs"]
mod sandbox;

mod answers;
mod bounds;
mod bystanders;
mod certificates;
mod connections;
mod dates;
mod front;
mod hosts;
mod http;
mod memory;
mod offsets;
mod orders;
mod proxies;
mod redirects;
mod scene;
mod server;
mod text;
mod tls;
mod vanished;
