//! A stick of ROS 2's with which a person steers: what its axes and buttons are for.

use serde::{Deserialize, Serialize};
use types::Rejection;

/// No stick has more axes, nor buttons.
const MOST: i32 = 64;
/// Of a twist: along x, y, z and about them.
const PARTS: usize = 6;

section!(
    /// `[joy]`
    Joy {
        steers: bool,
        topic: String,
        enable: i32,
        stop: i32,
        open: i32,
        close: i32,
        axes: Vec<i32>,
        reversed: Vec<i32>,
        frame: String,
        linear_m_s: f64,
        angular_rad_s: f64,
        dead_zone: f64,
        silent_ms: f64,
    }
);

/// Refuses one that stands twice; none may stand as often as it likes.
fn each_once(field: &'static str, all: &[i32]) -> Result<(), Rejection> {
    let mut sorted: Vec<i32> = all.iter().copied().filter(|k| *k >= 0).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Rejection::new(field, "one that stands for nothing else", pair[0].to_string())),
        None => Ok(()),
    }
}

impl Joy {
    /// Refuses what is no stick, by its key; `moves` says whether ROS 2 may move the robot at all.
    pub(super) fn check(&self, moves: bool) -> Result<(), Rejection> {
        if self.steers && !moves {
            return Err(Rejection::new("joy.steers", "false, or ros2.moves = true", "true"));
        }
        for (field, value, least) in [
            ("joy.enable", self.enable, 0),
            ("joy.stop", self.stop, 0),
            ("joy.open", self.open, -1),
            ("joy.close", self.close, -1),
        ] {
            if !(least..MOST).contains(&value) {
                return Err(Rejection::new(field, format!("{least} to {}", MOST - 1), value.to_string()));
            }
        }
        // The one that comes later is the one that is refused.
        for (field, upto) in [("joy.stop", 2), ("joy.open", 3), ("joy.close", 4)] {
            each_once(field, &[self.enable, self.stop, self.open, self.close][..upto])?;
        }
        let (axes, within) = (&self.axes, |k: &i32| (-1..MOST).contains(k));
        if axes.len() != PARTS || !axes.iter().all(within) || axes.iter().all(|k| *k < 0) {
            let expected = format!("six of -1 to {}, one of them an axis at least", MOST - 1);
            return Err(Rejection::new("joy.axes", expected, format!("{axes:?}")));
        }
        each_once("joy.axes", axes)?;
        if let Some(k) = self.reversed.iter().find(|k| **k < 0 || !axes.contains(k)) {
            return Err(Rejection::new("joy.reversed", format!("axes of {axes:?}"), k.to_string()));
        }
        for (field, value, low, high) in [
            ("joy.linear_m_s", self.linear_m_s, 0.001, 1.0),
            ("joy.angular_rad_s", self.angular_rad_s, 0.001, 3.0),
            ("joy.dead_zone", self.dead_zone, 0.01, 0.9),
            ("joy.silent_ms", self.silent_ms, 20.0, 100.0),
        ] {
            if !(low..=high).contains(&value) {
                return Err(Rejection::new(field, format!("{low} to {high}"), value.to_string()));
            }
        }
        if !["world", "tool"].contains(&self.frame.as_str()) {
            return Err(Rejection::new("joy.frame", "world or tool", self.frame.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_stick_is_off_unless_it_is_wanted_and_what_is_none_is_refused_by_its_key() {
        let with = |lines: &str| Config::parse(lines, "my.toml");
        assert!(!Config::default().joy.steers);
        assert!(with("[ros2]\nmoves = true\n[joy]\nsteers = true\n").expect("wanted").joy.steers);
        for (line, says) in [
            ("steers = true", "joy.steers: expected false, or ros2.moves = true"),
            ("enable = -1", "joy.enable: expected 0 to 63, got -1"),
            ("stop = 64", "joy.stop: expected 0 to 63, got 64"),
            ("stop = 5", "joy.stop: expected one that stands for nothing else, got 5"),
            ("close = 1", "joy.close: expected one that stands for nothing else, got 1"),
            ("axes = [0, 1, 2]", "joy.axes: expected six of"),
            ("axes = [-1, -1, -1, -1, -1, -1]", "joy.axes: expected six of"),
            ("axes = [0, 1, 64, -1, -1, -1]", "joy.axes: expected six of"),
            ("axes = [0, 1, 0, -1, -1, -1]", "joy.axes: expected one that stands for nothing else, got 0"),
            ("reversed = [2]", "joy.reversed: expected axes of [1, 0, 4, -1, -1, 3], got 2"),
            ("reversed = [-1]", "joy.reversed"),
            ("linear_m_s = 1.5", "joy.linear_m_s: expected 0.001 to 1"),
            ("angular_rad_s = nan", "joy.angular_rad_s: expected 0.001 to 3, got NaN"),
            ("dead_zone = 0.0", "joy.dead_zone: expected 0.01 to 0.9"),
            ("silent_ms = 500.0", "joy.silent_ms: expected 20 to 100"),
            ("frame = \"base\"", "joy.frame: expected world or tool, got base"),
            ("enabel = 3", "did you mean `enable`"),
        ] {
            let why = with(&format!("[joy]\n\n{line}\n")).expect_err(line).to_string();
            assert!(why.contains("my.toml") && why.contains(says), "B18: {line}: {why}");
        }
    }
}
