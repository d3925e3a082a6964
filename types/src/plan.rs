//! Goals, skills and plans. `Skill` is a closed enum: nothing outside it can become motion.

use crate::language::Relation;
use crate::scene::{ObjectId, Shape};
use serde::{Deserialize, Serialize};

/// Where a held object is put down.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Spot {
    /// In, on or beside another object.
    Relative {
        /// How it shall stand to `target`.
        relation: Relation,
        /// The reference object.
        target: ObjectId,
    },
    /// At a free point of the table, world x and y in metres.
    Table([f64; 2]),
}

/// One bounded motion with preconditions and a post-condition that perception judges.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Skill {
    /// Grasp and lift. Pre: hand empty, object seen and graspable. Post: the gripper holds something
    /// and the object is gone from where it was.
    Pick {
        /// The object.
        object: ObjectId,
    },
    /// Put down what is held. Pre: holding it. Post: it is seen at the spot and the hand is empty.
    Place {
        /// The held object.
        object: ObjectId,
        /// Where.
        spot: Spot,
    },
    /// Slide the object along the table. Pre: hand empty. Post: it is seen within tolerance of `to`.
    Push {
        /// The object.
        object: ObjectId,
        /// Where its centre shall end: world x and y, metres.
        to: [f64; 2],
    },
    /// Open the gripper where it is.
    OpenGripper,
    /// Close the gripper where it is.
    CloseGripper,
    /// Go to the home pose.
    Home,
    /// Take pictures again.
    Look,
}

impl Skill {
    /// The skill's name in events, files and on the screen.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pick { .. } => "pick",
            Self::Place { .. } => "place",
            Self::Push { .. } => "push",
            Self::OpenGripper => "open_gripper",
            Self::CloseGripper => "close_gripper",
            Self::Home => "home",
            Self::Look => "look",
        }
    }
}

/// What a person asked for, resolved to objects: facts that shall hold in the end.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// `object` stands so to `target`.
    Stands {
        /// The moved object.
        object: ObjectId,
        /// The relation.
        relation: Relation,
        /// The reference object.
        target: ObjectId,
    },
    /// `object` lies within `tolerance_m` of a table point (world x, y, metres).
    At {
        /// The object.
        object: ObjectId,
        /// World x and y.
        point: [f64; 2],
        /// Metres.
        tolerance_m: f64,
    },
    /// The gripper holds `object`.
    Held {
        /// The object.
        object: ObjectId,
    },
}

/// A checked list of skills with the facts they shall bring about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In order of execution.
    pub skills: Vec<Skill>,
    /// What shall hold when all are done.
    pub goal: Vec<Fact>,
}

/// Why a sentence ends without motion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// A plan to carry out.
    Do(Plan),
    /// It is so already.
    AlreadyDone(String),
    /// The answer to a question of the person's, for the screen.
    Answer(String),
    /// A question back to the person, with the candidates it is about.
    Clarify {
        /// The question.
        question: String,
        /// The objects it could be.
        candidates: Vec<ObjectId>,
    },
    /// A refusal that says why.
    Refuse(String),
}

/// Whether a shape can be grasped from above by a gripper that opens `width_m`.
#[must_use]
pub fn is_graspable(shape: Shape, narrow_side_m: f64, width_m: f64) -> bool {
    !shape.is_container() && narrow_side_m + 0.006 < width_m
}
