//! Everything at once, in no time at all: the real planner, engine, products, journal and claims over a seeded
//! clock, network, disk and cloud, with every fault at every moment, kills and resumes, and a second operator.
//!
//! One number, the seed, makes one schedule, and the same seed makes the same schedule. An [`oracle`] that sees
//! the truth of the cloud holds what the program did and said against it. `./simulate` runs the long form.

mod campaign;
mod cloud;
mod cosmos;
mod disk;
mod network;
mod operator;
mod oracle;
mod schedule;
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// State that a simulation's parts share; the lock is never contended, since one thread runs one schedule.
type Shared<T> = Arc<Mutex<T>>;

fn shared<T>(value: T) -> Shared<T> {
    Arc::new(Mutex::new(value))
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that is killed: nothing of it runs after this.
struct Killed;

/// Kills the process that runs now, at this very instruction.
fn die() -> ! {
    std::panic::resume_unwind(Box::new(Killed))
}
