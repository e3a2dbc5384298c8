//! Names that were checked when they were made.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing there: an empty id could select everything in some interfaces.
    #[error("an id must not be empty")]
    Empty,
    /// Longer than any provider's ids.
    #[error("an id has at most 128 characters")]
    TooLong,
    /// Characters that no provider uses in ids and that could change a path.
    #[error("an id has only letters, digits, `-`, `_`, `.` and `:`, and begins with a letter or digit")]
    Characters,
}

/// A provider's id of one server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ServerId(String);

impl ServerId {
    /// Checks and wraps an id.
    pub fn new(text: &str) -> Result<Self, BadId> {
        if text.is_empty() {
            return Err(BadId::Empty);
        }
        if text.len() > 128 {
            return Err(BadId::TooLong);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if !text.chars().all(legal) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(BadId::Characters);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ServerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// The name of one run: sortable by time, safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Makes a new one.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    /// Reads one that a user or a file gave: 4 to 32 hexadecimal digits, of which a prefix may be given.
    pub fn parse(text: &str) -> Option<Self> {
        let ok =
            (4..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
        ok.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a run id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_change_a_path_or_an_argument_are_refused() {
        for bad in ["", "../../x", "-rf", "a b", "a/b", "a,b", "é", "%n", "a\0", ".hidden"] {
            assert!(ServerId::new(bad).is_err(), "{bad:?}");
        }
        for good in ["i-1", "cps-demo-1", "0197f36d-d83b-7258-b177-3784b7887a17", "1234567654321", "a.b_c:d"] {
            assert!(ServerId::new(good).is_ok(), "{good:?}");
        }
    }
}
