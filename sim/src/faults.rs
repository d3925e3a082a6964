//! Faults on demand: what shall break, when, and for how long.

use serde::{Deserialize, Serialize};
use types::{Rejection, Time};

/// How a camera fails; applied by the simulated camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraFault {
    /// F7: the same picture again and again, under live stamps.
    Frozen,
    /// F8: no picture at all.
    Unplugged,
    /// F9: every picture arrives this many seconds after it was taken, stamped as taken.
    Delayed(f64),
    /// F10: every pixel black.
    Black,
    /// F10: every pixel saturated.
    Saturated,
    /// F10: nothing but noise.
    Noise,
    /// F10: upside down.
    Rotated,
    /// F11: another device answers under the same name: its identity, and its picture, differ.
    Swapped,
}

/// How the robot's link fails.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RobotFault {
    /// Reading gives an error.
    Silent,
    /// F23: what is read is 5 ms old.
    Late,
    /// F12: the encoder of this joint reports NaN.
    Nan(usize),
    /// The same state again and again, stamp included.
    Frozen,
    /// Commands are not taken.
    Deaf,
    /// F13: the encoder of this joint says the same again and again, the others do not.
    StuckEncoder(usize),
    /// F13: likewise, and the speed, which is made of what it says, is none.
    DeadEncoder(usize),
    /// F14: the encoder of this joint is 0.2 rad off.
    JumpedEncoder(usize),
    /// F15: the encoder of this joint counts backwards.
    InvertedEncoder(usize),
    /// F15: the encoder of this joint and that of the next are plugged in for each other.
    SwappedEncoders(usize),
    /// F16: measured speeds are off by up to 1.4 % of the speed limit either way, another way every time.
    NoisySpeed,
    /// F17: the motor of this joint gives no torque.
    DeadMotor(usize),
    /// F19: the motor of this joint does the opposite of what it is told.
    Runaway(usize),
    /// F21: something pushes this joint with 45 % of its torque limit more than the profile takes for no contact.
    Pushed(usize),
    /// F18: this joint has to bear more and more, after a second 95 % of its torque limit.
    Strained(usize),
}

/// How the gripper fails.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GripperFault {
    /// F20: the fingers press with nothing, so that what is held falls.
    Limp,
}

/// What breaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The camera of this name.
    Camera {
        /// Its name.
        name: String,
        /// How.
        fault: CameraFault,
    },
    /// The robot's link.
    Robot(RobotFault),
    /// The gripper.
    Gripper(GripperFault),
}

/// One fault: what, when, how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Seconds after the world began.
    pub at_s: f64,
    /// Seconds that it lasts; absent: for ever.
    #[serde(default)]
    pub duration_s: Option<f64>,
    /// What breaks.
    pub kind: FaultKind,
}

impl FaultSpec {
    /// Whether it acts at `now`, counted from `start`.
    #[must_use]
    pub fn is_active(&self, start: Time, now: Time) -> bool {
        let t = now.secs_since(start);
        t >= self.at_s && self.duration_s.is_none_or(|d| t < self.at_s + d)
    }

    /// Checks the times.
    ///
    /// # Errors
    /// A [`Rejection`] for a time that is negative or not finite, or a delay of a camera that is.
    pub fn check(&self) -> Result<(), Rejection> {
        let non_negative = |field: &'static str, v: f64| {
            if v.is_finite() && v >= 0.0 {
                Ok(())
            } else {
                Err(Rejection::new(field, "seconds, zero or more", v.to_string()))
            }
        };
        non_negative("fault.at_s", self.at_s)?;
        if let Some(d) = self.duration_s {
            non_negative("fault.duration_s", d)?;
        }
        if let FaultKind::Camera { fault: CameraFault::Delayed(s), .. } = &self.kind {
            non_negative("fault.kind.camera.fault.delayed", *s)?;
        }
        Ok(())
    }
}

/// The fault that acts on the camera `name` at `now`: the first that is listed.
#[must_use]
pub fn camera_fault<'a>(
    faults: &'a [FaultSpec],
    name: &str,
    start: Time,
    now: Time,
) -> Option<&'a CameraFault> {
    faults.iter().filter(|f| f.is_active(start, now)).find_map(|f| match &f.kind {
        FaultKind::Camera { name: n, fault } if n == name => Some(fault),
        _ => None,
    })
}

/// The fault that acts on the robot's link at `now`: the first that is listed.
#[must_use]
pub fn robot_fault(faults: &[FaultSpec], start: Time, now: Time) -> Option<RobotFault> {
    faults.iter().filter(|f| f.is_active(start, now)).find_map(|f| match f.kind {
        FaultKind::Robot(fault) => Some(fault),
        _ => None,
    })
}

/// The fault that acts on the gripper at `now`: the first that is listed.
#[must_use]
pub fn gripper_fault(faults: &[FaultSpec], start: Time, now: Time) -> Option<GripperFault> {
    faults.iter().filter(|f| f.is_active(start, now)).find_map(|f| match f.kind {
        FaultKind::Gripper(fault) => Some(fault),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_acts_from_its_time_on_and_for_as_long_as_it_says() {
        let start = Time::from_secs_f64(5.0);
        let kind = FaultKind::Camera { name: "front".into(), fault: CameraFault::Frozen };
        let f = [FaultSpec { at_s: 1.0, duration_s: Some(0.5), kind }];
        for (t, active) in [(5.9, false), (6.1, true), (6.4, true), (6.6, false)] {
            let now = Time::from_secs_f64(t);
            assert_eq!(camera_fault(&f, "front", start, now).is_some(), active, "F7 at {t}");
            assert!(camera_fault(&f, "wrist", start, now).is_none());
            assert!(robot_fault(&f, start, now).is_none() && gripper_fault(&f, start, now).is_none());
        }
    }

    #[test]
    fn a_fault_at_no_time_is_refused() {
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            let kind = FaultKind::Gripper(GripperFault::Limp);
            let f = FaultSpec { at_s: bad, duration_s: None, kind: kind.clone() };
            assert_eq!(f.check().expect_err("B1").field, "fault.at_s");
            let f = FaultSpec { at_s: 0.0, duration_s: Some(bad), kind };
            assert_eq!(f.check().expect_err("B1").field, "fault.duration_s");
        }
    }
}
