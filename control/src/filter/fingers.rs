//! Where the fingers may be while the arm moves: their course is their own, and neither a stop of the arm nor what it
//! slows down for holds them up.
#![forbid(unsafe_code)]

use crate::core::Core;

/// Widths that differ by less are one, metres.
const FINE_M: f64 = 1e-3;
/// So far apart fingers are looked at, metres that a point of them goes: less than they are thick, so that what is between
/// two places is in one of them.
const APART_M: f64 = 0.01;
/// Places that are looked at, at most, but for where they are.
const MOST: usize = 7;
/// What was proven for some widths holds for others that are beyond by no more than this, metres.
const BEYOND_M: f64 = 5e-4;

/// Between which widths the fingers may be until they stand, and how far apart they are now, metres.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Fingers {
    now: f64,
    low: f64,
    high: f64,
}

impl Fingers {
    /// Fingers that stay where they are.
    pub(crate) const fn at(now: f64) -> Self {
        Self { now, low: now, high: now }
    }

    /// How far apart they are.
    #[cfg(test)]
    pub(super) fn now(&self) -> f64 {
        self.now
    }

    /// They may be as far apart as this, too, and at anything on the way there.
    pub(crate) fn with(self, width_m: f64) -> Self {
        Self { low: self.low.min(width_m), high: self.high.max(width_m), ..self }
    }

    /// Whether what was looked at for these is looked at for `other`.
    pub(super) fn cover(&self, other: &Self) -> bool {
        other.low >= self.low - BEYOND_M && other.high <= self.high + BEYOND_M
    }

    /// Whether `other` may be at places so different that it is worth another look.
    pub(super) fn are_elsewhere(&self, other: &Self) -> bool {
        (self.low - other.low).abs().max((self.high - other.high).abs()) > FINE_M
    }

    /// At which widths to look, where a metre of width moves a point of the fingers by up to `travel` metres; where they
    /// are now comes last.
    pub(crate) fn looks(&self, travel: f64) -> impl Iterator<Item = f64> + use<> {
        let Self { now, low, high } = *self;
        let range = high - low;
        let n = if range > FINE_M {
            libm::ceil(travel * range / APART_M).clamp(1.0, (MOST - 1) as f64)
        } else {
            0.0
        };
        // In the order in which they are gone through, the farther end first.
        let (far, near) = if high - now > now - low { (high, low) } else { (low, high) };
        let places = if n > 0.0 { n as usize + 1 } else { 0 };
        let at = move |k: usize| far + (near - far) * k as f64 / n;
        (0..places).map(at).filter(move |w| (w - now).abs() > 0.5 * FINE_M).chain(core::iter::once(now))
    }
}

impl Core {
    /// Where the fingers may be from now on.
    pub(crate) fn fingers(&self) -> Fingers {
        self.gripper.fingers(self.width_m())
    }

    /// How far apart the fingertips are, metres; zero where nobody knows.
    pub(crate) fn width_m(&self) -> f64 {
        self.estimate.measured.map_or(0.0, |m| m.gripper.width_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(fingers: Fingers, travel: f64) -> Vec<f64> {
        fingers.looks(travel).collect()
    }

    #[test]
    fn fingers_that_stay_are_looked_at_once_and_others_at_places_that_overlap_where_they_are_last() {
        assert_eq!(looks(Fingers::at(0.03), 0.5), [0.03]);
        assert_eq!(looks(Fingers::at(0.03).with(0.0308), 0.5), [0.03], "as good as the same");
        assert_eq!(looks(Fingers::at(0.03).with(0.04), 0.5), [0.04, 0.03]);
        for (now, to) in [(0.0, 0.08), (0.08, 0.0)] {
            let all = looks(Fingers::at(now).with(to), 0.5);
            assert_eq!((all.len(), all[0], all[4]), (5, to, now), "{all:?}");
            assert!(all.windows(2).all(|w| ((w[1] - w[0]).abs() - 0.02).abs() < 1e-12), "{all:?}");
        }
        let between = looks(Fingers::at(0.025).with(0.0).with(0.08), 0.5);
        assert_eq!(between.last(), Some(&0.025));
        assert_eq!(between.len(), 6, "{between:?}");
        assert_eq!(looks(Fingers::at(0.0).with(0.1), 2.0).len(), MOST, "there is an end to it");
    }

    #[test]
    fn what_is_proven_holds_for_fewer_places_and_a_trifle_beyond() {
        let wide = Fingers::at(0.02).with(0.06);
        assert!(wide.cover(&Fingers::at(0.05)) && wide.cover(&Fingers::at(0.0196).with(0.0604)));
        assert!(!wide.cover(&Fingers::at(0.018)) && !wide.cover(&Fingers::at(0.05).with(0.062)));
        assert!(wide.are_elsewhere(&Fingers::at(0.05)) && wide.are_elsewhere(&wide.with(0.018)));
        assert!(!wide.are_elsewhere(&wide.with(0.0195)));
    }
}
