//! Zenlayer bare metal: `ReinstallInstance` (documentation: compute/bmc/bare-metal-instance/reinstallinstance).

mod plan;

use super::calls::{self, Account, BMC};
use super::reads::{self, Glance, Row};
use super::rules::{self, Family};
use super::wire::{BmcGlance, BmcImage, BmcImages, BmcInstance, BmcModels};
use crate::model::{
    ApiError, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Judgement, Product, SetupError, Sources};
use crate::wire::{Api, Login, ReadFault, Reading, WireRequest, WireResponse};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// Name of the product.
pub(super) const ID: &str = "zenlayer-bmc";

/// Name of the attribute that holds the present host name.
const HOSTNAME: &str = "hostname";

/// Zenlayer bare metal, ready to be asked.
pub(super) struct Bmc {
    account: Account,
}

impl Bmc {
    /// Reads credentials and address.
    pub(super) fn new(sources: &dyn Sources) -> Result<Self, SetupError> {
        Ok(Self { account: Account::read(sources)? })
    }

    async fn offered(&self, api: &dyn Api, model: Option<&str>) -> Result<Vec<BmcImage>, ReadFault> {
        let body = match model {
            Some(model) => json!({ "instanceTypeId": model }),
            None => json!({}),
        };
        let answer = api.read(self.account.call(BMC, "DescribeImages", &body)).await?;
        let images: BmcImages = calls::inner(&answer)?;
        images.images.ok_or_else(|| ReadFault::malformed("the answer has no `images`".to_owned()))
    }

    async fn check_raid(&self, api: &dyn Api, record: &Record, value: &Value) -> Result<(), Refusal> {
        let Some(id) = record.model.as_deref() else { return Ok(()) };
        let body = json!({ "instanceTypeIds": [id] });
        let answer = api.read(self.account.call(BMC, "DescribeInstanceTypes", &body)).await?;
        let models: BmcModels = calls::inner(&answer)?;
        let mut models = models.instance_types.unwrap_or_default().into_iter();
        match models.find(|model| model.instance_type_id.as_deref() == Some(id)) {
            Some(model) => rules::raid_fits(value, &model),
            None => Ok(()),
        }
    }

    async fn settle(&self, api: &dyn Api, record: Record, power: PowerPlan, wish: &Wish) -> Result<Prepared, Refusal> {
        let mut body = json!({ "instanceId": record.id.as_str() });
        let mut lines = Vec::new();
        let mut must_change = BTreeMap::new();
        let mut family = None;
        let mut image = None;
        if let Some(url) = wish.fields.get("ipxeUrl").and_then(Value::as_str) {
            body["ipxeUrl"] = url.into();
            lines.push(("iPXE".to_owned(), format!("{url} (from --set); no image is sent")));
        } else {
            let offered = self.offered(api, record.model.as_deref()).await?;
            let (id, name) = plan::pick(&record, wish, &offered, &mut lines)?;
            family = offered.iter().find(|image| image.image_id.as_deref() == Some(&id)).and_then(plan::family_of);
            body["imageId"] = id.clone().into();
            if record.seen.image.as_deref() != Some(&id) {
                must_change.insert(reads::IMAGE_MARK.to_owned(), Some(id.clone()));
            }
            image = Some((id, name));
        }
        plan::settle_hostname(&record, wish, &mut body, &mut lines)?;
        if let Some(choice) = &wish.key {
            if family == Some(Family::Windows) {
                return Err(Refusal::usage(
                    "key_not_supported",
                    "Windows images take no key pair",
                    "give a password instead, or name another image",
                ));
            }
            let keys = reads::keys(api, &self.account).await?;
            let key = rules::resolve("key pair", "--ssh-key", choice, &keys, |key| (&key.id, key.name.as_deref()))?;
            body["keyId"] = key.id.clone().into();
        }
        if let Some(value) = wish.fields.get("raidConfig") {
            self.check_raid(api, &record, value).await?;
        }
        for name in ["raidConfig", "partitions", "nic"] {
            if let Some(value) = wish.fields.get(name) {
                lines.push((name.to_owned(), format!("{value} (from --set)")));
                body[name] = value.clone();
            }
        }
        if let (Some(value), Some(family)) = (wish.fields.get("partitions"), family)
            && rules::partitions(value)? != family
        {
            return Err(Refusal::usage(
                "bad_field",
                "`partitions` is written for another family of operating systems than the image",
                "Linux paths begin with `/`, Windows drives are C to H",
            ));
        }
        if wish.login.password {
            lines.push(("password".to_owned(), "becomes the IPMI password too".to_owned()));
        } else if wish.key.is_none() {
            lines.push(("login".to_owned(), "none sent: the provider mails a random password".to_owned()));
        }
        lines.push(("disks".to_owned(), plan::what_is_wiped(wish).to_owned()));
        Ok(Prepared { record, image, power, body, lines, must_change, ends: Phase::Running })
    }
}

/// What a status of `DescribeInstances` means (documentation: datastructure#instancestatus).
fn phase(word: &str) -> Phase {
    match word.to_ascii_uppercase().as_str() {
        "RUNNING" => Phase::Running,
        "STOPPED" => Phase::Stopped,
        "INSTALLING" => Phase::Installing,
        "INSTALL_FAILED" | "CREATE_FAILED" => Phase::Failed,
        "PENDING" | "CREATING" | "BOOTING" | "STOPPING" => Phase::Changing,
        "RECYCLE" | "RECYCLING" => Phase::Gone,
        _ => Phase::Unknown,
    }
}

fn look(word: &str, image: Option<&str>) -> Observation {
    let mut seen = reads::observation(word, phase(word), image);
    if seen.phase == Phase::Failed {
        seen.error = Some(
            ApiError::local("install_failed", "the provider reports that the installation failed".to_owned())
                .advise("the documentation sends failed installations to Zenlayer support; name server and time"),
        );
    }
    seen
}

impl Row for BmcInstance {
    fn id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }
}

impl Row for BmcGlance {
    fn id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }
}

impl Glance for BmcGlance {
    fn status(&self) -> Option<&str> {
        self.instance_status.as_deref()
    }
    fn image(&self) -> Option<&str> {
        self.image_id.as_deref()
    }
}

fn record(row: BmcInstance) -> Result<Record, ReadFault> {
    let addresses = reads::addresses(
        [row.primary_public_ip_address.as_ref(), row.primary_public_ipv6_address.as_ref()],
        [row.public_ip_addresses.as_ref(), row.private_ip_addresses.as_ref(), row.ipv6_addresses.as_ref()],
    );
    Ok(Record {
        id: reads::server_id(row.instance_id.as_deref())?,
        name: row.instance_name,
        addresses,
        zone: row.zone_id,
        model: row.instance_type_id,
        image_name: row.image_name,
        seen: look(row.instance_status.as_deref().unwrap_or_default(), row.image_id.as_deref()),
        attributes: row.hostname.map(|name| (HOSTNAME.to_owned(), name)).into_iter().collect(),
    })
}

fn records(rows: Vec<BmcInstance>) -> Result<Vec<Record>, ReadFault> {
    reads::unique(rows.into_iter().map(record).collect::<Result<_, _>>()?)
}

impl Product for Bmc {
    fn entry(&self) -> &'static Entry {
        &super::PRODUCTS[super::BMC]
    }

    fn login(&self) -> &dyn Login {
        &self.account.login
    }

    fn endpoint(&self) -> &Url {
        &self.account.host
    }

    fn region(&self) -> Option<&str> {
        None
    }

    fn account(&self) -> String {
        self.account.login.account()
    }

    fn origins(&self) -> Vec<(&'static str, String)> {
        self.account.login.origins().to_vec()
    }

    fn find<'a>(&'a self, api: &'a dyn Api, refs: &'a [Ref]) -> Reading<'a, Vec<Record>> {
        Box::pin(async move {
            match reads::ids_of(refs) {
                Some(ids) => records(reads::by_ids(api, &self.account, BMC, &ids).await?),
                None => self.list(api).await,
            }
        })
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(async move { records(reads::pages(api, &self.account, BMC, "DescribeInstances", Map::new()).await?) })
    }

    fn images<'a>(&'a self, api: &'a dyn Api, server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(async move {
            let model = server.and_then(|record| record.model.as_deref());
            let images = self.offered(api, model).await?;
            Ok(images
                .into_iter()
                .filter_map(|image| {
                    Some(Image {
                        id: image.image_id?,
                        name: image.image_name,
                        os: image.catalog.or(image.os_type),
                        offered_for: model.map(str::to_owned),
                    })
                })
                .collect())
        })
    }

    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(reads::keys(api, &self.account))
    }

    fn check(&self, wish: &Wish, _secrets: &OrderSecrets) -> Result<(), Refusal> {
        if let Some(name) = &wish.hostname {
            rules::hostname(name)?;
        }
        if let Some(value) = wish.fields.get("ipxeUrl") {
            rules::ipxe_url(value.as_str().unwrap_or_default())?;
            if wish.image.is_some() {
                return Err(Refusal::usage(
                    "ipxe_or_image",
                    "`ipxeUrl` takes the place of an image",
                    "leave out `--image` or `--set ipxeUrl=…`",
                ));
            }
            if wish.fields.contains_key("partitions") {
                return Err(Refusal::usage(
                    "bad_field",
                    "`partitions` needs an image; with `ipxeUrl` there is none",
                    "leave out one of the two",
                ));
            }
        }
        if let Some(value) = wish.fields.get("raidConfig") {
            rules::raid_config(value)?;
        }
        if let Some(value) = wish.fields.get("partitions") {
            rules::partitions(value)?;
        }
        if let Some(value) = wish.fields.get("nic") {
            rules::nic(value)?;
        }
        rules::one_login(wish)
    }

    fn admit(&self, seen: &Observation, _wish: &Wish) -> Admission {
        match seen.phase {
            Phase::Running | Phase::Stopped => Admission::Go,
            Phase::Installing | Phase::Changing => Admission::Busy(seen.status.clone()),
            // The documentation does not say whether a failed installation may be repeated: the provider decides.
            Phase::Failed if seen.status.eq_ignore_ascii_case("INSTALL_FAILED") => Admission::Go,
            Phase::Failed | Phase::Gone | Phase::Unknown => Admission::No(rules::wrong_state(&seen.status)),
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
        Box::pin(reads::observe::<BmcGlance>(api, &self.account, BMC, look, watches))
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        self.account.call(BMC, "ReinstallInstance", &calls::order_body(order))
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        calls::judge(ids, answer)
    }

    fn stop(&self, _server: &Prepared, _mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        None
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        Some(self.account.call(BMC, "StartInstances", &json!({ "instanceIds": [server.record.id.as_str()] })))
    }

    fn judge_power(&self, id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        calls::judge_power(id, answer)
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        calls::fault(answer)
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        calls::request_id(answer)
    }
}

#[cfg(test)]
mod tests;
