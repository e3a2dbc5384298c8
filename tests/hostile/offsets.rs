//! A connection that ends, or falls silent, at every byte of a request and of its answer.

use crate::http::message;
use crate::scene::{Scene, hasty, patient, product};
use crate::server::Talk;
use futures_util::future::join_all;
use reinstall::client::Outcome;
use reinstall::model::{OrderSecrets, Prepared};
use reinstall::sandbox::Operation;
use std::env;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Reset,
    Close,
}

fn ends(talk: &mut Talk, end: End) {
    match end {
        End::Reset => talk.reset(),
        End::Close => talk.close(),
    }
}

/// Every offset in the long form; in the short one some of each part, and both ends of it.
fn offsets(length: usize) -> Vec<usize> {
    let step = if long() { 1 } else { length.div_ceil(24) };
    let mut all: Vec<usize> = (0..=length).step_by(step).chain([1, length - 1, length]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

pub(crate) fn long() -> bool {
    env::var_os("REINSTALL_LONG_TESTS").is_some()
}

fn maybe(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Maybe(_))
}

struct Told {
    offset: usize,
    outcome: Outcome,
    connections: usize,
}

/// Breaks one order off at each offset, each on a server that does nothing else meanwhile.
fn one_by_one(scene: &Scene, settled: &(Prepared, OrderSecrets), cases: &[usize], deed: &Deed) -> Vec<Told> {
    let told = |&offset: &usize| {
        scene.front.server.forget();
        let deed = deed.clone();
        scene.front.does(move |talk| deed(talk, offset));
        let (outcome, halt) = scene.block(scene.order(settled));
        assert_eq!(halt, None);
        Told { offset, outcome, connections: scene.front.server.connections() }
    };
    cases.iter().map(told).collect()
}

type Deed = Arc<dyn Fn(&mut Talk, usize) + Send + Sync>;

fn hold_to_the_claim(id: &str, cut_request: bool, end: End) {
    let (vendor, entry) = product(id);
    let scene = Scene::new(vendor, entry, patient()).connected();
    let settled = scene.settled();
    let (answer, _) = scene.good_order(&settled);
    let told = if cut_request {
        let length = request_length(&scene, &settled);
        let deed: Deed = Arc::new(move |talk, offset| {
            talk.take(offset);
            ends(talk, end);
        });
        one_by_one(&scene, &settled, &offsets(length), &deed)
    } else {
        let length = answer.len();
        let whole = length;
        let deed: Deed = Arc::new(move |talk, offset| {
            if message(talk).is_some() {
                talk.say(&answer[..offset]);
                ends(talk, end);
            }
        });
        let mut told = one_by_one(&scene, &settled, &offsets(length), &deed);
        let last = told.pop().expect("the whole answer");
        assert_eq!(last.offset, whole);
        // A reset may take the last bytes with it; a close does not.
        let taken = matches!(last.outcome, Outcome::Accepted { .. });
        assert!(taken || (end == End::Reset && maybe(&last.outcome)), "{id} {end:?}: {:?}", last.outcome);
        assert_eq!(last.connections, 1);
        told
    };
    for Told { offset, outcome, connections } in told {
        // A reset may come so early that the connection never stood: then no byte of the request left.
        let never_stood = cut_request && offset == 0 && matches!(outcome, Outcome::Unsent { .. });
        assert!(maybe(&outcome) || never_stood, "{id} {end:?} at byte {offset}: {outcome:?}");
        assert_eq!(connections, 1, "{id} {end:?} at byte {offset}");
    }
    let orders = scene.sandbox.log().requests.iter().filter(|one| one.operation == Some(Operation::Reinstall)).count();
    assert_eq!(orders, 0, "only the front saw them");
}

fn request_length(scene: &Scene, settled: &(Prepared, OrderSecrets)) -> usize {
    scene.good_order(settled);
    scene.front.passes();
    scene.block(scene.order(settled));
    let length = scene.front.server.received()[0].len();
    scene.sandbox.reset();
    scene.front.server.forget();
    length
}

fn products() -> impl Iterator<Item = &'static str> {
    reinstall::providers::entries().map(|(_, entry)| entry.id)
}

#[test]
fn an_order_cut_off_at_any_byte_of_its_request_is_sent_once_and_never_guessed() {
    for id in products() {
        for end in [End::Reset, End::Close] {
            hold_to_the_claim(id, true, end);
        }
    }
}

#[test]
fn an_order_cut_off_at_any_byte_of_its_answer_is_sent_once_and_never_guessed() {
    for id in products() {
        for end in [End::Reset, End::Close] {
            hold_to_the_claim(id, false, end);
        }
    }
}

#[test]
fn an_order_that_meets_silence_at_any_byte_is_sent_once_and_never_guessed() {
    for id in products() {
        let (vendor, entry) = product(id);
        let calm = Scene::new(vendor, entry, patient()).connected();
        let settled = calm.settled();
        let (answer, _) = calm.good_order(&settled);
        let length = request_length(&calm, &settled);
        let asked: Vec<(bool, usize)> = offsets(length - 1).into_iter().map(|offset| (true, offset)).collect();
        let answered = offsets(answer.len() - 1).into_iter().map(|offset| (false, offset));
        let cases: Vec<(bool, usize)> = asked.into_iter().chain(answered).collect();
        // Each waits out the limit, so all of them wait at once.
        for group in cases.chunks(64) {
            let scene = Scene::new(vendor, entry, hasty()).connected();
            scene.front.server.forget();
            let (plan, answer) = (group.to_vec(), answer.clone());
            scene.front.does(move |talk| {
                let (request, offset) = plan[talk.number % plan.len()];
                if request {
                    talk.take(offset);
                } else if message(talk).is_some() {
                    talk.say(&answer[..offset]);
                }
                talk.hold();
            });
            let told = scene.block(join_all(group.iter().map(|_| scene.order(&settled))));
            for (outcome, _) in told {
                assert!(maybe(&outcome), "{id}: {outcome:?}");
            }
            assert_eq!(scene.front.server.connections(), group.len(), "{id}: one connection for each order");
        }
    }
}
