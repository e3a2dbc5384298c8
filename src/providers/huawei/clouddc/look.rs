//! Reads of instances, and what their words mean in both generations of the interface.
//!
//! Source: CloudDC API reference, ListInstances and ShowInstanceStatus of 2025 and 2026.

use crate::model::{ApiError, FaultClass, Observation, Operation, Phase, Record, Ref, Seen, ServerId, Watch};
use crate::providers::huawei::account::Account;
use crate::providers::huawei::endpoints::below;
use crate::providers::huawei::images::PAGES;
use crate::providers::huawei::wire::{Instance, InstanceList};
use crate::wire::{Api, ReadFault, WireRequest};
use futures_util::future::join_all;
use http::Method;
use std::collections::{BTreeMap, HashSet};
use url::Url;

const LIST: &str = "GET /v1/{project_id}/instances";
/// Ids in one call.
const IDS: usize = 100;
/// Reads under way at one time.
const SIDE_BY_SIDE: usize = 8;

fn malformed(what: &str) -> ReadFault {
    ReadFault::malformed(what.to_owned())
}

/// What state and operation state mean together; the operation says more while it is under way.
fn phase(state: &str, operation: Option<&str>) -> Phase {
    let operation = operation.map(str::to_ascii_lowercase);
    let operation = operation.as_deref().unwrap_or_default();
    match (state.to_ascii_lowercase().as_str(), operation) {
        // The name was misspelt in the SDKs of 2025.
        ("shutting-down" | "terminated" | "teminated", _) => Phase::Gone,
        (_, "reinstall-processing") => Phase::Installing,
        (_, "install-processing" | "switch-install-processing" | "modify-ip-processing" | "uninstall-processing") => {
            Phase::Changing
        }
        ("failed" | "error", _) | ("running" | "stopped", "reinstall-failed") => Phase::Failed,
        // The reinstall page of every version names `pending` for a reinstall under way.
        ("pending" | "reinstalling", _) => Phase::Installing,
        ("running", _) => Phase::Running,
        ("stopped", _) => Phase::Stopped,
        ("stopping" | "modifyiping" | "switch-installing", _) => Phase::Changing,
        _ => Phase::Unknown,
    }
}

fn state(instance: &Instance) -> Option<&str> {
    instance.state.as_deref().or(instance.status.as_deref())
}

fn observation(instance: &Instance, state: &str) -> Observation {
    let operation = instance.operation_state.as_deref().filter(|word| !word.is_empty());
    let mut seen = Observation::of(state, phase(state, operation));
    seen.operation = operation.map(|word| Operation {
        word: word.to_owned(),
        reinstall: word.to_ascii_lowercase().starts_with("reinstall-"),
    });
    seen.image = instance.image.as_ref().and_then(|image| image.id.clone()).filter(|id| !id.is_empty());
    for (mark, value) in [("image", &seen.image), ("launched_at", &instance.launched_at)] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            seen.marks.insert(mark.to_owned(), value.clone());
        }
    }
    seen.error = instance.error.as_ref().and_then(|error| {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (code, message, kind) = (text(&error.error_code), text(&error.error_msg), text(&error.error_type));
        if code.is_none() && message.is_none() && kind.is_none() {
            return None;
        }
        let message = match (message, kind) {
            (Some(message), Some(kind)) => format!("{kind}: {message}"),
            (Some(text), None) | (None, Some(text)) => text,
            (None, None) => "no text".to_owned(),
        };
        Some(ApiError::from_provider(&FaultClass::Server, code, message, None))
    });
    seen
}

fn record(instance: Instance) -> Result<Record, ReadFault> {
    let id = ServerId::new(&instance.id).map_err(|_| malformed("an instance in the list has no usable id"))?;
    let Some(state) = state(&instance) else { return Err(malformed("an instance in the list has no state")) };
    let seen = observation(&instance, state);
    let mut attributes = BTreeMap::new();
    if let Some(server) = instance.server_id.clone().filter(|id| !id.is_empty()) {
        attributes.insert("server_id".to_owned(), server);
    }
    Ok(Record {
        id,
        addresses: instance.addresses(),
        name: instance.name,
        zone: None,
        model: None,
        image_name: instance.image.and_then(|image| image.name),
        seen,
        attributes,
    })
}

/// Reads the list with this filter, every page; an instance may stand in it twice.
async fn read(
    api: &dyn Api,
    account: &Account,
    endpoint: &Url,
    filter: Option<&str>,
) -> Result<Vec<Instance>, ReadFault> {
    let project = account.project()?;
    let limit = if filter.is_some() { "100" } else { "1000" };
    let mut all = Vec::new();
    let mut markers: HashSet<String> = HashSet::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = vec![("limit", limit)];
        if let Some(ids) = filter {
            query.push(("instance_id", ids));
        }
        if let Some(marker) = &marker {
            query.push(("marker", marker));
        }
        let url = below(endpoint, &["v1", project, "instances"], &query);
        let page: InstanceList = api.read(WireRequest::new(Method::GET, url, LIST)).await?.parse()?;
        let empty = page.instances.is_empty();
        all.extend(page.instances);
        match page.page_info.and_then(|info| info.next()) {
            None => return Ok(all),
            Some(_) if empty => return Ok(all),
            Some(next) if !markers.insert(next.clone()) => {
                return Err(malformed("the list of instances repeats a page before its end"));
            }
            Some(next) => marker = Some(next),
        }
    }
    Err(malformed("the list of instances does not end"))
}

/// Reads every instance, every page.
pub(super) async fn list(api: &dyn Api, account: &Account, endpoint: &Url) -> Result<Vec<Record>, ReadFault> {
    let mut found: BTreeMap<String, Instance> = BTreeMap::new();
    for instance in read(api, account, endpoint, None).await? {
        found.entry(instance.id.clone()).or_insert(instance);
    }
    found.into_values().map(record).collect()
}

/// Reads what the references may mean: ids by id, anything else out of the whole list.
pub(super) async fn find(
    api: &dyn Api,
    account: &Account,
    endpoint: &Url,
    refs: &[Ref],
) -> Result<Vec<Record>, ReadFault> {
    let ids: Option<Vec<&str>> = refs
        .iter()
        .map(|reference| match reference {
            Ref::Id(id) => Some(id.as_str()),
            Ref::Name(_) | Ref::Ip(_) => None,
        })
        .collect();
    let Some(ids) = ids else { return list(api, account, endpoint).await };
    let mut found: BTreeMap<String, Instance> = BTreeMap::new();
    for (_, instances) in by_ids(api, account, endpoint, &ids).await {
        for instance in instances? {
            if ids.contains(&instance.id.as_str()) {
                found.entry(instance.id.clone()).or_insert(instance);
            }
        }
    }
    found.into_values().map(record).collect()
}

/// What one read told of these ids.
type Told<'i> = (Vec<&'i str>, Result<Vec<Instance>, ReadFault>);

/// Reads instances by id, many in one call; each id is in exactly one of the answers.
async fn by_ids<'i>(api: &dyn Api, account: &Account, endpoint: &Url, ids: &[&'i str]) -> Vec<Told<'i>> {
    let mut told: Vec<Told<'i>> = Vec::new();
    for chunk in ids.chunks(IDS) {
        match read(api, account, endpoint, Some(&chunk.join(","))).await {
            // One unknown id may refuse the whole call: then each is asked for alone.
            Err(fault) if is_absence(&fault) && chunk.len() > 1 => {
                for group in chunk.chunks(SIDE_BY_SIDE) {
                    let one = |id: &'i str| async move { (vec![id], one(api, account, endpoint, id).await) };
                    told.extend(join_all(group.iter().map(|id| one(id))).await);
                }
            }
            Err(fault) if is_absence(&fault) => told.push((chunk.to_vec(), Ok(Vec::new()))),
            answer => told.push((chunk.to_vec(), answer)),
        }
    }
    told
}

async fn one(api: &dyn Api, account: &Account, endpoint: &Url, id: &str) -> Result<Vec<Instance>, ReadFault> {
    match read(api, account, endpoint, Some(id)).await {
        Err(fault) if is_absence(&fault) => Ok(Vec::new()),
        answer => answer,
    }
}

/// Whether the service says that it does not know the ids; a gateway without the call does not say that.
fn is_absence(fault: &ReadFault) -> bool {
    fault.class == FaultClass::NotFound && fault.error.code.as_deref() == Some("iMetal.0200")
}

/// Looks at instances, many in one call.
pub(super) async fn observe(
    api: &dyn Api,
    account: &Account,
    endpoint: &Url,
    watches: &[Watch],
) -> Vec<(ServerId, Seen)> {
    let mut asked = HashSet::new();
    let watches: Vec<&Watch> = watches.iter().filter(|watch| asked.insert(&watch.id)).collect();
    let ids: Vec<&str> = watches.iter().map(|watch| watch.id.as_str()).collect();
    let told = by_ids(api, account, endpoint, &ids).await;
    let look = |id: &ServerId| match told.iter().find(|(ids, _)| ids.contains(&id.as_str())) {
        Some((asked, Ok(instances))) => seen(id, asked, instances),
        Some((_, Err(fault))) => Seen::Fault(fault.clone()),
        None => Seen::Fault(malformed("the instance was not asked for")),
    };
    watches.iter().map(|watch| (watch.id.clone(), look(&watch.id))).collect()
}

fn seen(id: &ServerId, asked: &[&str], instances: &[Instance]) -> Seen {
    let mut found: Option<Observation> = None;
    for instance in instances.iter().filter(|instance| instance.id == id.as_str()) {
        let Some(state) = state(instance) else { return Seen::Fault(malformed("the instance has no state")) };
        let new = observation(instance, state);
        if found.as_ref().is_some_and(|old| !old.same_state(&new)) {
            return Seen::Fault(malformed("the answer has the instance twice, in different states"));
        }
        found = Some(new);
    }
    match found {
        Some(found) => Seen::Here(found),
        // An answer about other instances is no answer to this question.
        None if instances.iter().any(|instance| !asked.contains(&instance.id.as_str())) => {
            Seen::Fault(malformed("the answer names instances that were not asked for"))
        }
        None => Seen::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_of_states_are_known() {
        let table = [
            ("running", None, Phase::Running),
            ("running", Some("install-succeed"), Phase::Running),
            ("running", Some("reinstall-succeed"), Phase::Running),
            ("running", Some("reinstall-processing"), Phase::Installing),
            ("running", Some("reinstall-failed"), Phase::Failed),
            ("running", Some("modify-ip-failed"), Phase::Running),
            ("running", Some("modify-ip-processing"), Phase::Changing),
            ("error", Some("reinstall-processing"), Phase::Installing),
            ("error", Some("reinstall-failed"), Phase::Failed),
            ("failed", None, Phase::Failed),
            ("pending", None, Phase::Installing),
            ("pending", Some("install-processing"), Phase::Changing),
            ("reinstalling", None, Phase::Installing),
            ("stopped", None, Phase::Stopped),
            ("stopped", Some("reinstall-processing"), Phase::Installing),
            ("stopping", None, Phase::Changing),
            ("switch-installing", None, Phase::Changing),
            ("modifyIping", None, Phase::Changing),
            ("shutting-down", Some("uninstall-processing"), Phase::Gone),
            ("terminated", None, Phase::Gone),
            ("teminated", None, Phase::Gone),
            ("RUNNING", None, Phase::Running),
            ("runningly", None, Phase::Unknown),
            ("", None, Phase::Unknown),
        ];
        for (state, operation, expected) in table {
            assert_eq!(phase(state, operation), expected, "{state} {operation:?}");
        }
    }
}
