//! Answers to reads, whatever they hold: nothing is seen that the answer does not say, and about nobody else.
//!
//! An input is the name of a read, then answers that begin with a line `%% STATUS`; the last answer repeats for ever.

use super::documents::{Said, is_json, reversed};
use super::{products, written};
use chrono::DateTime;
use futures_util::FutureExt;
use http::{Method, StatusCode};
use reinstall::client::{Client, Reader, Route, Transport, TransportFault};
use reinstall::clock::ManualClock;
use reinstall::model::{
    HandleState, Image, KeyPair, LoginWish, Observation, Order, OrderSecrets, Phase, PowerPlan, Record, Ref, Seen,
    ServerId, Watch, Wish,
};
use reinstall::providers::Product;
use reinstall::secret::{Reveal, Secret};
use reinstall::wire::{WireRequest, WireResponse};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More requests than any read of two servers may need: 200 pages, asked for by id, name and address.
const MOST_REQUESTS: usize = 2000;
const PASSWORD: &str = "Kx4-pT7-mW2_qz";

/// Status and body.
type Answer = (StatusCode, Vec<u8>);

/// Answers in their order, the last one for ever; it takes reads alone, and at the given address alone.
struct Canned {
    answers: Vec<Answer>,
    asked: AtomicUsize,
}

impl Transport for Canned {
    fn exchange(
        &self,
        request: WireRequest,
        route: Route,
    ) -> Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + '_>> {
        let action = request.headers.get("x-zc-action").and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(request.method == Method::GET || action.starts_with("Describe"), "{} is no read", request.label);
        assert!(request.url.as_str().starts_with(products::ENDPOINT), "a read goes to {}", request.url);
        assert_eq!(route, Route::Pooled, "{}", request.label);
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(number < MOST_REQUESTS, "a read does not end: {}", request.url);
        let (status, body) = &self.answers[number.min(self.answers.len() - 1)];
        Box::pin(std::future::ready(Ok(written::json_answer(*status, body))))
    }
}

/// A line to a product whose provider answers so.
struct Line {
    client: Client,
    transport: Arc<Canned>,
}

impl Line {
    fn new(id: &str, answers: Vec<Answer>) -> Self {
        let transport = Arc::new(Canned { answers, asked: AtomicUsize::new(0) });
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).expect("a time"));
        let product: Arc<dyn Product> = Arc::from(products::product(id));
        let client = Client::new(product, transport.clone(), Arc::new(clock), None);
        // Project and user are configured: nothing is read here.
        client.connect().now_or_never().expect("it waits for nothing").expect("it is connected");
        Self { client, transport }
    }

    fn product(&self) -> &dyn Product {
        self.client.product()
    }

    fn ask<T>(&self, read: impl FnOnce(Reader<'_>) -> Option<T>) -> T {
        read(self.client.single()).expect("it waits for nothing")
    }

    /// Every text in the answers that were given.
    fn said(&self) -> Said {
        let given = self.transport.asked.load(Ordering::Relaxed).min(self.transport.answers.len());
        Said::by(self.transport.answers[..given].iter().map(|(_, body)| &body[..]))
    }
}

/// Reads the input's answers as the input's read.
pub(crate) fn check(product: &str, bytes: &[u8]) {
    let Some((read, answers)) = parse(bytes) else { return };
    match read {
        "observe" => observe(product, &answers),
        "list" | "find" => records(product, read, answers),
        "images" => images(product, answers),
        "keys" => keys(product, answers),
        "prepare" => prepare(product, answers),
        _ => {}
    }
}

fn parse(bytes: &[u8]) -> Option<(&str, Vec<Answer>)> {
    const MARK: &[u8] = b"\n%% ";
    let mut places: Vec<usize> = Vec::new();
    for at in 0..bytes.len().saturating_sub(MARK.len() - 1) {
        if bytes[at..].starts_with(MARK) {
            places.push(at);
        }
    }
    let read = std::str::from_utf8(&bytes[..*places.first()?]).ok()?;
    let mut answers = Vec::new();
    for (index, at) in places.iter().enumerate() {
        let piece = &bytes[at + MARK.len()..places.get(index + 1).copied().unwrap_or(bytes.len())];
        let line = piece.iter().position(|&byte| byte == b'\n').unwrap_or(piece.len());
        let status = written::status(std::str::from_utf8(&piece[..line]).ok()?)?;
        answers.push((status, piece.get(line + 1..).unwrap_or_default().to_vec()));
    }
    Some((read, answers))
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

/// Looks at two servers, of which the first has a job; one is asked for twice.
fn look(line: &Line) -> Vec<(ServerId, Seen)> {
    let watch = |name: &str, ticket: Option<&str>| Watch { id: id(name), ticket: ticket.map(str::to_owned) };
    let watches = [watch("i-1", Some("job-1")), watch("i-2", None), watch("i-1", Some("job-1"))];
    line.ask(|reader| line.product().observe(&reader, &watches).now_or_never())
}

fn observe(product: &str, answers: &[Answer]) {
    let line = Line::new(product, answers.to_vec());
    let seen = look(&line);
    let mut ids: Vec<&str> = seen.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["i-1", "i-2"], "each server that was asked for, once");
    let said = line.said();
    let spoke = answers.iter().any(|(_, body)| is_json(body));
    for (id, seen) in &seen {
        match seen {
            Seen::Here(look) => {
                assert!(said.holds(id.as_str()), "{id} is seen and not named");
                truthful(look, &said);
                assert!(look.handle.is_none() || id.as_str() == "i-1", "a job for a server that has none");
            }
            Seen::Absent => assert!(spoke, "{id} is gone by an answer that cannot be read"),
            Seen::Fault(fault) => assert!(!fault.error.message.is_empty(), "{id}: a fault without a word"),
        }
    }
    order_of_fields(product, answers, &seen);
}

/// Fields have no order: the same document turned around shows the same.
fn order_of_fields(product: &str, answers: &[Answer], seen: &[(ServerId, Seen)]) {
    let turned: Option<Vec<_>> = answers.iter().map(|(status, body)| Some((*status, reversed(body)?))).collect();
    let Some(turned) = turned else { return };
    let again = look(&Line::new(product, turned));
    for ((id, seen), (_, again)) in seen.iter().zip(&again) {
        match (seen, again) {
            (Seen::Here(seen), Seen::Here(again)) => assert!(seen.same_state(again), "{id}: {seen:?}, then {again:?}"),
            (Seen::Absent, Seen::Absent) | (Seen::Fault(_), Seen::Fault(_)) => {}
            other => panic!("{id}: the order of fields decides: {other:?}"),
        }
    }
}

/// A look says what the answer says, and calls nothing running, failed or done that the provider does not.
fn truthful(look: &Observation, said: &Said) {
    // An absent status is an empty word.
    assert!(look.status.is_empty() || said.holds(&look.status), "status {:?} out of nothing", look.status);
    let word = look.status.trim().to_ascii_lowercase();
    let operation = look.operation.as_ref().map(|operation| operation.word.to_ascii_lowercase()).unwrap_or_default();
    let task = look.marks.get("task_state").map(|task| task.to_ascii_lowercase()).unwrap_or_default();
    let good = match look.phase {
        Phase::Running => ["running", "active"].contains(&word.as_str()),
        Phase::Stopped => ["stopped", "shutoff"].contains(&word.as_str()),
        Phase::Failed => {
            ["error", "failed", "install_failed", "reinstall_failed", "create_failed"].contains(&word.as_str())
                || operation == "reinstall-failed"
        }
        Phase::Installing => {
            ["reinstalling", "installing", "deploying", "rebuild", "pending"].contains(&word.as_str())
                || operation == "reinstall-processing"
                || task.starts_with("rebuild")
        }
        Phase::Changing | Phase::Gone | Phase::Unknown => true,
    };
    assert!(good, "{:?} by {look:?}", look.phase);
    if look.handle == Some(HandleState::Done) {
        assert!(said.holds_word("success"), "a job is done without success");
    }
    for value in look.image.iter().chain(look.marks.values()) {
        assert!(value == "true" || said.holds(value), "{value:?} out of nothing");
    }
}

fn records(product: &str, read: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let refs = [Ref::Id(id("i-1")), Ref::Name("web-1".to_owned()), "ip=192.0.2.7".parse().expect("a reference")];
    let found = match read {
        "list" => line.ask(|reader| line.product().list(&reader).now_or_never()),
        _ => line.ask(|reader| line.product().find(&reader, &refs).now_or_never()),
    };
    let Ok(found) = found else { return };
    let said = line.said();
    let mut known = BTreeSet::new();
    for record in &found {
        assert!(known.insert(record.id.clone()), "{} stands there twice", record.id);
        assert!(said.holds(record.id.as_str()), "{} out of nothing", record.id);
        let texts = [&record.name, &record.zone, &record.model, &record.image_name];
        for text in texts.into_iter().flatten().chain(&record.addresses).chain(record.attributes.values()) {
            assert!(said.holds(text), "{text:?} out of nothing");
        }
        truthful(&record.seen, &said);
    }
}

fn images(product: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let read: Result<Vec<Image>, _> = line.ask(|reader| line.product().images(&reader, None).now_or_never());
    let said = line.said();
    for image in read.iter().flatten() {
        assert!(said.holds(&image.id), "image {:?} out of nothing", image.id);
    }
}

fn keys(product: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let read: Result<Vec<KeyPair>, _> = line.ask(|reader| line.product().keys(&reader).now_or_never());
    let said = line.said();
    for key in read.iter().flatten() {
        assert!(said.holds(&key.id), "key pair {:?} out of nothing", key.id);
    }
}

/// Whatever the reads of a plan say, the order is about the server that was asked for, and the same each time.
fn prepare(product: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let mut seen = Observation::of("stopped", Phase::Stopped);
    seen.image = Some("img-1".to_owned());
    let record = Record {
        id: id("i-1"),
        name: Some("web-1".to_owned()),
        addresses: Vec::new(),
        zone: Some("z-1".to_owned()),
        model: Some("m-1".to_owned()),
        image_name: Some("Debian 12".to_owned()),
        seen,
        attributes: BTreeMap::new(),
    };
    let wish = Wish { login: LoginWish { password: true, none: false }, ..Wish::default() };
    let settled = line.ask(|reader| line.product().prepare(&reader, record, PowerPlan::Nothing, &wish).now_or_never());
    let prepared = match settled {
        Ok(prepared) => prepared,
        Err(refusal) => return assert!(!refusal.message.is_empty(), "a refusal without a word"),
    };
    assert_eq!(prepared.record.id, id("i-1"), "the plan is about another server");
    let secrets =
        OrderSecrets { password: Some(Secret::from(PASSWORD.to_owned()).shared()), ..OrderSecrets::default() };
    let build = |reveal| {
        let order = Order { batch: &[&prepared], secrets: &secrets, token: Some("token-1"), reveal };
        line.product().order(&order)
    };
    let (first, second, shown) = (build(Reveal::Real), build(Reveal::Real), build(Reveal::Masked));
    assert!(first.url == second.url && first.body == second.body, "the same order is two requests");
    assert!(first.url.as_str().starts_with(products::ENDPOINT), "the order goes to {}", first.url);
    assert!(is_json(&first.body), "the order's body is no document");
    let whole = format!("{} {}", first.url, String::from_utf8_lossy(&first.body));
    assert!(whole.contains("i-1"), "the order does not name the server");
    assert!(!String::from_utf8_lossy(&shown.body).contains(PASSWORD), "the password is shown");
}
