//! Which servers are never reinstalled, and which alone may be: rules that no selection beats.

use super::{ApiError, Record, ServerId};
use std::net::IpAddr;
use wildmatch::WildMatch;

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKey {
    /// `instances`: an id.
    Instances,
    /// `names`: a pattern for the whole name.
    Names,
    /// `addresses`: an IP address.
    Addresses,
}

impl RuleKey {
    /// Every key.
    pub const ALL: [Self; 3] = [Self::Instances, Self::Names, Self::Addresses];

    /// The key as the configuration file has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Names => "names",
            Self::Addresses => "addresses",
        }
    }
}

/// One rule, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    key: RuleKey,
    text: String,
    at: String,
}

impl Rule {
    /// Checks a rule; `at` names its place for people. The error says what it must be.
    pub fn new(key: RuleKey, text: &str, at: String) -> Result<Self, &'static str> {
        match key {
            RuleKey::Instances if ServerId::new(text).is_err() => Err("ids of servers; patterns belong to `names`"),
            RuleKey::Addresses if text.parse::<IpAddr>().is_err() => Err("single IP addresses"),
            // Other tools give these signs a meaning: a rule that somebody relies on must not silently mean less.
            RuleKey::Names if text.is_empty() || text.contains(['[', ']', '{', '}', '\\']) => {
                Err("names, in which `*` stands for anything and `?` for one character, and nothing else is special")
            }
            RuleKey::Names if text.trim() != text || text.contains(char::is_control) => {
                Err("names without spaces around them")
            }
            _ => Ok(Self { key, text: text.to_owned(), at }),
        }
    }

    /// The rule as it is written, such as `names = "prod-*"`.
    pub fn shown(&self) -> String {
        format!("{} = \"{}\"", self.key.word(), self.text)
    }

    /// Its place, for people.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Whether the server is one that the rule means. Case never decides.
    fn means(&self, record: &Record) -> bool {
        match self.key {
            RuleKey::Instances => record.id.as_str().eq_ignore_ascii_case(&self.text),
            RuleKey::Names => {
                let pattern = WildMatch::new(&self.text.to_lowercase());
                let name = record.name.as_deref().unwrap_or_default().to_lowercase();
                pattern.matches(&name) || pattern.matches(name.trim())
            }
            RuleKey::Addresses => {
                let canonical = |text: &str| text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
                let wanted = canonical(&self.text);
                record.addresses.iter().any(|address| canonical(address) == wanted)
            }
        }
    }
}

/// The allow-list of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The profile's name.
    pub profile: String,
    /// Its place, for people.
    pub at: String,
    /// One of these must mean the server.
    pub rules: Vec<Rule>,
}

/// All rules that hold for a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Servers that are never reinstalled.
    pub protect: Vec<Rule>,
    /// Servers that alone may be, where the profile has such a list.
    pub allow: Option<Allow>,
}

impl Guard {
    /// Whether there is nothing to hold servers against.
    pub fn is_empty(&self) -> bool {
        self.protect.is_empty() && self.allow.is_none()
    }

    /// Why this server must be left alone. A protection beats every allow-list.
    pub fn refusal(&self, record: &Record) -> Option<ApiError> {
        if let Some(rule) = self.protect.iter().find(|rule| rule.means(record)) {
            let message = format!("`{}` protects it ({})", rule.shown(), rule.at);
            return Some(
                ApiError::local("protected", message)
                    .advise("leave it out; if it is meant after all, change that file: no option lifts a protection"),
            );
        }
        let allow = self.allow.as_ref().filter(|allow| !allow.rules.iter().any(|rule| rule.means(record)))?;
        let message = format!("it is not on the allow-list of profile `{}` ({})", allow.profile, allow.at);
        Some(ApiError::local("not_allowed", message).advise("choose the profile that it belongs to, or add it there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Observation, Phase};
    use proptest::prelude::*;

    fn record(id: &str, name: Option<&str>, address: &str) -> Record {
        Record {
            id: ServerId::new(id).expect("an id"),
            name: name.map(str::to_owned),
            addresses: vec![address.to_owned()],
            zone: None,
            model: None,
            image_name: None,
            seen: Observation::of("RUNNING", Phase::Running),
            attributes: std::collections::BTreeMap::new(),
        }
    }

    fn rule(key: RuleKey, text: &str) -> Rule {
        Rule::new(key, text, "c.toml:1 [protect]".to_owned()).expect("a rule")
    }

    fn protects(key: RuleKey, text: &str, record: &Record) -> bool {
        Guard { protect: vec![rule(key, text)], allow: None }.refusal(record).is_some()
    }

    #[test]
    fn a_name_pattern_means_the_whole_name_and_case_does_not_matter() {
        for (pattern, name, expected) in [
            ("prod-*", "prod-1", true),
            ("prod-*", "PROD-", true),
            ("Prod-*", "prod-web.example.org", true),
            ("prod-*", "preprod-1", false),
            ("prod", "prod-1", false),
            ("*db*", "my-db-1", true),
            ("db?", "db1", true),
            ("db?", "db", false),
            ("db?", "db12", false),
            ("*", "", true),
            ("größe*", "GRÖSSE", false),
            ("GRÖẞE*", "größe-1", true),
            ("prod-1", " prod-1\n", true),
            ("*prod*", "a\nprod\u{202e}b", true),
            ("a*b*c*d*e*f*g*h", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(protects(RuleKey::Names, pattern, &record("i-1", Some(name), "")), expected, "{pattern} {name}");
        }
        assert!(!protects(RuleKey::Names, "prod*", &record("i-1", None, "")));
    }

    #[test]
    fn an_id_and_an_address_are_exact_and_spelling_does_not_matter() {
        let server = record("i-Abc", None, "2001:db8::1");
        assert!(protects(RuleKey::Instances, "I-aBC", &server) && !protects(RuleKey::Instances, "i-ab", &server));
        assert!(protects(RuleKey::Addresses, "2001:DB8:0::1", &server));
        assert!(protects(RuleKey::Addresses, "::ffff:192.0.2.1", &record("i-1", None, "192.0.2.1")));
        assert!(!protects(RuleKey::Addresses, "192.0.2.1", &record("i-1", None, "192.0.2.10")));
    }

    #[test]
    fn a_rule_that_other_tools_read_otherwise_is_refused() {
        for (key, text) in [
            (RuleKey::Names, ""),
            (RuleKey::Names, "prod-[0-9]"),
            (RuleKey::Names, "{a,b}"),
            (RuleKey::Names, "a\\*"),
            (RuleKey::Names, " prod"),
            (RuleKey::Names, "a\nb"),
            (RuleKey::Instances, "i-*"),
            (RuleKey::Instances, ""),
            (RuleKey::Addresses, "10.0.0.0/8"),
            (RuleKey::Addresses, "web-1"),
        ] {
            assert!(Rule::new(key, text, String::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_protection_beats_the_allow_list_and_names_rule_and_place() {
        let all = || Allow {
            profile: "test".to_owned(),
            at: "c.toml:9 [profiles.test.allow]".to_owned(),
            rules: vec![rule(RuleKey::Names, "web-*")],
        };
        let guard = Guard { protect: vec![rule(RuleKey::Names, "web-1")], allow: Some(all()) };
        let error = guard.refusal(&record("i-1", Some("web-1"), "")).expect("refused");
        assert_eq!(error.kind, "protected");
        assert_eq!(error.message, "`names = \"web-1\"` protects it (c.toml:1 [protect])");
        assert_eq!(guard.refusal(&record("i-2", Some("web-2"), "")), None);
        let error = guard.refusal(&record("i-3", Some("db-1"), "")).expect("refused");
        assert_eq!(error.kind, "not_allowed");
        assert!(error.message.contains("profile `test` (c.toml:9 [profiles.test.allow])"), "{}", error.message);
        assert!(guard.refusal(&record("i-4", None, "")).is_some(), "a server without a name is on no list of names");
    }

    /// What a pattern means, said in the slow way.
    fn matches(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => matches(rest, name) || (!name.is_empty() && matches(pattern, &name[1..])),
            (['?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
            ([one, rest @ ..], [other, tail @ ..]) => one == other && matches(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_protects_exactly_what_it_means(pattern in "[ab*?]{1,7}", name in "[abAB]{0,9}") {
            let lower: Vec<char> = name.to_lowercase().chars().collect();
            let expected = matches(&pattern.chars().collect::<Vec<_>>(), &lower);
            prop_assert_eq!(protects(RuleKey::Names, &pattern, &record("i-1", Some(&name), "")), expected);
        }
    }
}
