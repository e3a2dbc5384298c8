//! Runs the console steps of one page in one shell, in a home of their own.

#![expect(clippy::disallowed_methods, reason = "real programs, in real time")]

use super::artefacts::Artefacts;
use super::page::{Answer, Page};
use std::fmt::Write;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time for one page.
const MOST: Duration = Duration::from_secs(180);
/// Tools that pages may use beside the program; a page that uses one that is absent is not run.
const TOOLS: [&str; 3] = ["curl", "jq", "sha256sum"];

/// What came of a page.
pub(crate) enum Ran {
    /// One answer for each step.
    Whole(Vec<Answer>),
    /// A tool is absent.
    Without(&'static str),
    /// It did not end.
    Stuck(String),
}

/// Runs a page.
pub(crate) fn run(page: &Page) -> Ran {
    if let Some(tool) = TOOLS.into_iter().find(|tool| uses(page, tool) && !installed(tool)) {
        return Ran::Without(tool);
    }
    let home = Artefacts::new("docs");
    let mut words = page.steps.iter().flat_map(|step| step.command.split_whitespace());
    while let Some(word) = words.next() {
        if word == "--generate-password"
            && let Some(book) = words.next()
        {
            home.book(&Path::new("work").join(book));
        }
    }
    let work = home.path().join("work");
    let answers = home.path().join("answers");
    for folder in [&work, &answers] {
        std::fs::create_dir(folder).expect("a folder");
    }
    std::fs::write(home.path().join("page.sh"), script(page, &answers)).expect("the script");
    let binary = Path::new(env!("CARGO_BIN_EXE_reinstall"));
    let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh")
        .arg(home.path().join("page.sh"))
        .current_dir(&work)
        .env_clear()
        .env("PATH", path)
        .env("HOME", home.path())
        .env("XDG_STATE_HOME", home.path().join("state"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .stdin(Stdio::null())
        .stdout(File::create(home.path().join("stray")).expect("a file"))
        .stderr(File::create(home.path().join("trouble")).expect("a file"))
        // A group of its own, so that nothing it started outlives it.
        .process_group(0)
        .spawn()
        .expect("a shell");
    let begun = Instant::now();
    let mut ended = false;
    while !ended && begun.elapsed() < MOST {
        std::thread::sleep(Duration::from_millis(20));
        ended = shell.try_wait().expect("the shell's state").is_some();
    }
    let group = rustix::process::Pid::from_child(&shell);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _ = shell.wait();
    let read = |name: String| std::fs::read_to_string(answers.join(name));
    let answer = |number| {
        let output = read(format!("{number}.out")).unwrap_or_default();
        Some(Answer { output, exit: read(format!("{number}.exit")).ok()?.trim().parse().ok()? })
    };
    let all: Vec<Answer> = (0..page.steps.len()).map_while(answer).collect();
    if all.len() == page.steps.len() {
        return Ran::Whole(all);
    }
    let last = read(format!("{}.out", all.len())).unwrap_or_default();
    let trouble = std::fs::read_to_string(home.path().join("trouble")).unwrap_or_default();
    Ran::Stuck(format!("step {}: {last}{trouble}", all.len() + 1))
}

/// Each step with both outputs into one file, all in one shell: variables and background jobs last.
fn script(page: &Page, answers: &Path) -> String {
    let mut script = String::new();
    for (number, step) in page.steps.iter().enumerate() {
        // The build is there already; `tests/readme.sh` runs the command as it is written.
        let command = step.command.replace("cargo run --release -- ", "reinstall ");
        let place = answers.join(number.to_string());
        let place = place.display();
        let _ = writeln!(script, "{{ {command}\n}} > {place}.out 2>&1\necho $? > {place}.exit");
    }
    script
}

fn uses(page: &Page, tool: &str) -> bool {
    let word = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == tool);
    page.steps.iter().any(|step| word(&step.command))
}

fn installed(tool: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
}
