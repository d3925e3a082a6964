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
