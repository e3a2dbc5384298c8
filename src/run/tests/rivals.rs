//! Orders of other runs for the same servers, as the journals beside ours tell them.

use crate::clock::{Clock, SystemClock};
use crate::journal::Store;
use crate::model::{Event, RunId, ServerId, What};
use crate::run::rivals::{Ours, ordered_since};
use chrono::{DateTime, Utc};
use serde_json::json;

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn planned(endpoint: &str) -> What {
    let seen = json!({ "status": "RUNNING", "phase": "running", "image": null, "marks": {} });
    let prepared = json!({
        "record": { "id": "i-1", "name": null, "addresses": [], "zone": null, "model": null, "image_name": null,
            "seen": seen, "attributes": {} },
        "image": null, "power": "nothing", "body": {}, "lines": [], "must_change": {}, "ends": "running"
    });
    let planned = json!({ "region": null, "endpoint": endpoint, "prepared": prepared });
    What::Planned(Box::new(serde_json::from_value(planned).unwrap()))
}

fn intent() -> What {
    What::OrderIntent { permit: 1, attempt: 1, token: None }
}

/// Writes a run that tells this of server `i-1` of `acme`, one event a second from the first on.
fn write(store: &Store, whats: Vec<What>) -> RunId {
    let run = RunId::fresh();
    let mut journal = store.create(&run).unwrap();
    for (seq, what) in (1..).zip(whats) {
        let (provider, instance) = (Some("acme".to_owned()), ServerId::new("i-1").ok());
        let event = Event { seq, at: time(i64::try_from(seq).unwrap()), run: run.clone(), provider, instance, what };
        journal.append(&event, SystemClock.now()).unwrap();
    }
    run
}

#[test]
fn a_later_order_of_another_run_for_the_same_server_is_found_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    let own = write(&store, vec![planned("https://a"), intent()]);
    let id = ServerId::new("i-1").unwrap();
    let rival = |provider: &str, endpoint: &str, instance: &ServerId, since: i64| {
        let ours = [Ours { provider, endpoint, instance, since: time(since) }];
        ordered_since(&store, &own, &ours).unwrap().remove(0)
    };
    assert_eq!(rival("acme", "https://a", &id, 0), None, "our own order is none of another");
    write(&store, vec![planned("https://a"), What::Notice { message: "m".to_owned() }]);
    assert_eq!(rival("acme", "https://a", &id, 0), None, "it has not ordered");
    let other = write(&store, vec![planned("https://a"), intent()]);
    assert_eq!(rival("acme", "https://a", &id, 1), Some(other.clone()));
    assert_eq!(rival("acme", "https://a", &id, 2), None, "not later than ours");
    assert_eq!(rival("acme", "https://b", &id, 1), None, "the same id elsewhere is another server");
    assert_eq!(rival("emca", "https://a", &id, 1), None);
    assert_eq!(rival("acme", "https://a", &ServerId::new("i-2").unwrap(), 1), None);
    // What is whole behind damage still warns, and without its plan the id alone decides.
    let path = store.root().join("runs").join(format!("{other}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    let order = text.lines().nth(1).unwrap();
    std::fs::write(&path, format!("noise\n{order}\n")).unwrap();
    assert_eq!(rival("acme", "https://b", &id, 1), Some(other));
}
