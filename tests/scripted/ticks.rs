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

/// The ticks of a recording, as far as it goes.
pub fn ticks_of(recording: &Path) -> Vec<ros::Tick> {
    let reader = Reader::open(recording).expect("a recording");
    let ticks = reader.filter(|m| m.info.topic == "/sinew/ticks");
    ticks.map(|m| m.read().expect("a tick")).collect()
}

/// A tick's time, seconds.
pub fn at_s(tick: &ros::Tick) -> f64 {
    Time::from(tick.stamp.clone()).as_secs_f64()
}

/// The fastest of the joints as they are told to go, rad/s.
pub fn told_speed(tick: &ros::Tick) -> f64 {
    tick.told_dq.iter().fold(0.0, |most, v| most.max(v.abs()))
}

/// What the Panda's joints may do, by its profile.
fn limits() -> [Vec<f64>; 3] {
    let profile: toml::Table = include_str!("../../assets/robots/panda.toml").parse().expect("a profile");
    ["velocity", "acceleration", "jerk"].map(|key| {
        let numbers = profile[key].as_array().expect("a list");
        numbers.iter().map(|n| n.as_float().expect("a number")).collect()
    })
}

/// From tick to tick what the arm is told leaps nowhere: position, speed and acceleration change by no more than the limits
/// of speed, acceleration and jerk let them; and an arm that gets power is told to be where it is (I2, I3). Returns how many
/// ticks had power.
pub fn assert_continuous(ticks: &[ros::Tick], period_s: f64) -> usize {
    let limits = limits();
    let mut powered = 0;
    for pair in ticks.windows(2) {
        let [before, now] = pair else { continue };
        if !now.enabled || now.tick != before.tick + 1 {
            continue;
        }
        powered += 1;
        if !before.enabled {
            let off = now.told_q.iter().zip(&now.q).map(|(t, q)| (t - q).abs()).fold(0.0, f64::max);
            assert!(off <= 1e-6, "tick {}: power where it is {off} rad off", now.tick);
            continue;
        }
        // A loop that is late makes one step of its own length at most, or up to as long as it was late.
        let dt = (at_s(now) - at_s(before)).max(period_s);
        let told = [
            (&before.told_q, &now.told_q),
            (&before.told_dq, &now.told_dq),
            (&before.told_ddq, &now.told_ddq),
        ];
        for (what, (most, (a, b))) in
            ["position", "speed", "acceleration"].iter().zip(limits.iter().zip(told))
        {
            for (joint, (most, (a, b))) in most.iter().zip(a.iter().zip(b)).enumerate() {
                let leap = (b - a).abs();
                assert!(
                    leap <= most * dt * 1.001 + 1e-9,
                    "tick {}, {}: the {what} of joint {joint} leaps by {leap} in {dt} s",
                    now.tick,
                    now.mode
                );
            }
        }
    }
    powered
}

/// Every order that the robot's gate passed on: its number, and the world that it was made for, in the robot's time.
pub fn orders_passed(recording: &Path) -> Vec<(u64, i64)> {
    let reader = Reader::open(recording).expect("a recording");
    let mut orders = Vec::new();
    for message in reader.filter(|m| m.info.topic == "/sinew/consumed") {
        let consumed: ros::Consumed = message.read().expect("lines");
        for noted in consumed.lines.lines().filter_map(|line| line.strip_prefix("passed ")) {
            let noted: serde_json::Value = serde_json::from_str(noted).expect("JSON");
            let Some(digits) = noted["request"]["Order"].as_str() else { continue };
            let byte = |k| u8::from_str_radix(&digits[k..k + 2], 16).expect("hexadecimal digits");
            let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            let order: ros::Order = ros::from_cdr(&bytes).expect("an order");
            orders.push((noted["id"].as_u64().expect("a number"), order.stamp));
        }
    }
    orders
}
