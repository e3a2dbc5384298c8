//! Who is calling: an access key that signs each request, or a token of the identity service.

use super::credentials::{self, Proof, Settings};
use super::{fault, iam, sign};
use crate::providers::SetupError;
use crate::secret::Secret;
use crate::sign::Stages;
use crate::sign::keystone::{SignIn, User};
use crate::wire::{Login, ReadFault, Stamp, WireRequest, WireResponse};
use chrono::{DateTime, Utc};
use std::sync::OnceLock;
use url::Url;

enum Kind {
    Key { id: String, secret: Secret, token: Option<Secret> },
    Token { sign_in: Box<SignIn>, user: Option<String> },
}

/// Who is calling, and for which project.
pub(super) struct HuaweiLogin {
    kind: Kind,
    project: OnceLock<String>,
}

impl HuaweiLogin {
    /// Makes the login from what was read; `identity` is the identity service up to `/v3`.
    ///
    /// # Errors
    /// `MissingSetting` if a password comes without anything that names a project.
    pub(super) fn new(settings: Settings, identity: Url) -> Result<Self, SetupError> {
        let Settings { proof, project, project_name, region, .. } = settings;
        let kind = match proof {
            Proof::Key { id, secret, token } => Kind::Key { id, secret, token },
            Proof::Ready(token) => Kind::Token { sign_in: Box::new(SignIn::ready(identity, token)), user: None },
            Proof::Password { user, password } => {
                let scope = credentials::scope(project.as_deref(), project_name.as_deref(), region.as_deref()).ok_or(
                    SetupError::MissingSetting {
                        vendor: "huawei",
                        key: "project",
                        next_step: "give `--project` or `--region`, or set OS_PROJECT_NAME".to_owned(),
                    },
                )?;
                let name = match &user {
                    User::Id(id) => id.clone(),
                    User::Name(name, _) => name.clone(),
                };
                let credentials = credentials::by_password(user, password, scope);
                Kind::Token { sign_in: Box::new(SignIn::new(identity, credentials, false)), user: Some(name) }
            }
        };
        let login = Self { kind, project: OnceLock::new() };
        if let Some(project) = project {
            login.settle_project(project);
        }
        Ok(login)
    }

    /// The project, once it is known.
    pub(super) fn project(&self) -> Option<&str> {
        self.project.get().map(String::as_str)
    }

    /// Keeps the project for all later requests; the first one stays.
    pub(super) fn settle_project(&self, id: String) {
        self.project.get_or_init(|| id);
    }

    /// The id of the access key, and whether it is a temporary one.
    pub(super) fn key(&self) -> Option<(&str, bool)> {
        match &self.kind {
            Kind::Key { id, token, .. } => Some((id, token.is_some())),
            Kind::Token { .. } => None,
        }
    }

    /// The sign-in, where there is one.
    pub(super) fn sign_in(&self) -> Option<&SignIn> {
        match &self.kind {
            Kind::Key { .. } => None,
            Kind::Token { sign_in, .. } => Some(sign_in),
        }
    }

    /// The key's id or the user's name.
    pub(super) fn account(&self) -> String {
        match &self.kind {
            Kind::Key { id, .. } => id.clone(),
            Kind::Token { sign_in, user } => sign_in
                .user()
                .map(|found| found.name.unwrap_or(found.id))
                .or_else(|| user.clone())
                .unwrap_or_else(|| "token".to_owned()),
        }
    }

    /// Authorizes a request and returns every stage of the signature; `None` where a token is sent instead.
    pub(super) fn stages(&self, request: &mut WireRequest, stamp: &Stamp) -> Option<Stages> {
        match &self.kind {
            Kind::Key { id, secret, token } => {
                // The identity service is not a service of a project.
                let project = self.project().filter(|_| !iam::LABELS.contains(&request.label));
                sign::usual_headers(request, project, token.as_ref(), stamp.at);
                let stages = sign::stages(request, id, secret, stamp.at);
                request.set_sensitive("authorization", &stages.authorization);
                Some(stages)
            }
            Kind::Token { sign_in, .. } => {
                sign_in.authorize(request);
                None
            }
        }
    }
}

impl Login for HuaweiLogin {
    fn authorize(&self, request: &mut WireRequest, stamp: &Stamp) {
        self.stages(request, stamp);
    }

    fn renewal(&self, now: DateTime<Utc>) -> Option<WireRequest> {
        self.sign_in()?.renewal(now)
    }

    fn renewed(&self, answer: &WireResponse, now: DateTime<Utc>) -> Result<(), ReadFault> {
        if let Some(fault) = fault::read_fault(answer) {
            return Err(fault);
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
