//! Makes text that others wrote safe to show: a server's name must not move the cursor, reorder a line,
//! write to the clipboard or command a build log.

use std::fmt::Write;

/// Most columns of one text; longer ones are cut and end with `…`.
pub const MOST_COLUMNS: usize = 200;

/// Whether a terminal, a log viewer or a bidirectional layout would act on the character.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164
            | 0xD800..=0xDFFF | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFB | 0xFFFE..=0xFFFF
            | 0x13430..=0x1345F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0x10FFFF)
}

/// Returns the text as one line that shows what is in it and does nothing.
///
/// Line breaks and tabs become a space; other characters that act rather than show become `\u{…}`; the
/// openings of build-log commands (`::word`, `##`) are broken up; everything past
/// [`MOST_COLUMNS`] is cut.
pub fn clean(text: &str) -> String {
    clean_to(text, MOST_COLUMNS)
}

/// The same, cut to so many columns.
pub fn clean_to(text: &str, columns: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(columns * 2));
    let mut blank = true;
    let mut rest = text.chars();
    // Escapes are long and a column takes at least a character, so more input cannot show.
    let mut taken = 0;
    while let Some(c) = rest.next() {
        if taken > columns {
            break;
        }
        taken += 1;
        match c {
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if !blank {
                    shown.push(' ');
                }
                blank = true;
                continue;
            }
            ':' if shown.ends_with(':') && is_command(rest.as_str()) => shown.push_str(" :"),
            '#' if shown.ends_with('#') => shown.push_str(" #"),
            c if is_unsafe(c) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
        blank = false;
    }
    let cut_input = rest.next().is_some();
    let mut shown = shown.trim_end().to_owned();
    if cut_input {
        shown.push('…');
    }
    cut(&shown, columns)
}

/// An upper bound for the columns that a text takes: wide scripts count two for each character.
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    if u32::from(c) < 0x1100 || matches!(u32::from(c), 0x2010..=0x205E) { 1 } else { 2 }
}

fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(1);
    let mut short: String = text
        .chars()
        .take_while(|&c| {
            let fits = width(c) <= left;
            left = left.saturating_sub(width(c));
            fits
        })
        .collect();
    if most > 0 {
        short.push('…');
    }
    short
}

/// Whether what follows `::` is a word, and not the rest of an IPv6 address.
fn is_command(rest: &str) -> bool {
    let word = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next().unwrap_or_default();
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().any(|c| !c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_is_shown_and_does_not_act() {
        let cases = [
            ("web-1", "web-1"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{1b}]52;c;aGk=\u{7}", "\\u{1b}]52;c;aGk=\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("abc\u{202e}txt.exe", "abc\\u{202e}txt.exe"),
            ("a\r\nb\u{2028}c\td", "a b c d"),
            ("nul\0del\u{7f}", "nul\\u{0}del\\u{7f}"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ];
        for (raw, shown) in cases {
            assert_eq!(clean(raw), shown, "{raw:?}");
        }
    }

    #[test]
    fn build_log_commands_are_broken_and_addresses_are_not() {
        assert_eq!(clean("\n::error file=x"), ": :error file=x");
        assert_eq!(clean("x::add-mask::y"), "x: :add-mask: :y");
        assert_eq!(clean("##[error] ##vso[x] ###"), "# #[error] # #vso[x] # # #");
        assert_eq!(clean("fe80::1 ::1 2001:db8::abcd/64"), "fe80::1 ::1 2001:db8::abcd/64");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let cut = clean(&"x".repeat(5000));
        assert_eq!((columns(&cut), cut.ends_with('…')), (MOST_COLUMNS, true));
        let wide = clean(&"云".repeat(5000));
        assert!(columns(&wide) <= MOST_COLUMNS && wide.ends_with('…'));
        assert_eq!(clean_to("abcdef", 4), "abc…");
        assert_eq!(clean_to("abcd", 4), "abcd");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_and_nothing_long_comes_out(text in any::<String>()) {
            let shown = clean(&text);
            prop_assert!(!shown.chars().any(is_unsafe), "{shown:?}");
            prop_assert!(columns(&shown) <= MOST_COLUMNS);
            prop_assert!(!shown.contains("##") && !shown.contains("::error"));
        }

        #[test]
        fn plain_text_stays_as_it_is(text in "[a-zA-Z0-9_.=/-]{0,80}") {
            prop_assert_eq!(clean(&text), text);
        }

        #[test]
        fn escapes_in_any_place_are_disarmed(before in ".{0,40}", after in ".{0,40}") {
            for evil in ["\u{1b}[31m", "\u{1b}]8;;x\u{7}", "\u{90}q", "\u{2067}", "\u{2028}::error::"] {
                let shown = clean(&format!("{before}{evil}{after}"));
                prop_assert!(!shown.chars().any(is_unsafe));
                prop_assert!(!shown.contains("::error"));
            }
        }
    }
}
