//! How a server's part of a run ended.

use super::Exit;
use serde::{Deserialize, Serialize};

/// Exactly one per server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Reinstalled and in the state that was asked for; start and end were seen.
    Succeeded,
    /// The order was accepted; nobody waited (`--no-wait`).
    Accepted,
    /// The provider began and reports failure.
    Failed,
    /// The provider refused the order; nothing was reinstalled.
    Rejected,
    /// The server is gone from the provider's lists.
    Vanished,
    /// Still in progress when the time was up.
    TimedOut,
    /// The order may have been taken and nobody saw the end.
    Unverified,
    /// A guard said no before anything was sent for it.
    Skipped,
    /// The run stopped before its turn.
    NotStarted,
}

impl Verdict {
    /// Every verdict, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Accepted,
        Self::Failed,
        Self::Rejected,
        Self::Vanished,
        Self::TimedOut,
        Self::Unverified,
        Self::Skipped,
        Self::NotStarted,
    ];

    /// The word of reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Vanished => "vanished",
            Self::TimedOut => "timed_out",
            Self::Unverified => "unverified",
            Self::Skipped => "skipped",
            Self::NotStarted => "not_started",
        }
    }

    /// The exit code that one such server asks for.
    pub fn exit(self) -> Exit {
        match self {
            Self::Succeeded | Self::Accepted => Exit::Success,
            Self::Failed | Self::Rejected | Self::Vanished => Exit::Failed,
            Self::TimedOut => Exit::TimedOut,
            Self::Unverified => Exit::Unverified,
            Self::Skipped | Self::NotStarted => Exit::Skipped,
        }
    }

    /// Whether it counts against `--max-failures`.
    pub fn counts_as_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Rejected | Self::Vanished | Self::Unverified)
    }
}

/// How many servers ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([usize; Verdict::ALL.len()]);

impl Counts {
    /// Counts the verdicts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            counts.0[verdict as usize] += 1;
        }
        counts
    }

    /// How many of this one.
    pub fn get(&self, verdict: Verdict) -> usize {
        self.0[verdict as usize]
    }

    /// How many in all.
    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }
}

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(Verdict::ALL.len() + 1))?;
        map.serialize_entry("total", &self.total())?;
        for verdict in Verdict::ALL {
            map.serialize_entry(verdict.word(), &self.get(verdict))?;
        }
        map.end()
    }
}
