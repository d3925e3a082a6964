//! Sticks that speak on one topic, told apart by who says a message: the arm is that one's whose dead-man was pressed first,
//! until it is let go of or falls silent. Any of them may stop the robot. Where it is not known whose a message is, nobody
//! moves anything while more than one speaks, or it is not known how many do: a mixture of two is nobody's wish (F40).

use super::stick::{Came, Fingers, Held, Idle, Stick};
use crate::config::joy::Joy as Keys;
use bridge::ros::Joy;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::{Rejection, Time};

/// So many are told apart; of more the stop counts alone.
const MOST: usize = 16;
/// One that was silent for so long has gone.
const GONE: Duration = Duration::from_secs(1);

const TOPIC: &str = "joy.topic";
/// Why sticks are refused: each kind is told by itself.
const ANOTHER: &str = "stick (another)";
const PRESSED: &str = "stick (another's dead-man)";

/// Who says a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// By its publisher's number.
    One([u8; 16]),
    /// The carrier does not tell: one of so many; 0 where it does not know that either.
    OneOf(usize),
}

/// What a message comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// The button that stops the robot is pressed in it, and by any stick.
    pub(super) stops: bool,
    pub(super) is_stopped: bool,
    /// What of it moves nothing, and why, each with its kind.
    pub(super) refused: Vec<(&'static str, Rejection)>,
}

struct Known {
    source: Source,
    stick: Stick,
    heard: Time,
    stops: bool,
}

/// See the head of this file. All times are by one clock, of whoever hears them.
pub(super) struct Sticks {
    keys: Keys,
    all: Vec<Known>,
    /// Whose wishes count.
    holder: Option<Source>,
    /// Why there is none.
    idle: Idle,
}

impl Sticks {
    pub(super) fn new(keys: &Keys) -> Self {
        Self { keys: keys.clone(), all: Vec::new(), holder: None, idle: Idle::Spent }
    }

    /// Takes in a message that came `at` that time. Its stop counts whoever says it, and however wrong the rest of it is.
    pub(super) fn hear(&mut self, joy: &Joy, source: Source, at: Time) -> Told {
        let Some((k, mut refused)) = self.known(source, at) else {
            let stops = Stick::new(&self.keys).stops(joy);
            return self.told(stops, at, vec![many(self.all.len() + 1)]);
        };
        let known = &mut self.all[k];
        let came = known.stick.hear(joy, at);
        (known.heard, known.stops) = (at, came.stops);
        let Came { stops, refused: why } = came;
        refused.extend(why);
        let is_mixed = matches!(source, Source::OneOf(n) if n != 1);
        if is_mixed {
            known.stick.spend();
        }
        let source = known.source;
        if known.stick.is_pressed() {
            if self.holder.is_some_and(|holder| holder != source) {
                // It counts once it was let go of, and the other was.
                known.stick.spend();
                let expected = "the dead-man of one stick at a time";
                refused
                    .push((PRESSED, Rejection::new("joy.enable", expected, "another's, while that is held")));
            } else {
                self.holder = Some(source);
            }
        }
        self.told(stops, at, refused)
    }

    fn told(&mut self, stops: bool, at: Time, refused: Vec<(&'static str, Rejection)>) -> Told {
        if stops {
            self.all.iter_mut().for_each(|known| known.stick.stop());
        }
        let is_stopped = stops || self.all.iter().any(|known| known.stops && at.since(known.heard) <= GONE);
        Told { stops, is_stopped, refused }
    }

    /// Where the stick of this source is, and what is told of its coming; `None` where there are too many.
    fn known(&mut self, source: Source, at: Time) -> Option<(usize, Vec<(&'static str, Rejection)>)> {
        let mut told = Vec::new();
        // Of whom nobody knows there is one.
        let (source, n_mixed) = match source {
            Source::One(_) => (source, 1),
            Source::OneOf(n) => (Source::OneOf(0), n),
        };
        if n_mixed != 1 {
            let expected =
                "one stick: this carrier does not tell them apart, and none of them moves anything";
            let got =
                if n_mixed == 0 { "nobody knows how many".into() } else { format!("{n_mixed} that speak") };
            told.push((ANOTHER, Rejection::new(TOPIC, expected, got)));
        }
        if let Some(k) = self.all.iter().position(|known| known.source == source) {
            return Some((k, told));
        }
        let holder = self.holder;
        self.all.retain(|known| Some(known.source) == holder || at.since(known.heard) <= GONE);
        if self.all.len() >= MOST {
            return None;
        }
        if !self.all.is_empty() {
            told.push(many(self.all.len() + 1));
        }
        self.all.push(Known { source, stick: Stick::new(&self.keys), heard: at, stops: false });
        Some((self.all.len() - 1, told))
    }

    fn holding(&mut self) -> Option<&mut Stick> {
        let holder = self.holder?;
        self.all.iter_mut().find(|known| known.source == holder).map(|known| &mut known.stick)
    }

    /// What is wished now.
    pub(super) fn held(&mut self, now: Time) -> Result<Held, Idle> {
        let idle = self.idle;
        let held = self.holding().map_or(Err(idle), |stick| stick.held(now));
        if let Err(idle) = held {
            (self.holder, self.idle) = (None, idle);
        }
        held
    }

    /// What the fingers are to do, told once.
    pub(super) fn fingers(&mut self) -> Option<Fingers> {
        self.holding().and_then(Stick::fingers)
    }

    /// Nothing is wished before a dead-man was let go of.
    pub(super) fn spend(&mut self) {
        self.all.iter_mut().for_each(|known| known.stick.spend());
    }

    /// Nothing is wished before the stick was at rest from now on.
    pub(super) fn rest(&mut self) {
        self.all.iter_mut().for_each(|known| known.stick.rest());
    }

    /// How many speak.
    pub(super) fn count(&self, now: Time) -> usize {
        self.all.iter().filter(|known| now.since(known.heard) <= GONE).count()
    }
}

fn many(n: usize) -> (&'static str, Rejection) {
    let expected =
        "one stick: the arm is that one's whose dead-man is pressed first, and any of them stops it";
    (ANOTHER, Rejection::new(TOPIC, expected, format!("{n} that speak")))
}

/// Sticks that one thread hears and another asks. Clones are the same.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Sticks>>);

impl Shared {
    pub(super) fn new(keys: &Keys) -> Self {
        Self(Arc::new(Mutex::new(Sticks::new(keys))))
    }

    /// Never held while anybody waits for anything.
    pub(super) fn lock(&self) -> MutexGuard<'_, Sticks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use bridge::ros::Header;

    const ENABLE: usize = 5;
    const STOP: usize = 1;
    const A: Source = Source::One([1; 16]);
    const B: Source = Source::One([2; 16]);

    fn at(ms: i64) -> Time {
        Time::from_nanos((10_000 + ms) * 1_000_000)
    }

    fn sticks() -> Sticks {
        Sticks::new(&Config::default().joy)
    }

    /// Forwards so far, with these buttons.
    fn joy(forwards: f32, pressed: &[usize]) -> Joy {
        let buttons = (0..8).map(|b| i32::from(pressed.contains(&b))).collect();
        Joy { header: Header::default(), axes: vec![0.0, forwards, 0.0, 0.0, 0.0, 0.0], buttons }
    }

    fn kinds(told: &Told) -> Vec<&'static str> {
        told.refused.iter().map(|(kind, _)| *kind).collect()
    }

    /// How fast forwards, if anything is wished.
    fn forwards(sticks: &mut Sticks, ms: i64) -> Result<f64, Idle> {
        sticks.held(at(ms)).map(|held| held.twist.map_or(f64::NAN, |twist| twist.linear_m_s[0]))
    }

    /// The first one holds the arm, the second one is heard, let go of.
    fn held_by_a() -> Sticks {
        let mut sticks = sticks();
        assert!(kinds(&sticks.hear(&joy(0.0, &[]), A, at(0))).is_empty());
        // That another one speaks is told once.
        assert_eq!(kinds(&sticks.hear(&joy(0.0, &[]), B, at(1))), [ANOTHER]);
        assert!(kinds(&sticks.hear(&joy(0.0, &[ENABLE]), A, at(10))).is_empty());
        assert!(kinds(&sticks.hear(&joy(0.0, &[]), B, at(11))).is_empty());
        assert_eq!(forwards(&mut sticks, 11), Ok(0.0));
        sticks
    }

    #[test]
    fn of_two_sticks_the_arm_is_that_ones_whose_dead_man_was_pressed_first_until_it_is_let_go_of() {
        let mut sticks = held_by_a();
        for ms in (20..200).step_by(20) {
            assert!(kinds(&sticks.hear(&joy(1.0, &[ENABLE]), A, at(ms))).is_empty());
            // The other one lets go of nothing, and pulls backwards: told once for each press.
            let told = sticks.hear(&joy(-1.0, &[ENABLE]), B, at(ms + 1));
            assert_eq!(kinds(&told), if ms == 20 { vec![PRESSED] } else { vec![] });
            assert!(forwards(&mut sticks, ms + 2).is_ok_and(|v| v > 0.0), "{ms}");
        }
        sticks.hear(&joy(1.0, &[]), A, at(200));
        assert_eq!(forwards(&mut sticks, 201), Err(Idle::LetGo));
        // One that was held meanwhile counts once it was let go of, and from rest.
        sticks.hear(&joy(-1.0, &[ENABLE]), B, at(202));
        assert_eq!(forwards(&mut sticks, 203), Err(Idle::LetGo));
        sticks.hear(&joy(-1.0, &[]), B, at(204));
        sticks.hear(&joy(-1.0, &[ENABLE]), B, at(205));
        assert!(forwards(&mut sticks, 206).is_ok_and(f64::is_nan));
        sticks.hear(&joy(0.0, &[ENABLE]), B, at(207));
        sticks.hear(&joy(-1.0, &[ENABLE]), B, at(208));
        assert!(forwards(&mut sticks, 209).is_ok_and(|v| v < 0.0));
    }

    #[test]
    fn one_that_falls_silent_leaves_the_arm_whatever_another_says_meanwhile() {
        let mut sticks = held_by_a();
        sticks.hear(&joy(1.0, &[ENABLE]), A, at(20));
        for ms in 21..110 {
            sticks.hear(&joy(0.0, &[]), B, at(ms));
        }
        assert!(forwards(&mut sticks, 119).is_ok());
        assert_eq!(forwards(&mut sticks, 121), Err(Idle::Silent));
        sticks.hear(&joy(0.0, &[ENABLE]), B, at(122));
        assert_eq!(forwards(&mut sticks, 123), Ok(0.0));
    }

    #[test]
    fn the_stop_of_any_stick_counts_and_ends_every_wish() {
        let mut sticks = held_by_a();
        let told = sticks.hear(&joy(0.0, &[STOP]), B, at(20));
        assert!(told.stops && told.is_stopped);
        assert_eq!(forwards(&mut sticks, 21), Err(Idle::Stops));
        // It is pressed while another speaks, and until that one lets go of it or has gone.
        let told = sticks.hear(&joy(1.0, &[ENABLE]), A, at(22));
        assert!(!told.stops && told.is_stopped);
        assert!(forwards(&mut sticks, 23).is_err());
        assert!(!sticks.hear(&joy(0.0, &[]), B, at(24)).is_stopped);
        assert!(sticks.hear(&joy(0.0, &[STOP]), B, at(25)).is_stopped);
        assert!(!sticks.hear(&joy(0.0, &[]), A, at(1100)).is_stopped);
        // However wrong the rest of it is, and however many there are.
        let broken = Joy { axes: Vec::new(), ..joy(0.0, &[STOP]) };
        for k in 0..100_u8 {
            let told = sticks.hear(&broken, Source::One([k; 16]), at(1200));
            assert!(told.stops && !told.refused.is_empty(), "{k}");
        }
        assert!(sticks.all.len() <= MOST && sticks.count(at(1200)) <= MOST);
        sticks.hear(&joy(0.0, &[]), A, at(5000));
        assert_eq!(sticks.count(at(5000)), 1);
    }

    #[test]
    fn where_nobody_knows_who_speaks_one_alone_steers_and_of_a_mixture_the_stop_counts_alone() {
        let mut sticks = sticks();
        let one = Source::OneOf(1);
        for (ms, pressed) in [(0, &[][..]), (10, &[ENABLE])] {
            assert_eq!(sticks.hear(&joy(0.0, pressed), one, at(ms)), Told::default());
        }
        sticks.hear(&joy(1.0, &[ENABLE]), one, at(20));
        assert!(forwards(&mut sticks, 21).is_ok_and(|v| v > 0.0));
        let told = sticks.hear(&joy(1.0, &[ENABLE]), Source::OneOf(2), at(30));
        assert_eq!(kinds(&told), [ANOTHER]);
        assert_eq!(forwards(&mut sticks, 31), Err(Idle::Spent));
        // Nothing that is pressed while both speak moves anything.
        for (ms, pressed) in [(40, &[][..]), (50, &[ENABLE]), (60, &[ENABLE])] {
            sticks.hear(&joy(0.0, pressed), Source::OneOf(2), at(ms));
            assert!(forwards(&mut sticks, ms + 1).is_err(), "{ms}");
        }
        assert!(sticks.hear(&joy(0.0, &[STOP]), Source::OneOf(2), at(70)).stops);
        // The other one has gone: from the beginning.
        sticks.hear(&joy(0.0, &[ENABLE]), one, at(80));
        assert!(forwards(&mut sticks, 81).is_err());
        sticks.hear(&joy(0.0, &[]), one, at(90));
        sticks.hear(&joy(0.0, &[ENABLE]), one, at(100));
        assert_eq!(forwards(&mut sticks, 101), Ok(0.0));
        // Nobody knows how many there are: that is no evidence of one.
        let told = sticks.hear(&joy(0.0, &[ENABLE]), Source::OneOf(0), at(110));
        assert_eq!(kinds(&told), [ANOTHER]);
        assert!(forwards(&mut sticks, 111).is_err());
        sticks.hear(&joy(0.0, &[ENABLE]), one, at(120));
        assert!(forwards(&mut sticks, 121).is_err());
        assert!(sticks.hear(&joy(0.0, &[STOP]), Source::OneOf(0), at(130)).stops);
    }
}
