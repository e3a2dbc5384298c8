//! Values of options: what may be written, and what it means.

use super::suggest::{did_you_mean, listed, nearest};
use crate::model::{PowerOff, PowerOn};
use std::num::NonZeroUsize;
use std::time::Duration;

/// Why a text is no value of its option; it says what may be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Not a duration.
    #[error("`{0}` is not a duration: write a number and a unit, as in `500ms`, `20s`, `2m` or `1h`")]
    Duration(String),
    /// Too short or too long.
    #[error("`{written}` is out of range: {least:?} to {most:?}")]
    DurationRange {
        /// What was written.
        written: String,
        /// Least.
        least: Duration,
        /// Most.
        most: Duration,
    },
    /// Not a number in range.
    #[error("`{written}` is not a number from {least} to {most}")]
    Number {
        /// What was written.
        written: String,
        /// Least.
        least: usize,
        /// Most.
        most: usize,
    },
    /// Neither number nor share.
    #[error("`{0}` is neither a number from 1 nor a percentage from 1% to 100%")]
    Share(String),
    /// Not one of the words.
    #[error("`{written}` is not one of {}{}", listed(.known.iter().copied()), did_you_mean(*.suggestion))]
    Word {
        /// What was written.
        written: String,
        /// The words.
        known: &'static [&'static str],
        /// The nearest of them.
        suggestion: Option<&'static str>,
    },
    /// Nothing there.
    #[error("the text is empty")]
    Empty,
    /// A character that would change how lines are read.
    #[error("the text has a control character")]
    Control,
    /// Longer than anything of its kind.
    #[error("the text has more than {0} characters")]
    TooLong(usize),
}

/// Form of the standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// A table for people.
    #[default]
    Human,
    /// One report document.
    Json,
    /// One event a line and the report last.
    Jsonl,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much standard error tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Questions, warnings and the end.
    Quiet,
    /// Progress as well.
    #[default]
    Normal,
    /// One line for each request.
    Verbose,
    /// Everything that holds no secret.
    Debug,
}

/// A number of servers, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(NonZeroUsize),
    /// So many of a hundred: 1 to 100.
    Percent(u8),
}

impl Share {
    /// How many servers of `total` that is: rounded up, at least one.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count.get(),
            Self::Percent(percent) => total.saturating_mul(usize::from(percent)).div_ceil(100).max(1),
        }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Longest duration that any option takes: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads a duration: a whole number and `ms`, `s`, `m` or `h`; several may follow each other, as in `1h30m`.
pub fn duration(text: &str) -> Result<Duration, BadValue> {
    let bad = || BadValue::Duration(text.to_owned());
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() || total.is_zero() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let milliseconds = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(bad()),
        };
        rest = &rest[letters..];
        let part = number.checked_mul(milliseconds).ok_or_else(bad)?;
        total = total.checked_add(Duration::from_millis(part)).ok_or_else(bad)?;
        if rest.is_empty() {
            break;
        }
    }
    Ok(total)
}

/// Reads a duration of at least `least` and at most 30 days.
pub fn duration_from(least: Duration, text: &str) -> Result<Duration, BadValue> {
    let value = duration(text)?;
    if value < least || value > LONGEST {
        return Err(BadValue::DurationRange { written: text.to_owned(), least, most: LONGEST });
    }
    Ok(value)
}

/// Reads a whole number of that range.
pub fn number(least: usize, most: usize, text: &str) -> Result<usize, BadValue> {
    let bad = || BadValue::Number { written: text.to_owned(), least, most };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    text.parse().ok().filter(|value| (least..=most).contains(value)).ok_or_else(bad)
}

/// Reads a number from 1, or a percentage from 1% to 100%.
pub fn share(text: &str) -> Result<Share, BadValue> {
    let bad = || BadValue::Share(text.to_owned());
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent = number(1, 100, percent).map_err(|_| bad())?;
            u8::try_from(percent).map(Share::Percent).map_err(|_| bad())
        }
        None => {
            let count = number(1, usize::MAX, text).map_err(|_| bad())?;
            NonZeroUsize::new(count).map(Share::Count).ok_or_else(bad)
        }
    }
}

/// Reads a switch.
pub fn switch(text: &str) -> Result<bool, BadValue> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(unknown(text, &["true", "false"])),
    }
}

/// Reads a name or text of one line, at most 1000 characters.
pub fn line(text: &str) -> Result<String, BadValue> {
    const MOST: usize = 1000;
    let text = text.trim();
    if text.is_empty() {
        return Err(BadValue::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(BadValue::Control);
    }
    if text.chars().count() > MOST {
        return Err(BadValue::TooLong(MOST));
    }
    Ok(text.to_owned())
}

fn unknown(text: &str, known: &'static [&'static str]) -> BadValue {
    BadValue::Word { written: text.to_owned(), known, suggestion: nearest(text, known.iter().copied()) }
}

/// Reads `--output`.
pub fn output(text: &str) -> Result<Output, BadValue> {
    match text {
        "human" => Ok(Output::Human),
        "json" => Ok(Output::Json),
        "jsonl" => Ok(Output::Jsonl),
        _ => Err(unknown(text, &["human", "json", "jsonl"])),
    }
}

/// Reads `--color`.
pub fn color(text: &str) -> Result<Color, BadValue> {
    match text {
        "auto" => Ok(Color::Auto),
        "always" => Ok(Color::Always),
        "never" => Ok(Color::Never),
        _ => Err(unknown(text, &["auto", "always", "never"])),
    }
}

/// Reads `--power-off`.
pub fn power_off(text: &str) -> Result<PowerOff, BadValue> {
    match text {
        "soft" => Ok(PowerOff::Soft),
        "hard" => Ok(PowerOff::Hard),
        "never" => Ok(PowerOff::Never),
        _ => Err(unknown(text, &["soft", "hard", "never"])),
    }
}

/// Reads `--power-on`.
pub fn power_on(text: &str) -> Result<PowerOn, BadValue> {
    match text {
        "auto" => Ok(PowerOn::Auto),
        "never" => Ok(PowerOn::Never),
        _ => Err(unknown(text, &["auto", "never"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("20s", 20_000),
            ("2m", 120_000),
            ("90m", 5_400_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "",
            "20",
            "s",
            "-5s",
            "1.5h",
            "5 s",
            "5S",
            "1d",
            "5sec",
            "99999999999999999999s",
            "18446744073709551615h",
            "٣s",
            "5s!",
            "0s ",
        ] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_duration_that_would_overflow_a_deadline_is_refused() {
        let least = Duration::from_millis(1);
        assert!(duration_from(least, "720h").is_ok());
        assert!(duration_from(least, "721h").is_err());
        assert!(duration_from(least, "0ms").is_err());
    }

    #[test]
    fn a_share_is_rounded_up_and_never_nothing() {
        for (text, total, expected) in
            [("1", 50, 1), ("10%", 15, 2), ("1%", 3, 1), ("100%", 7, 7), ("25%", 4, 1), ("5", 3, 5)]
        {
            assert_eq!(share(text).expect(text).of(total), expected, "{text} of {total}");
        }
        for text in ["0", "0%", "101%", "-1", "1.5%", "%", "", "+1", "x"] {
            assert!(share(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_switch_that_is_neither_on_nor_off_is_an_error() {
        assert_eq!(switch("TRUE"), Ok(true));
        assert_eq!(switch("0"), Ok(false));
        for text in ["", "ture", "2", "y"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_word_names_the_right_ones() {
        let fault = output("jsno").expect_err("not a form").to_string();
        assert!(fault.contains("`human`, `json`, `jsonl`") && fault.contains("did you mean `json`"), "{fault}");
    }
}
