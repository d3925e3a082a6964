//! Bytes to and from DDS: what a message is, is found out behind its locks.

use super::present::Peers;
pub use crate::ros::Care;
use core::convert::Infallible;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use futures_core::Stream;
use rustdds::bytes::Bytes;
use rustdds::no_key::{DataWriter, Decode, DefaultDecoder, DeserializerAdapter, SerializerAdapter};
use rustdds::policy::{Durability, History, Reliability, ResourceLimits};
use rustdds::{GUID, QosPolicies, QosPolicyBuilder, RepresentationIdentifier, SampleIdentity};

/// A message as encapsulated CDR, little endian, to go out.
pub(super) struct Out(Bytes);

impl Out {
    pub(super) fn new(encapsulated: Vec<u8>) -> Self {
        let bytes = Bytes::from(encapsulated);
        // DDS writes the encapsulation itself.
        Self(bytes.slice(bytes.len().min(4)..))
    }
}

/// A message as encapsulated CDR that has come.
pub(super) struct In(Vec<u8>);

/// Nothing is read or written here, only copied, so nothing can fail.
pub(super) struct Copying;

#[derive(Clone)]
pub(super) struct Copied;

impl SerializerAdapter<Out> for Copying {
    type Error = Infallible;

    fn output_encoding() -> RepresentationIdentifier {
        RepresentationIdentifier::CDR_LE
    }

    fn to_bytes(value: &Out) -> Result<Bytes, Infallible> {
        Ok(value.0.clone())
    }
}

impl DeserializerAdapter<In> for Copying {
    type Error = Infallible;
    type Decoded = In;

    fn supported_encodings() -> &'static [RepresentationIdentifier] {
        &[RepresentationIdentifier::CDR_LE, RepresentationIdentifier::CDR_BE]
    }

    fn transform_decoded(decoded: In) -> In {
        decoded
    }
}

impl DefaultDecoder<In> for Copying {
    type Decoder = Copied;
    const DECODER: Copied = Copied;
}

impl<'de> Decode<'de, In> for Copied {
    type Error = Infallible;

    fn decode_bytes(self, body: &'de [u8], encoding: RepresentationIdentifier) -> Result<In, Infallible> {
        let mut bytes = Vec::with_capacity(4 + body.len());
        bytes.extend_from_slice(&[0, u8::from(encoding == RepresentationIdentifier::CDR_LE), 0, 0]);
        bytes.extend_from_slice(body);
        Ok(In(bytes))
    }
}

/// Where bytes go out.
pub(super) type Writer = DataWriter<Out, Copying>;

/// Where bytes come in.
pub(super) struct Reader {
    pub(super) reader: rustdds::no_key::SimpleDataReader<In, Copying>,
    /// Of what type they shall be, as on the wire.
    pub(super) of_type: String,
}

/// A message that has come.
pub(super) struct Sample {
    /// Encapsulated CDR.
    pub(super) bytes: Vec<u8>,
    pub(super) writer: GUID,
    pub(super) number: i64,
    /// What it is the answer to.
    pub(super) related: Option<SampleIdentity>,
}

/// So many are taken before others get their turn.
const AT_A_TIME: usize = 256;

impl Reader {
    /// Takes what has come, `None` for what cannot be taken or is of another type, and leaves the waker.
    pub(super) fn take(&self, peers: &Peers, waker: &Waker, mut each: impl FnMut(Option<Sample>)) {
        self.reader.drain_read_notifications();
        let mut stream = pin!(self.reader.as_async_stream());
        let mut context = Context::from_waker(waker);
        for _ in 0..AT_A_TIME {
            match stream.as_mut().poll_next(&mut context) {
                Poll::Ready(Some(Ok(came))) => {
                    let (writer, number) = (came.writer_guid(), i64::from(came.sequence_number));
                    let related = came.related_sample_identity();
                    let bytes = came.into_value().0;
                    // rustdds matches readers and writers by their topic's name alone.
                    let is_ours = peers.is_of(writer, &self.of_type);
                    each(is_ours.then_some(Sample { bytes, writer, number, related }));
                }
                Poll::Ready(Some(Err(_))) => each(None),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
        waker.wake_by_ref();
    }
}

/// So long a message waits at most that finds those before it not yet arrived.
const LONGEST_BLOCK: rustdds::Duration = rustdds::Duration::from_millis(100);
/// So many that have not arrived are kept at most.
const MOST_KEPT: i32 = 64;
/// As that, where nobody may be held up. Who has died without a farewell takes nothing until its lease is over, which others
/// set: 10 s with Cyclone DDS, 20 s with Fast DDS, 50 s here, 60 s where none is named. These are 65 s of 500 messages each,
/// and eleven minutes of 50.
const MOST_KEPT_OF_NEWEST: i32 = 1 << 15;

impl Care {
    pub(super) fn policies(self) -> QosPolicies {
        let reliable = |max_blocking_time| Reliability::Reliable { max_blocking_time };
        let (reliability, durability, depth, most) = match self {
            Self::Sensor => (Reliability::BestEffort, Durability::Volatile, 5, MOST_KEPT),
            Self::Reliable => (reliable(LONGEST_BLOCK), Durability::Volatile, 10, MOST_KEPT),
            Self::Newest => (reliable(rustdds::Duration::ZERO), Durability::Volatile, 1, MOST_KEPT_OF_NEWEST),
            Self::Latched => (reliable(LONGEST_BLOCK), Durability::TransientLocal, 1, MOST_KEPT),
        };
        // rustdds has one number for what it keeps and for how far ahead of the slowest reader a writer may be.
        let limits =
            ResourceLimits { max_samples: most, max_instances: most, max_samples_per_instance: most };
        QosPolicyBuilder::new()
            .reliability(reliability)
            .durability(durability)
            .history(History::KeepLast { depth })
            .resource_limits(limits)
            .build()
    }
}
