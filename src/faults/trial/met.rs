//! People that come near, and things that push: how far the arm still goes.

use super::Trial;
use control::{Mode, MotionId, Thing};
use core::time::Duration;
use mechanics::tool_pose;
use nalgebra::Vector3;
use types::Fault;

/// How near a person may come to the arm, and how fast they walk (ISO 13855).
const KEEP_M: f64 = 0.15;
const WALK_M_S: f64 = 1.6;
/// How often people are told, ms.
const PERIOD_MS: u32 = 33;
/// So near to somebody who walks up to it an arm that moves is slower in any case.
const NEAR_M: f64 = 0.3;
/// How far the hand may give way to what it met, metres.
const RETREAT_M: f64 = 0.02;

/// How an arm met a person: seconds since they set out, and metres.
pub(super) struct Met {
    /// What the arm followed last, and the greatest part of its speed at which it did.
    fastest: (Option<MotionId>, f64),
    /// The arm ran slower first.
    slower_s: Option<f64>,
    /// Somebody within [`NEAR_M`] was told to an arm that moved.
    near_s: Option<f64>,
    /// How near they came while it moved.
    nearest_m: f64,
}

impl Default for Met {
    fn default() -> Self {
        Self { fastest: (None, 0.0), slower_s: None, near_s: None, nearest_m: f64::INFINITY }
    }
}

impl Trial {
    /// A person walks from afar up to where the hand is, told at 30 Hz, stays, and the distance to the arm
    /// is looked at whenever it moves.
    pub(crate) fn person_comes(&mut self) -> Result<(), String> {
        self.break_here();
        let q = self.q();
        let hand = tool_pose(&self.arm, &mut self.data, &q).origin();
        for ms in 0..3000u32 {
            let away = (2.5 - WALK_M_S * f64::from(ms) * 1e-3).max(0.12);
            let person = self.ball(hand + Vector3::new(away, 0.0, 0.0), 0.1);
            let is_told = ms % PERIOD_MS == 0;
            if is_told {
                let thing = Thing { obstacle: person.clone(), keep_m: KEEP_M, speed_m_s: WALK_M_S };
                self.watch(Duration::from_millis(300), vec![thing])?;
            }
            self.person = Some(person.clone());
            self.run_s(0.001)?;
            let status = self.handle().status();
            let passed_s = status.now.secs_since(self.broken_at);
            if status.mode == Mode::Follow {
                // Its motors' own rates may leave a path a little less than all of its speed.
                let (what, fastest) = self.met.fastest;
                let fastest = if what == status.active { fastest } else { 0.0 };
                self.met.fastest = (status.active, fastest.max(status.speed_factor));
                if status.speed_factor < 0.99 * fastest {
                    self.met.slower_s.get_or_insert(passed_s);
                }
            }
            if status.command.dq.iter().any(|v| *v != 0.0) {
                // A ball can be an obstacle.
                let _ = self.checker.set_obstacles(vec![person]);
                let room = self.checker.room(&self.arm, &mut self.data, &status.command.q, 0.04, &[], 1.0);
                self.met.nearest_m = self.met.nearest_m.min(room.still);
                if is_told && room.still < NEAR_M {
                    self.met.near_s.get_or_insert(passed_s);
                }
            }
        }
        Ok(())
    }

    /// Within a period of being told of somebody near, the arm ran slower, and that was named as soon as it did.
    pub(crate) fn is_slower_in_time(&self) -> Result<(), String> {
        let period_s = 1e-3 * f64::from(PERIOD_MS) + 0.001;
        let named_s = self.first(Fault::F42PersonTooNear).ok_or_else(|| self.why_stopped())?;
        if self.met.slower_s.is_none() && self.met.near_s.is_none() {
            return Err("it was named, and nobody was near and nothing slower".into());
        }
        for (since_s, what) in [(self.met.slower_s, "it ran slower"), (self.met.near_s, "somebody was near")]
        {
            let late_s = since_s.map_or(0.0, |since_s| named_s - since_s);
            if late_s > period_s {
                return Err(format!("named {:.0} ms after {what}", late_s * 1e3));
            }
        }
        Ok(())
    }

    /// While the arm moved, nobody was nearer than asked.
    pub(crate) fn stands_while_somebody_is_near(&mut self) -> Result<(), String> {
        if self.met.nearest_m < KEEP_M {
            return Err(format!("it moved with a person {:.0} mm away", self.met.nearest_m * 1e3));
        }
        self.stands()
    }

    /// Lets so many seconds pass; the arm comes to stand, and gives way from there by no more than it may.
    pub(crate) fn gives_way_little(&mut self, seconds: f64) -> Result<(), String> {
        let (mut stood_at, mut given_m) = (None, 0.0_f64);
        for _ in 0..(seconds * 1e3).round() as usize {
            self.run_s(0.001)?;
            let command = self.handle().status().command;
            let told = tool_pose(&self.arm, &mut self.data, &command.q).origin();
            if stood_at.is_none() && command.dq.iter().all(|v| *v == 0.0) {
                stood_at = Some(told);
            }
            given_m = stood_at.map_or(0.0, |at| given_m.max((told - at).norm()));
        }
        if stood_at.is_none() {
            return Err("it never stood".into());
        }
        if given_m > RETREAT_M {
            return Err(format!("it gave way by {:.0} mm", given_m * 1e3));
        }
        Ok(())
    }
}
