//! Elastic Cloud Server: one server a call, followed by its job.
//!
//! Sources: ECS API reference of Huawei Cloud (`ecs_02_0201`, `ecs_02_0203`) and of Open Telekom Cloud
//! (`en-us_topic_0077841398`, `en-us_topic_0067876349`, `en-us_topic_0067876971`).

#[cfg(test)]
mod answers_tests;
mod look;
mod plan;
#[cfg(test)]
mod tests;

use super::account::Account;
use super::endpoints::{below, is_otc};
use super::wire::Task;
use super::{fault, fields, images, keys};
use crate::model::{
    ApiError, FaultClass, HandleState, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan,
    Prepared, Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Judgement, Product, SetupError, Sources};
use crate::wire::{Api, Login, Reading, WireRequest, WireResponse};
use http::Method;
use serde_json::{Value, json};
use url::Url;

/// Its line in the registry.
pub(super) const ENTRY: Entry = Entry {
    id: "huawei-ecs",
    aliases: &[],
    about: "Huawei-style ECS: Huawei Cloud, Open Telekom Cloud and relatives",
    facts: fields::ECS,
    fields: fields::ECS_FIELDS,
    build,
};

/// Content type of the documentation's requests.
const JSON: &str = "application/json;charset=UTF-8";

struct Ecs {
    account: Account,
}

fn build(sources: &dyn Sources) -> Result<Box<dyn Product>, SetupError> {
    Ok(Box::new(Ecs { account: Account::read(sources)? }))
}

impl Ecs {
    fn action(&self, server: &Prepared, document: &Value, label: &'static str) -> WireRequest {
        let project = server.body["project_id"].as_str().unwrap_or_default();
        let url = below(&self.account.endpoints.ecs, &["v1", project, "cloudservers", "action"], &[]);
        WireRequest::new(Method::POST, url, label).header("content-type", JSON).json(document)
    }
}

/// Reads the answer to a call that begins a task.
fn task(answer: &WireResponse) -> Result<String, ApiError> {
    match answer.parse::<Task>() {
        Ok(task) if !task.job_id.is_empty() => Ok(task.job_id),
        Ok(_) => Err(ApiError::local("malformed_answer", "the answer names no job".to_owned())),
        Err(fault) => Err(fault.error),
    }
}

impl Product for Ecs {
    fn entry(&self) -> &'static Entry {
        &super::VENDOR.products[0]
    }

    fn login(&self) -> &dyn Login {
        &self.account.login
    }

    fn endpoint(&self) -> &Url {
        &self.account.endpoints.ecs
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
        Box::pin(look::find(api, &self.account, refs))
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(look::list(api, &self.account))
    }

    fn images<'a>(&'a self, api: &'a dyn Api, _server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(images::list(api, &self.account, images::Kind::Virtual))
    }

    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(keys::list(api, &self.account))
    }

    fn check(&self, wish: &Wish, _secrets: &OrderSecrets) -> Result<(), Refusal> {
        let otc = self.account.region.as_deref().is_some_and(is_otc);
        if otc && (wish.login.password || wish.login.none) {
            return Err(Refusal::usage(
                "key_only",
                "Open Telekom Cloud reinstalls with a key pair only",
                "give `--ssh-key NAME` instead of a password or `--no-login`",
            ));
        }
        if wish.login.none && !wish.user_data {
            return Err(Refusal::usage(
                "login_needed",
                "without password and key pair the call needs user data",
                "give `--user-data FILE`, `--ssh-key NAME` or a password",
            ));
        }
        plan::metadata(wish).map(drop)
    }

    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission {
        if seen.marks.contains_key("locked") {
            return Admission::No(Refusal::guard(
                "locked",
                "the server is locked",
                "ask who locked it, unlock it in the console, then run it again",
            ));
        }
        if seen.marks.contains_key("frozen") {
            return Admission::No(Refusal::guard(
                "frozen",
                "the provider has frozen the server",
                "settle the account's bills in the console, then run it again",
            ));
        }
        if seen.handle == Some(HandleState::Working) {
            return Admission::Busy("its job is still running".to_owned());
        }
        let state = |why: &str| {
            Refusal::guard(
                "wrong_state",
                format!("the server is {}: {why}", seen.status),
                "look at it in the console, then run it again",
            )
        };
        match (seen.phase, wish.power_off) {
            // A server whose last reinstall failed may be reinstalled; the provider knows what failed.
            (Phase::Stopped | Phase::Failed, _) => Admission::Go,
            (Phase::Running, PowerOff::Soft) => Admission::StoppedByOrder,
            (Phase::Running, PowerOff::Hard) => Admission::StopFirst,
            (Phase::Running, PowerOff::Never) => Admission::No(Refusal::guard(
                "running",
                "the server is running and `--power-off never` was given",
                "stop it, or leave `--power-off` at `soft`",
            )),
            (Phase::Changing, _) if seen.status.to_ascii_uppercase().starts_with("SHELVED") => {
                Admission::No(state("it has no disk to reinstall"))
            }
            (Phase::Installing | Phase::Changing, _) => Admission::Busy(look::busy(seen)),
            (Phase::Gone, _) => Admission::No(state("it is being deleted")),
            (Phase::Unknown, _) => Admission::No(state("no document explains this state")),
        }
    }

    fn prepare<'a>(
        &'a self,
        api: &'a dyn Api,
        record: Record,
        power: PowerPlan,
        wish: &'a Wish,
    ) -> Answering<'a, Result<Prepared, Refusal>> {
        Box::pin(plan::prepare(api, &self.account, record, power, wish))
    }

    fn observe<'a>(&'a self, api: &'a dyn Api, watches: &'a [Watch]) -> Answering<'a, Vec<(ServerId, Seen)>> {
        Box::pin(look::observe(api, &self.account, watches))
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        let server = order.batch[0];
        let text = |key: &str| server.body[key].as_str().unwrap_or_default();
        let (version, call) = (text("api"), text("call"));
        let segments = [version, text("project_id"), "cloudservers", server.record.id.as_str(), call];
        let label = match (version, call) {
            ("v1", "reinstallos") => "POST /v1/{project_id}/cloudservers/{server_id}/reinstallos",
            ("v1", _) => "POST /v1/{project_id}/cloudservers/{server_id}/changeos",
            (_, "reinstallos") => "POST /v2/{project_id}/cloudservers/{server_id}/reinstallos",
            (_, _) => "POST /v2/{project_id}/cloudservers/{server_id}/changeos",
        };
        WireRequest::new(Method::POST, below(&self.account.endpoints.ecs, &segments, &[]), label)
            .header("content-type", JSON)
            .json(&plan::document(server, order.secrets, order.reveal))
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        let judgement = |_: &ServerId| match (task(answer), fault::inside(answer)) {
            // One job is one server's.
            (Ok(_), _) if ids.len() > 1 => {
                Judgement::Unclear(ApiError::local("malformed_answer", "one job for several servers".to_owned()))
            }
            (Ok(job), _) => Judgement::Accepted { ticket: Some(job) },
            (Err(_), Some(error)) => Judgement::NotSuccessful(error),
            (Err(error), None) => Judgement::Unclear(error),
        };
        ids.iter().map(|id| (id.clone(), judgement(id))).collect()
    }

    fn stop(&self, server: &Prepared, mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        let kind = match mode {
            PowerOff::Soft => "SOFT",
            PowerOff::Hard => "HARD",
            PowerOff::Never => return None,
        };
        let document = json!({"os-stop": {"type": kind, "servers": [{"id": server.record.id}]}});
        Some(self.action(server, &document, "POST /v1/{project_id}/cloudservers/action os-stop"))
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        let document = json!({"os-start": {"servers": [{"id": server.record.id}]}});
        Some(self.action(server, &document, "POST /v1/{project_id}/cloudservers/action os-start"))
    }

    fn judge_power(&self, _id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        task(answer).map(drop).map_err(|error| fault::inside(answer).unwrap_or(error))
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        fault::fault(answer)
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        fault::request_id(answer)
    }
}
