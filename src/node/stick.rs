//! A person's stick as ROS 2 tells of it: from what has come, and when, to what is wished. It moves nothing itself.
//!
//! A wish is there only while the dead-man is held and messages come. Whatever ends that — silence, a message that is none,
//! a stop, an arm that somebody else takes — lasts until the dead-man was let go of; and once it is pressed the stick
//! has to be at rest before it wishes anything (F38, F40).

use crate::config::joy::Joy as Keys;
use bridge::ros::Joy;
use control::{Twist, TwistAxes};
use core::time::Duration;
use types::{Rejection, Time};

/// Two clocks drift apart by less than this, parts of the time.
const DRIFT: f64 = 5e-4;
/// After such a silence its stamps may be of another clock.
const ANEW: Duration = Duration::from_secs(1);
const SECOND: u32 = 1_000_000_000;

const AXES: &str = "joy.axes";
const BUTTONS: &str = "joy.buttons";
const STAMP: &str = "joy.header.stamp";
/// Why messages are refused: each kind is told by itself.
const TOO_FEW: &str = "stick (too few)";
const NO_NUMBER: &str = "stick (no place)";
const NO_BUTTON: &str = "stick (no button)";
const NO_TIME: &str = "stick (no time)";
const OLDER: &str = "stick (overtaken)";
const LATE: &str = "stick (late)";

/// What is to be held for the stick to wish anything.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum DeadMan {
    /// It counts again once it was let go of, and why.
    Spent(Idle),
    LetGo,
    /// The stick was not at rest yet.
    Held,
    Ready,
}

/// Why nothing is wished.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// The dead-man is not held.
    LetGo,
    /// It was held before something ended that.
    Spent,
    /// The robot is stopped by it.
    Stops,
    /// What came was none of its messages.
    Refused,
    /// Nothing has come for too long.
    Silent,
}

impl Idle {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::LetGo => "the stick's dead-man was let go of",
            Self::Spent => "the stick counts again once its dead-man was let go of",
            Self::Stops => "the stick's stop was pressed",
            Self::Refused => "what came was no message of the stick's",
            Self::Silent => "the stick has fallen silent",
        }
    }
}

/// What is wished while the dead-man is held.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Held {
    /// `None` before the stick was at rest.
    pub(super) twist: Option<Twist>,
    /// For so long, if nothing else comes.
    pub(super) left: Duration,
}

/// What the fingers are to do.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Fingers {
    Open,
    Close,
}

/// What a message comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Came {
    /// The button that stops the robot is pressed.
    pub(super) stops: bool,
    /// Why the rest of it moves nothing, with its kind.
    pub(super) refused: Option<(&'static str, Rejection)>,
}

/// See the head of this file. All times are by one clock, of whoever hears the stick.
pub(super) struct Stick {
    keys: Keys,
    silent: Duration,
    dead_man: DeadMan,
    /// When the newest message that counts came.
    last: Option<Time>,
    /// Its stamp, where it has one.
    stamped: Option<Time>,
    /// By how much the clock here is ahead of the stick's at least, ns, and when that was found.
    ahead: Option<(i64, Time)>,
    twist: Twist,
    fingers: Option<Fingers>,
    /// Which buttons were pressed before.
    opens: bool,
    closes: bool,
}

fn refused(
    (kind, field): (&'static str, &'static str),
    expected: impl Into<String>,
    got: impl Into<String>,
) -> (&'static str, Rejection) {
    (kind, Rejection::new(field, expected.into(), got.into()))
}

fn is_pressed(joy: &Joy, button: i32) -> bool {
    usize::try_from(button).ok().and_then(|k| joy.buttons.get(k)).is_some_and(|b| *b != 0)
}

impl Stick {
    pub(super) fn new(keys: &Keys) -> Self {
        let axes = if keys.frame == "tool" { TwistAxes::Tool } else { TwistAxes::World };
        Self {
            silent: Duration::from_secs_f64(1e-3 * keys.silent_ms),
            keys: keys.clone(),
            dead_man: DeadMan::Spent(Idle::Spent),
            last: None,
            stamped: None,
            ahead: None,
            twist: Twist { linear_m_s: [0.0; 3], angular_rad_s: [0.0; 3], axes },
            fingers: None,
            opens: false,
            closes: false,
        }
    }

    /// Takes in a message that came `at` that time. Its stop counts however wrong the rest of it is.
    pub(super) fn hear(&mut self, joy: &Joy, at: Time) -> Came {
        let refused = self.take(joy, at).err();
        let stops = self.stops(joy);
        if stops {
            self.stop();
        }
        Came { stops, refused }
    }

    /// Whether the button that stops the robot is pressed in a message.
    pub(super) fn stops(&self, joy: &Joy) -> bool {
        is_pressed(joy, self.keys.stop)
    }

    /// The robot is stopped, by this stick or another.
    pub(super) fn stop(&mut self) {
        self.spent(Idle::Stops);
    }

    /// Whether its dead-man is held, and was let go of before.
    pub(super) fn is_pressed(&self) -> bool {
        matches!(self.dead_man, DeadMan::Held | DeadMan::Ready)
    }

    /// What is wished now.
    pub(super) fn held(&mut self, now: Time) -> Result<Held, Idle> {
        let left = self.last.and_then(|last| self.silent.checked_sub(now.since(last)));
        match (self.dead_man, left.filter(|left| !left.is_zero())) {
            (DeadMan::LetGo, _) => Err(Idle::LetGo),
            (DeadMan::Spent(idle), _) => Err(idle),
            (_, None) => {
                self.spent(Idle::Silent);
                Err(Idle::Silent)
            }
            (DeadMan::Held, Some(left)) => Ok(Held { twist: None, left }),
            (DeadMan::Ready, Some(left)) => Ok(Held { twist: Some(self.twist), left }),
        }
    }

    /// What the fingers are to do, told once.
    pub(super) fn fingers(&mut self) -> Option<Fingers> {
        self.fingers.take()
    }

    /// Nothing is wished before the dead-man was let go of.
    pub(super) fn spend(&mut self) {
        self.spent(Idle::Spent);
    }

    fn spent(&mut self, idle: Idle) {
        (self.dead_man, self.fingers) = (DeadMan::Spent(idle), None);
    }

    /// Nothing is wished before the stick was at rest from now on.
    pub(super) fn rest(&mut self) {
        self.fingers = None;
        if self.dead_man == DeadMan::Ready {
            self.dead_man = DeadMan::Held;
        }
    }

    fn take(&mut self, joy: &Joy, at: Time) -> Result<(), (&'static str, Rejection)> {
        if self.last.is_none_or(|last| at.since(last) > self.silent) {
            self.spent(Idle::Silent);
        }
        // One that comes late ends nothing: those before it still count, as long as they do.
        let (stamped, late) = self.stamp(joy, at)?;
        let (unit, is_held) = self.read(joy).inspect_err(|_| self.spent(Idle::Refused))?;
        // What was under way for longer than the quickest counts for as much less.
        let said = Time::from_nanos(at.as_nanos().saturating_sub(late));
        (self.last, self.stamped) =
            (Some(self.last.map_or(said, |last| last.max(said))), stamped.or(self.stamped));
        let is_at_rest = unit.iter().all(|v| *v == 0.0);
        let before = self.dead_man;
        self.dead_man = match (before, is_held) {
            (_, false) => DeadMan::LetGo,
            (DeadMan::Spent(idle), true) => DeadMan::Spent(idle),
            (DeadMan::LetGo | DeadMan::Held, true) if !is_at_rest => DeadMan::Held,
            (_, true) => DeadMan::Ready,
        };
        let within = |[x, y, z]: [f64; 3], most: f64| {
            let scale = most / (x * x + y * y + z * z).sqrt().max(1.0);
            [x * scale, y * scale, z * scale]
        };
        let [x, y, z, rx, ry, rz] = unit;
        self.twist.linear_m_s = within([x, y, z], self.keys.linear_m_s);
        self.twist.angular_rad_s = within([rx, ry, rz], self.keys.angular_rad_s);
        let opened = core::mem::replace(&mut self.opens, is_pressed(joy, self.keys.open));
        let closed = core::mem::replace(&mut self.closes, is_pressed(joy, self.keys.close));
        // A button that was held before counts as little as a stick.
        match (before, self.dead_man) {
            (DeadMan::Ready, DeadMan::Ready) if self.opens && !opened => self.fingers = Some(Fingers::Open),
            (DeadMan::Ready, DeadMan::Ready) if self.closes && !closed => self.fingers = Some(Fingers::Close),
            (_, DeadMan::Ready) => {}
            _ => self.fingers = None,
        }
        Ok(())
    }

    /// Its stamp, where it has one: of whichever clock, not older than the last, and not under way for much longer than
    /// the quickest; and for how much longer, nanoseconds (B22, F9).
    fn stamp(&mut self, joy: &Joy, at: Time) -> Result<(Option<Time>, i64), (&'static str, Rejection)> {
        let stamp = &joy.header.stamp;
        if (stamp.sec, stamp.nanosec) == (0, 0) {
            return Ok((None, 0));
        }
        if stamp.sec < 0 || stamp.nanosec >= SECOND {
            let got = format!("{} s {} ns", stamp.sec, stamp.nanosec);
            return Err(refused((NO_TIME, STAMP), "a time since 1970", got));
        }
        if self.last.is_none_or(|last| at.since(last) > ANEW) {
            (self.stamped, self.ahead) = (None, None);
        }
        let stamped: Time = stamp.clone().into();
        if let Some(before) = self.stamped.filter(|before| stamped < *before) {
            let got = format!("{:.3} s before it", before.secs_since(stamped));
            return Err(refused((OLDER, STAMP), "no earlier one than the last", got));
        }
        // Nothing arrives before it was said: what arrives soonest tells most of the other clock.
        let seen = at.as_nanos().saturating_sub(stamped.as_nanos());
        let ahead = self.ahead.map_or(seen, |(ahead, found)| {
            let drifted = (DRIFT * at.since(found).as_nanos() as f64) as i64;
            seen.min(ahead.saturating_add(drifted))
        });
        self.ahead = Some((ahead, at));
        let late = seen.saturating_sub(ahead);
        let late_s = 1e-9 * late as f64;
        if late_s > self.silent.as_secs_f64() {
            let expected = format!("one that was under way for {} ms at most", self.keys.silent_ms);
            return Err(refused((LATE, STAMP), expected, format!("{:.0} ms", 1e3 * late_s)));
        }
        Ok((Some(stamped), late))
    }

    /// How far each part of the twist is wished, −1 to 1, and whether the dead-man is held (B1–B4, B7).
    fn read(&self, joy: &Joy) -> Result<([f64; 6], bool), (&'static str, Rejection)> {
        let needs =
            |keys: &[i32]| keys.iter().map(|k| usize::try_from(k + 1).unwrap_or(0)).max().unwrap_or(0);
        let least = needs(&self.keys.axes);
        if joy.axes.len() < least {
            return Err(refused(
                (TOO_FEW, AXES),
                format!("{least} axes at least"),
                joy.axes.len().to_string(),
            ));
        }
        if let Some((k, v)) = joy.axes.iter().enumerate().find(|(_, v)| !(-1.0..=1.0).contains(*v)) {
            return Err(refused((NO_NUMBER, AXES), "numbers of -1 to 1", format!("{v} on axis {k}")));
        }
        let buttons = [self.keys.enable, self.keys.stop, self.keys.open, self.keys.close];
        let least = needs(&buttons);
        if joy.buttons.len() < least {
            return Err(refused(
                (TOO_FEW, BUTTONS),
                format!("{least} buttons at least"),
                joy.buttons.len().to_string(),
            ));
        }
        if let Some((k, v)) = joy.buttons.iter().enumerate().find(|(_, v)| !(0..=1).contains(*v)) {
            return Err(refused((NO_BUTTON, BUTTONS), "0 or 1", format!("{v} on button {k}")));
        }
        let dead_zone = self.keys.dead_zone;
        let unit = core::array::from_fn(|part| {
            let axis = self.keys.axes[part];
            let v = usize::try_from(axis).ok().and_then(|k| joy.axes.get(k)).map_or(0.0, |v| f64::from(*v));
            // From nothing at the edge of the dead zone to all of it at the end.
            let out = ((v.abs() - dead_zone) / (1.0 - dead_zone)).max(0.0);
            let sign = if self.keys.reversed.contains(&axis) { -v.signum() } else { v.signum() };
            if out > 0.0 { sign * out } else { 0.0 }
        });
        Ok((unit, is_pressed(joy, self.keys.enable)))
    }
}

#[cfg(test)]
#[path = "stick_tests.rs"]
mod tests;
