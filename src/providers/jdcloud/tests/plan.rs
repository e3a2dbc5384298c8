//! What a plan settles, and what it refuses before anything is stopped.

use super::*;
use crate::model::{Choice, LoginWish, Phase, PowerOff};
use crate::providers::Admission;
use serde_json::json;

fn set(pairs: &[(&str, &str)]) -> Wish {
    Wish { fields: pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect(), ..Wish::default() }
}

fn image(text: &str) -> Wish {
    Wish { image: Some(text.parse().expect("a choice")), ..Wish::default() }
}

fn key(text: &str) -> Wish {
    Wish { key: Some(text.parse().expect("a choice")), ..Wish::default() }
}

#[test]
fn what_the_call_demands_is_read_from_the_server_and_said_so() {
    let product = product();
    let bench = bench(&product);
    let prepared = prepare(&product, &bench, "cps-demo-2", &Wish::default()).expect("a plan");
    assert_eq!(
        prepared.body,
        json!({
            "az": "cn-north-1a",
            "imageType": "standard",
            "osTypeId": "os-demo-ubuntu2204",
            "sysRaidTypeId": "raid-demo-sys1",
            "dataRaidTypeId": "raid-demo-data0",
            "keepData": "yes",
        })
    );
    assert_eq!(prepared.image, Some(("os-demo-ubuntu2204".to_owned(), Some("Ubuntu 22.04(x86_64)".to_owned()))));
    assert!(prepared.must_change.is_empty(), "the same image again changes no mark");
    let line = |name: &str| prepared.lines.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(line("zone"), Some("cn-north-1a, from the server"));
    assert_eq!(line("system RAID"), Some("raid-demo-sys1 (RAID1), from the server"));
    assert_eq!(line("data disks"), Some("kept"));
}

#[test]
fn overrides_win_and_are_named_as_such() {
    let product = product();
    let bench = bench(&product);
    let mut wish = set(&[
        ("az", "cn-north-1b"),
        ("imageType", "Standard_App"),
        ("osTypeId", "os-demo-debian12"),
        ("sysRaidTypeId", "raid-demo-sys0"),
        ("dataRaidTypeId", "raid-demo-data10"),
    ]);
    wish.keep_data = Some(false);
    wish.power_off = PowerOff::Hard;
    let record = record(&product, &bench, "cps-demo-3");
    let prepared = ready(product.prepare(&bench, record, PowerPlan::StopFirst, &wish)).expect("a plan");
    assert_eq!(prepared.body["az"], "cn-north-1b");
    assert_eq!(prepared.body["imageType"], "standard_app");
    assert_eq!(prepared.body["keepData"], "no");
    let changed: Vec<_> = prepared.must_change.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(
        changed,
        [
            ("dataRaidTypeId", Some("raid-demo-data10")),
            ("osTypeId", Some("os-demo-debian12")),
            ("sysRaidTypeId", Some("raid-demo-sys0")),
        ]
    );
    let lines = format!("{:?}", prepared.lines);
    for said in ["cn-north-1b, from --set", "raid-demo-data10 (RAID10), from --set", "WIPED", "same call"] {
        assert!(lines.contains(said), "{said}: {lines}");
    }
}

#[test]
fn images_and_keys_that_are_not_there_or_not_unique_are_refused_with_candidates() {
    let product = product();
    let bench = bench(&product);
    for (wish, kind, candidate) in [
        (image("os-none"), "no_such_image", "os-demo-centos79 (CentOS 7.9(x86_64))"),
        (image("name=Ubuntu"), "no_such_image", "os-demo-ubuntu2204"),
        (image("os-demo-ubuntu2404"), "no_such_image", "os-demo-debian12"),
        (key("key-none"), "no_such_key", "key-demo-ops (ops)"),
        (key("name=op"), "no_such_key", "key-demo-ops"),
        (key("name=ci"), "ambiguous_key", "key-demo-ci (ci), key-demo-ci-old (ci)"),
        (set(&[("sysRaidTypeId", "raid-demo-data1")]), "no_such_raid", "raid-demo-sys0 (NORAID)"),
    ] {
        let refusal = refused(&product, &bench, "cps-demo-1", &wish);
        assert_eq!(refusal.kind, kind, "{refusal}");
        assert!(refusal.next_step.contains(candidate), "{}", refusal.next_step);
    }
}

#[test]
fn two_images_of_one_name_are_not_guessed_between() {
    let product = product();
    let whole = r#"{"result":{"instances":[{"instanceId":"a","deviceType":"m","status":"stopped","az":"z","osTypeId":"o1","sysRaidTypeId":"s","dataRaidTypeId":"d"}],"totalCount":1}}"#;
    let oss = r#"{"result":{"oss":[{"osTypeId":"o1","osName":"N"},{"osTypeId":"o2","osName":"N"},{"osTypeId":"o1","osName":"N"}]}}"#;
    let canned = Canned::new(&product, [(200, whole), (200, oss)]);
    let refusal = refused(&product, &canned, "a", &image("name=N"));
    assert_eq!(refusal.kind, "ambiguous_image");
    assert!(refusal.next_step.contains("o1 (N), o2 (N)"), "{}", refusal.next_step);
}

#[test]
fn a_present_image_that_is_not_offered_any_more_is_left_to_the_provider() {
    let product = product();
    let whole = r#"{"result":{"instances":[{"instanceId":"a","deviceType":"m","status":"stopped","az":"z","osTypeId":"o1","osName":"Old","sysRaidTypeId":"s","dataRaidTypeId":"d"}],"totalCount":1}}"#;
    let oss = r#"{"result":{"oss":[{"osTypeId":"o2","osName":"New"}]}}"#;
    let raids =
        r#"{"result":{"raids":[{"volumeType":"system","raidTypeId":"s"},{"volumeType":"data","raidTypeId":"d"}]}}"#;
    let canned = Canned::new(&product, [(200, whole), (200, oss), (200, raids), (200, raids)]);
    let prepared = prepare(&product, &canned, "a", &Wish::default()).expect("a plan");
    assert_eq!(prepared.body["osTypeId"], "o1");
    assert_eq!(prepared.image, Some(("o1".to_owned(), Some("Old".to_owned()))));
    assert!(format!("{:?}", prepared.lines).contains("not offered for this model any more"));
}

#[test]
fn contradictions_are_refused() {
    let product = product();
    let bench = bench(&product);
    let both = |choice: &str| Wish {
        image: Some(choice.parse().expect("a choice")),
        ..set(&[("osTypeId", "os-demo-debian12")])
    };
    let windows = Wish { key: Some(Choice::Id("key-demo-ops".to_owned())), ..image("os-demo-win2019") };
    for (wish, kind) in [
        (set(&[("dataRaidTypeId", "raid-demo-data1")]), "raid_change_wipes_data"),
        (both("os-demo-centos79"), "two_images"),
        (both("name=Debian 12(x86_64)"), "two_images"),
        (windows, "key_with_windows"),
        (set(&[("imageType", "custom")]), "bad_image_type"),
    ] {
        assert_eq!(refused(&product, &bench, "cps-demo-1", &wish).kind, kind);
    }
    assert!(prepare(&product, &bench, "cps-demo-1", &both("os-demo-debian12")).is_ok(), "the same image twice");
}

#[test]
fn fields_that_the_list_leaves_out_are_asked_for_one_by_one() {
    let product = product();
    let listed = r#"{"result":{"instances":[{"instanceId":"a","status":"stopped"}],"totalCount":1}}"#;
    let single =
        r#"{"result":{"instance":{"instanceId":"a","deviceType":"m","status":"stopped","az":"z","osTypeId":"o"}}}"#;
    let raid = r#"{"result":{"sysRaidTypeId":"s","sysRaidType":"RAID1"}}"#;
    let oss = r#"{"result":{"oss":[{"osTypeId":"o","osName":"N"}]}}"#;
    let canned = Canned::new(&product, [(200, listed), (200, single), (200, raid), (200, oss)]);
    let prepared = prepare(&product, &canned, "a", &Wish::default()).expect("a plan");
    assert_eq!(
        prepared.body,
        json!({ "az": "z", "imageType": "standard", "osTypeId": "o", "sysRaidTypeId": "s", "keepData": "yes" })
    );
    assert!(canned.asked()[2].ends_with("/instances/a:describeInstanceRaid"), "{:?}", canned.asked());
    let lines = format!("{:?}", prepared.lines);
    assert!(lines.contains("standard, default") && lines.contains("left out"), "{lines}");

    let told =
        r#"{"result":{"instance":{"instanceId":"a","deviceType":"m","az":"z","osTypeId":"o","sysRaidTypeId":"s"}}}"#;
    let none = r#"{"error":{"code":404,"status":"NOT_FOUND"}}"#;
    let canned = Canned::new(&product, [(200, listed), (200, told), (404, none), (200, oss)]);
    let prepared = prepare(&product, &canned, "a", &Wish::default()).expect("a plan");
    assert!(prepared.body.get("dataRaidTypeId").is_none(), "a server without data disks can be reinstalled");
    let canned = Canned::new(&product, [(200, listed), (200, told), (500, r#"{"error":{"code":500}}"#)]);
    assert_eq!(refused(&product, &canned, "a", &Wish::default()).kind, "provider_error");

    let bare = r#"{"result":{"instance":{"instanceId":"a","deviceType":"m","osTypeId":"o"}}}"#;
    let canned = Canned::new(&product, [(200, listed), (200, bare), (200, r#"{"result":{}}"#)]);
    let refusal = refused(&product, &canned, "a", &Wish::default());
    assert_eq!(refusal.kind, "missing_field");
    assert!(refusal.next_step.contains("--set az="), "{}", refusal.next_step);
    let other = r#"{"result":{"instance":{"instanceId":"b","deviceType":"m","osTypeId":"o","az":"z"}}}"#;
    let canned = Canned::new(&product, [(200, listed), (200, other)]);
    assert_eq!(refused(&product, &canned, "a", &Wish::default()).kind, "malformed_answer");
}

#[test]
fn a_data_raid_that_is_not_known_to_be_the_same_is_not_ordered_over_kept_data() {
    let product = product();
    let listed = r#"{"result":{"instances":[{"instanceId":"a","status":"stopped","deviceType":"m","az":"z","osTypeId":"o","sysRaidTypeId":"s"}],"totalCount":1}}"#;
    let single = r#"{"result":{"instance":{"instanceId":"a"}}}"#;
    let oss = r#"{"result":{"oss":[{"osTypeId":"o"}]}}"#;
    let raids = r#"{"result":{"raids":[{"raidTypeId":"d","raidType":"RAID1","volumeType":"data"}]}}"#;
    let canned = Canned::new(&product, [(200, listed), (200, single), (200, oss), (200, raids)]);
    let refusal = refused(&product, &canned, "a", &set(&[("dataRaidTypeId", "d")]));
    assert_eq!(refusal.kind, "raid_change_wipes_data");
}

#[test]
fn only_a_stopped_server_or_one_that_may_be_stopped_is_let_through() {
    let product = product();
    let admit = |status: &str| {
        let look = Observation::of(status, super::super::read::phase(status));
        product.admit(&look, &Wish::default())
    };
    assert_eq!(admit("stopped"), Admission::Go);
    assert_eq!(admit("STOPPED"), Admission::Go);
    assert_eq!(admit("Running"), Admission::StopFirst);
    for status in ["reinstalling", "starting", "stopping", "restarting", "creating", "pending", "rebuilding"] {
        assert!(matches!(admit(status), Admission::Busy(word) if word.contains(status)), "{status}");
    }
    for (status, kind) in [
        ("error", "broken_server"),
        ("deleting", "released"),
        ("", "unknown_status"),
        ("stopped now", "unknown_status"),
        ("install_failed", "unknown_status"),
    ] {
        assert!(matches!(admit(status), Admission::No(refusal) if refusal.kind == kind), "{status}");
    }
}

#[test]
fn only_words_that_name_a_reinstall_prove_one() {
    let phase = super::super::read::phase;
    assert_eq!(phase("reinstalling"), Phase::Installing);
    for other in ["rebuilding", "resetting", "starting", "installing-something", "error", "reinstalling!"] {
        assert_ne!(phase(other), Phase::Installing, "{other}");
    }
    for unknown in ["failed", "errors", "run", "running2", "reinstall"] {
        assert_eq!(phase(unknown), Phase::Unknown, "{unknown}");
    }
}

#[test]
fn host_names_and_password_runs_are_checked_without_quoting_the_password() {
    let product = product();
    let hostname = |name: &str| Wish { hostname: Some(name.to_owned()), ..Wish::default() };
    assert!(product.check(&hostname("ok-1"), &secrets()).is_ok());
    let refusal = product.check(&hostname("-no"), &secrets()).expect_err("a refusal");
    assert_eq!(refusal.kind, "bad_hostname");
    let login = Wish { login: LoginWish { password: true, none: false }, ..Wish::default() };
    let mut secrets = secrets();
    secrets.password = Some(Secret::from("Vx#456kk".to_owned()).shared());
    let refusal = product.check(&login, &secrets).expect_err("a refusal");
    assert_eq!(refusal.kind, "bad_password");
    assert!(!refusal.message.contains("456"), "{refusal}");
}
