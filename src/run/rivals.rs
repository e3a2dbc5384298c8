//! Orders of other runs for the same servers: what is seen of a server after those is no proof of ours.

use crate::journal::{Store, StoreError, Story};
use crate::model::{Event, RunId, ServerId, What};
use chrono::{DateTime, Utc};

/// A server, and since when nobody else may have ordered for it.
pub struct Ours<'a> {
    /// The product.
    pub provider: &'a str,
    /// Its endpoint: the same id elsewhere is another server.
    pub endpoint: &'a str,
    /// The server.
    pub instance: &'a ServerId,
    /// Our last order, or the beginning of our run.
    pub since: DateTime<Utc>,
}

/// For each server the run that ordered for it later, as far as the journals beside ours tell. Damaged journals are
/// asked for whatever can still be read.
pub fn ordered_since(store: &Store, own: &RunId, ours: &[Ours<'_>]) -> Result<Vec<Option<RunId>>, StoreError> {
    let mut found = vec![None; ours.len()];
    for run in store.runs()?.into_iter().filter(|run| run != own) {
        let Ok(story) = store.read(&run) else { continue };
        for (server, found) in ours.iter().zip(&mut found) {
            if ordered_in(&story, server) {
                *found = Some(run.clone());
            }
        }
    }
    Ok(found)
}

/// Whether this story of another run has a later order for the server.
pub fn ordered_in(story: &Story, server: &Ours<'_>) -> bool {
    let key = (server.provider, server.instance);
    let about = || story.events.iter().chain(&story.salvaged).filter(|event| of(event) == Some(key));
    let later = about().any(|event| is_order(event) && event.at > server.since);
    let mut planned = about().filter_map(|event| match &event.what {
        What::Planned(planned) => Some(planned.endpoint.as_str()),
        _ => None,
    });
    // Where damage has taken the plan, the id alone decides: too careful is better than too bold.
    later && planned.next_back().is_none_or(|endpoint| endpoint == server.endpoint)
}

fn of(event: &Event) -> Option<(&str, &ServerId)> {
    Some((event.provider.as_deref()?, event.instance.as_ref()?))
}

fn is_order(event: &Event) -> bool {
    matches!(event.what, What::OrderIntent { .. } | What::OrderAccepted { .. } | What::OrderMaybeSent { .. })
}
