//! Asks for a password on the terminal: no echo, twice, and the terminal is as before whatever happens.
//!
//! Signals from the keyboard are read as characters while echo is off. Left to the kernel, Ctrl-C would end the
//! process there and then, and the shell would go on without echo. Signals from elsewhere are held until it is back.

use super::interrupts::Held;
use crate::model::{Exit, Refusal};
use crate::secret::Secret;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use secrecy::zeroize::Zeroizing;
use std::fs::File;
use std::io::{Read, Write};

/// Why there is no password from the terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// Nobody to ask.
    #[error("there is no terminal to ask for the password on")]
    NoTerminal,
    /// Ctrl-C.
    #[error("interrupted while the password was asked for; nothing was sent")]
    Interrupted,
    /// Ctrl-D, or the terminal is gone.
    #[error("no password was given")]
    Closed,
    /// The two were different, three times.
    #[error("the two passwords were different three times")]
    Different,
    /// More than anybody types.
    #[error("the password has more than {MOST} bytes")]
    Long,
    /// Not UTF-8.
    #[error("the password is not UTF-8 text")]
    Text,
    /// The terminal fails.
    #[error("the terminal fails: {0}")]
    Io(std::io::ErrorKind),
}

impl From<std::io::Error> for PromptError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl From<rustix::io::Errno> for PromptError {
    fn from(error: rustix::io::Errno) -> Self {
        std::io::Error::from(error).into()
    }
}

impl From<PromptError> for Refusal {
    fn from(error: PromptError) -> Self {
        let next_step = "give the password with `--password-file FILE` or `--password-env NAME`, \
             or a new one with `--generate-password FILE`";
        let mut refusal = Self::usage("no_password", error.to_string(), next_step);
        if error == PromptError::Interrupted {
            refusal.exit = Exit::Interrupted;
        }
        refusal
    }
}

/// Most bytes of a typed password.
const MOST: usize = 1024;

/// Asks for a password twice on the controlling terminal; standard input may be a pipe. `accept` tells what is
/// wrong with a password, without quoting it; then it is asked for again.
pub fn ask_password(what: &str, accept: impl Fn(&Secret) -> Result<(), String>) -> Result<Secret, PromptError> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
    let terminal = rustix::fs::open("/dev/tty", flags, Mode::empty()).map_err(|_| PromptError::NoTerminal)?;
    ask_on(&File::from(terminal), what, accept)
}

fn ask_on(terminal: &File, what: &str, accept: impl Fn(&Secret) -> Result<(), String>) -> Result<Secret, PromptError> {
    let quiet = Quiet::begin(terminal)?;
    for _ in 0..3 {
        let first = loop {
            let password = quiet.line(&format!("{what} (not shown): "))?;
            match accept(&password) {
                Ok(()) => break password,
                Err(problem) => quiet.say(&format!("{problem}\n"))?,
            }
        };
        let second = quiet.line("the same again: ")?;
        if first.expose() == second.expose() {
            return Ok(first);
        }
        quiet.say("the two are different\n")?;
    }
    Err(PromptError::Different)
}

/// A terminal without echo; dropping it gives the echo back, and then way to a signal that came meanwhile.
struct Quiet<'t> {
    terminal: &'t File,
    before: Termios,
    // Dropped behind the echo.
    held: Held,
}

impl<'t> Quiet<'t> {
    fn begin(terminal: &'t File) -> Result<Self, PromptError> {
        let before = tcgetattr(terminal).map_err(|_| PromptError::NoTerminal)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        modes.local_modes.remove(LocalModes::ISIG | LocalModes::IEXTEN);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        let quiet = Self { terminal, before, held: Held::begin()? };
        // What was typed ahead was echoed, so it is no password.
        tcsetattr(terminal, OptionalActions::Flush, &modes)?;
        Ok(quiet)
    }

    fn say(&self, text: &str) -> Result<(), PromptError> {
        let mut terminal = self.terminal;
        terminal.write_all(text.as_bytes())?;
        Ok(terminal.flush()?)
    }

    fn line(&self, prompt: &str) -> Result<Secret, PromptError> {
        self.say(prompt)?;
        let result = self.read_line();
        // The end of the line was not echoed either.
        self.say("\n")?;
        result
    }

    fn read_line(&self) -> Result<Secret, PromptError> {
        let mut typed = Zeroizing::new(Vec::with_capacity(MOST));
        let mut terminal = self.terminal;
        loop {
            self.wait()?;
            let mut byte = Zeroizing::new([0u8]);
            match terminal.read(&mut *byte) {
                Ok(0) => return Err(PromptError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            match byte[0] {
                b'\r' | b'\n' => break,
                // Ctrl-C and Ctrl-\.
                0x03 | 0x1c => return Err(PromptError::Interrupted),
                // Ctrl-D.
                0x04 if typed.is_empty() => return Err(PromptError::Closed),
                // Backspace takes a whole character.
                0x08 | 0x7f => while typed.pop().is_some_and(|last| last & 0xc0 == 0x80) {},
                // Ctrl-U and Ctrl-W.
                0x15 | 0x17 => typed.clear(),
                control if control < 0x20 => {}
                _ if typed.len() == MOST => return Err(PromptError::Long),
                other => typed.push(other),
            }
        }
        match std::str::from_utf8(&typed) {
            Ok("") => Err(PromptError::Closed),
            Ok(text) => Ok(Secret::from(text.to_owned())),
            Err(_) => Err(PromptError::Text),
        }
    }
}

impl Quiet<'_> {
    /// Returns when there is something to read; a signal ends the wait.
    fn wait(&self) -> Result<(), PromptError> {
        // A signal right before the wait is seen at the next look.
        let pause = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        loop {
            if self.held.caught() {
                return Err(PromptError::Interrupted);
            }
            match poll(&mut [PollFd::new(self.terminal, PollFlags::IN)], Some(&pause)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Nothing is left to try if this fails.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    /// The keyboard's end and the program's end of a terminal.
    fn terminal() -> (File, File) {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).expect("granted");
        unlockpt(&keyboard).expect("unlocked");
        let name = ptsname(&keyboard, Vec::new()).expect("a name");
        let program = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opened");
        (File::from(keyboard), File::from(program))
    }

    fn echoes(terminal: &File) -> bool {
        tcgetattr(terminal).expect("modes").local_modes.contains(LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Types once echo is off; returns the result, everything that was shown, and whether echo is back.
    fn ask(typed: &[u8]) -> (Result<Secret, PromptError>, String, bool) {
        let (mut keyboard, program) = terminal();
        assert!(echoes(&program));
        let asked = std::thread::spawn(move || {
            let accept = |password: &Secret| match password.expose().len() {
                0..4 => Err("too short".to_owned()),
                _ => Ok(()),
            };
            let result = ask_on(&program, "password", accept);
            let back = echoes(&program);
            (result, back, program)
        });
        let mut shown = Vec::new();
        let mut buffer = [0; 256];
        // The first prompt shows that echo is off.
        while !String::from_utf8_lossy(&shown).contains("(not shown): ") {
            let count = keyboard.read(&mut buffer).expect("the prompt");
            shown.extend_from_slice(&buffer[..count]);
        }
        keyboard.write_all(typed).expect("typed");
        let (result, back, program) = asked.join().expect("no panic");
        rustix::io::ioctl_fionbio(&keyboard, true).expect("non-blocking");
        while let Ok(count @ 1..) = keyboard.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..count]);
        }
        drop(program);
        (result, String::from_utf8_lossy(&shown).into_owned(), back)
    }

    #[test]
    fn a_password_is_taken_when_both_are_alike_and_never_echoed() {
        for typed in [
            &b"hunter2\rhunter2\r"[..],
            b"hunter2\nhunter2\n",
            b"xx\x15huntex\x7fr2\rhunter2\r",
            b"hunter2\xc3\xa9\x7f\rhunter2\r",
            b"abc\rhunter2\rhunter2\r",
            b"hunter2\rhunter3\rhunter2\rhunter2\r",
        ] {
            let (result, shown, back) = ask(typed);
            let Ok(password) = result else { panic!("{:?}", result.err()) };
            assert!(password.expose() == "hunter2");
            assert!(!shown.contains("hunter"), "{shown:?}");
            assert!(back);
        }
    }

    #[test]
    fn echo_is_back_after_ctrl_c_and_every_other_end() {
        for (typed, expected) in [
            (&b"hunt\x03"[..], PromptError::Interrupted),
            (b"hunter2\r\x03", PromptError::Interrupted),
            (b"\x04", PromptError::Closed),
            (b"\r", PromptError::Closed),
            (b"aaaa\rb\raaaa\rb\raaaa\rb\r", PromptError::Different),
            (b"\xff\xff\xff\xff\r", PromptError::Text),
            (&[b'x'; MOST + 1][..], PromptError::Long),
        ] {
            let (result, shown, back) = ask(typed);
            assert_eq!(result.err(), Some(expected));
            assert!(back && !shown.contains("hunt"), "{shown:?}");
        }
    }

    #[test]
    fn what_is_no_terminal_is_not_asked() {
        let file = tempfile::tempfile().expect("a file");
        assert_eq!(ask_on(&file, "password", |_| Ok(())).err(), Some(PromptError::NoTerminal));
    }

    #[test]
    fn ctrl_c_at_the_prompt_exits_as_a_signal_does() {
        assert_eq!(Refusal::from(PromptError::Interrupted).exit, Exit::Interrupted);
        assert_eq!(Refusal::from(PromptError::NoTerminal).exit, Exit::Usage);
    }
}
