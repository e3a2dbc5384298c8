//! The configuration file.

use reinstall::config::schema::{Document, parse};
use reinstall::providers::VENDORS;

const PATH: &str = "config.toml";

/// A file is read or refused with its place; a refusal quotes no value, and comments change nothing.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, PATH, VENDORS) {
        Err(error) => {
            let shown = format!("{error} {}", error.next_step());
            assert!(shown.contains(PATH), "{shown}");
            for value in values(text) {
                assert!(!shown.contains(value), "{shown:?} quotes {value:?}");
            }
        }
        Ok(document) => {
            let behind = parse(&format!("{text}\n# end\n"), PATH, VENDORS);
            assert_eq!(behind.as_ref(), Ok(&document), "a comment behind it");
            let before = parse(&format!("# begin\n{}", text.trim_start_matches('\u{feff}')), PATH, VENDORS);
            let before = before.expect("a comment before it");
            assert_eq!(lines(&before), lines(&document).iter().map(|line| line + 1).collect::<Vec<_>>());
            let last = text.lines().count();
            assert!(lines(&document).iter().all(|line| (1..=last).contains(line)), "a value outside of the file");
        }
    }
}

/// Values that are easily found: `key = "value"` alone on a line, long enough to stand nowhere else by chance.
fn values(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(move |line| {
        let (key, value) = line.split_once(" = \"")?;
        let value = value.strip_suffix('"')?;
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let good = !key.is_empty() && key.chars().all(bare) && value.len() >= 12 && value.chars().all(bare);
        (good && text.matches(value).count() == 1).then_some(value)
    })
}

/// The lines of all values, in the order of the names.
fn lines(document: &Document) -> Vec<usize> {
    let mut lines: Vec<usize> = document.default_profile.iter().map(|written| written.line).collect();
    lines.extend(document.defaults.values().map(|written| written.line));
    for profile in document.profiles.values() {
        lines.extend(profile.values.values().map(|written| written.line));
        for vendor in profile.vendors.values() {
            lines.extend(vendor.values.values().map(|written| written.line));
            lines.extend(vendor.credentials_profile.iter().map(|written| written.line));
            lines.extend(vendor.variables.values().map(|written| written.line));
        }
    }
    lines
}
