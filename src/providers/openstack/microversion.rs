//! Microversions: a service refuses a field that is newer than the version that the caller asks for.
//!
//! Source: docs.openstack.org/api-guide/compute/microversions.html.

use crate::wire::{ReadFault, WireResponse};
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// A version such as `2.93`; compared by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Microversion(pub(super) u32, pub(super) u32);

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Microversion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self(major.parse().map_err(drop)?, minor.parse().map_err(drop)?))
    }
}

/// The oldest and the newest version that a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) min: Microversion,
    pub(super) max: Microversion,
}

#[derive(Deserialize)]
struct Document {
    /// At the service's root.
    versions: Option<Vec<Row>>,
    /// At the root of one version.
    version: Option<Row>,
    /// Ironic's name for it.
    default_version: Option<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// The newest; empty where there are no microversions.
    version: Option<String>,
    max_version: Option<String>,
    min_version: Option<String>,
}

impl Row {
    fn range(&self) -> Option<Range> {
        let read = |text: &Option<String>| text.as_deref()?.parse().ok();
        Some(Range { min: read(&self.min_version)?, max: read(&self.max_version).or_else(|| read(&self.version))? })
    }
}

/// Reads the version document of a service or of one of its versions; `major` is the wished one, such as 2.
/// `None` for a service without microversions.
///
/// # Errors
/// `Malformed` if it is no such document.
pub(super) fn range(answer: &WireResponse, major: u32) -> Result<Option<Range>, ReadFault> {
    let document: Document = answer.parse()?;
    if document.versions.is_none() && document.version.is_none() && document.default_version.is_none() {
        return Err(ReadFault::malformed("the answer names no version of the service".to_owned()));
    }
    let rows = document.versions.into_iter().flatten().chain(document.version).chain(document.default_version);
    Ok(rows.filter_map(|row| row.range()).filter(|range| range.max.0 == major).max_by_key(|range| range.max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<Range> {
        let status = http::StatusCode::OK;
        let answer = WireResponse { status, headers: http::HeaderMap::new(), body: body.to_owned().into() };
        range(&answer, 2).expect("a version document")
    }

    #[test]
    fn versions_are_compared_by_number_and_not_as_text() {
        let version = |text: &str| text.parse::<Microversion>().expect(text);
        assert!(version("2.100") > version("2.93") && version("2.9") < version("2.10"));
        assert_eq!(version("2.104").to_string(), "2.104");
        for bad in ["", "2", "2.", ".1", "2.x", "latest"] {
            assert!(bad.parse::<Microversion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_range_is_read_from_the_root_and_from_one_version() {
        let expected = Some(Range { min: Microversion(2, 1), max: Microversion(2, 104) });
        let root = r#"{"versions":[{"id":"v2.0","version":"","min_version":"","status":"SUPPORTED"},
            {"id":"v2.1","version":"2.104","min_version":"2.1","status":"CURRENT"}]}"#;
        assert_eq!(read(root), expected);
        assert_eq!(read(r#"{"version":{"id":"v2.1","version":"2.104","min_version":"2.1"}}"#), expected);
        assert_eq!(read(r#"{"versions":[{"id":"v2.0","version":"","min_version":""}]}"#), None);
    }
}
