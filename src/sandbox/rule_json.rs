//! Reads fault rules from JSON, strictly: a misspelt rule that never fires would make a test lie.

use super::Injected;
use super::faults::{Cut, Fault, Foreign, ForeignAnswer, Rule};
use super::machine::Ending;
use super::rules::Progress;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Why a document is no fault rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// Neither one rule nor a list.
    #[error("expected one rule as a JSON object, or a list of them")]
    Shape,
    /// No such fault.
    #[error("unknown fault `{0}`; known: {known}", known = KNOWN.join(", "))]
    Fault(String),
    /// No fault named.
    #[error("a rule needs `fault`; known: {known}", known = KNOWN.join(", "))]
    NoFault,
    /// A key that this fault does not take.
    #[error("`{fault}` does not take `{key}`; it takes {takes}")]
    Key {
        /// Fault.
        fault: String,
        /// The key.
        key: String,
        /// The keys that it takes.
        takes: String,
    },
    /// A value that cannot be.
    #[error("`{key}` must be {what}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it must be.
        what: &'static str,
    },
    /// A fault of a server's life on another call than a reinstall.
    #[error("`{0}` belongs to `\"operation\":\"reinstall\"`")]
    Operation(String),
}

const COMMON: [&str; 6] = ["operation", "provider", "instance", "after", "times", "fault"];

/// Every fault that a rule can name.
pub const KNOWN: [&str; 30] = [
    "close_before",
    "drop_answer",
    "reset_answer",
    "truncate",
    "stall",
    "delay",
    "drip",
    "redirect",
    "html",
    "garbage",
    "huge",
    "content_type",
    "throttle",
    "unauthorized",
    "forbidden",
    "wrong_state",
    "invalid",
    "not_found",
    "server_error",
    "not_successful",
    "server_error_after",
    "skew",
    "fail_install",
    "stuck_install",
    "never_start",
    "ends_off",
    "vanish",
    "no_progress_shown",
    "stale",
    "slow_install",
];

/// The parameters that a fault takes beside the common keys.
pub fn parameters(fault: &str) -> &'static [&'static str] {
    match fault {
        "truncate" | "reset_answer" | "stall" => &["bytes", "from"],
        "delay" | "drip" | "skew" | "stale" | "slow_install" => &["ms"],
        "redirect" => &["status", "location", "carried_out"],
        "html" | "garbage" => &["status", "carried_out"],
        "huge" => &["bytes", "carried_out"],
        "content_type" => &["value", "carried_out"],
        "throttle" => &["retry_after"],
        "server_error" | "server_error_after" => &["status"],
        _ => &[],
    }
}

/// Reads one rule, or a list of them: all or none.
pub fn rules(document: &Value) -> Result<Vec<Rule>, BadRule> {
    match document {
        Value::Array(list) => list.iter().map(rule).collect(),
        one => Ok(vec![rule(one)?]),
    }
}

fn rule(document: &Value) -> Result<Rule, BadRule> {
    let fields = Fields(document.as_object().ok_or(BadRule::Shape)?);
    let word = fields.text("fault")?.ok_or(BadRule::NoFault)?;
    let mut rule = Rule::new(fault(&word, &fields)?);
    let takes = parameters(&word);
    if let Some(key) = fields.0.keys().find(|key| !COMMON.contains(&key.as_str()) && !takes.contains(&key.as_str())) {
        let takes = COMMON.iter().chain(takes).copied().collect::<Vec<_>>().join(", ");
        return Err(BadRule::Key { fault: word, key: key.clone(), takes });
    }
    match fields.text("operation")?.as_deref() {
        None | Some("any") => {}
        Some(name) => {
            let operation = serde_json::from_value(Value::from(name)).map_err(|_| BadRule::Value {
                key: "operation",
                what: "one of reinstall, arrange, stop, start, read, sign_in, any",
            })?;
            if rule.fault.is_of_life() && rule.operation != Some(operation) {
                return Err(BadRule::Operation(word));
            }
            rule.operation = Some(operation);
        }
    }
    rule.provider = fields.text("provider")?;
    rule.instance = fields.text("instance")?;
    rule.after = fields.count("after")?.unwrap_or(0);
    rule.times = match fields.count("times")? {
        Some(0) => return Err(BadRule::Value { key: "times", what: "at least 1" }),
        Some(times) => times,
        None => 1,
    };
    Ok(rule)
}

fn fault(word: &str, fields: &Fields<'_>) -> Result<Fault, BadRule> {
    let foreign = |answer, default| {
        Ok(Fault::Foreign(Foreign { answer, carried_out: fields.flag("carried_out")?.unwrap_or(default) }))
    };
    Ok(match word {
        "close_before" => Fault::CloseBefore,
        "drop_answer" => Fault::DropAnswer,
        "reset_answer" => Fault::ResetAnswer(fields.cut(Some(Cut { bytes: 0, after_head: false }))?),
        "truncate" => Fault::Truncate(fields.cut(None)?),
        "stall" => Fault::Stall(fields.cut(Some(Cut { bytes: 0, after_head: false }))?),
        "delay" => Fault::Delay(fields.pause()?),
        "drip" => Fault::Drip(fields.pause()?),
        "redirect" => {
            let status = fields.status(307, 300..=399, "an HTTP status from 300 to 399")?;
            let location = fields.text("location")?.unwrap_or_else(|| "/elsewhere".to_owned());
            if http::HeaderValue::from_str(&location).is_err() {
                return Err(BadRule::Value { key: "location", what: "text that a header can carry" });
            }
            return foreign(ForeignAnswer::Redirect { status, location }, false);
        }
        "html" => return foreign(ForeignAnswer::Html { status: fields.any_status(502)? }, false),
        "garbage" => return foreign(ForeignAnswer::Garbage { status: fields.any_status(200)? }, true),
        "huge" => {
            let bytes = fields.number("bytes", "a count of bytes")?.unwrap_or(16 << 20);
            return foreign(ForeignAnswer::Huge { bytes }, true);
        }
        "content_type" => {
            let value = fields.text("value")?.unwrap_or_else(|| "text/plain".to_owned());
            if http::HeaderValue::from_str(&value).is_err() {
                return Err(BadRule::Value { key: "value", what: "text that a header can carry" });
            }
            return foreign(ForeignAnswer::ContentType { value }, true);
        }
        "throttle" => Fault::Throttle(fields.retry_after()?),
        "unauthorized" => Fault::Says(Injected::Unauthorized, None),
        "forbidden" => Fault::Says(Injected::Forbidden, None),
        "wrong_state" => Fault::Says(Injected::WrongState, None),
        "invalid" => Fault::Says(Injected::Invalid, None),
        "not_found" => Fault::Says(Injected::NotFound, None),
        "server_error" => Fault::Says(Injected::ServerError, Some(fields.failure(500)?)),
        "not_successful" => Fault::Says(Injected::NotSuccessful, None),
        "server_error_after" => Fault::ServerErrorAfter(fields.failure(500)?),
        "skew" => Fault::Skew(fields.skew()?),
        "fail_install" => Fault::Ends(Ending::Failed),
        "stuck_install" => Fault::Ends(Ending::Stuck),
        "never_start" => Fault::Ends(Ending::NeverStarts),
        "ends_off" => Fault::Ends(Ending::Off),
        "vanish" => Fault::Ends(Ending::Vanishes),
        "no_progress_shown" => Fault::HidesProgress,
        "stale" => Fault::Stale(fields.pause()?),
        "slow_install" => Fault::Lasts(fields.pause()?),
        other => return Err(BadRule::Fault(other.to_owned())),
    })
}

/// The keys of one rule; `null` counts as absent.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, BadRule> {
        let bad = BadRule::Value { key, what: "text" };
        self.get(key).map(|value| value.as_str().map(str::to_owned).ok_or(bad)).transpose()
    }

    fn flag(&self, key: &'static str) -> Result<Option<bool>, BadRule> {
        let bad = BadRule::Value { key, what: "true or false" };
        self.get(key).map(|value| value.as_bool().ok_or(bad)).transpose()
    }

    fn number(&self, key: &'static str, what: &'static str) -> Result<Option<u64>, BadRule> {
        self.get(key).map(|value| value.as_u64().ok_or(BadRule::Value { key, what })).transpose()
    }

    fn count(&self, key: &'static str) -> Result<Option<u32>, BadRule> {
        let what = "a whole number from 0 to 4294967295";
        let number = self.number(key, what)?;
        number.map(|number| u32::try_from(number).map_err(|_| BadRule::Value { key, what })).transpose()
    }

    fn pause(&self) -> Result<Duration, BadRule> {
        let what = "a whole number of milliseconds";
        let number = self.number("ms", what)?.ok_or(BadRule::Value { key: "ms", what })?;
        Ok(Duration::from_millis(number.min(u64::from(u32::MAX))))
    }

    fn skew(&self) -> Result<i64, BadRule> {
        const CENTURY: i64 = 100 * 366 * 86_400_000;
        let bad = BadRule::Value { key: "ms", what: "a whole number of milliseconds, at most a century" };
        let number = self.get("ms").and_then(Value::as_i64).filter(|number| (-CENTURY..=CENTURY).contains(number));
        number.ok_or(bad)
    }

    fn status(&self, default: u16, range: std::ops::RangeInclusive<u16>, what: &'static str) -> Result<u16, BadRule> {
        let bad = BadRule::Value { key: "status", what };
        let Some(number) = self.number("status", what)? else { return Ok(default) };
        u16::try_from(number).ok().filter(|status| range.contains(status)).ok_or(bad)
    }

    fn any_status(&self, default: u16) -> Result<u16, BadRule> {
        self.status(default, 200..=599, "an HTTP status from 200 to 599")
    }

    fn failure(&self, default: u16) -> Result<u16, BadRule> {
        self.status(default, 500..=599, "an HTTP status from 500 to 599")
    }

    fn retry_after(&self) -> Result<Option<String>, BadRule> {
        let bad = BadRule::Value { key: "retry_after", what: "seconds, or text that a header can carry" };
        let text = match self.get("retry_after") {
            None => return Ok(None),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(bad),
        };
        if http::HeaderValue::from_str(&text).is_ok() { Ok(Some(text)) } else { Err(bad) }
    }

    fn cut(&self, default: Option<Cut>) -> Result<Cut, BadRule> {
        let what = "a count of bytes";
        let bytes = match (self.number("bytes", what)?, default) {
            (Some(bytes), _) => usize::try_from(bytes).map_err(|_| BadRule::Value { key: "bytes", what })?,
            (None, Some(default)) => return Ok(default),
            (None, None) => return Err(BadRule::Value { key: "bytes", what }),
        };
        match self.text("from")?.as_deref() {
            None | Some("body") => Ok(Cut { bytes, after_head: true }),
            Some("answer") => Ok(Cut { bytes, after_head: false }),
            Some(_) => Err(BadRule::Value { key: "from", what: "`body` or `answer`" }),
        }
    }
}

/// A rule and its progress as the control interface shows them.
pub(super) fn shown(rule: &Rule, progress: Progress) -> Value {
    json!({
        "operation": rule.operation.map_or(json!("any"), |operation| json!(operation)),
        "provider": rule.provider,
        "instance": rule.instance,
        "after": rule.after,
        "times": rule.times,
        "fault": rule.fault.word(),
        "matched": progress.matched,
        "fired": progress.fired,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Operation;

    fn read(text: &str) -> Result<Vec<Rule>, BadRule> {
        rules(&serde_json::from_str(text).expect("the test's own JSON"))
    }

    #[test]
    fn every_fault_that_help_names_can_be_asked_for_by_that_word() {
        for word in KNOWN {
            let rule = read(&format!(r#"{{"fault":"{word}"}}"#));
            let rule = match rule {
                Err(BadRule::Value { .. }) => {
                    let key = if parameters(word).contains(&"ms") { "ms" } else { "bytes" };
                    read(&format!(r#"{{"fault":"{word}","{key}":5}}"#))
                }
                other => other,
            };
            assert_eq!(rule.expect(word)[0].fault.word(), word);
        }
    }

    #[test]
    fn what_is_misspelt_or_misplaced_is_refused_by_name() {
        let cases = [
            (r#"{"fault":"drop_anser"}"#, "unknown fault `drop_anser`"),
            (r#"{"fault":"drop_answer","bytes":3}"#, "does not take `bytes`"),
            (r#"{"fault":"drop_answer","instanse":"a"}"#, "does not take `instanse`"),
            (r#"{"operation":"reinstal","fault":"drop_answer"}"#, "`operation` must be"),
            (r#"{"operation":"read","fault":"vanish"}"#, "belongs to"),
            (r#"{"fault":"truncate"}"#, "`bytes` must be"),
            (r#"{"fault":"drip","ms":-1}"#, "`ms` must be"),
            (r#"{"fault":"server_error","status":200}"#, "`status` must be"),
            (r#"{"fault":"redirect","location":"a\nb"}"#, "`location` must be"),
            (r#"{"fault":"drop_answer","times":0}"#, "`times` must be"),
            (r#"{"operation":"read"}"#, "needs `fault`"),
            (r#"["drop_answer"]"#, "expected one rule"),
        ];
        for (text, says) in cases {
            let fault = read(text).expect_err(text).to_string();
            assert!(fault.contains(says), "{text}: {fault}");
        }
    }

    #[test]
    fn a_list_is_taken_whole_and_in_order() {
        let text = r#"[{"operation":"reinstall","fault":"truncate","bytes":7,"from":"answer","after":2,"times":3},
                       {"provider":"acme","fault":"throttle","retry_after":2}]"#;
        let rules = read(text).expect("two rules");
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].operation, Some(Operation::Reinstall));
        assert_eq!((rules[0].after, rules[0].times), (2, 3));
        assert_eq!(rules[0].fault, Fault::Truncate(Cut { bytes: 7, after_head: false }));
        assert_eq!(rules[1].fault, Fault::Throttle(Some("2".to_owned())));
    }
}
