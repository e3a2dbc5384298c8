//! Where a product made by a test has its settings from: variables and an endpoint, and nothing else. Shared by several
//! test binaries.

use reinstall::providers::{Found, SetupError, Sources};
use reinstall::secret::Secret;
use url::Url;

/// Credentials in variables, and the endpoint.
pub(crate) struct Given {
    variables: Vec<(String, String)>,
    endpoint: Url,
}

impl Given {
    /// These variables; requests go to this address.
    pub(crate) fn new<N: Into<String>>(variables: impl IntoIterator<Item = (N, String)>, endpoint: &str) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { variables, endpoint: Url::parse(endpoint).expect("an address") }
    }
}

impl Sources for Given {
    fn variable(&self, name: &str) -> Option<Found> {
        let (_, value) = self.variables.iter().find(|(known, _)| known == name)?;
        Some(Found { value: Secret::from(value.clone()), origin: name.to_owned() })
    }
    fn home_file(&self, _: &str) -> Result<Option<Found>, SetupError> {
        Ok(None)
    }
    fn file(&self, _: &str) -> Result<Option<Found>, SetupError> {
        Ok(None)
    }
    fn setting(&self, _: &str) -> Option<Found> {
        None
    }
    fn profile(&self) -> Option<&str> {
        None
    }
    fn endpoint(&self) -> Option<&Url> {
        Some(&self.endpoint)
    }
}
