//! The question before anything is wiped.

use super::session::Session;
use crate::model::Record;
use crate::report::text::clean;
use std::io::BufRead;

/// What came of the question.
pub(super) enum Answer {
    /// Yes.
    Yes,
    /// No, and why.
    No(&'static str),
}

/// Asks for the server's name, or for the number of servers: an answer that nobody types by habit.
pub(super) fn confirm(session: &Session, servers: &[&Record]) -> Answer {
    if !session.may_ask() {
        return Answer::No("there is no terminal to ask on, and `--yes` was not given");
    }
    let wanted = match servers {
        [one] => one.name.clone().unwrap_or_else(|| one.id.to_string()),
        several => several.len().to_string(),
    };
    let question = match servers.len() {
        1 => format!("Type the server's name ({}) to reinstall it: ", clean(&wanted)),
        count => format!("Type the number of servers ({count}) to reinstall them: "),
    };
    if session.out.stderr.all(question.as_bytes()).is_err() {
        return Answer::No("the question cannot be shown");
    }
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => Answer::No("standard input is closed"),
        Ok(_) if line.trim() == clean(&wanted).trim() => Answer::Yes,
        Ok(_) => Answer::No("the answer was another one"),
    }
}
