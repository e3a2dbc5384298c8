//! Reading lists: paging that is complete and bounded, and looks at many servers in one request.

use super::calls::{self, Account, KEYS, Service};
use super::wire::{KeyPairRow, Page};
use crate::model::{FaultClass, KeyPair, Observation, Phase, Record, Ref, Seen, ServerId, Watch};
use crate::wire::{Api, ReadFault, Reading};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};

/// Ids that one `DescribeInstances` takes.
pub(super) const MOST_IDS: usize = 100;
/// Rows of a page; the provider allows 1000, its own tools ask for this many.
const PAGE_SIZE: usize = 100;
/// Pages after which a list cannot be true any more.
const MOST_PAGES: usize = 200;

/// A row of a list.
pub(super) trait Row: DeserializeOwned + Send {
    /// The provider's id of what it describes.
    fn id(&self) -> Option<&str>;
}

/// A row that shows how a server is doing.
pub(super) trait Glance: Row {
    /// The status word.
    fn status(&self) -> Option<&str>;
    /// Id of the installed image.
    fn image(&self) -> Option<&str>;
}

impl Row for KeyPairRow {
    fn id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

/// Reads every page of a list; `filter` holds the call's other fields.
///
/// The end is where as many rows came as `totalCount` says. A list that ends before, or that repeats itself,
/// is a fault: a server must never be lost from view by half a list.
pub(super) fn pages<'a, T: Row + 'a>(
    api: &'a dyn Api,
    account: &'a Account,
    service: Service,
    action: &'static str,
    filter: Map<String, Value>,
) -> Reading<'a, Vec<T>> {
    Box::pin(async move {
        let mut rows: Vec<T> = Vec::new();
        let mut known: HashSet<String> = HashSet::new();
        for number in 1..=MOST_PAGES {
            let mut body = filter.clone();
            body.insert("pageNum".to_owned(), number.into());
            body.insert("pageSize".to_owned(), PAGE_SIZE.into());
            let answer = api.read(account.call(service, action, &Value::Object(body))).await?;
            let page: Page<T> = calls::inner(&answer)?;
            let fresh = match (page.data_set, page.total_count) {
                (Some(fresh), _) => fresh,
                (None, Some(0)) => Vec::new(),
                (None, _) => return Err(ReadFault::malformed("the answer has no `dataSet`".to_owned())),
            };
            if page.total_count == Some(0) && !fresh.is_empty() {
                return Err(ReadFault::malformed("the list has rows, and counts none".to_owned()));
            }
            let count = fresh.len();
            let mut news = false;
            for row in &fresh {
                let id = row
                    .id()
                    .filter(|id| !id.is_empty())
                    .ok_or_else(|| ReadFault::malformed("a row of the list has no id".to_owned()))?;
                news |= known.insert(id.to_owned());
            }
            rows.extend(fresh);
            let done = match page.total_count {
                Some(total) => u64::try_from(rows.len()).is_ok_and(|have| have >= total),
                None => count < PAGE_SIZE,
            };
            if done {
                return Ok(rows);
            }
            if !news {
                return Err(ReadFault::malformed("the list ends before its own count, or repeats a page".to_owned()));
            }
        }
        Err(ReadFault::malformed(format!("the list has more than {MOST_PAGES} pages")))
    })
}

/// Reads servers by id, in as many requests as that takes; unknown ones are absent.
pub(super) async fn by_ids<T: Row>(
    api: &dyn Api,
    account: &Account,
    service: Service,
    ids: &[&ServerId],
) -> Result<Vec<T>, ReadFault> {
    let mut rows = Vec::new();
    // Bad ids are looked for by halves: one unknown server must not hide the others.
    let mut chunks: Vec<&[&ServerId]> = ids.chunks(MOST_IDS).collect();
    while let Some(chunk) = chunks.pop() {
        match pages(api, account, service, "DescribeInstances", id_filter(chunk)).await {
            Ok(more) => rows.extend(more),
            Err(fault) if unknown_server(&fault) && chunk.len() == 1 => {}
            Err(fault) if unknown_server(&fault) => {
                let (left, right) = chunk.split_at(chunk.len() / 2);
                chunks.extend([left, right]);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(rows)
}

/// The ids, where every reference is one. Names and addresses are looked for in the whole list: the filters
/// for them are partly fuzzy and partly undocumented, and a filter that misses would lose a server from view.
pub(super) fn ids_of(refs: &[Ref]) -> Option<Vec<&ServerId>> {
    refs.iter()
        .map(|reference| match reference {
            Ref::Id(id) => Some(id),
            Ref::Name(_) | Ref::Ip(_) => None,
        })
        .collect()
}

/// Whether the provider says that it does not know a server; other things that are not found (a resource
/// group, a call) say nothing of servers.
fn unknown_server(fault: &ReadFault) -> bool {
    let code = fault.error.code.as_deref().unwrap_or_default().to_ascii_uppercase().replace('.', "_");
    fault.class == FaultClass::NotFound
        && ["INSTANCE_NOT_FOUND", "RESOURCE_NOT_FOUND"].iter().any(|end| code.ends_with(end))
}

fn id_filter(ids: &[&ServerId]) -> Map<String, Value> {
    let names: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    Map::from_iter([("instanceIds".to_owned(), json!(names))])
}

/// Looks at servers, up to 100 a request: one entry for each that was asked for.
pub(super) async fn observe<T: Glance>(
    api: &dyn Api,
    account: &Account,
    service: Service,
    observation: fn(&str, Option<&str>) -> Observation,
    watches: &[Watch],
) -> Vec<(ServerId, Seen)> {
    let mut asked: Vec<&ServerId> = Vec::with_capacity(watches.len());
    for watch in watches {
        if !asked.contains(&&watch.id) {
            asked.push(&watch.id);
        }
    }
    let mut seen = Vec::with_capacity(asked.len());
    let mut chunks: Vec<&[&ServerId]> = asked.chunks(MOST_IDS).rev().collect();
    while let Some(chunk) = chunks.pop() {
        match pages::<T>(api, account, service, "DescribeInstances", id_filter(chunk)).await {
            Ok(rows) => seen.extend(sort_out(&rows, chunk, observation)),
            Err(fault) if unknown_server(&fault) && chunk.len() == 1 => {
                seen.push((chunk[0].clone(), Seen::Absent));
            }
            Err(fault) if unknown_server(&fault) => {
                let (left, right) = chunk.split_at(chunk.len() / 2);
                chunks.extend([right, left]);
            }
            Err(fault) => seen.extend(chunk.iter().map(|&id| (id.clone(), Seen::Fault(fault.clone())))),
        }
    }
    seen
}

fn sort_out<T: Glance>(
    rows: &[T],
    asked: &[&ServerId],
    observation: fn(&str, Option<&str>) -> Observation,
) -> Vec<(ServerId, Seen)> {
    let garbled = |text: &str| Seen::Fault(ReadFault::malformed(text.to_owned()));
    let foreign = rows.iter().any(|row| !asked.iter().any(|id| row.id() == Some(id.as_str())));
    asked
        .iter()
        .map(|&id| {
            let mut found = rows.iter().filter(|row| row.id() == Some(id.as_str()));
            let seen = match found.next() {
                // An answer about other servers is not an answer to this question.
                None if foreign => garbled("the answer names servers that were not asked for"),
                None => Seen::Absent,
                Some(first) if found.any(|other| other.status() != first.status()) => {
                    garbled("the answer has this server twice with different statuses")
                }
                Some(first) => match first.status().filter(|word| !word.trim().is_empty()) {
                    Some(word) => Seen::Here(observation(word, first.image())),
                    None => garbled("the answer has no status for this server"),
                },
            };
            (id.clone(), seen)
        })
        .collect()
}

/// An observation whose marks hold the image, the one attribute that both products certainly change.
pub(super) fn observation(word: &str, phase: Phase, image: Option<&str>) -> Observation {
    let mut seen = Observation::of(word, phase);
    if let Some(image) = image.filter(|id| !id.is_empty()) {
        seen.image = Some(image.to_owned());
        seen.marks = BTreeMap::from([(IMAGE_MARK.to_owned(), image.to_owned())]);
    }
    seen
}

/// The mark that a changed image changes.
pub(super) const IMAGE_MARK: &str = "imageId";

/// Removes rows that came twice, as they do when a list moves between two pages; two rows that differ are a fault.
pub(super) fn unique(records: Vec<Record>) -> Result<Vec<Record>, ReadFault> {
    let mut kept: BTreeMap<ServerId, Record> = BTreeMap::new();
    for record in records {
        match kept.get(&record.id) {
            Some(other) if !other.seen.same_state(&record.seen) => {
                return Err(ReadFault::malformed(format!(
                    "the list has server {} twice with different statuses",
                    record.id
                )));
            }
            Some(_) => {}
            None => {
                kept.insert(record.id.clone(), record);
            }
        }
    }
    Ok(kept.into_values().collect())
}

/// The id of a row as ours; a row whose id cannot be one is a fault of the whole list.
pub(super) fn server_id(text: Option<&str>) -> Result<ServerId, ReadFault> {
    ServerId::new(text.unwrap_or_default())
        .map_err(|bad| ReadFault::malformed(format!("a row of the list has no usable id: {bad}")))
}

/// Addresses in the order of use, each once.
pub(super) fn addresses(single: [Option<&String>; 2], lists: [Option<&Vec<String>>; 3]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for address in single.into_iter().flatten().chain(lists.into_iter().flatten().flatten()) {
        if !address.is_empty() && !all.contains(address) {
            all.push(address.clone());
        }
    }
    all
}

/// Reads the account's key pairs, which both products share.
pub(super) async fn keys(api: &dyn Api, account: &Account) -> Result<Vec<KeyPair>, ReadFault> {
    let rows: Vec<KeyPairRow> = pages(api, account, KEYS, "DescribeKeyPairs", Map::new()).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some(KeyPair { id: row.key_id?, name: row.key_name, fingerprint: None }))
        .collect())
}
