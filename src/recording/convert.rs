//! Ticks as messages, and back.

use bridge::ros::{self, Guard, Requests, Tick};
use control::{Heard, Mode, MotionId, TickRecord};
use types::events::{Event, Level};
use types::{
    GripperCommand, GripperState, JointCommand, JointState, JointVector, Rejection, StopCategory, Time,
};

/// Every mode with its word.
const MODES: [(Mode, &str); 10] = [
    (Mode::Disarmed, "disarmed"),
    (Mode::Proving, "proving"),
    (Mode::Hold, "hold"),
    (Mode::Follow, "follow"),
    (Mode::Servo, "servo"),
    (Mode::Stopping(StopCategory::Two), "stopping 2"),
    (Mode::Stopping(StopCategory::One), "stopping 1"),
    (Mode::Stopping(StopCategory::Zero), "stopping 0"),
    (Mode::Fault { powered: false }, "fault without power"),
    (Mode::Fault { powered: true }, "fault"),
];

/// A mode as it is recorded.
pub(crate) fn mode_word(mode: Mode) -> &'static str {
    MODES.iter().find(|(m, _)| *m == mode).map_or("", |(_, word)| word)
}

/// An event as it is recorded and said.
pub(crate) fn event(e: &Event) -> ros::Log {
    let level = match e.level {
        Level::Detail => 10,
        Level::Info => 20,
        Level::Warn => 30,
        Level::Error => 40,
    };
    ros::Log {
        stamp: e.stamp.into(),
        level,
        name: e.stage.clone(),
        msg: e.text.clone(),
        file: e.kind.clone(),
        function: e.fault.clone().unwrap_or_default(),
        line: 0,
    }
}

/// A mode by its word.
pub(crate) fn mode_of(word: &str) -> Option<Mode> {
    MODES.iter().find(|(_, w)| *w == word).map(|(mode, _)| *mode)
}

pub(super) fn tick(r: &TickRecord) -> Tick {
    let h = &r.heard;
    let state = r.state.unwrap_or(JointState {
        stamp: Time::ZERO,
        q: JointVector::zeros(0),
        dq: JointVector::zeros(0),
        tau: JointVector::zeros(0),
        gripper: GripperState::default(),
    });
    let c = &r.command;
    Tick {
        stamp: r.now.into(),
        tick: r.tick,
        known: r.state.is_some(),
        measured: state.stamp.into(),
        q: state.q.to_vec(),
        dq: state.dq.to_vec(),
        tau: state.tau.to_vec(),
        gripper: [state.gripper.width_m, state.gripper.speed_m_s, state.gripper.force_n],
        requests: Requests {
            taken: h.requests,
            stop: h.stop,
            panicked: h.panicked,
            alive: h.alive,
            slow: h.slow,
            shut_down: h.shut_down,
            live: h.live,
        },
        guard: Guard { line_read: h.line_read, line_opened: h.line_opened, stroked: h.stroked },
        enabled: c.enabled,
        expires: c.expires.into(),
        told_q: c.q.to_vec(),
        told_dq: c.dq.to_vec(),
        told_ddq: c.ddq.to_vec(),
        told_tau: c.tau.to_vec(),
        told_gripper: [c.gripper.width_m, c.gripper.force_n],
        mode: mode_word(r.mode).to_owned(),
        motion: r.motion.map_or(0, |id| id.0),
    }
}

/// A tick from its message.
///
/// # Errors
/// A [`Rejection`] naming the field for a mode that there is not, or more joints than any robot has (B7).
pub(crate) fn record(t: &Tick) -> Result<TickRecord, Rejection> {
    let vector = JointVector::from_slice;
    let now: Time = t.stamp.clone().into();
    let (q, g) = (&t.requests, &t.guard);
    let state = JointState {
        stamp: t.measured.clone().into(),
        q: vector(&t.q)?,
        dq: vector(&t.dq)?,
        tau: vector(&t.tau)?,
        gripper: GripperState { width_m: t.gripper[0], speed_m_s: t.gripper[1], force_n: t.gripper[2] },
    };
    let command = JointCommand {
        stamp: now,
        expires: t.expires.clone().into(),
        q: vector(&t.told_q)?,
        dq: vector(&t.told_dq)?,
        ddq: vector(&t.told_ddq)?,
        tau: vector(&t.told_tau)?,
        gripper: GripperCommand { width_m: t.told_gripper[0], force_n: t.told_gripper[1] },
        enabled: t.enabled,
    };
    Ok(TickRecord {
        tick: t.tick,
        now,
        state: t.known.then_some(state),
        heard: Heard {
            requests: q.taken,
            stop: q.stop,
            panicked: q.panicked,
            alive: q.alive,
            slow: q.slow,
            line_read: g.line_read,
            line_opened: g.line_opened,
            stroked: g.stroked,
            shut_down: q.shut_down,
            live: q.live,
        },
        command,
        mode: mode_of(&t.mode)
            .ok_or_else(|| Rejection::new("tick.mode", "a mode of the loop", t.mode.clone()))?,
        motion: (t.motion > 0).then_some(MotionId(t.motion)),
    })
}
