//! Marked secrets go in; nothing that the program writes has them, in any usual spelling.

use crate::bench::{BMC, Bench, ECS, JDCLOUD, PRODUCTS, Product, Ran, each, files};
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use std::fs;

const PASSWORD: &str = "Zq7-Geh%eim2&"; // Not every product takes it: that is an error path, too.
const PLAIN: &str = "Zq7-Geheim2=tX";
const SCRIPT: &str = "#!/bin/sh\necho GeheimesSkript77\n";

/// A secret as it could be spelt.
fn spellings(secret: &str) -> Vec<String> {
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
    bench.private("secret", &format!("{PLAIN}\n"));
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

#[test]
fn the_process_list_shows_no_secret() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 20_000 }));
    bench.private("secret", &format!("{PLAIN}\n"));
    let arguments = ["-p", ECS.id, "-i", ECS.ready, "--password-file", "secret", "-y", "-o", "jsonl"];
    let mut running = crate::signals::Running::start(&bench, &arguments);
    running.until("order_accepted");
    let line = fs::read(format!("/proc/{}/cmdline", running.id())).expect("the command line");
    let line = String::from_utf8_lossy(&line).into_owned();
    assert!(line.contains("--password-file"), "{line}");
    for secret in secrets(&bench) {
        assert!(!line.contains(&secret), "{line}");
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the core limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "a core dump would hold secrets: {core}");
}
