//! Scenario files: a world, a sentence and what shall come of it, as TOML that a user writes as easily
//! as we do.

use super::episode::{Episode, Expect};
use super::predicate::Predicate;
use crate::config::ConfigError;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sim::{Appearance, FaultSpec, HandSpec, ObjectSpec, SceneRules, SceneSpec};
use std::path::Path;
use types::Rejection;

/// A scenario file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What the person says; with several, an episode draws one.
    #[serde(default)]
    pub(crate) sentence: Vec<String>,
    /// The robot, if not the configured one.
    #[serde(default)]
    pub(crate) robot: Option<String>,
    /// What the person answers when asked.
    #[serde(default)]
    pub(crate) answers: Vec<String>,
    /// How it shall end.
    #[serde(default)]
    pub(crate) expect: Expect,
    /// What shall hold in the end.
    #[serde(default)]
    pub(crate) success: Vec<Predicate>,
    /// Part of the expected answer to a question.
    #[serde(default)]
    pub(crate) answer: Option<String>,
    /// Longest time, seconds of the robot's time.
    #[serde(default)]
    pub(crate) time_limit_s: Option<f64>,
    /// Objects at fixed places.
    #[serde(default)]
    pub(crate) object: Vec<ObjectSpec>,
    /// Objects laid at random, by rule; used when there are no fixed ones.
    #[serde(default)]
    pub(crate) random: Option<SceneRules>,
    /// What breaks, and when.
    #[serde(default)]
    pub(crate) fault: Vec<FaultSpec>,
    /// Whose hands reach over the table, and when.
    #[serde(default)]
    pub(crate) hand: Vec<HandSpec>,
    /// How it looks; absent: by `sim.variation` and the seed.
    #[serde(default)]
    pub(crate) look: Option<Appearance>,
}

impl Scenario {
    /// Reads and checks a scenario file.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line or key, what was expected and what came.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    /// As [`Scenario::read`], from text.
    pub(crate) fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let scenario: Self = toml::from_str(text).map_err(|e| ConfigError::Toml {
            path: path.into(),
            what: e.to_string().trim_end().replace('\n', "\n  "),
        })?;
        scenario.check().map_err(|e| ConfigError::Toml { path: path.into(), what: e.to_string() })?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), Rejection> {
        if self.object.is_empty() == self.random.is_none() {
            return Err(Rejection::new(
                "scenario",
                "either [[object]] entries or one [random] table",
                if self.object.is_empty() { "neither" } else { "both" },
            ));
        }
        self.scene_of(self.object.clone()).check()?;
        for fault in &self.fault {
            fault.check()?;
        }
        if let Some(t) = self.time_limit_s {
            Rejection::positive("time_limit_s", t)?;
        }
        if self.random.is_none() {
            for name in self.success.iter().flat_map(Predicate::names) {
                if !self.object.iter().any(|o| o.name == name) {
                    return Err(Rejection::new("success", "names of objects of this scene", name.to_owned()));
                }
            }
        }
        Ok(())
    }

    fn scene_of(&self, objects: Vec<ObjectSpec>) -> SceneSpec {
        let look = self.look.clone().unwrap_or_default();
        SceneSpec { objects, look, hands: self.hand.clone() }
    }

    /// The episode of this seed; `sentence` overrides the file's.
    ///
    /// # Errors
    /// A [`Rejection`] when the objects find no room, or there is no sentence.
    pub(crate) fn episode(&self, seed: u64, sentence: Option<&str>) -> Result<Episode, Rejection> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5ce7_a210);
        let mut scene = match &self.random {
            Some(rules) => SceneSpec::random(rules, &mut rng)
                .map_err(|e| Rejection::new("random", "room for every object", e.to_string()))?,
            None => self.scene_of(self.object.clone()),
        };
        if let Some(look) = &self.look {
            scene.look = look.clone();
        }
        scene.hands.clone_from(&self.hand);
        let drawn = match self.sentence.len() {
            0 => None,
            n => Some(self.sentence[rand::Rng::random_range(&mut rng, 0..n)].as_str()),
        };
        let sentence = sentence.or(drawn).ok_or_else(|| {
            Rejection::new("sentence", "a sentence on the command line or in the scenario", "none")
        })?;
        Ok(Episode {
            family: "scenario".into(),
            seed,
            scene,
            sentence: sentence.to_owned(),
            answers: self.answers.clone(),
            expect: self.expect,
            success: self.success.clone(),
            answer: self.answer.clone(),
            faults: self.fault.clone(),
            time_limit_s: self.time_limit_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        sentence = ["put the cube in the bowl"]
        success = ["cube in bowl"]
        [[object]]
        name = "cube"
        shape = "cube"
        size = "small"
        color = "red"
        position_m = [0.5, 0.1]
        [[object]]
        name = "bowl"
        shape = "bowl"
        size = "large"
        color = "blue"
        position_m = [0.5, -0.1]
    "#;

    #[test]
    fn a_scenario_file_is_read_and_a_wrong_word_in_it_is_refused_by_line() {
        let s = Scenario::parse(GOOD, "a.toml").expect("valid");
        assert_eq!(s.episode(1, None).expect("episode").sentence, "put the cube in the bowl");
        assert_eq!(s.episode(1, Some("look")).expect("episode").sentence, "look");
        for (from, to, hint) in [
            ("\"cube in bowl\"", "\"cube inn bowl\"", "success"),
            ("\"cube in bowl\"", "\"cube in sink\"", "sink"),
            ("\"red\"", "\"pink\"", "line 8"),
            ("[0.5, 0.1]", "[nan, 0.1]", "position_m"),
            ("sentence", "sentense", "line 2"),
        ] {
            let e = Scenario::parse(&GOOD.replacen(from, to, 1), "a.toml").expect_err(to).to_string();
            assert!(e.contains("a.toml") && e.contains(hint), "{e}");
        }
    }
}
