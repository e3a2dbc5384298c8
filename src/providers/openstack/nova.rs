//! Nova: one server a call, followed by its status and task, and by the record of our own request.
//!
//! Source: Compute API reference, "Rebuild server (rebuild action)", "Servers - instance actions".

mod look;
mod plan;
#[cfg(test)]
mod tests;

use super::account::{Account, COMPUTE};
use super::credentials::below;
use super::microversion::{Microversion, Range};
use super::wire::{KeyPairList, ServerAnswer, next_marker};
use super::{fault, fields, images};
use crate::model::{
    ApiError, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Found, Judgement, Product, SetupError, Sources};
use crate::wire::{Api, Login, ReadFault, Reading, WireRequest, WireResponse};
use http::Method;
use serde_json::{Value, json};
use std::sync::OnceLock;
use url::Url;

/// Its line in the registry.
pub(super) const ENTRY: Entry = Entry {
    id: "openstack",
    aliases: &["openstack-nova"],
    about: "OpenStack servers (Nova rebuild), public and private clouds",
    facts: fields::NOVA,
    fields: fields::NOVA_FIELDS,
    build,
};

const VERSIONS: &str = "GET /v2.1/";
const KEYS: &str = "GET /os-keypairs";
const REBUILD: &str = "POST /servers/{server_id}/action rebuild";
const STOP: &str = "POST /servers/{server_id}/action os-stop";
const START: &str = "POST /servers/{server_id}/action os-start";

/// The header that asks for a version, and its older name.
const HEADER: &str = "openstack-api-version";
const OLD_HEADER: &str = "x-openstack-nova-api-version";

/// Versions that reads ask for, the newest that the cloud has: events of others' requests and the reason of a
/// lock, the flavour's name, whether a server is locked.
const READS: [Microversion; 3] = [Microversion(2, 73), Microversion(2, 47), Microversion(2, 9)];

/// What `connect` settles.
struct Service {
    base: Url,
    range: Range,
}

struct Nova {
    account: Account,
    service: OnceLock<Service>,
}

fn build(sources: &dyn Sources) -> Result<Box<dyn Product>, SetupError> {
    let account = Account::read(sources)?;
    if account.login.sign_in().is_none() {
        return Err(SetupError::BadCredentials {
            origin: "auth_type".to_owned(),
            problem: "Nova needs a sign-in at the identity service".to_owned(),
            next_step: "give a password, an application credential or a token".to_owned(),
        });
    }
    Ok(Box::new(Nova { account, service: OnceLock::new() }))
}

/// Asks for a version; a service without any is asked for none.
fn ask(mut request: WireRequest, version: Microversion) -> WireRequest {
    if version > Microversion(2, 1) {
        request.set(HEADER, &format!("compute {version}"));
        request.set(OLD_HEADER, &version.to_string());
    }
    request
}

impl Nova {
    async fn settle(&self, api: &dyn Api) -> Result<(), ReadFault> {
        self.account.connect(api).await?;
        let base = self.account.service(&COMPUTE)?;
        // The version document stands above the project, where the address has one.
        let mut root = base.clone();
        let last = root.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let project = self.account.project();
        let below_project = project.is_some_and(|project| last == project || last == format!("AUTH_{project}"));
        if below_project && let Ok(mut path) = root.path_segments_mut() {
            path.pop_if_empty().pop();
        }
        let none = Range { min: Microversion(2, 1), max: Microversion(2, 1) };
        let range = self.account.versions(api, &root, 2, VERSIONS).await?.unwrap_or(none);
        let _ = self.service.set(Service { base, range });
        Ok(())
    }

    fn service(&self) -> Result<&Service, ReadFault> {
        self.service.get().ok_or_else(|| ReadFault {
            class: FaultClass::Invalid,
            error: ApiError::local("not_connected", "the compute service's address is not known yet".to_owned())
                .advise("this is a mistake of the program: please report it"),
        })
    }

    fn read_version(&self) -> Microversion {
        let max = self.service.get().map_or(Microversion(2, 1), |service| service.range.max);
        READS.into_iter().find(|version| *version <= max).unwrap_or(Microversion(2, 1))
    }

    /// A read below the compute service, with the version that reads ask for.
    fn get(&self, path: &[&str], query: &[(&str, &str)], label: &'static str) -> Result<WireRequest, ReadFault> {
        let url = below(&self.service()?.base, path, query);
        Ok(ask(WireRequest::new(Method::GET, url, label), self.read_version()))
    }

    fn action(&self, id: &ServerId, version: Microversion, document: &Value, label: &'static str) -> WireRequest {
        // Before `connect` nothing is ordered; then the address leads to the identity service, which refuses it.
        let base = self.service.get().map_or(&self.account.home, |service| &service.base);
        let url = below(base, &["servers", id.as_str(), "action"], &[]);
        let request = WireRequest::new(Method::POST, url, label).header("content-type", "application/json");
        ask(request, version).json(document)
    }

    async fn key_pairs(&self, api: &dyn Api) -> Result<Vec<KeyPair>, ReadFault> {
        let mut pairs: Vec<KeyPair> = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..images::PAGES {
            let query: Vec<(&str, &str)> = marker.iter().map(|marker| ("marker", marker.as_str())).collect();
            let page: KeyPairList = api.read(self.get(&["os-keypairs"], &query, KEYS)?).await?.parse()?;
            let known = pairs.len();
            for row in page.keypairs {
                let name = row.keypair.name;
                if !pairs.iter().any(|pair| pair.id == name) {
                    pairs.push(KeyPair { id: name.clone(), name: Some(name), fingerprint: row.keypair.fingerprint });
                }
            }
            let next = page.keypairs_links.iter().find(|link| link.rel == "next");
            match next.and_then(|link| next_marker(&link.href)) {
                Some(next) if pairs.len() > known && marker.as_ref() != Some(&next) => marker = Some(next),
                _ => return Ok(pairs),
            }
        }
        Err(ReadFault::malformed("the list of key pairs does not end".to_owned()))
    }
}

impl Product for Nova {
    fn entry(&self) -> &'static Entry {
        &super::PRODUCTS[0]
    }

    fn login(&self) -> &dyn Login {
        &self.account.login
    }

    fn endpoint(&self) -> &Url {
        &self.account.home
    }

    fn region(&self) -> Option<&str> {
        self.account.region.as_deref()
    }

    fn account(&self) -> String {
        self.account.login.account()
    }

    fn origins(&self) -> Vec<(&'static str, String)> {
        self.account.origins.clone()
    }

    fn authorities(&self) -> Option<&Found> {
        self.account.authorities.as_ref()
    }

    fn connect<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, ()> {
        Box::pin(self.settle(api))
    }

    fn find<'a>(&'a self, api: &'a dyn Api, refs: &'a [Ref]) -> Reading<'a, Vec<Record>> {
        Box::pin(look::find(api, self, refs))
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(look::list(api, self))
    }

    fn images<'a>(&'a self, api: &'a dyn Api, _server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(images::list(api, &self.account))
    }

    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(self.key_pairs(api))
    }

    fn check(&self, wish: &Wish, _secrets: &OrderSecrets) -> Result<(), Refusal> {
        plan::check(wish)
    }

    fn admit(&self, seen: &Observation, _wish: &Wish) -> Admission {
        if let Some(reason) = seen.marks.get("locked") {
            let why = if reason == "true" { String::new() } else { format!(": {reason}") };
            return Admission::No(Refusal::guard(
                "locked",
                format!("the server is locked{why}"),
                "ask who locked it, unlock it (`openstack server unlock`), then run it again",
            ));
        }
        let state = |why: &str| {
            Refusal::guard(
                "wrong_state",
                format!("the server is {}: {why}", seen.status),
                "look at it in the cloud's console, then run it again",
            )
        };
        match seen.phase {
            // The call takes all three as they are, and powers a running server off by itself.
            Phase::Running | Phase::Stopped | Phase::Failed => Admission::Go,
            Phase::Changing if look::is_parked(&seen.status) => {
                Admission::No(state("a server in this state cannot be rebuilt"))
            }
            Phase::Installing | Phase::Changing => Admission::Busy(look::busy(seen)),
            Phase::Gone => Admission::No(state("it is being deleted")),
            Phase::Unknown => Admission::No(state("no document explains this state")),
        }
    }

    fn prepare<'a>(
        &'a self,
        api: &'a dyn Api,
        record: Record,
        power: PowerPlan,
        wish: &'a Wish,
    ) -> Answering<'a, Result<Prepared, Refusal>> {
        Box::pin(plan::prepare(api, self, record, power, wish))
    }

    fn observe<'a>(&'a self, api: &'a dyn Api, watches: &'a [Watch]) -> Answering<'a, Vec<(ServerId, Seen)>> {
        Box::pin(look::observe(api, self, watches))
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        let server = order.batch[0];
        let version = server.body["version"].as_str().and_then(|text| text.parse().ok());
        let document = json!({"rebuild": plan::document(server, order.secrets, order.reveal)});
        self.action(&server.record.id, version.unwrap_or(Microversion(2, 1)), &document, REBUILD)
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        let unclear = |what: &str| Judgement::Unclear(ApiError::local("malformed_answer", what.to_owned()));
        let judgement = |id: &ServerId| match answer.parse::<ServerAnswer>() {
            Ok(_) if ids.len() > 1 => unclear("one server was answered for several"),
            Ok(ServerAnswer { server }) if server.id == id.as_str() => {
                Judgement::Accepted { ticket: fault::request_id(answer) }
            }
            Ok(_) => unclear("the answer is about another server"),
            Err(fault) => Judgement::Unclear(fault.error),
        };
        ids.iter().map(|id| (id.clone(), judgement(id))).collect()
    }

    fn stop(&self, server: &Prepared, mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        // One call for both: the guest is asked, and after the cloud's own time-out its power is cut.
        (mode != PowerOff::Never)
            .then(|| self.action(&server.record.id, Microversion(2, 1), &json!({"os-stop": null}), STOP))
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        Some(self.action(&server.record.id, Microversion(2, 1), &json!({"os-start": null}), START))
    }

    fn judge_power(&self, _id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        // 202 without a body, whatever became of it.
        match answer.status.as_u16() {
            202 if answer.body.is_empty() => Ok(()),
            _ => Err(ApiError::local("malformed_answer", "the answer to a power call has no body".to_owned())),
        }
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        fault::fault(answer)
    }

    fn proves_refusal(&self, answer: &WireResponse) -> bool {
        fault::fault(answer)
            .is_some_and(|(class, error)| class == FaultClass::Busy && fault::is_lost_race(&error.message))
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        fault::request_id(answer)
    }
}
