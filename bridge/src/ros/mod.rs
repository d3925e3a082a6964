//! ROS 2 message types as bytes, free of any ROS library: what tools of others read from recordings and from the wire.
//!
//! A message is a struct whose fields stand in the order of its definition; [`to_cdr`] and [`from_cdr`] turn it into
//! the encapsulated CDR of OMG DDSI-RTPS 2.3, section 10 (plain CDR, little endian out, both in) and back.

mod care;
mod cloud;
mod diagnostic;
mod encodings;
mod ending;
mod followed;
mod frames;
mod geometry;
mod gripper;
mod hash;
mod markers;
#[cfg(any(feature = "dds", feature = "wire", feature = "ros2"))]
pub(crate) mod names;
mod nodes;
mod picture;
mod sensor;
mod sinew;
mod std_types;
mod trajectory;
mod vision;

pub use care::Care;
pub use cloud::{PointCloud2, PointField};
pub use diagnostic::{DiagnosticArray, DiagnosticStatus, KeyValue};
pub use followed::Followed;
pub use frames::Frames;
pub use geometry::{
    Point, Pose, PoseStamped, PoseWithCovariance, Quaternion, TfMessage, Transform, TransformStamped, Twist,
    TwistStamped, Vector3, Wrench, WrenchStamped,
};
pub use gripper::{gripper_position, gripper_width};
pub use hash::type_hash;
pub use markers::{Marker, MarkerArray, MeshFile, UVCoordinate};
pub use nodes::{
    About, Answer, Ask, Claim, Clock, Goal, Lease, Number, Order, Picture, Question, Refusal, Reply, Report,
    SessionOpened, SessionRequest, Solid, Status, Taken, World,
};
pub use picture::{Sheets, camera_of, optical_frame};
pub use sensor::{CameraInfo, CompressedImage, Image, JointState, Joy, RegionOfInterest};
pub use sinew::{Consumed, Guard, ModelCall, Requests, Tick};
pub use std_types::{ColorRGBA, Duration, Header, Log, SimTime, Text, Time, TriggerRequest, TriggerResponse};
pub use trajectory::{
    FollowJointTrajectoryFeedback, FollowJointTrajectoryGoal, FollowJointTrajectoryResult, GripperCommand,
    GripperCommandFeedback, GripperCommandGoal, GripperCommandResult, JointComponentTolerance,
    JointTolerance, JointTrajectory, JointTrajectoryPoint, MultiDOFJointTrajectory,
    MultiDOFJointTrajectoryPoint, follow,
};
pub use vision::{
    BoundingBox2D, BoundingBox3D, Detection2D, Detection2DArray, Detection3D, Detection3DArray,
    ObjectHypothesis, ObjectHypothesisWithPose, Point2D, Pose2D,
};

use cdr_encoding::{from_bytes, to_writer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use types::Rejection;

/// A ROS 2 message type.
pub trait Message: Serialize + DeserializeOwned {
    /// Its name, as in `sensor_msgs/msg/JointState`.
    const NAME: &'static str;
    /// Its own fields, a line each.
    const FIELDS: &'static str;

    /// Adds the name and fields of every message type that is in this one, each once.
    fn parts(parts: &mut Vec<(&'static str, &'static str)>);

    /// The whole definition with those of all parts, as a recording carries it (encoding `ros2msg`).
    #[must_use]
    fn definition() -> String {
        let mut parts = Vec::new();
        Self::parts(&mut parts);
        let rule = "=".repeat(80);
        let part =
            |(name, fields): &(&str, &str)| format!("{rule}\nMSG: {}\n{fields}", name.replace("/msg/", "/"));
        let parts: String = parts.iter().map(part).collect();
        format!("{}{parts}", Self::FIELDS)
    }
}

/// Declares a message type once: its struct, its name, its definition, which is its fields' documentation as well.
/// Fields of message types are marked `part`.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident = $ros:literal {
        $($(#[$fdoc:meta])* $field:ident: $ty:ty = $line:literal $(, bytes $bytes:literal)? $(, part $part:ty)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$fdoc])* #[doc = concat!("`", $line, "`")] $(#[serde(with = $bytes)])? pub $field: $ty,)*
        }

        impl $crate::ros::Message for $name {
            const NAME: &'static str = $ros;
            const FIELDS: &'static str = concat!($($line, "\n"),*);

            fn parts(_parts: &mut Vec<(&'static str, &'static str)>) {
                $($(
                    let part = (
                        <$part as $crate::ros::Message>::NAME,
                        <$part as $crate::ros::Message>::FIELDS,
                    );
                    if !_parts.contains(&part) {
                        _parts.push(part);
                        <$part as $crate::ros::Message>::parts(_parts);
                    }
                )?)*
            }
        }
    };
}
pub(crate) use message;

/// Names every message type, to a macro that takes any number of names.
#[macro_export]
macro_rules! every_message {
    ($to:ident) => {
        $to! {
            About Answer Ask BoundingBox2D BoundingBox3D CameraInfo Claim Clock ColorRGBA CompressedImage
            Consumed Detection2D Detection2DArray Detection3D Detection3DArray DiagnosticArray
            DiagnosticStatus Duration FollowJointTrajectoryFeedback FollowJointTrajectoryGoal
            FollowJointTrajectoryResult Goal GripperCommand GripperCommandFeedback GripperCommandGoal
            GripperCommandResult Guard Header Image JointComponentTolerance JointState JointTolerance
            JointTrajectory JointTrajectoryPoint Joy KeyValue Lease Log Marker MarkerArray MeshFile ModelCall
            MultiDOFJointTrajectory MultiDOFJointTrajectoryPoint Number ObjectHypothesis
            ObjectHypothesisWithPose Order Picture Point Point2D PointCloud2 PointField Pose Pose2D
            PoseStamped PoseWithCovariance Quaternion Question Refusal RegionOfInterest Reply Report Requests
            SessionOpened SessionRequest SimTime Solid Status Taken Text TfMessage Tick Time Transform
            TransformStamped TriggerRequest TriggerResponse Twist TwistStamped UVCoordinate Vector3 World
            Wrench WrenchStamped
        }
    };
}

/// Bytes in one piece instead of one by one.
pub(crate) mod bytes {
    use serde::de::{Deserializer, Visitor};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

/// The four bytes before a message: plain CDR, little endian, no options.
const LITTLE: [u8; 4] = [0, 1, 0, 0];
const BIG: [u8; 4] = [0, 0, 0, 0];

/// A message as encapsulated CDR.
///
/// # Errors
/// A [`Rejection`] for what CDR cannot hold: more than 2³² − 1 of anything.
pub fn to_cdr<M: Message>(message: &M) -> Result<Vec<u8>, Rejection> {
    written(message, M::NAME)
}

/// The same of anything; `name` says in a refusal what it is.
pub(crate) fn written<T: Serialize>(value: &T, name: &'static str) -> Result<Vec<u8>, Rejection> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&LITTLE);
    to_writer::<T, byteorder::LittleEndian, _>(&mut out, value)
        .map_err(|e| Rejection::new(name, "what CDR can hold", e.to_string()))?;
    Ok(out)
}

/// A message from encapsulated CDR of either byte order. Bytes after its end (padding) are passed over.
///
/// # Errors
/// A [`Rejection`] naming the type for an encapsulation that is not plain CDR, or bytes that are no such message (B7).
pub fn from_cdr<M: Message>(bytes: &[u8]) -> Result<M, Rejection> {
    read(bytes, M::NAME)
}

/// As [`from_cdr`], but of a message that ends where its bytes do: up to three more fill a word of four.
///
/// # Errors
/// As [`from_cdr`], and for more bytes than that.
#[cfg(feature = "wire")]
pub(crate) fn from_cdr_whole<M: Message>(bytes: &[u8]) -> Result<M, Rejection> {
    let (message, used) = measured(bytes, M::NAME)?;
    match bytes.len().saturating_sub(used) {
        0..4 => Ok(message),
        more => Err(Rejection::new(M::NAME, "a message to its end", format!("{more} bytes behind it"))),
    }
}

/// The same of anything; `name` says in a refusal what it should have been.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8], name: &'static str) -> Result<T, Rejection> {
    measured(bytes, name).map(|(message, _)| message)
}

/// And how many bytes it took.
fn measured<T: DeserializeOwned>(bytes: &[u8], name: &'static str) -> Result<(T, usize), Rejection> {
    let refuse = |expected: &str, got: String| Rejection::new(name, expected.to_owned(), got);
    let (begin, body) =
        bytes.split_first_chunk::<4>().ok_or_else(|| refuse("CDR", format!("{} bytes", bytes.len())))?;
    let read = match [begin[0], begin[1], 0, 0] {
        LITTLE => from_bytes::<T, byteorder::LittleEndian>(body),
        BIG => from_bytes::<T, byteorder::BigEndian>(body),
        _ => return Err(refuse("plain CDR", format!("an encapsulation {:02x}{:02x}", begin[0], begin[1]))),
    };
    read.map(|(message, used)| (message, used + 4)).map_err(|e| refuse("its fields as CDR", e.to_string()))
}
