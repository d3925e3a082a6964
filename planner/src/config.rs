//! Every number a person may want to turn in deciding and moving.

use serde::{Deserialize, Serialize};
use types::Rejection;

/// Thresholds, margins, speeds and budgets of the planner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// An attribute that a person named counts as seen from this probability on, 0 to 1.
    pub sure: f32,
    /// Below this probability an attribute counts as absent; between the two Sinew looks again or asks.
    pub possible: f32,
    /// Objects not seen for longer than this before the newest picture are not acted on, seconds.
    pub max_age_s: f64,
    /// Objects whose position is less certain than this (standard deviation) are not acted on, metres.
    pub max_std_m: f64,
    /// How often in a row the planner asks for another look before it asks the person.
    pub max_looks: u32,
    /// How much more volume the largest object must have than the next (a ratio above one).
    pub volume_ratio: f64,
    /// How much further left (right, near, far) the leftmost object must lie than the next, metres.
    pub superlative_margin_m: f64,
    /// Wanted gap between an object and the one it is put beside, metres.
    pub beside_gap_m: f64,
    /// Least gap between an object that is put down and everything else, metres.
    pub clearance_m: f64,
    /// How far "push it to the left" pushes, metres.
    pub push_m: f64,
    /// How close to a wanted table point an object must come, metres.
    pub at_tolerance_m: f64,
    /// The most objects in one stack.
    pub max_stack: usize,
    /// How often the planner plans anew for one sentence.
    pub max_replans: u32,
    /// Share of the velocity limits that free motions use, 0 to 1.
    pub velocity_scale: f64,
    /// Share of the acceleration limits that free motions use, 0 to 1.
    pub acceleration_scale: f64,
    /// Share of the jerk limits that free motions use, 0 to 1.
    pub jerk_scale: f64,
    /// Fastest tool while it closes in on, lowers, lifts or pushes an object, m/s.
    pub contact_speed_m_s: f64,
    /// Least distance of the arm and what it holds to everything else in free motion, metres.
    pub free_margin_m: f64,
    /// The same while the fingers work close to an object and its support, metres.
    pub contact_margin_m: f64,
    /// Height above the grasp from which the tool comes straight down, metres.
    pub approach_m: f64,
    /// How far the tool goes straight up after it grasped or released, metres.
    pub retreat_m: f64,
    /// Room on each side of an object that the open fingers come down around, metres.
    pub finger_room_m: f64,
    /// Gap below an object when the fingers let it go, metres.
    pub release_gap_m: f64,
    /// Force per finger that objects are held with, newtons; never more than the gripper's own limit.
    pub grip_force_n: f64,
    /// Boxes that nothing of the arm and what it holds may enter: x from, to, y from, to, z from, to in the
    /// world, metres.
    pub keep_out_m: Vec<[f64; 6]>,
    /// Whether picking, placing and pushing end in the home pose, where the arm hides nothing.
    pub home_after: bool,
    /// The most tree extensions of one path search.
    pub search_iterations: usize,
    /// Longest joint-space step between two collision checks, rad.
    pub check_step_rad: f64,
    /// Beginning of every random sequence: the same seed plans the same motion.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sure: 0.6,
            possible: 0.3,
            max_age_s: 20.0,
            max_std_m: 0.02,
            max_looks: 2,
            volume_ratio: 1.15,
            superlative_margin_m: 0.01,
            beside_gap_m: 0.045,
            clearance_m: 0.022,
            push_m: 0.10,
            at_tolerance_m: 0.04,
            max_stack: 3,
            max_replans: 4,
            velocity_scale: 0.5,
            acceleration_scale: 0.5,
            jerk_scale: 0.5,
            contact_speed_m_s: 0.12,
            free_margin_m: 0.008,
            contact_margin_m: 0.001,
            approach_m: 0.10,
            retreat_m: 0.12,
            finger_room_m: 0.012,
            release_gap_m: 0.003,
            grip_force_n: 15.0,
            keep_out_m: Vec::new(),
            home_after: true,
            search_iterations: 4000,
            check_step_rad: 0.04,
            seed: 0,
        }
    }
}

impl Config {
    /// Checks every number (B15).
    ///
    /// # Errors
    /// A [`Rejection`] naming the field, its range and unit.
    pub fn check(&self) -> Result<(), Rejection> {
        let within = |field: &str, v: f64, low: f64, high: f64, unit: &str| {
            if v.is_finite() && v >= low && v <= high {
                Ok(())
            } else {
                let field = format!("planner.{field}");
                Err(Rejection::new(field, format!("{low} to {high}{unit}"), v.to_string()))
            }
        };
        within("sure", f64::from(self.sure), 0.3, 1.0, "")?;
        within("possible", f64::from(self.possible), 0.0, f64::from(self.sure), "")?;
        within("max_age_s", self.max_age_s, 0.0, 3600.0, " s")?;
        within("max_std_m", self.max_std_m, 1e-4, 0.2, " m")?;
        within("max_looks", f64::from(self.max_looks), 0.0, 20.0, "")?;
        within("volume_ratio", self.volume_ratio, 1.0, 10.0, "")?;
        within("superlative_margin_m", self.superlative_margin_m, 0.0, 0.5, " m")?;
        within("beside_gap_m", self.beside_gap_m, 0.005, 0.1, " m")?;
        within("clearance_m", self.clearance_m, 0.0, 0.1, " m")?;
        within("push_m", self.push_m, 0.02, 0.5, " m")?;
        within("at_tolerance_m", self.at_tolerance_m, 0.005, 0.2, " m")?;
        within("max_stack", self.max_stack as f64, 2.0, 5.0, "")?;
        within("max_replans", f64::from(self.max_replans), 0.0, 50.0, "")?;
        within("velocity_scale", self.velocity_scale, 0.01, 1.0, "")?;
        within("acceleration_scale", self.acceleration_scale, 0.01, 1.0, "")?;
        within("jerk_scale", self.jerk_scale, 0.01, 1.0, "")?;
        within("contact_speed_m_s", self.contact_speed_m_s, 0.005, 0.5, " m/s")?;
        within("free_margin_m", self.free_margin_m, 0.0, 0.05, " m")?;
        within("contact_margin_m", self.contact_margin_m, 0.0, 0.02, " m")?;
        within("approach_m", self.approach_m, 0.02, 0.3, " m")?;
        within("retreat_m", self.retreat_m, 0.02, 0.3, " m")?;
        within("finger_room_m", self.finger_room_m, 0.002, 0.05, " m")?;
        within("release_gap_m", self.release_gap_m, 0.0, 0.05, " m")?;
        within("grip_force_n", self.grip_force_n, 0.1, 500.0, " N")?;
        for (i, b) in self.keep_out_m.iter().enumerate() {
            for pair in b.chunks(2) {
                if !(pair[0].is_finite()
                    && pair[1].is_finite()
                    && pair[0] < pair[1]
                    && pair[1] - pair[0] < 100.0)
                {
                    let field = format!("planner.keep_out_m[{i}]");
                    let expected = "x from, to, y from, to, z from, to, each pair rising, metres";
                    return Err(Rejection::new(field, expected, format!("{b:?}")));
                }
            }
        }
        within("search_iterations", self.search_iterations as f64, 1.0, 1e6, "")?;
        within("check_step_rad", self.check_step_rad, 0.001, 0.2, " rad")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_absurd_values_are_refused_by_name() {
        Config::default().check().expect("the default");
        let bad = Config { contact_speed_m_s: f64::NAN, ..Config::default() };
        assert_eq!(bad.check().expect_err("B15").field, "planner.contact_speed_m_s");
        let bad = Config { possible: 0.9, ..Config::default() };
        assert_eq!(bad.check().expect_err("B15").field, "planner.possible");
        let bad = Config { velocity_scale: 1.5, ..Config::default() };
        assert_eq!(bad.check().expect_err("B15").field, "planner.velocity_scale");
    }
}
