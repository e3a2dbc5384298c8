//! `providers`: what each product needs and can do.

use super::error::CliError;
use super::session::Session;
use crate::config::fields;
use crate::model::Exit;
use crate::providers::{Entry, Vendor, entries};
use crate::report::{self, ProviderRow, write_document};
use serde_json::{Value, json};
use std::io::IsTerminal;

/// Lists products; with `--provider` in full.
pub(super) fn run(session: &Session, provider: Option<&str>) -> Result<Exit, CliError> {
    let chosen: Vec<(&Vendor, &Entry)> = match provider {
        Some(name) => crate::config::select_products(crate::providers::VENDORS, name)?.into_iter().collect(),
        None => entries().collect(),
    };
    let written = if session.human() {
        let rows: Vec<ProviderRow> = chosen.iter().map(|(_, entry)| row(entry)).collect();
        let paint = session.paint(std::io::stdout().is_terminal());
        let mut text = report::providers(&rows, session.stdout_width(), paint);
        if provider.is_some() {
            for (vendor, entry) in &chosen {
                text.push_str(&details(vendor, entry));
            }
        } else {
            text.push_str("\nFields for --set, credentials and settings: reinstall providers --provider NAME\n");
        }
        session.out.stdout.all(text.as_bytes())
    } else {
        let list: Vec<Value> = chosen.iter().map(|(vendor, entry)| document(vendor, entry)).collect();
        write_document(&session.out.stdout, &json!({ "schema": "reinstall.providers/1", "providers": list }))
    };
    written.map_err(CliError::output)?;
    Ok(Exit::Success)
}

fn login(entry: &Entry) -> String {
    let takes = entry.facts.login;
    let mut ways = Vec::new();
    match (takes.password, takes.key) {
        (true, true) if takes.password_always => ways.push("password, key pair beside it"),
        (true, true) => ways.push("password or key pair"),
        (true, false) => ways.push("password"),
        (false, true) => ways.push("key pair"),
        (false, false) => {}
    }
    if takes.none {
        ways.push("none");
    }
    ways.join(", ")
}

fn row(entry: &Entry) -> ProviderRow {
    ProviderRow {
        id: entry.id.to_owned(),
        about: entry.about.to_owned(),
        must_be: entry.facts.must_be.to_owned(),
        login: login(entry),
        batch: entry.facts.order_batch,
        timeout: entry.facts.timeout,
    }
}

fn details(vendor: &Vendor, entry: &Entry) -> String {
    let mut text = format!("\n{} ({})\n", entry.id, entry.about);
    if !entry.aliases.is_empty() {
        text.push_str(&format!("  also called: {}\n", entry.aliases.join(", ")));
    }
    let rule = &entry.facts.password;
    text.push_str(&format!(
        "  password: {} to {} characters, {} of upper case, lower case, digit, special ({})\n",
        rule.min, rule.max, rule.classes, rule.special
    ));
    text.push_str("  fields for --set:\n");
    for field in entry.fields {
        text.push_str(&format!("    {}: {} ({})\n", field.name, field.help, fields::kind(field.kind)));
    }
    text.push_str("  settings and credentials:\n");
    for (name, meaning) in vendor.variables {
        text.push_str(&format!("    {name}: {meaning}\n"));
    }
    text
}

fn document(vendor: &Vendor, entry: &Entry) -> Value {
    let facts = &entry.facts;
    let fields: Vec<Value> = entry
        .fields
        .iter()
        .map(|field| json!({ "name": field.name, "takes": fields::kind(field.kind), "help": field.help }))
        .collect();
    let variables: Vec<Value> =
        vendor.variables.iter().map(|(name, meaning)| json!({ "name": name, "meaning": meaning })).collect();
    json!({
        "provider": entry.id, "aliases": entry.aliases, "family": vendor.name, "about": entry.about,
        "must_be": facts.must_be, "servers_per_order": facts.order_batch, "servers_per_read": facts.observe_batch,
        "timeout_ms": u64::try_from(facts.timeout.as_millis()).unwrap_or(u64::MAX),
        "login": { "password": facts.login.password, "key": facts.login.key, "none": facts.login.none,
                   "password_always": facts.login.password_always, "returned": facts.login.returned },
        "hostname": facts.hostname, "user_data_bytes": facts.user_data, "keep_data": facts.keep_data,
        "token": facts.token_door.is_some(), "fields": fields, "variables": variables,
    })
}
