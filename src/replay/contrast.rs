//! Two rows of commands beside each other, the recorded one and one with a change: where they part, how far apart they
//! come, and how much of the arm's limits each of them uses.

use crate::graph::taped::{Difference, is_same};
use bridge::{Canvas, Panel, Plot, Series};
use control::{Mode, Status, TickRecord};
use mechanics::{Arm, ArmData, tool_pose};
use nalgebra::Point3;
use std::sync::Arc;
use types::{JointCommand, Time};

/// The most rows that are drawn; of a longer recording every second one, or fourth, is.
const MOST_ROWS: usize = 4000;

/// The largest value of something, and where it was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Peak {
    pub(crate) value: f64,
    /// The joint's number among the controlled ones; of the tool 0.
    pub(crate) joint: usize,
    pub(crate) at: Time,
}

impl Peak {
    fn raise(&mut self, value: f64, joint: usize, at: Time) {
        if value > self.value {
            *self = Self { value, joint, at };
        }
    }
}

/// How far a row of commands went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Margins {
    /// Ticks.
    pub(crate) ticks: u64,
    /// The first and the last.
    pub(crate) span: Option<(Time, Time)>,
    /// The part of a joint's speed, acceleration and torque that was used at the most; 1 is the limit.
    pub(crate) velocity: Peak,
    pub(crate) acceleration: Peak,
    pub(crate) torque: Peak,
    /// The least room to an end of a joint's range, rad (m).
    pub(crate) room: Option<Peak>,
    /// The tool's greatest speed, m/s.
    pub(crate) tool: Peak,
    last: Option<(Time, Point3<f64>)>,
}

impl Margins {
    /// How long it lasted, seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.span.map_or(0.0, |(first, last)| last.secs_since(first))
    }

    /// Takes in a command; where the tool is, world, and how fast it moves, m/s.
    fn take(&mut self, arm: &Arm, data: &mut ArmData, c: &JointCommand) -> (Point3<f64>, f64) {
        let at = c.stamp;
        self.ticks += 1;
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
        let tool = tool_pose(arm, data, &c.q).origin();
        let speed = self.last.filter(|(then, _)| *then < at);
        let speed = speed.map_or(0.0, |(then, was)| (tool - was).norm() / at.secs_since(then));
        self.last = Some((at, tool));
        if !c.enabled {
            return (tool, speed);
        }
        self.tool.raise(speed, 0, at);
        for (j, l) in arm.limits().iter().enumerate() {
            self.velocity.raise(c.dq[j].abs() / l.velocity, j, at);
            self.acceleration.raise(c.ddq[j].abs() / l.acceleration, j, at);
            self.torque.raise(c.tau[j].abs() / l.torque, j, at);
            let value = (c.q[j] - l.lower).min(l.upper - c.q[j]);
            if self.room.is_none_or(|room| value < room.value) {
                self.room = Some(Peak { value, joint: j, at });
            }
        }
        (tool, speed)
    }
}

/// One instant, for the picture; what there was no command of is no number.
struct Row {
    at_s: f64,
    joints: Vec<f64>,
    tool_m: f64,
    /// Of the recorded command and the other.
    speeds_m_s: [f64; 2],
    velocities: [f64; 2],
}

/// See the head of this file.
pub(crate) struct Contrast {
    arm: Arc<Arm>,
    data: ArmData,
    /// How many commands were others while there were two.
    pub(crate) different: u64,
    /// The first of them.
    pub(crate) first: Option<Box<Difference>>,
    /// The largest difference of a joint's commanded position, rad (m).
    pub(crate) joint: Peak,
    /// The largest distance between the two tools, metres.
    pub(crate) tool: Peak,
    /// Of the recorded commands and the others.
    pub(crate) margins: [Margins; 2],
    /// From when on the two can no longer be compared, and why.
    pub(crate) left: Option<(Time, String)>,
    rows: Vec<Row>,
    stride: u64,
    taken: u64,
}

impl Contrast {
    pub(crate) fn new(arm: &Arc<Arm>) -> Self {
        Self {
            data: ArmData::new(arm),
            arm: arm.clone(),
            different: 0,
            first: None,
            joint: Peak::default(),
            tool: Peak::default(),
            margins: [Margins::default(); 2],
            left: None,
            rows: Vec::new(),
            stride: 1,
            taken: 0,
        }
    }

    /// From here on nothing is taken in.
    pub(crate) fn leave(&mut self, at: Time, why: impl Into<String>) {
        self.left.get_or_insert_with(|| (at, why.into()));
    }

    /// A recorded tick and what is decided now out of the same inputs. A loop that stops where the recorded one did not
    /// ends the comparison: what was measured from then on is of an arm that moved.
    pub(crate) fn take_repeated(&mut self, was: &TickRecord, is: &JointCommand, now: &Status) {
        self.take(Some(was), Some(is));
        let stops = |m: Mode| matches!(m, Mode::Stopping(_) | Mode::Fault { .. });
        if stops(now.mode) && !stops(was.mode) {
            let why = format!("the loop stops there, as the recorded one did not ({:?})", now.cause);
            self.leave(was.now, why);
        }
    }

    /// A recorded tick and the other command of the same number; one of them may have come to its end.
    pub(crate) fn take(&mut self, was: Option<&TickRecord>, is: Option<&JointCommand>) {
        let n = self.arm.n_joints();
        let fits = |c: &JointCommand| [&c.q, &c.dq, &c.ddq, &c.tau].iter().all(|v| v.len() == n);
        let commands = [was.map(|w| &w.command), is].map(|c| c.filter(|c| fits(c)));
        let Some(at) = commands.iter().flatten().map(|c| c.stamp).next() else { return };
        if self.left.is_some() {
            return;
        }
        let (mut tools, mut speeds_m_s, mut velocities) = ([None; 2], [f64::NAN; 2], [f64::NAN; 2]);
        for (k, c) in commands.iter().enumerate() {
            if let Some(c) = c {
                let (tool, speed) = self.margins[k].take(&self.arm, &mut self.data, c);
                (tools[k], speeds_m_s[k]) = (Some(tool), speed);
                let share = |j: usize| c.dq[j].abs() / self.arm.limits()[j].velocity;
                velocities[k] = (0..n).map(share).fold(0.0, f64::max);
            }
        }
        let (mut joints, mut tool_m) = (vec![f64::NAN; n], f64::NAN);
        if let ([Some(w), Some(i)], Some(record)) = (commands, was) {
            if !is_same(w, i) {
                self.different += 1;
                self.first.get_or_insert_with(|| Box::new(Difference { record: *record, command: *i }));
            }
            for (j, joint) in joints.iter_mut().enumerate() {
                *joint = i.q[j] - w.q[j];
                self.joint.raise(joint.abs(), j, at);
            }
            if let [Some(w), Some(i)] = tools {
                tool_m = (i - w).norm();
                self.tool.raise(tool_m, 0, at);
            }
        }
        if self.taken.is_multiple_of(self.stride) {
            self.rows.push(Row { at_s: at.as_secs_f64(), joints, tool_m, speeds_m_s, velocities });
            if self.rows.len() > MOST_ROWS {
                let mut k = 0;
                self.rows.retain(|_| {
                    k += 1;
                    k % 2 == 1
                });
                self.stride *= 2;
            }
        }
        self.taken += 1;
    }

    /// The differences over time, and how much each of the two uses. `tool_limits_m_s` are drawn where they are near.
    pub(crate) fn plot(&self, names: &[&str], tool_limits_m_s: [f64; 2], title: &str) -> Canvas {
        let series = |name: &str, value: &dyn Fn(&Row) -> f64| Series {
            name: name.to_owned(),
            points: self.rows.iter().map(|r| (r.at_s, value(r))).collect(),
        };
        let both = |value: fn(&Row) -> [f64; 2]| {
            vec![series("recorded", &move |r| value(r)[0]), series("changed", &move |r| value(r)[1])]
        };
        let joint = |j: usize| {
            let name = names.get(j).map_or_else(|| format!("joint {}", j + 1), |n| (*n).to_owned());
            series(&name, &move |r| r.joints[j])
        };
        let fastest = self.margins.iter().map(|m| m.tool.value).fold(0.0, f64::max);
        let panel = |title: &str, limits: Vec<f64>, series| Panel {
            title: title.to_owned(),
            range: None,
            limits,
            series,
        };
        Plot {
            title: title.to_owned(),
            x_label: "seconds".into(),
            panels: vec![
                panel(
                    "position, with the change less recorded (command, rad or m)",
                    Vec::new(),
                    (0..self.arm.n_joints()).map(joint).collect(),
                ),
                panel("distance of the tools (m)", Vec::new(), vec![series("distance", &|r| r.tool_m)]),
                panel(
                    "speed of the tool (m/s)",
                    tool_limits_m_s.into_iter().filter(|l| *l < 2.0 * fastest).collect(),
                    both(|r| r.speeds_m_s),
                ),
                panel("velocity / limit, the joint nearest to it", vec![1.0], both(|r| r.velocities)),
            ],
        }
        .draw(1000)
    }
}
