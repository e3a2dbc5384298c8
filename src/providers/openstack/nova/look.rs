//! Reads of servers and of what became of our own request, and what their words mean.
//!
//! Source: Compute API guide, "Server concepts"; reference, "List servers detailed", "Show server action details".

use super::Nova;
use crate::model::{
    ApiError, FaultClass, HandleState, Observation, Phase, ReadFault, Record, Ref, Seen, ServerId, Watch,
};
use crate::providers::openstack::images::PAGES;
use crate::providers::openstack::microversion::Microversion;
use crate::providers::openstack::wire::{Action, ActionAnswer, Server, ServerAnswer, ServerList, next_marker};
use crate::wire::Api;
use futures_util::future::join_all;
use std::collections::{BTreeMap, HashSet};

const LIST: &str = "GET /servers/detail";
const SHOW: &str = "GET /servers/{server_id}";
const ACTION: &str = "GET /servers/{server_id}/os-instance-actions/{request_id}";

/// Servers in one page; a cloud may give fewer and says where the next page is.
const PAGE: &str = "500";
/// Since then a list has the servers of a cell that is down as well; before, only a read by id tells of them.
const WHOLE: Microversion = Microversion(2, 69);
/// Reads under way at one time.
const SIDE_BY_SIDE: usize = 8;

/// What one read tells of one server: its row, its absence, or a fault.
type Row = Result<Option<Server>, ReadFault>;

fn malformed(what: &str) -> ReadFault {
    ReadFault::malformed(what.to_owned())
}

/// What the status means; a task beside it tells that the status is about to change. Never judged by `vm_state`,
/// which stays `error` while a failed server is rebuilt.
fn phase(status: &str, task: Option<&str>) -> Phase {
    let resting = |phase| match task {
        None => phase,
        Some(task) if task.starts_with("rebuild") => Phase::Installing,
        Some(_) => Phase::Changing,
    };
    match status {
        "ACTIVE" => resting(Phase::Running),
        "SHUTOFF" => resting(Phase::Stopped),
        "ERROR" => resting(Phase::Failed),
        "REBUILD" => Phase::Installing,
        "BUILD" | "REBOOT" | "HARD_REBOOT" | "MIGRATING" | "RESIZE" | "REVERT_RESIZE" | "VERIFY_RESIZE"
        | "PASSWORD" | "PAUSED" | "SUSPENDED" | "RESCUE" | "SHELVED" | "SHELVED_OFFLOADED" => Phase::Changing,
        "DELETED" | "SOFT_DELETED" => Phase::Gone,
        _ => Phase::Unknown,
    }
}

/// States in which a server stays until somebody does something.
pub(super) fn is_parked(status: &str) -> bool {
    matches!(status, "PAUSED" | "SUSPENDED" | "RESCUE" | "SHELVED" | "SHELVED_OFFLOADED" | "VERIFY_RESIZE")
}

/// Says what is under way.
pub(super) fn busy(seen: &Observation) -> String {
    match seen.marks.get("task_state") {
        Some(task) => format!("its status is {} with task {task}", seen.status),
        None => format!("its status is {}", seen.status),
    }
}

fn observation(server: &Server, status: &str) -> Observation {
    let task = server.task_state.as_deref().filter(|task| !task.is_empty());
    let mut seen = Observation::of(status, phase(status, task));
    seen.image = server.image_id();
    if let Some(image) = &seen.image {
        seen.marks.insert("image".to_owned(), image.clone());
    }
    if let Some(task) = task {
        seen.marks.insert("task_state".to_owned(), task.to_owned());
    }
    if server.locked == Some(true) {
        let reason = server.locked_reason.clone().filter(|reason| !reason.is_empty());
        seen.marks.insert("locked".to_owned(), reason.unwrap_or_else(|| "true".to_owned()));
    }
    if let (Phase::Failed, Some(fault)) = (seen.phase, &server.fault) {
        let code = fault.code.as_ref().map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
        let message = fault.message.clone().unwrap_or_else(|| "the server is in state ERROR".to_owned());
        seen.error = Some(ApiError::from_provider(&FaultClass::Server, code, message, None).advise(AGAIN));
    }
    seen
}

const AGAIN: &str = "a failed server may be rebuilt again; choose another image if it is the image that fails";

fn record(server: Server) -> Result<Record, ReadFault> {
    let id = ServerId::new(&server.id).map_err(|_| malformed("a server in the list has no usable id"))?;
    let Some(status) = &server.status else { return Err(malformed("a server in the list has no status")) };
    let seen = observation(&server, status);
    let mut attributes = BTreeMap::new();
    if server.is_volume_backed() {
        attributes.insert("boots_from".to_owned(), "volume".to_owned());
    }
    Ok(Record {
        id,
        addresses: server.addresses(),
        model: server.flavor.and_then(|flavor| flavor.original_name.or(flavor.id)),
        image_name: None,
        name: server.name,
        zone: server.zone,
        seen,
        attributes,
    })
}

/// Reads every server of the project, every page.
async fn rows(api: &dyn Api, nova: &Nova) -> Result<BTreeMap<String, Server>, ReadFault> {
    let mut found: BTreeMap<String, Server> = BTreeMap::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = vec![("limit", PAGE)];
        if let Some(marker) = &marker {
            query.push(("marker", marker));
        }
        let page: ServerList = api.read(nova.get(&["servers", "detail"], &query, LIST)?).await?.parse()?;
        let known = found.len();
        for server in page.servers {
            let differs = |old: &Server| old.status != server.status || old.task_state != server.task_state;
            if found.get(&server.id).is_some_and(differs) {
                return Err(malformed("the list has a server twice, in different states"));
            }
            found.insert(server.id.clone(), server);
        }
        let Some(next) = page.servers_links.iter().find(|link| link.rel == "next") else { return Ok(found) };
        match next_marker(&next.href) {
            Some(next) if found.len() > known && marker.as_ref() != Some(&next) => marker = Some(next),
            _ => return Err(malformed("the list of servers does not go on where it says that it does")),
        }
    }
    Err(malformed("the list of servers does not end"))
}

/// Reads one server.
async fn row(api: &dyn Api, nova: &Nova, id: &str) -> Row {
    match api.read(nova.get(&["servers", id], &[], SHOW)?).await {
        Ok(answer) => match answer.parse::<ServerAnswer>()?.server {
            server if server.id != id => Err(malformed("the answer is about another server")),
            server => Ok(Some(server)),
        },
        // Nova's own word: a gateway that knows no such path says nothing about the server.
        Err(fault) if fault.class == FaultClass::NotFound && fault.error.code.as_deref() == Some("itemNotFound") => {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Reads every server.
pub(super) async fn list(api: &dyn Api, nova: &Nova) -> Result<Vec<Record>, ReadFault> {
    rows(api, nova).await?.into_values().map(record).collect()
}

/// Reads what the references may mean: one id by itself, anything else out of the whole list.
pub(super) async fn find(api: &dyn Api, nova: &Nova, refs: &[Ref]) -> Result<Vec<Record>, ReadFault> {
    match refs {
        [] => Ok(Vec::new()),
        [Ref::Id(id)] => row(api, nova, id.as_str()).await?.map(record).into_iter().collect(),
        _ => list(api, nova).await,
    }
}

/// Looks at servers. What became of our own requests is read before the servers, so that a request that is seen
/// at its end is never shown beside a server from before.
pub(super) async fn observe(api: &dyn Api, nova: &Nova, watches: &[Watch]) -> Vec<(ServerId, Seen)> {
    let mut asked = HashSet::new();
    let watches: Vec<&Watch> = watches.iter().filter(|watch| asked.insert(&watch.id)).collect();
    let mut actions: Vec<Result<Option<Action>, ReadFault>> = Vec::with_capacity(watches.len());
    for group in watches.chunks(SIDE_BY_SIDE) {
        actions.extend(join_all(group.iter().map(|watch| action(api, nova, watch))).await);
    }
    let mut found: BTreeMap<String, Row> = BTreeMap::new();
    let mut broken = None;
    match watches.as_slice() {
        [] => return Vec::new(),
        [one] => {
            found.insert(one.id.as_str().to_owned(), row(api, nova, one.id.as_str()).await);
        }
        _ => match rows(api, nova).await {
            Ok(rows) => {
                found.extend(rows.into_iter().map(|(id, server)| (id, Ok(Some(server)))));
                if nova.read_version() < WHOLE {
                    let missing = watches.iter().filter(|watch| !found.contains_key(watch.id.as_str()));
                    let missing: Vec<&str> = missing.map(|watch| watch.id.as_str()).collect();
                    for id in missing {
                        found.insert(id.to_owned(), row(api, nova, id).await);
                    }
                }
            }
            Err(fault) => broken = Some(fault),
        },
    }
    let look = |(watch, action): (&Watch, Result<Option<Action>, ReadFault>)| {
        let seen = match (found.remove(watch.id.as_str()), &broken) {
            (_, Some(fault)) => Seen::Fault(fault.clone()),
            (Some(Err(fault)), None) => Seen::Fault(fault),
            (Some(Ok(Some(server))), None) => joined(&server, action),
            (Some(Ok(None)) | None, None) => Seen::Absent,
        };
        (watch.id.clone(), seen)
    };
    watches.into_iter().zip(actions).map(look).collect()
}

fn joined(server: &Server, action: Result<Option<Action>, ReadFault>) -> Seen {
    let Some(status) = &server.status else { return Seen::Fault(malformed("the server has no status")) };
    let mut seen = observation(server, status);
    match action {
        Ok(None) => {}
        Ok(Some(action)) => {
            let state = state(&action, seen.phase);
            if state == HandleState::Failed && seen.error.is_none() {
                let message = "the cloud recorded that the rebuild failed and does not say why".to_owned();
                let error = ApiError::from_provider(&FaultClass::Server, None, message, action.request_id.clone());
                seen.error = Some(error.advise(AGAIN));
            }
            seen.handle = Some(state);
        }
        Err(fault) => return Seen::Fault(fault),
    }
    Seen::Here(seen)
}

/// What the record of our request says. Old clouds keep its steps from plain users: there a server that rests has
/// ended it, since the task is set before the call is answered.
fn state(action: &Action, phase: Phase) -> HandleState {
    let events = action.events.as_deref().unwrap_or_default();
    let result =
        |event: &str| events.iter().find(|found| found.event.as_deref() == Some(event)).map(|found| &found.result);
    let is = |text: &Option<String>, word: &str| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word));
    let resting = matches!(phase, Phase::Running | Phase::Stopped | Phase::Failed);
    if is(&action.message, "Error") || events.iter().any(|event| is(&event.result, "Error")) {
        // A host may hand the work on to another one: only a server that rests has failed.
        return if resting { HandleState::Failed } else { HandleState::Working };
    }
    match result("compute_rebuild_instance") {
        Some(end) if is(end, "Success") && resting => HandleState::Done,
        Some(_) => HandleState::Working,
        None if events.is_empty() && resting => HandleState::Done,
        None => HandleState::Working,
    }
}

/// Reads the record of our own request; `None` where there is none.
async fn action(api: &dyn Api, nova: &Nova, watch: &Watch) -> Result<Option<Action>, ReadFault> {
    let Some(ticket) = watch.ticket.as_deref() else { return Ok(None) };
    let path = ["servers", watch.id.as_str(), "os-instance-actions", ticket];
    let answer = match api.read(nova.get(&path, &[], ACTION)?).await {
        Ok(answer) => answer,
        // Not every cloud lets its users read this: the server's own state is left then.
        Err(fault) if matches!(fault.class, FaultClass::NotFound | FaultClass::Denied) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let action = answer.parse::<ActionAnswer>()?.action;
    let other = action.request_id.as_deref().is_some_and(|id| id != ticket)
        || action.instance_uuid.as_deref().is_some_and(|id| id != watch.id.as_str());
    if other {
        return Err(malformed("the answer is about another request"));
    }
    Ok(Some(action).filter(|action| action.action.as_deref() == Some("rebuild")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_mean_what_the_documentation_says_and_a_task_keeps_a_state_from_being_an_end() {
        let table = [
            ("ACTIVE", None, Phase::Running),
            ("ACTIVE", Some("powering-off"), Phase::Changing),
            ("ACTIVE", Some("rebuild_spawning"), Phase::Installing),
            ("SHUTOFF", None, Phase::Stopped),
            ("SHUTOFF", Some("powering-on"), Phase::Changing),
            ("REBUILD", Some("rebuilding"), Phase::Installing),
            ("REBUILD", None, Phase::Installing),
            ("ERROR", None, Phase::Failed),
            ("ERROR", Some("rebuilding"), Phase::Installing),
            ("SHELVED", None, Phase::Changing),
            ("SOFT_DELETED", None, Phase::Gone),
            ("UNKNOWN", None, Phase::Unknown),
            ("active", None, Phase::Unknown),
            ("", None, Phase::Unknown),
        ];
        for (status, task, expected) in table {
            assert_eq!(phase(status, task), expected, "{status} {task:?}");
        }
    }

    fn of(text: &str) -> Action {
        serde_json::from_str::<ActionAnswer>(text).expect("an action").action
    }

    #[test]
    fn the_record_of_a_request_is_judged_with_the_server_beside_it() {
        let vectors = include_str!("../vectors/actions.json");
        let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).expect("vectors");
        let words = |state: HandleState| match state {
            HandleState::Working => "working",
            HandleState::Done => "done",
            HandleState::Failed => "failed",
        };
        for vector in vectors {
            let text = |key: &str| vector[key].as_str().unwrap_or_default().to_owned();
            let phase = phase(&text("status"), vector["task"].as_str());
            assert_eq!(words(state(&of(&vector["body"].to_string()), phase)), text("state"), "{vector}");
        }
    }
}
