//! Where frames are in one another, as `/tf` and `/tf_static` tell.

use super::{TfMessage, Transform};
use nalgebra::Isometry3;
use std::collections::{HashMap, VecDeque};
use types::{Rejection, Time};

/// So many frames are known at most, and so many places of each that moves.
const FRAMES: usize = 512;
const PLACES: usize = 256;
/// A frame is at most so many frames away from the one that it is looked for in.
const DEEPEST: usize = 64;
/// A frame that moves is where it was told within so long, seconds.
const NEAR_S: f64 = 0.1;
/// Whoever tells of a time that is longer ago than this, seconds, has another clock now: what was told before is forgotten.
const BACK_S: f64 = 1.0;

/// A frame in the one above it.
struct Frame {
    above: String,
    /// When it was where; one that rests was always there.
    places: VecDeque<(Time, Isometry3<f64>)>,
    rests: bool,
}

/// See the head of this file.
#[derive(Default)]
pub struct Frames {
    known: HashMap<String, Frame>,
}

impl Frames {
    /// Takes in what was told, of frames that rest (`/tf_static`) or move. What is no place is passed over, and frames
    /// beyond 512.
    pub fn hear(&mut self, message: TfMessage, rests: bool) {
        for told in message.transforms {
            let Ok(place) = told.transform.typed::<(), ()>() else { continue };
            let is_known = self.known.contains_key(&told.child_frame_id);
            if !is_known && self.known.len() >= FRAMES {
                continue;
            }
            let above = told.header.frame_id;
            let stamp: Time = told.header.stamp.into();
            let frame = self.known.entry(told.child_frame_id).or_insert_with(|| Frame {
                above: above.clone(),
                places: VecDeque::new(),
                rests,
            });
            if frame.above != above || frame.rests != rests {
                frame.places.clear();
                (frame.above, frame.rests) = (above, rests);
            }
            if rests {
                frame.places.clear();
            }
            if frame.places.back().is_some_and(|(last, _)| last.secs_since(stamp) > BACK_S) {
                frame.places.clear();
            }
            // What was told out of turn, or twice, is let go.
            if frame.places.back().is_none_or(|(last, _)| *last < stamp) {
                if frame.places.len() == PLACES {
                    frame.places.pop_front();
                }
                frame.places.push_back((stamp, *place.isometry()));
            }
        }
    }

    /// Where `frame` was in `root` at `stamp`, which is of the tellers' clock; unless it `is_late`, a frame that moves has
    /// to have been told of since.
    ///
    /// # Errors
    /// A [`Rejection`] naming `frame` where the way to `root` is not known, or where a frame on it was not within 0.1 s.
    pub fn place(&self, root: &str, frame: &str, stamp: Time, is_late: bool) -> Result<Transform, Rejection> {
        let mut root_from = Isometry3::identity();
        let mut at = frame;
        for _ in 0..DEEPEST {
            if at == root {
                return Ok((&types::Transform::<(), ()>::from_isometry(root_from)).into());
            }
            let Some(known) = self.known.get(at) else { break };
            let Some(here) = known.at(stamp, is_late) else {
                let newest = known.places.back().map_or(0.0, |(last, _)| last.secs_since(stamp));
                let got = format!("{at:?} told {newest:+.3} s after it");
                return Err(Rejection::new("frame", format!("a place within {NEAR_S} s"), got));
            };
            root_from = here * root_from;
            at = &known.above;
        }
        let expected = format!("a way from {frame:?} to {root:?} in /tf and /tf_static");
        Err(Rejection::new("frame", expected, format!("one that ends at {at:?}")))
    }
}

impl Frame {
    fn at(&self, stamp: Time, is_late: bool) -> Option<Isometry3<f64>> {
        if self.rests {
            return self.places.back().map(|(_, place)| *place);
        }
        let behind = self.places.partition_point(|(told, _)| *told < stamp);
        let before = behind.checked_sub(1).and_then(|i| self.places.get(i));
        let (near, here) = match (before, self.places.get(behind)) {
            (Some((t0, a)), Some((t1, b))) => {
                let part = stamp.secs_since(*t0) / t1.secs_since(*t0);
                let near = stamp.secs_since(*t0).min(t1.secs_since(stamp));
                (near, a.try_lerp_slerp(b, part, 1e-9).unwrap_or(*a))
            }
            (Some((told, here)), None) | (None, Some((told, here))) => (told.secs_since(stamp).abs(), *here),
            (None, None) => return None,
        };
        if behind == self.places.len() && !is_late {
            return None;
        }
        (near <= NEAR_S).then_some(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::{Header, Quaternion, TransformStamped, Vector3};

    fn told(above: &str, frame: &str, ms: i64, x: f64, turn: f64) -> TfMessage {
        let header = Header { stamp: Time::from_nanos(ms * 1_000_000).into(), frame_id: above.into() };
        let rotation = Quaternion { x: 0.0, y: 0.0, z: (0.5 * turn).sin(), w: (0.5 * turn).cos() };
        let transform = Transform { translation: Vector3 { x, y: 0.0, z: 0.0 }, rotation };
        TfMessage { transforms: vec![TransformStamped { header, child_frame_id: frame.into(), transform }] }
    }

    fn at(frames: &Frames, ms: i64) -> Result<[f64; 2], String> {
        let place = frames.place("world", "eye", Time::from_nanos(ms * 1_000_000), true);
        place.map(|p| [p.translation.x, p.translation.y]).map_err(|e| e.to_string())
    }

    #[test]
    fn a_frame_is_found_through_those_above_it_where_it_was_at_that_time() {
        let mut frames = Frames::default();
        frames.hear(told("hand", "eye", 0, 0.1, 0.0), true);
        for k in 0..10 {
            // A quarter of a turn every 50 ms while it moves by a metre.
            let turn = core::f64::consts::FRAC_PI_2 * f64::from(k);
            frames.hear(told("world", "hand", 1000 + 50 * i64::from(k), f64::from(k), turn), false);
        }
        let near = |found: Result<[f64; 2], String>, x: f64, y: f64| {
            let [fx, fy] = found.expect("known");
            assert!((fx - x).abs() < 1e-9 && (fy - y).abs() < 1e-9, "({fx}, {fy})");
        };
        near(at(&frames, 1000), 0.1, 0.0);
        near(at(&frames, 1050), 1.0, 0.1);
        let half = 0.1 * core::f64::consts::FRAC_1_SQRT_2;
        near(at(&frames, 1075), 1.5 - half, half);
        near(at(&frames, 1500), 9.0, 0.1);
        let newest = Time::from_nanos(1_500_000_000);
        assert!(frames.place("world", "eye", newest, false).is_err(), "a newer place is about to come");
        // Its clock is put back: what it tells then counts.
        frames.hear(told("world", "tool", 9_000_000, 1.0, 0.0), false);
        frames.hear(told("world", "tool", 2000, 2.0, 0.0), false);
        let tool = frames.place("world", "tool", Time::from_nanos(2_000_000_000), true).expect("anew");
        assert_eq!(tool.translation.x, 2.0);
        assert!(at(&frames, 1600).expect_err("too late").contains("within 0.1 s"));
        assert!(at(&frames, 800).expect_err("too early").contains("within 0.1 s"));
    }

    #[test]
    fn a_way_that_is_not_known_or_goes_round_is_refused_and_nothing_grows_without_end() {
        let mut frames = Frames::default();
        assert!(at(&frames, 0).expect_err("nothing is known").contains("\"eye\" to \"world\""));
        frames.hear(told("hand", "eye", 0, 0.1, 0.0), true);
        frames.hear(told("eye", "hand", 0, 0.1, 0.0), true);
        assert!(at(&frames, 0).is_err(), "it goes round");
        frames.hear(told("world", "hand", 0, 1.0, 0.0), true);
        assert_eq!(at(&frames, 12_345), Ok([1.1, 0.0]), "it hangs on another now");
        frames.hear(told("world", "hand", 10, f64::NAN, 0.0), true);
        assert_eq!(at(&frames, 12_345), Ok([1.1, 0.0]), "what is no place changes nothing");
        for k in 0..5000 {
            frames.hear(told("world", &format!("f{k}"), 0, 0.0, 0.0), true);
            frames.hear(told("world", "moves", i64::from(k), 0.0, 0.0), false);
        }
        assert_eq!(frames.known.len(), FRAMES);
        assert!(frames.known["moves"].places.len() <= PLACES);
    }
}
