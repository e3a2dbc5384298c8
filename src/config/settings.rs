//! Settles every option: the first of option, environment, profile, `[defaults]` and the program's own choice.

use super::endpoint;
use super::env::{self, Environment};
use super::error::ConfigError;
use super::file::{self, ConfigFile};
use super::options::{COMMAND_LINE_ONLY, OPTIONS};
use super::origin::{Origin, Sourced};
use super::resolve::Layers;
use super::schema::VendorTable;
use super::suggest::{did_you_mean, nearest};
use super::values::{self, Color, Output, Share, Verbosity};
use crate::model::{Guard, PowerOff, PowerOn};
use crate::providers::Vendor;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The options as they were typed; texts are read here, so that every source has one reader.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--project`.
    pub project: Option<String>,
    /// `--endpoint`.
    pub endpoint: Option<String>,
    /// `--power-off`.
    pub power_off: Option<String>,
    /// `--power-on`.
    pub power_on: Option<String>,
    /// `--dry-run`.
    pub dry_run: Option<bool>,
    /// `--no-wait`.
    pub no_wait: Option<bool>,
    /// `--timeout`.
    pub timeout: Option<String>,
    /// `--reason`.
    pub reason: Option<String>,
    /// `--no-input`.
    pub no_input: Option<bool>,
    /// `--start-window`.
    pub start_window: Option<String>,
    /// `--poll-interval`.
    pub poll_interval: Option<String>,
    /// `--concurrency`.
    pub concurrency: Option<String>,
    /// `--max-failures`.
    pub max_failures: Option<String>,
    /// `--output`.
    pub output: Option<String>,
    /// `--sandbox`.
    pub sandbox: Option<bool>,
    /// How often `-v` was given.
    pub verbose: u8,
    /// `--quiet`.
    pub quiet: bool,
    /// `--color`.
    pub color: Option<String>,
}

impl Typed {
    /// The text of an option by its name; `None` where it was not given.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let switch = |value: Option<bool>| value.map(|on| on.to_string());
        match name {
            "profile" => self.profile.clone(),
            "region" => self.region.clone(),
            "project" => self.project.clone(),
            "endpoint" => self.endpoint.clone(),
            "power-off" => self.power_off.clone(),
            "power-on" => self.power_on.clone(),
            "dry-run" => switch(self.dry_run),
            "no-wait" => switch(self.no_wait),
            "timeout" => self.timeout.clone(),
            "reason" => self.reason.clone(),
            "no-input" => switch(self.no_input),
            "start-window" => self.start_window.clone(),
            "poll-interval" => self.poll_interval.clone(),
            "concurrency" => self.concurrency.clone(),
            "max-failures" => self.max_failures.clone(),
            "output" => self.output.clone(),
            "sandbox" => switch(self.sandbox),
            "verbose" => (self.verbose > 0).then(|| self.verbose.min(2).to_string()),
            "quiet" => self.quiet.then(|| true.to_string()),
            "color" => self.color.clone(),
            _ => None,
        }
    }
}

/// One line for `check`: an option, its value, where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of the option.
    pub name: &'static str,
    /// The value as it was written, or the default's description.
    pub value: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Every option, settled.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration file that was read.
    pub config: Option<PathBuf>,
    /// Folder of journals and claims; absolute.
    pub state_dir: Sourced<PathBuf>,
    /// The profile.
    pub profile: Sourced<Option<String>>,
    /// Region for every vendor; a vendor's table may name another.
    pub region: Sourced<Option<String>>,
    /// Project for every vendor; a vendor's table may name another.
    pub project: Sourced<Option<String>>,
    /// Endpoint for every vendor; a vendor's table may name another.
    pub endpoint: Sourced<Option<Url>>,
    /// How to stop.
    pub power_off: Sourced<PowerOff>,
    /// What if it ends off.
    pub power_on: Sourced<PowerOn>,
    /// Reads only.
    pub dry_run: Sourced<bool>,
    /// End once the orders are accepted.
    pub no_wait: Sourced<bool>,
    /// Time for one server; `None` is the product's default.
    pub timeout: Sourced<Option<Duration>>,
    /// Text for journal and report.
    pub reason: Sourced<Option<String>>,
    /// Never ask.
    pub no_input: Sourced<bool>,
    /// How long to look for a sign of a start.
    pub start_window: Sourced<Duration>,
    /// Upper bound of the pause between looks; `None` is adaptive.
    pub poll_interval: Sourced<Option<Duration>>,
    /// Servers between order and verdict at one time.
    pub concurrency: Sourced<NonZeroUsize>,
    /// No new orders once so many have failed.
    pub max_failures: Sourced<Share>,
    /// Form of the output.
    pub output: Sourced<Output>,
    /// Talk to the emulator inside the process.
    pub sandbox: Sourced<bool>,
    /// How much standard error tells.
    pub verbosity: Sourced<Verbosity>,
    /// When to use colour.
    pub color: Sourced<Color>,
    /// Which servers are left alone, whatever is selected.
    pub guard: Guard,
    /// What the user should know: variables of ours that are not read.
    pub notices: Vec<String>,
    /// The configuration file's path as people write it; empty without one.
    pub(super) shown: String,
    /// Vendor tables of the chosen profile.
    pub(super) vendors: BTreeMap<&'static str, VendorTable>,
    /// Whether the profile is one of the configuration file.
    pub(super) profile_is_ours: bool,
    rows: Vec<Row>,
}

/// `--start-window` when none is given.
const START_WINDOW: Duration = Duration::from_secs(15 * 60);
/// `--poll-interval` of the sandbox when none is given.
const SANDBOX_INTERVAL: Duration = Duration::from_millis(300);
/// Shortest pause between looks that may be asked for.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// Shortest time for anything else.
const SHORTEST: Duration = Duration::from_millis(1);
/// `--concurrency` when none is given.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);

impl Settings {
    /// Reads the configuration file and settles every option.
    pub fn load(typed: &Typed, environment: &Environment, vendors: &[&'static Vendor]) -> Result<Self, ConfigError> {
        let file = file::load(typed.config.as_deref(), environment, vendors)?;
        let mut settings = Self::settle(typed, environment, file.as_ref())?;
        // Naming another file takes nothing out of the usual one's protection.
        let usual = match &file {
            Some(file) if file.origin != Origin::Default => file::usual(environment, vendors)?,
            _ => None,
        };
        for rule in usual.into_iter().flat_map(|usual| usual.document.protect) {
            if !settings.guard.protect.contains(&rule) {
                settings.guard.protect.push(rule);
            }
        }
        Ok(settings)
    }

    /// Settles every option from what was read before; reads nothing but a relative `--state-dir`'s folder.
    pub fn settle(typed: &Typed, environment: &Environment, file: Option<&ConfigFile>) -> Result<Self, ConfigError> {
        let mut layers = Layers::new(typed, environment, file);
        layers.push_config_row();
        let state_dir = state_dir(&mut layers, typed, environment)?;
        let (profile, profile_is_ours) = layers.choose_profile()?;
        let sandbox = layers.settle("sandbox", values::switch, false)?;
        // What file and environment say of places is said of a real account.
        layers.places_are_typed_alone = sandbox.value;
        if sandbox.value && typed.endpoint.is_some() {
            return Err(ConfigError::Conflict {
                first: Box::new(sandbox.origin),
                second: Box::new(Origin::Option("endpoint")),
                advice: "leave one of them out: the sandbox brings its own address",
            });
        }
        let default_interval = sandbox.value.then_some(SANDBOX_INTERVAL);
        let text = |text: &str| values::line(text).map(Some);
        let duration = |text: &str| values::duration_from(SHORTEST, text).map(Some);
        Ok(Self {
            config: file.map(|file| file.path.clone()),
            region: layers.settle("region", text, None)?,
            project: layers.settle("project", text, None)?,
            endpoint: layers.settle("endpoint", |text| endpoint::endpoint(text).map(Some), None)?,
            power_off: layers.settle("power-off", values::power_off, PowerOff::Soft)?,
            power_on: layers.settle("power-on", values::power_on, PowerOn::Auto)?,
            dry_run: layers.settle("dry-run", values::switch, false)?,
            no_wait: layers.settle("no-wait", values::switch, false)?,
            timeout: layers.settle("timeout", duration, None)?,
            reason: layers.settle("reason", text, None)?,
            no_input: layers.settle("no-input", values::switch, false)?,
            start_window: layers.settle("start-window", |text| values::duration_from(SHORTEST, text), START_WINDOW)?,
            poll_interval: layers.settle(
                "poll-interval",
                |text| values::duration_from(SHORTEST_INTERVAL, text).map(Some),
                default_interval,
            )?,
            concurrency: layers.settle(
                "concurrency",
                |text| values::number(1, 1000, text).map(|count| NonZeroUsize::new(count).unwrap_or(CONCURRENCY)),
                CONCURRENCY,
            )?,
            max_failures: layers.settle("max-failures", values::share, Share::Count(NonZeroUsize::MIN))?,
            output: layers.settle("output", values::output, Output::Human)?,
            verbosity: layers.verbosity()?,
            color: layers.color()?,
            guard: layers.guard(),
            notices: notices(environment),
            shown: file.map(|file| file.shown.clone()).unwrap_or_default(),
            vendors: layers.vendor_tables(),
            rows: layers.into_rows(),
            state_dir,
            profile,
            profile_is_ours,
            sandbox,
        })
    }

    /// Every option with its value and origin, in the order of the help.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        OPTIONS.iter().flat_map(|spec| self.rows.iter().filter(move |row| row.name == spec.name))
    }

    /// The profile, and region, project and endpoint where option or variable said them: typed again in `resume`,
    /// they choose the same place. What the profile says, it says again.
    pub fn place(&self) -> Vec<(String, String)> {
        let said = |setting: &Sourced<Option<String>>| setting.value.clone().filter(|_| setting.origin.is_immediate());
        let endpoint = self.endpoint.value.as_ref().filter(|_| self.endpoint.origin.is_immediate());
        [
            ("profile", self.profile.value.clone()),
            ("region", said(&self.region)),
            ("project", said(&self.project)),
            ("endpoint", endpoint.map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

fn state_dir(
    layers: &mut Layers<'_>,
    typed: &Typed,
    environment: &Environment,
) -> Result<Sourced<PathBuf>, ConfigError> {
    if let Some(path) = &typed.state_dir {
        let origin = Origin::Option("state-dir");
        let path = std::path::absolute(path).map_err(|_| ConfigError::BadValue {
            origin: origin.clone(),
            name: "state-dir",
            problem: "the path is empty, or the working directory is gone".to_owned(),
        })?;
        layers.push_row("state-dir", environment.shorten(&path), origin.clone());
        return Ok(Sourced { value: path, origin });
    }
    if let Some((text, origin)) = layers.raw("state-dir")? {
        let path = environment.expand(&text).filter(|path| path.is_absolute());
        let path = path.ok_or_else(|| ConfigError::BadValue {
            origin: origin.clone(),
            name: "state-dir",
            problem: "the path must be absolute".to_owned(),
        })?;
        layers.push_row("state-dir", environment.shorten(&path), origin.clone());
        return Ok(Sourced { value: path, origin });
    }
    let folder = environment.xdg(env::XDG_STATE_HOME, ".local/state").ok_or(ConfigError::NoStateDir)?;
    let path = folder.join("reinstall");
    layers.push_row("state-dir", environment.shorten(Path::new(&path)), Origin::Default);
    Ok(Sourced { value: path, origin: Origin::Default })
}

/// Variables that look like ours and are not read: a slip there would change nothing, silently.
fn notices(environment: &Environment) -> Vec<String> {
    let known = || OPTIONS.iter().map(|spec| spec.variable).chain([env::STATE_ON_NETWORK]);
    environment
        .ours()
        .filter(|name| !known().any(|variable| variable == *name))
        .map(|name| {
            let tail = name.trim_start_matches(env::PREFIX).to_ascii_lowercase().replace('_', "-");
            if COMMAND_LINE_ONLY.contains(&tail.as_str()) {
                return format!("variable {name} is not read: what is wiped is said on the command line");
            }
            format!("variable {name} is not read: there is no such option{}", did_you_mean(nearest(name, known())))
        })
        .collect()
}

#[cfg(test)]
mod tests;
