//! Images of the account, as both products order them.
//!
//! Source: IMS API reference, `GET /v2/cloudimages`.

use super::account::Account;
use super::endpoints::below;
use super::wire::{ImageList, ImageRow};
use crate::model::{Choice, Image, Refusal};
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;

const LABEL: &str = "GET /v2/cloudimages";

/// Pages at most: a list that does not end is no list.
pub(super) const PAGES: usize = 200;

/// Which images a product can install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Virtual servers.
    Virtual,
    /// Bare metal.
    Metal,
}

impl Kind {
    /// What the service is asked for: CloudDC installs private images.
    fn filter(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Virtual => &[("status", "active")],
            Self::Metal => &[("status", "active"), ("__imagetype", "private")],
        }
    }

    /// Whether the image is offered for it; images that do not tell may be.
    fn takes(self, image: &ImageRow) -> bool {
        let word = match self {
            Self::Virtual => "FusionCompute",
            Self::Metal => "Ironic",
        };
        image.virtual_env_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case(word))
    }
}

async fn read(api: &dyn Api, account: &Account, filter: &[(&str, &str)]) -> Result<Vec<ImageRow>, ReadFault> {
    let mut images: Vec<ImageRow> = Vec::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = filter.to_vec();
        query.push(("limit", "500"));
        if let Some(marker) = &marker {
            query.push(("marker", marker));
        }
        let url = below(&account.endpoints.ims, &["v2", "cloudimages"], &query);
        let page: ImageList = api.read(WireRequest::new(Method::GET, url, LABEL)).await?.parse()?;
        let known = images.len();
        for image in page.images {
            if !images.iter().any(|old| old.id == image.id) {
                images.push(image);
            }
        }
        match page.page_info.and_then(|info| info.next()) {
            Some(next) if images.len() > known && marker.as_ref() != Some(&next) => marker = Some(next),
            _ => return Ok(images),
        }
    }
    Err(ReadFault::malformed(format!("the list of images did not end within {PAGES} pages")))
}

fn image(row: ImageRow) -> Image {
    let os = row.os_version.or(row.platform).or(row.os_type);
    Image { os, id: row.id, name: row.name, offered_for: row.virtual_env_type }
}

/// Reads the images that the product can install, every page.
///
/// # Errors
/// Whatever the reads met.
pub(super) async fn list(api: &dyn Api, account: &Account, kind: Kind) -> Result<Vec<Image>, ReadFault> {
    let mut rows = read(api, account, kind.filter()).await?;
    rows.retain(|row| kind.takes(row));
    Ok(rows.into_iter().map(image).collect())
}

/// An image that was looked up.
pub(super) struct Chosen {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// Whether the image itself brings in password or key when it starts (Cloud-Init).
    pub(super) cloud_init: bool,
    pub(super) windows: bool,
}

impl From<ImageRow> for Chosen {
    fn from(row: ImageRow) -> Self {
        let is =
            |text: &Option<String>, word: &str| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word));
        Self {
            cloud_init: !is(&row.platform_injects, "true"),
            windows: is(&row.os_type, "windows"),
            id: row.id,
            name: row.name,
        }
    }
}

/// Looks one image up by its id; `None` if the service does not know it.
///
/// # Errors
/// Whatever the read met.
pub(super) async fn by_id(api: &dyn Api, account: &Account, id: &str) -> Result<Option<Chosen>, ReadFault> {
    let found = read(api, account, &[("id", id)]).await?;
    Ok(found.into_iter().find(|row| row.id == id).map(Chosen::from))
}

/// Settles the image that the user named: it exists, it is active, it fits the product, the name is unique.
///
/// # Errors
/// A refusal that lists what there is.
pub(super) async fn resolve(api: &dyn Api, account: &Account, choice: &Choice, kind: Kind) -> Result<Chosen, Refusal> {
    let mut found = match choice {
        Choice::Id(id) => read(api, account, &[("status", "active"), ("id", id)]).await?,
        Choice::Name(name) => {
            let mut filter = kind.filter().to_vec();
            filter.push(("name", name));
            read(api, account, &filter).await?
        }
    };
    found.retain(|row| match choice {
        // No document says how images for CloudDC are marked: an id is taken at its word there.
        Choice::Id(id) => row.id == *id && (kind == Kind::Metal || kind.takes(row)),
        Choice::Name(name) => row.name.as_deref() == Some(name) && kind.takes(row),
    });
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|row| row.id.as_str()).collect();
        return Err(Refusal::usage(
            "ambiguous_image",
            format!("several images have the name `{choice}`: {}", ids.join(", ")),
            "give the id of one of them to `--image`",
        ));
    }
    match found.pop() {
        Some(row) => Ok(row.into()),
        None => {
            let there = list(api, account, kind).await?;
            let names: Vec<String> = there
                .iter()
                .take(20)
                .map(|image| format!("{} ({})", image.name.as_deref().unwrap_or("no name"), image.id))
                .collect();
            let more = if there.len() > names.len() { ", …" } else { "" };
            Err(Refusal::usage(
                "unknown_image",
                format!("there is no active image `{choice}` that fits; there are: {}{more}", names.join(", ")),
                "see `reinstall images`, then give an id to `--image`, or a name as `--image name=NAME`",
            ))
        }
    }
}
