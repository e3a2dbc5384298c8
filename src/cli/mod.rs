//! What was typed becomes a call of the layers below. No provider is named here.

mod args;
mod check;
mod checks;
mod confirm;
mod error;
mod execute;
mod help;
mod list;
mod login;
mod operator;
mod outcome;
mod process;
mod providers;
mod reinstall;
mod requests;
mod resend;
mod resume;
mod runs;
mod sandbox;
mod session;
mod shell;
mod sign;
mod signals;
mod wait;

pub use args::Cli;
pub use error::CliError;
pub use process::keep_memory_private;

use crate::model::Exit;
use crate::report::Out;
use args::Command;
use clap::{CommandFactory, Parser};
use session::Session;
use std::ffi::OsString;

/// Runs the program and returns why it ended; errors are told on standard error.
pub fn main(arguments: impl IntoIterator<Item = OsString>, out: &Out) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(told) => return usage(&told, out),
    };
    let done = match &cli.command {
        // These need no settings: they work with a broken configuration, too.
        Some(Command::Completions { shell }) => shell::completions(*shell, out),
        Some(Command::Man) => shell::manual(out),
        _ => act(cli, out),
    };
    done.unwrap_or_else(|error| {
        let _ = out.stderr.line(&error.lines());
        error.exit
    })
}

/// Help and version go to standard output, mistakes to standard error.
fn usage(told: &clap::Error, out: &Out) -> Exit {
    let text = told.render();
    if told.use_stderr() {
        let _ = out.stderr.all(text.to_string().as_bytes());
        return Exit::Usage;
    }
    match out.stdout.all(text.to_string().as_bytes()) {
        Ok(()) => Exit::Success,
        Err(why) => {
            let error = CliError::output(why);
            let _ = out.stderr.line(&error.lines());
            error.exit
        }
    }
}

fn act(mut cli: Cli, out: &Out) -> Result<Exit, CliError> {
    if let (Some(_), Some(option)) = (&cli.command, verb_option(&cli)) {
        let message = format!("`{option}` belongs to the reinstall itself, not to this command");
        return Err(CliError::usage(message, "leave it out, or leave the command out"));
    }
    crate::config::let_large_writes_fail()
        .map_err(|why| CliError::new(Exit::Bug, format!("signals cannot be listened to: {why}"), ""))?;
    let session = Session::open(&cli, out.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| CliError::new(Exit::Bug, format!("the runtime cannot start: {why}"), ""))?;
    if let Some(Command::Resume { run, resend, reason, yes, secrets }) =
        cli.command.take_if(|command| matches!(command, Command::Resume { .. }))
    {
        let wanted = resend::Wanted::read(resend, reason, yes)?;
        let (session, run) = resume::session(&mut cli, session, run.as_deref(), out)?;
        return runtime.block_on(resume::run(&session, &run, &secrets, wanted.as_ref()));
    }
    runtime.block_on(dispatch(&cli, &session))
}

async fn dispatch(cli: &Cli, session: &Session) -> Result<Exit, CliError> {
    let provider = cli.shared.provider.as_deref();
    let instances = &cli.shared.instances;
    match &cli.command {
        None => {
            let ask = reinstall::Ask { provider, instances, verb: &cli.verb };
            reinstall::run(session, ask).await
        }
        Some(Command::Wait) => wait::run(session, provider, instances).await,
        Some(Command::Runs { what }) => runs::run(session, what.as_ref()),
        Some(Command::List) => list::run(session, provider, instances, list::What::Servers).await,
        Some(Command::Images) => list::run(session, provider, instances, list::What::Images).await,
        Some(Command::Keys) => list::run(session, provider, instances, list::What::Keys).await,
        Some(Command::Providers) => providers::run(session, provider),
        Some(Command::Check) => check::run(session, provider).await,
        Some(Command::Sign) => sign::run(session),
        Some(Command::Sandbox { listen, speed }) => sandbox::run(session, listen, *speed).await,
        // Settled before a session was opened.
        Some(Command::Completions { .. } | Command::Man | Command::Resume { .. }) => Ok(Exit::Success),
    }
}

/// An option of the verb that was typed beside a command: it would be without effect, silently.
fn verb_option(cli: &Cli) -> Option<String> {
    let root = Cli::command();
    let verb = &cli.verb;
    let typed = [
        ("image", verb.image.is_some()),
        ("hostname", verb.hostname.is_some()),
        ("keep-data", verb.keep_data),
        ("wipe-data", verb.wipe_data),
        ("set", !verb.fields.is_empty()),
        ("ssh-key", verb.ssh_key.is_some()),
        ("password-file", verb.secrets.password_file.is_some()),
        ("password-env", verb.secrets.password_env.is_some()),
        ("generate-password", verb.secrets.generate_password.is_some()),
        ("user-data", verb.secrets.user_data.is_some()),
        ("password", verb.secrets.password.is_some()),
        ("no-login", verb.no_login),
        ("yes", verb.yes),
        ("expect-count", verb.expect_count.is_some()),
        ("expect", !verb.expect.is_empty()),
        ("power-off", verb.power_off.is_some()),
        ("power-on", verb.power_on.is_some()),
        ("dry-run", verb.dry_run),
        ("no-wait", verb.no_wait),
        ("concurrency", verb.concurrency.is_some()),
        ("max-failures", verb.max_failures.is_some()),
        ("reason", verb.reason.is_some()),
    ];
    debug_assert!(typed.iter().all(|(name, _)| root.get_arguments().any(|arg| arg.get_long() == Some(name))));
    typed.iter().find(|(_, given)| *given).map(|(name, _)| format!("--{name}"))
}
