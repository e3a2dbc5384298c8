//! Stops and starts whose answer tells nothing: a look tells what became of them.

use crate::rules::answers::shows_without_a_body;
use crate::stage::{Stage, Told};
use reinstall::model::{Phase, PowerOff, Verdict, Wish};
use reinstall::providers::Admission;
use reinstall::sandbox::Operation;
use reinstall::sandbox::faults::{Cut, Fault, Foreign, ForeignAnswer, Rule};
use reinstall::sandbox::machine::Ending;

/// Answers of a call that was carried out.
fn spoilt() -> [(&'static str, Fault); 5] {
    let foreign = |answer| Fault::Foreign(Foreign { answer, carried_out: true });
    [
        ("no answer", Fault::DropAnswer),
        ("cut in the body", Fault::Truncate(Cut { bytes: 5, after_head: true })),
        ("garbage", foreign(ForeignAnswer::Garbage { status: 200 })),
        ("a page", foreign(ForeignAnswer::Html { status: 200 })),
        ("a failure that was none", Fault::ServerErrorAfter(502)),
    ]
}

fn good(stage: &Stage, told: &Told, what: &str) {
    let target = told.one();
    assert_eq!(target.verdict, Some(Verdict::Succeeded), "{what}: {}", told.story());
    assert_eq!(stage.logged(Operation::Reinstall).len(), 1, "{what}: {}", told.story());
    assert_eq!(stage.reinstalls(target.id()), 1, "{what}");
    assert!(told.count("notice") > 0, "{what}: nobody was told: {}", told.story());
}

pub(crate) fn stops(stage: &Stage) {
    let wish = Wish { power_off: PowerOff::Hard, ..stage.wish() };
    let running = stage.servers().into_iter().find(|record| record.seen.phase == Phase::Running);
    let record = running.expect("a running server");
    if stage.product.admit(&record.seen, &wish) != Admission::StopFirst {
        // The order of this product stops what it must.
        return;
    }
    for (what, fault) in spoilt() {
        stage.reset();
        stage.fault(Rule::new(fault).on(Operation::Stop));
        let told = stage.run(std::slice::from_ref(&record.id), &wish);
        good(stage, &told, what);
        assert_eq!(stage.logged(Operation::Stop).len(), 1, "{what}: {}", told.story());
    }
}

pub(crate) fn starts(stage: &Stage) {
    let id = stage.ready()[0].id.clone();
    stage.fault(Rule::new(Fault::Ends(Ending::Off)));
    stage.run(std::slice::from_ref(&id), &stage.wish());
    let bare = stage.tap.was_bare();
    for (what, fault) in spoilt().into_iter().filter(|(_, fault)| !bare || shows_without_a_body(fault)) {
        stage.reset();
        stage.fault(Rule::new(Fault::Ends(Ending::Off)));
        stage.fault(Rule::new(fault).on(Operation::Start));
        let told = stage.run(std::slice::from_ref(&id), &stage.wish());
        good(stage, &told, what);
        assert_eq!(stage.logged(Operation::Start).len(), 1, "{what}: {}", told.story());
        assert_eq!(told.one().last.as_ref().map(|seen| seen.phase), Some(Phase::Running), "{what}");
    }
}
