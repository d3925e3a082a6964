//! Whether two neighbours' solids can come near each other at all.

use super::super::SELF_MARGIN_M;
use super::super::solid::{Solid, separation};
use super::places::Places;
use nalgebra::Isometry3;

/// How far apart the positions are that are looked at, rad.
const STEP: f64 = 0.01;
/// Most positions.
const MOST: usize = 2000;

/// Whether solids of a link and of its parent, each with where they are in their link, keep more than
/// [`SELF_MARGIN_M`] from each other wherever the link's joint is within its limits.
pub(super) fn stay_clear(
    places: &Places,
    link: usize,
    parents: &[(&Solid, Isometry3<f64>)],
    own: &[(&Solid, Isometry3<f64>)],
) -> bool {
    let (lower, upper) = places.limits(link);
    let n = ((upper - lower) / STEP).ceil();
    if !(0.0..=MOST as f64).contains(&n) {
        return false;
    }
    let n = (n as usize).max(1);
    let step = (upper - lower) / n as f64;
    (0..=n).all(|i| {
        let parent_from_link = places.turned(link, lower + step * i as f64);
        own.iter().all(|(b, link_from_b)| {
            // No point of it is farther from the axis than this, and so none moves farther than half a step
            // times as much until the next position.
            let reach = (link_from_b * b.center).coords.xy().norm() + b.reach;
            let keep = SELF_MARGIN_M + 0.5 * step * reach + 1e-6;
            let b_pose = parent_from_link * link_from_b;
            parents.iter().all(|(a, a_pose)| separation(a, a_pose, b, &b_pose, keep).is_none())
        })
    })
}
