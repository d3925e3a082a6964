//! Asking and answering.

use super::limit::Limit;
use super::present::{End, SETTLES_WITHIN};
use super::raw::{Care, Sample};
use super::topic::{Hearing, Queue, Said};
use super::{DdsError, Rmw, Ros, locked, names};
use crate::ros::{Message, from_cdr, to_cdr};
use core::marker::PhantomData;
use core::time::Duration;
use rustdds::{GUID, SampleIdentity, SequenceNumber};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
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
    pub(super) name: String,
    pub(super) questions: (String, String),
    pub(super) answers: (String, String),
}

impl Wires {
    /// Of a service's whole name and its type's.
    pub(super) fn of(name: &str, of_type: &str) -> Result<Self, DdsError> {
        Ok(Self {
            name: name.to_owned(),
            questions: (format!("rq{name}Request"), names::of_type(&format!("{of_type}_Request"))?),
            answers: (format!("rr{name}Reply"), names::of_type(&format!("{of_type}_Response"))?),
        })
    }

    fn of_types<Q: Message, A: Message>(ros: &Ros, name: &str) -> Result<Self, DdsError> {
        let name = ros.whole("service", name)?;
        Self::of(&name, names::common((Q::NAME, "_Request"), (A::NAME, "_Response"))?)
    }
}

/// Whom an answer goes to.
#[derive(Clone, Copy)]
pub(super) struct To {
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
        mut each: impl FnMut(&Arc<Self>, To, Vec<u8>) + Send + 'static,
        mut bad: impl FnMut() + Send + 'static,
    ) -> Result<(Arc<Self>, Hearing), DdsError> {
        let (topic, of_type) = wires.answers;
        let rmw = ros.0.settings.rmw;
        let said = Said::new(ros, topic, of_type, Care::Reliable)?;
        let answers = Arc::new(Self { said, rmw });
        let (topic, of_type) = wires.questions;
        let from = answers.clone();
        let hearing = Hearing::new(ros, &topic, of_type, Care::Reliable, move |sample| {
            match sample.and_then(|sample| read_question(rmw, sample)) {
                Some((to, bytes)) => each(&from, to, bytes),
                None => bad(),
            }
        })?;
        Ok((answers, hearing))
    }

    /// Answers at once.
    pub(super) fn say_now(&self, to: To, bytes: Vec<u8>) -> Result<(), DdsError> {
        match self.rmw {
            Rmw::FastRtps => self.said.write(bytes, Some(to.id.identity()), |_| ()),
            Rmw::CycloneDds => self.said.write(with_header(to.id, bytes), None, |_| ()),
        }
    }

    /// Answers as soon as who has asked hears answers.
    pub(super) fn say(&self, to: To, bytes: Vec<u8>) -> Result<(), DdsError> {
        // Who hears no answers will not be told that there was none.
        let hears = |guid: &GUID| guid.prefix == to.writer.prefix;
        self.said.peers.wait(&[&self.said.end], &Limit::of(HEARS_WITHIN), &hears);
        self.say_now(to, bytes)
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
    pub(super) name: String,
    said: Said,
    hearing: Hearing,
    pending: Arc<Pending>,
    next: AtomicI64,
    /// Those that know of us.
    met: Mutex<Vec<GUID>>,
    rmw: Rmw,
}

/// An answer that somebody waits for.
pub(super) struct Expected {
    name: String,
    id: Id,
    pending: Arc<Pending>,
    answer: Receiver<Vec<u8>>,
}

impl Questions {
    pub(super) fn new(ros: &Ros, wires: Wires) -> Result<Self, DdsError> {
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

    /// Waits until there is somebody to ask.
    pub(super) fn wait(&self, limit: &Limit) -> Result<(), DdsError> {
        self.wait_with(&[], limit)
    }

    /// The same, and until others are there for these ends.
    pub(super) fn wait_with(&self, ends: &[&End], limit: &Limit) -> Result<(), DdsError> {
        let ends = [&self.ends()[..], ends].concat();
        if !self.said.peers.wait(&ends, limit, &|_| true) {
            return Err(DdsError::Silent { name: self.name.clone() });
        }
        let there = self.said.peers.others(&self.said.end);
        let mut met = locked(&self.met);
        if there.iter().any(|guid| !met.contains(guid)) {
            std::thread::sleep(SETTLES_WITHIN.min(limit.left()));
            *met = there;
        }
        Ok(())
    }

    /// Asks.
    pub(super) fn ask(&self, bytes: Vec<u8>) -> Result<Expected, DdsError> {
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
        Ok(Expected { name: self.name.clone(), id, pending: self.pending.clone(), answer })
    }
}

impl Expected {
    /// Waits for it.
    pub(super) fn wait(&self, limit: Duration) -> Result<Vec<u8>, DdsError> {
        self.answer.recv_timeout(limit).map_err(|_| DdsError::Silent { name: self.name.clone() })
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        locked(&self.pending).remove(&self.id);
    }
}

/// So many questions wait to be answered at most; the oldest makes room.
const MOST_WAITING: usize = 64;

/// Questions to one service.
pub struct Served<Q, A> {
    queue: Arc<Queue<Asked<Q, A>>>,
    _hearing: Hearing,
    _ros: Ros,
}

/// A question.
pub struct Asked<Q, A> {
    question: Q,
    to: To,
    answers: Arc<Answers>,
    _type: PhantomData<fn(&A)>,
}

impl<Q: Message, A: Message> Asked<Q, A> {
    /// What is asked.
    #[must_use]
    pub fn question(&self) -> &Q {
        &self.question
    }

    /// Answers it. A question that is let go unanswered stays so.
    ///
    /// # Errors
    /// [`DdsError::Full`], [`DdsError::Dds`].
    pub fn answer(self, answer: &A) -> Result<(), DdsError> {
        self.answers.say(self.to, to_cdr(answer)?)
    }
}

impl<Q: Message, A: Message> Served<Q, A> {
    /// The oldest question that waits or comes within the limit.
    #[must_use]
    pub fn next_within(&self, limit: Duration) -> Option<Asked<Q, A>> {
        self.queue.take_within(limit)
    }

    /// How many had to make room for others.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// How many could not be read, or were of another type.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }
}

/// Asks one service.
pub struct Asker<Q, A> {
    questions: Questions,
    _ros: Ros,
    _type: PhantomData<fn(&Q) -> A>,
}

impl<Q: Message, A: Message> Asker<Q, A> {
    /// Waits until the service is there; `false` when it was not within the limit.
    #[must_use]
    pub fn wait_served(&self, limit: Duration) -> bool {
        self.questions.wait(&Limit::of(limit)).is_ok()
    }

    /// Asks as soon as the service is there, and waits for its answer.
    ///
    /// # Errors
    /// [`DdsError::Silent`] after `limit`; a [`Rejection`](types::Rejection) for an answer that cannot be read.
    pub fn ask(&self, question: &Q, limit: Duration) -> Result<A, DdsError> {
        let limit = Limit::of(limit);
        self.questions.wait(&limit)?;
        let answer = self.questions.ask(to_cdr(question)?)?.wait(limit.left())?;
        Ok(from_cdr(&answer)?)
    }
}

impl Ros {
    /// Answers what a service is asked from now on. Its types are those of a pair, as `std_srvs/srv/Trigger_Request` and
    /// `std_srvs/srv/Trigger_Response`.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `service` for a name that is none, `type` for types that are no pair;
    /// [`DdsError::Dds`].
    pub fn serve<Q: Message + Send + 'static, A: Message + 'static>(
        &self,
        name: &str,
    ) -> Result<Served<Q, A>, DdsError> {
        let wires = Wires::of_types::<Q, A>(self, name)?;
        let queue = Arc::new(Queue::new(MOST_WAITING));
        let (into, counts) = (queue.clone(), queue.clone());
        let take = move |answers: &Arc<Answers>, to, bytes: Vec<u8>| match from_cdr(&bytes) {
            Ok(question) => into.push(Asked { question, to, answers: answers.clone(), _type: PhantomData }),
            Err(_) => into.count(0, 1),
        };
        let (_, hearing) = Answers::serve(self, wires, take, move || counts.count(0, 1))?;
        Ok(Served { queue, _hearing: hearing, _ros: self.clone() })
    }

    /// A way to ask a service, more than once.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub fn asker<Q: Message, A: Message>(&self, name: &str) -> Result<Asker<Q, A>, DdsError> {
        let questions = Questions::new(self, Wires::of_types::<Q, A>(self, name)?)?;
        Ok(Asker { questions, _ros: self.clone(), _type: PhantomData })
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
    ) -> Result<A, DdsError> {
        self.asker(name)?.ask(question, limit)
    }
}
