//! Certificates that are not to be trusted: not one byte of a request is sent to whoever shows them.

use crate::bench::{BMC, Bench, Product, Ran, each};
use crate::front::forward;
use crate::http::header;
use crate::server::Server;
use crate::tls::{Authority, FLAWS, Flaw, Heard, serve};
use rustls::ServerConfig;
use std::fs;
use std::sync::{Arc, Mutex};

/// A place whose program trusts the authority, and an emulator.
fn trusting(authority: &Authority) -> Bench {
    let mut bench = Bench::new();
    let path = bench.path("ca.pem");
    fs::write(&path, &authority.pem).expect("a file");
    bench.set("SSL_CERT_FILE", &path.to_string_lossy());
    bench
}

/// Speaks TLS in front of the emulator; `choose` says with which certificate, so many requests in.
fn front(
    bench: &Bench,
    heard: &Heard,
    choose: impl Fn(&[Vec<u8>]) -> Arc<ServerConfig> + Send + Sync + 'static,
) -> Server {
    let (behind, heard) = (bench.sandbox().address().to_owned(), heard.clone());
    Server::start(move |talk| {
        let config = choose(&heard.lock().expect("heard"));
        serve(&config, talk, &heard, |request| forward(&behind, request));
    })
}

fn actions(heard: &Heard) -> Vec<String> {
    heard.lock().expect("heard").iter().filter_map(|request| header(request, "x-zc-action")).collect()
}

#[test]
fn a_certificate_with_any_flaw_gets_no_byte_of_a_request() {
    let authority = Authority::new();
    for flaw in [Flaw::None].into_iter().chain(FLAWS) {
        let mut bench = trusting(&authority);
        let heard = Heard::default();
        let config = authority.server(&["127.0.0.1"], flaw);
        let server = front(&bench, &heard, move |_| config.clone());
        bench.set("REINSTALL_ENDPOINT", &format!("https://127.0.0.1:{}", server.port()));
        let ran = bench.reinstall(BMC, &[BMC.ready], &[]);
        if flaw == Flaw::None {
            assert_eq!(ran.verdicts(), ["succeeded"], "the scene works: {ran:#?}");
            continue;
        }
        let ran = ran.ended(69);
        assert!(server.connections() > 0, "{flaw:?}: nobody came");
        assert_eq!(heard.lock().expect("heard").len(), 0, "{flaw:?}");
        assert!(ran.err.contains("certificate of 127.0.0.1"), "{flaw:?}: {}", ran.err);
        assert!(ran.err.contains("next: check the endpoint and the machine's certificates"), "{flaw:?}: {}", ran.err);
        assert_eq!(bench.sandbox().arrived(), 0);
    }
}

/// One that takes certificate authorities of its own.
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

#[test]
fn a_clouds_own_authority_is_trusted_for_that_cloud_alone_and_no_flaw_passes_with_it() {
    let authority = Authority::new();
    for flaw in [Flaw::None].into_iter().chain(FLAWS) {
        let mut bench = Bench::new();
        let path = bench.path("own.pem");
        fs::write(&path, &authority.pem).expect("a file");
        let heard = Heard::default();
        let config = authority.server(&["127.0.0.1"], flaw);
        let server = front(&bench, &heard, move |_| config.clone());
        bench.set("REINSTALL_ENDPOINT", &format!("https://127.0.0.1:{}", server.port()));
        let unheard = |ran: Ran| {
            assert!(ran.err.contains("certificate of 127.0.0.1"), "{flaw:?}: {}", ran.err);
            assert_eq!(heard.lock().expect("heard").len(), 0, "{flaw:?}");
        };
        unheard(bench.reinstall(NOVA, &[NOVA.ready], &[]).ended(69));
        bench.set("OS_CACERT", &path.to_string_lossy());
        unheard(bench.reinstall(BMC, &[BMC.ready], &[]).ended(69));
        let ran = bench.reinstall(NOVA, &[NOVA.ready], &[]);
        match flaw {
            Flaw::None => assert_eq!(ran.verdicts(), ["succeeded"], "{ran:#?}"),
            _ => unheard(ran.ended(69)),
        }
    }
}

#[test]
fn an_order_that_meets_a_bad_certificate_is_unsent_and_ends_the_run() {
    let authority = Authority::new();
    for flaw in FLAWS {
        let mut bench = trusting(&authority);
        let heard = Heard::default();
        let (good, bad) = (authority.server(&["127.0.0.1"], Flaw::None), authority.server(&["127.0.0.1"], flaw));
        // The plan looks at the servers once, the run once more; the order comes next.
        let server = front(&bench, &heard, move |heard| {
            let looks = heard.iter().filter(|one| header(one, "x-zc-action").as_deref() == Some("DescribeInstances"));
            if looks.count() < 2 { good.clone() } else { bad.clone() }
        });
        bench.set("REINSTALL_ENDPOINT", &format!("https://127.0.0.1:{}", server.port()));
        let ran = bench.reinstall(BMC, &[BMC.ready, BMC.servers[1]], &["--concurrency", "1"]).ended(69);
        assert_eq!(ran.verdicts(), ["not_started", "not_started"], "{flaw:?}: {ran:#?}");
        let report = ran.json();
        let [first, second] = [0, 1].map(|place| &report["targets"][place]);
        assert_eq!((&first["error"]["kind"], &first["orders_sent"]), (&"untrusted_certificate".into(), &0.into()));
        assert!(first["error"]["next_step"].as_str().is_some_and(|step| step.contains("intercepting")), "{first}");
        assert_eq!(second["error"]["kind"], "halted", "{flaw:?}: {second}");
        assert!(!actions(&heard).contains(&"ReinstallInstance".to_owned()), "{flaw:?}");
        assert_eq!(bench.sandbox().orders(), 0);
    }
}

#[test]
fn an_authority_that_is_named_replaces_trust_and_never_switches_it_off() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let mut bench = trusting(&theirs);
    let heard = Heard::default();
    let config = ours.server(&["127.0.0.1"], Flaw::None);
    let server = front(&bench, &heard, move |_| config.clone());
    bench.set("REINSTALL_ENDPOINT", &format!("https://127.0.0.1:{}", server.port()));
    bench.run(&["-p", BMC.id, "list"]).ended(69);
    let made = |name: &str, content: &str| {
        let path = bench.path(name);
        fs::write(&path, content).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let cases = [
        ("SSL_CERT_FILE", made("empty.pem", "")),
        ("SSL_CERT_FILE", made("nonsense.pem", "trust everybody")),
        ("SSL_CERT_FILE", "/nowhere/at/all.pem".to_owned()),
        // What other tools take for a switch is none here.
        ("CURL_INSECURE", "1".to_owned()),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0".to_owned()),
        ("PYTHONHTTPSVERIFY", "0".to_owned()),
        ("SSL_VERIFY", "false".to_owned()),
        ("REINSTALL_INSECURE", "true".to_owned()),
    ];
    each(cases, |(name, value)| {
        let output = bench.command(&["-p", BMC.id, "list"]).env(name, value).output().expect("the program runs");
        assert_ne!(output.status.code(), Some(0), "{name}");
    });
    for option in ["--insecure", "-k", "--no-verify", "--insecure-skip-verify"] {
        bench.run(&["-p", BMC.id, "list", option]).ended(2);
    }
    assert_eq!(heard.lock().expect("heard").len(), 0);
    assert!(server.connections() > 0);
}

/// Types of the extensions of a `ClientHello`, each with its content.
fn extensions(record: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let number =
        |place: usize, size: usize| record[place..place + size].iter().fold(0, |n, &b| n << 8 | usize::from(b));
    assert_eq!((record[0], record[5]), (22, 1), "a handshake with a hello");
    let mut place = 5 + 4 + 2 + 32;
    place += 1 + number(place, 1);
    place += 2 + number(place, 2);
    place += 1 + number(place, 1);
    let end = place + 2 + number(place, 2);
    place += 2;
    let mut all = Vec::new();
    while place < end {
        let (kind, length) = (number(place, 2), number(place + 2, 2));
        all.push((u16::try_from(kind).expect("a type"), record[place + 4..place + 4 + length].to_vec()));
        place += 4 + length;
    }
    all
}

#[test]
fn only_tls_1_2_and_newer_are_offered_and_early_data_never() {
    const EARLY_DATA: u16 = 42;
    const VERSIONS: u16 = 43;
    let authority = Authority::new();
    let mut bench = trusting(&authority);
    let heard = Heard::default();
    let config = authority.server(&["127.0.0.1"], Flaw::None);
    let server = front(&bench, &heard, move |_| config.clone());
    bench.set("REINSTALL_ENDPOINT", &format!("https://127.0.0.1:{}", server.port()));
    bench.reinstall(BMC, &[BMC.ready], &[]).ended(0);
    let hellos = server.received();
    // Later ones could resume the first session, and would then be tempted by its offer.
    assert!(hellos.len() > 3, "{} connections", hellos.len());
    for hello in hellos {
        let extensions = extensions(&hello);
        assert!(extensions.iter().all(|(kind, _)| *kind != EARLY_DATA));
        let (_, versions) = extensions.iter().find(|(kind, _)| *kind == VERSIONS).expect("versions");
        let mut versions: Vec<&[u8]> = versions[1..].chunks(2).collect();
        versions.sort_unstable();
        assert_eq!(versions, [[3, 3], [3, 4]]);
    }
}

#[test]
fn a_warning_tells_of_a_clock_that_is_off_before_anything_is_signed_for_an_order() {
    let authority = Authority::new();
    let mut bench = trusting(&authority);
    let (heard, config) = (Heard::default(), authority.server(&["127.0.0.1"], Flaw::None));
    let (behind, kept) = (bench.sandbox().address().to_owned(), heard.clone());
    let dates = Arc::new(Mutex::new(0));
    let seen = dates.clone();
    let server = Server::start(move |talk| {
        serve(&config, talk, &kept, |request| {
            let answer = String::from_utf8(forward(&behind, request)?).ok()?;
            *seen.lock().expect("a number") += 1;
            let old = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("date:"))?.to_owned();
            Some(answer.replace(&old, "date: Sat, 21 Nov 2020 09:00:00 GMT").into_bytes())
        });
    });
    bench.set("REINSTALL_ENDPOINT", &format!("https://127.0.0.1:{}", server.port()));
    let ran = bench.reinstall(BMC, &[BMC.ready], &["--dry-run"]).ended(0);
    assert!(
        ran.err.contains("! this machine's clock is") && ran.err.contains("ahead of the provider's"),
        "{}",
        ran.err
    );
    assert!(*dates.lock().expect("a number") > 0);
}
