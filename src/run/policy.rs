//! When to look, how long to wait, how often to try: numbers and pure functions.

use crate::client::backoff;
use std::time::Duration;

/// The limits of one run.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long to look for a sign that a maybe-sent order has begun.
    pub start_window: Duration,
    /// Upper bound of the pause between looks.
    pub poll_interval: Option<Duration>,
    /// Servers between order and verdict at one time.
    pub concurrency: usize,
    /// No new orders once so many servers have failed.
    pub max_failures: usize,
    /// End once the orders are accepted.
    pub no_wait: bool,
    /// Only watch: nothing is ordered, stopped or started.
    pub watch_only: bool,
}

/// A permit is void so long after its issue, counted in boot time: a suspended process cannot use it late.
pub const PERMIT_LIFE: Duration = Duration::from_secs(30);
/// Permits for one server as long as each was proven unsent.
pub const PERMITS: u32 = 3;
/// How long a server may take to power off.
pub const STOP_LIMIT: Duration = Duration::from_secs(600);
/// Answers without the server before it counts as vanished, and over which time.
pub const ABSENT_READS: u32 = 5;
/// See [`ABSENT_READS`].
pub const ABSENT_TIME: Duration = Duration::from_secs(120);
/// How long the baseline may be unreadable.
pub const BASELINE_LIMIT: Duration = Duration::from_secs(300);
/// Looks in a row that cannot be read or trusted before new orders wait.
pub const POOR_LOOKS: u32 = 3;
/// More lead of wall or boot time over steady time than this means that the process was suspended.
pub const SUSPENSION: Duration = Duration::from_secs(5);

/// Looks after an order, counted from it: dense at first, since an installing state may be short.
const DENSE: [u64; 10] = [3, 5, 8, 13, 20, 30, 45, 60, 90, 120];

impl Policy {
    /// Pause between two equal reads before they count.
    pub fn confirm_gap(&self) -> Duration {
        let five = Duration::from_secs(5);
        self.poll_interval.map_or(five, |interval| interval.min(five))
    }

    /// Pause before the next look, so long after the order. `jitter` is in 0..1.
    pub fn pause(&self, since_order: Duration, jitter: f64) -> Duration {
        let elapsed = since_order.as_secs_f64();
        let step = DENSE
            .iter()
            .map(|&at| at as f64)
            .find(|&at| at > elapsed + 0.5)
            .map_or(30.0 + 30.0 * jitter, |at| (at - elapsed) * (0.9 + 0.2 * jitter));
        self.bounded(Duration::from_secs_f64(step))
    }

    /// Pause between looks while a server powers off or on.
    pub fn power_pause(&self, since: Duration) -> Duration {
        self.bounded(Duration::from_secs(2).max(since / 4).min(Duration::from_secs(15)))
    }

    /// Pause after a failed read, so many in a row: full jitter, 1 s doubled, 30 s at most.
    pub fn after_fault(&self, streak: u32, jitter: f64) -> Duration {
        backoff(streak, jitter)
    }

    fn bounded(&self, pause: Duration) -> Duration {
        self.poll_interval.map_or(pause, |most| pause.min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(poll_interval: Option<Duration>) -> Policy {
        Policy {
            start_window: Duration::from_secs(900),
            poll_interval,
            concurrency: 10,
            max_failures: 1,
            no_wait: false,
            watch_only: false,
        }
    }

    #[test]
    fn looks_are_dense_for_two_minutes_then_slow() {
        let policy = policy(None);
        let mut at = Duration::ZERO;
        let mut looks = 0;
        while at < Duration::from_secs(120) {
            at += policy.pause(at, 0.5);
            looks += 1;
        }
        assert!((9..=12).contains(&looks), "{looks} looks in the first two minutes");
        for jitter in [0.0, 0.5, 0.99] {
            let pause = policy.pause(Duration::from_secs(600), jitter);
            assert!(pause >= Duration::from_secs(30) && pause <= Duration::from_secs(60), "{pause:?}");
        }
    }

    #[test]
    fn the_poll_interval_is_an_upper_bound_for_every_pause() {
        let most = Duration::from_millis(300);
        let policy = policy(Some(most));
        for seconds in [0, 1, 50, 5000] {
            assert!(policy.pause(Duration::from_secs(seconds), 0.9) <= most);
            assert!(policy.power_pause(Duration::from_secs(seconds)) <= most);
        }
        assert_eq!(policy.confirm_gap(), most);
    }
}
