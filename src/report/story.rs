//! The whole story of one run, for people.

use super::phrase::{phrase, words_of};
use super::text::{clean, clean_to};
use super::words::{clock, duration, moment};
use super::{Paint, Tone};
use crate::model::{Event, RunHead, ServerId, Verdict, What};
use std::fmt::Write;

/// What is told.
pub struct StoryView<'a> {
    /// The run.
    pub run: &'a str,
    /// How it stands, such as `ended, exit code 0`.
    pub state: String,
    /// Its events.
    pub events: &'a [Event],
    /// Whole records behind the first damage.
    pub salvaged: &'a [Event],
    /// What is damaged, and where.
    pub damages: Vec<String>,
    /// How to go on.
    pub next: Vec<String>,
}

/// The story as text: the run, then each server in the order of the plan, then damage, then how to go on.
pub fn story(view: &StoryView<'_>, paint: Paint) -> String {
    let mut text = String::new();
    line(&mut text, &paint.tone(Tone::Strong, &format!("Run {}: {}", view.run, view.state)));
    let head = view.events.iter().find_map(|event| match &event.what {
        What::RunOpened(head) => Some((event, &**head)),
        _ => None,
    });
    if let Some((event, head)) = head {
        opened(&mut text, event, head);
    }
    section(&mut text, view.events.iter().filter(|event| event.instance.is_none()), paint);
    for (provider, instance) in servers(view.events) {
        let own = || view.events.iter().filter(|event| is_of(event, provider, instance));
        text.push('\n');
        line(&mut text, &paint.tone(Tone::Strong, &title(own(), provider, instance)));
        section(&mut text, own(), paint);
    }
    if !view.damages.is_empty() {
        text.push('\n');
        line(&mut text, &paint.tone(Tone::Bad, "Damage"));
        view.damages.iter().for_each(|damage| line(&mut text, &format!("  {}", clean(damage))));
        if !view.salvaged.is_empty() {
            line(&mut text, "  Whole records behind it; nothing is ordered on their word:");
            section(&mut text, view.salvaged.iter(), paint);
        }
    }
    if !view.next.is_empty() {
        text.push('\n');
        line(&mut text, &paint.tone(Tone::Strong, "Next"));
        view.next.iter().for_each(|next| line(&mut text, &format!("  {}", clean(next))));
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn opened(text: &mut String, event: &Event, head: &RunHead) {
    let by = head.by.as_ref().map(|by| format!(" by {}", clean(by))).unwrap_or_default();
    let began = format!("{}{by}, reinstall {}", moment(event.at), clean(&head.program));
    let mut limits =
        vec![format!("{} at one time", head.concurrency), format!("stop after {} failed", head.max_failures)];
    limits.extend(head.timeout.map(|time| format!("{} for each", duration(time))));
    let place: Vec<String> = head.place.iter().map(|(key, value)| format!("{key} {value}")).collect();
    for (name, value) in [
        ("began", began),
        ("reason", head.reason.clone().unwrap_or_default()),
        ("place", place.join(", ")),
        ("limits", limits.join(", ")),
        ("servers", head.total.to_string()),
    ] {
        if !value.is_empty() {
            line(text, &format!("  {name:<9} {}", clean(&value)));
        }
    }
}

/// Every server once, in the order of the plan.
fn servers(events: &[Event]) -> Vec<(Option<&str>, &ServerId)> {
    let mut found = Vec::new();
    for event in events {
        let Some(instance) = &event.instance else { continue };
        let key = (event.provider.as_deref(), instance);
        if !found.contains(&key) {
            found.push(key);
        }
    }
    found
}

fn is_of(event: &Event, provider: Option<&str>, instance: &ServerId) -> bool {
    event.instance.as_ref() == Some(instance) && event.provider.as_deref() == provider
}

fn title<'a>(events: impl Iterator<Item = &'a Event>, provider: Option<&str>, instance: &ServerId) -> String {
    let (mut name, mut verdict): (Option<&str>, Option<Verdict>) = (None, None);
    for event in events {
        match &event.what {
            What::Planned(planned) => name = planned.prepared.record.name.as_deref(),
            What::Verdict { verdict: last, .. } => verdict = Some(*last),
            _ => {}
        }
    }
    let name = name.map(|name| format!(" ({})", clean_to(name, 40))).unwrap_or_default();
    let end = verdict.map_or("open", words_of);
    format!("{} {}{name}: {end}", clean(provider.unwrap_or_default()), instance.as_str()).trim_start().to_owned()
}

fn section<'a>(text: &mut String, events: impl Iterator<Item = &'a Event>, paint: Paint) {
    let mut day = None;
    for event in events {
        if day.replace(event.at.date_naive()).is_some_and(|before| before != event.at.date_naive()) {
            let _ = writeln!(text, "  {}", event.at.format("%Y-%m-%d"));
        }
        let phrase = phrase(&event.what);
        let told = clean_to(&phrase.text, 400);
        let told = phrase.tone.map_or_else(|| told.clone(), |tone| paint.tone(tone, &told));
        line(text, &format!("  {} {:>5}  {told}", paint.tone(Tone::Dim, &clock(event.at)), event.seq));
    }
}
