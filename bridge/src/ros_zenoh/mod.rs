//! ROS 2 over Zenoh, for systems that do not speak DDS between machines: topics with the types of
//! [`ros`](crate::ros), as nodes on `rmw_zenoh` say and hear them, or as `zenoh-bridge-ros2dds` carries them out of and
//! into a system on DDS. Services and actions are not here; [`dds`](crate::dds) has them.
//!
//! Nothing leaves this machine unless an endpoint beyond it is named, and Zenoh knows no keys here: who can reach the
//! router can read along and speak. What comes in waits in places of bounded size, and is counted where it is lost or
//! cannot be read.

mod attachment;
mod ear;
mod early;
mod graph;
mod keys;
mod open;
mod qos;
mod topic;

pub use graph::{Kind, Present};
pub use open::Settings;
pub use qos::Qos;
pub use topic::{Heard, Publisher};

use crate::ros::{Care, Message, names, type_hash};
use crate::wire::WireError;
use graph::Graph;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::Rejection;
use zenoh::Wait as _;
use zenoh::liveliness::LivelinessToken;
use zenoh::pubsub::Subscriber;

/// Whose keys are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `rmw_zenoh`, by which nodes of ROS 2 meet without DDS: the type and its hash stand in the key.
    #[default]
    RmwZenoh,
    /// `zenoh-bridge-ros2dds`, which carries topics between a system on DDS and Zenoh: the key is the topic's name.
    Ros2Dds,
}

impl Dialect {
    /// The one of this name: `rmw_zenoh` or `ros2dds`.
    ///
    /// # Errors
    /// A [`Rejection`] naming `dialect` for any other.
    pub fn named(name: &str) -> Result<Self, Rejection> {
        match name {
            "rmw_zenoh" => Ok(Self::RmwZenoh),
            "ros2dds" => Ok(Self::Ros2Dds),
            other => {
                let got = format!("{:?}", other.chars().take(80).collect::<String>());
                Err(Rejection::new("dialect", "rmw_zenoh or ros2dds", got))
            }
        }
    }
}

fn zenoh(e: zenoh::Error) -> WireError {
    WireError::Zenoh(e.to_string())
}

struct Inner {
    settings: Settings,
    /// The session's identity, as it stands in keys.
    session_id: String,
    graph: Arc<Graph>,
    /// What the next publisher or hearer is numbered; the node itself is 0.
    next: AtomicU64,
    _watching: Subscriber<()>,
    _node: LivelinessToken,
    session: zenoh::Session,
}

/// A node. Clones are the same node, and it is there until the last of them and of what was made by it is gone.
#[derive(Clone)]
pub struct Ros(Arc<Inner>);

/// What one end of a topic is called.
struct Naming {
    /// The topic's whole name in ROS.
    topic: String,
    /// The type's name in ROS.
    of_type: &'static str,
    hash: String,
    /// Where its messages go.
    key: String,
    /// By which others know of this end.
    token: String,
}

impl Ros {
    /// Opens a node. It is there at once, and meets others as soon as there is a router.
    ///
    /// # Errors
    /// A [`Rejection`] naming the setting that is none; [`WireError::Zenoh`] where it cannot listen, or does not and
    /// there is no router.
    pub fn open(settings: &Settings) -> Result<Self, WireError> {
        let session = ::zenoh::open(settings.config()?).wait().map_err(zenoh)?;
        let session_id = session.zid().to_string();
        let graph = Arc::new(Graph::new(settings));
        let learns = graph.clone();
        let watching = session.liveliness().declare_subscriber(keys::everybody(settings)).history(true);
        let watching = watching.callback(move |sample| {
            let is_there = sample.kind() == ::zenoh::sample::SampleKind::Put;
            learns.learn(sample.key_expr().as_str(), is_there);
        });
        let watching = watching.wait().map_err(zenoh)?;
        let token = keys::node(settings, &session_id);
        let node = session.liveliness().declare_token(token).wait().map_err(zenoh)?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            session_id,
            graph,
            next: AtomicU64::new(1),
            _watching: watching,
            _node: node,
            session,
        })))
    }

    /// What it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Who is there, this node with its own ends among them, in order.
    #[must_use]
    pub fn present(&self) -> Vec<Present> {
        self.0.graph.present()
    }

    /// How many have announced themselves in a way that cannot be read, or when too many were there already.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.0.graph.unreadable()
    }

    fn naming<M: Message>(&self, topic: &str, kind: Kind, care: Care) -> Result<Naming, Rejection> {
        let s = &self.0.settings;
        let topic = names::whole("topic", &s.namespace, &s.node, topic)?;
        let (of_type, hash) = (M::NAME, type_hash::<M>()?);
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let key = keys::topic(s, &topic, of_type, &hash)?;
        let end = keys::End { kind, topic: &topic, of_type, hash: &hash, care };
        let token = keys::end(s, &self.0.session_id, number, &key, &end)?;
        Ok(Naming { topic, of_type, hash, key, token })
    }
}

#[cfg(test)]
mod tests;
