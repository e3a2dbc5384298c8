//! What may be typed. Texts are kept as typed: the configuration layer reads them, whatever source they have.

use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

/// Reinstalls the operating system of cloud servers.
///
/// An order is never sent twice, an outcome is never guessed, a server is never lost from view.
#[derive(Parser, Debug)]
#[command(
    name = "reinstall",
    version,
    max_term_width = 120,
    after_help = super::help::AFTER,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    override_usage = "reinstall --provider <PROVIDER> --instance <REF> [OPTIONS]\n       reinstall <COMMAND>"
)]
pub struct Cli {
    /// Everything that commands share.
    #[command(flatten)]
    pub shared: Shared,
    /// What to install and how to log in.
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Another command than the verb.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that stand before or behind a command.
#[derive(Args, Debug, Default)]
pub struct Shared {
    /// Product or family; see `reinstall providers`
    #[arg(long, short = 'p', global = true, value_name = "PROVIDER", help_heading = "Which servers")]
    pub provider: Option<String>,
    /// Server: its id, `name=NAME` or `ip=ADDRESS`; several with commas or by repeating; `-` reads standard input
    #[arg(long = "instance", short = 'i', global = true, value_name = "REF", help_heading = "Which servers")]
    pub instances: Vec<String>,

    /// Profile of the configuration file or of the provider's own files
    #[arg(long, global = true, value_name = "NAME", help_heading = "Where")]
    pub profile: Option<String>,
    /// Region
    #[arg(long, global = true, value_name = "REGION", help_heading = "Where")]
    pub region: Option<String>,
    /// Project
    #[arg(long, global = true, value_name = "ID", help_heading = "Where")]
    pub project: Option<String>,
    /// Address that replaces every host of the provider: https, or http on literal loopback
    #[arg(long, global = true, value_name = "URL", help_heading = "Where")]
    pub endpoint: Option<String>,
    /// Talk to an emulator inside this process: no account, no network
    #[arg(long, global = true, help_heading = "Where")]
    pub sandbox: bool,

    /// Time for one server, counted from its order [default: 90m metal, 30m virtual]
    #[arg(long, global = true, value_name = "DURATION", help_heading = "How to run")]
    pub timeout: Option<String>,
    /// Upper bound for the pause between looks [default: adaptive]
    #[arg(long, global = true, value_name = "DURATION", help_heading = "How to run")]
    pub poll_interval: Option<String>,
    /// How long to look for a sign that a doubtful order has begun [default: 15m]
    #[arg(long, global = true, value_name = "DURATION", help_heading = "How to run")]
    pub start_window: Option<String>,
    /// Never ask, even on a terminal
    #[arg(long, global = true, help_heading = "How to run")]
    pub no_input: bool,

    /// Form of standard output: human, json or jsonl [default: human]
    #[arg(long, short = 'o', global = true, value_name = "FORM", help_heading = "Output")]
    pub output: Option<String>,
    /// More on standard error; twice for each request
    #[arg(long, short = 'v', global = true, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Less on standard error
    #[arg(long, short = 'q', global = true, help_heading = "Output")]
    pub quiet: bool,
    /// Colour: auto, always or never [default: auto]
    #[arg(long, global = true, value_name = "WHEN", help_heading = "Output")]
    pub color: Option<String>,
    /// Folder of journals and claims [default: $XDG_STATE_HOME/reinstall]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Output")]
    pub state_dir: Option<PathBuf>,
    /// Configuration file [default: $XDG_CONFIG_HOME/reinstall/config.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub config: Option<PathBuf>,
}

/// Options of the verb.
#[derive(Args, Debug, Default)]
pub struct VerbArgs {
    /// Image: its id, or `name=NAME` [default: the server's present one]
    #[arg(long, value_name = "REF", help_heading = "What to install")]
    pub image: Option<String>,
    /// Host name, where the provider has one
    #[arg(long, value_name = "NAME", help_heading = "What to install")]
    pub hostname: Option<String>,
    /// Keep the data disks (JD Cloud; the default)
    #[arg(long, conflicts_with = "wipe_data", help_heading = "What to install")]
    pub keep_data: bool,
    /// Wipe the data disks too (JD Cloud)
    #[arg(long, help_heading = "What to install")]
    pub wipe_data: bool,
    /// Any other field of the provider's call: text, JSON or @file; see `reinstall providers`
    #[arg(long = "set", value_name = "FIELD=VALUE", help_heading = "What to install")]
    pub fields: Vec<String>,

    /// Key pair: its id, or `name=NAME`
    #[arg(long, value_name = "REF", help_heading = "Login")]
    pub ssh_key: Option<String>,
    /// Where secrets come from.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// Send neither password nor key, where the provider allows it
    #[arg(long, help_heading = "Login")]
    pub no_login: bool,

    /// No question
    #[arg(long, short = 'y', help_heading = "How to run")]
    pub yes: bool,
    /// Refuse unless exactly so many servers are selected
    #[arg(long, value_name = "N", help_heading = "How to run")]
    pub expect_count: Option<String>,
    /// Refuse a server whose name, ip, image or status differs
    #[arg(long, value_name = "KEY=VALUE", help_heading = "How to run")]
    pub expect: Vec<String>,
    /// How to stop a server that must be stopped first: soft, hard or never [default: soft]
    #[arg(long, value_name = "HOW", help_heading = "How to run")]
    pub power_off: Option<String>,
    /// Whether a server that ends powered off is started: auto or never [default: auto]
    #[arg(long, value_name = "WHEN", help_heading = "How to run")]
    pub power_on: Option<String>,
    /// Read only; print the plan and each request that would be sent
    #[arg(long, help_heading = "How to run")]
    pub dry_run: bool,
    /// End once the orders are accepted
    #[arg(long, help_heading = "How to run")]
    pub no_wait: bool,
    /// Servers between order and verdict at one time [default: 10]
    #[arg(long, value_name = "N", help_heading = "How to run")]
    pub concurrency: Option<String>,
    /// No new orders once so many servers have failed: number or percentage [default: 1]
    #[arg(long, value_name = "N|P%", help_heading = "How to run")]
    pub max_failures: Option<String>,
    /// Text that journal and report keep
    #[arg(long, value_name = "TEXT", help_heading = "How to run")]
    pub reason: Option<String>,
}

/// Where secrets come from: never from an option's value.
#[derive(Args, Debug, Default)]
pub struct SecretArgs {
    /// File whose first line is the password; `-` is standard input
    #[arg(long, value_name = "PATH", help_heading = "Login")]
    pub password_file: Option<String>,
    /// Variable that holds the password
    #[arg(long, value_name = "VAR", conflicts_with = "password_file", help_heading = "Login")]
    pub password_env: Option<String>,
    /// Make a password for each server and append it to this file, before the order is sent
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_file", "password_env"], help_heading = "Login")]
    pub generate_password: Option<PathBuf>,
    /// Script for the first boot, plain; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "What to install")]
    pub user_data: Option<String>,
    /// Exists only to say that a password is never an option's value.
    #[arg(long, hide = true, num_args = 0..=1)]
    pub password: Option<Option<String>>,
}

/// Commands beside the verb.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Go on with an interrupted run
    Resume {
        /// The run, or the beginning of its id [default: the only unfinished one]
        run: Option<String>,
        /// Order once more for this server, whose order may have been taken; you have looked, and know it was not
        #[arg(long, value_name = "ID", help_heading = "The operator's door")]
        resend: Vec<String>,
        /// How you know it; the journal keeps this, with your name
        #[arg(long, value_name = "TEXT", help_heading = "The operator's door")]
        reason: Option<String>,
        /// No question before `--resend`
        #[arg(long, short = 'y', help_heading = "The operator's door")]
        yes: bool,
        /// Where secrets come from.
        #[command(flatten)]
        secrets: SecretArgs,
    },
    /// Watch servers that are being reinstalled already; order nothing
    Wait,
    /// What the journals on this machine tell
    Runs {
        /// What to do with them [default: list]
        #[command(subcommand)]
        what: Option<RunsCommand>,
    },
    /// The account's servers
    List,
    /// Images that can be installed, for a product or for one server
    Images,
    /// Key pairs
    Keys,
    /// What each product needs and can do
    Providers,
    /// Settings with their origin, credentials, one harmless read per product, clock difference
    Check,
    /// Show how a request is signed: one JSON object in, one out, nothing sent
    Sign,
    /// Serve the emulator to other processes on loopback
    Sandbox {
        /// Loopback address and port; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
        listen: String,
        /// How many times faster than real time servers live
        #[arg(long, default_value_t = 1.0, value_name = "N")]
        speed: f64,
    },
    /// Completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Manual page
    Man,
}

/// Commands over journals.
#[derive(Subcommand, Debug)]
pub enum RunsCommand {
    /// List the runs
    List,
    /// Tell the whole story of one
    Show {
        /// The run, or the beginning of its id
        run: String,
    },
    /// Remove journals of ended runs
    Prune {
        /// Keep so many days
        #[arg(long, visible_alias = "days", default_value_t = 30, value_name = "DAYS")]
        keep: u32,
    },
}
