//! What is known of the product before anything is read: limits, rules, fields, settings.

use crate::model::PasswordRule;
use crate::providers::{Facts, Field, FieldKind, LoginFacts};
use std::time::Duration;

/// Name of the `--set` field and of the setting that carry the token of operation protection.
pub(super) const SECURITY_TOKEN: &str = "securityToken";

/// Kinds of image that the call takes.
pub(super) const IMAGE_TYPES: &[&str] = &["standard", "standard_app"];

/// Settings and credentials.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("JDCLOUD_ACCESS_KEY_ID", "id of the access key"),
    ("JDCLOUD_SECRET_ACCESS_KEY", "secret half of the access key"),
    ("JDCLOUD_SESSION_TOKEN", "session token of a temporary key"),
    ("JDCLOUD_SECURITY_TOKEN", "token of operation protection for stop and reinstall"),
    ("JDCLOUD_REGION", "region of the servers, such as cn-north-1"),
    ("JDCLOUD_AK", "id of the access key, read if ours is not set"),
    ("JDCLOUD_SK", "secret half of the access key, read if ours is not set"),
];

/// Fields of `instanceSpec` that are read from the server and may be overridden, and the token.
///
/// Source: <https://docs.jdcloud.com/en/cloud-physical-server/api/reinstallinstance>.
pub(super) const FIELDS: &[Field] = &[
    Field { name: "az", kind: FieldKind::Text, help: "availability zone; left out: the server's own" },
    Field {
        name: "imageType",
        kind: FieldKind::OneOf(IMAGE_TYPES),
        help: "kind of image; left out: the kind the server has now",
    },
    Field { name: "osTypeId", kind: FieldKind::Text, help: "operating system id, the same as --image ID" },
    Field { name: "sysRaidTypeId", kind: FieldKind::Text, help: "RAID of the system disks; left out: the present one" },
    Field {
        name: "dataRaidTypeId",
        kind: FieldKind::Text,
        help: "RAID of the data disks; left out: the present one; another one formats them and needs --wipe-data",
    },
    Field {
        name: SECURITY_TOKEN,
        kind: FieldKind::Secret,
        help: "token of operation protection, sent with stop and reinstall",
    },
];

/// Limits and rules.
///
/// Sources: the API pages of the operations; the request limit of a thousand calls a minute from
/// <https://docs.jdcloud.com/en/common-declaration/api/introduction>; the user data limit from the product's
/// User-Data page; password rules from the General-Parameters page that the API pages refer to.
pub(super) const FACTS: Facts = Facts {
    order_batch: 1,
    observe_batch: 100,
    rate: 10,
    timeout: Duration::from_secs(90 * 60),
    must_be: "stopped",
    login: LoginFacts { password: true, key: true, password_always: true, none: false, returned: false },
    password: PASSWORD,
    hostname: true,
    user_data: Some(USER_DATA_MAX),
    keep_data: true,
    token_door: Some(Duration::from_secs(10 * 60)),
};

/// Most bytes of user data before Base64; 21 848 after it.
pub(super) const USER_DATA_MAX: usize = 16 * 1024;

/// The rule of the common parameters page. The last three texts are keyboard runs that a generated password could
/// hold; [`super::rules`] refuses the others.
const PASSWORD: PasswordRule = PasswordRule {
    min: 8,
    max: 30,
    classes: 3,
    special: "()`~!@#$%&_-+={}[]:\";'<>,.?/\\*",
    safe_special: "!@#%_-+=",
    forbidden: &["jd", "360", "bug", "com", "cloud", "password", "wer", "ert", "zxc"],
    enforced: true,
};
