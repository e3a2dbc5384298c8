//! Help, version, completions, manual page: they work without settings and say what is true.

use crate::bench::Bench;
use reinstall::model::Exit;

const COMMANDS: [&[&str]; 15] = [
    &["resume"],
    &["wait"],
    &["runs"],
    &["runs", "list"],
    &["runs", "show"],
    &["runs", "prune"],
    &["list"],
    &["images"],
    &["keys"],
    &["providers"],
    &["check"],
    &["sign"],
    &["sandbox"],
    &["completions"],
    &["man"],
];

#[test]
fn every_help_page_is_as_it_was_agreed() {
    let bench = Bench::alone();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (form, name) in [("--help", "help-long"), ("-h", "help-short")] {
        let root = bench.run(&[form]).ended(0);
        let mut pages = root.out.clone();
        for command in COMMANDS {
            let ran = bench.run(&[command, &[form]].concat()).ended(0);
            assert_eq!(ran.err, "", "{command:?}");
            // What stands in the main page word for word is there once.
            let own: Vec<&str> = ran.out.split("\n\n").filter(|part| !root.out.contains(part.trim_end())).collect();
            pages.push_str(&format!(
                "\n===== reinstall {} {form}\n{}\n",
                command.join(" "),
                own.join("\n\n").trim_end()
            ));
        }
        settings.bind(|| insta::assert_snapshot!(name, pages));
    }
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_program() {
    let help = Bench::alone().run(&["--help"]).ended(0).out;
    let codes = help.split("Exit codes:").nth(1).expect("a list of exit codes");
    let mut listed: Vec<u8> = codes
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().expect("a code"))
        .collect();
    let mut known: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

#[test]
fn a_command_is_shown_by_its_help_and_a_mistyped_one_is_not_taken_for_the_verb() {
    let bench = Bench::alone();
    let help = bench.run(&["-h"]).ended(0).out;
    for command in COMMANDS.iter().filter(|command| command.len() == 1) {
        assert!(help.contains(&format!("\n  {} ", command[0])), "{command:?}: {help}");
    }
    let ran = bench.run(&["resmue"]).ended(2);
    assert!(ran.err.contains("resume"), "{}", ran.err);
}

#[test]
fn the_version_is_that_of_the_package() {
    let ran = Bench::alone().run(&["--version"]).ended(0);
    assert_eq!(ran.out, format!("reinstall {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn each_shell_gets_a_completion_script_that_knows_commands_and_options() {
    let bench = Bench::alone();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = bench.run(&["completions", shell]).ended(0);
        for word in ["resume", "generate-password", "power-off"] {
            assert!(ran.out.contains(word), "{shell} does not know {word}");
        }
    }
    let ran = bench.run(&["completions", "tcsh"]).ended(2);
    assert!(ran.err.contains("bash"), "{}", ran.err);
}

#[test]
fn the_manual_page_is_one_and_names_the_options() {
    let ran = Bench::alone().run(&["man"]).ended(0);
    assert!(ran.out.contains(".TH reinstall 1"), "{}", ran.out);
    assert!(ran.out.contains("generate\\-password"));
}

#[test]
fn help_and_completions_work_with_a_broken_configuration() {
    let bench = Bench::alone();
    bench.configure("this is no TOML");
    bench.run(&["--help"]).ended(0);
    bench.run(&["completions", "bash"]).ended(0);
    bench.run(&["man"]).ended(0);
    bench.run(&["providers"]).ended(78);
}

#[test]
fn providers_lists_every_product_with_its_fields() {
    let ran = Bench::alone().run(&["providers", "-o", "json"]).ended(0);
    let told = ran.json();
    let rows = told["providers"].as_array().expect("products");
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["provider"].as_str()).collect();
    let registered: Vec<&str> = reinstall::providers::entries().map(|(_, entry)| entry.id).collect();
    assert_eq!(ids, registered);
    for row in rows {
        assert!(row["variables"].as_array().is_some_and(|list| !list.is_empty()), "{row}");
    }
}
