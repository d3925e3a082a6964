//! Fingers on their way, and when they have come to rest.

use mechanics::Arm;
use types::{GripperCommand, GripperProfile, GripperState, Time};

/// Fingers so near to where they shall be, metres, are there.
const THERE_M: f64 = 0.002;
/// Fingers slower than this, m/s, for so long, seconds, have come to rest; some time they have to set out.
const RESTS_M_S: f64 = 0.002;
const RESTS_S: f64 = 0.1;
const SETS_OUT_S: f64 = 0.15;
/// No goal takes longer than its own way and this, seconds.
const LONGEST_S: f64 = 3.0;

/// Where fingers are on their way.
pub(super) struct Fingers {
    command: GripperCommand,
    /// No earlier they have come to rest, and no later they have to have, seconds after they were told.
    soonest_s: f64,
    latest_s: f64,
    told: Time,
    /// Since when they rest.
    rests: Option<Time>,
}

impl Fingers {
    pub(super) fn new(arm: &Arm, command: GripperCommand, width_m: f64, told: Time) -> Self {
        let profile = &arm.profile().gripper;
        let ramps = arm.gripper_limits().map(|l| [l.ramps_s(), l.force_s(profile.force_n)]);
        Self::of((profile, ramps.unwrap_or_default()), command, width_m, told)
    }

    /// Of a gripper whose speed and whose force take so long to come and to go, seconds.
    fn of(
        (profile, [ramps_s, force_s]): (&GripperProfile, [f64; 2]),
        command: GripperCommand,
        width_m: f64,
        told: Time,
    ) -> Self {
        let way_s = (command.width_m - width_m).abs() / profile.speed_m_s + ramps_s;
        // What is held is let go first.
        let late_s = profile.late_s;
        let soonest_s = SETS_OUT_S + force_s + late_s;
        let latest_s = LONGEST_S + force_s + way_s + 2.0 * late_s;
        Self { command, soonest_s, latest_s, told, rests: None }
    }

    /// Whether they have come to rest, and if so whether they are where they shall be; `None` on the way.
    pub(super) fn look(&mut self, now: Time, state: &GripperState) -> Option<bool> {
        let took_s = now.secs_since(self.told);
        if took_s < self.soonest_s || state.speed_m_s.abs() >= RESTS_M_S {
            self.rests = None;
        } else if self.rests.is_none() {
            self.rests = Some(now);
        }
        let is_there = (state.width_m - self.command.width_m).abs() < THERE_M;
        let rests_s = self.rests.map_or(0.0, |since| now.secs_since(since));
        (rests_s >= RESTS_S || took_s > self.latest_s).then_some(is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingers_that_rest_before_they_are_there_hold_something_and_some_set_out_late() {
        let at = Time::from_secs_f64;
        let state = |width_m, speed_m_s| GripperState { width_m, speed_m_s, force_n: 0.0 };
        for late_s in [0.0, 0.5] {
            let profile = GripperProfile { speed_m_s: 0.1, late_s, ..GripperProfile::default() };
            let command = GripperCommand { width_m: 0.0, force_n: 10.0 };
            for (stops_m, is_there) in [(0.04, false), (0.001, true)] {
                let mut fingers = Fingers::of((&profile, [0.0; 2]), command, 0.08, at(1.0));
                let sets_out_s = if late_s > 0.0 { late_s } else { 0.05 };
                let told = (0..500).find_map(|k| {
                    let t = 0.01 * f64::from(k);
                    let width = (0.08 - 0.1 * (t - sets_out_s).max(0.0)).max(stops_m);
                    let moves = t > sets_out_s && width > stops_m;
                    let said = fingers.look(at(1.0 + t), &state(width, if moves { -0.1 } else { 0.0 }));
                    said.map(|is_there| (t, is_there))
                });
                let rests_s = sets_out_s + (0.08 - stops_m) / 0.1;
                let (t, said) = told.expect("they come to rest");
                assert_eq!(said, is_there);
                assert!((rests_s + 0.09..rests_s + 0.15).contains(&t), "{t} s, at rest since {rests_s} s");
            }
            // Those that never rest are given up.
            let mut fingers = Fingers::of((&profile, [0.0; 2]), command, 0.08, at(1.0));
            let ends =
                (0..1000).find(|k| fingers.look(at(1.0 + 0.01 * f64::from(*k)), &state(0.05, 0.1)).is_some());
            assert!(ends.is_some_and(|k| k > 300), "{ends:?}");
        }
    }
}
