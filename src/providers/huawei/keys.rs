//! Key pairs of the account.
//!
//! Sources: ECS API reference, `os-keypairs`; its successor in the key management service.

use super::account::Account;
use super::endpoints::below;
use super::images::PAGES;
use super::wire::{KeyPairList, KeyPairRow};
use crate::model::{Choice, FaultClass, KeyPair, Refusal};
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;

const OLD: &str = "GET /v2.1/{project_id}/os-keypairs";
const NEW: &str = "GET /v3/{project_id}/keypairs";

/// Reads the key pairs: by the call that every cloud of the family has, else by its successor, every page.
///
/// # Errors
/// Whatever the reads met.
pub(super) async fn list(api: &dyn Api, account: &Account) -> Result<Vec<KeyPair>, ReadFault> {
    let project = account.project()?;
    let url = below(&account.endpoints.ecs, &["v2.1", project, "os-keypairs"], &[]);
    let rows = match api.read(WireRequest::new(Method::GET, url, OLD)).await {
        Ok(answer) => answer.parse::<KeyPairList>()?.keypairs,
        Err(fault) if fault.class == FaultClass::NotFound => successor(api, account, project).await?,
        Err(fault) => return Err(fault),
    };
    Ok(rows
        .into_iter()
        .map(|row| KeyPair {
            id: row.keypair.name.clone(),
            name: Some(row.keypair.name),
            fingerprint: row.keypair.fingerprint,
        })
        .collect())
}

async fn successor(api: &dyn Api, account: &Account, project: &str) -> Result<Vec<KeyPairRow>, ReadFault> {
    let mut rows: Vec<KeyPairRow> = Vec::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = vec![("limit", "100")];
        if let Some(marker) = &marker {
            query.push(("marker", marker));
        }
        let url = below(&account.endpoints.kms, &["v3", project, "keypairs"], &query);
        let page: KeyPairList = api.read(WireRequest::new(Method::GET, url, NEW)).await?.parse()?;
        let known = rows.len();
        for row in page.keypairs {
            if !rows.iter().any(|old| old.keypair.name == row.keypair.name) {
                rows.push(row);
            }
        }
        match page.page_info.and_then(|info| info.next()) {
            Some(next) if rows.len() > known && marker.as_ref() != Some(&next) => marker = Some(next),
            _ => return Ok(rows),
        }
    }
    Err(ReadFault::malformed(format!("the list of key pairs did not end within {PAGES} pages")))
}

/// Settles the key pair that the user named; a key pair's name is its id.
///
/// # Errors
/// A refusal that lists what there is.
pub(super) async fn resolve(api: &dyn Api, account: &Account, choice: &Choice) -> Result<String, Refusal> {
    let (Choice::Id(name) | Choice::Name(name)) = choice;
    let there = list(api, account).await?;
    if there.iter().any(|pair| pair.id == *name) {
        return Ok(name.clone());
    }
    let names: Vec<&str> = there.iter().take(20).map(|pair| pair.id.as_str()).collect();
    Err(Refusal::usage(
        "unknown_key",
        format!("there is no key pair `{name}`; there are: {}", names.join(", ")),
        "see `reinstall keys`, then give one of these to `--ssh-key`",
    ))
}
