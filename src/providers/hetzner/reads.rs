//! Reading servers, images and keys with few requests, and what a server's record says.

use super::calls::Account;
use super::pages::{List, malformed};
use super::wire::{Image, Images, Keys, OneServer, Server, Servers};
use crate::model::{FaultClass, KeyPair, Observation, Operation, Phase, Record, Ref, ServerId};
use crate::wire::{Api, ReadFault};
use std::collections::{BTreeMap, HashMap};

/// The mark that a changed image changes.
pub(super) const IMAGE_MARK: &str = "image";
/// The mark of a server that a person protected against rebuilds.
pub(super) const PROTECTED: &str = "protection.rebuild";
/// The record's attribute with the architecture of its type.
pub(super) const ARCHITECTURE: &str = "architecture";
/// The record's attribute with the size of its disk in GB.
pub(super) const DISK: &str = "primary_disk_size";

const SERVERS: List<'_> = List { label: "GET /servers", path: "servers", filters: &[] };

/// Reads all servers.
pub(super) async fn servers(api: &dyn Api, account: &Account) -> Result<Vec<Record>, ReadFault> {
    SERVERS.all::<Servers>(api, account).await?.into_iter().map(record).collect()
}

/// Reads what the references may mean: ids by id, anything else out of the whole list.
pub(super) async fn find(api: &dyn Api, account: &Account, refs: &[Ref]) -> Result<Vec<Record>, ReadFault> {
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Option<Vec<&ServerId>> = refs
        .iter()
        .map(|reference| match reference {
            Ref::Id(id) => Some(id),
            Ref::Name(_) | Ref::Ip(_) => None,
        })
        .collect();
    let Some(ids) = ids else { return servers(api, account).await };
    let mut found = Vec::new();
    for (_, server) in by_ids(api, account, &ids).await {
        found.extend(server?);
    }
    found.into_iter().map(record).collect()
}

/// The number of an id; other texts cannot be servers here.
fn number(id: &ServerId) -> Option<u64> {
    id.as_str().parse::<u64>().ok().filter(|number| number.to_string() == id.as_str())
}

pub(super) type Told = (ServerId, Result<Option<Server>, ReadFault>);

/// Reads these servers, each told of once: a few one by one, many out of the list, whichever takes fewer requests.
pub(super) async fn by_ids(api: &dyn Api, account: &Account, ids: &[&ServerId]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::with_capacity(ids.len());
    let mut asked: Vec<(&ServerId, u64)> = Vec::new();
    for &id in ids {
        if asked.iter().any(|(known, _)| *known == id) || told.iter().any(|(known, _)| known == id) {
            continue;
        }
        match number(id) {
            Some(number) => asked.push((id, number)),
            None => told.push((id.clone(), Ok(None))),
        }
    }
    if asked.len() > 1 {
        match out_of_list(api, account, &mut asked).await {
            Ok(rows) => told.extend(rows.into_iter().map(|(id, server)| (id, Ok(server)))),
            Err(fault) => {
                told.extend(asked.drain(..).map(|(id, _)| (id.clone(), Err(fault.clone()))));
            }
        }
    }
    for (id, number) in asked {
        told.push((id.clone(), one(api, account, number).await));
    }
    told
}

/// Reads the list as far as it pays; who is left in `asked` is to be read alone.
async fn out_of_list(
    api: &dyn Api,
    account: &Account,
    asked: &mut Vec<(&ServerId, u64)>,
) -> Result<Vec<(ServerId, Option<Server>)>, ReadFault> {
    let (rows, paging) = SERVERS.page::<Servers>(api, account, 1).await?;
    let missing = asked.iter().filter(|(_, number)| !rows.iter().any(|row| row.id == *number)).count();
    let pages = paging.last_page.unwrap_or(1).saturating_sub(1);
    let complete = u64::try_from(missing).is_ok_and(|missing| pages <= missing);
    let rows = if complete { SERVERS.rest::<Servers>(api, account, (rows, paging)).await? } else { rows };
    let mut known: HashMap<u64, Server> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut found = Vec::new();
    asked.retain(|(id, number)| match known.remove(number) {
        Some(server) => {
            found.push(((*id).clone(), Some(server)));
            false
        }
        None if complete => {
            found.push(((*id).clone(), None));
            false
        }
        None => true,
    });
    Ok(found)
}

async fn one(api: &dyn Api, account: &Account, number: u64) -> Result<Option<Server>, ReadFault> {
    match api.read(account.get("GET /servers/{id}", &["servers", &number.to_string()], &[])).await {
        Ok(answer) => {
            let OneServer { server } = answer.parse()?;
            match server.id == number {
                true => Ok(Some(server)),
                false => Err(malformed("the answer is about another server")),
            }
        }
        Err(fault) if fault.class == FaultClass::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What a status means. A rebuild shows as `rebuilding`; any word that is not here says nothing.
pub(super) fn phase(word: &str) -> Phase {
    match word.to_ascii_lowercase().as_str() {
        "running" => Phase::Running,
        "off" => Phase::Stopped,
        "rebuilding" => Phase::Installing,
        "initializing" | "starting" | "stopping" | "migrating" => Phase::Changing,
        "deleting" => Phase::Gone,
        _ => Phase::Unknown,
    }
}

/// How a server looks; without a status it says nothing.
pub(super) fn observation(server: &Server) -> Option<Observation> {
    let word = server.status.as_deref().filter(|word| !word.trim().is_empty())?;
    let mut seen = Observation::of(word, phase(word));
    seen.image = server.image.as_ref().map(|image| image.id.to_string());
    if let Some(image) = &seen.image {
        seen.marks.insert(IMAGE_MARK.to_owned(), image.clone());
    }
    if server.protection.as_ref().is_some_and(|protection| protection.rebuild) {
        seen.marks.insert(PROTECTED.to_owned(), "true".to_owned());
    }
    // Locked is what an action does to its server, not what a person does.
    seen.operation = server.locked.then(|| Operation { word: "locked".to_owned(), reinstall: false });
    Some(seen)
}

fn record(server: Server) -> Result<Record, ReadFault> {
    let id = ServerId::new(&server.id.to_string()).map_err(|_| malformed("a server has no usable id"))?;
    let seen = observation(&server).ok_or_else(|| malformed("a server of the list has no status"))?;
    let mut addresses = Vec::new();
    if let Some(net) = server.public_net {
        addresses.extend([net.ipv4, net.ipv6].into_iter().flatten().filter_map(|address| address.ip));
    }
    addresses.extend(server.private_net.into_iter().filter_map(|net| net.ip));
    let (model, architecture) = server.server_type.map_or((None, None), |kind| (kind.name, kind.architecture));
    let disk = server.primary_disk_size.map(|size| size.to_string());
    let attributes: BTreeMap<String, String> = [(ARCHITECTURE, architecture), (DISK, disk)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    Ok(Record {
        id,
        name: server.name,
        addresses,
        zone: server.datacenter.or(server.location).and_then(|place| place.name),
        model,
        image_name: server.image.and_then(|image| image.name.or(image.description)),
        seen,
        attributes,
    })
}

/// Reads images with these filters.
pub(super) async fn images(
    api: &dyn Api,
    account: &Account,
    filters: &[(&str, String)],
) -> Result<Vec<Image>, ReadFault> {
    List { label: "GET /images", path: "images", filters }.all::<Images>(api, account).await
}

/// Reads the project's ssh keys.
pub(super) async fn keys(api: &dyn Api, account: &Account) -> Result<Vec<KeyPair>, ReadFault> {
    let rows = List { label: "GET /ssh_keys", path: "ssh_keys", filters: &[] }.all::<Keys>(api, account).await?;
    Ok(rows
        .into_iter()
        .map(|key| KeyPair { id: key.id.to_string(), name: key.name, fingerprint: key.fingerprint })
        .collect())
}
