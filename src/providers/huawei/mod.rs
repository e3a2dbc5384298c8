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
    variables: &[
        ("HUAWEICLOUD_SDK_AK", "access key id"),
        ("HUAWEICLOUD_SDK_SK", "secret access key"),
        ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "security token of a temporary access key"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "project id; by default the region's project"),
        ("HUAWEICLOUD_REGION", "region"),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT", "address of the identity service"),
        ("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "the SDKs' file, by default ~/.huaweicloud/credentials"),
        ("HW_ACCESS_KEY, HW_SECRET_KEY, HW_SECURITY_TOKEN", "access key as Terraform takes it"),
        ("HW_USER_NAME, HW_USER_PASSWORD, HW_DOMAIN_NAME", "IAM user as Terraform takes it: token sign-in"),
        ("HW_AUTH_TOKEN, HW_AUTH_URL", "token and identity service as Terraform takes them"),
        ("HW_REGION_NAME, HW_PROJECT_ID, HW_PROJECT_NAME", "region and project as Terraform takes them"),
        ("HW_CLOUD", "domain behind the region in every host name"),
        ("OS_ACCESS_KEY, OS_SECRET_KEY (or OS_AK, OS_SK)", "access key as Open Telekom Cloud's tools take it"),
        ("OS_USERNAME, OS_PASSWORD, OS_USER_DOMAIN_NAME", "user as OpenStack's tools take it: token sign-in"),
        ("OS_AUTH_URL, OS_PROJECT_NAME, OS_PROJECT_ID", "identity service and project as OpenStack's tools take them"),
        ("OS_TOKEN", "ready token; it is not renewed"),
        ("OS_CLOUD", "entry of clouds.yaml, where no profile is chosen"),
    ],
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
