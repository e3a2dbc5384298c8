//! Which servers: `--instance`, `--expect` and `--expect-count`. Nothing ever means "all".

use super::suggest::{did_you_mean, listed, nearest};
use super::values;
use crate::model::{Expectation, Ref, Refusal};
use std::collections::HashSet;
use std::io::Read;

/// Most bytes of a list on standard input: 16 MiB.
const LIST_LIMIT: usize = 16 * 1024 * 1024;

/// Keys of `--expect`.
pub const EXPECT_KEYS: [&str; 4] = ["name", "ip", "image", "status"];

/// Whether the list is read from standard input.
pub fn reads_stdin(given: &[String]) -> bool {
    given.iter().flat_map(|text| text.split(',')).any(|part| part.trim() == "-")
}

/// Reads the references of all `--instance` options in their order, each once.
///
/// Commas separate references on the command line; on standard input there is one a line, blank lines and lines
/// that begin with `#` are skipped.
///
/// # Errors
///
/// An empty selection, an empty place in a list (an unset shell variable leaves one), a text that is no reference.
pub fn instances(given: &[String], stdin: impl Read) -> Result<Vec<Ref>, Refusal> {
    let mut stdin = Some(stdin);
    let mut chosen = Chosen::default();
    for text in given {
        for part in text.split(',').map(str::trim) {
            match part {
                "" => {
                    return Err(Refusal::usage(
                        "empty_instance",
                        "`--instance` has an empty place",
                        "remove the comma too many, or check the variable that should have filled it",
                    ));
                }
                "-" => match stdin.take() {
                    Some(source) => chosen.lines(source)?,
                    None => {
                        return Err(Refusal::usage(
                            "stdin_twice",
                            "`--instance -` stands there twice",
                            "standard input can be read once: keep one",
                        ));
                    }
                },
                _ => chosen.push(part, || "`--instance`".to_owned())?,
            }
        }
    }
    if chosen.order.is_empty() {
        return Err(Refusal::usage(
            "empty_selection",
            "no server is selected",
            "name at least one with `--instance`; nothing ever means all",
        ));
    }
    Ok(chosen.order)
}

#[derive(Default)]
struct Chosen {
    order: Vec<Ref>,
    seen: HashSet<Ref>,
}

impl Chosen {
    fn push(&mut self, text: &str, place: impl Fn() -> String) -> Result<(), Refusal> {
        let reference: Ref = text.parse().map_err(|bad| {
            Refusal::usage("bad_instance", format!("{}: {bad}", place()), "write an id, `name=NAME` or `ip=ADDRESS`")
        })?;
        if self.seen.insert(reference.clone()) {
            self.order.push(reference);
        }
        Ok(())
    }

    fn lines(&mut self, stdin: impl Read) -> Result<(), Refusal> {
        let mut bytes = Vec::new();
        stdin.take(LIST_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(|error| {
            Refusal::usage(
                "stdin",
                format!("standard input cannot be read: {}", error.kind()),
                "connect it to a file or a pipe, or name the servers with `--instance`",
            )
        })?;
        if bytes.len() > LIST_LIMIT {
            return Err(Refusal::usage("stdin", "standard input holds more than 16 MiB", "check what is piped in"));
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Refusal::usage("stdin", "standard input is not UTF-8 text", "check what is piped in"))?;
        let before = self.order.len();
        let mut any = false;
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            any = true;
            self.push(line, || format!("standard input, line {}", number + 1))?;
        }
        // The program in front of the pipe may have failed: going on with the rest would hide it.
        if !any && self.order.len() == before {
            return Err(Refusal::usage(
                "empty_selection",
                "standard input names no server",
                "check the command in front of the pipe",
            ));
        }
        Ok(())
    }
}

/// Reads all `--expect KEY=VALUE`.
pub fn expectations(given: &[String]) -> Result<Vec<Expectation>, Refusal> {
    let mut expectations: Vec<Expectation> = Vec::new();
    for text in given {
        let bad = |message: String| {
            let next_step = format!("write `--expect KEY=VALUE` with one of {}", listed(EXPECT_KEYS));
            Refusal::usage("bad_expectation", message, next_step)
        };
        let Some((key, value)) = text.split_once('=') else {
            return Err(bad(format!("`--expect {text}` has no `=`")));
        };
        let (key, value) = (key.trim(), value.trim());
        if !EXPECT_KEYS.contains(&key) {
            let suggestion = nearest(key, EXPECT_KEYS);
            return Err(bad(format!("`--expect` does not know `{key}`{}", did_you_mean(suggestion))));
        }
        if value.is_empty() {
            return Err(bad(format!("`--expect {key}=` needs a value")));
        }
        if key == "ip" && value.parse::<std::net::IpAddr>().is_err() {
            return Err(bad(format!("`--expect ip={value}`: not an IP address")));
        }
        if expectations.iter().any(|known| known.key == key) {
            return Err(bad(format!("`--expect {key}=` stands there twice, and no server could meet both")));
        }
        expectations.push(Expectation { key: key.to_owned(), value: value.to_owned() });
    }
    Ok(expectations)
}

/// Reads `--expect-count`.
pub fn expect_count(text: &str) -> Result<usize, Refusal> {
    values::number(1, usize::MAX, text.trim()).map_err(|_| {
        Refusal::usage(
            "bad_expectation",
            "`--expect-count` needs a whole number from 1",
            "write the number of servers that you mean to reinstall",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Exit;

    fn select(given: &[&str], stdin: &str) -> Result<Vec<String>, Refusal> {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        Ok(instances(&given, stdin.as_bytes())?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_form_is_read_in_order_and_each_server_once() {
        let chosen = select(
            &["b, a", "name=web-1", "a,ip=2001:db8::0:1", "-"],
            "\u{feff}# list\r\n\r\n  c  \r\nb\nname=one, two\nip=2001:db8::1\n\t# end",
        );
        assert_eq!(chosen.expect("good"), ["b", "a", "name=web-1", "ip=2001:db8::1", "c", "name=one, two"]);
    }

    #[test]
    fn nothing_never_means_all() {
        for (given, stdin) in [
            (&[][..], ""),
            (&[""][..], ""),
            (&[" "][..], ""),
            (&[","][..], ""),
            (&["a,"][..], ""),
            (&["a,,b"][..], ""),
            (&["-"][..], ""),
            (&["-"][..], "\n# nothing\n"),
            (&["a", "-"][..], ""),
            (&["-", "-"][..], "a"),
        ] {
            let refusal = select(given, stdin).expect_err(&format!("{given:?}"));
            assert_eq!(refusal.exit, Exit::Usage);
        }
        // Known ones on standard input are an answer, not silence.
        assert_eq!(select(&["a", "-"], "a\n").expect("good"), ["a"]);
    }

    #[test]
    fn a_text_that_is_no_reference_names_its_place() {
        for (given, stdin, says) in [
            (&["a", "*"][..], "", "`--instance`: `*`"),
            (&["ip=1.2.3"][..], "", "not an IP address"),
            (&["name="][..], "", "needs a name"),
            (&["-"][..], "a\n\n../x\n", "standard input, line 3: "),
            (&["-"][..], "a,b\n", "standard input, line 1: "),
        ] {
            let refusal = select(given, stdin).expect_err(says);
            assert!(refusal.message.contains(says), "{}", refusal.message);
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_endless_input_are_refused() {
        let given = ["-".to_owned()];
        assert!(instances(&given, &b"a\xff\n"[..]).is_err());
        assert!(instances(&given, std::io::repeat(b'a')).is_err());
    }

    #[test]
    fn standard_input_is_known_to_be_needed_before_it_is_read() {
        let owned = |given: &[&str]| given.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(reads_stdin(&owned(&["a,-"])));
        assert!(!reads_stdin(&owned(&["a-b", "name=-"])));
    }

    #[test]
    fn an_expectation_is_a_known_key_and_a_value() {
        let read = |text: &str| expectations(&text.split('|').map(str::to_owned).collect::<Vec<_>>());
        let good = read("name=web=1|status= RUNNING ").expect("good");
        assert_eq!((good[0].value.as_str(), good[1].value.as_str()), ("web=1", "RUNNING"));
        for text in ["name", "nmae=x", "name=", "ip=x", "name=a|name=b", "id=x"] {
            assert_eq!(read(text).expect_err(text).exit, Exit::Usage);
        }
        assert!(read("nmae=x").expect_err("slip").message.contains("did you mean `name`?"));
    }

    #[test]
    fn an_expected_count_is_at_least_one() {
        assert_eq!(expect_count("12").expect("good"), 12);
        for text in ["0", "-1", "", "all", "1.5"] {
            assert!(expect_count(text).is_err(), "{text}");
        }
    }
}
