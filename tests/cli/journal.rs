//! Damaged, changed, planted, old and contested: what a journal or a claim may say, and what is believed of it.

use crate::bench::{BMC, Bench, each, files};
use crate::signals::Running;
use reinstall::sign::hash::sha256_hex;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn journal(bench: &Bench) -> PathBuf {
    let mut found = files(&bench.state().join("reinstall/runs"));
    found.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// A run that was killed once its order was accepted.
fn killed(bench: &Bench) -> String {
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 2500 }));
    let mut running = Running::start(bench, &bench.order(BMC, &[BMC.ready], &["-o", "jsonl"]));
    let run = running.until("order_accepted")["run"].as_str().expect("a run").to_owned();
    running.signal(Signal::KILL);
    running.end();
    run
}

/// A run whose order may have been taken, was not carried out, and showed no start.
fn doubtful(bench: &Bench) -> String {
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "close_before" }));
    let ran = bench.reinstall(BMC, &[BMC.ready], &["--start-window", "300ms"]).ended(4).json();
    assert_eq!(bench.sandbox().wiped(BMC.ready), 0);
    ran["run"].as_str().expect("a run").to_owned()
}

/// Rewrites every record and seals it again, as somebody could who knows the format.
fn rewritten(bench: &Bench, change: impl Fn(&mut Value)) {
    let path = journal(bench);
    let mut text = String::new();
    for line in fs::read_to_string(&path).expect("a journal").lines() {
        let mut record: Value = serde_json::from_str(line).expect("a record");
        record.as_object_mut().expect("an object").shift_remove("sum");
        change(&mut record);
        let body = record.to_string();
        let sum = &sha256_hex(body.as_bytes())[..16];
        text.push_str(body.strip_suffix('}').expect("an object"));
        text.push_str(&format!(",\"sum\":\"{sum}\"}}\n"));
    }
    fs::write(path, text).expect("a journal");
}

/// A field of the plan, and another value for it.
type Change = (&'static str, fn(&mut Value));

/// Makes every record so many seconds older, by both clocks.
fn aged(bench: &Bench, seconds: i64) {
    rewritten(bench, |record| {
        let at = chrono::DateTime::parse_from_rfc3339(record["at"].as_str().expect("a time")).expect("a time");
        record["at"] = (at - chrono::TimeDelta::seconds(seconds)).to_utc().to_rfc3339().into();
        let boot = record["boot_ms"].as_u64().expect("a number");
        record["boot_ms"] = boot.saturating_sub(seconds.unsigned_abs() * 1000).into();
    });
}

#[test]
fn a_flipped_bit_anywhere_is_named_shows_the_rest_and_sends_nothing() {
    let bench = Bench::new();
    let run = killed(&bench);
    let path = journal(&bench);
    let whole = fs::read(&path).expect("a journal");
    for part in 0..12 {
        let mut bytes = whole.clone();
        // The last one is the line feed behind the last record.
        let place = (bytes.len() - 1) * part / 11;
        bytes[place] ^= 1 << (part % 7);
        fs::write(&path, bytes).expect("a journal");
        let ran = bench.run(&["resume", &run, "--password-file", "pw"]).ended(65);
        assert!(ran.err.contains(&run) && ran.err.contains("nothing is sent"), "byte {place}: {}", ran.err);
        let shown = bench.run(&["runs", "show", &run, "-o", "json"]).ended(65).json();
        assert!(!shown["damages"].as_array().expect("damages").is_empty(), "byte {place}");
        let saved =
            shown["events"].as_array().expect("events").len() + shown["salvaged"].as_array().expect("list").len();
        assert!(saved + 2 >= whole.iter().filter(|&&byte| byte == b'\n').count(), "byte {place}: {saved} saved");
        assert_eq!(bench.run(&["runs", "-o", "json"]).ended(0).json()["runs"][0]["state"], "damaged");
    }
    assert_eq!(bench.sandbox().orders(), 1);
    fs::write(&path, whole).expect("a journal");
    bench.run(&["resume", &run]).ended(0);
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
}

#[test]
fn a_changed_plan_is_refused_although_its_checksums_fit() {
    let changes: [Change; 7] = [
        ("body", |record| record["prepared"]["body"]["imageId"] = "other".into()),
        ("image", |record| record["prepared"]["image"][0] = "other".into()),
        ("account", |record| record["account"] = "other".into()),
        ("endpoint", |record| record["endpoint"] = "http://127.0.0.1:1/".into()),
        ("max_failures", |record| record["max_failures"] = 99.into()),
        ("place", |record| record["place"] = json!([["endpoint", "http://127.0.0.1:1/"]])),
        ("sandbox", |record| record["sandbox"] = true.into()),
    ];
    each(changes, |(name, change)| {
        let bench = Bench::new();
        let run = killed(&bench);
        rewritten(&bench, |record| match record["event"].as_str() {
            Some("planned") if record.get(name).is_some() || record["prepared"].get(name).is_some() => change(record),
            Some("run_opened") if record.get(name).is_some() => change(record),
            _ => {}
        });
        let before = bench.sandbox().arrived();
        let ran = bench.run(&["resume", &run, "--password-file", "pw"]).ended(65);
        assert!(ran.err.contains("does not fit its digest"), "{name}: {}", ran.err);
        assert_eq!(bench.sandbox().arrived(), before, "{name}: nothing was even asked");
    });
}

#[test]
fn a_journal_under_another_runs_name_is_no_word_of_that_run() {
    let bench = Bench::new();
    let run = killed(&bench);
    let other = "0197f36dd83b7258b1773784b7887a17";
    let copy = journal(&bench).with_file_name(format!("{other}.jsonl"));
    fs::copy(journal(&bench), &copy).expect("a copy");
    let ran = bench.run(&["resume", other, "--password-file", "pw"]).ended(65);
    assert!(ran.err.contains(&run), "{}", ran.err);
    assert_eq!(bench.sandbox().orders(), 1);
}

#[test]
fn modes_are_private_whatever_the_umask_is() {
    let bench = Bench::new();
    let inner = bench.command(&bench.order(BMC, &[BMC.ready], &["--no-wait"]));
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(inner.get_current_dir().expect("a folder")).stdin(Stdio::null());
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let root = bench.state().join("reinstall");
    for folder in ["", "runs", "claims"] {
        assert_eq!(mode(&root.join(folder)), 0o700, "{folder}");
    }
    for file in files(&root) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn planted_links_and_the_folder_of_another_user_are_refused_and_nothing_is_sent() {
    each(["reinstall", "reinstall/runs", "reinstall/claims"], |name| {
        let bench = Bench::new();
        let elsewhere = bench.path("elsewhere");
        fs::create_dir(&elsewhere).expect("a folder");
        let place = bench.state().join(name);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        fs::set_permissions(place.parent().expect("a folder"), fs::Permissions::from_mode(0o700)).expect("a mode");
        symlink(&elsewhere, &place).expect("a link");
        let ran = bench.reinstall(BMC, &[BMC.ready], &[]).ended(74);
        assert!(ran.err.contains("symbolic link"), "{name}: {}", ran.err);
        assert_eq!(files(&elsewhere).len(), 0, "{name}");
        assert_eq!(bench.sandbox().changes(), [], "{name}");
    });
    let bench = Bench::new();
    let folder = bench.state().join("reinstall");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("a mode");
    if std::os::unix::fs::chown(&folder, Some(65534), None).is_err() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"two users: not tried, this user is not root\n");
        return;
    }
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]).ended(74);
    assert!(ran.err.contains("belongs to another user"), "{}", ran.err);
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn a_claim_is_not_taken_over_because_it_is_old_and_its_skipped_server_stands_in_the_plans_place() {
    let bench = Bench::new();
    let run = killed(&bench);
    let claims = files(&bench.state().join("reinstall/claims"));
    let mut claim: Value = serde_json::from_slice(&fs::read(&claims[0]).expect("a claim")).expect("JSON");
    claim["since"] = "2001-01-01T00:00:00Z".into();
    claim["pid"] = 1.into();
    fs::write(&claims[0], claim.to_string()).expect("a claim");
    std::thread::sleep(std::time::Duration::from_millis(3500));
    let ran = bench.reinstall(BMC, &[BMC.ready, "bmc-demo-2"], &[]).ended(5);
    assert_eq!(ran.verdicts(), ["skipped", "succeeded"]);
    let told = ran.json()["targets"][0]["error"]["message"].as_str().expect("a message").to_owned();
    let host = claim["host"].as_str().expect("a host");
    assert!([&run, "2001-01-01", "process 1", host].iter().all(|part| told.contains(*part)), "{told}");
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
}

#[test]
fn an_order_of_another_run_since_then_is_no_proof_of_the_first_one() {
    let bench = Bench::new();
    let first = doubtful(&bench);
    let second = bench.reinstall(BMC, &[BMC.ready], &["--no-wait"]).ended(0).json();
    let ran = bench.run(&["resume", &first, "-o", "json"]).ended(4);
    let target = &ran.json()["targets"][0];
    assert_eq!((&target["verdict"], &target["error"]["kind"]), (&json!("unverified"), &json!("ordered_again")));
    assert!(ran.out.contains(second["run"].as_str().expect("a run")), "{}", ran.out);
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
}

#[test]
fn the_operators_door_needs_a_reason_time_and_a_yes_and_counts_both_orders() {
    let bench = Bench::new();
    let run = doubtful(&bench);
    let before = bench.sandbox().orders();
    let resend = |more: &[&str]| {
        let fixed = ["resume", &run, "--resend", BMC.ready, "--password-file", "pw", "-o", "json"];
        bench.run(&[&fixed[..], more].concat())
    };
    assert!(resend(&["--yes"]).ended(2).err.contains("--reason"));
    assert!(resend(&["--reason", "console", "--yes"]).ended(5).err.contains("could still use it"));
    aged(&bench, 200);
    assert!(resend(&["--reason", "console"]).ended(5).err.contains("not confirmed"));
    assert_eq!(bench.sandbox().orders(), before, "nothing was sent so far");
    let ran = resend(&["--reason", "console shows nothing", "--yes"]).ended(0);
    let target = &ran.json()["targets"][0];
    assert_eq!((&target["verdict"], &target["orders_sent"]), (&json!("succeeded"), &json!(2)), "{ran:#?}");
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
    let shown = bench.run(&["runs", "show", &run]).ended(0).out;
    assert!(shown.contains("allows one more order: console shows nothing"), "{shown}");
    // The door is shut again: its start was seen, it has its verdict.
    resend(&["--reason", "again", "--yes"]).ended(5);
    assert_eq!(bench.sandbox().wiped(BMC.ready), 1);
}

#[test]
fn the_operators_door_stays_shut_for_a_server_that_is_being_reinstalled() {
    let bench = Bench::new();
    let run = killed(&bench);
    aged(&bench, 200);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let ran = bench.run(&["resume", &run, "--resend", BMC.ready, "--reason", "x", "--yes", "--password-file", "pw"]);
    assert_eq!(ran.code, Some(5), "{ran:#?}");
    assert!(ran.err.contains("not ordered again"), "{}", ran.err);
    assert_eq!(bench.sandbox().orders(), 1);
    bench.run(&["resume", &run]).ended(0);
}

#[test]
fn a_resumed_run_makes_no_new_password_for_a_server_that_was_ordered_before() {
    let bench = Bench::new();
    let run = killed(&bench);
    bench.run(&["resume", &run, "--generate-password", "book"]).ended(0);
    let written = fs::read_to_string(bench.path("book")).unwrap_or_default();
    assert_eq!(written, "", "its password is the one of its order");
}

#[test]
fn without_its_journal_a_run_is_unknown_and_its_server_is_only_watched() {
    let bench = Bench::new();
    let run = killed(&bench);
    let other = bench.path("other-machine");
    let folder = other.to_str().expect("a path");
    bench.run(&["resume", &run, "--state-dir", folder]).ended(2);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let ran = bench.run(&["wait", "-p", BMC.id, "-i", BMC.ready, "--state-dir", folder, "-o", "json"]).ended(0);
    assert_eq!(ran.json()["targets"][0]["proof"], "status:INSTALLING");
    assert_eq!(bench.sandbox().orders(), 1);
}

#[test]
fn a_run_for_which_there_is_no_room_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    let inner = bench.command(&bench.order(BMC, &[BMC.ready], &[]));
    let state = bench.state();
    // A disk of its own, in a name space of its own, that goes with the process.
    let script = "mount -t tmpfs -o size=64k,mode=700 none \"$0\" || exit 99; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(&state).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.current_dir(inner.get_current_dir().expect("a folder")).stdin(Stdio::null());
    let output = command.output();
    let Some(output) = output.ok().filter(|output| !matches!(output.status.code(), Some(1 | 99))) else {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"a full disk: not tried, none can be mounted here\n");
        return;
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(74), "{told}");
    assert!(told.contains("no room for the run") && told.contains("nothing was sent"), "{told}");
    assert_eq!(bench.sandbox().changes(), []);
}
