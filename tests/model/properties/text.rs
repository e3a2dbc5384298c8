//! Text of others on a terminal or in a build log.

use reinstall::report::text::{MOST_COLUMNS, clean, clean_to, columns, is_unsafe};

/// What is shown acts on nothing, fits, and is what it was where there was nothing to disarm.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for most in [0, 1, 2, 7, 80, MOST_COLUMNS] {
        let shown = clean_to(&text, most);
        assert!(columns(&shown) <= most, "{} columns of {most}: {shown:?}", columns(&shown));
        harmless(&shown);
    }
    let shown = clean(&text);
    assert_eq!(clean(&shown), shown, "cleaning twice is cleaning once");
    let plain = |c: char| c.is_ascii_graphic() && c != ':' && c != '#';
    if text.chars().all(plain) && text.len() <= MOST_COLUMNS {
        assert_eq!(shown, text, "plain text stays as it is");
    }
}

fn harmless(shown: &str) {
    assert!(!shown.chars().any(is_unsafe), "{shown:?}");
    assert!(
        !shown.chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' ' && c.len_utf8() == 1)),
        "{shown:?}"
    );
    assert!(!shown.contains("##"), "{shown:?}");
    for command in ["::error", "::warning", "::notice", "::set-", "::add-", "::group", "::stop-", "::save-"] {
        assert!(!shown.contains(command), "{shown:?}");
    }
}
