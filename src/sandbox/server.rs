//! The sandbox as an HTTP server on loopback, with a thread of its own.

use super::Emulator;
use super::connection;
use super::faults::Rule;
use super::host::Host;
use super::log::Log;
use crate::clock::Clock;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long requests in flight may take once the sandbox is told to stop.
const GRACE: Duration = Duration::from_millis(500);

/// Pause after a failed accept, such as one for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another address than loopback.
    #[error("the sandbox listens on loopback only, not on {0}; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// A speed that time cannot have.
    #[error("the speed must be a number above 0 and at most 100000, not {0}")]
    Speed(f64),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for any free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No thread or no runtime for the server.
    #[error("cannot start the sandbox's thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// What all connections share.
pub(super) struct Shared {
    host: Mutex<Host>,
    clock: Arc<dyn Clock>,
    started: Duration,
    speed: f64,
}

impl Shared {
    /// The inside, for as long as one request takes to decide. Never held while waiting.
    pub(super) fn host(&self) -> MutexGuard<'_, Host> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sandbox's source of time.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Sandbox time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        let real = self.clock.now().steady.saturating_sub(self.started);
        Duration::try_from_secs_f64(real.as_secs_f64() * self.speed).unwrap_or(Duration::MAX / 4)
    }
}

/// A running sandbox; it stops when this is dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts serving on this address; port 0 takes any free port.
    ///
    /// It works inside and outside of an asynchronous runtime: the server has its own thread, so that a
    /// caller that blocks does not starve it. Sandbox time is the clock's steady time, times `speed`.
    pub fn start(
        emulators: Vec<Box<dyn Emulator>>,
        clock: Arc<dyn Clock>,
        address: SocketAddr,
        speed: f64,
    ) -> Result<Self, StartError> {
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        if !(speed > 0.0 && speed <= 100_000.0) {
            return Err(StartError::Speed(speed));
        }
        let refused = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;

        let started = clock.now().steady;
        let shared = Arc::new(Shared { host: Mutex::new(Host::new(emulators)), clock, started, speed });
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || runtime.block_on(serve(served, shared, stopped))
        })?;
        Ok(Self { address, shared, stop, thread: Some(thread) })
    }

    /// The address that stands in for every provider's endpoint, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Environment variables with which this program and the vendors' own tools reach it.
    /// These are no secrets: they open nothing but this sandbox.
    pub fn credentials(&self) -> Vec<(&'static str, String)> {
        self.shared.host().credentials(&self.url())
    }

    /// What was received so far, and how often each server was really reinstalled.
    pub fn log(&self) -> Log {
        self.shared.host().log()
    }

    /// Adds a fault rule behind the others.
    pub fn add_fault(&self, rule: Rule) {
        self.shared.host().add_fault(rule);
    }

    /// Puts every server back to how it was, and forgets rules and log.
    pub fn reset(&self) {
        self.shared.host().reset();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has already been reported; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.wait_for(|&stop| stop) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection::serve(stream, Arc::clone(&shared), stopped.clone()));
            }
            Err(_) => {
                let _ = tokio::time::timeout(ACCEPT_PAUSE, std::future::pending::<()>()).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, drained).await;
}
