//! Sign-in at an OpenStack Identity service, version 3: clouds of that family share it.
//!
//! Source: docs.openstack.org/api-ref/identity/v3, "Authentication and token management". Requests and answers
//! are pure functions; [`SignIn`] adds the one thing that must be kept between calls, the token.

use crate::secret::{Secret, SharedSecret};
use crate::wire::{ReadFault, WireRequest, WireResponse};
use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// Label of the call that obtains a token.
pub const ISSUE: &str = "POST /v3/auth/tokens";
/// Label of the call that asks whom a token belongs to.
pub const VALIDATE: &str = "GET /v3/auth/tokens";

/// A domain, which is the account in some clouds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

impl Domain {
    fn document(&self) -> Value {
        match self {
            Self::Id(id) => json!({"id": id}),
            Self::Name(name) => json!({"name": name}),
        }
    }
}

/// A user, as credentials name one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By id.
    Id(String),
    /// By name, which is unique within a domain.
    Name(String, Domain),
}

impl User {
    fn document(&self) -> Value {
        match self {
            Self::Id(id) => json!({"id": id}),
            Self::Name(name, domain) => json!({"name": name, "domain": domain.document()}),
        }
    }
}

/// What the token shall be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A project by id.
    ProjectId(String),
    /// A project by name; some clouds take the user's domain where none is given.
    ProjectName(String, Option<Domain>),
    /// The whole cloud, for its operators.
    System,
}

impl Scope {
    fn document(&self) -> Value {
        match self {
            Self::ProjectId(id) => json!({"project": {"id": id}}),
            Self::ProjectName(name, None) => json!({"project": {"name": name}}),
            Self::ProjectName(name, Some(domain)) => {
                json!({"project": {"name": name, "domain": domain.document()}})
            }
            Self::System => json!({"system": {"all": true}}),
        }
    }
}

/// What proves who is calling.
pub enum Credentials {
    /// User and password.
    Password {
        /// The user.
        user: User,
        /// The password.
        password: Secret,
        /// The project.
        scope: Scope,
    },
    /// An application credential; it has its project in itself.
    Application {
        /// Its id, or its name with its user.
        id: Result<String, (String, User)>,
        /// Its secret.
        secret: Secret,
    },
}

/// Builds the call that obtains a token; `identity` is the service's address up to `/v3`.
///
/// Without the catalogue (`nocatalog`) the answer is some kilobytes smaller.
pub fn issue(identity: &Url, credentials: &Credentials, catalogue: bool) -> WireRequest {
    let auth = match credentials {
        Credentials::Password { user, password, scope } => {
            let mut user = user.document();
            user["password"] = password.expose().into();
            json!({"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope.document()})
        }
        Credentials::Application { id, secret } => {
            let mut credential = match id {
                Ok(id) => json!({"id": id}),
                Err((name, user)) => json!({"name": name, "user": user.document()}),
            };
            credential["secret"] = secret.expose().into();
            json!({"identity": {"methods": ["application_credential"], "application_credential": credential}})
        }
    };
    let mut url = tokens(identity);
    if !catalogue {
        url.query_pairs_mut().append_pair("nocatalog", "true");
    }
    WireRequest::new(Method::POST, url, ISSUE)
        .header("content-type", "application/json;charset=utf8")
        .json(&json!({"auth": auth}))
}

fn tokens(identity: &Url) -> Url {
    let mut url = identity.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["auth", "tokens"]);
    }
    url
}

/// Something with an id and, mostly, a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
}

/// One service of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// Its type, such as `compute`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// Its addresses.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
}

/// One address of a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// Region, by its id.
    pub region_id: Option<String>,
    /// The same, as older clouds write it.
    pub region: Option<String>,
    /// The address as the catalogue has it.
    pub url: String,
}

/// A token with what its answer told about it.
#[derive(Clone)]
pub struct Token {
    value: SharedSecret,
    received_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    project: Option<Named>,
    user: Option<Named>,
    catalogue: Vec<Service>,
}

#[derive(Deserialize)]
struct Answer {
    token: TokenDocument,
}

#[derive(Deserialize)]
struct TokenDocument {
    expires_at: Option<DateTime<Utc>>,
    project: Option<Named>,
    user: Option<Named>,
    #[serde(default)]
    catalog: Vec<Service>,
}

/// Reads the answer to [`issue`] or to a validation: the token stands in the header `X-Subject-Token`.
///
/// # Errors
/// `Malformed` if the header is missing or not legal as a header, or the document is not the expected one.
pub fn read(answer: &WireResponse, now: DateTime<Utc>) -> Result<Token, ReadFault> {
    let value = answer
        .header("x-subject-token")
        .filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| ReadFault::malformed("the sign-in was answered without a token".to_owned()))?;
    let value = Secret::from(value.to_owned()).shared();
    let document = answer.parse::<Answer>()?.token;
    Ok(Token {
        value,
        received_at: now,
        expires_at: document.expires_at,
        project: document.project,
        user: document.user,
        catalogue: document.catalog,
    })
}

impl Token {
    /// Whether four fifths of its life are over, so that a long watch never ends on an expired token.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|end| {
            let life = end - self.received_at;
            now >= self.received_at + life * 4 / 5
        })
    }
}

/// A caller that signs in and keeps the token.
pub struct SignIn {
    identity: Url,
    credentials: Option<Credentials>,
    catalogue: bool,
    token: Mutex<Option<Token>>,
}

impl SignIn {
    /// A caller with credentials; `identity` is the service's address up to `/v3`.
    pub fn new(identity: Url, credentials: Credentials, catalogue: bool) -> Self {
        Self { identity, credentials: Some(credentials), catalogue, token: Mutex::new(None) }
    }

    /// A caller with a token that was obtained elsewhere; it cannot be renewed.
    pub fn ready(identity: Url, token: Secret) -> Self {
        let token = Token {
            value: token.shared(),
            received_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            project: None,
            user: None,
            catalogue: Vec::new(),
        };
        Self { identity, credentials: None, catalogue: false, token: Mutex::new(Some(token)) }
    }

    /// The same caller, who asks for the catalogue as well.
    #[must_use]
    pub fn with_catalogue(mut self) -> Self {
        self.catalogue = true;
        self
    }

    fn lock(&self) -> MutexGuard<'_, Option<Token>> {
        // The token is replaced as a whole, so a panic elsewhere leaves no half of one.
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the token on a request.
    pub fn authorize(&self, request: &mut WireRequest) {
        if let Some(token) = self.lock().as_ref() {
            request.set_sensitive("x-auth-token", token.value.expose());
            if request.label == VALIDATE {
                request.set_sensitive("x-subject-token", token.value.expose());
            }
        }
    }

    /// The request that obtains a token, if one is due and can be obtained.
    pub fn renewal(&self, now: DateTime<Utc>) -> Option<WireRequest> {
        let credentials = self.credentials.as_ref()?;
        let due = self.lock().as_ref().is_none_or(|token| token.is_due(now));
        due.then(|| issue(&self.identity, credentials, self.catalogue))
    }

    /// Takes the answer to [`SignIn::renewal`].
    ///
    /// # Errors
    /// As [`read`]; a token that is held already stays.
    pub fn renewed(&self, answer: &WireResponse, now: DateTime<Utc>) -> Result<(), ReadFault> {
        let token = read(answer, now)?;
        *self.lock() = Some(token);
        Ok(())
    }

    /// Forgets a refused token; tells whether another can be obtained.
    pub fn expire(&self) -> bool {
        if self.credentials.is_none() {
            return false;
        }
        *self.lock() = None;
        true
    }

    /// Whether there is no token, or one of which nothing is known yet.
    pub fn is_blank(&self) -> bool {
        self.lock().as_ref().is_none_or(|token| token.user.is_none() && token.project.is_none())
    }

    /// Whether a token that has ended can be replaced.
    pub fn renews(&self) -> bool {
        self.credentials.is_some()
    }

    /// Builds the call that asks whom the present token belongs to.
    pub fn validation(&self) -> WireRequest {
        let mut url = tokens(&self.identity);
        if !self.catalogue {
            url.query_pairs_mut().append_pair("nocatalog", "true");
        }
        WireRequest::new(Method::GET, url, VALIDATE)
    }

    /// Takes the answer to [`SignIn::validation`]; the token itself stays as it is.
    ///
    /// # Errors
    /// `Malformed` if the document is not the expected one.
    pub fn validated(&self, answer: &WireResponse) -> Result<(), ReadFault> {
        let document = answer.parse::<Answer>()?.token;
        if let Some(token) = self.lock().as_mut() {
            token.project = document.project;
            token.user = document.user;
            if !document.catalog.is_empty() {
                token.catalogue = document.catalog;
            }
        }
        Ok(())
    }

    /// The project that the token is good for.
    pub fn project(&self) -> Option<Named> {
        self.lock().as_ref()?.project.clone()
    }

    /// The user that the token belongs to.
    pub fn user(&self) -> Option<Named> {
        self.lock().as_ref()?.user.clone()
    }

    /// The catalogue that came with the token; empty where none was asked for.
    pub fn catalogue(&self) -> Vec<Service> {
        self.lock().as_ref().map(|token| token.catalogue.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone};

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).single().expect("a date")
    }

    fn identity() -> Url {
        "https://iam.example.com/v3".parse().expect("an address")
    }

    fn answer(header: Option<&str>, body: &str) -> WireResponse {
        let mut headers = http::HeaderMap::new();
        if let Some(token) = header {
            headers.insert("x-subject-token", token.parse().expect("a header"));
        }
        WireResponse { status: http::StatusCode::CREATED, headers, body: body.to_owned().into() }
    }

    fn password() -> Credentials {
        Credentials::Password {
            user: User::Name("ann".to_owned(), Domain::Name("acme".to_owned())),
            password: Secret::from("S3cret!".to_owned()),
            scope: Scope::ProjectName("eu-de".to_owned(), None),
        }
    }

    const BODY: &str = r#"{"token":{"expires_at":"2026-03-02T12:00:00.000000Z","project":{"id":"p1","name":"eu-de"},
        "user":{"id":"u1","name":"ann"},"catalog":[{"type":"compute","name":"nova","endpoints":[
        {"interface":"public","region":"r1","url":"https://c.example.com"}]}]}}"#;

    #[test]
    fn a_password_sign_in_has_the_documented_form() {
        let request = issue(&identity(), &password(), false);
        assert_eq!(request.url.as_str(), "https://iam.example.com/v3/auth/tokens?nocatalog=true");
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(
            body,
            json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "ann",
                "domain": {"name": "acme"}, "password": "S3cret!"}}}, "scope": {"project": {"name": "eu-de"}}}})
        );
    }

    #[test]
    fn an_application_credential_names_no_scope() {
        let credentials =
            Credentials::Application { id: Ok("a1".to_owned()), secret: Secret::from("S3cret!".to_owned()) };
        let request = issue(&identity(), &credentials, true);
        assert_eq!(request.url.query(), None);
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["auth"]["identity"]["application_credential"], json!({"id": "a1", "secret": "S3cret!"}));
        assert_eq!(body["auth"].get("scope"), None);
    }

    #[test]
    fn a_token_is_renewed_after_four_fifths_of_its_life() {
        let sign_in = SignIn::new(identity(), password(), false);
        assert!(sign_in.renewal(noon()).is_some());
        sign_in.renewed(&answer(Some("TOKEN-1"), BODY), noon()).expect("a token");
        assert!(sign_in.renewal(noon() + Duration::hours(19)).is_none());
        assert!(sign_in.renewal(noon() + Duration::minutes(19 * 60 + 12)).is_some());
        assert_eq!(sign_in.project().map(|project| project.id).as_deref(), Some("p1"));
        assert_eq!(sign_in.user().map(|user| user.id).as_deref(), Some("u1"));
        assert_eq!(sign_in.catalogue()[0].endpoints[0].url, "https://c.example.com");
    }

    #[test]
    fn a_refused_token_is_forgotten_and_a_ready_one_cannot_be_renewed() {
        let sign_in = SignIn::new(identity(), password(), false);
        sign_in.renewed(&answer(Some("TOKEN-1"), BODY), noon()).expect("a token");
        assert!(sign_in.expire());
        assert!(sign_in.renewal(noon()).is_some());

        let ready = SignIn::ready(identity(), Secret::from("TOKEN-2".to_owned()));
        assert!(ready.renewal(noon()).is_none());
        assert!(!ready.expire());
        let mut request = ready.validation();
        ready.authorize(&mut request);
        assert_eq!(request.headers["x-auth-token"], "TOKEN-2");
        assert_eq!(request.headers["x-subject-token"], "TOKEN-2");
        assert!(request.headers["x-subject-token"].is_sensitive());
        assert!(!format!("{:?}", request.headers).contains("TOKEN-2"));
    }

    #[test]
    fn an_answer_without_a_token_keeps_the_old_one() {
        let sign_in = SignIn::new(identity(), password(), false);
        sign_in.renewed(&answer(Some("TOKEN-1"), BODY), noon()).expect("a token");
        assert!(sign_in.renewed(&answer(None, BODY), noon()).is_err());
        assert!(sign_in.renewed(&answer(Some("TOKEN-3"), "<html>"), noon()).is_err());
        let mut request = WireRequest::new(Method::GET, identity(), "x");
        sign_in.authorize(&mut request);
        assert_eq!(request.headers["x-auth-token"], "TOKEN-1");
    }
}
