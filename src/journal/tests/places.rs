//! Folders and claims: whose they are, what they hold, and what is said where one cannot be had.

use super::super::{Claim, ClaimError, Claims, Store, StoreError, files, folder};
use super::{store, time};
use crate::model::{RunId, ServerId};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn claim(run: &RunId, server: &str) -> Claim {
    Claim::new(run, "acme", &ServerId::new(server).unwrap(), time(0))
}

#[test]
fn the_inner_folders_are_closed_to_readers_and_the_outer_one_is_left_as_it_is() {
    let (_keep, store) = store();
    let (root, runs, claims) = (store.root().to_owned(), store.root().join("runs"), store.root().join("claims"));
    assert_eq!([&root, &runs, &claims].map(|path| mode(path)), [0o700; 3]);
    [&root, &runs, &claims].iter().for_each(|path| allow(path, 0o755));
    Store::open(&root).unwrap();
    assert_eq!([&root, &runs, &claims].map(|path| mode(path)), [0o755, 0o700, 0o700]);
    for readable in [0o701, 0o740] {
        allow(&runs, readable);
        Store::open(&root).unwrap();
        assert_eq!(mode(&runs), 0o700);
    }
}

#[test]
fn a_folder_that_others_can_write_is_refused_with_the_way_out() {
    let (_keep, store) = store();
    for mode in [0o720, 0o702] {
        allow(store.root(), mode);
        let said = Store::open(store.root()).unwrap_err().to_string();
        assert!(said.contains("can be written by others") && said.contains("chmod 700"), "{said}");
    }
    allow(store.root(), 0o700);
    allow(&store.root().join("runs"), 0o770);
    assert!(Store::open(store.root()).is_err(), "an inner one as well");
}

#[test]
fn a_file_or_a_link_in_the_place_of_the_folder_is_named_as_what_it_is() {
    let keep = tempfile::tempdir().unwrap();
    let (file, link) = (keep.path().join("file"), keep.path().join("link"));
    fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(keep.path(), &link).unwrap();
    for (path, word) in [(&file, "is not a folder"), (&link, "is a symbolic link")] {
        let said = folder::make_private(path, false).unwrap_err().to_string();
        assert!(said.contains(word) && said.contains(&path.display().to_string()), "{said}");
    }
    // Below a file nothing can be made, and the system's own word for it is told.
    assert!(matches!(Store::open(&file.join("state")), Err(StoreError::Io { .. })));
}

#[test]
fn a_missing_file_is_told_from_a_link_and_from_one_that_others_can_write() {
    let keep = tempfile::tempdir().unwrap();
    let path = |name: &str| keep.path().join(name);
    drop(files::create(&path("plain")).unwrap());
    std::os::unix::fs::symlink(path("plain"), path("link")).unwrap();
    drop(files::create(&path("shared")).unwrap());
    allow(&path("shared"), 0o602);
    let said = |name: &str| files::open(&path(name), false).unwrap_err();
    assert_eq!(said("missing").kind(), std::io::ErrorKind::NotFound);
    assert_eq!(said("link").to_string(), "it is a symbolic link");
    assert!(said("shared").to_string().contains("chmod 600"));
    allow(&path("plain"), 0o644);
    assert!(files::open(&path("plain"), false).is_ok(), "readers do no harm");
    fs::write(path("plain"), "text").unwrap();
    assert_eq!(files::read(&path("plain")).unwrap(), b"text");
}

#[test]
fn a_name_in_a_folder_that_is_not_there_cannot_be_made_durable() {
    let keep = tempfile::tempdir().unwrap();
    assert!(files::sync_folder_of(&keep.path().join("file")).is_ok());
    assert!(files::sync_folder_of(&keep.path().join("nowhere/file")).is_err());
    assert!(files::sync_folder_of(Path::new("/")).is_ok());
}

#[test]
fn a_claim_tells_who_works_on_the_server_since_when() {
    let run = RunId::fresh();
    let claim = claim(&run, "i-1");
    assert_eq!((claim.run, claim.pid, claim.since.as_str()), (run, std::process::id(), "2027-01-15T08:00:00Z"));
    assert!(!claim.host.is_empty());
}

#[test]
fn a_claim_that_cannot_be_written_is_told_from_one_that_is_taken_or_unreadable() {
    let keep = tempfile::tempdir().unwrap();
    let (run, other) = (RunId::fresh(), RunId::fresh());
    let nowhere = Claims::at(keep.path().join("nowhere"));
    assert!(matches!(nowhere.take("https://a", &claim(&run, "i-1")), Err(ClaimError::Io { .. })));
    let claims = Claims::at(keep.path().to_owned());
    claims.take("https://a", &claim(&run, "i-1")).unwrap();
    assert!(matches!(claims.take("https://a", &claim(&other, "i-1")), Err(ClaimError::Busy(_))));
    let only = fs::read_dir(keep.path()).unwrap().next().unwrap().unwrap().path();
    fs::write(&only, "{}").unwrap();
    let said = claims.take("https://a", &claim(&other, "i-1")).unwrap_err();
    assert!(matches!(said, ClaimError::Unreadable { .. }) && said.to_string().contains("it is no claim"), "{said}");
}

#[test]
fn a_run_gives_free_what_it_has_and_nothing_else() {
    let keep = tempfile::tempdir().unwrap();
    let claims = Claims::at(keep.path().to_owned());
    let (run, other) = (RunId::fresh(), RunId::fresh());
    for (run, server) in [(&run, "i-1"), (&run, "i-2"), (&other, "i-3")] {
        claims.take("https://a", &claim(run, server)).unwrap();
    }
    let draft = keep.path().join("0123.other").with_extension(other.as_str());
    fs::write(&draft, "").unwrap();
    claims.release_all(&run);
    let refused = |server: &str| claims.take("https://a", &claim(&RunId::fresh(), server)).is_err();
    assert!(!refused("i-1") && !refused("i-2") && refused("i-3"));
    assert!(draft.exists(), "the draft of another run is its own");
}
