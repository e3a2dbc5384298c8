//! The secrets of a run: where they come from, and which server gets which.

use super::args::{SecretArgs, VerbArgs};
use super::error::CliError;
use super::execute::Job;
use super::session::{Line, Session};
use crate::config::passwords::{self, LoginOptions, PasswordSource, Stdin};
use crate::config::{PasswordBook, PromptError, ask_password, selection};
use crate::model::{Exit, Keep, OrderSecrets, PasswordRule, Refusal, RunId, ServerId};
use crate::providers::Entry;
use crate::run::target::Stage;
use crate::secret::{Secret, SharedSecret};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Where each server's password comes from.
enum Password {
    None,
    /// One for all.
    One(SharedSecret, &'static str),
    /// A new one for each, written to the book before its order.
    Generated(Arc<Mutex<PasswordBook>>, PathBuf),
}

/// Password and user data of a run.
pub(super) struct Logins {
    password: Password,
    user_data: Option<SharedSecret>,
    key: Option<String>,
    no_login: bool,
}

/// Secret fields by lane.
pub(super) type SecretFields = BTreeMap<String, SharedSecret>;

/// Reads every secret that the options name, and asks for a password where one is needed and somebody can answer.
pub(super) fn gather(
    session: &Session,
    verb: &VerbArgs,
    instances: &[String],
    entries: &[&Entry],
) -> Result<Logins, CliError> {
    let mut logins = read(session, &verb.secrets, verb.no_login, selection::reads_stdin(instances))?;
    logins.key.clone_from(&verb.ssh_key);
    let has_password = logins.password();
    let always = entries.iter().any(|entry| entry.facts.login.password_always);
    let takes = entries.iter().any(|entry| entry.facts.login.password);
    let needed = takes && !has_password && !verb.no_login && (always || verb.ssh_key.is_none());
    if needed && session.may_ask() {
        let rules: Vec<PasswordRule> = entries.iter().map(|entry| entry.facts.password).collect();
        let accept = |password: &Secret| {
            rules.iter().try_for_each(|rule| rule.check(password)).map_err(|fault| fault.to_string())
        };
        let password = ask_password("Password for the new system", accept).map_err(asked)?;
        logins.password = Password::One(password.shared(), "typed");
    }
    Ok(logins)
}

/// Refuses `--password`, whatever stands behind it.
pub(super) fn no_password_option(args: &SecretArgs) -> Result<(), CliError> {
    match args.password {
        None => Ok(()),
        Some(_) => Err(CliError::usage(
            "`--password` takes no password: the process list and the shell's history would show it",
            "use `--password-file`, `--password-env`, `--generate-password`, or answer the question",
        )),
    }
}

/// The secrets that `resume` is given again.
pub(super) fn read(
    session: &Session,
    args: &SecretArgs,
    no_login: bool,
    instances_from_stdin: bool,
) -> Result<Logins, CliError> {
    no_password_option(args)?;
    let options = LoginOptions {
        password_file: args.password_file.clone().map(PathBuf::from),
        password_env: args.password_env.clone(),
        generate_password: args.generate_password.clone(),
        no_login,
    };
    let source = options.source()?;
    let data_from_stdin = args.user_data.as_deref() == Some("-");
    passwords::one_stdin_reader(&[
        ("--instance -", instances_from_stdin),
        ("--password-file -", source == PasswordSource::Stdin),
        ("--user-data -", data_from_stdin),
    ])?;
    let terminal = std::io::stdin().is_terminal();
    let mut input = std::io::stdin();
    let one =
        passwords::read_password(&source, &session.environment, Stdin { bytes: &mut input, is_terminal: terminal })?;
    let password = match (source, one) {
        (PasswordSource::Variable(_), Some(password)) => Password::One(password.shared(), "from --password-env"),
        (PasswordSource::Stdin, Some(password)) => Password::One(password.shared(), "from standard input"),
        (_, Some(password)) => Password::One(password.shared(), "from --password-file"),
        (PasswordSource::Generate(path), None) => {
            let book = PasswordBook::open(&path).map_err(|error| CliError::usage(&error, error.next_step()))?;
            Password::Generated(Arc::new(Mutex::new(book)), path)
        }
        (_, None) => Password::None,
    };
    let user_data = match &args.user_data {
        Some(path) => {
            let mut input = std::io::stdin();
            let stdin = Stdin { bytes: &mut input, is_terminal: terminal };
            Some(passwords::read_user_data(&PathBuf::from(path), stdin)?.shared())
        }
        None => None,
    };
    Ok(Logins { password, user_data, key: None, no_login })
}

/// Why there is no answer to the question for a password.
pub(super) fn asked(error: PromptError) -> CliError {
    let exit = match error {
        PromptError::Interrupted => Exit::Interrupted,
        _ => Exit::Usage,
    };
    CliError::new(exit, error, "nothing was sent")
}

/// Writes passwords that a provider made up into the book.
struct Returned {
    book: Arc<Mutex<PasswordBook>>,
    run: RunId,
    product: &'static str,
}

impl Keep for Returned {
    fn keep(&self, id: &ServerId, password: &Secret) -> Result<(), String> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.append(&self.run, self.product, id, password).map_err(|error| error.to_string())
    }
}

impl Logins {
    /// Whether passwords are written to a file, whoever makes them.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.password, Password::Generated(..))
    }

    /// Whether the orders carry a password.
    pub(super) fn password(&self) -> bool {
        !matches!(self.password, Password::None)
    }

    /// Whether the orders carry user data.
    pub(super) fn user_data(&self) -> bool {
        self.user_data.is_some()
    }

    /// The same with this password for all.
    #[must_use]
    pub(super) fn with_password(self, password: Secret) -> Self {
        Self { password: Password::One(password.shared(), "typed"), ..self }
    }

    /// Bytes of the user data.
    pub(super) fn user_data_size(&self) -> usize {
        self.user_data.as_ref().map_or(0, |data| data.expose().len())
    }

    /// Checks the one password against a product's rule; generated ones fit by their making.
    pub(super) fn check(&self, rule: &PasswordRule) -> Result<(), Refusal> {
        let Password::One(password, _) = &self.password else { return Ok(()) };
        rule.check(password).map_err(|fault| {
            Refusal::usage("password_rule", fault.to_string(), "choose another password, or use `--generate-password`")
        })
    }

    /// The line of the plan for these products.
    pub(super) fn shown(&self, entries: &[&Entry]) -> String {
        let mut parts = Vec::new();
        let returns = |entry: &&&Entry| entry.facts.login.returned;
        match &self.password {
            Password::None => {}
            Password::One(_, from) => parts.push(format!("password {from}")),
            Password::Generated(_, path) => {
                let path = path.display();
                if entries.iter().any(|entry| !returns(&entry)) {
                    parts.push(format!("a new password for each server, written to {path}"));
                }
                let makers: Vec<&str> = entries.iter().filter(returns).map(|entry| entry.id).collect();
                if !makers.is_empty() {
                    let makers = makers.join(", ");
                    parts
                        .push(format!("{makers} makes up the password of each server that has one, written to {path}"));
                }
            }
        }
        parts.extend(self.key.as_ref().map(|key| format!("key pair {key}")));
        if self.no_login {
            parts.push("none (--no-login)".to_owned());
        }
        if self.user_data.is_some() {
            parts.push(format!("user data of {} bytes", self.user_data_size()));
        }
        if parts.is_empty() { "none given".to_owned() } else { parts.join(", ") }
    }

    /// Secrets as some server would get them: for local checks and dry runs. A generated password is stood in for.
    pub(super) fn sample(&self, fields: &SecretFields, rule: &PasswordRule) -> OrderSecrets {
        let password = match &self.password {
            Password::None => None,
            Password::One(password, _) => Some(password.clone()),
            Password::Generated(..) => Some(rule.generate().shared()),
        };
        OrderSecrets { password, user_data: self.user_data.clone(), fields: fields.clone(), keep: None }
    }

    /// Gives each server of the job its secrets. Servers with the same secrets share a group; a generated password
    /// is on stable storage before this returns.
    pub(super) fn fill(&self, job: &mut Job, lines: &[Line], fields: &[SecretFields]) -> Result<(), CliError> {
        if let Password::Generated(book, _) = &self.password {
            let awaited = job.targets.iter().filter(|target| {
                lines[target.lane].entry.facts.login.returned && target.verdict.is_none() && !target.ordered()
            });
            let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
            book.reserve(awaited.count())
                .map_err(|error| CliError::new(Exit::OutputLost, &error, "nothing was sent; name another file"))?;
        }
        let mut groups: BTreeMap<usize, usize> = BTreeMap::new();
        for target in &mut job.targets {
            let lane = target.lane;
            let entry = lines[lane].entry;
            // What was ordered before has its password already: a new one in the book would be a wrong one.
            if let (Password::Generated(book, _), true) = (&self.password, entry.facts.login.returned) {
                let keep: Arc<dyn Keep> =
                    Arc::new(Returned { book: book.clone(), run: job.run.clone(), product: entry.id });
                let group = *groups.entry(lane).or_insert_with(|| {
                    let sample = self.sample(&fields[lane], &entry.facts.password);
                    job.secrets.push(OrderSecrets { password: None, keep: Some(keep), ..sample });
                    job.secrets.len() - 1
                });
                target.secrets = group;
                continue;
            }
            if let (Password::Generated(book, _), Stage::Queued) = (&self.password, &target.stage) {
                let password = entry.facts.password.generate();
                let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                book.append(&job.run, entry.id, &target.prepared.record.id, &password)
                    .map_err(|error| CliError::new(Exit::OutputLost, &error, "nothing was sent; name another file"))?;
                target.secrets = job.secrets.len();
                let password = Some(password.shared());
                job.secrets.push(OrderSecrets {
                    password,
                    user_data: self.user_data.clone(),
                    fields: fields[lane].clone(),
                    keep: None,
                });
                continue;
            }
            let sample = || self.sample(&fields[lane], &entry.facts.password);
            let group = *groups.entry(lane).or_insert_with(|| {
                job.secrets.push(sample());
                job.secrets.len() - 1
            });
            target.secrets = group;
        }
        Ok(())
    }
}
