//! Where requests may go, what the configuration may say, and the guards before anything is wiped.

use crate::bench::{BMC, Bench};

#[test]
fn plain_http_is_spoken_to_loopback_alone() {
    let bench = Bench::alone();
    for url in [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com:80#127.0.0.1",
        "http://localhost.example.com",
        "http://0.0.0.0:1",
        "http://[::]:1",
        "http://[::ffff:192.0.2.1]:1",
        "http://169.254.169.254",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "127.0.0.1:8080",
        "https://",
        "https://user:Geheim-123@example.com",
        "http://user:Geheim-123@127.0.0.1",
    ] {
        let ran = bench.run(&["-p", BMC.id, "-i", "a", "--no-login", "-y", "--endpoint", url]).ended(2);
        assert!(ran.err.contains("--endpoint"), "{url}: {}", ran.err);
        assert!(!ran.err.contains("Geheim"), "{}", ran.err);
    }
}

#[test]
fn a_configuration_mistake_is_found_with_file_line_and_the_nearest_key() {
    let cases = [
        ("regoin = 'x'\n", "regoin"),
        ("[defaults]\npoll-intervall = '1s'\n", "did you mean `poll_interval`"),
        ("[defaults]\ntimeout = 5\n", "timeout"),
        ("[profile.a]\n", "did you mean `profiles`"),
        ("[profiles.a]\nregoin = 'x'\n", "did you mean `region`"),
        ("x = \"Geheim-123\n", "config.toml:1"),
        ("[defaults\n", "config.toml:1"),
    ];
    for (text, says) in cases {
        let bench = Bench::alone();
        bench.configure(text);
        let ran = bench.run(&["-p", BMC.id, "-i", "a", "--no-login", "-y"]).ended(78);
        assert!(ran.err.contains(says) && ran.err.contains("config.toml"), "{text}: {}", ran.err);
        assert!(!ran.err.contains("Geheim"), "{}", ran.err);
    }
    let ran = Bench::alone().run(&["check", "--config", "nowhere.toml"]).ended(2);
    assert!(ran.err.contains("nowhere.toml"), "{}", ran.err);
}

#[test]
fn a_configuration_that_holds_a_secret_is_refused_and_the_secret_is_not_repeated() {
    for text in [
        "password = 'Geheim-123'\n",
        "[defaults]\nsecret_key = 'Geheim-123'\n",
        "[profiles.a]\naccess_key_secret = 'Geheim-123'\n",
        "[profiles.a]\ntoken = 'Geheim-123'\n",
    ] {
        let bench = Bench::alone();
        bench.configure(text);
        let ran = bench.run(&["-p", BMC.id, "-i", "a", "--no-login", "-y"]).ended(78);
        assert!(ran.err.contains("secret"), "{text}: {}", ran.err);
        assert!(!ran.err.contains("Geheim"), "{}", ran.err);
    }
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_sent() {
    let bench = Bench::new();
    let ran = bench.run(&["-p", BMC.id, "-i", BMC.ready, "--no-login", "-o", "json"]).ended(5);
    assert_eq!(ran.verdicts(), ["not_started"]);
    assert!(ran.err.contains("nothing was sent") && ran.err.contains("--yes"), "{}", ran.err);
    // An answer on a pipe is not an answer.
    bench.fed("web-1\ny\nyes\n1\n", &["-p", BMC.id, "-i", BMC.ready, "--no-login"]).ended(5);
    // Nor does a variable or the configuration say yes.
    let mut bench = bench;
    bench.set("REINSTALL_YES", "true");
    bench.run(&["-p", BMC.id, "-i", BMC.ready, "--no-login"]).ended(5);
    bench.configure("[defaults]\nyes = true\n");
    bench.run(&["-p", BMC.id, "-i", BMC.ready, "--no-login"]).ended(78);
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn a_selection_of_another_size_is_refused_after_duplicates_are_gone() {
    let bench = Bench::new();
    let call =
        |count: &str, refs: &str| bench.run(&["-p", BMC.id, "-i", refs, "--no-login", "-y", "--expect-count", count]);
    assert!(call("2", "bmc-demo-1").ended(5).err.contains("--expect-count"));
    call("2", "bmc-demo-1,bmc-demo-1").ended(5);
    call("2", "bmc-demo-1,name=web-1,ip=198.51.100.11").ended(5);
    for bad in ["0", "x", "-1", "1.5", ""] {
        call(bad, "bmc-demo-1").ended(2);
    }
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn a_server_that_is_not_as_expected_is_skipped_and_told_apart() {
    let bench = Bench::new();
    for expectation in ["name=db-1", "ip=198.51.100.99", "image=nope", "status=STOPPED"] {
        let call = ["-p", BMC.id, "-i", BMC.ready, "--no-login", "-y", "-o", "json", "--expect", expectation];
        let ran = bench.run(&call).ended(5);
        assert_eq!(ran.verdicts(), ["skipped"], "{expectation}");
        let value = expectation.split('=').nth(1).expect("a value");
        assert!(ran.err.contains(value), "{}", ran.err);
    }
    for bad in ["nam=web-1", "name", "=x", "name="] {
        let ran = bench.run(&["-p", BMC.id, "-i", BMC.ready, "--no-login", "-y", "--expect", bad]).ended(2);
        assert!(ran.err.contains("--expect"), "{}", ran.err);
    }
    assert_eq!(bench.sandbox().changes(), []);
}

#[test]
fn an_option_of_the_verb_beside_a_command_is_refused_not_ignored() {
    let bench = Bench::new();
    for command in ["list", "wait", "runs", "check", "keys", "images", "providers"] {
        bench.run(&[command, "--yes"]).ended(2);
        let ran = bench.run(&["--yes", "-p", BMC.id, command]).ended(2);
        assert!(ran.err.contains("--yes"), "{}", ran.err);
        bench.run(&["--image", "x", command]).ended(2);
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn a_duration_or_number_that_is_none_is_named_with_its_option() {
    let bench = Bench::new();
    let cases = [
        ("--timeout", &["5", "0s", "-1s", "1y", "1.5h", "", "99999d"][..]),
        ("--poll-interval", &["fast", "0ms", "1 s s"]),
        ("--start-window", &["15", "m"]),
        ("--concurrency", &["0", "-1", "many", "1001"]),
        ("--max-failures", &["0%", "101%", "x", "-1"]),
        ("--power-off", &["maybe", "SOFTLY", ""]),
        ("--power-on", &["yes"]),
        ("--output", &["xml", "JSONL5"]),
        ("--color", &["blue"]),
    ];
    for (option, values) in cases {
        for value in values {
            let typed = format!("{option}={value}");
            let ran = bench.run(&["-p", BMC.id, "-i", BMC.ready, "--no-login", "-y", &typed]).ended(2);
            assert!(ran.err.contains(option), "{typed}: {}", ran.err);
        }
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn a_port_where_nobody_listens_is_unreachable_and_nothing_was_sent() {
    let bench = Bench::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let endpoint = format!("http://{free}");
    let ran = bench.run(&["-p", BMC.id, "-i", BMC.ready, "--no-login", "-y", "--endpoint", &endpoint]).ended(69);
    assert!(ran.err.contains(&free.to_string()), "{}", ran.err);
}
