//! The sweep itself, and that it would find what it looks for.

use crate::artefacts::{FOLDER, LIST};
use crate::folder::sweep;
use crate::spelling::{WAYS, Way, spellings};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Fewer files mean that the suites kept nothing, and then nothing is proven.
const LEAST_FILES: usize = 1200;
/// Fewer secrets, likewise.
const LEAST_SECRETS: usize = 12;

/// Every spelling of it is a different text.
const CANARY: &str = "Zq7'Ge\"he%im \\ü2&=+";

#[test]
#[ignore = "the last step of ./check, when every suite has kept its artefacts"]
#[expect(clippy::disallowed_methods, reason = "the one variable that says where artefacts are kept")]
fn no_artefact_of_any_test_holds_a_secret() {
    let folder = std::env::var_os(FOLDER).expect("./check says where artefacts are kept");
    let swept = sweep(Path::new(&folder));
    assert!(swept.found.is_empty(), "secrets stand in artefacts: {:#?}", swept.found);
    assert!(swept.files >= LEAST_FILES, "only {} files were kept", swept.files);
    assert!(swept.secrets >= LEAST_SECRETS, "only {} secrets were named", swept.secrets);
    println!("swept {} files, {} bytes, for {} secrets", swept.files, swept.bytes, swept.secrets);
}

/// A folder as a suite leaves it, with this in one artefact.
fn planted(text: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let test = folder.path().join("cli-1");
    fs::create_dir_all(test.join("state/runs")).expect("a folder");
    fs::write(test.join(LIST), format!("{}\n", json!({ "secret": CANARY }))).expect("a list");
    fs::write(test.join("state/runs/a.jsonl"), text).expect("an artefact");
    folder
}

fn finds(folder: &tempfile::TempDir) -> Vec<Way> {
    sweep(folder.path()).found.into_iter().map(|(_, way, _)| way).collect()
}

#[test]
fn a_secret_is_found_in_each_of_the_seven_spellings() {
    for way in WAYS {
        let all = spellings(way, CANARY);
        assert!(!all.is_empty(), "{way:?}");
        for text in all {
            let found = finds(&planted(format!("{{\"x\":\"a{text}b\"}}\n").as_bytes()));
            assert!(!found.is_empty(), "{way:?} `{text}`");
        }
        // The ways are different from each other, so each had to be found by itself.
        let first = &spellings(way, CANARY)[0];
        assert_eq!(finds(&planted(first.as_bytes())), [way], "{first}");
    }
}

#[test]
fn a_secret_inside_a_longer_text_that_was_encoded_is_found_wherever_it_begins() {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine};
    for before in ["", "u", "us", "use", "user"] {
        for after in ["", "!", "!!", "\n"] {
            let text = format!("{before}{CANARY}{after}");
            for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
                assert!(finds(&planted(encoded.as_bytes())).contains(&Way::Base64), "`{before}` `{after}`: {encoded}");
            }
        }
    }
}

#[test]
fn a_file_that_is_no_text_is_read_too() {
    let mut bytes = vec![0xff, 0x00, 0xfe];
    bytes.extend(CANARY.as_bytes());
    assert_eq!(finds(&planted(&bytes)), [Way::Raw]);
    assert_eq!(finds(&planted(b"nothing of the kind")), []);
}

#[test]
fn a_generated_password_may_stand_in_its_book_and_nowhere_else() {
    let folder = planted(b"");
    let test = folder.path().join("cli-1");
    let book = test.join("pw.jsonl");
    let line = json!({ "run": "r", "provider": "p", "instance": "i", "password": "Generated-77=x" });
    fs::write(&book, format!("{line}\n")).expect("a book");
    let list = format!("{}\n{}\n", json!({ "secret": CANARY }), json!({ "book": book }));
    fs::write(test.join(LIST), list).expect("a list");
    assert_eq!(finds(&folder), []);
    fs::write(test.join("err"), "warning: Generated-77=x\n").expect("an artefact");
    assert_eq!(finds(&folder), [Way::Raw]);
    fs::remove_file(test.join("err")).expect("removed");
    // Another secret has no right to stand there.
    fs::write(&book, format!("{line}\n{}\n", json!({ "password": CANARY }))).expect("a book");
    assert_eq!(finds(&folder), [Way::Json]);
}

#[test]
fn what_a_test_gave_is_left_out_and_nothing_beside_it() {
    let folder = planted(b"");
    let test = folder.path().join("cli-1");
    fs::create_dir(test.join("work")).expect("a folder");
    fs::write(test.join("work/pw"), CANARY).expect("a file");
    assert_eq!(finds(&folder), [Way::Raw]);
    let list = format!("{}\n{}\n", json!({ "secret": CANARY }), json!({ "given": test.join("work/pw") }));
    fs::write(test.join(LIST), list).expect("a list");
    assert_eq!(finds(&folder), []);
    fs::write(test.join("work/pw2"), CANARY).expect("a file");
    assert_eq!(finds(&folder), [Way::Raw]);
}

#[test]
fn the_emulators_first_line_may_tell_its_credentials_and_no_other_line() {
    let first = json!({ "url": "http://127.0.0.1:1", "pid": 1, "credentials": { "KEY": CANARY } });
    assert_eq!(finds(&planted(format!("{first}\n").as_bytes())), []);
    let other = json!({ "url": "http://127.0.0.1:1", "pid": 1, "credentials": {}, "more": CANARY });
    assert_eq!(finds(&planted(format!("{other}\n").as_bytes())), [Way::Json]);
}
