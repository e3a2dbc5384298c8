//! What is written into a journal is read back, whatever happened in the run.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use reinstall::clock::{Clock, SystemClock};
use reinstall::journal::{Damage, Store, Story};
use reinstall::model::{
    ApiError, Choice, Event, Expectation, HandleState, LoginWish, Observation, Operation, Phase, PlannedTarget,
    PowerOff, PowerOn, PowerPlan, Prepared, Record, RunHead, RunId, ServerId, Verdict, What, Wish,
};
use reinstall::run::plan;
use reinstall::run::resume::{NoPast, past};
use reinstall::run::target::Stage;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z-]{0,12}", Just("\",\"sum\":\"0123456789abcdef\"}\n".to_owned())]
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

fn id() -> impl Strategy<Value = ServerId> {
    "[A-Za-z0-9][A-Za-z0-9._:-]{0,60}".prop_map(|id| ServerId::new(&id).expect("an id"))
}

/// The journal keeps nanoseconds, as civil time has them.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..4_000_000_000, 0_u32..1_000_000_000).prop_map(|(s, n)| DateTime::from_timestamp(s, n).expect("a time"))
}

fn duration() -> impl Strategy<Value = Duration> {
    (0_u64..10_000_000, 0_u32..1_000_000_000).prop_map(|(s, n)| Duration::new(s, n))
}

fn error() -> impl Strategy<Value = ApiError> {
    (text(), some_text(), text(), some_text(), text()).prop_map(|(kind, code, message, request_id, next_step)| {
        ApiError { kind, code, message, request_id, next_step }
    })
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::Running,
        Phase::Stopped,
        Phase::Installing,
        Phase::Changing,
        Phase::Failed,
        Phase::Gone,
        Phase::Unknown,
    ])
}

fn marks() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(text(), text(), 0..4)
}

fn seen() -> impl Strategy<Value = Observation> {
    let operation =
        prop::option::of((text(), any::<bool>()).prop_map(|(word, reinstall)| Operation { word, reinstall }));
    let states = vec![HandleState::Working, HandleState::Done, HandleState::Failed];
    let handle = prop::option::of(prop::sample::select(states));
    (text(), phase(), operation, handle, some_text(), marks(), prop::option::of(error())).prop_map(
        |(status, phase, operation, handle, image, marks, error)| Observation {
            status,
            phase,
            operation,
            handle,
            image,
            marks,
            error,
        },
    )
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn prepared() -> impl Strategy<Value = Prepared> {
    let record = (id(), some_text(), prop::collection::vec(text(), 0..3), some_text(), seen(), marks()).prop_map(
        |(id, name, addresses, zone, seen, attributes)| Record {
            id,
            name,
            addresses,
            zone: zone.clone(),
            model: zone.clone(),
            image_name: zone,
            seen,
            attributes,
        },
    );
    let power = prop::sample::select(vec![PowerPlan::Nothing, PowerPlan::StopFirst, PowerPlan::StoppedByOrder]);
    let must_change = prop::collection::btree_map(text(), some_text(), 0..3);
    let lines = prop::collection::vec((text(), text()), 0..3);
    (record, prop::option::of((text(), some_text())), power, json(), lines, must_change, phase()).prop_map(
        |(record, image, power, body, lines, must_change, ends)| Prepared {
            record,
            image,
            power,
            body,
            lines,
            must_change,
            ends,
        },
    )
}

fn wish() -> impl Strategy<Value = Wish> {
    let choice = || prop::option::of(prop_oneof![text().prop_map(Choice::Id), text().prop_map(Choice::Name)]);
    let off = prop::sample::select(vec![PowerOff::Soft, PowerOff::Hard, PowerOff::Never]);
    let on = prop::sample::select(vec![PowerOn::Auto, PowerOn::Never]);
    let fields = prop::collection::btree_map(text(), json(), 0..3);
    let expect = prop::collection::vec((text(), text()).prop_map(|(key, value)| Expectation { key, value }), 0..3);
    (choice(), choice(), any::<[bool; 3]>(), some_text(), prop::option::of(any::<bool>()), fields, (off, on), expect)
        .prop_map(|(image, key, flags, hostname, keep_data, fields, (power_off, power_on), expect)| Wish {
            image,
            key,
            login: LoginWish { password: flags[0], none: flags[1] },
            hostname,
            user_data: flags[2],
            keep_data,
            fields,
            power_off,
            power_on,
            expect,
        })
}

fn head() -> impl Strategy<Value = RunHead> {
    let place = prop::collection::vec((text(), text()), 0..4);
    let times = (prop::option::of(duration()), duration(), prop::option::of(duration()));
    (text(), wish(), some_text(), any::<[u32; 3]>(), times, any::<[bool; 2]>(), place).prop_map(
        |(program, wish, reason, numbers, (timeout, start_window, poll_interval), flags, place)| RunHead {
            plan_hash: program.clone(),
            by: reason.clone(),
            program,
            wish,
            reason,
            total: numbers[0] as usize,
            timeout,
            start_window,
            poll_interval,
            concurrency: numbers[1] as usize,
            max_failures: numbers[2] as usize,
            no_wait: flags[0],
            place,
            sandbox: flags[1],
        },
    )
}

fn what() -> impl Strategy<Value = What> {
    let mode = prop::sample::select(vec![PowerOff::Soft, PowerOff::Hard]);
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    let planned = (some_text(), text(), prepared()).prop_map(|(region, endpoint, prepared)| PlannedTarget {
        account: region.clone(),
        region,
        endpoint,
        prepared,
    });
    let order = (any::<u64>(), error(), 0..3_u8).prop_map(|(permit, error, kind)| match kind {
        0 => What::OrderRejected { permit, error },
        1 => What::OrderUnsent { permit, error },
        _ => What::OrderMaybeSent { permit, error },
    });
    prop_oneof![
        head().prop_map(|head| What::RunOpened(Box::new(head))),
        planned.prop_map(|planned| What::Planned(Box::new(planned))),
        text().prop_map(|by| What::Confirmed { by }),
        seen().prop_map(|seen| What::Baseline { seen }),
        mode.prop_map(|mode| What::PowerOff { mode }),
        text().prop_map(|status| What::Stopped { status }),
        (any::<u64>(), any::<u32>(), some_text()).prop_map(|(permit, attempt, token)| What::OrderIntent {
            permit,
            attempt,
            token
        }),
        (any::<u64>(), some_text(), some_text()).prop_map(|(permit, ticket, request_id)| What::OrderAccepted {
            permit,
            ticket,
            request_id
        }),
        any::<u32>().prop_map(|attempt| What::Arranging { attempt }),
        Just(What::Arranged {}),
        error().prop_map(|error| What::NotArranged { error }),
        order,
        seen().prop_map(|seen| What::Status { seen }),
        text().prop_map(|proof| What::Started { proof }),
        Just(What::PowerOn {}),
        text().prop_map(|message| What::Notice { message }),
        (verdict, prop::option::of(error())).prop_map(|(verdict, error)| What::Verdict { verdict, error }),
        text().prop_map(|reason| What::Halted { reason }),
        text().prop_map(|signal| What::Signalled { signal }),
        any::<u32>().prop_map(|times| What::Resumed { times }),
        (any::<u64>(), text(), text()).prop_map(|(permit, by, reason)| What::Resend { permit, by, reason }),
        any::<u8>().prop_map(|exit_code| What::RunClosed { exit_code }),
    ]
}

/// An event before it has its number and its run.
type Parts = (DateTime<Utc>, Option<String>, Option<ServerId>, What);

fn events() -> impl Strategy<Value = Vec<Parts>> {
    prop::collection::vec((time(), some_text(), prop::option::of(id()), what()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_event_is_read_back_as_it_was_written(events in events()) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state")).expect("a store");
        let run = RunId::fresh();
        let mut journal = store.create(&run).expect("a journal");
        let mut kept = Vec::new();
        for (seq, (at, provider, instance, what)) in (1..).zip(events) {
            let event = Event { seq, at, run: run.clone(), provider, instance, what };
            journal.append(&event, SystemClock.now()).expect("it is written");
            kept.push(event);
        }
        let path = journal.path().to_owned();
        drop(journal);
        let story = store.read(&run).expect("it is read");
        prop_assert_eq!(&story.damage, &None);
        prop_assert!(!story.torn);
        prop_assert_eq!(&story.events, &kept);
        let lines = std::fs::read_to_string(path).expect("text").lines().count();
        prop_assert_eq!(lines, kept.len(), "one line for one event");
    }

    #[test]
    fn a_resumed_journal_keeps_what_was_there_and_goes_on(events in events(), cut in 0_usize..400) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("state")).expect("a store");
        let run = RunId::fresh();
        let mut journal = store.create(&run).expect("a journal");
        let make = |(seq, (at, provider, instance, what))| Event { seq, at, run: run.clone(), provider, instance, what };
        let kept: Vec<Event> = (1..).zip(events).map(make).collect();
        for event in &kept {
            journal.append(event, SystemClock.now()).expect("it is written");
        }
        let path = journal.path().to_owned();
        drop(journal);
        // A power cut: the file ends somewhere in its last record.
        let bytes = std::fs::read(&path).expect("bytes");
        let last = bytes[..bytes.len() - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let cut = cut.min(bytes.len() - last);
        std::fs::write(&path, &bytes[..bytes.len() - cut]).expect("it is cut");

        let (mut journal, story) = store.resume(&run).expect("it is taken up");
        let whole = kept.len() - usize::from(cut > 0);
        prop_assert_eq!(&story.events[..], &kept[..whole]);
        let next = Event {
            seq: story.events.last().map_or(1, |event| event.seq + 1),
            what: What::Resumed { times: 1 },
            ..kept[0].clone()
        };
        journal.append(&next, SystemClock.now()).expect("it goes on");
        drop(journal);
        let story = store.read(&run).expect("it is read");
        prop_assert_eq!(&story.damage, &None);
        prop_assert_eq!(story.events.len(), whole + 1);
        prop_assert_eq!(story.epoch, 1);
        prop_assert_eq!(story.events.last(), Some(&next));
    }
}

/// A run of three servers with every kind of event, as a real one writes them: about ten KiB.
fn whole_run() -> (RunId, Vec<u8>) {
    let what = |value: serde_json::Value| serde_json::from_value::<What>(value).expect("an event");
    let seen = |status: &str, phase: &str| json!({ "status": status, "phase": phase, "image": "img-1", "marks": {} });
    let fault = json!({ "kind": "reset", "code": null, "message": "cut off", "request_id": "r-1", "next_step": "" });
    let planned: Vec<PlannedTarget> = ["i-1", "i-2", "i-3"]
        .map(|id| {
            serde_json::from_value(json!({
                "region": "r-1", "endpoint": "https://metal.acme.test/", "account": "AK-1",
                "prepared": {
                    "record": { "id": id, "name": "web-1", "addresses": ["192.0.2.7"], "zone": null, "model": null,
                        "image_name": "Old", "seen": seen("RUNNING", "running"), "attributes": {} },
                    "image": ["img-1", "Old"], "power": "stop_first", "body": { "imageId": "img-1", "n": 1 },
                    "lines": [["disks", "wiped"]], "must_change": { "image": null }, "ends": "running"
                }
            }))
            .expect("a planned server")
        })
        .into();
    let mut head: RunHead = serde_json::from_value(json!({
        "program": "0.1.0", "by": "ops (uid 1000) on h", "wish": Wish::default(), "reason": "ticket 7", "plan_hash": "",
        "total": 3, "timeout": null, "start_window": { "secs": 900, "nanos": 0 }, "poll_interval": null,
        "concurrency": 10, "max_failures": 1, "no_wait": false, "place": [["region", "r-1"]], "sandbox": false
    }))
    .expect("a head");
    let hashed: Vec<_> = planned.iter().map(|planned| ("acme", planned)).collect();
    head.plan_hash = plan::digest(&head, &hashed);
    let mut told: Vec<(Option<&str>, What)> = vec![(None, What::RunOpened(Box::new(head)))];
    for (id, planned) in ["i-1", "i-2", "i-3"].into_iter().zip(planned) {
        told.push((Some(id), What::Planned(Box::new(planned))));
    }
    let order = |event: &str, permit: u32| json!({ "event": event, "permit": permit, "error": fault });
    for (server, value) in [
        (None, json!({ "event": "confirmed", "by": "--yes" })),
        (Some("i-1"), json!({ "event": "baseline", "seen": seen("RUNNING", "running") })),
        (Some("i-1"), json!({ "event": "power_off", "mode": "soft" })),
        (Some("i-1"), json!({ "event": "stopped", "status": "STOPPED" })),
        (Some("i-1"), json!({ "event": "arranging", "attempt": 1 })),
        (Some("i-1"), json!({ "event": "not_arranged", "error": fault })),
        (Some("i-1"), json!({ "event": "arranging", "attempt": 2 })),
        (Some("i-1"), json!({ "event": "arranged" })),
        (Some("i-1"), json!({ "event": "order_intent", "permit": 1, "attempt": 1, "token": null })),
        (Some("i-1"), order("order_unsent", 1)),
        (Some("i-1"), json!({ "event": "order_intent", "permit": 2, "attempt": 2, "token": null })),
        (Some("i-1"), json!({ "event": "order_accepted", "permit": 2, "ticket": "j-1", "request_id": "r-2" })),
        (Some("i-2"), json!({ "event": "order_intent", "permit": 3, "attempt": 1, "token": "t" })),
        (Some("i-2"), order("order_maybe_sent", 3)),
        (Some("i-3"), json!({ "event": "order_intent", "permit": 4, "attempt": 1, "token": null })),
        (Some("i-3"), order("order_rejected", 4)),
        (Some("i-3"), json!({ "event": "verdict", "verdict": "rejected", "error": fault })),
        (None, json!({ "event": "halted", "reason": "1 server has failed" })),
        (Some("i-1"), json!({ "event": "status", "seen": seen("INSTALLING", "installing") })),
        (Some("i-1"), json!({ "event": "started", "proof": "status:INSTALLING" })),
        (Some("i-1"), json!({ "event": "notice", "message": "slow" })),
        (Some("i-1"), json!({ "event": "power_on" })),
        (Some("i-1"), json!({ "event": "verdict", "verdict": "succeeded", "error": null })),
        (None, json!({ "event": "signalled", "signal": "SIGINT" })),
        (None, json!({ "event": "resumed", "times": 1 })),
        (Some("i-2"), json!({ "event": "verdict", "verdict": "unverified", "error": fault })),
        (Some("i-2"), json!({ "event": "resend", "permit": 3, "by": "ops", "reason": "console" })),
        (Some("i-2"), json!({ "event": "order_intent", "permit": 5, "attempt": 1, "token": null })),
        (Some("i-2"), json!({ "event": "order_accepted", "permit": 5, "ticket": null, "request_id": null })),
        (Some("i-2"), json!({ "event": "verdict", "verdict": "timed_out", "error": null })),
        (None, json!({ "event": "run_closed", "exit_code": 1 })),
    ] {
        told.push((server, what(value)));
    }
    for word in What::WORDS {
        assert!(told.iter().any(|(_, what)| what.word() == word), "{word} is missing");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("state")).expect("a store");
    let run = RunId::fresh();
    let mut journal = store.create(&run).expect("a journal");
    for (seq, (server, what)) in (1..).zip(told) {
        let instance = server.map(|id| ServerId::new(id).expect("an id"));
        let provider = server.map(|_| "acme".to_owned());
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let event = Event { seq, at, run: run.clone(), provider, instance, what };
        journal.append(&event, SystemClock.now()).expect("it is written");
    }
    let bytes = std::fs::read(journal.path()).expect("bytes");
    assert!((9_000..13_000).contains(&bytes.len()), "{}", bytes.len());
    (run, bytes)
}

/// Servers that `resume` would order for on the word of these events.
fn to_be_ordered(events: &[Event]) -> Vec<String> {
    let Ok(past) = past(events, SystemClock.now()) else { return Vec::new() };
    let open = past.servers.iter().filter_map(|server| server.target.as_ref());
    let queued = open.filter(|target| past.confirmed && target.stage == Stage::Queued);
    queued.map(|target| target.id().to_string()).collect()
}

/// Whether the last order of the server that these events tell of is proven not to have been carried out, or there is
/// none.
fn may_be_ordered(events: &[Event], server: &str) -> bool {
    let own = events.iter().filter(|event| event.instance.as_ref().is_some_and(|id| id.as_str() == server));
    let words: Vec<&str> = own.map(|event| event.what.word()).collect();
    let orders = |word: &str| words.iter().filter(|&&own| own == word).count();
    orders("order_intent") == orders("order_unsent")
}

#[test]
fn every_truncation_of_a_run_tells_what_stands_before_it_and_never_orders_twice() {
    let (run, bytes) = whole_run();
    let whole = Story::of(&run, &bytes);
    assert_eq!((whole.damage, whole.torn), (None, false));
    for length in 0..bytes.len() {
        let story = Story::of(&run, &bytes[..length]);
        assert_eq!(story.damage, None, "cut at {length}");
        assert_eq!(story.events[..], whole.events[..story.events.len()], "cut at {length}");
        let lines = bytes[..length].iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(story.events.len(), lines, "cut at {length}");
        if story.torn {
            for server in to_be_ordered(&story.events) {
                assert!(may_be_ordered(&story.events, &server), "cut at {length}: {server} would be ordered again");
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_run_is_damage_and_all_other_records_are_saved() {
    let (run, bytes) = whole_run();
    let whole = Story::of(&run, &bytes);
    let places: Vec<usize> = (0..bytes.len()).collect();
    let mut ends: Vec<usize> = places.iter().filter(|&&place| bytes[place] == b'\n').map(|place| place + 1).collect();
    ends.push(bytes.len());
    let before: Vec<Story> =
        std::iter::once(0).chain(ends.iter().copied()).map(|end| Story::of(&run, &bytes[..end])).collect();
    let hold = |places: &[usize]| {
        for &place in places {
            let line = ends.partition_point(|&end| end <= place);
            for bit in 0..8 {
                // Lines before it are read once. What stands behind its neighbour is read for some of the places.
                let start = before[line].good_bytes;
                let end = if place % 8 == 0 && bit == place / 8 % 8 { bytes.len() } else { ends[line + 1] };
                let mut flipped = bytes[start..end].to_vec();
                flipped[place - start] ^= 1 << bit;
                let story = before[line].clone().read_on(&flipped);
                // Damage closes every door: `resume` goes on with a journal only where there is none.
                assert!(story.damage.is_some(), "bit {bit} of byte {place} went unnoticed");
                let version = matches!(story.damage, Some(Damage::Version(_)));
                let mut read = story.events.iter().chain(&story.salvaged);
                assert!(read.all(|event| whole.events.contains(event)), "bit {bit} of byte {place}: an invented event");
                let saved = story.events.len() + story.salvaged.len();
                // A lost line feed takes two lines with it.
                let records = ends.partition_point(|&known| known <= end).min(whole.events.len());
                assert!(version || saved + 2 >= records, "bit {bit} of byte {place}: only {saved} saved");
            }
        }
    };
    std::thread::scope(|scope| {
        places.chunks(places.len().div_ceil(4)).for_each(|part| drop(scope.spawn(|| hold(part))))
    });
}

#[test]
fn a_run_with_events_of_a_newer_version_loses_no_server() {
    let (run, bytes) = whole_run();
    let mut events = Story::of(&run, &bytes).events;
    let newer = |seq, instance: &str| Event {
        seq,
        what: What::Newer([("event".to_owned(), json!("tea_break"))].into_iter().collect()),
        instance: ServerId::new(instance).ok(),
        ..events[4].clone()
    };
    let more = [newer(events.len() as u64 + 1, "i-1"), newer(events.len() as u64 + 2, "i-9")];
    let known = past(&events, SystemClock.now()).expect("a run");
    events.extend(more.map(|event| Event { provider: Some("acme".to_owned()), ..event }));
    let with = past(&events, SystemClock.now()).expect("a run");
    assert_eq!(with.servers.len(), known.servers.len() + 1, "a server that only a newer event names is told of");
    assert_eq!(with.last_seq, known.last_seq + 2, "the next record follows behind them");
    for (before, after) in known.servers.iter().zip(&with.servers) {
        assert_eq!(before.target.as_ref().map(|t| &t.stage), after.target.as_ref().map(|t| &t.stage));
    }
}

#[test]
fn every_field_of_the_plan_is_under_its_digest() {
    let (run, bytes) = whole_run();
    let events = Story::of(&run, &bytes).events;
    let mut tried = 0;
    for index in 0..4 {
        let before = serde_json::to_value(&events[index].what).expect("JSON");
        let mut paths = Vec::new();
        leaves(&before, String::new(), &mut paths);
        for path in paths.into_iter().filter(|path| path != "/event") {
            let mut changed = before.clone();
            let leaf = changed.pointer_mut(&path).expect("a leaf");
            *leaf = match leaf.clone() {
                serde_json::Value::String(text) if text == "running" => "stopped".into(),
                serde_json::Value::String(text) if text == "stop_first" => "nothing".into(),
                serde_json::Value::String(text) if text == "soft" => "hard".into(),
                serde_json::Value::String(text) if text == "auto" => "never".into(),
                serde_json::Value::String(text) => format!("{text}x").into(),
                serde_json::Value::Number(number) => (number.as_u64().unwrap_or(0) + 1).into(),
                serde_json::Value::Bool(yes) => (!yes).into(),
                _ => "x".into(),
            };
            // What is no plan any more is damage at the reader.
            let Ok(what) = serde_json::from_value::<What>(changed) else { continue };
            let mut events = events.clone();
            events[index].what = what;
            let refused = matches!(past(&events, SystemClock.now()), Err(NoPast::PlanChanged { .. }));
            assert!(refused, "{path} of event {index} was changed, and nobody noticed");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

fn leaves(value: &serde_json::Value, path: String, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, format!("{path}/{key}"), found));
        }
        serde_json::Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| leaves(value, format!("{path}/{place}"), found));
        }
        _ => found.push(path),
    }
}
