//! The text of `docs/configuration.md`, made from the tables that the program itself works by.

use super::options::{InFile, OPTIONS};
use crate::providers::Vendor;
use std::fmt::Write;

const HEAD: &str = "\
<!-- Made from src/config; `UPDATE_DOCS=1 cargo test --lib config::docs` writes it anew. -->

# Configuration

Every setting has one value, and the first of these that names it decides:

1. the option on the command line
2. the environment variable
3. the chosen profile, `[profiles.NAME]`, in the configuration file
4. `[defaults]` in the configuration file
5. the program's own default

`reinstall check` shows each value and where it stands. An empty variable counts as not set. A variable that begins
with `REINSTALL_` and is not on this page is not read, and a warning says so.

Which servers are reinstalled is said on the command line alone: `--instance`, `--set`, `--yes`,
`--expect` and `--expect-count` have neither variable nor key.

A wrong option exits with 2; a wrong variable or configuration file exits with 78. Nothing is sent in either case.

## Settings

";

const FILE: &str = "\
## The configuration file

`--config FILE`, else `REINSTALL_CONFIG` (an absolute path), else `$XDG_CONFIG_HOME/reinstall/config.toml`, else
`~/.config/reinstall/config.toml`. The working directory is never searched. A file that everybody may write is
refused, because it decides where signed requests go.

Keys are the options' names; a hyphen and an underscore are the same. An unknown key is an error that names the line
and the nearest known key. Numbers, switches and texts may be written as TOML has them: `concurrency = 4`,
`no_input = true`, `timeout = \"90m\"`.

```toml
default_profile = \"prod\"

[defaults]
output = \"human\"
concurrency = 4
max_failures = \"10%\"
poll_interval = \"20s\"

[protect]
instances = [\"i-0abc\", \"i-0def\"]
names = [\"prod-db-*\", \"*-backup\"]
addresses = [\"192.0.2.7\"]

[profiles.prod]
power_off = \"soft\"
max_failures = 1

@VENDOR_EXAMPLE@

[profiles.test]
region = \"test-1\"
allow = { names = [\"test-*\"] }
```

| table | keys |
|---|---|
";

const VENDOR_TABLES: &str = "
`default_profile` names the profile that holds when nobody names one. `--profile` must name a profile of this file;
only where the file has none at all, the name is passed on to the provider's own files.

In a vendor's table:

- `region`, `project` and `endpoint` hold for that vendor alone and win over those of the profile; option and
  variable win over both.
- `credentials_profile` names a profile of the vendor's own files.
- `variables` names other environment variables to read in place of the vendor's. Once it names one, the vendor's
  other variables and its files below the home directory are not read: the profile means one account and no other.
  To keep a variable, name it as itself. A variable that is named here and not set is an error.

## Servers that are left alone

`[protect]` names servers that are never reinstalled. It holds with every profile, beats every selection and every
allow-list, and no option or variable lifts it: where `--config` or `REINSTALL_CONFIG` names another file, what the
file at the usual place protects stays protected, too.

`allow` in a profile turns the rule round: with that profile only the servers that it names are reinstalled.

- `instances` are ids, `addresses` single IP addresses.
- `names` are patterns for the whole name: `*` stands for anything, `?` for one character. Case does not matter.

Such a server is `skipped` with the error kind `protected` or `not_allowed`, and the message names the rule and its
line, as with `--expect`; the others go on, and the exit code is 5. It is not powered off either. This is looked at
when the plan is made, again on the live servers once the plan is confirmed, and again when `reinstall resume` goes on
with orders still to come. `--dry-run` shows it and `reinstall check` lists the rules. `list` and `wait` change nothing
and are not affected.

## Secrets

**There are no secrets in this file.** A key that looks like one is refused. Credentials come from variables, from
the provider's own files, or from a file or prompt for passwords.

## Files with secrets

Password files, files behind `@` for secret fields, and the credential files of the providers' tools must be regular
files (no symbolic link, FIFO or device), belong to you or to root, be closed to group and others (`chmod 600`), and
have at most 64 KiB of UTF-8 text. A password is the first line without its end. The file of `--generate-password` is
made with mode 0600 whatever the umask; one that is there already must obey the same rules.

User data and JSON values may be any regular file of text up to 1 MiB; the provider's own limit is usually lower.

Standard input (`-`) can serve one of `--instance`, `--password-file` and `--user-data` in a call.

## The state folder

The folder of journals and claims (`--state-dir`) must belong to you, must be no link, and must not be open to
writers. On a network file system (NFS, SMB, AFS, Ceph, 9p, sshfs and their like) a lock and a sync may not hold what
they promise, and two machines could order for one server; such a folder is refused. Where you know that they hold,
`REINSTALL_STATE_ON_NETWORK=allow` takes it. There is no key for that.

## Endpoints

`https://HOST` with an optional port and nothing else: no user, path, query or fragment. `http` is spoken only to
127.0.0.0/8 and [::1], written just so; `localhost` is a name, and names can lead elsewhere.

Certificates are checked against those that the system trusts, and nothing switches that off. For a private CA, name a
file with the certificates to trust in `SSL_CERT_FILE` (it replaces the system's list). `https_proxy`, `all_proxy` and
`no_proxy` are honoured for `https`; the plan names the proxy, and loopback is never asked through one.

## The sandbox

With `--sandbox` no credential is read from variables or files, and region, project and endpoint count only where
they are typed.
";

/// Renders the page.
pub fn render(vendors: &[&'static Vendor]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| option | variable | in the file | values | default |\n|---|---|---|---|---|\n");
    for spec in OPTIONS {
        let place = match spec.in_file {
            InFile::Never => "–".to_owned(),
            InFile::Defaults | InFile::Everywhere | InFile::Place => format!("`{}`", spec.key()),
        };
        row(
            &mut page,
            &[&format!("`--{}`", spec.name), &format!("`{}`", spec.variable), &place, spec.values, spec.default],
        );
    }
    page.push('\n');
    for spec in OPTIONS {
        let _ = writeln!(page, "- `--{}`: {}", spec.name, spec.meaning);
    }
    page.push('\n');
    page.push_str(&FILE.replace("@VENDOR_EXAMPLE@", &example(vendors)));
    row(&mut page, &["top level", "`default_profile`, `defaults`, `protect`, `profiles`"]);
    row(&mut page, &["`[protect]`", "`instances`, `names`, `addresses`"]);
    row(&mut page, &["`[defaults]`", &keys(|place| matches!(place, InFile::Defaults | InFile::Everywhere))]);
    let profile_keys = format!("{}, `allow`", keys(|place| matches!(place, InFile::Place | InFile::Everywhere)));
    row(&mut page, &["`[profiles.NAME]`", &profile_keys]);
    row(&mut page, &["`[profiles.NAME.allow]`", "`instances`, `names`, `addresses`"]);
    let vendor_keys = format!("{}, `credentials_profile`, `variables`", keys(|place| place == InFile::Place));
    row(&mut page, &["`[profiles.NAME.VENDOR]`", &vendor_keys]);
    page.push_str(VENDOR_TABLES);
    if !vendors.is_empty() {
        page.push_str("\n## Variables of the vendors\n");
    }
    for vendor in vendors {
        let _ = writeln!(page, "\n### {} (`{}`)\n\n| variable | meaning |\n|---|---|", vendor.title, vendor.name);
        for (name, meaning) in vendor.variables {
            row(&mut page, &[&format!("`{name}`"), meaning]);
        }
    }
    page
}

fn keys(here: impl Fn(InFile) -> bool) -> String {
    let keys: Vec<String> =
        OPTIONS.iter().filter(|spec| here(spec.in_file)).map(|spec| format!("`{}`", spec.key())).collect();
    keys.join(", ")
}

fn example(vendors: &[&'static Vendor]) -> String {
    let name = vendors.first().map_or("VENDOR", |vendor| vendor.name);
    let mut example = format!("[profiles.prod.{name}]\nregion = \"region-1\"\ncredentials_profile = \"work\"");
    if let Some((variable, _)) = vendors.first().and_then(|vendor| vendor.variables.first()) {
        let _ = write!(example, "\n# or: variables = {{ {variable} = \"PROD_{variable}\", … }}");
    }
    example
}

fn row(page: &mut String, cells: &[&str]) {
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample;
    use crate::config::{Environment, schema};
    use crate::providers::VENDORS;
    use std::path::Path;

    #[test]
    fn the_page_in_docs_is_what_the_tables_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
        let page = render(VENDORS);
        if Environment::of_process().get("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().expect("docs")).expect("the folder");
            std::fs::write(&path, &page).expect("the page");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == page,
            "docs/configuration.md is stale: `UPDATE_DOCS=1 cargo test --lib config::docs` writes it anew"
        );
    }

    #[test]
    fn the_pages_example_is_a_good_file() {
        let page = render(sample::VENDORS);
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        let document = schema::parse(example, "example", sample::VENDORS).expect("a good file");
        assert_eq!(document.profiles.len(), 2);
        assert!(document.profiles["prod"].vendors.contains_key("acme"));
    }

    #[test]
    fn every_option_and_variable_is_on_the_page() {
        let page = render(sample::VENDORS);
        for spec in OPTIONS {
            assert!(page.contains(&format!("`--{}`", spec.name)) && page.contains(spec.variable), "{}", spec.name);
        }
        for vendor in sample::VENDORS {
            for (name, _) in vendor.variables {
                assert!(page.contains(name), "{name}");
            }
        }
    }
}
