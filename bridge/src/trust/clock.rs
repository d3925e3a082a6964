//! What is known of the clock of another node (F28).
//!
//! One question and answer bound how far it is off: it was read some time between the asking and the answer
//! (Cristian, "Probabilistic clock synchronization", 1989). Later questions narrow the bounds, and with time they widen:
//! two quartzes drift.

use types::{Rejection, Time};

/// Between question and answer at most this may pass, seconds: more says too little about the clock.
pub const LONGEST_ROUND_S: f64 = 0.05;
/// Two clocks run apart by at most so much: 200 parts in a million, twice what quartzes do.
const DRIFT: f64 = 2e-4;

/// See the head of this file. Times in nanoseconds, theirs less ours.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LinkClock {
    least: i64,
    most: i64,
    /// When it was bounded last, by our clock.
    at: Time,
}

impl LinkClock {
    /// The node was asked at `asked`, said that its clock shows `theirs`, and the answer was here at `answered`, both
    /// in our time.
    ///
    /// # Errors
    /// A [`Rejection`] when more than 50 ms lie between the two, or the answer comes before the question: it is to
    /// be asked again.
    pub fn handshake(asked: Time, theirs: Time, answered: Time) -> Result<Self, Rejection> {
        let took = answered.secs_since(asked);
        if !(0.0..=LONGEST_ROUND_S).contains(&took) {
            let expected = format!("an answer within {LONGEST_ROUND_S} s");
            return Err(Rejection::new("handshake", expected, format!("{took} s")));
        }
        let off = |ours: Time| theirs.as_nanos().saturating_sub(ours.as_nanos());
        Ok(Self { least: off(answered), most: off(asked), at: answered })
    }

    /// With what another question says. A clock that was set meanwhile is known by the newer answer alone.
    #[must_use]
    pub fn with(self, newer: Self) -> Self {
        let old = self.at(newer.at);
        let (least, most) = (old.least.max(newer.least), old.most.min(newer.most));
        if least <= most { Self { least, most, at: newer.at } } else { newer }
    }

    /// The bounds as they are at `now`.
    #[must_use]
    pub fn at(self, now: Time) -> Self {
        let grown = (now.secs_since(self.at).max(0.0) * DRIFT * 1e9) as i64;
        Self {
            least: self.least.saturating_sub(grown),
            most: self.most.saturating_add(grown),
            at: now.max(self.at),
        }
    }

    /// How far apart the bounds are, seconds.
    #[must_use]
    pub fn width_s(&self) -> f64 {
        self.most.saturating_sub(self.least) as f64 * 1e-9
    }

    /// By how much their clock is ahead, the middle of the bounds, nanoseconds.
    #[must_use]
    pub fn ahead_ns(&self) -> i64 {
        self.least.saturating_add(self.most.saturating_sub(self.least) / 2)
    }

    /// Our time when their clock showed `stamp`, at the earliest: what they send never counts as fresher than it is.
    #[must_use]
    pub fn ours(&self, stamp: Time) -> Time {
        Time::from_nanos(stamp.as_nanos().saturating_sub(self.most))
    }

    /// Our time when their clock showed `stamp`, most likely: for what is measured.
    #[must_use]
    pub fn ours_about(&self, stamp: Time) -> Time {
        Time::from_nanos(stamp.as_nanos().saturating_sub(self.ahead_ns()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(t: i64) -> Time {
        Time::from_nanos(t * 1_000_000)
    }

    #[test]
    fn what_is_sent_never_counts_as_fresher_than_it_is() {
        // Two seconds ahead; four milliseconds to and fro.
        let clock = LinkClock::handshake(ms(100), ms(2101), ms(104)).expect("quick enough");
        assert_eq!((clock.ours(ms(2200)), clock.width_s()), (ms(199), 0.004));
        assert_eq!(clock.ours_about(ms(2200)), ms(201));
        for bad in [(ms(100), ms(151)), (ms(100), ms(99))] {
            assert!(LinkClock::handshake(bad.0, ms(5), bad.1).is_err(), "F28");
        }
    }

    #[test]
    fn more_answers_narrow_the_bounds_time_widens_them_and_a_clock_that_was_set_is_known_anew() {
        let slow = LinkClock::handshake(ms(100), ms(1105), ms(110)).expect("quick enough");
        let quick = LinkClock::handshake(ms(200), ms(1200), ms(201)).expect("quick enough");
        let both = slow.with(quick);
        assert!(both.width_s() <= quick.width_s() && both.width_s() > 0.0, "{both:?}");
        // A slow answer after a quick one changes little.
        let late = LinkClock::handshake(ms(300), ms(1310), ms(340)).expect("quick enough");
        assert!(both.with(late).width_s() < 0.0011);
        assert!((both.at(ms(10_201)).width_s() - both.width_s() - 0.004).abs() < 1e-6, "200 ppm, both ways");
        let set = LinkClock::handshake(ms(400), ms(9400), ms(401)).expect("quick enough");
        assert_eq!(both.with(set), set);
    }
}
