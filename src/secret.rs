//! The one type that may hold a password, a key or a token.

use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Text that must never be shown: it cannot be printed, serialized or cloned, and is wiped when dropped.
///
/// ```compile_fail
/// println!("{}", reinstall::secret::Secret::from("x".to_owned())); // no Display
/// ```
/// ```compile_fail
/// println!("{:?}", reinstall::secret::Secret::from("x".to_owned())); // no Debug
/// ```
/// ```compile_fail
/// let copy = reinstall::secret::Secret::from("x".to_owned()).clone(); // no Clone
/// ```
/// ```compile_fail
/// let same = reinstall::secret::Secret::from("x".to_owned()) == reinstall::secret::Secret::from("x".to_owned()); // no PartialEq
/// ```
/// ```compile_fail
/// let read: reinstall::secret::Secret = serde_json::from_str("\"x\"").unwrap(); // no Deserialize
/// ```
/// ```compile_fail
/// fn wiped<T: Copy>(_: T) {} wiped(reinstall::secret::Secret::from("x".to_owned())); // no Copy
/// ```
/// What is left compiles, so that the lines above fail for the reason they name:
/// ```
/// fn wipes<T: Drop + ?Sized>() {}
/// wipes::<secrecy::SecretString>(); // what it holds is wiped when it is dropped
/// assert_eq!(reinstall::secret::Secret::from("x".to_owned()).expose(), "x");
/// assert!(serde_json::to_string("x").is_ok());
/// ```
/// ```compile_fail
/// serde_json::to_string(&reinstall::secret::Secret::from("x".to_owned())); // no Serialize
/// ```
pub struct Secret(SecretString);

/// A secret with several owners.
pub type SharedSecret = Arc<Secret>;

/// What stands in every place where a secret is hidden.
pub const MASK: &str = "***";

impl Secret {
    /// Returns the text itself. Only signers, body builders and credential readers call this.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Tells whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Wraps the secret for several owners.
    pub fn shared(self) -> SharedSecret {
        Arc::new(self)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(SecretString::from(text))
    }
}

/// Whether a body is built to be sent or to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveal {
    /// Secrets as they are: the request that is sent.
    Real,
    /// `***` in place of each secret: dry runs.
    Masked,
}

impl Reveal {
    /// Returns the secret's text, or the mask.
    pub fn text(self, secret: &Secret) -> String {
        self.encoded(secret, str::to_owned)
    }

    /// Returns the secret as `encode` writes it, or the mask as it is.
    pub fn encoded(self, secret: &Secret, encode: impl FnOnce(&str) -> String) -> String {
        match self {
            Self::Real => encode(secret.expose()),
            Self::Masked => MASK.to_owned(),
        }
    }
}
