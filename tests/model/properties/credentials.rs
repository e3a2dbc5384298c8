//! Files of the providers' own tools: INI, JSON and YAML.
//!
//! An input is the file's name on a line, then the file.

use chrono::DateTime;
use http::Method;
use reinstall::providers::{Found, SetupError, Sources, entries};
use reinstall::secret::Secret;
use reinstall::wire::{Stamp, WireRequest};
use url::Url;

/// What the kept inputs write where a secret belongs.
const CANARY: &str = "c4n4ry-5ecret";

/// Names that a secret stands behind.
const SECRET_KEYS: [&str; 7] =
    ["secret_key", "access_key_secret", "sk", "password", "token", "security_token", "session_token"];

struct OneFile<'t> {
    name: &'t str,
    text: &'t str,
}

impl Sources for OneFile<'_> {
    fn variable(&self, _: &str) -> Option<Found> {
        None
    }
    fn home_file(&self, relative: &str) -> Result<Option<Found>, SetupError> {
        let found = || Found { value: Secret::from(self.text.to_owned()), origin: format!("~/{relative}") };
        Ok((relative == self.name).then(found))
    }
    fn file(&self, _: &str) -> Result<Option<Found>, SetupError> {
        Ok(None)
    }
    fn setting(&self, key: &str) -> Option<Found> {
        let found = |text: &str| Found { value: Secret::from(text.to_owned()), origin: "option".to_owned() };
        (key == "region").then(|| found("eu-de"))
    }
    fn profile(&self) -> Option<&str> {
        Some("p").filter(|_| self.name.ends_with("clouds.yaml"))
    }
    fn endpoint(&self) -> Option<&Url> {
        None
    }
}

/// A file gives a login or a reason; the secret in it is in no message and in no header that can be printed.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (name, text) = text.split_once('\n').unwrap_or((text, ""));
    let sources = OneFile { name, text };
    let hidden = is_secret(text);
    for (_, entry) in entries() {
        let shown = match (entry.build)(&sources) {
            Err(error) => {
                let shown = format!("{error} {error:?}");
                assert!(!error.to_string().is_empty());
                shown
            }
            Ok(product) => {
                let url = Url::parse("https://127.0.0.1:9/v1/x").expect("an address");
                let mut request = WireRequest::new(Method::GET, url, "read");
                let stamp =
                    Stamp { at: DateTime::from_timestamp(1_800_000_000, 0).expect("a time"), nonce: "n".to_owned() };
                product.login().authorize(&mut request, &stamp);
                format!("{:?} {} {:?}", product.origins(), product.account(), request.headers)
            }
        };
        assert!(!hidden || !shown.contains(CANARY), "{}: {shown}", entry.id);
    }
}

/// Whether every place of the canary is one behind the name of a secret.
fn is_secret(text: &str) -> bool {
    text.contains(CANARY)
        && text.match_indices(CANARY).all(|(at, _)| {
            let line = text[..at].rsplit('\n').next().unwrap_or_default();
            let line = line.trim_end_matches([' ', '"', '\'']);
            let Some(name) = line.strip_suffix(['=', ':']) else { return false };
            let name = name.trim_matches([' ', '"', '\'', '{', '\t']);
            let name = name.rsplit([',', ' ', '{', '"']).next().unwrap_or_default();
            SECRET_KEYS.contains(&name)
        })
}
