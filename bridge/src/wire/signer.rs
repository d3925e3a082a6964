//! Signs what is said in a session, with a number that grows on each key.

use super::locked;
use crate::trust::{Envelope, Key};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use types::Time;

struct Signing {
    key: Key,
    session: u64,
    last: Mutex<HashMap<String, u64>>,
}

/// Signs what is said in a session. Clones count on together.
#[derive(Clone)]
pub struct Signer(Arc<Signing>);

impl Signer {
    pub(super) fn new(key: Key, session: u64) -> Self {
        Self(Arc::new(Signing { key, session, last: Mutex::default() }))
    }

    /// Its session's number, which stands in whatever is said in it.
    #[must_use]
    pub fn session(&self) -> u64 {
        self.0.session
    }

    pub(super) fn envelope(&self, schema: u64, topic: &str, payload: &[u8], now: Time) -> Envelope {
        let mut last = locked(&self.0.last);
        let sequence = last.entry(topic.to_owned()).or_default();
        *sequence += 1;
        let (sender, sequence) = (self.0.session, *sequence);
        Envelope { schema, sender, sequence, sent: now, tag: None }.signed(&self.0.key, topic, payload)
    }
}
