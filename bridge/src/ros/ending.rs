//! How an arm comes to rest when it hears nothing more, as a path for its joint trajectory controller: said again and again
//! they are any motion, and when no other comes the arm stops on the last.

use super::{Duration, Header, JointTrajectory, JointTrajectoryPoint};
use types::Ending;

impl JointTrajectory {
    /// The way of joints of these names that an ending says, `age_s` seconds after its command: the path begins now. What
    /// of it has passed, or is nearer than `soonest_s`, is left out.
    ///
    /// Positions and velocities are told, no accelerations. A controller then goes along cubics, and what a path finds
    /// off at its beginning is a quarter of that at the beginning of the next, when that comes at half of the time to the
    /// first place; along quintics it would grow.
    #[must_use]
    pub fn of_ending(names: &[String], ending: &Ending, age_s: f64, soonest_s: f64) -> Self {
        let is_last = |k: usize| k + 1 == ending.0.len();
        let places = ending.0.iter().enumerate();
        let left = places.filter(|(k, place)| place.after_s - age_s >= soonest_s || is_last(*k));
        let points = left.map(|(_, place)| JointTrajectoryPoint {
            positions: place.q.iter().copied().collect(),
            velocities: place.dq.iter().copied().collect(),
            accelerations: Vec::new(),
            effort: Vec::new(),
            time_from_start: Duration::from_secs((place.after_s - age_s).max(soonest_s)),
        });
        Self { header: Header::default(), joint_names: names.to_vec(), points: points.collect() }
    }

    /// Has every point come so many seconds later.
    pub fn come_later(&mut self, seconds: f64) {
        for point in &mut self.points {
            point.time_from_start = Duration::from_secs(point.time_from_start.as_secs() + seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ENDING_PLACES, JointVector};

    fn ending() -> Ending {
        // Half a radian a second, and half a second to stop.
        let at = |t: f64| {
            let u = (t - 0.05).max(0.0);
            let two = |x: f64, y: f64| JointVector::from_slice(&[x, y]).expect("two");
            (two(0.5 * t - 0.5 * u * u, 1.0), two(0.5 - u, 0.0))
        };
        Ending::of(0.05, 0.5, at)
    }

    #[test]
    fn an_ending_is_told_from_its_first_place_to_where_it_stands() {
        let names = ["a".to_owned(), "b".to_owned()];
        let told = JointTrajectory::of_ending(&names, &ending(), 0.004, 1e-3);
        assert_eq!((told.points.len(), told.joint_names.as_slice()), (ENDING_PLACES, names.as_slice()));
        let times: Vec<f64> = told.points.iter().map(|p| p.time_from_start.as_secs()).collect();
        assert!((times[0] - 0.046).abs() < 1e-9 && (times[8] - 0.546).abs() < 1e-9, "{times:?}");
        assert!(times.windows(2).all(|t| t[1] > t[0]));
        assert_eq!((told.points[0].positions[0], told.points[0].velocities[0]), (0.025, 0.5));
        assert_eq!(told.points[8].velocities, [0.0, 0.0]);
        assert!((told.points[8].positions[0] - (0.275 - 0.125)).abs() < 1e-12);
        assert!(told.points.iter().all(|p| p.positions[1] == 1.0 && p.accelerations.is_empty()));
    }

    #[test]
    fn what_has_passed_of_it_is_left_out_and_the_last_place_never() {
        let names = ["a".to_owned(), "b".to_owned()];
        let told = |age_s| JointTrajectory::of_ending(&names, &ending(), age_s, 1e-3).points;
        assert_eq!(told(0.0495).len(), ENDING_PLACES - 1);
        assert!((told(0.0495)[0].time_from_start.as_secs() - 0.063).abs() < 1e-9);
        for late in [0.55, 3.0] {
            let points = told(late);
            assert_eq!((points.len(), points[0].time_from_start.as_secs()), (1, 1e-3));
            assert_eq!(points[0].velocities, [0.0, 0.0]);
        }
    }

    #[test]
    fn what_is_too_near_to_be_come_to_is_left_out_as_well() {
        let names = ["a".to_owned(), "b".to_owned()];
        let stop = Ending::of(0.0, 0.2, |t| {
            let two = |x: f64| JointVector::from_slice(&[x, 0.0]).expect("two");
            (two(t), two(1.0 - 5.0 * t))
        });
        let points = JointTrajectory::of_ending(&names, &stop, 0.01, 0.02).points;
        // Every 25 ms there is a place; 40 ms from now is the first that counts.
        assert_eq!(points.len(), ENDING_PLACES - 2);
        assert!((points[0].time_from_start.as_secs() - 0.04).abs() < 1e-9);
        assert_eq!(
            JointTrajectory::of_ending(&names, &stop, 0.3, 0.02).points[0].time_from_start.as_secs(),
            0.02
        );
    }
}
