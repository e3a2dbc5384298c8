//! Completion scripts and the manual page, made from the same definition as the help.

use super::args::Cli;
use super::error::CliError;
use crate::model::Exit;
use crate::report::Out;
use clap::CommandFactory;

fn write(out: &Out, bytes: &[u8]) -> Result<Exit, CliError> {
    out.stdout.all(bytes).map_err(CliError::output)?;
    Ok(Exit::Success)
}

/// Writes the completion script of a shell.
pub(super) fn completions(shell: clap_complete::Shell, out: &Out) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "reinstall", &mut script);
    write(out, &script)
}

/// Writes the manual page.
pub(super) fn manual(out: &Out) -> Result<Exit, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|why| CliError::new(Exit::Bug, format!("the manual page cannot be made: {why}"), ""))?;
    write(out, &page)
}
