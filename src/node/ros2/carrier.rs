//! What carries topics into ROS 2: DDS, or Zenoh for systems that have that between them.

use super::of_ros2;
use crate::config::Config;
use crate::node::NodeError;
use bridge::ros::{Care, Message};
use bridge::ros_zenoh::Dialect;
use bridge::wire::WireError;
use bridge::{dds, ros_zenoh};
use types::Rejection;

/// See the head of this file. Clones are the same.
#[derive(Clone)]
pub(super) enum Carrier {
    Dds(dds::Ros),
    Zenoh(ros_zenoh::Ros),
}

/// A way to say messages of one type.
pub(super) enum Publisher<M> {
    Dds(dds::Publisher<M>),
    Zenoh(ros_zenoh::Publisher<M>),
}

/// What refuses a setting of ROS 2 over Zenoh names it as the configuration does.
fn of_zenoh(e: WireError) -> NodeError {
    match e {
        WireError::Refused(r) => {
            let key = match r.field.as_ref() {
                "dialect" => "carrier",
                "connect" => "router",
                other => other,
            };
            Rejection::new(format!("ros2.{key}"), r.expected, r.got).into()
        }
        other => other.into(),
    }
}

impl Carrier {
    /// The one that the configuration names.
    ///
    /// # Errors
    /// [`NodeError`] naming the key that is none, or what could not be opened.
    pub(super) fn open(config: &Config) -> Result<Self, NodeError> {
        let c = &config.ros2;
        if c.carrier == "dds" {
            let settings = crate::ros2::settings(config)?;
            return dds::Ros::open(&settings).map(Self::Dds).map_err(of_ros2);
        }
        if c.moves {
            let expected = "false over Zenoh, where no goals are taken";
            return Err(Rejection::new("ros2.moves", expected, "true").into());
        }
        let settings = ros_zenoh::Settings {
            dialect: Dialect::named(&c.carrier).map_err(|r| of_zenoh(r.into()))?,
            domain: c.domain,
            node: c.node.clone(),
            namespace: c.namespace.clone(),
            bridge: c.bridge.clone(),
            connect: c.router.clone(),
            listen: c.listen.clone(),
            is_router: false,
        };
        ros_zenoh::Ros::open(&settings).map(Self::Zenoh).map_err(of_zenoh)
    }

    /// A way to say messages of one type on a topic.
    ///
    /// # Errors
    /// [`NodeError`] naming what is no name, or what the carrier says.
    pub(super) fn publisher<M: Message>(&self, topic: &str, care: Care) -> Result<Publisher<M>, NodeError> {
        match self {
            Self::Dds(ros) => ros.publisher(topic, care).map(Publisher::Dds).map_err(of_ros2),
            Self::Zenoh(ros) => ros.publisher(topic, care).map(Publisher::Zenoh).map_err(of_zenoh),
        }
    }
}

impl<M: Message> Publisher<M> {
    /// Says it.
    ///
    /// # Errors
    /// What the carrier says.
    pub(super) fn put(&self, message: &M) -> Result<(), NodeError> {
        match self {
            Self::Dds(says) => says.put(message).map_err(of_ros2),
            Self::Zenoh(says) => says.put(message).map_err(of_zenoh),
        }
    }

    /// How many hear it.
    pub(super) fn heard_by(&self) -> usize {
        match self {
            Self::Dds(says) => says.heard_by(),
            Self::Zenoh(says) => says.heard_by(),
        }
    }
}
