//! The numbers of the policy, each at its edge.

use super::super::policy::Policy;
use super::{policy, secs};
use std::time::Duration;

fn millis(duration: Duration) -> u128 {
    duration.as_micros().div_ceil(10) / 100
}

#[test]
fn every_look_aims_at_the_next_moment_of_the_table_and_spreads_by_a_tenth() {
    for (since, jitter, pause) in [
        (0, 0.0, 2_700),
        (0, 0.5, 3_000),
        (0, 1.0, 3_300),
        (2_499, 0.5, 501),
        // Less than half a second before a moment the next one is meant.
        (2_500, 0.0, 2_250),
        (2_500, 0.5, 2_500),
        (8_000, 0.5, 5_000),
        (61_000, 1.0, 31_900),
        (119_499, 0.5, 501),
        (119_500, 0.0, 30_000),
        (119_500, 0.5, 45_000),
        (600_000, 1.0, 60_000),
    ] {
        let found = policy().pause(Duration::from_millis(since), jitter);
        assert_eq!(millis(found), pause, "{since} ms after the order, jitter {jitter}");
    }
}

#[test]
fn a_server_that_changes_its_power_is_looked_at_after_a_quarter_of_the_time_that_it_took() {
    for (since, pause) in [(0, 2_000), (8_000, 2_000), (12_000, 3_000), (60_000, 15_000), (600_000, 15_000)] {
        assert_eq!(millis(policy().power_pause(Duration::from_millis(since))), pause, "after {since} ms");
    }
}

#[test]
fn the_poll_interval_shortens_every_pause_and_lengthens_none() {
    let with = |seconds| Policy { poll_interval: Some(secs(seconds)), ..policy() };
    assert_eq!((with(3).confirm_gap(), with(9).confirm_gap(), policy().confirm_gap()), (secs(3), secs(5), secs(5)));
    assert_eq!(millis(with(9).pause(secs(600), 0.5)), 9_000);
    assert_eq!(millis(with(9).pause(secs(0), 0.5)), 3_000);
    assert_eq!(millis(with(90).pause(secs(600), 0.5)), 45_000);
    assert_eq!(with(3).power_pause(secs(600)), secs(3));
    // A provider in trouble is not asked more often for it.
    assert_eq!(with(1).after_fault(9, 1.0), secs(30));
    assert_eq!([1, 2, 3].map(|streak| millis(policy().after_fault(streak, 0.5))), [500, 1_000, 2_000]);
}
