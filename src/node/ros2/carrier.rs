//! What carries messages into ROS 2: DDS, ROS 2's own libraries, or Zenoh for systems that have that between them.

use super::{of_key, of_ros2};
use crate::config::Config;
use crate::node::NodeError;
use bridge::asking::{ActionServer, FollowJointTrajectory, MoveGripper, Served};
#[cfg(feature = "dds")]
use bridge::dds;
#[cfg(feature = "ros2")]
use bridge::native;
use bridge::ros::{Care, Message, TriggerRequest, TriggerResponse};
use bridge::ros_zenoh::{self, Dialect};
use bridge::wire::WireError;
use core::time::Duration;
use types::{Rejection, Time};

/// For so long a look at how many say something counts.
#[cfg(feature = "ros2")]
const COUNTS: Duration = Duration::from_millis(100);

/// Stops that are asked for.
pub(super) type Stops = Served<TriggerRequest, TriggerResponse>;
/// Paths that are to be followed.
pub(super) type Goals = ActionServer<FollowJointTrajectory>;
/// Where the gripper shall go.
pub(super) type Grips = ActionServer<MoveGripper>;

/// See the head of this file. Clones are the same.
#[derive(Clone)]
pub(super) enum Carrier {
    #[cfg(feature = "dds")]
    Dds(dds::Ros),
    #[cfg(feature = "ros2")]
    Native(native::Ros),
    Zenoh(ros_zenoh::Ros),
}

/// A way to say messages of one type.
pub(super) enum Publisher<M> {
    #[cfg(feature = "dds")]
    Dds(Box<dds::Publisher<M>>),
    #[cfg(feature = "ros2")]
    Native(native::Publisher<M>),
    Zenoh(Box<ros_zenoh::Publisher<M>>),
}

/// Messages of one type, as they come.
pub(super) enum Hearing<M> {
    #[cfg(feature = "dds")]
    Dds(dds::Heard<M>),
    #[cfg(feature = "ros2")]
    Native(native::Heard<M>),
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

/// One that this program was built without.
#[cfg(not(all(feature = "dds", feature = "ros2")))]
fn missing(feature: &str, carrier: &str) -> NodeError {
    let expected = format!("one that is built in; this takes the feature {feature}");
    Rejection::new("ros2.carrier", expected, format!("{carrier:?}")).into()
}

#[cfg(feature = "dds")]
fn on_dds(config: &Config) -> Result<Carrier, NodeError> {
    let settings = crate::ros2::settings(config)?;
    dds::Ros::open(&settings).map(Carrier::Dds).map_err(of_ros2)
}

#[cfg(not(feature = "dds"))]
fn on_dds(_: &Config) -> Result<Carrier, NodeError> {
    Err(missing("dds", "dds"))
}

#[cfg(feature = "ros2")]
fn on_native(config: &Config) -> Result<Carrier, NodeError> {
    let c = &config.ros2;
    let settings = native::Settings {
        domain: c.domain,
        node: c.node.clone(),
        namespace: c.namespace.clone(),
        joint_states_hz: c.joint_states_hz,
    };
    native::Ros::open(&settings).map(Carrier::Native).map_err(of_ros2)
}

#[cfg(not(feature = "ros2"))]
fn on_native(_: &Config) -> Result<Carrier, NodeError> {
    Err(missing("ros2", "native"))
}

fn on_zenoh(config: &Config) -> Result<Carrier, NodeError> {
    let c = &config.ros2;
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
    ros_zenoh::Ros::open(&settings).map(Carrier::Zenoh).map_err(of_zenoh)
}

impl Carrier {
    /// The one that the configuration names.
    ///
    /// # Errors
    /// [`NodeError`] naming the key that is none, or what could not be opened.
    pub(super) fn open(config: &Config) -> Result<Self, NodeError> {
        match config.ros2.carrier.as_str() {
            "dds" => on_dds(config),
            "native" => on_native(config),
            _ => on_zenoh(config),
        }
    }

    /// The time that stands in messages: of day, or a simulation's where a node of ROS 2's own is told so.
    pub(super) fn now(&self) -> Time {
        match self {
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.simulated_time().unwrap_or_else(crate::ros2::wall),
            _ => crate::ros2::wall(),
        }
    }

    /// How often joints are to be told, Hz, where somebody may have set that.
    pub(super) fn joint_states_hz(&self) -> Option<f64> {
        match self {
            #[cfg(feature = "ros2")]
            Self::Native(ros) => Some(ros.joint_states_hz()),
            _ => None,
        }
    }

    /// Whether what carries it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        match self {
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.is_over(),
            _ => false,
        }
    }

    /// A way to say messages of one type on a topic.
    ///
    /// # Errors
    /// [`NodeError`] naming what is no name, or what the carrier says.
    pub(super) fn publisher<M: Message>(&self, topic: &str, care: Care) -> Result<Publisher<M>, NodeError> {
        match self {
            #[cfg(feature = "dds")]
            Self::Dds(ros) => {
                let says = ros.publisher(topic, care).map_err(of_ros2)?;
                Ok(Publisher::Dds(Box::new(says)))
            }
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.publisher(topic, care).map(Publisher::Native).map_err(of_ros2),
            Self::Zenoh(ros) => {
                let says = ros.publisher(topic, care).map_err(of_zenoh)?;
                Ok(Publisher::Zenoh(Box::new(says)))
            }
        }
    }

    /// Hears messages of one type on the topic that stands at `key`, `most` of which wait; `None` where nothing that comes over
    /// the carrier moves anything.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub(super) fn hear<M: Message + Send + 'static>(
        &self,
        key: &'static str,
        topic: &str,
        most: usize,
    ) -> Result<Option<Hearing<M>>, NodeError> {
        // Whatever its publisher offers, of the newest nothing is sent again.
        let had = match self {
            #[cfg(feature = "dds")]
            Self::Dds(ros) => ros.hear(topic, Care::Sensor, most).map(Hearing::Dds),
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.hear(topic, Care::Sensor, most).map(Hearing::Native),
            Self::Zenoh(_) => return Ok(None),
        };
        had.map(Some).map_err(|e| of_key(key, e))
    }

    /// Paths that others want followed, as of a controller of this name; `None` where the carrier has no actions.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub(super) fn goals(&self, controller: &str) -> Result<Option<Goals>, NodeError> {
        let name = format!("{controller}/follow_joint_trajectory");
        let had = match self {
            #[cfg(feature = "dds")]
            Self::Dds(ros) => ros.follow_server(&name),
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.follow_server(&name),
            Self::Zenoh(_) => return Ok(None),
        };
        had.map(Some).map_err(|e| of_key("ros2.controller", e))
    }

    /// Where others want the gripper, under this name; `None` where the carrier has no actions.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub(super) fn grips(&self, name: &str) -> Result<Option<Grips>, NodeError> {
        let had = match self {
            #[cfg(feature = "dds")]
            Self::Dds(ros) => ros.gripper_server(name),
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.gripper_server(name),
            Self::Zenoh(_) => return Ok(None),
        };
        had.map(Some).map_err(|e| of_key("ros2.gripper", e))
    }

    /// Stops that are asked for under this name; `None` where the carrier has no services.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub(super) fn stops(&self, name: &str) -> Result<Option<Stops>, NodeError> {
        let had = match self {
            #[cfg(feature = "dds")]
            Self::Dds(ros) => ros.serve(name),
            #[cfg(feature = "ros2")]
            Self::Native(ros) => ros.serve(name),
            Self::Zenoh(_) => return Ok(None),
        };
        had.map(Some).map_err(|e| of_key("ros2.node", e))
    }
}

impl<M: Message + Send + 'static> Hearing<M> {
    /// The oldest that waits, or comes within the limit, with who said it where the carrier tells.
    pub(super) fn take_within(&self, limit: Duration) -> Option<(M, Option<[u8; 16]>)> {
        match self {
            #[cfg(feature = "dds")]
            Self::Dds(heard) => heard.take_from_within(limit).map(|(message, from)| (message, Some(from))),
            #[cfg(feature = "ros2")]
            Self::Native(heard) => heard.take_within(limit).map(|message| (message, None)),
        }
    }

    /// How many could not be read, and how many were never taken: they had to make room, or did not arrive, where that is
    /// known.
    pub(super) fn missed(&self) -> [u64; 2] {
        match self {
            #[cfg(feature = "dds")]
            Self::Dds(heard) => [heard.refused(), heard.lost()],
            #[cfg(feature = "ros2")]
            Self::Native(heard) => [heard.refused(), heard.lost()],
        }
    }

    /// Has it looked at how many say it, where the carrier does not tell whose a message is; waits for nothing.
    pub(super) fn look(&self, now: Time) {
        match (self, now) {
            #[cfg(feature = "dds")]
            (Self::Dds(_), _) => {}
            #[cfg(feature = "ros2")]
            (Self::Native(heard), now) => heard.look(now),
        }
    }

    /// How many said it at such a look that still counts; 0 where that is not known.
    pub(super) fn said_lately_by(&self, now: Time) -> usize {
        match (self, now) {
            #[cfg(feature = "dds")]
            (Self::Dds(heard), _) => heard.said_by(),
            #[cfg(feature = "ros2")]
            (Self::Native(heard), now) => heard.said_lately_by(COUNTS, now),
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
            #[cfg(feature = "dds")]
            Self::Dds(says) => says.put(message).map_err(of_ros2),
            #[cfg(feature = "ros2")]
            Self::Native(says) => says.put(message).map_err(of_ros2),
            Self::Zenoh(says) => says.put(message).map_err(of_zenoh),
        }
    }

    /// How many hear it.
    pub(super) fn heard_by(&self) -> usize {
        match self {
            #[cfg(feature = "dds")]
            Self::Dds(says) => says.heard_by(),
            #[cfg(feature = "ros2")]
            Self::Native(says) => says.heard_by(),
            Self::Zenoh(says) => says.heard_by(),
        }
    }
}
