//! Which image a reset installs, and whether it can (documentation: compute/zec/instance/resetinstance).

use super::super::rules;
use super::super::wire::ZecImage;
use super::DISK;
use crate::model::{Record, Refusal, Wish};

/// The image to send, and its row where it is offered in the server's zone.
pub(super) fn pick<'a>(
    record: &Record,
    wish: &Wish,
    offered: &'a [ZecImage],
    lines: &mut Vec<(String, String)>,
) -> Result<(String, Option<String>, Option<&'a ZecImage>), Refusal> {
    if let Some(choice) = &wish.image {
        let image = rules::resolve("image in this zone", "--image", choice, offered, |image| {
            (image.image_id.as_deref().unwrap_or_default(), image.image_name.as_deref())
        })?;
        return Ok((image.image_id.clone().unwrap_or_default(), image.image_name.clone(), Some(image)));
    }
    let Some(id) = record.seen.image.clone() else {
        return Err(Refusal::usage(
            "no_image",
            "the server has no image now, so there is none to install again",
            "name one with `--image`",
        ));
    };
    let image = row(offered, &id);
    lines.push((
        "image".to_owned(),
        match image {
            Some(_) => "the present one (from the server)",
            None => "the present one (from the server); it is no longer offered in this zone: the provider decides",
        }
        .to_owned(),
    ));
    Ok((id, record.image_name.clone(), image))
}

fn row<'a>(offered: &'a [ZecImage], id: &str) -> Option<&'a ZecImage> {
    offered.iter().find(|image| image.image_id.as_deref() == Some(id))
}

/// Whether the image can be installed now: status, family of operating systems, size of the system disk.
pub(super) fn fits(record: &Record, offered: &[ZecImage], image: &ZecImage) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::usage("image_does_not_fit", message, "name another with `--image`"));
    if let Some(status) = image.image_status.as_deref().filter(|word| !word.eq_ignore_ascii_case("AVAILABLE")) {
        return refuse(format!("the image is `{status}`, not available"));
    }
    let present =
        record.seen.image.as_deref().and_then(|id| row(offered, id)).and_then(|image| image.os_type.as_deref());
    if let (Some(old), Some(new)) = (present, image.os_type.as_deref())
        && !old.eq_ignore_ascii_case(new)
    {
        return refuse(format!("the server runs `{old}` and the image is `{new}`: the provider keeps the family"));
    }
    let disk: Option<u64> = record.attributes.get(DISK).and_then(|size| size.parse().ok());
    if let (Some(disk), Some(needed)) = (disk, image.min_disk_size)
        && disk < needed
    {
        return refuse(format!("the image needs a system disk of {needed} GiB and the server's has {disk} GiB"));
    }
    Ok(())
}

/// Whether an image takes no login at all: Windows and generic ones. `None` where its kind is not told.
fn brings_its_own_login(image: &ZecImage) -> Option<bool> {
    let words: Vec<String> =
        [&image.os_type, &image.category].into_iter().flatten().map(|word| word.to_ascii_lowercase()).collect();
    if words.is_empty() {
        return None;
    }
    Some(words.iter().any(|word| matches!(word.as_str(), "windows" | "any" | "generic")))
}

/// Whether the login that was chosen is one that the image takes.
pub(super) fn check_login(image: &ZecImage, wish: &Wish) -> Result<(), Refusal> {
    let given = wish.login.password || wish.key.is_some();
    match brings_its_own_login(image) {
        Some(true) if given => Err(Refusal::usage(
            "login_not_supported",
            "Windows and generic images take neither password nor key pair",
            "use `--no-login`, or name another image",
        )),
        Some(false) if !given => Err(Refusal::usage(
            "login_needed",
            "this image needs a password or a key pair",
            "give `--ssh-key` or `--password-file`; `--no-login` is for Windows and generic images",
        )),
        _ => Ok(()),
    }
}
