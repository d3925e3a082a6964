//! What a robot file does not say about a robot: limits of derivatives, gripper, tool, home.

use crate::faults::Rejection;
use serde::{Deserialize, Serialize};

/// One robot, as its `.toml` beside the URDF or MJCF describes it. Every list is in the order of
/// `joints`; an absent list keeps what the robot file says, or a cautious default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobotProfile {
    /// The robot's name: a Zenoh key, a folder.
    pub name: String,
    /// URDF or MJCF file, relative to the profile.
    pub model: String,
    /// The arm's joints that are controlled, from base to tip; empty: every movable joint that is
    /// not a gripper joint.
    #[serde(default)]
    pub joints: Vec<String>,
    /// Where the base stands in the world: x, y, z, metres.
    #[serde(default)]
    pub base_xyz_m: [f64; 3],
    /// Turn of the base about the world's z, radians.
    #[serde(default)]
    pub base_yaw_rad: f64,
    /// The link that carries the tool; empty: the last link of the chain.
    #[serde(default)]
    pub tool_link: String,
    /// Tool centre point in the tool link, metres.
    #[serde(default)]
    pub tool_xyz_m: [f64; 3],
    /// Tool frame's roll, pitch, yaw in the tool link, radians (fixed axes x, y, z).
    #[serde(default)]
    pub tool_rpy_rad: [f64; 3],
    /// Largest joint speeds, rad/s.
    #[serde(default)]
    pub velocity: Vec<f64>,
    /// Largest joint accelerations, rad/s².
    #[serde(default)]
    pub acceleration: Vec<f64>,
    /// Largest joint jerks, rad/s³.
    #[serde(default)]
    pub jerk: Vec<f64>,
    /// Largest joint torques, N·m.
    #[serde(default)]
    pub torque: Vec<f64>,
    /// Largest joint torque rates, N·m/s.
    #[serde(default)]
    pub torque_rate: Vec<f64>,
    /// Where speed limits hang on how near a joint is to an end of its range: their slopes, rad/s² (m/s²), zero for a
    /// joint without; empty: none has one. See [`crate::NearEnd`].
    #[serde(default)]
    pub near_end_slope: Vec<f64>,
    /// ... and their offsets, rad/s (m/s); empty: zeros.
    #[serde(default)]
    pub near_end_offset: Vec<f64>,
    /// Where the arm waits, and where it does not hide the table from the fixed camera, rad; empty: zeros
    /// where the arm is clear there, else a clear pose near the middle of its limits.
    #[serde(default)]
    pub home: Vec<f64>,
    /// Where the arm is parked before torque goes, rad; empty: home.
    #[serde(default)]
    pub park: Vec<f64>,
    /// Computed-torque position gains, 1/s² (acceleration per error); empty: a default.
    #[serde(default)]
    pub kp: Vec<f64>,
    /// Computed-torque velocity gains, 1/s; empty: critically damped from `kp`.
    #[serde(default)]
    pub kd: Vec<f64>,
    /// Where objects may lie for this arm to reach them: world x from, x to, y from, y to, metres; all
    /// zero: a box in front of the base, by the arm's length.
    #[serde(default)]
    pub reach_m: [f64; 4],
    /// The gripper; absent: there is none.
    #[serde(default)]
    pub gripper: GripperProfile,
    /// What the robot is told.
    #[serde(default)]
    pub drive: Drive,
    /// How late the loop may be before it counts as an overrun (F25), milliseconds.
    #[serde(default = "default_overrun_ms")]
    pub overrun_ms: f64,
    /// External torque that is a contact (F21), as a part of a joint's torque limit, 0.01 to 1: enough
    /// that what the hand touches by design is none.
    #[serde(default = "default_contact_share")]
    pub contact_share: f64,
    /// Whether brakes hold every joint without power: then a motor that runs away is stopped by taking
    /// the power away at once (F19); without brakes the arm would fall.
    #[serde(default)]
    pub brakes: bool,
}

fn default_overrun_ms() -> f64 {
    20.0
}

fn default_contact_share() -> f64 {
    0.15
}

/// What a robot's motors are told in every cycle; the rest of a [`crate::JointCommand`] is for information.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    /// Torques: the arm's model and gains are the loop's own, and it can be made to yield.
    #[default]
    Torque,
    /// Positions, with the speeds they are passed at: the motors' own controllers go there.
    Position,
    /// Velocities; where that leads is watched and put right by the loop.
    Velocity,
}

/// A two-finger gripper whose opening is a function of its joints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GripperProfile {
    /// Its joints in the robot file; empty: the arm has no gripper.
    pub joints: Vec<String>,
    /// Joint positions when closed (width zero), rad or m.
    pub closed: Vec<f64>,
    /// Joint positions at full opening, rad or m. Between the two, width is linear in position.
    pub open: Vec<f64>,
    /// Distance between the fingertips at full opening, metres.
    pub width_m: f64,
    /// Largest force per finger, newtons.
    pub force_n: f64,
    /// Fastest change of width, m/s.
    pub speed_m_s: f64,
    /// Fastest change of that, m/s²; 0: what the robot file leaves its joints.
    #[serde(default)]
    pub acceleration_m_s2: f64,
    /// ... and of that, m/s³; 0: what the robot file leaves its joints.
    #[serde(default)]
    pub jerk_m_s3: f64,
    /// Fastest change of the force per finger, N/s; 0: what the robot file leaves its joints.
    #[serde(default)]
    pub force_rate_n_s: f64,
    /// How long it may take to begin to move once it was told where to, seconds: nothing is felt meanwhile.
    #[serde(default)]
    pub late_s: f64,
    /// For a one-sided jaw, how far the middle between the fingertips moves along the tool's +y per
    /// metre of width, relative to the closed gripper; zero when both fingers move.
    #[serde(default)]
    pub center_shift: f64,
    /// How deep the fingertips reach below the tool centre point, metres.
    #[serde(default)]
    pub finger_depth_m: f64,
}

impl RobotProfile {
    /// Checks lengths and numbers that can be checked without the robot file.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field.
    pub fn check(&self) -> Result<(), Rejection> {
        let n = if self.home.is_empty() { self.joints.len() } else { self.home.len() };
        // How many joints there are is known from the robot file alone.
        let n_is_open = n == 0;
        let lists = [
            ("velocity", &self.velocity, true),
            ("acceleration", &self.acceleration, true),
            ("jerk", &self.jerk, true),
            ("torque", &self.torque, true),
            ("torque_rate", &self.torque_rate, true),
            ("near_end_slope", &self.near_end_slope, false),
            ("near_end_offset", &self.near_end_offset, false),
            ("kp", &self.kp, true),
            ("kd", &self.kd, true),
            ("park", &self.park, false),
            ("home", &self.home, false),
        ];
        if !self.joints.is_empty() && self.joints.len() != n {
            return Err(Rejection::new("robot.home", format!("{} values", self.joints.len()), n.to_string()));
        }
        for (i, name) in self.joints.iter().enumerate() {
            if self.joints[..i].contains(name) {
                return Err(Rejection::new("robot.joints", "each name once", name.clone()));
            }
        }
        for (field, list, positive) in lists {
            if !list.is_empty() && !n_is_open && list.len() != n {
                return Err(Rejection::new(
                    format!("robot.{field}"),
                    format!("{n} values, one per joint"),
                    list.len().to_string(),
                ));
            }
            for (i, v) in list.iter().enumerate() {
                let at = format!("robot.{field}[{i}]");
                if positive {
                    Rejection::positive(&at, *v)?
                } else {
                    Rejection::finite(&at, *v)?
                };
                if field == "kp" && *v > 1e6 {
                    return Err(Rejection::new(at, "a gain of at most 1e6 per s²", v.to_string()));
                }
            }
        }
        let [x0, x1, y0, y1] = self.reach_m;
        let is_area = x0 < x1 && y0 < y1 && self.reach_m.iter().all(|v| v.abs() < 10.0);
        if !is_area && self.reach_m != [0.0; 4] {
            return Err(Rejection::new(
                "robot.reach_m",
                "x from < x to, y from < y to, metres",
                format!("{:?}", self.reach_m),
            ));
        }
        let g = &self.gripper;
        if g.joints.len() != g.closed.len() || g.joints.len() != g.open.len() {
            return Err(Rejection::new(
                "robot.gripper.closed",
                format!("{} values, and as many for open", g.joints.len()),
                format!("{} and {}", g.closed.len(), g.open.len()),
            ));
        }
        if !g.joints.is_empty() {
            Rejection::positive("robot.gripper.width_m", g.width_m)?;
            Rejection::positive("robot.gripper.force_n", g.force_n)?;
            Rejection::positive("robot.gripper.speed_m_s", g.speed_m_s)?;
            // Half a second to full speed, acceleration and force at the most: whoever waits for fingers waits no longer.
            let acceleration = if g.acceleration_m_s2 > 0.0 { g.acceleration_m_s2 } else { g.speed_m_s };
            for (field, v, least, most) in [
                ("robot.gripper.acceleration_m_s2", g.acceleration_m_s2, 2.0 * g.speed_m_s, 1e3),
                ("robot.gripper.jerk_m_s3", g.jerk_m_s3, 2.0 * acceleration, 1e6),
                ("robot.gripper.force_rate_n_s", g.force_rate_n_s, 2.0 * g.force_n, 1e6),
            ] {
                if v != 0.0 && !(least..=most).contains(&v) {
                    return Err(Rejection::new(field, format!("{least} to {most}, or 0"), v.to_string()));
                }
            }
            if !(0.0..=10.0).contains(&g.late_s) {
                let got = g.late_s.to_string();
                return Err(Rejection::new("robot.gripper.late_s", "0 to 10 seconds", got));
            }
        }
        Rejection::positive("robot.overrun_ms", self.overrun_ms)?;
        if !(0.01..=1.0).contains(&self.contact_share) {
            let expected = "a part of the torque limit, 0.01 to 1";
            return Err(Rejection::new("robot.contact_share", expected, self.contact_share.to_string()));
        }
        Ok(())
    }
}
