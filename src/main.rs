//! The program: arguments in, exit code out.

use anyhow::Context;
use reinstall::cli;
use reinstall::model::Exit;
use reinstall::report::Out;
use std::process::ExitCode;

fn main() -> ExitCode {
    let out = Out::new(Box::new(std::io::stdout()), Box::new(std::io::stderr()));
    announce_panics(out.clone());
    if let Err(why) = keep_memory_private() {
        let _ = out.stderr.line(&format!("warning: {why:#}"));
    }
    ExitCode::from(cli::main(std::env::args_os(), &out).code())
}

/// Secrets in memory must not reach a core file, nor another process of the same user.
fn keep_memory_private() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .context("core files cannot be switched off")?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("other processes cannot be kept from this one's memory")?;
    Ok(())
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
