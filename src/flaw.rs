//! Deliberate mistakes in the core, so that the simulation can be shown to find them.
//!
//! Outside the unit tests there is none: [`is`] is a constant there, and the branches behind it are not compiled.

/// A mistake that a core of this kind could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A connection that broke counts as "nothing was sent".
    ResendOnReset,
    /// A good status counts, also the one from before the order.
    OldRunningCounts,
    /// The intent is not written before the order leaves.
    NoIntentRecord,
    /// A server whose look fails is dropped.
    DropOnPollError,
    /// One permit serves for a second order.
    ReusePermit,
    /// A permit does not run out.
    PermitForEver,
    /// After a resume an order without an outcome counts as unsent.
    ForgetIntent,
    /// The first look at an end is believed.
    OneReadIsEnough,
    /// An order leaves although the call before it failed.
    OrderUnarranged,
    /// Orders go on after a signal and without a journal.
    OrderAfterHalt,
}

/// Whether the core of this thread has the flaw.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn is(_: Flaw) -> bool {
    false
}

#[cfg(test)]
pub(crate) use planted::{is, plant};

#[cfg(test)]
mod planted {
    use super::Flaw;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Flaw>> = const { Cell::new(None) };
    }

    pub(crate) fn is(flaw: Flaw) -> bool {
        PLANTED.get() == Some(flaw)
    }

    /// Gives this thread's core the flaw, or none.
    pub(crate) fn plant(flaw: Option<Flaw>) {
        PLANTED.set(flaw);
    }
}
