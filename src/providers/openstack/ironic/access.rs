//! Where Ironic is and who is calling: nobody (a standalone service without sign-in), HTTP basic, or a token.

use super::NAME;
use crate::model::{ApiError, FaultClass};
use crate::providers::{Found, SetupError, Sources};
use crate::secret::Secret;
use crate::sign::keystone::SignIn;
use crate::wire::{Api, Login, ReadFault, Stamp, WireRequest, WireResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use std::sync::OnceLock;
use url::{Host, Url};

/// The service's type in a catalogue; the second one is from before the service types were agreed on.
const TYPES: [&str; 2] = ["baremetal", "bare-metal"];

const NEXT_STEP: &str = "set OS_AUTH_TYPE to none or http_basic with OS_ENDPOINT, or give the credentials of a cloud";

/// A token with what chooses an address out of its catalogue.
pub(super) struct Cloud {
    /// Obtains and keeps the token, with its catalogue.
    pub(super) sign_in: SignIn,
    /// The identity service, up to `/v3`.
    pub(super) identity: Url,
    /// `public`, `internal` or `admin`.
    pub(super) interface: String,
    /// Region; left out, the catalogue must name one address alone.
    pub(super) region: Option<String>,
    /// Who signs in, for people.
    pub(super) user: Option<String>,
}

enum Caller {
    Nobody,
    Basic { user: String, header: Secret },
    Token(Box<Cloud>),
}

/// Address and caller.
pub(super) struct Access {
    caller: Caller,
    base: OnceLock<Url>,
    origins: Vec<(&'static str, String)>,
}

impl Access {
    /// Reads address and credentials of a standalone service; `None` where they are a cloud's, with a catalogue.
    ///
    /// # Errors
    /// `MissingSetting`, `BadSetting`, `BadCredentials`: never with a value of a secret in them.
    pub(super) fn standalone(sources: &dyn Sources) -> Result<Option<Self>, SetupError> {
        let kind = sources.variable("OS_AUTH_TYPE");
        let word = kind.as_ref().map(|found| found.value.expose().trim().to_ascii_lowercase());
        let caller = match word.as_deref() {
            Some("none" | "noauth") => Caller::Nobody,
            Some("http_basic" | "v1httpbasic") => basic(sources)?,
            _ => return Ok(None),
        };
        let mut origins = Vec::new();
        if let Some(found) = kind {
            origins.push(("way to sign in", found.origin));
        }
        let base = match (sources.endpoint(), sources.variable("OS_ENDPOINT")) {
            (Some(url), _) => url.clone(),
            (None, Some(found)) => {
                let url = address(&found)?;
                origins.push(("endpoint", found.origin));
                url
            }
            (None, None) => {
                return Err(SetupError::MissingSetting {
                    vendor: NAME,
                    key: "endpoint",
                    next_step: "give `--endpoint`, or set OS_ENDPOINT, such as https://ironic.example.com:6385".to_owned(),
                });
            }
        };
        Ok(Some(Self { caller, base: OnceLock::from(without_version(base)), origins }))
    }

    /// A service that a catalogue names; with `--endpoint` the address is known before.
    pub(super) fn of_cloud(cloud: Cloud, endpoint: Option<Url>, origins: Vec<(&'static str, String)>) -> Self {
        let base = OnceLock::new();
        if let Some(url) = endpoint {
            base.get_or_init(|| without_version(url));
        }
        Self { caller: Caller::Token(Box::new(cloud)), base, origins }
    }

    /// Finds the address in the catalogue, signing in first.
    pub(super) async fn settle(&self, api: &dyn Api) -> Result<(), ReadFault> {
        let Caller::Token(cloud) = &self.caller else { return Ok(()) };
        if self.base.get().is_some() {
            return Ok(());
        }
        // Any read signs in; this one tells whom a token that was obtained elsewhere belongs to.
        let answer = api.read(cloud.sign_in.validation()).await?;
        cloud.sign_in.validated(&answer)?;
        let url = cloud.find()?;
        self.base.get_or_init(|| url);
        Ok(())
    }

    /// The service's address, without its version; before it is known, the identity service's.
    pub(super) fn base(&self) -> &Url {
        match (self.base.get(), &self.caller) {
            (Some(url), _) => url,
            (None, Caller::Token(cloud)) => &cloud.identity,
            // Set where such a caller is made.
            (None, _) => unreachable!("a standalone service has an address"),
        }
    }

    /// The region.
    pub(super) fn region(&self) -> Option<&str> {
        match &self.caller {
            Caller::Token(cloud) => cloud.region.as_deref(),
            _ => None,
        }
    }

    /// Who is calling, for people.
    pub(super) fn account(&self) -> String {
        match &self.caller {
            Caller::Nobody => "nobody (the service asks for no sign-in)".to_owned(),
            Caller::Basic { user, .. } => user.clone(),
            Caller::Token(cloud) => cloud
                .sign_in
                .user()
                .map(|found| found.name.unwrap_or(found.id))
                .or_else(|| cloud.user.clone())
                .unwrap_or_else(|| "token".to_owned()),
        }
    }

    /// Where each value was found.
    pub(super) fn origins(&self) -> &[(&'static str, String)] {
        &self.origins
    }

    /// What a 401 means: a token may have run out, a password has not.
    pub(super) fn refused(&self) -> FaultClass {
        match self.caller {
            Caller::Token(_) => FaultClass::SignedOut,
            _ => FaultClass::Denied,
        }
    }
}

fn basic(sources: &dyn Sources) -> Result<Caller, SetupError> {
    let (Some(user), Some(password)) = (sources.variable("OS_USERNAME"), sources.variable("OS_PASSWORD")) else {
        return Err(SetupError::NoCredentials {
            vendor: NAME,
            looked: "OS_USERNAME and OS_PASSWORD".to_owned(),
            next_step: NEXT_STEP.to_owned(),
        });
    };
    let name = user.value.expose().to_owned();
    // A colon ends the user's name in this scheme.
    if name.contains(':') || name.chars().any(char::is_control) {
        return Err(SetupError::BadCredentials {
            origin: user.origin,
            problem: "a user's name for HTTP basic has no `:` and no control characters".to_owned(),
            next_step: NEXT_STEP.to_owned(),
        });
    }
    let pair = Secret::from(format!("{name}:{}", password.value.expose()));
    let header = Secret::from(format!("Basic {}", STANDARD.encode(pair.expose())));
    Ok(Caller::Basic { user: name, header })
}

/// Reads an address: `https`, or `http` to this machine by its literal address.
fn address(found: &Found) -> Result<Url, SetupError> {
    let bad = |problem: &str| SetupError::BadSetting { origin: found.origin.clone(), problem: problem.to_owned() };
    let url = Url::parse(found.value.expose().trim()).map_err(|_| bad("it is not an address such as https://host"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must have no user, password, query or fragment"));
    }
    if safe(&url) { Ok(url) } else { Err(bad("it must begin with https:// (http only for 127.0.0.1 and ::1)")) }
}

fn safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    url.host().is_some() && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

/// Catalogues and people write the address with and without `/v1`.
fn without_version(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(path.strip_suffix("/v1").unwrap_or(&path));
    url
}

impl Cloud {
    fn find(&self) -> Result<Url, ReadFault> {
        let missing = |message: String| ReadFault {
            class: FaultClass::NotFound,
            error: ApiError::local("no_endpoint", message)
                .advise("check region and interface, or give the address with `--endpoint`"),
        };
        let catalogue = self.sign_in.catalogue();
        let services = catalogue.iter().filter(|service| TYPES.contains(&service.kind.as_str()));
        let all: Vec<_> = services.flat_map(|service| &service.endpoints).collect();
        let fits: Vec<_> = all
            .iter()
            .filter(|endpoint| endpoint.interface == self.interface)
            .filter(|endpoint| self.region.is_none() || endpoint.region == self.region)
            .collect();
        match fits.as_slice() {
            [one] => match Url::parse(&one.url) {
                Ok(url) if safe(&url) => Ok(without_version(url)),
                _ => Err(missing("the catalogue's address of the bare metal service is not https".to_owned())),
            },
            [] if all.is_empty() => Err(missing("the cloud has no bare metal service for this project".to_owned())),
            [] => {
                let mut known: Vec<String> = all
                    .iter()
                    .map(|endpoint| format!("{} {}", endpoint.region.as_deref().unwrap_or("-"), endpoint.interface))
                    .collect();
                known.sort();
                known.dedup();
                Err(missing(format!(
                    "the bare metal service has no {} address in region {}; it has: {}",
                    self.interface,
                    self.region.as_deref().unwrap_or("-"),
                    known.join(", ")
                )))
            }
            _ => Err(missing("the cloud has several bare metal services: name a region".to_owned())),
        }
    }
}

impl Login for Access {
    fn authorize(&self, request: &mut WireRequest, _stamp: &Stamp) {
        match &self.caller {
            Caller::Nobody => {}
            Caller::Basic { header, .. } => request.set_sensitive("authorization", header.expose()),
            Caller::Token(cloud) => cloud.sign_in.authorize(request),
        }
    }

    fn renewal(&self, now: DateTime<Utc>) -> Option<WireRequest> {
        match &self.caller {
            Caller::Token(cloud) => cloud.sign_in.renewal(now),
            _ => None,
        }
    }

    fn renewed(&self, answer: &WireResponse, now: DateTime<Utc>) -> Result<(), ReadFault> {
        let Caller::Token(cloud) = &self.caller else { return Ok(()) };
        if let Some(fault) = super::calls::sign_in_fault(answer) {
            return Err(fault);
        }
        cloud.sign_in.renewed(answer, now)
    }

    fn expire(&self) -> bool {
        match &self.caller {
            Caller::Token(cloud) => cloud.sign_in.expire(),
            _ => false,
        }
    }
}
