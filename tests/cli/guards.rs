//! Guards: what is protected is not reinstalled, whatever the selection says.

use crate::bench::{BMC, Bench, PRODUCTS, Product, each, files};
use crate::signals::Running;
use rustix::process::Signal;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server of the product beside its ready one.
fn other(product: Product) -> &'static str {
    product.servers.into_iter().find(|server| *server != product.ready).expect("three servers")
}

#[test]
fn a_protected_server_is_skipped_and_the_others_go_on() {
    each(PRODUCTS, |product| {
        let bench = Bench::new();
        let protected = other(product);
        bench.configure(&format!("[protect]\ninstances = [\"{protected}\"]\n"));
        let ran = bench.reinstall(product, &[protected, product.ready], &[]).ended(5);
        assert_eq!(ran.verdicts(), ["skipped", "succeeded"], "{}", product.id);
        let error = &ran.json()["targets"][0]["error"];
        assert_eq!(error["kind"], "protected", "{error}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(&format!("`instances = \"{protected}\"`")), "{message}");
        assert!(message.contains("reinstall/config.toml:2 [protect]"), "{message}");
        let touched = bench.sandbox().changes();
        assert!(!touched.is_empty() && touched.iter().all(|(_, servers)| *servers == [product.ready]), "{touched:?}");
    });
}

#[test]
fn a_protected_server_alone_is_neither_stopped_nor_ordered() {
    each(PRODUCTS, |product| {
        let bench = Bench::new();
        bench.configure("[protect]\nnames = [\"*\"]\n");
        let ran = bench.reinstall(product, &product.servers, &[]).ended(5);
        assert_eq!(ran.verdicts(), ["skipped"; 3], "{}", product.id);
        let ran = bench.reinstall(product, &product.servers, &["--dry-run"]).ended(5);
        assert_eq!(ran.verdicts(), ["skipped"; 3], "{}", product.id);
        assert_eq!(bench.sandbox().changes(), [], "{}", product.id);
    });
}

#[test]
fn no_option_and_no_variable_lifts_a_protection() {
    let mut bench = Bench::new();
    let text = "[protect]\nnames = [\"WEB-?\"]\n[profiles.a]\nallow = { instances = [\"bmc-demo-1\"] }\n";
    bench.configure(text);
    let elsewhere = bench.private("other.toml", "[profiles.a]\n");
    let elsewhere = elsewhere.to_str().expect("a path").to_owned();
    let ways: [&[&str]; 5] = [
        &["--no-input"],
        &["--profile", "a"],
        &["--config", "/dev/null"],
        &["--config", &elsewhere, "--profile", "a"],
        &["--expect", "name=web-1", "--expect-count", "1"],
    ];
    for way in ways {
        let ran = bench.reinstall(BMC, &["name=web-1"], way).ended(5);
        assert_eq!(ran.json()["targets"][0]["error"]["kind"], "protected", "{way:?}");
    }
    bench.set("REINSTALL_CONFIG", &elsewhere);
    for name in ["REINSTALL_PROTECT", "REINSTALL_ALLOW", "REINSTALL_NO_PROTECT"] {
        bench.set(name, "false");
    }
    let ran = bench.reinstall(BMC, &["ip=198.51.100.11"], &[]).ended(5);
    assert_eq!(ran.json()["targets"][0]["error"]["kind"], "protected");
    assert_eq!(bench.sandbox().changes(), []);
    // A protection that cannot be read is no leave to go on without it.
    let before = bench.sandbox().arrived();
    bench.configure("[protect]\nnames = [\"web-[0-9]\"]\n");
    let ran = bench.reinstall(BMC, &["bmc-demo-1"], &[]).ended(78);
    assert!(ran.err.contains("config.toml:2") && !ran.err.contains("web-["), "{}", ran.err);
    assert_eq!(bench.sandbox().arrived(), before, "not even read");
}

#[test]
fn an_allow_list_lets_nothing_else_through() {
    let bench = Bench::new();
    bench.configure(
        "[protect]\nnames = [\"db-*\"]\n\
         [profiles.web]\nallow = { names = [\"web-*\", \"db-*\"] }\n\
         [profiles.address.allow]\naddresses = [\"198.51.100.13\"]\n\
         [profiles.free]\n",
    );
    let kinds = |profile: &str| {
        let ran = bench.reinstall(BMC, &BMC.servers, &["--dry-run", "--profile", profile]);
        let report = ran.json();
        let mut kinds: Vec<(String, String)> = report["targets"]
            .as_array()
            .expect("targets")
            .iter()
            .map(|target| {
                let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
                (word(&target["instance"]), word(&target["error"]["kind"]))
            })
            .collect();
        kinds.sort();
        kinds.into_iter().map(|(_, kind)| kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("web"), ["-", "protected", "not_allowed"]);
    assert_eq!(kinds("address"), ["not_allowed", "protected", "-"]);
    assert_eq!(kinds("free"), ["-", "protected", "-"]);
}

#[test]
fn rules_that_mean_nothing_are_refused_with_their_line() {
    let bench = Bench::alone();
    for (text, says) in [
        ("[protect]\nname = [\"a\"]", "did you mean `names`"),
        ("[protect]\nnames = [1]", "config.toml:2"),
        ("[protect]\nnames = [\n\"a\",\n\"\"]", "config.toml:4"),
        ("[protect]\ninstances = [\"i-*\"]", "patterns belong to `names`"),
        ("[protect]\naddresses = [\"10.0.0.0/8\"]", "single IP addresses"),
        ("[protects]\nnames = [\"a\"]", "did you mean `protect`"),
        ("protect = true", "a table"),
        ("[profiles.a.allow]\nfoo = []", "unknown key `foo`"),
        ("[profiles.a]\nallow = {}", "at least one server"),
        ("[profiles.a]\nallow = { names = [] }", "at least one server"),
        ("[profiles.a]\nalow = { names = [\"a\"] }", "did you mean `allow`"),
        ("[defaults]\nallow = { names = [\"a\"] }", "unknown key `allow`"),
    ] {
        bench.configure(text);
        let ran = bench.run(&["-p", BMC.id, "-i", "bmc-demo-1", "-y", "--no-login"]).ended(78);
        assert!(ran.err.contains(says), "{text}: {}", ran.err);
    }
}

#[test]
fn check_lists_the_rules_with_their_places() {
    let bench = Bench::new();
    let text = "[protect]\nnames = [\"prod-*\"]\n[profiles.a]\nallow = { instances = [\"bmc-demo-1\"] }\n";
    bench.configure(text);
    let checked = bench.run(&["check", "-p", BMC.id, "--profile", "a", "-o", "json"]).ended(0).json();
    assert_eq!(checked["protect"][0]["rule"], "names = \"prod-*\"");
    assert!(checked["protect"][0]["origin"].as_str().is_some_and(|at| at.ends_with("config.toml:2 [protect]")));
    assert_eq!(checked["allow"][0]["rule"], "instances = \"bmc-demo-1\"");
    let shown = bench.run(&["check", "-p", BMC.id, "--profile", "a"]).ended(0).out;
    assert!(shown.contains("never reinstalled\n  names = \"prod-*\"  ("), "{shown}");
    assert!(shown.contains("may be reinstalled\n  instances = \"bmc-demo-1\""), "{shown}");
}

#[test]
fn resume_leaves_alone_what_was_protected_meanwhile() {
    let bench = Bench::new();
    bench.sandbox().fault(&json!({ "operation": "reinstall", "fault": "slow_install", "ms": 3000 }));
    let call = bench.order(BMC, &BMC.servers, &["-o", "jsonl", "--concurrency", "1"]);
    let mut running = Running::start(&bench, &call);
    running.until("order_accepted");
    running.signal(Signal::KILL);
    running.end();
    bench.configure("[protect]\nnames = [\"db-*\"]\n");
    let ran = bench.run(&["resume", "--password-file", "pw", "-o", "json"]).ended(5);
    let report = ran.json();
    let targets = report["targets"].as_array().expect("targets");
    for target in targets {
        let (verdict, kind) =
            if target["name"] == "db-1" { ("skipped", json!("protected")) } else { ("succeeded", json!(null)) };
        assert_eq!((&target["verdict"], &target["error"]["kind"]), (&json!(verdict), &kind), "{report:#}");
    }
    assert_eq!(BMC.servers.map(|server| bench.sandbox().wiped(server)), [1, 0, 1]);
    assert!(files(&bench.state().join("reinstall/claims")).is_empty(), "its claim is given back");
}

/// Stands before the emulator and tells another name of the same length from the second answer on that has the first.
fn renaming(bench: &Bench, from: &'static str, to: &'static str) -> String {
    assert_eq!(from.len(), to.len());
    let emulator = bench.sandbox().address().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let seen = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for inward in listener.incoming().flatten() {
            let outward = TcpStream::connect(&emulator).expect("the emulator");
            let (mut asks, mut to_emulator) =
                (inward.try_clone().expect("a clone"), outward.try_clone().expect("a clone"));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut asks, &mut to_emulator);
                let _ = to_emulator.shutdown(Shutdown::Write);
            });
            let seen = seen.clone();
            std::thread::spawn(move || {
                let (mut outward, mut inward) = (outward, inward);
                let mut buffer = vec![0; 1 << 20];
                // The emulator writes an answer at once, so a read has all of the name or nothing of it.
                while let Ok(count @ 1..) = outward.read(&mut buffer) {
                    let mut text = buffer[..count].to_vec();
                    let found: Vec<usize> = (0..count).filter(|at| text[*at..].starts_with(from.as_bytes())).collect();
                    if !found.is_empty() && seen.fetch_add(1, Ordering::SeqCst) > 0 {
                        found.iter().for_each(|at| text[*at..*at + to.len()].copy_from_slice(to.as_bytes()));
                    }
                    if inward.write_all(&text).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[test]
fn a_server_that_was_renamed_after_the_plan_is_held_against_the_rules_again() {
    for (more, rules, kind) in [
        (&[][..], "[protect]\nnames = [\"prd-*\"]\n", "protected"),
        (&["--expect", "name=web-1"][..], "", "not_as_expected"),
    ] {
        let mut bench = Bench::new();
        bench.configure(rules);
        let url = renaming(&bench, "web-1", "prd-1");
        bench.set("REINSTALL_ENDPOINT", &url);
        let ran = bench.reinstall(BMC, &["bmc-demo-1"], more).ended(5);
        assert_eq!(ran.json()["targets"][0]["error"]["kind"], kind, "{ran:#?}");
        assert_eq!(bench.sandbox().changes(), []);
        let runs = bench.run(&["runs", "-o", "json"]).ended(0).json();
        assert_eq!(runs["runs"][0]["state"], "ended", "{runs}");
        // Without a rule the same rename stops nothing.
        let free = bench.reinstall(BMC, &["bmc-demo-1"], &["--config", "/dev/null"]);
        assert_eq!(free.code == Some(0), rules.is_empty(), "{free:#?}");
    }
}

/// A small generator: the same cases each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % most
    }
}

#[test]
fn no_selection_and_no_rules_ever_order_a_protected_server() {
    // Name, address and id of each server of the emulator.
    let known = [("web-1", "198.51.100.11"), ("db-1", "198.51.100.12"), ("cache-1", "198.51.100.13")];
    each(0..18_u64, |seed| {
        let mut dice = Dice(seed);
        let bench = Bench::new();
        let mut protected = [false; 3];
        let mut allowed = [false; 3];
        let mut table = |marks: &mut [bool; 3], least: usize| {
            let (mut instances, mut names, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..least + dice.below(3) {
                let at = dice.below(3);
                match dice.below(5) {
                    0 => instances.push(BMC.servers[at].to_owned()),
                    1 => names.push(known[at].0.to_uppercase()),
                    2 => addresses.push(known[at].1.to_owned()),
                    3 => names.push(format!("{}*", &known[at].0[..2])),
                    _ => names.push(format!("*{}?", &known[at].0[..known[at].0.len() - 1])),
                }
                marks[at] = true;
            }
            format!("instances = {instances:?}\nnames = {names:?}\naddresses = {addresses:?}\n")
        };
        let rules = table(&mut protected, 0);
        let list = table(&mut allowed, 1);
        bench.configure(&format!("[protect]\n{rules}[profiles.p.allow]\n{list}[profiles.q]\n"));
        let restricted = dice.below(2) == 0;
        let mut refs = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let at = dice.below(3);
            refs.push((
                at,
                [BMC.servers[at].to_owned(), format!("name={}", known[at].0), format!("ip={}", known[at].1)]
                    [dice.below(3)]
                .clone(),
            ));
        }
        let words: Vec<&str> = refs.iter().map(|(_, text)| text.as_str()).collect();
        let profile = if restricted { "p" } else { "q" };
        let ran = bench.reinstall(BMC, &words, &["--profile", profile, "--no-wait"]);
        let may = |at: usize| !protected[at] && (!restricted || allowed[at]);
        let told = format!("seed {seed}: {rules}{list}{words:?} {profile}: {ran:#?}");
        let orders: Vec<String> =
            bench.sandbox().requests(&["reinstall"]).into_iter().flat_map(|(_, servers)| servers).collect();
        for (at, server) in BMC.servers.into_iter().enumerate() {
            let expected = usize::from(may(at) && refs.iter().any(|(selected, _)| *selected == at));
            assert_eq!(orders.iter().filter(|own| *own == server).count(), expected, "{server} of {told}");
        }
        for (_, servers) in bench.sandbox().changes() {
            assert!(!servers.is_empty(), "seed {seed}: a change that names no server");
            for server in servers {
                let at = BMC.servers.iter().position(|own| *own == server).expect("a known server");
                assert!(may(at), "seed {seed}: {server}");
            }
        }
    });
}
