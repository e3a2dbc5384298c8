//! `list`, `images`, `keys`: what the account has, as a table or JSON.

use super::error::CliError;
use super::session::{Line, Session};
use crate::config::{select_products, selection};
use crate::model::{Exit, Image, KeyPair, Record};
use crate::providers::{VENDORS, entries};
use crate::report::{self, write_document};
use crate::run::plan;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::io::IsTerminal;

/// What to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Servers.
    Servers,
    /// Images.
    Images,
    /// Key pairs.
    Keys,
}

/// The lines of `--provider`.
pub(super) fn lines(session: &Session, provider: Option<&str>) -> Result<Vec<Line>, CliError> {
    let Some(provider) = provider else {
        let known: Vec<&str> = entries().map(|(_, entry)| entry.id).collect();
        return Err(CliError::usage("no `--provider` was given", format!("name one of {}", known.join(", "))));
    };
    session.lines(&select_products(VENDORS, provider)?)
}

/// Lists.
pub(super) async fn run(
    session: &Session,
    provider: Option<&str>,
    instances: &[String],
    what: What,
) -> Result<Exit, CliError> {
    let lines = lines(session, provider)?;
    if what == What::Keys && !instances.is_empty() {
        return Err(CliError::usage("key pairs belong to the account, not to a server", "leave `--instance` out"));
    }
    let human = session.human();
    let width = session.stdout_width();
    let paint = session.paint(std::io::stdout().is_terminal());
    let (table, document) = match what {
        What::Servers => {
            let rows = servers(&lines, instances).await?;
            let pairs = rows.iter().map(|(id, row)| (*id, row));
            let json: Vec<Value> = rows.iter().map(|(id, row)| server(id, row)).collect();
            (
                human.then(|| report::servers(pairs, width, paint)),
                json!({ "schema": "reinstall.servers/1", "servers": json }),
            )
        }
        What::Images => {
            let rows = images(&lines, instances).await?;
            let pairs = rows.iter().map(|(id, row)| (*id, row));
            let json: Vec<Value> = rows.iter().map(|(id, row)| with_provider(id, row)).collect();
            (
                human.then(|| report::images(pairs, width, paint)),
                json!({ "schema": "reinstall.images/1", "images": json }),
            )
        }
        What::Keys => {
            let found = join_all(lines.iter().map(keys)).await;
            let mut rows: Vec<(&str, KeyPair)> = flatten(&lines, found)?;
            // Products of one vendor share their key pairs.
            rows.dedup_by(|a, b| a.1 == b.1 && lines.len() > 1);
            let pairs = rows.iter().map(|(id, row)| (*id, row));
            let json: Vec<Value> = rows.iter().map(|(id, row)| with_provider(id, row)).collect();
            (human.then(|| report::keys(pairs, width, paint)), json!({ "schema": "reinstall.keys/1", "keys": json }))
        }
    };
    let written = match table {
        Some(table) => session.out.stdout.all(table.as_bytes()),
        None => write_document(&session.out.stdout, &document),
    };
    written.map_err(CliError::output)?;
    Ok(Exit::Success)
}

fn flatten<T>(lines: &[Line], found: Vec<Result<Vec<T>, CliError>>) -> Result<Vec<(&str, T)>, CliError> {
    let mut rows = Vec::new();
    for (line, found) in lines.iter().zip(found) {
        rows.extend(found?.into_iter().map(|row| (line.entry.id, row)));
    }
    Ok(rows)
}

/// All servers, or those that were named.
async fn servers<'a>(lines: &'a [Line], instances: &[String]) -> Result<Vec<(&'a str, Record)>, CliError> {
    if instances.is_empty() {
        let found = join_all(lines.iter().map(|line| async move {
            line.client.connect().await?;
            Ok(line.product.list(&line.client.patient()).await?)
        }))
        .await;
        return flatten(lines, found);
    }
    let refs = selection::instances(instances, std::io::stdin())?;
    let clients: Vec<_> = lines.iter().map(|line| &line.client).collect();
    let chosen = plan::select(&clients, &refs).await?;
    Ok(chosen.into_iter().map(|(lane, record)| (lines[lane].entry.id, record)).collect())
}

async fn keys(line: &Line) -> Result<Vec<KeyPair>, CliError> {
    line.client.connect().await?;
    Ok(line.product.keys(&line.client.patient()).await?)
}

async fn images<'a>(lines: &'a [Line], instances: &[String]) -> Result<Vec<(&'a str, Image)>, CliError> {
    if instances.is_empty() {
        let found = join_all(lines.iter().map(|line| async move {
            line.client.connect().await?;
            Ok(line.product.images(&line.client.patient(), None).await?)
        }))
        .await;
        return flatten(lines, found);
    }
    let refs = selection::instances(instances, std::io::stdin())?;
    let clients: Vec<_> = lines.iter().map(|line| &line.client).collect();
    let mut rows = Vec::new();
    for (lane, record) in plan::select(&clients, &refs).await? {
        let line = &lines[lane];
        let found = line.product.images(&line.client.patient(), Some(&record)).await?;
        rows.extend(found.into_iter().map(|image| (line.entry.id, image)));
    }
    rows.dedup();
    Ok(rows)
}

fn server(provider: &str, record: &Record) -> Value {
    json!({
        "provider": provider, "instance": record.id, "name": record.name, "addresses": record.addresses,
        "zone": record.zone, "model": record.model, "status": record.seen.status,
        "image": record.seen.image, "image_name": record.image_name,
    })
}

fn with_provider<T: serde::Serialize>(provider: &str, row: &T) -> Value {
    let mut value = json!({ "provider": provider });
    if let (Some(object), Ok(Value::Object(fields))) = (value.as_object_mut(), serde_json::to_value(row)) {
        object.extend(fields);
    }
    value
}
