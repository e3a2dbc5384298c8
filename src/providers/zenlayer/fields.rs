//! Zenlayer's products as data: limits, password rules, fields for `--set`, settings.

use crate::model::PasswordRule;
use crate::providers::{Facts, Field, FieldKind, LoginFacts};
use std::time::Duration;

/// Special characters that every version of both pages allows.
const SAFE_SPECIAL: &str = "~!@$^*-_=+";

/// Longest user data in bytes (documentation: 32 KB for BMC; no figure for ZEC, taken from its sisters).
pub(super) const MOST_USER_DATA: usize = 32 * 1024;

/// Settings and credentials, ours first.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("ZENLAYER_TOKEN", "access token; wins over an access key"),
    ("ZENLAYER_ACCESS_KEY_ID", "id of the access key"),
    ("ZENLAYER_ACCESS_KEY_SECRET", "secret of the access key (the console calls it password)"),
    ("ZENLAYERCLOUD_ACCESS_KEY_ID", "id of the access key, as the Terraform provider reads it"),
    ("ZENLAYERCLOUD_ACCESS_KEY_PASSWORD", "secret of the access key, as the Terraform provider reads it"),
    ("ZENLAYER_PROFILE", "profile of ~/.zenlayer/credentials.json"),
];

/// Bare metal (documentation: compute/bmc/bare-metal-instance/reinstallinstance).
pub(super) const BMC_FACTS: Facts = Facts {
    order_batch: 1,
    observe_batch: super::reads::MOST_IDS,
    // No figure is documented anywhere.
    rate: 5,
    timeout: Duration::from_secs(90 * 60),
    must_be: "running or stopped",
    login: LoginFacts { password: true, key: true, password_always: false, none: true, returned: false },
    password: PasswordRule {
        min: 8,
        max: 16,
        classes: 4,
        // The page prints `1~!@$^*-_=+`; whether a backtick was meant, the provider tells.
        special: "~!@$^*-_=+`",
        safe_special: SAFE_SPECIAL,
        forbidden: &[],
        enforced: true,
    },
    hostname: true,
    user_data: Some(MOST_USER_DATA),
    keep_data: false,
    token_door: None,
};

/// Elastic compute (documentation: compute/zec/instance/resetinstance).
pub(super) const ZEC_FACTS: Facts = Facts {
    order_batch: 1,
    observe_batch: super::reads::MOST_IDS,
    rate: 5,
    timeout: Duration::from_secs(30 * 60),
    must_be: "stopped",
    login: LoginFacts { password: true, key: true, password_always: false, none: true, returned: false },
    password: PasswordRule {
        min: 8,
        max: 16,
        classes: 4,
        // The widest of three versions of the page.
        special: "~!@$^*-_=+`|;:,.?",
        safe_special: SAFE_SPECIAL,
        forbidden: &[],
        enforced: true,
    },
    hostname: false,
    user_data: Some(MOST_USER_DATA),
    keep_data: false,
    token_door: None,
};

/// Fields of BMC `ReinstallInstance`.
pub(super) const BMC_FIELDS: &[Field] = &[
    Field {
        name: "raidConfig",
        kind: FieldKind::Json,
        help: "RAID: {\"raidType\": 0|1|5|10} or {\"customRaids\": [{\"raidType\", \"diskSequence\"}]}",
    },
    Field {
        name: "partitions",
        kind: FieldKind::Json,
        help: "partitions: [{\"fsPath\", \"fsType\", \"size\" in GB}], the first one `/` or `C`",
    },
    Field { name: "nic", kind: FieldKind::Json, help: "interface names: {\"wanName\", \"lanName\"}" },
    Field {
        name: "ipxeUrl",
        kind: FieldKind::Text,
        help: "install by iPXE from this address, or `netboot`; takes the place of an image",
    },
];

/// Fields of ZEC `ResetInstance`.
pub(super) const ZEC_FIELDS: &[Field] = &[
    Field { name: "timezone", kind: FieldKind::Text, help: "time zone such as Asia/Shanghai; left out: unchanged" },
    Field { name: "enableAgent", kind: FieldKind::Flag, help: "QEMU guest agent; left out: as the server has it" },
    Field { name: "instanceName", kind: FieldKind::Text, help: "new name: 2 to 63 letters, digits, `-` and `.`" },
];
