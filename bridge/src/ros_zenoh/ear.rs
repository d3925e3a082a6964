//! What takes in the messages of a topic: reads them, and counts what is lost and refused.

use super::attachment::Attachment;
use super::graph::Graph;
use super::{Dialect, Naming};
use crate::queue::Queue;
use crate::ros::{Message, from_cdr_whole};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use types::Rejection;
use zenoh::sample::{Sample, SampleKind};

/// So many that say something have their numbers remembered at most.
const MOST_WRITERS: usize = 1024;

pub(super) struct Ear<M> {
    pub(super) queue: Queue<M>,
    dialect: Dialect,
    is_latched: bool,
    graph: Arc<Graph>,
    topic: String,
    of_type: &'static str,
    hash: String,
    last: Mutex<HashMap<[u8; 16], i64>>,
}

/// Of one that says something: which number, and how many before it are missing.
enum Place {
    Next {
        missing: u64,
    },
    /// It has come before.
    Again,
}

fn place(last: &mut HashMap<[u8; 16], i64>, writer: [u8; 16], number: i64) -> Place {
    if last.len() >= MOST_WRITERS && !last.contains_key(&writer) {
        last.clear();
    }
    match last.get(&writer).copied() {
        Some(before) if number <= before => Place::Again,
        before => {
            last.insert(writer, number);
            let missing = before.map_or(0, |before| number.saturating_sub(before) - 1);
            Place::Next { missing: u64::try_from(missing).unwrap_or(0) }
        }
    }
}

impl<M: Message + Send> Ear<M> {
    pub(super) fn new(
        dialect: Dialect,
        graph: Arc<Graph>,
        naming: &Naming,
        is_latched: bool,
        capacity: usize,
    ) -> Self {
        Self {
            queue: Queue::new(capacity),
            dialect,
            is_latched,
            graph,
            topic: naming.topic.clone(),
            of_type: naming.of_type,
            hash: naming.hash.clone(),
            last: Mutex::default(),
        }
    }

    /// Takes one in.
    pub(super) fn take(&self, sample: &Sample) {
        match self.read(sample) {
            Ok(Some(message)) => self.queue.push(message),
            Ok(None) => {}
            Err(_) => self.queue.count(0, 1),
        }
    }

    /// The message; `None` for what has come before.
    fn read(&self, sample: &Sample) -> Result<Option<M>, Rejection> {
        if sample.kind() != SampleKind::Put {
            return Err(Rejection::new("message", "one that is said", "one that is taken back"));
        }
        let place = match self.dialect {
            Dialect::RmwZenoh => {
                let beside = sample.attachment().map(|a| a.to_bytes()).unwrap_or_default();
                let beside = Attachment::from_bytes(&beside)?;
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                place(&mut last, beside.gid, beside.number)
            }
            // Only its time tells what was said by whom, where it has one.
            Dialect::Ros2Dds => match sample.timestamp() {
                None => Place::Next { missing: 0 },
                Some(stamp) => {
                    let session = stamp.get_id().to_string();
                    if self.graph.is_of_another(&session, &self.topic, self.of_type, &self.hash) {
                        return Err(Rejection::new("type", self.of_type, "another"));
                    }
                    let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                    // The highest bit is not in use before 2036.
                    let at = i64::try_from(stamp.get_time().as_u64() >> 1).unwrap_or(i64::MAX);
                    match place(&mut last, stamp.get_id().to_le_bytes(), at) {
                        Place::Next { .. } => Place::Next { missing: 0 },
                        again => again,
                    }
                }
            },
        };
        match place {
            // Where nothing is asked for again nothing comes twice: its number is its own affair.
            Place::Again if self.is_latched => return Ok(None),
            Place::Again => {}
            Place::Next { missing } => self.queue.count(missing, 0),
        }
        from_cdr_whole(&sample.payload().to_bytes()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_for_each_that_speaks_and_any_numbers_are_borne() {
        let mut last = HashMap::new();
        let mut missing = |writer: u8, number| match place(&mut last, [writer; 16], number) {
            Place::Next { missing } => Some(missing),
            Place::Again => None,
        };
        assert_eq!((missing(1, 5), missing(1, 6), missing(1, 9)), (Some(0), Some(0), Some(2)));
        assert_eq!((missing(2, 1), missing(1, 9), missing(1, 3)), (Some(0), None, None));
        assert_eq!((missing(3, i64::MIN), missing(3, i64::MAX)), (Some(0), Some(i64::MAX as u64 - 1)));
        (0..5000_u32).for_each(|k| {
            let mut writer = [9; 16];
            writer[..4].copy_from_slice(&k.to_le_bytes());
            place(&mut last, writer, 1);
        });
        assert!(last.len() <= MOST_WRITERS);
    }
}
