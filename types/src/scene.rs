//! What perception believes about the world.

use crate::time::Time;
use nalgebra::{Matrix3, Point3, Vector3};
use serde::{Deserialize, Serialize};

/// Writes a closed enum of words once: variants, names, parsing, index, and `ALL`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every variant, in the order of its index.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The English word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant of an English word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.word() == word)
            }

            /// Position in [`Self::ALL`]: the index of this class in a model's output.
            #[must_use]
            pub fn index(self) -> usize {
                self as usize
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// The eight colours the built-in model knows.
    Color {
        /// Red.
        Red = "red",
        /// Green.
        Green = "green",
        /// Blue.
        Blue = "blue",
        /// Yellow.
        Yellow = "yellow",
        /// Orange.
        Orange = "orange",
        /// Purple.
        Purple = "purple",
        /// White.
        White = "white",
        /// Black.
        Black = "black",
    }
}

words! {
    /// The shapes the built-in model knows.
    Shape {
        /// A cube.
        Cube = "cube",
        /// A ball.
        Ball = "ball",
        /// A standing cylinder.
        Cylinder = "cylinder",
        /// A cuboid that is longer than wide.
        Box = "box",
        /// A round open container.
        Bowl = "bowl",
        /// A flat rectangular open container.
        Tray = "tray",
    }
}

words! {
    /// The two sizes each shape comes in.
    Size {
        /// The smaller of the two.
        Small = "small",
        /// The larger of the two.
        Large = "large",
    }
}

impl Shape {
    /// Whether other objects can be put into it.
    #[must_use]
    pub fn is_container(self) -> bool {
        matches!(self, Self::Bowl | Self::Tray)
    }

    /// Outer dimensions of this shape in metres, along its own x, y, z (z up, x the longer side).
    /// The world of the simulator and the model's idea of it are built from this one table.
    #[must_use]
    pub fn dimensions(self, size: Size) -> Vector3<f64> {
        let (x, y, z) = match (self, size) {
            (Self::Cube, Size::Small) => (0.034, 0.034, 0.034),
            (Self::Cube, Size::Large) => (0.050, 0.050, 0.050),
            (Self::Ball, Size::Small) => (0.036, 0.036, 0.036),
            (Self::Ball, Size::Large) => (0.054, 0.054, 0.054),
            (Self::Cylinder, Size::Small) => (0.034, 0.034, 0.052),
            (Self::Cylinder, Size::Large) => (0.050, 0.050, 0.076),
            (Self::Box, Size::Small) => (0.064, 0.034, 0.026),
            (Self::Box, Size::Large) => (0.096, 0.050, 0.038),
            (Self::Bowl, Size::Small) => (0.130, 0.130, 0.036),
            (Self::Bowl, Size::Large) => (0.180, 0.180, 0.044),
            (Self::Tray, Size::Small) => (0.170, 0.130, 0.018),
            (Self::Tray, Size::Large) => (0.240, 0.180, 0.022),
        };
        Vector3::new(x, y, z)
    }
}

/// One object that a model found in one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Confidence that there is an object here, 0 to 1.
    pub score: f32,
    /// Box in pixels: left, top, right, bottom; pixel centres at +0.5.
    pub box_px: [f32; 4],
    /// The point to lift: the projection of the object's centre, pixels.
    pub point_px: [f32; 2],
    /// Probability of each [`Color`].
    pub color: [f32; 8],
    /// Probability of each [`Shape`].
    pub shape: [f32; 6],
    /// Probability of each [`Size`].
    pub size: [f32; 2],
}

/// Names a tracked object for as long as it is tracked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(pub u32);

/// One object that perception believes in. World frame, metres, radians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackedObject {
    /// Its name while it is tracked.
    pub id: ObjectId,
    /// Probability of each [`Color`].
    pub color: [f32; 8],
    /// Probability of each [`Shape`].
    pub shape: [f32; 6],
    /// Probability of each [`Size`].
    pub size: [f32; 2],
    /// Centre of its bounding box in the world.
    pub position: Point3<f64>,
    /// Rotation of its longer side (x) about the world's z, in [−π/2, π/2).
    pub yaw: f64,
    /// Outer dimensions along its own x, y, z, as measured and prior combined.
    pub dimensions: Vector3<f64>,
    /// Covariance of `position`, m².
    pub covariance: Matrix3<f64>,
    /// When it was last seen.
    pub seen: Time,
    /// In how many pictures it was seen.
    pub n_seen: u32,
}

fn argmax<const N: usize>(p: &[f32; N]) -> usize {
    (0..N).fold(0, |best, i| if p[i] > p[best] { i } else { best })
}

impl TrackedObject {
    /// The most probable colour.
    #[must_use]
    pub fn most_likely_color(&self) -> Color {
        Color::ALL[argmax(&self.color)]
    }

    /// The most probable shape.
    #[must_use]
    pub fn most_likely_shape(&self) -> Shape {
        Shape::ALL[argmax(&self.shape)]
    }

    /// The more probable size.
    #[must_use]
    pub fn most_likely_size(&self) -> Size {
        Size::ALL[argmax(&self.size)]
    }

    /// Height of its top above the table plane (world z), metres.
    #[must_use]
    pub fn top(&self) -> f64 {
        self.position.z + 0.5 * self.dimensions.z
    }

    /// "the small red cube", for people.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} {} {}", self.most_likely_size(), self.most_likely_color(), self.most_likely_shape())
    }
}

/// The tracked world at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// The newest stamp of the pictures this was made from.
    pub stamp: Time,
    /// The objects believed in.
    pub objects: Vec<TrackedObject>,
}

impl Scene {
    /// The object of this name.
    #[must_use]
    pub fn get(&self, id: ObjectId) -> Option<&TrackedObject> {
        self.objects.iter().find(|o| o.id == id)
    }
}
