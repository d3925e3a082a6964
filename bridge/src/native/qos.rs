//! What a topic asks of rcl.

use crate::ros::Care;
use r2r::QosProfile;

/// So many of a kind are kept for who has not got them.
const KEPT: usize = 10;
const KEPT_OF_SENSORS: usize = 5;
/// So many at most wait in the middleware for this side: it is handed one at a time.
const MOST_WAITING: usize = 1000;

/// Of what is said.
pub(super) fn says(care: Care) -> QosProfile {
    match care {
        Care::Sensor => QosProfile::default().keep_last(KEPT_OF_SENSORS).best_effort().volatile(),
        // Whatever the middleware, what is only kept last makes room by itself and waits for nobody.
        Care::Reliable | Care::Newest => QosProfile::default().keep_last(KEPT).reliable().volatile(),
        Care::Latched => QosProfile::default().keep_last(1).reliable().transient_local(),
    }
}

/// Of what is heard, where so many may wait here.
pub(super) fn hears(care: Care, capacity: usize) -> QosProfile {
    // Each that says something latched keeps one of its own: all of them arrive together.
    let least = if care == Care::Sensor { KEPT_OF_SENSORS } else { KEPT };
    says(care).keep_last(capacity.clamp(least, MOST_WAITING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use r2r::qos::{DurabilityPolicy, HistoryPolicy, ReliabilityPolicy};

    #[test]
    fn what_is_measured_often_is_best_effort_and_what_is_said_once_is_kept_for_who_comes_late() {
        let of = |qos: QosProfile| (qos.reliability, qos.durability, qos.history, qos.depth);
        let last = HistoryPolicy::KeepLast;
        assert_eq!(
            of(says(Care::Sensor)),
            (ReliabilityPolicy::BestEffort, DurabilityPolicy::Volatile, last.clone(), 5)
        );
        assert_eq!(
            of(says(Care::Reliable)),
            (ReliabilityPolicy::Reliable, DurabilityPolicy::Volatile, last.clone(), 10)
        );
        assert_eq!(
            of(says(Care::Latched)),
            (ReliabilityPolicy::Reliable, DurabilityPolicy::TransientLocal, last, 1)
        );
    }

    #[test]
    fn who_hears_asks_for_no_more_than_who_says_offers_but_for_depth() {
        for care in [Care::Sensor, Care::Reliable, Care::Newest, Care::Latched] {
            for (capacity, depth) in [(1, says(Care::Sensor).depth), (64, 64), (100_000, MOST_WAITING)] {
                let heard = hears(care, capacity);
                let least = if care == Care::Sensor { depth } else { depth.max(KEPT) };
                assert_eq!(heard, says(care).keep_last(least), "{care:?}, {capacity}");
            }
        }
    }
}
