//! What is to be drawn: package `visualization_msgs`.

use super::vision::{pose_of, size_of};
use super::{ColorRGBA, CompressedImage, Duration, Header, Point, Pose, Vector3, message};
use types::{Color, Scene, Shape, TrackedObject};

message! {
    /// A place in a texture.
    UVCoordinate = "visualization_msgs/msg/UVCoordinate" {
        u: f32 = "float32 u";
        v: f32 = "float32 v";
    }
}

message! {
    /// A mesh within a message.
    MeshFile = "visualization_msgs/msg/MeshFile" {
        filename: String = "string filename";
        data: Vec<u8> = "uint8[] data", bytes "super::bytes";
    }
}

message! {
    /// A thing to be drawn.
    Marker = "visualization_msgs/msg/Marker" {
        header: Header = "std_msgs/Header header", part Header;
        ns: String = "string ns";
        id: i32 = "int32 id";
        /// 1 a cube, 2 a sphere, 3 a cylinder, 9 a text; others are not used.
        ///
        kind: i32 = "int32 type";
        /// 0 shows it, 2 takes it away, 3 takes all away.
        ///
        action: i32 = "int32 action";
        pose: Pose = "geometry_msgs/Pose pose", part Pose;
        /// Its extent along its own axes, m.
        ///
        scale: Vector3 = "geometry_msgs/Vector3 scale", part Vector3;
        color: ColorRGBA = "std_msgs/ColorRGBA color", part ColorRGBA;
        /// 0 is for ever.
        ///
        lifetime: Duration = "builtin_interfaces/Duration lifetime", part Duration;
        frame_locked: bool = "bool frame_locked";
        points: Vec<Point> = "geometry_msgs/Point[] points", part Point;
        colors: Vec<ColorRGBA> = "std_msgs/ColorRGBA[] colors", part ColorRGBA;
        texture_resource: String = "string texture_resource";
        texture: CompressedImage = "sensor_msgs/CompressedImage texture", part CompressedImage;
        uv_coordinates: Vec<UVCoordinate> = "visualization_msgs/UVCoordinate[] uv_coordinates", part UVCoordinate;
        text: String = "string text";
        mesh_resource: String = "string mesh_resource";
        mesh_file: MeshFile = "visualization_msgs/MeshFile mesh_file", part MeshFile;
        mesh_use_embedded_materials: bool = "bool mesh_use_embedded_materials";
    }
}

message! {
    /// Several at once.
    MarkerArray = "visualization_msgs/msg/MarkerArray" {
        markers: Vec<Marker> = "visualization_msgs/Marker[] markers", part Marker;
    }
}

/// Kinds of markers.
mod kind {
    pub(super) const CUBE: i32 = 1;
    pub(super) const SPHERE: i32 = 2;
    pub(super) const CYLINDER: i32 = 3;
    pub(super) const TEXT: i32 = 9;
}

/// Takes all markers away.
const DELETE_ALL: i32 = 3;
/// How high letters are, and how far above a thing they stand, m.
const LETTERS_M: f64 = 0.02;

fn paint(color: Color) -> ColorRGBA {
    let (r, g, b) = match color {
        Color::Red => (0.8, 0.1, 0.1),
        Color::Green => (0.1, 0.6, 0.2),
        Color::Blue => (0.1, 0.3, 0.8),
        Color::Yellow => (0.9, 0.8, 0.1),
        Color::Orange => (0.9, 0.5, 0.1),
        Color::Purple => (0.5, 0.2, 0.6),
        Color::White => (0.9, 0.9, 0.9),
        Color::Black => (0.1, 0.1, 0.1),
    };
    ColorRGBA { r, g, b, a: 0.8 }
}

impl MarkerArray {
    /// What perception believes in, each thing with its name above it. What was drawn before goes.
    #[must_use]
    pub fn new(scene: &Scene) -> Self {
        let header = Header { stamp: scene.stamp.into(), frame_id: "world".into() };
        let blank = Marker { header, ns: "scene".into(), ..Marker::default() };
        let mut markers = vec![Marker { action: DELETE_ALL, ..blank.clone() }];
        for object in &scene.objects {
            markers.extend(drawn(object, &blank));
        }
        Self { markers }
    }
}

fn drawn(object: &TrackedObject, blank: &Marker) -> [Marker; 2] {
    let kind = match object.most_likely_shape() {
        Shape::Ball => kind::SPHERE,
        Shape::Cylinder | Shape::Bowl => kind::CYLINDER,
        Shape::Cube | Shape::Box | Shape::Tray => kind::CUBE,
    };
    let id = i32::try_from(object.id.0).unwrap_or(i32::MAX);
    let (pose, color) = (pose_of(object), paint(object.most_likely_color()));
    let above = Point { z: object.top() + LETTERS_M, ..pose.position.clone() };
    let letters = Vector3 { z: LETTERS_M, ..Vector3::default() };
    let name = Marker {
        ns: "names".into(),
        id,
        kind: kind::TEXT,
        pose: Pose { position: above, ..pose.clone() },
        scale: letters,
        color: ColorRGBA { r: 1.0, g: 1.0, b: 1.0, a: 1.0 },
        text: object.describe(),
        ..blank.clone()
    };
    [Marker { id, kind, pose, scale: size_of(object), color, ..blank.clone() }, name]
}
