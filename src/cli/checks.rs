//! What a product's facts forbid, whoever the vendor is: checked before anything is read.

use super::login::Logins;
use crate::model::{Refusal, Wish};
use crate::providers::Entry;

/// Checks a wish against a product's facts.
pub(super) fn check(entry: &Entry, wish: &Wish, logins: &Logins) -> Result<(), Refusal> {
    let facts = &entry.facts;
    let id = entry.id;
    login(entry, wish, logins)?;
    if wish.login.password {
        logins.check(&facts.password)?;
    }
    if wish.hostname.is_some() && !facts.hostname {
        return Err(Refusal::usage("no_hostname", format!("{id} takes no host name"), "leave `--hostname` out"));
    }
    if wish.keep_data.is_some() && !facts.keep_data {
        return Err(Refusal::usage(
            "no_keep_data",
            format!("{id} has no choice about data disks"),
            "leave `--keep-data` and `--wipe-data` out",
        ));
    }
    if wish.user_data {
        let size = logins.user_data_size();
        match facts.user_data {
            None => {
                return Err(Refusal::usage(
                    "no_user_data",
                    format!("{id} takes no user data"),
                    "leave `--user-data` out",
                ));
            }
            Some(most) if size > most => {
                let message = format!("the user data has {size} bytes, and {id} takes at most {most}");
                return Err(Refusal::usage("user_data_size", message, "shorten it, or let it fetch the rest"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn login(entry: &Entry, wish: &Wish, logins: &Logins) -> Result<(), Refusal> {
    let id = entry.id;
    let takes = entry.facts.login;
    let (password, key) = (wish.login.password, wish.key.is_some());
    if wish.login.none {
        if password || key {
            return Err(Refusal::usage(
                "login_conflict",
                "--no-login excludes a password and a key pair",
                "choose one",
            ));
        }
        if !takes.none {
            return Err(Refusal::usage("login_required", format!("{id} needs a login"), how(entry)));
        }
        return Ok(());
    }
    if password && takes.returned && !logins.keeps() {
        return Err(Refusal::usage("no_password", format!("{id} makes the password up itself"), how(entry)));
    }
    if password && !takes.password && !takes.returned {
        return Err(Refusal::usage("no_password", format!("{id} takes no password"), how(entry)));
    }
    if key && !takes.key {
        return Err(Refusal::usage("no_key", format!("{id} takes no key pair"), how(entry)));
    }
    if password && key && !takes.password_always {
        return Err(Refusal::usage(
            "login_conflict",
            format!("{id} takes a password or a key pair, not both"),
            "choose one",
        ));
    }
    if key && !password && takes.password_always {
        return Err(Refusal::usage(
            "login_required",
            format!("{id} needs a password beside a key pair too"),
            how(entry),
        ));
    }
    let can = takes.password || takes.key || takes.returned;
    // User data can bring a login of its own; the product's own check knows where that is enough.
    let brings_own = wish.user_data && takes.none;
    if can && !(password || key || brings_own) {
        return Err(Refusal::usage("login_required", format!("{id} needs a login"), how(entry)));
    }
    Ok(())
}

fn how(entry: &Entry) -> String {
    let takes = entry.facts.login;
    let mut ways = Vec::new();
    if takes.password {
        ways.extend(["`--password-file`", "`--password-env`", "`--generate-password`"]);
    }
    if takes.returned {
        ways.push("`--generate-password`");
    }
    if takes.key {
        ways.push("`--ssh-key`");
    }
    if takes.none {
        ways.push("`--no-login`");
    }
    format!("use {}", ways.join(", "))
}
