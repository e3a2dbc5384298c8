//! Time as a value, so that a test can drive hours in a millisecond.

use chrono::{DateTime, Utc};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One reading of all clocks.
///
/// Wall time dates records and deadlines; `boot` also counts while the machine sleeps;
/// `steady` does not. Their difference tells that a process was suspended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    /// Civil time, which may jump.
    pub wall: DateTime<Utc>,
    /// Time since boot, sleep included.
    pub boot: Duration,
    /// Time since boot, sleep excluded.
    pub steady: Duration,
}

/// A future that sleeps.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// Reads the clocks.
    fn now(&self) -> Now;
    /// Sleeps for the duration.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;
    /// A number in 0..1 that spreads pauses, so that many who wait do not come back at one moment.
    fn jitter(&self) -> f64 {
        rand::random_range(0.0..1.0)
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

fn kernel_clock(id: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(id);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Now {
        let steady = kernel_clock(rustix::time::ClockId::Monotonic);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let boot = kernel_clock(rustix::time::ClockId::Boottime);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let boot = steady;
        Now { wall: Utc::now(), boot, steady }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that moves only when it is told to, or slept on.
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<Now>>);

impl ManualClock {
    /// Starts at the given civil time, one hour after boot.
    pub fn at(wall: DateTime<Utc>) -> Self {
        let since = Duration::from_secs(3600);
        Self(Arc::new(Mutex::new(Now { wall, boot: since, steady: since })))
    }

    /// Moves all clocks forward together.
    pub fn advance(&self, by: Duration) {
        let mut now = self.lock();
        now.wall += by;
        now.boot += by;
        now.steady += by;
    }

    /// Moves civil and boot time as a suspended machine or process sees it.
    pub fn suspend(&self, by: Duration) {
        let mut now = self.lock();
        now.wall += by;
        now.boot += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.lock()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }
}
