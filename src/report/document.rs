//! The report document, `reinstall.report/1`: a promise to scripts.

use super::words::{milliseconds, rfc3339};
use crate::model::{ApiError, Counts, Exit, Observation, RunId, Verdict};
use chrono::{DateTime, Utc};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// The document's name and major version. Within it, fields are only added.
pub const SCHEMA: &str = "reinstall.report/1";

/// One run as it ended, or as far as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// The run; `None` where no journal was opened, as under `--dry-run`.
    pub run: Option<RunId>,
    /// When the program began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// What the process returns.
    pub exit: Exit,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// `--reason`.
    pub reason: Option<String>,
    /// Every server of the selection, in the order of the plan.
    pub targets: Vec<TargetReport>,
}

/// One server's part.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetReport {
    /// Product.
    pub provider: String,
    /// Region, where the product has one.
    pub region: Option<String>,
    /// The provider's id.
    pub instance: String,
    /// Its name, if it was read.
    pub name: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// Reinstall requests that were or may have been carried out.
    pub orders_sent: u32,
    /// What the verdict rests on: `job:…`, `status:…`, `operation:…`, `changed:…`.
    pub proof: Option<String>,
    /// Job, task or action of the order.
    pub ticket: Option<String>,
    /// The provider's ids of our requests, for support.
    pub request_ids: Vec<String>,
    /// How it looked before the order.
    pub baseline: Option<Glimpse>,
    /// How it looked last.
    pub last: Option<Glimpse>,
    /// When the order was sent.
    pub ordered_at: Option<DateTime<Utc>>,
    /// When the verdict fell.
    pub finished_at: Option<DateTime<Utc>>,
    /// From order to verdict.
    pub duration: Option<Duration>,
    /// How many looks were taken at it.
    pub reads: u64,
    /// Why, where it did not end well.
    pub error: Option<ApiError>,
}

impl TargetReport {
    /// A server for which nothing has happened yet.
    pub fn new(provider: impl Into<String>, instance: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            provider: provider.into(),
            region: None,
            instance: instance.into(),
            name: None,
            verdict,
            orders_sent: 0,
            proof: None,
            ticket: None,
            request_ids: Vec::new(),
            baseline: None,
            last: None,
            ordered_at: None,
            finished_at: None,
            duration: None,
            reads: 0,
            error: None,
        }
    }
}

/// A look as the report keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Glimpse {
    /// The provider's word.
    pub status: String,
    /// Id of the image.
    pub image: Option<String>,
}

impl From<&Observation> for Glimpse {
    fn from(seen: &Observation) -> Self {
        Self { status: seen.status.clone(), image: seen.image.clone() }
    }
}

impl RunReport {
    /// How many servers ended how.
    pub fn counts(&self) -> Counts {
        Counts::of(self.targets.iter().map(|target| target.verdict))
    }
}

impl Serialize for RunReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("RunReport", 9)?;
        document.serialize_field("schema", SCHEMA)?;
        document.serialize_field("run", &self.run)?;
        document.serialize_field("started_at", &rfc3339(self.started_at))?;
        document.serialize_field("finished_at", &rfc3339(self.finished_at))?;
        document.serialize_field("exit_code", &self.exit.code())?;
        document.serialize_field("dry_run", &self.dry_run)?;
        document.serialize_field("reason", &self.reason)?;
        document.serialize_field("counts", &self.counts())?;
        document.serialize_field("targets", &self.targets)?;
        document.end()
    }
}

impl Serialize for TargetReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut target = serializer.serialize_struct("TargetReport", 16)?;
        target.serialize_field("provider", &self.provider)?;
        target.serialize_field("region", &self.region)?;
        target.serialize_field("instance", &self.instance)?;
        target.serialize_field("name", &self.name)?;
        target.serialize_field("verdict", &self.verdict)?;
        target.serialize_field("orders_sent", &self.orders_sent)?;
        target.serialize_field("proof", &self.proof)?;
        target.serialize_field("ticket", &self.ticket)?;
        target.serialize_field("request_ids", &self.request_ids)?;
        target.serialize_field("baseline", &self.baseline)?;
        target.serialize_field("last", &self.last)?;
        target.serialize_field("ordered_at", &self.ordered_at.map(rfc3339))?;
        target.serialize_field("finished_at", &self.finished_at.map(rfc3339))?;
        target.serialize_field("duration_ms", &self.duration.map(milliseconds))?;
        target.serialize_field("reads", &self.reads)?;
        target.serialize_field("error", &self.error)?;
        target.end()
    }
}
