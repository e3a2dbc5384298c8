//! The words of the program: servers, orders, verdicts, events. No input or output happens here.

mod event;
mod exit;
mod fault;
mod guard;
mod ids;
mod order;
mod password;
mod server;
mod verdict;

pub use event::{Event, PlannedTarget, RunHead, What};
pub use exit::Exit;
pub use fault::{ApiError, FaultClass, ReadFault, Refusal};
pub use guard::{Allow, Guard, Rule, RuleKey};
pub use ids::{BadId, RunId, ServerId};
pub use order::{
    Choice, Expectation, FieldValue, Keep, LoginWish, Order, OrderSecrets, PowerOff, PowerOn, PowerPlan, Prepared, Wish,
};
pub use password::{PasswordFault, PasswordRule};
pub use server::{BadRef, HandleState, Image, KeyPair, Observation, Operation, Phase, Record, Ref, Seen, Watch};
pub use verdict::{Counts, Verdict};
