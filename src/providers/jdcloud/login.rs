//! Where the access key comes from, and how it signs.

use super::sign::{self, Key, Scope, Signing, TOKEN};
use crate::providers::{Found, SetupError, Sources};
use crate::secret::{Secret, SharedSecret};
use crate::sign::Stages;
use crate::wire::{Login, Stamp, WireRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use configparser::ini::Ini;

/// Service name in the scope of every call.
pub const SERVICE: &str = "cps";

const CONFIG: &str = ".jdc/config";
const CURRENT: &str = ".jdc/current";
const PAIRS: [(&str, &str); 2] = [("JDCLOUD_ACCESS_KEY_ID", "JDCLOUD_SECRET_ACCESS_KEY"), ("JDCLOUD_AK", "JDCLOUD_SK")];
const HOW_KEY: &str = "set JDCLOUD_ACCESS_KEY_ID and JDCLOUD_SECRET_ACCESS_KEY, or run `jdc configure add`";

/// An access key in a region, ready to sign.
pub struct AccessKey {
    id: String,
    secret: SharedSecret,
    region: String,
    session: Option<SharedSecret>,
    operation: Option<SharedSecret>,
    origins: Vec<(&'static str, String)>,
}

impl AccessKey {
    /// Reads key, region and tokens; no network.
    ///
    /// Order of the key: our variables, `JDCLOUD_AK`/`JDCLOUD_SK`, `~/.jdc/config`. Of the region: the setting,
    /// `JDCLOUD_REGION`, the file that the key came from.
    ///
    /// # Errors
    /// No key anywhere, half a key, a key that no header can carry, no region or one that cannot be.
    pub fn from_sources(sources: &dyn Sources) -> Result<Self, SetupError> {
        let mut region = sources.setting("region").or_else(|| sources.variable("JDCLOUD_REGION"));
        let mut session = None;
        let (id, secret) = match from_variables(sources)? {
            Some(pair) => {
                // The token belongs to a temporary key of the environment, not to the key of a file.
                session = sources.variable("JDCLOUD_SESSION_TOKEN");
                if region.is_none() {
                    // A file with a broken key must not stand in the way of a key that is there.
                    region = from_file(sources).ok().flatten().and_then(|file| file.region);
                }
                pair
            }
            None => {
                let file = from_file(sources)?.ok_or_else(no_credentials)?;
                region = region.or(file.region);
                (file.id?, file.secret?)
            }
        };
        let operation = sources.variable("JDCLOUD_SECURITY_TOKEN");
        let region = region.ok_or_else(|| SetupError::MissingSetting {
            vendor: "jdcloud",
            key: "region",
            next_step: "give --region, set JDCLOUD_REGION, or `region_id` in ~/.jdc/config; regions are cn-north-1, \
                        cn-east-1, cn-east-2 and cn-south-1"
                .to_owned(),
        })?;
        let mut origins = vec![
            ("access key", id.origin.clone()),
            ("secret key", secret.origin.clone()),
            ("region", region.origin.clone()),
        ];
        origins.extend(session.iter().map(|found| ("session token", found.origin.clone())));
        origins.extend(operation.iter().map(|found| ("security token", found.origin.clone())));
        Ok(Self {
            id: plain(&id)?,
            secret: Secret::from(plain(&secret)?).shared(),
            region: region_name(&region)?,
            session: session.map(|found| found.value.shared()),
            operation: operation.map(|found| found.value.shared()),
            origins,
        })
    }

    /// The id of the key, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The region that requests go to and signatures name.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The token of operation protection from the environment, if there is one.
    pub fn operation_token(&self) -> Option<&Secret> {
        self.operation.as_deref()
    }

    /// Where each part came from.
    pub fn origins(&self) -> &[(&'static str, String)] {
        &self.origins
    }

    /// Signs any request with every header that it carries, for `reinstall sign`; region and service as given, or the
    /// key's own and `cps`. A temporary key's session token is one of the headers, since a request without it fails.
    pub fn explain(
        &self,
        request: &mut WireRequest,
        stamp: &Stamp,
        region: Option<&str>,
        service: Option<&str>,
    ) -> Stages {
        let scope = Scope { region: region.unwrap_or(&self.region), service: service.unwrap_or(SERVICE) };
        if !request.headers.contains_key("host") {
            request.set("host", &request.host());
        }
        if let Some(token) = self.session.as_ref().filter(|_| !request.headers.contains_key(TOKEN)) {
            request.set_sensitive(TOKEN, &token_header(token.expose()));
        }
        sign::sign(request, self.key(), scope, stamp, Signing::All)
    }

    fn key(&self) -> Key<'_> {
        Key { id: &self.id, secret: &self.secret }
    }
}

impl Login for AccessKey {
    fn authorize(&self, request: &mut WireRequest, stamp: &Stamp) {
        if let Some(session) = &self.session
            && !request.headers.contains_key(TOKEN)
        {
            request.set_sensitive(TOKEN, &token_header(session.expose()));
        }
        let scope = Scope { region: &self.region, service: SERVICE };
        sign::sign(request, self.key(), scope, stamp, Signing::Usual);
    }
}

/// Encodes a token as the provider's own clients send it.
pub(super) fn token_header(token: &str) -> String {
    STANDARD.encode(token.trim())
}

/// What one section of the provider's own file holds.
struct FromFile {
    id: Result<Found, SetupError>,
    secret: Result<Found, SetupError>,
    region: Option<Found>,
}

fn from_variables(sources: &dyn Sources) -> Result<Option<(Found, Found)>, SetupError> {
    for (id, secret) in PAIRS {
        match (sources.variable(id), sources.variable(secret)) {
            (Some(id), Some(secret)) => return Ok(Some((id, secret))),
            (Some(found), None) => return Err(half(&found.origin, secret)),
            (None, Some(found)) => return Err(half(&found.origin, id)),
            (None, None) => {}
        }
    }
    Ok(None)
}

fn from_file(sources: &dyn Sources) -> Result<Option<FromFile>, SetupError> {
    let Some(file) = sources.home_file(CONFIG)? else { return Ok(None) };
    let mut ini = Ini::new_cs();
    // A secret may hold any character, so nothing behind the first `=` is a comment.
    ini.set_inline_comment_symbols(Some(&[]));
    if ini.read(file.value.expose().to_owned()).is_err() {
        return Err(bad(&file.origin, "not a file of sections and `key = value` lines"));
    }
    let section = match sources.profile() {
        Some(profile) => profile.to_owned(),
        None => sources
            .home_file(CURRENT)?
            .map(|current| current.value.expose().trim().to_owned())
            .filter(|word| !word.is_empty())
            .unwrap_or_else(|| "default".to_owned()),
    };
    if !ini.sections().contains(&section) {
        return Ok(None);
    }
    let origin = format!("{} [{section}]", file.origin);
    let find = |key: &str| {
        let value = ini.get(&section, key).filter(|value| !value.trim().is_empty())?;
        Some(Found { value: Secret::from(value), origin: origin.clone() })
    };
    let (id, secret) = (find("access_key"), find("secret_key"));
    if id.is_none() && secret.is_none() {
        return Ok(None);
    }
    Ok(Some(FromFile {
        id: id.ok_or_else(|| half(&origin, "access_key")),
        secret: secret.ok_or_else(|| half(&origin, "secret_key")),
        region: find("region_id"),
    }))
}

fn no_credentials() -> SetupError {
    SetupError::NoCredentials {
        vendor: "jdcloud",
        looked: "JDCLOUD_ACCESS_KEY_ID and JDCLOUD_SECRET_ACCESS_KEY, JDCLOUD_AK and JDCLOUD_SK, ~/.jdc/config (the \
                 section that --profile or ~/.jdc/current names, otherwise [default])"
            .to_owned(),
        next_step: HOW_KEY.to_owned(),
    }
}

fn half(origin: &str, missing: &str) -> SetupError {
    bad(origin, &format!("only half of an access key: {missing} is missing"))
}

fn bad(origin: &str, problem: &str) -> SetupError {
    SetupError::BadCredentials { origin: origin.to_owned(), problem: problem.to_owned(), next_step: HOW_KEY.to_owned() }
}

fn plain(found: &Found) -> Result<String, SetupError> {
    let text = found.value.expose().trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad(&found.origin, "a key has only visible ASCII characters, without spaces"));
    }
    Ok(text.to_owned())
}

fn region_name(found: &Found) -> Result<String, SetupError> {
    let text = found.value.expose().trim();
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(legal) {
        return Err(SetupError::BadSetting {
            origin: found.origin.clone(),
            problem: "a region has only lower-case letters, digits and `-`, such as cn-north-1".to_owned(),
        });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::bench::MapSources;
    use chrono::DateTime;
    use http::Method;
    use url::Url;

    fn environment() -> MapSources {
        MapSources::default()
            .with("variable:JDCLOUD_ACCESS_KEY_ID", "AK")
            .with("variable:JDCLOUD_SECRET_ACCESS_KEY", "SK")
            .with("setting:region", "cn-north-1")
    }

    fn fault(sources: &MapSources) -> SetupError {
        AccessKey::from_sources(sources).err().expect("a fault")
    }

    #[test]
    fn our_variables_come_before_theirs_and_before_the_file() {
        let sources = environment()
            .with("variable:JDCLOUD_AK", "OTHER")
            .with("variable:JDCLOUD_SK", "OTHER")
            .with("file:.jdc/config", "[default]\naccess_key = FILE\nsecret_key = FILE\n");
        let key = AccessKey::from_sources(&sources).expect("a key");
        assert_eq!(key.id(), "AK");
        assert_eq!(key.origins()[0], ("access key", "variable:JDCLOUD_ACCESS_KEY_ID".to_owned()));
    }

    #[test]
    fn the_file_gives_key_and_region_of_the_named_section() {
        let file = "[default]\naccess_key = D\nsecret_key = d\nregion_id = cn-east-2\n\
                    [prod]\naccess_key = P\nsecret_key = p;#x=y\nregion_id = cn-south-1\n";
        let sources = MapSources::default().with("file:.jdc/config", file);
        let key = AccessKey::from_sources(&sources).expect("a key");
        assert_eq!((key.id(), key.region()), ("D", "cn-east-2"));
        let current = MapSources::default().with("file:.jdc/config", file).with("file:.jdc/current", "prod\n");
        let key = AccessKey::from_sources(&current).expect("a key");
        assert_eq!((key.id(), key.region(), key.secret.expose()), ("P", "cn-south-1", "p;#x=y"));
        let chosen = current.with("profile", "default");
        assert_eq!(AccessKey::from_sources(&chosen).expect("a key").id(), "D");
    }

    #[test]
    fn what_is_missing_is_named_with_every_place_looked_at() {
        let missing = fault(&MapSources::default()).to_string();
        for place in ["JDCLOUD_ACCESS_KEY_ID", "JDCLOUD_SECRET_ACCESS_KEY", "JDCLOUD_AK", "JDCLOUD_SK", "~/.jdc/config"]
        {
            assert!(missing.contains(place), "{missing}");
        }
        let other_section = MapSources::default().with("file:.jdc/config", "[x]\naccess_key=a\nsecret_key=b\n");
        assert!(matches!(fault(&other_section), SetupError::NoCredentials { .. }));
        let no_region = MapSources::default().with("variable:JDCLOUD_AK", "a").with("variable:JDCLOUD_SK", "b");
        assert!(matches!(fault(&no_region), SetupError::MissingSetting { key: "region", .. }));
    }

    #[test]
    fn half_a_key_is_an_error_and_not_a_reason_to_look_further() {
        let file = "[default]\naccess_key = FILE\nsecret_key = FILE\n";
        for name in ["JDCLOUD_ACCESS_KEY_ID", "JDCLOUD_SECRET_ACCESS_KEY", "JDCLOUD_AK", "JDCLOUD_SK"] {
            let sources =
                MapSources::default().with(&format!("variable:{name}"), "v4lue").with("file:.jdc/config", file);
            let fault = fault(&sources);
            assert!(matches!(fault, SetupError::BadCredentials { .. }), "{name}");
            assert!(!fault.to_string().contains("v4lue"));
        }
        let half_file = MapSources::default().with("file:.jdc/config", "[default]\naccess_key = v4lue\n");
        assert!(matches!(fault(&half_file), SetupError::BadCredentials { .. }));
    }

    #[test]
    fn a_key_or_region_that_cannot_be_is_refused_without_being_quoted() {
        let key = environment().with("variable:JDCLOUD_SECRET_ACCESS_KEY", "s3cret with space");
        assert!(!fault(&key).to_string().contains("s3cret"));
        let region = environment().with("setting:region", "../cn-north-1");
        assert!(matches!(fault(&region), SetupError::BadSetting { .. }));
        let garbage = MapSources::default().with("file:.jdc/config", "[default\naccess_key s3cret");
        assert!(!fault(&garbage).to_string().contains("s3cret"));
    }

    #[test]
    fn a_session_token_is_sent_signed_and_encoded_unless_an_operation_token_is_there() {
        let sources = environment().with("variable:JDCLOUD_SESSION_TOKEN", "sts");
        let key = AccessKey::from_sources(&sources).expect("a key");
        let stamp = Stamp { at: DateTime::UNIX_EPOCH, nonce: "n".to_owned() };
        let url = Url::parse("https://cps.jdcloud-api.com/v1/regions").expect("an address");
        let mut request = WireRequest::new(Method::GET, url.clone(), "read");
        key.authorize(&mut request, &stamp);
        assert_eq!(request.headers[TOKEN], "c3Rz");
        assert!(request.headers[TOKEN].is_sensitive());
        let authorization = request.headers["authorization"].to_str().expect("text");
        assert!(authorization.contains("x-jdcloud-nonce;x-jdcloud-security-token,"), "{authorization}");
        let mut order = WireRequest::new(Method::PUT, url, "order").header(TOKEN, "b3A=");
        key.authorize(&mut order, &stamp);
        assert_eq!(order.headers[TOKEN], "b3A=");
    }

    #[test]
    fn a_session_token_does_not_go_with_the_key_of_a_file() {
        let sources = MapSources::default()
            .with("file:.jdc/config", "[default]\naccess_key = D\nsecret_key = d\nregion_id = cn-east-2\n")
            .with("variable:JDCLOUD_SESSION_TOKEN", "sts");
        assert!(AccessKey::from_sources(&sources).expect("a key").session.is_none());
    }
}
