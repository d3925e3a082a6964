//! `robot.toml`: read, checked, and explained (B18).

// By its path, since a fuzz target takes this file in from elsewhere.
#[path = "config/walls.rs"]
pub(crate) mod walls;

use serde::{Deserialize, Serialize};
use std::path::Path;
use types::Rejection;

/// The full default configuration, every key commented.
pub(crate) const DEFAULT: &str = include_str!("../robot.toml");

/// A robot that is not stroked for so long brakes by itself, seconds (F33).
const STROKE_S: f64 = 0.005;

/// Why a configuration file is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
    #[error("{path}: {what}")]
    Toml { path: String, what: String },
    #[error("{path}:{line}: {rejection}")]
    Value { path: String, line: usize, rejection: Rejection },
    #[error("--with {change}: {what}")]
    Change { change: String, what: String },
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident : $ty:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $(pub(crate) $field: $ty),+ }

        impl $name {
            pub(crate) const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];
        }
    };
}

#[path = "config/explain.rs"]
mod explain;
#[path = "config/joy.rs"]
pub(crate) mod joy;

use explain::{explain, explain_value, full_suggestion, line_of};

section!(
    /// The whole of `robot.toml`.
    Config {
        robot: Robot,
        arm: Arm,
        perception: Perception,
        remote: Remote,
        hub: Hub,
        planner: Planner,
        control: Control,
        safety: Safety,
        sim: Sim,
        record: Record,
        zenoh: Zenoh,
        ros2: Ros2,
        joy: joy::Joy,
    }
);
section!(
    /// `[robot]`
    Robot { profile: String }
);
section!(
    /// `[arm]`
    Arm {
        kind: String,
        joint_states: String,
        controller: String,
        gripper: String,
        stream_hz: f64,
        lead_ms: f64,
        silent_ms: f64,
        efforts: bool,
        world: String,
        cameras: Vec<Eye>,
    }
);
section!(
    /// One of `[arm] cameras`.
    Eye { name: String, image: String, depth: String, info: String }
);
section!(
    /// `[perception]`
    Perception {
        weights: String,
        model: String,
        device: String,
        dtype: String,
        pictures_per_look: u32,
        answer_limit_s: f64,
    }
);
section!(
    /// `[remote]`
    Remote {
        url: String,
        model: String,
        key_env: String,
        pictures: bool,
        form: String,
        places: String,
        extra: String,
        limit_s: f64,
        retries: u32,
        budget_tokens: u64, budget_money: f64,
        prices: String,
        price: Vec<f64>,
    }
);
section!(
    /// `[hub]`
    Hub { url: String, key_env: String }
);
section!(
    /// `[planner]`
    Planner { speed: f64, clearance_m: f64, replans: u32, time_limit_s: f64, ik_limit_s: f64, judge: String }
);
section!(
    /// `[control]`
    Control { rate_hz: f64, lease_ms: f64, priority: i32, cpu: i32, self_test: bool, watchdog: String, in_step: String }
);
section!(
    /// `[safety]`
    Safety {
        keep_out_m: Vec<[f64; 6]>,
        keep_in_m: Vec<f64>,
        stop_line: String,
        tool_speed_m_s: f64,
        tool_force_n: f64,
        people: bool,
        people_keep_m: f64,
        people_speed_m_s: f64,
    }
);
section!(
    /// `[sim]`
    Sim { seed: u64, variation: f64, clock: bool }
);
section!(
    /// `[record]`
    Record { animation_hz: f64, mcap: bool, images: String, previews_hz: f64, most_mb: u64, most_s: f64, most_parts: u32 }
);

section!(
    /// `[zenoh]`
    Zenoh {
        robot: String,
        connect: Vec<String>,
        listen: Vec<String>,
        multicast: bool,
        direct: bool,
        keys: String,
        router: bool,
        status_hz: f64,
        pictures_hz: f64,
    }
);

section!(
    /// `[ros2]`
    Ros2 {
        carrier: String,
        domain: u16,
        node: String,
        namespace: String,
        rmw: String,
        router: Vec<String>,
        listen: Vec<String>,
        bridge: String,
        reach: Vec<String>,
        controller: String,
        gripper: String,
        moves: bool,
        joint_states_hz: f64,
    }
);

impl Default for Config {
    fn default() -> Self {
        Self::parse("", "robot.toml").expect("the built-in robot.toml is valid (tested)")
    }
}

impl Config {
    /// Reads `path`, laid over the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line, key, what was expected and what came.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    /// Parses `text`, laid over the defaults; `path` is for messages.
    pub(crate) fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let bad = |e: &toml::de::Error| ConfigError::Toml { path: path.into(), what: explain(e, text) };
        let given: toml::Table = toml::from_str(text).map_err(|e| bad(&e))?;
        let mut merged: toml::Table = toml::from_str(DEFAULT).map_err(|e| bad(&e))?;
        for (section, mut value) in given {
            // As it was said before there was an "auto".
            if section == "control"
                && let Some(word) = value.get_mut("watchdog")
                && let Some(is_on) = word.as_bool()
            {
                *word = if is_on { "on" } else { "off" }.into();
            }
            match (merged.get_mut(&section), value) {
                (Some(toml::Value::Table(base)), toml::Value::Table(over)) => base.extend(over),
                (_, value) => {
                    merged.insert(section, value);
                }
            }
        }
        let config: Self = merged.try_into().map_err(|e: toml::de::Error| ConfigError::Toml {
            path: path.into(),
            what: explain_value(&e, text),
        })?;
        config.check().map_err(|rejection| ConfigError::Value {
            path: path.into(),
            line: line_of(text, &rejection.field),
            rejection,
        })?;
        Ok(config)
    }

    /// With some values changed, each as `section.key=value`; what is no TOML counts as a text.
    ///
    /// # Errors
    /// [`ConfigError::Change`] naming the change, the key, what was expected and what came.
    pub(crate) fn with(&self, changes: &[String]) -> Result<Self, ConfigError> {
        let refuse = |change: &str, what: String| ConfigError::Change { change: change.to_owned(), what };
        let mut config = self.clone();
        for change in changes {
            let parts = change.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let parts = parts.and_then(|(key, value)| Some((key.split_once('.')?, value)));
            let ((named, key), value) = parts.ok_or_else(|| {
                let what = "expected SECTION.KEY=VALUE, as in planner.speed=0.3".to_owned();
                refuse(change, what)
            })?;
            let value = toml::from_str::<toml::Table>(&format!("value = {value}"))
                .ok()
                .filter(|table| table.len() == 1)
                .and_then(|mut table| table.remove("value"))
                .unwrap_or_else(|| toml::Value::String(value.to_owned()));
            let mut table = toml::Table::try_from(&config).map_err(|e| refuse(change, e.to_string()))?;
            let section = table.entry(named).or_insert_with(|| toml::Table::new().into());
            if let toml::Value::Table(section) = section {
                section.insert(key.to_owned(), value);
            }
            config = table.try_into().map_err(|e: toml::de::Error| {
                refuse(change, format!("{}{}", e.message(), full_suggestion(e.message(), named, key)))
            })?;
            config.check().map_err(|e| refuse(change, e.to_string()))?;
        }
        Ok(config)
    }

    /// How long the robot goes without a stroke of the watchdog's process, seconds; `None`: there is no such process.
    /// An arm at the end of a line goes on for longer anyway when it hears nothing.
    pub(crate) fn stroke_s(&self) -> Option<f64> {
        let of_line = || if self.arm.kind == "simulated" { STROKE_S } else { 1e-3 * self.arm.lead_ms };
        self.is_on(&self.control.watchdog).then(of_line)
    }

    /// "on", "off", or "auto": on for every arm but the simulated one.
    pub(crate) fn is_on(&self, word: &str) -> bool {
        word == "on" || (word == "auto" && self.arm.kind != "simulated")
    }

    /// The configuration as TOML, for the run's folder.
    pub(crate) fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), Rejection> {
        let ranges = [
            ("perception.pictures_per_look", f64::from(self.perception.pictures_per_look), 1.0, 10.0),
            ("perception.answer_limit_s", self.perception.answer_limit_s, 0.1, 600.0),
            ("remote.limit_s", self.remote.limit_s, 0.1, 600.0),
            ("remote.retries", f64::from(self.remote.retries), 0.0, 10.0),
            ("remote.budget_money", self.remote.budget_money, 0.0, 1e6),
            ("planner.speed", self.planner.speed, 0.05, 0.8),
            ("planner.clearance_m", self.planner.clearance_m, 0.002, 0.05),
            ("planner.replans", f64::from(self.planner.replans), 0.0, 20.0),
            ("planner.time_limit_s", self.planner.time_limit_s, 5.0, 3600.0),
            ("planner.ik_limit_s", self.planner.ik_limit_s, 0.0, 10.0),
            ("control.rate_hz", self.control.rate_hz, 100.0, 4000.0),
            ("control.lease_ms", self.control.lease_ms, 20.0, 1000.0),
            ("control.priority", f64::from(self.control.priority), 1.0, 98.0),
            ("control.cpu", f64::from(self.control.cpu), -1.0, 1023.0),
            ("safety.tool_speed_m_s", self.safety.tool_speed_m_s, 0.01, 10.0),
            ("safety.tool_force_n", self.safety.tool_force_n, 1.0, 10_000.0),
            ("safety.people_keep_m", self.safety.people_keep_m, 0.0, 1.0),
            ("safety.people_speed_m_s", self.safety.people_speed_m_s, 0.1, 4.0),
            ("sim.variation", self.sim.variation, 0.0, 1.0),
            ("record.animation_hz", self.record.animation_hz, 0.0, 20.0),
            ("record.previews_hz", self.record.previews_hz, 0.0, 5.0),
            ("record.most_mb", self.record.most_mb as f64, 1.0, 1e6),
            ("record.most_s", self.record.most_s, 1.0, 1e6),
            ("record.most_parts", f64::from(self.record.most_parts), 1.0, 1000.0),
            ("zenoh.status_hz", self.zenoh.status_hz, 10.0, 1000.0),
            ("zenoh.pictures_hz", self.zenoh.pictures_hz, 8.0, 60.0),
            ("arm.stream_hz", self.arm.stream_hz, 15.0, 500.0),
            ("arm.lead_ms", self.arm.lead_ms, 1.5e3 / self.arm.stream_hz, 100.0),
            ("arm.silent_ms", self.arm.silent_ms, 5.0, 1000.0),
            ("ros2.domain", f64::from(self.ros2.domain), 0.0, 232.0),
            ("ros2.joint_states_hz", self.ros2.joint_states_hz, 1.0, 500.0),
        ];
        for (field, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(Rejection::new(field, format!("{low} to {high}"), value.to_string()));
            }
        }
        let p = &self.perception;
        let dtypes: &[&str] = if p.device == "cuda" {
            &["f32", "f16", "bf16", "q8", "q4"]
        } else {
            &["f32", "f16", "q8", "q4"]
        };
        for (field, value, words) in [
            ("perception.device", &p.device, &["cpu", "cuda"][..]),
            ("perception.dtype", &p.dtype, dtypes),
            ("record.images", &self.record.images, &["used", "all", "none"]),
            ("control.watchdog", &self.control.watchdog, &["auto", "on", "off"]),
            ("control.in_step", &self.control.in_step, &["auto", "on", "off"]),
            ("planner.judge", &self.planner.judge, &["off", "on"]),
            ("remote.places", &self.remote.places, &["thousandths", "pixels"]),
            ("arm.kind", &self.arm.kind, &["simulated", "ros2"]),
            ("ros2.carrier", &self.ros2.carrier, &["dds", "native", "rmw_zenoh", "ros2dds"]),
            ("ros2.rmw", &self.ros2.rmw, &["fastrtps", "cyclonedds"]),
        ] {
            if !words.contains(&value.as_str()) {
                return Err(Rejection::new(field, words.join(" or "), value.clone()));
            }
        }
        let price = &self.remote.price;
        if !matches!(price.len(), 0 | 2) || !price.iter().all(|v| (0.0..=1e6).contains(v)) {
            let expected = "nothing, or what a million tokens of prompt and of answer cost, 0 to 1e6 each";
            return Err(Rejection::new("remote.price", expected, format!("{price:?}")));
        }
        self.joy.check(self.ros2.moves).and(self.safety.check())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(text, "my.toml").expect_err("B18").to_string()
    }

    #[test]
    fn the_built_in_configuration_is_valid_and_an_empty_file_changes_nothing() {
        let config = Config::parse(DEFAULT, "robot.toml").expect("valid");
        assert_eq!(config, Config::default());
        assert_eq!(Config::parse(&config.to_toml(), "again").expect("valid"), config);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
        let e = refused("[control]\nrate_hz = 500\nlease_mss = 100\n");
        assert!(
            e.contains("my.toml") && e.contains("line 3") && e.contains("did you mean `lease_ms`"),
            "{e}"
        );
        let e = refused("\n[contrl]\nrate_hz = 500\n");
        assert!(e.contains("line 2") && e.contains("did you mean `control`"), "{e}");
    }

    #[test]
    fn one_value_is_changed_by_its_key_and_what_is_no_key_or_no_value_is_refused_by_name() {
        let with = |changes: &[&str]| {
            Config::default().with(&changes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>())
        };
        let boxes = "safety.keep_out_m = [[0.0, 0.1, 0.0, 0.1, 0.0, 0.5]]";
        let texts = ["perception.weights=my/weights.safetensors", "remote.model=\"a = 1\""];
        let changed = with(&["planner.speed=0.3", boxes, "control.self_test=false", texts[0], texts[1]]);
        let changed = changed.expect("all of these are values");
        let default = Config::default();
        let control = Control { self_test: false, ..default.control.clone() };
        assert_eq!((changed.planner.speed, &changed.control), (0.3, &control));
        assert_eq!(changed.safety.keep_out_m, [[0.0, 0.1, 0.0, 0.1, 0.0, 0.5]]);
        assert_eq!(changed.perception.weights, "my/weights.safetensors");
        assert_eq!(changed.remote.model, "a = 1");
        assert_eq!((&changed.sim, &changed.record), (&default.sim, &default.record));
        for (change, wants) in [
            ("planner.sped=0.3", &["planner.sped=0.3", "did you mean `planner.speed`?"][..]),
            ("contrl.rate_hz=500", &["did you mean `control.rate_hz`?"]),
            ("filter.lease_ms=100", &["unknown field `filter`", "did you mean `control.lease_ms`?"]),
            ("planner.speed=quick", &["invalid type", "expected f64"]),
            ("planner.speed=3", &["planner.speed", "expected 0.05 to 0.8, got 3"]),
            ("planner.speed=nan", &["expected 0.05 to 0.8, got NaN"]),
            ("safety.keep_out_m=[[1.0]]", &["safety.keep_out_m=[[1.0]]", "invalid length"]),
            ("planner.judge=maybe", &["planner.judge: expected off or on, got maybe"]),
            ("perception.dtype=f8", &["perception.dtype: expected f32 or"]),
            ("planner.speed=0.3\nvalue2 = 1", &["expected f64"]),
            ("planner=1", &["expected SECTION.KEY=VALUE"]),
            ("planner.speed", &["expected SECTION.KEY=VALUE"]),
            ("", &["expected SECTION.KEY=VALUE"]),
        ] {
            let e = with(&["control.self_test=false", change]).expect_err(change).to_string();
            assert!(wants.iter().all(|w| e.contains(w)) && e.starts_with("--with "), "B18: {change}: {e}");
        }
    }

    #[test]
    fn a_wrong_type_a_duplicate_a_number_that_is_none_or_absurd_is_refused_by_name() {
        let e = refused("[control]\nrate_hz = \"fast\"\n");
        assert!(e.contains("line 2") && e.contains("rate_hz"), "{e}");
        let e = refused("[control]\nrate_hz = 500\nrate_hz = 600\n");
        assert!(e.contains("line 3") && e.contains("duplicate"), "{e}");
        for absurd in ["nan", "inf", "-1.0", "1e9"] {
            let e = refused(&format!("[planner]\n\nspeed = {absurd}\n"));
            assert!(e.contains("my.toml:3") && e.contains("planner.speed: expected 0.05 to 0.8"), "{e}");
        }
        assert!(refused("[robot").contains("line 1"));
        for absurd in
            ["0.2, 0.1, 0.0, 1.0, 0.0, 1.0", "0.0, 1.0, 0.0, nan, 0.0, 1.0", "0.0, 1.0, 0.0, 1.0, 0.0, 1e9"]
        {
            let e = refused(&format!("[safety]\nkeep_out_m = [[{absurd}]]\n"));
            assert!(e.contains("my.toml:2") && e.contains("safety.keep_out_m: expected boxes of"), "{e}");
        }
        assert!(refused("[safety]\nkeep_out_m = [[0.0, 1.0]]\n").contains("line 2"));
    }
}
