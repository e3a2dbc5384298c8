//! Answers seen by another eye than the program's: which texts stand in a document, and whether it says one thing twice.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// One object of a document.
pub(crate) type Object = serde_json::Map<String, Value>;

/// Every text, key and number of some documents, as text.
pub(crate) struct Said {
    texts: BTreeSet<String>,
    /// The documents; `None` where one of them leaves open what it says.
    documents: Option<Vec<Value>>,
    /// Documents with half a surrogate pair somewhere, which only the grammar allows.
    odd: Vec<String>,
}

impl Said {
    /// What these answers hold; what is no document holds nothing.
    pub(crate) fn by<'b>(bodies: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut said = Self { texts: BTreeSet::new(), documents: Some(Vec::new()), odd: Vec::new() };
        for body in bodies {
            match (serde_json::from_slice(body), &mut said.documents) {
                (Ok(Once(document)), Some(documents)) => documents.push(document),
                (Err(_), _) if is_json(body) => said.documents = None,
                (Ok(_) | Err(_), _) => {}
            }
            match serde_json::from_slice(body) {
                Ok(Everything(all)) => said.texts.extend(all),
                Err(_) if is_json(body) => said.odd.push(String::from_utf8_lossy(body).into_owned()),
                Err(_) => {}
            }
        }
        said
    }

    /// Whether the text stands in them, whole.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.texts.contains(text) || self.odd.iter().any(|body| body.contains(text))
    }

    /// The same without regard to capitals.
    pub(crate) fn holds_word(&self, word: &str) -> bool {
        let odd = |body: &String| body.to_ascii_lowercase().contains(&word.to_ascii_lowercase());
        self.texts.iter().any(|text| text.eq_ignore_ascii_case(word)) || self.odd.iter().any(odd)
    }

    /// Whether the text is a part of one of them, or the host of an address.
    pub(crate) fn holds_part(&self, part: &str) -> bool {
        let host = |text: &String| url::Url::parse(text).is_ok_and(|url| url.host_str() == Some(part));
        self.texts.iter().any(|text| text.contains(part) || host(text)) || self.holds(part)
    }

    /// Every object, however deep; `None` where one has a field twice, or a text that only the grammar allows.
    pub(crate) fn objects(&self) -> Option<Vec<&Object>> {
        let mut found = Vec::new();
        let mut open: Vec<&Value> = self.documents.as_ref()?.iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Array(items) => open.extend(items),
                Value::Object(fields) => {
                    open.extend(fields.values());
                    found.push(fields);
                }
                _ => {}
            }
        }
        Some(found)
    }
}

/// A text or a number, as text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether the bytes are one JSON document.
pub(crate) fn is_json(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// The document; `None` if a field stands twice in one object.
pub(crate) fn once(body: &[u8]) -> Option<Value> {
    let Once(value) = serde_json::from_slice(body).ok()?;
    Some(value)
}

/// The same document with every object's fields in reverse; `None` if a field stands twice in one object.
pub(crate) fn reversed(body: &[u8]) -> Option<Vec<u8>> {
    serde_json::to_vec(&turned(once(body)?)).ok()
}

fn turned(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(turned).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(name, value)| (name, turned(value))).collect();
            fields.reverse();
            Value::Object(fields.into_iter().collect())
        }
        other => other,
    }
}

/// All texts, those of repeated fields too: a value that was overwritten is still one that the answer holds.
struct Everything(Vec<String>);

struct EverythingVisitor;

impl<'de> Deserialize<'de> for Everything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EverythingVisitor)
    }
}

impl<'de> Visitor<'de> for EverythingVisitor {
    type Value = Everything;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E>(self) -> Result<Everything, E> {
        Ok(Everything(Vec::new()))
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Everything, E> {
        Ok(Everything(vec![flag.to_string()]))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Everything, E> {
        // A reader may take any number as one with a fraction.
        Ok(Everything(vec![number.to_string(), (number as f64).to_string()]))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Everything, E> {
        Ok(Everything(vec![number.to_string()]))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Everything, E> {
        Ok(Everything(vec![Value::from(number).to_string(), number.to_string()]))
    }
    fn visit_str<E>(self, text: &str) -> Result<Everything, E> {
        Ok(Everything(vec![text.to_owned()]))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Everything, A::Error> {
        let mut all = Vec::new();
        while let Some(Everything(more)) = items.next_element()? {
            all.extend(more);
        }
        Ok(Everything(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Everything, A::Error> {
        let mut all = Vec::new();
        while let Some((name, Everything(more))) = fields.next_entry::<String, Everything>()? {
            all.push(name);
            all.extend(more);
        }
        Ok(Everything(all))
    }
}

/// A document in which no object has a field twice.
struct Once(Value);

struct OnceVisitor;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor)
    }
}

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document without repeated fields")
    }
    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once(Value::Null))
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Once, E> {
        Ok(Once(flag.into()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Once, E> {
        Ok(Once(number.into()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Once, E> {
        Ok(Once(number.into()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Once, E> {
        Ok(Once(number.into()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Once, E> {
        Ok(Once(text.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        let mut all = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Once(all.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Once, A::Error> {
        let mut all = serde_json::Map::new();
        while let Some((name, Once(value))) = fields.next_entry::<String, Once>()? {
            if all.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a field stands twice"));
            }
        }
        Ok(Once(Value::Object(all)))
    }
}
