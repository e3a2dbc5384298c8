//! Answers to orders, whatever they hold: in doubt the careful reading wins.

use super::documents::{Said, is_json};
use super::products::products;
use super::written;
use reinstall::client::{Outcome, classify};
use reinstall::model::{FaultClass, ServerId};
use reinstall::providers::{Entry, Product};
use reinstall::wire::WireResponse;
use std::time::Duration;

/// Two servers, as a batch has them.
pub(crate) fn ids() -> Vec<ServerId> {
    ["5a0db0c5-dc00-7000-8000-000000000001", "5a0db0c5-dc00-7000-8000-000000000002"]
        .map(|id| ServerId::new(id).expect("an id"))
        .to_vec()
}

/// Gives the answer to an order for one server, and for two, of every product.
pub(crate) fn check(bytes: &[u8]) {
    let Some(answer) = written::answer(bytes) else { return };
    let ids = ids();
    for (entry, product) in products() {
        for count in [1, 2] {
            careful(entry, &**product, &ids[..count], &answer);
        }
        power(entry.id, &**product, &ids[0], &answer);
    }
}

/// Every server has one outcome, and each outcome has its proof.
pub(crate) fn careful(entry: &Entry, product: &dyn Product, ids: &[ServerId], answer: &WireResponse) {
    let delivery = classify(product, ids, &Ok(answer.clone()));
    assert_eq!(delivery.outcomes.len(), ids.len(), "{}", entry.id);
    let status = answer.status.as_u16();
    let own = product.fault(answer);
    for (id, outcome) in ids.iter().zip(&delivery.outcomes) {
        let name = entry.id;
        match outcome {
            Outcome::Unsent { class, .. } => {
                let refused = matches!(
                    class,
                    FaultClass::Throttled(_) | FaultClass::SignedOut | FaultClass::Denied | FaultClass::ClockSkew
                );
                assert!(refused, "{name}: unsent by {class:?}");
                assert!(own.is_some() || status == 429, "{name}: unsent by a stranger's {status}");
                assert!(status < 500 && status != 408, "{name}: {status} proves nothing");
            }
            Outcome::Rejected { .. } => {
                assert!(own.is_some(), "{name}: rejected by a stranger's {status}");
                assert!(status < 500 && !(300..400).contains(&status) && status != 408, "{name}: rejected by {status}");
            }
            Outcome::Accepted { ticket, .. } => {
                assert!((200..300).contains(&status), "{name}: accepted on {status}");
                assert!(own.is_none(), "{name}: accepted beside a fault");
                let bare = BARE_ORDERS.contains(&name) && answer.body.is_empty();
                assert!(bare || is_json(&answer.body), "{name}: accepted by noise");
                let said = Said::by([&answer.body[..]]);
                assert!(ticket.as_ref().is_none_or(|ticket| said.holds(ticket)), "{name}: {ticket:?} out of nothing");
                let named = entry.facts.order_batch == 1 || said.holds(id.as_str());
                assert!(named, "{name}: {id} is accepted and not named");
            }
            Outcome::NotSuccessful(_) => {
                assert!((200..300).contains(&status), "{name}: not successful on {status}");
                assert!(own.is_none(), "{name}: not successful beside a fault");
            }
            Outcome::Maybe(error) => assert!(!error.message.is_empty(), "{name}: in doubt without a word"),
        }
    }
    assert_eq!(delivery.halt.is_some(), (300..400).contains(&status), "{}: halt on {status}", entry.id);
    if let Some(pause) = delivery.throttled() {
        assert!(pause <= Duration::from_secs(600), "{}: a pause of {pause:?}", entry.id);
    }
}

/// Products that answer an order without a body, and those that answer a power call so.
const BARE_ORDERS: [&str; 1] = ["openstack-ironic"];
const BARE_POWER: [&str; 2] = ["openstack", "openstack-ironic"];

/// A power call has worked only by a document that can be read, or by none where none is due.
fn power(name: &str, product: &dyn Product, id: &ServerId, answer: &WireResponse) {
    if answer.status.is_success() && product.fault(answer).is_none() && product.judge_power(id, answer).is_ok() {
        let bare = BARE_POWER.contains(&name) && answer.body.is_empty();
        assert!(bare || is_json(&answer.body), "{name}: power was changed by noise");
    }
}
