//! Text of others, made safe to show.

use crate::cases::cases;
use proptest::prelude::*;
use reinstall::report::text::{clean, clean_to, columns, is_unsafe};

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn cleaned_text_shows_and_does_nothing(text in any::<String>(), most in 0_usize..300) {
        let shown = clean_to(&text, most);
        prop_assert!(!shown.chars().any(is_unsafe));
        prop_assert!(!shown.contains('\n') && !shown.contains('\r') && !shown.contains('\t'));
        prop_assert!(columns(&shown) <= most, "{} columns of {most}", columns(&shown));
    }

    #[test]
    fn cleaning_twice_is_cleaning_once(text in any::<String>()) {
        let once = clean(&text);
        prop_assert_eq!(clean(&once), once.clone());
    }

    #[test]
    fn commands_of_build_logs_are_broken(
        before in "[ a-z:#\\[]{0,10}",
        command in "(::error|::set-output name=x|##vso\\[task|##\\[error\\]|::add-mask)",
        after in "[ a-z:#\\]]{0,10}",
    ) {
        let shown = clean(&format!("{before}{command}{after}"));
        for word in ["::error", "::set-output", "::add-mask"] {
            prop_assert!(!shown.contains(word), "{shown}");
        }
        prop_assert!(!shown.contains("##"), "{shown}");
    }
}
