//! Encoders that signatures rest on.

use crate::cases::cases;
use proptest::prelude::*;
use reinstall::sign::canonical::{decode, encode, parameters, path, query};
use reinstall::sign::hash::{hex, hmac_sha256, same, sha256_hex};

/// A raw query as a client may write it: names and values encoded, in any order.
fn raw_query() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((".{1,12}", ".{0,12}"), 0..8)
}

fn written(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_is_encoded_is_decoded_to_the_same(text in any::<String>()) {
        let encoded = encode(&text);
        prop_assert_eq!(decode(&encoded), text);
    }

    #[test]
    fn encoded_text_has_bare_letters_and_upper_case_escapes_alone(text in any::<String>()) {
        let encoded = encode(&text);
        let mut rest = encoded.as_str();
        while let Some(c) = rest.chars().next() {
            if c == '%' {
                let digits = rest.get(1..3).expect("two digits");
                prop_assert!(digits.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)), "{encoded}");
                rest = &rest[3..];
            } else {
                prop_assert!(c.is_ascii_alphanumeric() || "-._~".contains(c), "{encoded}");
                rest = &rest[1..];
            }
        }
    }

    #[test]
    fn different_texts_are_encoded_differently(a in any::<String>(), b in any::<String>()) {
        prop_assert_eq!(encode(&a) == encode(&b), a == b);
    }

    #[test]
    fn a_canonical_path_is_its_own_canonical_path(segments in prop::collection::vec(any::<String>(), 0..6)) {
        let raw = segments.iter().map(|segment| encode(segment)).collect::<Vec<_>>().join("/");
        prop_assert_eq!(path(&raw), raw.clone());
        prop_assert_eq!(path(&raw).matches('/').count(), raw.matches('/').count());
    }

    #[test]
    fn a_canonical_query_is_stable_and_keeps_every_parameter(pairs in raw_query()) {
        let canonical = query(&written(&pairs));
        prop_assert_eq!(query(&canonical), canonical.clone());
        let mut sorted = pairs;
        sorted.sort();
        prop_assert_eq!(parameters(&canonical), sorted);
    }

    #[test]
    fn the_order_on_the_wire_does_not_change_the_canonical_query(pairs in raw_query(), turn in 0_usize..8) {
        let mut turned = pairs.clone();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(query(&written(&turned)), query(&written(&pairs)));
        turned.reverse();
        prop_assert_eq!(query(&written(&turned)), query(&written(&pairs)));
    }

    #[test]
    fn no_raw_text_breaks_the_encoders(raw in any::<String>()) {
        let once = query(&raw);
        prop_assert_eq!(query(&once), once.clone());
        let once = path(&raw);
        prop_assert_eq!(path(&once), once.clone());
    }

    #[test]
    fn hexadecimal_is_two_lower_case_digits_a_byte(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let text = hex(&bytes);
        prop_assert_eq!(text.len(), bytes.len() * 2);
        let back: Vec<u8> =
            (0..bytes.len()).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("digits")).collect();
        prop_assert_eq!(back, bytes);
        prop_assert_eq!(text.to_lowercase(), text);
    }

    #[test]
    fn one_other_bit_is_another_signature(key in any::<[u8; 20]>(), message in any::<[u8; 20]>(), bit in 0_usize..160) {
        let mut other = message;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(hmac_sha256(&key, &message), hmac_sha256(&key, &other));
        prop_assert_ne!(sha256_hex(&message), sha256_hex(&other));
    }

    #[test]
    fn the_slow_comparison_compares(a in ".{0,8}", b in ".{0,8}") {
        prop_assert_eq!(same(&a, &b), a == b);
        prop_assert!(same(&a, &a));
    }
}
