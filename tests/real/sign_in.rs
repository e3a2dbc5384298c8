//! Every way to sign in at a real Keystone, and what is said of those that cannot work.

use crate::Row;
use crate::cloud::Cloud;
use crate::program::Program;
use serde_json::json;
use std::thread::sleep;
use std::time::Duration;

const CLOUDS: &str = ".config/openstack/clouds.yaml";

/// Lists the servers and says how many there are.
fn good(program: &Program, case: &str, more: &[&str]) {
    let mut row = Row::begin(&format!("sign-in: {case}"));
    let cloud = Cloud::open();
    let call = [&["list", "-p", "openstack", "-o", "json"][..], more].concat();
    let ran = program.run(&call);
    row.verdict(&ran);
    let ran = ran.ended(0);
    let servers = cloud.lab["servers"].as_object().expect("servers");
    for (name, id) in servers {
        assert!(ran.out.contains(id.as_str().expect("an id")), "{case}: {name}: {ran:#?}");
    }
    row.truth(format!("{} servers", servers.len()));
}

/// Orders, and is refused before any order with these words.
fn refused(program: &Program, case: &str, more: &[&str], code: i32, says: &[&str]) {
    let mut row = Row::begin(&format!("sign-in: {case}"));
    let cloud = Cloud::open();
    let id = cloud.id("web1");
    let before = cloud.wipes(&id);
    let call = [&["-p", "openstack", "-i", &id, "--no-login", "-y"][..], more].concat();
    let ran = program.run(&call);
    row.verdict(&ran);
    assert!(!ran.err.contains(cloud.text("password")), "{case}: {ran:#?}");
    let mut ran = ran.ended(code);
    for text in says {
        ran = ran.says(text);
    }
    assert_eq!(cloud.wipes(&id), before, "{case}");
    row.truth("0 wipes");
}

fn clouds(cloud: &Cloud) -> String {
    let credential = &cloud.lab["app_credential"];
    let (url, user, password) = (cloud.text("auth_url"), cloud.text("user"), cloud.text("password"));
    format!(
        "clouds:\n  lab:\n    auth:\n      auth_url: {url}\n      username: {user}\n      password: '{password}'\n      \
         project_name: lab\n      user_domain_name: Default\n      project_domain_name: Default\n    \
         region_name: RegionOne\n  robot:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {url}\n      \
         application_credential_id: {}\n      application_credential_secret: {}\n    region_name: RegionOne\n",
        credential["id"].as_str().expect("an id"),
        credential["secret"].as_str().expect("a secret"),
    )
}

#[test]
#[ignore = "needs a real Keystone: ./check real openstack"]
fn every_kind_of_credentials_signs_in() {
    let cloud = Cloud::open();
    good(&cloud.program(), "password by variables", &[]);
    let mut program = cloud.nobody();
    program.set("OS_TOKEN", &cloud.token(cloud.text("user"), cloud.text("password"), cloud.text("project")));
    good(&program, "OS_TOKEN", &[]);
    let credential = &cloud.lab["app_credential"];
    let mut program = cloud.nobody();
    program.set("OS_AUTH_TYPE", "v3applicationcredential");
    program.set("OS_APPLICATION_CREDENTIAL_ID", credential["id"].as_str().expect("an id"));
    program.set("OS_APPLICATION_CREDENTIAL_SECRET", credential["secret"].as_str().expect("a secret"));
    good(&program, "application credential by id", &[]);
    program.unset("OS_APPLICATION_CREDENTIAL_ID");
    program.set("OS_APPLICATION_CREDENTIAL_NAME", "ci");
    program.set("OS_USERNAME", cloud.text("user")).set("OS_USER_DOMAIN_NAME", "Default");
    good(&program, "application credential by name", &[]);
    let mut program = Program::new(&[]);
    program.private(CLOUDS, &clouds(&cloud));
    good(&program, "clouds.yaml, --profile", &["--profile", "lab"]);
    good(&program, "clouds.yaml, application credential", &["--profile", "robot"]);
    program.set("OS_CLOUD", "lab");
    good(&program, "clouds.yaml, OS_CLOUD", &[]);
    let mut program = cloud.program();
    program.set("OS_INTERFACE", "internal").unset("OS_REGION_NAME");
    good(&program, "internal interface, the only region", &[]);
}

#[test]
#[ignore = "needs a real Keystone: ./check real openstack"]
fn what_cannot_sign_in_is_told_before_any_order() {
    let cloud = Cloud::open();
    let mut program = cloud.program();
    program.set("OS_PASSWORD", "wrong-one");
    refused(&program, "wrong password", &[], 6, &["authentication"]);
    let mut program = Program::new(&[]);
    program.private(CLOUDS, &clouds(&cloud));
    refused(&program, "unknown cloud name", &["--profile", "labb"], 6, &["`labb`", "lab, robot"]);
    program.set("OS_CLOUD", "elsewhere");
    refused(&program, "unknown cloud name by OS_CLOUD", &[], 6, &["`elsewhere`", "lab, robot", "OS_CLOUD"]);
    let mut program = cloud.program();
    program.set("OS_REGION_NAME", "RegionNine");
    refused(&program, "no endpoint in that region", &[], 2, &["RegionNine", "RegionOne"]);
    program.set("OS_REGION_NAME", "RegionOne").set("OS_AUTH_URL", "http://127.0.0.1:9/v3");
    refused(&program, "nobody at the identity address", &[], 69, &["127.0.0.1"]);
    program.set("OS_AUTH_URL", "http://192.0.2.1:5000/v3");
    refused(&program, "plain http elsewhere", &[], 78, &["https://"]);
    let mut program = cloud.nobody();
    program.set("OS_TOKEN", "gAAAAA-not-a-token");
    refused(&program, "a token that is none", &[], 6, &["the token has ended or is none"]);
}

#[test]
#[ignore = "needs a real Keystone: ./check real openstack"]
fn an_application_credential_past_its_end_is_told_before_any_order() {
    let cloud = Cloud::open();
    let token = cloud.token(cloud.text("user"), cloud.text("password"), cloud.text("project"));
    let end = (chrono::Utc::now() + chrono::Duration::seconds(3)).format("%Y-%m-%dT%H:%M:%S").to_string();
    let body = json!({ "application_credential": { "name": format!("short-{end}"), "expires_at": end } });
    let url = format!("{}/users/{}/application_credentials", cloud.text("auth_url"), cloud.text("user_id"));
    let made = crate::service::call("POST", &url, &[("x-auth-token", &token)], Some(&body)).good().body;
    let credential = &made["application_credential"];
    sleep(Duration::from_secs(5));
    let mut program = cloud.nobody();
    program.set("OS_APPLICATION_CREDENTIAL_ID", credential["id"].as_str().expect("an id"));
    program.set("OS_APPLICATION_CREDENTIAL_SECRET", credential["secret"].as_str().expect("a secret"));
    refused(&program, "expired application credential", &[], 6, &["whether it has ended"]);
}
