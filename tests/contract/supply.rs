//! What others wrote and we ship: licences, sources and banned crates as `deny.toml` has them, and the list of it all.
//!
//! `cargo deny` says the same and more where it is installed; this needs it not.

use crate::docs_fresh::fresh;
use crate::source::root;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn toml(name: &str) -> toml::Table {
    std::fs::read_to_string(root().join(name)).expect(name).parse().expect(name)
}

/// The graph for the one platform that releases are made on, wherever this test runs.
fn metadata() -> Value {
    const PLATFORM: &str = "x86_64-unknown-linux-gnu";
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", PLATFORM])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a document")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Packages by their id.
fn packages(metadata: &Value) -> BTreeMap<&str, &Value> {
    list(&metadata["packages"]).iter().map(|package| (text(package, "id"), package)).collect()
}

/// Ids of the crates whose code is in the program, or makes code for it: neither tests' nor build scripts' own.
fn shipped(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(node, "id"), node)).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![text(&metadata["resolve"], "root")];
    while let Some(id) = open.pop() {
        if found.insert(id) {
            let normal = |dep: &&Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            open.extend(list(&nodes[id]["deps"]).iter().filter(normal).map(|dep| text(dep, "pkg")));
        }
    }
    found.remove(text(&metadata["resolve"], "root"));
    found
}

/// Whether the allowed licences satisfy the expression. An old form writes `/` for `OR`.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "_WITH_");
    let mut words = spaced.split_whitespace().peekable();
    let good = any_of(&mut words, allowed);
    assert!(words.next().is_none(), "{expression} is not read to its end");
    good
}

type Words<'w> = std::iter::Peekable<std::str::SplitWhitespace<'w>>;

fn any_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut good = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        good |= all_of(words, allowed);
    }
    good
}

fn all_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut good = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        good &= one(words, allowed);
    }
    good
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let good = any_of(words, allowed);
            assert_eq!(words.next(), Some(")"), "a bracket stays open");
            good
        }
        Some(word) => allowed.contains(&word.replace("_WITH_", " WITH ")),
        None => false,
    }
}

fn allowed() -> BTreeSet<String> {
    let deny = toml("deny.toml");
    let allowed = deny["licenses"]["allow"].as_array().expect("a list");
    allowed.iter().map(|word| word.as_str().expect("a licence").to_owned()).collect()
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "A WITH e"].map(str::to_owned).into();
    for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC", "A WITH e"] {
        assert!(satisfied(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 OR MIT AND GPL-2.0", "A", "(MIT OR ISC) AND GPL-3.0"] {
        assert!(!satisfied(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_crate_has_an_allowed_licence() {
    let (metadata, allowed) = (metadata(), allowed());
    for (id, package) in packages(&metadata) {
        let expression = text(package, "license");
        assert!(satisfied(expression, &allowed), "{id}: {expression:?}");
    }
}

#[test]
fn every_crate_in_the_program_brings_the_text_of_its_licence() {
    let metadata = metadata();
    let packages = packages(&metadata);
    for id in shipped(&metadata) {
        let folder = Path::new(text(packages[id], "manifest_path")).parent().expect("a folder");
        let names = std::fs::read_dir(folder).expect("the crate's folder");
        let mut names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let licence = |name: &String| {
            let name = name.to_ascii_uppercase();
            ["LICENSE", "LICENCE", "COPYING", "UNLICENSE"].iter().any(|word| name.starts_with(word))
        };
        assert!(names.any(|name| licence(&name)), "{id} has no text of its licence");
    }
}

#[test]
fn every_crate_comes_from_the_registry_with_a_checksum_and_none_is_banned() {
    let deny = toml("deny.toml");
    let banned = deny["bans"]["deny"].as_array().expect("a list");
    let banned: Vec<&str> = banned.iter().map(|ban| ban["crate"].as_str().expect("a name")).collect();
    assert!(!banned.is_empty());
    let lock = toml("Cargo.lock");
    for package in lock["package"].as_array().expect("packages") {
        let field = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let name = field("name").expect("a name");
        assert!(!banned.contains(&name), "{name} is banned");
        if name != env!("CARGO_PKG_NAME") {
            assert_eq!(field("source"), Some(REGISTRY), "{name}");
            assert_eq!(field("checksum").map(str::len), Some(64), "{name}");
        }
    }
    let wild = |table: &str| {
        let Some(table) = toml("Cargo.toml").get(table).cloned() else { return };
        for (name, value) in table.as_table().expect("a table") {
            let version = value.as_str().or_else(|| value.get("version")?.as_str()).expect("a version");
            assert!(!version.contains('*'), "{name} takes any version");
        }
    };
    wild("dependencies");
    wild("dev-dependencies");
}

#[test]
fn no_code_of_ours_is_unsafe() {
    let manifest = toml("Cargo.toml");
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    // `forbid` cannot be taken back by an attribute, so the manifest says it all but for code that is not compiled.
    for file in crate::source::files() {
        assert_eq!(file.names_word("unsafe"), [0_usize; 0], "{}", file.path);
        assert_eq!(file.names_word("unsafe_code"), [0_usize; 0], "{}", file.path);
    }
}

/// The crates in the program as CycloneDX 1.5, sorted by name.
#[test]
fn the_bill_of_materials_is_the_lock_files() {
    let metadata = metadata();
    let packages = packages(&metadata);
    let lock = toml("Cargo.lock");
    let checksums: BTreeMap<(&str, &str), &str> = lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| {
            let field = |key: &str| package.get(key)?.as_str();
            Some(((field("name")?, field("version")?), field("checksum")?))
        })
        .collect();
    let mut components = BTreeMap::new();
    for id in shipped(&metadata) {
        let (name, version) = (text(packages[id], "name"), text(packages[id], "version"));
        let purl = format!("pkg:cargo/{name}@{version}");
        let licence = text(packages[id], "license").replace(" / ", " OR ").replace('/', " OR ");
        let component = json!({
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "hashes": [{"alg": "SHA-256", "content": checksums[&(name, version)]}],
            "licenses": [{"expression": licence}],
        });
        components.insert(purl, component);
    }
    let program = json!({"type": "application", "name": "reinstall", "version": env!("CARGO_PKG_VERSION")});
    let bill = Map::from_iter([
        ("bomFormat".to_owned(), json!("CycloneDX")),
        ("specVersion".to_owned(), json!("1.5")),
        ("version".to_owned(), json!(1)),
        ("metadata".to_owned(), json!({"component": program})),
        ("components".to_owned(), components.into_values().collect()),
    ]);
    let bill = serde_json::to_string_pretty(&Value::Object(bill)).expect("a document");
    fresh("dependencies.cdx.json", &format!("{bill}\n"));
}
