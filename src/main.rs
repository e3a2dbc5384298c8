//! The program: arguments in, exit code out.

use anyhow::Context;
use reinstall::cli;
use reinstall::model::Exit;
use reinstall::report::Out;
use std::panic::PanicHookInfo;
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
        let _ = out.stderr.line(&announcement(panic));
        #[expect(clippy::exit, reason = "an abort would hide the exit code that says what happened")]
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
}

fn announcement(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    format!(
        "error: a mistake in this program, at {place}\n  next: `reinstall resume` goes on with the run; please report this"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_panic_tells_its_place_and_neither_payload_nor_locals() {
        let told = Arc::new(Mutex::new(String::new()));
        let kept = told.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| *kept.lock().expect("the text") = announcement(panic)));
        for payload in ["Geheim77", "other"] {
            let local = format!("{payload}-local");
            let panicked = std::panic::catch_unwind(|| panic!("{payload} {local}")).is_err();
            assert!(panicked);
            let text = told.lock().expect("the text").clone();
            assert!(text.contains("main.rs:") && text.contains("reinstall resume"), "{text}");
            assert!(!text.contains(payload) && !text.contains("local"), "{text}");
        }
        std::panic::set_hook(before);
    }
}
