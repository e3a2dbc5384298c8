//! How fast toward one provider: requests a second, and pauses after failures. Data and pure functions.

use std::time::Duration;

/// A token bucket that a throttle answer makes slower.
#[derive(Clone, Debug)]
pub struct Pace {
    interval: Duration,
    burst: u32,
    /// When the bucket would be full again (steady time).
    full_at: Duration,
    closed_until: Duration,
}

impl Pace {
    /// So many requests a second, as many at once.
    pub fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        Self {
            interval: Duration::from_secs(1) / per_second,
            burst: per_second,
            full_at: Duration::ZERO,
            closed_until: Duration::ZERO,
        }
    }

    /// Takes a place and tells how long to wait for it.
    pub fn reserve(&mut self, now: Duration) -> Duration {
        let start = now.max(self.closed_until);
        let full_at = self.full_at.max(start) + self.interval;
        self.full_at = full_at;
        let allowance = self.interval * self.burst;
        full_at.saturating_sub(allowance).max(start).saturating_sub(now)
    }

    /// The provider said that it was too much: nothing for this long (10 min at most), then at 0.7 of the rate.
    pub fn throttled(&mut self, now: Duration, pause: Duration) {
        let pause = pause.min(Duration::from_secs(600));
        self.closed_until = self.closed_until.max(now + pause);
        self.interval = self.interval.mul_f64(1.0 / 0.7).min(Duration::from_secs(10));
        self.burst = 1;
    }
}

/// Full-jitter exponential backoff: `attempt` from 1; between 0.1 s and 30 s.
pub fn backoff(attempt: u32, jitter: f64) -> Duration {
    let cap = (1_u64 << attempt.saturating_sub(1).min(5)).min(30);
    Duration::from_secs_f64((cap as f64 * jitter).max(0.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_carries_more_than_burst_plus_rate() {
        let mut pace = Pace::new(10);
        let now = Duration::from_secs(100);
        let waits: Vec<Duration> = (0..40).map(|_| pace.reserve(now)).collect();
        let within = |from: u64, to: u64| {
            waits
                .iter()
                .filter(|wait| wait.as_millis() >= u128::from(from) && wait.as_millis() < u128::from(to))
                .count()
        };
        assert!(within(0, 1000) <= 20, "{waits:?}");
        assert!(within(1000, 2000) <= 10, "{waits:?}");
        assert_eq!(waits[0], Duration::ZERO);
    }

    #[test]
    fn a_throttle_answer_closes_the_bucket_and_slows_it() {
        let mut pace = Pace::new(10);
        let now = Duration::from_secs(100);
        pace.reserve(now);
        pace.throttled(now, Duration::from_secs(5));
        assert!(pace.reserve(now) >= Duration::from_secs(5));
        let second = pace.reserve(now);
        assert!(second >= Duration::from_millis(5140), "{second:?}");
        pace.throttled(now, Duration::from_secs(1_000_000));
        assert!(pace.reserve(now) <= Duration::from_secs(601));
    }
}
