//! Looks at servers and at the actions that rebuild them.

use super::calls::{self, Account};
use super::pages::{PAGE_SIZE, malformed};
use super::reads;
use super::wire::{Action, Actions, ServerActions};
use crate::model::{HandleState, Observation, Phase, Seen, ServerId, Watch};
use crate::wire::{Api, ReadFault};
use futures_util::future::join_all;
use std::collections::HashMap;

/// The mark that every rebuild changes: the number of the server's newest one.
pub(super) const REBUILD_MARK: &str = "rebuild";
/// Its value where the server's actions know of none.
const NEVER: &str = "none";

/// Looks at servers: the servers in one question, the actions of our own orders in another. Who has no such action is
/// looked up in its own list of actions, since a server's status alone never tells that a rebuild failed.
pub(super) async fn observe(api: &dyn Api, account: &Account, watches: &[Watch]) -> Vec<(ServerId, Seen)> {
    if watches.is_empty() {
        return Vec::new();
    }
    let ids: Vec<&ServerId> = watches.iter().map(|watch| &watch.id).collect();
    let tickets: HashMap<&ServerId, u64> =
        watches.iter().filter_map(|watch| Some((&watch.id, watch.ticket.as_ref()?.parse().ok()?))).collect();
    // Actions first: one that is done is then followed by a look at its server, and not the other way round.
    let actions = by_number(api, account, &tickets.values().copied().collect::<Vec<_>>()).await;
    let told = reads::by_ids(api, account, &ids).await;
    let looks = told.into_iter().map(|(id, server)| {
        let ticket = tickets.get(&id).copied();
        let actions = &actions;
        async move {
            let seen = match server {
                Err(fault) => Seen::Fault(fault),
                Ok(None) => Seen::Absent,
                Ok(Some(server)) => match (reads::observation(&server), ticket, actions) {
                    (None, _, _) => Seen::Fault(malformed("the answer has no status for this server")),
                    (Some(_), Some(_), Err(fault)) => Seen::Fault(fault.clone()),
                    (Some(seen), ticket, actions) => {
                        let own = ticket.zip(actions.as_ref().ok()).and_then(|(ticket, all)| all.get(&ticket));
                        match own.filter(|action| rebuilds(action, &id)) {
                            Some(action) => Seen::Here(with(seen, action)),
                            None => newest(api, account, &id, ticket, seen).await.map_or_else(Seen::Fault, Seen::Here),
                        }
                    }
                },
            };
            (id, seen)
        }
    });
    join_all(looks).await
}

/// Reads actions by number, many in one request; those that the provider does not know any more are not in the answer.
async fn by_number(api: &dyn Api, account: &Account, tickets: &[u64]) -> Result<HashMap<u64, Action>, ReadFault> {
    let mut found = HashMap::new();
    for chunk in tickets.chunks(PAGE_SIZE) {
        let mut query: Vec<(&str, String)> = chunk.iter().map(|ticket| ("id", ticket.to_string())).collect();
        query.push(("per_page", PAGE_SIZE.to_string()));
        let Actions { actions } = api.read(account.get("GET /actions", &["actions"], &query)).await?.parse()?;
        found.extend(actions.into_iter().map(|action| (action.id, action)));
    }
    Ok(found)
}

/// Whether this is a rebuild of this server. Somebody else's action proves nothing of it.
fn rebuilds(action: &Action, id: &ServerId) -> bool {
    let names = action
        .resources
        .iter()
        .any(|resource| resource.kind.as_deref() == Some("server") && resource.id.to_string() == id.as_str());
    names && action.command.as_deref() == Some(calls::REBUILD)
}

/// Adds the server's newest rebuild, whoever ordered it. While the server says itself that it is rebuilt, or goes
/// away, there is nothing to be learnt from it.
async fn newest(
    api: &dyn Api,
    account: &Account,
    id: &ServerId,
    ticket: Option<u64>,
    mut seen: Observation,
) -> Result<Observation, ReadFault> {
    if matches!(seen.phase, Phase::Installing | Phase::Gone) {
        return Ok(seen);
    }
    let query = [("sort", "id:desc".to_owned()), ("page", "1".to_owned()), ("per_page", PAGE_SIZE.to_string())];
    let path = ["servers", id.as_str(), "actions"];
    let request = account.get("GET /servers/{id}/actions", &path, &query);
    let ServerActions { actions, meta } = api.read(request).await?.parse()?;
    let paging = meta.and_then(|meta| meta.pagination).ok_or_else(|| malformed("the list has no pagination"))?;
    match actions.iter().filter(|action| rebuilds(action, id)).max_by_key(|action| action.id) {
        Some(action) => {
            seen.marks.insert(REBUILD_MARK.to_owned(), action.id.to_string());
            // Another one than that of our order is not what became of our order.
            let ours = ticket.is_none_or(|ticket| ticket == action.id);
            Ok(if ours { with(seen, action) } else { seen })
        }
        // With more behind this page nothing is known of the newest one.
        None if paging.next_page.is_some() => Ok(seen),
        None => {
            seen.marks.insert(REBUILD_MARK.to_owned(), NEVER.to_owned());
            Ok(seen)
        }
    }
}

/// Adds what became of an action.
fn with(mut seen: Observation, action: &Action) -> Observation {
    seen.handle = Some(match action.status.as_deref() {
        Some("success") => HandleState::Done,
        Some("error") => HandleState::Failed,
        _ => HandleState::Working,
    });
    if seen.handle == Some(HandleState::Failed) {
        seen.error = Some(calls::problem(action.error.clone(), None));
    }
    seen
}
