//! Rules of the documentation that can be checked before anything is sent; the provider keeps the last word.

use super::wire::{BmcModel, Nic, Partition, RaidConfig};
use crate::model::{Choice, Refusal, Wish};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

/// RAID levels of the data structure `RaidConfig`.
const RAID_LEVELS: [u64; 4] = [0, 1, 5, 10];
/// How many candidates an error names.
const MOST_CANDIDATES: usize = 12;

fn bad_field(name: &str, problem: &str) -> Refusal {
    Refusal::usage("bad_field", format!("`{name}`: {problem}"), format!("correct `--set {name}=…`"))
}

fn typed<T: DeserializeOwned>(name: &str, value: &Value, shape: &str) -> Result<T, Refusal> {
    // The parser's own message could quote what was typed.
    T::deserialize(value).map_err(|_| bad_field(name, &format!("it must have the shape {shape}")))
}

/// Checks a host name: 1 to 64 letters, digits, `-` and `.`.
pub(super) fn hostname(name: &str) -> Result<(), Refusal> {
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(Refusal::usage(
        "bad_hostname",
        "the host name must have 1 to 64 letters, digits, `-` and `.`",
        "correct `--hostname`",
    ))
}

/// Checks an instance's new name: 2 to 63 letters, digits, `-` and `.`.
pub(super) fn instance_name(name: &str) -> Result<(), Refusal> {
    if (2..=63).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(bad_field("instanceName", "it must have 2 to 63 letters, digits, `-` and `.`"))
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.')
}

/// Checks `raidConfig`: one level for the whole machine, or arrays of consecutive, ascending disk numbers.
pub(super) fn raid_config(value: &Value) -> Result<(), Refusal> {
    const NAME: &str = "raidConfig";
    let config: RaidConfig =
        typed(NAME, value, r#"{"raidType": 1} or {"customRaids": [{"raidType": 1, "diskSequence": [1, 2]}]}"#)?;
    let level = |level: u64| match RAID_LEVELS.contains(&level) {
        true => Ok(()),
        false => Err(bad_field(NAME, "`raidType` must be 0, 1, 5 or 10")),
    };
    match (config.raid_type, config.custom_raids) {
        (Some(whole), None) => level(whole),
        (None, Some(arrays)) if !arrays.is_empty() => {
            let mut used: Vec<u64> = Vec::new();
            for array in &arrays {
                level(array.raid_type)?;
                let disks = &array.disk_sequence;
                if disks.is_empty() || disks.contains(&0) {
                    return Err(bad_field(NAME, "`diskSequence` needs disk numbers, counted from 1"));
                }
                if disks.windows(2).any(|pair| pair[0].checked_add(1) != Some(pair[1])) {
                    return Err(bad_field(NAME, "`diskSequence` must be consecutive and ascending, such as [1, 2, 3]"));
                }
                if disks.iter().any(|disk| used.contains(disk)) {
                    return Err(bad_field(NAME, "a disk is in two arrays"));
                }
                used.extend(disks);
                let fewest = match array.raid_type {
                    1 => 2,
                    5 => 3,
                    10 => 4,
                    _ => 1,
                };
                if disks.len() < fewest {
                    return Err(bad_field(NAME, &format!("level {} needs at least {fewest} disks", array.raid_type)));
                }
            }
            Ok(())
        }
        _ => Err(bad_field(NAME, "it needs exactly one of `raidType` and `customRaids`")),
    }
}

/// Checks `raidConfig` against what the model can do; what the provider does not tell is left to it.
pub(super) fn raid_fits(value: &Value, model: &BmcModel) -> Result<(), Refusal> {
    const NAME: &str = "raidConfig";
    let config: RaidConfig = typed(NAME, value, "of the documentation")?;
    let arrays = config.custom_raids.unwrap_or_default();
    let mut levels = config.raid_type.into_iter().chain(arrays.iter().map(|array| array.raid_type));
    if let Some(supported) = &model.support_raids
        && let Some(level) = levels.find(|level| !supported.contains(level))
    {
        let supported = supported.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        return Err(bad_field(NAME, &format!("the model has no level {level}; it has: {supported}")));
    }
    let groups = model.disk_info.as_ref().and_then(|info| info.disks.as_ref());
    let disks =
        groups.and_then(|groups| groups.iter().try_fold(0_u64, |sum, group| sum.checked_add(group.disk_count?)));
    let last = arrays.iter().flat_map(|array| &array.disk_sequence).max();
    match (disks, last) {
        (Some(disks), Some(last)) if *last > disks => {
            Err(bad_field(NAME, &format!("there is no disk {last}: the model has {disks}")))
        }
        _ => Ok(()),
    }
}

/// Which family of operating systems partitions are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Paths with `/`.
    Linux,
    /// Drive letters.
    Windows,
}

/// Checks `partitions` and tells for which family they are.
pub(super) fn partitions(value: &Value) -> Result<Family, Refusal> {
    const NAME: &str = "partitions";
    let list: Vec<Partition> = typed(NAME, value, r#"[{"fsPath": "/", "fsType": "ext4", "size": 100}]"#)?;
    let Some(first) = list.first() else { return Err(bad_field(NAME, "the list is empty")) };
    let family = match first.fs_path.as_str() {
        "/" => Family::Linux,
        "C" => Family::Windows,
        _ => return Err(bad_field(NAME, "the first partition must be `/` (Linux) or `C` (Windows)")),
    };
    for (place, partition) in list.iter().enumerate() {
        let path = partition.fs_path.as_str();
        let (path_fits, type_fits) = match family {
            Family::Linux => (path.starts_with('/'), ["ext2", "ext3", "ext4"].contains(&partition.fs_type.as_str())),
            Family::Windows => {
                (matches!(path, "C" | "D" | "E" | "F" | "G" | "H"), partition.fs_type.eq_ignore_ascii_case("ntfs"))
            }
        };
        if !path_fits {
            return Err(bad_field(NAME, "`fsPath` must begin with `/` (Linux) or be a letter from C to H (Windows)"));
        }
        if !type_fits {
            return Err(bad_field(NAME, "`fsType` must be ext2, ext3 or ext4 (Linux), or NTFS (Windows)"));
        }
        if partition.size == 0 {
            return Err(bad_field(NAME, "`size` must be at least 1 (GB)"));
        }
        if list[..place].iter().any(|earlier| earlier.fs_path == path) {
            return Err(bad_field(NAME, "two partitions have the same `fsPath`"));
        }
        if family == Family::Windows && place > 0 && list[place - 1].fs_path.as_str() > path {
            return Err(bad_field(NAME, "drive letters must be in alphabetical order"));
        }
    }
    Ok(family)
}

/// Checks `nic`: names of the two interfaces.
pub(super) fn nic(value: &Value) -> Result<(), Refusal> {
    const NAME: &str = "nic";
    let nic: Nic = typed(NAME, value, r#"{"wanName": "wan0", "lanName": "lan0"}"#)?;
    let fits = |name: &str| {
        (4..=10).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    if [&nic.wan_name, &nic.lan_name].into_iter().flatten().any(|name| !fits(name)) {
        return Err(bad_field(NAME, "a name must have 4 to 10 letters and digits and begin with a letter"));
    }
    match (nic.wan_name.as_deref(), nic.lan_name.as_deref()) {
        (None, None) => Err(bad_field(NAME, "it needs `wanName`, `lanName` or both")),
        (Some(wan), _) if wan.starts_with("lan") => Err(bad_field(NAME, "`wanName` must not begin with `lan`")),
        (_, Some(lan)) if lan.starts_with("wan") => Err(bad_field(NAME, "`lanName` must not begin with `wan`")),
        (Some(wan), Some(lan)) if wan == lan => Err(bad_field(NAME, "the two names must differ")),
        _ => Ok(()),
    }
}

/// Checks `ipxeUrl`: the word `netboot`, or an address without a password in it.
pub(super) fn ipxe_url(text: &str) -> Result<(), Refusal> {
    const NAME: &str = "ipxeUrl";
    if text == "netboot" {
        return Ok(());
    }
    let Ok(url) = Url::parse(text) else {
        return Err(bad_field(NAME, "it must be an address such as https://host/boot.ipxe, or the word `netboot`"));
    };
    if !url.has_host() {
        return Err(bad_field(NAME, "it must be an address with a host, or the word `netboot`"));
    }
    if url.password().is_some() || !url.username().is_empty() {
        return Err(bad_field(NAME, "it must not carry a user or password: plan and journal show it"));
    }
    Ok(())
}

/// Refuses both logins at once.
pub(super) fn one_login(wish: &Wish) -> Result<(), Refusal> {
    if wish.login.password && wish.key.is_some() {
        return Err(Refusal::usage(
            "login_conflict",
            "the provider takes a password or a key pair, never both",
            "leave out one of them",
        ));
    }
    Ok(())
}

/// The refusal for a state from which nothing can be installed, or that no document explains.
pub(super) fn wrong_state(status: &str) -> Refusal {
    Refusal::guard(
        "wrong_state",
        format!("the provider shows it as `{status}`, from which it cannot be reinstalled safely"),
        "look at it in the provider's console, or ask Zenlayer support, then run it again",
    )
}

/// Finds what the user named among what is offered: by id, or by an exact name that only one has.
pub(super) fn resolve<'a, T>(
    kind: &'static str,
    option: &str,
    choice: &Choice,
    offered: &'a [T],
    describe: impl Fn(&T) -> (&str, Option<&str>),
) -> Result<&'a T, Refusal> {
    let matches: Vec<&T> = offered
        .iter()
        .filter(|item| {
            let (id, name) = describe(item);
            match choice {
                Choice::Id(wanted) => id == wanted,
                Choice::Name(wanted) => name == Some(wanted.as_str()),
            }
        })
        .collect();
    let listed = |items: &[&T]| {
        let mut text: Vec<String> = items
            .iter()
            .take(MOST_CANDIDATES)
            .map(|item| match describe(item) {
                (id, Some(name)) => format!("{id} ({name})"),
                (id, None) => id.to_owned(),
            })
            .collect();
        if items.len() > MOST_CANDIDATES {
            text.push(format!("and {} more", items.len() - MOST_CANDIDATES));
        }
        if text.is_empty() { "none".to_owned() } else { text.join(", ") }
    };
    match matches.as_slice() {
        [one] => Ok(one),
        [] => Err(Refusal::usage(
            "no_such_choice",
            format!("there is no {kind} `{choice}` here; offered are: {}", listed(&offered.iter().collect::<Vec<_>>())),
            format!("name one of them with `{option}`"),
        )),
        several => Err(Refusal::usage(
            "ambiguous_choice",
            format!("{kind} `{choice}` could be any of: {}", listed(several)),
            format!("name its id with `{option}`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn raid_settings_follow_the_documentation() {
        for good in [
            json!({ "raidType": 10 }),
            json!({ "customRaids": [{ "raidType": 1, "diskSequence": [1, 2] }, { "raidType": 0, "diskSequence": [3] }] }),
        ] {
            assert!(raid_config(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({ "raidType": 6 }),
            json!({ "raidType": "1" }),
            json!({ "raidtype": 1 }),
            json!({ "raidType": 1, "customRaids": [{ "raidType": 1, "diskSequence": [1, 2] }] }),
            json!({ "customRaids": [] }),
            json!({ "customRaids": [{ "raidType": 1, "diskSequence": [] }] }),
            json!({ "customRaids": [{ "raidType": 0, "diskSequence": [0, 1] }] }),
            json!({ "customRaids": [{ "raidType": 1, "diskSequence": [2, 1] }] }),
            json!({ "customRaids": [{ "raidType": 1, "diskSequence": [1, 3] }] }),
            json!({ "customRaids": [{ "raidType": 1, "diskSequence": [1] }] }),
            json!({ "customRaids": [{ "raidType": 0, "diskSequence": [u64::MAX, 1] }] }),
            json!({ "customRaids": [{ "raidType": 1, "diskSequence": [1, 2] }, { "raidType": 0, "diskSequence": [2] }] }),
        ] {
            assert!(raid_config(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_model_with_more_disks_than_can_be_counted_is_left_to_the_provider() {
        let wish = json!({ "customRaids": [{ "raidType": 1, "diskSequence": [1, 2] }] });
        let fits = |groups: Value| {
            let model = json!({ "instanceTypeId": "m", "supportRaids": [1], "diskInfo": { "disks": groups } });
            raid_fits(&wish, &serde_json::from_value(model).expect("a model"))
        };
        assert!(fits(json!([{ "diskCount": 2 }])).is_ok());
        assert!(fits(json!([{ "diskCount": 1 }])).is_err());
        assert!(fits(json!([{ "diskCount": u64::MAX }, { "diskCount": u64::MAX }])).is_ok());
    }

    #[test]
    fn partitions_follow_the_documentation() {
        let part = |path: &str, kind: &str, size: u64| json!({ "fsPath": path, "fsType": kind, "size": size });
        let linux = json!([part("/", "ext4", 100), part("/data", "ext3", 700)]);
        assert_eq!(partitions(&linux), Ok(Family::Linux));
        let windows = json!([part("C", "NTFS", 100), part("D", "NTFS", 700)]);
        assert_eq!(partitions(&windows), Ok(Family::Windows));
        for bad in [
            json!([]),
            json!({}),
            json!([part("/data", "ext4", 100)]),
            json!([part("/", "xfs", 100)]),
            json!([part("/", "ext4", 0)]),
            json!([part("/", "ext4", 1), part("/", "ext4", 1)]),
            json!([part("/", "ext4", 1), part("D", "NTFS", 1)]),
            json!([part("D", "NTFS", 1)]),
            json!([part("C", "NTFS", 1), part("E", "NTFS", 1), part("D", "NTFS", 1)]),
            json!([part("C", "NTFS", 1), part("I", "NTFS", 1)]),
            json!([{ "fsPath": "/", "fsType": "ext4" }]),
        ] {
            assert!(partitions(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn interface_names_follow_the_documentation() {
        for good in [json!({ "wanName": "wan0" }), json!({ "wanName": "bond0", "lanName": "bond1" })] {
            assert!(nic(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({}),
            json!({ "wanName": "wan" }),
            json!({ "wanName": "0wan" }),
            json!({ "wanName": "wan0wan0wan" }),
            json!({ "wanName": "wan-0" }),
            json!({ "wanName": "lan0" }),
            json!({ "lanName": "wan0" }),
            json!({ "wanName": "eth0", "lanName": "eth0" }),
            json!({ "wan": "eth0" }),
        ] {
            assert!(nic(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_addresses_follow_the_documentation() {
        assert!(hostname("web-1.example").is_ok() && hostname(&"a".repeat(64)).is_ok());
        assert!(hostname("").is_err() && hostname("web_1").is_err() && hostname(&"a".repeat(65)).is_err());
        assert!(instance_name("ab").is_ok() && instance_name(&"a".repeat(63)).is_ok());
        assert!(instance_name("a").is_err() && instance_name("a b").is_err());
        assert!(ipxe_url("netboot").is_ok() && ipxe_url("https://boot.example/menu.ipxe").is_ok());
        for bad in ["", "boot", "mailto:x", "https://u:s3cret@boot.example/", "https://u@boot.example/"] {
            let refusal = ipxe_url(bad).expect_err(bad);
            assert!(!refusal.message.contains("s3cret"));
        }
    }

    #[test]
    fn a_choice_must_be_one_and_candidates_are_named() {
        let offered = [("i-1", Some("ubuntu")), ("i-2", Some("debian")), ("i-3", Some("debian"))];
        let find = |choice: Choice| resolve("image", "--image", &choice, &offered, |&(id, name)| (id, name)).copied();
        assert_eq!(find(Choice::Id("i-2".to_owned())).map(|found| found.0), Ok("i-2"));
        assert_eq!(find(Choice::Name("ubuntu".to_owned())).map(|found| found.0), Ok("i-1"));
        assert!(find(Choice::Name("Ubuntu".to_owned())).expect_err("none").message.contains("i-2 (debian)"));
        assert!(find(Choice::Name("debian".to_owned())).expect_err("two").message.contains("i-3 (debian)"));
        assert!(find(Choice::Id("ubuntu".to_owned())).is_err(), "a name is no id");
    }
}
