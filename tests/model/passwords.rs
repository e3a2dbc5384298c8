//! Generated passwords, for each product's rule and for any rule that can be met.

use crate::cases::cases;
use crate::properties::products::products;
use proptest::prelude::*;
use reinstall::model::{LoginWish, OrderSecrets, PasswordRule, Wish};
use reinstall::secret::Secret;
use std::collections::HashSet;

#[test]
fn every_product_takes_the_passwords_that_are_made_for_it() {
    let wish = Wish { login: LoginWish { password: true, none: false }, ..Wish::default() };
    for (entry, product) in products() {
        let rule = &entry.facts.password;
        let mut seen = HashSet::new();
        for _ in 0..3000 {
            let password = rule.generate();
            assert_eq!(rule.check(&password), Ok(()), "{}", entry.id);
            let text = password.expose().to_owned();
            assert!(text.chars().all(|c| c.is_ascii_graphic()), "{}: not to be typed", entry.id);
            assert!(seen.insert(text), "{}: one password twice", entry.id);
            let secrets = OrderSecrets { password: Some(password.shared()), ..OrderSecrets::default() };
            assert_eq!(product.check(&wish, &secrets), Ok(()), "{}", entry.id);
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_generated_password_passes_its_rule(min in 4_usize..20, more in 0_usize..20, classes in 1_usize..=4) {
        let rule = PasswordRule {
            min, max: min + more, classes, special: "!@#$%^*-_=+", safe_special: "!@-_=+", forbidden: &["root"], enforced: true,
        };
        let password = rule.generate();
        prop_assert_eq!(rule.check(&password), Ok(()));
        prop_assert!(!password.expose().chars().any(|c| "#$%^*".contains(c)), "a character that is not safe");
    }

    #[test]
    fn a_refusal_never_quotes_the_password(text in "\\PC{6,40}") {
        for (_, product) in products() {
            let facts = &product.entry().facts;
            if let Err(fault) = facts.password.check(&Secret::from(text.clone())) {
                prop_assert!(!fault.to_string().contains(&text));
            }
        }
    }

    #[test]
    fn whatever_passes_obeys_length_and_characters(text in any::<String>()) {
        for (entry, _) in products() {
            let rule = &entry.facts.password;
            if rule.check(&Secret::from(text.clone())).is_ok() {
                let length = text.chars().count();
                prop_assert!((rule.min..=rule.max).contains(&length));
                prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || rule.special.contains(c)));
            }
        }
    }
}
