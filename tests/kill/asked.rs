//! One case again: a failure names itself as `./check kill FLEET FAMILY NUMBER`, and that call takes it alone.

use crate::bench::Fleet;

/// A variable that `./check kill` sets.
#[expect(clippy::disallowed_methods, reason = "what `./check kill` was asked for reaches the tests this way")]
fn asked(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The call that takes this case alone.
pub(crate) fn repeat(fleet: Fleet, family: &str, number: usize) -> String {
    format!("./check kill {} {family} {number}", fleet.provider)
}

/// Whether cases of such a family are asked for.
pub(crate) fn family(family: &str) -> bool {
    asked("KILL_FAMILY").is_none_or(|asked| asked == family)
}

/// Whether cases of this fleet are asked for.
pub(crate) fn fleet(fleet: Fleet) -> bool {
    asked("KILL_FLEET").is_none_or(|asked| asked == fleet.provider)
}

/// The number that is asked for, if it is one alone.
pub(crate) fn number() -> Option<usize> {
    asked("KILL_NUMBER").map(|number| number.parse().expect("the number of a case"))
}

/// Whether this case is asked for.
pub(crate) fn case(of: Fleet, kind: &str, at: usize) -> bool {
    fleet(of) && family(kind) && number().is_none_or(|asked| asked == at)
}

/// Whether a family whose name is like this is asked for.
pub(crate) fn family_like(like: impl Fn(&str) -> bool) -> bool {
    asked("KILL_FAMILY").is_none_or(|asked| like(&asked))
}
