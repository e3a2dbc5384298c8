//! The rules: sentences with a function. No product is named here; differences come from its facts.

pub(crate) mod answers;
pub(crate) mod arrange;
pub(crate) mod flow;
pub(crate) mod looks;
pub(crate) mod orders;
pub(crate) mod power;
pub(crate) mod sending;
pub(crate) mod wishes;
