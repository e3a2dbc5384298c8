//! The product against its own emulator, and against answers that no provider should give.

mod emulator;
mod flow;
mod plan;
mod reads;

use super::Cps;
use super::sandbox::Sandbox;
use crate::model::{
    ApiError, FaultClass, Observation, Order, OrderSecrets, PowerPlan, Prepared, Record, Ref, Refusal, Seen, ServerId,
    Watch, Wish,
};
use crate::providers::Product;
use crate::providers::bench::{Bench, MapSources, ready};
use crate::secret::{Reveal, Secret};
use crate::wire::{Api, ReadFault, Reading, WireRequest, WireResponse};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use std::collections::VecDeque;
use std::sync::Mutex;

const PASSWORD: &str = "Fake#Pw7Zq92";

fn product() -> Cps {
    Cps::new(&MapSources::of(&Sandbox::default())).map_err(|fault| fault.to_string()).expect("a product")
}

fn bench(product: &Cps) -> Bench<'_> {
    Bench::new(product, Box::new(Sandbox::default()))
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn record(product: &Cps, api: &dyn Api, server: &str) -> Record {
    let found = ready(product.find(api, &[Ref::Id(id(server))])).expect("an answer");
    found.into_iter().next().expect("a server")
}

fn prepare(product: &Cps, api: &dyn Api, server: &str, wish: &Wish) -> Result<Prepared, Refusal> {
    let record = record(product, api, server);
    ready(product.prepare(api, record, PowerPlan::Nothing, wish))
}

fn refused(product: &Cps, api: &dyn Api, server: &str, wish: &Wish) -> Refusal {
    prepare(product, api, server, wish).expect_err("a refusal")
}

fn secrets() -> OrderSecrets {
    OrderSecrets { password: Some(Secret::from(PASSWORD.to_owned()).shared()), ..OrderSecrets::default() }
}

fn order_of(product: &Cps, server: &Prepared, secrets: &OrderSecrets, token: Option<&str>) -> WireRequest {
    product.order(&Order { batch: &[server], secrets, token, reveal: Reveal::Real })
}

fn watch(server: &str) -> Watch {
    Watch { id: id(server), ticket: None }
}

fn look(product: &Cps, api: &dyn Api, server: &str) -> Observation {
    match &ready(product.observe(api, &[watch(server)]))[..] {
        [(seen, Seen::Here(look))] if *seen == id(server) => look.clone(),
        other => panic!("{other:?}"),
    }
}

/// Answers out of a list, and what was asked.
struct Canned<'p> {
    product: &'p Cps,
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl<'p> Canned<'p> {
    fn new<const N: usize>(product: &'p Cps, answers: [(u16, &str); N]) -> Self {
        let answers = answers.into_iter().map(|(status, body)| (status, body.to_owned())).collect();
        Self { product, answers: Mutex::new(answers), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a lock").clone()
    }
}

impl Api for Canned<'_> {
    fn read(&self, request: WireRequest) -> Reading<'_, WireResponse> {
        self.asked.lock().expect("a lock").push(request.url.to_string());
        let mut answers = self.answers.lock().expect("a lock");
        // The last one is given for ever.
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let (status, body) = next.expect("an answer");
        let answer = WireResponse {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: Bytes::from(body),
        };
        let result = match self.product.fault(&answer) {
            Some((class, error)) => Err(ReadFault { class, error }),
            None if answer.status.is_success() => Ok(answer),
            None => {
                let error = ApiError::local("malformed_answer", "not the provider".to_owned());
                Err(ReadFault { class: FaultClass::Malformed, error })
            }
        };
        Box::pin(std::future::ready(result))
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}
