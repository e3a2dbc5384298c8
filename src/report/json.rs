//! JSON that is safe to look at: same values, but no character that a terminal would act on.

use super::Sink;
use super::text::is_unsafe;
use serde::Serialize;
use std::fmt::Write;
use std::io;

/// Writes one document over several lines.
pub fn write_document<T: Serialize>(sink: &Sink, document: &T) -> io::Result<()> {
    sink.line(&escaped(&serde_json::to_string_pretty(document).map_err(unwritable)?, true))
}

/// Writes one document as one line.
pub fn write_line<T: Serialize>(sink: &Sink, document: &T) -> io::Result<()> {
    sink.line(&escaped(&serde_json::to_string(document).map_err(unwritable)?, false))
}

/// Names no value: a value could be anything.
fn unwritable(error: serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a document cannot be written as JSON ({:?})", error.classify()))
}

/// Escapes what is unsafe. Such characters stand only inside strings, where an escape means the same;
/// line breaks of the layout stay.
fn escaped(json: &str, pretty: bool) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // `##` opens a command of some build logs, wherever it stands in a line.
        if (is_unsafe(c) && !(pretty && c == '\n')) || (c == '#' && safe.ends_with('#')) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_survive_and_nothing_unsafe_is_written(text in any::<String>()) {
            let value = serde_json::json!({ text.clone(): [text] });
            let line = escaped(&value.to_string(), false);
            prop_assert!(!line.chars().any(is_unsafe), "{line:?}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("JSON"), value.clone());
            let pretty = escaped(&serde_json::to_string_pretty(&value).expect("JSON"), true);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty).expect("JSON"), value);
        }
    }

    #[test]
    fn no_document_holds_the_opening_of_a_build_log_command() {
        let value = serde_json::json!({ "message": "##vso[task.complete] ##[error] ### \\##" });
        let line = escaped(&value.to_string(), false);
        assert!(!line.contains("##"), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("JSON"), value);
    }

    #[test]
    fn bidi_and_astral_format_characters_are_escaped() {
        assert_eq!(escaped("\"\u{202e}\u{e0041}\u{9b}\"", false), r#""\u202e\udb40\udc41\u009b""#);
    }
}
