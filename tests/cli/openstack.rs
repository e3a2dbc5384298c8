//! OpenStack's sign-in and Nova as users meet them: where credentials come from, and what is refused before any order.

use crate::artefacts::Artefacts;
use crate::bench::{Bench, Product, Ran};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

const NOVA: Product = Product {
    id: "openstack",
    servers: [
        "5a0db0c5-570e-4000-8000-000000000001",
        "5a0db0c5-570e-4000-8000-000000000002",
        "5a0db0c5-570e-4000-8000-000000000003",
    ],
    ready: "5a0db0c5-570e-4000-8000-000000000001",
    proof: "job:",
};

/// Variables that the emulator hands out for this cloud.
const VARIABLES: [&str; 7] = [
    "OS_AUTH_URL",
    "OS_USERNAME",
    "OS_PASSWORD",
    "OS_USER_DOMAIN_NAME",
    "OS_PROJECT_NAME",
    "OS_PROJECT_DOMAIN_NAME",
    "OS_REGION_NAME",
];

/// A place where the cloud is found as its users find it: by the identity service's address and the catalogue.
fn cloud() -> Bench {
    let mut bench = Bench::new();
    bench.unset("REINSTALL_ENDPOINT");
    bench
}

/// The same without anything from the environment, and with this `clouds.yaml`.
fn file(text: &str) -> Bench {
    let mut bench = cloud();
    let text = VARIABLES.iter().fold(text.to_owned(), |text, name| text.replace(name, &variable(&bench, name)));
    for name in VARIABLES {
        bench.unset(name);
    }
    written(&bench.artefacts(), ".config/openstack/clouds.yaml", &text);
    bench
}

fn written(artefacts: &Arc<Artefacts>, name: &str, text: &str) {
    let path = artefacts.path().join("home").join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    artefacts.given(&path);
}

fn variable(bench: &Bench, name: &str) -> String {
    let known = bench.sandbox().credentials.iter().find(|(known, _)| known == name);
    known.unwrap_or_else(|| panic!("the emulator hands out no {name}")).1.clone()
}

const CLOUDS: &str = "clouds:
  lab:
    auth:
      auth_url: OS_AUTH_URL
      username: OS_USERNAME
      password: OS_PASSWORD
      user_domain_name: OS_USER_DOMAIN_NAME
      project_name: OS_PROJECT_NAME
      project_domain_name: OS_PROJECT_DOMAIN_NAME
    region_name: OS_REGION_NAME
  robot:
    auth_type: v3applicationcredential
    auth:
      auth_url: OS_AUTH_URL
      application_credential_id: 5a0db0c50000400080000000000057c1
      application_credential_secret: sandbox-openstack-credential-secret-not-real
";

fn ordered(bench: &Bench, more: &[&str]) -> Ran {
    bench.run(&[&["-p", NOVA.id, "-i", NOVA.ready, "--no-login", "-y", "-o", "json"][..], more].concat())
}

/// Refused with this code and these words, before any order.
#[track_caller]
fn refused(bench: &Bench, more: &[&str], code: i32, says: &[&str]) {
    let ran = ordered(bench, more).ended(code);
    for text in says {
        assert!(ran.err.contains(text) || ran.out.contains(text), "no `{text}` in {ran:#?}");
    }
    assert_eq!(bench.sandbox().orders(), 0, "{ran:#?}");
}

#[test]
fn the_emulators_variables_lead_to_it_through_the_catalogue() {
    let bench = cloud();
    assert_eq!(ordered(&bench, &[]).ended(0).verdicts(), ["succeeded"]);
    assert_eq!(bench.sandbox().wiped(NOVA.ready), 1);
}

#[test]
fn a_cloud_of_the_file_is_chosen_by_profile_or_variable() {
    let mut bench = file(CLOUDS);
    assert_eq!(ordered(&bench, &["--profile", "lab"]).ended(0).verdicts(), ["succeeded"]);
    assert_eq!(ordered(&bench, &["--profile", "robot"]).ended(0).verdicts(), ["succeeded"]);
    bench.set("OS_CLOUD", "lab");
    assert_eq!(ordered(&bench, &[]).ended(0).verdicts(), ["succeeded"]);
    assert_eq!(bench.sandbox().wiped(NOVA.ready), 3);
    // The file's password is not one for everybody.
    let path = bench.artefacts().path().join("home/.config/openstack/clouds.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mode");
    let ran = ordered(&bench, &[]).ended(6);
    assert!(ran.err.contains("clouds.yaml") && ran.err.contains("0644"), "{}", ran.err);
}

#[test]
fn an_unknown_cloud_is_told_with_those_of_the_file() {
    let mut bench = file(CLOUDS);
    refused(&bench, &["--profile", "labb"], 6, &["`labb`", "lab, robot", "--profile"]);
    bench.set("OS_CLOUD", "elsewhere");
    refused(&bench, &[], 6, &["`elsewhere`", "lab, robot", "OS_CLOUD"]);
}

#[test]
fn credentials_that_are_refused_end_the_run_before_any_order() {
    let mut bench = cloud();
    bench.set("OS_PASSWORD", bench.secret("Wrong-Passw0rd"));
    refused(&bench, &[], 6, &["requires authentication", "check user, password, project"]);
    let secret = "application_credential_secret: sandbox-openstack-credential-secret-not-real";
    let bench = file(&CLOUDS.replace(secret, "application_credential_secret: of-another-one"));
    refused(&bench, &["--profile", "robot"], 6, &["requires authentication", "whether it has ended"]);
}

#[test]
fn a_region_without_an_address_of_the_service_is_told_with_those_that_have_one() {
    let mut bench = cloud();
    bench.set("OS_REGION_NAME", "sandbox-9");
    refused(&bench, &[], 2, &["sandbox-9", "sandbox-1", "compute"]);
}

#[test]
fn a_name_that_means_no_image_or_several_is_refused() {
    let bench = cloud();
    refused(&bench, &["--image", "name=nope"], 2, &["no active image `name=nope`", "debian-12"]);
    refused(&bench, &["--image", "name=twin"], 2, &["several images", "000000000004", "000000000005"]);
}

#[test]
fn a_token_that_is_refused_in_the_wait_is_renewed_and_no_verdict() {
    let bench = cloud();
    let refusal = json!({ "operation": "read", "provider": NOVA.id, "instance": NOVA.ready, "fault": "unauthorized",
        "after": 3, "times": 1 });
    bench.sandbox().fault(&refusal);
    let ran = ordered(&bench, &["-vv"]).ended(0);
    assert_eq!(ran.verdicts(), ["succeeded"]);
    let log = bench.sandbox().log();
    let requests = log["requests"].as_array().expect("requests");
    let refused = requests.iter().position(|request| request["fault"] == "unauthorized").expect("it was refused");
    let signed_in = |request: &Value| request["operation"] == "sign_in";
    assert!(requests[..refused].iter().any(signed_in) && requests[refused..].iter().any(signed_in), "{log}");
    assert_eq!(bench.sandbox().wiped(NOVA.ready), 1);
}

#[test]
fn a_ready_token_is_taken_and_one_that_is_none_is_told() {
    let mut bench = cloud();
    for name in ["OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME", "OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_NAME"] {
        bench.unset(name);
    }
    bench.set("OS_TOKEN", "gAAAAASANDBOXOPENSTACKTOKENNOTREAL");
    assert_eq!(ordered(&bench, &[]).ended(0).verdicts(), ["succeeded"]);
    bench.set("OS_TOKEN", "gAAAAA-of-somebody-else");
    let ran = ordered(&bench, &[]).ended(6);
    assert!(ran.err.contains("the token has ended or is none"), "{}", ran.err);
    assert_eq!(bench.sandbox().wiped(NOVA.ready), 1);
}

#[test]
fn variables_of_openstacks_tools_mean_huaweis_clouds_only_if_they_lead_there() {
    let mut bench = cloud();
    for name in ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_REGION", "HUAWEICLOUD_SDK_PROJECT_ID"] {
        bench.unset(name);
    }
    bench.set("OS_AUTH_URL", &variable(&bench, "OS_AUTH_URL"));
    let ran = bench.run(&["check", "-o", "json"]);
    let report = ran.json();
    let products = report["products"].as_array().expect("products");
    let told = |id: &str| products.iter().find(|product| product["provider"] == id).expect(id).clone();
    assert_eq!(told("huawei-ecs")["credentials"], "missing", "{ran:#?}");
    assert_ne!(told("openstack")["credentials"], "missing", "{ran:#?}");
    let ran = bench.run(&["-p", "huawei-ecs", "-i", "a", "--no-login", "-y"]).ended(6);
    assert!(ran.err.contains("OS_AUTH_URL, which leads to a cloud of another vendor"), "{}", ran.err);
}

#[test]
fn a_file_of_authorities_that_is_none_is_told_before_any_request() {
    let mut bench = cloud();
    let path = bench.path("ca.pem");
    bench.set("OS_CACERT", path.to_str().expect("a path"));
    refused(&bench, &[], 78, &["OS_CACERT", "there is no such file"]);
    for text in ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(&path, text).expect("a file");
        refused(&bench, &[], 78, &["ca.pem"]);
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}
