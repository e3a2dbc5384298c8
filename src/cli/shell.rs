//! Completion scripts and the manual page, made from the same definition as the help.

use super::args::Cli;
use super::error::CliError;
use crate::config::product_names;
use crate::model::Exit;
use crate::providers::VENDORS;
use crate::report::Out;
use clap::CommandFactory;
use clap::builder::PossibleValuesParser;

fn write(out: &Out, bytes: &[u8]) -> Result<Exit, CliError> {
    out.stdout.all(bytes).map_err(CliError::output)?;
    Ok(Exit::Success)
}

/// Writes the completion script of a shell.
pub(super) fn completions(shell: clap_complete::Shell, out: &Out) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    // Only here: what is typed is judged by `select_products`, which knows what was meant.
    let names = PossibleValuesParser::new(product_names(VENDORS));
    let mut command = Cli::command().mut_arg("provider", |option| option.value_parser(names));
    clap_complete::generate(shell, &mut command, "reinstall", &mut script);
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
