//! The registry and the folders say the same.

use crate::source::{files, root};
use reinstall::providers::{FieldKind, VENDORS, entries};
use std::collections::BTreeSet;
use std::fs;

/// What each vendor's folder has. A name without an extension is a folder, or a file of that name with `.rs`.
const CORE: [&str; 7] = ["mod.rs", "fields.rs", "wire.rs", "login.rs", "sandbox", "vectors", "README.md"];

fn folders() -> BTreeSet<String> {
    let found = fs::read_dir(root().join("src/providers")).expect("the folder");
    found
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .collect()
}

fn unique<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for name in names {
        assert!(!name.trim().is_empty(), "an empty {what}");
        assert!(seen.insert(name), "{what} `{name}` stands there twice");
    }
}

#[test]
fn every_folder_is_registered_and_every_vendor_has_its_folder() {
    let registered: BTreeSet<String> = VENDORS.iter().map(|vendor| vendor.name.to_owned()).collect();
    assert_eq!(registered.len(), VENDORS.len(), "a vendor is registered twice");
    assert_eq!(folders(), registered);
}

#[test]
fn every_vendor_has_the_core_files() {
    for vendor in folders() {
        let folder = root().join("src/providers").join(&vendor);
        for name in CORE {
            let there = folder.join(name).exists() || folder.join(format!("{name}.rs")).exists();
            assert!(there, "src/providers/{vendor} has no {name}");
        }
        // A vendor whose credentials are a token signs nothing.
        let signs = folder.join("sign.rs").exists();
        let root = fs::read_to_string(folder.join("mod.rs")).expect("mod.rs");
        assert_eq!(signs, root.contains("mod sign;"), "src/providers/{vendor}: sign.rs");
        let vectors = fs::read_dir(folder.join("vectors")).expect("vectors").count();
        assert!(vectors > 0, "src/providers/{vendor}/vectors is empty");
        let page = fs::read_to_string(folder.join("README.md")).expect("a page");
        assert!(page.lines().count() > 20, "src/providers/{vendor}/README.md says next to nothing");
    }
}

#[test]
fn a_name_after_provider_means_one_product_or_one_family() {
    let products = entries().flat_map(|(_, entry)| std::iter::once(entry.id).chain(entry.aliases.iter().copied()));
    // A product may have its vendor's name: then the name means that product alone, and there is no family.
    let named = |vendor: &reinstall::providers::Vendor| {
        vendor.products.iter().any(|entry| entry.id == vendor.name || entry.aliases.contains(&vendor.name))
    };
    let families = VENDORS.iter().filter(|vendor| !named(vendor)).map(|vendor| vendor.name);
    unique("name for `--provider`", products.chain(families));
    for vendor in VENDORS {
        assert!(!vendor.products.is_empty(), "{} has no product", vendor.name);
        assert!(!vendor.title.is_empty());
        for entry in vendor.products {
            let of_vendor = entry.id == vendor.name || entry.id.starts_with(&format!("{}-", vendor.name));
            assert!(of_vendor, "{} is not of {}", entry.id, vendor.name);
        }
    }
}

#[test]
fn fields_and_variables_are_unique_and_explained() {
    for vendor in VENDORS {
        unique("variable", vendor.variables.iter().map(|(name, _)| *name));
        assert!(!vendor.variables.is_empty(), "{} names no credentials", vendor.name);
        for (name, meaning) in vendor.variables {
            assert!(!meaning.is_empty(), "{name} has no meaning");
            assert!(name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'), "{name}");
        }
    }
    for (_, entry) in entries() {
        unique("field", entry.fields.iter().map(|field| field.name));
        for field in entry.fields {
            assert!(!field.help.is_empty(), "{} {} has no help", entry.id, field.name);
            if let FieldKind::OneOf(words) = field.kind {
                unique("word", words.iter().copied());
                assert!(!words.is_empty(), "{} {} takes no word at all", entry.id, field.name);
            }
        }
    }
}

#[test]
fn no_variable_belongs_to_two_vendors() {
    // Variables of OpenStack's tools are a convention that clouds of that kind share; none of them is a vendor's own.
    let own = |name: &&str| !name.starts_with("OS_");
    unique("variable", VENDORS.iter().flat_map(|vendor| vendor.variables.iter().map(|(name, _)| *name)).filter(own));
}

#[test]
fn facts_make_sense() {
    for (_, entry) in entries() {
        let (id, facts) = (entry.id, &entry.facts);
        assert!(facts.order_batch >= 1 && facts.observe_batch >= facts.order_batch, "{id}: batches");
        assert!(facts.rate >= 1, "{id}: a rate of nothing");
        assert!(facts.timeout.as_secs() >= 600, "{id}: no reinstall is that fast");
        assert!(!facts.must_be.is_empty() && !entry.about.is_empty(), "{id}: empty texts");
        let login = facts.login;
        assert!(login.password || login.key || login.none, "{id}: no way to log in");
        assert!(!login.password_always || (login.password && !login.none), "{id}: a password always, or none?");
        let rule = &facts.password;
        assert!(rule.min >= 1 && rule.min <= rule.max && (1..=4).contains(&rule.classes), "{id}: password rule");
        assert!(
            rule.safe_special.chars().all(|c| rule.special.contains(c)),
            "{id}: safe characters that are not let through"
        );
        for word in rule.forbidden {
            assert_eq!(word.to_ascii_lowercase(), *word, "{id}: forbidden words are compared in lower case");
        }
        assert!(facts.user_data != Some(0), "{id}: user data of no bytes");
        assert!(!facts.token_door.is_some_and(|door| door.is_zero()), "{id}: a token that is never safe");
    }
}

#[test]
fn every_variable_that_a_vendor_reads_is_listed() {
    for vendor in VENDORS {
        let listed: BTreeSet<&str> = vendor.variables.iter().map(|(name, _)| *name).collect();
        let prefixes: BTreeSet<&str> = listed.iter().filter_map(|name| name.split('_').next()).collect();
        let unit = format!("providers/{}", vendor.name);
        for file in files().iter().filter(|file| file.unit() == unit && !file.is_emulator()) {
            let pieces = file.code.split('"').filter(|piece| {
                prefixes.contains(piece.split('_').next().unwrap_or_default())
                    && piece.contains('_')
                    && piece.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            });
            for name in pieces {
                assert!(listed.contains(name), "src/{} reads {name}, and {} does not list it", file.path, vendor.name);
            }
        }
    }
}
