//! How a command ends badly: cause, next step, exit code.

use crate::config::ConfigError;
use crate::journal::StoreError;
use crate::model::{Exit, Refusal};
use crate::providers::SetupError;
use crate::report::text;
use crate::run::plan::PlanError;
use crate::wire::ReadFault;
use std::fmt::Display;

/// An error as the operator reads it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// Cause and object.
    pub message: String,
    /// What to do now; empty if the message says it.
    pub next_step: String,
    /// The exit code.
    pub exit: Exit,
}

impl CliError {
    /// An error with all its parts.
    pub fn new(exit: Exit, message: impl Display, next_step: impl Into<String>) -> Self {
        Self { message: message.to_string(), next_step: next_step.into(), exit }
    }

    /// Wrong use.
    pub fn usage(message: impl Display, next_step: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message, next_step)
    }

    /// Standard output is lost: closed by its reader, or its device refuses.
    pub fn output(cause: std::io::Error) -> Self {
        let message = match cause.kind() {
            std::io::ErrorKind::BrokenPipe => "standard output is closed".to_owned(),
            _ => format!("standard output cannot be written: {cause}"),
        };
        Self::new(Exit::OutputLost, message, "")
    }

    /// The same error with this behind its message.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(more);
        self
    }

    /// The two lines on standard error, with text from outside neutralised.
    pub fn lines(&self) -> String {
        let mut lines = format!("error: {}", text::clean_to(&self.message, 2000));
        if !self.next_step.is_empty() {
            lines.push_str("\n  next: ");
            lines.push_str(&text::clean_to(&self.next_step, 2000));
        }
        lines
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.exit, &refusal, refusal.next_step.clone())
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::new(error.exit(), &error, error.next_step())
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        Self::new(error.exit(), &error, error.next_step())
    }
}

impl From<ReadFault> for CliError {
    fn from(fault: ReadFault) -> Self {
        Refusal::from(fault).into()
    }
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        let (exit, step) = match &error {
            SetupError::NoCredentials { next_step, .. } | SetupError::BadCredentials { next_step, .. } => {
                (Exit::Credentials, next_step.clone())
            }
            SetupError::MissingSetting { next_step, .. } => (Exit::Usage, next_step.clone()),
            SetupError::BadSetting { .. } => (Exit::Config, "correct it, then see `reinstall check`".to_owned()),
            SetupError::NotInRegion { .. } => (Exit::Usage, "choose another `--region`".to_owned()),
        };
        Self::new(exit, &error, step)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let (exit, step) = match &error {
            StoreError::Folder { .. } | StoreError::Io { .. } => {
                (Exit::OutputLost, "name another folder with `--state-dir`, or correct this one")
            }
            StoreError::Unknown(_) | StoreError::Ambiguous { .. } => (Exit::Usage, "see `reinstall runs`"),
            StoreError::Locked { .. } => (Exit::Skipped, "wait for it, or stop that process first"),
            StoreError::Damaged { .. } => (
                Exit::JournalDamaged,
                "see what can be read with `reinstall runs show`; watch the servers with `reinstall wait`",
            ),
        };
        Self::new(exit, &error, step)
    }
}
