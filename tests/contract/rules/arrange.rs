//! The call before the order, where a product has one: whatever becomes of it, no order rests on a doubt.

use super::answers::spoilt;
use crate::stage::Stage;
use reinstall::model::{Choice, Record, Verdict, Wish};
use reinstall::sandbox::faults::{Fault, Rule};
use reinstall::sandbox::{Injected, Operation};

/// A server and a wish whose order has such a call before it; `None` where the product knows no such order.
fn arranging(stage: &Stage) -> Option<(Record, Wish)> {
    let record = stage.ready().remove(0);
    let images = stage.block(stage.product.images(&stage.client.patient(), Some(&record))).expect("images");
    images.into_iter().find_map(|image| {
        let wish = Wish { image: Some(Choice::Id(image.id)), ..stage.wish() };
        let prepared = stage.prepare(&record, &wish).ok()?;
        stage.product.arrange(&prepared).map(|_| (record.clone(), wish))
    })
}

pub(crate) fn doubts(stage: &Stage) {
    let Some((record, wish)) = arranging(stage) else { return };
    let mut faults = spoilt();
    faults.push(("nothing arrives", Fault::CloseBefore));
    faults.push(("a failure in its own words", Fault::Says(Injected::ServerError, None)));
    faults.push(("carried out, and a failure", Fault::ServerErrorAfter(502)));
    faults.push(("throttled", Fault::Throttle(None)));
    for (what, fault) in faults {
        for (times, verdict, calls, orders) in [(1, Verdict::Succeeded, 2, 1), (50, Verdict::NotStarted, 3, 0)] {
            stage.reset();
            stage.fault(Rule::new(fault.clone()).on(Operation::Arrange).times(times));
            let told = stage.run(std::slice::from_ref(&record.id), &wish);
            assert_eq!(told.one().verdict, Some(verdict), "{what}: {}", told.story());
            assert_eq!(stage.logged(Operation::Arrange).len(), calls, "{what}: {}", told.story());
            assert_eq!(stage.logged(Operation::Reinstall).len(), orders, "{what}: {}", told.story());
            assert_eq!(stage.reinstalls(&record.id), orders as u32, "{what}");
            assert_eq!(told.count("order_intent"), orders, "{what}: an order has its permit behind a clear yes");
            assert_eq!(told.one().orders_sent(), orders as u32, "{what}");
        }
    }
}

pub(crate) fn refusals(stage: &Stage) {
    let Some((record, wish)) = arranging(stage) else { return };
    for injected in [Injected::WrongState, Injected::NotFound, Injected::Invalid, Injected::Forbidden] {
        stage.reset();
        stage.fault(Rule::new(Fault::Says(injected, None)).on(Operation::Arrange).times(50));
        let told = stage.run(std::slice::from_ref(&record.id), &wish);
        assert_eq!(told.one().verdict, Some(Verdict::Rejected), "{injected:?}: {}", told.story());
        assert!(stage.logged(Operation::Reinstall).is_empty(), "{injected:?}: {}", told.story());
    }
}

pub(crate) fn rolled_forward(stage: &Stage) {
    let Some((record, wish)) = arranging(stage) else { return };
    stage.reset();
    stage.reinstalls_meet(Fault::Says(Injected::WrongState, None), 1);
    let told = stage.run(std::slice::from_ref(&record.id), &wish);
    let error = told.one().error.clone().expect("a reason");
    assert_eq!(told.one().verdict, Some(Verdict::Rejected), "{}", told.story());
    assert!(error.next_step.contains("its record names"), "{error:?}");
    let told = stage.run(std::slice::from_ref(&record.id), &wish);
    assert_eq!(told.one().verdict, Some(Verdict::Succeeded), "{}", told.story());
    assert_eq!(stage.reinstalls(&record.id), 1);

    stage.reset();
    stage.reinstalls_meet(Fault::DropAnswer, 1);
    let told = stage.run(std::slice::from_ref(&record.id), &wish);
    assert_eq!(told.one().verdict, Some(Verdict::Succeeded), "{}", told.story());
    assert_eq!((stage.reinstalls(&record.id), stage.logged(Operation::Arrange).len()), (1, 1));
}
