//! From references to a plan: reads only. Everything that can be refused is refused here.

use crate::client::Client;
use crate::model::{
    ApiError, Exit, Expectation, FaultClass, Guard, PlannedTarget, PowerPlan, Prepared, Record, Ref, Refusal, RunHead,
    ServerId, Wish,
};
use crate::providers::Admission;
use crate::sign::hash::sha256_hex;
use crate::wire::ReadFault;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};

/// One product of a run, with what the user wishes of it.
pub struct PlanLane<'a> {
    /// Its line to the provider.
    pub client: &'a Client,
    /// The wish in this product's terms, or why it makes no sense there.
    pub wish: &'a Result<Wish, Refusal>,
}

/// One server of the plan.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which product.
    pub lane: usize,
    /// The live record.
    pub record: Record,
    /// Everything settled, or why this server is skipped.
    pub result: Result<Prepared, ApiError>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// References that no product knows.
    #[error("{}", unknown(.refs, .looked))]
    Unknown {
        /// The references.
        refs: Vec<Ref>,
        /// Where they were looked for.
        looked: Vec<String>,
    },
    /// A reference that means more than one server.
    #[error("`{reference}` means {} servers: {}", .found.len(), .found.join(", "))]
    Ambiguous {
        /// The reference.
        reference: Ref,
        /// The servers, each with its product.
        found: Vec<String>,
    },
    /// A read failed.
    #[error("{product}: {fault}")]
    Read {
        /// The product.
        product: &'static str,
        /// The fault.
        fault: ReadFault,
    },
    /// The wish is refused.
    #[error("{}{refusal}", .server.as_ref().map(|server| format!("{server}: ")).unwrap_or_default())]
    Refused {
        /// The server, if it is about one.
        server: Option<String>,
        /// The refusal.
        refusal: Refusal,
    },
}

fn unknown(refs: &[Ref], looked: &[String]) -> String {
    let names: Vec<String> = refs.iter().map(|reference| format!("`{reference}`")).collect();
    format!("no server is known as {}; looked in {}", names.join(", "), looked.join(", "))
}

impl PlanError {
    /// What to do about it.
    pub fn next_step(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                "see `reinstall list` for what the account has; check region and account".to_owned()
            }
            Self::Ambiguous { .. } => "name one of them by its id, with its product as `--provider`".to_owned(),
            Self::Read { fault, .. } => match fault.error.next_step.as_str() {
                "" => fault.class.next_step().to_owned(),
                step => step.to_owned(),
            },
            Self::Refused { refusal, .. } => refusal.next_step.clone(),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. } | Self::Ambiguous { .. } => Exit::Usage,
            Self::Read { fault, .. } => match fault.class {
                FaultClass::SignedOut | FaultClass::Denied | FaultClass::ClockSkew => Exit::Credentials,
                FaultClass::Invalid | FaultClass::NotFound => Exit::Usage,
                _ => Exit::Unreachable,
            },
            Self::Refused { refusal, .. } => refusal.exit,
        }
    }
}

/// Servers whose plan is settled at the same time.
const AT_ONCE: usize = 8;

/// Finds each reference in all lanes at the same time: exactly one server must answer to it.
/// Servers named twice are one. The order is the one in which they were named.
pub async fn select(clients: &[&Client], refs: &[Ref]) -> Result<Vec<(usize, Record)>, PlanError> {
    let found = join_all(clients.iter().map(|client| find(client, refs))).await;
    let mut all: Vec<(usize, Record)> = Vec::new();
    for (lane, records) in found.into_iter().enumerate() {
        all.extend(records?.into_iter().map(|record| (lane, record)));
    }
    let mut selected: Vec<(usize, Record)> = Vec::new();
    let mut missing = Vec::new();
    for reference in refs {
        let mut matches: Vec<&(usize, Record)> = all.iter().filter(|(_, record)| record.is(reference)).collect();
        matches.dedup_by(|a, b| a.0 == b.0 && a.1.id == b.1.id);
        match matches.as_slice() {
            [] => missing.push(reference.clone()),
            [one] => {
                if !selected.iter().any(|(lane, record)| *lane == one.0 && record.id == one.1.id) {
                    selected.push((*one).clone());
                }
            }
            several => {
                let found = several.iter().map(|(lane, record)| name_of(clients[*lane], record)).collect();
                return Err(PlanError::Ambiguous { reference: reference.clone(), found });
            }
        }
    }
    if !missing.is_empty() {
        let looked = clients.iter().map(|client| place(client)).collect();
        return Err(PlanError::Unknown { refs: missing, looked });
    }
    Ok(selected)
}

fn name_of(client: &Client, record: &Record) -> String {
    let name = record.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{} {}{name}", client.product().entry().id, record.id)
}

fn place(client: &Client) -> String {
    let product = client.product();
    match product.region() {
        Some(region) => format!("{} {region}", product.entry().id),
        None => product.entry().id.to_owned(),
    }
}

async fn find(client: &Client, refs: &[Ref]) -> Result<Vec<Record>, PlanError> {
    let product = client.product();
    let fault = |fault| PlanError::Read { product: product.entry().id, fault };
    client.connect().await.map_err(fault)?;
    product.find(&client.patient(), refs).await.map_err(fault)
}

/// Settles the plan of every selected server; what the guard refuses is skipped, and no more is asked about it.
pub async fn prepare(
    lanes: &[PlanLane<'_>],
    selected: Vec<(usize, Record)>,
    guard: &Guard,
) -> Result<Vec<Row>, PlanError> {
    let rows = selected.into_iter().map(|(lane, record)| prepare_one(lanes, lane, record, guard));
    stream::iter(rows).buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
}

async fn prepare_one(lanes: &[PlanLane<'_>], lane: usize, record: Record, guard: &Guard) -> Result<Row, PlanError> {
    let PlanLane { client, wish } = &lanes[lane];
    let product = client.product();
    let refused = |server: Option<String>, refusal: Refusal| PlanError::Refused { server, refusal };
    let wish = wish.as_ref().map_err(|refusal| refused(None, refusal.clone()))?;
    let skip = |record: Record, error| Ok(Row { lane, record, result: Err(error) });
    if let Some(error) = guard.refusal(&record).or_else(|| unexpected(&record, &wish.expect)) {
        return skip(record, error);
    }
    let power = match product.admit(&record.seen, wish) {
        Admission::Go => PowerPlan::Nothing,
        Admission::StopFirst => PowerPlan::StopFirst,
        Admission::StoppedByOrder => PowerPlan::StoppedByOrder,
        Admission::Busy(what) => {
            let error = ApiError::local("busy", format!("it is {what} already"))
                .advise("watch it with `reinstall wait`, or run this again when that has ended");
            return skip(record, error);
        }
        Admission::No(refusal) => return skip(record, refusal.to_error()),
    };
    match product.prepare(&client.patient(), record.clone(), power, wish).await {
        Ok(prepared) => Ok(Row { lane, record, result: Ok(prepared) }),
        Err(refusal) if refusal.exit == Exit::Skipped => skip(record, refusal.to_error()),
        Err(refusal) => Err(refused(Some(name_of(client, &record)), refusal)),
    }
}

/// Looks at the servers of a lane once more, by their ids, and tells which are to be left alone after all: a name or
/// an address may have changed since the plan was made. Reads only if something is held against them.
pub async fn refused(
    client: &Client,
    ids: impl IntoIterator<Item = ServerId>,
    guard: &Guard,
    expect: &[Expectation],
) -> Result<Vec<(ServerId, ApiError)>, PlanError> {
    let refs: Vec<Ref> = ids.into_iter().map(Ref::Id).collect();
    if refs.is_empty() || guard.is_empty() && expect.is_empty() {
        return Ok(Vec::new());
    }
    let live = find(client, &refs).await?;
    let asked = live.into_iter().filter(|record| refs.iter().any(|reference| record.is(reference)));
    let held = |record: Record| {
        let error = guard.refusal(&record).or_else(|| unexpected(&record, expect))?;
        Some((record.id, error))
    };
    Ok(asked.filter_map(held).collect())
}

/// Tells the first expectation that the server does not meet.
fn unexpected(record: &Record, expect: &[Expectation]) -> Option<ApiError> {
    expect.iter().find_map(|Expectation { key, value }| {
        let seen = &record.seen;
        let (met, is) = match key.as_str() {
            "name" => (record.name.as_deref() == Some(value), record.name.clone()),
            "ip" => (record.addresses.iter().any(|address| address == value), Some(record.addresses.join(", "))),
            "image" => (
                seen.image.as_deref() == Some(value) || record.image_name.as_deref() == Some(value),
                record.image_name.clone().or_else(|| seen.image.clone()),
            ),
            "status" => (seen.status.eq_ignore_ascii_case(value), Some(seen.status.clone())),
            _ => return None,
        };
        let is = is.unwrap_or_else(|| "unknown".to_owned());
        (!met).then(|| {
            ApiError::local("not_as_expected", format!("its {key} is `{is}`, and `{value}` was expected"))
                .advise("make sure that this is the server you mean")
        })
    })
}

/// Digest over everything that a confirmed plan fixes: the head of the run, and each server with its product.
pub fn digest(head: &RunHead, targets: &[(&str, &PlannedTarget)]) -> String {
    let head = RunHead { plan_hash: String::new(), ..head.clone() };
    let document = serde_json::json!({ "head": head, "targets": targets });
    sha256_hex(document.to_string().as_bytes())
}

/// The digest of older journals, which covers wish and servers alone.
pub fn older_digest(wish: &Wish, targets: &[(&str, &PlannedTarget)]) -> String {
    let targets: Vec<_> =
        targets.iter().map(|(provider, planned)| (provider, &planned.endpoint, &planned.prepared)).collect();
    let document = serde_json::json!({ "wish": wish, "targets": targets });
    sha256_hex(document.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Observation, Phase, ServerId};

    #[test]
    fn an_expectation_that_is_not_met_names_what_is_there() {
        let record = Record {
            id: ServerId::new("i-1").unwrap(),
            name: Some("web-1".into()),
            addresses: vec!["192.0.2.7".into()],
            zone: None,
            model: None,
            image_name: Some("Debian 13".into()),
            seen: Observation { image: Some("img-1".into()), ..Observation::of("RUNNING", Phase::Running) },
            attributes: std::collections::BTreeMap::new(),
        };
        let check = |key: &str, value: &str| {
            unexpected(&record, &[Expectation { key: key.into(), value: value.into() }]).map(|error| error.message)
        };
        for (key, value) in
            [("name", "web-1"), ("ip", "192.0.2.7"), ("image", "img-1"), ("image", "Debian 13"), ("status", "running")]
        {
            assert_eq!(check(key, value), None, "{key}={value}");
        }
        assert_eq!(check("name", "web-2").unwrap(), "its name is `web-1`, and `web-2` was expected");
        assert!(check("name", "web").is_some(), "a part of a name is not the name");
        assert!(check("status", "STOPPED").is_some());
    }
}
