//! `clouds.yaml` of the OpenStack tools, with `secure.yaml` beside it.
//!
//! Source: documentation of openstacksdk, "Configuring OpenStack SDK Applications".

use super::credentials::{Values, bad};
use crate::providers::{Found, SetupError, Sources};
use crate::secret::Secret;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The user's file, below the home directory; one in the working directory is never read.
pub(super) const USER: &str = ".config/openstack/clouds.yaml";
/// The machine's file.
pub(super) const SYSTEM: &str = "/etc/openstack/clouds.yaml";
/// Passwords apart from the rest, below the home directory.
const SECURE: &str = ".config/openstack/secure.yaml";

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    clouds: BTreeMap<String, BTreeMap<String, Value>>,
}

/// Reads the cloud that `--profile` or `OS_CLOUD` chooses; `None` if none is chosen.
///
/// # Errors
/// `BadCredentials` for a file that cannot be read and for a cloud that no file has: the message names those
/// that are there.
pub(super) fn chosen(sources: &dyn Sources) -> Result<Option<Values<'static>>, SetupError> {
    let variable = sources.variable("OS_CLOUD");
    let (name, origin) = match (sources.profile(), variable) {
        (Some(name), _) => (name.to_owned(), "option --profile".to_owned()),
        (None, Some(found)) => (found.value.expose().trim().to_owned(), found.origin),
        (None, None) => return Ok(None),
    };
    let files = match sources.variable("OS_CLIENT_CONFIG_FILE") {
        Some(path) => {
            vec![sources.file(path.value.expose())?.ok_or_else(|| bad(&path.origin, "there is no such file"))?]
        }
        None => [sources.home_file(USER)?, sources.file(SYSTEM)?].into_iter().flatten().collect(),
    };
    let mut there = Vec::new();
    for file in &files {
        let mut document = parse(file)?;
        if let Some(cloud) = document.clouds.remove(&name) {
            let hidden = match sources.home_file(SECURE)? {
                Some(file) => parse(&file)?.clouds.remove(&name).unwrap_or_default(),
                None => BTreeMap::new(),
            };
            return values(cloud, hidden, format!("{} [{name}]", file.origin)).map(Some);
        }
        there.extend(document.clouds.into_keys());
    }
    let problem = match there.as_slice() {
        [] => format!("there is no cloud `{name}`: neither ~/{USER} nor {SYSTEM} has one"),
        _ => format!("there is no cloud `{name}`; there are: {}", there.join(", ")),
    };
    Err(bad(&origin, problem))
}

/// The parser's own message could quote a secret.
fn parse(file: &Found) -> Result<Document, SetupError> {
    serde_saphyr::from_str(file.value.expose())
        .map_err(|_| bad(&file.origin, "it cannot be read as a clouds.yaml file"))
}

fn values(
    cloud: BTreeMap<String, Value>,
    hidden: BTreeMap<String, Value>,
    place: String,
) -> Result<Values<'static>, SetupError> {
    if cloud.get("verify") == Some(&Value::Bool(false)) || cloud.get("insecure") == Some(&Value::Bool(true)) {
        return Err(bad(
            &place,
            "it says that certificates are not to be checked, which is never done here; give `cacert`",
        ));
    }
    if cloud.contains_key("profile") && cloud.get("auth").and_then(|auth| auth.get("auth_url")).is_none() {
        return Err(bad(&place, "it takes its address from a `profile` of the tools; write `auth_url` under `auth`"));
    }
    let mut all: BTreeMap<String, Secret> = BTreeMap::new();
    for part in [cloud, hidden] {
        for (key, value) in part {
            match value {
                Value::Object(inner) if key == "auth" => {
                    all.extend(inner.into_iter().filter_map(|(key, value)| Some((key, plain(&value)?))));
                }
                value => all.extend(plain(&value).map(|text| (key, text))),
            }
        }
    }
    // An old name for it.
    if let Some(kind) = all.remove("endpoint_type") {
        all.entry("interface".to_owned()).or_insert(kind);
    }
    let origin = place.clone();
    Ok(Values::new(place, move |key| {
        let value = Secret::from(all.get(key)?.expose().to_owned());
        Some(Found { value, origin: origin.clone() })
    }))
}

/// A scalar as text: YAML makes a number of a password of digits.
fn plain(value: &Value) -> Option<Secret> {
    match value {
        Value::String(text) => Some(Secret::from(text.clone())),
        Value::Number(number) => Some(Secret::from(number.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::credentials::{Proof, settle};
    use crate::providers::bench::MapSources;

    const FILE: &str = "clouds:\n  one:\n    auth:\n      auth_url: https://one.example.com:5000\n      username: ann\n      \
        password: HUSH-1\n      project_name: web\n      user_domain_name: Default\n    region_name: r1\n    interface: internal\n  \
        two:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: https://two.example.com/identity/v3/\n      \
        application_credential_id: a1\n";

    fn sources(cloud: &str) -> MapSources {
        MapSources::default().with("file:.config/openstack/clouds.yaml", FILE).with("variable:OS_CLOUD", cloud)
    }

    #[test]
    fn a_cloud_brings_address_region_and_interface_and_no_variable_is_mixed_in() {
        let sources = sources("one").with("variable:OS_AUTH_URL", "https://elsewhere.example.com");
        let settings = settle(&sources).expect("a cloud");
        assert_eq!(settings.identity.map(String::from).as_deref(), Some("https://one.example.com:5000/v3"));
        assert_eq!(settings.region.as_deref(), Some("r1"));
        assert_eq!(settings.interface.word(), "internal");
        assert_eq!(settings.user.as_deref(), Some("ann"));
        assert!(settings.origins.iter().all(|(_, origin)| origin.ends_with("[one]")), "{:?}", settings.origins);
    }

    #[test]
    fn an_unknown_cloud_is_told_with_those_that_are_there() {
        let error = settle(&sources("three")).err().expect("no such cloud").to_string();
        assert!(error.contains("three") && error.contains("one, two") && !error.contains("HUSH"), "{error}");
    }

    #[test]
    fn a_secret_may_stand_in_the_file_beside() {
        let bare = settle(&sources("two")).err().expect("no secret").to_string();
        assert!(bare.contains("application_credential_secret") && bare.contains("[two]"), "{bare}");
        let secure = "clouds:\n  two:\n    auth:\n      application_credential_secret: HUSH-2\n";
        let settings = settle(&sources("two").with("file:.config/openstack/secure.yaml", secure)).expect("a cloud");
        assert!(matches!(settings.proof, Proof::Credentials(_)));
        assert_eq!(settings.identity.map(String::from).as_deref(), Some("https://two.example.com/identity/v3"));
    }

    #[test]
    fn a_broken_file_is_not_quoted_and_unchecked_certificates_are_refused() {
        for text in [
            "clouds: [HUSH",
            "clouds: {one: {verify: false, auth: {password: HUSH}}}",
            "clouds: {one: {profile: HUSH}}",
        ] {
            let sources =
                MapSources::default().with("file:.config/openstack/clouds.yaml", text).with("variable:OS_CLOUD", "one");
            let error = settle(&sources).err().expect(text).to_string();
            assert!(!error.contains("HUSH"), "{error}");
        }
    }
}
