//! A robot, a world, a rasteriser and cameras that are not there; faults on demand.

pub mod camera;
pub mod cameras;
pub mod contract;
mod error;
pub mod faults;
mod gripper;
mod hand;
pub mod live;
mod load;
pub mod look;
mod mjcf_out;
pub mod objects;
mod physics;
pub mod random;
pub mod render;
pub mod robot;
pub mod samples;
pub mod scene;
mod servo;
pub mod snapshot;
mod tree;
pub mod truth;
mod world;

pub use camera::{SimCamera, ThirdPerson};
pub use cameras::CameraSpec;
pub use error::SimError;
pub use faults::{CameraFault, FaultKind, FaultSpec, GripperFault, RobotFault};
pub use hand::HandSpec;
pub use look::Appearance;
pub use random::{ObjectRule, SceneRules};
pub use robot::{Rig, SimRobot, VirtualClock};
pub use samples::{Sample, Samples};
pub use scene::{ObjectSpec, SceneSpec};
pub use snapshot::{Label, Part, Snapshot, Stage};
pub use truth::{TrueObject, Truth};
pub use world::{Noise, STEP, World};
