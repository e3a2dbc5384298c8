//! `reinstall sandbox`: the emulators for other processes.

use super::error::CliError;
use super::session::{Session, open_sandbox};
use super::signals::Signals;
use crate::model::Exit;
use crate::report::write_line;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

/// Serves until a signal arrives.
pub(super) async fn run(session: &Session, listen: &str, speed: f64) -> Result<Exit, CliError> {
    let address: SocketAddr = listen.replace("localhost", "127.0.0.1").parse().map_err(|_| {
        CliError::usage(format!("`{listen}` is no address with a port"), "give one such as 127.0.0.1:8080")
    })?;
    let signals = Signals::in_silence(session);
    let sandbox = open_sandbox(session.clock.clone(), address, speed)?;
    let credentials: Map<String, Value> =
        sandbox.credentials().into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    let line = json!({ "url": sandbox.url(), "pid": std::process::id(), "credentials": credentials });
    write_line(&session.out.stdout, &line).map_err(CliError::output)?;
    if !session.quiet() {
        session.tell(&format!(
            "sandbox at {}: faults at /_sandbox/faults, log at /_sandbox/log; Ctrl-C ends it",
            sandbox.url()
        ));
    }
    signals.next().await;
    drop(sandbox);
    Ok(Exit::Success)
}
