//! Hetzner Cloud as data: limits, logins, settings.

use crate::model::PasswordRule;
use crate::providers::{Facts, LoginFacts};
use std::time::Duration;

/// Longest user data in bytes (documentation: 32 KiB, plain text).
pub(super) const MOST_USER_DATA: usize = 32 * 1024;

/// Settings and credentials, ours first; they are those of the provider's own tool.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("HCLOUD_TOKEN", "API token of the project; wins over a context"),
    ("HCLOUD_CONTEXT", "context of the file of `hcloud`; `--profile` wins over it"),
    ("HCLOUD_CONFIG", "path of the file of `hcloud`, if it is not ~/.config/hcloud/cli.toml"),
];

/// Rebuild of a server.
pub(super) const FACTS: Facts = Facts {
    order_batch: 1,
    observe_batch: 200,
    // 3600 an hour and project, refilled one a second: a burst is allowed, the client slows down when it is told.
    rate: 5,
    timeout: Duration::from_secs(30 * 60),
    must_be: "running or off",
    login: LoginFacts { password: false, key: false, password_always: false, none: true, returned: true },
    // No password is sent: the provider makes one up. The rule is never asked.
    password: PasswordRule {
        min: 8,
        max: 64,
        classes: 3,
        special: "-_.",
        safe_special: "-_.",
        forbidden: &[],
        enforced: true,
    },
    hostname: false,
    user_data: Some(MOST_USER_DATA),
    keep_data: false,
    token_door: None,
};
