//! SIGINT, SIGTERM and SIGHUP, heard from the moment a run begins.
//!
//! A thread of their own hears them, so that the second one ends the program even while the first thread hangs in a
//! write that nobody reads or a sync that does not return.

use super::session::Session;
use crate::model::{Exit, RunId};
use crate::report::Sink;
use futures_util::future::{BoxFuture, select_all};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long the first thread may take to tell of the first signal before this one does.
const HUSH: Duration = Duration::from_millis(50);
/// How long the program may still take to leave by itself after the second signal.
const LAST: Duration = Duration::from_millis(150);

/// The exit code of a run that this signal ended. SIGHUP counts as SIGTERM.
fn exit_of(signal: &str) -> Exit {
    if signal == "SIGINT" { Exit::Interrupted } else { Exit::Terminated }
}

/// Signals from the moment of its making.
pub(super) struct Signals {
    heard: Arc<Mutex<UnboundedReceiver<&'static str>>>,
    told: Arc<AtomicBool>,
}

impl Signals {
    /// Starts listening for a run, which `resume` can go on with if it is named here. Where signals cannot be heard
    /// they keep their usual effect, and nothing comes.
    pub(super) fn of_run(session: &Session, run: Option<&RunId>) -> Self {
        let next = run.map(|run| format!("\n  next: reinstall resume {run}")).unwrap_or_default();
        Self::listen(Herald { stderr: session.out.stderr.clone(), next, told: Arc::default() })
    }

    /// Starts listening where nothing is to be told: whoever ends it sees that it ends.
    pub(super) fn in_silence(session: &Session) -> Self {
        Self::listen(Herald {
            stderr: session.out.stderr.clone(),
            next: String::new(),
            told: Arc::new(AtomicBool::new(true)),
        })
    }

    fn listen(herald: Herald) -> Self {
        crate::config::leave_signals_to_others();
        let (tell, heard) = unbounded_channel();
        let (listening, wait) = mpsc::channel();
        let told = herald.told.clone();
        if thread::Builder::new().name("signals".to_owned()).spawn(move || hear(&tell, &listening, &herald)).is_ok() {
            // Ends with an error if the thread cannot listen, which is fine.
            let _ = wait.recv();
        }
        Self { heard: Arc::new(Mutex::new(heard)), told }
    }

    /// Where to note that the first signal was told of.
    pub(super) fn told(&self) -> Arc<AtomicBool> {
        self.told.clone()
    }

    /// The next signal's name.
    pub(super) fn next(&self) -> BoxFuture<'static, &'static str> {
        let heard = self.heard.clone();
        Box::pin(async move {
            match heard.lock().await.recv().await {
                Some(name) => name,
                None => std::future::pending().await,
            }
        })
    }
}

/// Tells of a signal in the place of a first thread that hangs.
struct Herald {
    stderr: Sink,
    next: String,
    told: Arc<AtomicBool>,
}

impl Herald {
    /// Tells once, unless it was told already.
    fn speak(&self, signal: &str) {
        if self.told.swap(true, Ordering::SeqCst) {
            return;
        }
        let (stderr, line) = (self.stderr.clone(), format!("stopped by {signal}: no new orders{}", self.next));
        // On a thread of its own: the first one may hang in this very stream. If it cannot be told, it is not.
        let _ = thread::Builder::new().name("herald".to_owned()).spawn(move || stderr.line(&line));
    }
}

/// Hears signals to the end of the process.
fn hear(tell: &UnboundedSender<&'static str>, listening: &mpsc::Sender<()>, herald: &Herald) {
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
        let soon = tokio::time::timeout(HUSH, next(&mut streams)).await;
        herald.speak(first);
        let second = match soon {
            Ok(second) => second,
            Err(_) => next(&mut streams).await,
        };
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
