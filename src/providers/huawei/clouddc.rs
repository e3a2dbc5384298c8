//! CloudDC: customers' own bare metal, reinstalled in batches and followed by their state.
//!
//! Source: CloudDC API reference, pages ReinstallOS, ShowInstanceStatus, ListInstances, ChangeServerPowerState.

mod look;
#[cfg(test)]
mod tests;

use super::account::Account;
use super::endpoints::below;
use super::wire::Taken;
use super::{fault, fields, images};
use crate::model::{
    ApiError, Choice, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan,
    Prepared, Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Judgement, Product, SetupError, Sources};
use crate::wire::{Api, Login, Reading, WireRequest, WireResponse};
use http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// Its line in the registry.
pub(super) const ENTRY: Entry = Entry {
    id: "huawei-clouddc",
    aliases: &[],
    about: "Huawei CloudDC: own bare metal in Huawei's rooms, batch call",
    facts: fields::CLOUDDC,
    fields: &[],
    build,
};

/// Content type of the documentation's requests.
const JSON: &str = "application/json;charset=UTF-8";
const REINSTALL: &str = "PUT /v1/{project_id}/instances/reinstall";
const POWER: &str = "PUT /v1/{project_id}/physicalservers/power-state";

struct CloudDc {
    account: Account,
    endpoint: Url,
}

fn build(sources: &dyn Sources) -> Result<Box<dyn Product>, SetupError> {
    let account = Account::read(sources)?;
    let endpoint = account.endpoints.clouddc.clone().ok_or_else(|| SetupError::NotInRegion {
        product: "huawei-clouddc",
        region: account.region.clone().unwrap_or_default(),
    })?;
    Ok(Box::new(CloudDc { account, endpoint }))
}

impl CloudDc {
    async fn settle(&self, api: &dyn Api, record: Record, power: PowerPlan, wish: &Wish) -> Result<Prepared, Refusal> {
        let project = self.account.project()?;
        let current = record.seen.image.clone();
        let mut must_change = BTreeMap::new();
        if record.seen.marks.contains_key("launched_at") {
            must_change.insert("launched_at".to_owned(), None);
        }
        // Named, the image is always sent: a call is for several servers, and not all of them may have it yet.
        let chosen = match &wish.image {
            None => None,
            Some(Choice::Id(id)) if current.as_ref() == Some(id) => Some((id.clone(), record.image_name.clone())),
            Some(choice) => {
                let image = images::resolve(api, &self.account, choice, images::Kind::Metal).await?;
                Some((image.id, image.name))
            }
        };
        let mut body = json!({"project_id": project});
        if let Some((id, _)) = &chosen {
            body["image_id"] = id.clone().into();
            if current.as_ref() != Some(id) {
                must_change.insert("image".to_owned(), Some(id.clone()));
            }
        }
        let image = chosen.or_else(|| current.map(|id| (id, record.image_name.clone())));
        let mut lines = vec![("call".to_owned(), "batch reinstall, one password for all servers of a call".to_owned())];
        if let Some(server) = record.attributes.get("server_id") {
            body["server_id"] = server.clone().into();
            lines.push(("physical server".to_owned(), format!("{server} (from the server)")));
        }
        if record.seen.phase == Phase::Stopped {
            lines.push(("note".to_owned(), "the documentation asks for a running server".to_owned()));
        }
        Ok(Prepared { image, power, body, lines, must_change, ends: Phase::Running, record })
    }
}

/// Reads which ids the answer names.
fn taken(answer: &WireResponse) -> Result<Vec<String>, ApiError> {
    match answer.parse::<Taken>() {
        Ok(taken) => Ok(taken.instances.into_iter().map(|row| row.id).collect()),
        Err(fault) => Err(fault.error),
    }
}

impl Product for CloudDc {
    fn entry(&self) -> &'static Entry {
        &super::VENDOR.products[1]
    }

    fn login(&self) -> &dyn Login {
        &self.account.login
    }

    fn endpoint(&self) -> &Url {
        &self.endpoint
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

    fn connect<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, ()> {
        Box::pin(self.account.connect(api))
    }

    fn find<'a>(&'a self, api: &'a dyn Api, refs: &'a [Ref]) -> Reading<'a, Vec<Record>> {
        Box::pin(look::find(api, &self.account, &self.endpoint, refs))
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(look::list(api, &self.account, &self.endpoint))
    }

    fn images<'a>(&'a self, api: &'a dyn Api, _server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(images::list(api, &self.account, images::Kind::Metal))
    }

    fn keys<'a>(&'a self, _api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        // The call takes a password and nothing else.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn check(&self, wish: &Wish, _secrets: &OrderSecrets) -> Result<(), Refusal> {
        if wish.key.is_some() || wish.login.none {
            return Err(Refusal::usage(
                "password_only",
                "CloudDC reinstalls with a password only",
                "give `--password-file PATH` or `--generate-password FILE`",
            ));
        }
        Ok(())
    }

    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission {
        let expects_stopped = wish
            .expect
            .iter()
            .any(|expected| expected.key == "status" && expected.value.eq_ignore_ascii_case(&seen.status));
        let word = match &seen.operation {
            Some(operation) => format!("{} ({})", seen.status, operation.word),
            None => seen.status.clone(),
        };
        let no = |why: &str, next_step: &str| {
            Admission::No(Refusal::guard("wrong_state", format!("the server is {word}: {why}"), next_step))
        };
        match seen.phase {
            // A failed installation may be tried again.
            Phase::Running | Phase::Failed => Admission::Go,
            Phase::Stopped if expects_stopped => Admission::Go,
            Phase::Stopped => no(
                "the documentation asks for a running one",
                "start it; or say that you know with `--expect status=stopped`",
            ),
            Phase::Installing | Phase::Changing => Admission::Busy(format!("its state is {word}")),
            Phase::Gone => no("it is being deleted", "check the id with `reinstall list`"),
            Phase::Unknown => no("no document explains this state", "look at it in the console, then run it again"),
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
        Box::pin(look::observe(api, &self.account, &self.endpoint, watches))
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        let first = order.batch[0];
        let project = first.body["project_id"].as_str().unwrap_or_default();
        let url = below(&self.endpoint, &["v1", project, "instances", "reinstall"], &[]);
        let mut document = Map::new();
        if let Some(image) = first.body["image_id"].as_str() {
            document.insert("image_id".to_owned(), image.into());
        }
        if let Some(password) = &order.secrets.password {
            document.insert("password".to_owned(), order.reveal.text(password).into());
        }
        // Always sent and never empty: nobody says what a call without it does.
        let ids: Vec<Value> = order.batch.iter().map(|server| server.record.id.as_str().into()).collect();
        document.insert("instance_id_set".to_owned(), ids.into());
        WireRequest::new(Method::PUT, url, REINSTALL).header("content-type", JSON).json(&document.into())
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        let taken = taken(answer);
        let inside = fault::inside(answer);
        let judgement = |id: &ServerId| match (&taken, &inside) {
            (Ok(taken), _) if taken.iter().any(|taken| taken == id.as_str()) => Judgement::Accepted { ticket: None },
            (Ok(_), _) => Judgement::Unclear(ApiError::local(
                "malformed_answer",
                "the answer does not name this server among those it took".to_owned(),
            )),
            (Err(_), Some(error)) => Judgement::NotSuccessful(error.clone()),
            (Err(error), None) => Judgement::Unclear(error.clone()),
        };
        ids.iter().map(|id| (id.clone(), judgement(id))).collect()
    }

    fn stop(&self, _server: &Prepared, _mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        None
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        let project = server.body["project_id"].as_str()?;
        // Power is the physical server's, which has an id of its own.
        let machine = server.body["server_id"].as_str()?;
        let url = below(&self.endpoint, &["v1", project, "physicalservers", "power-state"], &[]);
        let document = json!({"action": "power on", "server_id_set": [machine]});
        Some(WireRequest::new(Method::PUT, url, POWER).header("content-type", JSON).json(&document))
    }

    fn judge_power(&self, _id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        match taken(answer) {
            Ok(taken) if !taken.is_empty() => Ok(()),
            Ok(_) => Err(ApiError::local("malformed_answer", "the answer names no server".to_owned())),
            Err(error) => Err(fault::inside(answer).unwrap_or(error)),
        }
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        fault::fault(answer)
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        fault::request_id(answer)
    }
}
