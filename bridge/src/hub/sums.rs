//! What a file must add up to.

use super::name::is_hex;
use core::fmt::Write as _;
use ring::digest;
use serde::{Deserialize, Serialize};

/// A checksum that the hub publishes, in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sum {
    /// SHA-256 of the bytes: files kept beside git (LFS).
    Sha256(String),
    /// git's own name of a file: SHA-1 of `blob LENGTH`, a zero and the bytes.
    Blob(String),
}

impl Sum {
    /// `None` for what is no such sum.
    pub(super) fn sha256(digits: &str) -> Option<Self> {
        is_hex(digits, 64).then(|| Self::Sha256(digits.to_owned()))
    }

    /// `None` for what is no such sum.
    pub(super) fn blob(digits: &str) -> Option<Self> {
        is_hex(digits, 40).then(|| Self::Blob(digits.to_owned()))
    }

    fn digits(&self) -> &str {
        let (Self::Sha256(digits) | Self::Blob(digits)) = self;
        digits
    }
}

impl core::fmt::Display for Sum {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kind = match self {
            Self::Sha256(_) => "SHA-256",
            Self::Blob(_) => "git blob",
        };
        write!(f, "{kind} {}", self.digits())
    }
}

/// Adds up a file of a known length, piece by piece.
pub(super) struct Adding {
    context: digest::Context,
}

impl Adding {
    /// For what `sum` is about, a file of `size` bytes.
    pub(super) fn new(sum: &Sum, size: u64) -> Self {
        let context = match sum {
            Sum::Sha256(_) => digest::Context::new(&digest::SHA256),
            Sum::Blob(_) => {
                let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {size}\0").as_bytes());
                context
            }
        };
        Self { context }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// Whether it is `sum`; else what it is.
    pub(super) fn check(self, sum: &Sum) -> Result<(), String> {
        let mut digits = String::new();
        for byte in self.context.finish().as_ref() {
            let _ = write!(digits, "{byte:02x}");
        }
        if digits == sum.digits() { Ok(()) } else { Err(digits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(sum: &Sum, pieces: &[&[u8]]) -> Result<(), String> {
        let mut adding = Adding::new(sum, pieces.iter().map(|p| p.len() as u64).sum());
        pieces.iter().for_each(|p| adding.add(p));
        adding.check(sum)
    }

    #[test]
    fn sums_are_those_of_sha256sum_and_of_git_hash_object() {
        let sha =
            Sum::sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").expect("a sum");
        assert_eq!(added(&sha, &[b"a", b"bc"]), Ok(()));
        // `printf 'hello world' | git hash-object --stdin`, and of nothing.
        let blob = Sum::blob("95d09f2b10159347eece71399a7e2e907ea3df4f").expect("a sum");
        assert_eq!(added(&blob, &[b"hello ", b"world"]), Ok(()));
        let empty = Sum::blob("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").expect("a sum");
        assert_eq!(added(&empty, &[]), Ok(()));
        assert!(added(&sha, &[b"abd"]).is_err() && added(&blob, &[b"hello_world"]).is_err());
        assert!(Sum::sha256("abc").is_none() && Sum::blob(&"G".repeat(40)).is_none());
        assert!(Sum::sha256(&"A".repeat(64)).is_none());
    }
}
