//! Runs by their names and in one line each; what is kept of a torn end; what may be thrown away.

use super::super::{Damage, RunSummary, Store, StoreError, Story};
use super::{event, store, time, write};
use crate::clock::{Clock, SystemClock};
use crate::model::{ApiError, RunId, Verdict, What, Wish};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

fn head(total: usize) -> What {
    let head = json!({
        "program": "0.1.0", "wish": Wish::default(), "reason": "ticket 7", "plan_hash": "", "total": total,
        "timeout": null, "start_window": { "secs": 900, "nanos": 0 }, "poll_interval": null, "concurrency": 10,
        "max_failures": 1, "no_wait": false, "place": [], "sandbox": true
    });
    What::RunOpened(Box::new(serde_json::from_value(head).unwrap()))
}

fn verdict(verdict: Verdict) -> What {
    What::Verdict { verdict, error: Some(ApiError::local("k", "m".to_owned())) }
}

const CLOSED: What = What::RunClosed { exit_code: 3 };

fn path(store: &Store, run: &RunId) -> PathBuf {
    store.root().join("runs").join(format!("{run}.jsonl"))
}

#[test]
fn a_summary_counts_each_server_once_by_its_last_verdict() {
    let (_keep, store) = store();
    let run = RunId::fresh();
    write(
        &store,
        &run,
        vec![
            (None, head(3)),
            (Some("i-1"), verdict(Verdict::Unverified)),
            (Some("i-2"), verdict(Verdict::Succeeded)),
            (None, CLOSED),
        ],
    );
    let summary = store.summaries().unwrap().remove(0);
    assert_eq!((summary.run.clone(), summary.total, summary.sandbox, summary.alive), (run.clone(), 3, true, false));
    assert_eq!((summary.exit_code, summary.reason.as_deref()), (Some(3), Some("ticket 7")));
    assert_eq!(summary.started_at, Some(time(0)));
    assert!(!summary.unfinished());
    let mut journal = store.resume(&run).unwrap().0;
    let mut tell = |seq, server, what| journal.append(&event(&run, seq, server, what), SystemClock.now()).unwrap();
    tell(5, None, What::Resumed { times: 1 });
    tell(6, Some("i-1"), verdict(Verdict::Succeeded));
    let summary = store.summaries().unwrap().remove(0);
    assert_eq!((summary.exit_code, summary.alive, summary.unfinished()), (None, true, true));
    assert_eq!((summary.counts.get(Verdict::Succeeded), summary.counts.total()), (2, 2));
}

#[test]
fn a_damaged_run_is_not_one_that_could_go_on() {
    let (_keep, store) = store();
    let run = RunId::fresh();
    write(&store, &run, vec![(None, head(1))]);
    assert!(store.summaries().unwrap()[0].unfinished());
    fs::write(path(&store, &run), "noise\n").unwrap();
    let summary = store.summaries().unwrap().remove(0);
    assert_eq!((summary.damage.clone(), summary.unfinished()), (Some(Damage::Line(1)), false));
    assert!(matches!(store.resume(&run), Err(StoreError::Damaged { .. })));
    // A journal that cannot even be opened hides no other.
    fs::remove_file(path(&store, &run)).unwrap();
    fs::create_dir(path(&store, &run)).unwrap();
    assert!(matches!(store.summaries().unwrap()[0].damage, Some(Damage::Unreadable(_))));
}

#[test]
fn only_ended_whole_and_older_runs_are_thrown_away_with_all_that_they_left() {
    let (_keep, store) = store();
    let ended = || vec![(None, head(1)), (None, CLOSED)];
    let (old, open, damaged) = (RunId::fresh(), RunId::fresh(), RunId::fresh());
    write(&store, &old, ended());
    write(&store, &open, vec![(None, head(1))]);
    write(&store, &damaged, ended());
    let bytes = fs::read(path(&store, &damaged)).unwrap();
    fs::write(path(&store, &damaged), [&bytes[..], b"noise\n"].concat()).unwrap();
    let torn = path(&store, &old).with_extension("torn");
    fs::write(&torn, "").unwrap();
    let server = crate::model::ServerId::new("i-1").unwrap();
    let claim = super::super::Claim::new(&old, "acme", &server, time(0));
    store.claims().take("https://a", &claim).unwrap();

    assert!(store.prune(time(0)).unwrap().is_empty(), "it is as old as the date and not older");
    let resumed = store.resume(&old).unwrap().0;
    assert!(store.prune(time(1)).unwrap().is_empty(), "a process has it open");
    drop(resumed);
    assert_eq!(store.prune(time(1)).unwrap(), std::slice::from_ref(&old));
    assert!(!path(&store, &old).exists() && !torn.exists());
    assert!(path(&store, &open).exists() && path(&store, &damaged).exists());
    let next = super::super::Claim::new(&open, "acme", &server, time(0));
    store.claims().take("https://a", &next).unwrap();
}

#[test]
fn a_prefix_means_one_run_or_names_all_that_it_could_mean() {
    let (_keep, store) = store();
    let name = |text: &str| RunId::parse(text).unwrap();
    for run in
        ["0197f36dd83b7258b1773784b7887a18", "0197f36dd83b7258b1773784b7887a17", "0200f36dd83b7258b1773784b7887a17"]
    {
        drop(store.create(&name(run)).unwrap());
    }
    fs::write(store.root().join("runs/notes.txt"), "").unwrap();
    fs::write(store.root().join("runs/0197f36dd83b7258b1773784b7887a17.torn"), "").unwrap();
    let runs: Vec<String> = store.runs().unwrap().iter().map(ToString::to_string).collect();
    assert!(runs.is_sorted() && runs.len() == 3, "{runs:?}");
    assert_eq!(store.resolve(&name("0200")).unwrap().to_string(), runs[2]);
    assert_eq!(store.resolve(&name(&runs[0])).unwrap().to_string(), runs[0]);
    assert!(matches!(store.resolve(&name("0300")), Err(StoreError::Unknown(prefix)) if prefix == "0300"));
    let Err(StoreError::Ambiguous { prefix, runs: named }) = store.resolve(&name("0197")) else {
        panic!("it is ambiguous")
    };
    assert_eq!((prefix.as_str(), &named[..]), ("0197", &runs[..2]));
}

#[test]
fn a_torn_end_is_kept_apart_and_the_run_goes_on_behind_what_is_whole() {
    let (_keep, store) = store();
    let run = RunId::fresh();
    write(&store, &run, vec![(None, head(1)), (None, What::Confirmed { by: "x".to_owned() })]);
    let whole = fs::read(path(&store, &run)).unwrap();
    let torn = path(&store, &run).with_extension("torn");
    for (epoch, tail) in [(1, "{\"v\":1,\"seq"), (1, "{\"v\"")] {
        fs::write(path(&store, &run), [&whole[..], tail.as_bytes()].concat()).unwrap();
        let (journal, story) = store.resume(&run).unwrap();
        assert_eq!((journal.epoch(), story.events.len(), story.lines), (epoch, 2, 3));
        assert_eq!((story.torn, story.good_bytes), (true, whole.len()));
        assert_eq!(fs::read(&torn).unwrap(), tail.as_bytes(), "in place of what an earlier crash left");
        assert_eq!(fs::read(path(&store, &run)).unwrap(), whole);
    }
    // Where the copy cannot be made, nothing is cut off.
    fs::remove_file(&torn).unwrap();
    fs::create_dir(&torn).unwrap();
    fs::write(path(&store, &run), [&whole[..], b"{\"v\""].concat()).unwrap();
    assert!(matches!(store.resume(&run), Err(StoreError::Io { .. })));
    assert_eq!(fs::read(path(&store, &run)).unwrap().len(), whole.len() + 4);
}

#[test]
fn a_run_is_alive_while_a_process_has_it_open() {
    let (_keep, store) = store();
    let run = RunId::fresh();
    assert!(!store.alive(&run), "there is none");
    let journal = store.create(&run).unwrap();
    assert!(store.alive(&run));
    drop(journal);
    assert!(!store.alive(&run));
    let summary = RunSummary::of(run, &Story::unreadable("x"), true);
    assert!(summary.alive && !summary.unfinished());
}

#[test]
fn every_resumption_raises_the_epoch_by_one() {
    let (_keep, store) = store();
    let run = RunId::fresh();
    write(&store, &run, vec![(None, head(1))]);
    for times in 1..4 {
        let (mut journal, story) = store.resume(&run).unwrap();
        assert_eq!(journal.epoch(), times);
        let seq = story.events.len() as u64 + 1;
        journal.append(&event(&run, seq, None, What::Resumed { times }), SystemClock.now()).unwrap();
    }
    let story = store.read(&run).unwrap();
    assert_eq!((story.epoch, story.lines, story.damage), (3, 4, None));
}
