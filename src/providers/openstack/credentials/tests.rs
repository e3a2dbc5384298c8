use super::*;
use crate::providers::bench::MapSources;

fn with(pairs: &[(&str, &str)]) -> MapSources {
    let base = MapSources::default().with("variable:OS_AUTH_URL", "https://cloud.example.com:5000");
    pairs.iter().fold(base, |sources, (name, value)| sources.with(&format!("variable:{name}"), value))
}

fn of(pairs: &[(&str, &str)]) -> Result<String, String> {
    let settings = settle(&with(pairs)).map_err(|error| error.to_string())?;
    Ok(match settings.proof {
        Proof::Credentials(credentials) => match *credentials {
            Credentials::Password { user, scope, .. } => format!("{user:?} {scope:?}"),
            Credentials::Application { id, .. } => format!("application {id:?}"),
        },
        Proof::Ready(_) => "token".to_owned(),
        Proof::Basic { user, .. } => format!("basic {user}"),
        Proof::Nobody => "nobody".to_owned(),
    })
}

const USER: [(&str, &str); 3] = [("OS_USERNAME", "ann"), ("OS_PASSWORD", "HUSH"), ("OS_PROJECT_NAME", "web")];

#[test]
fn variables_say_who_signs_in_and_for_what() {
    let default = r#"Id("default")"#;
    let domain = |kind| [&USER[..], &[(kind, "acme")]].concat();
    let plain = |user: &str, project: &str| format!(r#"Name("ann", {user}) ProjectName("web", Some({project}))"#);
    assert_eq!(of(&USER), Ok(plain(default, default)));
    let acme = r#"Name("acme")"#;
    assert_eq!(of(&domain("OS_USER_DOMAIN_NAME")), Ok(plain(acme, acme)), "the project is where its user is");
    assert_eq!(of(&domain("OS_PROJECT_DOMAIN_NAME")), Ok(plain(default, acme)));
    let id = [&USER[..2], &[("OS_USER_ID", "u1"), ("OS_PROJECT_ID", "p1")]].concat();
    assert_eq!(of(&id).as_deref(), Ok(r#"Id("u1") ProjectId("p1")"#));
    let system = [&USER[..2], &[("OS_SYSTEM_SCOPE", "all")]].concat();
    assert_eq!(of(&system), Ok(format!(r#"Name("ann", {default}) System"#)));
    let secret = ("OS_APPLICATION_CREDENTIAL_SECRET", "HUSH");
    assert_eq!(of(&[("OS_APPLICATION_CREDENTIAL_ID", "a1"), secret]).as_deref(), Ok(r#"application Ok("a1")"#));
    let named = [("OS_APPLICATION_CREDENTIAL_NAME", "ci"), secret, ("OS_USER_ID", "u1")];
    assert_eq!(of(&named).as_deref(), Ok(r#"application Err(("ci", Id("u1")))"#));
    assert_eq!(of(&[("OS_TOKEN", "gAAAAA")]).as_deref(), Ok("token"));
    let basic = [&USER[..2], &[("OS_AUTH_TYPE", "http_basic"), ("OS_ENDPOINT", "https://i.example.com")]].concat();
    assert_eq!(of(&basic).as_deref(), Ok("basic ann"));
}

#[test]
fn what_is_missing_or_odd_is_named_and_no_secret_is_quoted() {
    for (pairs, says) in [
        (vec![("OS_USERNAME", "ann"), ("OS_PROJECT_NAME", "web")], "OS_PASSWORD"),
        (vec![("OS_USERNAME", "ann"), ("OS_PASSWORD", "HUSH")], "OS_PROJECT_NAME"),
        (vec![("OS_PASSWORD", "HUSH"), ("OS_PROJECT_NAME", "web")], "OS_USERNAME"),
        (vec![("OS_APPLICATION_CREDENTIAL_ID", "a1")], "OS_APPLICATION_CREDENTIAL_SECRET"),
        (vec![("OS_AUTH_TYPE", "v3applicationcredential")], "OS_APPLICATION_CREDENTIAL_ID"),
        (vec![("OS_AUTH_TYPE", "v3kerberos"), ("OS_PASSWORD", "HUSH")], "v3applicationcredential"),
        (vec![("OS_TOKEN", "HUSH HUSH")], "OS_TOKEN"),
        ([&USER[..], &[("OS_INTERFACE", "HUSH")]].concat(), "OS_INTERFACE"),
        ([&USER[..], &[("OS_AUTH_URL", "http://HUSH.example.com/v3")]].concat(), "https://"),
        ([&USER[..], &[("OS_AUTH_URL", "https://cloud.example.com/v2.0")]].concat(), "2.0"),
    ] {
        let error = of(&pairs).expect_err(says);
        assert!(error.contains(says) && !error.contains("HUSH"), "{says}: {error}");
    }
    let nothing = settle(&MapSources::default()).err().expect("nothing").to_string();
    assert!(nothing.contains("clouds.yaml") && nothing.contains("OS_TOKEN"), "{nothing}");
}

#[test]
fn the_identity_service_is_named_with_its_version_or_without() {
    for (address, expected) in [
        ("https://c.example.com:5000", "https://c.example.com:5000/v3"),
        ("https://c.example.com:5000/", "https://c.example.com:5000/v3"),
        ("https://c.example.com/identity", "https://c.example.com/identity/v3"),
        ("https://c.example.com/identity/v3/", "https://c.example.com/identity/v3"),
        ("http://127.0.0.1:15000/v3", "http://127.0.0.1:15000/v3"),
    ] {
        let pairs = [&USER[..], &[("OS_AUTH_URL", address)]].concat();
        let settings = settle(&with(&pairs)).expect(address);
        assert_eq!(settings.identity.map(String::from).as_deref(), Some(expected));
    }
}

#[test]
fn the_clouds_own_authorities_are_read_from_a_file_that_is_no_secret() {
    let sources = with(&[&USER[..], &[("OS_CACERT", "/etc/ca.pem")]].concat());
    let read = |sources: &MapSources| {
        let account = crate::providers::openstack::account::Account::read(sources)?;
        Ok::<_, SetupError>(account.authorities.map(|found| found.value.expose().to_owned()))
    };
    let error = read(&sources).expect_err("no file").to_string();
    assert!(error.contains("/etc/ca.pem") && error.contains("no such file"), "{error}");
    let error = read(&sources.with("file:/etc/ca.pem", "HUSH")).expect_err("no certificate").to_string();
    assert!(error.contains("no certificate") && !error.contains("HUSH"), "{error}");
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let sources = with(&[&USER[..], &[("OS_CACERT", "/etc/ca.pem")]].concat()).with("file:/etc/ca.pem", pem);
    assert_eq!(read(&sources).expect("an account").as_deref(), Some(pem));
    assert_eq!(read(&with(&USER)).expect("an account"), None);
}
