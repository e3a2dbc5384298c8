//! Where a login's password and user data come from. No option takes a secret as its value.

use super::env::Environment;
use super::secret_file::{self, DATA_LIMIT, FileError, SECRET_LIMIT};
use crate::model::Refusal;
use crate::secret::Secret;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The login options as they were typed.
#[derive(Clone, Debug, Default)]
pub struct LoginOptions {
    /// `--password-file`.
    pub password_file: Option<PathBuf>,
    /// `--password-env`.
    pub password_env: Option<String>,
    /// `--generate-password`.
    pub generate_password: Option<PathBuf>,
    /// `--no-login`.
    pub no_login: bool,
}

/// Where the password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// First line of a file.
    File(PathBuf),
    /// First line of standard input.
    Stdin,
    /// An environment variable.
    Variable(String),
    /// A new one for each server, kept in this file.
    Generate(PathBuf),
    /// `--no-login`.
    NoLogin,
    /// Nothing was said: a key pair, or a question on the terminal.
    Unsaid,
}

impl LoginOptions {
    /// The one source that was named.
    ///
    /// # Errors
    ///
    /// Two of them.
    pub fn source(&self) -> Result<PasswordSource, Refusal> {
        let named = [
            (
                "--password-file",
                self.password_file.as_ref().map(|path| match path.as_os_str() == "-" {
                    true => PasswordSource::Stdin,
                    false => PasswordSource::File(path.clone()),
                }),
            ),
            ("--password-env", self.password_env.clone().map(PasswordSource::Variable)),
            ("--generate-password", self.generate_password.clone().map(PasswordSource::Generate)),
            ("--no-login", self.no_login.then_some(PasswordSource::NoLogin)),
        ];
        let mut named = named.into_iter().filter_map(|(option, source)| Some((option, source?)));
        match (named.next(), named.next()) {
            (None, _) => Ok(PasswordSource::Unsaid),
            (Some((_, source)), None) => Ok(source),
            (Some((first, _)), Some((second, _))) => Err(Refusal::usage(
                "two_logins",
                format!("`{first}` and `{second}` cannot be used together"),
                "keep one of them",
            )),
        }
    }
}

/// Checks that standard input has at most one reader: `(option, whether it reads)`.
pub fn one_stdin_reader(readers: &[(&str, bool)]) -> Result<(), Refusal> {
    let reading: Vec<&str> = readers.iter().filter(|(_, reads)| *reads).map(|(option, _)| *option).collect();
    match reading.as_slice() {
        [] | [_] => Ok(()),
        several => Err(Refusal::usage(
            "stdin_twice",
            format!("standard input cannot serve {} at once", several.join(" and ")),
            "give all but one of them as a file",
        )),
    }
}

/// Standard input, and whether somebody sits at it.
pub struct Stdin<'a> {
    /// Its bytes.
    pub bytes: &'a mut dyn Read,
    /// Whether it is a terminal, which would show what is typed.
    pub is_terminal: bool,
}

impl Stdin<'_> {
    fn text(&mut self, what: &str, limit: usize) -> Result<Secret, Refusal> {
        let refuse = |problem: String, next_step: &str| Refusal::usage("stdin", problem, next_step);
        if self.is_terminal {
            return Err(refuse(
                format!("standard input is a terminal, where the {what} would be shown"),
                "pipe it in, or name a file; a password is asked for without echo if no option names one",
            ));
        }
        let bytes = secret_file::read_limited(&mut *self.bytes, limit).map_err(|error| {
            refuse(format!("the {what} cannot be read from standard input: {}", error.kind()), "pipe it in")
        })?;
        let bytes = bytes
            .ok_or_else(|| refuse(format!("standard input holds more than {limit} bytes"), "check what is piped in"))?;
        match std::str::from_utf8(&bytes) {
            Ok("") => Err(refuse(
                format!("standard input is empty or closed, but the {what} should come from it"),
                "check the command in front of the pipe",
            )),
            Ok(text) => Ok(Secret::from(text.to_owned())),
            Err(_) => Err(refuse("standard input is not UTF-8 text".to_owned(), "check what is piped in")),
        }
    }
}

/// Reads the password that file, standard input or variable hold; `None` for the other sources.
pub fn read_password(
    source: &PasswordSource,
    environment: &Environment,
    mut stdin: Stdin<'_>,
) -> Result<Option<Secret>, Refusal> {
    let password = match source {
        PasswordSource::File(path) => {
            secret_file::read_password(path).map_err(|error| refused("--password-file", &error))?
        }
        PasswordSource::Stdin => {
            let whole = stdin.text("password", SECRET_LIMIT)?;
            match secret_file::first_line(whole.expose()) {
                "" => {
                    return Err(Refusal::usage(
                        "stdin",
                        "the first line of standard input is empty, but the password should be there",
                        "check the command in front of the pipe",
                    ));
                }
                line => Secret::from(line.to_owned()),
            }
        }
        PasswordSource::Variable(name) => variable(name, environment)?,
        PasswordSource::Generate(_) | PasswordSource::NoLogin | PasswordSource::Unsaid => return Ok(None),
    };
    Ok(Some(password))
}

fn variable(name: &str, environment: &Environment) -> Result<Secret, Refusal> {
    // A password in place of a name must not be shown.
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let refuse = |problem: String| {
        Refusal::usage("no_password", problem, "give the name of the variable that holds the password, and set it")
    };
    if !is_name || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(refuse("`--password-env` needs the name of a variable".to_owned()));
    }
    if environment.is_unreadable(name) {
        return Err(refuse("the variable that `--password-env` names is not UTF-8 text".to_owned()));
    }
    let value = environment.get(name);
    // The name may be a password that was pasted: it is not quoted unless there is such a variable.
    value
        .map(|text| Secret::from(text.to_owned()))
        .ok_or_else(|| refuse("the variable that `--password-env` names is not set, or empty".to_owned()))
}

/// Reads `--user-data`: a file of text, or standard input for `-`. The product knows the real limit.
pub fn read_user_data(path: &Path, mut stdin: Stdin<'_>) -> Result<Secret, Refusal> {
    if path.as_os_str() == "-" {
        return stdin.text("user data", DATA_LIMIT);
    }
    secret_file::read_data(path, DATA_LIMIT).map_err(|error| refused("--user-data", &error))
}

fn refused(option: &str, error: &FileError) -> Refusal {
    Refusal::usage("bad_file", format!("`{option}`: {error}"), error.next_step())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    fn read(source: &PasswordSource, stdin: &[u8], is_terminal: bool) -> Result<String, Refusal> {
        let environment = Environment::fake([("PW", "hunter2"), ("EMPTY", "")], None);
        let mut bytes = stdin;
        let stdin = Stdin { bytes: &mut bytes, is_terminal };
        let password = read_password(source, &environment, stdin)?;
        Ok(password.map(|password| password.expose().to_owned()).unwrap_or_default())
    }

    #[test]
    fn two_logins_are_one_too_many() {
        let all = LoginOptions {
            password_file: Some(PathBuf::from("-")),
            password_env: Some("PW".to_owned()),
            generate_password: Some(PathBuf::from("out")),
            no_login: true,
        };
        assert_eq!(LoginOptions::default().source(), Ok(PasswordSource::Unsaid));
        let only = |options: LoginOptions| options.source().expect("one");
        assert_eq!(
            only(LoginOptions { password_file: all.password_file.clone(), ..Default::default() }),
            PasswordSource::Stdin
        );
        assert_eq!(only(LoginOptions { no_login: true, ..Default::default() }), PasswordSource::NoLogin);
        let pairs = [
            LoginOptions { no_login: false, generate_password: None, ..all.clone() },
            LoginOptions { password_file: None, password_env: None, ..all.clone() },
            LoginOptions { generate_password: None, password_env: None, ..all.clone() },
            all,
        ];
        for options in pairs {
            assert_eq!(options.source().expect_err("two").exit, Exit::Usage);
        }
    }

    #[test]
    fn standard_input_serves_one_option() {
        let readers =
            |a, b, c| one_stdin_reader(&[("--instance -", a), ("--password-file -", b), ("--user-data -", c)]);
        assert!(readers(true, false, false).is_ok() && readers(false, false, false).is_ok());
        let refusal = readers(true, false, true).expect_err("two");
        assert!(refusal.message.contains("--instance - and --user-data -"), "{}", refusal.message);
    }

    #[test]
    fn a_piped_password_is_the_first_line() {
        for bytes in [&b"hunter2"[..], b"hunter2\n", b"hunter2\r\nmore"] {
            assert_eq!(read(&PasswordSource::Stdin, bytes, false).expect("read"), "hunter2");
        }
    }

    #[test]
    fn an_empty_closed_or_visible_standard_input_is_named() {
        for (bytes, is_terminal, says) in [
            (&b""[..], false, "empty or closed"),
            (b"\nhunter2", false, "first line of standard input is empty"),
            (b"hunter2\xff", false, "not UTF-8"),
            (b"hunter2\n", true, "is a terminal"),
            (&[b'x'; SECRET_LIMIT + 1][..], false, "more than 65536 bytes"),
        ] {
            let refusal = read(&PasswordSource::Stdin, bytes, is_terminal).expect_err(says);
            assert!(refusal.message.contains(says) && !format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
        }
        struct Closed;
        impl Read for Closed {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from_raw_os_error(9))
            }
        }
        let stdin = Stdin { bytes: &mut Closed, is_terminal: false };
        assert!(read_password(&PasswordSource::Stdin, &Environment::default(), stdin).is_err());
    }

    #[test]
    fn a_variable_gives_the_password_or_a_fault_without_quoting_what_was_pasted() {
        let of = |name: &str| read(&PasswordSource::Variable(name.to_owned()), b"", false);
        assert_eq!(of("PW").expect("read"), "hunter2");
        for name in ["EMPTY", "UNSET", "", "1A", "Pasted-Passw0rd!", "PastedPassw0rd"] {
            let refusal = of(name).expect_err(name);
            assert!(!format!("{refusal:?}").contains("Passw0rd"), "{refusal:?}");
            assert_eq!(refusal.exit, Exit::Usage);
        }
    }

    #[test]
    fn other_sources_are_not_read_here() {
        for source in [PasswordSource::Generate(PathBuf::from("x")), PasswordSource::NoLogin, PasswordSource::Unsaid] {
            assert_eq!(read(&source, b"hunter2", false).expect("nothing"), "");
        }
    }

    #[test]
    fn user_data_keeps_every_byte_of_its_text() {
        let script = "#!/bin/sh\r\necho\n\n";
        let mut bytes = script.as_bytes();
        let stdin = Stdin { bytes: &mut bytes, is_terminal: false };
        let Ok(data) = read_user_data(Path::new("-"), stdin) else { panic!("refused") };
        assert!(data.expose() == script);
    }
}
