//! What can go wrong, and what the robot does about it.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// An input that was refused: which field, what was expected, what came. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: expected {expected}, got {got}")]
pub struct Rejection {
    /// The field, as a path a person can find: `trajectory.points[3].q[1]`.
    pub field: Cow<'static, str>,
    /// What would have been accepted, with its unit.
    pub expected: Cow<'static, str>,
    /// What came instead.
    pub got: Cow<'static, str>,
}

impl Rejection {
    /// A refusal of `field`.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
        got: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), expected: expected.into(), got: got.into() }
    }

    /// Refuses `value` unless it is finite (B1–B4).
    ///
    /// # Errors
    /// A [`Rejection`] naming `field`.
    pub fn finite(field: &str, value: f64) -> Result<f64, Self> {
        if value.is_finite() {
            Ok(value)
        } else {
            Err(Self::new(field.to_owned(), "a finite number", value.to_string()))
        }
    }

    /// Refuses `value` unless it is finite and strictly positive (B15).
    ///
    /// # Errors
    /// A [`Rejection`] naming `field`.
    pub fn positive(field: &str, value: f64) -> Result<f64, Self> {
        if value.is_finite() && value > 0.0 {
            Ok(value)
        } else {
            Err(Self::new(field.to_owned(), "a finite number above zero", value.to_string()))
        }
    }
}

/// How a motion ends early (IEC 60204-1, the field's stop categories).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StopCategory {
    /// Category 2: jerk-limited stop along the path, power held.
    Two,
    /// Category 1: jerk-limited stop, then brakes and torque off.
    One,
    /// Category 0: power off at once; only when control is lost and brakes exist.
    Zero,
}

/// The rows of the fault table that this version detects; the name is the row's id in code, test,
/// event and documentation. A further row is one more variant here.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The camera shows the same picture under live stamps.
    F7CameraFrozen,
    /// The camera is gone.
    F8CameraUnplugged,
    /// Pictures arrive too late to act on.
    F9CameraDelayed,
    /// The picture is black, saturated, noise, or upside down.
    F10CameraBlind,
    /// The camera that came back is another one.
    F11CameraSwapped,
    /// A joint encoder reports a number that is none, or none that can be.
    F12EncoderInvalid,
    /// A joint encoder says the same although the joint moves.
    F13EncoderFrozen,
    /// A joint encoder leaps to where the joint cannot be.
    F14EncoderJump,
    /// A joint encoder counts backwards, or is another joint's.
    F15EncoderWrong,
    /// Measured speeds are so noisy that a contact cannot be told from them.
    F16VelocityNoise,
    /// A motor gives more torque than it can for long.
    F18Overload,
    /// A motor does the opposite of what it is told.
    F19Runaway,
    /// The gripper lost what it held.
    F20ObjectDropped,
    /// The arm met something.
    F21Contact,
    /// What the robot says comes late.
    F23StateLate,
    /// The robot was gone, or came back elsewhere.
    F24Disconnected,
    /// The whole process paused.
    F26ProcessPaused,
    /// A thread beside the loop panicked.
    F31ThreadPanic,
    /// The independent watchdog is gone.
    F33WatchdogDied,
    /// The emergency stop's line is open, broken or flickers.
    F41StopLine,
    /// The loop ran late beyond the robot's tolerance.
    F25LoopOverrun,
    /// The wall clock was stepped; nothing may change.
    F27ClockStepped,
    /// The motion input fell silent: its owner is gone.
    F1InputSilent,
    /// The chunks of a policy ran out.
    F4ChunksDry,
    /// A joint does not follow.
    F17FollowingError,
    /// Whoever steered fell silent under way.
    F38OperatorSilent,
    /// Somebody or something that moves came too near.
    F42PersonTooNear,
    /// Something stands within the distance that braking takes.
    F43ObstacleTooNear,
    /// The model answered nothing usable, too late, or without end.
    F45ModelGarbage,
    /// A model, or the GPU it runs on, is lost or too slow; another one answers instead, or none does.
    F46ModelLost,
}

impl Fault {
    /// The row's id in the fault table: `F8`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::F7CameraFrozen => "F7",
            Self::F8CameraUnplugged => "F8",
            Self::F9CameraDelayed => "F9",
            Self::F10CameraBlind => "F10",
            Self::F11CameraSwapped => "F11",
            Self::F12EncoderInvalid => "F12",
            Self::F13EncoderFrozen => "F13",
            Self::F14EncoderJump => "F14",
            Self::F15EncoderWrong => "F15",
            Self::F16VelocityNoise => "F16",
            Self::F18Overload => "F18",
            Self::F19Runaway => "F19",
            Self::F23StateLate => "F23",
            Self::F24Disconnected => "F24",
            Self::F26ProcessPaused => "F26",
            Self::F31ThreadPanic => "F31",
            Self::F33WatchdogDied => "F33",
            Self::F41StopLine => "F41",
            Self::F20ObjectDropped => "F20",
            Self::F21Contact => "F21",
            Self::F25LoopOverrun => "F25",
            Self::F27ClockStepped => "F27",
            Self::F1InputSilent => "F1",
            Self::F4ChunksDry => "F4",
            Self::F17FollowingError => "F17",
            Self::F38OperatorSilent => "F38",
            Self::F42PersonTooNear => "F42",
            Self::F43ObstacleTooNear => "F43",
            Self::F45ModelGarbage => "F45",
            Self::F46ModelLost => "F46",
        }
    }
}
