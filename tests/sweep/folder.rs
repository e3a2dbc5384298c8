//! Reads what the suites kept and looks for secrets in it.

use crate::artefacts::LIST;
use crate::spelling::{WAYS, Way, spellings};
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a sweep came to.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// Files that were read.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) bytes: usize,
    /// Secrets that were looked for.
    pub(crate) secrets: usize,
    /// Each find: file, way, and how the secret begins.
    pub(crate) found: Vec<(PathBuf, Way, String)>,
}

/// What the tests said about their folders.
#[derive(Default)]
struct Told {
    secrets: BTreeSet<String>,
    given: BTreeSet<PathBuf>,
    books: BTreeSet<PathBuf>,
}

/// Sweeps everything below a folder.
pub(crate) fn sweep(folder: &Path) -> Swept {
    let mut files = Vec::new();
    walk(folder, &mut files);
    let mut told = Told::default();
    for list in files.iter().filter(|path| is_list(path)) {
        told.read(list);
    }
    for book in &told.books {
        told.secrets.extend(passwords(book));
    }
    let (texts, meaning) = texts(&told.secrets);
    let finder = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&texts).expect("a finder");
    let mut swept = Swept { secrets: told.secrets.len(), ..Swept::default() };
    for path in &files {
        if is_list(path) || told.given.iter().any(|given| path.starts_with(given)) {
            continue;
        }
        let bytes = fs::read(path).expect("an artefact");
        let bytes = allowed_away(&bytes, told.books.contains(path));
        swept.files += 1;
        swept.bytes += bytes.len();
        let seen: BTreeSet<usize> =
            finder.find_overlapping_iter(&bytes).map(|found| found.pattern().as_usize()).collect();
        for pattern in seen {
            let (way, secret) = meaning[pattern];
            swept.found.push((path.clone(), way, secret.chars().take(4).collect()));
        }
    }
    swept
}

fn is_list(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == LIST)
}

impl Told {
    fn read(&mut self, list: &Path) {
        for line in fs::read_to_string(list).expect("a list of secrets").lines() {
            let line: BTreeMap<String, String> = serde_json::from_str(line).expect("a line of the list");
            for (kind, value) in line {
                match kind.as_str() {
                    "secret" => _ = self.secrets.insert(value),
                    "given" => _ = self.given.insert(value.into()),
                    "book" => _ = self.books.insert(value.into()),
                    other => panic!("{}: unknown kind `{other}`", list.display()),
                }
            }
        }
    }
}

/// Each spelling once, with the way and the secret that it stands for.
fn texts(secrets: &BTreeSet<String>) -> (Vec<String>, Vec<(Way, &str)>) {
    let mut seen = BTreeSet::new();
    let mut texts = Vec::new();
    let mut meaning = Vec::new();
    for secret in secrets {
        for way in WAYS {
            for text in spellings(way, secret) {
                if seen.insert(text.clone()) {
                    texts.push(text);
                    meaning.push((way, secret.as_str()));
                }
            }
        }
    }
    (texts, meaning)
}

/// The passwords of a book; none if the file was never made or is no such file.
fn passwords(book: &Path) -> Vec<String> {
    let text = fs::read_to_string(book).unwrap_or_default();
    let line = |line: &str| entry(line)?.get("password")?.as_str().map(str::to_owned);
    text.lines().filter_map(line).collect()
}

/// A line of a book.
fn entry(line: &str) -> Option<serde_json::Map<String, Value>> {
    let Ok(Value::Object(entry)) = serde_json::from_str(line) else { return None };
    let names: Vec<&str> = entry.keys().map(String::as_str).collect();
    (names == ["run", "provider", "instance", "password"]).then_some(entry)
}

/// The bytes without what may stand there: a book's passwords, and the credentials in the emulator's first line.
fn allowed_away(bytes: &[u8], book: bool) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let without = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(mut object)) if book && entry(text).is_some() => {
                object.remove("password");
                Some(object)
            }
            Ok(Value::Object(mut object)) if object.keys().eq(["url", "pid", "credentials"]) => {
                object.remove("credentials");
                Some(object)
            }
            _ => None,
        };
        match without {
            Some(object) => kept.extend(Value::Object(object).to_string().into_bytes()),
            None => kept.extend(line),
        }
    }
    kept
}

/// Every regular file below a folder. What is a link, a pipe or a socket is some test's trap.
pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of artefacts") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("its kind");
        if kind.is_dir() {
            walk(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}
