//! Settings and credentials as a provider asks for them; where they come from is the caller's business.

use crate::secret::Secret;
use url::Url;

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
