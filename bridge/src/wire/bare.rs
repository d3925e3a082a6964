//! Zenoh alone, without types, envelopes or counts: what the wire is measured against.

use super::{Topic, WireError, zenoh};
use ::zenoh::bytes::ZBytes;
use ::zenoh::handlers::FifoChannelHandler;
use ::zenoh::pubsub::{Publisher, Subscriber};
use ::zenoh::qos::CongestionControl;
use ::zenoh::sample::Sample;
use ::zenoh::{Config, Session, Wait as _};
use core::time::Duration;

/// One end that says and one that hears, over TCP on this machine and shared memory.
pub struct Bare {
    publisher: Publisher<'static>,
    subscriber: Subscriber<FifoChannelHandler<Sample>>,
    _ends: [Session; 2],
}

impl Bare {
    /// Opens both ends under one key, with the care of a topic.
    ///
    /// # Errors
    /// [`WireError::Zenoh`].
    pub fn open(key: &str, like: &Topic, config: &str) -> Result<Self, WireError> {
        let end = || -> Result<Session, WireError> {
            ::zenoh::open(Config::from_json5(config).map_err(zenoh)?).wait().map_err(zenoh)
        };
        let ends = [end()?, end()?];
        let congestion = CongestionControl::Drop;
        let publisher = ends[0].declare_publisher(key.to_owned()).congestion_control(congestion);
        let publisher = publisher.express(like.is_express).wait().map_err(zenoh)?;
        let subscriber = ends[1].declare_subscriber(key.to_owned()).wait().map_err(zenoh)?;
        Ok(Self { publisher, subscriber, _ends: ends })
    }

    /// Whether the one hears the other.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.publisher.matching_status().wait().is_ok_and(|s| s.matching())
    }

    /// Says some bytes and waits until they are heard; how many came.
    ///
    /// # Errors
    /// [`WireError`] when they do not come within `limit`.
    pub fn pass(&self, payload: Vec<u8>, limit: Duration) -> Result<usize, WireError> {
        self.publisher.put(ZBytes::from(payload)).wait().map_err(zenoh)?;
        let heard = self.subscriber.recv_timeout(limit).map_err(zenoh)?;
        let silent = || WireError::Silent { key: self.publisher.key_expr().to_string(), limit };
        Ok(heard.ok_or_else(silent)?.payload().to_bytes().len())
    }
}
