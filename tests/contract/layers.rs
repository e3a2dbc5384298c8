//! Which part may use which: the layers as a table, held against every path in the source.

use crate::source::{File, files, root};
use reinstall::providers::{VENDORS, entries};
use std::collections::BTreeMap;

/// Part of the program, and the parts that it may use. `vendor` stands for each vendor's folder, `providers`
/// for the registry and its traits.
const LAYERS: &[(&str, &[&str])] = &[
    ("secret.rs", &[]),
    ("clock.rs", &[]),
    ("flaw.rs", &[]),
    ("model", &["secret"]),
    ("wire.rs", &["model", "secret"]),
    ("sign", &["wire", "secret"]),
    ("sandbox", &["wire", "sign", "model", "clock", "secret"]),
    ("providers", &["model", "wire", "sign", "secret", "sandbox", "vendor"]),
    ("vendor", &["model", "wire", "sign", "secret", "providers"]),
    ("emulator", &["model", "wire", "sign", "secret", "providers", "sandbox"]),
    ("client", &["wire", "model", "clock", "secret", "providers", "flaw"]),
    ("journal", &["model", "clock", "sign"]),
    ("run", &["model", "wire", "client", "journal", "clock", "secret", "sign", "providers", "flaw"]),
    // Only built for tests: it plays all the others.
    (
        "simulation",
        &["model", "wire", "client", "journal", "clock", "secret", "sign", "providers", "run", "sandbox", "flaw"],
    ),
    ("report", &["model"]),
    ("config", &["model", "secret", "providers"]),
    (
        "cli",
        &[
            "model",
            "wire",
            "client",
            "journal",
            "clock",
            "secret",
            "sign",
            "providers",
            "run",
            "report",
            "config",
            "sandbox",
        ],
    ),
    ("main.rs", &["cli", "report", "model"]),
    ("lib.rs", &[]),
];

/// Outside crates that belong to some parts alone. Every dependency stands here or among [`ANYWHERE`].
const OUTSIDE: &[(&str, &[&str])] = &[
    ("anyhow", &["main.rs"]),
    ("base64", &["vendor", "emulator"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["report"]),
    ("configparser", &["vendor"]),
    ("etcetera", &["config"]),
    ("futures_util", &["run", "vendor", "cli", "simulation"]),
    ("hmac", &["sign"]),
    ("http_body_util", &["sandbox"]),
    ("hyper", &["sandbox"]),
    ("hyper_util", &["client", "sandbox"]),
    ("indicatif", &["report"]),
    ("percent_encoding", &["sign", "sandbox", "vendor", "emulator"]),
    ("rand", &["model", "clock.rs", "run", "simulation"]),
    ("reqwest", &["client"]),
    ("rustix", &["clock.rs", "config", "journal", "report", "cli"]),
    ("secrecy", &["secret.rs", "config"]),
    ("serde_saphyr", &["vendor"]),
    ("sha2", &["sign"]),
    ("signal_hook", &["config"]),
    ("strsim", &["config"]),
    ("tokio", &["clock.rs", "client", "run", "sandbox", "cli"]),
    ("toml", &["config", "vendor"]),
    ("uuid", &["model", "client", "run", "sandbox", "vendor", "emulator", "cli"]),
    ("wildmatch", &["model"]),
];

/// Outside crates of plain values and of declarations.
const ANYWHERE: &[&str] = &["bytes", "chrono", "http", "serde", "serde_json", "thiserror", "url"];

/// Where a secret's text is taken out, and how often at most. A new place is a decision, not a slip.
const EXPOSED: &[(&str, usize)] = &[
    ("cli/login.rs", 1),
    // Certificate authorities: no secret, though they come like one.
    ("cli/session.rs", 1),
    ("config/fields.rs", 3),
    ("config/password_book.rs", 2),
    ("config/passwords.rs", 1),
    ("config/prompt.rs", 2),
    ("config/secret_file.rs", 1),
    ("model/password.rs", 1),
    ("providers/access.rs", 1),
    ("providers/hetzner/login.rs", 6),
    ("providers/huawei/credentials.rs", 9),
    ("providers/huawei/endpoints.rs", 3),
    ("providers/huawei/files.rs", 5),
    ("providers/huawei/sign.rs", 2),
    ("providers/jdcloud/cps.rs", 1),
    ("providers/jdcloud/login.rs", 7),
    ("providers/jdcloud/sign.rs", 2),
    ("providers/openstack/account.rs", 2),
    ("providers/openstack/clouds.rs", 4),
    ("providers/openstack/credentials.rs", 7),
    ("providers/openstack/login.rs", 1),
    ("providers/zenlayer/login.rs", 5),
    ("providers/zenlayer/sign.rs", 1),
    ("secret.rs", 3),
    ("sign/keystone.rs", 4),
];

/// Where a vendor may be named outside of its folder: the registry, and the examples of the help.
const NAMING: &[&str] = &["providers/mod.rs", "cli/help.rs"];

fn row_of(file: &File) -> String {
    let unit = file.unit();
    match unit.starts_with("providers/") {
        true if file.is_emulator() => "emulator".to_owned(),
        true => "vendor".to_owned(),
        false => unit,
    }
}

fn is_vendor(name: &str) -> bool {
    VENDORS.iter().any(|vendor| vendor.name == name)
}

/// What each path breaks of the table.
fn own_paths(file: &File) -> Vec<String> {
    let row = row_of(file);
    let Some((_, allowed)) = LAYERS.iter().find(|(part, _)| *part == row) else {
        return vec![format!("src/{}: `{row}` has no row in the table of layers", file.path)];
    };
    let unit = file.unit();
    let mut broken = Vec::new();
    for (line, path) in file.own_paths() {
        let Some(first) = path.first() else { continue };
        let vendor = path.get(1).filter(|second| first == "providers" && is_vendor(second));
        let (part, same) = match vendor {
            Some(vendor) => ("vendor", unit == format!("providers/{vendor}")),
            None => (first.as_str(), unit == *first || unit == format!("{first}.rs")),
        };
        if !same && !allowed.contains(&part) {
            broken.push(format!("src/{}:{line}: `{row}` must not use `{}`", file.path, path.join("::")));
        }
    }
    broken.dedup();
    broken
}

fn outside_paths(file: &File) -> Vec<String> {
    let row = row_of(file);
    let mut broken = Vec::new();
    for (name, parts) in OUTSIDE.iter().filter(|(_, parts)| !parts.contains(&row.as_str())) {
        for line in file.names_crate(name) {
            broken.push(format!("src/{}:{line}: `{name}` belongs to {}", file.path, parts.join(", ")));
        }
    }
    broken
}

/// Vendors whose interface others speak too: their folders may name it.
const SPOKEN: &[&str] = &["openstack", "OpenStack"];

fn vendor_names(file: &File) -> Vec<String> {
    if NAMING.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let mut broken = Vec::new();
    for (vendor, entry) in entries() {
        if file.unit() == format!("providers/{}", vendor.name) {
            continue;
        }
        let names = [vendor.name, vendor.title, entry.id].into_iter().chain(entry.aliases.iter().copied());
        for name in names.filter(|name| !(file.path.starts_with("providers/") && SPOKEN.contains(name))) {
            for line in file.names_word(name) {
                broken.push(format!("src/{}:{line}: names the vendor `{name}`", file.path));
            }
        }
    }
    broken.sort();
    broken.dedup();
    broken
}

fn unsafe_code(file: &File) -> Vec<String> {
    let lines = file.names_word("unsafe");
    lines.into_iter().map(|line| format!("src/{}:{line}: `unsafe`", file.path)).collect()
}

/// Every rule of this page, held against one file.
fn broken(file: &File) -> Vec<String> {
    [own_paths(file), outside_paths(file), vendor_names(file), unsafe_code(file)].concat()
}

fn none(broken: &[String]) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn no_part_uses_one_that_stands_above_it() {
    none(&files().iter().flat_map(own_paths).collect::<Vec<_>>());
}

#[test]
fn outside_crates_stay_in_their_parts() {
    none(&files().iter().flat_map(outside_paths).collect::<Vec<_>>());
}

#[test]
fn a_vendor_is_named_in_its_folder_and_in_the_registry_alone() {
    none(&files().iter().flat_map(vendor_names).collect::<Vec<_>>());
}

#[test]
fn nothing_is_unsafe() {
    none(&files().iter().flat_map(unsafe_code).collect::<Vec<_>>());
}

#[test]
fn every_dependency_has_a_row() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let known = |name: &String| ANYWHERE.contains(&name.as_str()) || OUTSIDE.iter().any(|(row, _)| row == name);
    let dependencies: Vec<String> =
        manifest["dependencies"].as_table().expect("dependencies").keys().map(|name| name.replace('-', "_")).collect();
    let missing: Vec<&String> = dependencies.iter().filter(|name| !known(name)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    let gone: Vec<&str> = OUTSIDE
        .iter()
        .map(|(name, _)| *name)
        .chain(ANYWHERE.iter().copied())
        .filter(|name| !dependencies.iter().any(|dependency| dependency == name))
        .collect();
    assert!(gone.is_empty(), "a row without its dependency: {gone:?}");
}

#[test]
fn secrets_are_exposed_in_the_listed_places_alone() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files() {
        let count = file.code.matches(".expose()").count() + file.code.matches(".expose_secret()").count();
        if count > 0 {
            counts.insert(file.path, count);
        }
    }
    let allowed = |path: &str| EXPOSED.iter().find(|(listed, _)| *listed == path).map_or(0, |(_, count)| *count);
    let over: Vec<String> = counts
        .iter()
        .filter(|(path, count)| **count > allowed(path))
        .map(|(path, count)| format!("src/{path} exposes secrets {count} times, {} are listed", allowed(path)))
        .collect();
    none(&over);
    let stale: Vec<&str> = EXPOSED.iter().map(|(path, _)| *path).filter(|path| !counts.contains_key(*path)).collect();
    assert!(stale.is_empty(), "listed without need: {stale:?}");
}

#[test]
fn planted_violations_are_found_with_file_and_line() {
    let first = VENDORS[0].name;
    let second = VENDORS[1].name;
    let planted = [
        (
            "model/order.rs",
            "\nuse crate::wire::Api;".to_owned(),
            "src/model/order.rs:2: `model` must not use `wire::Api`",
        ),
        ("model/order.rs", "fn f() { crate::client::backoff(1, 0.5); }".to_owned(), ":1: `model` must not use `client"),
        ("report/live.rs", "use super::super::run::plan;".to_owned(), ":1: `report` must not use `run::plan`"),
        ("report/live.rs", "use crate::{model::Event,\n run};".to_owned(), "`report` must not use `run`"),
        ("run/watch.rs", format!("use crate::providers::{first}::VENDOR;"), "`run` must not use `providers::"),
        (&*format!("providers/{first}/a.rs"), "use crate::client::Client;".to_owned(), "`vendor` must not use `client"),
        (
            &*format!("providers/{first}/a.rs"),
            "use crate::sandbox::World;".to_owned(),
            "`vendor` must not use `sandbox",
        ),
        (&*format!("providers/{first}/sandbox/a.rs"), "use crate::clock::Clock;".to_owned(), "`emulator` must not"),
        (
            &*format!("providers/{first}/a.rs"),
            format!("use super::super::{second}::NAME;"),
            "must not use `providers::",
        ),
        ("newpart/mod.rs", "fn f() {}".to_owned(), "has no row"),
        ("run/plan.rs", "fn f() { reqwest::get(); }".to_owned(), "`reqwest` belongs to client"),
        ("cli/list.rs", format!("fn f(a: &str) {{ a == \"{first}\"; }}"), "names the vendor"),
        ("wire.rs", "unsafe fn f() {}".to_owned(), "`unsafe`"),
    ];
    for (path, text, says) in planted {
        let found = broken(&File::new(path, &text));
        assert!(found.iter().any(|line| line.contains(says)), "{path}: {text:?} gave {found:?}, not {says:?}");
    }
}

#[test]
fn comments_and_unit_tests_break_nothing() {
    let text = format!(
        "//! See [`crate::cli`] and {}.\nfn f() {{}}\n#[cfg(test)]\nmod tests {{ use crate::cli::main; }}\n",
        VENDORS[0].name
    );
    none(&broken(&File::new("model/order.rs", &text)));
}

#[test]
fn no_other_program_is_ever_started() {
    for file in files() {
        // A child would be given environment and files; the only `Command` is the parser's.
        for word in ["process::Command", "process::Child", "posix_spawn", "fork", "execve"] {
            assert!(!file.code.contains(word), "{}: `{word}`", file.path);
        }
    }
}
