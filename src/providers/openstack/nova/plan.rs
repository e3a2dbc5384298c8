//! Settles the call for one server: which image, which fields, and the lowest version that carries them.

use super::Nova;
use crate::model::{Choice, OrderSecrets, Phase, PowerPlan, Prepared, Record, Refusal, Wish};
use crate::providers::openstack::fields::{FQDN, NOVA_FIELDS, SINCE, VOLUME};
use crate::providers::openstack::images;
use crate::providers::openstack::microversion::{Microversion, Range};
use crate::secret::Reveal;
use crate::wire::Api;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

fn refuse(kind: &'static str, message: impl Into<String>, next_step: &str) -> Refusal {
    Refusal::usage(kind, message, next_step)
}

/// Checks the fields of `--set` as the call's schema has them.
///
/// # Errors
/// A refusal that names the field.
pub(super) fn check(wish: &Wish) -> Result<(), Refusal> {
    let bad = |name: &str, what: &str| {
        Err(refuse("bad_field", format!("`{name}` must be {what}"), "correct `--set`, or leave the field out"))
    };
    for (name, value) in &wish.fields {
        match (name.as_str(), value) {
            ("name" | "description", Value::String(text)) if text.chars().count() <= 255 && !text.trim().is_empty() => {
            }
            ("name" | "description", _) => return bad(name, "a text of 1 to 255 characters"),
            ("metadata", Value::Object(pairs)) => {
                let fits = |(key, value): (&String, &Value)| {
                    (1..=255).contains(&key.len()) && value.as_str().is_some_and(|text| text.chars().count() <= 255)
                };
                if !pairs.iter().all(fits) {
                    return bad(name, "an object of texts of at most 255 characters");
                }
            }
            ("metadata", _) => return bad(name, "an object of texts"),
            ("accessIPv4", value) if value.as_str().is_none_or(|text| text.parse::<Ipv4Addr>().is_err()) => {
                return bad(name, "an IPv4 address");
            }
            ("accessIPv6", value) if value.as_str().is_none_or(|text| text.parse::<Ipv6Addr>().is_err()) => {
                return bad(name, "an IPv6 address");
            }
            _ => {}
        }
    }
    match &wish.hostname {
        Some(name) if !is_hostname(name) => Err(refuse(
            "bad_hostname",
            "the host name has only letters, digits, `-` and `.`, and at most 255 characters",
            "correct `--hostname`",
        )),
        _ => Ok(()),
    }
}

fn is_hostname(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

/// The lowest version that carries everything, with what asked for it.
fn version(range: Range, needs: &[(String, Microversion)]) -> Result<Microversion, Refusal> {
    let Some((what, needed)) = needs.iter().max_by_key(|(_, version)| *version) else {
        return Ok(range.min.max(Microversion(2, 1)));
    };
    if *needed > range.max {
        return Err(refuse(
            "cloud_too_old",
            format!("{what} needs version {needed} of the compute service, and this cloud has {} at most", range.max),
            "leave it out, or do it by the image or its user data",
        ));
    }
    Ok((*needed).max(range.min))
}

/// Settles one server's call.
///
/// # Errors
/// A refusal for each rule that the wish breaks, for a cloud that is too old, and for what the reads met.
pub(super) async fn prepare(
    api: &dyn Api,
    nova: &Nova,
    record: Record,
    power: PowerPlan,
    wish: &Wish,
) -> Result<Prepared, Refusal> {
    check(wish)?;
    let range = nova.service()?.range;
    let volume = record.attributes.contains_key("boots_from");
    let mut needs: Vec<(String, Microversion)> = Vec::new();
    let since = |name: &str| SINCE.iter().find(|(known, _)| *known == name).map(|(_, version)| *version);
    if volume {
        needs.push(("a rebuild of a server that boots from a volume".to_owned(), VOLUME));
        // Before any read: such a cloud cannot, whatever the image.
        version(range, &needs)?;
    }
    let image =
        match (&wish.image, record.seen.image.as_deref()) {
            (Some(choice), _) => images::resolve(api, &nova.account, choice).await?,
            (None, Some(id)) => images::resolve(api, &nova.account, &Choice::Id(id.to_owned())).await.map_err(
                |refusal| match refusal.kind {
                    "unknown_image" => refuse(
                        "unknown_image",
                        format!("the server's present image {id} is not there any more, or not active"),
                        "give another one with `--image`; `reinstall images` lists them",
                    ),
                    _ => refusal,
                },
            )?,
            (None, None) => {
                return Err(refuse(
                    "image_needed",
                    "the server boots from a volume and does not tell which image is on it",
                    "give one with `--image`; `reinstall images` lists them",
                ));
            }
        };
    let mut fields = Map::new();
    fields.insert("imageRef".to_owned(), image.id.clone().into());
    for field in NOVA_FIELDS {
        if let Some(value) = wish.fields.get(field.name) {
            let value = match value.as_str() {
                Some("true") if field.name == "preserve_ephemeral" => Value::Bool(true),
                Some("false") if field.name == "preserve_ephemeral" => Value::Bool(false),
                _ => value.clone(),
            };
            fields.insert(field.name.to_owned(), value);
        }
    }
    if let Some(name) = &wish.hostname {
        fields.insert("hostname".to_owned(), name.clone().into());
        if name.contains('.') {
            needs.push((format!("the host name `{name}`, which has dots,"), FQDN));
        }
    }
    if let Some(Choice::Id(name) | Choice::Name(name)) = &wish.key {
        let pairs = nova.key_pairs(api).await?;
        if !pairs.iter().any(|pair| pair.id == *name) {
            let names: Vec<&str> = pairs.iter().take(20).map(|pair| pair.id.as_str()).collect();
            return Err(refuse(
                "unknown_key",
                format!("the user has no key pair `{name}`; there are: {}", names.join(", ")),
                "see `reinstall keys`, then give one of these to `--ssh-key`",
            ));
        }
        fields.insert("key_name".to_owned(), name.clone().into());
    }
    let named = fields.keys().map(String::as_str).chain(wish.user_data.then_some("user_data"));
    needs.extend(named.filter_map(|name| Some((format!("`{name}`"), since(name)?))));
    let version = version(range, &needs)?;

    let mut lines = vec![("version".to_owned(), format!("{version} (the cloud has {} to {})", range.min, range.max))];
    for field in NOVA_FIELDS {
        if let Some(value) = fields.get(field.name) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            lines.push((field.name.to_owned(), format!("{shown} (from --set)")));
        }
    }
    if volume {
        lines.push(("note".to_owned(), "it boots from a volume, which is written over".to_owned()));
    }
    if wish.login.password {
        lines.push(("note".to_owned(), "whether the guest takes the password depends on cloud and image".to_owned()));
    }
    let mut must_change = BTreeMap::new();
    if record.seen.image.as_deref().is_some_and(|id| id != image.id) {
        must_change.insert("image".to_owned(), Some(image.id.clone()));
    }
    Ok(Prepared {
        image: Some((image.id, image.name)),
        power,
        body: json!({"version": version.to_string(), "fields": fields}),
        lines,
        must_change,
        // A server that was off is off again: then it is started, or left off as the user wishes.
        ends: Phase::Running,
        record,
    })
}

/// Builds the body of the call from what was settled.
pub(super) fn document(server: &Prepared, secrets: &OrderSecrets, reveal: Reveal) -> Value {
    let mut fields = server.body["fields"].as_object().cloned().unwrap_or_default();
    if let Some(password) = &secrets.password {
        fields.insert("adminPass".to_owned(), reveal.text(password).into());
    }
    if let Some(data) = &secrets.user_data {
        fields.insert("user_data".to_owned(), reveal.encoded(data, |text| STANDARD.encode(text)).into());
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(max: u32) -> Range {
        Range { min: Microversion(2, 1), max: Microversion(2, max) }
    }

    #[test]
    fn the_lowest_version_that_carries_the_wish_is_chosen() {
        assert_eq!(version(range(104), &[]).expect("one"), Microversion(2, 1));
        let needs = [("`key_name`".to_owned(), Microversion(2, 54)), ("`hostname`".to_owned(), Microversion(2, 90))];
        assert_eq!(version(range(104), &needs).expect("one"), Microversion(2, 90));
        let refusal = version(range(60), &needs).expect_err("too old");
        assert!(refusal.message.contains("hostname") && refusal.message.contains("2.90"), "{refusal}");
        assert!(refusal.message.contains("2.60"), "{refusal}");
    }

    #[test]
    fn fields_are_checked_before_anything_is_read() {
        let wish =
            |name: &str, value: Value| Wish { fields: BTreeMap::from([(name.to_owned(), value)]), ..Wish::default() };
        for (name, value, good) in [
            ("name", json!("web"), true),
            ("name", json!(" "), false),
            ("metadata", json!({"a": "b"}), true),
            ("metadata", json!({"a": 1}), false),
            ("metadata", json!("a"), false),
            ("accessIPv4", json!("192.0.2.1"), true),
            ("accessIPv4", json!("192.0.2"), false),
            ("accessIPv6", json!("2001:db8::1"), true),
        ] {
            assert_eq!(check(&wish(name, value.clone())).is_ok(), good, "{name} {value}");
        }
        for (name, good) in [("web-1", true), ("web-1.example.com", true), ("-web", false), ("web 1", false)] {
            assert_eq!(check(&Wish { hostname: Some(name.to_owned()), ..Wish::default() }).is_ok(), good, "{name}");
        }
    }
}
