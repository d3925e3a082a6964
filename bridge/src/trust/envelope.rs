//! What travels beside every payload: which type, from whom, in which order, when, and for commands a proof of it.

use super::keys::{Key, Tag};
use crate::ros::Message;
use ring::digest;
use types::{Rejection, Time};

/// The version of this layout.
const VERSION: u8 = 1;
/// Bytes without and with a tag.
const PLAIN: usize = 33;
const SIGNED: usize = PLAIN + 16;

/// Tells a message type and its definition from every other: the first 8 bytes of the SHA-256 of both.
#[must_use]
pub fn schema_id<M: Message>() -> u64 {
    let text = format!("{}\n{}", M::NAME, M::definition());
    let sum = digest::digest(&digest::SHA256, text.as_bytes());
    sum.as_ref().first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b))
}

/// See the head of this file. Little endian on the wire: version, schema, sender, sequence, time, tag.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Which type, see [`schema_id`].
    pub schema: u64,
    /// Who: drawn anew whenever a node starts. Of a signed message the session that it is sent in.
    pub sender: u64,
    /// Counts up by one per sender and key.
    pub sequence: u64,
    /// When it was sent, by the sender's clock.
    pub sent: Time,
    /// Over key, envelope and payload, where it is signed.
    pub tag: Option<Tag>,
}

impl Envelope {
    /// No envelope is longer, bytes.
    pub const LONGEST: usize = SIGNED;

    fn plain(&self) -> [u8; PLAIN] {
        let mut out = [0; PLAIN];
        out[0] = VERSION;
        out[1..9].copy_from_slice(&self.schema.to_le_bytes());
        out[9..17].copy_from_slice(&self.sender.to_le_bytes());
        out[17..25].copy_from_slice(&self.sequence.to_le_bytes());
        out[25..33].copy_from_slice(&self.sent.as_nanos().to_le_bytes());
        out
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.plain().to_vec();
        out.extend(self.tag.iter().flat_map(|t| t.0));
        out
    }

    /// From bytes.
    ///
    /// # Errors
    /// A [`Rejection`] for another length, another version, or a time that is none (B19, B22).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() != PLAIN && bytes.len() != SIGNED {
            let got = format!("{} bytes", bytes.len());
            return Err(Rejection::new("envelope", format!("{PLAIN} or {SIGNED} bytes"), got));
        }
        if bytes[0] != VERSION {
            return Err(Rejection::new("envelope.version", VERSION.to_string(), bytes[0].to_string()));
        }
        let word = |at: usize| bytes[at..].first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
        let sent = Time::from_nanos(word(25).cast_signed());
        if sent < Time::ZERO || sent > Time::MAX {
            return Err(Rejection::new(
                "envelope.sent",
                "a time on a clock",
                format!("{} ns", sent.as_nanos()),
            ));
        }
        let tag = bytes[PLAIN..].first_chunk::<16>().map(|b| Tag(*b));
        Ok(Self { schema: word(1), sender: word(9), sequence: word(17), sent, tag })
    }

    /// That the payload is of this type (B21).
    ///
    /// # Errors
    /// A [`Rejection`] naming it.
    pub fn check_schema(&self, name: &str, schema: u64) -> Result<(), Rejection> {
        if self.schema == schema {
            return Ok(());
        }
        let expected = format!("{name} of schema {schema:016x}");
        Err(Rejection::new("envelope.schema", expected, format!("{:016x}", self.schema)))
    }

    /// Signed by whoever has the key.
    #[must_use]
    pub fn signed(self, key: &Key, topic: &str, payload: &[u8]) -> Self {
        Self { tag: Some(key.tag(&[topic.as_bytes(), &[0], &self.plain(), payload])), ..self }
    }

    /// Whether it was signed with this key.
    #[must_use]
    pub fn is_signed(&self, key: &Key, topic: &str, payload: &[u8]) -> bool {
        self.tag.is_some_and(|tag| key.verifies(&tag, &[topic.as_bytes(), &[0], &self.plain(), payload]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::{JointState, Text};

    const ENVELOPE: Envelope =
        Envelope { schema: 7, sender: 8, sequence: 9, sent: Time::from_nanos(10), tag: None };

    #[test]
    fn an_envelope_comes_back_and_any_other_length_version_or_time_is_refused() {
        let key = Key::from_bytes([3; 32]);
        for e in [ENVELOPE, ENVELOPE.signed(&key, "arm/order", b"abc")] {
            let bytes = e.to_bytes();
            assert_eq!(Envelope::from_bytes(&bytes), Ok(e));
            for n in (0..bytes.len()).filter(|n| *n != PLAIN) {
                assert!(Envelope::from_bytes(&bytes[..n]).is_err(), "B19: {n}");
            }
        }
        let mut other = ENVELOPE.to_bytes();
        other[0] = 2;
        assert_eq!(Envelope::from_bytes(&other).expect_err("B21").field, "envelope.version");
        for ns in [-1, i64::MIN, i64::MAX] {
            let e = Envelope { sent: Time::from_nanos(ns), ..ENVELOPE };
            assert_eq!(Envelope::from_bytes(&e.to_bytes()).expect_err("B22").field, "envelope.sent");
        }
    }

    #[test]
    fn a_tag_holds_for_this_key_this_topic_this_envelope_and_this_payload_alone() {
        let key = Key::from_bytes([3; 32]);
        let e = ENVELOPE.signed(&key, "arm/order", b"abc");
        assert!(e.is_signed(&key, "arm/order", b"abc"));
        assert!(!ENVELOPE.is_signed(&key, "arm/order", b"abc"), "without a tag");
        assert!(!e.is_signed(&Key::from_bytes([4; 32]), "arm/order", b"abc"));
        assert!(!e.is_signed(&key, "arm/stop", b"abc"));
        assert!(!e.is_signed(&key, "arm/order", b"abd"));
        for changed in [
            Envelope { schema: 1, ..e },
            Envelope { sender: 1, ..e },
            Envelope { sequence: 10, ..e },
            Envelope { sent: Time::ZERO, ..e },
        ] {
            assert!(!changed.is_signed(&key, "arm/order", b"abc"));
        }
    }

    #[test]
    fn every_type_has_a_schema_of_its_own_that_hangs_on_its_definition() {
        assert_ne!(schema_id::<JointState>(), schema_id::<Text>());
        let e = Envelope { schema: schema_id::<Text>(), ..ENVELOPE };
        assert!(e.check_schema(Text::NAME, schema_id::<Text>()).is_ok());
        let why = e.check_schema(JointState::NAME, schema_id::<JointState>()).expect_err("B21");
        assert!(why.to_string().contains("sensor_msgs/msg/JointState"), "{why}");
    }
}
