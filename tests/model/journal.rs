//! What is written into a journal is read back, whatever happened in the run.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use reinstall::clock::{Clock, SystemClock};
use reinstall::journal::Store;
use reinstall::model::{
    ApiError, Choice, Event, Expectation, HandleState, LoginWish, Observation, Operation, Phase, PlannedTarget,
    PowerOff, PowerOn, PowerPlan, Prepared, Record, RunHead, RunId, ServerId, Verdict, What, Wish,
};
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
