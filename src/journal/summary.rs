//! Runs in one line each, and which of them may be thrown away.

use super::{Damage, Store, StoreError, Story};
use crate::model::{Counts, RunId, Verdict, What};
use chrono::{DateTime, Utc};
use std::fs;

/// One line of `reinstall runs`.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// How many servers.
    pub total: usize,
    /// Verdicts so far.
    pub counts: Counts,
    /// Exit code, once it has ended.
    pub exit_code: Option<u8>,
    /// Whether a process has it open.
    pub alive: bool,
    /// `--reason`.
    pub reason: Option<String>,
    /// Whether it ran in the sandbox.
    pub sandbox: bool,
    /// What is wrong with its journal.
    pub damage: Option<Damage>,
}

impl RunSummary {
    /// Whether something is left to do or to watch.
    pub fn unfinished(&self) -> bool {
        self.exit_code.is_none() && self.damage.is_none()
    }

    /// Sums a story up.
    pub fn of(run: RunId, story: &Story, alive: bool) -> Self {
        let mut summary = Self {
            run,
            started_at: story.events.first().map(|event| event.at),
            total: 0,
            counts: Counts::default(),
            exit_code: None,
            alive,
            reason: None,
            sandbox: false,
            damage: story.damage.clone(),
        };
        let mut verdicts: Vec<(String, Verdict)> = Vec::new();
        for event in &story.events {
            match &event.what {
                What::RunOpened(head) => {
                    summary.total = head.total;
                    summary.reason.clone_from(&head.reason);
                    summary.sandbox = head.sandbox;
                }
                What::Verdict { verdict, .. } => {
                    let target = format!("{:?}/{:?}", event.provider, event.instance);
                    verdicts.retain(|(known, _)| *known != target);
                    verdicts.push((target, *verdict));
                }
                What::Resumed { .. } => summary.exit_code = None,
                What::RunClosed { exit_code } => summary.exit_code = Some(*exit_code),
                _ => {}
            }
        }
        summary.counts = Counts::of(verdicts.into_iter().map(|(_, verdict)| verdict));
        summary
    }
}

impl Store {
    /// What each run's journal tells in one line.
    pub fn summaries(&self) -> Result<Vec<RunSummary>, StoreError> {
        Ok(self.runs()?.into_iter().map(|run| self.summary(run)).collect())
    }

    /// What one run's journal tells in one line. A journal that cannot be opened is a damaged one: it hides no other.
    fn summary(&self, run: RunId) -> RunSummary {
        let story = self.read(&run).unwrap_or_else(|error| Story::unreadable(&error.to_string()));
        let alive = self.alive(&run);
        RunSummary::of(run, &story, alive)
    }

    /// Removes the journals of ended runs older than the date. Unfinished and damaged ones stay.
    pub fn prune(&self, before: DateTime<Utc>) -> Result<Vec<RunId>, StoreError> {
        let mut removed = Vec::new();
        for summary in self.summaries()? {
            let old = summary.started_at.is_some_and(|at| at < before);
            if old && !summary.alive && summary.exit_code.is_some() && summary.damage.is_none() {
                let path = self.path(&summary.run);
                fs::remove_file(&path).map_err(|cause| StoreError::Io { path: path.display().to_string(), cause })?;
                // What a crash once cut off the journal goes with it; mostly there is none.
                let _ = fs::remove_file(path.with_extension("torn"));
                // Nor does it work on a server any more, should a crash have left a claim of it.
                self.claims().release_all(&summary.run);
                removed.push(summary.run);
            }
        }
        Ok(removed)
    }
}
