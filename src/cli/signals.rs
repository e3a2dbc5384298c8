//! SIGINT, SIGTERM and SIGHUP, heard from the moment a run begins.

use futures_util::future::BoxFuture;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The three streams; one that cannot be had is simply never heard.
struct Streams(Vec<(&'static str, Signal)>);

/// Starts listening and returns a function that gives the next signal's name.
pub(super) fn watcher() -> impl FnMut() -> BoxFuture<'static, &'static str> {
    crate::config::leave_signals_to_others();
    let kinds =
        [("SIGINT", SignalKind::interrupt()), ("SIGTERM", SignalKind::terminate()), ("SIGHUP", SignalKind::hangup())];
    let streams = kinds.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?))).collect();
    let shared = std::sync::Arc::new(tokio::sync::Mutex::new(Streams(streams)));
    move || {
        let shared = shared.clone();
        Box::pin(async move { shared.lock().await.next().await })
    }
}

impl Streams {
    async fn next(&mut self) -> &'static str {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let waits = self.0.iter_mut().map(|(name, stream)| {
            Box::pin(async move {
                stream.recv().await;
                *name
            })
        });
        futures_util::future::select_all(waits).await.0
    }
}
