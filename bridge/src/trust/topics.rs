//! What nodes say to each other: every topic, who may put it, hear it, ask it and answer it. The only list of its kind:
//! keys, access rules and the test of both are made from it.

/// What a node is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The loop with its arm and cameras.
    Robot,
    /// Models that look and read.
    Perception,
    /// Who turns a sentence into motions.
    Planner,
    /// A person, and what a person types.
    Operator,
    /// Who passes on to ROS 2 and back.
    Ros2,
    /// Who only looks on.
    Observer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Robot, Self::Perception, Self::Planner, Self::Operator, Self::Ros2, Self::Observer];

    /// Its word, in keys, files and certificates.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Robot => "robot",
            Self::Perception => "perception",
            Self::Planner => "planner",
            Self::Operator => "operator",
            Self::Ros2 => "ros2",
            Self::Observer => "observer",
        }
    }

    /// By its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word() == word)
    }
}

/// What happens to a message when there is no room for it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Care {
    /// Only the newest counts: it may be left out, and whoever hears the next one sees that.
    Newest,
    /// Each counts: the sender waits.
    Each,
}

/// One kind of message and its key after the robot's name; a key that ends in `/` is followed by who or what it is of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The key, as in `camera/`.
    pub key: &'static str,
    /// See [`Care`].
    pub care: Care,
    /// No message is larger, bytes.
    pub most_bytes: usize,
    /// Sent at once and before others, not gathered into packets.
    pub is_express: bool,
    /// Who may send it unasked.
    pub puts: &'static [Role],
    /// Who may hear that.
    pub hears: &'static [Role],
    /// Who may ask for it.
    pub asks: &'static [Role],
    /// Who answers.
    pub answers: &'static [Role],
}

use Role::{Observer, Operator, Perception, Planner, Robot, Ros2};

const EVERYBODY: &[Role] = &Role::ALL;
const NOBODY: &[Role] = &[];
/// A picture with depth of 8 megapixels; a trajectory of more points than anybody sends.
const PICTURE: usize = 64 << 20;
const COMMAND: usize = 4 << 20;

const fn said(key: &'static str, care: Care, puts: &'static [Role], hears: &'static [Role]) -> Topic {
    Topic { key, care, most_bytes: PICTURE, is_express: false, puts, hears, asks: NOBODY, answers: NOBODY }
}

const fn at_once(topic: Topic) -> Topic {
    Topic { is_express: true, ..topic }
}

const fn asked(key: &'static str, asks: &'static [Role], answers: &'static [Role]) -> Topic {
    let (care, most_bytes) = (Care::Each, COMMAND);
    Topic { key, care, most_bytes, is_express: true, puts: NOBODY, hears: NOBODY, asks, answers }
}

/// The loop's newest tick, whole.
pub const STATUS: Topic = at_once(said("status", Care::Newest, &[Robot], EVERYBODY));
/// The joints, for tools of others.
pub const JOINT_STATES: Topic = at_once(said("joint_states", Care::Newest, &[Robot], EVERYBODY));
/// What the loop tells, each once.
pub const REPORT: Topic = said("report", Care::Each, &[Robot], EVERYBODY);
/// Pictures of a camera.
pub const CAMERA: Topic =
    said("camera/", Care::Newest, &[Robot], &[Perception, Planner, Operator, Ros2, Observer]);
/// Signs of life of whoever holds a lease.
pub const ALIVE: Topic = at_once(said("alive", Care::Newest, &[Planner, Operator, Ros2], &[Robot]));
/// What happened, in words.
pub const EVENT: Topic =
    said("event/", Care::Each, &[Robot, Perception, Planner, Ros2], &[Operator, Ros2, Observer]);
/// How the arrows to a node do.
pub const HEALTH: Topic = said("health/", Care::Newest, EVERYBODY, EVERYBODY);
/// How robot and loop do, once a second.
pub const LOOP: Topic = said("loop", Care::Newest, &[Robot], EVERYBODY);
/// What is believed to be on the table: after every look the detections, and the same to be drawn.
pub const SCENE: Topic = said("scene/", Care::Newest, &[Planner], &[Operator, Ros2, Observer]);

/// What a node's clock shows.
pub const CLOCK: Topic = asked("clock/", EVERYBODY, EVERYBODY);
/// Who a node is and what it offers.
pub const ABOUT: Topic = asked("about/", EVERYBODY, EVERYBODY);
/// The right to send commands that are signed, until the session ends.
pub const SESSION: Topic = asked("session/", &[Planner, Operator, Perception, Ros2], &[Robot, Planner]);
/// The right to move joint groups.
pub const CLAIM: Topic = asked("claim", &[Planner, Operator, Ros2], &[Robot]);
/// That right given back.
pub const RELEASE: Topic = asked("release", &[Planner, Operator, Ros2], &[Robot]);
/// A motion.
pub const ORDER: Topic = asked("order", &[Planner, Operator, Ros2], &[Robot]);
/// What stands and moves around the arm.
pub const WORLD: Topic = asked("world", &[Planner, Operator, Ros2], &[Robot]);
/// At which part of their speed motions run.
pub const SLOW: Topic = asked("slow", &[Planner, Operator, Ros2], &[Robot]);
/// Power.
pub const ACTIVATE: Topic = asked("activate", &[Planner, Operator, Ros2], &[Robot]);
/// No power.
pub const DISARM: Topic = asked("disarm", &[Operator], &[Robot]);
/// Out of a latched stop: a person's alone.
pub const RESET: Topic = asked("reset", &[Operator], &[Robot]);
/// A stop, which takes no lease.
pub const STOP: Topic = asked("stop", &[Planner, Operator, Perception, Ros2], &[Robot]);
/// What a picture shows, or a sentence means.
pub const ANSWER: Topic =
    Topic { most_bytes: PICTURE, ..asked("model/answer", &[Planner, Operator], &[Perception]) };
/// Other words for a person.
pub const WORDS: Topic = asked("model/words", &[Planner], &[Perception]);
/// Whether something was done, by a picture from before and one from after.
pub const JUDGEMENT: Topic =
    Topic { most_bytes: PICTURE, ..asked("model/judgement", &[Planner], &[Perception]) };
/// A sentence to be carried out.
pub const GOAL: Topic = asked("goal", &[Operator], &[Planner]);
/// An answer to what the one who carries it out asks back.
pub const REPLY: Topic = asked("reply", &[Operator], &[Planner]);
/// What is being carried out, given up.
pub const CANCEL: Topic = asked("cancel", &[Operator], &[Planner]);

/// All of them.
pub const TOPICS: &[Topic] = &[
    STATUS,
    JOINT_STATES,
    REPORT,
    CAMERA,
    ALIVE,
    EVENT,
    HEALTH,
    LOOP,
    SCENE,
    CLOCK,
    ABOUT,
    SESSION,
    CLAIM,
    RELEASE,
    ORDER,
    WORLD,
    SLOW,
    ACTIVATE,
    DISARM,
    RESET,
    STOP,
    ANSWER,
    WORDS,
    JUDGEMENT,
    GOAL,
    REPLY,
    CANCEL,
];

/// Where nodes are announced: `node/ROLE/ID`.
pub(crate) const NODES: &str = "node";
