//! What can become of an exchange on its way there, at the provider, and on its way back.

use super::cosmos::Cosmos;
use super::{Shared, lock, shared};
use crate::client::{Route, Transport, TransportFault};
use crate::model::FaultClass;
use crate::sandbox::Injected;
use crate::wire::{WireRequest, WireResponse};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use rand::RngExt;
use rand::rngs::StdRng;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Poll, Waker};
use std::time::Duration;

/// One way in which an exchange goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// No connection: proven unsent.
    Refused,
    /// A certificate that is not to be trusted: proven unsent.
    Untrusted,
    /// The connection breaks before the provider has the request.
    LostThere,
    /// The connection breaks after the provider has carried it out.
    LostBack,
    /// Silence: the request never arrives.
    Swallowed,
    /// The request arrives, and no answer ever comes.
    Mute,
    /// It arrives long after the program gave up.
    Late,
    /// The true answer, late but in time.
    Slow,
    /// This status from something before the provider; the request is carried out or not.
    Gateway { status: u16, applied: bool },
    /// The request is carried out, and the answer is damaged in this way.
    Damaged(Damage),
    /// The provider says so, and carries nothing out.
    Says(Injected),
}

/// How an answer is damaged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Damage {
    Truncated,
    Garbage,
    Html,
    Empty,
    OtherServer,
    NullsOnly,
}

impl Fault {
    /// Any of them.
    pub(super) fn any(dice: &mut StdRng) -> Self {
        use Injected::*;
        let applied = dice.random_bool(0.5);
        let all = [
            Self::Refused,
            Self::Untrusted,
            Self::LostThere,
            Self::LostBack,
            Self::LostBack,
            Self::Swallowed,
            Self::Mute,
            Self::Late,
            Self::Slow,
            Self::Gateway { status: 500, applied },
            Self::Gateway { status: 502, applied },
            Self::Gateway { status: 503, applied },
            Self::Gateway { status: 504, applied },
            Self::Gateway { status: 408, applied },
            Self::Gateway { status: 302, applied },
            Self::Gateway { status: 307, applied },
            Self::Gateway { status: 404, applied },
            Self::Gateway { status: 429, applied: false },
            Self::Damaged(Damage::Truncated),
            Self::Damaged(Damage::Garbage),
            Self::Damaged(Damage::Html),
            Self::Damaged(Damage::Empty),
            Self::Damaged(Damage::OtherServer),
            Self::Damaged(Damage::NullsOnly),
            Self::Says(Throttled),
            Self::Says(Unauthorized),
            Self::Says(Forbidden),
            Self::Says(WrongState),
            Self::Says(Invalid),
            Self::Says(NotFound),
            Self::Says(ServerError),
            Self::Says(NotSuccessful),
        ];
        all[dice.random_range(0..all.len())]
    }

    /// Whether the provider's own machinery handles the request.
    pub(super) fn applies(self) -> bool {
        match self {
            Self::LostBack | Self::Mute | Self::Late | Self::Slow | Self::Damaged(_) => true,
            Self::Gateway { applied, .. } => applied,
            _ => false,
        }
    }

    /// What comes back in place of the true answer.
    pub(super) fn distort(self, answer: WireResponse, servers: &[String]) -> Result<WireResponse, TransportFault> {
        match self {
            Self::Gateway { status, .. } => Ok(page(status)),
            Self::Damaged(damage) => damaged(damage, answer, servers),
            Self::LostBack => Err(broken(None)),
            _ => Ok(answer),
        }
    }
}

/// The connection broke; the status line, if it came that far.
pub(super) fn broken(status: Option<u16>) -> TransportFault {
    TransportFault { class: FaultClass::Broken, message: "the connection broke".to_owned(), status }
}

/// Nothing was sent.
pub(super) fn unsent(class: FaultClass) -> TransportFault {
    TransportFault { class, message: "no connection".to_owned(), status: None }
}

fn page(status: u16) -> WireResponse {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/html"));
    if status == 429 {
        headers.insert("retry-after", HeaderValue::from_static("7"));
    }
    if (300..400).contains(&status) {
        headers.insert("location", HeaderValue::from_static("https://elsewhere.example/"));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    WireResponse { status, headers, body: Bytes::from_static(b"<html><body>an error page</body></html>") }
}

fn damaged(damage: Damage, answer: WireResponse, servers: &[String]) -> Result<WireResponse, TransportFault> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let body = match damage {
        Damage::Truncated => return Err(broken(Some(answer.status.as_u16()))),
        Damage::Garbage => text.replace(':', ";"),
        Damage::Html => return Ok(page(200)),
        Damage::Empty => String::new(),
        Damage::OtherServer => servers.iter().fold(text, |text, id| {
            let other: String = id.chars().rev().collect();
            text.replace(id.as_str(), &other)
        }),
        Damage::NullsOnly => "null".to_owned(),
    };
    Ok(WireResponse { body: Bytes::from(body), ..answer })
}

/// Where an answer is put, and who waits for it.
#[derive(Default)]
pub(super) struct Slot {
    pub result: Option<Result<WireResponse, TransportFault>>,
    pub waker: Option<Waker>,
}

/// A process's line to the network.
pub(super) struct Line {
    pub cosmos: Shared<Cosmos>,
    pub process: usize,
}

impl Transport for Line {
    fn exchange(
        &self,
        request: WireRequest,
        route: Route,
    ) -> Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + '_>> {
        Box::pin(async move {
            let slot = shared(Slot::default());
            lock(&self.cosmos).send(self.process, &request, route, slot.clone());
            poll_fn(|context| {
                let mut slot = lock(&slot);
                match slot.result.take() {
                    Some(result) => Poll::Ready(result),
                    None => {
                        slot.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await
        })
    }
}

/// How long the program waits for a whole answer.
pub(super) fn patience(route: Route) -> Duration {
    match route {
        Route::Pooled => Duration::from_secs(30),
        Route::Fresh => Duration::from_secs(120),
    }
}
