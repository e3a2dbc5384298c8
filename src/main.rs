//! The program: arguments in, exit code out.

use reinstall::cli;
use reinstall::report::Out;
use std::process::ExitCode;

fn main() -> ExitCode {
    let out = Out::new(Box::new(std::io::stdout()), Box::new(std::io::stderr()));
    ExitCode::from(cli::main(std::env::args_os(), &out).code())
}
