//! What became of an order: a pure function over the answer, or over why there is none.

use super::TransportFault;
use crate::flaw::{self, Flaw};
use crate::model::{ApiError, FaultClass, ServerId};
use crate::providers::{Judgement, Product};
use crate::secret::SharedSecret;
use crate::wire::{ReadFault, WireResponse};
use http::StatusCode;
use std::time::Duration;

/// The longest pause that a provider is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What became of an order for one server.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Taken.
    Accepted {
        /// Job, task or action.
        ticket: Option<String>,
        /// The provider's id of the request.
        request_id: Option<String>,
    },
    /// Refused by the provider in its own words.
    Rejected {
        /// Which kind.
        class: FaultClass,
        /// Its words.
        error: ApiError,
    },
    /// HTTP success, and the document says that it did not succeed.
    NotSuccessful(ApiError),
    /// Proven not to have been carried out.
    Unsent {
        /// Why.
        class: FaultClass,
        /// The details.
        error: ApiError,
        /// Whether signing again can help (a token was dropped, a clock offset learnt).
        renewed: bool,
    },
    /// It may have been carried out.
    Maybe(ApiError),
}

/// What became of an order for each of its servers.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// One entry for each server, in the order in which they were asked for.
    pub outcomes: Vec<Outcome>,
    /// Why no new order may follow in this run, if so.
    pub halt: Option<String>,
    /// Why none may follow at this product before a look was read, if so.
    pub hold: Option<String>,
    /// Passwords that the provider made up for servers whose order it took.
    pub returned: Returned,
}

/// Passwords out of an answer; nothing of them is ever shown.
#[derive(Clone, Default)]
pub struct Returned(pub Vec<(ServerId, SharedSecret)>);

impl std::fmt::Debug for Returned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Returned({})", self.0.len())
    }
}

impl Delivery {
    /// The same outcome for all.
    fn all(ids: &[ServerId], outcome: &Outcome) -> Self {
        Self {
            outcomes: ids.iter().map(|_| outcome.clone()).collect(),
            halt: None,
            hold: None,
            returned: Returned::default(),
        }
    }

    /// Proven unsent for all.
    pub fn unsent(ids: &[ServerId], class: FaultClass, error: ApiError, renewed: bool) -> Self {
        Self::all(ids, &Outcome::Unsent { class, error, renewed })
    }

    /// Notes that a refused login was renewed: another try can help.
    pub fn renewed(&mut self, yes: bool) {
        for outcome in &mut self.outcomes {
            if let Outcome::Unsent { renewed, .. } = outcome {
                *renewed = yes;
            }
        }
    }

    /// How long the provider wants peace, if the answer was a throttle.
    pub fn throttled(&self) -> Option<Duration> {
        self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Unsent { class: FaultClass::Throttled(pause), .. } => {
                Some(pause.unwrap_or(Duration::from_secs(1)))
            }
            _ => None,
        })
    }
}

/// Classifies the end of an order's exchange, as the table of faults has it.
pub fn classify(product: &dyn Product, ids: &[ServerId], result: &Result<WireResponse, TransportFault>) -> Delivery {
    let answer = match result {
        Ok(answer) => answer,
        Err(fault) if matches!(fault.class, FaultClass::Unreachable | FaultClass::Untrusted) => {
            return Delivery::unsent(ids, fault.class.clone(), fault.error(), false);
        }
        Err(fault) if flaw::is(Flaw::ResendOnReset) => {
            return Delivery::unsent(ids, FaultClass::Unreachable, fault.error(), false);
        }
        Err(fault) => {
            let mut error = fault.error();
            if fault.status.is_some_and(|status| (200..300).contains(&status)) {
                error.message.push_str(" (the status line said that it was accepted)");
            }
            return Delivery::all(ids, &Outcome::Maybe(error));
        }
    };
    let status = answer.status;
    if status.is_redirection() {
        let error = foreign(answer).error;
        let halt = Some(format!("the endpoint answers with a redirect: {}", error.message));
        return Delivery { halt, ..Delivery::all(ids, &Outcome::Maybe(error)) };
    }
    let said = said(product, answer);
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        if let Some((class, error)) = said.clone().filter(|_| product.proves_refusal(answer)) {
            return Delivery::all(ids, &spoken(class, error));
        }
        let error = said.map_or_else(|| foreign(answer).error, |(_, error)| error);
        return Delivery::all(ids, &Outcome::Maybe(error));
    }
    match said {
        Some((class, error)) => Delivery::all(ids, &spoken(class, error)),
        None if status.is_success() && answer.may_be_json() => judged(product, ids, answer),
        // Throttling is often done by a gateway in front of the interface, with a bare text.
        None if status == StatusCode::TOO_MANY_REQUESTS => {
            let fault = foreign(answer);
            Delivery::unsent(ids, fault.class, fault.error, false)
        }
        None => {
            let error = foreign(answer).error;
            let hold = Some(format!("an order was answered by something else: {}", error.message));
            Delivery { hold, ..Delivery::all(ids, &Outcome::Maybe(error)) }
        }
    }
}

/// The provider's own error. The pause is the header's, or else the one that the provider has words for.
pub(super) fn said(product: &dyn Product, answer: &WireResponse) -> Option<(FaultClass, ApiError)> {
    // Whoever answers with a page is not the provider, whatever the page looks like.
    if !answer.may_be_json() {
        return None;
    }
    match product.fault(answer)? {
        (FaultClass::Throttled(worded), error) => {
            let pause = answer.retry_after().or(worded).map(|pause| pause.min(LONGEST_PAUSE));
            Some((FaultClass::Throttled(pause), error))
        }
        other => Some(other),
    }
}

/// An error in the provider's own format, below 500.
fn spoken(class: FaultClass, error: ApiError) -> Outcome {
    match class {
        FaultClass::Throttled(_) | FaultClass::SignedOut | FaultClass::Denied | FaultClass::ClockSkew => {
            Outcome::Unsent { class, error, renewed: false }
        }
        // A 2xx that carries a server-side failure proves nothing either way.
        FaultClass::Server | FaultClass::Malformed | FaultClass::Broken | FaultClass::Redirected => {
            Outcome::Maybe(error)
        }
        _ => Outcome::Rejected { class, error },
    }
}

fn judged(product: &dyn Product, ids: &[ServerId], answer: &WireResponse) -> Delivery {
    let request_id = product.request_id(answer);
    let judgements = product.judge(ids, answer);
    let outcomes: Vec<Outcome> = ids
        .iter()
        .map(|id| match judgements.iter().find(|(judged, _)| judged == id) {
            Some((_, Judgement::Accepted { ticket })) => {
                Outcome::Accepted { ticket: ticket.clone(), request_id: request_id.clone() }
            }
            Some((_, Judgement::NotSuccessful(error))) => Outcome::NotSuccessful(error.clone()),
            Some((_, Judgement::Unclear(error))) => Outcome::Maybe(error.clone()),
            None => {
                Outcome::Maybe(ApiError::local("malformed_answer", "the answer does not name this server".to_owned()))
            }
        })
        .collect();
    let taken = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. });
    let returned = ids
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| taken(outcome))
        .filter_map(|(id, _)| Some((id.clone(), product.returned(id, answer)?.shared())))
        .collect();
    Delivery { outcomes, halt: None, hold: None, returned: Returned(returned) }
}

/// The fault of an answer that is not the provider speaking: status and nothing of its body.
pub(super) fn foreign(answer: &WireResponse) -> ReadFault {
    let status = answer.status;
    let class = match status.as_u16() {
        300..400 => FaultClass::Redirected,
        429 => FaultClass::Throttled(answer.retry_after()),
        500..600 => FaultClass::Server,
        _ => FaultClass::Malformed,
    };
    let kind = answer.header("content-type").unwrap_or("no content type");
    let kind: String = kind.chars().filter(char::is_ascii_graphic).take(60).collect();
    let message = format!("HTTP {} with {kind}, which is not this provider's interface speaking", status.as_u16());
    let error = ApiError::local(class.word(), message).advise(class.next_step());
    ReadFault { class, error }
}
