//! `check`: every setting with its origin, credentials, one harmless read per product, clock difference.

use super::error::CliError;
use super::session::{Line, Session};
use crate::config::select_products;
use crate::model::{Exit, Rule};
use crate::providers::{Entry, SetupError, VENDORS, Vendor, entries};
use crate::report::text::{clean, clean_to};
use crate::report::write_document;
use serde_json::{Value, json};

/// What the check of one product gave.
struct Finding {
    provider: &'static str,
    exit: Exit,
    lines: Vec<String>,
    document: Value,
}

/// Checks the chosen products; without `--provider` those that have credentials.
pub(super) async fn run(session: &Session, provider: Option<&str>) -> Result<Exit, CliError> {
    let chosen: Vec<(&'static Vendor, &'static Entry)> = match provider {
        Some(name) => select_products(VENDORS, name)?,
        None => entries().collect(),
    };
    let mut findings = Vec::new();
    for (vendor, entry) in chosen {
        findings.push(finding(session, vendor, entry).await);
    }
    let exit = match provider {
        Some(_) => Exit::worst(findings.iter().map(|finding| finding.exit)),
        // Nobody has an account everywhere: only where credentials are, a refusal counts.
        None if findings.iter().all(missing) => Exit::Credentials,
        None => Exit::worst(findings.iter().filter(|finding| !missing(finding)).map(|finding| finding.exit)),
    };
    let written = if session.human() {
        session.out.stdout.all(text(session, &findings).as_bytes())
    } else {
        let settings: Vec<Value> = session
            .settings
            .rows()
            .map(|row| json!({ "name": row.name, "value": row.value, "origin": row.origin.to_string() }))
            .collect();
        let rules = |rules: &[Rule]| -> Vec<Value> {
            rules.iter().map(|rule| json!({ "rule": rule.shown(), "origin": rule.at() })).collect()
        };
        let guard = &session.settings.guard;
        let allow = guard.allow.as_ref().map(|allow| rules(&allow.rules));
        let products: Vec<&Value> = findings.iter().map(|finding| &finding.document).collect();
        let document = json!({ "schema": "reinstall.check/1", "settings": settings, "protect": rules(&guard.protect),
            "allow": allow, "products": products, "exit_code": exit.code() });
        write_document(&session.out.stdout, &document)
    };
    written.map_err(CliError::output)?;
    Ok(exit)
}

fn missing(finding: &Finding) -> bool {
    finding.document["credentials"] == "missing"
}

fn text(session: &Session, findings: &[Finding]) -> String {
    let mut text = String::from("settings\n");
    for row in session.settings.rows() {
        text.push_str(&format!("  {:<14} {}  ({})\n", row.name, clean(&row.value), clean(&row.origin.to_string())));
    }
    let guard = &session.settings.guard;
    for (title, rules) in [
        ("never reinstalled", &guard.protect[..]),
        ("may be reinstalled", guard.allow.as_ref().map_or(&[], |allow| &allow.rules)),
    ] {
        if !rules.is_empty() {
            text.push_str(&format!("{title}\n"));
        }
        for rule in rules {
            text.push_str(&format!("  {}  ({})\n", clean(&rule.shown()), clean(rule.at())));
        }
    }
    for finding in findings {
        text.push_str(&format!("{}\n", finding.provider));
        for line in &finding.lines {
            text.push_str(&format!("  {}\n", clean_to(line, 2000)));
        }
    }
    text
}

async fn finding(session: &Session, vendor: &'static Vendor, entry: &'static Entry) -> Finding {
    let failed = |exit, word: &str, message: String, step: String| Finding {
        provider: entry.id,
        exit,
        document: json!({ "provider": entry.id, "credentials": word, "error": message, "next_step": step }),
        lines: if step.is_empty() { vec![message] } else { vec![message, format!("next: {step}")] },
    };
    let line = match session.line(vendor, entry) {
        Ok(line) => line,
        Err(error) => {
            let word = if matches!(error, SetupError::NoCredentials { .. }) { "missing" } else { "unusable" };
            let told = CliError::from(error);
            return failed(told.exit, word, told.message, told.next_step);
        }
    };
    let mut lines: Vec<String> =
        line.product.origins().iter().map(|(what, origin)| format!("{what}: from {origin}")).collect();
    lines.push(format!("endpoint: {}", line.product.endpoint()));
    lines.push(format!("account: {}", line.product.account()));
    let origins: Vec<Value> =
        line.product.origins().iter().map(|(what, origin)| json!({ "what": what, "origin": origin })).collect();
    let base = json!({
        "provider": entry.id, "credentials": "found", "origins": origins, "region": line.product.region(),
        "endpoint": line.product.endpoint().as_str(), "account": line.product.account(),
    });
    match read(&line).await {
        Ok(count) => {
            lines.push(format!("one read: fine, {count}"));
            let skew = line.client.clock_difference();
            if let Some(skew) = skew {
                // The date of an answer has no fractions of a second.
                lines.push(match skew.num_seconds().abs() {
                    0..=2 => "clock: the same as the provider's, to two seconds".to_owned(),
                    seconds => format!("clock: {seconds} s from the provider's; set this machine's clock right (NTP)"),
                });
            }
            let mut document = base;
            document["credentials"] = json!("accepted");
            document["clock_difference_ms"] = json!(skew.map(|skew| skew.num_milliseconds()));
            Finding { provider: entry.id, exit: Exit::Success, lines, document }
        }
        Err(error) => {
            lines.push(format!("one read: {}", error.message));
            lines.push(format!("next: {}", error.next_step));
            let mut document = base;
            document["error"] = json!(error.message);
            document["next_step"] = json!(error.next_step);
            Finding { provider: entry.id, exit: error.exit, lines, document }
        }
    }
}

async fn read(line: &Line) -> Result<String, CliError> {
    line.client.connect().await?;
    let servers = line.product.list(&line.client.patient()).await?;
    Ok(crate::report::words::count(servers.len(), "server"))
}
