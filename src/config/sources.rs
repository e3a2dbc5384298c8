//! Settings and credentials as one vendor's products ask for them.

use super::env::Environment;
use super::origin::{Origin, Sourced};
use super::schema::{VendorTable, Written};
use super::secret_file::{self, FileFault};
use super::settings::Settings;
use super::{endpoint, values};
use crate::providers::{Found, SetupError, Sources, Vendor};
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use url::Url;

/// What the sandbox brings: it wins over everything, and beside it no real credentials are read.
#[derive(Clone)]
pub struct Overlay {
    /// Variables with the emulators' credentials. They open nothing but the sandbox.
    pub variables: BTreeMap<String, String>,
    /// The sandbox's address.
    pub endpoint: Url,
}

/// The sources of one vendor under settled options.
pub struct VendorSources<'a> {
    settings: &'a Settings,
    environment: &'a Environment,
    vendor: &'static str,
    table: Option<&'a VendorTable>,
    overlay: Option<&'a Overlay>,
    endpoint: Option<Url>,
}

impl<'a> VendorSources<'a> {
    /// Joins settings and environment for a vendor.
    ///
    /// # Errors
    ///
    /// A bad value in the vendor's table; a variable that the profile names and that is not set; `--sandbox`
    /// without an overlay, so that a slip cannot take real credentials into a rehearsal or the reverse.
    pub fn new(
        settings: &'a Settings,
        environment: &'a Environment,
        vendor: &'static Vendor,
        overlay: Option<&'a Overlay>,
    ) -> Result<Self, SetupError> {
        if settings.sandbox.value != overlay.is_some() {
            return Err(SetupError::BadSetting {
                origin: settings.sandbox.origin.to_string(),
                problem: "the sandbox and real credentials must never meet".to_owned(),
            });
        }
        let table = settings.vendors.get(vendor.name).filter(|_| overlay.is_none());
        let mut sources = Self { settings, environment, vendor: vendor.name, table, overlay, endpoint: None };
        sources.check_variables()?;
        for key in ["region", "project", "credentials_profile"] {
            if let Some(written) = sources.written(key) {
                values::line(&written.text).map_err(|fault| sources.bad(key, written, fault.to_string()))?;
            }
        }
        sources.endpoint = sources.choose_endpoint()?;
        Ok(sources)
    }

    /// A profile that names a variable means that account and no other: nothing takes its place.
    fn check_variables(&self) -> Result<(), SetupError> {
        let Some(table) = self.table else { return Ok(()) };
        for (theirs, written) in &table.variables {
            if self.environment.get(&written.text).is_none() {
                return Err(SetupError::BadCredentials {
                    origin: self.origin("variables", written).to_string(),
                    problem: format!("{theirs} is read from variable {}, which is not set", written.text),
                    next_step: format!("set {}, or choose another profile", written.text),
                });
            }
        }
        Ok(())
    }

    fn choose_endpoint(&self) -> Result<Option<Url>, SetupError> {
        if let Some(overlay) = self.overlay {
            return Ok(Some(overlay.endpoint.clone()));
        }
        let general = &self.settings.endpoint;
        if let Some(written) = self.written("endpoint").filter(|_| !general.origin.is_immediate()) {
            let url = endpoint::endpoint(written.text.trim())
                .map_err(|fault| self.bad("endpoint", written, fault.to_string()))?;
            return Ok(Some(url));
        }
        Ok(general.value.clone())
    }

    /// The same sources as if nobody had named an endpoint: they lead to the provider's own.
    #[must_use]
    pub fn without_endpoint(mut self) -> Self {
        self.endpoint = None;
        self
    }

    /// Where the endpoint stands, for `check`.
    pub fn endpoint_origin(&self) -> Origin {
        if self.overlay.is_some() {
            return Origin::Sandbox;
        }
        let general = &self.settings.endpoint.origin;
        match self.written("endpoint").filter(|_| !general.is_immediate()) {
            Some(written) => self.origin("", written),
            None => general.clone(),
        }
    }

    fn written(&self, key: &str) -> Option<&'a Written> {
        let table = self.table?;
        match key {
            "credentials_profile" => table.credentials_profile.as_ref(),
            _ => table.values.get(key),
        }
    }

    fn origin(&self, below: &str, written: &Written) -> Origin {
        let profile = self.settings.profile.value.as_deref().unwrap_or_default();
        let mut table = format!("profiles.{profile}.{}", self.vendor);
        if !below.is_empty() {
            table = format!("{table}.{below}");
        }
        Origin::File { path: self.settings.shown.clone(), table, line: written.line }
    }

    fn bad(&self, key: &str, written: &Written, problem: String) -> SetupError {
        SetupError::BadSetting { origin: self.origin("", written).to_string(), problem: format!("`{key}`: {problem}") }
    }

    /// A general setting, unless only the file speaks of it in general and in the vendor's table.
    fn general(&self, key: &str, general: &Sourced<Option<String>>) -> Option<Found> {
        if let Some(written) = self.written(key).filter(|_| !general.origin.is_immediate()) {
            return Some(found(written.text.trim(), self.origin("", written).to_string()));
        }
        general.value.as_deref().map(|value| found(value, general.origin.to_string()))
    }

    /// The path as it is meant; `None` in the sandbox, where no file is read.
    fn whole(&self, path: &str) -> Result<Option<PathBuf>, SetupError> {
        if self.overlay.is_some() {
            return Ok(None);
        }
        // A relative path would let the folder that somebody stands in choose the credentials.
        match self.environment.expand(path).filter(|path| path.is_absolute()) {
            Some(path) => Ok(Some(path)),
            None => Err(SetupError::BadCredentials {
                origin: path.to_owned(),
                problem: "the path of a credential file must be absolute".to_owned(),
                next_step: "write the whole path, or `~/` and the rest".to_owned(),
            }),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<Found>, SetupError> {
        let origin = self.environment.shorten(path);
        match secret_file::read_secret(path) {
            Ok(value) => Ok(Some(Found { value, origin })),
            Err(error) if matches!(error.fault, FileFault::Missing) => Ok(None),
            // The vendor's own tools make such files; without a word in them they are as good as not there.
            Err(error) if matches!(error.fault, FileFault::Empty) => Ok(None),
            Err(error) => Err(SetupError::BadCredentials {
                next_step: error.next_step(),
                problem: error.fault.to_string(),
                origin,
            }),
        }
    }
}

fn found(value: &str, origin: String) -> Found {
    Found { value: Secret::from(value.to_owned()), origin }
}

impl Sources for VendorSources<'_> {
    fn variable(&self, name: &str) -> Option<Found> {
        if let Some(overlay) = self.overlay {
            let value = overlay.variables.get(name).filter(|value| !value.is_empty())?;
            return Some(found(value, Origin::Sandbox.to_string()));
        }
        match self.table.map(|table| &table.variables).filter(|named| !named.is_empty()) {
            // The others are of another account, such as a session token left in the shell.
            Some(named) => {
                let actual = &named.get(name)?.text;
                let value = self.environment.get(actual)?;
                Some(found(value, format!("variable {actual} (for {name})")))
            }
            None => Some(found(self.environment.get(name)?, format!("variable {name}"))),
        }
    }

    fn home_file(&self, relative: &str) -> Result<Option<Found>, SetupError> {
        if self.overlay.is_some() || self.table.is_some_and(|table| !table.variables.is_empty()) {
            return Ok(None);
        }
        match self.environment.home() {
            Some(home) => self.read(&home.join(relative)),
            None => Ok(None),
        }
    }

    fn file(&self, path: &str) -> Result<Option<Found>, SetupError> {
        match self.whole(path)? {
            Some(path) => self.read(&path),
            None => Ok(None),
        }
    }

    fn open_file(&self, path: &str) -> Result<Option<Found>, SetupError> {
        let Some(path) = self.whole(path)? else { return Ok(None) };
        let origin = self.environment.shorten(&path);
        match secret_file::read_data(&path, secret_file::DATA_LIMIT) {
            Ok(value) => Ok(Some(Found { value, origin })),
            Err(error) if matches!(error.fault, FileFault::Missing) => Ok(None),
            Err(error) => Err(SetupError::BadSetting { origin, problem: error.fault.to_string() }),
        }
    }

    fn setting(&self, key: &str) -> Option<Found> {
        match key.replace('-', "_").as_str() {
            "region" => self.general("region", &self.settings.region),
            "project" => self.general("project", &self.settings.project),
            "endpoint" => {
                let url = self.endpoint.as_ref()?;
                Some(found(url.as_str(), self.endpoint_origin().to_string()))
            }
            "credentials_profile" => {
                let written = self.written("credentials_profile")?;
                Some(found(written.text.trim(), self.origin("", written).to_string()))
            }
            _ => None,
        }
    }

    fn profile(&self) -> Option<&str> {
        if self.overlay.is_some() {
            return None;
        }
        if let Some(written) = self.written("credentials_profile") {
            return Some(written.text.trim());
        }
        // A profile of our own file need not exist in the vendor's: there `credentials_profile` names one.
        self.settings.profile.value.as_deref().filter(|_| !self.settings.profile_is_ours)
    }

    fn endpoint(&self) -> Option<&Url> {
        self.endpoint.as_ref()
    }
}

#[cfg(test)]
mod tests;
