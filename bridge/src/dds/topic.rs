//! Saying and hearing messages.

use super::limit::Limit;
use super::listing::Listed;
use super::present::{End, Peers, SETTLES_WITHIN};
use super::raw::{Care, Out, Writer};
use super::{Ros, RosError, carrier, locked, names};
pub(super) use crate::queue::Queue;
use crate::ros::{Message, from_cdr, to_cdr};
use core::marker::PhantomData;
use core::time::Duration;
use rustdds::{GUID, RTPSEntity as _, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A writer of the node's with all that goes with it.
pub(super) struct Said {
    writer: Arc<Mutex<Writer>>,
    leaving: carrier::Leaving,
    pub(super) end: End,
    topic: String,
    _listed: Listed,
    pub(super) peers: Arc<Peers>,
}

impl Said {
    pub(super) fn new(ros: &Ros, topic: String, of_type: String, care: Care) -> Result<Self, RosError> {
        let writer = ros.writer(&topic, &of_type, care)?;
        let end = End { guid: writer.guid(), of_type };
        let listed = ros.0.listing.list(end.guid, false);
        let (writer, leaving) = (Arc::new(Mutex::new(writer)), ros.0.carrier.leaving());
        Ok(Self { writer, leaving, end, topic, _listed: listed, peers: ros.0.peers.clone() })
    }

    /// Writes, and says under which number; `with` gets the lock of the writer first.
    pub(super) fn write(
        &self,
        bytes: Vec<u8>,
        related: Option<rustdds::SampleIdentity>,
        with: impl FnOnce(i64),
    ) -> Result<(), RosError> {
        let options = rustdds::WriteOptionsBuilder::new()
            .source_timestamp(Timestamp::now())
            .related_sample_identity_opt(related)
            .build();
        let writer = locked(&self.writer);
        match writer.write_with_options(Out::new(bytes), options) {
            Ok(identity) => {
                with(i64::from(identity.sequence_number));
                Ok(())
            }
            Err(rustdds::dds::WriteError::WouldBlock { .. }) => {
                Err(RosError::Full { topic: self.topic.clone(), others: self.peers.strangers(&self.end) })
            }
            Err(e) => Err(RosError::Dds(e.to_string())),
        }
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        if self.peers.matched(&self.end) > 0 {
            self.leaving.leave(self.writer.clone());
        }
        self.peers.forget(&self.end);
    }
}

/// Says messages of one type. What was said last has a second to arrive when this is let go, and 200 ms when its node is.
pub struct Publisher<M> {
    pub(super) said: Said,
    _ros: Ros,
    _type: PhantomData<fn(&M)>,
}

impl<M: Message> Publisher<M> {
    /// Says it. What is reliable waits up to 100 ms where 64 have not arrived yet; what is [`Care::Newest`] never waits.
    ///
    /// # Errors
    /// [`RosError::Full`] where it has waited in vain, or 32,768 of [`Care::Newest`] have not arrived: it was not said.
    pub fn put(&self, message: &M) -> Result<(), RosError> {
        self.said.write(to_cdr(message)?, None, |_| ())
    }

    /// How many hear it.
    #[must_use]
    pub fn heard_by(&self) -> usize {
        self.said.peers.matched(&self.said.end)
    }

    /// Waits until somebody hears it, and a moment more for them to know of this publisher, too; `false` when nobody did
    /// within the limit.
    #[must_use]
    pub fn wait_heard(&self, limit: Duration) -> bool {
        let limit = Limit::of(limit);
        let is_heard = self.said.peers.wait(&[&self.said.end], &limit, &|_| true);
        if is_heard {
            std::thread::sleep(SETTLES_WITHIN.min(limit.left()));
        }
        is_heard
    }
}

/// A reader of the node's with all that goes with it.
pub(super) struct Hearing {
    pub(super) end: End,
    _watching: carrier::Watching,
    _listed: Listed,
    peers: Arc<Peers>,
}

impl Hearing {
    /// Hears from now on; each is called with what comes, `None` for what cannot be read.
    pub(super) fn new(
        ros: &Ros,
        topic: &str,
        of_type: String,
        care: Care,
        mut each: impl FnMut(Option<super::raw::Sample>) + Send + 'static,
    ) -> Result<Self, RosError> {
        let reader = ros.reader(topic, &of_type, care)?;
        let end = End { guid: reader.reader.guid(), of_type };
        let listed = ros.0.listing.list(end.guid, true);
        let peers = ros.0.peers.clone();
        let watching = ros.0.carrier.watch(move |waker| reader.take(&peers, waker, &mut each));
        Ok(Self { end, _watching: watching, _listed: listed, peers: ros.0.peers.clone() })
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.peers.forget(&self.end);
    }
}

/// Hears messages of one type.
pub struct Heard<M> {
    /// Each with its writer.
    queue: Arc<Queue<(M, GUID)>>,
    hearing: Hearing,
    _ros: Ros,
}

/// So many writers' numbers are remembered at most.
const MOST_WRITERS: usize = 1024;

/// How many are missing before one of this number, whatever number its writer has chosen.
fn missing(last: &mut HashMap<GUID, i64>, writer: GUID, number: i64) -> u64 {
    if last.len() >= MOST_WRITERS && !last.contains_key(&writer) {
        last.clear();
    }
    let before = last.insert(writer, number).unwrap_or(number.saturating_sub(1));
    u64::try_from(number.saturating_sub(before).saturating_sub(1)).unwrap_or(0)
}

impl<M: Message + Send + 'static> Heard<M> {
    fn new(ros: &Ros, topic: &str, of_type: String, care: Care, capacity: usize) -> Result<Self, RosError> {
        let queue = Arc::new(Queue::new(capacity));
        let into = queue.clone();
        let mut last = HashMap::new();
        let hearing = Hearing::new(ros, topic, of_type, care, move |sample| {
            let Some(sample) = sample else { return into.count(0, 1) };
            into.count(missing(&mut last, sample.writer, sample.number), 0);
            match from_cdr(&sample.bytes) {
                Ok(message) => into.push((message, sample.writer)),
                Err(_) => into.count(0, 1),
            }
        })?;
        Ok(Self { queue, hearing, _ros: ros.clone() })
    }

    /// The oldest that waits.
    #[must_use]
    pub fn take(&self) -> Option<M> {
        self.queue.take().map(|(message, _)| message)
    }

    /// The oldest that waits or comes within the limit.
    #[must_use]
    pub fn take_within(&self, limit: Duration) -> Option<M> {
        self.take_from_within(limit).map(|(message, _)| message)
    }

    /// The same, with the number of the writer that said it: another in every process, and drawn anew by each.
    #[must_use]
    pub fn take_from_within(&self, limit: Duration) -> Option<(M, [u8; 16])> {
        self.queue.take_within(limit).map(|(message, writer)| (message, writer.to_bytes()))
    }

    /// How many were said but never taken: they had to make room, or did not arrive (a gap in their writer's numbers).
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// How many could not be read, or were of another type.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }

    /// How many say it.
    #[must_use]
    pub fn said_by(&self) -> usize {
        self.hearing.peers.matched(&self.hearing.end)
    }

    /// Waits until somebody says it; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_said(&self, limit: Duration) -> bool {
        self.hearing.peers.wait(&[&self.hearing.end], &Limit::of(limit), &|_| true)
    }
}

impl Ros {
    /// A way to say messages of one type on a topic.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `topic` or `type` for names that are none; [`RosError::Dds`].
    pub fn publisher<M: Message>(&self, topic: &str, care: Care) -> Result<Publisher<M>, RosError> {
        let topic = format!("rt{}", self.whole("topic", topic)?);
        let said = Said::new(self, topic, names::of_type(M::NAME)?, care)?;
        Ok(Publisher { said, _ros: self.clone(), _type: PhantomData })
    }

    /// Hears messages of one type on a topic from now on; at most `capacity` wait, and the oldest makes room.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub fn hear<M: Message + Send + 'static>(
        &self,
        topic: &str,
        care: Care,
        capacity: usize,
    ) -> Result<Heard<M>, RosError> {
        let topic = format!("rt{}", self.whole("topic", topic)?);
        Heard::new(self, &topic, names::of_type(M::NAME)?, care, capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted_whatever_numbers_a_writer_chooses() {
        let (mut last, writer) = (HashMap::new(), GUID::GUID_UNKNOWN);
        let mut told = |number| missing(&mut last, writer, number);
        assert_eq!([5, 6, 9, 2].map(&mut told), [0, 0, 2, 0]);
        let most = i64::MAX.unsigned_abs();
        assert_eq!([i64::MIN, i64::MAX, i64::MIN, i64::MIN].map(told), [0, most - 1, 0, 0]);
        let queue = Queue::<()>::new(1);
        (0..4).for_each(|_| queue.count(most, u64::MAX));
        assert_eq!((queue.lost(), queue.refused()), (u64::MAX, u64::MAX));
    }
}
