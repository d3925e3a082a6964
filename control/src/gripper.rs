//! The gripper's command: within bounds, continuous, and never faster than the gripper is; and whether what it holds slips.
//!
//! Its width is one motion, within limits of speed, acceleration and jerk (see `glide`), and its force changes no faster
//! than it may. Fingers that hold something stand wider than they are told to. To let go they have to be told where they
//! are first, which is a leap: until then their force has been taken away, so that they feel nothing of it.
//!
//! A gripper that sets out late (`GripperProfile::late_s`) takes places to go to, and no course: it is told where to go at
//! once, and how it gets there is its own.
#![forbid(unsafe_code)]

use crate::filter::Fingers;
use crate::glide::Glide;
use crate::report::LimitKind;
use crate::stride::{steps, stride};
use mechanics::{Arm, GripperLimits};
use types::{GripperCommand, GripperState, Rejection};

/// Fingers that are told to close further than they are by so much, metres, and have rested for so long, seconds,
/// slower than this, m/s, hold something.
const FURTHER_M: f64 = 0.002;
const HOLDS_S: f64 = 0.05;
const RESTS_M_S: f64 = 0.002;
/// Fingers that press with more than this part of their force hold something, also where nobody knows what they were told.
const PRESSES: f64 = 0.05;
/// So near to what it was told, metres, it is told the same.
const SAME_M: f64 = 1e-4;
/// What they hold slips when they have come closer by so much, metres; told again each time that has doubled.
const SLIP_M: f64 = 0.001_5;

/// The gripper's side of the core.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Gripper {
    /// How its command may change; `None`: there is none.
    limits: Option<GripperLimits>,
    width_max: f64,
    force_max: f64,
    late_s: f64,
    target: GripperCommand,
    command: GripperCommand,
    /// The command's width on its way.
    glide: Glide,
    /// Before it goes on it lets go, and is told where the fingers are without force; with how much they held on, N.
    lets_go: Option<f64>,
    /// From where to where it was told to go of late, metres, and before; and for how long that is so, seconds.
    told_m: [[f64; 2]; 2],
    told_s: f64,
    /// What it has been told for a while, about, metres, and for how long, seconds.
    same_m: f64,
    same_s: f64,
    /// How far apart the fingers were last, metres, and whether they stood.
    measured_m: f64,
    stands: bool,
    grasp: Grasp,
}

/// What the fingers feel.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Grasp {
    /// Nothing; at rest for so long, seconds.
    Nothing { rests_s: f64 },
    /// Something so wide; it counts as slipping (anew) when they have come closer by so much, metres.
    Holds { width_m: f64, slips_m: f64 },
}

const NOTHING: Grasp = Grasp::Nothing { rests_s: 0.0 };

/// The limits that a motion is planned with. Its mean speed from one step to the next may be above that at both, by the
/// jerk over a twelfth of the square of the time between them; and the mean is what the fingers go by.
fn between_ticks(l: GripperLimits) -> GripperLimits {
    let step_s = stride(f64::INFINITY);
    let more = l.jerk * step_s * step_s / 12.0;
    GripperLimits { speed: (l.speed - more).max(0.5 * l.speed), ..l }
}

impl Gripper {
    pub(crate) fn new(arm: &Arm) -> Self {
        let (profile, limits) = (&arm.profile().gripper, arm.gripper_limits());
        let (width_max, force_max) =
            if limits.is_some() { (profile.width_m, profile.force_n) } else { (0.0, 0.0) };
        let rest = GripperCommand { width_m: 0.0, force_n: force_max };
        Self {
            limits,
            width_max,
            force_max,
            late_s: profile.late_s,
            target: rest,
            command: rest,
            glide: Glide::at_rest(0.0),
            lets_go: None,
            told_m: [[0.0; 2]; 2],
            told_s: 0.0,
            same_m: 0.0,
            same_s: 0.0,
            measured_m: 0.0,
            stands: false,
            grasp: NOTHING,
        }
    }

    /// Checks a command a person or planner gives (B1–B6).
    pub(crate) fn check(&self, command: &GripperCommand) -> Result<(), Rejection> {
        if self.limits.is_none() {
            return Err(Rejection::new("gripper", "an arm with a gripper", "this arm has none"));
        }
        crate::config::range("gripper.width_m", command.width_m, 0.0, self.width_max)?;
        crate::config::range("gripper.force_n", command.force_n, 0.0, self.force_max)
    }

    /// Goes to `target`, brought within bounds; what was brought there: which limit, what was asked, what is done.
    /// Fingers that hold something stand wider than they were told to (`measured_m`): to open further they let go first.
    pub(crate) fn go(
        &mut self,
        target: GripperCommand,
        measured_m: Option<f64>,
    ) -> [Option<(LimitKind, f64, f64)>; 2] {
        let GripperCommand { width_m, force_n } = target;
        if !width_m.is_finite() || !force_n.is_finite() {
            return [None; 2];
        }
        let held_n = self.lets_go.unwrap_or(self.target.force_n);
        self.target = GripperCommand {
            width_m: width_m.clamp(0.0, self.width_max),
            force_n: force_n.clamp(0.0, self.force_max),
        };
        self.note_told();
        let stands = measured_m.filter(|w| *w >= 0.0 && *w <= self.width_max).unwrap_or(0.0);
        let is_wider = stands > self.command.width_m + FURTHER_M && stands < self.target.width_m;
        self.lets_go = None;
        // Fingers that only lag behind what they are told hold nothing.
        if is_wider && (self.stands || matches!(self.grasp, Grasp::Holds { .. })) && self.late_s == 0.0 {
            self.lets_go = Some(held_n);
        }
        let cut = |limit, asked: f64, done: f64| (asked != done).then_some((limit, asked, done));
        [
            cut(LimitKind::Position, width_m, self.target.width_m),
            cut(LimitKind::Torque, force_n, self.target.force_n),
        ]
    }

    /// Goes to what a path says for now, which was checked before: told anew only when that is something else.
    pub(crate) fn lead(&mut self, target: GripperCommand, measured_m: Option<f64>) {
        if target != self.target {
            self.go(target, measured_m);
        }
    }

    /// It is told to go where its target is.
    fn note_told(&mut self) {
        let (to, [low, high]) = (self.target.width_m, self.told_m[0]);
        self.told_m[0] = [low.min(to), high.max(to)];
        if self.late_s == 0.0 {
            self.told_m = [[to; 2]; 2];
        }
        if (to - self.same_m).abs() > SAME_M {
            (self.same_m, self.same_s) = (to, 0.0);
        }
    }

    /// Keeps what it holds: neither opens nor closes further than it takes to come to rest, with the force it had. Fingers
    /// that hold nothing and set out late may be anywhere on their way: they stand where they are.
    pub(crate) fn hold(&mut self) {
        let Some(limits) = &self.limits else { return };
        // What has not been let go yet is held on to as it was, whatever force comes next.
        if let Some(held_n) = self.lets_go.take() {
            self.target.force_n = held_n;
        }
        self.target.width_m = self.glide.rests_at(limits).clamp(0.0, self.width_max);
        if self.late_s > 0.0 && matches!(self.grasp, Grasp::Nothing { .. }) {
            self.target.width_m = self.measured_m.clamp(0.0, self.width_max);
            self.note_told();
        }
    }

    /// Between which widths fingers that are `now` metres apart may be until they stand. What they hold they do not go
    /// through.
    pub(crate) fn fingers(&self, now: f64) -> Fingers {
        let may = |to: f64| if matches!(self.grasp, Grasp::Holds { .. }) { to.max(now) } else { to };
        let all = Fingers::at(now);
        let Some(limits) = &self.limits else { return all };
        // Before they turn they come to rest; and who sets out late may still be about what it was told before.
        let rests_m = if self.glide.moves() { self.glide.rests_at(limits) } else { self.command.width_m };
        let ways = [self.command.width_m, self.target.width_m, rests_m].into_iter();
        ways.chain(self.told_m.into_iter().flatten())
            .fold(all, |all, width_m| all.with(may(width_m.clamp(0.0, self.width_max))))
    }

    /// Stands where it is measured: without power, or when power comes.
    pub(crate) fn stand(&mut self, width_m: f64) {
        if width_m.is_finite() {
            self.command.width_m = width_m.clamp(0.0, self.width_max);
        }
        self.command.force_n = self.force_max;
        self.stay();
    }

    /// The command stays what it is.
    fn stay(&mut self) {
        self.target = self.command;
        self.told_m = [[self.command.width_m; 2]; 2];
        self.glide = Glide::at_rest(self.command.width_m);
        self.lets_go = None;
    }

    /// Goes on with what whoever gripped before was about, when the arm is taken over: fingers that press on something
    /// press on as hard, others stand.
    pub(crate) fn take_hold(&mut self, state: &GripperState) {
        self.stand(state.width_m);
        let presses = state.force_n > PRESSES * self.force_max && state.width_m > FURTHER_M;
        if presses && state.speed_m_s.abs() < RESTS_M_S {
            self.command = GripperCommand { width_m: 0.0, force_n: state.force_n.min(self.force_max) };
            self.stay();
        }
    }

    /// Takes in a fresh state, `dt` seconds after the last one; when what the fingers hold slips, how far they were
    /// apart around it and how far they are now, metres.
    pub(crate) fn feel(&mut self, measured: &GripperState, dt: f64) -> Option<[f64; 2]> {
        let (now_m, presses) = (measured.width_m, measured.width_m - self.command.width_m > FURTHER_M);
        self.measured_m = now_m;
        self.stands = measured.speed_m_s.abs() < RESTS_M_S;
        match self.grasp {
            // Through: there is nothing left to hold.
            Grasp::Holds { width_m, slips_m } if !presses => {
                self.grasp = NOTHING;
                (width_m - now_m >= slips_m).then_some([width_m, now_m])
            }
            Grasp::Holds { width_m, slips_m } if width_m - now_m >= slips_m => {
                self.grasp = Grasp::Holds { width_m, slips_m: 2.0 * slips_m };
                Some([width_m, now_m])
            }
            Grasp::Holds { .. } => None,
            Grasp::Nothing { rests_s } => {
                let rests_s =
                    if presses && measured.speed_m_s.abs() < RESTS_M_S { rests_s + dt } else { 0.0 };
                self.grasp = Grasp::Nothing { rests_s };
                // Fingers that have not set out yet do not press, nor do those that are told on and on.
                let has_set_out = self.same_s > self.late_s + HOLDS_S || rests_s > self.late_s + HOLDS_S;
                if rests_s > HOLDS_S && has_set_out {
                    self.grasp = Grasp::Holds { width_m: now_m, slips_m: SLIP_M };
                }
                None
            }
        }
    }

    /// The command after `dt` seconds.
    pub(crate) fn step(&mut self, dt: f64) -> GripperCommand {
        let Some(limits) = self.limits.map(between_ticks) else { return self.command };
        if self.late_s > 0.0 {
            self.glide = Glide::at_rest(self.target.width_m);
        }
        self.told_s += dt;
        self.same_s += dt;
        if self.told_s > 2.0 * self.late_s {
            (self.told_m, self.told_s) = ([[self.target.width_m; 2], self.told_m[0]], 0.0);
        }
        for part in steps(dt, dt) {
            let (to, force_n) = match self.lets_go {
                Some(_) => (self.glide.rests_at(&limits), 0.0),
                None => (self.target.width_m, self.target.force_n),
            };
            let most = limits.force_rate * part;
            self.command.force_n += (force_n - self.command.force_n).clamp(-most, most);
            self.glide.step(to, &limits, part);
        }
        if self.lets_go.is_some() && self.command.force_n == 0.0 {
            self.glide = Glide::at_rest(self.measured_m.clamp(0.0, self.width_max));
            self.lets_go = None;
        }
        self.command.width_m = self.glide.x.clamp(0.0, self.width_max);
        self.command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fingers of 8 cm that are told to close, and may take `late_s` to set out, seconds.
    fn closing(late_s: f64) -> Gripper {
        let arm = crate::common::arm_with(|profile| profile.gripper.late_s = late_s);
        let mut gripper = Gripper::new(&arm);
        gripper.stand(0.08);
        assert_eq!(gripper.go(GripperCommand { width_m: 0.0, force_n: 20.0 }, Some(0.08)), [None; 2]);
        gripper
    }

    /// Fingers of 8 cm that are told to close, and are as far apart as `width_m` says at every millisecond.
    fn felt(width_m: impl Fn(u32) -> f64) -> Vec<(u32, [f64; 2])> {
        felt_by(0.0, width_m)
    }

    /// The same of fingers that may take `late_s` to set out, seconds.
    fn felt_by(late_s: f64, width_m: impl Fn(u32) -> f64) -> Vec<(u32, [f64; 2])> {
        let mut gripper = closing(late_s);
        let mut told = Vec::new();
        for ms in 0..4000 {
            let command = gripper.step(1e-3);
            let state = |ms: u32| width_m(ms).max(command.width_m);
            let speed_m_s = (state(ms + 1) - state(ms)) * 1e3;
            let measured = GripperState { width_m: state(ms), speed_m_s, force_n: 20.0 };
            told.extend(gripper.feel(&measured, 1e-3).map(|slip| (ms, slip)));
        }
        told
    }

    #[test]
    fn what_is_held_does_not_slip_and_neither_does_nothing() {
        assert_eq!(felt(|_| 0.034), [], "a cube of 34 mm");
        assert_eq!(felt(|_| 0.0), [], "nothing between them");
        let trembles = |ms: u32| 0.034 - if ms.is_multiple_of(2) { 0.000_5 } else { 0.0 };
        assert_eq!(felt(trembles), [], "half a millimetre is no slip");
    }

    #[test]
    fn what_slips_is_told_at_once_and_again_when_it_has_slipped_twice_as_far() {
        // From the third second on the fingers come together at 2 cm/s.
        let told = felt(|ms| 0.034 - 0.02 * (f64::from(ms) * 1e-3 - 3.0).max(0.0));
        let expected = [3075, 3150, 3300, 3600];
        assert_eq!(told.len(), expected.len(), "1.5, 3, 6, 12 mm: {told:?}");
        assert!(told.iter().zip(expected).all(|((ms, _), e)| ms.abs_diff(e) <= 1), "{told:?}");
        for (ms, [from, to]) in told {
            assert!(
                (from - 0.034).abs() < 1e-9
                    && (to - (0.034 - 0.02 * (f64::from(ms) * 1e-3 - 3.0))).abs() < 1e-9
            );
        }
        let lost = felt(|ms| if ms < 3000 { 0.034 } else { 0.0 });
        assert!(matches!(lost[..], [(3000, [_, to]), ..] if to < 1e-9), "gone within a tick: {lost:?}");
    }

    #[test]
    fn fingers_that_set_out_late_hold_nothing_until_they_may_have() {
        // Told to close they set out 0.3 s later, and meet a cube of 34 mm.
        let late = |ms: u32| (0.08 - 0.1 * (f64::from(ms) * 1e-3 - 0.3).max(0.0)).max(0.034);
        assert!(!felt(late).is_empty(), "taken for something that slips");
        assert_eq!(felt_by(0.5, late), []);
        let lost = felt_by(0.5, |ms| if ms < 3000 { late(ms) } else { 0.0 });
        assert!(matches!(lost[..], [(3000, _), ..]), "a cube that goes is noticed: {lost:?}");
    }

    #[test]
    fn fingers_that_set_out_late_are_told_at_once_where_to_go_and_feel_what_they_hold_while_a_path_leads_them_on()
     {
        let mut gripper = closing(0.3);
        assert_eq!(gripper.step(1e-3).width_m, 0.0);
        // A path leads them together by 2 cm/s; they are where they were told to be 0.2 s before, and meet a cube.
        gripper.go(GripperCommand { width_m: 0.08, force_n: 20.0 }, None);
        let mut slips = Vec::new();
        for ms in 0..4000 {
            let at = |ms: i32| 0.08 - 0.02 * f64::from(ms).max(0.0) * 1e-3;
            gripper.lead(GripperCommand { width_m: at(ms).max(0.0), force_n: 20.0 }, Some(at(ms - 200)));
            let command = gripper.step(1e-3);
            assert_eq!(command.width_m, at(ms).max(0.0));
            let cube = if ms < 3500 { 0.034 } else { 0.0 };
            let width = |ms: i32| at(ms - 200).max(cube);
            let state = GripperState {
                width_m: width(ms),
                speed_m_s: (width(ms) - width(ms - 1)) * 1e3,
                force_n: 5.0,
            };
            slips.extend(gripper.feel(&state, 1e-3).map(|slip| (ms, slip)));
        }
        assert!(matches!(slips[..], [(3500, [_, _]), ..]), "{slips:?}");
    }

    #[test]
    fn fingers_that_go_step_by_step_where_they_were_told_to_of_late_hold_nothing_and_may_be_anywhere_between()
    {
        let mut gripper = closing(0.5);
        gripper.go(GripperCommand { width_m: 0.08, force_n: 20.0 }, None);
        // Led together by 2 cm/s, told a new place five times a second, which they go to at 10 cm/s and then rest.
        let (mut width_m, mut goal_m) = (0.08, 0.08);
        for ms in 0..3000 {
            gripper
                .lead(GripperCommand { width_m: 0.08 - 2e-5 * f64::from(ms), force_n: 20.0 }, Some(width_m));
            let command = gripper.step(1e-3);
            if ms % 200 == 100 {
                goal_m = command.width_m;
            }
            let speed_m_s = -((width_m - goal_m) * 1e3f64).clamp(0.0, 0.1);
            width_m += 1e-3 * speed_m_s;
            let slip = gripper.feel(&GripperState { width_m, speed_m_s, force_n: 0.0 }, 1e-3);
            assert_eq!((slip, gripper.grasp), (None, gripper.grasp), "at {ms} ms");
            assert!(matches!(gripper.grasp, Grasp::Nothing { .. }), "at {ms} ms");
        }
        // Told to open and at once to close again, they may still open.
        let now = width_m;
        gripper.go(GripperCommand { width_m: 0.08, force_n: 20.0 }, Some(now));
        gripper.step(1e-3);
        gripper.go(GripperCommand { width_m: now, force_n: 20.0 }, Some(now));
        let stands = GripperState { width_m: now, speed_m_s: 0.0, force_n: 0.0 };
        let wide = |gripper: &Gripper| gripper.fingers(now).looks(0.5).fold(0.0, f64::max);
        for ms in 0..2000 {
            gripper.step(1e-3);
            gripper.feel(&stands, 1e-3);
            assert!(wide(&gripper) > 0.079 || ms > 900, "at {ms} ms: {}", wide(&gripper));
        }
        assert!(wide(&gripper) < now + 0.001, "told the same for long enough");
    }

    #[test]
    fn fingers_that_are_told_to_turn_round_may_be_where_they_come_to_rest_before() {
        let mut gripper = closing(0.0);
        (0..400).for_each(|_| _ = gripper.step(1e-3));
        let at = gripper.command.width_m;
        gripper.go(GripperCommand { width_m: 0.08, force_n: 20.0 }, None);
        let closest = gripper.fingers(at).looks(0.5).fold(1.0, f64::min);
        let reached = (0..1000).map(|_| gripper.step(1e-3).width_m).fold(1.0, f64::min);
        assert!(reached < at - 5e-4 && (closest - reached).abs() < 2e-4, "{closest}, {reached} from {at}");
    }

    #[test]
    fn a_stop_has_fingers_that_set_out_late_stand_where_they_are() {
        let mut gripper = closing(0.5);
        (0..300).for_each(|_| _ = gripper.step(1e-3));
        gripper.feel(&GripperState { width_m: 0.079, speed_m_s: 0.0, force_n: 0.0 }, 1e-3);
        gripper.hold();
        let told = gripper.step(1e-3);
        assert!((told.width_m - 0.079).abs() < 1e-12, "not where the command was on its way: {told:?}");
    }

    #[test]
    fn what_no_gripper_can_is_brought_to_what_it_can_and_told() {
        let mut gripper = closing(0.0);
        let cut = gripper.go(GripperCommand { width_m: -0.01, force_n: 50.0 }, None);
        assert_eq!(cut, [Some((LimitKind::Position, -0.01, 0.0)), Some((LimitKind::Torque, 50.0, 40.0))]);
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(gripper.go(GripperCommand { width_m: bad, force_n: 1.0 }, None), [None; 2]);
            assert_eq!(gripper.target, GripperCommand { width_m: 0.0, force_n: 40.0 });
        }
    }

    /// Fingers that hold something of 34 mm with 5 N, felt for a quarter of a second.
    fn holding() -> Gripper {
        let mut gripper = closing(0.0);
        gripper.go(GripperCommand { width_m: 0.0, force_n: 5.0 }, Some(0.08));
        for _ in 0..2000 {
            feels(&mut gripper, 0.034);
        }
        assert!(matches!(gripper.grasp, Grasp::Holds { .. }) && gripper.command.force_n == 5.0);
        gripper
    }

    /// A tick, in which the fingers are as wide as they were told or as what is between them.
    fn feels(gripper: &mut Gripper, between_m: f64) -> GripperCommand {
        let command = gripper.step(1e-3);
        let width_m = command.width_m.max(between_m);
        gripper.feel(&GripperState { width_m, speed_m_s: 0.0, force_n: 5.0 }, 1e-3);
        command
    }

    #[test]
    fn a_stop_while_it_lets_go_holds_on_as_it_held_whatever_force_the_order_had() {
        for force_n in [40.0, 0.0] {
            let mut gripper = holding();
            gripper.go(GripperCommand { width_m: 0.08, force_n }, Some(0.034));
            feels(&mut gripper, 0.034);
            assert!(gripper.lets_go.is_some());
            gripper.hold();
            for _ in 0..500 {
                let command = feels(&mut gripper, 0.034);
                assert!(command.width_m == 0.0 && command.force_n <= 5.0, "{command:?}");
            }
            assert_eq!(gripper.command.force_n, 5.0);
        }
    }

    #[test]
    fn it_lets_go_of_what_it_holds_from_where_its_fingers_are_by_then() {
        let mut gripper = holding();
        gripper.go(GripperCommand { width_m: 0.08, force_n: 20.0 }, Some(0.034));
        // It has come closer since.
        let leap = (0..100).map(|_| feels(&mut gripper, 0.032)).find(|c| c.width_m > 0.0).expect("it opens");
        assert!((leap.width_m - 0.032).abs() < 1e-4, "{leap:?}");
    }

    #[test]
    fn fingers_that_lag_behind_hold_nothing_and_turn_back_without_a_leap() {
        let mut gripper = closing(0.0);
        let mut fingers_m = 0.08;
        for _ in 0..400 {
            let command = gripper.step(1e-3);
            let last_m = fingers_m;
            fingers_m = (command.width_m + 0.003).min(last_m);
            let speed_m_s = (fingers_m - last_m) * 1e3;
            gripper.feel(&GripperState { width_m: fingers_m, speed_m_s, force_n: 0.0 }, 1e-3);
        }
        gripper.go(GripperCommand { width_m: 0.08, force_n: 20.0 }, Some(fingers_m));
        assert!(gripper.lets_go.is_none(), "{gripper:?}");
    }
}
