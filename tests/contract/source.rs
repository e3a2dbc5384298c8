//! The program's own source as data: files without their comments and tests, and the paths that they name.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file.
pub(crate) struct File {
    /// Path below `src/`.
    pub(crate) path: String,
    /// Code: comments and unit tests blanked out, lines as in the file.
    pub(crate) code: String,
}

impl File {
    /// Reads code as if it stood in `src/<path>`.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: without_tests(&without_comments(text)) }
    }

    /// Folder (or, right below `src/`, file) that the layer table names.
    pub(crate) fn unit(&self) -> String {
        let mut parts = self.path.split('/');
        let first = parts.next().unwrap_or_default().to_owned();
        match (first.as_str(), parts.next(), parts.next()) {
            ("providers", Some(vendor), Some(_)) => format!("providers/{vendor}"),
            _ => first,
        }
    }

    /// Whether it is a vendor's part of the sandbox.
    pub(crate) fn is_emulator(&self) -> bool {
        let mut parts = self.path.split('/').skip(2);
        matches!(parts.next(), Some("sandbox" | "sandbox.rs"))
    }

    /// The module that the file is, as a path from the crate's root.
    fn module(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.path.trim_end_matches(".rs").split('/').collect();
        if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
            parts.pop();
        }
        parts
    }

    /// Every path into this crate, from its root, with its line: `use` trees are spread, `super` is resolved.
    pub(crate) fn own_paths(&self) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        for start in ["crate::", "super::"] {
            for at in self.words(start) {
                let line = self.line_of(at);
                let mut base: Vec<String> = Vec::new();
                let mut rest = &self.code[at + start.len()..];
                if start == "super::" {
                    base = self.module().into_iter().map(str::to_owned).collect();
                    base.pop();
                    while let Some(further) = rest.strip_prefix("super::") {
                        base.pop();
                        rest = further;
                    }
                }
                // `super` that goes on from another `super` was walked already.
                if !self.code[..at].ends_with("super::") {
                    spread(&base, rest, &mut |path| found.push((line, path)));
                }
            }
        }
        found
    }

    /// Lines on which an outside crate is named as the start of a path.
    pub(crate) fn names_crate(&self, name: &str) -> Vec<usize> {
        self.words(&format!("{name}::")).into_iter().map(|at| self.line_of(at)).collect()
    }

    /// Lines on which a word stands.
    pub(crate) fn names_word(&self, word: &str) -> Vec<usize> {
        let whole = |at: &usize| !self.code[at + word.len()..].starts_with(is_name);
        self.words(word).into_iter().filter(whole).map(|at| self.line_of(at)).collect()
    }

    /// Places where the text begins a path or a word.
    fn words(&self, text: &str) -> Vec<usize> {
        let begins = |at: &usize| {
            let before = &self.code[..*at];
            !before.ends_with(is_name) && (!before.ends_with("::") || before.ends_with("super::"))
        };
        self.code.match_indices(text).map(|(at, _)| at).filter(begins).collect()
    }

    fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Follows a path or a `use` tree and tells each path of at most three names.
fn spread(base: &[String], text: &str, tell: &mut impl FnMut(Vec<String>)) {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0_usize;
        let mut begins = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    if !group[begins..at].trim().is_empty() {
                        spread(base, &group[begins..at], tell);
                    }
                    begins = at + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let mut path = base.to_vec();
    if end > 0 && &text[..end] != "self" {
        path.push(text[..end].to_owned());
    }
    match text[end..].strip_prefix("::") {
        Some(rest) if path.len() < 3 => spread(&path, rest, tell),
        _ => tell(path),
    }
}

/// The same text with comments as blanks; texts in quotes stay.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            'r' | '"' | '\'' if !code.ends_with(is_name) => {
                let quoted = quoted(rest);
                code.push_str(&rest[..quoted]);
                rest = &rest[quoted..];
                continue;
            }
            _ => {
                code.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        code.extend(rest[..taken].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[taken..];
    }
    code
}

/// Bytes of the text or character in quotes with which this begins; of one character if it is none.
fn quoted(text: &str) -> usize {
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if !raw[hashes..].starts_with('"') {
            return 1;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = 1 + hashes + 1;
        return text[inside..].find(&end).map_or(text.len(), |at| inside + at + end.len());
    }
    let quote = &text[..1];
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // Most quotes of this kind that close late are lifetimes.
            _ if quote == "'" && at > 12 => return 1,
            '\n' if quote == "'" => return 1,
            c if c.to_string() == quote => return at + 1,
            _ => {}
        }
    }
    1
}

/// The same text up to its unit tests, which stand at the end of a file.
fn without_tests(code: &str) -> String {
    let begins = code.match_indices("#[cfg(test)]").find(|(at, mark)| {
        let rest = code[at + mark.len()..].trim_start();
        rest.starts_with("mod ") && rest.find('{').is_some_and(|brace| rest.find(';').is_none_or(|end| brace < end))
    });
    code[..begins.map_or(code.len(), |(at, _)| at)].to_owned()
}

/// Every file below `src/` but those that hold unit tests alone.
pub(crate) fn files() -> Vec<File> {
    let root = root().join("src");
    let mut found = Vec::new();
    walk(&root, &mut |path| {
        let below = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
        if !is_test(&below) {
            found.push(File::new(&below, &fs::read_to_string(path).expect("a source file")));
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the walk found only {} files", found.len());
    found
}

/// Unit tests in files of their own, and what only they use.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    ["providers/bench.rs", "config/sample.rs"].contains(&path)
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
        || path.split('/').any(|folder| folder == "tests")
}

fn walk(folder: &Path, tell: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, tell);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tell(&path);
        }
    }
}

/// The package's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = "//! crate::no\nuse crate::{model::{A, B}, wire};\nuse super::super::super::sign::x;\n\
                fn f() { crate::clock::now(); } /* crate::no */\n\
                #[cfg(test)]\nmod tests { use crate::cli; }\n";
    let file = File::new("providers/acme/calls.rs", text);
    let paths: Vec<String> =
        file.own_paths().into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
    for expected in ["2 model::A", "2 model::B", "2 wire", "3 sign::x", "4 clock::now"] {
        assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:?}");
    }
    assert!(
        !paths.iter().any(|path| path.contains("no") && !path.contains("now") || path.contains("cli")),
        "{paths:?}"
    );
}
