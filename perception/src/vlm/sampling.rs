//! Choosing the next token from its logits.

use super::error::{Result, VlmError};
use super::grammar::Allowed;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use types::Rejection;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// The likeliest; of equals the one with the lowest number.
    Greedy,
    /// At random, the same every time for the same seed.
    Random {
        /// Divides the logits: below 1 the likely become likelier. Above 0, to 100.
        temperature: f64,
        /// Only the likeliest tokens that together have this probability (Holtzman et al. 2020). Above 0, to 1.
        top_p: f64,
        /// Of the random numbers.
        seed: u64,
    },
}

/// A [`Choice`] at work.
pub(super) struct Sampler {
    choice: Choice,
    rng: ChaCha8Rng,
}

impl Sampler {
    pub(super) fn new(choice: Choice) -> Result<Self> {
        let seed = match choice {
            Choice::Greedy => 0,
            Choice::Random { temperature, top_p, seed } => {
                for (field, value, most) in [("temperature", temperature, 100.0), ("top_p", top_p, 1.0)] {
                    if !(value > 0.0 && value <= most) {
                        return Err(
                            Rejection::new(field, format!("above 0, to {most}"), value.to_string()).into()
                        );
                    }
                }
                seed
            }
        };
        Ok(Self { choice, rng: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// The next token, of those that are allowed. Logits that are not finite are refused: the weights behind them
    /// are bad (B30).
    pub(super) fn next(&mut self, logits: &mut [f32], allowed: Option<&Allowed>) -> Result<u32> {
        // Looked at all at once, and one by one only to name it.
        if !logits.iter().fold(true, |all, l| all & l.is_finite())
            && let Some(i) = logits.iter().position(|l| !l.is_finite())
        {
            let what = format!("expected finite logits, got {} for token {i}", logits[i]);
            return Err(VlmError::Backend(what));
        }
        if let Some(allowed) = allowed {
            let mut any = false;
            for (id, logit) in (0..).zip(logits.iter_mut()) {
                let is_allowed = (id as usize) < allowed.len() && allowed.is_allowed(id);
                any |= is_allowed;
                if !is_allowed {
                    *logit = f32::NEG_INFINITY;
                }
            }
            if !any {
                return Err(VlmError::Backend("the grammar allows no token".into()));
            }
        }
        Ok(match self.choice {
            Choice::Greedy => greedy(logits),
            Choice::Random { temperature, top_p, .. } => self.draw(logits, temperature, top_p),
        })
    }

    fn draw(&mut self, logits: &[f32], temperature: f64, top_p: f64) -> u32 {
        let most = f64::from(logits[greedy(logits) as usize]);
        let weight = |l: &f32| libm::exp((f64::from(*l) - most) / temperature);
        let mut all: Vec<(u32, f64)> = (0..).zip(logits.iter().map(weight)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total: f64 = all.iter().map(|(_, w)| w).sum();
        let mut sum = 0.0;
        // Up to and with the one that reaches the probability wanted.
        let n = all.iter().position(|(_, w)| {
            sum += w;
            sum >= top_p * total
        });
        all.truncate(n.map_or(all.len(), |n| n + 1));
        let mut left = self.rng.random::<f64>() * all.iter().map(|(_, w)| w).sum::<f64>();
        let chosen = all.iter().find(|(_, w)| {
            left -= w;
            left < 0.0
        });
        chosen.or(all.last()).map_or(0, |(id, _)| *id)
    }
}

/// The first of the greatest.
fn greedy(logits: &[f32]) -> u32 {
    // Side by side, as a processor compares them: there are many.
    let mut greatest = [f32::NEG_INFINITY; 16];
    let (lanes, rest) = logits.as_chunks::<16>();
    for lane in lanes {
        for (most, l) in greatest.iter_mut().zip(lane) {
            *most = if l > most { *l } else { *most };
        }
    }
    let greatest = greatest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter().position(|l| *l == greatest).unwrap_or(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(temperature: f64, top_p: f64, seed: u64, n: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(Choice::Random { temperature, top_p, seed }).expect("in range");
        (0..n).map(|_| sampler.next(&mut [0.0, 2.0, 1.0, -9.0], None).expect("finite")).collect()
    }

    #[test]
    fn greedy_takes_the_first_of_the_likeliest() {
        let mut sampler = Sampler::new(Choice::Greedy).expect("in range");
        assert_eq!(sampler.next(&mut [0.5, 3.0, -1.0, 3.0], None).expect("finite"), 1);
        let mut many = [-1.0; 45];
        for (first, second) in [(3, 19), (20, 5), (44, 43), (44, 2), (0, 44)] {
            (many[first], many[second]) = (2.0, 2.0);
            assert_eq!(sampler.next(&mut many, None).expect("finite") as usize, first.min(second));
            (many[first], many[second]) = (-1.0, -1.0);
        }
        many[17] = f32::NAN;
        let refused = sampler.next(&mut many, None).expect_err("no number").to_string();
        assert!(refused.contains("token 17"), "{refused}");
    }

    #[test]
    fn a_seed_repeats_itself_and_the_shares_are_those_of_the_softmax() {
        assert_eq!(drawn(1.0, 1.0, 7, 100), drawn(1.0, 1.0, 7, 100));
        assert_ne!(drawn(1.0, 1.0, 7, 100), drawn(1.0, 1.0, 8, 100));
        let n = 20_000;
        let share = drawn(1.0, 1.0, 3, n).iter().filter(|id| **id == 1).count() as f64 / n as f64;
        // e² / (1 + e² + e + e⁻⁹), give or take four standard deviations.
        assert!((share - 0.6652).abs() < 0.0134, "{share}");
    }

    #[test]
    fn top_p_leaves_the_unlikely_out_and_cold_draws_are_greedy() {
        assert!(drawn(1.0, 0.6, 1, 500).iter().all(|id| *id == 1));
        let two: std::collections::BTreeSet<u32> = drawn(1.0, 0.8, 1, 500).into_iter().collect();
        assert_eq!(two.into_iter().collect::<Vec<_>>(), [1, 2]);
        assert!(drawn(0.01, 1.0, 1, 500).iter().all(|id| *id == 1));
    }

    #[test]
    fn what_is_out_of_range_or_not_finite_is_refused() {
        for (temperature, top_p) in [(0.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0), (1.0, 1.1)] {
            assert!(Sampler::new(Choice::Random { temperature, top_p, seed: 0 }).is_err());
        }
        let mut sampler = Sampler::new(Choice::Greedy).expect("in range");
        assert!(sampler.next(&mut [0.0, f32::NAN], None).expect_err("B30").to_string().contains("token 1"));
    }
}
