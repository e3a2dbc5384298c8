//! The real transport with an ear on it, and a hand where a rule wants one.

use http::Method;
use reinstall::client::{HttpTransport, Route, Transport, TransportFault};
use reinstall::wire::{WireRequest, WireResponse};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

type OnRequest = Box<dyn Fn(&mut WireRequest) + Send>;
type OnAnswer = Box<dyn Fn(&mut WireResponse) + Send>;

/// Carries requests over the network, keeps a copy of each, and changes what it is told to change.
#[derive(Default)]
pub(crate) struct Tap {
    network: HttpTransport,
    sent: Mutex<Vec<WireRequest>>,
    request: Mutex<Option<OnRequest>>,
    answer: Mutex<Option<OnAnswer>>,
    /// Whether the last answer to a call that is no GET was a success without a body.
    bare: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tap {
    /// Every signed request so far.
    pub(crate) fn sent(&self) -> Vec<WireRequest> {
        lock(&self.sent).clone()
    }

    /// Forgets everything, hands too.
    pub(crate) fn clear(&self) {
        lock(&self.sent).clear();
        *lock(&self.request) = None;
        *lock(&self.answer) = None;
    }

    /// Whether the last call that changes something was answered well without a body: there is nothing to cut in that.
    pub(crate) fn was_bare(&self) -> bool {
        self.bare.load(Ordering::Relaxed)
    }

    /// Changes each request after it was signed.
    pub(crate) fn change_requests(&self, change: impl Fn(&mut WireRequest) + Send + 'static) {
        *lock(&self.request) = Some(Box::new(change));
    }

    /// Changes each answer before anybody reads it.
    pub(crate) fn change_answers(&self, change: impl Fn(&mut WireResponse) + Send + 'static) {
        *lock(&self.answer) = Some(Box::new(change));
    }
}

impl Transport for Tap {
    fn exchange(
        &self,
        mut request: WireRequest,
        route: Route,
    ) -> Pin<Box<dyn Future<Output = Result<WireResponse, TransportFault>> + Send + '_>> {
        if let Some(change) = &*lock(&self.request) {
            change(&mut request);
        }
        lock(&self.sent).push(request.clone());
        Box::pin(async move {
            let reads = request.method == Method::GET;
            let mut answer = self.network.exchange(request, route).await?;
            if !reads {
                self.bare.store(answer.status.is_success() && answer.body.is_empty(), Ordering::Relaxed);
            }
            if let Some(change) = &*lock(&self.answer) {
                change(&mut answer);
            }
            Ok(answer)
        })
    }
}
