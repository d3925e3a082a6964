//! The arm as rigid bodies: robot files, kinematics, inverse kinematics, dynamics, collision
//! distances, timing of a path. `f(model, data, args)`: the model never changes, the scratch is
//! allocated once.

mod arch;
pub mod arm;
pub mod collision;
pub mod data;
pub mod description;
pub mod dynamics;
pub mod error;
pub mod ik;
pub mod kinematics;
mod links;
mod load;
pub mod mjcf;
pub mod model;
mod reader;
pub mod timing;
mod trig;
pub mod urdf;

pub use arm::{
    Arm, ArmData, GripperLimits, HomeChoice, body_poses_in_world, gravity_load, inverse_dynamics,
    mass_matrix, tool_jacobian, tool_pose,
};
pub use data::{Data, Jacobian};
pub use error::ModelError;
pub use links::Payload;
pub use load::{load, load_from};
pub use model::{Body, Geom, GeomShape, Joint, JointKind, Mimic, Model};
pub use reader::MAX_FILE_BYTES;
