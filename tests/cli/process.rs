//! What other processes and other people's folders can see of the program, and do to it.

use crate::bench::{BMC, Bench, ECS, PASSWORD, files};
use crate::signals::Running;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

#[test]
fn the_process_list_shows_no_secret_and_no_core_can_be_written() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 20_000 }));
    let mut running = Running::start(&bench, &bench.order(ECS, &[ECS.ready], &["-o", "jsonl"]));
    running.until("order_accepted");
    let line = fs::read(format!("/proc/{}/cmdline", running.id())).expect("the command line");
    bench.artefacts().keep("cmdline", &line);
    let line = String::from_utf8_lossy(&line).into_owned();
    assert!(line.contains("--password-file") && !line.contains(PASSWORD), "{line}");
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the core limit");
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "a core file would hold secrets: {core}");
    // What a process that may not be dumped has below /proc belongs to root, and the same user cannot read it.
    let environment = format!("/proc/{}/environ", running.id());
    if rustix::process::geteuid().is_root() {
        return;
    }
    assert_eq!(fs::read(environment).map_err(|error| error.kind()), Err(std::io::ErrorKind::PermissionDenied));
}

#[test]
fn the_environment_is_closed_to_other_processes_of_the_same_user() {
    if !rustix::process::geteuid().is_root() {
        // The test above has read it back as that very user.
        return;
    }
    // As root nothing is closed: a copy runs as somebody else, and that user looks.
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("mode");
    let program = folder.path().join("program");
    fs::copy(env!("CARGO_BIN_EXE_reinstall"), &program).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("mode");
    let nobody = 65_534;
    let mut command = Command::new(&program);
    command.args(["sandbox", "--listen", "127.0.0.1:0"]).env_clear().current_dir("/");
    command.env("HOME", folder.path()).env("GEHEIM", "Zq7-Geheim-Umgebung").uid(nobody).gid(nobody);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its first line");
    let environment = format!("/proc/{}/environ", child.id());
    let owner = fs::metadata(&environment).expect("there").uid();
    let read = Command::new("cat").arg(&environment).uid(nobody).gid(nobody).output().expect("cat");
    let control = Command::new("cat").arg("/proc/self/environ").env("SEEN", "yes").uid(nobody).gid(nobody).output();
    child.kill().expect("killed");
    child.wait().expect("its end");
    assert!(String::from_utf8_lossy(&control.expect("cat").stdout).contains("SEEN=yes"), "the look itself works");
    assert_eq!(owner, 0, "a process that may not be dumped belongs to root below /proc");
    assert!(!read.status.success() && read.stdout.is_empty(), "{read:?}");
}

#[test]
fn a_hostile_working_directory_changes_nothing() {
    let bench = Bench::new();
    let trap = "http://127.0.0.1:9";
    let text =
        format!("endpoint = \"{trap}\"\n[defaults]\ntimeout = \"hunter\"\n[profiles.a]\nendpoint = \"{trap}\"\n");
    for name in [
        "reinstall.toml",
        "config.toml",
        ".reinstall",
        ".reinstall.toml",
        "reinstall/config.toml",
        ".config/reinstall/config.toml",
    ] {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, &text).expect("a trap");
    }
    let variables = format!("REINSTALL_ENDPOINT={trap}\nZENLAYER_ACCESS_KEY_SECRET=hunter\nREINSTALL_TIMEOUT=hunter\n");
    for name in [".env", ".env.local", ".envrc"] {
        fs::write(bench.path(name), &variables).expect("a trap");
    }
    for name in ["clouds.yaml", ".zenlayer/credentials.json", ".jdc/config"] {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "{{{ hunter").expect("a trap");
    }
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]).ended(0);
    assert!(!ran.err.contains("hunter") && !ran.err.contains(trap), "{}", ran.err);
    // Without credentials elsewhere, those that lie here are none.
    let bench = {
        let mut poor = bench;
        for name in crate::bench::SECRET_KEYS.into_iter().chain([
            "JDCLOUD_ACCESS_KEY_ID",
            "ZENLAYER_ACCESS_KEY_ID",
            "HUAWEICLOUD_SDK_AK",
        ]) {
            poor.unset(name);
        }
        poor
    };
    for product in crate::bench::PRODUCTS {
        let ran = bench.run(&["-p", product.id, "list"]).ended(6);
        assert!(!ran.err.contains("hunter"), "{}", ran.err);
    }
}

#[test]
fn whatever_the_umask_only_the_owner_reads_what_is_written() {
    let bench = Bench::new();
    let call = bench.command(&["-p", BMC.id, "-i", BMC.ready, "--generate-password", "book", "-y"]);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(call.get_program()).args(call.get_args()).env_clear();
    command.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.current_dir(bench.path("")).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    bench.artefacts().keep("err", &output.stderr);
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(&bench.path("book")), 0o600);
    let state = bench.state().join("reinstall");
    let written = files(&state);
    assert!(!written.is_empty());
    for path in written {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&state));
        for folder in folders {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }
}

#[test]
fn a_planted_link_is_not_followed_for_a_book_or_a_state_folder() {
    let bench = Bench::new();
    let victim = bench.path("victim");
    fs::write(&victim, "mine\n").expect("a file");
    symlink(&victim, bench.path("book")).expect("a link");
    symlink(bench.path("nowhere"), bench.path("dangling")).expect("a link");
    for book in ["book", "dangling"] {
        let call = ["-p", BMC.id, "-i", BMC.ready, "--generate-password", book, "-y"];
        let ran = bench.run(&call).ended(2);
        assert!(ran.err.contains("link"), "{}", ran.err);
    }
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "mine\n");
    assert!(!bench.path("nowhere").exists());
    fs::create_dir(bench.path("elsewhere")).expect("a folder");
    symlink(bench.path("elsewhere"), bench.state().join("reinstall")).expect("a link");
    let ran = bench.reinstall(BMC, &[BMC.ready], &[]);
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(files(&bench.path("elsewhere")), Vec::<std::path::PathBuf>::new());
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn help_has_no_option_that_takes_a_secret_and_no_example_that_shows_one() {
    let bench = Bench::alone();
    let mut texts = vec![("--help".to_owned(), bench.run(&["--help"]).ended(0).out)];
    for command in ["resume", "wait", "runs", "list", "images", "keys", "providers", "check", "sign", "sandbox"] {
        texts.push((command.to_owned(), bench.run(&[command, "--help"]).ended(0).out));
    }
    // What each of these takes: a file, a variable's name, a reference.
    let known = ["--password-file", "--password-env", "--generate-password", "--ssh-key"];
    for (name, text) in &texts {
        for word in text.split(|c: char| c.is_whitespace() || c == ',' || c == '[' || c == ']' || c == '`') {
            let option = word.split('=').next().unwrap_or_default();
            let secret = ["password", "secret", "token", "key", "credential"].iter().any(|part| option.contains(part));
            assert!(!option.starts_with("--") || !secret || known.contains(&option), "{name}: {word}");
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files(&root.join("docs")).into_iter().chain([root.join("README.md"), root.join("SECURITY.md")]) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        texts.push((path.display().to_string(), text));
    }
    for (name, text) in texts {
        for line in text.lines() {
            let told = format!("{name}: {line}");
            assert!(!line.contains("--password ") && !line.contains("--password="), "{told}");
            // A secret that is set comes from somewhere: never as a literal.
            for (at, _) in line.match_indices('=') {
                let before =
                    line[..at].rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
                let names_one = ["PASSWORD", "SECRET", "_SK", "TOKEN"].iter().any(|end| before.ends_with(end));
                let after = line[at + 1..].trim_start_matches(['"', '\'']);
                assert!(!names_one || after.is_empty() || after.starts_with(['$', '…', '<', '{', '`', ' ']), "{told}");
            }
        }
    }
}
