//! Rules for texts that the shared checks do not know: host names, and runs of characters in passwords.

/// Rows and columns of a keyboard, in which three neighbours are a run.
const KEYBOARD: [&str; 17] = [
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qaz",
    "wsx",
    "edc",
    "rfv",
    "tgb",
    "yhn",
    "ujm",
    "esz",
    "rdx",
    "tfc",
    "ygv",
    "uhb",
    "ijn",
    "okm",
];

/// Tells what is wrong with a host name.
///
/// Source: <https://docs.jdcloud.com/cn/cloud-physical-server/create-instance>.
pub(super) fn hostname(name: &str) -> Result<(), &'static str> {
    if !(2..=64).contains(&name.len()) {
        return Err("a host name has 2 to 64 characters");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.') {
        return Err("a host name has only letters, digits, `-` and `.`");
    }
    let edge = |c: char| c == '-' || c == '.';
    if name.starts_with(edge) || name.ends_with(edge) {
        return Err("a host name neither begins nor ends with `-` or `.`");
    }
    if name.as_bytes().windows(2).any(|pair| pair == b"--" || pair == b"..") {
        return Err("a host name has no two `-` or `.` in a row");
    }
    Ok(())
}

/// Tells what kind of run a password holds: three digits or letters in sequence, or three keyboard neighbours.
///
/// Source: <https://docs.jdcloud.com/en/virtual-machines/general-parameters>.
pub(super) fn run(password: &str) -> Option<&'static str> {
    let lower = password.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let same_kind = |t: &[u8]| t.iter().all(u8::is_ascii_digit) || t.iter().all(u8::is_ascii_lowercase);
    let in_sequence = |t: &[u8]| {
        let up = |a: u8, b: u8| a.checked_add(1) == Some(b);
        (up(t[0], t[1]) && up(t[1], t[2])) || (up(t[1], t[0]) && up(t[2], t[1]))
    };
    if bytes.windows(3).any(|triple| same_kind(triple) && in_sequence(triple)) {
        return Some("three or more digits or letters in sequence");
    }
    let neighbours = |triple: &[u8]| {
        let reverse = [triple[2], triple[1], triple[0]];
        KEYBOARD.iter().any(|row| row.as_bytes().windows(3).any(|run| run == triple || run == reverse))
    };
    if bytes.windows(3).any(neighbours) {
        return Some("three or more letters that are neighbours on a keyboard");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::jdcloud::fields::FACTS;

    #[test]
    fn host_names_follow_the_page() {
        for good in ["ab", "ci-node-07", "a.b-c.d", "A1", &"a".repeat(64)] {
            assert_eq!(hostname(good), Ok(()), "{good}");
        }
        for bad in ["", "a", "-ab", "ab-", ".ab", "ab.", "a--b", "a..b", "a_b", "a b", "é1", &"a".repeat(65)] {
            assert!(hostname(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_runs_of_the_page_are_found() {
        for bad in ["x123y", "987", "abc", "CBA", "qaz", "tfc", "xsw", "qwert", "trewq", "Zaq1", "7aBC"] {
            assert!(run(bad).is_some(), "{bad}");
        }
        for good in ["", "ab", "12", "a1b2c3", "90a", "yz{", "/01", "Fake#Pw7Zq92"] {
            assert_eq!(run(good), None, "{good}");
        }
    }

    #[test]
    fn a_generated_password_holds_no_run() {
        for _ in 0..2000 {
            let password = FACTS.password.generate();
            assert_eq!(run(password.expose()), None);
        }
    }
}
