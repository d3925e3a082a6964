//! What the hand carries: its weight belongs to the model, so that torques hold it and the observer takes it for no
//! contact.

use mechanics::{Arm, ArmData, inverse_dynamics};
use types::{JointVector, Rejection};

/// The model goes over to another payload in so long, seconds: torques follow without a step.
const BLEND_S: f64 = 0.2;
/// Heavier or further from the tool than this is a slip of the pen, kg and metres.
const HEAVIEST_KG: f64 = 1000.0;
const FURTHEST_M: f64 = 0.3;
/// Of any joint's torque what it carries may take: with nothing left the arm could not be moved.
const HEAVIEST_SHARE: f64 = 0.95;

/// What the hand carries, as a mass at a point.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// kg.
    pub mass_kg: f64,
    /// Its centre of mass in the tool's frame, metres.
    pub center_m: [f64; 3],
}

impl Payload {
    /// Checks the numbers, that the arm can hold it where it stands, and that no joint's torque changes by more than
    /// its limit: a load beyond the joints would else balance the arm on paper.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field.
    pub(crate) fn check(&self, arm: &Arm, q: &JointVector, width_m: f64) -> Result<(), Rejection> {
        crate::config::range("payload.mass_kg", self.mass_kg, 0.0, HEAVIEST_KG)?;
        for v in self.center_m {
            crate::config::range("payload.center_m", v, -FURTHEST_M, FURTHEST_M)?;
        }
        let mut data = ArmData::new(arm);
        let at_rest = |data: &mut ArmData| {
            let (zero, mut tau) = (JointVector::zeros(arm.n_joints()), JointVector::zeros(arm.n_joints()));
            inverse_dynamics(arm, data, q, &zero, &zero, width_m, &mut tau);
            tau
        };
        let without = at_rest(&mut data);
        data.carry(arm, self.mass_kg, &self.center_m.into());
        let with = at_rest(&mut data);
        let shares = arm.limits().iter().enumerate();
        let load = shares.fold(0.0_f64, |most, (i, l)| {
            most.max(with[i].abs() / l.torque).max((with[i] - without[i]).abs() / l.torque)
        });
        if load > HEAVIEST_SHARE {
            return Err(Rejection::new(
                "payload.mass_kg",
                "what the arm can hold where it stands",
                format!("{} kg, which takes {:.0} % of a joint's torque", self.mass_kg, 100.0 * load),
            ));
        }
        Ok(())
    }
}

/// What the loop's models carry, on its way to what they shall.
pub(crate) struct Carried {
    from: Payload,
    to: Payload,
    part: f64,
}

impl Carried {
    pub(crate) fn new() -> Self {
        Self { from: Payload::default(), to: Payload::default(), part: 1.0 }
    }

    /// Goes over to another payload, from what it has come to.
    pub(crate) fn go(&mut self, to: Payload) {
        (self.from, self.to, self.part) = (self.now(), to, 0.0);
    }

    /// One tick further; what the models shall carry when that has changed.
    pub(crate) fn step(&mut self, dt: f64) -> Option<Payload> {
        if self.part >= 1.0 {
            return None;
        }
        self.part = (self.part + dt / BLEND_S).min(1.0);
        Some(self.now())
    }

    /// Between the two the moment goes over in a straight line, as the mass does.
    pub(crate) fn now(&self) -> Payload {
        let [a, b] = [(1.0 - self.part) * self.from.mass_kg, self.part * self.to.mass_kg];
        let mass_kg = a + b;
        if mass_kg <= 0.0 {
            return Payload { mass_kg: 0.0, ..self.to };
        }
        let (from, to) = (self.from.center_m, self.to.center_m);
        let center_m = core::array::from_fn(|i| (a * from[i] + b * to[i]) / mass_kg);
        Payload { mass_kg, center_m }
    }
}
