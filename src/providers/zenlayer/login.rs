//! Zenlayer's credentials: an access token, or an access key with its secret.

use super::sign;
use crate::providers::{Found, SetupError, Sources};
use crate::secret::Secret;
use crate::sign::Stages;
use crate::wire::{Login, Stamp, WireRequest};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file of Zenlayer's own command line, below the home directory.
const FILE: &str = ".zenlayer/credentials.json";
/// Its settings, which name the profile in use.
const FILE_SETTINGS: &str = ".zenlayer/config.json";
/// Variables with a key's id and secret: ours first, then those of the Terraform provider.
const PAIRS: [(&str, &str); 2] = [
    ("ZENLAYER_ACCESS_KEY_ID", "ZENLAYER_ACCESS_KEY_SECRET"),
    ("ZENLAYERCLOUD_ACCESS_KEY_ID", "ZENLAYERCLOUD_ACCESS_KEY_PASSWORD"),
];
const NEXT_STEP: &str = "set ZENLAYER_ACCESS_KEY_ID and ZENLAYER_ACCESS_KEY_SECRET, or ZENLAYER_TOKEN";

enum Credentials {
    Key { id: String, secret: Secret },
    Token(Secret),
}

/// Who is calling, and where that was read.
pub(super) struct ZenlayerLogin {
    credentials: Credentials,
    origins: Vec<(&'static str, String)>,
}

impl ZenlayerLogin {
    /// Reads the credentials. A token wins over a key, a variable over the file.
    pub(super) fn read(sources: &dyn Sources) -> Result<Self, SetupError> {
        if let Some(found) = sources.variable("ZENLAYER_TOKEN") {
            return Self::token(found);
        }
        for (id_name, secret_name) in PAIRS {
            match (sources.variable(id_name), sources.variable(secret_name)) {
                (Some(id), Some(secret)) => return Self::key(id, secret),
                (None, None) => {}
                (Some(_), None) => return Err(half(id_name, secret_name)),
                (None, Some(_)) => return Err(half(secret_name, id_name)),
            }
        }
        match sources.home_file(FILE)? {
            Some(file) => Self::from_file(sources, &file),
            None => Err(SetupError::NoCredentials {
                vendor: "zenlayer",
                looked: format!(
                    "ZENLAYER_TOKEN, {}/{}, {}/{}, ~/{FILE}",
                    PAIRS[0].0, PAIRS[0].1, PAIRS[1].0, PAIRS[1].1
                ),
                next_step: NEXT_STEP.to_owned(),
            }),
        }
    }

    fn from_file(sources: &dyn Sources, file: &Found) -> Result<Self, SetupError> {
        let bad = |problem: String, next_step: &str| SetupError::BadCredentials {
            origin: file.origin.clone(),
            problem,
            next_step: next_step.to_owned(),
        };
        // The parser's own message could quote a secret.
        let mut profiles: BTreeMap<String, Profile> = serde_json::from_str(file.value.expose()).map_err(|error| {
            bad(
                format!("not the credentials file of Zenlayer's command line (line {})", error.line()),
                "write it anew with `zeno`, or set the variables",
            )
        })?;
        let name = profile_name(sources)?;
        let Some(profile) = profiles.remove(&name) else {
            let known = profiles.into_keys().collect::<Vec<_>>().join(", ");
            return Err(bad(
                format!("it has no profile `{name}`; it has: {known}"),
                "choose one with `--profile`, or set the variables",
            ));
        };
        let origin = format!("{} [{name}]", file.origin);
        let found = |text: Option<String>| {
            text.filter(|text| !text.trim().is_empty())
                .map(|text| Found { value: Secret::from(text), origin: origin.clone() })
        };
        match (found(profile.token), found(profile.access_key_id), found(profile.access_key_secret)) {
            (Some(token), _, _) => Self::token(token),
            (None, Some(id), Some(secret)) => Self::key(id, secret),
            (None, id, _) => Err(SetupError::BadCredentials {
                problem: match id {
                    Some(_) => "`access_key_secret` is missing",
                    None => "neither `token` nor `access_key_id` with `access_key_secret`",
                }
                .to_owned(),
                origin,
                next_step: NEXT_STEP.to_owned(),
            }),
        }
    }

    fn key(id: Found, secret: Found) -> Result<Self, SetupError> {
        // The id stands between commas and spaces in the header.
        let text = legal(&id, |c| c.is_ascii_graphic() && c != ',')?;
        let value = legal(&secret, |c| !c.is_control())?;
        Ok(Self {
            credentials: Credentials::Key { id: text, secret: Secret::from(value) },
            origins: vec![("access key id", id.origin), ("access key secret", secret.origin)],
        })
    }

    fn token(found: Found) -> Result<Self, SetupError> {
        let value = legal(&found, |c| c.is_ascii_graphic())?;
        Ok(Self { credentials: Credentials::Token(Secret::from(value)), origins: vec![("token", found.origin)] })
    }

    /// The access key's id; an access token has no name.
    pub(super) fn account(&self) -> String {
        match &self.credentials {
            Credentials::Key { id, .. } => id.clone(),
            Credentials::Token(_) => "access token".to_owned(),
        }
    }

    /// Where each credential stood.
    pub(super) fn origins(&self) -> &[(&'static str, String)] {
        &self.origins
    }

    /// Puts signature or token on the request; returns the stages where there is a signature.
    fn put(&self, request: &mut WireRequest, stamp: &Stamp) -> Option<Stages> {
        match &self.credentials {
            Credentials::Key { id, secret } => {
                sign::usual_headers(request, stamp.at);
                let stages = sign::stages(request, id, secret, stamp.at);
                request.set_sensitive("authorization", &stages.authorization);
                Some(stages)
            }
            Credentials::Token(token) => {
                request.set_sensitive("authorization", &format!("Bearer {}", token.expose()));
                None
            }
        }
    }
}

impl Login for ZenlayerLogin {
    fn authorize(&self, request: &mut WireRequest, stamp: &Stamp) {
        self.put(request, stamp);
    }
}

/// Signs any request with the credentials of these sources and returns the stages; `None` where the
/// credential is an access token, which signs nothing. The request then has all headers it must carry.
pub fn sign_request(
    sources: &dyn Sources,
    request: &mut WireRequest,
    stamp: &Stamp,
) -> Result<Option<Stages>, SetupError> {
    Ok(ZenlayerLogin::read(sources)?.put(request, stamp))
}

/// A profile of `credentials.json`.
#[derive(Deserialize)]
struct Profile {
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    token: Option<String>,
}

/// The part of `config.json` that names the profile in use.
#[derive(Deserialize)]
struct FileSettings {
    current_profile: Option<String>,
}

fn profile_name(sources: &dyn Sources) -> Result<String, SetupError> {
    if let Some(name) = sources.profile() {
        return Ok(name.to_owned());
    }
    if let Some(found) = sources.variable("ZENLAYER_PROFILE") {
        return Ok(found.value.expose().trim().to_owned());
    }
    let Some(file) = sources.home_file(FILE_SETTINGS)? else { return Ok("default".to_owned()) };
    let settings: FileSettings =
        serde_json::from_str(file.value.expose()).map_err(|error| SetupError::BadCredentials {
            origin: file.origin.clone(),
            problem: format!("not the settings file of Zenlayer's command line (line {})", error.line()),
            next_step: "choose the profile with `--profile`, or set the variables".to_owned(),
        })?;
    Ok(settings.current_profile.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned()))
}

fn half(there: &str, missing: &str) -> SetupError {
    SetupError::BadCredentials {
        origin: format!("variable {there}"),
        problem: format!("it is set, but {missing} is not"),
        next_step: format!("set {missing} too, or unset {there}"),
    }
}

/// The value without outer white space, if every character may be in it.
fn legal(found: &Found, allowed: fn(char) -> bool) -> Result<String, SetupError> {
    let text = found.value.expose().trim();
    if !text.is_empty() && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(SetupError::BadCredentials {
        origin: found.origin.clone(),
        problem: "it is empty or has characters that cannot be in it".to_owned(),
        next_step: "copy it again from the console, without quotes or line breaks".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::bench::MapSources;
    use chrono::DateTime;
    use http::Method;

    fn header(sources: &MapSources) -> String {
        let url = "https://console.zenlayer.com/api/v2/bmc".parse().expect("an address");
        let mut request = WireRequest::new(Method::POST, url, "login");
        let stamp = Stamp { at: DateTime::UNIX_EPOCH, nonce: String::new() };
        sign_request(sources, &mut request, &stamp).expect("credentials");
        request.headers["authorization"].to_str().expect("text").to_owned()
    }

    fn refused(sources: &MapSources) -> SetupError {
        ZenlayerLogin::read(sources).err().expect("a refusal")
    }

    const FILE_TEXT: &str = r#"{"default":{"access_key_id":"FILE-ID","access_key_secret":"FILE-SECRET"},
        "ci":{"token":"pat_c1"},"half":{"access_key_id":"FILE-ID"},"empty":{}}"#;

    fn with_file() -> MapSources {
        MapSources::default().with("file:.zenlayer/credentials.json", FILE_TEXT)
    }

    #[test]
    fn ours_come_before_theirs_and_a_token_before_a_key() {
        let sources = with_file();
        assert!(header(&sources).contains("Credential=FILE-ID,"));
        let sources = sources
            .with("variable:ZENLAYERCLOUD_ACCESS_KEY_ID", "THEIRS")
            .with("variable:ZENLAYERCLOUD_ACCESS_KEY_PASSWORD", "x");
        assert!(header(&sources).contains("Credential=THEIRS,"));
        let sources =
            sources.with("variable:ZENLAYER_ACCESS_KEY_ID", " OURS ").with("variable:ZENLAYER_ACCESS_KEY_SECRET", "y");
        assert!(header(&sources).contains("Credential=OURS,"));
        let sources = sources.with("variable:ZENLAYER_TOKEN", "pat_0123");
        assert_eq!(header(&sources), "Bearer pat_0123");
    }

    #[test]
    fn the_profile_is_chosen_by_option_variable_and_settings_file_in_this_order() {
        let sources = with_file().with("file:.zenlayer/config.json", r#"{"current_profile":"ci","profiles":{}}"#);
        assert_eq!(header(&sources), "Bearer pat_c1");
        let sources = sources.with("variable:ZENLAYER_PROFILE", "default");
        assert!(header(&sources).contains("Credential=FILE-ID,"));
        let sources = sources.with("profile", "ci");
        assert_eq!(header(&sources), "Bearer pat_c1");
    }

    #[test]
    fn half_a_pair_names_the_missing_half() {
        let sources = with_file().with("variable:ZENLAYER_ACCESS_KEY_ID", "OURS");
        let text = refused(&sources).to_string();
        assert!(text.contains("ZENLAYER_ACCESS_KEY_SECRET"), "{text}");
        let text = refused(&with_file().with("profile", "half")).to_string();
        assert!(text.contains("access_key_secret"), "{text}");
    }

    #[test]
    fn nothing_found_names_every_place() {
        let text = refused(&MapSources::default()).to_string();
        for place in ["ZENLAYER_TOKEN", "ZENLAYERCLOUD_ACCESS_KEY_PASSWORD", ".zenlayer/credentials.json"] {
            assert!(text.contains(place), "{text}");
        }
    }

    #[test]
    fn a_chosen_profile_that_is_missing_is_never_replaced_by_another() {
        assert!(refused(&with_file().with("profile", "prod")).to_string().contains("no profile `prod`"));
        assert!(matches!(refused(&with_file().with("profile", "empty")), SetupError::BadCredentials { .. }));
    }

    #[test]
    fn a_broken_file_is_named_and_not_quoted() {
        let sources = MapSources::default()
            .with("file:.zenlayer/credentials.json", r#"{"default":{"access_key_id":"A","access_key_secret":S3CR3T}}"#);
        let text = refused(&sources).to_string();
        assert!(text.contains(".zenlayer/credentials.json") && !text.contains("S3CR3T"), "{text}");
    }

    #[test]
    fn a_key_that_cannot_be_in_a_header_is_refused_without_being_shown() {
        let sources = MapSources::default()
            .with("variable:ZENLAYER_ACCESS_KEY_ID", "A, SignedHeaders=x")
            .with("variable:ZENLAYER_ACCESS_KEY_SECRET", "s");
        assert!(!refused(&sources).to_string().contains("SignedHeaders"));
        let sources = MapSources::default().with("variable:ZENLAYER_TOKEN", "pat\nx");
        assert!(matches!(refused(&sources), SetupError::BadCredentials { .. }));
    }
}
