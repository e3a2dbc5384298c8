//! Where a value stands.

use crate::model::Exit;
use std::fmt;

/// Where a value stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line: the option's name without dashes.
    Option(&'static str),
    /// In an environment variable.
    Variable(String),
    /// In the configuration file.
    File {
        /// The file, with `~` for the home directory.
        path: String,
        /// The table, as in `[profiles.prod]`; empty for the top level.
        table: String,
        /// Line, from 1.
        line: usize,
    },
    /// Nowhere: the program's own choice.
    Default,
    /// The sandbox brought it.
    Sandbox,
}

impl Origin {
    /// The exit code that a bad value from here leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Option(_) => Exit::Usage,
            Self::Variable(_) | Self::File { .. } | Self::Default | Self::Sandbox => Exit::Config,
        }
    }

    /// Whether it was said for this call: on the command line or in the environment.
    pub fn is_immediate(&self) -> bool {
        matches!(self, Self::Option(_) | Self::Variable(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => write!(f, "option --{name}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File { path, table, line } if table.is_empty() => write!(f, "{path}:{line}"),
            Self::File { path, table, line } => write!(f, "{path}:{line} [{table}]"),
            Self::Default => f.write_str("default"),
            Self::Sandbox => f.write_str("sandbox"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub origin: Origin,
}
