//! A Markdown page as the tests see it: its console steps, its links, its headings.

use std::path::{Path, PathBuf};

/// One page.
pub(crate) struct Page {
    /// Path below the project's folder.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
    /// The commands of its console blocks, in order.
    pub(crate) steps: Vec<Step>,
}

/// One command with what the page says it prints.
pub(crate) struct Step {
    /// Line of the page, from 1.
    pub(crate) line: usize,
    /// The command.
    pub(crate) command: String,
    /// What it prints on both outputs.
    pub(crate) expected: Vec<String>,
    /// What it returns: a line `? N` behind the output, else 0.
    pub(crate) exit: i32,
}

/// What a command really did.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Both outputs in the order of writing.
    pub(crate) output: String,
    /// What it returned.
    pub(crate) exit: i32,
}

/// The folder of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md, the other pages beside it, and everything below docs/.
pub(crate) fn pages() -> Vec<Page> {
    let mut files = Vec::new();
    markdown(root(), false, &mut files);
    markdown(&root().join("docs"), true, &mut files);
    files.sort();
    files.into_iter().map(Page::read).collect()
}

/// The pages of the providers' folders.
pub(crate) fn provider_pages() -> Vec<Page> {
    let mut files = Vec::new();
    markdown(&root().join("src/providers"), true, &mut files);
    files.sort();
    files.into_iter().map(Page::read).collect()
}

fn markdown(folder: &Path, deep: bool, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && deep {
            markdown(&path, deep, files);
        } else if path.extension().is_some_and(|end| end == "md") {
            files.push(path);
        }
    }
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("a page");
        let name = path.strip_prefix(root()).expect("below the project").display().to_string();
        let steps = steps(&text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        Self { name, path, text, steps }
    }

    /// Targets of Markdown links outside code blocks, with their lines.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        let mut code = false;
        for (number, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                code = !code;
            }
            if code {
                continue;
            }
            for (at, _) in line.match_indices("](") {
                if let Some((target, _)) = line[at + 2..].split_once(')') {
                    links.push((number + 1, target.to_owned()));
                }
            }
        }
        links
    }
}

/// The anchors of a page's headings.
pub(crate) fn headings(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
        })
        .collect()
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    let mut fresh = false;
    for (number, line) in text.lines().enumerate() {
        if !inside {
            inside = line == "```console";
            fresh = inside;
            continue;
        }
        if line == "```" {
            inside = false;
        } else if let Some(command) = line.strip_prefix("$ ") {
            fresh = false;
            steps.push(Step { line: number + 1, command: command.to_owned(), expected: Vec::new(), exit: 0 });
        } else {
            let step = steps.last_mut().filter(|_| !fresh);
            let step = step.ok_or(format!("line {}: a console block begins with a command", number + 1))?;
            match (line.strip_prefix("> "), line.strip_prefix("? ").and_then(|code| code.parse().ok())) {
                (Some(more), _) if step.expected.is_empty() => step.command = format!("{}\n{more}", step.command),
                (_, Some(code)) => step.exit = code,
                _ => step.expected.push(line.to_owned()),
            }
        }
    }
    if inside { Err("a console block is not closed".to_owned()) } else { Ok(steps) }
}

impl Step {
    /// Tells how the answer differs from the page, if it does.
    pub(crate) fn difference(&self, answer: &Answer) -> Option<String> {
        let printed: Vec<&str> = answer.output.trim_end().lines().map(str::trim_end).collect();
        let expected: Vec<&str> = self.expected.iter().map(|line| line.trim_end()).collect();
        if self.exit == answer.exit && fits(&expected, &printed) {
            return None;
        }
        let list = |lines: &[&str]| lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
        Some(format!(
            "  the page (exit {}):\n{}  the program (exit {}):\n{}",
            self.exit,
            list(&expected),
            answer.exit,
            list(&printed)
        ))
    }
}

/// `...` alone on a line stands for any lines, `[..]` inside a line for any text.
fn fits(expected: &[&str], printed: &[&str]) -> bool {
    match (expected.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        (Some((line, rest)), Some((shown, others))) => fits_line(&masked(line), &masked(shown)) && fits(rest, others),
        _ => false,
    }
}

fn fits_line(expected: &str, shown: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == shown,
        Some((head, tail)) => shown.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits_line(tail, &rest[at..]))
        }),
    }
}

/// Pages show what was really printed; what differs from run to run is made equal: times, ids of runs, ports.
fn masked(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let begins = !text.ends_with(|before: char| before.is_ascii_alphanumeric());
        match changing(rest).filter(|_| begins) {
            Some(length) => {
                text.push('~');
                rest = &rest[length..];
            }
            None => {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    // Columns are as wide as what stands in them.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn changing(text: &str) -> Option<usize> {
    const SHAPES: [&str; 3] = ["9999-99-99T99:99:99.999Z", "9999-99-99 99:99:99Z", "99:99:99Z"];
    let hex = |text: &str| text.bytes().take_while(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b)).count();
    let fits = |shape: &str| {
        text.len() >= shape.len()
            && shape.bytes().zip(text.bytes()).all(|(shape, byte)| match shape {
                b'9' => byte.is_ascii_digit(),
                b'f' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
                other => byte == other,
            })
    };
    if let Some(shape) = SHAPES.iter().find(|shape| fits(shape)) {
        return Some(shape.len());
    }
    // Ids of runs: whole, or the first thirteen digits in lines of progress.
    if text.starts_with("01") && matches!(hex(text), 13 | 32) {
        return Some(hex(text));
    }
    if let Some(port) = text.strip_prefix("127.0.0.1:") {
        return Some(text.len() - port.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    }
    // Lengths of time: 2.1s.
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let rest = text.get(whole..)?.strip_prefix('.').filter(|_| whole > 0)?;
    let part = digits(rest);
    rest.get(part..)?.starts_with('s').then_some(whole + 1 + part + 1).filter(|_| part > 0)
}

#[test]
fn the_runner_notices_a_wrong_line_a_missing_line_and_a_wrong_exit_code() {
    let step = |page: &str| steps(page).expect("a page").remove(0);
    let answer = |output: &str, exit| Answer { output: output.to_owned(), exit };
    let one = step("```console\n$ x\na\n...\nb [..] d\n? 5\n```\n");
    assert_eq!((one.exit, one.expected.len()), (5, 3));
    assert!(one.difference(&answer("a\nb c d\n", 5)).is_none());
    assert!(one.difference(&answer("a\n1\n2\nb x y d\n", 5)).is_none());
    assert!(one.difference(&answer("a\nb c d\n", 0)).is_some());
    assert!(one.difference(&answer("a\nb c e\n", 5)).is_some());
    assert!(one.difference(&answer("a\nb c d\nmore\n", 5)).is_some());
    let silent = step("```console\n$ x\n```\n");
    assert!(silent.difference(&answer("anything\n", 0)).is_some());
}

#[test]
fn what_changes_from_run_to_run_is_made_equal_and_nothing_else() {
    let same = |one: &str, other: &str| masked(one) == masked(other);
    assert!(same("10:35:10Z run 01a1fdac9c367: 2.1s", "11:00:00Z run 01b2fdac9c36a: 30.0s"));
    assert!(same("(run 01a1fdac9c36724183f73b534203fce2)", "(run 01a1fdaea8ea71329de34e643009ee5d)"));
    assert!(same("http://127.0.0.1:37855/", "http://127.0.0.1:1/"));
    assert!(!same("1 succeeded", "2 succeeded"));
    assert!(!same("bmc-demo-1", "bmc-demo-2"));
    assert!(!same("01a1fdac", "01a1fdad"));
}
