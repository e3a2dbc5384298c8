//! Who sits at the keyboard, for the journal.

use rustix::process::getuid;
use rustix::system::uname;

/// User and host, such as `ops (uid 1000) on build-7`. The name is that of the system's list of users; environment
/// variables could say anything.
pub(super) fn name() -> String {
    let uid = getuid().as_raw();
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let host = uname().nodename().to_string_lossy().into_owned();
    match name_of(&list, uid) {
        Some(name) => format!("{name} (uid {uid}) on {host}"),
        None => format!("uid {uid} on {host}"),
    }
}

fn name_of(list: &str, uid: u32) -> Option<&str> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_comes_from_the_list_of_users() {
        let list = "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7:7::/:\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(name_of(list, 1000), Some("ops"));
        assert_eq!(name_of(list, 7), None);
        assert_eq!(name_of(list, 42), None);
    }
}
