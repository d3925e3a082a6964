//! A path as joint trajectory controllers of ROS 2 go along it that are told no accelerations: from where they are, with the
//! speed that they have, along cubics.

use super::JointTrajectory;
use types::motion::TrajectoryPoint;
use types::{JointVector, Rejection};

/// What is so near is over, seconds: messages tell whole nanoseconds.
const SOON_S: f64 = 1e-8;

/// See the head of this file.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    points: Vec<TrajectoryPoint>,
}

impl JointTrajectory {
    /// The path of joints of these names that are at `from` now, `from.t` seconds after the path's beginning; points that
    /// are over by then, and accelerations, count for nothing.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field: a joint without numbers (B7), numbers that are none, times that do not grow
    /// (B12), no points, a last one that is not at rest.
    pub fn followed(&self, names: &[String], from: &TrajectoryPoint) -> Result<Followed, Rejection> {
        let mut points = vec![*from];
        let mut last = f64::NEG_INFINITY;
        for (i, point) in self.points.iter().enumerate() {
            let field = |what: &str| format!("trajectory.points[{i}].{what}");
            let pick = |what: &str, values: &[f64]| {
                let value = |name: &String| {
                    let place = self.joint_names.iter().position(|n| n == name)?;
                    values.get(place).copied().filter(|v| v.is_finite())
                };
                let found: Option<Vec<f64>> = names.iter().map(value).collect();
                let expected = || format!("a number for each of {names:?}");
                let refuse = || Rejection::new(field(what), expected(), format!("{values:?}"));
                JointVector::from_slice(&found.ok_or_else(refuse)?)
            };
            let t = point.time_from_start.as_secs();
            if t <= last {
                let expected = "later than the one before";
                return Err(Rejection::new(field("time_from_start"), expected, format!("{t} s")));
            }
            last = t;
            let (q, dq) = (pick("positions", &point.positions)?, pick("velocities", &point.velocities)?);
            if t <= from.t + SOON_S {
                continue;
            }
            points.push(TrajectoryPoint { t, q, dq, ddq: JointVector::zeros(q.len()) });
        }
        let rests = |p: &TrajectoryPoint| p.dq.iter().all(|v| *v == 0.0);
        match points.last() {
            Some(last) if points.len() > 1 && rests(last) => Ok(Followed { points }),
            _ => {
                let got = format!("{} points, of which {} are to come", self.points.len(), points.len() - 1);
                Err(Rejection::new("trajectory.points", "a last one at rest, still to come", got))
            }
        }
    }
}

impl Followed {
    /// Where it is `t` seconds after its beginning; behind its end it stands there.
    #[must_use]
    pub fn at(&self, t: f64) -> TrajectoryPoint {
        let path = &self.points;
        let behind = path.partition_point(|p| p.t <= t).max(1);
        let (a, Some(b)) = (&path[behind - 1], path.get(behind)) else { return path[path.len() - 1] };
        let (h, s) = (b.t - a.t, ((t - a.t) / (b.t - a.t)).max(0.0));
        let mut here = TrajectoryPoint { t, ..*a };
        for j in 0..here.q.len() {
            let (v0, v1, way) = (h * a.dq[j], h * b.dq[j], b.q[j] - a.q[j]);
            let (c2, c3) = (3.0 * way - 2.0 * v0 - v1, v0 + v1 - 2.0 * way);
            here.q[j] = a.q[j] + s * (v0 + s * (c2 + s * c3));
            here.dq[j] = (v0 + s * (2.0 * c2 + 3.0 * s * c3)) / h;
            here.ddq[j] = (2.0 * c2 + 6.0 * s * c3) / (h * h);
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::{Duration, JointTrajectoryPoint};

    fn told(points: &[(f64, [f64; 2], [f64; 2])]) -> JointTrajectory {
        let point = |(t, q, dq): &(f64, [f64; 2], [f64; 2])| JointTrajectoryPoint {
            positions: q.to_vec(),
            velocities: dq.to_vec(),
            time_from_start: Duration::from_secs(*t),
            ..JointTrajectoryPoint::default()
        };
        let joint_names = vec!["b".into(), "a".into()];
        JointTrajectory {
            joint_names,
            points: points.iter().map(point).collect(),
            ..JointTrajectory::default()
        }
    }

    #[test]
    fn a_path_is_joined_with_the_speed_that_the_arm_has_and_ends_where_it_says() {
        let names = ["a".to_owned(), "b".to_owned()];
        let two = |a: f64, b: f64| JointVector::from_slice(&[a, b]).expect("two");
        let zero = two(0.0, 0.0);
        let from = TrajectoryPoint { t: 0.0, q: two(1.0, 2.0), dq: two(0.5, 0.0), ddq: zero };
        let path = told(&[(0.1, [2.0, 1.05], [0.0, 0.5]), (0.3, [2.0, 1.1], [0.0, 0.0])]);
        let path = path.followed(&names, &from).expect("a path");
        // At half a radian a second all along, then to rest over 0.2 s, evenly.
        let near = |t: f64, q: f64, dq: f64| {
            let p = path.at(t);
            assert!((p.q[0] - q).abs() < 1e-9 && (p.dq[0] - dq).abs() < 1e-9, "{t}: {p:?}");
            assert_eq!((p.q[1], p.dq[1]), (2.0, 0.0));
        };
        near(0.0, 1.0, 0.5);
        near(0.05, 1.025, 0.5);
        near(0.1, 1.05, 0.5);
        near(0.2, 1.05 + 0.5 * 0.1 - 0.5 * 2.5 * 0.01, 0.25);
        near(0.3, 1.1, 0.0);
        near(7.0, 1.1, 0.0);
        near(-1.0, 1.0, 0.5);
        // What comes late is joined where it would be by then, and what is over counts for nothing.
        let late = told(&[(0.1, [2.0, 1.05], [0.0, 0.5]), (0.3, [2.0, 1.1], [0.0, 0.0])]);
        let joins =
            late.followed(&names, &TrajectoryPoint { t: 0.15, ..from }).expect("half of it is to come");
        assert_eq!((joins.at(0.15).q[0], joins.at(0.3).q[0]), (1.0, 1.1));
        let over = late.followed(&names, &TrajectoryPoint { t: 0.3, ..from }).expect_err("over");
        assert_eq!(over.field, "trajectory.points", "F24: nothing moves for it");
    }

    #[test]
    fn a_path_that_is_none_is_refused_by_name() {
        let names = ["a".to_owned(), "b".to_owned()];
        let zero = JointVector::zeros(2);
        let from = TrajectoryPoint { t: 0.0, q: zero, dq: zero, ddq: zero };
        let field = |path: JointTrajectory| path.followed(&names, &from).expect_err("refused").field;
        assert_eq!(field(told(&[])), "trajectory.points", "B14");
        assert_eq!(field(told(&[(0.1, [0.0; 2], [0.1, 0.0])])), "trajectory.points", "not at rest");
        let twice = told(&[(0.1, [0.0; 2], [0.0; 2]), (0.1, [0.0; 2], [0.0; 2])]);
        assert_eq!(field(twice), "trajectory.points[1].time_from_start", "B12");
        assert_eq!(field(told(&[(0.1, [f64::NAN, 0.0], [0.0; 2])])), "trajectory.points[0].positions", "B1");
        let mut other = told(&[(0.1, [0.0; 2], [0.0; 2])]);
        other.joint_names[0] = "c".into();
        assert_eq!(field(other.clone()), "trajectory.points[0].positions", "B7");
        other.points[0].velocities.clear();
        other.joint_names[0] = "b".into();
        assert_eq!(field(other), "trajectory.points[0].velocities");
    }
}
