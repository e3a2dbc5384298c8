//! Rules for passwords as data: one function checks, one makes a password that passes.

use crate::secret::Secret;
use rand::RngExt;
use rand::seq::SliceRandom;

/// What a provider demands of a password. The provider keeps the last word.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRule {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// How many of the four classes must be there: upper, lower, digit, special.
    pub classes: usize,
    /// Special characters that are let through.
    pub special: &'static str,
    /// Special characters that every version of the provider's page allows: for generated passwords.
    pub safe_special: &'static str,
    /// Texts that must not be in it, compared without case.
    pub forbidden: &'static [&'static str],
    /// Whether the provider refuses what breaks the rule; else it is ours, for what guests can take.
    pub enforced: bool,
}

/// Which rule a password breaks. Says nothing of the password itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Length.
    #[error("the password must have {min} to {max} characters")]
    Length {
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
    /// Classes.
    #[error("the password must have {0} of: upper-case letter, lower-case letter, digit, special character")]
    Classes(usize),
    /// A character that is not allowed.
    #[error("the password has a character that is not allowed; special characters may be {0}")]
    Character(&'static str),
    /// A forbidden text.
    #[error("the password contains a text that the provider forbids ({0}), or its reverse")]
    Forbidden(&'static str),
}

impl PasswordRule {
    /// Tells the first rule that the password breaks.
    pub fn check(&self, password: &Secret) -> Result<(), PasswordFault> {
        let text = password.expose();
        let length = text.chars().count();
        if length < self.min || length > self.max {
            return Err(PasswordFault::Length { min: self.min, max: self.max });
        }
        if text.chars().any(|c| !c.is_ascii_alphanumeric() && !self.special.contains(c)) {
            return Err(PasswordFault::Character(self.special));
        }
        let has = |class: fn(&char) -> bool| usize::from(text.chars().any(|c| class(&c)));
        let classes = has(char::is_ascii_uppercase)
            + has(char::is_ascii_lowercase)
            + has(char::is_ascii_digit)
            + usize::from(text.chars().any(|c| self.special.contains(c)));
        if classes < self.classes {
            return Err(PasswordFault::Classes(self.classes));
        }
        let lower = text.to_ascii_lowercase();
        for &word in self.forbidden {
            let reverse: String = word.chars().rev().collect();
            if lower.contains(word) || lower.contains(&reverse) {
                return Err(PasswordFault::Forbidden(word));
            }
        }
        Ok(())
    }

    /// Makes a random password that passes: all four classes, no two neighbours that are alike or in sequence.
    pub fn generate(&self) -> Secret {
        // Without look-alikes, and without neighbours on a keyboard row in order.
        const UPPER: &[u8] = b"ACEGHKMPRTWXZ";
        const LOWER: &[u8] = b"acegkmprtwxz";
        const DIGIT: &[u8] = b"2468";
        let special = self.safe_special.as_bytes();
        let length = self.max.min(16).max(self.min);
        let mut random = rand::rng();
        loop {
            let mut text: Vec<u8> = Vec::with_capacity(length);
            for place in 0..length {
                let class = match place % 4 {
                    0 => UPPER,
                    1 => LOWER,
                    2 => DIGIT,
                    _ => special,
                };
                text.push(class[random.random_range(0..class.len())]);
            }
            text.shuffle(&mut random);
            // Some interfaces and shells treat a leading special character apart.
            if !text[0].is_ascii_alphabetic() || text.windows(2).any(|pair| pair[0].eq_ignore_ascii_case(&pair[1])) {
                continue;
            }
            let password = Secret::from(text.into_iter().map(char::from).collect::<String>());
            if self.check(&password).is_ok() {
                return password;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: PasswordRule = PasswordRule {
        min: 8,
        max: 16,
        classes: 4,
        special: "~!@$^*-_=+",
        safe_special: "~!@$^*-_=+",
        forbidden: &["root"],
        enforced: true,
    };

    #[test]
    fn a_generated_password_passes_its_own_rule_and_is_never_the_same() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..500 {
            let password = RULE.generate();
            assert!(RULE.check(&password).is_ok());
            assert!(seen.insert(password.expose().to_owned()));
        }
    }

    #[test]
    fn the_broken_rule_is_named_and_the_password_is_not() {
        let cases = [
            ("Aa1!", "8 to 16"),
            ("aaaaaaaa1!", "4 of"),
            ("Aaaaaaa1 !", "not allowed"),
            ("Aa1!root22", "forbids"),
            ("Aa1!toor22", "forbids"),
        ];
        for (password, says) in cases {
            let fault = RULE.check(&Secret::from(password.to_owned())).expect_err(password).to_string();
            assert!(fault.contains(says), "{fault}");
            assert!(!fault.contains(password), "{fault}");
        }
    }
}
