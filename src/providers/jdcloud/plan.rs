//! Settling one server's order: image, key pair, and the fields that the call demands and the server tells.

use super::Cps;
use super::fields::{IMAGE_TYPES, SECURITY_TOKEN};
use super::wire::{InstanceRaid, Os, Raid};
use crate::model::{Choice, FaultClass, KeyPair, Phase, PowerOff, PowerPlan, Prepared, Record, Refusal, Wish};
use crate::wire::Api;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const FROM_SERVER: &str = "from the server";
const FROM_SET: &str = "from --set";

/// How many candidates a refusal lists.
const CANDIDATES: usize = 12;

/// A value with its origin.
struct Settled {
    value: String,
    origin: &'static str,
}

impl Settled {
    fn line(&self, name: Option<&str>) -> String {
        match name {
            Some(name) => format!("{} ({name}), {}", self.value, self.origin),
            None => format!("{}, {}", self.value, self.origin),
        }
    }
}

impl Cps {
    /// Settles everything for one server, with reads only.
    pub(super) async fn settle(
        &self,
        api: &dyn Api,
        mut record: Record,
        power: PowerPlan,
        wish: &Wish,
    ) -> Result<Prepared, Refusal> {
        self.complete(api, &mut record, wish).await?;
        let Some(model) = record.model.clone() else {
            return Err(untold(&record, "deviceType", "its images cannot be told; ask the provider's support"));
        };
        let az = required(&record, wish, "az")?;
        let image_type = image_type(&record, wish)?;
        let (os, offered) = self.image(api, &record, &model, wish).await?;
        let raids = self.raid(api, &record, &model, wish).await?;
        let key = self.key_pair(api, &os, wish).await?;
        let keep = wish.keep_data.unwrap_or(true);
        if keep {
            keeps_its_raid(&record, raids.data.as_ref())?;
        }

        let mut body = Map::new();
        body.insert("az".to_owned(), json!(az.value));
        body.insert("imageType".to_owned(), json!(image_type.value));
        body.insert("osTypeId".to_owned(), json!(os.os_type_id));
        body.insert("sysRaidTypeId".to_owned(), json!(raids.system.value));
        if let Some(data) = &raids.data {
            body.insert("dataRaidTypeId".to_owned(), json!(data.value));
        }
        body.insert("keepData".to_owned(), json!(if keep { "yes" } else { "no" }));
        if let Some(hostname) = &wish.hostname {
            body.insert("hostname".to_owned(), json!(hostname));
        }
        if let Some(key) = &key {
            body.insert("keypairId".to_owned(), json!(key.id));
        }

        let mut lines = vec![
            ("zone".to_owned(), az.line(None)),
            ("image type".to_owned(), image_type.line(None)),
            ("system RAID".to_owned(), raids.system.line(raids.system_name.as_deref())),
            (
                "data RAID".to_owned(),
                match &raids.data {
                    Some(data) => data.line(raids.data_name.as_deref()),
                    None => "left out: the provider does not tell one for this server".to_owned(),
                },
            ),
            ("data disks".to_owned(), if keep { "kept" } else { "WIPED" }.to_owned()),
        ];
        if !offered {
            let line = "the present one; it is not offered for this model any more: the provider decides";
            lines.push(("image".to_owned(), line.to_owned()));
        }
        if let Some(key) = &key {
            lines.push(("key pair".to_owned(), named(&key.id, key.name.as_deref())));
        }
        if let Some(hostname) = &wish.hostname {
            lines.push(("host name".to_owned(), hostname.clone()));
        }
        if wish.user_data {
            lines.push(("user data".to_owned(), "runs at the first boot".to_owned()));
        }
        if power == PowerPlan::StopFirst && wish.power_off == PowerOff::Hard {
            lines
                .push(("power off".to_owned(), "the provider has one way to stop; `hard` is the same call".to_owned()));
        }
        if let Some(origin) = self.token_origin(wish) {
            lines.push(("operation protection".to_owned(), format!("a token goes along, {origin}")));
        }

        let must_change = must_change(&record, &body);
        Ok(Prepared {
            image: Some((os.os_type_id, os.os_name)),
            record,
            power,
            body: Value::Object(body),
            lines,
            must_change,
            ends: Phase::Running,
        })
    }

    fn token_origin(&self, wish: &Wish) -> Option<&'static str> {
        if wish.fields.contains_key(SECURITY_TOKEN) {
            return Some(FROM_SET);
        }
        self.key.operation_token().map(|_| "from JDCLOUD_SECURITY_TOKEN")
    }

    /// Reads what the list left out, from the server itself.
    async fn complete(&self, api: &dyn Api, record: &mut Record, wish: &Wish) -> Result<(), Refusal> {
        let known = |record: &Record, name: &str| record.attributes.contains_key(name);
        let wanted = ["az", "osTypeId", "sysRaidTypeId", "dataRaidTypeId"];
        if record.model.is_none() || wanted.iter().any(|name| !known(record, name)) {
            let instance = self.instance(api, &record.id).await?;
            if let Some(fuller) = super::read::record(&instance) {
                for (name, value) in fuller.attributes {
                    record.attributes.entry(name).or_insert(value);
                }
                for (name, value) in fuller.seen.marks {
                    record.seen.marks.entry(name).or_insert(value);
                }
                record.model = record.model.take().or(fuller.model);
                record.image_name = record.image_name.take().or(fuller.image_name);
                record.seen.image = record.seen.image.take().or(fuller.seen.image);
            }
        }
        let missing = |name: &str| !known(record, name) && !wish.fields.contains_key(name);
        if missing("sysRaidTypeId") || missing("dataRaidTypeId") {
            let raid = match self.instance_raid(api, &record.id).await {
                Ok(raid) => raid,
                // A server may have none to tell; a field that is needed then is named by its own refusal.
                Err(fault) if matches!(fault.class, FaultClass::NotFound | FaultClass::Invalid) => {
                    InstanceRaid::default()
                }
                Err(fault) => return Err(fault.into()),
            };
            for (name, value) in [
                ("sysRaidTypeId", raid.sys_raid_type_id),
                ("sysRaidType", raid.sys_raid_type),
                ("dataRaidTypeId", raid.data_raid_type_id),
                ("dataRaidType", raid.data_raid_type),
            ] {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    record.attributes.entry(name.to_owned()).or_insert(value);
                }
            }
        }
        Ok(())
    }

    /// Finds the ordered image among those that the provider offers for the model; the present one may be missing
    /// there.
    async fn image(&self, api: &dyn Api, record: &Record, model: &str, wish: &Wish) -> Result<(Os, bool), Refusal> {
        let set = set(wish, "osTypeId");
        let choice = match (&wish.image, set) {
            (Some(Choice::Id(id)), Some(set)) if id != set => return Err(two_images()),
            (Some(Choice::Name(_)), Some(_)) => return Err(two_images()),
            (Some(choice), _) => choice.clone(),
            (None, Some(set)) => Choice::Id(set.to_owned()),
            (None, None) => match record.attributes.get("osTypeId") {
                Some(id) => Choice::Id(id.clone()),
                None => return Err(untold(record, "osTypeId", "choose an image with `--image`")),
            },
        };
        let oss = self.oss(api, model).await?;
        let matching: Vec<&Os> = oss
            .iter()
            .filter(|os| match &choice {
                Choice::Id(id) => os.os_type_id == *id,
                Choice::Name(name) => os.os_name.as_deref() == Some(name),
            })
            .collect();
        match matching[..] {
            [os] => Ok((os.clone(), true)),
            // What runs there now may be retired from the list; whether it can be installed again, the provider decides.
            [] if wish.image.is_none() && set.is_none() => {
                let os = Os {
                    os_type_id: record.attributes.get("osTypeId").cloned().unwrap_or_default(),
                    os_name: record.image_name.clone(),
                    os_type: record.attributes.get("osType").cloned(),
                    device_type: Some(model.to_owned()),
                };
                Ok((os, false))
            }
            [] => Err(Refusal::usage(
                "no_such_image",
                format!("image `{choice}` is not offered for model {model}"),
                format!("choose one with `--image`: {}", list(oss.iter().map(os_text))),
            )),
            _ => Err(Refusal::usage(
                "ambiguous_image",
                format!("image `{choice}` means {} images of model {model}", matching.len()),
                format!("choose one by its id: {}", list(matching.iter().copied().map(os_text))),
            )),
        }
    }

    async fn key_pair(&self, api: &dyn Api, os: &Os, wish: &Wish) -> Result<Option<KeyPair>, Refusal> {
        let Some(choice) = &wish.key else { return Ok(None) };
        if os.os_type.as_deref().is_some_and(|os| os.to_ascii_lowercase().contains("windows")) {
            return Err(Refusal::usage(
                "key_with_windows",
                "key pairs work with Linux images alone, and this image is Windows",
                "leave out `--ssh-key`",
            ));
        }
        let mut keys = self.keypairs(api).await?;
        let matches = |key: &KeyPair| match choice {
            Choice::Id(id) => key.id == *id,
            Choice::Name(name) => key.name.as_deref() == Some(name),
        };
        let text = |key: &KeyPair| named(&key.id, key.name.as_deref());
        let matching: Vec<usize> = (0..keys.len()).filter(|&place| matches(&keys[place])).collect();
        match matching[..] {
            [place] => Ok(Some(keys.swap_remove(place))),
            [] => Err(Refusal::usage(
                "no_such_key",
                format!("key pair `{choice}` is not in region {}", self.key.region()),
                format!("choose one with `--ssh-key`: {}", list(keys.iter().map(text))),
            )),
            _ => Err(Refusal::usage(
                "ambiguous_key",
                format!("key pair `{choice}` means {} key pairs", matching.len()),
                format!("choose one by its id: {}", list(matching.iter().map(|&place| text(&keys[place])))),
            )),
        }
    }

    async fn raid(&self, api: &dyn Api, record: &Record, model: &str, wish: &Wish) -> Result<Raids, Refusal> {
        let system = required(record, wish, "sysRaidTypeId")?;
        let data = settled(record, wish, "dataRaidTypeId");
        let present = |name: &str| record.attributes.get(name);
        let mut raids = Raids {
            system_name: present("sysRaidType").cloned(),
            data_name: present("dataRaidType").cloned(),
            system,
            data,
        };
        // Present values need no list; others are checked against it before anything is stopped.
        let other_system = present("sysRaidTypeId") != Some(&raids.system.value);
        let other_data = raids.data.as_ref().is_some_and(|data| present("dataRaidTypeId") != Some(&data.value));
        if !other_system && !other_data {
            return Ok(raids);
        }
        let offered = self.raids(api, model).await?;
        if other_system {
            raids.system_name = offered_raid(&offered, "system", "sysRaidTypeId", &raids.system.value, model)?;
        }
        if let Some(data) = raids.data.as_ref().filter(|_| other_data) {
            raids.data_name = offered_raid(&offered, "data", "dataRaidTypeId", &data.value, model)?;
        }
        Ok(raids)
    }
}

/// RAID levels as they will be ordered.
struct Raids {
    system: Settled,
    system_name: Option<String>,
    data: Option<Settled>,
    data_name: Option<String>,
}

fn offered_raid(offered: &[Raid], volume: &str, field: &str, id: &str, model: &str) -> Result<Option<String>, Refusal> {
    let fits = |raid: &&Raid| raid.volume_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case(volume));
    match offered.iter().filter(fits).find(|raid| raid.raid_type_id == id) {
        Some(raid) => Ok(raid.raid_type.clone()),
        None => Err(Refusal::usage(
            "no_such_raid",
            format!("`{field}` `{id}` is not a RAID level of model {model} for {volume} disks"),
            format!(
                "choose one with `--set {field}=ID`: {}",
                list(offered.iter().filter(fits).map(|raid| named(&raid.raid_type_id, raid.raid_type.as_deref())))
            ),
        )),
    }
}

/// Another RAID level formats the data disks, so it cannot go with keeping them.
fn keeps_its_raid(record: &Record, data: Option<&Settled>) -> Result<(), Refusal> {
    let Some(data) = data else { return Ok(()) };
    let problem = match record.attributes.get("dataRaidTypeId") {
        Some(present) if *present == data.value => return Ok(()),
        Some(present) => format!("the data RAID would change from {present} to {}, which formats", data.value),
        None => format!("the provider does not tell the present data RAID, and setting {} may format", data.value),
    };
    Err(Refusal::usage(
        "raid_change_wipes_data",
        format!("{problem} the data disks that are to be kept"),
        "leave out `--set dataRaidTypeId`, or give `--wipe-data`",
    ))
}

fn image_type(record: &Record, wish: &Wish) -> Result<Settled, Refusal> {
    let Some(mut settled) = settled(record, wish, "imageType") else {
        // The other kind is no longer offered for reinstalling.
        return Ok(Settled { value: "standard".to_owned(), origin: "default" });
    };
    // One version of the provider's page writes the words with capitals.
    settled.value.make_ascii_lowercase();
    if IMAGE_TYPES.contains(&settled.value.as_str()) {
        return Ok(settled);
    }
    Err(Refusal::usage(
        "bad_image_type",
        format!(
            "the image type is `{}` ({}), and the call takes {}",
            settled.value,
            settled.origin,
            IMAGE_TYPES.join(" or ")
        ),
        "give `--set imageType=standard`",
    ))
}

fn set<'w>(wish: &'w Wish, name: &str) -> Option<&'w str> {
    wish.fields.get(name).and_then(Value::as_str).filter(|value| !value.is_empty())
}

fn settled(record: &Record, wish: &Wish, name: &str) -> Option<Settled> {
    if let Some(value) = set(wish, name) {
        return Some(Settled { value: value.to_owned(), origin: FROM_SET });
    }
    record.attributes.get(name).map(|value| Settled { value: value.clone(), origin: FROM_SERVER })
}

fn required(record: &Record, wish: &Wish, name: &str) -> Result<Settled, Refusal> {
    settled(record, wish, name).ok_or_else(|| untold(record, name, &format!("give `--set {name}=VALUE`")))
}

/// Marks that the order changes: those whose present value is known and differs.
fn must_change(record: &Record, body: &Map<String, Value>) -> BTreeMap<String, Option<String>> {
    let ordered = |name: &str| body.get(name).and_then(Value::as_str);
    record
        .seen
        .marks
        .iter()
        .filter_map(|(name, present)| {
            let ordered = ordered(name).filter(|ordered| ordered != present)?;
            Some((name.clone(), Some(ordered.to_owned())))
        })
        .collect()
}

fn two_images() -> Refusal {
    Refusal::usage("two_images", "`--image` and `--set osTypeId` name different images", "give only one of them")
}

fn untold(record: &Record, name: &str, next_step: &str) -> Refusal {
    Refusal::usage(
        "missing_field",
        format!("the order needs `{name}`, and the provider does not tell it for {}", record.id),
        next_step,
    )
}

fn os_text(os: &Os) -> String {
    named(&os.os_type_id, os.os_name.as_deref())
}

fn named(id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{id} ({name})"),
        None => id.to_owned(),
    }
}

/// Joins candidates; a long list is cut, and says so.
fn list(candidates: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = candidates.collect();
    match all.len() {
        0 => "there are none".to_owned(),
        count if count <= CANDIDATES => all.join(", "),
        count => format!("{}, and {} more", all[..CANDIDATES].join(", "), count - CANDIDATES),
    }
}
