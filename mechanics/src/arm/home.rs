//! A home for an arm whose files state none.

use super::build::{middle, pose_within};
use super::{Arm, ArmData, gravity_load};
use crate::collision::{Checker, Obstacle};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{JointLimits, JointVector, Rejection};

/// How far the arm keeps from what stands around it in a home that is chosen, metres.
const MARGIN_M: f64 = 0.012;
/// The largest share of a joint's torque limit that the arm's own weight may take there.
const MOST_LOAD: f64 = 0.8;
/// How many poses are drawn.
const N_DRAWS: usize = 4000;

/// How a home was chosen, for people.
#[derive(Clone, Debug, PartialEq)]
pub enum HomeChoice {
    /// Every joint at zero, or in the middle of its range where it may not stand at zero.
    Zeros,
    /// Zeros are out of the question; another pose was drawn.
    Drawn {
        /// What speaks against zeros.
        why: String,
    },
}

impl Arm {
    /// The same arm with another home, where it is parked too unless it had a park pose of its own.
    ///
    /// # Errors
    /// A [`Rejection`] for a pose of the wrong length or beyond the joints' limits.
    pub fn with_home(mut self, home: &[f64]) -> Result<Self, Rejection> {
        if home.len() != self.n_joints() {
            let expected = format!("{} values, one per joint", self.n_joints());
            return Err(Rejection::new("robot.home", expected, home.len().to_string()));
        }
        let parks_at_home = self.park == self.home;
        self.home = pose_within("robot.home", home, &self.limits)?;
        self.profile.home = home.to_vec();
        if parks_at_home {
            self.park = self.home;
            self.profile.park = home.to_vec();
        }
        Ok(self)
    }

    /// The same arm with a home that nobody stated: zeros (the middle of its range for a joint that may
    /// not stand at zero) where the arm there keeps clear of itself and of `obstacles` and its motors
    /// carry it; else, of poses drawn within the limits from a fixed seed, the one nearest the middle of
    /// the limits that does. The same arm gets the same home.
    ///
    /// # Errors
    /// A [`Rejection`] when there is none, saying what is in the way; or for an obstacle that cannot be.
    pub fn with_chosen_home(self, obstacles: &[Obstacle]) -> Result<(Self, HomeChoice), Rejection> {
        let zeros: Vec<f64> = self.limits.iter().map(middle).collect();
        let mut look = Look::new(&self, obstacles)?;
        let Some(why) = look.objection(&zeros) else {
            return Ok((self.with_home(&zeros)?, HomeChoice::Zeros));
        };
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut draws: Vec<(f64, JointVector)> = (0..N_DRAWS)
            .map(|_| {
                let at = |l: &JointLimits| l.lower + (l.upper - l.lower) * rng.random::<f64>();
                let q: Vec<f64> = self.limits.iter().map(at).collect();
                let off = q.iter().zip(&self.limits).map(|(v, l)| off_middle(*v, l)).map(|d| d * d).sum();
                JointVector::from_slice(&q).map(|q| (off, q))
            })
            .collect::<Result<_, _>>()?;
        draws.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = draws.iter().find(|(_, q)| look.objection(q).is_none()).map(|(_, q)| *q);
        match found {
            Some(q) => Ok((self.with_home(&q)?, HomeChoice::Drawn { why })),
            None => Err(Rejection::new(
                "robot.home",
                "a home pose: the file states none, and of the poses tried none is clear and can be held",
                format!("at zeros, {why}"),
            )),
        }
    }
}

/// How far a joint stands from the middle of its range, in halves of the range.
fn off_middle(q: f64, l: &JointLimits) -> f64 {
    (q - 0.5 * (l.lower + l.upper)) / (0.5 * (l.upper - l.lower))
}

/// What may speak against a pose, and the scratch to find out.
struct Look<'a> {
    arm: &'a Arm,
    checker: Checker,
    data: ArmData,
}

impl<'a> Look<'a> {
    fn new(arm: &'a Arm, obstacles: &[Obstacle]) -> Result<Self, Rejection> {
        let mut checker = Checker::without_home(arm);
        checker.set_obstacles(obstacles.to_vec())?;
        Ok(Self { arm, checker, data: ArmData::new(arm) })
    }

    fn objection(&mut self, q: &[f64]) -> Option<String> {
        let width = self.arm.profile().gripper.width_m;
        for width in [0.0, width] {
            if let Some(met) = self.checker.nearest_within(self.arm, &mut self.data, q, width, MARGIN_M) {
                let away = 1e3 * met.distance;
                return Some(format!("{} is {away:.0} mm away from {}", met.first, met.second));
            }
            let load = gravity_load(self.arm, &mut self.data, q, width);
            if load > MOST_LOAD {
                return Some(format!(
                    "the arm's weight takes {:.0} % of a joint's torque limit",
                    100.0 * load
                ));
            }
        }
        None
    }
}
