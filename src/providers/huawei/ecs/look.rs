//! Reads of servers and jobs, and what their words mean.
//!
//! Sources: ECS API reference, "Querying details about ECSs", "ECS statuses" (`en-us_topic_0178420672`),
//! "Querying task execution status" (`en-us_topic_0022225398`).

use crate::model::{ApiError, FaultClass, HandleState, Observation, Phase, Record, Ref, Seen, ServerId, Watch};
use crate::providers::huawei::account::Account;
use crate::providers::huawei::endpoints::below;
use crate::providers::huawei::fault;
use crate::providers::huawei::images::PAGES;
use crate::providers::huawei::wire::{Job, Server, ServerAnswer, ServerList};
use crate::wire::{Api, ReadFault, WireRequest};
use futures_util::future::join_all;
use http::Method;
use std::collections::{BTreeMap, HashSet};

const LIST: &str = "GET /v1/{project_id}/cloudservers/detail";
const SHOW: &str = "GET /v1/{project_id}/cloudservers/{server_id}";
const JOB: &str = "GET /v1/{project_id}/jobs/{job_id}";

/// Servers in one page of a whole list: the documentation advises 200.
const PAGE: usize = 200;
/// Ids in one list call with `server_id`.
const IDS: usize = 100;
/// Reads under way at one time.
const SIDE_BY_SIDE: usize = 8;

/// What one read tells of one server: its row, its absence, or a fault.
type Row = Result<Option<Server>, ReadFault>;

fn malformed(what: &str) -> ReadFault {
    ReadFault::malformed(what.to_owned())
}

/// What the status means; the task beside it tells that a status is about to change.
fn phase(status: &str, task: Option<&str>) -> Phase {
    let resting = |phase| match task.filter(|task| !task.is_empty()) {
        None => phase,
        Some(task) if task.to_ascii_lowercase().starts_with("rebuild") => Phase::Installing,
        Some(_) => Phase::Changing,
    };
    match status.to_ascii_uppercase().as_str() {
        "ACTIVE" => resting(Phase::Running),
        "SHUTOFF" => resting(Phase::Stopped),
        "REBUILD" => Phase::Installing,
        "BUILD" | "REBOOT" | "HARD_REBOOT" | "MIGRATING" | "RESIZE" | "REVERT_RESIZE" | "VERIFY_RESIZE" | "SHELVED"
        | "SHELVED_OFFLOADED" => Phase::Changing,
        "ERROR" => Phase::Failed,
        "DELETED" => Phase::Gone,
        _ => Phase::Unknown,
    }
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
    for (mark, is) in [("locked", server.locked == Some(true)), ("frozen", server.frozen())] {
        if is {
            seen.marks.insert(mark.to_owned(), "true".to_owned());
        }
    }
    if let (Phase::Failed, Some(fault)) = (seen.phase, &server.fault) {
        let code = fault.code.as_ref().and_then(|code| code.as_str().map(str::to_owned).or(Some(code.to_string())));
        let message = fault.message.clone().unwrap_or_else(|| "the server is in state ERROR".to_owned());
        seen.error = Some(ApiError::from_provider(&FaultClass::Server, code, message, None));
    }
    seen
}

fn record(server: Server) -> Result<Record, ReadFault> {
    let id = ServerId::new(&server.id).map_err(|_| malformed("a server in the list has no usable id"))?;
    let Some(status) = &server.status else { return Err(malformed("a server in the list has no status")) };
    let seen = observation(&server, status);
    let mut attributes = BTreeMap::new();
    if let Some(os) = server.metadata.as_ref().and_then(|metadata| metadata.os_type.clone()) {
        attributes.insert("os_type".to_owned(), os);
    }
    Ok(Record {
        id,
        addresses: server.addresses(),
        model: server.flavor.and_then(|flavor| flavor.name.or(flavor.id)),
        image_name: server.metadata.and_then(|metadata| metadata.image_name),
        name: server.name,
        zone: server.zone,
        seen,
        attributes,
    })
}

/// Reads every server, every page.
pub(super) async fn list(api: &dyn Api, account: &Account) -> Result<Vec<Record>, ReadFault> {
    let project = account.project()?;
    let mut found: BTreeMap<String, Server> = BTreeMap::new();
    let limit = PAGE.to_string();
    for page in 1..=PAGES {
        let number = page.to_string();
        let query = [("limit", limit.as_str()), ("offset", number.as_str())];
        let url = below(&account.endpoints.ecs, &["v1", project, "cloudservers", "detail"], &query);
        let answer: ServerList = api.read(WireRequest::new(Method::GET, url, LIST)).await?.parse()?;
        let (known, rows) = (found.len(), answer.servers.len());
        for server in answer.servers {
            found.entry(server.id.clone()).or_insert(server);
        }
        match answer.count {
            _ if rows == 0 => break,
            Some(count) if page * PAGE >= count => break,
            Some(count) if found.len() == known && found.len() < count => {
                return Err(malformed("the list of servers repeats a page before its end"));
            }
            _ if found.len() == known => break,
            _ if page == PAGES => return Err(malformed("the list of servers does not end")),
            _ => {}
        }
    }
    found.into_values().map(record).collect()
}

/// Reads what the references may mean: ids by id, anything else out of the whole list.
pub(super) async fn find(api: &dyn Api, account: &Account, refs: &[Ref]) -> Result<Vec<Record>, ReadFault> {
    let ids: Option<Vec<&str>> = refs
        .iter()
        .map(|reference| match reference {
            Ref::Id(id) => Some(id.as_str()),
            Ref::Name(_) | Ref::Ip(_) => None,
        })
        .collect();
    let Some(ids) = ids else { return list(api, account).await };
    let mut records = Vec::new();
    for (_, row) in rows(api, account, &ids).await {
        if let Some(server) = row? {
            records.push(record(server)?);
        }
    }
    Ok(records)
}

/// Reads servers by id: one entry for each id, in the order of the ids.
async fn rows<'i>(api: &dyn Api, account: &Account, ids: &[&'i str]) -> Vec<(&'i str, Row)> {
    let project = match account.project() {
        Ok(project) => project,
        Err(fault) => return ids.iter().map(|id| (*id, Err(fault.clone()))).collect(),
    };
    let mut all = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(IDS) {
        match by_list(api, account, project, chunk).await {
            Ok(Some(rows)) => all.extend(rows),
            Ok(None) => all.extend(one_by_one(api, account, project, chunk).await),
            Err(fault) => all.extend(chunk.iter().map(|id| (*id, Err(fault.clone())))),
        }
    }
    all
}

/// One list call for many ids; `None` if this cloud does not know the filter.
async fn by_list<'i>(
    api: &dyn Api,
    account: &Account,
    project: &str,
    ids: &[&'i str],
) -> Result<Option<Vec<(&'i str, Row)>>, ReadFault> {
    let (limit, joined) = (IDS.to_string(), ids.join(","));
    let query = [("limit", limit.as_str()), ("server_id", joined.as_str())];
    let url = below(&account.endpoints.ecs, &["v1", project, "cloudservers", "detail"], &query);
    let answer: ServerList = match api.read(WireRequest::new(Method::GET, url, LIST)).await {
        Ok(answer) => answer.parse()?,
        Err(fault) if matches!(fault.class, FaultClass::Invalid | FaultClass::NotFound) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let cut = answer.count.is_some_and(|count| count > answer.servers.len());
    let mut strangers = false;
    let mut found: BTreeMap<&'i str, Row> = BTreeMap::new();
    for server in answer.servers {
        let Some(id) = ids.iter().copied().find(|id| *id == server.id) else {
            strangers = true;
            continue;
        };
        let row = match (&server.status, &server.name) {
            (Some(_), _) => Ok(Some(server)),
            // An unknown id comes back as a row without content.
            (None, None) => Ok(None),
            (None, Some(_)) => Err(malformed("the server's row has no status")),
        };
        let row = match found.remove(id) {
            None => row,
            Some(old) => same(old, row),
        };
        found.insert(id, row);
    }
    if found.len() < ids.len() && (strangers || cut) {
        // Whoever answers with other servers has not understood the question: absence proves nothing here.
        return Ok(None);
    }
    Ok(Some(ids.iter().map(|id| (*id, found.remove(id).unwrap_or(Ok(None)))).collect()))
}

fn same(old: Row, new: Row) -> Row {
    match (old, new) {
        (Ok(Some(old)), Ok(Some(new))) if old.status == new.status && old.task_state == new.task_state => Ok(Some(new)),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
        _ => Err(malformed("the answer has the server twice, in different states")),
    }
}

async fn one_by_one<'i>(api: &dyn Api, account: &Account, project: &str, ids: &[&'i str]) -> Vec<(&'i str, Row)> {
    let read = |id: &'i str| async move {
        let url = below(&account.endpoints.ecs, &["v1", project, "cloudservers", id], &[]);
        match api.read(WireRequest::new(Method::GET, url, SHOW)).await {
            Ok(answer) => answer.parse::<ServerAnswer>().and_then(|answer| match answer.server {
                server if server.id != id => Err(malformed("the answer is about another server")),
                server if server.status.is_none() => Err(malformed("the server has no status")),
                server => Ok(Some(server)),
            }),
            Err(fault) if is_absence(&fault) => Ok(None),
            Err(fault) => Err(fault),
        }
    };
    let mut all: Vec<(&'i str, Row)> = Vec::with_capacity(ids.len());
    let mut ids = ids.iter().copied();
    let Some(first) = ids.next() else { return all };
    let row = read(first).await;
    if let Err(fault) = &row {
        // What is wrong with the call itself need not be asked a hundred times.
        return std::iter::once(first).chain(ids).map(|id| (id, Err(fault.clone()))).collect();
    }
    all.push((first, row));
    let rest: Vec<&'i str> = ids.collect();
    for group in rest.chunks(SIDE_BY_SIDE) {
        all.extend(join_all(group.iter().map(|id| async { (*id, read(id).await) })).await);
    }
    all
}

/// Whether the service says that there is no such thing; a gateway without such a call says nothing about it.
fn is_absence(fault: &ReadFault) -> bool {
    fault.class == FaultClass::NotFound && !fault.error.code.as_deref().is_some_and(|code| code.starts_with("APIG"))
}

/// A server that was read before its job ended may still show its old state: then it is read once more.
async fn after_job(api: &dyn Api, account: &Account, id: &ServerId, seen: Seen) -> Seen {
    let done = match seen {
        Seen::Here(seen) if seen.handle == Some(HandleState::Done) => seen.handle,
        other => return other,
    };
    match rows(api, account, &[id.as_str()]).await.pop() {
        Some((_, Ok(Some(server)))) => {
            let seen = observation(&server, server.status.as_deref().unwrap_or_default());
            Seen::Here(Observation { handle: done, ..seen })
        }
        Some((_, Err(fault))) => Seen::Fault(fault),
        _ => Seen::Absent,
    }
}

/// Looks at servers, and at the jobs of those that have one.
pub(super) async fn observe(api: &dyn Api, account: &Account, watches: &[Watch]) -> Vec<(ServerId, Seen)> {
    let mut asked = HashSet::new();
    let watches: Vec<&Watch> = watches.iter().filter(|watch| asked.insert(&watch.id)).collect();
    let ids: Vec<&str> = watches.iter().map(|watch| watch.id.as_str()).collect();
    let mut looked: Vec<(&Watch, Seen)> = Vec::with_capacity(watches.len());
    for (watch, (_, row)) in watches.into_iter().zip(rows(api, account, &ids).await) {
        let seen = match row {
            Ok(Some(server)) => Seen::Here(observation(&server, server.status.as_deref().unwrap_or_default())),
            Ok(None) => Seen::Absent,
            Err(fault) => Seen::Fault(fault),
        };
        looked.push((watch, seen));
    }
    let mut all = Vec::with_capacity(looked.len());
    let mut looked = looked.into_iter().peekable();
    while looked.peek().is_some() {
        let group: Vec<_> = looked.by_ref().take(SIDE_BY_SIDE).collect();
        all.extend(
            join_all(group.into_iter().map(|(watch, seen)| async {
                let seen = match (seen, watch.ticket.as_deref()) {
                    (Seen::Here(seen), Some(ticket)) => {
                        let seen = with_job(api, account, &watch.id, ticket, seen).await;
                        after_job(api, account, &watch.id, seen).await
                    }
                    (seen, _) => seen,
                };
                (watch.id.clone(), seen)
            }))
            .await,
        );
    }
    all
}

async fn with_job(api: &dyn Api, account: &Account, id: &ServerId, ticket: &str, mut seen: Observation) -> Seen {
    match job(api, account, id, ticket).await {
        Ok(Some((state, error))) => {
            if state == HandleState::Failed {
                seen.error = error.or(seen.error);
            }
            seen.handle = Some(state);
            Seen::Here(seen)
        }
        // How long a job can be read is not documented; without it the server's own state is left.
        Ok(None) => Seen::Here(seen),
        Err(fault) => Seen::Fault(fault),
    }
}

async fn job(
    api: &dyn Api,
    account: &Account,
    id: &ServerId,
    ticket: &str,
) -> Result<Option<(HandleState, Option<ApiError>)>, ReadFault> {
    let url = below(&account.endpoints.ecs, &["v1", account.project()?, "jobs", ticket], &[]);
    let answer = match api.read(WireRequest::new(Method::GET, url, JOB)).await {
        Ok(answer) => answer,
        Err(fault) if is_absence(&fault) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let job: Job = answer.parse()?;
    let Some(status) = &job.status else {
        // Code and message at the top mean that the question failed, not the job.
        return Err(fault::read_fault(&answer).unwrap_or_else(|| malformed("the job has no status")));
    };
    let server = job.entities.as_ref().and_then(|entities| entities.server_id.as_deref());
    if job.job_id.as_deref().is_some_and(|job| job != ticket) || server.is_some_and(|server| server != id.as_str()) {
        return Err(malformed("the answer is about another job"));
    }
    Ok(Some(match status.to_ascii_uppercase().as_str() {
        "SUCCESS" => (HandleState::Done, None),
        "FAIL" => (HandleState::Failed, Some(job_error(&job))),
        _ => (HandleState::Working, None),
    }))
}

/// The deepest failed part tells most.
fn job_error(job: &Job) -> ApiError {
    let parts = job.entities.iter().flat_map(|entities| entities.sub_jobs.iter().flatten());
    let failed = |part: &&Job| part.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("FAIL"));
    if let Some(part) = parts.into_iter().find(failed) {
        return job_error(part);
    }
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let message = text(&job.fail_reason)
        .or_else(|| text(&job.entities.as_ref()?.errorcode_message))
        .unwrap_or_else(|| "the job failed and does not say why".to_owned());
    ApiError::from_provider(&FaultClass::Server, text(&job.error_code), message, None)
        .advise("a failed reinstall may be ordered again; after a second failure ask the provider's support")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_mean_what_the_documentation_says() {
        let table = [
            ("ACTIVE", None, Phase::Running),
            ("active", Some(""), Phase::Running),
            ("ACTIVE", Some("powering-off"), Phase::Changing),
            ("ACTIVE", Some("rebuild_spawning"), Phase::Installing),
            ("SHUTOFF", None, Phase::Stopped),
            ("SHUTOFF", Some("powering-on"), Phase::Changing),
            ("REBUILD", Some("rebuilding"), Phase::Installing),
            ("REBUILD", None, Phase::Installing),
            ("BUILD", None, Phase::Changing),
            ("HARD_REBOOT", None, Phase::Changing),
            ("SHELVED", None, Phase::Changing),
            ("ERROR", None, Phase::Failed),
            ("DELETED", None, Phase::Gone),
            ("UNKNOWN", None, Phase::Unknown),
            ("ACTIVE_SOON", None, Phase::Unknown),
            ("", None, Phase::Unknown),
        ];
        for (status, task, expected) in table {
            assert_eq!(phase(status, task), expected, "{status} {task:?}");
        }
    }
}
