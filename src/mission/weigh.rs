//! How heavy what was lifted is: felt at the tool while the arm rests, and told to the loop, which then holds it as it
//! holds the arm.

use super::Mission;
use super::follow::Trouble;
use control::{Mode, Payload};

/// Looks at the force, a slice apart, after as many that let the arm come to rest.
const LOOKS: usize = 12;
const SETTLING: usize = 4;
/// Less than this, kg, or less than so many standard errors of what was felt, is not told from nothing.
const LEAST_KG: f64 = 0.02;
const SIGMAS: f64 = 4.0;
/// Standard gravity, m/s² (CGPM 1901).
const GRAVITY: f64 = 9.806_65;

impl Mission {
    /// Weighs what the hand has lifted since the last motion began, once.
    pub(super) fn weigh(&mut self) -> Result<(), Trouble> {
        let Some(held) = self.held.as_ref().filter(|_| !self.is_weighed) else { return Ok(()) };
        let (name, center) = (held.object.describe(), held.tool_from_object.translation.vector);
        self.is_weighed = true;
        for _ in 0..SETTLING {
            self.slice()?;
        }
        let mut felt = Vec::with_capacity(LOOKS);
        for _ in 0..LOOKS {
            self.slice()?;
            self.check_hand()?;
            let status = self.body.control().status();
            if status.mode != Mode::Hold {
                return Ok(());
            }
            felt.push(-status.tool_wrench[2] / GRAVITY);
        }
        let Some(mass_kg) = judged(&felt) else { return Ok(()) };
        self.log.detail("control", "weight", format!("the {name} weighs {:.0} g", mass_kg * 1e3));
        self.reckon_with(Payload { mass_kg, center_m: center.into() });
        Ok(())
    }

    /// A hand that holds nothing any more has nothing to carry.
    pub(super) fn put_off_load(&mut self) {
        if self.held.is_none() && self.body.control().status().payload.mass_kg > 0.0 {
            self.reckon_with(Payload::default());
        }
        self.is_weighed &= self.held.is_some();
    }

    fn reckon_with(&mut self, payload: Payload) {
        let now = self.now();
        if let Err(why) = self.body.control().carry(now, payload) {
            self.log.warn("control", "weight", why.to_string());
        }
    }
}

/// The mean of what was felt, kg, where it stands out from its noise.
fn judged(felt: &[f64]) -> Option<f64> {
    let n = felt.len() as f64;
    let mean = felt.iter().sum::<f64>() / n;
    let variance = felt.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / (n - 1.0);
    let least = LEAST_KG.max(SIGMAS * (variance / n).sqrt());
    (mean > least).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::judged;

    #[test]
    fn a_weight_counts_when_it_stands_out_from_the_noise_and_only_downwards() {
        assert_eq!(judged(&[0.30, 0.32, 0.31, 0.31]), Some(0.31));
        assert_eq!(judged(&[-0.30, -0.32, -0.31, -0.31]), None);
        assert_eq!(judged(&[0.019, 0.019, 0.019]), None);
        assert_eq!(judged(&[0.9, -0.7, 0.8, -0.6]), None);
        assert_eq!(judged(&[f64::NAN, 0.3, 0.3]), None);
        assert_eq!(judged(&[]), None);
    }
}
