use super::*;
use crate::config::sample::{ACME, SOLO, VENDORS};
use crate::config::{ConfigFile, Typed, schema};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const TEXT: &str = "default_profile = 'p'
[profiles.p]
region = 'general'
endpoint = 'https://general.example.org'
[profiles.p.acme]
region = 'acme-region'
endpoint = 'https://acme.example.org'
credentials_profile = 'work'
[profiles.q]
[profiles.q.acme.variables]
ACME_ACCESS_KEY_ID = 'Q_ID'
ACME_ACCESS_KEY_SECRET = 'Q_SECRET'
[profiles.r.acme]
endpoint = 'http://acme.example.org'
";

fn settings(typed: &Typed, environment: &Environment, text: &str) -> Settings {
    let file = ConfigFile {
        path: PathBuf::from("/home/u/c.toml"),
        shown: "~/c.toml".to_owned(),
        origin: Origin::Default,
        document: schema::parse(text, "~/c.toml", VENDORS).expect("a good file"),
    };
    Settings::settle(typed, environment, Some(&file)).expect("settled")
}

fn shown(found: Option<Found>) -> Option<(String, String)> {
    found.map(|found| (found.value.expose().to_owned(), found.origin))
}

fn pair(value: &str, origin: &str) -> Option<(String, String)> {
    Some((value.to_owned(), origin.to_owned()))
}

fn profile(name: &str) -> Typed {
    Typed { profile: Some(name.to_owned()), ..Typed::default() }
}

#[test]
fn the_vendors_table_beats_the_profile_and_what_was_said_beats_both() {
    let bare = Environment::fake([], None);
    let state = Typed { state_dir: Some(PathBuf::from("/s")), ..Typed::default() };
    let settled = settings(&state, &bare, TEXT);
    let acme = VendorSources::new(&settled, &bare, &ACME, None).expect("sources");
    assert_eq!(shown(acme.setting("region")), pair("acme-region", "~/c.toml:6 [profiles.p.acme]"));
    assert_eq!(acme.endpoint().map(Url::as_str), Some("https://acme.example.org/"));
    assert_eq!(acme.endpoint_origin().to_string(), "~/c.toml:7 [profiles.p.acme]");
    assert_eq!(acme.profile(), Some("work"));
    let solo = VendorSources::new(&settled, &bare, &SOLO, None).expect("sources");
    assert_eq!(shown(solo.setting("region")), pair("general", "~/c.toml:3 [profiles.p]"));
    assert_eq!(solo.endpoint().map(Url::as_str), Some("https://general.example.org/"));
    assert_eq!(solo.profile(), None, "a profile of our file is none of theirs");

    let said = Typed {
        region: Some("typed".to_owned()),
        endpoint: Some("https://typed.example.org".to_owned()),
        ..state.clone()
    };
    let settled = settings(&said, &bare, TEXT);
    let acme = VendorSources::new(&settled, &bare, &ACME, None).expect("sources");
    assert_eq!(shown(acme.setting("region")), pair("typed", "option --region"));
    assert_eq!(acme.endpoint().map(Url::as_str), Some("https://typed.example.org/"));

    let variable = Environment::fake([("REINSTALL_REGION", "env")], None);
    let settled = settings(&state, &variable, TEXT);
    let acme = VendorSources::new(&settled, &variable, &ACME, None).expect("sources");
    assert_eq!(shown(acme.setting("region")), pair("env", "variable REINSTALL_REGION"));
}

#[test]
fn a_profile_that_names_variables_means_that_account_and_no_other() {
    let home = tempfile::tempdir().expect("folder");
    std::fs::write(home.path().join("keys"), "hunter2").expect("file");
    std::fs::set_permissions(home.path().join("keys"), std::fs::Permissions::from_mode(0o600)).expect("mode");
    let variables = [
        ("Q_ID", "id-of-q"),
        ("Q_SECRET", "secret-of-q"),
        ("ACME_ACCESS_KEY_ID", "id-of-shell"),
        ("ACME_REGION", "region-of-shell"),
    ];
    let environment = Environment::fake(variables, Some(home.path()));
    let settled = settings(&profile("q"), &environment, TEXT);
    let acme = VendorSources::new(&settled, &environment, &ACME, None).expect("sources");
    let expected = pair("id-of-q", "variable Q_ID (for ACME_ACCESS_KEY_ID)");
    assert_eq!(shown(acme.variable("ACME_ACCESS_KEY_ID")), expected);
    assert!(acme.variable("ACME_REGION").is_none());
    assert!(acme.home_file("keys").expect("no fault").is_none());
    // Another vendor is not touched by it.
    let solo = VendorSources::new(&settled, &environment, &SOLO, None).expect("sources");
    assert!(solo.home_file("keys").expect("no fault").is_some());
    assert!(solo.variable("ACME_REGION").is_some());

    let half = Environment::fake([("Q_ID", "id"), ("ACME_ACCESS_KEY_SECRET", "s")], Some(home.path()));
    let fault = VendorSources::new(&settled, &half, &ACME, None).err().expect("half").to_string();
    assert!(fault.contains("ACME_ACCESS_KEY_SECRET is read from variable Q_SECRET, which is not set"), "{fault}");
}

#[test]
fn the_sandbox_reads_no_real_credentials() {
    let home = tempfile::tempdir().expect("folder");
    std::fs::write(home.path().join("keys"), "hunter2").expect("file");
    std::fs::set_permissions(home.path().join("keys"), std::fs::Permissions::from_mode(0o600)).expect("mode");
    let path = home.path().join("keys").display().to_string();
    let environment = Environment::fake([("ACME_ACCESS_KEY_ID", "real"), ("ACME_REGION", "real")], Some(home.path()));
    let typed = Typed { sandbox: Some(true), ..profile("p") };
    let settled = settings(&typed, &environment, TEXT);
    let overlay = Overlay {
        variables: BTreeMap::from([("ACME_ACCESS_KEY_ID".to_owned(), "sandbox-id".to_owned())]),
        endpoint: Url::parse("http://127.0.0.1:9").expect("a URL"),
    };
    let acme = VendorSources::new(&settled, &environment, &ACME, Some(&overlay)).expect("sources");
    assert_eq!(shown(acme.variable("ACME_ACCESS_KEY_ID")), pair("sandbox-id", "sandbox"));
    assert!(acme.variable("ACME_REGION").is_none());
    assert!(acme.home_file("keys").expect("no fault").is_none());
    assert!(acme.file(&path).expect("no fault").is_none());
    assert!(acme.open_file(&path).expect("no fault").is_none());
    assert!(acme.setting("region").is_none());
    assert_eq!(acme.profile(), None);
    assert_eq!(acme.endpoint(), Some(&overlay.endpoint));

    assert!(VendorSources::new(&settled, &environment, &ACME, None).is_err(), "a rehearsal with real credentials");
    let real = settings(&profile("p"), &environment, TEXT);
    assert!(VendorSources::new(&real, &environment, &ACME, Some(&overlay)).is_err());
}

#[test]
fn a_bad_value_in_a_vendors_table_names_its_line() {
    let environment = Environment::fake([], Some(Path::new("/home/u")));
    let settled = settings(&profile("r"), &environment, TEXT);
    let fault = VendorSources::new(&settled, &environment, &ACME, None).err().expect("http").to_string();
    assert!(fault.starts_with("~/c.toml:14 [profiles.r.acme]: `endpoint`: plain `http`"), "{fault}");
    // What was typed takes its place before it is read.
    let typed = Typed { endpoint: Some("https://x.example.org".to_owned()), ..profile("r") };
    let settled = settings(&typed, &environment, TEXT);
    assert!(VendorSources::new(&settled, &environment, &ACME, None).is_ok());
}

#[test]
fn credential_files_obey_the_rules_and_a_missing_one_is_no_fault() {
    let home = tempfile::tempdir().expect("folder");
    let environment = Environment::fake([("X", "")], Some(home.path()));
    let settled = settings(&Typed::default(), &environment, "");
    let acme = VendorSources::new(&settled, &environment, &ACME, None).expect("sources");
    assert!(acme.home_file(".acme/config").expect("no fault").is_none());
    std::fs::create_dir(home.path().join(".acme")).expect("folder");
    let path = home.path().join(".acme/config");
    std::fs::write(&path, "hunter2").expect("file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    let Err(fault) = acme.home_file(".acme/config") else { panic!("read although others may read it") };
    let text = format!("{fault} {fault:?}");
    assert!(text.contains("~/.acme/config") && text.contains("chmod 600") && !text.contains("hunter2"), "{text}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
    assert_eq!(shown(acme.home_file(".acme/config").expect("read")), pair("hunter2", "~/.acme/config"));
    assert_eq!(shown(acme.file("~/.acme/config").expect("read")), pair("hunter2", "~/.acme/config"));
    for relative in ["clouds.yaml", "./clouds.yaml", "../x"] {
        assert!(acme.file(relative).is_err(), "{relative}");
    }
}

#[test]
fn a_file_that_is_no_secret_may_be_read_by_others_and_must_be_named_in_full() {
    let home = tempfile::tempdir().expect("folder");
    let environment = Environment::fake([("X", "")], Some(home.path()));
    let settled = settings(&Typed::default(), &environment, "");
    let acme = VendorSources::new(&settled, &environment, &ACME, None).expect("sources");
    assert!(acme.open_file("~/ca.pem").expect("no fault").is_none());
    let path = home.path().join("ca.pem");
    std::fs::write(&path, "certificates").expect("file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    std::os::unix::fs::symlink(&path, home.path().join("link.pem")).expect("a link, as distributions have them");
    assert_eq!(shown(acme.open_file("~/ca.pem").expect("read")), pair("certificates", "~/ca.pem"));
    assert_eq!(shown(acme.open_file("~/link.pem").expect("read")), pair("certificates", "~/link.pem"));
    assert!(acme.file("~/ca.pem").is_err(), "credentials are another matter");
    for odd in ["ca.pem", "./ca.pem", "~/"] {
        assert!(acme.open_file(odd).is_err(), "{odd}");
    }
}
