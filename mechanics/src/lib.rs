//! The arm as rigid bodies: robot files, kinematics, inverse kinematics, dynamics, collision
//! distances, timing of a path. `f(model, data, args)`: the model never changes, the scratch is
//! allocated once.

pub mod arm;
pub mod data;
pub mod dynamics;
pub mod kinematics;
pub mod model;
pub mod timing;

pub use arm::{Arm, ArmData, body_poses_in_world, inverse_dynamics, tool_jacobian, tool_pose};
pub use data::{Data, Jacobian};
pub use model::{Body, Geom, GeomShape, Joint, JointKind, Mimic, Model};
