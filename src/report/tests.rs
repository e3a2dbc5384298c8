//! Reporters and tables over buffers.

use super::*;
use crate::model::*;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Text with which a provider could attack whoever reads it.
const EVIL: &str = "web\u{1b}[2J\u{202e}\n::error::x";

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn sink(&self) -> Sink {
        Sink::new(Box::new(self.clone()))
    }
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("a lock").clone()).expect("text")
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose reader has gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn moment() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 15, 8, 15, 0).single().expect("a date")
}

fn event(seq: u64, instance: Option<&str>, what: What) -> Event {
    Event {
        seq,
        at: moment() + TimeDelta::seconds(seq as i64),
        run: RunId::parse("0197f36dd83b7258b1773784b7887a17").expect("a run id"),
        provider: instance.map(|_| "acme-metal".to_owned()),
        instance: instance.map(|id| ServerId::new(id).expect("an id")),
        what,
    }
}

fn head() -> RunHead {
    RunHead {
        program: "0.1.0".to_owned(),
        by: Some("ops (uid 1000) on build-7".to_owned()),
        wish: Wish::default(),
        reason: Some("patch".to_owned()),
        plan_hash: "abc".to_owned(),
        total: 2,
        timeout: None,
        start_window: Duration::from_secs(900),
        poll_interval: Some(Duration::from_millis(300)),
        concurrency: 10,
        max_failures: 1,
        no_wait: false,
        place: vec![("region".to_owned(), "cn-north-1".to_owned())],
        sandbox: true,
    }
}

fn planned(id: &str, name: &str, lines: &[(&str, &str)]) -> PlannedTarget {
    let mut seen = Observation::of("RUNNING", Phase::Running);
    seen.image = Some("img-old".to_owned());
    PlannedTarget {
        region: Some("cn-north-1".to_owned()),
        endpoint: "https://metal.acme.test".to_owned(),
        account: Some("AK-1".to_owned()),
        prepared: Prepared {
            record: Record {
                id: ServerId::new(id).expect("an id"),
                name: Some(name.to_owned()),
                addresses: vec!["192.0.2.7".to_owned()],
                zone: None,
                model: None,
                image_name: Some("Old Linux".to_owned()),
                seen,
                attributes: [("inner".to_owned(), "attribute-value".to_owned())].into(),
            },
            image: Some(("img-new".to_owned(), Some("New Linux".to_owned()))),
            power: PowerPlan::StopFirst,
            body: json!({"body": "order-body"}),
            lines: lines.iter().map(|&(what, value)| (what.to_owned(), value.to_owned())).collect(),
            must_change: Default::default(),
            ends: Phase::Running,
        },
    }
}

fn error(message: &str) -> ApiError {
    ApiError {
        kind: "busy".to_owned(),
        code: Some("Conflict".to_owned()),
        message: message.to_owned(),
        request_id: Some("r-9".to_owned()),
        next_step: "wait".to_owned(),
    }
}

/// One event of every kind, in a plausible order; texts of the provider are hostile.
fn story() -> Vec<Event> {
    let seen = |status: &str, phase| Observation { image: Some(EVIL.to_owned()), ..Observation::of(status, phase) };
    let a = Some("a-1");
    [
        (None, What::RunOpened(Box::new(head()))),
        (a, What::Planned(Box::new(planned("a-1", EVIL, &[("key", EVIL)])))),
        (None, What::Confirmed { by: "--yes".to_owned() }),
        (a, What::Baseline { seen: seen("RUNNING", Phase::Running) }),
        (a, What::PowerOff { mode: PowerOff::Soft }),
        (a, What::Stopped { status: EVIL.to_owned() }),
        (a, What::OrderIntent { permit: 1, attempt: 1, token: None }),
        (a, What::OrderUnsent { permit: 1, error: error(EVIL) }),
        (a, What::OrderIntent { permit: 2, attempt: 2, token: Some("t".to_owned()) }),
        (a, What::OrderMaybeSent { permit: 2, error: error(EVIL) }),
        (a, What::OrderAccepted { permit: 2, ticket: Some(EVIL.to_owned()), request_id: Some(EVIL.to_owned()) }),
        (a, What::Status { seen: Observation { error: Some(error(EVIL)), ..seen(EVIL, Phase::Unknown) } }),
        (a, What::Started { proof: format!("status:{EVIL}") }),
        (a, What::PowerOn {}),
        (a, What::Notice { message: EVIL.to_owned() }),
        (a, What::Verdict { verdict: Verdict::Succeeded, error: None }),
        (Some("b-2"), What::Arranging { attempt: 1 }),
        (Some("b-2"), What::NotArranged { error: error(EVIL) }),
        (Some("b-2"), What::Arranging { attempt: 2 }),
        (Some("b-2"), What::Arranged {}),
        (Some("b-2"), What::OrderRejected { permit: 3, error: error(EVIL) }),
        (Some("b-2"), What::Verdict { verdict: Verdict::Rejected, error: Some(error(EVIL)) }),
        (None, What::Halted { reason: EVIL.to_owned() }),
        (None, What::Signalled { signal: "SIGINT".to_owned() }),
        (None, What::Resumed { times: 1 }),
        (a, What::Resend { permit: 2, by: EVIL.to_owned(), reason: EVIL.to_owned() }),
        (a, What::Newer([("event".to_owned(), json!(EVIL))].into_iter().collect())),
        (None, What::RunClosed { exit_code: 1 }),
    ]
    .into_iter()
    .enumerate()
    .map(|(place, (instance, what))| event(place as u64 + 1, instance, what))
    .collect()
}

fn is_tame(text: &str) -> bool {
    !text.lines().any(|line| {
        line.chars().any(text::is_unsafe) || line.contains("::error") || line.trim_start().starts_with("::")
    })
}

fn report() -> RunReport {
    let mut good = TargetReport::new("acme-metal", "a-1", Verdict::Succeeded);
    good.name = Some(EVIL.to_owned());
    good.orders_sent = 1;
    good.proof = Some("status:INSTALLING".to_owned());
    good.baseline = Some(Glimpse::from(&Observation::of("RUNNING", Phase::Running)));
    good.last = Some(Glimpse { status: EVIL.to_owned(), image: Some("img-new".to_owned()) });
    good.duration = Some(Duration::from_millis(81_234));
    good.ordered_at = Some(moment());
    let mut bad = TargetReport::new("acme-metal", "b-2", Verdict::Rejected);
    bad.error = Some(error(EVIL));
    RunReport {
        run: RunId::parse("0197f36dd83b7258b1773784b7887a17"),
        started_at: moment(),
        finished_at: moment() + TimeDelta::milliseconds(90_500),
        exit: Exit::Failed,
        dry_run: false,
        reason: None,
        targets: vec![good, bad],
    }
}

fn human(level: Level) -> String {
    let buffer = Buffer::default();
    let mut reporter = Human::new(buffer.sink(), level, Paint::default());
    story().iter().for_each(|event| reporter.on(event).expect("a buffer takes all"));
    buffer.text()
}

#[test]
fn every_event_is_one_line_of_json_with_its_fields_beside_it() {
    let buffer = Buffer::default();
    let mut lines = JsonLines::new(buffer.sink());
    story().iter().for_each(|event| lines.on(event).expect("a buffer takes all"));
    lines.finish(&report()).expect("a buffer takes all");
    assert!(is_tame(&buffer.text().replace("::error", "")), "{}", buffer.text());
    let lines: Vec<Value> = buffer.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), story().len() + 1);
    for (event, line) in story().iter().zip(&lines) {
        assert_eq!((&line["schema"], &line["seq"]), (&json!(EVENT_SCHEMA), &json!(event.seq)));
        assert_eq!(line["event"], event.what.word());
        assert_eq!(line["instance"], json!(event.instance), "null when absent");
        assert_eq!(line.as_object().expect("an object").keys().next().map(String::as_str), Some("schema"));
    }
    let of = |word: &str| lines.iter().find(|line| line["event"] == word).expect(word);
    assert_eq!(of("run_opened")["at"], "2026-03-15T08:15:01.000Z");
    assert_eq!(
        (&of("run_opened")["timeout_ms"], &of("run_opened")["start_window_ms"]),
        (&Value::Null, &json!(900_000))
    );
    assert_eq!(of("planned")["name"], EVIL, "values survive the escapes");
    assert_eq!(of("planned")["plan"], json!([{"what": "key", "value": EVIL}]));
    assert_eq!((&of("status")["status"], &of("status")["error"]["kind"]), (&json!(EVIL), &json!("busy")));
    assert_eq!((&of("baseline")["phase"], &of("baseline")["error"]), (&json!("running"), &Value::Null));
    assert_eq!((&of("verdict")["verdict"], &of("verdict")["error"]), (&json!("succeeded"), &Value::Null));
    assert_eq!(of("order_intent")["token"], Value::Null);
    assert_eq!(lines.last().expect("a report")["schema"], REPORT_SCHEMA);
}

#[test]
fn planned_lines_carry_neither_attributes_nor_the_order() {
    let buffer = Buffer::default();
    JsonLines::new(buffer.sink()).on(&story()[1]).expect("a buffer takes all");
    assert!(!buffer.text().contains("attribute-value") && !buffer.text().contains("order-body"));
}

#[test]
fn the_report_has_every_promised_field() {
    let buffer = Buffer::default();
    write_document(&buffer.sink(), &report()).expect("a buffer takes all");
    let document: Value = serde_json::from_str(&buffer.text()).expect("JSON");
    assert_eq!(document["schema"], "reinstall.report/1");
    assert_eq!((&document["exit_code"], &document["finished_at"]), (&json!(1), &json!("2026-03-15T08:16:30.500Z")));
    assert_eq!((&document["counts"]["total"], &document["counts"]["rejected"]), (&json!(2), &json!(1)));
    for verdict in Verdict::ALL {
        assert!(document["counts"][verdict.word()].is_u64(), "{}", verdict.word());
    }
    let keys: Vec<_> = document["targets"][1].as_object().expect("an object").keys().map(String::as_str).collect();
    let promised = [
        "provider",
        "region",
        "instance",
        "name",
        "verdict",
        "orders_sent",
        "proof",
        "ticket",
        "request_ids",
        "baseline",
        "last",
        "ordered_at",
        "finished_at",
        "duration_ms",
        "reads",
        "error",
    ];
    assert_eq!(keys, promised);
    let good = &document["targets"][0];
    assert_eq!((&good["duration_ms"], &good["error"], &good["name"]), (&json!(81_234), &Value::Null, &json!(EVIL)));
    assert_eq!(good["baseline"], json!({"status": "RUNNING", "image": null}));
    let keys: Vec<_> = document["targets"][1]["error"].as_object().expect("one").keys().cloned().collect();
    assert_eq!(keys, ["kind", "code", "message", "request_id", "next_step"]);
}

#[test]
fn a_providers_text_never_acts_on_the_reader() {
    let (width, paint) = (Some(100), Paint::default());
    let target = planned("a-1", EVIL, &[("key", EVIL)]);
    for text in [human(Level::Everything), results(&report(), width, paint), plan(&[&target], None).text(width, paint)]
    {
        assert!(is_tame(&text), "{text}");
        assert!(text.contains("\\u{1b}"), "{text}");
    }
}

#[test]
fn levels_tell_more_and_more_and_quiet_tells_what_went_wrong() {
    let [quiet, normal, verbose, all] = [Level::Quiet, Level::Normal, Level::Verbose, Level::Everything].map(human);
    let count = |text: &str| text.lines().count();
    assert!(count(&quiet) < count(&normal) && count(&normal) < count(&verbose) && count(&verbose) < count(&all));
    assert_eq!(count(&all), story().len());
    assert!(!quiet.contains("succeeded") && quiet.contains("rejected") && quiet.contains("may have been taken"));
    assert!(normal.contains("acme-metal/a-1 (web"), "{normal}");
    assert!(normal.contains("succeeded after 7.0s"), "{normal}");
}

fn plan<'a>(targets: &[&'a PlannedTarget], own_endpoint: Option<&'a str>) -> PlanView<'a> {
    let proxy = own_endpoint.is_some().then_some("http://***@proxy.test:3128");
    let target = |planned: &&'a PlannedTarget| PlanTarget {
        provider: "acme-metal",
        account: "AKID7",
        own_endpoint,
        proxy,
        planned,
    };
    PlanView {
        targets: targets.iter().map(target).collect(),
        power_off: PowerOff::Soft,
        power_on: PowerOn::Auto,
        login: "password from --password-env".to_owned(),
        reason: Some("patch".to_owned()),
        limits: vec![("at one time".to_owned(), "10 servers".to_owned())],
        warnings: vec!["user data is not kept".to_owned()],
        dry_run: false,
        sandbox: false,
    }
}

#[test]
fn the_plan_names_everything_that_matters_before_a_yes() {
    let (a, b) = (
        planned("a-1", "web-1", &[("raid", "NORAID (read from the server)"), ("hostname", "web-1")]),
        planned("b-2", "db-1", &[("raid", "NORAID (read from the server)"), ("hostname", "db-1")]),
    );
    let text = plan(&[&a, &b], None).text(None, Paint::default());
    for part in [
        "Plan for 2 servers",
        "acme-metal",
        "AKID7",
        "cn-north-1",
        "https://metal.acme.test",
        "a-1",
        "web-1",
        "192.0.2.7",
        "RUNNING",
        "Old Linux (img-old)",
        "New Linux (img-new)",
        "is shut down first",
        "password from --password-env",
        "NORAID",
        "db-1",
        "patch",
        "at one time",
        "! user data is not kept",
        "these 2 servers will be WIPED",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(text.matches("NORAID").count(), 1, "what servers share is said once\n{text}");
    assert!(!text.contains("not the provider's own") && !text.contains("proxy"));
    let elsewhere = plan(&[&a], Some("https://real.acme.test")).text(None, Paint::default());
    assert!(
        elsewhere.contains("https://metal.acme.test  ! not the provider's own (https://real.acme.test)\n"),
        "{elsewhere}"
    );
    assert!(elsewhere.contains("through    the proxy http://***@proxy.test:3128\n"), "{elsewhere}");
    assert!(elsewhere.contains("The system disk of a-1 will be WIPED"));
}

#[test]
fn narrow_tables_wrap_and_lose_nothing() {
    let a = planned("a-1", "web-1", &[]);
    let text = plan(&[&a], None).text(Some(60), Paint::default());
    let table: Vec<_> = text.lines().filter(|line| line.contains("a-1") || line.contains("RUNNING")).collect();
    assert!(!table.is_empty() && table.iter().all(|line| text::columns(line) <= 64), "{text}");
    let long = planned("0197f36d-d83b-7258-b177-3784b7887a17", "a name of many words that may wrap", &[]);
    let text = plan(&[&long], None).text(Some(70), Paint::default());
    assert_eq!(text.matches("0197f36d-d83b-7258-b177-3784b7887a17").count(), 2, "an id stays in one piece\n{text}");
}

#[test]
fn colour_repeats_what_words_say_and_is_off_unless_asked_for() {
    let plain = results(&report(), None, Paint::default());
    assert!(plain.contains("✓ succeeded") && plain.contains("✗ rejected") && plain.contains("1 succeeded, 1 rejected"));
    assert!(!plain.contains('\u{1b}'));
    let painted = results(&report(), None, Paint::decide(Color::Always, ColorHints::default()));
    assert!(painted.contains("\u{1b}[32m✓ succeeded\u{1b}[0m"), "{painted}");
    let mut stripped = painted;
    for code in ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[33m", "\u{1b}[2m", "\u{1b}[1m", "\u{1b}[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn bars_come_and_go_and_what_matters_stays() {
    let buffer = Buffer::default();
    let screen = Screen::new(buffer.sink(), || (120, 30));
    let mut live = Live::new(screen, Level::Normal, Paint::default());
    story().iter().for_each(|event| live.on(event).expect("a buffer takes all"));
    drop(live);
    let text = buffer.text();
    assert!(text.contains("✓ ") && text.contains("succeeded"), "{text:?}");
    assert!(text.contains("may have been taken") && text.contains("✗ "), "{text:?}");
    assert!(text.contains("\\u{1b}[2J") && !text.contains("\u{1b}[2J") && !text.contains('\u{202e}'), "{text:?}");
}

#[test]
fn a_lost_output_is_an_error_and_the_others_still_hear() {
    let buffer = Buffer::default();
    let mut all = FanOut::new(vec![Box::new(JsonLines::new(Sink::new(Box::new(Gone))))]);
    all.push(Box::new(Human::new(buffer.sink(), Level::Normal, Paint::default())));
    let heard = all.on(&story()[0]);
    assert_eq!(heard.expect_err("the pipe is gone").kind(), io::ErrorKind::BrokenPipe);
    assert!(buffer.text().contains("2 servers"));

    let mut live = Live::new(Screen::new(Sink::new(Box::new(Gone)), || (80, 24)), Level::Normal, Paint::default());
    let lost = story().iter().filter(|event| live.on(event).is_err()).count();
    assert!(lost > 0);
}

#[test]
fn a_resumed_run_knows_names_and_times_from_before_and_tells_them_once() {
    let story = story();
    let (before, after) = story.split_at(12);
    let buffer = Buffer::default();
    let mut reporter = FanOut::new(vec![Box::new(Human::new(buffer.sink(), Level::Normal, Paint::default()))]);
    before.iter().for_each(|event| reporter.recall(event));
    assert_eq!(buffer.text(), "");
    after.iter().for_each(|event| reporter.on(event).expect("a buffer takes all"));
    assert!(buffer.text().contains("acme-metal/a-1 (web") && buffer.text().contains("succeeded after 7.0s"));

    let screen = Buffer::default();
    let mut live = Live::new(Screen::new(screen.sink(), || (120, 30)), Level::Normal, Paint::default());
    story[..16].iter().for_each(|event| live.recall(event));
    drop(live);
    assert!(screen.text().contains("1/2 done"), "{:?}", screen.text());
}

#[test]
fn every_server_of_a_run_has_its_row_and_its_place_in_the_count() {
    let mut report = report();
    let targets = (0..250).map(|n| TargetReport::new("acme-metal", format!("s-{n}-"), Verdict::ALL[n % 9]));
    report.targets = targets.collect();
    let text = results(&report, Some(80), Paint::default());
    assert!((0..250).all(|n| text.contains(&format!("s-{n}-"))));
    let counted: usize = report.targets.iter().map(|target| report.counts().get(target.verdict).min(1)).sum();
    assert_eq!((counted, report.counts().total()), (250, 250));
    assert!(text.contains("250 servers: 28 succeeded"), "{text}");
}

#[test]
fn lists_show_what_there_is_and_a_dash_where_there_is_nothing() {
    let record = planned("a-1", "web-1", &[]).prepared.record;
    let paint = Paint::default();
    let text = servers([("acme-metal", &record)], None, paint);
    assert!(text.starts_with("SERVER") && text.contains("Old Linux") && text.contains('-'), "{text}");
    let image = Image { id: "i".to_owned(), name: None, os: Some("linux".to_owned()), offered_for: None };
    assert!(images([("acme-metal", &image)], None, paint).contains("linux"));
    let key = KeyPair { id: "k".to_owned(), name: Some("me".to_owned()), fingerprint: None };
    assert!(keys([("acme-metal", &key)], None, paint).contains("me"));
    let run = RunRow {
        run: "0197".to_owned(),
        started_at: moment(),
        state: "unfinished".to_owned(),
        servers: 3,
        outcome: String::new(),
        reason: None,
    };
    assert!(runs(&[run], None, paint).contains("2026-03-15 08:15:00Z"));
    let product = ProviderRow {
        id: "acme-metal".to_owned(),
        about: "Acme".to_owned(),
        must_be: "stopped".to_owned(),
        login: "password".to_owned(),
        batch: 1,
        timeout: Duration::from_secs(5400),
    };
    assert!(providers(&[product], None, paint).contains("1h 30m"));
}
