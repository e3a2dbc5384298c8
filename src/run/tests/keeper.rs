//! A product whose answers carry passwords that it makes up, driven to the end with a keeper that keeps or cannot.

use super::super::driver::{Crew, Ended, RandomChance, drive, lane};
use super::super::machine::Machine;
use super::super::passwords;
use super::super::policy::Policy;
use super::super::recorder::{Listener, Recorder};
use super::super::target::Target;
use super::policy;
use crate::client::{Client, Route, Transport, TransportFault};
use crate::clock::{Clock, ManualClock};
use crate::model::{
    Event, FaultClass, Keep, LoginWish, OrderSecrets, PowerPlan, Ref, RunId, ServerId, Verdict, What, Wish,
};
use crate::providers::bench::{Bench, MapSources, ready};
use crate::providers::{Admission, Product, entries};
use crate::secret::Secret;
use crate::wire::{WireRequest, WireResponse};
use futures_util::future::BoxFuture;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happened, in its order.
type Diary = Arc<Mutex<Vec<String>>>;

fn note(diary: &Diary, text: String) {
    diary.lock().expect("the diary").push(text);
}

/// Hands requests to the product's emulator, whose time is that of the clock.
pub(super) struct Joined {
    pub(super) bench: Bench<'static>,
    clock: ManualClock,
    at: Mutex<Duration>,
    /// The answer to each order is lost on its way.
    loses: bool,
}

impl Joined {
    pub(super) fn new(bench: Bench<'static>, clock: &ManualClock, loses: bool) -> Self {
        Self { bench, clock: clock.clone(), at: Mutex::new(clock.now().steady), loses }
    }
}

impl Transport for Joined {
    fn exchange(&self, request: WireRequest, _: Route) -> BoxFuture<'_, Result<WireResponse, TransportFault>> {
        let now = self.clock.now();
        let mut at = self.at.lock().expect("the time");
        self.bench.advance(now.steady.saturating_sub(*at));
        *at = now.steady;
        let order = request.method == http::Method::POST;
        let mut answer = self.bench.deliver(&request, now.wall);
        let date = now.wall.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers.insert(http::header::DATE, date.parse().expect("a date"));
        let result = match order && self.loses {
            true => Err(TransportFault { class: FaultClass::Broken, message: "cut".to_owned(), status: None }),
            false => Ok(answer),
        };
        Box::pin(std::future::ready(result))
    }
}

struct Keeper {
    diary: Diary,
    works: bool,
}

impl Keep for Keeper {
    fn keep(&self, id: &ServerId, password: &Secret) -> Result<(), String> {
        assert!(!password.expose().is_empty());
        note(&self.diary, format!("{id} keep"));
        if self.works { Ok(()) } else { Err("the disk is full".to_owned()) }
    }
}

struct Ear(Diary);

impl Listener for Ear {
    fn on(&mut self, event: &Event) -> io::Result<()> {
        let id = event.instance.as_ref().map_or("run", ServerId::as_str);
        let more = match &event.what {
            What::Notice { message } | What::Halted { reason: message } => format!(": {message}"),
            _ => String::new(),
        };
        note(&self.0, format!("{id} {}{more}", event.what.word()));
        Ok(())
    }
}

struct Told {
    targets: Vec<Target>,
    ended: Ended,
    diary: Vec<String>,
}

/// A product that returns passwords, in front of its emulator.
pub(super) fn joined() -> (Arc<dyn Product>, Bench<'static>) {
    let (vendor, entry) = entries().find(|(_, entry)| entry.facts.login.returned).expect("a product of this kind");
    let emulator = (vendor.emulator)();
    let product: Arc<dyn Product> = Arc::from((entry.build)(&MapSources::of(&*emulator)).expect("a product"));
    // The bench lives as long as the client that is given it.
    let for_ever: &'static Arc<dyn Product> = Box::leak(Box::new(product.clone()));
    let bench = Bench::new(&**for_ever, emulator);
    (product, bench)
}

pub(super) fn clock() -> ManualClock {
    ManualClock::at(chrono::DateTime::from_timestamp(1_795_251_600, 0).expect("a time"))
}

/// Runs the first product that returns passwords over all of its emulator's servers, one after the other.
fn run(works: bool, loses: bool, login: LoginWish) -> Told {
    let (product, bench) = joined();
    let refs: Vec<Ref> = {
        let guard = bench.lock();
        guard.0.machines().iter().map(|machine| Ref::Id(ServerId::new(&machine.id).expect("an id"))).collect()
    };
    let clock = clock();
    let wish = Wish { login, ..Wish::default() };
    let targets = ready(product.find(&bench, &refs))
        .expect("records")
        .into_iter()
        .map(|record| {
            let power = match product.admit(&record.seen, &wish) {
                Admission::StoppedByOrder => PowerPlan::StoppedByOrder,
                _ => PowerPlan::Nothing,
            };
            let prepared = ready(product.prepare(&bench, record, power, &wish)).expect("a plan");
            Target::planned(0, Arc::new(prepared), 0)
        })
        .collect();
    let transport = Arc::new(Joined::new(bench, &clock, loses));
    let client = Client::new(product.clone(), transport, Arc::new(clock.clone()), None);
    let diary = Diary::default();
    let policy = Policy { concurrency: 1, ..policy() };
    let made = lane(&client, wish, None, product);
    let mut machine = Machine::new(policy, vec![made], targets, 1, Box::new(RandomChance));
    let keep: Arc<dyn Keep> = Arc::new(Keeper { diary: diary.clone(), works });
    let secrets = [OrderSecrets { keep: Some(keep), ..OrderSecrets::default() }];
    let crew = Crew { clients: &[client], secrets: &secrets, clock: Arc::new(clock.clone()), claims: None };
    let mut ear = Ear(diary.clone());
    let mut recorder = Recorder::new(RunId::fresh(), None, 0, &mut ear, Arc::new(clock));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ended = runtime.block_on(drive(&mut machine, &crew, &mut recorder, || Box::pin(std::future::pending())));
    let diary = diary.lock().expect("the diary").clone();
    Told { targets: machine.targets().to_vec(), ended, diary }
}

const WANTED: LoginWish = LoginWish { password: true, none: false };
const UNWANTED: LoginWish = LoginWish { password: false, none: true };

fn kinds(told: &Told) -> Vec<(Verdict, Option<&str>)> {
    let mut all = Vec::new();
    for target in &told.targets {
        let kind = target.error.as_ref().map(|error| error.kind.as_str());
        all.push((target.verdict.expect("a verdict"), kind));
    }
    all
}

#[test]
fn a_returned_password_is_kept_before_anything_else_is_told_of_the_order() {
    let told = run(true, false, WANTED);
    let place = |text: &str| told.diary.iter().position(|line| line == text).unwrap_or_else(|| panic!("{text}"));
    let first = told.targets[0].id();
    assert!(place(&format!("{first} keep")) < place(&format!("{first} order_accepted")), "{:#?}", told.diary);
    assert!(kinds(&told).iter().all(|told| *told == (Verdict::Succeeded, None)), "{:?}", kinds(&told));
    assert!(!told.ended.password_lost);
}

#[test]
fn a_password_that_cannot_be_kept_is_told_with_its_server_and_ends_the_ordering() {
    let told = run(false, false, WANTED);
    let first = told.targets[0].id().clone();
    let unknown = (Verdict::Succeeded, Some(passwords::KIND));
    assert_eq!(kinds(&told), [unknown, (Verdict::NotStarted, Some("halted")), (Verdict::NotStarted, Some("halted"))]);
    let error = told.targets[0].error.as_ref().expect("an error");
    assert!(error.message.contains("the disk is full") && !error.next_step.is_empty(), "{error:?}");
    let notice =
        format!("{first} notice: the password that the provider made up for {first} is lost: the disk is full");
    assert!(told.diary.contains(&notice), "{:#?}", told.diary);
    assert_eq!(told.diary.iter().filter(|line| line.ends_with(" keep")).count(), 1);
    assert!(told.diary.iter().any(|line| line.starts_with("run halted: a password")), "{:#?}", told.diary);
    assert!(told.ended.password_lost);
}

#[test]
fn a_lost_answer_is_a_success_without_a_known_password_where_one_was_wanted() {
    let told = run(true, true, WANTED);
    assert!(kinds(&told).iter().all(|told| *told == (Verdict::Succeeded, Some(passwords::KIND))), "{:?}", kinds(&told));
    let error = told.targets[0].error.as_ref().expect("an error");
    assert!(error.message.contains("answer") && error.next_step.contains("set another one"), "{error:?}");
    assert!(!told.diary.iter().any(|line| line.ends_with(" keep")));
    assert!(!told.ended.password_lost);
    let told = run(true, true, UNWANTED);
    assert!(kinds(&told).iter().all(|told| *told == (Verdict::Succeeded, None)), "{:?}", kinds(&told));
}
