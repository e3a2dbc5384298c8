//! Settings and credentials as a provider asks for them; where they come from is the caller's business.

use crate::secret::Secret;
use url::{Host, Url};

/// A value with its origin.
pub struct Found {
    /// The value; secret until the provider says otherwise.
    pub value: Secret,
    /// Where it stood, for people: `variable X`, `~/.jdc/config [default]`, `option --region`.
    pub origin: String,
}

/// Where settings and credentials come from: environment, files, configuration.
pub trait Sources {
    /// An environment variable, if it is set and not empty.
    fn variable(&self, name: &str) -> Option<Found>;
    /// A file of the provider's own tool below the home directory (`.jdc/config`), if it exists.
    /// Files that others may read are refused.
    fn home_file(&self, relative: &str) -> Result<Option<Found>, SetupError>;
    /// A file at a path that a setting or variable names.
    fn file(&self, path: &str) -> Result<Option<Found>, SetupError>;
    /// The same for a file that is no secret, such as certificates: others may read it.
    fn open_file(&self, path: &str) -> Result<Option<Found>, SetupError> {
        self.file(path)
    }
    /// A setting as option, environment, configuration file and default settle it:
    /// `region`, `project`, and the keys of the vendor's section.
    fn setting(&self, key: &str) -> Option<Found>;
    /// The chosen profile (`--profile`), which also names a profile in the provider's own files.
    fn profile(&self) -> Option<&str>;
    /// `--endpoint`: replaces every host of the provider.
    fn endpoint(&self) -> Option<&Url>;
}

/// Why a product cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SetupError {
    /// No credentials anywhere.
    #[error("no credentials for {vendor}: looked at {looked}")]
    NoCredentials {
        /// Vendor.
        vendor: &'static str,
        /// Variables and files that were looked at.
        looked: String,
        /// How to give them.
        next_step: String,
    },
    /// Half of a pair, or a file that cannot be read as what it is.
    #[error("{origin}: {problem}")]
    BadCredentials {
        /// Variable or file.
        origin: String,
        /// What is wrong, without quoting a value.
        problem: String,
        /// What to do.
        next_step: String,
    },
    /// A setting is missing.
    #[error("{vendor} needs a {key}")]
    MissingSetting {
        /// Vendor.
        vendor: &'static str,
        /// Which.
        key: &'static str,
        /// How to give it.
        next_step: String,
    },
    /// A setting has a value that cannot be.
    #[error("{origin}: {problem}")]
    BadSetting {
        /// Where it stood.
        origin: String,
        /// What is wrong.
        problem: String,
    },
    /// The product does not exist in the region; a family leaves it out and says so.
    #[error("{product} does not exist in region {region}")]
    NotInRegion {
        /// Product.
        product: &'static str,
        /// Region.
        region: String,
    },
}

/// Reads an address: `https`, or `http` to this machine by its literal address.
///
/// # Errors
/// `BadSetting` for anything else, without quoting it.
pub fn address(found: &Found) -> Result<Url, SetupError> {
    let bad = |problem: &str| SetupError::BadSetting { origin: found.origin.clone(), problem: problem.to_owned() };
    let text = found.value.expose().trim();
    let url = Url::parse(text).map_err(|_| bad("it is not an address such as https://host"))?;
    // Judged as it is written: a host that only the parser turns into this one is a disguise.
    let text = text.to_ascii_lowercase();
    let written = text.split_once("://").and_then(|(_, rest)| rest.strip_prefix(url.host_str().unwrap_or_default()));
    if !written.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?', '#'])) {
        return Err(bad("the host must be a plain name, or an address in its usual form"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(bad("an address has no user, no password and no query"));
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(bad("an address must begin with https:// (http only for 127.0.0.1 and ::1)")),
    }
}
