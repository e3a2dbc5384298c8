//! Bad input: a clear error, the right code, and nothing sent that changes anything.

use crate::bench::{BMC, Bench, CLOUDDC, ECS, JDCLOUD, PASSWORD, PRODUCTS, Product, Ran, ZEC};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// Runs a call that must fail, and holds it to its code, its words, and to having changed nothing.
#[track_caller]
fn refused(bench: &Bench, code: i32, words: &[&str], arguments: &[&str]) -> Ran {
    let ran = bench.run(arguments);
    refusal(bench, code, words, ran)
}

#[track_caller]
fn refusal(bench: &Bench, code: i32, words: &[&str], ran: Ran) -> Ran {
    let ran = ran.ended(code);
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing: {ran:#?}");
    }
    if let Some(sandbox) = &bench.sandbox {
        assert_eq!(sandbox.changes(), [], "something was changed");
    }
    ran
}

#[test]
fn a_provider_that_does_not_exist_is_answered_with_the_nearest() {
    let bench = Bench::new();
    refused(&bench, 2, &["zenlyer", "did you mean `zenlayer`", "huawei-ecs"], &["-p", "zenlyer", "-i", "a", "-y"]);
    refused(&bench, 2, &["no `--provider`", "jdcloud-cps"], &["-i", "bmc-demo-1", "-y"]);
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn an_empty_selection_or_an_empty_place_in_it_is_an_error_before_anything_is_read() {
    let bench = Bench::new();
    let verb = |refs: &[&'static str]| [&["-p", "zenlayer-bmc", "--no-login", "-y"], refs].concat();
    refused(&bench, 2, &["no server is selected"], &verb(&[]));
    for refs in ["", ",", "bmc-demo-1,", ",bmc-demo-1", "bmc-demo-1,,bmc-demo-2", " "] {
        refused(&bench, 2, &["`--instance` has an empty place"], &verb(&["-i", refs]));
    }
    refused(&bench, 2, &["names no server"], &verb(&["-i", "-"]));
    let ran = bench.fed("# all\n\n   \n", &verb(&["-i", "-"]));
    refusal(&bench, 2, &["names no server"], ran);
    for refs in ["name=", "ip=", "ip=web-1", "ip=300.1.1.1"] {
        refused(&bench, 2, &["`--instance`"], &verb(&["-i", refs]));
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn a_reference_that_finds_nothing_or_two_is_an_error_that_says_where_was_looked() {
    let bench = Bench::new();
    let verb = |refs: &'static str| ["-p", "zenlayer", "-i", refs, "--no-login", "-y"];
    let both = ["zenlayer-bmc", "zenlayer-zec"];
    refused(&bench, 2, &[&["bmc-demo-9"], &both[..]].concat(), &verb("bmc-demo-9"));
    refused(&bench, 2, &[&["name=web-9"], &both[..]].concat(), &verb("name=web-9"));
    refused(&bench, 2, &[&["192.0.2.200"], &both[..]].concat(), &verb("ip=192.0.2.200"));
    refused(&bench, 2, &["2 servers", "bmc-demo-1", "zec-demo-1"], &verb("name=web-1"));
    // One good server beside a bad reference is not reinstalled either.
    refused(&bench, 2, &["bmc-demo-9"], &verb("bmc-demo-1,bmc-demo-9"));
    // Names are compared whole.
    refused(&bench, 2, &["no server is known"], &verb("name=web"));
}

#[test]
fn missing_credentials_are_named_with_the_variables_and_files_that_were_looked_at() {
    let cases = [
        (JDCLOUD, ["JDCLOUD_ACCESS_KEY_ID", "JDCLOUD_AK", "~/.jdc/config"]),
        (BMC, ["ZENLAYER_ACCESS_KEY_ID", "ZENLAYERCLOUD_ACCESS_KEY_ID", "~/.zenlayer/credentials.json"]),
        (ZEC, ["ZENLAYER_ACCESS_KEY_SECRET", "ZENLAYER_TOKEN", "~/.zenlayer/credentials.json"]),
        (ECS, ["HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY", "clouds.yaml"]),
        (CLOUDDC, ["HUAWEICLOUD_SDK_SK", "OS_USERNAME", "clouds.yaml"]),
    ];
    for (product, words) in cases {
        let mut bench = Bench::new();
        for (name, _) in bench.sandbox().credentials.clone() {
            bench.unset(&name);
        }
        bench.set("REINSTALL_REGION", "ap-southeast-3");
        refusal(&bench, 6, &words, bench.reinstall(product, &[product.ready], &[]));
        assert_eq!(bench.sandbox().arrived(), 0);
    }
}

#[test]
fn refused_credentials_are_an_error_of_their_own() {
    for product in PRODUCTS {
        let mut bench = Bench::new();
        for (name, value) in bench.sandbox().credentials.clone() {
            if value.to_ascii_lowercase().contains("secret") {
                bench.set(&name, "a-wrong-secret-that-nobody-has");
            }
        }
        let ran = refusal(&bench, 6, &[product.id, "reinstall check"], bench.reinstall(product, &[product.ready], &[]));
        assert!(!ran.err.contains("a-wrong-secret"), "{}", ran.err);
    }
}

#[test]
fn a_password_that_breaks_a_rule_is_refused_before_anything_is_read_and_never_repeated() {
    for product in PRODUCTS {
        let bench = Bench::new();
        for (password, says) in [
            ("Qx7-", "characters"),
            ("qxqxqxqxqxqxqx", "upper-case"),
            ("Qx7-Qx7-Qx7-Qx7-Qx7-Qx7-Qx7-Qx7-Qx7-Qx7-", "characters"),
            ("Qx7-Qx7 Qx7-", "not allowed"),
        ] {
            bench.private("bad", password);
            let call = ["-p", product.id, "-i", product.ready, "--password-file", "bad", "-y"];
            let ran = refused(&bench, 2, &[says], &call);
            assert!(!ran.err.contains(password) && !ran.out.contains(password), "{ran:#?}");
        }
        assert_eq!(bench.sandbox().arrived(), 0);
    }
}

#[test]
fn there_is_no_option_that_takes_a_password() {
    let bench = Bench::new();
    for typed in [&["--password", "Geheim-123"][..], &["--password=Geheim-123"], &["--password"]] {
        let call = [&["-p", "zenlayer-bmc", "-i", "bmc-demo-1", "-y"], typed].concat();
        let ran = refused(&bench, 2, &["--password-file", "--generate-password"], &call);
        assert!(!ran.err.contains("Geheim") && !ran.out.contains("Geheim"), "{ran:#?}");
        let resume = bench.run(&[&["resume"], typed].concat()).ended(2);
        assert!(!resume.err.contains("Geheim"), "{resume:#?}");
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn a_login_that_a_product_cannot_take_is_refused_before_anything_is_read() {
    let bench = Bench::new();
    let call =
        |product: Product, more: &[&'static str]| [&["-p", product.id, "-i", product.ready, "-y"], more].concat();
    bench.password();
    let (password, key) = (["--password-file", "pw"], ["--ssh-key", "key-1"]);
    for product in [BMC, ZEC, ECS] {
        refused(&bench, 2, &["not both"], &call(product, &[&password[..], &key].concat()));
        refused(&bench, 2, &["--no-login"], &call(product, &[&password[..], &["--no-login"]].concat()));
    }
    refused(&bench, 2, &["takes no key pair"], &call(CLOUDDC, &[&password[..], &key].concat()));
    refused(&bench, 2, &["needs a password"], &call(JDCLOUD, &key));
    for product in [JDCLOUD, CLOUDDC] {
        refused(&bench, 2, &["needs a login"], &call(product, &["--no-login"]));
    }
    for product in PRODUCTS {
        refused(&bench, 2, &["needs a login", "--password-file"], &call(product, &[]));
    }
    refused(&bench, 2, &["cannot be used with"], &call(BMC, &[&password[..], &["--password-env", "X"]].concat()));
    refused(&bench, 2, &["takes no user data"], &call(CLOUDDC, &[&password[..], &["--user-data", "pw"]].concat()));
    for product in [ZEC, ECS, CLOUDDC] {
        refused(&bench, 2, &["no host name"], &call(product, &[&password[..], &["--hostname", "h"]].concat()));
    }
    for product in [BMC, ZEC, ECS, CLOUDDC] {
        refused(&bench, 2, &["data disks"], &call(product, &[&password[..], &["--wipe-data"]].concat()));
    }
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn an_unknown_field_is_answered_with_the_known_ones_and_a_secret_one_is_not_typed() {
    let bench = Bench::new();
    let call = |product: Product, field: &str| {
        let ran = bench.reinstall(product, &[product.ready], &["--set", field]);
        refusal(&bench, 2, &[field.split('=').next().expect("a name")], ran)
    };
    assert!(call(BMC, "raidConfg={}").err.contains("raidConfig"));
    assert!(call(JDCLOUD, "colour=red").err.contains("osTypeId"));
    call(CLOUDDC, "colour=red");
    assert!(call(BMC, "raidConfig={").err.contains("JSON"));
    for field in ["password=Geheim-123", "adminPass=Geheim-123"] {
        for product in PRODUCTS {
            assert!(!call(product, field).err.contains("Geheim"));
        }
    }
    let ran = call(JDCLOUD, "securityToken=Geheim-123");
    assert!(!ran.err.contains("Geheim") && ran.err.contains("@FILE"), "{}", ran.err);
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn a_running_server_that_must_not_be_stopped_is_skipped() {
    for (product, server) in [(JDCLOUD, "cps-demo-3"), (ZEC, "zec-demo-1")] {
        let bench = Bench::new();
        let ran = bench.reinstall(product, &[server], &["--power-off", "never"]);
        let ran = refusal(&bench, 5, &[server], ran);
        assert_eq!(ran.verdicts(), ["skipped"]);
        assert_eq!(ran.json()["targets"][0]["orders_sent"], 0);
    }
}

#[test]
fn a_secret_file_that_others_could_have_read_or_swapped_is_not_used() {
    let bench = Bench::new();
    bench.private("good", "Kq7-Wm2=tZ4x+Rb\n");
    bench.private("empty", "\nKq7-Wm2=tZ4x+Rb\n");
    bench.private("open", "Kq7-Wm2=tZ4x+Rb\n");
    fs::set_permissions(bench.path("open"), fs::Permissions::from_mode(0o644)).expect("mode");
    symlink(bench.path("good"), bench.path("link")).expect("link");
    fs::create_dir(bench.path("folder")).expect("folder");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a FIFO");
    let cases = [
        ("empty", "empty"),
        ("open", "chmod 600"),
        ("link", "symbolic link"),
        ("folder", "not a regular file"),
        ("fifo", "not a regular file"),
        ("nowhere", "no such file"),
    ];
    for (file, says) in cases {
        let call = ["-p", BMC.id, "-i", BMC.ready, "--password-file", file, "-y"];
        let ran = refused(&bench, 2, &["--password-file", file, says], &call);
        assert!(!ran.err.contains(PASSWORD), "{}", ran.err);
    }
    refused(&bench, 2, &["variable"], &["-p", BMC.id, "-i", BMC.ready, "--password-env", "NOT_SET", "-y"]);
    refused(&bench, 2, &[], &["-p", BMC.id, "-i", BMC.ready, "--generate-password", "open", "-y"]);
    refused(&bench, 2, &[], &["-p", BMC.id, "-i", BMC.ready, "--generate-password", "link", "-y"]);
    assert_eq!(bench.sandbox().arrived(), 0);
}

#[test]
fn standard_input_serves_one_reader_and_a_closed_one_is_no_secret() {
    let bench = Bench::new();
    let call = |more: &[&'static str]| [&["-p", BMC.id, "-y"], more].concat();
    let two = [
        call(&["-i", "-", "--password-file", "-"]),
        call(&["-i", BMC.ready, "--user-data", "-", "--password-file", "-"]),
        call(&["-i", "-", "--user-data", "-", "--no-login"]),
    ];
    for arguments in two {
        let ran = bench.fed("bmc-demo-1\n", &arguments);
        refusal(&bench, 2, &["at once"], ran);
    }
    refused(&bench, 2, &["empty"], &call(&["-i", BMC.ready, "--password-file", "-"]));
    assert_eq!(bench.sandbox().arrived(), 0);
}
