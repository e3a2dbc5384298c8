//! Huawei Cloud and the clouds built on it: ECS and CloudDC. See `README.md` in this folder.

mod account;
mod clouddc;
mod credentials;
mod ecs;
mod endpoints;
mod fault;
mod fields;
mod files;
mod iam;
mod images;
mod keys;
mod login;
mod sandbox;
pub mod sign;
#[cfg(test)]
mod tests;
mod wire;

use crate::providers::{SetupError, Sources, Vendor};
use crate::sign::Stages;
use crate::wire::{Stamp, WireRequest};

/// The vendor's line in the registry.
pub static VENDOR: Vendor = Vendor {
    name: "huawei",
    title: "Huawei Cloud, Open Telekom Cloud and relatives",
    products: &[ecs::ENTRY, clouddc::ENTRY],
    variables: fields::VARIABLES,
    sign: |sources, request, stamp, _| sign(sources, request, stamp),
    emulator: sandbox::emulator,
};

/// Authorizes a request as the credentials in the sources would, and shows every stage of the signature;
/// `None` where a token is sent instead of a signature.
///
/// # Errors
/// As reading credentials and settings.
pub fn sign(sources: &dyn Sources, request: &mut WireRequest, stamp: &Stamp) -> Result<Option<Stages>, SetupError> {
    Ok(account::Account::read(sources)?.login.stages(request, stamp))
}
