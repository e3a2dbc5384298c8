//! The machine against a scripted cloud, in no time at all.

mod absence;
mod allowance;
mod arrange;
mod desk;
mod doubt;
mod ends;
mod hold;
mod jobs;
mod keeper;
mod moments;
mod pauses;
mod permits;
mod rivals;
mod stops;
mod waits;

use super::machine::{Action, Chance, Input, Lane, Machine, Power};
use super::policy::Policy;
use super::target::Target;
use crate::client::Outcome;
use crate::clock::Now;
use crate::model::{
    ApiError, FaultClass, HandleState, Observation, Phase, PowerOff, PowerPlan, Prepared, Record, Refusal, Seen,
    ServerId, Verdict, What,
};
use crate::providers::Admission;
use crate::wire::ReadFault;
use chrono::DateTime;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn seen(status: &str) -> Seen {
    Seen::Here(observed(status))
}

fn observed(status: &str) -> Observation {
    let phase = match status {
        "RUNNING" => Phase::Running,
        "STOPPED" => Phase::Stopped,
        "INSTALLING" => Phase::Installing,
        "STARTING" | "STOPPING" => Phase::Changing,
        "FAILED" => Phase::Failed,
        _ => Phase::Unknown,
    };
    Observation::of(status, phase)
}

fn error(kind: &str) -> ApiError {
    ApiError::local(kind, kind.to_owned())
}

fn fault(class: FaultClass) -> Seen {
    Seen::Fault(ReadFault { error: error(class.word()), class })
}

struct Fixed;
impl Chance for Fixed {
    fn unit(&mut self) -> f64 {
        0.5
    }
    fn token(&mut self) -> String {
        "token-1".into()
    }
}

/// How the scripted cloud behaves for one server: what a look shows so long after the first order (or, before
/// it, `before`), and what each order is answered with.
struct Script {
    before: &'static str,
    looks: Box<dyn Fn(Duration) -> Seen>,
    answers: Vec<Outcome>,
}

struct Rig {
    machine: Machine,
    /// What every look shows so long after the beginning, instead of the script.
    weather: Box<dyn Fn(Duration) -> Option<Seen>>,
    /// What the next power calls are answered with, without being carried out.
    power_faults: Vec<FaultClass>,
    /// What the next calls before an order come to, and how long they take; afterwards all are fine and quick.
    arrangements: std::collections::VecDeque<(Result<(), Outcome>, Duration)>,
    /// The server whose order is answered by something that is not the provider.
    page_for: Option<usize>,
    now: Now,
    scripts: Vec<Script>,
    first_send: Vec<Option<Duration>>,
    sends: Vec<Vec<Option<String>>>,
    powers: Vec<(usize, Power)>,
    powered: Vec<Option<&'static str>>,
    records: Vec<(Option<usize>, What)>,
    most_active: usize,
}

fn accepted() -> Outcome {
    Outcome::Accepted { ticket: None, request_id: Some("r-1".into()) }
}

fn unsent(class: FaultClass) -> Outcome {
    Outcome::Unsent { error: error(class.word()), class, renewed: false }
}

/// The usual life: stale for 4 s, installing for 60 s, then `end`.
fn life(old: &'static str, end: &'static str) -> Box<dyn Fn(Duration) -> Seen> {
    Box::new(move |since| match since.as_secs() {
        0..4 => seen(old),
        4..64 => seen("INSTALLING"),
        _ => seen(end),
    })
}

fn policy() -> Policy {
    Policy {
        start_window: secs(900),
        poll_interval: None,
        concurrency: 10,
        max_failures: 1,
        no_wait: false,
        watch_only: false,
    }
}

fn rig(policy: Policy, token_door: Option<Duration>, scripts: Vec<Script>) -> Rig {
    let lane = Lane {
        product: "test",
        order_batch: 1,
        observe_batch: 100,
        timeout: secs(1800),
        token_door,
        admit: Box::new(|seen| match seen.phase {
            Phase::Installing => Admission::Busy("INSTALLING".into()),
            Phase::Gone => Admission::No(Refusal::guard("gone", "gone", "")),
            _ => Admission::Go,
        }),
        arranges: Box::new(|prepared| prepared.body == "arrange first"),
        power_off: PowerOff::Soft,
        start_when_off: true,
        new_password: None,
    };
    let targets = scripts
        .iter()
        .enumerate()
        .map(|(index, script)| {
            let record = Record {
                id: ServerId::new(&format!("i-{index}")).unwrap(),
                name: None,
                addresses: Vec::new(),
                zone: None,
                model: None,
                image_name: None,
                seen: observed(script.before),
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
            Target::planned(0, Arc::new(prepared), 0)
        })
        .collect();
    let now = Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap(), boot: secs(1000), steady: secs(1000) };
    let count = scripts.len();
    Rig {
        machine: Machine::new(policy, vec![lane], targets, 1, Box::new(Fixed)),
        weather: Box::new(|_| None),
        power_faults: Vec::new(),
        arrangements: std::collections::VecDeque::new(),
        page_for: None,
        now,
        scripts,
        first_send: vec![None; count],
        sends: vec![Vec::new(); count],
        powers: Vec::new(),
        powered: vec![None; count],
        records: Vec::new(),
        most_active: 0,
    }
}

impl Rig {
    fn one(before: &'static str, looks: Box<dyn Fn(Duration) -> Seen>, answers: Vec<Outcome>) -> Self {
        rig(policy(), None, vec![Script { before, looks, answers }])
    }

    fn advance(&mut self, by: Duration) {
        self.now.wall += by;
        self.now.boot += by;
        self.now.steady += by;
    }

    fn show(&self, index: usize) -> Seen {
        if let Some(seen) = (self.weather)(self.elapsed()) {
            return seen;
        }
        let script = &self.scripts[index];
        match (self.powered[index], self.first_send[index]) {
            (Some(status), _) => seen(status),
            (None, Some(at)) => (script.looks)(self.now.steady - at),
            (None, None) => seen(script.before),
        }
    }

    fn step(&mut self, input: Input) {
        let mut inputs = std::collections::VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for action in self.machine.step(self.now, input) {
                match action {
                    Action::Record(index, what) => self.records.push((index, what)),
                    Action::Look { targets, .. } => {
                        let results = targets.into_iter().map(|index| (index, self.show(index))).collect();
                        inputs.push_back(Input::Looked(results));
                    }
                    Action::Arrange { target, .. } => {
                        let told = matches!(self.records.last(), Some((_, What::Arranging { .. })));
                        assert!(told, "a call without its record");
                        let (result, took) = self.arrangements.pop_front().unwrap_or((Ok(()), Duration::ZERO));
                        self.advance(took);
                        inputs.push_back(Input::Arranged { target, result });
                    }
                    Action::Send { permit, targets, token, .. } => {
                        let mut outcomes = Vec::new();
                        let page = self.page_for.filter(|index| targets.contains(index));
                        for index in targets {
                            let intent = self.records.iter().any(|(of, what)| {
                                *of == Some(index)
                                    && matches!(what, What::OrderIntent { permit: p, .. } if *p == permit)
                            });
                            assert!(intent, "a send without its intent record");
                            let answers = &self.scripts[index].answers;
                            let answer = answers[self.sends[index].len().min(answers.len() - 1)].clone();
                            self.sends[index].push(token.clone());
                            if !matches!(answer, Outcome::Unsent { .. }) {
                                self.first_send[index].get_or_insert(self.now.steady);
                            }
                            outcomes.push((index, answer));
                        }
                        inputs.push_back(Input::Sent {
                            permit,
                            outcomes,
                            halt: None,
                            hold: page.map(|_| "a page".to_owned()),
                            lost: Vec::new(),
                        });
                    }
                    Action::Power { target, power, .. } => {
                        self.powers.push((target, power));
                        if let Some(class) = self.power_faults.pop() {
                            let result = Err((class.clone(), error(class.word())));
                            inputs.push_back(Input::Powered { target, power, result });
                            continue;
                        }
                        self.powered[target] = Some(if power == Power::On { "RUNNING" } else { "STOPPED" });
                        inputs.push_back(Input::Powered { target, power, result: Ok(()) });
                    }
                }
            }
            let active = self.machine.targets().iter().filter(|target| target.active()).count();
            self.most_active = self.most_active.max(active);
        }
    }

    /// Runs to the end and returns the verdicts.
    fn run(&mut self) -> Vec<Verdict> {
        self.step(Input::Tick);
        for _ in 0..100_000 {
            if self.machine.done() {
                return self.machine.targets().iter().map(|target| target.verdict.expect("a verdict")).collect();
            }
            let idle = self.machine.idle(self.now).expect("something is due");
            self.advance(idle.max(Duration::from_millis(1)));
            self.step(Input::Tick);
        }
        panic!("the run does not end");
    }

    /// Lets time go on to this moment.
    fn until(&mut self, until: Duration) {
        self.step(Input::Tick);
        while self.elapsed() < until {
            let idle = self.machine.idle(self.now).expect("something is due");
            self.advance(idle.max(Duration::from_millis(1)).min(until - self.elapsed()));
            self.step(Input::Tick);
        }
    }

    fn elapsed(&self) -> Duration {
        self.now.steady - secs(1000)
    }

    fn proof(&self, index: usize) -> Option<String> {
        self.machine.targets()[index].proof.as_ref().map(|proof| proof.text.clone())
    }
}

#[test]
fn a_reinstall_that_is_seen_from_start_to_end_succeeds() {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(rig.sends[0].len(), 1);
    assert_eq!(rig.proof(0).as_deref(), Some("status:INSTALLING"));
    assert!(rig.elapsed() < secs(130), "{:?}", rig.elapsed());
}

#[test]
fn old_running_is_not_success() {
    let mut rig = Rig::one("RUNNING", Box::new(|_| seen("RUNNING")), vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Unverified]);
    assert!(rig.elapsed() >= secs(1800), "an accepted order is watched to its deadline");
}

#[test]
fn old_failure_is_not_failure() {
    let mut rig = Rig::one("FAILED", life("FAILED", "RUNNING"), vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
}

#[test]
fn a_failed_install_fails_only_after_two_equal_reads() {
    let flicker: Box<dyn Fn(Duration) -> Seen> = Box::new(|since| match since.as_secs() {
        0..30 => seen("INSTALLING"),
        30..33 => seen("FAILED"),
        33..90 => seen("INSTALLING"),
        _ => seen("RUNNING"),
    });
    assert_eq!(Rig::one("RUNNING", flicker, vec![accepted()]).run(), [Verdict::Succeeded]);
    assert_eq!(Rig::one("RUNNING", life("RUNNING", "FAILED"), vec![accepted()]).run(), [Verdict::Failed]);
}

#[test]
fn a_lost_answer_is_never_sent_again() {
    let maybe = vec![Outcome::Maybe(error("connection_lost"))];
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), maybe.clone());
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(rig.sends[0].len(), 1);
    let mut rig = Rig::one("RUNNING", Box::new(|_| seen("RUNNING")), maybe);
    assert_eq!(rig.run(), [Verdict::Unverified]);
    assert_eq!(rig.sends[0].len(), 1);
    assert!(rig.elapsed() >= secs(900) && rig.elapsed() < secs(1000), "{:?}", rig.elapsed());
}

#[test]
fn a_lost_answer_is_repeated_only_under_a_token_and_with_the_same_one() {
    let answers = vec![Outcome::Maybe(error("connection_lost")), accepted()];
    let script = Script { before: "STOPPED", looks: life("STOPPED", "RUNNING"), answers };
    let mut rig = rig(policy(), Some(secs(600)), vec![script]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(rig.sends[0], [Some("token-1".to_owned()), Some("token-1".to_owned())]);
    assert_eq!(rig.machine.targets()[0].orders_sent(), 1);
}

#[test]
fn a_refusal_after_an_own_lost_answer_is_no_rejection() {
    let busy = Outcome::Rejected { class: FaultClass::Busy, error: error("busy") };
    let answers = vec![Outcome::Maybe(error("connection_lost")), busy];
    let script = Script { before: "STOPPED", looks: life("STOPPED", "RUNNING"), answers };
    let mut rig = rig(policy(), Some(secs(600)), vec![script]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
}

#[test]
fn what_is_proven_unsent_gets_three_permits_and_no_more() {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![unsent(FaultClass::Unreachable)]);
    assert_eq!(rig.run(), [Verdict::NotStarted]);
    assert_eq!(rig.sends[0].len(), 3);
    let answers = vec![unsent(FaultClass::Throttled(Some(secs(7)))), accepted()];
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), answers);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(rig.sends[0].len(), 2);
}

#[test]
fn a_refused_signature_halts_the_run_and_is_not_tried_again() {
    let scripts = (0..3)
        .map(|_| Script {
            before: "RUNNING",
            looks: life("RUNNING", "RUNNING"),
            answers: vec![unsent(FaultClass::Denied)],
        })
        .collect();
    let mut rig = rig(Policy { concurrency: 1, max_failures: 9, ..policy() }, None, scripts);
    assert_eq!(rig.run(), [Verdict::Rejected, Verdict::NotStarted, Verdict::NotStarted]);
    assert_eq!(rig.sends.iter().map(Vec::len).sum::<usize>(), 1);
}

#[test]
fn a_read_error_is_never_a_verdict() {
    let broken = |class: FaultClass| Seen::Fault(ReadFault { error: error(class.word()), class });
    let looks: Box<dyn Fn(Duration) -> Seen> = Box::new(move |since| match since.as_secs() {
        0..5 => seen("INSTALLING"),
        5..400 => broken(FaultClass::Server),
        400..800 => broken(FaultClass::NotFound),
        _ => seen("RUNNING"),
    });
    assert_eq!(Rig::one("RUNNING", looks, vec![accepted()]).run(), [Verdict::Succeeded]);
}

#[test]
fn time_out_means_in_progress_and_without_a_proof_it_is_unverified() {
    let stuck = Rig::one("RUNNING", Box::new(|_| seen("INSTALLING")), vec![accepted()]).run();
    assert_eq!(stuck, [Verdict::TimedOut]);
    let odd = Rig::one("RUNNING", Box::new(|_| seen("WARPED")), vec![accepted()]).run();
    assert_eq!(odd, [Verdict::Unverified]);
}

#[test]
fn after_the_first_failure_no_new_order_is_sent() {
    let scripts = (0..6)
        .map(|_| Script { before: "RUNNING", looks: life("RUNNING", "FAILED"), answers: vec![accepted()] })
        .collect();
    let mut rig = rig(Policy { concurrency: 2, ..policy() }, None, scripts);
    let verdicts = rig.run();
    let count = |verdict| verdicts.iter().filter(|&&v| v == verdict).count();
    assert_eq!((count(Verdict::Failed), count(Verdict::NotStarted)), (2, 4));
    assert_eq!(rig.most_active, 2, "two at one time, as asked");
}

#[test]
fn an_order_that_comes_back_unsent_after_the_run_was_halted_ends_there() {
    let rejected = Outcome::Rejected { class: FaultClass::Invalid, error: error("invalid") };
    let throttled = unsent(FaultClass::Throttled(None));
    let scripts = [rejected, throttled].map(|answer| Script {
        before: "RUNNING",
        looks: Box::new(|_| seen("RUNNING")),
        answers: vec![answer],
    });
    let mut rig = rig(Policy { concurrency: 2, ..policy() }, None, scripts.into());
    assert_eq!(rig.run(), [Verdict::Rejected, Verdict::NotStarted]);
    assert_eq!(rig.sends[1].len(), 1);
}

#[test]
fn a_doubtful_order_holds_the_next_ones_back() {
    let scripts = vec![
        Script { before: "RUNNING", looks: Box::new(|_| seen("RUNNING")), answers: vec![Outcome::Maybe(error("x"))] },
        Script { before: "RUNNING", looks: life("RUNNING", "RUNNING"), answers: vec![accepted()] },
    ];
    let mut rig = rig(Policy { concurrency: 1, ..policy() }, None, scripts);
    assert_eq!(rig.run(), [Verdict::Unverified, Verdict::NotStarted]);
    assert!(rig.sends[1].is_empty());
}

#[test]
fn a_server_that_ends_off_is_started_and_then_succeeds() {
    let mut rig = Rig::one("STOPPED", life("STOPPED", "STOPPED"), vec![accepted()]);
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(rig.powers, [(0, Power::On)]);
}

#[test]
fn an_own_job_decides_with_one_read_of_a_new_state_two_of_the_old_one_and_ten_if_no_other_was_seen() {
    let ended = |before: &'static str, between: &'static str| {
        let looks: Box<dyn Fn(Duration) -> Seen> = Box::new(move |since| {
            let (status, handle) = match since.as_secs() {
                0..40 => (between, HandleState::Working),
                _ => ("RUNNING", HandleState::Done),
            };
            Seen::Here(Observation { handle: Some(handle), ..observed(status) })
        });
        let answer = Outcome::Accepted { ticket: Some("job-7".into()), request_id: None };
        let mut rig = Rig::one(before, looks, vec![answer]);
        assert_eq!(rig.run(), [Verdict::Succeeded]);
        assert_eq!(rig.proof(0).as_deref(), Some("job:job-7"));
        assert!(rig.elapsed() >= secs(40), "RUNNING while the job works is no end");
        rig.elapsed()
    };
    let (new, old) = (ended("STOPPED", "RUNNING"), ended("RUNNING", "INSTALLING"));
    assert!(new < secs(50), "one read is enough: {new:?}");
    assert_eq!(old - new, secs(5), "the second one comes after a pause");
    let unmoved = ended("RUNNING", "RUNNING");
    assert_eq!(unmoved - new, secs(45), "every look could be a late copy of before");
}

#[test]
fn a_state_without_a_word_of_the_own_job_needs_ten_looks_and_is_no_success_while_it_works() {
    let answer = || vec![Outcome::Accepted { ticket: Some("job-7".into()), request_id: None }];
    let shows = |at: Option<HandleState>| Seen::Here(Observation { handle: at, ..observed("RUNNING") });
    // The job is not to be found for half a minute, and the server still shows the state of before.
    let hidden = move |since: Duration| match since.as_secs() {
        0..40 => shows(Some(HandleState::Working)),
        40..75 => shows(None),
        75..200 => shows(Some(HandleState::Working)),
        _ => shows(Some(HandleState::Done)),
    };
    let mut rig = Rig::one("RUNNING", Box::new(hidden), answer());
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert!(rig.elapsed() >= secs(200), "after {:?}", rig.elapsed());
    // It is gone for good.
    let gone = move |since: Duration| shows((since < secs(40)).then_some(HandleState::Working));
    let mut rig = Rig::one("RUNNING", Box::new(gone), answer());
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert!((secs(85)..secs(150)).contains(&rig.elapsed()), "after {:?}", rig.elapsed());
}

#[test]
fn looks_that_disagree_behind_the_end_of_an_own_job_need_ten_that_agree() {
    let looks: Box<dyn Fn(Duration) -> Seen> = Box::new(|since| {
        let (handle, status) = match since.as_secs() {
            0..40 => (HandleState::Working, "RUNNING"),
            // Off in truth; one copy still shows the time before the order.
            40..62 => (HandleState::Done, if since.as_secs() % 10 < 5 { "STOPPED" } else { "RUNNING" }),
            _ => (HandleState::Done, "STOPPED"),
        };
        Seen::Here(Observation { handle: Some(handle), ..observed(status) })
    });
    let answer = Outcome::Accepted { ticket: Some("job-7".into()), request_id: None };
    let mut rig = Rig::one("RUNNING", looks, vec![answer]);
    rig.machine.lanes[0].start_when_off = false;
    rig.machine.policy.poll_interval = Some(secs(5));
    assert_eq!(rig.run(), [Verdict::Succeeded]);
    assert_eq!(rig.machine.targets()[0].last.as_ref().expect("a look").status, "STOPPED");
    assert!(rig.elapsed() >= secs(60 + 9 * 5), "after {:?}", rig.elapsed());
}

#[test]
fn not_successful_is_rejected_after_a_look_and_observed_if_it_began() {
    let answer = || vec![Outcome::NotSuccessful(error("refused"))];
    let mut rig = Rig::one("STOPPED", Box::new(|_| seen("STOPPED")), answer());
    assert_eq!(rig.run(), [Verdict::Rejected]);
    let began: Box<dyn Fn(Duration) -> Seen> =
        Box::new(|since| if since < secs(60) { seen("INSTALLING") } else { seen("RUNNING") });
    assert_eq!(Rig::one("STOPPED", began, answer()).run(), [Verdict::Succeeded]);
}

#[test]
fn a_suspended_process_looks_before_it_lets_a_deadline_count() {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![accepted()]);
    rig.step(Input::Tick);
    for _ in 0..6 {
        let idle = rig.machine.idle(rig.now).unwrap();
        rig.advance(idle);
        rig.step(Input::Tick);
    }
    assert!(rig.proof(0).is_some());
    // Asleep for an hour: civil and boot time went on, and the server is long done.
    rig.now.wall += secs(3600);
    rig.now.boot += secs(3600);
    rig.first_send[0] = Some(rig.now.steady - secs(3600).min(rig.now.steady));
    assert_eq!(rig.run(), [Verdict::Succeeded]);
}

#[test]
fn a_signal_stops_new_orders_and_leaves_the_rest_open() {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![accepted()]);
    rig.step(Input::Signal("SIGINT"));
    assert!(rig.machine.done());
    assert!(rig.sends[0].is_empty());
    assert_eq!(rig.machine.targets()[0].verdict, None);
}

#[test]
fn a_lost_journal_ends_every_server_that_was_not_ordered() {
    let mut rig = Rig::one("RUNNING", life("RUNNING", "RUNNING"), vec![accepted()]);
    rig.step(Input::JournalLost);
    assert_eq!(rig.run(), [Verdict::NotStarted]);
    assert!(rig.sends[0].is_empty());
}

#[test]
fn a_server_that_changed_since_the_plan_is_skipped() {
    let mut rig = Rig::one("RUNNING", Box::new(|_| seen("RUNNING")), vec![accepted()]);
    rig.scripts[0].before = "INSTALLING";
    assert_eq!(rig.run(), [Verdict::Skipped]);
    assert!(rig.sends[0].is_empty());
}
