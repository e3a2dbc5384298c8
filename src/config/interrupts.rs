//! Signals that arrive while the terminal is without echo: the echo comes back first, then they do what they do. And the
//! one that must not end the program at all.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::{SigId, flag, low_level};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Whether such a signal ends the process at once, as it does in a program that listens to none.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));
/// Set once the rule above is in force. A handler cannot be taken back safely, so it stays.
static LISTENS: OnceLock<()> = OnceLock::new();

/// From here on somebody else listens to signals, and none ends the process at once.
pub fn leave_signals_to_others() {
    AT_ONCE.store(false, Ordering::SeqCst);
}

/// From here on a write beyond a limit on the size of files (`ulimit -f`) is an error like that of a full disk; without
/// this it would end the program in the middle of a run.
pub fn let_large_writes_fail() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Keeps signals from ending the process. Dropping it lets them again, and lets the one that came meanwhile.
pub(super) struct Held {
    caught: Arc<AtomicUsize>,
    ids: Vec<SigId>,
}

impl Held {
    pub(super) fn begin() -> io::Result<Self> {
        if LISTENS.set(()).is_ok() {
            for signal in ENDING {
                flag::register_conditional_default(signal, AT_ONCE.clone())?;
            }
        }
        let mut held = Self { caught: Arc::new(AtomicUsize::new(0)), ids: Vec::new() };
        AT_ONCE.store(false, Ordering::SeqCst);
        for signal in ENDING {
            let number = usize::try_from(signal).unwrap_or_default();
            held.ids.push(flag::register_usize(signal, held.caught.clone(), number)?);
        }
        Ok(held)
    }

    /// Whether one came.
    pub(super) fn caught(&self) -> bool {
        self.caught.load(Ordering::SeqCst) != 0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        AT_ONCE.store(true, Ordering::SeqCst);
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
        if let Ok(signal @ 1..) = i32::try_from(self.caught.load(Ordering::SeqCst)) {
            // If even that fails, the prompt still ends as interrupted.
            let _ = low_level::emulate_default_handler(signal);
        }
    }
}
