use super::*;
use crate::config::sample::VENDORS;
use crate::model::{Exit, Refusal};

fn read(text: &str) -> Result<Document, ConfigError> {
    parse(text, "config.toml", VENDORS)
}

fn fault(text: &str) -> ConfigError {
    read(text).expect_err(text)
}

const FULL: &str = r#"
default_profile = "prod"

[defaults]
output = "json"
color = "never"
concurrency = 4
max-failures = "20%"
poll_interval = "20s"
start-window = "10m"
timeout = "1h"
power-off = "never"
power_on = "auto"
state-dir = "~/state"
no-input = true

[profiles.prod]
region = "r-1"
project = "p-1"
concurrency = 2

[profiles.prod.acme]
region = "r-2"
credentials_profile = "work"
endpoint = "https://acme.example.org"
variables = { ACME_ACCESS_KEY_ID = "PROD_ID", ACME_ACCESS_KEY_SECRET = "PROD_SECRET" }

[profiles."a name with spaces"]
"#;

#[test]
fn every_documented_key_is_read_in_both_spellings() {
    let document = read(FULL).expect("a good file");
    assert_eq!(document.default_profile.expect("named").text, "prod");
    assert_eq!(document.defaults["max-failures"], Written { text: "20%".to_owned(), line: 8 });
    assert_eq!(document.defaults["concurrency"].text, "4");
    assert_eq!(document.defaults["no-input"].text, "true");
    let prod = &document.profiles["prod"];
    assert_eq!(prod.values["region"].text, "r-1");
    let acme = &prod.vendors["acme"];
    assert_eq!(acme.values["region"].text, "r-2");
    assert_eq!(acme.credentials_profile.as_ref().expect("named").text, "work");
    assert_eq!(acme.variables["ACME_ACCESS_KEY_SECRET"].text, "PROD_SECRET");
    assert!(document.profiles.contains_key("a name with spaces"));
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_known_one() {
    for (text, says) in [
        (
            "\n[defaults]\npoll_intervall = \"2s\"",
            "config.toml:3: unknown key `poll_intervall` in [defaults]; did you mean `poll_interval`?",
        ),
        ("[default]\n", "config.toml:1: unknown key `default` in the top level; did you mean `defaults`?"),
        ("[profiles.a]\nregoin = \"x\"", "config.toml:2: unknown key `regoin` in [profiles.a]; did you mean `region`?"),
        ("[profiles.a.acmee]\n", "config.toml:1: unknown key `acmee` in [profiles.a]; did you mean `acme`?"),
        ("[profiles.a.acme]\nbanana = 1", "config.toml:2: unknown key `banana` in [profiles.a.acme]"),
        (
            "[profiles.a.acme.variables]\nACME_REGIN = \"X\"",
            "config.toml:2: unknown key `ACME_REGIN` in [profiles.a.acme.variables]; did you mean `ACME_REGION`?",
        ),
    ] {
        let fault = fault(text);
        assert_eq!(fault.to_string(), says);
        assert_eq!(fault.exit(), Exit::Config);
        assert!(Refusal::from(fault).next_step.contains("known keys"));
    }
}

#[test]
fn a_key_that_looks_like_a_secret_is_refused_and_its_value_is_not_shown() {
    for key in
        ["password", "secret_access_key", "SecretKey", "ak", "sk", "access-key-id", "api_key", "token", "root_password"]
    {
        for table in ["defaults", "profiles.a", "profiles.a.acme"] {
            let fault = fault(&format!("[{table}]\n{key} = \"hunter2\""));
            assert!(matches!(&fault, ConfigError::SecretInFile { at } if at.line == 2), "{table} {key}: {fault}");
            let shown = format!("{fault} {fault:?} {}", fault.next_step());
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("variables"), "{shown}");
        }
    }
}

#[test]
fn a_broken_line_is_named_and_not_quoted() {
    for text in [
        "[defaults]\nreason = \"hunter2",
        "[profiles.a.acme]\npassword = hunter2",
        "[defaults]\nx = 'hunter2' 'hunter2'",
        "[defaults]\nhunter2",
        "[defaults]\ntimeout = \"1h\"\ntimeout = \"hunter2\"",
    ] {
        let fault = fault(text);
        assert!(matches!(fault, ConfigError::Syntax { line: 2 | 3, .. }), "{fault:?}");
        assert!(!format!("{fault} {fault:?} {}", fault.next_step()).contains("hunter2"), "{fault:?}");
    }
}

#[test]
fn a_pasted_key_in_place_of_a_variables_name_is_refused_and_not_shown() {
    for value in ["hunter2", "AKIA+/x=", "", "9LIVES", "REINSTALL_REGION"] {
        let fault = fault(&format!("[profiles.a.acme.variables]\nACME_REGION = \"{value}\""));
        assert!(matches!(fault, ConfigError::WrongType { ref at, .. } if at.line == 2), "{fault:?}");
        assert!(value.is_empty() || !format!("{fault} {fault:?}").contains(value), "{fault:?}");
    }
}

#[test]
fn what_belongs_elsewhere_says_where() {
    for (text, says) in [
        ("[defaults]\nyes = true", "what is wiped is said on the command line"),
        ("[profiles.a]\nexpect-count = 3", "what is wiped is said on the command line"),
        ("[profiles.a]\ninstance = \"i-1\"", "what is wiped is said on the command line"),
        ("[defaults]\ndry_run = true", "`--dry-run` or `REINSTALL_DRY_RUN`"),
        ("[profiles.a]\nsandbox = true", "`--sandbox` or `REINSTALL_SANDBOX`"),
        ("[profiles.a]\nstate_dir = \"/x\"", "it belongs to [defaults]"),
        ("[defaults]\nregion = \"r\"", "it belongs to [profiles.NAME]"),
        ("[profiles.a.acme]\ntimeout = \"1h\"", "it belongs to [defaults] or [profiles.NAME]"),
    ] {
        let fault = fault(text);
        assert!(matches!(fault, ConfigError::Misplaced { ref at, .. } if at.line == 2), "{fault:?}");
        assert!(fault.to_string().contains(says), "{fault}");
    }
}

#[test]
fn two_spellings_of_one_key_are_an_error() {
    let fault = fault("[defaults]\nmax-failures = 1\nmax_failures = 2");
    assert!(matches!(fault, ConfigError::Twice { ref at } if at.line == 3), "{fault:?}");
}

#[test]
fn a_value_of_a_wrong_type_is_an_error() {
    for text in [
        "default_profile = { a = 1 }",
        "[defaults]\ntimeout = 1.5",
        "[defaults]\ntimeout = 2026-01-01",
        "[defaults]\nconcurrency = 0x10",
        "defaults = 3",
        "[profiles]\na = 3",
        "[profiles.a]\nacme = \"x\"",
    ] {
        assert!(matches!(fault(text), ConfigError::WrongType { .. }), "{text}");
    }
}

#[test]
fn any_text_at_all_is_read_or_refused() {
    for text in ["", "\u{feff}", "# only a comment", "\r\n\r\n"] {
        assert_eq!(read(text).expect(text), Document::default());
    }
    for text in ["\0", "[", "]]]]", "a.b.c", "= 1", "[profiles.]"] {
        assert!(read(text).is_err(), "{text:?}");
    }
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(read(&deep).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]a-z_.=\"'#\n 0-9{},]{0,120}") {
        let _ = read(&text);
    }
}
