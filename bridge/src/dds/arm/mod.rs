//! An arm of ROS 2's as a [`Robot`]: one that says its joints' states and has a joint trajectory controller, and perhaps a
//! gripper that takes goals.
//!
//! The controller is told short paths, many times a second, that each end at rest: the loop's motion for a little while, and
//! then the stop that its filter has verified ([`Ending`]). When no other comes, because the line is gone, the loop has ended
//! or the watchdog lets nothing through, the arm stops on the last. There is no power to be switched here: as it goes the arm
//! is told its stop, at once, and then nothing.

mod gripper;
mod since;
mod slots;

use super::{Care, Heard, Publisher, Ros, RosError};
use crate::ros::{self, JointTrajectory};
use core::time::Duration;
use gripper::Telling;
pub use since::RosTime;
pub(super) use since::Since;
use slots::{Slots, Told, Trouble};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use types::seams::{Clock, Robot, RobotError};
use types::{
    ENDING_LATE_S, Ending, GripperProfile, GripperState, JointCommand, JointLimits, JointState, JointVector,
    Rejection, Time,
};

/// States that may wait; only the newest counts.
const STATES: usize = 4;
/// What is nearer than this is over before it can be done, seconds.
const SOONEST_S: f64 = 1e-3;
/// The stop of an arm whose power goes is passed on within so many periods of paths, or not at all.
const PARTS_WITHIN: f64 = 1.5;
/// On its way to where it should be an arm goes at most at so many times its speed limit.
const MOST_SPEED: f64 = 1.1;
/// How long a state is waited for before it is looked whether anything else has changed.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the arm is called in ROS 2, and how it is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmSettings {
    /// Where it says its joints' states.
    pub joint_states: String,
    /// The joint trajectory controller: paths go to its `joint_trajectory`.
    pub controller: String,
    /// Where its gripper takes goals of control_msgs' GripperCommand, for the position of its first joint; empty: it is
    /// told nothing.
    pub gripper: String,
    /// The arm's joints, in the loop's order.
    pub joints: Vec<String>,
    /// Their limits.
    pub limits: Vec<JointLimits>,
    /// Its gripper, if it has one.
    pub fingers: GripperProfile,
    /// Paths per second.
    pub stream_hz: f64,
    /// States that are older are none, seconds.
    pub silent_s: f64,
    /// Whether the efforts in its states are torques (N·m) and forces (N); else none are measured.
    pub efforts: bool,
}

/// Asked before every path: whether the robot may have power, as far as its outer watchdog is concerned.
pub type Permit = Box<dyn FnMut(Time) -> bool + Send>;

/// The loop's end. No call waits for anybody.
pub struct RosArm {
    slots: Arc<Slots>,
    n: usize,
    number: u64,
    /// Of the next command.
    ending: Option<Ending>,
    /// The command that took the power away, and how the arm comes to rest from there.
    parting: Option<(JointCommand, Ending)>,
    last: Result<JointState, Trouble>,
}

/// Ends the threads when it is dropped: the arm then comes to rest on the last path.
pub struct RosArmHandle {
    slots: Arc<Slots>,
    threads: Vec<JoinHandle<()>>,
}

impl Robot for RosArm {
    fn read(&mut self) -> Result<JointState, RobotError> {
        self.slots.refresh(&mut self.last);
        self.last.map_err(RobotError::from)
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        command.check(self.n)?;
        let number = self.number + 1;
        let told = self.ending.take().map(|ending| (*command, ending));
        if command.enabled || told.is_some() {
            self.parting = told.filter(|_| !command.enabled);
        }
        // Commands follow each other much faster than paths: what was told as power went stays to be told.
        if !self.slots.put_command(number, command.enabled, told.or(self.parting)) {
            return Err(RobotError::Silent);
        }
        self.number = number;
        Ok(())
    }

    fn foresee(&mut self, ending: &Ending) {
        self.ending = Some(*ending);
    }
}

impl RosArmHandle {
    /// Why no state can be read now, in words; `None` as long as there is one.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.slots.words()
    }

    /// How many paths could not be said.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.slots.untold.load(Ordering::Acquire)
    }

    /// Whether one of its threads has ended by itself, which none does.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }
}

impl Drop for RosArmHandle {
    fn drop(&mut self) {
        self.slots.ends.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            // A panic in it has been printed already; nothing here can mend it.
            let _ = thread.join();
        }
    }
}

/// Takes states in.
struct Hearing {
    heard: Heard<ros::JointState>,
    controller: Arc<Publisher<JointTrajectory>>,
    settings: ArmSettings,
    slots: Arc<Slots>,
    since: Since,
    time: RosTime,
}

/// Sends paths out.
struct Streaming {
    controller: Arc<Publisher<JointTrajectory>>,
    settings: ArmSettings,
    slots: Arc<Slots>,
    time: RosTime,
    permit: Option<Permit>,
    parted: Parted,
}

impl ArmSettings {
    fn check(&self) -> Result<(), Rejection> {
        let within = |field: &'static str, value: f64, low: f64, high: f64| {
            let is_in = (low..=high).contains(&value);
            let refuse = || Rejection::new(field, format!("{low} to {high}"), value.to_string());
            if is_in { Ok(()) } else { Err(refuse()) }
        };
        within("stream_hz", self.stream_hz, 15.0, 500.0)?;
        within("silent_ms", 1e3 * self.silent_s, 5.0, 1000.0)?;
        if self.joints.is_empty() || self.joints.len() != self.limits.len() {
            let got = format!("{} names, {} limits", self.joints.len(), self.limits.len());
            return Err(Rejection::new("joints", "as many names as limits, one at least", got));
        }
        if !self.gripper.is_empty() && self.fingers.joints.is_empty() {
            let expected = "none: the robot's profile has no gripper";
            return Err(Rejection::new("gripper", expected, format!("{:?}", self.gripper)));
        }
        Ok(())
    }

    /// The state in a message, with the stamp that it says.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field that is wrong.
    fn state(&self, message: &ros::JointState) -> Result<JointState, Rejection> {
        let mut state = message.of_arm(&self.joints)?;
        if !self.efforts {
            state.tau = JointVector::zeros(self.joints.len());
        }
        if let Some(finger) = self.fingers.joints.first() {
            let finger = message.of_arm(std::slice::from_ref(finger))?;
            let (width_m, speed_m_s) = ros::gripper_width(&self.fingers, finger.q[0], finger.dq[0]);
            let force_n = if self.efforts { finger.tau[0].abs() } else { 0.0 };
            state.gripper = GripperState { width_m, speed_m_s, force_n };
        }
        Ok(state)
    }
}

impl Ros {
    /// Meets an arm within `limit`. Its time is that of `clock`, and `time` learns how far the arm's is from it; the
    /// permit tells, where there is an outer watchdog, whether the arm may be told anything.
    ///
    /// # Errors
    /// A [`Rejection`] naming what is wrong with the settings or with what the arm says; [`RosError::Silent`] naming
    /// what is not there.
    pub fn arm<C: Clock + Clone + 'static>(
        &self,
        settings: ArmSettings,
        (clock, time): (C, RosTime),
        permit: Option<Permit>,
        limit: Duration,
    ) -> Result<(RosArm, RosArmHandle), RosError> {
        settings.check()?;
        let slots = Arc::new(Slots::new());
        let controller = format!("{}/joint_trajectory", settings.controller);
        let says: Publisher<JointTrajectory> =
            self.publisher(&controller, Care::Newest).map_err(|e| of("controller", e))?;
        let heard: Heard<ros::JointState> =
            self.hear(&settings.joint_states, Care::Sensor, STATES).map_err(|e| of("joint_states", e))?;
        let until = clock.now() + limit;
        let silent = |name: &str| RosError::Silent { name: name.to_owned() };
        let left = || until.since(clock.now());
        let first = heard.take_within(left()).ok_or_else(|| silent(&settings.joint_states))?;
        settings.state(&first)?;
        if !says.wait_heard(left()) {
            return Err(silent(&controller));
        }
        let telling = match settings.gripper.as_str() {
            "" => None,
            name => {
                let telling =
                    Telling::new(self, name, &settings.fingers, &slots).map_err(|e| of("gripper", e))?;
                if !telling.wait_served(left()) {
                    return Err(silent(name));
                }
                Some(telling)
            }
        };
        let says = Arc::new(says);
        let hearing = Hearing {
            heard,
            controller: says.clone(),
            settings: settings.clone(),
            slots: slots.clone(),
            since: Since::default(),
            time: time.clone(),
        };
        let n = settings.joints.len();
        let streaming = Streaming {
            controller: says,
            settings,
            slots: slots.clone(),
            time,
            permit,
            parted: Parted(Time::ZERO),
        };
        let mut handle = RosArmHandle { slots: slots.clone(), threads: Vec::new() };
        let (hears, streams) = (clock.clone(), clock);
        handle.spawn("arm states", move || hearing.run(&hears))?;
        handle.spawn("arm paths", move || streaming.run(streams))?;
        if let Some(telling) = telling {
            handle.spawn("gripper", move || telling.run())?;
        }
        let last = Err(Trouble::Silent);
        Ok((RosArm { slots, n, number: 0, ending: None, parting: None, last }, handle))
    }
}

/// What refuses a name says which of the settings it is.
fn of(field: &'static str, e: RosError) -> RosError {
    match e {
        RosError::Refused(r) => Rejection::new(field, r.expected, r.got).into(),
        other => other,
    }
}

impl RosArmHandle {
    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), RosError> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run).map_err(RosError::dds)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Hearing {
    fn run(mut self, clock: &impl Clock) {
        let mut last = Time::ZERO;
        let mut newest: Option<JointState> = None;
        let mut wrong: Option<Rejection> = None;
        while !self.slots.ends.load(Ordering::Acquire) {
            let message = self.heard.take_within(PATIENCE);
            let now = clock.now();
            if let Some(message) = message {
                match self.settings.state(&message) {
                    Ok(mut state) => {
                        let is_driven = self.slots.is_driven.load(Ordering::Acquire);
                        state.stamp = self.since.ours(state.stamp, now, is_driven);
                        self.time.learn(&self.since);
                        wrong = None;
                        // What overtook another tells nothing new.
                        if state.stamp > last {
                            (last, newest) = (state.stamp, Some(state));
                        }
                    }
                    Err(why) => wrong = Some(why),
                }
            }
            let (state, words) = self.judge(now, newest.as_ref(), wrong.as_ref());
            self.slots.put_state(state, words);
        }
    }

    /// The state that counts now; or why there is none, and the same in words.
    fn judge(
        &self,
        now: Time,
        newest: Option<&JointState>,
        wrong: Option<&Rejection>,
    ) -> (Result<JointState, Trouble>, Option<String>) {
        let s = &self.settings;
        if self.controller.heard_by() == 0 {
            let why = format!("nobody hears {}/joint_trajectory any more", s.controller);
            return (Err(Trouble::Gone), Some(why));
        }
        if let Some(why) = wrong {
            return (Err(Trouble::Silent), Some(why.to_string()));
        }
        match newest {
            Some(state) if now.secs_since(state.stamp) <= s.silent_s => (Ok(*state), None),
            _ => {
                (Err(Trouble::Silent), Some(format!("{} is silent, or what it says is old", s.joint_states)))
            }
        }
    }
}

impl Streaming {
    fn run(mut self, mut clock: impl Clock) {
        let period = Duration::from_secs_f64(1.0 / self.settings.stream_hz);
        let mut next = clock.now();
        while !self.slots.ends.load(Ordering::Acquire) {
            next = (next + period).max(clock.now());
            clock.sleep_until(next);
            let now = clock.now();
            let is_permitted = self.permit.as_mut().is_none_or(|permit| permit(now));
            // What comes without an ending moves nothing: nobody knows how it would stop.
            let newest = self.slots.newest_command();
            let newest =
                newest.filter(|told| self.parted.counts(told, period.as_secs_f64(), now) && is_permitted);
            self.slots.put_fingers(newest.filter(|(c, _)| c.enabled).map(|(c, _)| c.gripper));
            let Some((command, ending)) = newest else { continue };
            let s = &self.settings;
            let age_s = now.secs_since(command.stamp).max(0.0);
            // A stop that begins at once has been begun without the arm: it gets a period to come into it.
            let soonest_s = if command.enabled { SOONEST_S } else { period.as_secs_f64() };
            let mut path = JointTrajectory::of_ending(&s.joints, &ending, age_s, soonest_s);
            let lacks_s = self.slots.state().map_or(0.0, |state| lacks_s(&path, &state, now, &s.limits));
            if lacks_s > ENDING_LATE_S {
                // It is too far behind to get there in time: it rests on what it has, and the loop sees how far it is off.
                continue;
            }
            path.come_later(lacks_s);
            // One that arrives late, when the line is there again perhaps, is over by then and moves nothing.
            if let Some(stamp) = self.time.theirs(now) {
                path.header.stamp = stamp.into();
            }
            // What is not said is as if it had been lost: the arm comes to rest.
            if self.controller.put(&path).is_err() {
                self.slots.untold.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

/// When an arm lost its power whose stop was passed on, or came too late for that.
struct Parted(Time);

impl Parted {
    /// Whether what was told is to be passed on: a command until it expires; the stop of an arm whose power goes once, and
    /// at once: later the arm may be beyond it, on what it was told before, and would be led back.
    fn counts(&mut self, (command, _): &Told, period_s: f64, now: Time) -> bool {
        if command.enabled {
            return now <= command.expires;
        }
        let is_new = core::mem::replace(&mut self.0, command.stamp) != command.stamp;
        is_new && now.secs_since(command.stamp) <= PARTS_WITHIN * period_s
    }
}

/// By how much longer an arm that is not where it should be by now, as it has begun to stop for want of a path, takes to get
/// there without going faster than it may, seconds.
fn lacks_s(path: &JointTrajectory, state: &JointState, now: Time, limits: &[JointLimits]) -> f64 {
    let Some(first) = path.points.first() else { return 0.0 };
    let lead_s = first.time_from_start.as_secs();
    let age_s = now.secs_since(state.stamp).clamp(0.0, lead_s);
    let needs_s = limits.iter().enumerate().map(|(j, l)| {
        let (v0, v1) = (state.dq[j], first.velocities[j]);
        let way = first.positions[j] - (state.q[j] + age_s * v0);
        // A cubic is fastest in its middle, at 3/2 of the mean less a quarter of what it has at both ends.
        let most = MOST_SPEED * l.velocity + 0.25 * way.signum() * (v0 + v1);
        if most > 0.0 { 1.5 * way.abs() / most } else { f64::INFINITY }
    });
    needs_s.fold(lead_s, f64::max) - lead_s
}

#[cfg(test)]
mod tests;
