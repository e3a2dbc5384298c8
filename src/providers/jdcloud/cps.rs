//! Cloud Physical Server: bare metal that is reinstalled while it is off.

use super::fields::{FACTS, FIELDS, SECURITY_TOKEN};
use super::login::{AccessKey, token_header};
use super::read::{PAGE, Query, id_filter};
use super::sign::TOKEN;
use super::wire::{Answer, Success, reinstall_body};
use super::{VENDOR, fault, rules};
use crate::model::{
    ApiError, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Judgement, Product, SetupError, Sources};
use crate::secret::{Reveal, Secret};
use crate::wire::{Api, Login, ReadFault, Reading, WireRequest, WireResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::IpAddr;
use url::Url;

const HOST: &str = "https://cps.jdcloud-api.com";

/// The product's line in the registry.
pub(super) const ENTRY: Entry = Entry {
    id: "jdcloud-cps",
    aliases: &["jdcloud"],
    about: "JD Cloud Cloud Physical Server (bare metal)",
    facts: FACTS,
    fields: FIELDS,
    build: |sources| Ok(Box::new(Cps::new(sources)?)),
};

/// The product, for one key in one region.
pub struct Cps {
    pub(super) key: AccessKey,
    pub(super) base: Url,
    base_origin: &'static str,
}

impl Cps {
    /// Makes the product from settings and credentials; reads no network.
    ///
    /// # Errors
    /// Those of [`AccessKey::from_sources`], and an endpoint that cannot carry a path.
    pub fn new(sources: &dyn Sources) -> Result<Self, SetupError> {
        let key = AccessKey::from_sources(sources)?;
        let bad = |origin: &str| SetupError::BadSetting {
            origin: origin.to_owned(),
            problem: "not an address that requests can go to".to_owned(),
        };
        let (base, base_origin) = match sources.endpoint() {
            Some(endpoint) => (endpoint.clone(), "option --endpoint"),
            None => (Url::parse(HOST).map_err(|_| bad("default"))?, "default"),
        };
        if base.cannot_be_a_base() {
            return Err(bad(base_origin));
        }
        Ok(Self { key, base, base_origin })
    }

    fn call(&self, id: &ServerId, action: &'static str, label: &'static str) -> WireRequest {
        let segment = format!("{id}:{action}");
        WireRequest::new(Method::PUT, self.url(&["instances", &segment], &[]), label)
            .header("content-type", "application/json")
    }

    /// Adds the token of operation protection: the one of this order, or the one of the environment.
    fn protect(&self, request: &mut WireRequest, secrets: &OrderSecrets, reveal: Reveal) {
        let own: Option<&Secret> = secrets.fields.get(SECURITY_TOKEN).map(|token| &**token);
        if let Some(token) = own.or(self.key.operation_token()) {
            request.set_sensitive(TOKEN, &reveal.encoded(token, token_header));
        }
    }
}

impl Product for Cps {
    fn entry(&self) -> &'static Entry {
        &VENDOR.products[0]
    }

    fn login(&self) -> &dyn Login {
        &self.key
    }

    fn endpoint(&self) -> &Url {
        &self.base
    }

    fn region(&self) -> Option<&str> {
        Some(self.key.region())
    }

    fn account(&self) -> String {
        self.key.id().to_owned()
    }

    fn origins(&self) -> Vec<(&'static str, String)> {
        let mut origins = self.key.origins().to_vec();
        origins.push(("endpoint", self.base_origin.to_owned()));
        origins
    }

    fn find<'a>(&'a self, api: &'a dyn Api, refs: &'a [Ref]) -> Reading<'a, Vec<Record>> {
        Box::pin(async move {
            let mut found: Vec<Record> = Vec::new();
            let ids: Vec<ServerId> =
                refs.iter().filter_map(|one| if let Ref::Id(id) = one { Some(id.clone()) } else { None }).collect();
            for chunk in unique(&ids).chunks(PAGE) {
                found.extend(self.records(api, id_filter(chunk)).await?);
            }
            let mut unknown_ips: Vec<IpAddr> = Vec::new();
            for reference in refs {
                match reference {
                    Ref::Id(_) => {}
                    // The provider finds parts of names too; the caller compares.
                    Ref::Name(name) => {
                        found.extend(self.records(api, vec![("name".to_owned(), name.clone())]).await?);
                    }
                    Ref::Ip(ip) => {
                        let private: Query = vec![("privateIp".to_owned(), ip.to_string())];
                        let records = self.records(api, private).await?;
                        if !records.iter().any(|record| record.is(reference)) {
                            unknown_ips.push(*ip);
                        }
                        found.extend(records);
                    }
                }
            }
            // No filter knows public addresses.
            if !unknown_ips.is_empty() {
                let all = self.records(api, Query::new()).await?;
                found.extend(all.into_iter().filter(|record| unknown_ips.iter().any(|ip| record.is(&Ref::Ip(*ip)))));
            }
            let mut known = BTreeSet::new();
            found.retain(|record| known.insert(record.id.clone()));
            Ok(found)
        })
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(self.records(api, Query::new()))
    }

    fn images<'a>(&'a self, api: &'a dyn Api, server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(async move {
            let models: BTreeSet<String> = match server {
                Some(Record { model: Some(model), .. }) => [model.clone()].into(),
                Some(record) => self.instance(api, &record.id).await?.device_type.into_iter().collect(),
                // Images belong to models; those of the account's own servers are the ones that can be installed.
                None => self.records(api, Query::new()).await?.into_iter().filter_map(|record| record.model).collect(),
            };
            let mut images = Vec::new();
            for model in models {
                images.extend(self.oss(api, &model).await?.into_iter().map(|os| Image {
                    id: os.os_type_id,
                    name: os.os_name,
                    os: os.os_type,
                    offered_for: os.device_type.or_else(|| Some(model.clone())),
                }));
            }
            Ok(images)
        })
    }

    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(self.keypairs(api))
    }

    fn check(&self, wish: &Wish, secrets: &OrderSecrets) -> Result<(), Refusal> {
        if let Some(Err(problem)) = wish.hostname.as_deref().map(rules::hostname) {
            return Err(Refusal::usage("bad_hostname", problem, "choose another `--hostname`"));
        }
        if let Some(run) = secrets.password.as_ref().and_then(|password| rules::run(password.expose())) {
            return Err(Refusal::usage(
                "bad_password",
                format!("the password has {run}, which the provider forbids"),
                "choose another password, or let `--generate-password` make one",
            ));
        }
        Ok(())
    }

    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission {
        let status = &seen.status;
        match seen.phase {
            Phase::Stopped => Admission::Go,
            Phase::Running if wish.power_off == PowerOff::Never => Admission::No(Refusal::guard(
                "not_stopped",
                format!("the server is `{status}`, and only stopped servers can be reinstalled"),
                "stop it first, or leave out `--power-off never`",
            )),
            Phase::Running => Admission::StopFirst,
            Phase::Installing | Phase::Changing => Admission::Busy(format!("the server is `{status}`")),
            Phase::Failed => Admission::No(Refusal::guard(
                "broken_server",
                format!("the server is `{status}`, and only stopped servers can be reinstalled"),
                "look at it in the provider's console, or ask its support",
            )),
            Phase::Gone => Admission::No(Refusal::guard(
                "released",
                format!("the server is `{status}`: it is being released"),
                "leave it out of the selection",
            )),
            Phase::Unknown => Admission::No(Refusal::guard(
                "unknown_status",
                if status.is_empty() {
                    "the provider does not tell the server's status".to_owned()
                } else {
                    format!("the server is `{status}`, which no document explains")
                },
                "wait until it is stopped or running, then run it again",
            )),
        }
    }

    fn prepare<'a>(
        &'a self,
        api: &'a dyn Api,
        record: Record,
        power: PowerPlan,
        wish: &'a Wish,
    ) -> Answering<'a, Result<Prepared, Refusal>> {
        Box::pin(self.settle(api, record, power, wish))
    }

    fn observe<'a>(&'a self, api: &'a dyn Api, watches: &'a [Watch]) -> Answering<'a, Vec<(ServerId, Seen)>> {
        Box::pin(async move {
            let ids: Vec<ServerId> = watches.iter().map(|watch| watch.id.clone()).collect();
            let mut looks = Vec::new();
            for chunk in unique(&ids).chunks(PAGE) {
                looks.extend(self.look(api, chunk).await);
            }
            looks
        })
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        // The product's batch limit is one, and an order has at least one.
        let server = order.batch[0];
        let mut spec = server.body.as_object().cloned().unwrap_or_default();
        if let Some(password) = &order.secrets.password {
            spec.insert("password".to_owned(), json!(order.reveal.text(password)));
        }
        if let Some(script) = &order.secrets.user_data {
            spec.insert("userData".to_owned(), json!(order.reveal.encoded(script, |text| STANDARD.encode(text))));
        }
        let mut request = self
            .call(&server.record.id, "reinstallInstance", "reinstallInstance")
            .json(&reinstall_body(order.token, spec));
        self.protect(&mut request, order.secrets, order.reveal);
        request
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        // The answer names no server, so it can only speak of the one that the address named.
        let judgement = match (ids.len(), success(answer)) {
            (1, Ok(true)) => Judgement::Accepted { ticket: None },
            (1, Ok(false)) => Judgement::NotSuccessful(not_successful(answer, "the reinstall")),
            (_, Err(fault)) => Judgement::Unclear(with_request(fault.error, answer)),
            (_, Ok(_)) => Judgement::Unclear(with_request(
                ReadFault::malformed("the answer does not say which server it is about".to_owned()).error,
                answer,
            )),
        };
        ids.iter().map(|id| (id.clone(), judgement.clone())).collect()
    }

    /// The provider has one way to stop, whatever the mode.
    fn stop(&self, server: &Prepared, _mode: PowerOff, secrets: &OrderSecrets) -> Option<WireRequest> {
        let mut request = self.call(&server.record.id, "stopInstance", "stopInstance").json(&json!({}));
        self.protect(&mut request, secrets, Reveal::Real);
        Some(request)
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        Some(self.call(&server.record.id, "startInstance", "startInstance").json(&json!({})))
    }

    fn judge_power(&self, _id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        match success(answer) {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_successful(answer, "the power change")),
            Err(fault) => Err(with_request(fault.error, answer)),
        }
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        fault::fault(answer)
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        fault::request_id(answer)
    }
}

/// Each id once, in the order of the first.
fn unique(ids: &[ServerId]) -> Vec<ServerId> {
    let mut known = BTreeSet::new();
    ids.iter().filter(|id| known.insert(*id)).cloned().collect()
}

/// `result.success`, which alone says whether a change was taken.
fn success(answer: &WireResponse) -> Result<bool, ReadFault> {
    let document: Answer<Success> = answer.parse()?;
    let success = document.result.filter(|_| document.error.is_none()).and_then(|result| result.success);
    success.ok_or_else(|| ReadFault::malformed("the answer does not say whether it was a success".to_owned()))
}

fn not_successful(answer: &WireResponse, what: &str) -> ApiError {
    let error = ApiError::local("not_successful", format!("the provider answered that {what} was not successful"));
    with_request(error, answer).advise("look at the server in the provider's console, then run it again")
}

fn with_request(mut error: ApiError, answer: &WireResponse) -> ApiError {
    error.request_id = fault::request_id(answer);
    error
}
