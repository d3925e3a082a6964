//! Packages `geometry_msgs`, `tf2_msgs`.

use super::{Header, message};
use types::Rejection;

message! {
    /// Metres.
    Vector3 = "geometry_msgs/msg/Vector3" {
        /// Along x.
        x: f64 = "float64 x";
        /// Along y.
        y: f64 = "float64 y";
        /// Along z.
        z: f64 = "float64 z";
    }
}

message! {
    /// A rotation; of norm one.
    Quaternion = "geometry_msgs/msg/Quaternion" {
        /// i
        x: f64 = "float64 x";
        /// j
        y: f64 = "float64 y";
        /// k
        z: f64 = "float64 z";
        /// The real part.
        w: f64 = "float64 w";
    }
}

message! {
    /// Takes coordinates of a child frame to those of its parent.
    Transform = "geometry_msgs/msg/Transform" {
        /// Where the child's origin is.
        translation: Vector3 = "geometry_msgs/Vector3 translation", part Vector3;
        /// How it is turned.
        rotation: Quaternion = "geometry_msgs/Quaternion rotation", part Quaternion;
    }
}

impl<To, From_> From<&types::Transform<To, From_>> for Transform {
    fn from(to_from: &types::Transform<To, From_>) -> Self {
        let (t, q) = (to_from.isometry().translation.vector, to_from.isometry().rotation.into_inner());
        Self {
            translation: Vector3 { x: t.x, y: t.y, z: t.z },
            rotation: Quaternion { x: q.i, y: q.j, z: q.k, w: q.w },
        }
    }
}

impl Transform {
    /// The same, with frames. Numbers stay as they are, to the bit.
    ///
    /// # Errors
    /// As [`types::Transform::new`].
    pub fn typed<To, From_>(&self) -> Result<types::Transform<To, From_>, Rejection> {
        let (t, q) = (&self.translation, &self.rotation);
        types::Transform::<To, From_>::new([t.x, t.y, t.z], [q.w, q.x, q.y, q.z])?;
        // Checked; but dividing by a norm that is not quite one would change the last bits.
        let q = nalgebra::UnitQuaternion::new_unchecked(nalgebra::Quaternion::new(q.w, q.x, q.y, q.z));
        let t = nalgebra::Translation3::new(t.x, t.y, t.z);
        Ok(types::Transform::from_isometry(nalgebra::Isometry3::from_parts(t, q)))
    }
}

message! {
    /// Where a frame is in its parent.
    TransformStamped = "geometry_msgs/msg/TransformStamped" {
        /// When, and the parent.
        header: Header = "std_msgs/Header header", part Header;
        /// The child.
        child_frame_id: String = "string child_frame_id";
        /// From the child to the parent.
        transform: Transform = "geometry_msgs/Transform transform", part Transform;
    }
}

message! {
    /// Several at once.
    TfMessage = "tf2_msgs/msg/TFMessage" {
        /// Each.
        transforms: Vec<TransformStamped> = "geometry_msgs/TransformStamped[] transforms", part TransformStamped;
    }
}

message! {
    /// A place, metres.
    Point = "geometry_msgs/msg/Point" {
        x: f64 = "float64 x";
        y: f64 = "float64 y";
        z: f64 = "float64 z";
    }
}

message! {
    /// Where something is and how it is turned.
    Pose = "geometry_msgs/msg/Pose" {
        position: Point = "geometry_msgs/Point position", part Point;
        orientation: Quaternion = "geometry_msgs/Quaternion orientation", part Quaternion;
    }
}

message! {
    /// A pose at an instant, in a frame.
    PoseStamped = "geometry_msgs/msg/PoseStamped" {
        header: Header = "std_msgs/Header header", part Header;
        pose: Pose = "geometry_msgs/Pose pose", part Pose;
    }
}

message! {
    /// A pose that is not quite known.
    PoseWithCovariance = "geometry_msgs/msg/PoseWithCovariance" {
        pose: Pose = "geometry_msgs/Pose pose", part Pose;
        /// Row by row, of x, y, z (m) and turns about x, y, z (rad).
        ///
        covariance: [[f64; 6]; 6] = "float64[36] covariance";
    }
}

message! {
    /// Velocities.
    Twist = "geometry_msgs/msg/Twist" {
        /// m/s.
        ///
        linear: Vector3 = "geometry_msgs/Vector3 linear", part Vector3;
        /// rad/s.
        ///
        angular: Vector3 = "geometry_msgs/Vector3 angular", part Vector3;
    }
}

message! {
    /// A twist at an instant, in a frame.
    TwistStamped = "geometry_msgs/msg/TwistStamped" {
        header: Header = "std_msgs/Header header", part Header;
        twist: Twist = "geometry_msgs/Twist twist", part Twist;
    }
}

message! {
    /// Force and torque.
    Wrench = "geometry_msgs/msg/Wrench" {
        /// N.
        ///
        force: Vector3 = "geometry_msgs/Vector3 force", part Vector3;
        /// N·m.
        ///
        torque: Vector3 = "geometry_msgs/Vector3 torque", part Vector3;
    }
}

message! {
    /// A wrench at an instant, in a frame.
    WrenchStamped = "geometry_msgs/msg/WrenchStamped" {
        header: Header = "std_msgs/Header header", part Header;
        wrench: Wrench = "geometry_msgs/Wrench wrench", part Wrench;
    }
}

impl<To, From_> From<&types::Transform<To, From_>> for Pose {
    /// Where the child's frame is in its parent.
    fn from(to_from: &types::Transform<To, From_>) -> Self {
        let Transform { translation: t, rotation } = to_from.into();
        Self { position: Point { x: t.x, y: t.y, z: t.z }, orientation: rotation }
    }
}

impl Pose {
    /// The same, with frames.
    ///
    /// # Errors
    /// As [`types::Transform::new`].
    pub fn typed<To, From_>(&self) -> Result<types::Transform<To, From_>, Rejection> {
        let Point { x, y, z } = self.position;
        Transform { translation: Vector3 { x, y, z }, rotation: self.orientation.clone() }.typed()
    }
}

/// Six numbers in the order of Sinew: along x, y, z, then about them.
fn pair([x, y, z, rx, ry, rz]: [f64; 6]) -> [Vector3; 2] {
    [Vector3 { x, y, z }, Vector3 { x: rx, y: ry, z: rz }]
}

/// The six numbers again.
///
/// # Errors
/// A [`Rejection`] for numbers that are none (B1).
fn six(field: &'static str, [along, about]: [&Vector3; 2]) -> Result<[f64; 6], Rejection> {
    let all = [along.x, along.y, along.z, about.x, about.y, about.z];
    if all.iter().all(|v| v.is_finite()) {
        return Ok(all);
    }
    Err(Rejection::new(field, "finite numbers", format!("{all:?}")))
}

impl From<[f64; 6]> for Twist {
    fn from(twist: [f64; 6]) -> Self {
        let [linear, angular] = pair(twist);
        Self { linear, angular }
    }
}

impl Twist {
    /// Along x, y, z (m/s), then about them (rad/s).
    ///
    /// # Errors
    /// A [`Rejection`] for numbers that are none (B1).
    pub fn typed(&self) -> Result<[f64; 6], Rejection> {
        six("twist", [&self.linear, &self.angular])
    }
}

impl From<[f64; 6]> for Wrench {
    fn from(wrench: [f64; 6]) -> Self {
        let [force, torque] = pair(wrench);
        Self { force, torque }
    }
}

impl Wrench {
    /// Along x, y, z (N), then about them (N·m).
    ///
    /// # Errors
    /// A [`Rejection`] for numbers that are none (B1).
    pub fn typed(&self) -> Result<[f64; 6], Rejection> {
        six("wrench", [&self.force, &self.torque])
    }
}
