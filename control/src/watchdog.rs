//! The independent watchdog: what stops the robot when the loop itself is broken (F26, F32, F33).
//!
//! Three ends of one shared page. The loop leaves a [`Pulse`] in every tick. A process of its own keeps [`Guard`]
//! over it, and for as long as the loop lives strokes the robot: a robot that is not stroked for 5 ms, or that is
//! told so, brakes by itself ([`Stroke`]). So each of the three is watched by the next:
//!
//! ```text
//!   loop ──── pulse, every tick ────▶ guard ──── stroke, every 0.5 ms ────▶ robot
//!     ▲                                                                       │
//!     └─────────────── no stroke for 5 ms: no power until a reset ◀───────────┘
//! ```
//!
//! * The loop panics: it says so, or falls silent; the guard withholds, the robot brakes (F32).
//! * The guard dies: no strokes; the robot brakes, and the loop latches (F33).
//! * The whole process pauses: no pulses; the robot has braked when it comes back (F26).

use crate::clock::MonotonicClock;
use crate::rt::{self, RtRights, RtWishes, page::Page};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use types::seams::Clock;
use types::{Rejection, Time};

/// A robot that was not stroked for longer brakes, seconds; see [`Watchdog::with_stroke`].
const STROKE_S: f64 = 0.005;
/// Time between two looks of the guard.
const ROUND: Duration = Duration::from_micros(500);
/// A guard whose loop said nothing for so long looks whether anybody is there at all, seconds.
const LONELY_S: f64 = 1.0;
/// What the first word says, so that another version's page is no page.
const MARK: i64 = 0x5349_4e45_5700_0003;

/// The words of the page.
#[derive(Copy, Clone)]
enum Word {
    Mark,
    /// The process that the loop is in.
    Process,
    /// Where the loop's clock begins, nanoseconds of the machine's.
    Origin,
    /// For how long the loop may be silent, nanoseconds.
    Patience,
    /// For how long the robot goes without a stroke, nanoseconds.
    Stroke,
    /// When the loop ticked last, and whether its command had power.
    Beat,
    Powered,
    /// The loop's end: 1 in good order, 2 by a panic.
    End,
    /// When the guard stroked last; and whether it withholds.
    Stroked,
    Withheld,
    /// Whether the thread beside the loop withholds.
    Beside,
}

/// A page with its three ends.
#[derive(Clone, Debug)]
pub struct Watchdog(Arc<Page>);

impl Watchdog {
    /// A page that a process of its own can open; the loop may be silent for `patience_s`, seconds: the robot's
    /// tolerance for overruns.
    ///
    /// # Errors
    /// A [`Rejection`] when the operating system gives no memory to share, or for no time of patience.
    pub fn shared(clock: &MonotonicClock, patience_s: f64) -> Result<Self, Rejection> {
        Self::with(Page::shared()?, clock.origin_ns(), patience_s)
    }

    /// A page of this process alone, for virtual time.
    ///
    /// # Errors
    /// As [`Self::shared`].
    pub fn private(patience_s: f64) -> Result<Self, Rejection> {
        Self::with(Page::private(), 0, patience_s)
    }

    fn with(page: Page, origin_ns: i64, patience_s: f64) -> Result<Self, Rejection> {
        crate::config::range("watchdog.patience_s", patience_s, 0.001, 10.0)?;
        let page = Self(Arc::new(page));
        page.put(Word::Process, i64::from(std::process::id()));
        page.put(Word::Origin, origin_ns);
        page.put(Word::Patience, nanos(patience_s));
        page.put(Word::Stroke, nanos(STROKE_S));
        for word in [Word::Beat, Word::Stroked] {
            page.put(word, i64::MIN);
        }
        page.put(Word::Mark, MARK);
        Ok(page)
    }

    /// The robot goes without a stroke for `stroke_s`, seconds, instead of 5 ms.
    ///
    /// # Errors
    /// A [`Rejection`] for less than two looks of the guard, or more than ten seconds.
    pub fn with_stroke(self, stroke_s: f64) -> Result<Self, Rejection> {
        crate::config::range("watchdog.stroke_s", stroke_s, 0.001, 10.0)?;
        self.put(Word::Stroke, nanos(stroke_s));
        Ok(self)
    }

    /// The page of another process.
    ///
    /// # Errors
    /// A [`Rejection`] naming `watchdog.page` for what is none.
    pub fn open(path: &Path) -> Result<Self, Rejection> {
        let page = Self(Arc::new(Page::open(path)?));
        if page.get(Word::Mark) == MARK {
            return Ok(page);
        }
        let got = path.display().to_string();
        Err(Rejection::new("watchdog.page", "the page of a loop of this version", got))
    }

    /// Where another process finds the page; `None` for a private one.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.0.path()
    }

    /// The loop's end.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        Pulse(self.clone())
    }

    /// The guard's end.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    /// The robot's end.
    #[must_use]
    pub fn stroke(&self) -> Stroke {
        Stroke(self.clone())
    }

    fn word(&self, word: Word) -> &AtomicI64 {
        &self.0.words()[word as usize]
    }

    fn get(&self, word: Word) -> i64 {
        self.word(word).load(Ordering::Acquire)
    }

    fn put(&self, word: Word, value: i64) {
        self.word(word).store(value, Ordering::Release);
    }

    fn stroke_s(&self) -> f64 {
        self.get(Word::Stroke) as f64 * 1e-9
    }

    /// Seconds since an instant, nanoseconds; endless when there was none.
    pub(crate) fn age_s(at: i64, now: Time) -> f64 {
        match at {
            i64::MIN => f64::INFINITY,
            at => now.secs_since(Time::from_nanos(at)),
        }
    }
}

fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}

/// The loop's end: says in every tick that it lives.
///
/// # Real-time
/// Nothing but stores to memory.
#[derive(Clone, Debug)]
pub struct Pulse(Watchdog);

impl Pulse {
    /// A tick at `now` is done; its command had power, or not.
    pub(crate) fn beat(&self, now: Time, powered: bool) {
        self.0.put(Word::Powered, i64::from(powered));
        self.0.put(Word::Beat, now.as_nanos());
        self.0.put(Word::Beside, 0);
    }

    /// The loop ends: in good order, or by a panic.
    pub(crate) fn end(&self, in_order: bool) {
        self.0.put(Word::End, if in_order { 1 } else { 2 });
    }

    /// From beside the loop: no stroke counts before its next beat.
    pub(crate) fn withhold(&self) {
        self.0.put(Word::Beside, 1);
    }

    /// When the guard last stroked, nanoseconds.
    pub(crate) fn stroked(&self) -> i64 {
        self.0.get(Word::Stroked)
    }

    /// As if the guard had last stroked then, nanoseconds.
    pub(crate) fn set_stroked(&self, at: i64) {
        self.0.put(Word::Stroked, at);
    }

    /// For how long the robot goes without a stroke, seconds.
    pub(crate) fn stroke_s(&self) -> f64 {
        self.0.stroke_s()
    }
}

/// What the guard makes of the loop.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It lives, or gives no power that could be taken: the robot is stroked.
    Alive,
    /// It was silent for too long with power on (F26, F32): the robot brakes until it is heard again.
    Silent,
    /// It panicked (F32): the robot brakes for good.
    Died,
    /// It ended in good order.
    Ended,
}

/// The guard's end.
#[derive(Debug)]
pub struct Guard(Watchdog);

impl Guard {
    /// Looks at the loop, and strokes the robot or withholds.
    pub fn look(&self, now: Time) -> Verdict {
        let page = &self.0;
        let patience_s = page.get(Word::Patience) as f64 * 1e-9;
        let verdict = match page.get(Word::End) {
            0 if page.get(Word::Powered) != 0 && Watchdog::age_s(page.get(Word::Beat), now) > patience_s => {
                Verdict::Silent
            }
            0 => Verdict::Alive,
            1 => Verdict::Ended,
            _ => Verdict::Died,
        };
        if verdict == Verdict::Alive {
            page.put(Word::Stroked, now.as_nanos());
            page.put(Word::Withheld, 0);
        } else {
            page.put(Word::Withheld, 1);
        }
        verdict
    }

    /// Keeps guard in this thread until the loop has ended, or its process, which is this one or has started it, is gone;
    /// asks for real-time rights first, above the loop's.
    #[must_use]
    pub fn keep(self) -> RtRights {
        let rights = rt::acquire(RtWishes { fifo_priority: Some(90), lock_memory: true, cpu: None });
        let mut clock = MonotonicClock::from_origin(self.0.get(Word::Origin));
        // By what the page says: it may be gone before there is anything to keep.
        let process = self.0.get(Word::Process);
        let is_there = || {
            [std::process::id(), std::os::unix::process::parent_id()]
                .iter()
                .any(|id| i64::from(*id) == process)
        };
        let mut next = clock.now();
        let mut heard = next;
        loop {
            next = next + ROUND;
            clock.sleep_until(next);
            let now = clock.now();
            if self.look(now) == Verdict::Ended {
                return rights;
            }
            if Watchdog::age_s(self.0.get(Word::Beat), now) < LONELY_S {
                heard = now;
            } else if now.secs_since(heard) > LONELY_S {
                if !is_there() {
                    return rights;
                }
                heard = now;
            }
            next = next.max(now);
        }
    }
}

/// The robot's end: whether it may have power.
///
/// # Real-time
/// Nothing but loads from memory.
#[derive(Clone, Debug)]
pub struct Stroke(Watchdog);

impl Stroke {
    /// Whether the guard has stroked within 5 ms ([`Watchdog::with_stroke`]), and neither it nor the loop's own process
    /// withholds.
    #[must_use]
    pub fn permits(&self, now: Time) -> bool {
        let is_withheld = [Word::Withheld, Word::Beside].iter().any(|word| self.0.get(*word) != 0);
        !is_withheld && Watchdog::age_s(self.0.get(Word::Stroked), now) <= self.0.stroke_s()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: f64) -> Time {
        Time::from_secs_f64(1.0 + ms * 1e-3)
    }

    fn page() -> Watchdog {
        Watchdog::private(0.02).expect("patience")
    }

    #[test]
    fn a_robot_has_no_power_before_the_guard_has_looked_and_none_when_it_looks_no_more() {
        let page = page();
        let (guard, stroke) = (page.guard(), page.stroke());
        assert!(!stroke.permits(at(0.0)));
        assert_eq!(guard.look(at(0.0)), Verdict::Alive);
        assert!(stroke.permits(at(5.0)) && !stroke.permits(at(5.1)), "F33");
    }

    #[test]
    fn a_loop_that_panicked_is_seen_at_the_next_look_and_for_good() {
        let page = page();
        let (pulse, guard, stroke) = (page.pulse(), page.guard(), page.stroke());
        pulse.beat(at(0.0), true);
        assert_eq!(guard.look(at(0.2)), Verdict::Alive);
        pulse.end(false);
        assert_eq!(guard.look(at(0.7)), Verdict::Died);
        assert!(!stroke.permits(at(0.7)), "F32: at once, not only when the last stroke is old");
        pulse.beat(at(1.0), true);
        assert_eq!(guard.look(at(1.2)), Verdict::Died);
    }

    #[test]
    fn a_silent_loop_loses_power_until_it_is_heard_again_and_one_without_power_may_be_silent() {
        let page = page();
        let (pulse, guard, stroke) = (page.pulse(), page.guard(), page.stroke());
        pulse.beat(at(0.0), true);
        assert_eq!(guard.look(at(20.0)), Verdict::Alive);
        assert_eq!(guard.look(at(20.5)), Verdict::Silent);
        assert!(!stroke.permits(at(20.5)));
        pulse.beat(at(40.0), false);
        assert_eq!(guard.look(at(40.1)), Verdict::Alive);
        assert_eq!(guard.look(at(400.0)), Verdict::Alive);
        assert!(stroke.permits(at(400.0)));
        pulse.end(true);
        assert_eq!(guard.look(at(401.0)), Verdict::Ended);
        assert!(!stroke.permits(at(401.0)));
    }

    #[test]
    fn a_robot_goes_without_a_stroke_for_as_long_as_the_page_says() {
        let page = page().with_stroke(0.1).expect("a time");
        page.guard().look(at(0.0));
        assert!((page.pulse().stroke_s() - 0.1).abs() < 1e-9);
        assert!(page.stroke().permits(at(99.0)) && !page.stroke().permits(at(101.0)));
        for bad in [0.0, -1.0, f64::NAN, 11.0] {
            assert_eq!(page.clone().with_stroke(bad).expect_err("B15").field, "watchdog.stroke_s");
        }
    }

    #[test]
    fn no_patience_is_refused_by_name() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Watchdog::private(bad).expect_err("B15").field, "watchdog.patience_s");
        }
    }

    #[test]
    fn a_page_is_found_by_another_process_and_what_is_no_page_is_refused() {
        assert_eq!(page().path(), None, "of this process alone");
        let clock = MonotonicClock::new();
        let shared = Watchdog::shared(&clock, 0.02).expect("memory to share");
        let other = Watchdog::open(&shared.path().expect("to be found")).expect("a page");
        assert_eq!(other.guard().look(at(0.0)), Verdict::Alive);
        assert!(shared.stroke().permits(at(1.0)));
        let nothing = Watchdog(Arc::new(Page::shared().expect("memory to share")));
        let refused = Watchdog::open(&nothing.path().expect("to be found")).expect_err("nobody's page");
        assert_eq!(refused.field, "watchdog.page");
        assert!((Watchdog::age_s(shared.pulse().stroked(), at(3.0)) - 0.003).abs() < 1e-6);
        assert_eq!(Watchdog::age_s(page().pulse().stroked(), at(3.0)), f64::INFINITY);
    }

    #[test]
    fn a_guard_whose_loop_was_gone_before_it_began_ends() {
        let page = page();
        page.put(Word::Process, i64::MAX);
        let guard = page.guard();
        let thread = std::thread::spawn(move || guard.keep());
        let began = std::time::Instant::now();
        while !thread.is_finished() {
            assert!(began.elapsed() < Duration::from_secs(20), "it goes on for nobody");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_guard_goes_on_while_its_process_lives_and_ends_with_its_loop() {
        let page = page();
        let (pulse, stroke, guard) = (page.pulse(), page.stroke(), page.guard());
        let thread = std::thread::spawn(move || guard.keep());
        // Longer than it may be lonely.
        std::thread::sleep(Duration::from_millis(1200));
        assert!(!thread.is_finished(), "nobody has ended");
        assert_eq!(page.get(Word::Withheld), 0);
        assert!(page.get(Word::Stroked) > 0 && !stroke.permits(Time::from_nanos(i64::MAX)));
        pulse.end(true);
        assert!(thread.join().is_ok());
        assert_eq!(page.get(Word::Withheld), 1);
    }
}
