//! The program: arguments in, exit code out.

use anyhow::Context;
use reinstall::cli;
use reinstall::model::Exit;
use reinstall::report::Out;
use std::process::ExitCode;

fn main() -> ExitCode {
    let out = Out::new(Box::new(std::io::stdout()), Box::new(std::io::stderr()));
    announce_panics(out.clone());
    let exit = run(&out).unwrap_or_else(|why| {
        let _ = out.stderr.line(&format!("error: {why:#}"));
        Exit::Bug
    });
    ExitCode::from(exit.code())
}

fn run(out: &Out) -> anyhow::Result<Exit> {
    cli::keep_memory_private().context("cannot keep secrets in memory from core files and other processes")?;
    Ok(cli::main(std::env::args_os(), out))
}

/// A panic tells where it happened and nothing of what it was about, which could be a secret.
fn announce_panics(out: Out) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let told = format!(
            "error: a mistake in this program, at {place}\n  next: `reinstall resume` goes on with the run; please report this"
        );
        let _ = out.stderr.line(&told);
        #[expect(clippy::exit, reason = "an abort would hide the exit code that says what happened")]
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
}
