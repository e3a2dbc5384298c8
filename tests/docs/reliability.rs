//! The page of faults names real tests: one for each invariant, and one for each fault that the sandbox knows.

use super::page::{Page, pages, root};
use reinstall::sandbox::rule_json::KNOWN;
use std::collections::BTreeSet;
use std::path::Path;

const INVARIANTS: [&str; 11] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11"];

fn reliability() -> Page {
    pages().into_iter().find(|page| page.name == "docs/reliability.md").expect("the page of faults")
}

/// Rows of every table whose last heading begins so, as their cells.
fn rows<'p>(page: &'p Page, heading: &str) -> Vec<Vec<&'p str>> {
    let mut rows = Vec::new();
    let mut wanted = false;
    for line in page.text.lines() {
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            wanted = false;
            continue;
        };
        let cells: Vec<&str> = inner.split(" |").map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        let rule = cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == '|'));
        if last.starts_with(heading) {
            wanted = true;
        } else if wanted && !rule {
            rows.push(cells);
        }
    }
    rows
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Names of all tests: functions under `#[test]`, and the rules that a macro makes tests of.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        gather(&root().join(folder), &mut names);
    }
    names
}

fn gather(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).expect("source");
            names.extend(named(&text));
            if path.ends_with("contract/conformance.rs") {
                names.extend(rules(&text));
            }
        }
    }
}

/// Functions right under `#[test]`, whatever other attributes stand between.
fn named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut due = false;
    for line in text.lines().map(str::trim) {
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        match function.and_then(|rest| rest.split_once('(')) {
            Some((name, _)) if due => {
                names.push(name.to_owned());
                due = false;
            }
            _ => due = line == "#[test]" || due && line.starts_with('#'),
        }
    }
    names
}

fn rules(text: &str) -> Vec<String> {
    let list = text.split_once("rules! {\n    ").map(|(_, list)| list).unwrap_or_default();
    let names = list.lines().filter_map(|line| line.trim().strip_suffix(':'));
    names.map(str::to_owned).collect()
}

/// Whether a test is called so. `…` in front stands for all that end so, and there must be more than one.
fn known(tests: &BTreeSet<String>, name: &str) -> bool {
    match name.strip_prefix('…') {
        Some(end) => tests.iter().filter(|test| test.ends_with(end)).count() > 1,
        None => tests.contains(name),
    }
}

#[test]
fn every_test_that_the_page_of_faults_names_is_there() {
    let (page, tests) = (reliability(), tests());
    assert!(tests.len() > 600, "only {} tests were found", tests.len());
    let rows = [rows(&page, "test"), rows(&page, "tests")].concat();
    assert!(rows.len() > 80, "only {} rows were found", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let names = quoted(row.last().expect("a cell"));
        if names.is_empty() {
            wrong.push(format!("no test shows: {}", row[0]));
        }
        wrong.extend(names.into_iter().filter(|name| !known(&tests, name)).map(|name| format!("no test `{name}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_invariant_has_its_row_and_its_tests() {
    let page = reliability();
    let rows = rows(&page, "tests whose name says so");
    let found: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(found, INVARIANTS);
}

#[test]
fn every_fault_of_the_sandbox_is_in_the_table_of_faults() {
    let page = reliability();
    let rows = rows(&page, "test");
    let told: BTreeSet<&str> = rows.iter().flat_map(|row| quoted(row[0])).collect();
    let missing: Vec<&str> = KNOWN.into_iter().filter(|fault| !told.contains(fault)).collect();
    assert!(missing.is_empty(), "no row tells of {missing:?}");
}

#[test]
fn names_of_tests_are_found_and_other_functions_are_none() {
    let text = "#[test]\nfn one() {}\nfn two() {}\n#[test]\n#[ignore = \"x\"]\nfn three() {}\n    #[test]\n    \
                async fn four() {}\n#[test]\nfn five(x in 0..3) {}\n#[cfg(test)]\nfn six() {}\n";
    assert_eq!(named(text), ["one", "three", "four", "five"]);
    let tests = BTreeSet::from(["a_fails".to_owned(), "b_fails".to_owned(), "c_holds".to_owned()]);
    assert!(known(&tests, "c_holds") && known(&tests, "…_fails"));
    assert!(!known(&tests, "c_hold") && !known(&tests, "…_holds") && !known(&tests, "d"));
}
