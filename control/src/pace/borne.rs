//! What the motors leave of the bounds of a pace.
#![forbid(unsafe_code)]

use super::{Bounds, CELLS, Pace, RESERVE, SHARPEST, STEEPEST};
use crate::strain::{self, Change, RATE_SHARE, Strain};
use types::{JointLimits, JointVector};

impl Pace {
    /// Lowers g and h to what the motors can give and how fast, at the upper edge of each cell for all paces below.
    pub(super) fn bear(&mut self, g: &mut [f64; CELLS], bounds: &Bounds<'_>) {
        let torques = strain::torques(bounds);
        for strain in bounds.strains {
            for (j, torque) in torques.iter().enumerate() {
                // Most joints can give more than is asked anywhere.
                if strain.steepest(j, self.nominal, *torque) >= STEEPEST / RESERVE {
                    continue;
                }
                for (i, g) in g.iter_mut().enumerate() {
                    *g = g.min(RESERVE * strain.steepest(j, self.width() * (i + 1) as f64, *torque));
                }
            }
        }
        for change in Change::along(bounds.strains) {
            for (j, l) in bounds.limits.iter().enumerate() {
                let most = RATE_SHARE * l.torque_rate;
                let [rate, bend] = change.steepest(j, self.nominal, most);
                if rate >= STEEPEST / RESERVE && bend >= SHARPEST / RESERVE {
                    continue;
                }
                let width = self.width();
                for (i, (g, h)) in g.iter_mut().zip(&mut self.h).enumerate() {
                    let [rate, bend] = change.steepest(j, width * (i + 1) as f64, most);
                    *g = g.min(RESERVE * rate);
                    *h = h.min(RESERVE * bend);
                }
            }
        }
    }

    /// Whether the motors' torques can change as fast as they have to on a bit of a path, at every pace, changing as it
    /// may.
    pub(crate) fn is_followed(&self, change: &Change, limits: &[JointLimits]) -> bool {
        (0..=CELLS).all(|i| {
            let steepest = libm::sqrt(self.falling2[i].max(self.rising2[i]));
            // A node is between two cells.
            let bend = self.h[i.saturating_sub(1)].max(self.h[i.min(CELLS - 1)]);
            let asks = |j: usize| change.asks(j, self.width() * i as f64, [steepest, bend]);
            limits.iter().enumerate().all(|(j, l)| asks(j) <= RATE_SHARE * l.torque_rate)
        })
    }

    /// Whether the motors can give what a place takes at every pace, changing as fast as it may.
    pub(crate) fn is_borne(&self, strain: &Strain, torques: &JointVector) -> bool {
        (0..=CELLS).all(|i| {
            let steepest = libm::sqrt(self.falling2[i].max(self.rising2[i]));
            let asks = |j: usize| strain.asks(j, self.width() * i as f64, steepest);
            torques.iter().enumerate().all(|(j, torque)| asks(j) <= *torque)
        })
    }
}
