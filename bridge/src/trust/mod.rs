//! What is said between nodes and whom it is believed from, whatever carries it: the topics and who may say them
//! ([`topics`]), what stands beside every payload ([`Envelope`]), the secrets ([`Keyring`]), that no command counts twice
//! ([`Sessions`]), and another's clock ([`LinkClock`]).

mod clock;
mod envelope;
mod keys;
mod sessions;
pub mod topics;

pub use clock::{LONGEST_ROUND_S, LinkClock};
pub use envelope::{Envelope, schema_id};
pub use keys::{Key, Keyring, PAIRS, Tag, random_id, random_secret, write_secrets};
#[cfg(feature = "wire")]
pub(crate) use keys::{has_secrets, read_secret, write_private, write_secret};
pub use sessions::{Sessions, Verified};
pub use topics::{Care, Role, Topic};
