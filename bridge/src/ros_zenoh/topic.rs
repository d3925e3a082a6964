//! Saying and hearing messages.

use super::attachment::{Attachment, Gid};
use super::ear::Ear;
use super::early::{Catching, Kept, Last};
use super::{Dialect, Kind, Naming, Ros, zenoh};
use crate::limit::Limit;
use crate::ros::{Care, Message, to_cdr};
use crate::wire::WireError;
use ::zenoh::Wait as _;
use ::zenoh::bytes::ZBytes;
use ::zenoh::liveliness::LivelinessToken;
use ::zenoh::pubsub::Subscriber;
use ::zenoh::qos::{CongestionControl, Reliability};
use ::zenoh::sample::SourceInfo;
use core::marker::PhantomData;
use core::time::Duration;
use ring::digest::{SHA256, digest};
use std::sync::{Arc, Mutex, PoisonError};

/// Between two looks whether what others have declared has come here.
const LOOKS_EVERY: Duration = Duration::from_millis(5);

/// Says messages of one type.
pub struct Publisher<M> {
    // Those before the publisher go before it.
    _token: LivelinessToken,
    kept: Option<Kept>,
    publisher: ::zenoh::pubsub::Publisher<'static>,
    naming: Naming,
    gid: Gid,
    /// How many were said.
    number: Mutex<u32>,
    ros: Ros,
    _type: PhantomData<fn(&M)>,
}

impl<M: Message> Publisher<M> {
    /// Says it. What is reliable waits where the line to the router cannot take more.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) for what CDR cannot hold; [`WireError::Zenoh`].
    pub fn put(&self, message: &M) -> Result<(), WireError> {
        let payload = ZBytes::from(to_cdr(message)?);
        // Held while it is sent: the numbers go out in order.
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let source = SourceInfo::new(self.publisher.id(), *number);
        *number = number.wrapping_add(1);
        let timestamp = self.ros.0.session.new_timestamp();
        let said_ns = i64::try_from(timestamp.get_time().to_duration().as_nanos()).unwrap_or(i64::MAX);
        let beside = Attachment { number: i64::from(*number), said_ns, gid: self.gid };
        let is_rmw = self.ros.0.settings.dialect == Dialect::RmwZenoh;
        let attachment = is_rmw.then(|| ZBytes::from(beside.to_bytes().to_vec()));
        let put = self.publisher.put(payload.clone()).timestamp(timestamp).attachment(attachment.clone());
        match &self.kept {
            None => put.wait().map_err(zenoh),
            Some(kept) => {
                kept.keep(Last { payload, attachment, timestamp, source: source.clone() });
                put.source_info(source).wait().map_err(zenoh)
            }
        }
    }

    /// The key of its messages on Zenoh.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.naming.key
    }

    /// How many hear it.
    #[must_use]
    pub fn heard_by(&self) -> usize {
        let Naming { topic, of_type, hash, .. } = &self.naming;
        self.ros.0.graph.count(Kind::Subscription, topic, of_type, hash)
    }

    /// Waits until somebody hears it; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_heard(&self, limit: Duration) -> bool {
        let limit = Limit::of(limit);
        let Naming { topic, of_type, hash, .. } = &self.naming;
        if !self.ros.0.graph.wait(Kind::Subscription, topic, of_type, hash, &limit) {
            return false;
        }
        // It is known of; now what it is known to hear has to have come here, too.
        loop {
            if self.publisher.matching_status().wait().is_ok_and(|s| s.matching()) {
                return true;
            }
            if limit.left().is_zero() {
                return false;
            }
            std::thread::sleep(LOOKS_EVERY);
        }
    }
}

/// Hears messages of one type.
pub struct Heard<M> {
    _token: LivelinessToken,
    _catching: Option<Catching>,
    _subscriber: Subscriber<()>,
    ear: Arc<Ear<M>>,
    naming: Naming,
    ros: Ros,
}

impl<M: Message + Send + 'static> Heard<M> {
    /// The oldest that waits.
    #[must_use]
    pub fn take(&self) -> Option<M> {
        self.ear.queue.take()
    }

    /// The oldest that waits or comes within the limit.
    #[must_use]
    pub fn take_within(&self, limit: Duration) -> Option<M> {
        self.ear.queue.take_within(limit)
    }

    /// The key of its messages on Zenoh.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.naming.key
    }

    /// How many were said but never taken: they had to make room, or did not arrive (a gap in the numbers of who says
    /// them, which the bridge does not tell).
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.ear.queue.lost()
    }

    /// How many could not be read, or were of another type. With `rmw_zenoh` another type's do not come here at all.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.ear.queue.refused()
    }

    /// How many say it.
    #[must_use]
    pub fn said_by(&self) -> usize {
        let Naming { topic, of_type, hash, .. } = &self.naming;
        self.ros.0.graph.count(Kind::Publisher, topic, of_type, hash)
    }

    /// Waits until somebody says it; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_said(&self, limit: Duration) -> bool {
        let Naming { topic, of_type, hash, .. } = &self.naming;
        self.ros.0.graph.wait(Kind::Publisher, topic, of_type, hash, &Limit::of(limit))
    }
}

impl Ros {
    /// A way to say messages of one type on a topic.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `topic` or `type` for names that are none; [`WireError::Zenoh`].
    pub fn publisher<M: Message>(&self, topic: &str, care: Care) -> Result<Publisher<M>, WireError> {
        let naming = self.naming::<M>(topic, Kind::Publisher, care)?;
        let session = &self.0.session;
        let (congestion, reliability) = match care {
            Care::Sensor => (CongestionControl::Drop, Reliability::BestEffort),
            Care::Newest => (CongestionControl::Drop, Reliability::Reliable),
            Care::Reliable | Care::Latched => (CongestionControl::Block, Reliability::Reliable),
        };
        let publisher = session.declare_publisher(naming.key.clone());
        let publisher =
            publisher.congestion_control(congestion).reliability(reliability).wait().map_err(zenoh)?;
        let kept = match care {
            Care::Latched => Some(Kept::new(session, &publisher)?),
            Care::Sensor | Care::Reliable | Care::Newest => None,
        };
        // The token is nobody else's, so neither is this.
        let mut gid = [0; 16];
        gid.copy_from_slice(&digest(&SHA256, naming.token.as_bytes()).as_ref()[..16]);
        // Last: who knows of it can hear it.
        let token = session.liveliness().declare_token(naming.token.clone()).wait().map_err(zenoh)?;
        let (number, ros) = (Mutex::new(0), self.clone());
        Ok(Publisher { _token: token, kept, publisher, naming, gid, number, ros, _type: PhantomData })
    }

    /// Hears messages of one type on a topic from now on; at most `capacity` wait, and the oldest makes room. What is
    /// [`Care::Latched`] hears first what was said last before.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub fn hear<M: Message + Send + 'static>(
        &self,
        topic: &str,
        care: Care,
        capacity: usize,
    ) -> Result<Heard<M>, WireError> {
        let naming = self.naming::<M>(topic, Kind::Subscription, care)?;
        let (session, dialect) = (&self.0.session, self.0.settings.dialect);
        let is_latched = care == Care::Latched;
        let ear = Arc::new(Ear::new(dialect, self.0.graph.clone(), &naming, is_latched, capacity));
        let into = ear.clone();
        let subscriber = session.declare_subscriber(naming.key.clone());
        let subscriber = subscriber.callback(move |sample| into.take(&sample)).wait().map_err(zenoh)?;
        let catching = is_latched.then(|| Catching::start(&self.0, &naming.key, &ear)).transpose()?;
        let token = session.liveliness().declare_token(naming.token.clone()).wait().map_err(zenoh)?;
        let ros = self.clone();
        Ok(Heard { _token: token, _catching: catching, _subscriber: subscriber, ear, naming, ros })
    }
}
