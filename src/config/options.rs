//! The options that have more sources than the command line: one table for resolution, errors and documentation.

use super::env;

/// Where the configuration file may hold an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFile {
    /// Nowhere: it belongs to one run.
    Never,
    /// In `[defaults]` alone: a profile must not change it, or `resume` and `runs` would look elsewhere.
    Defaults,
    /// In `[defaults]` and in `[profiles.NAME]`.
    Everywhere,
    /// In `[profiles.NAME]` and in its vendor tables: it says where.
    Place,
}

/// One option.
#[derive(Debug)]
pub struct OptionSpec {
    /// Its name without the dashes.
    pub name: &'static str,
    /// Its variable.
    pub variable: &'static str,
    /// Where the configuration file may hold it.
    pub in_file: InFile,
    /// What may be written.
    pub values: &'static str,
    /// What holds when nobody says anything.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl OptionSpec {
    /// Its key in the configuration file.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

const SWITCH: &str = "`true` or `false`";
const DURATION: &str = "a number and a unit: `500ms`, `20s`, `2m`, `1h`";

/// Every such option, in the order of the help.
pub static OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "config",
        variable: env::CONFIG,
        in_file: InFile::Never,
        values: "path",
        default: "`$XDG_CONFIG_HOME/reinstall/config.toml`",
        meaning: "The configuration file.",
    },
    OptionSpec {
        name: "state-dir",
        variable: env::STATE_DIR,
        in_file: InFile::Defaults,
        values: "path",
        default: "`$XDG_STATE_HOME/reinstall`",
        meaning: "Folder of journals and claims.",
    },
    OptionSpec {
        name: "profile",
        variable: env::PROFILE,
        in_file: InFile::Never,
        values: "name",
        default: "`default_profile` of the configuration file",
        meaning: "The profile: `[profiles.NAME]` of the configuration file, or one of the provider's own files.",
    },
    OptionSpec {
        name: "region",
        variable: env::REGION,
        in_file: InFile::Place,
        values: "text",
        default: "the provider's own variables and files",
        meaning: "Region or zone.",
    },
    OptionSpec {
        name: "project",
        variable: env::PROJECT,
        in_file: InFile::Place,
        values: "text",
        default: "the provider's own variables and files",
        meaning: "Project.",
    },
    OptionSpec {
        name: "endpoint",
        variable: env::ENDPOINT,
        in_file: InFile::Place,
        values: "`https://HOST[:PORT]`; `http` for literal loopback only",
        default: "the provider's",
        meaning: "Address that replaces every host of the provider.",
    },
    OptionSpec {
        name: "power-off",
        variable: env::POWER_OFF,
        in_file: InFile::Everywhere,
        values: "`soft`, `hard` or `never`",
        default: "`soft`",
        meaning: "How to stop a server that must be stopped first; `never` refuses a running one.",
    },
    OptionSpec {
        name: "power-on",
        variable: env::POWER_ON,
        in_file: InFile::Everywhere,
        values: "`auto` or `never`",
        default: "`auto`",
        meaning: "Whether a server that ends its reinstall powered off is started.",
    },
    OptionSpec {
        name: "dry-run",
        variable: env::DRY_RUN,
        in_file: InFile::Never,
        values: SWITCH,
        default: "`false`",
        meaning: "Reads only; shows the plan and each request that would be sent.",
    },
    OptionSpec {
        name: "no-wait",
        variable: env::NO_WAIT,
        in_file: InFile::Everywhere,
        values: SWITCH,
        default: "`false`",
        meaning: "End once the orders are accepted.",
    },
    OptionSpec {
        name: "timeout",
        variable: env::TIMEOUT,
        in_file: InFile::Everywhere,
        values: DURATION,
        default: "`90m` for metal, `30m` for virtual servers",
        meaning: "Time for one server, counted from its order.",
    },
    OptionSpec {
        name: "reason",
        variable: env::REASON,
        in_file: InFile::Never,
        values: "text",
        default: "none",
        meaning: "Text that journal and report keep.",
    },
    OptionSpec {
        name: "no-input",
        variable: env::NO_INPUT,
        in_file: InFile::Everywhere,
        values: SWITCH,
        default: "`false`",
        meaning: "Never ask, even on a terminal.",
    },
    OptionSpec {
        name: "start-window",
        variable: env::START_WINDOW,
        in_file: InFile::Everywhere,
        values: DURATION,
        default: "`15m`",
        meaning: "How long to look for a sign that an order that may have been taken has begun.",
    },
    OptionSpec {
        name: "poll-interval",
        variable: env::POLL_INTERVAL,
        in_file: InFile::Everywhere,
        values: DURATION,
        default: "adaptive; `300ms` in the sandbox",
        meaning: "Upper bound of the pause between looks.",
    },
    OptionSpec {
        name: "concurrency",
        variable: env::CONCURRENCY,
        in_file: InFile::Everywhere,
        values: "`1` to `1000`",
        default: "`10`",
        meaning: "Servers between order and verdict at one time.",
    },
    OptionSpec {
        name: "max-failures",
        variable: env::MAX_FAILURES,
        in_file: InFile::Everywhere,
        values: "a number from 1, or `1%` to `100%` of the selected servers",
        default: "`1`",
        meaning: "No new orders once so many servers have failed.",
    },
    OptionSpec {
        name: "output",
        variable: env::OUTPUT,
        in_file: InFile::Everywhere,
        values: "`human`, `json` or `jsonl`",
        default: "`human`",
        meaning: "Form of the standard output.",
    },
    OptionSpec {
        name: "sandbox",
        variable: env::SANDBOX,
        in_file: InFile::Never,
        values: SWITCH,
        default: "`false`",
        meaning: "Talk to the emulator inside the process; no credentials are read.",
    },
    OptionSpec {
        name: "verbose",
        variable: env::VERBOSE,
        in_file: InFile::Everywhere,
        values: "`0`, `1` or `2`",
        default: "`0`",
        meaning: "More detail on standard error, as `-v` and `-vv`.",
    },
    OptionSpec {
        name: "quiet",
        variable: env::QUIET,
        in_file: InFile::Everywhere,
        values: SWITCH,
        default: "`false`",
        meaning: "Less detail on standard error.",
    },
    OptionSpec {
        name: "color",
        variable: env::COLOR,
        in_file: InFile::Everywhere,
        values: "`auto`, `always` or `never`",
        default: "`auto`",
        meaning: "Colour. `NO_COLOR` and `CLICOLOR_FORCE` come after the variable and before the file.",
    },
];

/// Options that are said on the command line alone, although their variables would look natural.
pub(super) const COMMAND_LINE_ONLY: [&str; 7] =
    ["yes", "expect", "expect-count", "file", "instance", "set", "provider"];

/// The option of that name.
pub fn option(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_the_options_name_in_capitals() {
        for spec in OPTIONS {
            let expected = format!("{}{}", env::PREFIX, spec.key().to_ascii_uppercase());
            assert_eq!(spec.variable, expected, "{}", spec.name);
        }
    }

    #[test]
    fn what_is_wiped_is_said_on_the_command_line_alone() {
        for name in COMMAND_LINE_ONLY {
            assert!(option(name).is_none(), "{name}");
        }
    }
}
