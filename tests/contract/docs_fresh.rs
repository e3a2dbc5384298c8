//! Pages that are made from the program's own tables, held against what is kept in `docs/`.

use crate::source::root;
use reinstall::cli::Cli;
use reinstall::model::{Exit, Verdict};
use reinstall::providers::{Entry, FieldKind, VENDORS, Vendor};
use std::collections::BTreeSet;
use std::fmt::Write;

const NOTE: &str = "`UPDATE_DOCS=1 cargo test --test contract` writes it anew";

/// Holds a page against its kept copy; writes the copy where that is asked for.
#[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
pub(crate) fn fresh(name: &str, page: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("docs")).expect("the folder");
        std::fs::write(&path, page).expect("the page");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/{name} is stale: {NOTE}");
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn exit_codes() -> String {
    let mut page = format!(
        "<!-- Made from src/model/exit.rs and verdict.rs; {NOTE}. -->\n\n# Exit codes\n\n\
         A script needs nothing but the exit code to know whether it may go on. It is never a count.\n\n\
         | code | when |\n|---|---|\n"
    );
    for exit in Exit::ALL {
        row(&mut page, &[&exit.code().to_string(), exit.sentence()]);
    }
    let mut all: Vec<Exit> = Exit::ALL.to_vec();
    all.retain(|exit| !matches!(exit, Exit::Success | Exit::Interrupted | Exit::Terminated));
    // Usage and configuration end the program before there is a run, so they never meet another code.
    all.retain(|exit| !matches!(exit, Exit::Usage | Exit::Config));
    let mut order = Vec::new();
    while !all.is_empty() {
        let first = Exit::worst(all.iter().copied());
        all.retain(|exit| *exit != first);
        order.push(first.code().to_string());
    }
    let _ = write!(
        page,
        "\n## Several servers, several reasons\n\nThe first of this list wins: {}.\nA signal's code ({} or {}) wins over \
         all of them but {} and {}.\n\n## Verdicts\n\nEach server ends with one verdict, and each verdict asks for one \
         code.\n\n| verdict | code |\n|---|---|\n",
        order.join(", "),
        Exit::Interrupted.code(),
        Exit::Terminated.code(),
        Exit::Bug.code(),
        Exit::OutputLost.code(),
    );
    for verdict in Verdict::ALL {
        row(&mut page, &[&format!("`{}`", verdict.word()), &verdict.exit().code().to_string()]);
    }
    page.push_str(
        "\nA server that was skipped or not started because the credentials were refused asks for 6 besides; one whose\n\
         provider could not be reached asks for 69 besides, if nothing was sent in the whole run.\n",
    );
    page
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn takes(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text => "text".to_owned(),
        FieldKind::Lines => "text, or `@FILE`".to_owned(),
        FieldKind::Flag => "`true` or `false`".to_owned(),
        FieldKind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        FieldKind::Json => "JSON, or `@FILE`".to_owned(),
        FieldKind::Secret => "`@FILE` that only you can read".to_owned(),
    }
}

fn product(page: &mut String, entry: &Entry) {
    let facts = &entry.facts;
    let _ = writeln!(page, "\n### `{}`\n\n{}.\n\n| | |\n|---|---|", entry.id, entry.about);
    if !entry.aliases.is_empty() {
        row(page, &["also called", &entry.aliases.join(", ")]);
    }
    let login = match (facts.login.password, facts.login.key) {
        (true, true) if facts.login.password_always => "password, with a key pair beside it if you like",
        (true, true) => "password or key pair, not both",
        (true, false) => "password",
        (false, true) => "key pair",
        (false, false) if facts.login.returned => {
            "the provider makes a password up, and `--generate-password` keeps it"
        }
        (false, false) => "none",
    };
    let none = if facts.login.none { "; `--no-login` where the image allows it" } else { "" };
    let rule = &facts.password;
    row(page, &["the server must be", facts.must_be]);
    row(page, &["login", &format!("{login}{none}")]);
    if facts.login.password {
        row(
            page,
            &[
                "password",
                &format!(
                    "{} to {} characters, {} of upper case, lower case, digit, special; special are `` {} ``",
                    rule.min, rule.max, rule.classes, rule.special
                ),
            ],
        );
    }
    if !rule.forbidden.is_empty() {
        row(page, &["not in a password", &rule.forbidden.join(", ")]);
    }
    row(page, &["`--hostname`", yes(facts.hostname)]);
    let user_data = facts.user_data.map_or("no".to_owned(), |most| format!("up to {} KiB", most / 1024));
    row(page, &["`--user-data`", &user_data]);
    row(page, &["`--keep-data`, `--wipe-data`", yes(facts.keep_data)]);
    row(page, &["servers in one order", &facts.order_batch.to_string()]);
    row(page, &["servers in one look", &facts.observe_batch.to_string()]);
    row(page, &["requests a second", &facts.rate.to_string()]);
    row(page, &["`--timeout` by default", &format!("{} min", facts.timeout.as_secs() / 60)]);
    let token = facts.token_door.map(|door| format!("yes, for {} min", door.as_secs() / 60));
    row(page, &["a lost order may be repeated under its token", &token.unwrap_or_else(|| "no".to_owned())]);
    if entry.fields.is_empty() {
        page.push_str("\nThere are no further fields for `--set`.\n");
        return;
    }
    page.push_str("\n| field for `--set` | takes | meaning |\n|---|---|---|\n");
    for field in entry.fields {
        row(page, &[&format!("`{}`", field.name), &takes(field.kind), field.help]);
    }
}

fn vendor(page: &mut String, vendor: &Vendor) {
    let products: Vec<String> = vendor.products.iter().map(|entry| format!("`{}`", entry.id)).collect();
    let _ =
        writeln!(page, "\n## {}\n\n`--provider {}` looks in {}.", vendor.title, vendor.name, products.join(" and "));
    for entry in vendor.products {
        product(page, entry);
    }
    page.push_str("\n### Variables\n\n| variable | meaning |\n|---|---|\n");
    for (name, meaning) in vendor.variables {
        row(page, &[&format!("`{name}`"), meaning]);
    }
}

fn providers() -> String {
    let mut page = format!(
        "<!-- Made from the registry in src/providers; {NOTE}. -->\n\n# Providers\n\n\
         What each product takes and demands. `reinstall providers` shows the same at a terminal, and\n\
         `reinstall providers -o json` for programs. How each vendor's interface works stands beside its code, in\n\
         `src/providers/VENDOR/README.md`.\n"
    );
    VENDORS.iter().for_each(|one| vendor(&mut page, one));
    page
}

#[test]
fn the_page_of_exit_codes_is_what_the_enum_says() {
    fresh("exit-codes.md", &exit_codes());
}

#[test]
fn the_page_of_providers_is_what_the_registry_says() {
    fresh("providers.md", &providers());
}

/// Numbers at the start of each entry of the list of exit codes in the help.
fn codes_in_help() -> BTreeSet<u8> {
    let help = <Cli as clap::CommandFactory>::command().render_long_help().to_string();
    let (_, list) = help.split_once("Exit codes:").expect("a list of exit codes in the help");
    list.replace(" and ", "; ").split(';').filter_map(|piece| piece.split_whitespace().next()?.parse().ok()).collect()
}

#[test]
fn the_help_lists_every_exit_code_and_no_other() {
    let codes: BTreeSet<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    assert_eq!(codes.len(), Exit::ALL.len(), "two reasons share a code");
    assert_eq!(codes_in_help(), codes);
}

#[test]
fn every_verdict_asks_for_a_documented_code() {
    for verdict in Verdict::ALL {
        assert!(Exit::ALL.contains(&verdict.exit()), "{}", verdict.word());
    }
    assert_eq!(Exit::worst(Verdict::ALL.map(Verdict::exit)), Exit::Unverified);
}
