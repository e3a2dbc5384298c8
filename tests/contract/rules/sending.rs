//! Signing, throttling, credentials, repeats.

use crate::stage::Stage;
use reinstall::client::Outcome;
use reinstall::model::{FaultClass, Verdict};
use reinstall::sandbox::faults::{Fault, Rule};
use reinstall::sandbox::{Injected, Operation};
use reinstall::wire::WireRequest;

pub(crate) fn every_request_is_signed(stage: &Stage) {
    let id = stage.ready()[0].id.clone();
    stage.run(&[id], &stage.wish());
    let log = stage.sandbox.log();
    assert!(log.requests.len() >= 5, "a run has at least a list, a plan, an order and two looks");
    for entry in &log.requests {
        let call = entry.action.as_deref().unwrap_or("unknown");
        assert!(entry.operation.is_some(), "{} {} is no call of the vendor", entry.method, entry.path);
        assert!(entry.authorized, "{call} was not signed as the emulator verifies it");
        assert!(entry.status.is_some_and(|status| status < 400), "{call} was answered with {:?}", entry.status);
    }
}

/// Changes the last letter or digit of whatever tells who is calling.
fn forge(request: &mut WireRequest) {
    for name in ["authorization", "x-auth-token"] {
        let Some(value) = request.headers.get(name).and_then(|value| value.to_str().ok()) else { continue };
        let end = value.rfind(|c: char| c.is_ascii_alphanumeric()).expect("some text");
        let other = if value[end..].starts_with('0') { "1" } else { "0" };
        let forged = format!("{}{other}{}", &value[..end], &value[end + 1..]);
        request.headers.insert(name, forged.parse().expect("a header"));
        return;
    }
    panic!("nothing on the request tells who is calling");
}

/// The same document with one blank more: signed were other bytes.
fn touch(request: &mut WireRequest) {
    let mut body = request.body.to_vec();
    body.push(b' ');
    request.body = body.into();
}

pub(crate) fn a_tampered_signature_is_refused(stage: &Stage) {
    let (prepared, secrets) = stage.settled();
    let signs = stage.signs();
    for (tamper, needs_signature) in [(forge as fn(&mut WireRequest), false), (touch, true)] {
        if needs_signature && !signs {
            continue;
        }
        stage.reset();
        stage.tap.change_requests(tamper);
        match stage.order(&prepared, &secrets) {
            Outcome::Unsent { class: FaultClass::SignedOut | FaultClass::Denied, error, .. } => {
                assert_eq!(error.kind, "credentials");
            }
            other => panic!("a tampered order came to {other:?}"),
        }
        let orders = stage.logged(Operation::Reinstall);
        assert_eq!((orders.len(), orders[0].authorized), (1, false));
        assert_eq!(stage.reinstalls(&prepared.record.id), 0);
    }
}

pub(crate) fn throttling(stage: &Stage) {
    let id = stage.ready()[0].id.clone();
    for (times, verdict, sent, carried_out) in [(2, Verdict::Succeeded, 3, 1), (50, Verdict::NotStarted, 3, 0)] {
        stage.reset();
        stage.reinstalls_meet(Fault::Throttle(None), times);
        let told = stage.run(std::slice::from_ref(&id), &stage.wish());
        let target = told.one();
        assert_eq!(target.verdict, Some(verdict), "throttled {times} times: {}", told.story());
        assert_eq!(stage.logged(Operation::Reinstall).len(), sent, "throttled {times} times: {}", told.story());
        assert_eq!(stage.reinstalls(&id), carried_out);
        assert_eq!(told.count("order_unsent") as u32, times.min(3));
        assert_eq!(target.orders_sent(), carried_out, "refused tries are no orders");
    }
}

pub(crate) fn refused_credentials(stage: &Stage) {
    let id = stage.ready()[0].id.clone();
    for injected in [Injected::Unauthorized, Injected::Forbidden] {
        stage.reset();
        stage.reinstalls_meet(Fault::Says(injected, None), 50);
        let told = stage.run(std::slice::from_ref(&id), &stage.wish());
        let target = told.one();
        assert_eq!(target.verdict, Some(Verdict::Rejected), "{injected:?}: {}", told.story());
        let error = target.error.as_ref().expect("a reason");
        assert_eq!(error.kind, "credentials", "{injected:?}: {error}");
        assert!(!error.next_step.is_empty(), "{injected:?}: no next step");
        assert!(stage.logged(Operation::Reinstall).len() <= 2, "{injected:?} was tried more than twice");
        assert_eq!(told.count("halted"), 1, "{injected:?}: {}", told.story());
        assert_eq!(stage.reinstalls(&id), 0);
    }
}

pub(crate) fn reads_are_repeated_and_orders_are_not(stage: &Stage) {
    let (prepared, secrets) = stage.settled();
    let failing = || Rule::new(Fault::Says(Injected::ServerError, None)).on(Operation::Read);
    let before = stage.logged(Operation::Read).len();
    stage.servers();
    let once = stage.logged(Operation::Read).len() - before;

    stage.reset();
    stage.fault(failing().times(2));
    stage.servers();
    assert_eq!(stage.logged(Operation::Read).len(), once + 2, "two failures, then the list");

    stage.reset();
    stage.fault(failing().times(50));
    let fault = stage.block(stage.product.list(&stage.client.patient())).expect_err("every attempt fails");
    assert_eq!(fault.class, FaultClass::Server);
    assert_eq!(stage.logged(Operation::Read).len(), 4, "a patient read has four attempts");

    stage.reset();
    stage.fault(failing().times(50));
    assert!(stage.block(stage.product.list(&stage.client.single())).is_err());
    assert_eq!(stage.logged(Operation::Read).len(), 1, "a look has one attempt");

    // A refusal in the provider's own words proves nothing under a server error's status.
    for fault in [
        Fault::Says(Injected::ServerError, None),
        Fault::Says(Injected::Invalid, Some(500)),
        Fault::Says(Injected::WrongState, Some(503)),
        Fault::Says(Injected::Throttled, Some(503)),
        Fault::Says(Injected::Unauthorized, Some(408)),
        Fault::ServerErrorAfter(502),
        Fault::CloseBefore,
    ] {
        stage.reset();
        stage.reinstalls_meet(fault.clone(), 50);
        let outcome = stage.order(&prepared, &secrets);
        assert!(matches!(outcome, Outcome::Maybe(_)), "{}: {outcome:?}", fault.word());
        assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "{}", fault.word());
    }
}

pub(crate) fn clock_skew(stage: &Stage) {
    if !stage.signs() {
        // A token carries no time.
        return;
    }
    let id = stage.ready()[0].id.clone();
    // Ahead by two hours for every request: what is signed with our clock is refused until it is corrected.
    // Every call of the vendor, those that its products share too: they have one clock.
    stage.sandbox.add_fault(Rule::new(Fault::Skew(2 * 3600 * 1000)).times(10_000));
    let told = stage.run(std::slice::from_ref(&id), &stage.wish());
    assert_eq!(told.one().verdict, Some(Verdict::Succeeded), "{}", told.story());
    let log = stage.sandbox.log();
    let refused = log.requests.iter().filter(|entry| !entry.authorized).count();
    assert_eq!(refused, 1, "the difference is learnt once");
    assert_eq!(stage.reinstalls(&id), 1);
}
