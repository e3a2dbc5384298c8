//! Credentials in the files of other tools: `clouds.yaml` of the OpenStack tools, the SDKs' own file.

use super::credentials::{Beside, Family, Read, bad, domain, key, password, token};
use crate::providers::{Found, SetupError, Sources};
use crate::secret::Secret;
use configparser::ini::Ini;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The SDKs' file, below the home directory.
pub(super) const SDK_FILE: &str = ".huaweicloud/credentials";
/// The user's `clouds.yaml`, below the home directory; one in the working directory is never read.
pub(super) const CLOUDS: &str = ".config/openstack/clouds.yaml";
/// The machine's `clouds.yaml`.
pub(super) const SYSTEM_CLOUDS: &str = "/etc/openstack/clouds.yaml";

#[derive(Deserialize)]
struct Clouds {
    clouds: BTreeMap<String, Cloud>,
}

#[derive(Deserialize)]
struct Cloud {
    #[serde(default)]
    auth: Auth,
    region_name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Auth {
    auth_url: Option<String>,
    username: Option<String>,
    user_id: Option<String>,
    password: Option<String>,
    user_domain_name: Option<String>,
    user_domain_id: Option<String>,
    domain_name: Option<String>,
    domain_id: Option<String>,
    project_name: Option<String>,
    project_id: Option<String>,
    token: Option<String>,
    ak: Option<String>,
    sk: Option<String>,
    security_token: Option<String>,
}

/// Reads the cloud that `--profile` or `OS_CLOUD` chooses; `None` if none is chosen or known.
///
/// # Errors
/// `BadCredentials` for a file that cannot be read, an entry without credentials, an `OS_CLOUD` that is nowhere.
pub(super) fn clouds(sources: &dyn Sources) -> Result<Option<Read>, SetupError> {
    let variable = sources.variable("OS_CLOUD");
    let chosen = sources.profile().map(str::to_owned);
    let Some(name) = chosen.or_else(|| variable.as_ref().map(|found| found.value.expose().to_owned())) else {
        return Ok(None);
    };
    for file in [sources.home_file(CLOUDS)?, sources.file(SYSTEM_CLOUDS)?].into_iter().flatten() {
        // The parser's own message could quote a secret.
        let mut document: Clouds = serde_saphyr::from_str(file.value.expose())
            .map_err(|_| bad(&file.origin, "it cannot be read as a clouds.yaml file"))?;
        if let Some(cloud) = document.clouds.remove(&name) {
            return of_cloud(cloud, &format!("{} [{name}]", file.origin)).map(Some);
        }
    }
    match variable {
        // A profile may name an entry of another file; this variable names a cloud and nothing else.
        Some(found) if sources.profile().is_none() => Err(bad(&found.origin, format!("there is no cloud `{name}`"))),
        _ => Ok(None),
    }
}

fn of_cloud(cloud: Cloud, origin: &str) -> Result<Read, SetupError> {
    let found = |text: Option<String>| {
        text.filter(|text| !text.trim().is_empty())
            .map(|text| Found { value: Secret::from(text), origin: origin.to_owned() })
    };
    let auth = cloud.auth;
    let beside = Beside {
        identity: found(auth.auth_url),
        region: found(cloud.region_name),
        project: found(auth.project_id),
        project_name: found(auth.project_name),
    };
    let mut read = match (found(auth.ak), found(auth.sk)) {
        (Some(id), Some(secret)) => key(id, secret, found(auth.security_token), Family::File)?,
        (Some(_), None) => return Err(bad(origin, "`sk` is missing")),
        (None, Some(_)) => return Err(bad(origin, "`ak` is missing")),
        (None, None) => {
            let id = found(auth.user_id);
            let user = found(auth.username).or_else(|| found(id.as_ref().map(|id| id.value.expose().to_owned())));
            match (user, found(auth.password), found(auth.token)) {
                (Some(user), Some(secret), _) => {
                    let name = found(auth.user_domain_name).or_else(|| found(auth.domain_name));
                    let domain = domain(name, found(auth.user_domain_id).or_else(|| found(auth.domain_id)));
                    password(user, id, secret, domain, Family::File)?
                }
                (_, _, Some(value)) => token(value, Family::File)?,
                _ => return Err(bad(origin, "it has no `ak` with `sk`, no `username` with `password` and no `token`")),
            }
        }
    };
    read.beside = beside;
    Ok(read)
}

/// Reads the SDKs' file; the profile chooses a section of it if it has one of that name.
///
/// # Errors
/// `BadCredentials` for a file that cannot be read or is not there although a variable names it.
pub(super) fn sdk_file(sources: &dyn Sources) -> Result<Option<Read>, SetupError> {
    let named = sources.variable("HUAWEICLOUD_SDK_CREDENTIALS_FILE");
    let file = match &named {
        Some(path) => sources.file(path.value.expose())?,
        None => sources.home_file(SDK_FILE)?,
    };
    let Some(file) = file else {
        return match named {
            Some(path) => Err(bad(&path.origin, "there is no such file")),
            None => Ok(None),
        };
    };
    // A secret may hold any of the characters that other files begin a comment or divide a line with.
    let mut defaults = Ini::new_cs().defaults();
    defaults.enable_inline_comments = false;
    defaults.delimiters = vec!['='];
    let mut ini = Ini::new_from_defaults(defaults);
    ini.read(file.value.expose().to_owned())
        .map_err(|_| bad(&file.origin, "it cannot be read as the SDKs' credentials file"))?;
    let section = sources.profile().filter(|name| ini.get(name, "ak").is_some()).unwrap_or("basic");
    let origin = format!("{} [{section}]", file.origin);
    let found = |key: &str| {
        ini.get(section, key)
            .filter(|text| !text.trim().is_empty())
            .map(|text| Found { value: Secret::from(text), origin: origin.clone() })
    };
    let (Some(id), Some(secret)) = (found("ak"), found("sk")) else {
        return Err(bad(&origin, "`ak` or `sk` is missing"));
    };
    let mut read = key(id, secret, found("security_token"), Family::File)?;
    read.beside.identity = found("iam_endpoint");
    read.beside.project = found("project_id");
    Ok(Some(read))
}
