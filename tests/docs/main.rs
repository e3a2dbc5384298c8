//! What the pages show is what the program does: every console block is run, every name is looked up.

#[path = "../artefacts/mod.rs"]
mod artefacts;
mod names;
mod page;
mod reliability;
mod shell;

use page::{Page, pages, provider_pages};
use std::fmt::Write;

#[test]
fn every_console_block_does_what_its_page_shows() {
    let pages: Vec<Page> = pages().into_iter().chain(provider_pages()).filter(|page| !page.steps.is_empty()).collect();
    assert!(pages.iter().any(|page| page.name == "README.md"), "README.md has console blocks");
    let mut wrong = String::new();
    std::thread::scope(|scope| {
        let runs: Vec<_> = pages.iter().map(|page| scope.spawn(|| shell::run(page))).collect();
        for (page, run) in pages.iter().zip(runs) {
            match run.join().expect("no panic in the runner") {
                shell::Ran::Whole(answers) => {
                    assert_eq!(answers.len(), page.steps.len(), "{}: each step has its answer", page.name);
                    for (step, answer) in page.steps.iter().zip(&answers) {
                        if let Some(difference) = step.difference(answer) {
                            let _ = writeln!(wrong, "{}:{}: $ {}\n{difference}", page.name, step.line, step.command);
                        }
                    }
                }
                shell::Ran::Without(tool) => {
                    let _ = writeln!(std::io::stderr(), "{} not run: there is no `{tool}` here", page.name);
                }
                shell::Ran::Stuck(output) => {
                    let _ = writeln!(wrong, "{}: did not end in time; last output:\n{output}", page.name);
                }
            }
        }
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn links_between_pages_lead_to_files_and_headings() {
    let pages = pages();
    let mut wrong = Vec::new();
    for page in &pages {
        for (line, target) in page.links() {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = match file {
                "" => page.path.clone(),
                file => page.path.parent().expect("pages stand in a folder").join(file),
            };
            let there = match (path.exists(), heading) {
                (there, "") => there,
                (true, heading) => page::headings(&path).iter().any(|known| known == heading),
                (false, _) => false,
            };
            if !there {
                wrong.push(format!("{}:{line}: {target}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

use std::io::Write as _;
