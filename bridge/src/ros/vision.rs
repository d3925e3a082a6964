//! What was seen: package `vision_msgs`.

use super::{Header, Point, Pose, PoseWithCovariance, Quaternion, Vector3, message, optical_frame};
use types::{Color, Detection, Scene, Shape, Size, Time, TrackedObject};

message! {
    /// A place in a picture, pixels.
    Point2D = "vision_msgs/msg/Point2D" {
        x: f64 = "float64 x";
        y: f64 = "float64 y";
    }
}

message! {
    /// A place in a picture, and a turn.
    Pose2D = "vision_msgs/msg/Pose2D" {
        position: Point2D = "vision_msgs/Point2D position", part Point2D;
        /// rad.
        ///
        theta: f64 = "float64 theta";
    }
}

message! {
    /// A rectangle in a picture.
    BoundingBox2D = "vision_msgs/msg/BoundingBox2D" {
        center: Pose2D = "vision_msgs/Pose2D center", part Pose2D;
        /// pixels.
        ///
        size_x: f64 = "float64 size_x";
        /// pixels.
        ///
        size_y: f64 = "float64 size_y";
    }
}

message! {
    /// A cuboid in the room.
    BoundingBox3D = "vision_msgs/msg/BoundingBox3D" {
        center: Pose = "geometry_msgs/Pose center", part Pose;
        /// Along its own axes, m.
        ///
        size: Vector3 = "geometry_msgs/Vector3 size", part Vector3;
    }
}

message! {
    /// What something may be.
    ObjectHypothesis = "vision_msgs/msg/ObjectHypothesis" {
        class_id: String = "string class_id";
        /// 0 to 1.
        ///
        score: f64 = "float64 score";
    }
}

message! {
    /// What it may be, and where.
    ObjectHypothesisWithPose = "vision_msgs/msg/ObjectHypothesisWithPose" {
        hypothesis: ObjectHypothesis = "vision_msgs/ObjectHypothesis hypothesis", part ObjectHypothesis;
        pose: PoseWithCovariance = "geometry_msgs/PoseWithCovariance pose", part PoseWithCovariance;
    }
}

message! {
    /// Something in a picture.
    Detection2D = "vision_msgs/msg/Detection2D" {
        header: Header = "std_msgs/Header header", part Header;
        /// The likeliest first.
        ///
        results: Vec<ObjectHypothesisWithPose> = "vision_msgs/ObjectHypothesisWithPose[] results", part ObjectHypothesisWithPose;
        bbox: BoundingBox2D = "vision_msgs/BoundingBox2D bbox", part BoundingBox2D;
        /// Empty where it is not followed.
        ///
        id: String = "string id";
    }
}

message! {
    /// What was seen in one picture.
    Detection2DArray = "vision_msgs/msg/Detection2DArray" {
        header: Header = "std_msgs/Header header", part Header;
        detections: Vec<Detection2D> = "vision_msgs/Detection2D[] detections", part Detection2D;
    }
}

message! {
    /// Something in the room.
    Detection3D = "vision_msgs/msg/Detection3D" {
        header: Header = "std_msgs/Header header", part Header;
        /// The likeliest first.
        ///
        results: Vec<ObjectHypothesisWithPose> = "vision_msgs/ObjectHypothesisWithPose[] results", part ObjectHypothesisWithPose;
        bbox: BoundingBox3D = "vision_msgs/BoundingBox3D bbox", part BoundingBox3D;
        /// The same for the same thing as long as it is followed.
        ///
        id: String = "string id";
    }
}

message! {
    /// What is believed to be in the room.
    Detection3DArray = "vision_msgs/msg/Detection3DArray" {
        header: Header = "std_msgs/Header header", part Header;
        detections: Vec<Detection3D> = "vision_msgs/Detection3D[] detections", part Detection3D;
    }
}

/// The most names that are told of one thing.
const NAMES: usize = 3;

/// What something may be: "small red cube", with the product of the three probabilities; the likeliest first.
fn names(color: &[f32; 8], shape: &[f32; 6], size: &[f32; 2]) -> Vec<ObjectHypothesis> {
    let mut all = Vec::with_capacity(color.len() * shape.len() * size.len());
    for (s, size_p) in Size::ALL.iter().zip(size) {
        for (c, color_p) in Color::ALL.iter().zip(color) {
            for (k, shape_p) in Shape::ALL.iter().zip(shape) {
                let score = f64::from(*size_p) * f64::from(*color_p) * f64::from(*shape_p);
                all.push(ObjectHypothesis { class_id: format!("{s} {c} {k}"), score });
            }
        }
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    all.truncate(NAMES);
    all
}

impl Detection2DArray {
    /// What a model found in the picture of a camera that was taken then. Boxes in pixels, the first pixel's centre at
    /// 0; poses are not known and stay empty.
    #[must_use]
    pub fn new(detections: &[Detection], camera: &str, stamp: Time) -> Self {
        let header = Header { stamp: stamp.into(), frame_id: optical_frame(camera) };
        let one = |d: &Detection| {
            let [left, top, right, bottom] = d.box_px.map(f64::from);
            let score = f64::from(d.score);
            let named = names(&d.color, &d.shape, &d.size).into_iter().map(|h| ObjectHypothesisWithPose {
                hypothesis: ObjectHypothesis { score: score * h.score, ..h },
                pose: PoseWithCovariance::default(),
            });
            let position = Point2D { x: 0.5 * (left + right) - 0.5, y: 0.5 * (top + bottom) - 0.5 };
            Detection2D {
                header: header.clone(),
                results: named.collect(),
                bbox: BoundingBox2D {
                    center: Pose2D { position, theta: 0.0 },
                    size_x: right - left,
                    size_y: bottom - top,
                },
                id: String::new(),
            }
        };
        Self { header: header.clone(), detections: detections.iter().map(one).collect() }
    }
}

/// Where an object is, in the world.
pub(super) fn pose_of(object: &TrackedObject) -> Pose {
    let (p, half) = (object.position, 0.5 * object.yaw);
    Pose {
        position: Point { x: p.x, y: p.y, z: p.z },
        orientation: Quaternion { x: 0.0, y: 0.0, z: half.sin(), w: half.cos() },
    }
}

pub(super) fn size_of(object: &TrackedObject) -> Vector3 {
    let d = object.dimensions;
    Vector3 { x: d.x, y: d.y, z: d.z }
}

impl Detection3DArray {
    /// What perception believes in, in the world.
    #[must_use]
    pub fn new(scene: &Scene) -> Self {
        let header = |stamp: Time| Header { stamp: stamp.into(), frame_id: "world".into() };
        let one = |o: &TrackedObject| {
            let mut covariance = [[0.0; 6]; 6];
            for (row, numbers) in covariance.iter_mut().enumerate().take(3) {
                for (column, number) in numbers.iter_mut().enumerate().take(3) {
                    *number = o.covariance[(row, column)];
                }
            }
            let pose = PoseWithCovariance { pose: pose_of(o), covariance };
            let named = names(&o.color, &o.shape, &o.size);
            Detection3D {
                header: header(o.seen),
                results: named
                    .into_iter()
                    .map(|hypothesis| ObjectHypothesisWithPose { hypothesis, pose: pose.clone() })
                    .collect(),
                bbox: BoundingBox3D { center: pose_of(o), size: size_of(o) },
                id: o.id.0.to_string(),
            }
        };
        Self { header: header(scene.stamp), detections: scene.objects.iter().map(one).collect() }
    }
}
