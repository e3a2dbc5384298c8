//! Passwords that a provider makes up and tells once, in its answer to the order: what is said where one was lost.

use super::machine::{Action, Lane, Machine};
use super::target::Target;
use crate::clock::Now;
use crate::model::{ApiError, Verdict, What};

/// The error beside a good verdict whose new system nobody can log in to. The word is part of the report.
pub const KIND: &str = "password_unknown";

impl Machine {
    /// Passwords that came and could not be kept: each is told of, and no further order may make one that is lost as
    /// well.
    pub(super) fn passwords_lost(&mut self, now: Now, lost: Vec<(usize, String)>) {
        if lost.is_empty() {
            return;
        }
        for (index, why) in lost {
            let id = self.targets[index].id();
            let message = format!("the password that the provider made up for {id} is lost: {why}");
            self.targets[index].password_lost = Some(why);
            self.actions.push(Action::Record(Some(index), What::Notice { message }));
        }
        self.halt(now, "a password that the provider made up could not be written to its file".to_owned());
    }
}

/// What a server that ended well is told with if its made-up password is not known.
pub(super) fn unknown(target: &Target, lane: &Lane, verdict: Verdict) -> Option<ApiError> {
    let step = lane.new_password.filter(|_| matches!(verdict, Verdict::Succeeded | Verdict::Accepted))?;
    let (why, unless) = match &target.password_lost {
        Some(why) => (format!("the root password is not known: {why}"), ""),
        None if target.maybe && !target.accepted => (
            "the root password is not known: the answer to the order that carried it was lost".to_owned(),
            "if its file has no line for this server, ",
        ),
        None => return None,
    };
    Some(ApiError::local(KIND, why).advise(format!("{unless}set another one: {step}")))
}
