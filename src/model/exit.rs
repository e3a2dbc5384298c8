//! Exit codes: numbers, names and sentences in one place; help and documentation are checked against it.

/// Why the program ended as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for is true.
    Success,
    /// Some servers failed, were rejected or vanished.
    Failed,
    /// Bad option, plan file or selection; nothing was sent.
    Usage,
    /// Some are still in progress at the provider.
    TimedOut,
    /// Some orders may have been taken and nobody saw the end.
    Unverified,
    /// A guard, a refusal, a stop rule or a missing confirmation.
    Skipped,
    /// Credentials are missing or were refused.
    Credentials,
    /// A journal is damaged.
    JournalDamaged,
    /// The provider cannot be reached and nothing was sent.
    Unreachable,
    /// A mistake in this program.
    Bug,
    /// Output or journal was lost.
    OutputLost,
    /// The configuration is wrong.
    Config,
    /// Stopped by SIGINT.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

impl Exit {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::TimedOut,
        Self::Unverified,
        Self::Skipped,
        Self::Credentials,
        Self::JournalDamaged,
        Self::Unreachable,
        Self::Bug,
        Self::OutputLost,
        Self::Config,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Which of several wins, first to last; a signal wins over all but a bug and lost output.
    const ORDER: [Self; 9] = [
        Self::Bug,
        Self::OutputLost,
        Self::JournalDamaged,
        Self::Unverified,
        Self::Failed,
        Self::TimedOut,
        Self::Credentials,
        Self::Unreachable,
        Self::Skipped,
    ];

    /// The number that the process returns.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::TimedOut => 3,
            Self::Unverified => 4,
            Self::Skipped => 5,
            Self::Credentials => 6,
            Self::JournalDamaged => 65,
            Self::Unreachable => 69,
            Self::Bug => 70,
            Self::OutputLost => 74,
            Self::Config => 78,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// One sentence for help and documentation.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Success => "every server succeeded (accepted under --no-wait; a clean plan under --dry-run)",
            Self::Failed => "some servers failed, were rejected or vanished",
            Self::Usage => "bad option, plan file or selection; nothing was sent",
            Self::TimedOut => "some servers timed out: still in progress at the provider",
            Self::Unverified => "some orders may have been taken and nobody saw the end",
            Self::Skipped => {
                "some servers were skipped or not started: a guard, a refusal, a stop rule, a missing confirmation"
            }
            Self::Credentials => "credentials are missing or were refused",
            Self::JournalDamaged => "a journal is damaged",
            Self::Unreachable => "the provider cannot be reached and nothing was sent",
            Self::Bug => "a mistake in this program",
            Self::OutputLost => "output or journal was lost",
            Self::Config => "the configuration is wrong",
            Self::Interrupted => "stopped by SIGINT; standard error names the run and how to go on",
            Self::Terminated => "stopped by SIGTERM; standard error names the run and how to go on",
        }
    }

    /// The one of several that the process returns.
    pub fn worst(reasons: impl IntoIterator<Item = Self>) -> Self {
        let mut worst = Self::Success;
        for reason in reasons {
            if reason.rank() < worst.rank() {
                worst = reason;
            }
        }
        worst
    }

    fn rank(self) -> usize {
        match self {
            Self::Bug => 0,
            Self::OutputLost => 1,
            Self::Interrupted | Self::Terminated => 2,
            Self::Usage | Self::Config => 20,
            Self::Success => 100,
            other => Self::ORDER.iter().position(|&exit| exit == other).map_or(50, |place| place + 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_contracts_list_wins() {
        assert_eq!(Exit::worst([Exit::Skipped, Exit::Failed, Exit::TimedOut]), Exit::Failed);
        assert_eq!(Exit::worst([Exit::Failed, Exit::Unverified]), Exit::Unverified);
        assert_eq!(Exit::worst([Exit::Interrupted, Exit::Unverified]), Exit::Interrupted);
        assert_eq!(Exit::worst([Exit::Interrupted, Exit::OutputLost]), Exit::OutputLost);
        assert_eq!(Exit::worst([Exit::TimedOut, Exit::Skipped, Exit::Credentials]), Exit::TimedOut);
        assert_eq!(Exit::worst([]), Exit::Success);
    }
}
