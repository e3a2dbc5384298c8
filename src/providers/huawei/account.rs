//! What both products share: login, addresses, project and user.

use super::credentials;
use super::endpoints::Endpoints;
use super::iam;
use super::login::HuaweiLogin;
use crate::model::{ApiError, FaultClass};
use crate::providers::{SetupError, Sources};
use crate::wire::{Api, ReadFault};
use std::sync::OnceLock;

/// An account in a region.
pub(super) struct Account {
    pub(super) login: HuaweiLogin,
    pub(super) endpoints: Endpoints,
    pub(super) region: Option<String>,
    pub(super) origins: Vec<(&'static str, String)>,
    project_name: Option<String>,
    user: OnceLock<String>,
}

impl Account {
    /// Reads credentials and settings; no network.
    ///
    /// # Errors
    /// As the credentials' reader and the table of addresses tell.
    pub(super) fn read(sources: &dyn Sources) -> Result<Self, SetupError> {
        let mut settings = credentials::settle(sources)?;
        let region = settings.region.clone();
        let endpoints = Endpoints::settle(sources, region.as_deref(), settings.identity.take())?;
        let origins = std::mem::take(&mut settings.origins);
        let project_name = settings.project_name.clone();
        let login = HuaweiLogin::new(settings, endpoints.identity.clone())?;
        Ok(Self { login, endpoints, region, origins, project_name, user: OnceLock::new() })
    }

    /// Settles the project: as configured, else the token's, else the one that is named after the region.
    ///
    /// # Errors
    /// A fault that says how to choose one, and whatever the reads met.
    pub(super) async fn connect(&self, api: &dyn Api) -> Result<(), ReadFault> {
        if let Some(sign_in) = self.login.sign_in() {
            let asked = match api.read(sign_in.validation()).await {
                Ok(answer) => sign_in.validated(&answer),
                Err(fault) => Err(fault),
            };
            match (sign_in.project(), self.login.project()) {
                (Some(token), Some(wanted)) if token.id != wanted => {
                    return Err(ReadFault {
                        class: FaultClass::Denied,
                        error: ApiError::local(
                            "credentials",
                            format!("the token belongs to project {}, not to {wanted}", token.id),
                        )
                        .advise("give that project with `--project`, or a token of the other one"),
                    });
                }
                (Some(token), None) => self.login.settle_project(token.id),
                // A sign-in tells its project; whoever may not ask about tokens still has it.
                (Some(_), Some(_)) => {}
                (None, _) => asked?,
            }
        }
        if self.login.project().is_some() {
            return Ok(());
        }
        let Some(name) = self.project_name.as_deref().or(self.region.as_deref()) else {
            return Err(self.no_project());
        };
        let id = iam::project(api, &self.endpoints, name).await?;
        self.login.settle_project(id);
        Ok(())
    }

    fn no_project(&self) -> ReadFault {
        ReadFault {
            class: FaultClass::Invalid,
            error: ApiError::local("no_project", "the project is not known".to_owned())
                .advise("give `--project ID` or `--region`"),
        }
    }

    /// The project.
    ///
    /// # Errors
    /// `Invalid` before [`Account::connect`] has settled it.
    pub(super) fn project(&self) -> Result<&str, ReadFault> {
        self.login.project().ok_or_else(|| self.no_project())
    }

    /// The id of the IAM user who is calling, read once.
    ///
    /// # Errors
    /// Whatever the read met; a temporary key and a foreign token do not tell.
    pub(super) async fn user_id(&self, api: &dyn Api) -> Result<String, ReadFault> {
        if let Some(id) = self.user.get() {
            return Ok(id.clone());
        }
        let id = match (self.login.key(), self.login.sign_in().and_then(|sign_in| sign_in.user())) {
            (Some((key, temporary)), _) => iam::owner(api, &self.endpoints, key, temporary).await?,
            (None, Some(user)) => user.id,
            (None, None) => {
                return Err(ReadFault {
                    class: FaultClass::Invalid,
                    error: ApiError::local("no_user", "the token does not tell whose it is".to_owned())
                        .advise("give the IAM user's id with `--set userid=ID`"),
                });
            }
        };
        Ok(self.user.get_or_init(|| id).clone())
    }
}
