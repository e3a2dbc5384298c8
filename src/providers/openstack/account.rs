//! What all products share: login, region and interface, and the catalogue that leads to each service.

use super::NAME;
use super::credentials::{self, Interface, Settings, below};
use super::login::OpenStackLogin;
use super::microversion::{self, Range};
use crate::model::{ApiError, FaultClass};
use crate::providers::{Found, SetupError, Sources, address};
use crate::secret::Secret;
use crate::sign::keystone::{Endpoint, Service};
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// A service that a product speaks to: how the catalogue calls it, and where it stands under `--endpoint`.
pub(super) struct ServiceKind {
    /// Types in the catalogue, the present one first.
    pub(super) types: &'static [&'static str],
    /// The path below `--endpoint`, where one host carries every service.
    pub(super) path: &'static [&'static str],
}

/// Servers.
pub(super) const COMPUTE: ServiceKind = ServiceKind { types: &["compute"], path: &["compute", "v2.1"] };
/// Images.
pub(super) const IMAGE: ServiceKind = ServiceKind { types: &["image"], path: &["image"] };

/// An account at one cloud.
pub(super) struct Account {
    pub(super) login: OpenStackLogin,
    /// What names the cloud in claims and journals: the identity service up to `/v3`, or the only service there is.
    /// It is known before the first request and does not change.
    pub(super) home: Url,
    pub(super) region: Option<String>,
    pub(super) origins: Vec<(&'static str, String)>,
    /// The cloud's own certificate authorities, as PEM.
    pub(super) authorities: Option<Found>,
    interface: Interface,
    /// `--endpoint`: it replaces whatever the catalogue says.
    replaced: Option<Url>,
    /// The only service there is, where nobody signs in.
    alone: Option<Url>,
    /// The catalogue as the first sign-in had it: what comes later must not move a run to other addresses.
    catalogue: Mutex<Vec<Service>>,
}

impl Account {
    /// Reads credentials and settings; no network.
    ///
    /// # Errors
    /// As [`credentials::settle`].
    pub(super) fn read(sources: &dyn Sources) -> Result<Self, SetupError> {
        let mut settings: Settings = credentials::settle(sources)?;
        let home =
            settings.identity.clone().or_else(|| settings.endpoint.clone()).ok_or(SetupError::MissingSetting {
                vendor: NAME,
                key: "identity service",
                next_step: "set OS_AUTH_URL".to_owned(),
            })?;
        let (region, interface) = (settings.region.take(), settings.interface);
        let origins = std::mem::take(&mut settings.origins);
        let authorities = settings.cacert.take().map(|path| authorities(sources, &path)).transpose()?;
        let alone = settings.endpoint.clone();
        Ok(Self {
            login: OpenStackLogin::of(settings),
            home,
            region,
            origins,
            authorities,
            interface,
            replaced: sources.endpoint().cloned(),
            alone,
            catalogue: Mutex::default(),
        })
    }

    /// Signs in and takes the catalogue: called once, before anything else. Without a sign-in nothing is read.
    ///
    /// # Errors
    /// Whatever the sign-in met.
    pub(super) async fn connect(&self, api: &dyn Api) -> Result<(), ReadFault> {
        let Some(sign_in) = self.login.sign_in() else { return Ok(()) };
        // A sign-in tells everything itself; whoever may not ask about tokens still has that.
        let asked = match api.read(sign_in.validation()).await {
            Ok(answer) => sign_in.validated(&answer),
            Err(fault) => Err(fault),
        };
        if sign_in.is_blank() {
            asked.map_err(|mut fault| {
                let refused = matches!(fault.class, FaultClass::Denied | FaultClass::SignedOut | FaultClass::NotFound);
                if refused && !sign_in.renews() {
                    fault.class = FaultClass::Denied;
                    fault.error =
                        fault.error.advise("the token has ended or is none: obtain another, or give a password");
                }
                fault
            })?;
        }
        *self.catalogue.lock().unwrap_or_else(PoisonError::into_inner) = sign_in.catalogue();
        Ok(())
    }

    /// The address of a service in the account's region and interface, with whatever path the catalogue has.
    ///
    /// # Errors
    /// `Invalid` with the regions that are there, if this one has no such service or none is chosen of several.
    pub(super) fn service(&self, kind: &ServiceKind) -> Result<Url, ReadFault> {
        if let Some(alone) = &self.alone {
            return Ok(alone.clone());
        }
        if let Some(base) = &self.replaced {
            return Ok(below(base, kind.path, &[]));
        }
        let catalogue = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
        choose(&catalogue, kind, self.interface, self.region.as_deref())
    }

    /// Reads which microversions a service speaks; `None` for one without them. `root` is the address of one version.
    ///
    /// # Errors
    /// Whatever the read met.
    pub(super) async fn versions(
        &self,
        api: &dyn Api,
        root: &Url,
        major: u32,
        label: &'static str,
    ) -> Result<Option<Range>, ReadFault> {
        let mut url = root.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", root.path()));
        }
        microversion::range(&api.read(WireRequest::new(Method::GET, url, label)).await?, major)
    }

    /// The project that the token is good for.
    pub(super) fn project(&self) -> Option<String> {
        Some(self.login.sign_in()?.project()?.id)
    }
}

/// Reads the file with the cloud's own certificate authorities.
fn authorities(sources: &dyn Sources, path: &Found) -> Result<Found, SetupError> {
    let name = path.value.expose().trim();
    let origin = format!("{}: {name}", path.origin);
    let bad = |problem: &str| SetupError::BadSetting { origin: origin.clone(), problem: problem.to_owned() };
    let found = sources.open_file(name)?.ok_or_else(|| bad("there is no such file"))?;
    if !found.value.expose().contains("-----BEGIN CERTIFICATE-----") {
        return Err(bad("it has no certificate in PEM form"));
    }
    Ok(Found { value: found.value, origin })
}

fn invalid(kind: &str, message: String, next_step: &str) -> ReadFault {
    ReadFault { class: FaultClass::Invalid, error: ApiError::local(kind, message).advise(next_step) }
}

fn region(endpoint: &Endpoint) -> &str {
    endpoint.region_id.as_deref().or(endpoint.region.as_deref()).unwrap_or_default()
}

/// Chooses a service's address out of the catalogue.
fn choose(
    catalogue: &[Service],
    kind: &ServiceKind,
    interface: Interface,
    wanted: Option<&str>,
) -> Result<Url, ReadFault> {
    let word = interface.word();
    let what = kind.types.first().copied().unwrap_or_default();
    let of_kind = |service: &&Service| kind.types.contains(&service.kind.as_str());
    let there: Vec<&Endpoint> = catalogue
        .iter()
        .filter(of_kind)
        .flat_map(|service| &service.endpoints)
        .filter(|endpoint| endpoint.interface.trim_end_matches("URL") == word)
        .collect();
    let regions: BTreeSet<&str> = there.iter().map(|endpoint| region(endpoint)).collect();
    let listed = || regions.iter().copied().collect::<Vec<_>>().join(", ");
    if there.is_empty() {
        return Err(invalid(
            "no_endpoint",
            format!("the cloud's catalogue has no {word} address of the {what} service"),
            "check the interface (OS_INTERFACE) and what the project may use",
        ));
    }
    let chosen = match wanted {
        Some(wanted) => there.iter().find(|endpoint| region(endpoint) == wanted).ok_or_else(|| {
            invalid(
                "no_endpoint",
                format!("region `{wanted}` has no {word} address of the {what} service; there is one in: {}", listed()),
                "give one of these to `--region`",
            )
        })?,
        None if regions.len() > 1 => {
            return Err(invalid(
                "which_region",
                format!("the cloud has several regions: {}", listed()),
                "choose one with `--region` or OS_REGION_NAME",
            ));
        }
        None => there.first().ok_or_else(|| invalid("no_endpoint", String::new(), ""))?,
    };
    let found = Found { value: Secret::from(chosen.url.clone()), origin: "the cloud's catalogue".to_owned() };
    address(&found)
        .map_err(|error| invalid("bad_endpoint", error.to_string(), "ask the cloud's operator, or give `--endpoint`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Vec<Service> {
        let text = r#"[{"type":"compute","name":"nova","endpoints":[
            {"interface":"public","region":"r1","region_id":"r1","url":"https://one.example.com/v2.1"},
            {"interface":"internal","region":"r1","region_id":"r1","url":"https://in.example.com/v2.1"},
            {"interface":"public","region":"r2","url":"https://two.example.com/v2.1/p1"}]},
            {"type":"image","endpoints":[{"interface":"public","region":"r1","url":"http://plain.example.com"}]}]"#;
        serde_json::from_str(text).expect("a catalogue")
    }

    fn chosen(kind: &ServiceKind, interface: Interface, region: Option<&str>) -> Result<String, String> {
        choose(&catalogue(), kind, interface, region).map(String::from).map_err(|fault| fault.to_string())
    }

    #[test]
    fn an_address_is_chosen_by_interface_and_region() {
        assert_eq!(chosen(&COMPUTE, Interface::Public, Some("r1")).as_deref(), Ok("https://one.example.com/v2.1"));
        assert_eq!(chosen(&COMPUTE, Interface::Public, Some("r2")).as_deref(), Ok("https://two.example.com/v2.1/p1"));
        assert_eq!(chosen(&COMPUTE, Interface::Internal, None).as_deref(), Ok("https://in.example.com/v2.1"));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        for (kind, interface, region, says) in [
            (&COMPUTE, Interface::Public, Some("r9"), "r1, r2"),
            (&COMPUTE, Interface::Public, None, "several regions: r1, r2"),
            (&COMPUTE, Interface::Admin, Some("r1"), "no admin address"),
            (&IMAGE, Interface::Public, Some("r1"), "https://"),
        ] {
            let error = chosen(kind, interface, region).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }
}
