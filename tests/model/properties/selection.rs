//! The list of servers on standard input.

use reinstall::config::selection::{instances, reads_stdin};
use reinstall::model::Ref;
use std::collections::HashSet;

/// A list selects what it names, each once, or nothing at all; written down and read again it selects the same.
pub(crate) fn check(bytes: &[u8]) {
    let given = ["-".to_owned()];
    assert!(reads_stdin(&given));
    let chosen = match instances(&given, bytes) {
        Ok(chosen) => chosen,
        Err(refusal) => {
            assert!(!refusal.message.is_empty() && !refusal.next_step.is_empty(), "{refusal:?}");
            return;
        }
    };
    assert!(!chosen.is_empty(), "nothing never means all");
    let text = std::str::from_utf8(bytes).expect("other bytes are refused");
    assert!(chosen.len() <= text.lines().count(), "{chosen:?}");
    assert_eq!(chosen.iter().collect::<HashSet<_>>().len(), chosen.len(), "each once");
    for reference in &chosen {
        if let Ref::Id(id) = reference {
            assert!(text.contains(id.as_str()), "{id} was not named");
        }
    }
    let written: String = chosen.iter().map(|reference| format!("{reference}\n")).collect();
    assert_eq!(instances(&given, written.as_bytes()).expect("it is a list"), chosen);
}
