//! The plan as a person reads it before saying yes: who pays, where, which servers, and what happens to each.

use super::paint::{Paint, Tone};
use super::phrase::look;
use super::table::{Grid, Width};
use super::text::clean;
use super::words::{NONE, count};
use crate::model::{PlannedTarget, PowerOff, PowerOn, PowerPlan};

/// Everything that the plan shows.
pub struct PlanView<'a> {
    /// The servers, in the order in which they will be taken.
    pub targets: Vec<PlanTarget<'a>>,
    /// How a running server is stopped.
    pub power_off: PowerOff,
    /// What happens to one that ends off.
    pub power_on: PowerOn,
    /// How the new system is logged in to: one line for all servers, such as `password from --password-env`.
    pub login: String,
    /// `--reason`.
    pub reason: Option<String>,
    /// Lines about the run: waves, limits, time-outs.
    pub limits: Vec<(String, String)>,
    /// Things that the operator should know before saying yes.
    pub warnings: Vec<String>,
    /// Nothing will be sent.
    pub dry_run: bool,
    /// Against the sandbox inside the process.
    pub sandbox: bool,
}

/// One server of the plan.
pub struct PlanTarget<'a> {
    /// Product.
    pub provider: &'a str,
    /// Who pays.
    pub account: &'a str,
    /// The provider's own endpoint, where the user named another one.
    pub own_endpoint: Option<&'a str>,
    /// What stands between: `http://proxy.example.org:3128`, without its password.
    pub proxy: Option<&'a str>,
    /// Everything settled.
    pub planned: &'a PlannedTarget,
}

impl PlanView<'_> {
    /// The plan as text, ending with a line break.
    pub fn text(&self, width: Width, paint: Paint) -> String {
        let mut text = String::new();
        let total = count(self.targets.len(), "server");
        let head = match (self.dry_run, self.sandbox) {
            (true, _) => format!("Plan for {total} (dry run: nothing is sent)"),
            (_, true) => format!("Plan for {total} in the sandbox"),
            _ => format!("Plan for {total}"),
        };
        push(&mut text, &paint.tone(Tone::Strong, &head));
        for group in self.groups() {
            text.push('\n');
            self.group(&mut text, &group, width, paint);
        }
        text.push('\n');
        let mut facts = vec![("login".to_owned(), self.login.clone()), ("when done".to_owned(), self.ending())];
        facts.extend(self.reason.iter().map(|reason| ("reason".to_owned(), reason.clone())));
        facts.extend(self.limits.iter().cloned());
        push_facts(&mut text, &facts, "  ");
        for warning in &self.warnings {
            push(&mut text, &paint.tone(Tone::Warn, &format!("  ! {}", clean(warning))));
        }
        text.push('\n');
        push(&mut text, &paint.tone(Tone::Bad, &self.wipe()));
        text
    }

    fn wipe(&self) -> String {
        let would = if self.dry_run { "would" } else { "will" };
        match self.targets[..] {
            [ref one] => format!(
                "The system disk of {} {would} be WIPED. There is no way back.",
                clean(one.planned.prepared.record.id.as_str())
            ),
            _ => format!(
                "The system disks of these {} {would} be WIPED. There is no way back.",
                count(self.targets.len(), "server")
            ),
        }
    }

    fn ending(&self) -> String {
        match self.power_on {
            PowerOn::Auto => "running; one that ends powered off is started".to_owned(),
            PowerOn::Never => "one that ends powered off is left off".to_owned(),
        }
    }

    /// Servers that share product, account, region and endpoint, in the order of the plan.
    fn groups(&self) -> Vec<Vec<&PlanTarget<'_>>> {
        let mut groups: Vec<Vec<&PlanTarget<'_>>> = Vec::new();
        for target in &self.targets {
            match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.place() == target.place())) {
                Some(group) => group.push(target),
                None => groups.push(vec![target]),
            }
        }
        groups
    }

    fn group(&self, text: &mut String, group: &[&PlanTarget<'_>], width: Width, paint: Paint) {
        let Some(first) = group.first() else { return };
        let heading = format!("{}: {}", clean(first.provider), count(group.len(), "server"));
        push(text, &paint.tone(Tone::Strong, &heading));
        let endpoint = &first.planned.endpoint;
        let foreign = first.own_endpoint.is_some_and(|own| own.trim_end_matches('/') != endpoint.trim_end_matches('/'));
        let mut facts = vec![
            ("account".to_owned(), first.account.to_owned()),
            ("region".to_owned(), first.planned.region.clone().unwrap_or_else(|| NONE.to_owned())),
        ];
        if !foreign {
            facts.push(("endpoint".to_owned(), endpoint.clone()));
        }
        push_facts(text, &facts, "  ");
        if foreign {
            let own = first.own_endpoint.map(clean).unwrap_or_default();
            let line = format!("  endpoint   {}  ! not the provider's own ({own})", clean(endpoint));
            push(text, &paint.tone(Tone::Warn, &line));
        }
        if let Some(proxy) = first.proxy {
            push(text, &paint.tone(Tone::Warn, &format!("  through    the proxy {}", clean(proxy))));
        }

        let mut grid = Grid::new(&["server", "name", "address", "now", "image now", "-> image", "power"], 0, width);
        for target in group {
            let prepared = &target.planned.prepared;
            let record = &prepared.record;
            grid.row([
                record.id.to_string(),
                record.name.clone().unwrap_or_default(),
                record.addresses.join(" "),
                look(&record.seen),
                image(record.seen.image.as_deref(), record.image_name.as_deref()),
                match &prepared.image {
                    Some((id, name)) => {
                        let same = if record.seen.image.as_ref() == Some(id) { ", the same again" } else { "" };
                        format!("{}{same}", image(Some(id), name.as_deref()))
                    }
                    None => "none is named to the provider".to_owned(),
                },
                self.power(prepared.power).to_owned(),
            ]);
        }
        indent(text, &grid.text(paint, &[]));
        self.lines(text, group);
    }

    /// Settled fields: those that all servers of the group share once, the others below each server's id.
    fn lines(&self, text: &mut String, group: &[&PlanTarget<'_>]) {
        let all = |target: &PlanTarget<'_>| target.planned.prepared.lines.clone();
        let mut shared = group.first().map(|first| all(first)).unwrap_or_default();
        shared.retain(|line| group.iter().all(|target| target.planned.prepared.lines.contains(line)));
        push_facts(text, &shared, "  ");
        for target in group {
            let mut own = all(target);
            own.retain(|line| !shared.contains(line));
            if !own.is_empty() {
                push(text, &format!("  {}:", clean(target.planned.prepared.record.id.as_str())));
                push_facts(text, &own, "    ");
            }
        }
    }

    fn power(&self, plan: PowerPlan) -> &'static str {
        match (plan, self.power_off) {
            (PowerPlan::Nothing, _) => "as it is",
            (PowerPlan::StopFirst, PowerOff::Hard) => "is cut off first",
            (PowerPlan::StopFirst, _) => "is shut down first",
            (PowerPlan::StoppedByOrder, _) => "is stopped by the reinstall",
        }
    }
}

impl PlanTarget<'_> {
    fn place(&self) -> (&str, &str, Option<&str>, &str) {
        (self.provider, self.account, self.planned.region.as_deref(), &self.planned.endpoint)
    }
}

/// An image by name and id.
fn image(id: Option<&str>, name: Option<&str>) -> String {
    match (name, id) {
        (Some(name), Some(id)) if name != id => format!("{name} ({id})"),
        (_, Some(text)) | (Some(text), None) => text.to_owned(),
        (None, None) => NONE.to_owned(),
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn indent(text: &mut String, block: &str) {
    block.lines().for_each(|line| push(text, format!("  {line}").trim_end()));
}

fn push_facts(text: &mut String, facts: &[(String, String)], margin: &str) {
    let widest = facts.iter().map(|(what, _)| clean(what).chars().count()).max().unwrap_or(0).clamp(9, 24);
    for (what, value) in facts {
        push(text, &format!("{margin}{:<widest$}  {}", clean(what), clean(value)));
    }
}
