//! Settings, credentials, secret files and selections: this module alone reads the environment and such files.
//!
//! A value is settled by the first of option, environment, profile, `[defaults]` and the program's own choice, and
//! keeps its origin.

pub mod docs;
pub mod endpoint;
pub mod env;
mod error;
pub mod fields;
pub mod file;
mod interrupts;
mod options;
mod origin;
mod password_book;
pub mod passwords;
pub mod products;
mod prompt;
mod resolve;
#[cfg(test)]
mod sample;
pub mod schema;
pub mod secret_file;
pub mod selection;
mod settings;
mod sources;
mod suggest;
pub mod values;

pub use env::Environment;
pub use error::{ConfigError, KeyPlace};
pub use file::ConfigFile;
pub use interrupts::{leave_signals_to_others, let_large_writes_fail};
pub use options::{InFile, OPTIONS, OptionSpec, option};
pub use origin::{Origin, Sourced};
pub use password_book::PasswordBook;
pub use products::{names as product_names, select_products};
pub use prompt::{PromptError, ask_password};
pub use settings::{Row, Settings, Typed};
pub use sources::{Overlay, VendorSources};
