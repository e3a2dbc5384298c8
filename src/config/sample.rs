//! Vendors that exist for the tests of this module alone.

use crate::model::PasswordRule;
use crate::providers::{Entry, Facts, Field, FieldKind, LoginFacts, Product, SetupError, Sources, Vendor};
use std::time::Duration;

const fn facts() -> Facts {
    Facts {
        order_batch: 1,
        observe_batch: 10,
        rate: 2,
        timeout: Duration::from_secs(1800),
        must_be: "stopped",
        login: LoginFacts { password: true, key: true, password_always: false, none: false, returned: false },
        password: PasswordRule {
            min: 8,
            max: 16,
            classes: 3,
            special: "!@",
            safe_special: "!@",
            forbidden: &[],
            enforced: true,
        },
        hostname: true,
        user_data: None,
        keep_data: false,
        token_door: None,
    }
}

fn build(_: &dyn Sources) -> Result<Box<dyn Product>, SetupError> {
    Err(SetupError::MissingSetting { vendor: "acme", key: "region", next_step: String::new() })
}

const fn entry(id: &'static str, aliases: &'static [&'static str], fields: &'static [Field]) -> Entry {
    Entry { id, aliases, about: "a product for tests", facts: facts(), fields, build }
}

fn no_emulator() -> Box<dyn crate::sandbox::Emulator> {
    panic!("these vendors have no emulator")
}

/// Fields of every kind.
pub(super) static FIELDS: &[Field] = &[
    Field { name: "diskType", kind: FieldKind::Text, help: "kind of the system disk" },
    Field { name: "wipe", kind: FieldKind::Flag, help: "wipe the data disks" },
    Field { name: "raid", kind: FieldKind::OneOf(&["raid0", "raid1"]), help: "layout of the disks" },
    Field { name: "metadata", kind: FieldKind::Json, help: "key and value pairs" },
    Field { name: "licence", kind: FieldKind::Secret, help: "key of the licence" },
];

/// Two products, so that its name is a family.
pub(super) static ACME: Vendor = Vendor {
    name: "acme",
    title: "Acme Cloud",
    products: &[entry("acme-metal", &[], FIELDS), entry("acme-virtual", &["acme-vm"], &[])],
    variables: &[
        ("ACME_ACCESS_KEY_ID", "id of the access key"),
        ("ACME_ACCESS_KEY_SECRET", "the access key's secret"),
        ("ACME_REGION", "region"),
    ],
    sign: |_, _, _, _| Ok(None),
    emulator: no_emulator,
};

/// One product, whose alias is the vendor's name.
pub(super) static SOLO: Vendor = Vendor {
    name: "solo",
    title: "Solo Cloud",
    products: &[entry("solo-box", &["solo"], &[])],
    variables: &[("SOLO_TOKEN", "token")],
    sign: |_, _, _, _| Ok(None),
    emulator: no_emulator,
};

/// Both.
pub(super) static VENDORS: &[&Vendor] = &[&ACME, &SOLO];
