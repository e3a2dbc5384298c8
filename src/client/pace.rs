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

    /// The provider told that little is left: nothing for this long (a minute at most).
    pub fn rest(&mut self, now: Duration, pause: Duration) {
        self.closed_until = self.closed_until.max(now + pause.min(Duration::from_secs(60)));
    }

    /// The provider said that it was too much: nothing for this long (10 min at most), then at 0.7 of the rate.
    pub fn throttled(&mut self, now: Duration, pause: Duration) {
        let pause = pause.min(Duration::from_secs(600));
        self.closed_until = self.closed_until.max(now + pause);
        self.interval = self.interval.mul_f64(1.0 / 0.7).min(Duration::from_secs(10));
        self.burst = 1;
    }
}

/// How many reads may be repeated while nothing comes back: one budget for everything that one line asks, so that a
/// provider in trouble is not asked four times as much.
#[derive(Clone, Debug)]
pub struct Quota {
    tokens: u32,
}

impl Quota {
    const FULL: u32 = 500;
    const REPEAT: u32 = 5;

    /// A full one.
    pub fn new() -> Self {
        Self { tokens: Self::FULL }
    }

    /// Takes what a repeat costs; `false` if it is not there, and the read is not to be repeated.
    pub fn repeat(&mut self) -> bool {
        let left = self.tokens.checked_sub(Self::REPEAT);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }

    /// A good answer gives one token back.
    pub fn good(&mut self) {
        self.tokens = (self.tokens + 1).min(Self::FULL);
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self::new()
    }
}

/// How many servers one look asks for: half as many after an answer that cannot be read, since one broken or huge
/// entry hides all others; twice as many once all answers are good.
#[derive(Clone, Debug)]
pub struct Portion {
    most: usize,
    now: usize,
}

impl Portion {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), now: most.max(1) }
    }

    /// How many to ask for in one request.
    pub fn size(&self) -> usize {
        self.now
    }

    /// Takes how a look at so many servers went.
    pub fn note(&mut self, servers: usize, readable: bool) {
        if readable && servers >= self.now {
            self.now = (self.now * 2).min(self.most);
        }
        if !readable && servers > 1 {
            self.now = self.now.min(servers).div_ceil(2);
        }
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
    fn a_hundred_repeats_are_the_end_until_good_answers_come() {
        let mut quota = Quota::new();
        assert_eq!((0..1000).filter(|_| quota.repeat()).count(), 100);
        (0..4).for_each(|_| quota.good());
        assert!(!quota.repeat());
        quota.good();
        assert!(quota.repeat() && !quota.repeat());
        (0..10_000).for_each(|_| quota.good());
        assert_eq!((0..1000).filter(|_| quota.repeat()).count(), 100);
    }

    #[test]
    fn a_portion_is_halved_down_to_one_and_grows_again() {
        let mut portion = Portion::new(100);
        let mut sizes = vec![portion.size()];
        for _ in 0..8 {
            portion.note(portion.size(), false);
            sizes.push(portion.size());
        }
        assert_eq!(sizes, [100, 50, 25, 13, 7, 4, 2, 1, 1]);
        portion.note(1, false);
        assert_eq!(portion.size(), 1);
        for _ in 0..8 {
            portion.note(100, true);
        }
        assert_eq!(portion.size(), 100);
        // A small look that goes well says nothing of large ones.
        portion.note(100, false);
        portion.note(3, true);
        assert_eq!(portion.size(), 50);
        // One alone that cannot be read says nothing of the others.
        portion.note(1, false);
        assert_eq!(portion.size(), 50);
        // What only three were asked for is halved from three.
        portion.note(3, false);
        assert_eq!(portion.size(), 2);
    }

    #[test]
    fn a_rest_closes_the_bucket_and_leaves_its_rate() {
        let mut pace = Pace::new(10);
        let now = Duration::from_secs(100);
        pace.rest(now, Duration::from_secs(1));
        assert_eq!(pace.reserve(now), Duration::from_secs(1));
        assert_eq!(pace.reserve(now + Duration::from_secs(2)), Duration::ZERO);
        pace.rest(now, Duration::from_secs(3600));
        assert!(pace.reserve(now) <= Duration::from_secs(61));
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
