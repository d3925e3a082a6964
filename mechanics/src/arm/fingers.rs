//! How fast and how hard a gripper may close, from its profile and its joints.

use super::Arm;

/// How the distance between the fingertips may change, and their force.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct GripperLimits {
    /// m/s.
    pub speed: f64,
    /// m/s².
    pub acceleration: f64,
    /// m/s³.
    pub jerk: f64,
    /// Of the force per finger, N/s.
    pub force_rate: f64,
}

/// Where the profile says nothing full speed, full acceleration and full force take no longer than this each, seconds.
const GUESSED_S: f64 = 0.2;

impl Arm {
    /// What the gripper's profile says, and where it says nothing what all of its joints can do; `None` without a gripper.
    #[must_use]
    pub fn gripper_limits(&self) -> Option<GripperLimits> {
        let g = &self.profile.gripper;
        let n = g.joints.len() as f64;
        let mut of_joints: Option<GripperLimits> = None;
        for (i, &j) in self.gripper_joints.iter().enumerate() {
            let l = &self.model.joints[j].limits;
            // All joints move together; each bears its part of the force.
            let width_per_joint = g.width_m / (g.open[i] - g.closed[i]).abs();
            let own = GripperLimits {
                speed: g.speed_m_s,
                acceleration: l.acceleration * width_per_joint,
                jerk: l.jerk * width_per_joint,
                force_rate: l.torque_rate * n / width_per_joint,
            };
            let all = of_joints.get_or_insert(own);
            all.acceleration = all.acceleration.min(own.acceleration);
            all.jerk = all.jerk.min(own.jerk);
            all.force_rate = all.force_rate.min(own.force_rate);
        }
        // Robot files often have placeholders here: nobody waits for longer than that.
        let over = |said: f64, joints: f64, least: f64| if said > 0.0 { said } else { joints.max(least) };
        of_joints.map(|joints| {
            let acceleration = over(g.acceleration_m_s2, joints.acceleration, joints.speed / GUESSED_S);
            GripperLimits {
                speed: joints.speed,
                acceleration,
                jerk: over(g.jerk_m_s3, joints.jerk, acceleration / GUESSED_S),
                force_rate: over(g.force_rate_n_s, joints.force_rate, g.force_n / GUESSED_S),
            }
        })
    }
}

impl GripperLimits {
    /// What speeding up and slowing down add to a way at full speed, at the most, seconds.
    #[must_use]
    pub fn ramps_s(&self) -> f64 {
        self.speed / self.acceleration + self.acceleration / self.jerk
    }

    /// How long a force of `force_n` takes to come or to go, seconds.
    #[must_use]
    pub fn force_s(&self, force_n: f64) -> f64 {
        force_n / self.force_rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use types::{GripperProfile, RobotProfile};

    fn limits(file: &str, gripper: GripperProfile) -> Option<GripperLimits> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots").join(file);
        let guessed = Arm::from_model(crate::load(&path).expect("a model")).expect("an arm");
        // Of what was guessed of its joints some are the gripper's.
        let profile = RobotProfile {
            gripper,
            joints: vec![],
            velocity: vec![],
            acceleration: vec![],
            jerk: vec![],
            torque: vec![],
            torque_rate: vec![],
            near_end_slope: vec![],
            near_end_offset: vec![],
            home: vec![],
            park: vec![],
            kp: vec![],
            kd: vec![],
            ..guessed.profile().clone()
        };
        Arm::new(guessed.model().clone(), profile).expect("an arm").gripper_limits()
    }

    #[test]
    fn what_a_profile_leaves_open_is_what_the_joints_can_do_together() {
        let panda = GripperProfile {
            joints: vec!["finger_joint1".into(), "finger_joint2".into()],
            closed: vec![0.0; 2],
            open: vec![0.04; 2],
            width_m: 0.08,
            force_n: 40.0,
            speed_m_s: 0.1,
            ..GripperProfile::default()
        };
        // A millimetre of each finger is two between them; either gives the force. Its file says nothing of how fast:
        // 0.1 m/s, and what follows from that.
        let own = GripperLimits { speed: 0.1, acceleration: 0.8, jerk: 16.0, force_rate: 400.0 };
        assert_eq!(limits("panda.xml", panda.clone()), Some(own));
        let said =
            GripperProfile { acceleration_m_s2: 5.0, jerk_m_s3: 500.0, force_rate_n_s: 1500.0, ..panda };
        let over = GripperLimits { speed: 0.1, acceleration: 5.0, jerk: 500.0, force_rate: 1500.0 };
        assert_eq!(limits("panda.xml", said), Some(over));
        let jaw = GripperProfile {
            joints: vec!["gripper".into()],
            closed: vec![0.7],
            open: vec![-0.1],
            width_m: 0.08,
            force_n: 15.0,
            speed_m_s: 0.1,
            ..GripperProfile::default()
        };
        // A jaw that turns by 0.8 rad for 8 cm: 80 rad/s³, and 3 N·m within a tenth of a second; its 4 rad/s² would take
        // longer to its speed than anybody waits.
        let l = limits("so101.xml", jaw).expect("one");
        for (got, expected) in [(l.acceleration, 0.5), (l.jerk, 8.0), (l.force_rate, 300.0)] {
            assert!((got - expected).abs() < 1e-9, "{l:?}");
        }
        assert_eq!(limits("panda.xml", GripperProfile::default()), None);
    }
}
