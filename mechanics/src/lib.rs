//! The arm as rigid bodies: robot files, kinematics, inverse kinematics, dynamics, collision
//! distances, timing of a path. `f(model, data, args)`: the model never changes, the scratch is
//! allocated once.

pub mod model;

pub use model::{Body, Geom, GeomShape, Joint, JointKind, Mimic, Model};
