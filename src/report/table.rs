//! Tables for people.

use super::document::RunReport;
use super::paint::{Paint, Tone};
use super::phrase::{fault, mark_of, tone_of, words_of};
use super::text::clean;
use super::words::{NONE, count, duration, moment};
use crate::model::{Image, KeyPair, Record, Verdict};
use chrono::{DateTime, Utc};
use comfy_table::{ColumnConstraint, ContentArrangement, Table};

/// Columns of the terminal; `None` where it is none and lines may be as long as they are.
pub type Width = Option<u16>;

/// A table under construction. Cells are cleaned as they come in; empty ones become `-`.
pub(super) struct Grid {
    table: Table,
}

impl Grid {
    /// A table with these headings. The column `whole` is never wrapped: ids are there to be copied.
    pub(super) fn new(headings: &[&str], whole: usize, width: Width) -> Self {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
        if let Some(width) = width {
            table.set_width(width.max(40)).set_content_arrangement(ContentArrangement::Dynamic);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
            if column.index == whole {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        Self { table }
    }

    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.table.add_row(cells.map(|cell| {
            let cell = clean(&cell);
            if cell.is_empty() { NONE.to_owned() } else { cell }
        }));
    }

    /// The table, ending with a line break. A line that begins with one of `toned` has that beginning painted.
    pub(super) fn text(&self, paint: Paint, toned: &[(String, Tone)]) -> String {
        let mut text = String::new();
        for (number, line) in self.table.lines().enumerate() {
            let line = line.trim_end();
            let head = toned.iter().find(|(head, _)| line.starts_with(head.as_str()));
            match head {
                _ if number == 0 => text.push_str(&paint.tone(Tone::Dim, line)),
                Some((head, tone)) => {
                    text.push_str(&paint.tone(*tone, head));
                    text.push_str(&line[head.len()..]);
                }
                None => text.push_str(line),
            }
            text.push('\n');
        }
        text
    }
}

/// How a run ended: one row a server, then one line of counts.
pub fn results(report: &RunReport, width: Width, paint: Paint) -> String {
    let verdict_cell = |verdict| format!("{} {}", mark_of(verdict), words_of(verdict));
    let mut grid =
        Grid::new(&["verdict", "server", "name", "provider", "now", "took", "why, and what to do"], 1, width);
    for target in &report.targets {
        let why = target.error.as_ref().map(|error| {
            let next =
                if error.next_step.is_empty() { String::new() } else { format!("; {}", clean(&error.next_step)) };
            format!("{}{next}", fault(error))
        });
        grid.row([
            verdict_cell(target.verdict),
            target.instance.clone(),
            target.name.clone().unwrap_or_default(),
            target.provider.clone(),
            target.last.as_ref().map(|last| last.status.clone()).unwrap_or_default(),
            target.duration.map(duration).unwrap_or_default(),
            why.or_else(|| target.proof.clone()).unwrap_or_default(),
        ]);
    }
    let toned: Vec<_> = Verdict::ALL.iter().map(|&verdict| (verdict_cell(verdict), tone_of(verdict))).collect();
    let mut text = grid.text(paint, &toned);
    text.push('\n');
    text.push_str(&tally(report, paint));
    text.push('\n');
    text
}

/// One line such as `3 servers: 2 succeeded, 1 timed out`.
fn tally(report: &RunReport, paint: Paint) -> String {
    let counts = report.counts();
    let parts: Vec<_> = Verdict::ALL
        .iter()
        .filter(|&&verdict| counts.get(verdict) > 0)
        .map(|&verdict| paint.tone(tone_of(verdict), &format!("{} {}", counts.get(verdict), words_of(verdict))))
        .collect();
    let total = count(counts.total(), "server");
    let run = report.run.as_ref().map(|run| format!("  (run {run})")).unwrap_or_default();
    if parts.is_empty() { format!("{total}{run}") } else { format!("{total}: {}{run}", parts.join(", ")) }
}

/// The account's servers, each with its product.
pub fn servers<'a>(rows: impl IntoIterator<Item = (&'a str, &'a Record)>, width: Width, paint: Paint) -> String {
    let mut grid = Grid::new(&["server", "name", "provider", "address", "status", "image", "zone", "model"], 0, width);
    for (provider, record) in rows {
        let image = record.image_name.clone().or_else(|| record.seen.image.clone());
        grid.row([
            record.id.to_string(),
            record.name.clone().unwrap_or_default(),
            provider.to_owned(),
            record.addresses.join(" "),
            record.seen.status.clone(),
            image.unwrap_or_default(),
            record.zone.clone().unwrap_or_default(),
            record.model.clone().unwrap_or_default(),
        ]);
    }
    grid.text(paint, &[])
}

/// Images, each with its product.
pub fn images<'a>(rows: impl IntoIterator<Item = (&'a str, &'a Image)>, width: Width, paint: Paint) -> String {
    let mut grid = Grid::new(&["image", "name", "os", "for", "provider"], 0, width);
    for (provider, image) in rows {
        grid.row([
            image.id.clone(),
            image.name.clone().unwrap_or_default(),
            image.os.clone().unwrap_or_default(),
            image.offered_for.clone().unwrap_or_default(),
            provider.to_owned(),
        ]);
    }
    grid.text(paint, &[])
}

/// Key pairs, each with its product.
pub fn keys<'a>(rows: impl IntoIterator<Item = (&'a str, &'a KeyPair)>, width: Width, paint: Paint) -> String {
    let mut grid = Grid::new(&["key", "name", "fingerprint", "provider"], 0, width);
    for (provider, key) in rows {
        grid.row([
            key.id.clone(),
            key.name.clone().unwrap_or_default(),
            key.fingerprint.clone().unwrap_or_default(),
            provider.to_owned(),
        ]);
    }
    grid.text(paint, &[])
}

/// A run as `runs list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub run: String,
    /// When it was opened.
    pub started_at: DateTime<Utc>,
    /// How it stands: `running`, `unfinished`, `closed (exit 0)`, `damaged`.
    pub state: String,
    /// How many servers.
    pub servers: usize,
    /// How they stand, such as `2 succeeded, 1 timed out`.
    pub outcome: String,
    /// `--reason`.
    pub reason: Option<String>,
}

/// The runs that this machine knows.
pub fn runs(rows: &[RunRow], width: Width, paint: Paint) -> String {
    let mut grid = Grid::new(&["run", "started", "state", "servers", "outcome", "reason"], 0, width);
    for row in rows {
        grid.row([
            row.run.clone(),
            moment(row.started_at),
            row.state.clone(),
            row.servers.to_string(),
            row.outcome.clone(),
            row.reason.clone().unwrap_or_default(),
        ]);
    }
    grid.text(paint, &[])
}

/// A product as `providers` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRow {
    /// What `--provider` takes, aliases behind it.
    pub id: String,
    /// What it is.
    pub about: String,
    /// The state that a server must be in.
    pub must_be: String,
    /// Which logins it takes.
    pub login: String,
    /// Servers in one call.
    pub batch: usize,
    /// `--timeout` when none is given.
    pub timeout: std::time::Duration,
}

/// The products.
pub fn providers(rows: &[ProviderRow], width: Width, paint: Paint) -> String {
    let mut grid = Grid::new(&["provider", "product", "server must be", "login", "a call", "timeout"], 0, width);
    for row in rows {
        grid.row([
            row.id.clone(),
            row.about.clone(),
            row.must_be.clone(),
            row.login.clone(),
            count(row.batch, "server"),
            duration(row.timeout),
        ]);
    }
    grid.text(paint, &[])
}
