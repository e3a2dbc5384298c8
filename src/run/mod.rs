//! A run: plan, order, watch. [`machine`] decides; the driver carries out.

pub mod evidence;
pub mod machine;
pub mod policy;
pub mod target;
mod watch;
