//! Hetzner Cloud: `POST /servers/{id}/actions/rebuild`.

use super::calls::{self, Account};
use super::images;
use super::reads::{self, ARCHITECTURE, IMAGE_MARK, PROTECTED};
use super::watching::{self, REBUILD_MARK};
use crate::model::{
    ApiError, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, Phase, PowerOff, PowerPlan, Prepared,
    Record, Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::providers::{Admission, Answering, Entry, Judgement, Product, SetupError, Sources};
use crate::secret::Secret;
use crate::wire::{Api, Login, Reading, WireRequest, WireResponse};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Hetzner Cloud, ready to be asked.
pub(super) struct Cloud {
    account: Account,
}

impl Cloud {
    /// Reads credentials and address.
    pub(super) fn new(sources: &dyn Sources) -> Result<Self, SetupError> {
        Ok(Self { account: Account::read(sources)? })
    }

    async fn settle(&self, api: &dyn Api, record: Record, power: PowerPlan, wish: &Wish) -> Result<Prepared, Refusal> {
        // A record can be settled whatever was said of its state.
        if record.seen.marks.contains_key(PROTECTED) {
            return Err(protected());
        }
        let image = images::settle(api, &self.account, &record, wish.image.as_ref()).await?;
        let id = image.id.to_string();
        let mut lines = Vec::new();
        lines.extend(images::old(&image).map(|text| ("image".to_owned(), text)));
        if wish.image.is_none() {
            lines.push(("image".to_owned(), "the present one (from the server)".to_owned()));
        }
        if power == PowerPlan::StoppedByOrder {
            lines.push(("power".to_owned(), "the provider cuts it for the rebuild".to_owned()));
        }
        let keys = "those of the server's first day, where it was made with some";
        lines.push(("ssh keys".to_owned(), format!("{keys}; new ones only by user data")));
        let again = "none sent: what the server was given before is used again";
        if !wish.user_data {
            lines.push(("user data".to_owned(), again.to_owned()));
        }
        let mut must_change = BTreeMap::from([(REBUILD_MARK.to_owned(), None)]);
        if record.seen.image.as_deref() != Some(&id) {
            must_change.insert(IMAGE_MARK.to_owned(), Some(id.clone()));
        }
        let body = json!({ "image": image.id });
        let image = Some((id, images::title(&image)));
        Ok(Prepared { record, image, power, body, lines, must_change, ends: Phase::Running })
    }

    fn power(&self, label: &'static str, server: &Prepared, action: &str) -> WireRequest {
        self.account.post(label, &["servers", server.record.id.as_str(), "actions", action], None)
    }
}

fn protected() -> Refusal {
    Refusal::guard(
        "protected",
        "a person protected it against rebuilds",
        "ask, lift the protection at the provider (`hcloud server disable-protection ID rebuild`), then run it again",
    )
}

fn state(why: &str) -> Refusal {
    Refusal::guard("wrong_state", why, "look at it at the provider; it must be running or off")
}

impl Product for Cloud {
    fn entry(&self) -> &'static Entry {
        &super::PRODUCTS[0]
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
        Box::pin(reads::find(api, &self.account, refs))
    }

    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>> {
        Box::pin(reads::servers(api, &self.account))
    }

    fn images<'a>(&'a self, api: &'a dyn Api, server: Option<&'a Record>) -> Reading<'a, Vec<Image>> {
        Box::pin(async move {
            let architecture = server.and_then(|record| record.attributes.get(ARCHITECTURE)).map(String::as_str);
            let rows = images::offered(api, &self.account, architecture).await?;
            Ok(rows
                .into_iter()
                .filter(images::available)
                .map(|image| Image {
                    id: image.id.to_string(),
                    name: images::title(&image),
                    os: image.os_flavor.map(|flavour| match image.os_version {
                        Some(version) => format!("{flavour} {version}"),
                        None => flavour,
                    }),
                    offered_for: image.architecture,
                })
                .collect())
        })
    }

    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>> {
        Box::pin(reads::keys(api, &self.account))
    }

    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission {
        if seen.marks.contains_key(PROTECTED) {
            return Admission::No(protected());
        }
        if let Some(operation) = &seen.operation {
            return Admission::Busy(format!("{} ({} by another action)", seen.status, operation.word));
        }
        match (seen.phase, wish.power_off) {
            (Phase::Stopped, _) => Admission::Go,
            (Phase::Running, PowerOff::Never) => Admission::No(Refusal::guard(
                "running",
                "it is running, and the provider cuts its power for a rebuild",
                "stop it, or leave `--power-off` at `soft`",
            )),
            (Phase::Running, PowerOff::Soft | PowerOff::Hard) => Admission::StoppedByOrder,
            (Phase::Installing | Phase::Changing, _) => Admission::Busy(seen.status.clone()),
            (Phase::Gone, _) => Admission::No(state("it is being deleted")),
            (Phase::Failed | Phase::Unknown, _) => Admission::No(state("no document explains this state")),
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
        Box::pin(watching::observe(api, &self.account, watches))
    }

    fn order(&self, order: &Order<'_>) -> WireRequest {
        // Without a server there is nothing to order, and the provider refuses the empty path.
        let (id, mut body) = match order.batch.first() {
            Some(prepared) => (prepared.record.id.as_str(), prepared.body.clone()),
            None => ("", json!({})),
        };
        if let Some(user_data) = &order.secrets.user_data {
            body["user_data"] = order.reveal.text(user_data).into();
        }
        let label = "POST /servers/{id}/actions/rebuild";
        self.account.post(label, &["servers", id, "actions", "rebuild"], Some(&body))
    }

    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)> {
        calls::judge(ids, answer)
    }

    fn returned(&self, _id: &ServerId, answer: &WireResponse) -> Option<Secret> {
        calls::root_password(answer)
    }

    fn new_password(&self) -> Option<&'static str> {
        Some("`hcloud server reset-password ID`, unless the server was made with ssh keys and has none")
    }

    /// The rebuild itself powers the server off.
    fn stop(&self, _server: &Prepared, _mode: PowerOff, _secrets: &OrderSecrets) -> Option<WireRequest> {
        None
    }

    fn start(&self, server: &Prepared, _secrets: &OrderSecrets) -> Option<WireRequest> {
        Some(self.power("POST /servers/{id}/actions/poweron", server, "poweron"))
    }

    fn judge_power(&self, id: &ServerId, answer: &WireResponse) -> Result<(), ApiError> {
        calls::judge_power(id, answer)
    }

    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
        calls::fault(answer)
    }

    fn pause(&self, answer: &WireResponse) -> Option<Duration> {
        calls::pause(answer)
    }

    fn request_id(&self, answer: &WireResponse) -> Option<String> {
        calls::request_id(answer)
    }
}
