//! Times as signatures write them.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// `YYYYMMDDTHHMMSSZ`. Written by hand: a general formatter takes longer than the hashing of a request.
pub fn compact(at: DateTime<Utc>) -> String {
    let year = u32::try_from(at.year()).unwrap_or(0) % 10_000;
    let mut text = String::with_capacity(16);
    two(&mut text, year / 100);
    two(&mut text, year % 100);
    two(&mut text, at.month());
    two(&mut text, at.day());
    text.push('T');
    two(&mut text, at.hour());
    two(&mut text, at.minute());
    two(&mut text, at.second());
    text.push('Z');
    text
}

fn two(text: &mut String, number: u32) {
    for digit in [number / 10, number % 10] {
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_written_form_is_the_formatters() {
        for seconds in [0, 951_782_400, 1_767_225_599, 1_773_562_500, 4_102_444_799] {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            assert_eq!(compact(at), at.format("%Y%m%dT%H%M%SZ").to_string());
        }
    }
}
