//! Ironic as data: limits, fields for `--set`, variables.

use crate::model::PasswordRule;
use crate::providers::{Facts, Field, FieldKind, LoginFacts};
use std::time::Duration;

/// Nodes in one look: a look at more than one reads the list, and no list is filtered by ids.
pub(super) const MOST_WATCHED: usize = 100;

/// Longest user data: Ironic names no figure, this one is ours.
const MOST_USER_DATA: usize = 64 * 1024;

/// Limits and rules.
pub(super) const FACTS: Facts = Facts {
    order_batch: 1,
    observe_batch: MOST_WATCHED,
    // No limit is documented; the conductor does the work.
    rate: 10,
    timeout: Duration::from_secs(2 * 60 * 60),
    must_be: "running, stopped or deploy failed",
    // Keys go into the config drive by their text; there is no list of key pairs, and no password.
    login: LoginFacts { password: false, key: false, password_always: false, none: true, returned: false },
    password: PasswordRule {
        min: 8,
        max: 16,
        classes: 4,
        special: "-_=+",
        safe_special: "-_=+",
        forbidden: &[],
        enforced: true,
    },
    hostname: true,
    user_data: Some(MOST_USER_DATA),
    keep_data: false,
    token_door: None,
};

/// Fields of `instance_info` that belong to the image: set together with it, or taken out with it.
pub(super) const OF_IMAGE: [&str; 7] = [
    "image_checksum",
    "image_os_hash_algo",
    "image_os_hash_value",
    "image_type",
    "image_disk_format",
    "kernel",
    "ramdisk",
];

/// Fields of the order.
pub(super) const FIELDS: &[Field] = &[
    Field { name: "public_keys", kind: FieldKind::Lines, help: "public ssh keys for the config drive, one a line" },
    Field {
        name: "meta_data",
        kind: FieldKind::Json,
        help: "further entries of the config drive's meta_data: an object",
    },
    Field { name: "network_data", kind: FieldKind::Json, help: "the config drive's network_data: an object" },
    Field { name: "vendor_data", kind: FieldKind::Json, help: "the config drive's vendor_data: an object" },
    Field {
        name: "deploy_steps",
        kind: FieldKind::Json,
        help: "deploy steps: [{\"interface\", \"step\", \"args\", \"priority\"}]",
    },
    Field { name: "image_checksum", kind: FieldKind::Text, help: "checksum of the image, or the address of one" },
    Field {
        name: "image_os_hash_algo",
        kind: FieldKind::OneOf(&["sha256", "sha512", "md5"]),
        help: "algorithm of image_os_hash_value",
    },
    Field { name: "image_os_hash_value", kind: FieldKind::Text, help: "hash of the image" },
    Field {
        name: "image_type",
        kind: FieldKind::OneOf(&["whole-disk", "partition"]),
        help: "what the image holds; left out, Ironic decides",
    },
    Field { name: "image_disk_format", kind: FieldKind::OneOf(&["raw", "qcow2"]), help: "format of the image" },
    Field { name: "kernel", kind: FieldKind::Text, help: "kernel of a partition image: id or address" },
    Field { name: "ramdisk", kind: FieldKind::Text, help: "ramdisk of a partition image: id or address" },
];
