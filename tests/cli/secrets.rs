//! Marked secrets go in; nothing that the program writes has them, in any usual spelling.

use crate::bench::{BMC, Bench, ECS, JDCLOUD, PRODUCTS, Product, Ran, SECRET_KEYS, each, files};
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

const PASSWORD: &str = "Zq7-Geh%eim2&"; // Not every product takes it: that is an error path, too.
const PLAIN: &str = "Zq7-Geheim2=tX";
const SCRIPT: &str = "#!/bin/sh\necho GeheimesSkript77\n";

/// A secret as it could be spelt.
pub(crate) fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        secret.to_owned(),
        BASE64_STANDARD.encode(secret),
        hex.to_ascii_uppercase(),
        hex,
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        serde_json::to_string(secret).expect("JSON").trim_matches('"').to_owned(),
        secret.chars().rev().collect(),
    ];
    // Inside a longer text that was encoded, at each of the three alignments, without the shared edges.
    for shift in 1..3 {
        let shifted = BASE64_STANDARD_NO_PAD.encode(format!("{}{secret}", "x".repeat(shift)));
        all.push(shifted[4..shifted.len() - 3].to_owned());
    }
    all
}

fn secrets(bench: &Bench) -> Vec<String> {
    let keys = bench
        .sandbox()
        .credentials
        .iter()
        .filter(|(name, _)| ["SECRET_ACCESS_KEY", "KEY_SECRET", "SDK_SK"].iter().any(|end| name.ends_with(end)));
    let mut all: Vec<String> = keys.flat_map(|(_, value)| spellings(value)).collect();
    assert!(!all.is_empty(), "the emulator's secret keys are known");
    for secret in [PASSWORD, PLAIN, "GeheimesSkript77"] {
        all.extend(spellings(secret));
    }
    all
}

/// Looks through both streams and everything below the state folder.
fn clean(bench: &Bench, what: &str, ran: &Ran) {
    let mut written =
        vec![("standard output".to_owned(), ran.out.clone()), ("standard error".to_owned(), ran.err.clone())];
    for path in files(&bench.state()) {
        let bytes = fs::read(&path).expect("a file of the program");
        written.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    for secret in secrets(bench) {
        for (place, text) in &written {
            assert!(!text.contains(&secret), "{what}: `{secret}` stands in {place}");
        }
    }
}

fn call(bench: &Bench, product: Product, form: &str, more: &[&str]) -> Ran {
    bench.private("secret", &format!("{}\n", bench.secret(PLAIN)));
    bench.secret("GeheimesSkript77");
    bench.private("boot.sh", SCRIPT);
    let mut arguments =
        vec!["-p", product.id, "-i", product.ready, "--password-file", "secret", "-y", "-vv", "-o", form];
    if product.id == JDCLOUD.id {
        arguments.extend(["--user-data", "boot.sh"]);
    }
    arguments.extend(more);
    bench.run(&arguments)
}

#[test]
fn a_good_run_shows_no_secret_in_any_form_of_output() {
    each(PRODUCTS, |product| {
        let bench = Bench::new();
        let ran = call(&bench, product, "jsonl", &[]).ended(0);
        clean(&bench, product.id, &ran);
        for form in ["human", "json"] {
            clean(&bench, product.id, &call(&bench, product, form, &["--dry-run"]));
        }
        clean(&bench, product.id, &bench.run(&["check", "-vv", "-o", "json"]));
        clean(&bench, product.id, &bench.run(&["runs", "-vv", "-o", "json"]));
    });
}

#[test]
fn no_error_shows_a_secret() {
    each(PRODUCTS, |product| {
        let bench = Bench::new();
        for fault in ["unauthorized", "invalid", "not_successful", "garbage", "huge", "html", "redirect", "throttle"] {
            bench.sandbox().order_fault(fault);
        }
        // Each call meets the next fault; some of them go on to the one after it.
        for _ in 0..6 {
            let ran = call(&bench, product, "jsonl", &["--start-window", "100ms", "--timeout", "300ms"]);
            assert_ne!(ran.code, Some(0));
            clean(&bench, product.id, &ran);
        }
        for fault in ["unauthorized", "garbage", "html", "server_error", "close_before"] {
            bench.sandbox().fault(&json!({ "operation": "read", "fault": fault, "times": 1 }));
            clean(&bench, product.id, &call(&bench, product, "json", &["--dry-run"]));
        }
    });
}

#[test]
fn a_refused_password_or_variable_is_not_repeated() {
    let mut bench = Bench::new();
    bench.secret(PASSWORD);
    bench.set("GEHEIM", PASSWORD);
    for product in PRODUCTS {
        let ran =
            bench.run(&["-p", product.id, "-i", product.ready, "--password-env", "GEHEIM", "-y", "-vv", "--dry-run"]);
        clean(&bench, product.id, &ran);
    }
    // A password where a name was expected is not repeated either.
    let ran = bench.run(&["-p", BMC.id, "-i", BMC.ready, "--password-env", PLAIN, "-y"]).ended(2);
    clean(&bench, "--password-env", &ran);
}

const IN_URL: &str = "Zq7-Geheim2";
/// A secret that is spelt differently in each of the seven ways.
const ODD: &str = "Zq7'Ge\"he%im\\u&=+9";

/// The program with this in place of every secret key, which no provider takes.
fn with_odd_keys(bench: &mut Bench) {
    for name in SECRET_KEYS {
        bench.set(name, ODD);
    }
    bench.secret(ODD);
}

#[test]
fn no_level_of_detail_shows_a_refused_key_or_password() {
    each([&["--quiet"][..], &[], &["-v"], &["-vv"], &["-vvv"]], |level| {
        let mut bench = Bench::new();
        with_odd_keys(&mut bench);
        bench.private("odd", &format!("{ODD}\n"));
        for product in PRODUCTS {
            for more in [&["check"][..], &["list"], &["images"], &["wait", "-i", product.ready]] {
                let ran = bench.run(&[more, &["-p", product.id], level].concat());
                assert_ne!(ran.code, Some(0), "{ran:#?}");
                unspelt(ODD, &ran);
            }
            for form in ["human", "json", "jsonl"] {
                let call = ["-p", product.id, "-i", product.ready, "--password-file", "odd", "-y", "-o", form];
                unspelt(ODD, &bench.run(&[&call[..], level].concat()));
            }
        }
        for error in ["invalid", "not_successful", "garbage", "html"] {
            let bench = Bench::new();
            bench.sandbox().order_fault(error);
            bench.private("pw", &format!("{}\n", bench.secret(PLAIN)));
            let call = ["-p", BMC.id, "-i", BMC.ready, "--password-file", "pw", "-y", "--start-window", "50ms"];
            let ran = bench.run(&[&call[..], level, &["--timeout", "200ms"]].concat());
            assert_ne!(ran.code, Some(0), "{ran:#?}");
            clean(&bench, error, &ran);
        }
    });
}

/// Fails if the secret stands in the streams in any spelling.
fn unspelt(secret: &str, ran: &Ran) {
    for text in spellings(secret) {
        assert!(!ran.out.contains(&text) && !ran.err.contains(&text), "`{text}` in {ran:#?}");
    }
}

#[test]
fn errors_of_libraries_quote_nothing_of_what_they_could_not_read() {
    let mut bench = Bench::new();
    bench.secret(ODD);
    let base = ["-p", BMC.id, "-i", BMC.ready, "--no-login", "-y"];
    let with = |bench: &Bench, more: &[&str]| bench.run(&[&base[..], more].concat());
    // Addresses: user, query, fragment.
    for url in [
        format!("https://user:{IN_URL}@api.example.org"),
        format!("https://api.example.org/?token={IN_URL}"),
        format!("https://api.example.org/#{IN_URL}"),
    ] {
        let ran = with(&bench, &["--endpoint", &url]);
        assert_ne!(ran.code, Some(0));
        assert!(!ran.err.contains(bench.secret(IN_URL)) && !ran.out.contains(IN_URL), "{ran:#?}");
    }
    // The configuration. (A number or a duration that is none is quoted: there nobody keeps a secret.)
    let toml = serde_json::Value::from(ODD).to_string();
    for text in [
        format!("[defaults]\nsecret_access_key = {toml}\n"),
        format!("[profiles.a]\nendpoint = {toml}\n[profiles.a.zenlayer]\nvariables = {{ ZENLAYER_TOKEN = {toml} }}\n"),
        format!("[protect]\ninstances = [{toml}]\n"),
        format!("x = {toml} {toml}\n"),
    ] {
        bench.private("c.toml", &text);
        let ran = with(&bench, &["--config", "c.toml", "--profile", "a"]);
        assert_ne!(ran.code, Some(0), "{text}");
        unspelt(ODD, &ran);
    }
    bench.private("bad.json", &format!("{{\"raidType\": {toml} {toml}"));
    unspelt(ODD, &with(&bench, &["--set", "raidConfig=@bad.json"]).ended(2));
    // What `sign` reads.
    for text in [format!("{{\"body\": {toml}"), format!("{{\"provider\": 7, \"body\": {toml}}}"), format!("[{toml}]")] {
        let ran = bench.fed(&text, &["sign"]);
        assert_ne!(ran.code, Some(0), "{text}");
        unspelt(ODD, &ran);
    }
    // The providers' own files.
    let home = bench.artefacts().path().join("home");
    for (product, name, text) in [
        (JDCLOUD, ".jdc/config", format!("[default\naccess_key = x\nsecret_key = {ODD}\n{ODD}\n")),
        (
            BMC,
            ".zenlayer/credentials.json",
            format!("{{\"default\": {{\"accessKeyPassword\": {toml}, \"accessKeyId\": 7}}"),
        ),
        (
            ECS,
            ".config/openstack/clouds.yaml",
            format!("clouds:\n  openstack:\n    auth: [{toml}\n   password: {toml}\n"),
        ),
    ] {
        let path = home.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        bench.artefacts().given(&path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
        for key in
            SECRET_KEYS.into_iter().chain(["JDCLOUD_ACCESS_KEY_ID", "ZENLAYER_ACCESS_KEY_ID", "HUAWEICLOUD_SDK_AK"])
        {
            bench.unset(key);
        }
        for mode in [0o600, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
            let ran = bench.run(&["-p", product.id, "-i", product.ready, "--no-login", "-y", "-vv"]);
            assert_ne!(ran.code, Some(0), "{name}: {ran:#?}");
            unspelt(ODD, &ran);
        }
    }
    // A variable that is no text.
    let bench = Bench::new();
    let mut command = bench.command(&[&base[..4], &["--password-env", "GEHEIM", "-y"]].concat());
    let bytes = [ODD.as_bytes(), b"\xff"].concat();
    let output = command.env("GEHEIM", std::ffi::OsStr::from_bytes(&bytes)).output().expect("it runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.code() == Some(2) && !text.contains("Geh"), "{text}");
}
