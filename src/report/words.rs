//! Durations, counts and times as people read them.

use chrono::{DateTime, SecondsFormat, Utc};
use std::time::Duration;

/// A duration such as `0.4s`, `12s`, `1m 21s`, `1h 30m` or `3d 4h`: never more than two parts.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (first, second) = match seconds {
        0..10 => return format!("{}.{}s", seconds, time.subsec_millis() / 100),
        10..60 => return format!("{seconds}s"),
        60..3600 => ((seconds / 60, "m"), (seconds % 60, "s")),
        3600..86_400 => ((seconds / 3600, "h"), (seconds / 60 % 60, "m")),
        _ => ((seconds / 86_400, "d"), (seconds / 3600 % 24, "h")),
    };
    match second {
        (0, _) => format!("{}{}", first.0, first.1),
        (count, unit) => format!("{}{} {count}{unit}", first.0, first.1),
    }
}

/// A count with its noun: `1 server`, `3 servers`.
pub fn count(number: usize, noun: &str) -> String {
    let ending = match (number, noun) {
        (1, _) => "",
        (_, noun) if noun.ends_with('s') || noun.ends_with('x') || noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{number} {noun}{ending}")
}

/// A time of the day in UTC, for lines of a running log.
pub fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%SZ").to_string()
}

/// A whole time in UTC, for tables: `2026-03-15 08:15:00Z`.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A time for documents: RFC 3339, UTC, milliseconds.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whole milliseconds, for documents.
pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What stands where there is no value.
pub const NONE: &str = "-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_parts() {
        let cases = [
            (0, "0.0s"),
            (449, "0.4s"),
            (9_999, "9.9s"),
            (12_000, "12s"),
            (60_000, "1m"),
            (81_234, "1m 21s"),
            (5_400_000, "1h 30m"),
            (3_600_000, "1h"),
            (273_600_000, "3d 4h"),
        ];
        for (ms, words) in cases {
            assert_eq!(duration(Duration::from_millis(ms)), words);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "server"), "1 server");
        assert_eq!(count(0, "server"), "0 servers");
        assert_eq!(count(2, "batch"), "2 batches");
    }
}
