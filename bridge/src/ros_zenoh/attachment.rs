//! What goes beside every message of `rmw_zenoh`: its number, its time and who says it, in 33 bytes.

use types::Rejection;

/// Who says something: 16 bytes that are nobody else's.
pub(super) type Gid = [u8; 16];

/// See the head of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    /// From 1 on, one more each.
    pub(super) number: i64,
    /// When it was said, ns since 1970.
    pub(super) said_ns: i64,
    pub(super) gid: Gid,
}

const LENGTH: usize = 33;
/// How many bytes of a gid follow.
const GID: u8 = 16;

impl Attachment {
    pub(super) fn to_bytes(self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        out[..8].copy_from_slice(&self.number.to_le_bytes());
        out[8..16].copy_from_slice(&self.said_ns.to_le_bytes());
        out[16] = GID;
        out[17..].copy_from_slice(&self.gid);
        out
    }

    /// # Errors
    /// A [`Rejection`] naming `attachment` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Rejection> {
        let refuse = |expected: &'static str, got: String| Rejection::new("attachment", expected, got);
        let bytes: &[u8; LENGTH] =
            bytes.try_into().map_err(|_| refuse("33 bytes", format!("{} bytes", bytes.len())))?;
        let at = |from: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[from..from + 8]);
            i64::from_le_bytes(eight)
        };
        if bytes[16] != GID {
            return Err(refuse("a gid of 16 bytes", format!("one of {}", bytes[16])));
        }
        let mut gid = [0; GID as usize];
        gid.copy_from_slice(&bytes[17..]);
        match at(0) {
            number if number < 0 => Err(refuse("a number of 0 or more", number.to_string())),
            number => Ok(Self { number, said_ns: at(8), gid }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_is_read_as_it_was_written_and_nothing_else_is() {
        let whole = Attachment { number: 258, said_ns: 1 << 40, gid: core::array::from_fn(|i| i as u8) };
        let bytes = whole.to_bytes();
        assert_eq!(bytes[..17], [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 16]);
        assert_eq!(Attachment::from_bytes(&bytes), Ok(whole));
        let mut long = bytes.to_vec();
        long.push(0);
        for n in (0..LENGTH).chain([LENGTH + 1]) {
            assert_eq!(Attachment::from_bytes(&long[..n]).expect_err("cut").field, "attachment", "{n}");
        }
        for (at, bad) in [(16, 15), (16, 0), (7, 0x80)] {
            let mut spoilt = bytes;
            spoilt[at] = bad;
            assert_eq!(Attachment::from_bytes(&spoilt).expect_err("spoilt").field, "attachment");
        }
    }
}
