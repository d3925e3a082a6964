//! What a sentence can mean: the closed set of readings a model may propose.
//!
//! A model's words never move anything; only these values do, after they were checked against the
//! scene and the robot.

use crate::scene::{Color, Shape, Size};
use serde::{Deserialize, Serialize};

/// How many of the matching objects are meant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// "the": exactly one must match, else Sinew asks.
    The,
    /// "a", "any": whichever is easiest.
    Any,
    /// "all", "every", "the cubes".
    All,
}

/// Picks one among the matching objects.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Superlative {
    /// Of the largest volume.
    Largest,
    /// Of the smallest volume.
    Smallest,
    /// Furthest to the left as the fixed camera sees the table.
    Leftmost,
    /// Furthest to the right.
    Rightmost,
    /// Closest to the fixed camera.
    Nearest,
    /// Furthest from the fixed camera.
    Furthest,
}

/// Where something is, or shall be, relative to something else. Left, right, front and behind are as
/// the fixed camera (and a person standing beside it, facing the robot) sees the table: left is −y of
/// the world, right +y, in front +x (towards the person), behind −x.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Relation {
    /// Inside a container.
    In,
    /// On top of.
    On,
    /// Left of.
    LeftOf,
    /// Right of.
    RightOf,
    /// In front of.
    InFrontOf,
    /// Behind.
    Behind,
    /// Next to, on whichever side is free.
    NextTo,
}

impl Relation {
    /// Every relation.
    pub const ALL: &'static [Self] =
        &[Self::In, Self::On, Self::LeftOf, Self::RightOf, Self::InFrontOf, Self::Behind, Self::NextTo];

    /// The English words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::On => "on",
            Self::LeftOf => "left of",
            Self::RightOf => "right of",
            Self::InFrontOf => "in front of",
            Self::Behind => "behind",
            Self::NextTo => "next to",
        }
    }

    /// Unit direction on the table (world x, y) of the four sides; `None` for in, on, next to.
    #[must_use]
    pub fn direction(self) -> Option<[f64; 2]> {
        match self {
            Self::LeftOf => Some([0.0, -1.0]),
            Self::RightOf => Some([0.0, 1.0]),
            Self::InFrontOf => Some([1.0, 0.0]),
            Self::Behind => Some([-1.0, 0.0]),
            Self::In | Self::On | Self::NextTo => None,
        }
    }
}

/// A phrase that names objects: "the small green ball left of the tray".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referent {
    /// One, any or all of them.
    pub quantity: Quantity,
    /// Only of this size.
    pub size: Option<Size>,
    /// Only of this colour.
    pub color: Option<Color>,
    /// Only of this shape; `None` for "thing", "object".
    pub shape: Option<Shape>,
    /// Only the most so.
    pub superlative: Option<Superlative>,
    /// Only those that stand so to another object.
    pub relation: Option<(Relation, Box<Referent>)>,
}

impl Referent {
    /// "the object", to be narrowed.
    #[must_use]
    pub fn the() -> Self {
        Self {
            quantity: Quantity::The,
            size: None,
            color: None,
            shape: None,
            superlative: None,
            relation: None,
        }
    }

    /// Narrowed to a colour.
    #[must_use]
    pub fn with_color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    /// Narrowed to a shape.
    #[must_use]
    pub fn with_shape(mut self, shape: Shape) -> Self {
        self.shape = Some(shape);
        self
    }

    /// Narrowed to a size.
    #[must_use]
    pub fn with_size(mut self, size: Size) -> Self {
        self.size = Some(size);
        self
    }

    /// With another quantity.
    #[must_use]
    pub fn with_quantity(mut self, quantity: Quantity) -> Self {
        self.quantity = quantity;
        self
    }
}

impl core::fmt::Display for Referent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self.quantity {
            Quantity::The => "the",
            Quantity::Any => "any",
            Quantity::All => "all",
        })?;
        if let Some(s) = self.superlative {
            let word = match s {
                Superlative::Largest => "largest",
                Superlative::Smallest => "smallest",
                Superlative::Leftmost => "leftmost",
                Superlative::Rightmost => "rightmost",
                Superlative::Nearest => "nearest",
                Superlative::Furthest => "furthest",
            };
            write!(f, " {word}")?;
        }
        if let Some(s) = self.size {
            write!(f, " {s}")?;
        }
        if let Some(c) = self.color {
            write!(f, " {c}")?;
        }
        write!(f, " {}", self.shape.map_or("object", Shape::word))?;
        if let Some((r, other)) = &self.relation {
            write!(f, " {} {other}", r.words())?;
        }
        Ok(())
    }
}

/// One thing to do, before anything is known of the scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Lift it and hold it.
    Pick(Referent),
    /// Put the object in, on, or beside the target.
    Place {
        /// What to move (all of them, if its quantity says so).
        object: Referent,
        /// Where, relative to the target.
        relation: Relation,
        /// The reference object.
        target: Referent,
    },
    /// Stack them: the first is the lowest, or, for one referent of quantity `All`, any order.
    Stack(Vec<Referent>),
    /// Push the object along the table without lifting it, to the side of the target, or, without a
    /// target, some ten centimetres in the direction.
    Push {
        /// What to push.
        object: Referent,
        /// Left, right, in front, behind (or next to, with a target).
        relation: Relation,
        /// The reference object.
        target: Option<Referent>,
    },
    /// Put every matching object into the container of its own colour.
    SortByColor(Referent),
    /// Exchange the places of two objects.
    Swap(Referent, Referent),
    /// Open the gripper.
    OpenGripper,
    /// Close the gripper.
    CloseGripper,
    /// Go to the home pose.
    Home,
    /// Look again.
    Look,
}

/// A question about the scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// "how many red cubes are there?"
    Count(Referent),
    /// "is there a ball in the bowl?"
    Exists(Referent),
    /// "is the red cube left of the bowl?"
    Holds {
        /// The first object.
        object: Referent,
        /// How it shall stand to the second.
        relation: Relation,
        /// The second object.
        target: Referent,
    },
    /// "what colour is the ball?"
    ColorOf(Referent),
    /// "where is the green ball?"
    Where(Referent),
    /// "what do you see?"
    Describe,
}

/// What a model makes of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Utterance {
    /// Things to do, in order.
    Instruct(Vec<Task>),
    /// Something to answer.
    Ask(Question),
    /// Nothing was said.
    Empty,
    /// Not understood: which words, or why; ends in a question to the person.
    Unclear(String),
    /// Understood and not done: a prohibition, or beyond the skills of this robot.
    Refuse(String),
}
