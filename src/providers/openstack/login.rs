//! Who is calling: a token of the identity service, a name and password on each request, or nobody.

use super::credentials::{Proof, Settings};
use super::fault;
use crate::model::FaultClass;
use crate::secret::Secret;
use crate::sign::keystone::{Credentials, SignIn, User};
use crate::wire::{Login, ReadFault, Stamp, WireRequest, WireResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use url::Url;

enum Kind {
    Token(Box<SignIn>),
    Basic { user: String, password: Secret },
    Nobody,
}

/// Who is calling.
pub(super) struct OpenStackLogin {
    kind: Kind,
    /// The user or the application credential, as credentials name it.
    name: Option<String>,
    /// What to look at where the sign-in is refused: the service does not say why.
    advice: &'static str,
}

impl OpenStackLogin {
    /// Makes the login from what was read. A token is obtained with the first request.
    pub(super) fn new(proof: Proof, user: Option<String>, identity: Option<&Url>) -> Self {
        let advice = match &proof {
            Proof::Credentials(credentials) => match **credentials {
                Credentials::Application { .. } => {
                    "check the application credential's id and secret, and whether it has ended or was taken away"
                }
                Credentials::Password { .. } => {
                    "check user, password, project and their domains; `reinstall check` shows where they stand"
                }
            },
            _ => "check the credentials with `reinstall check`",
        };
        let (kind, name) = match (proof, identity) {
            (Proof::Credentials(credentials), Some(identity)) => {
                let name = named(&credentials).or(user);
                (Kind::Token(Box::new(SignIn::new(identity.clone(), *credentials, true))), name)
            }
            (Proof::Ready(token), Some(identity)) => {
                (Kind::Token(Box::new(SignIn::ready(identity.clone(), token).with_catalogue())), None)
            }
            (Proof::Basic { user, password }, _) => {
                let name = Some(user.clone());
                (Kind::Basic { user, password }, name)
            }
            (Proof::Nobody | Proof::Credentials(_) | Proof::Ready(_), _) => (Kind::Nobody, None),
        };
        Self { kind, name, advice }
    }

    /// The same for a test or another maker of settings.
    pub(super) fn of(settings: Settings) -> Self {
        let Settings { proof, user, identity, .. } = settings;
        Self::new(proof, user, identity.as_ref())
    }

    /// The sign-in, where there is one.
    pub(super) fn sign_in(&self) -> Option<&SignIn> {
        match &self.kind {
            Kind::Token(sign_in) => Some(sign_in),
            Kind::Basic { .. } | Kind::Nobody => None,
        }
    }

    /// The user's name, never a secret.
    pub(super) fn account(&self) -> String {
        let user = self.sign_in().and_then(SignIn::user).map(|user| user.name.unwrap_or(user.id));
        let project = self.sign_in().and_then(SignIn::project).map(|project| project.name.unwrap_or(project.id));
        let who = user.or_else(|| self.name.clone());
        match (who, project, &self.kind) {
            (Some(who), Some(project), _) => format!("{who} in {project}"),
            (Some(who), None, _) => who,
            (None, _, Kind::Token(_)) => "token".to_owned(),
            (None, ..) => "nobody".to_owned(),
        }
    }
}

fn named(credentials: &Credentials) -> Option<String> {
    match credentials {
        Credentials::Password { user: User::Id(name) | User::Name(name, _), .. } => Some(name.clone()),
        Credentials::Application { id, .. } => match id {
            Ok(id) => Some(id.clone()),
            Err((name, _)) => Some(name.clone()),
        },
    }
}

impl Login for OpenStackLogin {
    fn authorize(&self, request: &mut WireRequest, _stamp: &Stamp) {
        match &self.kind {
            Kind::Token(sign_in) => sign_in.authorize(request),
            Kind::Basic { user, password } => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
                request.set_sensitive("authorization", &format!("Basic {pair}"));
            }
            Kind::Nobody => {}
        }
    }

    fn renewal(&self, now: DateTime<Utc>) -> Option<WireRequest> {
        self.sign_in()?.renewal(now)
    }

    fn renewed(&self, answer: &WireResponse, now: DateTime<Utc>) -> Result<(), ReadFault> {
        if let Some((class, error)) = fault::fault(answer) {
            // Here it is the credentials that were refused, not a token.
            return Err(match class {
                FaultClass::SignedOut => ReadFault { class: FaultClass::Denied, error: error.advise(self.advice) },
                class => ReadFault { class, error },
            });
        }
        match self.sign_in() {
            Some(sign_in) => sign_in.renewed(answer, now),
            None => Ok(()),
        }
    }

    fn expire(&self) -> bool {
        self.sign_in().is_some_and(SignIn::expire)
    }
}
