//! Limits, rules and fields of the products as data.

use crate::model::PasswordRule;
use crate::providers::{Facts, Field, FieldKind, LoginFacts};
use std::time::Duration;

/// Settings and credentials, each name on its own: a profile of the configuration may rename any of them.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("HUAWEICLOUD_SDK_AK", "access key id"),
    ("HUAWEICLOUD_SDK_SK", "secret access key"),
    ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "security token of a temporary access key"),
    ("HUAWEICLOUD_SDK_PROJECT_ID", "project id; by default the region's project"),
    ("HUAWEICLOUD_REGION", "region"),
    ("HUAWEICLOUD_SDK_IAM_ENDPOINT", "address of the identity service"),
    ("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "the SDKs' file, by default ~/.huaweicloud/credentials"),
    ("HW_ACCESS_KEY", "access key id, as Terraform takes it"),
    ("HW_SECRET_KEY", "secret access key, as Terraform takes it"),
    ("HW_SECURITY_TOKEN", "security token of a temporary access key, as Terraform takes it"),
    ("HW_USER_NAME", "IAM user for token sign-in, as Terraform takes it"),
    ("HW_USER_PASSWORD", "the user's password, as Terraform takes it"),
    ("HW_DOMAIN_NAME", "name of the user's account, as Terraform takes it"),
    ("HW_DOMAIN_ID", "id of the user's account, as Terraform takes it"),
    ("HW_AUTH_TOKEN", "ready token, as Terraform takes it; it is not renewed"),
    ("HW_AUTH_URL", "address of the identity service, as Terraform takes it"),
    ("HW_REGION_NAME", "region, as Terraform takes it"),
    ("HW_PROJECT_ID", "project id, as Terraform takes it"),
    ("HW_PROJECT_NAME", "project name, as Terraform takes it"),
    ("HW_CLOUD", "domain behind the region in every host name"),
    ("OS_ACCESS_KEY", "access key id, as Open Telekom Cloud's tools take it"),
    ("OS_ACCESS_KEY_ID", "another name for it"),
    ("OS_AK", "another name for it"),
    ("OS_SECRET_KEY", "secret access key, as Open Telekom Cloud's tools take it"),
    ("OS_ACCESS_KEY_SECRET", "another name for it"),
    ("OS_SK", "another name for it"),
    ("OS_SECURITY_TOKEN", "security token of a temporary access key, as Open Telekom Cloud's tools take it"),
    ("OS_USERNAME", "user for token sign-in, as OpenStack's tools take it"),
    ("OS_USER_ID", "id of that user"),
    ("OS_PASSWORD", "the user's password"),
    ("OS_USER_DOMAIN_NAME", "name of the user's domain"),
    ("OS_USER_DOMAIN_ID", "id of the user's domain"),
    ("OS_DOMAIN_NAME", "name of the user's domain, if it is not told as such"),
    ("OS_DOMAIN_ID", "id of the user's domain, if it is not told as such"),
    ("OS_TOKEN", "ready token; it is not renewed"),
    ("OS_AUTH_TOKEN", "another name for it"),
    ("OS_AUTH_URL", "address of the identity service, as OpenStack's tools take it"),
    ("OS_REGION_NAME", "region, as OpenStack's tools take it"),
    ("OS_PROJECT_ID", "project id, as OpenStack's tools take it"),
    ("OS_TENANT_ID", "another name for it"),
    ("OS_PROJECT_NAME", "project name, as OpenStack's tools take it"),
    ("OS_CLOUD", "entry of clouds.yaml, where no profile is chosen"),
];

/// ECS: pages of `reinstallos` and `changeos`.
pub(super) const ECS: Facts = Facts {
    order_batch: 1,
    observe_batch: 100,
    // No limit is published.
    rate: 10,
    timeout: Duration::from_secs(30 * 60),
    must_be: "stopped, or running (the call stops it)",
    login: LoginFacts { password: true, key: true, password_always: false, none: true, returned: false },
    password: PasswordRule {
        min: 8,
        max: 26,
        classes: 3,
        // The Chinese page of 2024 has the last three as well.
        special: "!@$%^-_=+[{}]:,./?~#*",
        safe_special: "!@$%^-_=+[{}]:,./?",
        forbidden: &["administrator"],
        enforced: true,
    },
    hostname: false,
    user_data: Some(32 * 1024),
    keep_data: false,
    token_door: None,
};

/// CloudDC: page `ReinstallOS`. It documents 50 servers a call, the SDKs' comments 10.
pub(super) const CLOUDDC: Facts = Facts {
    order_batch: 10,
    observe_batch: 100,
    rate: 5,
    timeout: Duration::from_secs(90 * 60),
    must_be: "running, or its last installation failed",
    login: LoginFacts { password: true, key: false, password_always: true, none: false, returned: false },
    password: PasswordRule {
        min: 8,
        max: 26,
        classes: 3,
        special: "!@$%^-_=+[{}]:,./?",
        safe_special: "!@$%^-_=+[{}]:,./?",
        forbidden: &["root", "administrator"],
        enforced: true,
    },
    hostname: false,
    user_data: None,
    keep_data: false,
    token_door: None,
};

/// Keys of ECS's `metadata` that may be set; user data has an option of its own.
pub(super) const METADATA: [&str; 3] = ["__system__encrypted", "__system__cmkid", "BYOL"];

/// Fields of ECS's calls.
pub(super) const ECS_FIELDS: &[Field] = &[
    Field {
        name: "api",
        kind: FieldKind::OneOf(&["v1", "v2"]),
        help: "v1 for images without Cloud-Init, v2 with it; by default as the image tells",
    },
    Field {
        name: "userid",
        kind: FieldKind::Text,
        help: "id of the IAM user who owns the key pair; by default the caller's",
    },
    Field {
        name: "mode",
        kind: FieldKind::OneOf(&["withStopServer"]),
        help: "the call stops a running server; by default sent for a running one",
    },
    Field {
        name: "metadata",
        kind: FieldKind::Json,
        help: "object of texts: __system__encrypted, __system__cmkid, BYOL",
    },
    Field { name: "BYOL", kind: FieldKind::Flag, help: "own licence for the image (in metadata)" },
    Field {
        name: "isAutoPay",
        kind: FieldKind::Flag,
        help: "with another image: pay what it costs on a yearly/monthly server at once",
    },
];
