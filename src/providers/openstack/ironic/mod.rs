//! Ironic, the bare metal service: a rebuild of a node (documentation: Bare Metal API reference).

mod calls;
mod fields;
mod look;
mod plan;
mod reads;
#[cfg(test)]
mod tests;
mod wire;

use super::account::{Account, IMAGE, ServiceKind};
use super::fault;
use super::images as glance;
use crate::model::{
    ApiError, Choice, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Found, Judgement, Product, SetupError, Sources};
use crate::wire::{Api, Login, ReadFault, Reading, WireRequest, WireResponse};
use http::Method;
use reads::Level;
use serde_json::{Value, json};
use std::sync::OnceLock;
use url::Url;

/// Name of the product.
pub(super) const ID: &str = "openstack-ironic";

/// The service in a catalogue, and its place under `--endpoint`; the second type is from before the types were agreed on.
const BAREMETAL: ServiceKind = ServiceKind { types: &["baremetal", "bare-metal"], path: &["baremetal"] };

/// Its line in the registry.
pub(super) const ENTRY: Entry = Entry {
    id: ID,
    aliases: &[],
    about: "OpenStack bare metal (Ironic rebuild), standalone or in a cloud",
    facts: fields::FACTS,
    fields: fields::FIELDS,
    build: |sources| Ok(Box::new(Ironic::new(sources)?)),
};

/// What `connect` settles: the address without its version, and what the service can do.
struct Service {
    base: Url,
    level: Level,
}

/// Ironic, ready to be asked.
struct Ironic {
    account: Account,
    service: OnceLock<Service>,
}

impl Ironic {
    fn new(sources: &dyn Sources) -> Result<Self, SetupError> {
        Ok(Self { account: Account::read(sources)?, service: OnceLock::new() })
    }

    async fn settle(&self, api: &dyn Api) -> Result<&Service, ReadFault> {
        if let Some(service) = self.service.get() {
            return Ok(service);
        }
        self.account.connect(api).await?;
        let base = without_version(self.account.service(&BAREMETAL)?);
        let root = calls::call(&base, Method::GET, &[], 1, calls::ROOT);
        let newest = calls::newest(&api.read(root).await?)?;
        let level = Level::of(newest).ok_or_else(|| ReadFault {
            class: FaultClass::Invalid,
            error: ApiError::local("too_old", format!("the service has version 1.{newest} at most, and 1.8 is needed"))
                .advise("have the service brought up to date"),
        })?;
        Ok(self.service.get_or_init(|| Service { base, level }))
    }

    /// Whether the cloud has an image service: a service that stands alone has none.
    fn has_images(&self) -> bool {
        self.account.login.sign_in().is_some() && self.account.service(&IMAGE).is_ok()
    }

    /// The image that the user named, as the record is to have it, and its name.
    async fn image(&self, api: &dyn Api, choice: &Choice) -> Result<plan::Chosen, Refusal> {
        if plan::is_address(choice) || (matches!(choice, Choice::Id(_)) && !self.has_images()) {
            return Ok(plan::Chosen { id: choice.to_string(), name: None });
        }
        let row = glance::resolve(api, &self.account, choice).await?;
        Ok(plan::Chosen { id: row.id, name: row.name })
    }

    /// The service's address; before it is known nothing is ordered.
    fn base(&self) -> &Url {
        self.service.get().map_or(&self.account.home, |service| &service.base)
    }
}

impl Product for Ironic {
    fn entry(&self) -> &'static Entry {
        &ENTRY
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
        Box::pin(async move { self.settle(api).await.map(drop) })
    }

    fn find<'a>(&'a self, api: &'a dyn Api, refs: &'a [Ref]) -> Reading<'a, Vec<Record>> {
        Box::pin(async move {
            if refs.is_empty() {
                return Ok(Vec::new());
            }
            let Service { base, level } = self.settle(api).await?;
            let ids: Option<Vec<&ServerId>> = refs
                .iter()
                .map(|reference| match reference {
                    Ref::Id(id) => Some(id),
                    Ref::Name(_) | Ref::Ip(_) => None,
                })
                .collect();
            match ids {
                Some(ids) if ids.len() <= 3 => reads::by_ids(api, base, *level, &ids).await,
                _ => reads::list(api, base, *level).await,
            }
        })
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(async move {
            let Service { base, level } = self.settle(api).await?;
            reads::list(api, base, *level).await
        })
    }

    fn images<'a>(&'a self, api: &'a dyn Api, _server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(async move {
            let mut images = reads::images(&self.list(api).await?);
            if self.has_images() {
                let known = glance::list(api, &self.account).await?;
                // A node's image of the image service is shown once, with its name.
                images.retain(|image| !known.iter().any(|row| row.id == image.id));
                images.splice(0..0, known);
            }
            Ok(images)
        })
    }

    fn keys<'a>(&'a self, _api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn check(&self, wish: &Wish, secrets: &OrderSecrets) -> Result<(), Refusal> {
        plan::check(wish, secrets, self.account.login.sign_in().is_some())
    }

    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission {
        look::admit(seen, wish)
    }

    fn prepare<'a>(
        &'a self,
        api: &'a dyn Api,
        record: Record,
        power: PowerPlan,
        wish: &'a Wish,
    ) -> Answering<'a, Result<Prepared, Refusal>> {
        Box::pin(async move {
            let level = self.settle(api).await?.level;
            let image = match &wish.image {
                Some(choice) => Some(self.image(api, choice).await?),
                None => None,
            };
            plan::settle(record, power, wish, image, level)
        })
    }

    fn observe<'a>(&'a self, api: &'a dyn Api, watches: &'a [Watch]) -> Answering<'a, Vec<(ServerId, Seen)>> {
        Box::pin(async move {
            if watches.is_empty() {
                return Vec::new();
            }
            match self.settle(api).await {
                Ok(Service { base, level }) => reads::observe(api, base, *level, watches).await,
                Err(fault) => watches.iter().map(|watch| (watch.id.clone(), Seen::Fault(fault.clone()))).collect(),
            }
        })
    }

    fn arrange(&self, server: &Prepared) -> Option<WireRequest> {
        let update =
            server.body.get(plan::UPDATE).filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))?;
        let path = ["nodes", server.record.id.as_str()];
        Some(calls::call_with(self.base(), Method::PATCH, &path, plan::minor(server), calls::UPDATE, update))
    }

    fn judge_arranged(&self, server: &Prepared, answer: &WireResponse) -> Result<(), ApiError> {
        let unclear = |text: &str| ReadFault::malformed(text.to_owned()).error;
        let node: wire::Node = answer.parse().map_err(|fault| fault.error)?;
        if node.uuid.as_deref() != Some(server.record.id.as_str()) {
            return Err(unclear("the answer is not about the node that was changed"));
        }
        let wanted = server.image.as_ref().map(|(id, _)| id.as_str());
        if look::image(&node.glance).as_deref() != wanted {
            return Err(unclear("the node's record does not name the new image"));
        }
        Ok(())
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        let (id, body, minor) = match order.batch.first() {
            Some(prepared) => (prepared.record.id.as_str(), plan::order_body(prepared, order), plan::minor(prepared)),
            None => ("", json!({}), 1),
        };
        let path = ["nodes", id, "states", "provision"];
        calls::call_with(self.base(), Method::PUT, &path, minor, calls::REBUILD, &body)
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        calls::judge(ids, answer)
    }

    fn stop(&self, _server: &Prepared, _mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        None
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        let path = ["nodes", server.record.id.as_str(), "states", "power"];
        let body: Value = json!({ "target": "power on" });
        Some(calls::call_with(self.base(), Method::PUT, &path, 8, calls::POWER, &body))
    }

    fn judge_power(&self, _id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        calls::judge_power(answer)
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        // A token may have run out; a password has not. The identity service speaks through here as well.
        let refused = if self.account.login.sign_in().is_some() { FaultClass::SignedOut } else { FaultClass::Denied };
        calls::fault(answer, &refused).or_else(|| fault::fault(answer))
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        calls::request_id(answer)
    }
}

/// Catalogues and people write the address with and without `/v1`.
fn without_version(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(path.strip_suffix("/v1").unwrap_or(&path));
    url
}
