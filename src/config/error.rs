//! What can be wrong with settings, wherever they stand.

use super::origin::Origin;
use super::suggest::{did_you_mean, listed};
use crate::model::{Exit, Refusal};

/// A key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// The table, for people.
    pub table: String,
    /// The key as it is written.
    pub key: String,
}

impl std::fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// Why settings cannot be used. No value of a setting that could be secret is ever part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing, of a wrong kind, or cannot be read.
    #[error("{origin}: configuration file {path}: {problem}")]
    Unreadable {
        /// What named the file.
        origin: Origin,
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is not TOML.
    #[error("{path}:{line}:{column}: {problem}")]
    Syntax {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the parser says; it speaks of the grammar and quotes nothing.
        problem: String,
    },
    /// A key that means nothing.
    #[error("{at}: unknown key `{}` in {}{}", .at.key, .at.table, did_you_mean(.suggestion.as_deref()))]
    UnknownKey {
        /// Which key.
        at: Box<KeyPlace>,
        /// The known key that is nearest.
        suggestion: Option<String>,
        /// All keys of the table.
        known: Vec<String>,
    },
    /// A key that belongs to an option or table, but not here.
    #[error("{at}: `{}` cannot stand in {}: {problem}", .at.key, .at.table)]
    Misplaced {
        /// Which key.
        at: Box<KeyPlace>,
        /// Why, and where it belongs.
        problem: String,
    },
    /// A key that looks as if a secret stood behind it.
    #[error("{at}: `{}` looks like a secret, and the configuration file holds none", .at.key)]
    SecretInFile {
        /// Which key.
        at: Box<KeyPlace>,
    },
    /// One key in two spellings.
    #[error("{at}: `{}` is set twice in {}", .at.key, .at.table)]
    Twice {
        /// The later one.
        at: Box<KeyPlace>,
    },
    /// A value of a wrong type.
    #[error("{at}: `{}` in {} must be {expected}", .at.key, .at.table)]
    WrongType {
        /// Which key.
        at: Box<KeyPlace>,
        /// What it must be.
        expected: &'static str,
    },
    /// A value that means nothing.
    #[error("{origin}: `{name}`: {problem}")]
    BadValue {
        /// Where it stands.
        origin: Origin,
        /// The option's name.
        name: &'static str,
        /// What is wrong, and what may be written.
        problem: String,
    },
    /// No profile of that name.
    #[error("{origin}: no profile `{name}` in {path}{}", did_you_mean(.suggestion.as_deref()))]
    NoProfile {
        /// Where the name stands.
        origin: Box<Origin>,
        /// The name.
        name: String,
        /// The configuration file.
        path: String,
        /// The profile that is nearest.
        suggestion: Option<String>,
        /// All profiles.
        known: Vec<String>,
    },
    /// Two options that exclude each other.
    #[error("{first} and {second} cannot be used together")]
    Conflict {
        /// One.
        first: Box<Origin>,
        /// The other.
        second: Box<Origin>,
        /// Which to leave out.
        advice: &'static str,
    },
    /// No folder for journals.
    #[error("no folder for journals: this user has no home directory")]
    NoStateDir,
}

impl ConfigError {
    /// The exit code: 2 for what was typed, 78 for environment and file.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { origin, .. } | Self::BadValue { origin, .. } => origin.exit(),
            Self::NoProfile { origin, .. } => origin.exit(),
            Self::Conflict { first, second, .. } => match (first.exit(), second.exit()) {
                (Exit::Usage, Exit::Usage) => Exit::Usage,
                _ => Exit::Config,
            },
            Self::Syntax { .. }
            | Self::UnknownKey { .. }
            | Self::Misplaced { .. }
            | Self::SecretInFile { .. }
            | Self::Twice { .. }
            | Self::WrongType { .. }
            | Self::NoStateDir => Exit::Config,
        }
    }

    /// What to do about it.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unreadable { .. } => "correct the path or the file's permissions".to_owned(),
            Self::Syntax { .. } => "correct the line; texts need quotes in TOML".to_owned(),
            Self::UnknownKey { known, .. } if known.is_empty() => "remove it".to_owned(),
            Self::UnknownKey { known, .. } => {
                format!("correct or remove it; known keys: {}", listed(known.iter().map(String::as_str)))
            }
            Self::Misplaced { .. } => "move or remove it".to_owned(),
            Self::SecretInFile { .. } => "take it out, and change the secret if others could read the file; \
                 credentials come from variables or the provider's own files, which a profile can name with \
                 `variables` and `credentials_profile`"
                .to_owned(),
            Self::Twice { .. } => "keep one of them; a hyphen and an underscore are the same".to_owned(),
            Self::WrongType { .. } => "correct the value".to_owned(),
            Self::BadValue { origin, .. } => format!("correct {origin}"),
            Self::NoProfile { known, .. } if known.is_empty() => {
                "add the profile to the configuration file, or leave the name out".to_owned()
            }
            Self::NoProfile { known, .. } => {
                format!("use one of {}", listed(known.iter().map(String::as_str)))
            }
            Self::Conflict { advice, .. } => (*advice).to_owned(),
            Self::NoStateDir => format!("give one with `--state-dir` or `{}`", super::env::STATE_DIR),
        }
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self { kind: "config", message: error.to_string(), next_step: error.next_step(), exit: error.exit() }
    }
}
