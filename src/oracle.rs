//! Models for tests alone: one that knows the simulator's truth, and ones that answer garbage.

use crate::config::Config;
use crate::log::{Log, Screen};
use crate::runner::{self, Outcome};
use crate::session::Pace;
use crate::suite::episode::Episode;
use sim::Rig;
use types::language::Utterance;
use types::seams::{Answer, Budget, ModelError, VisionLanguageModel};
use types::{Detection, Image};

/// Sees every object where it truly is, and understands what it was told beforehand.
pub(crate) struct Oracle {
    pub(crate) rig: Rig,
    pub(crate) utterance: Utterance,
}

impl VisionLanguageModel for Oracle {
    fn identity(&self) -> String {
        "the simulator's truth, for tests".into()
    }

    fn answer(&mut self, image: Option<&Image>, _: &str, _: Budget<'_>) -> Result<Answer, ModelError> {
        let detections = image.map(|i| self.detections(i)).unwrap_or_default();
        Ok(Answer { detections, utterance: self.utterance.clone(), confidence: 1.0 })
    }
}

fn certain<const N: usize>(i: usize) -> [f32; N] {
    core::array::from_fn(|k| if k == i { 1.0 } else { 0.0 })
}

impl Oracle {
    fn detections(&self, image: &Image) -> Vec<Detection> {
        let optical_from_world = image.world_from_optical.inverse();
        let (w, h) = image.size();
        let truth = self.rig.truth();
        let mut out = Vec::new();
        for o in &truth.objects {
            let half = 0.5 * o.spec.dimensions();
            let mut px = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
            for corner in 0..8 {
                let sign = |bit: usize| if corner >> bit & 1 == 1 { 1.0 } else { -1.0 };
                let p = nalgebra::Point3::new(half.x * sign(0), half.y * sign(1), half.z * sign(2));
                let Some((u, v)) =
                    image.intrinsics.project(optical_from_world.point(o.world_from_object * p))
                else {
                    continue;
                };
                px = [px[0].min(u), px[1].min(v), px[2].max(u), px[3].max(v)];
            }
            let center = image.intrinsics.project(optical_from_world.point(o.center()));
            let Some((u, v)) =
                center.filter(|(u, v)| (0.0..w as f64).contains(u) && (0.0..h as f64).contains(v))
            else {
                continue;
            };
            out.push(Detection {
                score: 0.99,
                box_px: [
                    px[0].max(0.0) as f32,
                    px[1].max(0.0) as f32,
                    px[2].min(w as f64) as f32,
                    px[3].min(h as f64) as f32,
                ],
                point_px: [u as f32, v as f32],
                color: certain(o.spec.color.index()),
                shape: certain(o.spec.shape.index()),
                size: certain(o.spec.size.index()),
            });
        }
        out
    }
}

/// Answers by a script, over and over (F45).
struct Scripted(Vec<Result<Answer, ModelError>>, usize);

impl VisionLanguageModel for Scripted {
    fn identity(&self) -> String {
        "scripted, for tests".into()
    }

    fn answer(&mut self, _: Option<&Image>, _: &str, _: Budget<'_>) -> Result<Answer, ModelError> {
        self.1 += 1;
        self.0[self.1 % self.0.len()].clone()
    }
}

/// Runs an episode of the suite with the oracle in place of the model.
fn with_oracle(episode: &Episode, utterance: &Utterance) -> Outcome {
    let mut config = Config::default();
    config.record.animation_hz = 0.0;
    let arm = crate::robots::load("panda").expect("built in");
    // To look at what happened: SINEW_ORACLE_OUT=DIR.
    let out = std::env::var_os("SINEW_ORACLE_OUT").map(std::path::PathBuf::from);
    let folder = out.and_then(|o| bridge::RunFolder::create(&o.join(episode.seed.to_string())).ok());
    let log = Log::new(Screen::Silent, folder);
    let make = |rig: Option<&Rig>| -> Result<Box<dyn VisionLanguageModel>, crate::session::StartError> {
        let rig = rig.expect("the simulated world");
        Ok(Box::new(Oracle { rig: rig.clone(), utterance: utterance.clone() }))
    };
    runner::run_with(&config, &arm, episode, Pace::Lockstep, log, false, &make).expect("it starts")
}

mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::suite::{self, families::FAMILIES};

    #[test]
    fn with_true_sight_every_family_is_done_and_no_tick_breaks_an_invariant() {
        let per_family: usize =
            std::env::var("SINEW_ORACLE_EPISODES").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
        let (mut good, mut failed) = (0, Vec::new());
        for i in 0..per_family * FAMILIES.len() {
            let (episode, tasks) = suite::drawn(i, 41, None).expect("an episode");
            let outcome = with_oracle(&episode, &Utterance::Instruct(tasks));
            assert_eq!(outcome.broken, "", "{} seed {}", episode.family, episode.seed);
            if outcome.as_expected {
                good += 1;
            } else {
                let why = format!("{:?} {} | {}", outcome.exit, outcome.said, outcome.against);
                failed.push(format!("{} {}: {:?}: {why}", i, episode.family, episode.sentence));
            }
        }
        let n = good + failed.len();
        println!("{good} of {n}\n{failed:#?}");
        assert!(good * 100 >= 75 * n, "{failed:#?}");
    }

    #[test]
    fn a_model_that_answers_garbage_or_nothing_ends_in_a_question_with_no_motion() {
        let (episode, _) = suite::drawn(0, 41, None).expect("an episode");
        let arm = crate::robots::load("panda").expect("built in");
        let mut config = Config::default();
        config.record.animation_hz = 0.0;
        let detection = Detection {
            score: f32::NAN,
            box_px: [f32::NAN, -1e30, f32::INFINITY, 1e30],
            point_px: [f32::NAN; 2],
            color: [f32::NAN; 8],
            shape: [0.0; 6],
            size: [-1.0; 2],
        };
        let garbage = Answer {
            detections: vec![detection; 1000],
            utterance: Utterance::Instruct(vec![types::language::Task::Pick(
                types::language::Referent::the(),
            )]),
            confidence: f32::NAN,
        };
        let late = Err(ModelError::Timeout(core::time::Duration::from_secs(1)));
        let unusable = Err(ModelError::Unusable("…".into()));
        let empty = Answer { detections: vec![], utterance: Utterance::Empty, confidence: 0.0 };
        for script in [vec![Ok(garbage)], vec![late.clone()], vec![unusable, late], vec![Ok(empty)]] {
            let make = |_: Option<&Rig>| -> Result<Box<dyn VisionLanguageModel>, crate::session::StartError> {
                Ok(Box::new(Scripted(script.clone(), 0)))
            };
            let log = Log::new(Screen::Silent, None);
            let o =
                runner::run_with(&config, &arm, &episode, Pace::Lockstep, log, false, &make).expect("starts");
            assert!(
                matches!(o.exit, Exit::Question | Exit::Refused | Exit::Failed),
                "F45: {:?} {}",
                o.exit,
                o.said
            );
            assert_eq!(o.motions, 0, "F45: {}", o.said);
            assert!(o.fastest < 1e-9, "F45");
        }
    }
}
