//! Limits, rules and fields of the products as data.

use super::microversion::Microversion;
use crate::model::PasswordRule;
use crate::providers::{Facts, Field, FieldKind, LoginFacts};
use std::time::Duration;

/// Settings and credentials, each name on its own: a profile of the configuration may rename any of them.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("OS_CLOUD", "cloud of clouds.yaml, where no profile is chosen"),
    ("OS_CLIENT_CONFIG_FILE", "path of clouds.yaml, by default ~/.config/openstack/clouds.yaml"),
    ("OS_AUTH_TYPE", "password, token, v3applicationcredential, http_basic or none; by default as the rest tells"),
    ("OS_AUTH_URL", "address of the identity service"),
    ("OS_USERNAME", "user"),
    ("OS_USER_ID", "id of the user"),
    ("OS_PASSWORD", "the user's password"),
    ("OS_USER_DOMAIN_NAME", "name of the user's domain"),
    ("OS_USER_DOMAIN_ID", "id of the user's domain"),
    ("OS_PROJECT_NAME", "project"),
    ("OS_PROJECT_ID", "id of the project"),
    ("OS_TENANT_NAME", "another name for the project"),
    ("OS_TENANT_ID", "another name for the project's id"),
    ("OS_PROJECT_DOMAIN_NAME", "name of the project's domain"),
    ("OS_PROJECT_DOMAIN_ID", "id of the project's domain"),
    ("OS_DOMAIN_NAME", "name of the domain, if it is not told for user and project"),
    ("OS_DOMAIN_ID", "id of the domain, if it is not told for user and project"),
    ("OS_DEFAULT_DOMAIN", "domain for user and project that have none of their own"),
    ("OS_DEFAULT_DOMAIN_ID", "the same by id"),
    ("OS_DEFAULT_DOMAIN_NAME", "the same by name"),
    ("OS_SYSTEM_SCOPE", "all: sign in for the whole cloud instead of a project"),
    ("OS_APPLICATION_CREDENTIAL_ID", "id of an application credential"),
    ("OS_APPLICATION_CREDENTIAL_NAME", "its name, which goes with the user"),
    ("OS_APPLICATION_CREDENTIAL_SECRET", "its secret"),
    ("OS_TOKEN", "ready token; it is not renewed"),
    ("OS_REGION_NAME", "region"),
    ("OS_INTERFACE", "which addresses of the catalogue: public, internal or admin"),
    ("OS_ENDPOINT_TYPE", "another name for the interface"),
    ("OS_ENDPOINT", "address of a standalone service, with http_basic or none"),
    ("OS_CACERT", "file with the cloud's own certificate authorities"),
];

/// Nova: page "Rebuild server (rebuild action)".
pub(super) const NOVA: Facts = Facts {
    order_batch: 1,
    observe_batch: 100,
    // No limit of its own; operators set one.
    rate: 10,
    timeout: Duration::from_secs(30 * 60),
    must_be: "running, stopped or in error",
    login: LoginFacts { password: true, key: true, password_always: false, none: true, returned: false },
    // Nova takes any text. These bounds are ours: long enough to be worth something, and typed on any keyboard.
    password: PasswordRule {
        min: 8,
        max: 128,
        classes: 2,
        special: "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        safe_special: "!@%^-_=+:,.?",
        forbidden: &[],
        enforced: false,
    },
    hostname: true,
    // 65535 characters of base64.
    user_data: Some(49_149),
    keep_data: false,
    token_door: None,
};

/// Fields of the rebuild call that `--set` takes.
pub(super) const NOVA_FIELDS: &[Field] = &[
    Field { name: "name", kind: FieldKind::Text, help: "new name of the server" },
    Field { name: "description", kind: FieldKind::Text, help: "new description (2.19)" },
    Field { name: "metadata", kind: FieldKind::Json, help: "object of texts that replaces the server's metadata" },
    Field {
        name: "preserve_ephemeral",
        kind: FieldKind::Flag,
        help: "keep the ephemeral disk; only some hypervisors can",
    },
    Field { name: "accessIPv4", kind: FieldKind::Text, help: "IPv4 address that the server is shown with" },
    Field { name: "accessIPv6", kind: FieldKind::Text, help: "IPv6 address that the server is shown with" },
    Field {
        name: "OS-DCF:diskConfig",
        kind: FieldKind::OneOf(&["AUTO", "MANUAL"]),
        help: "whether the image's partition is grown to the whole disk",
    },
];

/// Since when the rebuild call takes a field; what is not here was always there.
pub(super) const SINCE: &[(&str, Microversion)] = &[
    ("description", Microversion(2, 19)),
    ("key_name", Microversion(2, 54)),
    ("user_data", Microversion(2, 57)),
    ("hostname", Microversion(2, 90)),
];

/// Since when a server that boots from a volume can be rebuilt with an image.
pub(super) const VOLUME: Microversion = Microversion(2, 93);
/// Since when a host name may have dots.
pub(super) const FQDN: Microversion = Microversion(2, 94);
