//! Answers that are not the provider's: cut, foreign, garbled, huge.

use crate::stage::Stage;
use reinstall::client::Outcome;
use reinstall::model::{Seen, ServerId, Verdict};
use reinstall::sandbox::Operation;
use reinstall::sandbox::faults::{Cut, Fault, Foreign, ForeignAnswer, Rule};

fn foreign(answer: ForeignAnswer, carried_out: bool) -> Fault {
    Fault::Foreign(Foreign { answer, carried_out })
}

pub(super) fn spoilt() -> Vec<(&'static str, Fault)> {
    let cut = |bytes, after_head| Cut { bytes, after_head };
    vec![
        ("cut in the status line", Fault::Truncate(cut(7, false))),
        ("cut in the headers", Fault::Truncate(cut(40, false))),
        ("cut before the body", Fault::Truncate(cut(0, true))),
        ("cut in the body", Fault::Truncate(cut(9, true))),
        ("reset at once", Fault::ResetAnswer(cut(0, false))),
        ("reset in the body", Fault::ResetAnswer(cut(5, true))),
        ("no answer", Fault::DropAnswer),
        ("a page", foreign(ForeignAnswer::Html { status: 200 }, true)),
        ("a page with 502", foreign(ForeignAnswer::Html { status: 502 }, true)),
        ("a page with 403", foreign(ForeignAnswer::Html { status: 403 }, true)),
        ("a page with 404", foreign(ForeignAnswer::Html { status: 404 }, true)),
        ("garbage", foreign(ForeignAnswer::Garbage { status: 200 }, true)),
        ("garbage with 400", foreign(ForeignAnswer::Garbage { status: 400 }, true)),
        ("5 MiB", foreign(ForeignAnswer::Huge { bytes: 5 << 20 }, true)),
    ]
}

/// Whether the fault can be seen at all in a good answer without a body.
pub(crate) fn shows_without_a_body(fault: &Fault) -> bool {
    !matches!(fault, Fault::Truncate(cut) | Fault::ResetAnswer(cut) if cut.after_head)
}

pub(crate) fn orders(stage: &Stage) {
    let (prepared, secrets) = stage.settled();
    stage.order(&prepared, &secrets);
    let bare = stage.tap.was_bare();
    for (what, fault) in spoilt().into_iter().filter(|(_, fault)| !bare || shows_without_a_body(fault)) {
        stage.reset();
        stage.reinstalls_meet(fault, 50);
        let outcome = stage.order(&prepared, &secrets);
        assert!(matches!(outcome, Outcome::Maybe(_)), "{what}: {outcome:?}");
        assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "{what}: sent again");
        assert_eq!(stage.reinstalls(&prepared.record.id), 1, "{what}: the emulator carried it out");
    }
    for body in [
        "{}",
        "[]",
        "null",
        "\"\"",
        "0",
        "{\"response\":{}}",
        "{\"result\":{}}",
        "{\"result\":null}",
        "{\"instances\":[]}",
        "{\"result\":{\"success\":\"true\"}}",
        "{\"job_id\":\"\"}",
        "{\"job_id\":null}",
        "{\"error\":null}",
        "{\"code\":0}",
    ] {
        stage.reset();
        stage.tap.change_answers(move |answer| answer.body = body.into());
        let outcome = stage.order(&prepared, &secrets);
        let clear = matches!(outcome, Outcome::Accepted { .. } | Outcome::Unsent { .. });
        assert!(!clear, "{body} came to {outcome:?}");
    }
}

pub(crate) fn reads(stage: &Stage) {
    let ids: Vec<ServerId> = stage.servers().into_iter().map(|record| record.id).collect();
    for (what, fault) in spoilt() {
        stage.reset();
        stage.fault(Rule::new(fault).on(Operation::Read).times(50));
        let list = stage.block(stage.product.list(&stage.client.single()));
        assert!(list.is_err(), "{what}: a list of {} servers", list.map_or(0, |list| list.len()));
        let told = stage.block(stage.product.observe(&stage.client.single(), &Stage::watches(&ids)));
        assert_eq!(told.len(), ids.len(), "{what}");
        for (id, seen) in told {
            assert!(matches!(seen, Seen::Fault(_)), "{what}: {id} is {seen:?}");
        }
    }
    for body in
        ["{}", "[]", "null", "\"\"", "{\"response\":{}}", "{\"result\":{}}", "{\"servers\":{}}", "{\"instances\":3}"]
    {
        stage.reset();
        stage.tap.change_answers(move |answer| answer.body = body.into());
        for (id, seen) in stage.block(stage.product.observe(&stage.client.single(), &Stage::watches(&ids))) {
            assert!(matches!(seen, Seen::Fault(_)), "{body}: {id} is {seen:?}");
        }
    }
}

pub(crate) fn redirects(stage: &Stage) {
    for status in [301, 302, 303, 307, 308] {
        stage.reset();
        let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let location = format!("http://{}/", elsewhere.local_addr().expect("an address"));
        elsewhere.set_nonblocking(true).expect("a listener that does not wait");
        let id = stage.ready()[0].id.clone();
        stage.reinstalls_meet(foreign(ForeignAnswer::Redirect { status, location }, false), 50);
        let told = stage.run(std::slice::from_ref(&id), &stage.wish());
        assert!(elsewhere.accept().is_err(), "{status}: it went there");
        assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "{status}: {}", told.story());
        assert_eq!(told.one().verdict, Some(Verdict::Unverified), "{status}: {}", told.story());
        assert_eq!(told.count("halted"), 1, "{status}");
    }
}
