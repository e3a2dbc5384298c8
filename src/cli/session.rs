//! What every command works with: settings, streams, clock, the sandbox if asked for, and lines to providers.

use super::args::{Cli, Shared, VerbArgs};
use super::error::CliError;
use crate::client::{Client, Exchange, HttpTransport, Tracer};
use crate::clock::{Clock, SystemClock};
use crate::config::values::{self, Output, Verbosity};
use crate::config::{Environment, Overlay, Settings, Typed, VendorSources, env};
use crate::journal::Store;
use crate::model::Exit;
use crate::providers::{Entry, Product, SetupError, Sources, VENDORS, Vendor};
use crate::report::{Color, ColorHints, Human, JsonLines, Level, Live, Out, Paint, Reporter, Screen, Width, text};
use crate::sandbox::Sandbox;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use url::Url;

/// One call of the program.
pub(super) struct Session {
    /// The environment as it was at the start.
    pub environment: Environment,
    /// Every option, settled.
    pub settings: Settings,
    /// The two streams.
    pub out: Out,
    /// Time.
    pub clock: Arc<dyn Clock>,
    transport: Arc<HttpTransport>,
    overlay: Option<Overlay>,
    // Serves as long as the session lives.
    _sandbox: Option<Sandbox>,
}

/// A product and the line to its provider.
pub(super) struct Line {
    /// The product's entry.
    pub entry: &'static Entry,
    /// The product.
    pub product: Arc<dyn Product>,
    /// The line.
    pub client: Client,
    /// The provider's own endpoint, where settings name one in its place.
    pub own_endpoint: Option<String>,
}

fn typed(shared: &Shared, verb: &VerbArgs) -> Typed {
    let switch = |on: bool| on.then_some(true);
    Typed {
        config: shared.config.clone(),
        state_dir: shared.state_dir.clone(),
        profile: shared.profile.clone(),
        region: shared.region.clone(),
        project: shared.project.clone(),
        endpoint: shared.endpoint.clone(),
        power_off: verb.power_off.clone(),
        power_on: verb.power_on.clone(),
        dry_run: switch(verb.dry_run),
        no_wait: switch(verb.no_wait),
        timeout: shared.timeout.clone(),
        reason: verb.reason.clone(),
        no_input: switch(shared.no_input),
        start_window: shared.start_window.clone(),
        poll_interval: shared.poll_interval.clone(),
        concurrency: verb.concurrency.clone(),
        max_failures: verb.max_failures.clone(),
        output: shared.output.clone(),
        sandbox: switch(shared.sandbox),
        verbose: shared.verbose,
        quiet: shared.quiet,
        color: shared.color.clone(),
    }
}

impl Session {
    /// Settles the options; starts the sandbox if they ask for it.
    pub(super) fn open(cli: &Cli, out: Out) -> Result<Self, CliError> {
        let environment = Environment::of_process();
        let settings = Settings::load(&typed(&cli.shared, &cli.verb), &environment, VENDORS)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut session = Self {
            environment,
            settings,
            out,
            clock,
            transport: Arc::new(HttpTransport::new()),
            overlay: None,
            _sandbox: None,
        };
        for notice in &session.settings.notices.clone() {
            session.warn(notice);
        }
        if session.settings.sandbox.value {
            session.start_sandbox()?;
        }
        Ok(session)
    }

    fn start_sandbox(&mut self) -> Result<(), CliError> {
        let sandbox = open_sandbox(self.clock.clone(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 1.0)?;
        let endpoint = Url::parse(&sandbox.url())
            .map_err(|_| CliError::new(Exit::Bug, "the sandbox's own address is no address", ""))?;
        let variables = sandbox.credentials().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.overlay = Some(Overlay { variables, endpoint });
        self._sandbox = Some(sandbox);
        Ok(())
    }

    /// The vendor's settings and credentials.
    pub(super) fn sources(&self, vendor: &'static Vendor) -> Result<VendorSources<'_>, SetupError> {
        VendorSources::new(&self.settings, &self.environment, vendor, self.overlay.as_ref())
    }

    /// Makes a product and its line.
    pub(super) fn line(&self, vendor: &'static Vendor, entry: &'static Entry) -> Result<Line, SetupError> {
        let sources = self.sources(vendor)?;
        let product: Arc<dyn Product> = Arc::from((entry.build)(&sources)?);
        // The sandbox inside this process is nobody's endpoint, and the plan says so.
        let named = sources.endpoint().is_some() && self.overlay.is_none();
        let own_endpoint = named.then(|| match (entry.build)(&sources.without_endpoint()) {
            Ok(own) => own.endpoint().to_string(),
            Err(_) => "none for this region".to_owned(),
        });
        let transport = match product.authorities() {
            None => self.transport.clone(),
            Some(found) => {
                let bad = |problem: &str| SetupError::BadSetting {
                    origin: found.origin.clone(),
                    problem: problem.to_owned(),
                };
                Arc::new(HttpTransport::trusting(found.value.expose()).map_err(bad)?)
            }
        };
        let client = Client::new(product.clone(), transport, self.clock.clone(), self.tracer());
        Ok(Line { entry, product, client, own_endpoint })
    }

    /// Makes the lines of the chosen products. In a family, a product that the region does not have is left out
    /// and said so.
    pub(super) fn lines(&self, chosen: &[(&'static Vendor, &'static Entry)]) -> Result<Vec<Line>, CliError> {
        let mut lines = Vec::new();
        for (vendor, entry) in chosen {
            match self.line(vendor, entry) {
                Ok(line) => lines.push(line),
                Err(error @ SetupError::NotInRegion { .. }) if chosen.len() > 1 => {
                    self.warn(&format!("{error}: left out"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if lines.is_empty() {
            let message = "none of the family's products exists in this region";
            return Err(CliError::usage(message, "choose another `--region`, or one product as `--provider`"));
        }
        Ok(lines)
    }

    /// The folder of journals and claims.
    pub(super) fn store(&self) -> Result<Store, CliError> {
        let folder = &self.settings.state_dir.value;
        match self.environment.get(env::STATE_ON_NETWORK) {
            None => Ok(Store::open(folder)?),
            Some("allow") => Ok(Store::open_anywhere(folder)?),
            Some(other) => {
                let message = format!("variable {}: `{other}` is not `allow`", env::STATE_ON_NETWORK);
                Err(CliError::new(Exit::Config, message, "write `allow`, or unset it"))
            }
        }
    }

    /// Whether questions may be asked.
    pub(super) fn may_ask(&self) -> bool {
        !self.settings.no_input.value && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Whether standard output is for people.
    pub(super) fn human(&self) -> bool {
        self.settings.output.value == Output::Human
    }

    /// Whether standard error is kept to the end, warnings and questions.
    pub(super) fn quiet(&self) -> bool {
        self.settings.verbosity.value == Verbosity::Quiet
    }

    /// Tells something on standard error. Nothing depends on its being read.
    pub(super) fn tell(&self, line: &str) {
        let _ = self.out.stderr.line(&text::clean_to(line, 2000));
    }

    /// Warns on standard error.
    pub(super) fn warn(&self, line: &str) {
        self.tell(&format!("warning: {line}"));
    }

    /// Colour for standard output or standard error.
    pub(super) fn paint(&self, terminal: bool) -> Paint {
        let choice = match self.settings.color.value {
            values::Color::Auto => Color::Auto,
            values::Color::Always => Color::Always,
            values::Color::Never => Color::Never,
        };
        let hints = ColorHints {
            terminal,
            no_color: self.environment.get("NO_COLOR"),
            clicolor_force: self.environment.get("CLICOLOR_FORCE"),
            term: self.environment.get("TERM"),
        };
        Paint::decide(choice, hints)
    }

    /// Columns of standard output, if it is a terminal.
    pub(super) fn stdout_width(&self) -> Width {
        std::io::stdout().is_terminal().then(|| size(rustix::stdio::stdout()).0)
    }

    /// Columns of standard error, if it is a terminal.
    pub(super) fn stderr_width(&self) -> Width {
        std::io::stderr().is_terminal().then(|| size(rustix::stdio::stderr()).0)
    }

    fn level(&self) -> Level {
        match self.settings.verbosity.value {
            Verbosity::Quiet => Level::Quiet,
            Verbosity::Normal => Level::Normal,
            Verbosity::Verbose | Verbosity::Debug => Level::Verbose,
        }
    }

    /// Who shows progress on standard error: bars on a terminal, one line a change elsewhere.
    pub(super) fn progress(&self) -> Box<dyn Reporter> {
        let terminal = std::io::stderr().is_terminal();
        let paint = self.paint(terminal);
        let bars = terminal
            && self.environment.get("CI").is_none()
            && self.environment.get("TERM") != Some("dumb")
            && self.settings.verbosity.value == Verbosity::Normal;
        if bars {
            let screen = Screen::new(self.out.stderr.clone(), || size(rustix::stdio::stderr()));
            return Box::new(Live::new(screen, self.level(), paint));
        }
        Box::new(Human::new(self.out.stderr.clone(), self.level(), paint))
    }

    /// Who writes events to standard output, if `--output jsonl` asks for them.
    pub(super) fn json_lines(&self) -> Option<JsonLines> {
        (self.settings.output.value == Output::Jsonl).then(|| JsonLines::new(self.out.stdout.clone()))
    }

    fn tracer(&self) -> Option<Tracer> {
        if self.settings.verbosity.value < Verbosity::Verbose {
            return None;
        }
        let stderr = self.out.stderr.clone();
        Some(Arc::new(move |exchange: &Exchange<'_>| {
            let Exchange { label, line, result, took } = exchange;
            let told = format!("  {label}: {line} -> {result} in {} ms", took.as_millis());
            let _ = stderr.line(&text::clean_to(&told, 400));
        }))
    }
}

/// Columns and rows of a terminal.
fn size(stream: rustix::fd::BorrowedFd<'_>) -> (u16, u16) {
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 => (size.ws_col, size.ws_row.max(2)),
        _ => (80, 24),
    }
}

/// Starts the sandbox of all vendors.
pub(super) fn open_sandbox(clock: Arc<dyn Clock>, address: SocketAddr, speed: f64) -> Result<Sandbox, CliError> {
    let emulators = VENDORS.iter().map(|vendor| (vendor.emulator)()).collect();
    Sandbox::start(emulators, clock, address, speed)
        .map_err(|error| CliError::usage(error, "choose a free port on 127.0.0.1 or [::1]"))
}
