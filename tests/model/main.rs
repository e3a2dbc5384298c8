//! Properties: what holds for any input, not for the examples that somebody thought of.

mod canonical;
mod cases;
mod classify;
mod evidence;
mod fuzzed;
mod journal;
mod pace;
mod passwords;
mod properties;
mod sender;
mod text;
