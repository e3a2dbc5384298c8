//! Lists in the pages are whole: faults, events, decisions, options.

use super::page::{Page, pages, root};
use reinstall::model::Verdict;
use reinstall::sandbox::rule_json::{KNOWN, parameters};
use std::collections::BTreeSet;
use std::process::Command;

fn page(name: &str) -> Page {
    pages().into_iter().find(|page| page.name == name).unwrap_or_else(|| panic!("{name} is there"))
}

/// The row of a table whose first cell is this word.
fn row<'p>(page: &'p Page, word: &str) -> &'p str {
    let begins = format!("| `{word}` |");
    page.text
        .lines()
        .find(|line| line.starts_with(&begins))
        .unwrap_or_else(|| panic!("{} tells of `{word}`", page.name))
}

#[test]
fn the_sandbox_page_has_every_fault_with_its_parameters() {
    let page = page("docs/sandbox.md");
    for fault in KNOWN {
        let row = row(&page, fault);
        for parameter in parameters(fault) {
            assert!(row.contains(&format!("`{parameter}`")), "`{fault}` takes `{parameter}`: {row}");
        }
    }
}

/// The words are read from the source, so that a new event cannot be forgotten.
#[test]
fn the_pages_for_scripts_and_journals_have_every_event_and_verdict() {
    let source = std::fs::read_to_string(root().join("src/model/event.rs")).expect("the source");
    let words: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.split('"').next())
        .collect();
    assert!(words.len() >= 20, "{words:?}");
    let (scripts, journal) = (page("docs/using-scripts.md"), page("docs/journal-format.md"));
    for word in words {
        row(&scripts, word);
        row(&journal, word);
    }
    for verdict in Verdict::ALL {
        row(&scripts, verdict.word());
    }
}

#[test]
fn every_option_that_the_pages_name_exists() {
    // Options of other tools, and the one that exists only to be refused.
    const OTHERS: [&str; 13] = [
        "release",
        "path",
        "lib",
        "password",
        "locked",
        "all-targets",
        "no-deps",
        "test",
        "features",
        "bench",
        "schedules",
        "seed",
        "remap-path-prefix",
    ];
    let mut known: BTreeSet<String> = OTHERS.iter().map(|&name| name.to_owned()).collect();
    for command in [&["--help"][..], &["sandbox", "--help"], &["runs", "prune", "--help"], &["resume", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_reinstall")).args(command).output().expect("help");
        known.extend(options(&String::from_utf8_lossy(&output.stdout)));
    }
    let mut wrong = Vec::new();
    for page in pages() {
        for (number, line) in page.text.lines().enumerate() {
            for name in options(line).into_iter().filter(|name| !known.contains(name)) {
                wrong.push(format!("{}:{}: --{name}", page.name, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "no such option:\n{}", wrong.join("\n"));
}

fn options(text: &str) -> Vec<String> {
    text.match_indices("--")
        .filter(|&(at, _)| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
        .map(|(at, _)| text[at + 2..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>())
        .map(|name| name.trim_end_matches('-').to_owned())
        .filter(|name| name.len() > 1)
        .collect()
}

#[test]
fn decisions_are_numbered_without_gaps_and_have_the_four_parts() {
    let records: Vec<Page> = pages().into_iter().filter(|page| page.name.starts_with("docs/decisions/0")).collect();
    assert!(records.len() >= 7);
    for (place, record) in records.iter().enumerate() {
        let begins = format!("docs/decisions/{:04}-", place + 1);
        assert!(record.name.starts_with(&begins), "{} where {begins}… is due", record.name);
        for part in ["## Context", "## Decision", "## Consequences", "## Also weighed"] {
            assert!(record.text.lines().any(|line| line == part), "{}: no `{part}`", record.name);
        }
    }
}

#[test]
fn the_architecture_page_names_every_folder_and_file_of_the_source() {
    let page = page("docs/ARCHITECTURE.md");
    for entry in std::fs::read_dir(root().join("src")).expect("the source") {
        let entry = entry.expect("an entry");
        let mut name = entry.file_name().into_string().expect("a name");
        if entry.path().is_dir() {
            name.push('/');
        }
        assert!(page.text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
    }
}
