//! Parts that several vendors' signers share. A signer is a pure function of request bytes, key and time:
//! no clock, no environment, no logging.

pub mod canonical;
pub mod hash;
pub mod keystone;
pub mod moment;

/// Joins parts into one text, in one allocation.
pub fn concat(parts: &[&str]) -> String {
    let mut out = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.push_str(part);
    }
    out
}

/// The three stages of a signature, as `reinstall sign` and the vectors show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages {
    /// The canonical request.
    pub canonical_request: String,
    /// The string to sign.
    pub string_to_sign: String,
    /// The signature, lower-case hexadecimal.
    pub signature: String,
    /// The value of the `Authorization` header.
    pub authorization: String,
}
