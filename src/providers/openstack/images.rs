//! Images of Glance.
//!
//! Source: Image API v2 reference, "List images".

use super::account::{Account, IMAGE};
use super::credentials::below;
use super::wire::{ImageList, ImageRow, next_marker};
use crate::model::{Choice, Image, Refusal};
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;
use std::collections::BTreeSet;

const LABEL: &str = "GET /v2/images";

/// Pages at most: a list that does not end is no list.
pub(super) const PAGES: usize = 200;

async fn read(api: &dyn Api, account: &Account, filter: &[(&str, &str)]) -> Result<Vec<ImageRow>, ReadFault> {
    let service = account.service(&IMAGE)?;
    // Some catalogues have the version in the address, most have not.
    let versioned = service.path().trim_end_matches('/').ends_with("/v2");
    let path: &[&str] = if versioned { &["images"] } else { &["v2", "images"] };
    let mut images: Vec<ImageRow> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = filter.to_vec();
        query.push(("limit", "500"));
        if let Some(marker) = &marker {
            query.push(("marker", marker));
        }
        let url = below(&service, path, &query);
        let page: ImageList = api.read(WireRequest::new(Method::GET, url, LABEL)).await?.parse()?;
        let known = images.len();
        images.extend(page.images.into_iter().filter(|image| seen.insert(image.id.clone())));
        match page.next.as_deref().and_then(next_marker) {
            Some(next) if images.len() > known && marker.as_ref() != Some(&next) => marker = Some(next),
            _ => return Ok(images),
        }
    }
    Err(ReadFault::malformed(format!("the list of images did not end within {PAGES} pages")))
}

fn is_active(row: &ImageRow) -> bool {
    row.status.as_deref().is_none_or(|status| status == "active")
}

fn image(row: ImageRow) -> Image {
    let os = match (row.os_distro, row.os_version) {
        (Some(distro), Some(version)) => Some(format!("{distro} {version}")),
        (distro, version) => distro.or(version),
    };
    Image { os, id: row.id, name: row.name, offered_for: row.visibility }
}

/// Reads the images that the project can install, every page.
///
/// # Errors
/// Whatever the reads met.
pub(super) async fn list(api: &dyn Api, account: &Account) -> Result<Vec<Image>, ReadFault> {
    let mut rows = read(api, account, &[("status", "active")]).await?;
    rows.retain(is_active);
    Ok(rows.into_iter().map(image).collect())
}

/// Looks one image up by its id, community images too; `None` if the service does not know it.
///
/// # Errors
/// Whatever the read met.
pub(super) async fn by_id(api: &dyn Api, account: &Account, id: &str) -> Result<Option<ImageRow>, ReadFault> {
    let wanted = format!("in:{id}");
    let found = read(api, account, &[("id", &wanted), ("visibility", "all")]).await?;
    Ok(found.into_iter().find(|row| row.id == id && is_active(row)))
}

/// Settles the image that the user named: it exists, it is active, the name is unique.
///
/// # Errors
/// A refusal that lists what there is.
pub(super) async fn resolve(api: &dyn Api, account: &Account, choice: &Choice) -> Result<ImageRow, Refusal> {
    let mut found = match choice {
        // A comma or a quote would be another question.
        Choice::Id(id) if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => Vec::new(),
        Choice::Id(id) => by_id(api, account, id).await?.into_iter().collect(),
        Choice::Name(name) => read(api, account, &[("name", name), ("status", "active")]).await?,
    };
    if let Choice::Name(name) = choice {
        found.retain(|row| row.name.as_deref() == Some(name) && is_active(row));
    }
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|row| row.id.as_str()).collect();
        return Err(Refusal::usage(
            "ambiguous_image",
            format!("several images have the name `{choice}`: {}", ids.join(", ")),
            "give the id of one of them to `--image`",
        ));
    }
    if let Some(row) = found.pop() {
        return Ok(row);
    }
    let there = list(api, account).await?;
    let names: Vec<String> = there
        .iter()
        .take(20)
        .map(|image| format!("{} ({})", image.name.as_deref().unwrap_or("no name"), image.id))
        .collect();
    let more = if there.len() > names.len() { ", …" } else { "" };
    Err(Refusal::usage(
        "unknown_image",
        format!("there is no active image `{choice}`; there are: {}{more}", names.join(", ")),
        "see `reinstall images`, then give an id to `--image`, or a name as `--image name=NAME`",
    ))
}
