//! Zenlayer elastic compute: `ResetInstance` (documentation: compute/zec/instance/resetinstance).

mod images;

use super::calls::{self, Account, ZEC};
use super::reads::{self, Glance, Row};
use super::rules;
use super::wire::{TimeZones, ZecGlance, ZecImage, ZecInstance};
use crate::model::{
    ApiError, Choice, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan,
    Prepared, Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Judgement, Product, SetupError, Sources};
use crate::wire::{Api, Login, ReadFault, Reading, WireRequest, WireResponse};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Name of the product.
pub(super) const ID: &str = "zenlayer-zec";

const AGENT: &str = "enableAgent";
const TIME_ZONE: &str = "timeZone";
/// Size of the system disk in GiB.
const DISK: &str = "systemDisk.diskSize";

/// Zenlayer elastic compute, ready to be asked.
pub(super) struct Zec {
    account: Account,
}

impl Zec {
    /// Reads credentials and address.
    pub(super) fn new(sources: &dyn Sources) -> Result<Self, SetupError> {
        Ok(Self { account: Account::read(sources)? })
    }

    async fn offered(&self, api: &dyn Api, zone: &str) -> Result<Vec<ZecImage>, ReadFault> {
        let filter = Map::from_iter([("zoneId".to_owned(), zone.into())]);
        reads::pages(api, &self.account, ZEC, "DescribeImages", filter).await
    }

    async fn settle(&self, api: &dyn Api, record: Record, power: PowerPlan, wish: &Wish) -> Result<Prepared, Refusal> {
        let mut lines = Vec::new();
        let Some(zone) = record.zone.as_deref() else {
            return Err(ReadFault::malformed(format!("the provider tells no zone for server {}", record.id)).into());
        };
        let offered = self.offered(api, zone).await?;
        let (id, name, image) = images::pick(&record, wish, &offered, &mut lines)?;
        if let Some(image) = image {
            images::fits(&record, &offered, image)?;
            images::check_login(image, wish)?;
        }
        let mut body = json!({ "instanceId": record.id.as_str(), "imageId": id });
        let mut must_change = BTreeMap::new();
        if record.seen.image.as_deref() != Some(&id) {
            must_change.insert(reads::IMAGE_MARK.to_owned(), Some(id.clone()));
        }
        if let Some(choice) = &wish.key {
            let keys = reads::keys(api, &self.account).await?;
            let key = rules::resolve("key pair", "--ssh-key", choice, &keys, |key| (&key.id, key.name.as_deref()))?;
            body["keyId"] = key.id.clone().into();
        }
        self.settle_time_zone(api, &record, wish, &mut body, &mut lines).await?;
        settle_agent(&record, wish, &mut body, &mut lines);
        if let Some(new_name) = wish.fields.get("instanceName").and_then(Value::as_str) {
            body["instanceName"] = new_name.into();
            lines.push(("name".to_owned(), format!("{new_name} (from --set)")));
        }
        if !wish.login.password && wish.key.is_none() {
            lines.push(("login".to_owned(), "none sent: the image brings its own".to_owned()));
        }
        lines.push(("disks".to_owned(), "the system disk is wiped".to_owned()));
        Ok(Prepared { record, image: Some((id, name)), power, body, lines, must_change, ends: Phase::Running })
    }

    async fn settle_time_zone(
        &self,
        api: &dyn Api,
        record: &Record,
        wish: &Wish,
        body: &mut Value,
        lines: &mut Vec<(String, String)>,
    ) -> Result<(), Refusal> {
        let Some(zone) = wish.fields.get("timezone").and_then(Value::as_str) else {
            if let Some(zone) = record.attributes.get(TIME_ZONE) {
                lines.push(("time zone".to_owned(), format!("{zone} (unchanged, from the server)")));
            }
            return Ok(());
        };
        let answer = api.read(self.account.call(ZEC, "DescribeTimeZones", &json!({}))).await?;
        let known: TimeZones = calls::inner(&answer)?;
        let known = known.time_zones.ok_or_else(|| ReadFault::malformed("the answer has no `timeZones`".to_owned()))?;
        rules::resolve("time zone", "--set timezone=…", &Choice::Id(zone.to_owned()), &known, |zone| (zone, None))?;
        // Spelt differently here than in the server's own record.
        body["timezone"] = zone.into();
        lines.push(("time zone".to_owned(), format!("{zone} (from --set)")));
        Ok(())
    }
}

/// Sends the guest agent's present state: left out, the provider's default would turn it off.
fn settle_agent(record: &Record, wish: &Wish, body: &mut Value, lines: &mut Vec<(String, String)>) {
    let word = |on: bool| if on { "on" } else { "off" };
    let present: Option<bool> = record.attributes.get(AGENT).and_then(|text| text.parse().ok());
    let (value, line) = match (wish.fields.get(AGENT).and_then(Value::as_bool), present) {
        (Some(on), _) => (Some(on), format!("{} (from --set)", word(on))),
        (None, Some(on)) => (Some(on), format!("{} (from the server)", word(on))),
        (None, None) => (None, "off (the provider's default; the server does not tell its state)".to_owned()),
    };
    if let Some(on) = value {
        body[AGENT] = on.into();
    }
    lines.push(("guest agent".to_owned(), line));
}

/// What a status means. The page names `DEPLOYING` for a reset, the official Terraform provider waits on
/// `REBUILDING`: both are a reset under way.
fn phase(word: &str) -> Phase {
    match word.to_ascii_uppercase().as_str() {
        "RUNNING" => Phase::Running,
        "STOPPED" => Phase::Stopped,
        "DEPLOYING" | "REBUILDING" => Phase::Installing,
        "REINSTALL_FAILED" | "CREATE_FAILED" => Phase::Failed,
        "REBOOT" | "BOOTING" | "STARTING" | "STOPPING" | "IMAGING" | "RESIZING" | "PENDING" => Phase::Changing,
        "RELEASING" | "RECYCLE" | "RECYCLING" => Phase::Gone,
        _ => Phase::Unknown,
    }
}

fn look(word: &str, image: Option<&str>) -> Observation {
    let mut seen = reads::observation(word, phase(word), image);
    if seen.phase == Phase::Failed {
        seen.error = Some(
            ApiError::local("install_failed", "the provider reports that the reset failed".to_owned())
                .advise("the documentation sends failed resets to Zenlayer support; name server and time"),
        );
    }
    seen
}

impl Row for ZecInstance {
    fn id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }
}

impl Row for ZecImage {
    fn id(&self) -> Option<&str> {
        self.image_id.as_deref()
    }
}

impl Row for ZecGlance {
    fn id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }
}

impl Glance for ZecGlance {
    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }
    fn image(&self) -> Option<&str> {
        self.image_id.as_deref()
    }
}

fn record(row: ZecInstance) -> Result<Record, ReadFault> {
    let addresses =
        reads::addresses([None, None], [row.public_ip_addresses.as_ref(), row.private_ip_addresses.as_ref(), None]);
    let disk = row.system_disk.and_then(|disk| disk.disk_size);
    let attributes = [
        (TIME_ZONE, row.time_zone.filter(|zone| !zone.is_empty())),
        (AGENT, row.enable_agent.map(|on| on.to_string())),
        (DISK, disk.map(|size| size.to_string())),
    ];
    Ok(Record {
        id: reads::server_id(row.instance_id.as_deref())?,
        name: row.instance_name,
        addresses,
        zone: row.zone_id,
        model: row.instance_type,
        image_name: row.image_name,
        seen: look(row.status.as_deref().unwrap_or_default(), row.image_id.as_deref()),
        attributes: attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
    })
}

fn records(rows: Vec<ZecInstance>) -> Result<Vec<Record>, ReadFault> {
    reads::unique(rows.into_iter().map(record).collect::<Result<_, _>>()?)
}

impl Product for Zec {
    fn entry(&self) -> &'static Entry {
        &super::PRODUCTS[super::ZEC]
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
                Some(ids) => records(reads::by_ids(api, &self.account, ZEC, &ids).await?),
                None => self.list(api).await,
            }
        })
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(async move { records(reads::pages(api, &self.account, ZEC, "DescribeInstances", Map::new()).await?) })
    }

    /// Images belong to zones; without a server, those of every zone in which the account has one.
    fn images<'a>(&'a self, api: &'a dyn Api, server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(async move {
            let zones: BTreeSet<String> = match server {
                Some(record) => record.zone.clone().into_iter().collect(),
                None => self.list(api).await?.into_iter().filter_map(|record| record.zone).collect(),
            };
            let mut all = Vec::new();
            for zone in &zones {
                let offered = self.offered(api, zone).await?;
                let installable = |image: &ZecImage| match server {
                    Some(record) => images::fits(record, &offered, image).is_ok(),
                    None => image.image_status.as_deref().is_none_or(|word| word.eq_ignore_ascii_case("AVAILABLE")),
                };
                all.extend(offered.iter().filter(|image| installable(image)).filter_map(|image| {
                    Some(Image {
                        id: image.image_id.clone()?,
                        name: image.image_name.clone(),
                        os: image.category.clone().or_else(|| image.os_type.clone()),
                        offered_for: Some(zone.clone()),
                    })
                }));
            }
            Ok(all)
        })
    }

    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(reads::keys(api, &self.account))
    }

    fn check(&self, wish: &Wish, _secrets: &OrderSecrets) -> Result<(), Refusal> {
        if let Some(value) = wish.fields.get("instanceName") {
            rules::instance_name(value.as_str().unwrap_or_default())?;
        }
        rules::one_login(wish)
    }

    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission {
        match seen.phase {
            Phase::Stopped => Admission::Go,
            Phase::Running if wish.power_off == PowerOff::Never => Admission::No(Refusal::guard(
                "must_be_stopped",
                "it is running, and the provider reinstalls only stopped servers",
                "stop it first, or allow it with `--power-off soft`",
            )),
            Phase::Running => Admission::StopFirst,
            Phase::Installing | Phase::Changing => Admission::Busy(seen.status.clone()),
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

    /// Looks with `DescribeInstances` rather than `DescribeInstancesStatus`: it shows the image too, and a
    /// changed image proves a start that fell between two looks.
    fn observe<'a>(&'a self, api: &'a dyn Api, watches: &'a [Watch]) -> Answering<'a, Vec<(ServerId, Seen)>> {
        Box::pin(reads::observe::<ZecGlance>(api, &self.account, ZEC, look, watches))
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        self.account.call(ZEC, "ResetInstance", &calls::order_body(order))
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        calls::judge(ids, answer)
    }

    /// Always says whether to force: left out, the provider forces.
    fn stop(&self, server: &Prepared, mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        let force = match mode {
            PowerOff::Soft => false,
            PowerOff::Hard => true,
            PowerOff::Never => return None,
        };
        let body = json!({ "instanceIds": [server.record.id.as_str()], "forceShutdown": force });
        Some(self.account.call(ZEC, "StopInstances", &body))
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        Some(self.account.call(ZEC, "StartInstances", &json!({ "instanceIds": [server.record.id.as_str()] })))
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
