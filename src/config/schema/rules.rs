//! `[protect]` and a profile's `allow`: rules about servers, each with the line that it stands on.

use super::{Reader, Table, Value, bracketed, place};
use crate::config::error::{ConfigError, KeyPlace};
use crate::model::{Allow, Rule, RuleKey};
use toml::de::DeValue;

/// The key that names an allow-list in a profile.
pub(super) const ALLOW: &str = "allow";

impl Reader<'_> {
    /// A profile's allow-list. One that names nothing would refuse everything, which nobody writes on purpose.
    pub(super) fn allow(&self, key: &super::Key<'_>, value: &Value<'_>, profile: &str) -> Result<Allow, ConfigError> {
        let at = format!("profiles.{profile}");
        let rules = self.rules(self.table(key, value, &at)?, &format!("{at}.{ALLOW}"))?;
        if rules.is_empty() {
            return Err(self.wrong_type(key, &at, "a table that names at least one server, or left out"));
        }
        let at = format!("{}:{} {}", self.path, self.line(key), bracketed(&format!("{at}.{ALLOW}")));
        Ok(Allow { profile: profile.to_owned(), at, rules })
    }

    /// The rules of a table.
    pub(super) fn rules(&self, table: &Table<'_>, at: &str) -> Result<Vec<Rule>, ConfigError> {
        let mut rules = Vec::new();
        self.each(table, at, |key, name, value| {
            let Some(kind) = RuleKey::ALL.into_iter().find(|kind| kind.word() == name) else {
                return Err(self.unknown(key, at, RuleKey::ALL.map(|kind| kind.word().to_owned()).to_vec()));
            };
            let items = match value.get_ref() {
                DeValue::Array(items) => items.iter().collect(),
                _ => vec![value],
            };
            for item in items {
                let line = place(self.text, item.span().start).0;
                let wrong = |expected| {
                    let place = KeyPlace { line, ..*self.at(key, at) };
                    ConfigError::WrongType { at: Box::new(place), expected }
                };
                let DeValue::String(text) = item.get_ref() else { return Err(wrong("a list of texts")) };
                let rule = Rule::new(kind, text, format!("{}:{line} {}", self.path, bracketed(at)));
                rules.push(rule.map_err(wrong)?);
            }
            Ok(())
        })?;
        Ok(rules)
    }
}
