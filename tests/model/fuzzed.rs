//! The fuzzers' properties without a fuzzer: over every kept input, and over inputs that are bent in many places.

use crate::cases::cases;
use crate::properties::{TARGETS, property};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of all kept inputs: they are read in each test run.
const MOST_BYTES: usize = 1024 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Kept inputs of one kind: `corpus` reaches much of the code, `findings` once broke a property.
fn kept(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs = Vec::new();
    for kind in ["corpus", "findings"] {
        let Ok(files) = fs::read_dir(folder().join(kind).join(target)) else { continue };
        for path in files.map(|file| file.expect("a folder can be read").path()) {
            let bytes = fs::read(&path).expect("a kept input can be read");
            inputs.push((path, bytes));
        }
    }
    inputs.sort();
    inputs
}

#[test]
fn every_kept_input_keeps_its_property() {
    let mut bytes = 0;
    for (name, property) in TARGETS {
        let inputs = kept(name);
        assert!(inputs.len() >= 3, "{name} has {} kept inputs", inputs.len());
        for (path, input) in inputs {
            bytes += input.len();
            let held = std::panic::catch_unwind(|| property(&input));
            assert!(held.is_ok(), "{} breaks its property", path.display());
        }
    }
    assert!(bytes <= MOST_BYTES, "{bytes} bytes are kept");
}

#[test]
fn every_kind_of_input_has_a_fuzzer_and_nothing_is_left_over() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).expect("the fuzzers' manifest");
    let bins = manifest.split("[[bin]]").skip(1);
    let names = bins.filter_map(|bin| bin.split("name = \"").nth(1)?.split('"').next());
    assert_eq!(names.map(str::to_owned).collect::<BTreeSet<_>>(), known, "fuzz/Cargo.toml");
    for kind in ["corpus", "findings"] {
        let Ok(files) = fs::read_dir(folder().join(kind)) else { continue };
        for file in files {
            let name = file.expect("a folder can be read").file_name().into_string().expect("a name");
            assert!(known.contains(&name), "fuzz/{kind}/{name} belongs to no property");
        }
    }
}

/// Words that parsers stumble over.
const WORDS: [&str; 43] = [
    "null",
    "true",
    "\"\"",
    "{}",
    "[]",
    "[[",
    "0",
    "-1",
    "600",
    "601",
    "1e309",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\"i-1\"",
    "\"i-2\"",
    "i-1",
    "RUNNING",
    "running",
    "SUCCESS",
    "error",
    "ACTIVE",
    "REBUILD",
    "Success",
    "success",
    "deploy failed",
    "power off",
    "rebuilding",
    "42",
    "43",
    "\u{202e}",
    "\u{1b}[2J",
    "%2F",
    "+",
    "&",
    "=",
    ":",
    ";",
    "\n",
    "\r\n",
    "\n\n",
    "\n%% 404\n",
    "\n%% 200\n",
];

/// One change of an input; places are shares of its length.
#[derive(Clone, Debug)]
enum Edit {
    Flip(Index, u8),
    Set(Index, u8),
    Word(Index, usize),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
    Other(Index, Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (place(), 0..WORDS.len()).prop_map(|(at, word)| Edit::Word(at, word)),
        (place(), 1_usize..20).prop_map(|(at, length)| Edit::Remove(at, length)),
        (place(), 1_usize..80).prop_map(|(at, length)| Edit::Repeat(at, length)),
        place().prop_map(Edit::Cut),
        (place(), place(), place()).prop_map(|(at, other, from)| Edit::Other(at, other, from)),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit, all: &[(PathBuf, Vec<u8>)]) {
    let place = |at: &Index| at.index(bytes.len() + 1);
    let range = |at: &Index, length: usize| place(at)..(place(at) + length).min(bytes.len());
    match edit {
        Edit::Flip(at, bit) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Edit::Set(at, byte) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Edit::Flip(..) | Edit::Set(..) => {}
        Edit::Word(at, word) => drop(bytes.splice(place(at)..place(at), WORDS[*word].bytes())),
        Edit::Remove(at, length) => drop(bytes.drain(range(at, *length))),
        Edit::Repeat(at, length) => {
            let piece = bytes[range(at, *length)].to_vec();
            let at = place(at);
            bytes.splice(at..at, piece);
        }
        Edit::Cut(at) => bytes.truncate(place(at)),
        // The end of another input behind the front of this one.
        Edit::Other(at, other, from) => {
            let other = &other.get(all).1;
            let tail = other[from.index(other.len() + 1)..].to_vec();
            bytes.truncate(place(at));
            bytes.extend(tail);
        }
    }
}

/// An input as a failure shows it.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// A kept input after some edits, and noise now and then.
fn bent(target: &str) -> impl Strategy<Value = Input> + use<> {
    let all = kept(target);
    let from_kept = (any::<Index>(), prop::collection::vec(edit(), 0..6)).prop_map(move |(seed, edits)| {
        let mut bytes = seed.get(&all).1.clone();
        for edit in &edits {
            apply(&mut bytes, edit, &all);
        }
        Input(bytes)
    });
    let noise = prop::collection::vec(any::<u8>(), 0..200).prop_map(Input);
    prop_oneof![15 => from_kept, 1 => noise]
}

macro_rules! twins {
    ($($name:ident $usual:literal)*) => {
        $(proptest! {
            #![proptest_config(cases($usual))]
            #[test]
            fn $name(input in bent(stringify!($name))) {
                property(stringify!($name)).expect("a kind of input")(&input.0);
            }
        })*

        #[test]
        fn every_fuzzer_has_its_twin_here() {
            assert_eq!([$(stringify!($name)),*], TARGETS.map(|(name, _)| name));
        }
    };
}

twins! {
    sign_jdcloud 1000
    sign_zenlayer 1000
    sign_huawei 1000
    reads_jdcloud_cps 1000
    reads_zenlayer_bmc 1000
    reads_zenlayer_zec 1000
    reads_huawei_ecs 1000
    reads_huawei_clouddc 1000
    reads_openstack 1000
    reads_openstack_ironic 1000
    reads_hetzner 1000
    orders 1000
    pauses 1000
    journal 500
    config 1000
    credentials 1000
    selection 1000
    text 1000
}
