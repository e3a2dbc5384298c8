//! Reading request bodies the way the provider does: every mistake has its documented code.

use crate::sandbox::{Outbound, World};
use serde_json::{Map, Value, json};

/// An error answer.
pub(super) struct No {
    status: u16,
    code: &'static str,
    message: String,
}

impl No {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn outbound(self, world: &mut World) -> Outbound {
        let id = super::request_id(world);
        Outbound::json(self.status, &json!({ "requestId": id, "code": self.code, "message": self.message }))
    }
}

/// The fields of a body; `null` is the same as absent.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn new(body: &'a Map<String, Value>) -> Self {
        Self(body)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Refuses names that the call does not have: a misspelt field must not pass for one left out.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), No> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(No::new(400, "INVALID_PARAMETER_VALUE", format!("there is no parameter {name}"))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, No> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong_type(name))).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, No> {
        self.get(name).map(|value| value.as_bool().ok_or_else(|| wrong_type(name))).transpose()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, No> {
        self.get(name).map(|value| value.as_u64().ok_or_else(|| wrong_type(name))).transpose()
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a Vec<Value>>, No> {
        self.get(name).map(|value| value.as_array().ok_or_else(|| wrong_type(name))).transpose()
    }

    /// A required text.
    pub(super) fn need(&self, name: &str) -> Result<&'a str, No> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| No::new(400, "MISSING_PARAMETER", format!("{name} is missing")))
    }

    /// A list of texts, at most 100.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, No> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        if list.len() > 100 {
            return Err(No::new(400, "INVALID_PARAMETER_EXCEED_LENGTH", format!("{name} has more than 100 entries")));
        }
        list.iter().map(|entry| entry.as_str().ok_or_else(|| wrong_type(name))).collect::<Result<_, _>>().map(Some)
    }

    /// `instanceIds` of stop and start: 1 to 100.
    pub(super) fn need_ids(&self) -> Result<Vec<&'a str>, No> {
        let ids =
            self.texts("instanceIds")?.ok_or_else(|| No::new(400, "MISSING_PARAMETER", "instanceIds is missing"))?;
        if ids.is_empty() {
            return Err(No::new(400, "INVALID_PARAMETER_LESS_LENGTH", "instanceIds is empty"));
        }
        Ok(ids)
    }

    /// One page of these rows.
    pub(super) fn page(&self, rows: Vec<Value>) -> Result<Map<String, Value>, No> {
        let bounded = |name: &str, default: u64, most: u64| match self.number(name)?.unwrap_or(default) {
            0 => Err(No::new(400, "INVALID_PARAMETER_LESS_MINIMUM", format!("{name} is below 1"))),
            value if value > most => {
                Err(No::new(400, "INVALID_PARAMETER_EXCEED_MAXIMUM", format!("{name} is above {most}")))
            }
            value => Ok(usize::try_from(value).unwrap_or(usize::MAX)),
        };
        let (size, number) = (bounded("pageSize", 20, 1000)?, bounded("pageNum", 1, u64::MAX)?);
        let total = rows.len();
        let page: Vec<Value> = rows.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
        Ok(Map::from_iter([("totalCount".to_owned(), json!(total)), ("dataSet".to_owned(), json!(page))]))
    }
}

fn wrong_type(name: &str) -> No {
    No::new(400, "INVALID_PARAMETER_TYPE", format!("{name} has the wrong type"))
}

/// Whether a password keeps the rule: 8 to 16 characters of all four classes, no others.
pub(super) fn password_fits(text: &str, special: &str) -> bool {
    let has = |class: &dyn Fn(char) -> bool| text.chars().any(class);
    (8..=16).contains(&text.chars().count())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || special.contains(c))
        && has(&|c| c.is_ascii_uppercase())
        && has(&|c| c.is_ascii_lowercase())
        && has(&|c| c.is_ascii_digit())
        && has(&|c| special.contains(c))
}

/// Whether a filter lets this row through: absent, or equal.
pub(super) fn equal(filter: Option<&str>, value: &Value) -> bool {
    filter.is_none_or(|wanted| value.as_str() == Some(wanted))
}

/// Whether a name filter lets this row through: equal, or by its beginning where the filter ends with `*`.
pub(super) fn equal_or_begins(filter: Option<&str>, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    filter.is_none_or(|wanted| match wanted.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == wanted,
    })
}

/// Whether a filter of several values lets this row through: absent, or one of them is in the row's list.
pub(super) fn any_in(filter: Option<&Vec<&str>>, list: &Value) -> bool {
    filter.is_none_or(|wanted| {
        list.as_array().into_iter().flatten().any(|entry| entry.as_str().is_some_and(|text| wanted.contains(&text)))
    })
}
