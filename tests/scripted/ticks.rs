//! What is in a recording, tick by tick.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use bridge::recording::Reader;
use bridge::ros;
use std::path::Path;
use types::Time;

/// In how many ticks of a recording the arm moved, and for how long, seconds, the owner of its motion had not been heard of
/// in any of them: since it was heard of last, or since the motion began.
pub fn silence_in_motion(recording: &Path) -> (usize, f64) {
    let reader = Reader::open(recording).expect("a recording");
    let (mut motion, mut began, mut moved, mut longest) = (0, Time::ZERO, 0, 0.0);
    for message in reader.filter(|m| m.info.topic == "/sinew/ticks") {
        let tick: ros::Tick = message.read().expect("a tick");
        let now: Time = tick.stamp.into();
        if tick.motion != motion {
            (motion, began) = (tick.motion, now);
        }
        if ["follow", "servo"].contains(&tick.mode.as_str()) {
            moved += 1;
            let heard = Time::from_nanos(tick.requests.alive[0]).max(began);
            longest = f64::max(longest, now.secs_since(heard));
        }
    }
    (moved, longest)
}

/// Every tick of a recording, as `sinew log export --to csv` has it: its time in seconds and its numbers by their columns' names.
pub struct Ticks {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Ticks {
    pub fn of(text: &str) -> Self {
        let mut lines = text.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
        Self { columns: lines.next().expect("a head"), rows: lines.collect() }
    }

    pub fn place(&self, column: &str) -> usize {
        self.columns.iter().position(|c| c == column).expect("a column")
    }

    /// The tick in the middle of the first motion in this mode, or of the last: its time and the motion.
    pub fn amid(&self, mode: &str, is_last: bool) -> (String, String) {
        let (of_mode, motion) = (self.place("mode"), self.place("motion"));
        let mut rows = self.rows.iter().filter(|r| r[of_mode] == mode);
        let id = if is_last { rows.next_back() } else { rows.next() }.expect("a tick")[motion].clone();
        let rows: Vec<_> = self.rows.iter().filter(|r| r[of_mode] == mode && r[motion] == id).collect();
        (rows[rows.len() / 2][0].clone(), id)
    }

    /// The number in single precision of the newest tick at this time.
    pub fn at(&self, ns: i64, column: &str) -> f64 {
        let time = |r: &Vec<String>| (r[0].parse::<f64>().expect("a time") * 1e9).round() as i64;
        let n = self.rows.partition_point(|r| time(r) <= ns);
        f64::from(self.rows[n - 1][self.place(column)].parse::<f64>().expect("a number") as f32)
    }
}
