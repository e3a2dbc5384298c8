//! What a bare-metal order is filled with when the user leaves it open.

use super::super::rules::{self, Family};
use super::super::wire::BmcImage;
use super::HOSTNAME;
use crate::model::{Record, Refusal, Wish};
use serde_json::Value;

/// What a reinstall destroys, for the plan.
pub(super) fn what_is_wiped(wish: &Wish) -> &'static str {
    match wish.fields.contains_key("raidConfig") || wish.fields.contains_key("partitions") {
        true => "all wiped: RAID or partitions are laid out anew",
        false => "the system disk is wiped; the provider says nothing of data disks",
    }
}

/// The image to send: always an explicit one, because the documentation contradicts itself on a missing one.
pub(super) fn pick(
    record: &Record,
    wish: &Wish,
    offered: &[BmcImage],
    lines: &mut Vec<(String, String)>,
) -> Result<(String, Option<String>), Refusal> {
    if let Some(choice) = &wish.image {
        let image = rules::resolve("image for this model", "--image", choice, offered, |image| {
            (image.image_id.as_deref().unwrap_or_default(), image.image_name.as_deref())
        })?;
        return Ok((image.image_id.clone().unwrap_or_default(), image.image_name.clone()));
    }
    let Some(id) = record.seen.image.clone() else {
        return Err(Refusal::usage(
            "no_image",
            "the server has no image now, so there is none to install again",
            "name one with `--image`",
        ));
    };
    let known = offered.iter().any(|image| image.image_id.as_ref() == Some(&id));
    lines.push((
        "image".to_owned(),
        match known {
            true => "the present one (from the server)",
            false => "the present one (from the server); it is no longer offered for this model: the provider decides",
        }
        .to_owned(),
    ));
    Ok((id, record.image_name.clone()))
}

/// Sends the present host name when none was given: left out, the provider sets the literal `hostname`.
pub(super) fn settle_hostname(
    record: &Record,
    wish: &Wish,
    body: &mut Value,
    lines: &mut Vec<(String, String)>,
) -> Result<(), Refusal> {
    let present = record.attributes.get(HOSTNAME).filter(|name| rules::hostname(name).is_ok());
    let (name, line) = match (&wish.hostname, present) {
        (Some(name), _) => {
            rules::hostname(name)?;
            (Some(name), name.clone())
        }
        (None, Some(name)) => (Some(name), format!("{name} (from the server)")),
        (None, None) => (None, "hostname (the provider's default; the server tells none that can be sent)".to_owned()),
    };
    if let Some(name) = name {
        body["hostname"] = name.clone().into();
    }
    lines.push(("host name".to_owned(), line));
    Ok(())
}

/// The family of an image's operating system, where it is told.
pub(super) fn family_of(image: &BmcImage) -> Option<Family> {
    let words = [image.os_type.as_deref(), image.catalog.as_deref()];
    let is = |word: &str| words.iter().flatten().any(|text| text.eq_ignore_ascii_case(word));
    if is("windows") {
        Some(Family::Windows)
    } else if is("linux") {
        Some(Family::Linux)
    } else {
        None
    }
}
