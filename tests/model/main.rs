//! Properties: what holds for any input, not for the examples that somebody thought of.

mod canonical;
mod classify;
mod evidence;
mod journal;
mod pace;
mod passwords;
mod products;
mod text;
