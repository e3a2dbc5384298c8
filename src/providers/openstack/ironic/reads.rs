//! Reading nodes: one by its UUID, many from the list, page by page.

use super::calls::{self, HISTORY, NODE, NODES};
use super::look;
use super::wire::{Glance, History, Node, Page, Watched};
use crate::model::{ApiError, FaultClass, Image, Observation, Phase, Record, Seen, ServerId, Watch};
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use url::Url;

/// Pages after which a list cannot be true any more.
const MOST_PAGES: usize = 200;
/// Rows of a page: the service's own limit.
const PAGE_SIZE: &str = "1000";

/// Attributes that a plan reads beside those of a look.
pub(super) const OWNED_BY: &str = "instance_uuid";
/// `instance_info` without its secrets: which fields of an image are there.
pub(super) const INFO: &str = "instance_info";

/// Versions with which nodes are read: the newest of these that the service has.
///
/// 1.48 has `protected`; that 1.66 has `network_data` and 1.8 a choice of fields is inferred.
const LEVELS: [u32; 3] = [66, 48, 8];

/// The version that brought a node's history.
const HISTORY_SINCE: u32 = 78;

/// What the service can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// The newest version's second number.
    pub(super) newest: u32,
    /// The one that reads use.
    pub(super) reading: u32,
}

impl Level {
    /// Chooses the version for reads; `None` if the service is older than all of them.
    pub(super) fn of(newest: u32) -> Option<Self> {
        let reading = LEVELS.into_iter().find(|level| *level <= newest)?;
        Some(Self { newest, reading })
    }

    fn glance(self) -> Vec<&'static str> {
        let mut fields = vec![
            "uuid",
            "provision_state",
            "power_state",
            "last_error",
            "provision_updated_at",
            "maintenance",
            "maintenance_reason",
            "reservation",
            "instance_info",
        ];
        if self.reading >= 48 {
            fields.extend(["protected", "protected_reason"]);
        }
        fields
    }

    fn record(self) -> Vec<&'static str> {
        let mut fields = self.glance();
        fields.extend(["name", "instance_uuid", "driver_info"]);
        if self.reading >= 48 {
            fields.push("resource_class");
        }
        if self.reading >= 66 {
            fields.push("network_data");
        }
        fields
    }
}

/// Ids that can be nodes: other words in this place of a path mean something else, such as `detail`.
fn is_uuid(id: &ServerId) -> bool {
    uuid::Uuid::try_parse(id.as_str()).is_ok_and(|uuid| uuid.hyphenated().to_string().eq_ignore_ascii_case(id.as_str()))
}

async fn one<T: DeserializeOwned>(
    api: &dyn Api,
    base: &Url,
    level: Level,
    fields: &[&str],
    id: &ServerId,
) -> Result<Option<T>, ReadFault> {
    if !is_uuid(id) {
        return Ok(None);
    }
    let mut request = calls::call(base, Method::GET, &["nodes", id.as_str()], level.reading, NODE);
    request.url.query_pairs_mut().append_pair("fields", &fields.join(","));
    match api.read(request).await {
        Ok(answer) => answer.parse().map(Some),
        Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn page_call(base: &Url, level: Level, fields: &[&str], marker: Option<&str>) -> WireRequest {
    let mut request = calls::call(base, Method::GET, &["nodes"], level.reading, NODES);
    let fields = fields.join(",");
    let pairs = [("fields", Some(fields.as_str())), ("limit", Some(PAGE_SIZE)), ("marker", marker)];
    request.url.query_pairs_mut().extend_pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))));
    request
}

async fn all<T: DeserializeOwned>(
    api: &dyn Api,
    base: &Url,
    level: Level,
    fields: &[&str],
    id: fn(&T) -> Option<&str>,
) -> Result<Vec<T>, ReadFault> {
    let mut rows: Vec<T> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut marker: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = page_call(base, level, fields, marker.as_deref());
        let page: Page<T> = api.read(request).await?.parse()?;
        let fresh = page.nodes.ok_or_else(|| ReadFault::malformed("the answer has no `nodes`".to_owned()))?;
        for row in &fresh {
            let id = id(row)
                .filter(|id| !id.is_empty())
                .ok_or_else(|| ReadFault::malformed("a row of the list has no uuid".to_owned()))?;
            if !known.insert(id.to_owned()) {
                return Err(ReadFault::malformed(format!("the list has node {id} twice")));
            }
            marker = Some(id.to_owned());
        }
        let empty = fresh.is_empty();
        rows.extend(fresh);
        // The next page's address is not followed: only that there is one counts, and we ask by the last row.
        match page.next {
            None => return Ok(rows),
            Some(_) if empty => {
                return Err(ReadFault::malformed("an empty page of the list has a next one".to_owned()));
            }
            Some(_) => {}
        }
    }
    Err(ReadFault::malformed(format!("the list has more than {MOST_PAGES} pages")))
}

/// Reads nodes by their UUIDs; unknown ones are absent.
pub(super) async fn by_ids(
    api: &dyn Api,
    base: &Url,
    level: Level,
    ids: &[&ServerId],
) -> Result<Vec<Record>, ReadFault> {
    let mut records = Vec::new();
    for id in ids {
        if let Some(node) = one::<Node>(api, base, level, &level.record(), id).await? {
            records.push(record(node)?);
        }
    }
    Ok(records)
}

/// Reads every node.
pub(super) async fn list(api: &dyn Api, base: &Url, level: Level) -> Result<Vec<Record>, ReadFault> {
    let nodes = all::<Node>(api, base, level, &level.record(), |node| node.uuid.as_deref()).await?;
    nodes.into_iter().map(record).collect()
}

/// Looks at one node by its UUID, at several through the list; each is told of once.
pub(super) async fn observe(api: &dyn Api, base: &Url, level: Level, watches: &[Watch]) -> Vec<(ServerId, Seen)> {
    let mut asked = BTreeSet::new();
    let watches: Vec<&Watch> = watches.iter().filter(|watch| asked.insert(watch.id.as_str())).collect();
    let fields = level.glance();
    let rows = match watches.as_slice() {
        [] => return Vec::new(),
        [watch] => one(api, base, level, &fields, &watch.id).await.map(|row| row.into_iter().collect()),
        _ => all::<Watched>(api, base, level, &fields, |row| row.uuid.as_deref()).await,
    };
    let single = watches.len() == 1;
    let mut reasons = BTreeMap::new();
    for row in rows.iter().flatten() {
        let id = row.uuid.as_deref().unwrap_or_default();
        let asked = watches.iter().find(|watch| watch.id.as_str() == id);
        if let Some(watch) = asked.filter(|_| level.newest >= HISTORY_SINCE && is_untold(&row.glance))
            && let Some(reason) = history(api, base, &watch.id, &row.glance).await
        {
            reasons.insert(id.to_owned(), reason);
        }
    }
    let told = |watch: &Watch| match &rows {
        Err(fault) => Seen::Fault(fault.clone()),
        Ok(rows) => match rows.iter().find(|row| row.uuid.as_deref() == Some(watch.id.as_str())) {
            Some(row) => match (seen(&row.glance), reasons.get(watch.id.as_str())) {
                (Seen::Here(seen), Some(reason)) => Seen::Here(Observation { error: Some(reason.clone()), ..seen }),
                (seen, _) => seen,
            },
            // An answer about another node is not an answer to this question.
            None if single && !rows.is_empty() => {
                Seen::Fault(ReadFault::malformed("the answer is not about the node that was asked for".to_owned()))
            }
            None => Seen::Absent,
        },
    };
    watches.iter().map(|&watch| (watch.id.clone(), told(watch))).collect()
}

/// Whether a deployment failed and the service has forgotten why: it does when it next compares the power state.
fn is_untold(glance: &Glance) -> bool {
    matches!(observed(glance), Ok(Observation { phase: Phase::Failed, error: None, .. }))
}

/// What the node's history says of it; a look without that is still a look.
async fn history(api: &dyn Api, base: &Url, id: &ServerId, glance: &Glance) -> Option<ApiError> {
    let path = ["nodes", id.as_str(), "history"];
    let request = calls::call(base, Method::GET, &path, HISTORY_SINCE, HISTORY);
    let history: History = api.read(request).await.ok()?.parse().ok()?;
    look::remembered(glance, &history.history?)
}

fn seen(glance: &Glance) -> Seen {
    match observed(glance) {
        Ok(seen) => Seen::Here(seen),
        Err(fault) => Seen::Fault(fault),
    }
}

fn observed(glance: &Glance) -> Result<Observation, ReadFault> {
    let word = glance.provision_state.as_deref().filter(|word| !word.trim().is_empty());
    let word = word.ok_or_else(|| ReadFault::malformed("the node has no provision_state".to_owned()))?;
    Ok(look::observation(glance, word))
}

/// A node as a record.
pub(super) fn record(node: Node) -> Result<Record, ReadFault> {
    let id = ServerId::new(node.uuid.as_deref().unwrap_or_default())
        .map_err(|bad| ReadFault::malformed(format!("a node has no usable uuid: {bad}")))?;
    let mut attributes = BTreeMap::new();
    if let Some(owner) = node.instance_uuid.clone().filter(|owner| !owner.is_empty()) {
        attributes.insert(OWNED_BY.to_owned(), owner);
    }
    // Which fields of an image there are: their names alone, since other fields hold masked secrets.
    let info = node.glance.instance_info.clone().unwrap_or_default();
    let names: Vec<&str> =
        super::fields::OF_IMAGE.into_iter().filter(|name| info.get(*name).is_some_and(|v| !v.is_null())).collect();
    attributes.insert(INFO.to_owned(), names.join(","));
    Ok(Record {
        id,
        name: node.name.clone().filter(|name| !name.is_empty()),
        addresses: addresses(&node),
        zone: None,
        model: node.resource_class.clone(),
        image_name: info.get("image_display_name").and_then(Value::as_str).map(str::to_owned),
        seen: observed(&node.glance)?,
        attributes,
    })
}

/// Addresses: those of the node's own `network_data`, then its management controller's.
fn addresses(node: &Node) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut take = |text: &str| {
        let text = text.split('/').next().unwrap_or_default().trim_matches(['[', ']']);
        if text.parse::<IpAddr>().is_ok() && !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
        }
    };
    let networks = node.network_data.as_ref().and_then(|data| data["networks"].as_array());
    for network in networks.into_iter().flatten() {
        take(network["ip_address"].as_str().unwrap_or_default());
    }
    let empty = Map::new();
    let info = node.driver_info.as_ref().unwrap_or(&empty);
    for name in
        ["redfish_address", "ipmi_address", "drac_address", "ilo_address", "irmc_address", "xclarity_manager_ip"]
    {
        let text = info.get(name).and_then(Value::as_str).unwrap_or_default();
        match Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)) {
            Some(host) => take(&host),
            None => take(text),
        }
    }
    found
}

/// The images that nodes have now: the service itself knows no list of images.
pub(super) fn images(records: &[Record]) -> Vec<Image> {
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    for record in records {
        if let Some(id) = &record.seen.image {
            let name = known.entry(id.clone()).or_default();
            *name = name.take().or_else(|| record.image_name.clone());
        }
    }
    known
        .into_iter()
        .map(|(id, name)| Image { id, name, os: None, offered_for: Some("set on a node now".to_owned()) })
        .collect()
}
