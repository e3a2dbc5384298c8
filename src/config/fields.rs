//! `--set FIELD=VALUE`: any other field of the provider's reinstall call, checked by its kind.

use super::secret_file::{self, DATA_LIMIT};
use super::suggest::{did_you_mean, listed, nearest};
use crate::model::{FieldValue, Refusal};
use crate::providers::{Entry, Field, FieldKind};
use crate::secret::{Secret, SharedSecret};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Fields of one product's call.
#[derive(Default)]
pub struct Fields {
    /// Those that may be shown, by name.
    pub plain: BTreeMap<String, FieldValue>,
    /// Those that must not.
    pub secret: BTreeMap<String, SharedSecret>,
}

/// Reads all `--set` options for a product.
///
/// # Errors
///
/// A field that the product does not know, one that stands there twice, a value that does not fit its kind, a
/// secret as text. No refusal quotes a value.
pub fn fields(entry: &Entry, given: &[String]) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    for (place, text) in given.iter().enumerate() {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Refusal::usage(
                "bad_field",
                format!("`--set` number {} has no `=`", place + 1),
                "write `--set FIELD=VALUE`",
            ));
        };
        let name = name.trim();
        let field = entry.fields.iter().find(|field| field.name == name).ok_or_else(|| unknown(entry, name))?;
        if fields.plain.contains_key(name) || fields.secret.contains_key(name) {
            return Err(Refusal::usage("bad_field", format!("`--set {name}` stands there twice"), "keep one of them"));
        }
        match field.kind {
            FieldKind::Secret => {
                fields.secret.insert(name.to_owned(), secret(field, value)?.shared());
            }
            _ => {
                fields.plain.insert(name.to_owned(), plain(field, value)?);
            }
        }
    }
    Ok(fields)
}

fn unknown(entry: &Entry, name: &str) -> Refusal {
    let suggestion = nearest(name, entry.fields.iter().map(|field| field.name));
    let next_step = if entry.fields.is_empty() {
        format!("leave `--set` out: {} has no further fields", entry.id)
    } else {
        let lines: Vec<String> = entry
            .fields
            .iter()
            .map(|field| format!("`{}` ({}): {}", field.name, kind(field.kind), field.help))
            .collect();
        format!("known fields: {}", lines.join("; "))
    };
    Refusal::usage(
        "unknown_field",
        format!("{} has no field `{name}`{}", entry.id, did_you_mean(suggestion)),
        next_step,
    )
}

/// What a field of this kind takes, for help and errors.
pub fn kind(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text => "text".to_owned(),
        FieldKind::Lines => "text, or `@FILE`".to_owned(),
        FieldKind::Flag => "`true` or `false`".to_owned(),
        FieldKind::OneOf(words) => format!("one of {}", listed(words.iter().copied())),
        FieldKind::Json => "JSON object or list, or `@FILE`".to_owned(),
        FieldKind::Secret => "`@FILE` that only you can read".to_owned(),
    }
}

fn misfit(field: &Field, problem: &str) -> Refusal {
    Refusal::usage(
        "bad_field",
        format!("`--set {}`: {problem}", field.name),
        format!("`{}` takes {}: {}", field.name, kind(field.kind), field.help),
    )
}

fn plain(field: &Field, value: &str) -> Result<FieldValue, Refusal> {
    match field.kind {
        FieldKind::Text | FieldKind::Lines if value.is_empty() => Err(misfit(field, "the value is empty")),
        FieldKind::Lines => match value.strip_prefix('@') {
            Some(path) => Ok(Value::String(read(field, path)?)),
            None => Ok(Value::String(value.to_owned())),
        },
        FieldKind::Text => Ok(Value::String(value.to_owned())),
        FieldKind::Flag => match value {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(misfit(field, "the value is neither `true` nor `false`")),
        },
        FieldKind::OneOf(words) if words.contains(&value) => Ok(Value::String(value.to_owned())),
        FieldKind::OneOf(words) => {
            let suggestion = did_you_mean(nearest(value, words.iter().copied()));
            Err(misfit(field, &format!("the value is none of the known words{suggestion}")))
        }
        FieldKind::Json => json(field, value),
        FieldKind::Secret => Err(misfit(field, "a secret is never a plain value")),
    }
}

/// The text of a file that is no secret.
fn read(field: &Field, path: &str) -> Result<String, Refusal> {
    let whole = secret_file::read_data(named(field, path)?, DATA_LIMIT).map_err(|error| file(field, &error))?;
    Ok(whole.expose().to_owned())
}

fn json(field: &Field, value: &str) -> Result<FieldValue, Refusal> {
    let from_file;
    let text = match value.strip_prefix('@') {
        Some(path) => {
            from_file = read(field, path)?;
            from_file.as_str()
        }
        None => value,
    };
    // The parser's own words may quote the text: the place alone is told.
    let document: Value = serde_json::from_str(text)
        .map_err(|error| misfit(field, &format!("not JSON: line {}, column {}", error.line(), error.column())))?;
    match document {
        Value::Object(_) | Value::Array(_) => Ok(document),
        _ => Err(misfit(field, "the JSON is neither an object nor a list")),
    }
}

fn secret(field: &Field, value: &str) -> Result<Secret, Refusal> {
    let Some(path) = value.strip_prefix('@') else {
        let problem = "a secret on the command line can be read by every user of this machine";
        let mut refusal = misfit(field, problem);
        refusal.next_step = format!(
            "write it to a file that only you can read, and `--set {}=@FILE`; change it if it is real",
            field.name
        );
        return Err(refusal);
    };
    let whole = secret_file::read_secret(named(field, path)?).map_err(|error| file(field, &error))?;
    // Editors end the last line; the rest of the text is the user's own.
    let text = whole.expose();
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    match text {
        "" => Err(misfit(field, "the file is empty")),
        text => Ok(Secret::from(text.to_owned())),
    }
}

fn named<'p>(field: &Field, path: &'p str) -> Result<&'p Path, Refusal> {
    match path {
        "" => Err(misfit(field, "`@` needs a path behind it")),
        "-" => Err(misfit(field, "standard input is not read for fields")),
        path => Ok(Path::new(path)),
    }
}

fn file(field: &Field, error: &secret_file::FileError) -> Refusal {
    Refusal::usage("bad_field", format!("`--set {}`: {error}", field.name), error.next_step())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::ACME;
    use crate::model::Exit;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn set(given: &[&str]) -> Result<Fields, Refusal> {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        fields(&ACME.products[0], &given)
    }

    fn refused(given: &[&str]) -> Refusal {
        let Err(refusal) = set(given) else { panic!("{given:?} was taken") };
        assert_eq!(refusal.exit, Exit::Usage);
        assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
        refusal
    }

    #[test]
    fn each_kind_becomes_its_json() {
        let Ok(fields) = set(&["diskType=a=b @c", "wipe=true", "raid=raid1", "metadata={\"a\":[1]}"]) else {
            panic!("refused")
        };
        let expected = BTreeMap::from([
            ("diskType".to_owned(), json!("a=b @c")),
            ("wipe".to_owned(), json!(true)),
            ("raid".to_owned(), json!("raid1")),
            ("metadata".to_owned(), json!({"a": [1]})),
        ]);
        assert_eq!(fields.plain, expected);
        assert!(fields.secret.is_empty());
    }

    #[test]
    fn an_unknown_field_lists_the_known_ones_with_their_meaning() {
        let refusal = refused(&["raide=hunter2"]);
        assert_eq!(refusal.message, "acme-metal has no field `raide`; did you mean `raid`?");
        assert!(refusal.next_step.contains("`diskType` (text): kind of the system disk"), "{}", refusal.next_step);
        let none = fields(&ACME.products[1], &["x=hunter2".to_owned()]).err().expect("unknown");
        assert!(none.next_step.contains("no further fields"), "{}", none.next_step);
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_and_not_shown() {
        for (given, says) in [
            (&["hunter2"][..], "number 1 has no `=`"),
            (&["wipe=yes hunter2"][..], "neither `true` nor `false`"),
            (&["raid=raid2"][..], "did you mean `raid"),
            (&["raid=hunter2"][..], "none of the known words"),
            (&["diskType="][..], "empty"),
            (&["metadata={\"a\": hunter2}"][..], "not JSON: line 1, column 7"),
            (&["metadata=\"hunter2\""][..], "neither an object nor a list"),
            (&["metadata=@"][..], "needs a path"),
            (&["metadata=@-"][..], "standard input is not read"),
            (&["wipe=true", "wipe=true"][..], "stands there twice"),
            (&["licence=hunter2"][..], "can be read by every user"),
        ] {
            let refusal = refused(given);
            assert!(refusal.message.contains(says), "{given:?}: {}", refusal.message);
        }
    }

    #[test]
    fn a_secret_comes_from_a_file_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("licence");
        let option = format!("licence=@{}", path.display());
        std::fs::write(&path, "hunter2\nline two\r\n").expect("file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
        assert!(refused(&[&option]).next_step.contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        let Ok(fields) = set(&[&option]) else { panic!("refused") };
        assert!(fields.secret["licence"].expose() == "hunter2\nline two");
        assert!(fields.plain.is_empty());
        refused(&[&option, &option]);
    }

    #[test]
    fn lines_stand_there_themselves_or_come_from_a_file() {
        let field = Field { name: "keys", kind: FieldKind::Lines, help: "keys" };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.pub");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(plain(&field, &format!("@{}", path.display())), Ok(json!("one\ntwo\n")));
        assert_eq!(plain(&field, "one"), Ok(json!("one")));
        for bad in ["", "@", "@-", "@/nowhere"] {
            assert!(plain(&field, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn json_from_a_file_may_be_readable_by_others() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("metadata.json");
        std::fs::write(&path, "{\"a\": 1}\n").expect("file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
        let Ok(fields) = set(&[&format!("metadata=@{}", path.display())]) else { panic!("refused") };
        assert_eq!(fields.plain["metadata"], json!({"a": 1}));
        assert!(refused(&[&format!("metadata=@{}/none", path.display())]).message.contains("no such file"));
    }
}
