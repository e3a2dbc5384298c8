//! SIGINT, SIGTERM and SIGHUP, heard from the moment a run begins.
//!
//! A thread of their own hears them, so that the second one ends the program even while the first thread hangs in a
//! write that nobody reads or a sync that does not return.

use crate::model::Exit;
use futures_util::future::{BoxFuture, select_all};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How long the program may still take to leave by itself after the second signal.
const LAST: Duration = Duration::from_millis(150);

/// The exit code of a run that this signal ended. SIGHUP counts as SIGTERM.
fn exit_of(signal: &str) -> Exit {
    if signal == "SIGINT" { Exit::Interrupted } else { Exit::Terminated }
}

/// Starts listening and returns a function that gives the next signal's name. Where signals cannot be heard they keep
/// their usual effect, and nothing comes.
pub(super) fn watcher() -> impl FnMut() -> BoxFuture<'static, &'static str> {
    crate::config::leave_signals_to_others();
    let (tell, heard) = unbounded_channel();
    let (listening, wait) = mpsc::channel();
    if thread::Builder::new().name("signals".to_owned()).spawn(move || listen(&tell, &listening)).is_ok() {
        // Ends with an error if the thread cannot listen, which is fine.
        let _ = wait.recv();
    }
    let heard = Arc::new(Mutex::new(heard));
    move || {
        let heard = heard.clone();
        Box::pin(async move {
            match heard.lock().await.recv().await {
                Some(name) => name,
                None => std::future::pending().await,
            }
        })
    }
}

/// Hears signals to the end of the process.
fn listen(tell: &UnboundedSender<&'static str>, listening: &mpsc::Sender<()>) {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let kinds = [
            ("SIGINT", SignalKind::interrupt()),
            ("SIGTERM", SignalKind::terminate()),
            ("SIGHUP", SignalKind::hangup()),
        ];
        let mut streams: Vec<(&'static str, Signal)> =
            kinds.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?))).collect();
        if streams.is_empty() || listening.send(()).is_err() {
            return;
        }
        // The first one ends the run in order, whoever follows has its code.
        let first = next(&mut streams).await;
        let _ = tell.send(first);
        let second = next(&mut streams).await;
        let _ = tell.send(second);
        let _ = tokio::time::timeout(LAST, std::future::pending::<()>()).await;
        #[expect(clippy::exit, reason = "the thread that would return the code hangs, and someone asked twice")]
        std::process::exit(i32::from(exit_of(first).code()));
    });
}

async fn next(streams: &mut [(&'static str, Signal)]) -> &'static str {
    let waits = streams.iter_mut().map(|(name, stream)| {
        Box::pin(async move {
            stream.recv().await;
            *name
        })
    });
    select_all(waits).await.0
}
