//! What can be drawn: the shapes once, and the poses of the bodies at one instant.

use crate::hand::HandSpec;
use crate::objects;
use crate::scene::SceneSpec;
use mechanics::{GeomShape, Model};
use nalgebra::{Isometry3, Vector3};
use std::sync::Arc;
use types::{Color, Time};

/// What a part belongs to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// The table.
    Table,
    /// The robot.
    Robot,
    /// The object of this index in the scene.
    Object(usize),
    /// Somebody.
    Person,
}

/// One shape fixed to one body.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub shape: GeomShape,
    /// Index of its body in [`Snapshot::world_from_body`].
    pub body_idx: usize,
    /// Where it is in the body.
    pub body_from_part: Isometry3<f64>,
    /// What it belongs to.
    pub label: Label,
    /// Colour as the model says it, 0 to 1 (robot, table); objects: see `color`.
    pub rgb: [f32; 3],
    /// The colour's name, for objects.
    pub color: Option<Color>,
}

/// Half sides of the table, metres; its top is at z = 0.
pub const TABLE_HALF: [f64; 3] = [0.60, 0.80, 0.05];
/// Centre of the table, world x and y, metres.
pub const TABLE_CENTER: [f64; 2] = [0.40, 0.0];

/// Everything that can be drawn in a world; never changes while the world runs.
///
/// Bodies are numbered: 0 the table, then the robot's bodies in the model's order, then the objects
/// in the scene's order, then hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The shapes.
    pub parts: Vec<Part>,
    /// The robot's bodies.
    pub n_robot_bodies: usize,
    /// The objects.
    pub n_objects: usize,
    /// The hands.
    pub n_hands: usize,
}

impl Stage {
    /// The table, a robot and a scene's objects.
    #[must_use]
    pub fn new(robot: &Model, scene: &SceneSpec) -> Self {
        let [hx, hy, hz] = TABLE_HALF;
        let mut parts = vec![Part {
            shape: GeomShape::Cuboid { half: Vector3::new(hx, hy, hz) },
            body_idx: 0,
            body_from_part: Isometry3::translation(TABLE_CENTER[0], TABLE_CENTER[1], -hz),
            label: Label::Table,
            rgb: [0.6, 0.55, 0.5],
            color: None,
        }];
        for (i, body) in robot.bodies.iter().enumerate() {
            for g in body.geoms.iter().filter(|g| g.visible) {
                parts.push(Part {
                    shape: g.shape.clone(),
                    body_idx: 1 + i,
                    body_from_part: g.body_from_geom,
                    label: Label::Robot,
                    rgb: g.rgb,
                    color: None,
                });
            }
        }
        let first = 1 + robot.bodies.len();
        for (i, o) in scene.objects.iter().enumerate() {
            for piece in objects::pieces(o.shape, o.size) {
                parts.push(Part {
                    shape: piece.shape,
                    body_idx: first + i,
                    body_from_part: piece.object_from_piece,
                    label: Label::Object(i),
                    rgb: crate::look::rgb(o.color),
                    color: Some(o.color),
                });
            }
        }
        let first = first + scene.objects.len();
        for i in 0..scene.hands.len() {
            parts.push(Part {
                shape: HandSpec::shape(),
                body_idx: first + i,
                body_from_part: Isometry3::identity(),
                label: Label::Person,
                rgb: crate::hand::SKIN,
                color: None,
            });
        }
        let (n_objects, n_hands) = (scene.objects.len(), scene.hands.len());
        Self { parts, n_robot_bodies: robot.bodies.len(), n_objects, n_hands }
    }

    /// How many bodies a snapshot of this stage has.
    #[must_use]
    pub fn n_bodies(&self) -> usize {
        1 + self.n_robot_bodies + self.n_objects + self.n_hands
    }

    /// The body of the model's body `i`.
    #[must_use]
    pub fn robot_body(&self, i: usize) -> usize {
        1 + i
    }

    /// The body of the scene's object `i`.
    #[must_use]
    pub fn object_body(&self, i: usize) -> usize {
        1 + self.n_robot_bodies + i
    }

    /// The body of the scene's hand `i`.
    #[must_use]
    pub fn hand_body(&self, i: usize) -> usize {
        1 + self.n_robot_bodies + self.n_objects + i
    }
}

/// The world at one instant, as far as it can be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// When.
    pub stamp: Time,
    /// The shapes.
    pub stage: Arc<Stage>,
    /// The bodies' poses, numbered as in [`Stage`].
    pub world_from_body: Vec<Isometry3<f64>>,
}

impl Snapshot {
    /// A world that nobody steps: the robot's bodies as given (in the world, model order), the objects
    /// where the scene puts them.
    #[must_use]
    pub fn still(stage: Arc<Stage>, robot: &[Isometry3<f64>], scene: &SceneSpec, stamp: Time) -> Self {
        let mut world_from_body = Vec::with_capacity(stage.n_bodies());
        world_from_body.push(Isometry3::identity());
        world_from_body.extend_from_slice(robot);
        world_from_body.extend(scene.objects.iter().map(|o| o.world_from_object()));
        world_from_body.extend(scene.hands.iter().map(|h| h.world_from_hand(stamp.as_secs_f64())));
        world_from_body.resize(stage.n_bodies(), Isometry3::identity());
        Self { stamp, stage, world_from_body }
    }

    /// Where a part is in the world.
    #[must_use]
    pub fn world_from_part(&self, part: &Part) -> Isometry3<f64> {
        self.world_from_body[part.body_idx] * part.body_from_part
    }
}
