//! Whole runs: from the plan to the verdict.

use crate::stage::{Stage, Told};
use reinstall::client::Outcome;
use reinstall::model::{Phase, PowerOff, PowerOn, ServerId, Verdict, Wish};
use reinstall::providers::Admission;
use reinstall::sandbox::faults::{Fault, Rule};
use reinstall::sandbox::machine::Ending;
use reinstall::sandbox::{Injected, Operation};
use reinstall::secret::Reveal;
use std::time::Duration;

fn one(stage: &Stage) -> ServerId {
    stage.ready()[0].id.clone()
}

fn run(stage: &Stage, id: &ServerId) -> Told {
    stage.run(std::slice::from_ref(id), &stage.wish())
}

pub(crate) fn succeeds(stage: &Stage) {
    let ids: Vec<ServerId> = stage.ready().into_iter().map(|record| record.id).collect();
    let told = stage.run(&ids, &stage.wish());
    for target in &told.targets {
        let id = target.id();
        assert_eq!(target.verdict, Some(Verdict::Succeeded), "{id}: {}", told.story());
        let proof = target.proof.as_ref().map(|proof| proof.text.as_str()).unwrap_or_default();
        let known = ["job:", "status:", "operation:", "changed:"].iter().any(|kind| proof.starts_with(kind));
        assert!(known, "{id}: the proof is {proof:?}");
        assert_eq!(target.orders_sent(), 1, "{id}");
        assert_eq!(stage.reinstalls(id), 1, "{id}");
        let naming =
            stage.logged(Operation::Reinstall).iter().filter(|e| e.servers.iter().any(|s| s == id.as_str())).count();
        assert_eq!(naming, 1, "{id} was ordered {naming} times");
        let last = target.last.as_ref().expect("a last look");
        assert_eq!(last.phase, target.prepared.ends, "{id} ended {}", last.status);
        assert!(target.baseline.is_some() && target.error.is_none(), "{id}");
    }
    assert!(told.ended.journal_lost.is_none() && !told.ended.output_lost);
}

pub(crate) fn lost_answer(stage: &Stage) {
    let (prepared, secrets) = stage.settled();
    let id = prepared.record.id.clone();
    let label = stage.request(&prepared, &secrets, Reveal::Real).label;
    for fault in [Fault::DropAnswer, Fault::ServerErrorAfter(503), Fault::Says(Injected::ServerError, None)] {
        let word = fault.word();
        let carried_out = fault.carries_out();
        stage.reset();
        stage.reinstalls_meet(fault, 1);
        let told = run(stage, &id);
        let orders: Vec<_> =
            stage.tap.sent().into_iter().filter(|request| request.label == label).map(|request| request.body).collect();
        assert_eq!(orders.len(), stage.logged(Operation::Reinstall).len(), "{word}");
        let verdict = told.one().verdict;
        if stage.facts().token_door.is_some() {
            assert!(orders.iter().all(|body| *body == orders[0]), "{word}: a repeat had other bytes");
        } else {
            assert_eq!(orders.len(), 1, "{word}: {}", told.story());
        }
        // A token makes the repeat safe and so can bring the order through; without one it stays open.
        let through = carried_out || stage.facts().token_door.is_some();
        let expected = if through { Verdict::Succeeded } else { Verdict::Unverified };
        assert_eq!(verdict, Some(expected), "{word}: {}", told.story());
        assert_eq!(stage.reinstalls(&id), u32::from(through), "{word}: {}", told.story());
        assert_eq!(told.one().orders_sent(), 1, "{word}");
    }
}

pub(crate) fn failed_install(stage: &Stage) {
    let id = one(stage);
    stage.fault(Rule::new(Fault::Ends(Ending::Failed)));
    let told = run(stage, &id);
    let target = told.one();
    assert_eq!(target.verdict, Some(Verdict::Failed), "{}", told.story());
    let proof = target.proof.as_ref().expect("a proof that it began");
    let needed = if proof.text.starts_with("job:") { 1 } else { 2 };
    assert!(target.equal >= needed, "failed after {} equal looks on {}", target.equal, proof.text);
    let error = target.error.as_ref().expect("a reason");
    assert!(!error.message.is_empty() && !error.next_step.is_empty(), "{error:?}");
    assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "a failed install is not ordered again");
}

pub(crate) fn never_starts(stage: &Stage) {
    let id = one(stage);
    stage.fault(Rule::new(Fault::Ends(Ending::NeverStarts)));
    let told = run(stage, &id);
    let target = told.one();
    let verdict = target.verdict.expect("a verdict");
    assert!(matches!(verdict, Verdict::Unverified | Verdict::TimedOut), "{verdict:?}: {}", told.story());
    assert_eq!(stage.reinstalls(&id), 0);
    assert_eq!(target.orders_sent(), 1, "it was accepted, so it counts");
}

pub(crate) fn power_before(stage: &Stage) {
    let running: Vec<_> = stage.servers().into_iter().filter(|record| record.seen.phase == Phase::Running).collect();
    assert!(!running.is_empty(), "the emulator has no running server");
    let soft = stage.wish();
    let never = Wish { power_off: PowerOff::Never, ..soft.clone() };
    let record = &running[0];
    let admission = stage.product.admit(&record.seen, &soft);
    let must_stop = admission == Admission::StopFirst;
    assert_eq!(
        stage.facts().must_be.contains("running"),
        !must_stop,
        "`must_be` says {:?}, and a running server is {admission:?}",
        stage.facts().must_be
    );
    assert!(
        matches!(admission, Admission::Go | Admission::StopFirst | Admission::StoppedByOrder),
        "a running server is neither stopped nor taken: {admission:?}"
    );
    let unstopped = stage.product.admit(&record.seen, &never);
    match admission {
        Admission::Go => assert_eq!(unstopped, Admission::Go, "nothing is stopped, so `never` changes nothing"),
        _ => assert!(matches!(unstopped, Admission::No(_)), "`never` and yet {unstopped:?}"),
    }
    let told = run(stage, &record.id);
    let target = told.one();
    assert_eq!(target.verdict, Some(Verdict::Succeeded), "{}", told.story());
    let stops = stage.logged(Operation::Stop);
    assert_eq!(!stops.is_empty(), must_stop, "{stops:?}");
    assert_eq!(target.stopped_by_us, must_stop);
    if let Some(stop) = stops.first() {
        let order = &stage.logged(Operation::Reinstall)[0];
        assert!(stop.seq < order.seq, "stopped after the order");
        assert!(told.count("power_off") == 1 && told.count("stopped") == 1, "{}", told.story());
    }
    assert_eq!(stage.reinstalls(&record.id), 1);
}

pub(crate) fn ends_off(stage: &Stage) {
    let id = one(stage);
    for (power_on, starts, ends) in [(PowerOn::Auto, 1, Phase::Running), (PowerOn::Never, 0, Phase::Stopped)] {
        stage.reset();
        stage.fault(Rule::new(Fault::Ends(Ending::Off)));
        let wish = Wish { power_on, ..stage.wish() };
        let told = stage.run(std::slice::from_ref(&id), &wish);
        let target = told.one();
        assert_eq!(target.verdict, Some(Verdict::Succeeded), "{power_on:?}: {}", told.story());
        assert_eq!(stage.logged(Operation::Start).len(), starts, "{power_on:?}: {}", told.story());
        assert_eq!(target.last.as_ref().map(|seen| seen.phase), Some(ends), "{power_on:?}: {}", told.story());
        assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "{power_on:?}");
    }
}

pub(crate) fn vanishes(stage: &Stage) {
    let id = one(stage);
    stage.fault(Rule::new(Fault::Ends(Ending::Vanishes)));
    // Five answers without it over two minutes make the verdict.
    let told = stage.run_within(Duration::from_secs(300), std::slice::from_ref(&id), &stage.wish());
    assert_eq!(told.one().verdict, Some(Verdict::Vanished), "{}", told.story());
    assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "a vanished server is not ordered again");
}

pub(crate) fn request_ids(stage: &Stage) {
    let (prepared, secrets) = stage.settled();
    match stage.order(&prepared, &secrets) {
        Outcome::Accepted { request_id, .. } => {
            assert!(request_id.is_some_and(|id| !id.is_empty()), "the accepted order has no request id");
        }
        other => panic!("the order came to {other:?}"),
    }
    for injected in [Injected::Invalid, Injected::WrongState, Injected::NotFound, Injected::ServerError] {
        stage.reset();
        stage.reinstalls_meet(Fault::Says(injected, None), 1);
        let error = match stage.order(&prepared, &secrets) {
            Outcome::Rejected { error, .. } => error,
            Outcome::Maybe(error) if injected == Injected::ServerError => error,
            other => panic!("{injected:?} came to {other:?}"),
        };
        assert!(error.request_id.is_some_and(|id| !id.is_empty()), "{injected:?} has no request id");
        assert!(error.code.is_some() && !error.message.is_empty(), "{injected:?} has neither code nor text");
        assert_eq!(stage.reinstalls(&prepared.record.id), 0, "{injected:?}");
    }
}
