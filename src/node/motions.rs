//! Orders as messages, and back. A trajectory comes into being through its check, whatever came.

use bridge::ros;
use control::{Chunk, Compliance, Grips, LeaseId, Motion, Order, Twist, TwistAxes};
use mechanics::Arm;
use types::motion::TrajectoryPoint;
use types::{GripperCommand, JointVector, Rejection, Time, Tool, Trajectory, Transform, World};

const WORLD: &str = "world";
const TOOL: &str = "tool";
const STIFF: &str = "stiff";
const JOINTS: &str = "joints";

fn axes_word(axes: TwistAxes) -> String {
    match axes {
        TwistAxes::World => WORLD.to_owned(),
        TwistAxes::Tool => TOOL.to_owned(),
    }
}

/// An order as it is said; `own` tells the sender's time of the robot's.
pub(super) fn message(order: &Order, own: impl Fn(Time) -> Time) -> ros::Order {
    let mut m = ros::Order {
        lease: order.lease.0,
        sequence: order.sequence,
        stamp: own(order.stamp).as_nanos(),
        valid_from: own(order.valid_from).as_nanos(),
        expires: own(order.expires).as_nanos(),
        ..ros::Order::default()
    };
    let mut joints = |q: &JointVector| {
        m.n_joints = q.len() as u32;
        m.q.extend_from_slice(q);
    };
    let kind = match &order.motion {
        Motion::Follow(trajectory) => {
            for p in trajectory.points() {
                joints(&p.q);
            }
            for p in trajectory.points() {
                m.times.push(p.t);
                m.dq.extend_from_slice(&p.dq);
                m.ddq.extend_from_slice(&p.ddq);
            }
            "follow"
        }
        Motion::Chunk(chunk) => {
            chunk.points.iter().for_each(joints);
            m.numbers = vec![chunk.period_s];
            if let Some(grip) = &chunk.grip {
                m.numbers.push(grip.force_n);
                m.numbers.extend_from_slice(&grip.widths_m);
            }
            "chunk"
        }
        Motion::Velocity(v) => {
            joints(v);
            "velocity"
        }
        Motion::Joints(q) => {
            joints(q);
            JOINTS
        }
        Motion::Twist(twist) => {
            m.numbers = [twist.linear_m_s, twist.angular_rad_s].concat();
            m.axes = axes_word(twist.axes);
            "twist"
        }
        Motion::Pose(pose) => {
            let (t, q) = (pose.isometry().translation.vector, pose.isometry().rotation.into_inner());
            m.numbers = vec![t.x, t.y, t.z, q.i, q.j, q.k, q.w];
            "pose"
        }
        Motion::Grip(c) => {
            m.numbers = vec![c.width_m, c.force_n];
            "grip"
        }
        Motion::Comply(compliance) => {
            match compliance {
                Compliance::Stiff => m.axes = STIFF.to_owned(),
                Compliance::Joints { stiffness, damping_ratio, most } => {
                    joints(stiffness);
                    m.dq.extend_from_slice(most);
                    m.numbers = vec![*damping_ratio];
                    m.axes = JOINTS.to_owned();
                }
                Compliance::Tool {
                    linear_n_m: l,
                    angular_nm_rad: a,
                    axes,
                    damping_ratio,
                    most_n,
                    most_nm,
                    posture_nm_rad,
                } => {
                    m.numbers = [*l, *a].concat();
                    m.numbers.extend([damping_ratio, most_n, most_nm, posture_nm_rad]);
                    m.axes = axes_word(*axes);
                }
            }
            "comply"
        }
        Motion::Hold => "hold",
    };
    m.kind = kind.to_owned();
    m
}

/// An order from its message; `ours` tells this node's time of the sender's, at the earliest.
///
/// # Errors
/// A [`Rejection`] naming the field: a kind that there is not, a count that does not fit (B7), and what
/// [`Trajectory::new`] refuses (B1–B8, B12, B14).
pub(super) fn order(m: &ros::Order, arm: &Arm, ours: impl Fn(Time) -> Time) -> Result<Order, Rejection> {
    let at = |nanos: i64| ours(Time::from_nanos(nanos));
    let (lease, sequence) = (LeaseId(m.lease), m.sequence);
    let (stamp, valid_from, expires) = (at(m.stamp), at(m.valid_from), at(m.expires));
    Ok(Order { lease, sequence, stamp, valid_from, expires, motion: motion(m, arm)? })
}

fn motion(m: &ros::Order, arm: &Arm) -> Result<Motion, Rejection> {
    Ok(match m.kind.as_str() {
        "follow" => {
            let [q, dq, ddq] = [("order.q", &m.q), ("order.dq", &m.dq), ("order.ddq", &m.ddq)]
                .map(|(f, v)| rows(f, v, m, arm));
            let (q, dq, ddq) = (q?, dq?, ddq?);
            let n = m.times.len();
            for (field, rows) in [("order.q", &q), ("order.dq", &dq), ("order.ddq", &ddq)] {
                if rows.len() != n {
                    return Err(Rejection::new(field, format!("{n} points"), rows.len().to_string()));
                }
            }
            let point = |i: usize| TrajectoryPoint { t: m.times[i], q: q[i], dq: dq[i], ddq: ddq[i] };
            // Where it has to begin the loop knows better: it looks at that when it takes it over.
            let start = q.first().copied().unwrap_or(JointVector::zeros(0));
            Motion::Follow(Box::new(Trajectory::new((0..n).map(point).collect(), arm.limits(), &start)?))
        }
        "chunk" => {
            let points = rows("order.q", &m.q, m, arm)?;
            let (period_s, grip) = match m.numbers.as_slice() {
                [period_s] => (*period_s, None),
                [period_s, force_n, widths_m @ ..] if widths_m.len() == points.len() => {
                    (*period_s, Some(Grips { widths_m: widths_m.to_vec(), force_n: *force_n }))
                }
                other => {
                    let n = points.len();
                    let expected =
                        format!("a period, or a period, a force and {n} widths: 1 or {} numbers", n + 2);
                    return Err(Rejection::new("order.numbers", expected, other.len().to_string()));
                }
            };
            Motion::Chunk(Chunk { points, period_s, grip })
        }
        "velocity" => Motion::Velocity(one("order.q", &m.q, m, arm)?),
        JOINTS => Motion::Joints(one("order.q", &m.q, m, arm)?),
        "twist" => {
            let [a, b, c, d, e, f] = numbers::<6>(m)?;
            Motion::Twist(Twist { linear_m_s: [a, b, c], angular_rad_s: [d, e, f], axes: axes(m)? })
        }
        "pose" => {
            let [x, y, z, i, j, k, w] = numbers::<7>(m)?;
            Motion::Pose(Transform::<World, Tool>::new([x, y, z], [w, i, j, k])?)
        }
        "grip" => {
            let [width_m, force_n] = numbers::<2>(m)?;
            Motion::Grip(GripperCommand { width_m, force_n })
        }
        "comply" => Motion::Comply(match m.axes.as_str() {
            STIFF => Compliance::Stiff,
            JOINTS => {
                let [damping_ratio] = numbers::<1>(m)?;
                let (stiffness, most) = (one("order.q", &m.q, m, arm)?, one("order.dq", &m.dq, m, arm)?);
                Compliance::Joints { stiffness, damping_ratio, most }
            }
            _ => {
                let [a, b, c, d, e, f, damping_ratio, most_n, most_nm, posture_nm_rad] = numbers::<10>(m)?;
                let (linear_n_m, angular_nm_rad, axes) = ([a, b, c], [d, e, f], axes(m)?);
                Compliance::Tool {
                    linear_n_m,
                    angular_nm_rad,
                    axes,
                    damping_ratio,
                    most_n,
                    most_nm,
                    posture_nm_rad,
                }
            }
        }),
        "hold" => Motion::Hold,
        other => {
            let expected = "follow, chunk, velocity, twist, joints, pose, grip, comply or hold";
            return Err(Rejection::new("order.kind", expected, other.to_owned()));
        }
    })
}

fn numbers<const N: usize>(m: &ros::Order) -> Result<[f64; N], Rejection> {
    let refuse = || Rejection::new("order.numbers", format!("{N} numbers"), m.numbers.len().to_string());
    m.numbers.as_slice().try_into().map_err(|_| refuse())
}

fn axes(m: &ros::Order) -> Result<TwistAxes, Rejection> {
    match m.axes.as_str() {
        WORLD => Ok(TwistAxes::World),
        TOOL => Ok(TwistAxes::Tool),
        other => Err(Rejection::new("order.axes", "world or tool", other.to_owned())),
    }
}

/// One point after the other.
fn rows(field: &'static str, v: &[f64], m: &ros::Order, arm: &Arm) -> Result<Vec<JointVector>, Rejection> {
    let n = arm.n_joints();
    if m.n_joints as usize != n || !v.len().is_multiple_of(n) {
        let got = format!("{} numbers for {}", v.len(), m.n_joints);
        return Err(Rejection::new(field, format!("numbers for each of {n} joints"), got));
    }
    v.chunks(n).map(JointVector::from_slice).collect()
}

fn one(field: &'static str, v: &[f64], m: &ros::Order, arm: &Arm) -> Result<JointVector, Rejection> {
    match rows(field, v, m, arm)?.as_slice() {
        [row] => Ok(*row),
        rows => Err(Rejection::new(field, "one point", rows.len().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge::ros::{from_cdr, to_cdr};
    use mechanics::timing::{Scale, time_line};

    fn arm() -> std::sync::Arc<Arm> {
        crate::robots::load("panda").expect("the built-in arm")
    }

    fn every_motion(arm: &Arm) -> Vec<Motion> {
        let home = arm.home();
        let away = JointVector::from_fn(home.len(), |i| home[i] + if i == 0 { 0.1 } else { 0.0 });
        let scale = Scale { velocity: 0.3, acceleration: 0.3, jerk: 0.3 };
        let points = time_line(&home, &away, arm.limits(), scale).expect("timed");
        let trajectory = Trajectory::new(points, arm.limits(), &home).expect("checked");
        let tool = Compliance::Tool {
            linear_n_m: [1.0, 2.0, 3.0],
            angular_nm_rad: [4.0, 5.0, 6.0],
            axes: TwistAxes::Tool,
            damping_ratio: 0.7,
            most_n: 8.0,
            most_nm: 9.0,
            posture_nm_rad: 10.0,
        };
        let pose = Transform::new([0.4, 0.1, 0.3], [0.0, 1.0, 0.0, 0.0]).expect("a pose");
        vec![
            Motion::Follow(Box::new(trajectory)),
            Motion::Chunk(Chunk { points: vec![home, away, away], period_s: 0.05, grip: None }),
            Motion::Velocity(away),
            Motion::Joints(away),
            Motion::Twist(Twist {
                linear_m_s: [0.1, 0.2, 0.3],
                angular_rad_s: [0.4, 0.5, 0.6],
                axes: TwistAxes::World,
            }),
            Motion::Pose(pose),
            Motion::Grip(GripperCommand { width_m: 0.04, force_n: 15.0 }),
            Motion::Comply(Compliance::Stiff),
            Motion::Comply(Compliance::Joints { stiffness: away, damping_ratio: 1.0, most: home }),
            Motion::Comply(tool),
            Motion::Hold,
            Motion::Chunk(Chunk {
                points: vec![home, away],
                period_s: 0.05,
                grip: Some(Grips { widths_m: vec![0.08, 0.04], force_n: 20.0 }),
            }),
        ]
    }

    #[test]
    fn every_motion_comes_back_over_the_wire_as_it_was_and_its_times_in_the_robots_time() {
        let arm = arm();
        for motion in every_motion(&arm) {
            let at = |ms: i64| Time::from_nanos(ms * 1_000_000);
            let order = Order {
                lease: LeaseId(3),
                sequence: 4,
                stamp: at(1000),
                valid_from: at(1001),
                expires: at(1100),
                motion,
            };
            let bytes = to_cdr(&message(&order, |t| t + core::time::Duration::from_secs(7))).expect("said");
            let heard: ros::Order = from_cdr(&bytes).expect("heard");
            assert_eq!(heard.stamp, at(8000).as_nanos());
            let ours = |t: Time| Time::from_nanos(t.as_nanos() - 7_000_000_000);
            let back = super::order(&heard, &arm, ours).expect("an order");
            assert_eq!(format!("{back:?}"), format!("{order:?}"));
        }
    }

    #[test]
    fn an_order_with_a_wrong_count_a_wrong_word_or_a_number_that_is_none_is_refused_by_name() {
        let arm = arm();
        let good = |kind: usize| {
            let motion = every_motion(&arm).remove(kind);
            let (stamp, lease) = (Time::ZERO, LeaseId(1));
            let order = Order { lease, sequence: 1, stamp, valid_from: stamp, expires: stamp, motion };
            message(&order, |t| t)
        };
        let refused = |kind: usize, spoil: &dyn Fn(&mut ros::Order)| {
            let mut m = good(kind);
            spoil(&mut m);
            super::order(&m, &arm, |t| t).expect_err("spoilt").field.to_string()
        };
        assert_eq!(refused(0, &|m| _ = m.q.pop()), "order.q");
        assert_eq!(refused(0, &|m| _ = m.times.pop()), "order.q");
        assert_eq!(refused(0, &|m| m.n_joints = 6), "order.q");
        assert_eq!(refused(0, &|m| m.n_joints = 0), "order.q");
        assert!(refused(0, &|m| m.dq[3] = f64::NAN).starts_with("trajectory.points[0].dq"));
        assert!(refused(0, &|m| m.times[1] = -1.0).starts_with("trajectory.points[1].t"));
        assert_eq!(
            refused(0, &|m| *m = ros::Order { kind: "follow".into(), n_joints: 7, ..Default::default() }),
            "trajectory.points"
        );
        assert_eq!(refused(2, &|m| m.q.extend([0.0; 7])), "order.q");
        assert_eq!(refused(4, &|m| _ = m.numbers.pop()), "order.numbers");
        assert_eq!(refused(4, &|m| m.axes = "flange".into()), "order.axes");
        assert_eq!(refused(10, &|m| m.kind = "fly".into()), "order.kind");
        for spoil in
            [(|m| _ = m.numbers.pop()) as fn(&mut ros::Order), |m| m.numbers.push(0.1), |m| m.numbers.clear()]
        {
            assert_eq!(refused(11, &spoil), "order.numbers");
        }
        assert_eq!(refused(1, &|m| m.numbers.push(20.0)), "order.numbers");
    }
}
