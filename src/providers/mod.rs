//! The registry of products, and what a product must be able to say.
//!
//! A product reads through [`Api`], which cannot change anything, and describes each change as data: a
//! [`WireRequest`] that only the engine sends. So the rule "never twice" has one home.

mod access;
#[cfg(test)]
pub(crate) mod bench;
pub mod hetzner;
pub mod huawei;
pub mod jdcloud;
pub mod openstack;
pub mod zenlayer;

pub use access::{Found, SetupError, Sources, address};

use crate::model::{
    ApiError, FaultClass, Image, KeyPair, Observation, Order, OrderSecrets, PasswordRule, PowerOff, Prepared, Record,
    Ref, Refusal, Seen, ServerId, Watch, Wish,
};
use crate::sandbox::Emulator;
use crate::secret::Secret;
use crate::sign::Stages;
use crate::wire::{Api, Login, Reading, Stamp, WireRequest, WireResponse};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use url::Url;

/// A vendor: its products share credentials, signer and sandbox.
pub struct Vendor {
    /// Name of the folder, of the family and of the section in the configuration file.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Its products.
    pub products: &'static [Entry],
    /// Settings and credentials it reads: (name, meaning), our own variables first.
    pub variables: &'static [(&'static str, &'static str)],
    /// Signs any request, for `reinstall sign`; `None` where the credentials are a token.
    pub sign: SignFn,
    /// Its part of the sandbox.
    pub emulator: fn() -> Box<dyn Emulator>,
}

/// Signs a request with credentials from the sources and returns every stage; the request then carries all headers.
pub type SignFn = fn(&dyn Sources, &mut WireRequest, &Stamp, SignScope<'_>) -> Result<Option<Stages>, SetupError>;

/// What `reinstall sign` may say of a scope, for schemes that have one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignScope<'a> {
    /// Region.
    pub region: Option<&'a str>,
    /// Service.
    pub service: Option<&'a str>,
}

/// Makes a product from settings and credentials.
pub type BuildFn = fn(&dyn Sources) -> Result<Box<dyn Product>, SetupError>;

/// Every vendor. A new one is its folder, its `mod` line above and its line here.
pub static VENDORS: &[&Vendor] =
    &[&jdcloud::VENDOR, &zenlayer::VENDOR, &huawei::VENDOR, &openstack::VENDOR, &hetzner::VENDOR];

/// All products, in the order of the registry.
pub fn entries() -> impl Iterator<Item = (&'static Vendor, &'static Entry)> {
    VENDORS.iter().flat_map(|vendor| vendor.products.iter().map(move |entry| (*vendor, entry)))
}

/// What is known of a product before anything is read.
pub struct Entry {
    /// What `--provider` takes.
    pub id: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// One line for people.
    pub about: &'static str,
    /// Limits and rules.
    pub facts: Facts,
    /// Fields of the reinstall call that `--set` takes.
    pub fields: &'static [Field],
    /// Makes the product from settings and credentials; reads no network.
    pub build: BuildFn,
}

/// Limits and rules of a product, as data for checks, help and documentation.
pub struct Facts {
    /// Servers in one reinstall call, as the program sends them by default.
    pub order_batch: usize,
    /// Servers in one read.
    pub observe_batch: usize,
    /// Reads and orders a second that the program allows itself.
    pub rate: u32,
    /// `--timeout` when none is given.
    pub timeout: Duration,
    /// The state that a server must be in, for tables.
    pub must_be: &'static str,
    /// Which logins it takes.
    pub login: LoginFacts,
    /// The password's rule.
    pub password: PasswordRule,
    /// Whether it takes a host name.
    pub hostname: bool,
    /// Most bytes of user data before encoding; `None` where it takes none.
    pub user_data: Option<usize>,
    /// Whether `--keep-data` and `--wipe-data` mean something.
    pub keep_data: bool,
    /// How long a repeated idempotency token is safe; `None` where there is no such token.
    pub token_door: Option<Duration>,
}

/// Which logins a product takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginFacts {
    /// Takes a password.
    pub password: bool,
    /// Takes a key pair.
    pub key: bool,
    /// Needs the password even beside a key pair.
    pub password_always: bool,
    /// Can go without either: `--no-login`.
    pub none: bool,
    /// Takes no password of ours: the provider makes one up and its answer to the order carries it.
    pub returned: bool,
}

/// One field for `--set`.
pub struct Field {
    /// The provider's documented name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// One line for people.
    pub help: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// Text that mostly has several lines: a value or `@file`.
    Lines,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A JSON object or list.
    Json,
    /// Text that is never shown: only `@file`, never a value on the command line.
    Secret,
}

/// Whether a server may be reinstalled from the state it is in.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// Yes.
    Go,
    /// Yes, once the program has stopped it.
    StopFirst,
    /// Yes; the reinstall call stops it.
    StoppedByOrder,
    /// No: something is under way. The text names it.
    Busy(String),
    /// No.
    No(Refusal),
}

/// What a successful answer to an order says of one server.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Taken; the job, task or action, where one is named.
    Accepted {
        /// Its id.
        ticket: Option<String>,
    },
    /// HTTP says yes, the document says no: rejected after one confirming read.
    NotSuccessful(ApiError),
    /// Neither: unreadable, or this server is not named in it. It may have been taken.
    Unclear(ApiError),
}

/// A future that does not fail.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One product of one vendor, ready to be asked.
pub trait Product: Send + Sync {
    /// Its line in the registry.
    fn entry(&self) -> &'static Entry;
    /// Who is calling.
    fn login(&self) -> &dyn Login;
    /// The address that orders go to.
    fn endpoint(&self) -> &Url;
    /// The region, where the product has one.
    fn region(&self) -> Option<&str>;
    /// Who pays, for plan and report: the id of the access key or the user's name. Never a secret.
    fn account(&self) -> String;
    /// Each setting and credential with its origin (`HOME`-relative file, variable): never its value if secret.
    fn origins(&self) -> Vec<(&'static str, String)>;

    /// Certificate authorities of the provider's own, as PEM: trusted beside those of the machine, for this product.
    fn authorities(&self) -> Option<&Found> {
        None
    }

    /// Settles what later calls need (project, user): called once, before anything else.
    fn connect<'a>(&'a self, _api: &'a dyn Api) -> Reading<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Reads every server that one of the references may mean; unknown ones are simply absent.
    /// The caller compares exactly. `refs` is never empty.
    fn find<'a>(&'a self, api: &'a dyn Api, refs: &'a [Ref]) -> Reading<'a, Vec<Record>>;
    /// Reads all servers, every page.
    fn list<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<Record>>;
    /// Reads the images that can be installed: on this server, or on any.
    fn images<'a>(&'a self, api: &'a dyn Api, server: Option<&'a Record>) -> Reading<'a, Vec<Image>>;
    /// Reads the key pairs, every page.
    fn keys<'a>(&'a self, api: &'a dyn Api) -> Reading<'a, Vec<KeyPair>>;

    /// Checks what can be checked without a read, beyond what [`Facts`] already say.
    fn check(&self, _wish: &Wish, _secrets: &OrderSecrets) -> Result<(), Refusal> {
        Ok(())
    }

    /// Tells whether a server in this state may be reinstalled, and what must happen to its power.
    fn admit(&self, seen: &Observation, wish: &Wish) -> Admission;

    /// Settles image, key and every required field for one server, with reads where they are needed.
    /// `power` is what [`Product::admit`] said of the record.
    fn prepare<'a>(
        &'a self,
        api: &'a dyn Api,
        record: Record,
        power: crate::model::PowerPlan,
        wish: &'a Wish,
    ) -> Answering<'a, Result<Prepared, Refusal>>;

    /// Looks at servers: one entry for each that was asked for, once each; what the answer does not know is
    /// [`Seen::Absent`], what it garbles is [`Seen::Fault`]. `watches` is never empty.
    fn observe<'a>(&'a self, api: &'a dyn Api, watches: &'a [Watch]) -> Answering<'a, Vec<(ServerId, Seen)>>;

    /// Builds the call that must have been carried out before the order, where an order takes what it installs from
    /// the server's own record; `None` for all others. It destroys nothing and may come twice: the engine sends it
    /// before it issues a permit, and the order leaves only after a clear yes.
    fn arrange(&self, _server: &Prepared) -> Option<WireRequest> {
        None
    }
    /// Reads a 2xx answer to [`Product::arrange`] in which [`Product::fault`] saw no fault.
    fn judge_arranged(&self, _server: &Prepared, _answer: &WireResponse) -> Result<(), ApiError> {
        Ok(())
    }

    /// Builds the reinstall call. Pure: the same order gives the same bytes.
    fn order(&self, order: &Order<'_>) -> WireRequest;
    /// Reads a 2xx answer in which [`Product::fault`] saw no fault: exactly one judgement per id.
    fn judge(&self, ids: &[ServerId], answer: &WireResponse) -> Vec<(ServerId, Judgement)>;

    /// The password that the provider made up for this server, out of the answer to an order that it took. It goes
    /// to the file of `--generate-password`, and nowhere else.
    fn returned(&self, _id: &ServerId, _answer: &WireResponse) -> Option<Secret> {
        None
    }

    /// How a person sets a new password where the one that the provider made up was lost; `None` where it makes up none.
    fn new_password(&self) -> Option<&'static str> {
        None
    }

    /// Builds the call that powers a server off; `None` where the product never needs one.
    fn stop(&self, server: &Prepared, mode: PowerOff, secrets: &OrderSecrets) -> Option<WireRequest>;
    /// Builds the call that powers a server on.
    fn start(&self, server: &Prepared, secrets: &OrderSecrets) -> Option<WireRequest>;
    /// Reads a 2xx answer to a power call in which [`Product::fault`] saw no fault.
    fn judge_power(&self, id: &ServerId, answer: &WireResponse) -> Result<(), ApiError>;

    /// Reads the provider's error, if the answer is one in the provider's own format. `None` for a good
    /// answer, and for anything that is not this provider speaking (HTML, bare text).
    fn fault(&self, answer: &WireResponse) -> Option<(FaultClass, ApiError)>;
    /// Whether an answer of 500 and above to an order proves all the same that nothing was carried out, so that its
    /// [`Product::fault`] is a refusal. Only for words that can have no other cause.
    fn proves_refusal(&self, _answer: &WireResponse) -> bool {
        false
    }
    /// The provider's id of the request, for support.
    fn request_id(&self, answer: &WireResponse) -> Option<String>;

    /// How long the next request should wait although this answer is good, where its headers tell that the
    /// allowance of requests is nearly used.
    fn pause(&self, _answer: &WireResponse) -> Option<Duration> {
        None
    }
}
