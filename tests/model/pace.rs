//! The rate toward a provider is never exceeded, whatever asks when.

use crate::cases::cases;
use proptest::prelude::*;
use reinstall::client::{Pace, backoff};
use std::time::Duration;

/// Requests that leave at or after `from` and before `from + span`.
fn within(leaves: &[Duration], from: Duration, span: Duration) -> usize {
    leaves.iter().filter(|at| **at >= from && **at < from + span).count()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_span_of_time_carries_more_than_burst_and_rate(
        rate in 1_u32..50,
        gaps in prop::collection::vec(0_u64..400, 1..200),
        span in 1_u64..10,
    ) {
        let mut pace = Pace::new(rate);
        let mut now = Duration::from_secs(1000);
        let mut leaves = Vec::new();
        for gap in gaps {
            now += Duration::from_millis(gap);
            leaves.push(now + pace.reserve(now));
        }
        let most = usize::try_from(u64::from(rate) + u64::from(rate) * span).expect("a count") + 1;
        for from in &leaves {
            let count = within(&leaves, *from, Duration::from_secs(span));
            prop_assert!(count <= most, "{count} in {span} s at {rate} a second");
        }
    }

    #[test]
    fn nothing_leaves_while_the_provider_asks_for_peace(
        rate in 1_u32..50,
        before in 0_usize..60,
        pause in 0_u64..2000,
        after in 1_usize..40,
    ) {
        let mut pace = Pace::new(rate);
        let now = Duration::from_secs(1000);
        for _ in 0..before {
            pace.reserve(now);
        }
        let pause = Duration::from_secs(pause);
        pace.throttled(now, pause);
        let mut last = Duration::ZERO;
        for _ in 0..after {
            let wait = pace.reserve(now);
            prop_assert!(wait >= pause.min(Duration::from_secs(600)), "{wait:?} after a wish for {pause:?}");
            prop_assert!(wait >= last, "later askers do not overtake");
            last = wait;
        }
    }

    #[test]
    fn after_a_throttle_the_rate_is_lower(rate in 1_u32..50, throttles in 1_u32..6) {
        let mut pace = Pace::new(rate);
        let now = Duration::from_secs(1000);
        for _ in 0..throttles {
            pace.throttled(now, Duration::ZERO);
        }
        let later = now + Duration::from_secs(3600);
        let leaves: Vec<Duration> = (0..100).map(|_| later + pace.reserve(later)).collect();
        let slower = f64::from(rate) * 0.7_f64.powi(i32::try_from(throttles).expect("small"));
        let most = (slower.max(0.1) * 60.0).ceil() as usize + 2;
        prop_assert!(within(&leaves, later, Duration::from_secs(60)) <= most);
    }

    #[test]
    fn backoff_grows_to_thirty_seconds_and_no_further(attempt in 0_u32..10_000, jitter in 0.0_f64..1.0) {
        let pause = backoff(attempt, jitter);
        prop_assert!(pause >= Duration::from_millis(100) && pause <= Duration::from_secs(30));
        prop_assert!(backoff(attempt, 0.999) <= backoff(attempt.saturating_add(1), 0.999));
    }
}
