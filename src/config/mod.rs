//! Settings, credentials, secret files and selections: this module alone reads the environment and such files.
//!
//! A value is settled by the first of option, environment, profile, `[defaults]` and the program's own choice, and
//! keeps its origin.

pub mod endpoint;
pub mod env;
mod error;
pub mod file;
mod options;
mod origin;
mod resolve;
#[cfg(test)]
mod sample;
pub mod schema;
pub mod secret_file;
mod settings;
mod suggest;
pub mod values;

pub use env::Environment;
pub use error::ConfigError;
pub use file::ConfigFile;
pub use options::{InFile, OPTIONS, OptionSpec, option};
pub use origin::{Origin, Sourced};
pub use settings::{Row, Settings, Typed};
