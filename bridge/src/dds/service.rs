//! Asking and answering, as it is on DDS.

use super::limit::Limit;
use super::present::{End, SETTLES_WITHIN};
use super::raw::{Care, Sample};
use super::topic::{Hearing, Said};
use super::{Rmw, Ros, RosError, locked, names};
use crate::asking::{self, Asker, Expected, Patience, Reply, Served};
use crate::ros::Message;
use core::time::Duration;
use rustdds::{GUID, SampleIdentity, SequenceNumber};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// Which question of whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Id {
    who: [u8; 16],
    number: i64,
}

impl Id {
    fn identity(self) -> SampleIdentity {
        SampleIdentity { writer_guid: GUID::from_bytes(self.who), sequence_number: self.number.into() }
    }
}

impl From<SampleIdentity> for Id {
    fn from(identity: SampleIdentity) -> Self {
        Self { who: identity.writer_guid.to_bytes(), number: identity.sequence_number.into() }
    }
}

/// So long is what Cyclone DDS puts before a question or an answer: eight bytes of who, and the number.
const HEADER: usize = 16;

/// The header before encapsulated CDR's body.
fn with_header(id: Id, mut bytes: Vec<u8>) -> Vec<u8> {
    let header = id.who[8..].iter().copied().chain(id.number.to_le_bytes());
    let at = bytes.len().min(4);
    bytes.splice(at..at, header);
    bytes
}

/// The header, and encapsulated CDR without it.
fn without_header(mut bytes: Vec<u8>) -> Option<(Id, Vec<u8>)> {
    let is_big = *bytes.get(1)? == 0;
    let header: [u8; HEADER] = bytes.get(4..4 + HEADER)?.try_into().ok()?;
    bytes.drain(4..4 + HEADER);
    let (mut who, mut number) = ([0; 16], [0; 8]);
    who[8..].copy_from_slice(&header[..8]);
    number.copy_from_slice(&header[8..]);
    if is_big {
        who[8..].reverse();
    }
    let number = if is_big { i64::from_be_bytes(number) } else { i64::from_le_bytes(number) };
    Some((Id { who, number }, bytes))
}

/// The names of a service on the wire: topic and type of the questions, and of the answers.
pub(super) struct Wires {
    name: String,
    questions: (String, String),
    answers: (String, String),
}

impl Wires {
    /// Of a service's whole name and its type's.
    pub(super) fn of(name: &str, of_type: &str) -> Result<Self, RosError> {
        Ok(Self {
            name: name.to_owned(),
            questions: (format!("rq{name}Request"), names::of_type(&format!("{of_type}_Request"))?),
            answers: (format!("rr{name}Reply"), names::of_type(&format!("{of_type}_Response"))?),
        })
    }

    fn of_types<Q: Message, A: Message>(ros: &Ros, name: &str) -> Result<Self, RosError> {
        let name = ros.whole("service", name)?;
        Self::of(&name, names::common((Q::NAME, "_Request"), (A::NAME, "_Response"))?)
    }
}

/// Whom an answer goes to.
#[derive(Clone, Copy)]
struct To {
    id: Id,
    writer: GUID,
}

/// What answers of one service go out by.
pub(super) struct Answers {
    said: Said,
    rmw: Rmw,
}

/// So long one that has asked is waited for to hear the answers, which may become known after its question.
const HEARS_WITHIN: Duration = Duration::from_millis(300);

impl Answers {
    /// Answers questions from now on; `each` is called with every one that comes.
    pub(super) fn serve(
        ros: &Ros,
        wires: Wires,
        mut each: impl FnMut(Vec<u8>, Reply) + Send + 'static,
        mut bad: impl FnMut() + Send + 'static,
    ) -> Result<Hearing, RosError> {
        let (topic, of_type) = wires.answers;
        let rmw = ros.0.settings.rmw;
        let said = Said::new(ros, topic, of_type, Care::Reliable)?;
        let answers = Arc::new(Self { said, rmw });
        let (topic, of_type) = wires.questions;
        Hearing::new(ros, &topic, of_type, Care::Reliable, move |sample| {
            match sample.and_then(|sample| read_question(rmw, sample)) {
                Some((to, bytes)) => each(bytes, answers.reply(to)),
                None => bad(),
            }
        })
    }

    fn reply(self: &Arc<Self>, to: To) -> Reply {
        let answers = self.clone();
        Reply::new(move |bytes, patience| {
            if patience == Patience::Waits {
                // Who hears no answers will not be told that there was none.
                let hears = |guid: &GUID| guid.prefix == to.writer.prefix;
                answers.said.peers.wait(&[&answers.said.end], &Limit::of(HEARS_WITHIN), &hears);
            }
            match answers.rmw {
                Rmw::FastRtps => answers.said.write(bytes, Some(to.id.identity()), |_| ()),
                Rmw::CycloneDds => answers.said.write(with_header(to.id, bytes), None, |_| ()),
            }
        })
    }
}

fn read_question(rmw: Rmw, sample: Sample) -> Option<(To, Vec<u8>)> {
    let writer = sample.writer;
    if rmw == Rmw::CycloneDds {
        let (id, bytes) = without_header(sample.bytes)?;
        return Some((To { id, writer }, bytes));
    }
    let own = Id { who: writer.to_bytes(), number: sample.number };
    let mut id = sample.related.map_or(own, Id::from);
    // Fast DDS says whom the answer is for, and leaves the number to the message itself.
    if id.number == i64::from(SequenceNumber::UNKNOWN) {
        id.number = own.number;
    }
    Some((To { id, writer }, sample.bytes))
}

/// Answers of one service that somebody waits for.
type Pending = Mutex<HashMap<Id, SyncSender<Vec<u8>>>>;

/// What questions of one service go out by.
pub(super) struct Questions {
    name: String,
    said: Said,
    hearing: Hearing,
    pending: Arc<Pending>,
    next: AtomicI64,
    /// Those that know of us.
    met: Mutex<Vec<GUID>>,
    rmw: Rmw,
}

/// As long as it is there, somebody waits for an answer.
struct Waits {
    id: Id,
    pending: Arc<Pending>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        locked(&self.pending).remove(&self.id);
    }
}

impl Questions {
    pub(super) fn new(ros: &Ros, wires: Wires) -> Result<Self, RosError> {
        let pending = Arc::new(Pending::default());
        let (into, rmw) = (pending.clone(), ros.0.settings.rmw);
        let (topic, of_type) = wires.answers;
        // Others' answers come here, too; nobody waits for them, nor for what is no answer.
        let hearing = Hearing::new(ros, &topic, of_type, Care::Reliable, move |sample| {
            let Some(sample) = sample else { return };
            let read = match rmw {
                Rmw::FastRtps => sample.related.map(|id| (Id::from(id), sample.bytes)),
                Rmw::CycloneDds => without_header(sample.bytes),
            };
            if let Some((id, bytes)) = read
                && let Some(waits) = locked(&into).remove(&id)
            {
                _ = waits.try_send(bytes);
            }
        })?;
        let (topic, of_type) = wires.questions;
        let said = Said::new(ros, topic, of_type, Care::Reliable)?;
        let next = AtomicI64::new(1);
        Ok(Self { name: wires.name, said, hearing, pending, next, met: Mutex::default(), rmw })
    }

    pub(super) fn ends(&self) -> [&End; 2] {
        [&self.said.end, &self.hearing.end]
    }

    /// Waits until there is somebody to ask, and others are there for these ends.
    pub(super) fn wait_with(&self, ends: &[&End], limit: &Limit) -> Result<(), RosError> {
        let ends = [&self.ends()[..], ends].concat();
        if !self.said.peers.wait(&ends, limit, &|_| true) {
            return Err(RosError::Silent { name: self.name.clone() });
        }
        let there = self.said.peers.others(&self.said.end);
        let mut met = locked(&self.met);
        if there.iter().any(|guid| !met.contains(guid)) {
            std::thread::sleep(SETTLES_WITHIN.min(limit.left()));
            *met = there;
        }
        Ok(())
    }
}

impl asking::Questions for Questions {
    fn wait(&self, limit: &Limit) -> Result<(), RosError> {
        self.wait_with(&[], limit)
    }

    fn ask(&self, bytes: Vec<u8>) -> Result<Expected, RosError> {
        let (says, answer) = sync_channel(1);
        let who = self.said.end.guid.to_bytes();
        // Held until it is known under which number it went, or the answer could be there before.
        let mut pending = locked(&self.pending);
        let mut id = Id { who, number: 0 };
        match self.rmw {
            Rmw::FastRtps => self.said.write(bytes, None, |number| id.number = number)?,
            Rmw::CycloneDds => {
                id.who[..8].fill(0);
                id.number = self.next.fetch_add(1, Ordering::Relaxed);
                self.said.write(with_header(id, bytes), None, |_| ())?;
            }
        }
        pending.insert(id, says);
        let waits = Waits { id, pending: self.pending.clone() };
        Ok(Expected { name: self.name.clone(), answer, _waits: Box::new(waits) })
    }
}

impl Ros {
    /// Answers what a service is asked from now on. Its types are those of a pair, as `std_srvs/srv/Trigger_Request` and
    /// `std_srvs/srv/Trigger_Response`.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `service` for a name that is none, `type` for types that are no pair;
    /// [`RosError::Dds`].
    pub fn serve<Q: Message + Send + 'static, A: Message + 'static>(
        &self,
        name: &str,
    ) -> Result<Served<Q, A>, RosError> {
        let wires = Wires::of_types::<Q, A>(self, name)?;
        Served::new(|counter| {
            let bad = counter.clone();
            let each = move |bytes: Vec<u8>, reply| counter.asked(&bytes, reply);
            let hearing = Answers::serve(self, wires, each, move || bad.bad())?;
            Ok(Box::new((hearing, self.clone())))
        })
    }

    /// A way to ask a service, more than once.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub fn asker<Q: Message, A: Message>(&self, name: &str) -> Result<Asker<Q, A>, RosError> {
        let questions = Questions::new(self, Wires::of_types::<Q, A>(self, name)?)?;
        Ok(Asker::new(questions, Box::new(self.clone())))
    }

    /// Asks a service once.
    ///
    /// # Errors
    /// As [`Self::asker`] and [`Asker::ask`].
    pub fn ask<Q: Message, A: Message>(
        &self,
        name: &str,
        question: &Q,
        limit: Duration,
    ) -> Result<A, RosError> {
        self.asker(name)?.ask(question, limit)
    }
}
