//! The schema of the configuration file: every key is known, or the file is refused with its line.

mod rules;

use super::env::PREFIX;
use super::error::{ConfigError, KeyPlace};
use super::options::{COMMAND_LINE_ONLY, InFile, OPTIONS, OptionSpec};
use super::suggest::nearest;
use crate::model::{Allow, Rule};
use crate::providers::Vendor;
use std::borrow::Cow;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value as it was written, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The text; numbers and switches as text, lists with commas.
    pub text: String,
    /// Line, from 1.
    pub line: usize,
}

/// Values of options by the option's name.
pub type Values = BTreeMap<&'static str, Written>;

/// One `[profiles.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Overrides and places.
    pub values: Values,
    /// `allow`: the servers that this profile may reinstall, where it says so.
    pub allow: Option<Allow>,
    /// Its vendor tables by the vendor's name.
    pub vendors: BTreeMap<&'static str, VendorTable>,
}

/// One `[profiles.NAME.VENDOR]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorTable {
    /// Region, project and endpoint of this vendor alone.
    pub values: Values,
    /// The profile of the vendor's own files.
    pub credentials_profile: Option<Written>,
    /// Which variable is read in place of a variable of the vendor.
    pub variables: BTreeMap<&'static str, Written>,
}

/// Everything a configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The profile that is chosen when nobody names one.
    pub default_profile: Option<Written>,
    /// `[defaults]`.
    pub defaults: Values,
    /// `[protect]`.
    pub protect: Vec<Rule>,
    /// `[profiles]`.
    pub profiles: BTreeMap<String, Profile>,
}

/// Reads a document. `path` is for messages only.
pub fn parse(text: &str, path: &str, vendors: &[&'static Vendor]) -> Result<Document, ConfigError> {
    let root = DeTable::parse(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        ConfigError::Syntax { path: path.to_owned(), line, column, problem: error.message().to_owned() }
    })?;
    Reader { text, path, vendors }.document(root.get_ref())
}

/// Line and column of an offset, both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A key as it is compared: a hyphen is an underscore, so the names of options work as they are.
fn canonical(key: &str) -> String {
    key.replace('-', "_")
}

/// Whether a key names something that only a secret would stand behind.
fn looks_secret(key: &str) -> bool {
    let key: String = key.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    const PARTS: [&str; 9] =
        ["password", "passwd", "passphrase", "secret", "token", "accesskey", "apikey", "privatekey", "credential"];
    matches!(key.as_str(), "ak" | "sk" | "pass" | "pwd" | "key") || PARTS.iter().any(|part| key.contains(part))
}

type Table<'i> = DeTable<'i>;
type Key<'i> = Spanned<Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

struct Reader<'a> {
    text: &'a str,
    path: &'a str,
    vendors: &'a [&'static Vendor],
}

impl Reader<'_> {
    fn line(&self, key: &Key<'_>) -> usize {
        place(self.text, key.span().start).0
    }

    fn at(&self, key: &Key<'_>, table: &str) -> Box<KeyPlace> {
        Box::new(KeyPlace {
            path: self.path.to_owned(),
            line: self.line(key),
            table: bracketed(table),
            key: key.get_ref().to_string(),
        })
    }

    fn document(&self, root: &Table<'_>) -> Result<Document, ConfigError> {
        const KNOWN: [&str; 4] = ["default_profile", "defaults", "profiles", "protect"];
        let mut document = Document::default();
        self.each(root, "", |key, name, value| {
            match name {
                "default_profile" => document.default_profile = Some(self.scalar(key, value, "")?),
                "defaults" => document.defaults = self.defaults(self.table(key, value, "")?)?,
                "protect" => document.protect = self.rules(self.table(key, value, "")?, "protect")?,
                "profiles" => document.profiles = self.profiles(self.table(key, value, "")?)?,
                _ => return Err(self.unknown(key, "", KNOWN.map(str::to_owned).to_vec())),
            }
            Ok(())
        })?;
        Ok(document)
    }

    fn defaults(&self, table: &Table<'_>) -> Result<Values, ConfigError> {
        let mut values = Values::new();
        let allowed = |spec: &OptionSpec| matches!(spec.in_file, InFile::Defaults | InFile::Everywhere);
        self.each(table, "defaults", |key, name, value| {
            let spec = self.spec(key, name, "defaults", &[], allowed)?;
            values.insert(spec.name, self.scalar(key, value, "defaults")?);
            Ok(())
        })?;
        Ok(values)
    }

    fn profiles(&self, table: &Table<'_>) -> Result<BTreeMap<String, Profile>, ConfigError> {
        let mut profiles = BTreeMap::new();
        // A profile's name is the user's own: it is taken as it stands.
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let at = format!("profiles.{name}");
            profiles.insert(name.to_owned(), self.profile(self.table(key, value, "profiles")?, name, &at)?);
        }
        Ok(profiles)
    }

    fn profile(&self, table: &Table<'_>, named: &str, at: &str) -> Result<Profile, ConfigError> {
        let mut profile = Profile::default();
        let tables: Vec<&str> = self.vendors.iter().map(|vendor| vendor.name).chain([rules::ALLOW]).collect();
        self.each(table, at, |key, name, value| {
            if name == rules::ALLOW {
                profile.allow = Some(self.allow(key, value, named)?);
                return Ok(());
            }
            if let Some(vendor) = self.vendors.iter().find(|vendor| vendor.name == name) {
                let inner = format!("{at}.{name}");
                let section = self.vendor(vendor, self.table(key, value, at)?, &inner)?;
                profile.vendors.insert(vendor.name, section);
                return Ok(());
            }
            let allowed = |spec: &OptionSpec| matches!(spec.in_file, InFile::Place | InFile::Everywhere);
            let spec = self.spec(key, name, at, &tables, allowed)?;
            profile.values.insert(spec.name, self.scalar(key, value, at)?);
            Ok(())
        })?;
        Ok(profile)
    }

    fn vendor(&self, vendor: &'static Vendor, table: &Table<'_>, at: &str) -> Result<VendorTable, ConfigError> {
        let mut section = VendorTable::default();
        self.each(table, at, |key, name, value| {
            match name {
                "credentials_profile" => section.credentials_profile = Some(self.scalar(key, value, at)?),
                "variables" => {
                    let inner = format!("{at}.variables");
                    section.variables = self.variables(vendor, self.table(key, value, at)?, &inner)?;
                }
                _ => {
                    let allowed = |spec: &OptionSpec| spec.in_file == InFile::Place;
                    let spec = self.spec(key, name, at, &["credentials_profile", "variables"], allowed)?;
                    section.values.insert(spec.name, self.scalar(key, value, at)?);
                }
            }
            Ok(())
        })?;
        Ok(section)
    }

    fn variables(
        &self,
        vendor: &'static Vendor,
        table: &Table<'_>,
        at: &str,
    ) -> Result<BTreeMap<&'static str, Written>, ConfigError> {
        let mut variables = BTreeMap::new();
        for (key, value) in table {
            let known = || vendor.variables.iter().map(|(name, _)| *name);
            let Some(name) = known().find(|name| *name == key.get_ref().as_ref()) else {
                return Err(self.not_known(key, at, known().map(str::to_owned).collect()));
            };
            let written = self.scalar(key, value, at)?;
            // A key pasted where a variable's name belongs must be neither used nor shown.
            let is_name = !written.text.starts_with(|c: char| c.is_ascii_digit())
                && written.text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if !is_name || written.text.is_empty() || written.text.starts_with(PREFIX) {
                return Err(self.wrong_type(
                    key,
                    at,
                    "the name of another environment variable, in capitals, digits and `_`; never a value",
                ));
            }
            variables.insert(name, written);
        }
        Ok(variables)
    }

    /// Calls `take` for each key with its canonical name; two spellings of one key are an error.
    fn each(
        &self,
        table: &Table<'_>,
        at: &str,
        mut take: impl FnMut(&Key<'_>, &str, &Value<'_>) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let mut seen = BTreeMap::new();
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = canonical(key.get_ref());
            if seen.insert(name.clone(), ()).is_some() {
                return Err(ConfigError::Twice { at: self.at(key, at) });
            }
            take(key, &name, value)?;
        }
        Ok(())
    }

    /// The option that a key names, if it may stand in this table.
    fn spec(
        &self,
        key: &Key<'_>,
        name: &str,
        at: &str,
        beside: &[&str],
        allowed: impl Fn(&OptionSpec) -> bool,
    ) -> Result<&'static OptionSpec, ConfigError> {
        let here = OPTIONS.iter().find(|spec| spec.key() == name);
        if let Some(spec) = here.filter(|spec| allowed(spec)) {
            return Ok(spec);
        }
        let problem = match here {
            Some(spec) => match spec.in_file {
                InFile::Never => Some(format!("it is said with `--{}` or `{}`", spec.name, spec.variable)),
                InFile::Defaults => Some("it belongs to [defaults]".to_owned()),
                InFile::Place => Some("it belongs to [profiles.NAME], or to a vendor's table in it".to_owned()),
                InFile::Everywhere => Some("it belongs to [defaults] or [profiles.NAME]".to_owned()),
            },
            None if COMMAND_LINE_ONLY.iter().any(|only| canonical(only) == name) => {
                Some("what is wiped is said on the command line".to_owned())
            }
            None => None,
        };
        if let Some(problem) = problem {
            return Err(ConfigError::Misplaced { at: self.at(key, at), problem });
        }
        let options = OPTIONS.iter().filter(|spec| allowed(spec)).map(OptionSpec::key);
        Err(self.unknown(key, at, options.chain(beside.iter().map(|word| (*word).to_owned())).collect()))
    }

    fn unknown(&self, key: &Key<'_>, at: &str, known: Vec<String>) -> ConfigError {
        if looks_secret(key.get_ref()) {
            return ConfigError::SecretInFile { at: self.at(key, at) };
        }
        self.not_known(key, at, known)
    }

    fn not_known(&self, key: &Key<'_>, at: &str, known: Vec<String>) -> ConfigError {
        ConfigError::UnknownKey {
            at: self.at(key, at),
            suggestion: nearest(key.get_ref(), known.iter().map(String::as_str)).map(str::to_owned),
            known,
        }
    }

    fn table<'t, 'i>(&self, key: &Key<'_>, value: &'t Value<'i>, at: &str) -> Result<&'t Table<'i>, ConfigError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wrong_type(key, at, "a table")),
        }
    }

    /// The value as text, so that every source of an option has one parser.
    fn scalar(&self, key: &Key<'_>, value: &Value<'_>, at: &str) -> Result<Written, ConfigError> {
        let one = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Boolean(switch) => Some(switch.to_string()),
            _ => None,
        };
        let text = match value.get_ref() {
            DeValue::Array(items) => {
                items.iter().map(|item| one(item.get_ref())).collect::<Option<Vec<_>>>().map(|parts| parts.join(","))
            }
            other => one(other),
        };
        let text = text.ok_or_else(|| self.wrong_type(key, at, "a text, a whole number or a switch"))?;
        Ok(Written { text, line: self.line(key) })
    }

    fn wrong_type(&self, key: &Key<'_>, at: &str, expected: &'static str) -> ConfigError {
        ConfigError::WrongType { at: self.at(key, at), expected }
    }
}

fn bracketed(at: &str) -> String {
    if at.is_empty() { "the top level".to_owned() } else { format!("[{at}]") }
}

#[cfg(test)]
mod tests;
