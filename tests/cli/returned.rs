//! A password that the provider makes up comes once, in the answer to the order: it goes to its file and nowhere else.

use crate::bench::{Bench, Product, Ran, each, files};
use crate::secrets::spellings;
use crate::signals::Running;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Running, off, and running and made with ssh keys.
pub(crate) const HETZNER: Product =
    Product { id: "hetzner", servers: ["471101", "471102", "471103"], ready: "471101", proof: "job:" };
const WEB: &str = HETZNER.servers[0];
const DB: &str = HETZNER.servers[1];
const CACHE: &str = HETZNER.servers[2];
/// How each password begins that the emulator makes up.
const MADE_UP: &str = "SbxRootPw7kXq9mTzR2";

fn bench() -> Bench {
    let bench = Bench::new();
    let token = bench.sandbox().credentials.iter().find(|(name, _)| name == "HCLOUD_TOKEN").expect("a token");
    bench.secret(&token.1);
    bench
}

fn order(servers: &[&str], more: &[&str]) -> Vec<String> {
    let servers = servers.join(",");
    let form: &[&str] = if more.contains(&"-o") { &[] } else { &["-o", "json"] };
    let arguments = [&["-p", HETZNER.id, "-i", &servers, "-y"], form, more].concat();
    arguments.into_iter().map(str::to_owned).collect()
}

/// The lines of a password file.
fn book(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the file of passwords");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Everything that the program said and wrote, but for the file of passwords.
fn written(bench: &Bench, ran: &Ran) -> Vec<(String, String)> {
    let mut all = vec![("standard output".to_owned(), ran.out.clone()), ("standard error".to_owned(), ran.err.clone())];
    for path in files(&bench.state()) {
        let bytes = fs::read(&path).expect("a file of the program");
        all.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    all
}

#[test]
fn the_returned_password_of_each_server_is_in_the_file_and_nowhere_else() {
    let levels: [&[&str]; 3] = [&[], &["-v"], &["-vv"]];
    each(levels, |level| {
        for form in ["human", "json", "jsonl"] {
            let bench = bench();
            let all = HETZNER.servers.join(",");
            let call = ["-p", HETZNER.id, "-i", &all, "-y", "--generate-password", "pw", "-o", form];
            let ran = bench.run(&[&call[..], level].concat()).ended(0);
            let path = bench.path("pw");
            assert_eq!(fs::metadata(&path).expect("the file").mode() & 0o7777, 0o600);
            let lines = book(&path);
            let of = |id: &str| lines.iter().find(|line| line["instance"] == id);
            // The third one was made with ssh keys: it has none.
            assert_eq!((lines.len(), of(CACHE)), (2, None), "{lines:?}");
            let run = lines[0]["run"].as_str().expect("a run");
            let shown = bench.run(&[&["runs", "show", run, "-o", form], level].concat()).ended(0);
            for id in [WEB, DB] {
                let line = of(id).expect("a line");
                assert_eq!((&line["provider"], &line["run"]), (&json!("hetzner"), &json!(run)));
                let password = line["password"].as_str().expect("a password");
                assert!(password.starts_with(MADE_UP) && password.len() > MADE_UP.len(), "{line}");
                for text in spellings(password) {
                    for (place, content) in written(&bench, &ran).into_iter().chain(written(&bench, &shown)) {
                        assert!(!content.contains(&text), "{level:?} {form}: `{text}` stands in {place}");
                    }
                }
            }
            assert_ne!(of(WEB).expect("a line")["password"], of(DB).expect("a line")["password"]);
        }
    });
}

#[test]
fn the_plan_says_who_makes_the_password_up() {
    let bench = bench();
    let ran = bench.run(&order(&[WEB], &["--generate-password", "pw", "--dry-run"])).ended(0);
    assert!(ran.err.contains("hetzner makes up the password of each server that has one, written to pw"), "{ran:#?}");
    assert!(!ran.err.contains("a new password for each server"), "{ran:#?}");
    assert!(!ran.out.contains("password\":"), "nothing of it is sent: {ran:#?}");
    assert_eq!(book(&bench.path("pw")), [] as [Value; 0]);
}

#[test]
fn a_password_or_key_of_ones_own_is_refused_with_cause_and_next_step_before_anything_is_read() {
    let mut bench = bench();
    let [option, file] = bench.password();
    bench.set("NEW_PASSWORD", "Kq7-Wm2=tZ4x+Rb");
    let own = "hetzner makes the password up itself";
    for (more, cause) in [
        (&[option.as_str(), file.as_str()][..], own),
        (&["--password-env", "NEW_PASSWORD"], own),
        (&["--ssh-key", "name=ops"], "hetzner takes no key pair"),
        (&[], "hetzner needs a login"),
    ] {
        let ran = bench.run(&order(&[WEB], more)).ended(2);
        assert!(ran.err.contains(cause), "{ran:#?}");
        assert!(ran.err.contains("next: use `--generate-password`, `--no-login`"), "{ran:#?}");
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn where_no_password_is_wanted_it_is_forgotten() {
    let bench = bench();
    bench.private("boot.yaml", "#cloud-config\n");
    each([&["--no-login"][..], &["--user-data", "boot.yaml"]], |more| {
        let server = if more.len() == 1 { WEB } else { DB };
        let ran = bench.run(&order(&[server], &[more, &["-vv"]].concat())).ended(0);
        assert_eq!(ran.json()["targets"][0]["error"], Value::Null);
        for (place, content) in written(&bench, &ran) {
            assert!(!content.contains(MADE_UP), "a password stands in {place}");
        }
    });
}

#[test]
fn a_lost_answer_is_told_together_with_the_unknown_password() {
    for form in ["json", "human"] {
        let bench = bench();
        bench.sandbox().order_fault("drop_answer");
        let ran = bench.run(&order(&[WEB], &["--generate-password", "pw", "-o", form])).ended(0);
        match form {
            "json" => {
                let target = ran.json()["targets"][0].clone();
                assert_eq!((&target["verdict"], &target["orders_sent"]), (&json!("succeeded"), &json!(1)));
                assert_eq!(target["error"]["kind"], "password_unknown");
                let step = target["error"]["next_step"].as_str().expect("a next step");
                assert!(step.contains("hcloud server reset-password"), "{step}");
                let shown = bench.run(&["runs", "show", ran.json()["run"].as_str().expect("a run")]).ended(0);
                assert!(shown.out.contains("the root password is not known"), "{shown:#?}");
            }
            _ => {
                let row = ran.out.lines().find(|line| line.contains("succeeded")).expect("a row");
                assert!(row.contains("the root password is not known") && row.contains("reset-password"), "{row}");
            }
        }
        assert_eq!((bench.sandbox().wiped(WEB), book(&bench.path("pw")).len()), (1, 0));
    }
}

#[test]
fn a_rebuild_that_failed_behind_a_lost_answer_is_a_failure_and_its_server_stays_off() {
    let bench = bench();
    bench.sandbox().fault(&json!([
        { "operation": "reinstall", "fault": "drop_answer" },
        { "operation": "reinstall", "fault": "fail_install" },
    ]));
    let ran = bench.run(&order(&[WEB], &["--no-login"])).ended(1);
    let target = ran.json()["targets"][0].clone();
    assert_eq!((&target["verdict"], &target["error"]["code"]), (&json!("failed"), &json!("action_failed")));
    assert_eq!(bench.sandbox().requests(&["start"]), []);
    // The failure of then says nothing of the next rebuild.
    bench.sandbox().order_fault("drop_answer");
    let ran = bench.run(&order(&[WEB], &["--no-login"])).ended(0);
    assert_eq!((ran.verdicts(), bench.sandbox().wiped(WEB)), (vec!["succeeded".to_owned()], 2));
}

#[test]
fn behind_a_lost_answer_the_servers_own_actions_prove_a_rebuild_that_no_look_has_seen() {
    let bench = bench();
    bench.sandbox().fault(&json!([
        { "operation": "reinstall", "fault": "drop_answer" },
        { "operation": "reinstall", "fault": "no_progress_shown" },
    ]));
    // The same image again: nothing else of the server changes.
    let ran = bench.run(&order(&[CACHE], &["--no-login"])).ended(0);
    let target = ran.json()["targets"][0].clone();
    assert_eq!((&target["verdict"], &target["proof"]), (&json!("succeeded"), &json!("changed:rebuild")));
    assert_eq!(bench.sandbox().wiped(CACHE), 1);
}

/// Starts a run of two servers, one after the other, and returns once the first one is wiped and its answer is late.
fn under_way(bench: &Bench, wrapped: Option<&str>) -> Running {
    bench.sandbox().fault(&json!({ "operation": "reinstall", "instance": WEB, "fault": "delay", "ms": 3000 }));
    let arguments = order(&[WEB, DB], &["--generate-password", "folder/pw", "--concurrency", "1", "-o", "jsonl"]);
    let mut running = match wrapped {
        Some(limit) => Running::limited(bench, limit, &arguments),
        None => Running::start(bench, &arguments),
    };
    running.until("order_intent");
    let began = Instant::now();
    while bench.sandbox().wiped(WEB) == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "the order never arrives");
        std::thread::sleep(Duration::from_millis(10));
    }
    running
}

#[test]
fn a_killed_run_goes_on_with_the_same_file_and_tells_whose_password_is_unknown() {
    let bench = bench();
    let path = bench.path("folder/pw");
    fs::create_dir(path.parent().expect("a folder")).expect("a folder");
    let running = under_way(&bench, None);
    running.signal(Signal::KILL);
    running.end();
    let ran = bench.run(&["resume", "-o", "json"]).ended(2);
    assert!(ran.err.contains("the provider of this run makes passwords up"), "{ran:#?}");
    assert!(ran.err.contains("`--generate-password`"), "{ran:#?}");
    let ran = bench.run(&["resume", "-o", "json", "--generate-password", "folder/pw"]).ended(0);
    assert_eq!(ran.verdicts(), ["succeeded", "succeeded"]);
    let report = ran.json();
    assert_eq!(report["targets"][0]["error"]["kind"], "password_unknown");
    assert_eq!(report["targets"][1]["error"], Value::Null);
    let lines = book(&path);
    assert_eq!((lines.len(), &lines[0]["instance"], &lines[0]["run"]), (1, &json!(DB), &report["run"]));
    assert_eq!([WEB, DB].map(|id| bench.sandbox().wiped(id)), [1, 1]);
}

/// The first server is wiped and its password lost: both are told, and the second server is left alone.
fn lost(bench: &Bench, running: Running, why: &str) {
    let ran = running.end().ended(74);
    let report = ran.lines().pop().expect("the report");
    let (web, db) = (&report["targets"][0], &report["targets"][1]);
    assert_eq!((&web["verdict"], &web["error"]["kind"]), (&json!("succeeded"), &json!("password_unknown")), "{ran:#?}");
    let message = web["error"]["message"].as_str().expect("a message");
    assert!(message.contains(why), "{message}");
    assert!(web["error"]["next_step"].as_str().expect("a step").contains("reset-password"));
    assert_eq!((&db["verdict"], &db["error"]["kind"]), (&json!("not_started"), &json!("halted")));
    assert!(ran.err.contains("the password that the provider made up for 471101 is lost"), "{ran:#?}");
    assert_eq!([WEB, DB].map(|id| bench.sandbox().wiped(id)), [1, 0]);
    for (place, content) in written(bench, &ran) {
        assert!(!content.contains(MADE_UP), "the password stands in {place}");
    }
}

#[test]
fn a_password_whose_folder_is_gone_is_told_with_its_server_and_the_next_order_stays() {
    let bench = bench();
    let folder = bench.path("folder");
    fs::create_dir(&folder).expect("a folder");
    let running = under_way(&bench, None);
    fs::remove_dir_all(&folder).expect("removed");
    lost(&bench, running, "folder/pw");
}

#[test]
fn a_password_file_that_was_taken_away_is_made_again() {
    let bench = bench();
    let path = bench.path("folder/pw");
    fs::create_dir(path.parent().expect("a folder")).expect("a folder");
    let running = under_way(&bench, None);
    fs::remove_file(&path).expect("removed");
    running.end().ended(0);
    assert_eq!((book(&path).len(), fs::metadata(&path).expect("the file").mode() & 0o7777), (2, 0o600));
}

#[test]
fn a_password_for_which_there_is_no_room_is_told_with_its_server_and_the_next_order_stays() {
    let bench = bench();
    fs::create_dir(bench.path("folder")).expect("a folder");
    // The file has reached the largest size that files may have here; all others are far from it.
    bench.private("folder/pw", &"# a line of before\n".repeat(64 * 1024));
    let size = fs::metadata(bench.path("folder/pw")).expect("the file").len();
    let running = under_way(&bench, Some(&size.to_string()));
    lost(&bench, running, "folder/pw");
}

#[test]
fn a_file_that_cannot_be_written_stops_the_run_while_it_is_free() {
    let bench = bench();
    let ran = bench.run(&order(&[WEB], &["--generate-password", "nowhere/pw"])).ended(2);
    assert!(ran.err.contains("nowhere/pw"), "{ran:#?}");
    assert_eq!(bench.sandbox().arrived(), 0);
}

impl Running {
    /// Starts a run that may write files of so many bytes and not more.
    fn limited(bench: &Bench, bytes: &str, arguments: &[String]) -> Self {
        let plain = bench.command(arguments);
        let mut command = Command::new("prlimit");
        command.arg(format!("--fsize={bytes}")).args(["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        command.arg(plain.get_program()).args(plain.get_args()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", "/usr/bin:/bin").current_dir(bench.path(""));
        Self::of(bench, command)
    }
}
