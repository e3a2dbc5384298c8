//! Where credentials and settings are read: a cloud of `clouds.yaml` if one is chosen, else the `OS_*` variables.
//!
//! The two are never mixed: only region and interface may be given beside a cloud. Sources: documentation of
//! openstacksdk ("Configuring OpenStack SDK Applications") and of keystoneauth's plug-ins.

use super::NAME;
use super::clouds;
use crate::providers::{Found, SetupError, Sources, address};
use crate::secret::Secret;
use crate::sign::keystone::{Credentials, Domain, Scope, User};
use url::Url;

const NEXT_STEP: &str = "name a cloud with `--profile` or OS_CLOUD, or set OS_AUTH_URL and its companions";

/// What proves who is calling.
pub(super) enum Proof {
    /// A token is obtained with these.
    Credentials(Box<Credentials>),
    /// A token that was obtained elsewhere.
    Ready(Secret),
    /// A name and a password on every request; no token. Standalone services know this.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// Nothing at all: a standalone service without sign-in.
    Nobody,
}

/// Which of a service's addresses is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// From within the cloud.
    Internal,
    /// For operators.
    Admin,
}

impl Interface {
    /// The catalogue's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// Everything that is read before the first request.
pub(super) struct Settings {
    pub(super) proof: Proof,
    /// The user's name as credentials have it.
    pub(super) user: Option<String>,
    /// The identity service up to `/v3`; `None` where nobody signs in.
    pub(super) identity: Option<Url>,
    /// The one service there is, where nobody signs in.
    pub(super) endpoint: Option<Url>,
    pub(super) region: Option<String>,
    pub(super) interface: Interface,
    /// Path of a file with the certificate authorities that the cloud's certificates come from.
    pub(super) cacert: Option<Found>,
    pub(super) origins: Vec<(&'static str, String)>,
}

/// Gives a value by its name.
type Lookup<'a> = Box<dyn Fn(&str) -> Option<Found> + 'a>;

/// Values by their names in `clouds.yaml`, whichever of the two places they come from.
pub(super) struct Values<'a> {
    get: Lookup<'a>,
    /// Where they stand, for a message about what is missing.
    pub(super) place: String,
}

impl<'a> Values<'a> {
    /// Values with the place that they come from.
    pub(super) fn new(place: String, get: impl Fn(&str) -> Option<Found> + 'a) -> Self {
        Self { get: Box::new(get), place }
    }

    fn found(&self, name: &str) -> Option<Found> {
        (self.get)(name).filter(|found| !found.value.expose().trim().is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(self.found(name)?.value.expose().trim().to_owned())
    }

    fn missing(&self, what: &str) -> SetupError {
        bad(&self.place, format!("{what} is missing"))
    }
}

/// A fault of credentials; the problem never quotes a value.
pub(super) fn bad(origin: &str, problem: impl Into<String>) -> SetupError {
    SetupError::BadCredentials { origin: origin.to_owned(), problem: problem.into(), next_step: NEXT_STEP.to_owned() }
}

/// Variables by the names of `clouds.yaml`: the first that is set counts.
fn names(key: &str) -> &'static [&'static str] {
    match key {
        "auth_type" => &["OS_AUTH_TYPE"],
        "auth_url" => &["OS_AUTH_URL"],
        "username" => &["OS_USERNAME"],
        "user_id" => &["OS_USER_ID"],
        "password" => &["OS_PASSWORD"],
        "token" => &["OS_TOKEN"],
        "user_domain_name" => &["OS_USER_DOMAIN_NAME"],
        "user_domain_id" => &["OS_USER_DOMAIN_ID"],
        "project_name" => &["OS_PROJECT_NAME", "OS_TENANT_NAME"],
        "project_id" => &["OS_PROJECT_ID", "OS_TENANT_ID"],
        "project_domain_name" => &["OS_PROJECT_DOMAIN_NAME"],
        "project_domain_id" => &["OS_PROJECT_DOMAIN_ID"],
        "domain_name" => &["OS_DOMAIN_NAME"],
        "domain_id" => &["OS_DOMAIN_ID"],
        "default_domain" => &["OS_DEFAULT_DOMAIN"],
        "default_domain_id" => &["OS_DEFAULT_DOMAIN_ID"],
        "default_domain_name" => &["OS_DEFAULT_DOMAIN_NAME"],
        "system_scope" => &["OS_SYSTEM_SCOPE"],
        "application_credential_id" => &["OS_APPLICATION_CREDENTIAL_ID"],
        "application_credential_name" => &["OS_APPLICATION_CREDENTIAL_NAME"],
        "application_credential_secret" => &["OS_APPLICATION_CREDENTIAL_SECRET"],
        "endpoint" => &["OS_ENDPOINT"],
        "region_name" => &["OS_REGION_NAME"],
        "interface" => &["OS_INTERFACE", "OS_ENDPOINT_TYPE"],
        "cacert" => &["OS_CACERT"],
        _ => &[],
    }
}

/// Reads credentials and settings.
///
/// # Errors
/// `NoCredentials` with everything that was looked at, `BadCredentials` for a cloud that no file has (with those
/// that are there) and for what is missing, `BadSetting` for an address that is none.
pub(super) fn settle(sources: &dyn Sources) -> Result<Settings, SetupError> {
    match clouds::chosen(sources)? {
        Some(values) => of_values(sources, &values),
        None => {
            let variable = |key: &str| names(key).iter().find_map(|name| sources.variable(name));
            let starts = ["OS_AUTH_URL", "OS_TOKEN", "OS_ENDPOINT"];
            // Under `--endpoint` the identity service's address is known.
            let proofs =
                ["OS_USERNAME", "OS_USER_ID", "OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_NAME"];
            if !starts.iter().chain(&proofs).any(|name| sources.variable(name).is_some()) {
                return Err(nothing());
            }
            of_values(sources, &Values::new("the OS_ variables".to_owned(), variable))
        }
    }
}

fn nothing() -> SetupError {
    SetupError::NoCredentials {
        vendor: NAME,
        looked: format!(
            "a cloud in ~/{} and {} (chosen by --profile or OS_CLOUD), OS_AUTH_URL with OS_USERNAME/OS_PASSWORD, \
             OS_APPLICATION_CREDENTIAL_ID/OS_APPLICATION_CREDENTIAL_SECRET or OS_TOKEN",
            clouds::USER,
            clouds::SYSTEM
        ),
        next_step: NEXT_STEP.to_owned(),
    }
}

fn of_values(sources: &dyn Sources, values: &Values<'_>) -> Result<Settings, SetupError> {
    let mut origins = Vec::new();
    let proof = proof(values, &mut origins)?;
    let nobody = matches!(proof, Proof::Basic { .. } | Proof::Nobody);
    let read = |name: &str, what: &'static str, origins: &mut Vec<(&'static str, String)>| {
        let found = values.found(name)?;
        origins.push((what, found.origin.clone()));
        Some(found)
    };
    let (mut identity, mut endpoint) = (None, None);
    match (sources.endpoint(), nobody) {
        (Some(base), false) => identity = Some(below(base, &["identity", "v3"], &[])),
        (Some(base), true) => endpoint = Some(base.clone()),
        (None, false) => {
            let found = read("auth_url", "identity endpoint", &mut origins)
                .ok_or_else(|| values.missing("the identity service's address (auth_url, OS_AUTH_URL)"))?;
            identity = Some(up_to_v3(address(&found)?, &found)?);
        }
        (None, true) => {
            let found = read("endpoint", "endpoint", &mut origins)
                .ok_or_else(|| values.missing("the service's address (endpoint, OS_ENDPOINT)"))?;
            endpoint = Some(address(&found)?);
        }
    }
    let region = match sources.setting("region") {
        Some(found) => {
            origins.push(("region", found.origin.clone()));
            Some(found)
        }
        None => read("region_name", "region", &mut origins),
    };
    let interface = match read("interface", "interface", &mut origins) {
        None => Interface::default(),
        Some(found) => match found.value.expose().trim().trim_end_matches("URL") {
            "public" => Interface::Public,
            "internal" => Interface::Internal,
            "admin" => Interface::Admin,
            _ => {
                return Err(SetupError::BadSetting {
                    origin: found.origin,
                    problem: "the interface is public, internal or admin".to_owned(),
                });
            }
        },
    };
    let cacert = read("cacert", "certificate authorities", &mut origins);
    Ok(Settings {
        user: values.text("username").or_else(|| values.text("user_id")),
        proof,
        identity,
        endpoint,
        region: region.map(|found| found.value.expose().trim().to_owned()),
        interface,
        cacert,
        origins,
    })
}

/// The service's address with this path behind it.
pub(super) fn below(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// The identity service may be named with its version or without.
fn up_to_v3(url: Url, found: &Found) -> Result<Url, SetupError> {
    let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match last {
        "v3" => Ok(below(&url, &[], &[])),
        "v2.0" => Err(SetupError::BadSetting {
            origin: found.origin.clone(),
            problem: "version 2.0 of the identity service is not supported; leave the version out or write /v3"
                .to_owned(),
        }),
        _ => Ok(below(&url, &["v3"], &[])),
    }
}

/// What proves who is calling: as `auth_type` says, else as what is there says.
fn proof(values: &Values<'_>, origins: &mut Vec<(&'static str, String)>) -> Result<Proof, SetupError> {
    let kind = values.text("auth_type").unwrap_or_default();
    let mut note = |what: &'static str, found: &Found| origins.push((what, found.origin.clone()));
    let application = values.found("application_credential_id").or_else(|| values.found("application_credential_name"));
    match kind.as_str() {
        "none" | "noauth" => return Ok(Proof::Nobody),
        "http_basic" => {
            let user = values.found("username").ok_or_else(|| values.missing("the user (username, OS_USERNAME)"))?;
            let secret =
                values.found("password").ok_or_else(|| values.missing("the password (password, OS_PASSWORD)"))?;
            note("user", &user);
            note("password", &secret);
            return Ok(Proof::Basic { user: user.value.expose().trim().to_owned(), password: secret.value });
        }
        "" | "password" | "v3password" | "token" | "v3token" | "v3applicationcredential" => {}
        _ => {
            return Err(bad(
                &values.place,
                "auth_type must be password, token, v3applicationcredential, http_basic or none",
            ));
        }
    }
    if kind == "v3applicationcredential" || (kind.is_empty() && application.is_some()) {
        let found = application.ok_or_else(|| {
            values.missing("the application credential (application_credential_id, OS_APPLICATION_CREDENTIAL_ID)")
        })?;
        let secret = values.found("application_credential_secret").ok_or_else(|| {
            values.missing("its secret (application_credential_secret, OS_APPLICATION_CREDENTIAL_SECRET)")
        })?;
        note("application credential", &found);
        note("secret", &secret);
        let id = match values.text("application_credential_id") {
            Some(id) => Ok(id),
            None => Err((found.value.expose().trim().to_owned(), user(values)?)),
        };
        return Ok(Proof::Credentials(Box::new(Credentials::Application { id, secret: secret.value })));
    }
    let token = values.found("token");
    if matches!(kind.as_str(), "token" | "v3token") || (kind.is_empty() && token.is_some()) {
        let found = token.ok_or_else(|| values.missing("the token (token, OS_TOKEN)"))?;
        let text = found.value.expose().trim();
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(bad(&found.origin, "it has characters that cannot be in a token"));
        }
        note("token", &found);
        return Ok(Proof::Ready(Secret::from(text.to_owned())));
    }
    let user = user(values)?;
    let secret = values.found("password").ok_or_else(|| values.missing("the password (password, OS_PASSWORD)"))?;
    note("password", &secret);
    let credentials = Credentials::Password { user, password: secret.value, scope: scope(values)? };
    Ok(Proof::Credentials(Box::new(credentials)))
}

/// What OpenStack's own tools take where nobody tells a domain: the id of the one that every cloud begins with.
fn first_domain() -> Domain {
    Domain::Id("default".to_owned())
}

/// The domain of a user or project, as it is told.
fn domain(values: &Values<'_>, kind: &str) -> Option<Domain> {
    let name = |key: &str| values.text(key).map(Domain::Name);
    let id = |key: &str| values.text(key).map(Domain::Id);
    id(&format!("{kind}_domain_id"))
        .or_else(|| name(&format!("{kind}_domain_name")))
        .or_else(|| id("domain_id"))
        .or_else(|| name("domain_name"))
        .or_else(|| id("default_domain_id"))
        .or_else(|| id("default_domain"))
        .or_else(|| name("default_domain_name"))
}

fn user(values: &Values<'_>) -> Result<User, SetupError> {
    if let Some(id) = values.text("user_id") {
        return Ok(User::Id(id));
    }
    let name = values.text("username").ok_or_else(|| values.missing("the user (username, OS_USERNAME)"))?;
    Ok(User::Name(name, domain(values, "user").unwrap_or_else(first_domain)))
}

fn scope(values: &Values<'_>) -> Result<Scope, SetupError> {
    if values.text("system_scope").is_some() {
        return Ok(Scope::System);
    }
    if let Some(id) = values.text("project_id") {
        return Ok(Scope::ProjectId(id));
    }
    let name =
        values.text("project_name").ok_or_else(|| values.missing("the project (project_name, OS_PROJECT_NAME)"))?;
    let domain = domain(values, "project").or_else(|| domain(values, "user")).unwrap_or_else(first_domain);
    Ok(Scope::ProjectName(name, Some(domain)))
}

#[cfg(test)]
mod tests;
