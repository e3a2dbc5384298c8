//! The layers that a value may stand in, looked through in order.

use super::env::{self, Environment};
use super::error::ConfigError;
use super::file::ConfigFile;
use super::options::{InFile, OptionSpec, option};
use super::origin::{Origin, Sourced};
use super::schema::{Profile, Values, VendorTable, Written};
use super::settings::{Row, Typed};
use super::suggest::nearest;
use super::values::{self, Color, Verbosity};
use crate::model::Guard;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Command line, environment, chosen profile and defaults.
pub(super) struct Layers<'a> {
    typed: &'a Typed,
    environment: &'a Environment,
    file: Option<&'a ConfigFile>,
    profile: Option<(String, &'a Profile)>,
    /// Whether region, project and endpoint are taken from the command line alone.
    pub(super) places_are_typed_alone: bool,
    rows: Vec<Row>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(typed: &'a Typed, environment: &'a Environment, file: Option<&'a ConfigFile>) -> Self {
        Self { typed, environment, file, profile: None, places_are_typed_alone: false, rows: Vec::new() }
    }

    pub(super) fn push_row(&mut self, name: &'static str, value: String, origin: Origin) {
        self.rows.push(Row { name, value, origin });
    }

    pub(super) fn push_config_row(&mut self) {
        let (value, origin) = match self.file {
            Some(file) => (file.shown.clone(), file.origin.clone()),
            None => ("none".to_owned(), Origin::Default),
        };
        self.push_row("config", value, origin);
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    pub(super) fn vendor_tables(&self) -> BTreeMap<&'static str, VendorTable> {
        self.profile.as_ref().map(|(_, profile)| profile.vendors.clone()).unwrap_or_default()
    }

    /// The rules that hold: those for all profiles, and the chosen profile's list.
    pub(super) fn guard(&self) -> Guard {
        Guard {
            protect: self.file.map(|file| file.document.protect.clone()).unwrap_or_default(),
            allow: self.profile.as_ref().and_then(|(_, profile)| profile.allow.clone()),
        }
    }

    /// Chooses the profile. The switch tells whether it is one of the configuration file: where that file has no
    /// profiles, a name speaks of the provider's own files.
    pub(super) fn choose_profile(&mut self) -> Result<(Sourced<Option<String>>, bool), ConfigError> {
        let default = self.file.and_then(|file| {
            let written = file.document.default_profile.as_ref()?;
            Some((written.text.clone(), self.in_file(file, "", written)))
        });
        let by_default = default.is_some();
        let (chosen, by_default) = match self.immediate("profile")? {
            Some(said) => (Some(said), false),
            None => (default, by_default),
        };
        let Some((name, origin)) = chosen else {
            self.push_row("profile", "none".to_owned(), Origin::Default);
            return Ok((Sourced { value: None, origin: Origin::Default }, false));
        };
        let name = values::line(&name).map_err(|fault| bad("profile", origin.clone(), &fault))?;
        let profiles = self.file.map(|file| &file.document.profiles);
        let found = profiles.and_then(|profiles| profiles.get(&name));
        let has_some = profiles.is_some_and(|profiles| !profiles.is_empty());
        match (found, self.file) {
            (Some(profile), _) => self.profile = Some((format!("profiles.{name}"), profile)),
            (None, Some(file)) if has_some || by_default => {
                let known: Vec<String> = file.document.profiles.keys().cloned().collect();
                return Err(ConfigError::NoProfile {
                    suggestion: nearest(&name, known.iter().map(String::as_str)).map(str::to_owned),
                    path: file.shown.clone(),
                    origin: Box::new(origin),
                    name,
                    known,
                });
            }
            (None, _) => {}
        }
        self.push_row("profile", name.clone(), origin.clone());
        Ok((Sourced { value: Some(name), origin }, found.is_some()))
    }

    /// Looks the option up, reads it, and notes it for `check`.
    pub(super) fn settle<T, E: Display>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
        default: T,
    ) -> Result<Sourced<T>, ConfigError> {
        let Some((text, origin)) = self.raw(name)? else {
            let shown = self.shown_default(name);
            self.push_row(name, shown, Origin::Default);
            return Ok(Sourced { value: default, origin: Origin::Default });
        };
        let value = read(text.trim()).map_err(|fault| bad(name, origin.clone(), &fault))?;
        self.push_row(name, text.trim().to_owned(), origin.clone());
        Ok(Sourced { value, origin })
    }

    fn shown_default(&self, name: &str) -> String {
        option(name).map(|spec| spec.default.replace('`', "")).unwrap_or_default()
    }

    /// The first layer that holds the option.
    pub(super) fn raw(&self, name: &'static str) -> Result<Option<(String, Origin)>, ConfigError> {
        Ok(self.immediate(name)?.or_else(|| self.written(name)))
    }

    /// What command line or environment say.
    fn immediate(&self, name: &'static str) -> Result<Option<(String, Origin)>, ConfigError> {
        if let Some(text) = self.typed.text(name) {
            return Ok(Some((text, Origin::Option(name))));
        }
        let Some(spec) = option(name).filter(|spec| !self.hides(spec)) else { return Ok(None) };
        let origin = || Origin::Variable(spec.variable.to_owned());
        if self.environment.is_unreadable(spec.variable) {
            return Err(bad(name, origin(), &"the value is not UTF-8"));
        }
        Ok(self.environment.get(spec.variable).map(|text| (text.to_owned(), origin())))
    }

    /// What the configuration file says: the profile before the defaults.
    fn written(&self, name: &str) -> Option<(String, Origin)> {
        let file = self.file?;
        if option(name).is_some_and(|spec| self.hides(spec)) {
            return None;
        }
        let of = |values: &Values, table: &str| {
            values.get(name).map(|written| (written.text.clone(), self.in_file(file, table, written)))
        };
        let profile = self.profile.as_ref().and_then(|(table, profile)| of(&profile.values, table));
        profile.or_else(|| of(&file.document.defaults, "defaults"))
    }

    fn hides(&self, spec: &OptionSpec) -> bool {
        self.places_are_typed_alone && spec.in_file == InFile::Place
    }

    fn in_file(&self, file: &ConfigFile, table: &str, written: &Written) -> Origin {
        Origin::File { path: file.shown.clone(), table: table.to_owned(), line: written.line }
    }

    /// Settles `--verbose` and `--quiet` together: the first layer that has one of them decides both.
    pub(super) fn verbosity(&mut self) -> Result<Sourced<Verbosity>, ConfigError> {
        let said = (self.immediate("verbose")?, self.immediate("quiet")?);
        let typed = |layer: &Option<(String, Origin)>| matches!(layer, Some((_, Origin::Option(_))));
        let (verbose, quiet) = match said {
            (verbose, quiet) if typed(&verbose) && !typed(&quiet) => (verbose, None),
            (verbose, quiet) if typed(&quiet) && !typed(&verbose) => (None, quiet),
            (None, None) => {
                let of = |name| self.written(name);
                (of("verbose"), of("quiet"))
            }
            both => both,
        };
        let default = |name| (self.shown_default(name), Origin::Default);
        let (verbose_text, verbose_origin) = verbose.unwrap_or_else(|| default("verbose"));
        let (quiet_text, quiet_origin) = quiet.unwrap_or_else(|| default("quiet"));
        let level = values::number(0, 2, verbose_text.trim())
            .map_err(|fault| bad("verbose", verbose_origin.clone(), &fault))?;
        let silent = values::switch(quiet_text.trim()).map_err(|fault| bad("quiet", quiet_origin.clone(), &fault))?;
        if level > 0 && silent {
            return Err(ConfigError::Conflict {
                first: Box::new(verbose_origin),
                second: Box::new(quiet_origin),
                advice: "leave one of them out",
            });
        }
        self.push_row("verbose", verbose_text, verbose_origin.clone());
        self.push_row("quiet", quiet_text, quiet_origin.clone());
        Ok(match (level, silent) {
            (_, true) => Sourced { value: Verbosity::Quiet, origin: quiet_origin },
            (0, _) => Sourced { value: Verbosity::Normal, origin: verbose_origin },
            (1, _) => Sourced { value: Verbosity::Verbose, origin: verbose_origin },
            _ => Sourced { value: Verbosity::Debug, origin: verbose_origin },
        })
    }

    /// Settles `--color`; the variables that all programs share come after ours.
    pub(super) fn color(&mut self) -> Result<Sourced<Color>, ConfigError> {
        if self.immediate("color")?.is_none() {
            let set = |name| self.environment.get(name).is_some_and(|text| name == env::NO_COLOR || text != "0");
            for (name, value, word) in
                [(env::NO_COLOR, Color::Never, "never"), (env::CLICOLOR_FORCE, Color::Always, "always")]
            {
                if set(name) {
                    let origin = Origin::Variable(name.to_owned());
                    self.push_row("color", word.to_owned(), origin.clone());
                    return Ok(Sourced { value, origin });
                }
            }
        }
        self.settle("color", values::color, Color::Auto)
    }
}

fn bad(name: &'static str, origin: Origin, problem: &dyn Display) -> ConfigError {
    ConfigError::BadValue { origin, name, problem: problem.to_string() }
}
