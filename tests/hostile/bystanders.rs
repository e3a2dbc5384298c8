//! Bad endpoints beside good ones, in virtual time: nothing here waits, so no slow machine changes the result.

use crate::given::Given;
use crate::offsets::long;
use chrono::{TimeZone, Utc};
use proptest::prelude::*;
use reinstall::client::{Client, Route, Transport, TransportFault};
use reinstall::clock::{Clock, Now, Sleep};
use reinstall::model::{
    Event, FaultClass, Observation, OrderSecrets, Phase, PowerPlan, Prepared, Record, RunId, ServerId, Wish,
};
use reinstall::run::driver::{Crew, RandomChance, drive, lane};
use reinstall::run::machine::Machine;
use reinstall::run::policy::Policy;
use reinstall::run::recorder::{Listener, Recorder};
use reinstall::run::target::{Stage, Target};
use reinstall::wire::{WireRequest, WireResponse};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(10);

/// Time that passes only when everybody waits for it.
#[derive(Default)]
struct Virtual {
    passed: Mutex<Duration>,
    sleepers: Mutex<Vec<(Duration, Waker)>>,
}

impl Virtual {
    fn passed(&self) -> Duration {
        *self.passed.lock().expect("time")
    }

    /// Goes to the next moment that somebody waits for.
    fn leap(&self) {
        let mut sleepers = self.sleepers.lock().expect("sleepers");
        let next = sleepers.iter().map(|(until, _)| *until).min().expect("nobody waits, and nothing goes on");
        *self.passed.lock().expect("time") = next;
        sleepers.retain(|(until, waker)| {
            if *until <= next {
                waker.wake_by_ref();
            }
            *until > next
        });
    }
}

struct Nap<'a> {
    clock: &'a Virtual,
    until: Duration,
}

impl Future for Nap<'_> {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.passed() >= self.until {
            return Poll::Ready(());
        }
        self.clock.sleepers.lock().expect("sleepers").push((self.until, context.waker().clone()));
        Poll::Pending
    }
}

impl Clock for Virtual {
    fn now(&self) -> Now {
        let since = Duration::from_secs(3600) + self.passed();
        let start = Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).single().expect("a date");
        Now { wall: start + self.passed(), boot: since, steady: since }
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(Nap { clock: self, until: self.passed() + duration })
    }
}

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs to the end, and lets time leap whenever nothing else can go on.
fn run<T>(clock: &Virtual, future: impl Future<Output = T>) -> T {
    let bell = Arc::new(Bell(AtomicBool::new(false)));
    let waker = Waker::from(bell.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        if !bell.0.swap(false, Ordering::SeqCst) {
            clock.leap();
        }
    }
}

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Good,
    /// Silent up to the limit of a read.
    Silent,
    Drips,
    Refuses,
    Page,
    Brackets,
    Failing,
    Throttles,
    Nobody,
}

const BAD: [Manner; 8] = [
    Manner::Silent,
    Manner::Drips,
    Manner::Refuses,
    Manner::Page,
    Manner::Brackets,
    Manner::Failing,
    Manner::Throttles,
    Manner::Nobody,
];

struct Endpoint {
    manner: Manner,
    clock: Arc<Virtual>,
    servers: Vec<String>,
    asked: Mutex<Vec<Duration>>,
}

impl Endpoint {
    fn answer(&self) -> Result<WireResponse, TransportFault> {
        let fault = |class, status| Err(TransportFault { class, message: "made up".to_owned(), status });
        let rows: Vec<_> = self
            .servers
            .iter()
            .map(|id| serde_json::json!({ "instanceId": id, "instanceStatus": "INSTALLING", "imageId": "i" }))
            .collect();
        let list = serde_json::json!({ "totalCount": rows.len(), "dataSet": rows });
        let good = serde_json::json!({ "requestId": "T", "response": list }).to_string();
        let (status, body) = match self.manner {
            Manner::Good => (200, good),
            Manner::Silent => return fault(FaultClass::Broken, None),
            Manner::Drips => return fault(FaultClass::Broken, Some(200)),
            Manner::Refuses => return fault(FaultClass::Unreachable, None),
            Manner::Nobody => return fault(FaultClass::Untrusted, None),
            Manner::Page => (200, "<html>".to_owned()),
            Manner::Brackets => (200, "[".repeat(300)),
            Manner::Failing => (503, String::new()),
            Manner::Throttles => (429, r#"{"requestId":"T","code":"REQUEST_LIMIT_EXCEEDED","message":"m"}"#.to_owned()),
        };
        let mut headers = http::HeaderMap::new();
        headers.insert("retry-after", http::HeaderValue::from_static("600"));
        Ok(WireResponse { status: http::StatusCode::from_u16(status).expect("a status"), headers, body: body.into() })
    }
}

impl Transport for Endpoint {
    fn exchange(
        &self,
        _: WireRequest,
        _: Route,
    ) -> Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + '_>> {
        self.asked.lock().expect("asked").push(self.clock.passed());
        Box::pin(async move {
            let takes = match self.manner {
                Manner::Silent => Duration::from_secs(10),
                Manner::Drips => Duration::from_secs(30),
                Manner::Nobody => Duration::from_secs(5),
                _ => Duration::from_millis(20),
            };
            self.clock.sleep(takes).await;
            self.answer()
        })
    }
}

struct Silent;

impl Listener for Silent {
    fn on(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }
}

fn target(lane: usize, id: &str, now: Now) -> Target {
    let record = Record {
        id: ServerId::new(id).expect("an id"),
        name: None,
        addresses: Vec::new(),
        zone: None,
        model: None,
        image_name: None,
        seen: Observation::of("RUNNING", Phase::Running),
        attributes: BTreeMap::new(),
    };
    let prepared = Prepared {
        record,
        image: None,
        power: PowerPlan::Nothing,
        body: serde_json::Value::Null,
        lines: Vec::new(),
        must_change: BTreeMap::new(),
        ends: Phase::Running,
    };
    let mut target = Target::planned(lane, Arc::new(prepared), 0);
    target.stage = Stage::Watching;
    target.ordered_at = Some(now.wall);
    target.ordered_steady = Some(now.steady);
    target.next_look = now.steady;
    target
}

/// So many endpoints, every second one of them bad.
fn mixed(endpoints: usize) -> Vec<Manner> {
    (0..endpoints).map(|number| if number % 2 == 0 { Manner::Good } else { BAD[number / 2 % BAD.len()] }).collect()
}

/// Watches these endpoints, of so many servers each; returns when each good one was asked.
fn watched(manners: &[Manner], servers: usize, interval: Duration, minutes: u64) -> Vec<Vec<Duration>> {
    let clock = Arc::new(Virtual::default());
    let (_, entry) = crate::scene::product("zenlayer-bmc");
    let mut transports = Vec::new();
    let mut clients = Vec::new();
    let mut lanes = Vec::new();
    let mut targets = Vec::new();
    let timeout = Some(Duration::from_secs(60 * minutes));
    for (number, &manner) in manners.iter().enumerate() {
        let ids: Vec<String> = (0..servers).map(|server| format!("s-{number}-{server}")).collect();
        targets.extend(ids.iter().map(|id| target(number, id, clock.now())));
        let endpoint = Arc::new(Endpoint { manner, clock: clock.clone(), servers: ids, asked: Mutex::new(Vec::new()) });
        let variables = [("ZENLAYER_TOKEN", "made-up".to_owned())];
        let given = Given::new(variables, &format!("https://e{number}.hostile.test"));
        let product: Arc<dyn reinstall::providers::Product> = Arc::from((entry.build)(&given).expect("a product"));
        let client = Client::new(product.clone(), endpoint.clone(), clock.clone(), None);
        lanes.push(lane(&client, Wish::default(), timeout, product));
        clients.push(client);
        transports.push(endpoint);
    }
    let policy = Policy {
        start_window: Duration::from_secs(36_000),
        poll_interval: Some(interval),
        concurrency: usize::MAX,
        max_failures: usize::MAX,
        no_wait: false,
        watch_only: true,
    };
    let mut machine = Machine::new(policy, lanes, targets, 1, Box::new(RandomChance));
    let secrets = [OrderSecrets::default()];
    let crew = Crew { clients: &clients, secrets: &secrets, clock: clock.clone(), claims: None };
    let mut silent = Silent;
    let mut recorder = Recorder::new(RunId::fresh(), None, 0, &mut silent, clock.clone());
    run(&clock, drive(&mut machine, &crew, &mut recorder, || Box::pin(std::future::pending())));
    assert!(machine.targets().iter().all(|target| target.verdict.is_some()));
    let asked = |endpoint: &Arc<Endpoint>| endpoint.asked.lock().expect("asked").clone();
    transports.iter().filter(|endpoint| matches!(endpoint.manner, Manner::Good)).map(asked).collect()
}

#[test]
fn five_hundred_servers_at_bad_endpoints_delay_no_good_one_by_more_than_an_interval() {
    // A thousand servers in both forms: ten of them behind each endpoint, or an endpoint for each.
    let (endpoints, servers, minutes) = if long() { (1000, 1, 5) } else { (100, 10, 3) };
    let all = watched(&mixed(endpoints), servers, INTERVAL, minutes);
    assert_eq!(all.len(), endpoints / 2);
    let mut worst = Duration::ZERO;
    for asked in all {
        assert!(asked.len() as u64 >= minutes * 60 / INTERVAL.as_secs(), "{} looks", asked.len());
        let gaps = asked.windows(2).map(|pair| pair[1] - pair[0]);
        worst = worst.max(gaps.max().expect("looks"));
    }
    println!("{endpoints} endpoints, {servers} servers each: the longest pause between looks was {worst:?}");
    assert!(worst <= INTERVAL * 2, "{worst:?}");
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![1 => Just(Manner::Good), 3 => proptest::sample::select(BAD.to_vec())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if long() { 1000 } else { 12 }, ..ProptestConfig::default() })]

    #[test]
    fn i11_one_servers_faults_delay_no_other_look_by_more_than_an_interval(
        others in proptest::collection::vec(manner(), 1..12),
        // A hundred servers are one request, so the same look may have two.
        servers in prop_oneof![9 => 1..12_usize, 1 => 101..110_usize],
        seconds in 4..60_u64,
    ) {
        let interval = Duration::from_secs(seconds);
        let manners = [&[Manner::Good][..], &others].concat();
        for asked in watched(&manners, servers, interval, 6) {
            prop_assert!(asked.len() as u64 * seconds >= 5 * 60, "{} looks", asked.len());
            let gaps = asked.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
            let worst = gaps.max().expect("looks");
            prop_assert!(worst <= interval * 2, "{worst:?} at an interval of {interval:?}");
        }
    }
}
