//! Which image an order names: by number, by name for the server's architecture, or the present one.

use super::calls::Account;
use super::reads::{self, ARCHITECTURE, DISK};
use super::wire::{Image, OneImage};
use crate::model::{Choice, FaultClass, Record, Refusal};
use crate::wire::{Api, ReadFault};

const LABEL: &str = "GET /images/{id}";

/// Whether an image is there to be installed.
pub(super) fn available(image: &Image) -> bool {
    image.deleted.is_none() && image.status.as_deref().is_none_or(|status| status == "available")
}

/// How people call it: snapshots and backups have no name.
pub(super) fn title(image: &Image) -> Option<String> {
    image.name.clone().or_else(|| image.description.clone())
}

/// What the plan says of an image that the provider has declared old.
pub(super) fn old(image: &Image) -> Option<String> {
    let told = image.deprecation.as_ref();
    let since = told.and_then(|told| told.announced.as_ref()).or(image.deprecated.as_ref());
    if told.is_none() && since.is_none() {
        return None;
    }
    let since = since.map(|since| format!(" ({since})")).unwrap_or_default();
    Some(match told.and_then(|told| told.unavailable_after.as_ref()) {
        Some(end) => format!("declared old by the provider{since}; it can be installed until {end}"),
        None => format!("declared old by the provider{since}; it will go away"),
    })
}

/// Reads the images of one architecture, or of all.
pub(super) async fn offered(
    api: &dyn Api,
    account: &Account,
    architecture: Option<&str>,
) -> Result<Vec<Image>, ReadFault> {
    let mut filters = vec![("status", "available".to_owned())];
    filters.extend(architecture.map(|word| ("architecture", word.to_owned())));
    reads::images(api, account, &filters).await
}

/// Settles the image of one server.
pub(super) async fn settle(
    api: &dyn Api,
    account: &Account,
    record: &Record,
    wish: Option<&Choice>,
) -> Result<Image, Refusal> {
    let image = match wish {
        None => {
            let Some(id) = record.seen.image.as_deref() else {
                return Err(Refusal::usage(
                    "no_image",
                    "the server's present image was deleted, so there is none to install again",
                    "name one with `--image`; `reinstall images` lists them",
                ));
            };
            by_number(api, account, id).await?
        }
        Some(Choice::Id(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            by_number(api, account, text).await?
        }
        // The provider takes id or name in one place, and so do we.
        Some(Choice::Id(name) | Choice::Name(name)) => by_name(api, account, record, name).await?,
    };
    fits(record, &image)?;
    Ok(image)
}

async fn by_number(api: &dyn Api, account: &Account, id: &str) -> Result<Image, Refusal> {
    match api.read(account.get(LABEL, &["images", id], &[])).await {
        Ok(answer) => {
            let OneImage { image } = answer.parse()?;
            match image.id.to_string() == id {
                true => Ok(image),
                false => Err(ReadFault::malformed("the answer is about another image".to_owned()).into()),
            }
        }
        Err(fault) if fault.class == FaultClass::NotFound => Err(unknown(id)),
        Err(fault) => Err(fault.into()),
    }
}

async fn by_name(api: &dyn Api, account: &Account, record: &Record, name: &str) -> Result<Image, Refusal> {
    let mut filters = vec![("name", name.to_owned()), ("include_deprecated", "true".to_owned())];
    let architecture = record.attributes.get(ARCHITECTURE);
    filters.extend(architecture.map(|word| ("architecture", word.clone())));
    let mut found = reads::images(api, account, &filters).await?;
    found.retain(|image| {
        image.name.as_deref() == Some(name)
            && image.deleted.is_none()
            && (architecture.is_none() || image.architecture.is_none() || image.architecture.as_ref() == architecture)
    });
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(unknown(name)),
        several => {
            let ids = found.iter().map(|image| image.id.to_string()).collect::<Vec<_>>().join(", ");
            Err(Refusal::usage(
                "image_ambiguous",
                format!("{several} images are called `{name}`: {ids}"),
                "name one by its id with `--image`",
            ))
        }
    }
}

fn unknown(image: &str) -> Refusal {
    Refusal::usage(
        "image_not_found",
        format!("there is no image `{image}` for this server"),
        "`reinstall images --instance ID` lists those for its architecture",
    )
}

fn fits(record: &Record, image: &Image) -> Result<(), Refusal> {
    let refuse =
        |why: String| Refusal::usage("image_does_not_fit", why, "`reinstall images --instance ID` lists those that do");
    if !available(image) {
        let status = image.status.as_deref().filter(|_| image.deleted.is_none()).unwrap_or("deleted");
        return Err(refuse(format!("image {} is {status}", image.id)));
    }
    if let (Some(has), Some(needs)) = (record.attributes.get(ARCHITECTURE), &image.architecture)
        && has != needs
    {
        return Err(refuse(format!("image {} is for {needs}, and the server is {has}", image.id)));
    }
    let disk: Option<f64> = record.attributes.get(DISK).and_then(|size| size.parse().ok());
    match (disk, image.disk_size) {
        (Some(has), Some(needs)) if needs > has => {
            Err(refuse(format!("image {} needs a disk of {needs} GB, and the server's has {has} GB", image.id)))
        }
        _ => Ok(()),
    }
}
