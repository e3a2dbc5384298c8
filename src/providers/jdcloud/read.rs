//! The reads: addresses, pages, and what an answer says of a server.

use super::Cps;
use super::wire::{
    Answer, Instance, InstancePage, InstanceRaid, KeypairPage, OneInstance, Os, OsList, Raid, RaidList, Row, Word,
};
use crate::model::{KeyPair, Observation, Phase, Record, Seen, ServerId};
use crate::wire::{Api, ReadFault, WireRequest};
use http::Method;
use std::collections::BTreeMap;
use url::Url;

/// Largest page that every version of the provider's pages allows.
pub(super) const PAGE: usize = 100;

/// More pages than any account has; an answer that never ends stops here.
const PAGES: usize = 200;

/// Pairs of a query.
pub(super) type Query = Vec<(String, String)>;

/// Rows of one page, and the count of all rows.
type Page<R> = (Option<Vec<R>>, Option<u64>);

/// Rows of all pages.
pub(super) struct Listing<R> {
    pub(super) rows: Vec<R>,
    /// Whether the provider's own count was reached. Without it an absent row proves nothing.
    pub(super) complete: bool,
}

impl<R> Listing<R> {
    /// The rows, if they are all there.
    fn whole(self, what: &str) -> Result<Vec<R>, ReadFault> {
        if self.complete {
            return Ok(self.rows);
        }
        Err(ReadFault::malformed(format!("the list of {what} ends before the count that the provider gives")))
    }
}

impl Cps {
    /// The address of a call below the region; segments and query are encoded.
    pub(super) fn url(&self, segments: &[&str], query: &[(String, String)]) -> Url {
        let mut url = self.base.clone();
        // Addresses that cannot take a path were refused when the product was made.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "regions", self.key.region()]).extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn fetch<T: serde::de::DeserializeOwned>(
        &self,
        api: &dyn Api,
        label: &'static str,
        segments: &[&str],
        query: &[(String, String)],
    ) -> Result<T, ReadFault> {
        let answer = api.read(WireRequest::new(Method::GET, self.url(segments, query), label)).await?;
        let document: Answer<T> = answer.parse()?;
        let request = document.request_id.as_ref().and_then(Word::text);
        let request = request.map(|id| format!(" (request {id})")).unwrap_or_default();
        match document.result {
            Some(result) if document.error.is_none() => Ok(result),
            Some(_) => Err(ReadFault::malformed(format!("the answer of {label} holds an unreadable error{request}"))),
            None => Err(ReadFault::malformed(format!("the answer of {label} has no result{request}"))),
        }
    }

    /// Reads every page of a list. `take` opens a page; `id` names a row.
    async fn pages<P: serde::de::DeserializeOwned, R>(
        &self,
        api: &dyn Api,
        label: &'static str,
        segment: &str,
        query: Query,
        take: fn(P) -> Page<R>,
        id: fn(&R) -> Option<&str>,
    ) -> Result<Listing<R>, ReadFault> {
        let mut rows: Vec<R> = Vec::new();
        let mut last_page: Vec<Option<String>> = Vec::new();
        for number in 1..=PAGES {
            let mut query = query.clone();
            query.push(("pageNumber".to_owned(), number.to_string()));
            query.push(("pageSize".to_owned(), PAGE.to_string()));
            let (page, total) = take(self.fetch(api, label, &[segment], &query).await?);
            let page = match page {
                Some(page) => page,
                None if total == Some(0) => Vec::new(),
                None => return Err(ReadFault::malformed(format!("the answer of {label} has no list"))),
            };
            if total == Some(0) && !page.is_empty() {
                return Err(ReadFault::malformed(format!("the list of {label} has entries, and counts none")));
            }
            let reached = |count: usize| total.is_none_or(|total| count as u64 >= total);
            if page.is_empty() {
                let complete = reached(rows.len());
                return Ok(Listing { rows, complete });
            }
            let names: Vec<Option<String>> = page.iter().map(|row| id(row).map(str::to_owned)).collect();
            if names == last_page {
                return Ok(Listing { rows, complete: false });
            }
            last_page = names;
            let short = page.len() < PAGE;
            rows.extend(page);
            if reached(rows.len()) && (total.is_some() || short) {
                return Ok(Listing { rows, complete: true });
            }
        }
        Ok(Listing { rows, complete: false })
    }

    async fn instances(&self, api: &dyn Api, query: Query) -> Result<Listing<Row>, ReadFault> {
        let take = |page: InstancePage| (page.instances, page.total_count);
        self.pages(api, "describeInstances", "instances", query, take, Row::id).await
    }

    /// Reads the servers that a query selects, each as a record.
    pub(super) async fn records(&self, api: &dyn Api, query: Query) -> Result<Vec<Record>, ReadFault> {
        let rows = self.instances(api, query).await?.whole("servers")?;
        let mut records = BTreeMap::new();
        for row in rows {
            let record = match &row {
                Row::Whole(instance) => record(instance),
                // It stays in view, in a state that no order is given in.
                Row::Named { instance_id } => ServerId::new(instance_id).ok().map(unreadable),
                Row::Garbled(_) => None,
            };
            let Some(record) = record else {
                return Err(ReadFault::malformed("the list of servers has an entry without a usable id".to_owned()));
            };
            records.entry(record.id.clone()).or_insert(record);
        }
        Ok(records.into_values().collect())
    }

    /// Reads one server.
    pub(super) async fn instance(&self, api: &dyn Api, id: &ServerId) -> Result<Instance, ReadFault> {
        let one: OneInstance = self.fetch(api, "describeInstance", &["instances", id.as_str()], &[]).await?;
        one.instance
            .filter(|instance| instance.instance_id == id.as_str())
            .ok_or_else(|| ReadFault::malformed(format!("the answer of describeInstance is not about {id}")))
    }

    /// Reads the RAID levels of one server.
    pub(super) async fn instance_raid(&self, api: &dyn Api, id: &ServerId) -> Result<InstanceRaid, ReadFault> {
        let segment = format!("{id}:describeInstanceRaid");
        self.fetch(api, "describeInstanceRaid", &["instances", &segment], &[]).await
    }

    /// Reads the operating systems for a model, each once.
    pub(super) async fn oss(&self, api: &dyn Api, model: &str) -> Result<Vec<Os>, ReadFault> {
        let query = [("deviceType".to_owned(), model.to_owned())];
        let list: OsList = self.fetch(api, "describeOS", &["os"], &query).await?;
        let mut oss: Vec<Os> = Vec::new();
        for os in list.oss.unwrap_or_default() {
            if !oss.iter().any(|known| known.os_type_id == os.os_type_id) {
                oss.push(os);
            }
        }
        Ok(oss)
    }

    /// Reads the RAID levels that a model can have.
    pub(super) async fn raids(&self, api: &dyn Api, model: &str) -> Result<Vec<Raid>, ReadFault> {
        let query = [("deviceType".to_owned(), model.to_owned())];
        let list: RaidList = self.fetch(api, "describeDeviceRaids", &["raids"], &query).await?;
        Ok(list.raids.unwrap_or_default())
    }

    /// Reads every key pair of the region.
    pub(super) async fn keypairs(&self, api: &dyn Api) -> Result<Vec<KeyPair>, ReadFault> {
        let take = |page: KeypairPage| (page.keypairs, page.total_count);
        let listing =
            self.pages(api, "describeKeypairs", "keypairs", Query::new(), take, |key| Some(&key.keypair_id)).await?;
        let keys = listing.whole("key pairs")?;
        Ok(keys
            .into_iter()
            .map(|key| KeyPair { id: key.keypair_id, name: key.name, fingerprint: key.finger_print })
            .collect())
    }

    /// Looks at up to [`PAGE`] servers with one request.
    pub(super) async fn look(&self, api: &dyn Api, ids: &[ServerId]) -> Vec<(ServerId, Seen)> {
        match self.instances(api, id_filter(ids)).await {
            Ok(listing) => ids.iter().map(|id| (id.clone(), seen(id, ids, &listing))).collect(),
            Err(fault) => ids.iter().map(|id| (id.clone(), Seen::Fault(fault.clone()))).collect(),
        }
    }
}

/// Selects servers by id.
pub(super) fn id_filter(ids: &[ServerId]) -> Query {
    let mut query = vec![
        ("filters.1.name".to_owned(), "instanceId".to_owned()),
        ("filters.1.operator".to_owned(), "eq".to_owned()),
    ];
    for (place, id) in ids.iter().enumerate() {
        query.push((format!("filters.1.values.{}", place + 1), id.to_string()));
    }
    query
}

/// What a listing says of one of the servers that it was asked for.
fn seen(id: &ServerId, asked: &[ServerId], listing: &Listing<Row>) -> Seen {
    let mut found: Option<Observation> = None;
    for row in listing.rows.iter().filter(|row| row.id() == Some(id.as_str())) {
        let Row::Whole(instance) = row else {
            return Seen::Fault(ReadFault::malformed(format!("the entry of {id} cannot be read")));
        };
        let look = observation(instance);
        match &found {
            Some(before) if !before.same_state(&look) || before.image != look.image => {
                return Seen::Fault(ReadFault::malformed(format!("the answer holds {id} twice, in different states")));
            }
            Some(_) => {}
            None => found = Some(look),
        }
    }
    if let Some(look) = found {
        return Seen::Here(look);
    }
    let strange = |row: &Row| !asked.iter().any(|asked| row.id() == Some(asked.as_str()));
    if !listing.complete || listing.rows.iter().any(strange) {
        let problem = format!("the answer does not hold {id}, but it is not what was asked for either");
        return Seen::Fault(ReadFault::malformed(problem));
    }
    Seen::Absent
}

/// What a status word means. The pages document `running`, `stopped` and `error`; the rest is inferred from them and
/// from the provider's list for virtual machines.
pub(super) fn phase(status: &str) -> Phase {
    match status.to_ascii_lowercase().as_str() {
        "running" => Phase::Running,
        "stopped" => Phase::Stopped,
        "reinstalling" => Phase::Installing,
        "error" => Phase::Failed,
        "starting" | "stopping" | "restarting" | "rebooting" | "creating" | "pending" | "rebuilding" | "resizing"
        | "resetting" => Phase::Changing,
        "deleting" => Phase::Gone,
        _ => Phase::Unknown,
    }
}

/// One look at a server.
pub(super) fn observation(instance: &Instance) -> Observation {
    let status = instance.status.clone().unwrap_or_default();
    let phase = phase(&status);
    let mut look = Observation::of(status, phase);
    look.image.clone_from(&instance.os_type_id);
    let marks = [
        ("osTypeId", &instance.os_type_id),
        ("sysRaidTypeId", &instance.sys_raid_type_id),
        ("dataRaidTypeId", &instance.data_raid_type_id),
    ];
    for (name, value) in marks {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            look.marks.insert(name.to_owned(), value.clone());
        }
    }
    look
}

/// A server as plan and order need it; `None` if its id cannot be one.
pub(super) fn record(instance: &Instance) -> Option<Record> {
    let mut attributes = BTreeMap::new();
    for (name, value) in [
        ("az", &instance.az),
        ("imageType", &instance.image_type),
        ("osTypeId", &instance.os_type_id),
        ("osType", &instance.os_type),
        ("sysRaidTypeId", &instance.sys_raid_type_id),
        ("sysRaidType", &instance.sys_raid_type),
        ("dataRaidTypeId", &instance.data_raid_type_id),
        ("dataRaidType", &instance.data_raid_type),
        ("keypairId", &instance.keypair_id),
    ] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            attributes.insert(name.to_owned(), value.clone());
        }
    }
    let present = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Some(Record {
        id: ServerId::new(&instance.instance_id).ok()?,
        name: present(&instance.name),
        addresses: [&instance.public_ip, &instance.private_ip].into_iter().filter_map(present).collect(),
        zone: present(&instance.az).or_else(|| present(&instance.region)),
        model: present(&instance.device_type),
        image_name: present(&instance.os_name),
        seen: observation(instance),
        attributes,
    })
}

fn unreadable(id: ServerId) -> Record {
    Record {
        id,
        name: None,
        addresses: Vec::new(),
        zone: None,
        model: None,
        image_name: None,
        seen: Observation::of("", Phase::Unknown),
        attributes: BTreeMap::new(),
    }
}
