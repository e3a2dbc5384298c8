//! A run: plan, order, watch. [`machine`] decides, [`driver`] carries out, [`recorder`] remembers and tells.

mod again;
mod arrange;
pub mod driver;
pub mod evidence;
mod hold;
pub mod machine;
pub mod passwords;
pub mod plan;
pub mod policy;
mod power;
pub mod recorder;
pub mod resume;
pub mod rivals;
pub mod target;
mod watch;

#[cfg(test)]
mod tests;
