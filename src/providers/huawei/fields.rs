//! Limits, rules and fields of the products as data.

use crate::model::PasswordRule;
use crate::providers::{Facts, Field, FieldKind, LoginFacts};
use std::time::Duration;

/// ECS: pages of `reinstallos` and `changeos`.
pub(super) const ECS: Facts = Facts {
    order_batch: 1,
    observe_batch: 100,
    // No limit is published.
    rate: 10,
    timeout: Duration::from_secs(30 * 60),
    must_be: "stopped, or running (the call stops it)",
    login: LoginFacts { password: true, key: true, password_always: false, none: true },
    password: PasswordRule {
        min: 8,
        max: 26,
        classes: 3,
        // The Chinese page of 2024 has the last three as well.
        special: "!@$%^-_=+[{}]:,./?~#*",
        safe_special: "!@$%^-_=+[{}]:,./?",
        forbidden: &["administrator"],
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
    login: LoginFacts { password: true, key: false, password_always: true, none: false },
    password: PasswordRule {
        min: 8,
        max: 26,
        classes: 3,
        special: "!@$%^-_=+[{}]:,./?",
        safe_special: "!@$%^-_=+[{}]:,./?",
        forbidden: &["root", "administrator"],
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
