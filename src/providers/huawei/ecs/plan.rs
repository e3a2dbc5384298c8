//! Settles the call for one server: which of two versions, which image, which login, which metadata.

use crate::model::{OrderSecrets, Phase, PowerPlan, Prepared, Record, Refusal, Wish};
use crate::providers::huawei::account::Account;
use crate::providers::huawei::fields::METADATA;
use crate::providers::huawei::images::{self, Chosen};
use crate::providers::huawei::keys;
use crate::secret::Reveal;
use crate::wire::Api;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn refuse(kind: &'static str, message: impl Into<String>, next_step: &str) -> Refusal {
    Refusal::usage(kind, message, next_step)
}

fn flag(wish: &Wish, name: &str) -> Option<bool> {
    match wish.fields.get(name)? {
        Value::Bool(is) => Some(*is),
        Value::String(text) => Some(text == "true"),
        _ => None,
    }
}

fn text<'w>(wish: &'w Wish, name: &str) -> Option<&'w str> {
    wish.fields.get(name)?.as_str()
}

/// Reads `--set metadata` and `--set BYOL` and checks them as documented.
///
/// # Errors
/// A refusal that names the key.
pub(super) fn metadata(wish: &Wish) -> Result<Map<String, Value>, Refusal> {
    let step = "give `--set metadata={\"BYOL\":\"true\"}` or the like";
    let mut found = Map::new();
    match wish.fields.get("metadata") {
        None => {}
        Some(Value::Object(given)) => {
            for (key, value) in given {
                if key == "user_data" {
                    return Err(refuse(
                        "user_data",
                        "user data is not given as metadata: it may hold secrets",
                        "give `--user-data FILE`",
                    ));
                }
                if !METADATA.contains(&key.as_str()) {
                    return Err(refuse(
                        "unknown_field",
                        format!("metadata has no `{key}`; it has: {}", METADATA.join(", ")),
                        step,
                    ));
                }
                if !value.is_string() {
                    return Err(refuse("bad_field", format!("metadata `{key}` must be a text"), step));
                }
                found.insert(key.clone(), value.clone());
            }
        }
        Some(_) => return Err(refuse("bad_field", "metadata must be an object of texts", step)),
    }
    if let Some(is) = flag(wish, "BYOL") {
        found.insert("BYOL".to_owned(), is.to_string().into());
    }
    let of = |key: &str| found.get(key).and_then(Value::as_str);
    match (of("__system__encrypted"), of("__system__cmkid")) {
        (Some("1"), Some(id)) if id.len() == 36 => {}
        (Some("0") | None, None) => {}
        (Some("0" | "1"), Some(_)) | (None, Some(_)) => {
            return Err(refuse(
                "bad_field",
                "`__system__cmkid` is a key's id of 36 characters and goes with `__system__encrypted` = 1",
                step,
            ));
        }
        (Some("1"), None) => {
            return Err(refuse("bad_field", "`__system__encrypted` = 1 needs `__system__cmkid`", step));
        }
        (Some(_), _) => return Err(refuse("bad_field", "`__system__encrypted` is \"0\" or \"1\"", step)),
    }
    Ok(found)
}

/// What will be installed, and which version of the call that asks for.
struct Target {
    image: Option<Chosen>,
    change: bool,
    version: &'static str,
    why: &'static str,
}

async fn target(api: &dyn Api, account: &Account, record: &Record, wish: &Wish) -> Result<Target, Refusal> {
    let current = record.seen.image.as_deref();
    let set = match text(wish, "api") {
        Some("v1") => Some("v1"),
        Some("v2") => Some("v2"),
        _ => None,
    };
    let named = match &wish.image {
        Some(crate::model::Choice::Id(id)) if current == Some(id) => None,
        Some(choice) => Some(images::resolve(api, account, choice, images::Kind::Virtual).await?),
        None => None,
    };
    let change = named.as_ref().is_some_and(|image| current != Some(image.id.as_str()));
    let image = match (named, set, current) {
        (Some(image), ..) => Some(image),
        (None, Some(_), _) => None,
        (None, None, None) => {
            return Err(refuse(
                "unknown_image",
                "the server does not tell its image, so the version of the call is not known",
                "give `--set api=v2` for an image with Cloud-Init, `--set api=v1` for one without",
            ));
        }
        (None, None, Some(id)) => match images::by_id(api, account, id).await {
            Ok(Some(image)) => Some(image),
            Ok(None) => {
                return Err(refuse(
                    "unknown_image",
                    format!("the server's image {id} is not there any more"),
                    "give `--image` another one, or `--set api=v1` or `v2` if the provider still has it",
                ));
            }
            Err(fault) => {
                let mut refusal = Refusal::from(fault);
                refusal.message = format!("the server's image could not be read: {}", refusal.message);
                refusal.next_step =
                    "give `--set api=v2` for an image with Cloud-Init, `--set api=v1` for one without".to_owned();
                return Err(refusal);
            }
        },
    };
    let (version, why) = match (set, image.as_ref().map(|image| image.cloud_init)) {
        (Some(version), _) => (version, "from --set"),
        (None, Some(false)) => ("v1", "the image is without Cloud-Init"),
        (None, _) => ("v2", "the image has Cloud-Init"),
    };
    Ok(Target { image, change, version, why })
}

/// Settles one server's call.
///
/// # Errors
/// A refusal for each documented rule that the wish breaks, and for what the reads met.
pub(super) async fn prepare(
    api: &dyn Api,
    account: &Account,
    record: Record,
    power: PowerPlan,
    wish: &Wish,
) -> Result<Prepared, Refusal> {
    let project = account.project()?.to_owned();
    let metadata = metadata(wish)?;
    let target = target(api, account, &record, wish).await?;
    let os = record.attributes.get("os_type").is_some_and(|os| os.eq_ignore_ascii_case("windows"));
    let windows = target.image.as_ref().map_or(os, |image| image.windows);
    rules(wish, &target, windows, &metadata)?;

    let call = if target.change { "changeos" } else { "reinstallos" };
    let mut lines = vec![("call".to_owned(), format!("{} {call} ({})", target.version, target.why))];
    let mut fields = Map::new();
    let mut must_change = BTreeMap::new();
    if let (true, Some(image)) = (target.change, &target.image) {
        fields.insert("imageid".to_owned(), image.id.clone().into());
        must_change.insert("image".to_owned(), Some(image.id.clone()));
    }
    let mut login = if wish.login.password { "password" } else { "none" };
    if let Some(choice) = &wish.key {
        login = "key";
        let name = keys::resolve(api, account, choice).await?;
        let (user, origin) = match text(wish, "userid") {
            Some(id) => (id.to_owned(), "from --set"),
            None => (account.user_id(api).await?, "whom the credentials belong to"),
        };
        lines.push(("userid".to_owned(), format!("{user} ({origin})")));
        fields.insert("keyname".to_owned(), name.into());
        fields.insert("userid".to_owned(), user.into());
    }
    if power == PowerPlan::StoppedByOrder || text(wish, "mode").is_some() {
        fields.insert("mode".to_owned(), "withStopServer".into());
        lines.push(("mode".to_owned(), "withStopServer: the call stops the server".to_owned()));
    }
    if !metadata.is_empty() {
        lines.push(("metadata".to_owned(), format!("{} (from --set)", Value::from(metadata.clone()))));
        fields.insert("metadata".to_owned(), metadata.into());
    }
    if let (true, Some(is)) = (target.change, flag(wish, "isAutoPay")) {
        // The documentation has it as a text.
        fields.insert("isAutoPay".to_owned(), is.to_string().into());
        lines.push(("isAutoPay".to_owned(), format!("{is} (from --set)")));
    }
    if wish.user_data && wish.login.password && !windows {
        lines.push(("note".to_owned(), "with user data Linux ignores the password".to_owned()));
    }
    let image = match target.image {
        Some(image) => Some((image.id, image.name)),
        None => record.seen.image.clone().map(|id| (id, record.image_name.clone())),
    };
    Ok(Prepared {
        image,
        power,
        body: json!({"call": call, "api": target.version, "project_id": project, "login": login, "fields": fields}),
        lines,
        must_change,
        ends: Phase::Running,
        record,
    })
}

/// Rules that need the image: what each version takes.
fn rules(wish: &Wish, target: &Target, windows: bool, metadata: &Map<String, Value>) -> Result<(), Refusal> {
    let login = wish.login.password || wish.key.is_some();
    if wish.login.password && wish.key.is_some() {
        return Err(refuse("two_logins", "the call takes a password or a key pair, not both", "leave one out"));
    }
    if target.version == "v1" {
        if wish.user_data {
            return Err(refuse(
                "user_data",
                "an image without Cloud-Init takes no user data",
                "leave `--user-data` out, or choose an image with Cloud-Init",
            ));
        }
        if !login {
            return Err(refuse(
                "login_needed",
                "an image without Cloud-Init needs a password or a key pair",
                "give `--ssh-key NAME` or `--password-file PATH`",
            ));
        }
        if windows && wish.key.is_some() {
            return Err(refuse(
                "password_only",
                "Windows without Cloudbase-Init takes a password only",
                "give `--password-file PATH` instead of `--ssh-key`",
            ));
        }
    } else if !login && !wish.user_data {
        return Err(refuse(
            "login_needed",
            "the call needs a password, a key pair or user data",
            "give `--ssh-key NAME`, `--password-file PATH` or `--user-data FILE`",
        ));
    }
    if wish.key.is_none() && wish.fields.contains_key("userid") {
        return Err(refuse("unknown_field", "`userid` goes with a key pair only", "leave it out, or give `--ssh-key`"));
    }
    if target.change && metadata.contains_key("BYOL") {
        return Err(refuse(
            "unknown_field",
            "the call that changes the image has no `BYOL`",
            "leave it out, or reinstall the present image",
        ));
    }
    if !target.change && wish.fields.contains_key("isAutoPay") {
        return Err(refuse(
            "unknown_field",
            "`isAutoPay` goes with another image only",
            "leave it out, or give `--image`",
        ));
    }
    Ok(())
}

/// Builds the body of the call from what was settled.
pub(super) fn document(server: &Prepared, secrets: &OrderSecrets, reveal: Reveal) -> Value {
    let mut fields = server.body["fields"].as_object().cloned().unwrap_or_default();
    if let ("password", Some(password)) = (server.body["login"].as_str().unwrap_or_default(), &secrets.password) {
        fields.insert("adminpass".to_owned(), reveal.text(password).into());
    }
    if let Some(data) = &secrets.user_data {
        let encoded = reveal.encoded(data, |text| STANDARD.encode(text));
        let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
        metadata["user_data"] = encoded.into();
    }
    let name = match server.body["call"].as_str() {
        Some("changeos") => "os-change",
        _ => "os-reinstall",
    };
    json!({name: fields})
}
