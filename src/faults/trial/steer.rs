//! Orders of a trial: claimed, handed over, given again.

use super::Trial;
use crate::graph::Body;
use control::{Groups, LimitKind, Mode, Motion, Order, Owner, Report};
use mechanics::{Jacobian, tool_jacobian, tool_pose};
use nalgebra::{DMatrix, DVector};
use types::{JointCommand, JointLimits, JointVector, StopCategory, Time};

/// How far a policy moves a joint at most, rad; less where there is no room for that.
const WAYS: [f64; 2] = [0.8, 0.3];
/// The smallest singular value of the tool's Jacobian that depends on the pose (m and rad mixed) under which a pose counts as
/// nearly singular.
const NEAR_SINGULAR: f64 = 0.06;

impl Trial {
    /// The next order under the present lease.
    pub(crate) fn next_order(&mut self, motion: Motion) -> Result<Order, String> {
        let now = self.body.now();
        self.lease.as_mut().map(|lease| lease.order(now, motion)).ok_or_else(|| "no lease".into())
    }

    /// An order for a trajectory from where the arm is now.
    pub(crate) fn next_trajectory(&mut self) -> Result<Order, String> {
        let trajectory = self.trajectory()?;
        self.next_order(Motion::Follow(Box::new(trajectory)))
    }

    pub(crate) fn submit(&mut self, order: Order) -> Result<(), String> {
        self.handle().submit(order).map(|_| ()).map_err(|e| e.to_string())
    }

    /// Claims the arm for somebody, whatever it does.
    pub(crate) fn take_over(&mut self, owner: Owner) -> Result<(), String> {
        self.claim(owner, None)
    }

    /// ... who has to be heard every so many seconds.
    pub(crate) fn take_over_within(&mut self, owner: Owner, deadline_s: f64) -> Result<(), String> {
        self.claim(owner, Some(deadline_s))
    }

    fn claim(&mut self, owner: Owner, deadline_s: Option<f64>) -> Result<(), String> {
        self.goes_on = false;
        let now = self.body.now();
        let lease = self.handle().claim(now, owner, Groups::All, deadline_s).map_err(|e| e.to_string())?;
        self.lease = Some(lease);
        Ok(())
    }

    /// Somebody with a deadline of so many seconds follows a trajectory.
    pub(crate) fn strict(&mut self, deadline_s: f64) -> Result<(), String> {
        self.stop_and_rest()?;
        self.take_over_within(Owner::Planner, deadline_s)?;
        let order = self.next_trajectory()?;
        self.submit(order)?;
        self.run_s(0.3)?;
        self.is_in(Mode::Follow)
    }

    /// Stops what is under way, and waits until it is at rest.
    pub(crate) fn stop_and_rest(&mut self) -> Result<(), String> {
        self.goes_on = false;
        self.handle().stop(StopCategory::Two);
        self.run_s(0.6)?;
        self.is_in(Mode::Hold)
    }

    /// Stops what is under way and gives the arm to somebody else.
    pub(crate) fn hand_over(&mut self, owner: Owner) -> Result<(), String> {
        self.stop_and_rest()?;
        self.take_over(owner)?;
        self.break_here();
        Ok(())
    }

    /// What happens now is what breaks.
    pub(crate) fn break_here(&mut self) {
        self.broken_at = self.body.now();
        self.since.drain(..self.since.len().saturating_sub(1));
    }

    /// Orders the same velocity every 10 ms for so long.
    pub(crate) fn steer(&mut self, motion: Motion, seconds: f64) -> Result<(), String> {
        for _ in 0..(seconds * 100.0).round() as usize {
            let order = self.next_order(motion.clone())?;
            self.submit(order)?;
            self.run_s(0.01)?;
        }
        Ok(())
    }

    /// Steers every joint away from the nearer end of its range.
    pub(crate) fn push(&mut self, size: f64, seconds: f64) -> Result<(), String> {
        let velocity = self.away(size);
        self.steer(Motion::Velocity(velocity), seconds)
    }

    /// Chooses to which side a policy moves each joint: away from the nearer end of its range, or as near to that as keeps
    /// the arm clear of itself.
    pub(crate) fn choose_ways(&mut self, from: &JointVector) {
        let (away, n) = (self.away(1.0), from.len());
        let turned =
            |mask: usize| JointVector::from_fn(n, |j| if mask >> j & 1 == 1 { -away[j] } else { away[j] });
        let limits = self.arm.limits().to_vec();
        let mut leads = |ways: &JointVector, by: f64| {
            let to =
                JointVector::from_fn(n, |j| (from[j] + by * ways[j]).clamp(limits[j].lower, limits[j].upper));
            self.is_free(from, &to)
        };
        let mut masks = WAYS.iter().flat_map(|by| (0..1 << n).map(move |mask| (*by, mask)));
        let free = masks.find(|(by, mask)| leads(&turned(*mask), *by));
        self.ways = turned(free.map_or(0, |(_, mask)| mask));
    }

    /// As chosen last.
    pub(crate) fn ways(&self) -> &JointVector {
        &self.ways
    }

    /// Joint velocities of this size, each away from the nearer end of its range.
    pub(crate) fn away(&mut self, size: f64) -> JointVector {
        let (q, arm) = (self.commanded(), &self.arm);
        JointVector::from_fn(q.len(), |j| {
            let l = &arm.limits()[j];
            if q[j] > 0.5 * (l.lower + l.upper) { -size } else { size }
        })
    }

    /// A velocity of the tool of this size, away from the base.
    pub(crate) fn outwards(&mut self, size: f64) -> [f64; 3] {
        let q = self.commanded();
        let hand = tool_pose(&self.arm, &mut self.data, &q).origin().coords;
        let base = self.arm.world_from_base().translation.vector;
        let way = (hand - base).xy().normalize() * size;
        [way.x, way.y, 0.0]
    }

    /// The robot's time.
    pub(crate) fn now(&self) -> Time {
        self.body.now()
    }

    /// The smallest singular value of the tool's Jacobian there that depends on the pose, and the tool's speed.
    fn singular_at(&mut self, command: &JointCommand) -> (f64, f64) {
        let n = command.q.len();
        let mut jacobian = Jacobian::zeros(n);
        tool_jacobian(&self.arm, &mut self.data, &command.q, &mut jacobian);
        let j = DMatrix::from_fn(6, n, |row, column| jacobian[(row, column)]);
        let speed = &j * DVector::from_fn(n, |c, _| command.dq[c]);
        let values = j.singular_values();
        (values[n.min(6) - 1], speed.rows(0, 3).norm())
    }

    /// Since something broke the arm, whose tool was to move at so many m/s, came near a singular pose, was slower there, and
    /// that was told; no joint was ever faster than its limit.
    pub(crate) fn slows_where_singular(&mut self, m_s: f64) -> Result<(), String> {
        let commands: Vec<JointCommand> = self.since.iter().map(|t| t.status.command).collect();
        let (mut least, mut at) = (f64::INFINITY, 0.0);
        for c in &commands {
            let faster = |(v, l): (&f64, &JointLimits)| v.abs() > l.velocity;
            if let Some(j) = c.dq.iter().zip(self.arm.limits()).position(faster) {
                return Err(format!("joint {j} is too fast"));
            }
        }
        for c in commands.iter().step_by(5) {
            let (singular, speed) = self.singular_at(c);
            if singular < least {
                (least, at) = (singular, speed);
            }
        }
        if least > NEAR_SINGULAR {
            return Err(format!("it came no nearer to a singular pose than {least:.3}"));
        }
        if at > 0.5 * m_s {
            return Err(format!("at {least:.4} from a singular pose its tool moves at {at:.2} m/s"));
        }
        if self.count(|r| matches!(r, Report::Intervention { limit: LimitKind::Singularity, .. })) == 0 {
            return Err("that it is slower was not told".into());
        }
        Ok(())
    }
}
