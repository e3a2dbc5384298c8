//! Hetzner Cloud's credential: the API token of one project, from a variable or a context of `hcloud`.

use crate::providers::{Found, SetupError, Sources};
use crate::secret::Secret;
use crate::sign::Stages;
use crate::wire::{Login, Stamp, WireRequest};
use serde::Deserialize;

const TOKEN: &str = "HCLOUD_TOKEN";
/// The file of the provider's own command line, below the home directory.
const FILE: &str = ".config/hcloud/cli.toml";
const NEXT_STEP: &str = "set HCLOUD_TOKEN, or make a context with `hcloud context create`";

/// Who is calling, and where that was read.
pub(super) struct HetznerLogin {
    token: Secret,
    account: String,
    origins: Vec<(&'static str, String)>,
}

impl HetznerLogin {
    /// Reads the token: the variable wins over a context.
    pub(super) fn read(sources: &dyn Sources) -> Result<Self, SetupError> {
        if let Some(found) = sources.variable(TOKEN) {
            return Self::new(&found, "API token".to_owned());
        }
        let file = match sources.variable("HCLOUD_CONFIG") {
            Some(path) => {
                let named = path.value.expose().trim().to_owned();
                let file = sources.file(&named)?;
                Some(file.ok_or_else(|| bad(&path.origin, "there is no such file", NEXT_STEP))?)
            }
            None => sources.home_file(FILE)?,
        };
        match file {
            Some(file) => Self::from_file(sources, &file),
            None => Err(SetupError::NoCredentials {
                vendor: super::NAME,
                looked: format!("{TOKEN}, ~/{FILE}"),
                next_step: NEXT_STEP.to_owned(),
            }),
        }
    }

    fn from_file(sources: &dyn Sources, file: &Found) -> Result<Self, SetupError> {
        // The parser's own message could quote a token.
        let settings: Settings = toml::from_str(file.value.expose())
            .map_err(|_| bad(&file.origin, "not the file of `hcloud`", "mend it, or set HCLOUD_TOKEN"))?;
        let chosen = sources
            .profile()
            .map(str::to_owned)
            .or_else(|| sources.variable("HCLOUD_CONTEXT").map(|found| found.value.expose().trim().to_owned()))
            .or(settings.active_context)
            .filter(|name| !name.is_empty());
        let known = || settings.contexts.iter().map(|context| context.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(name) = chosen else {
            let problem = format!("no context is active; it has: {}", known());
            return Err(bad(&file.origin, &problem, "choose one with `--profile`, or set HCLOUD_TOKEN"));
        };
        let mut named = settings.contexts.iter().filter(|context| context.name == name);
        let token = match (named.next(), named.next()) {
            (Some(context), None) => context.token.clone().filter(|token| !token.trim().is_empty()),
            (Some(_), Some(_)) => {
                let problem = format!("it has two contexts `{name}`");
                return Err(bad(&file.origin, &problem, "rename one of them"));
            }
            (None, _) => {
                let problem = format!("it has no context `{name}`; it has: {}", known());
                return Err(bad(&file.origin, &problem, "choose one with `--profile`, or set HCLOUD_TOKEN"));
            }
        };
        let origin = format!("{} [{name}]", file.origin);
        let Some(token) = token else { return Err(bad(&origin, "it has no token", NEXT_STEP)) };
        Self::new(&Found { value: Secret::from(token), origin }, format!("context {name}"))
    }

    fn new(found: &Found, account: String) -> Result<Self, SetupError> {
        let text = found.value.expose().trim();
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(bad(
                &found.origin,
                "it is empty or has characters that cannot be in a token",
                "copy it again from the console, without quotes or line breaks",
            ));
        }
        let token = Secret::from(text.to_owned());
        Ok(Self { token, account, origins: vec![("token", found.origin.clone())] })
    }

    /// The name of the context; a token has none.
    pub(super) fn account(&self) -> String {
        self.account.clone()
    }

    /// Where the token stood.
    pub(super) fn origins(&self) -> &[(&'static str, String)] {
        &self.origins
    }

    fn put(&self, request: &mut WireRequest) {
        request.set_sensitive("authorization", &format!("Bearer {}", self.token.expose()));
    }
}

impl Login for HetznerLogin {
    fn authorize(&self, request: &mut WireRequest, _stamp: &Stamp) {
        self.put(request);
    }
}

/// Puts the token on any request. There are no stages: a token signs nothing.
pub(super) fn sign_request(sources: &dyn Sources, request: &mut WireRequest) -> Result<Option<Stages>, SetupError> {
    HetznerLogin::read(sources)?.put(request);
    Ok(None)
}

/// The part of `cli.toml` that is read.
#[derive(Deserialize)]
struct Settings {
    active_context: Option<String>,
    #[serde(default)]
    contexts: Vec<Context>,
}

#[derive(Deserialize)]
struct Context {
    name: String,
    token: Option<String>,
}

fn bad(origin: &str, problem: &str, next_step: &str) -> SetupError {
    SetupError::BadCredentials {
        origin: origin.to_owned(),
        problem: problem.to_owned(),
        next_step: next_step.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::bench::MapSources;
    use http::Method;

    const FILE_TEXT: &str = "active_context = \"prod\"\n\n[[contexts]]\n  name = \"prod\"\n  token = \"tok-prod\"\n\n\
        [[contexts]]\n  name = \"test\"\n  token = \"tok-test\"\n\n[[contexts]]\n  name = \"empty\"\n";

    fn with_file() -> MapSources {
        MapSources::default().with("file:.config/hcloud/cli.toml", FILE_TEXT)
    }

    fn header(sources: &MapSources) -> String {
        let url = "https://api.hetzner.cloud/v1/servers".parse().expect("an address");
        let mut request = WireRequest::new(Method::GET, url, "login");
        assert!(sign_request(sources, &mut request).expect("credentials").is_none());
        request.headers["authorization"].to_str().expect("text").to_owned()
    }

    fn refused(sources: &MapSources) -> String {
        HetznerLogin::read(sources).err().expect("a refusal").to_string()
    }

    #[test]
    fn the_variable_wins_then_profile_then_variable_then_the_active_context() {
        let sources = with_file();
        assert_eq!(header(&sources), "Bearer tok-prod");
        let sources = sources.with("variable:HCLOUD_CONTEXT", "test");
        assert_eq!(header(&sources), "Bearer tok-test");
        let sources = sources.with("profile", "prod");
        assert_eq!(header(&sources), "Bearer tok-prod");
        let sources = sources.with("variable:HCLOUD_TOKEN", " tok-0 ");
        assert_eq!(header(&sources), "Bearer tok-0");
    }

    #[test]
    fn another_file_can_be_named_and_must_be_there() {
        let sources = with_file().with("variable:HCLOUD_CONFIG", "/etc/hcloud.toml");
        assert!(refused(&sources).contains("no such file"));
        let other = "active_context='x'\n[[contexts]]\nname='x'\ntoken='tok-x'\n";
        assert_eq!(header(&sources.with("file:/etc/hcloud.toml", other)), "Bearer tok-x");
    }

    #[test]
    fn a_chosen_context_is_never_replaced_by_another() {
        let text = refused(&with_file().with("profile", "staging"));
        assert!(text.contains("no context `staging`") && text.contains("prod, test, empty"), "{text}");
        assert!(refused(&with_file().with("profile", "empty")).contains("no token"));
        let none = MapSources::default().with("file:.config/hcloud/cli.toml", "[[contexts]]\nname='a'\ntoken='t'\n");
        assert!(refused(&none).contains("no context is active"));
        assert!(refused(&MapSources::default()).contains("HCLOUD_TOKEN"));
    }

    #[test]
    fn a_broken_file_or_token_is_not_quoted() {
        let broken = MapSources::default().with("file:.config/hcloud/cli.toml", "[[contexts]]\ntoken = S3CR3T\n");
        assert!(!refused(&broken).contains("S3CR3T"));
        assert!(!refused(&MapSources::default().with("variable:HCLOUD_TOKEN", "S3C\nR3T")).contains("R3T"));
    }
}
