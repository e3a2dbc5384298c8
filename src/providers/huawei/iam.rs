//! Calls of the identity service that settle project and user.
//!
//! Source: IAM API reference, `KeystoneListProjects` and `ShowPermanentAccessKey`.

use super::endpoints::{Endpoints, below};
use crate::model::{ApiError, FaultClass};
use crate::sign::keystone;
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;
use serde::Deserialize;

const PROJECTS: &str = "GET /v3/projects";
const KEY_OWNER: &str = "GET /v3.0/OS-CREDENTIAL/credentials";

/// Labels of all calls that go to the identity service.
pub(super) const LABELS: [&str; 4] = [keystone::ISSUE, keystone::VALIDATE, PROJECTS, KEY_OWNER];

#[derive(Deserialize)]
struct Projects {
    projects: Vec<Project>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: Option<String>,
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Owner {
    credential: OwnerOfKey,
}

#[derive(Deserialize)]
struct OwnerOfKey {
    user_id: String,
}

fn local(class: FaultClass, kind: &str, message: String, next_step: &str) -> ReadFault {
    ReadFault { class, error: ApiError::local(kind, message).advise(next_step) }
}

/// Finds the id of the one project of this name, which is the region's name as a rule.
///
/// # Errors
/// `NotFound` for none, `Invalid` for several, and whatever the read itself met.
pub(super) async fn project(api: &dyn Api, endpoints: &Endpoints, name: &str) -> Result<String, ReadFault> {
    let url = below(&endpoints.identity, &["projects"], &[("name", name)]);
    let mut found = api.read(WireRequest::new(Method::GET, url, PROJECTS)).await?.parse::<Projects>()?.projects;
    found.retain(|project| project.enabled != Some(false) && project.name.as_deref().is_none_or(|found| found == name));
    match found.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(local(
            FaultClass::NotFound,
            "no_project",
            format!("the account has no project `{name}`"),
            "check the region, open it in the console once, or give `--project ID`",
        )),
        several => {
            let ids: Vec<&str> = several.iter().map(|project| project.id.as_str()).collect();
            Err(local(
                FaultClass::Invalid,
                "several_projects",
                format!("the account has several projects `{name}`: {}", ids.join(", ")),
                "choose one with `--project ID`",
            ))
        }
    }
}

/// Finds the user that an access key belongs to.
///
/// # Errors
/// `Invalid` for a temporary key, which the service does not list, and whatever the read itself met.
pub(super) async fn owner(
    api: &dyn Api,
    endpoints: &Endpoints,
    key: &str,
    temporary: bool,
) -> Result<String, ReadFault> {
    if temporary {
        return Err(local(
            FaultClass::Invalid,
            "no_user",
            "a temporary access key does not tell whose it is".to_owned(),
            "give the IAM user's id with `--set userid=ID`",
        ));
    }
    let url = below(&endpoints.identity_root(), &["v3.0", "OS-CREDENTIAL", "credentials", key], &[]);
    let answer = api.read(WireRequest::new(Method::GET, url, KEY_OWNER)).await?;
    Ok(answer.parse::<Owner>()?.credential.user_id)
}
