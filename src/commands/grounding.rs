//! `sinew eval grounding` and `sinew eval wordings`: the model against held-out pictures and against
//! sentences that were written before it was trained.

use super::{CommandError, Setting};
use crate::exit::Exit;
use crate::session;
use crate::suite::stats::wilson;
use core::time::Duration;
use perception::language::grammar::{self, Split};
use perception::model::BuiltinModel;
use perception::tracker::Tracker;
use planner::Resolved;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::samples::{Options, Sample, Samples};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use types::language::{Quantity, Question, Referent, Relation, Utterance};
use types::seams::{Budget, VisionLanguageModel};
use types::{ObjectId, Scene, TrackedObject};

/// Far from every seed of training: these pictures were never learned from.
const HELD_OUT: u64 = 0x0b5e_55ed_0000_0000;
/// The wordings that were frozen before training.
const WORDINGS: &str = include_str!("../../tests/wordings.tsv");

/// Right answers by kind of question.
#[derive(Default)]
struct Tally(BTreeMap<String, (usize, usize)>);

impl Tally {
    fn add(&mut self, kind: &str, right: bool) {
        let (good, n) = self.0.entry(kind.to_owned()).or_default();
        *good += usize::from(right);
        *n += 1;
    }

    fn print(&self) {
        for (kind, (good, n)) in &self.0 {
            let (lo, hi) = wilson(*good, *n);
            let rate = 100.0 * *good as f64 / (*n).max(1) as f64;
            println!(
                "{kind:<28} {rate:5.1} % ({good}/{n}), 95 % interval {:.1}–{:.1}",
                100.0 * lo,
                100.0 * hi
            );
        }
    }
}

/// Points, yes or no, and counts over `pictures` held-out pictures.
pub(crate) fn run(pictures: usize, setting: &Setting) -> Result<Exit, CommandError> {
    let mut model = session::model(&setting.config)?;
    let config = session::planner_config(&setting.config, setting.seed);
    let arms = vec![crate::robots::load("panda")?, crate::robots::load("so101")?];
    let mut samples = Samples::new(arms, HELD_OUT ^ setting.seed, Options::default())?;
    let mut rng = ChaCha8Rng::seed_from_u64(HELD_OUT ^ setting.seed);
    let mut tally = Tally::default();
    for i in 0..pictures {
        let sample = samples.sample(i as u64)?;
        let truth = true_scene(&sample);
        let seen = perceive(&mut model, &sample)?;
        found(&sample, &truth, &seen, &mut tally);
        let mut ask = |referent: Referent, kind: &'static str| -> Result<(), CommandError> {
            let Resolved::One(meant) = planner::resolve(&referent, &truth, &config) else { return Ok(()) };
            let sentence = grammar::word(&Utterance::Ask(Question::Where(referent)), Split::Suite, &mut rng);
            let pointed = match read(&mut model, &sentence)? {
                Utterance::Ask(Question::Where(r)) => match planner::resolve(&r, &seen, &config) {
                    Resolved::One(id) => seen.get(id).and_then(|o| label_at(&sample, o)),
                    _ => None,
                },
                _ => None,
            };
            tally.add(kind, pointed == Some(meant));
            Ok(())
        };
        for (j, o) in truth.objects.iter().enumerate().take(4) {
            ask(attributes(o), "point, attributes")?;
            for (k, other) in truth.objects.iter().enumerate().filter(|(k, _)| *k != j).take(4) {
                let relation = Relation::ALL[(i + j + k) % Relation::ALL.len()];
                if planner::relations::holds(o, relation, other) {
                    let mut phrase = attributes(o);
                    // The relation must tell something: without a colour there are more of its kind.
                    phrase.color = None;
                    phrase.relation = Some((relation, Box::new(attributes(other))));
                    ask(phrase, "point, one relation")?;
                }
            }
        }
        for question in questions(&truth, &mut rng) {
            let kind = if matches!(question, Question::Count(_)) { "count" } else { "yes or no" };
            let wanted = planner::answer(&question, &truth, &config);
            let sentence = grammar::word(&Utterance::Ask(question), Split::Suite, &mut rng);
            let got = match read(&mut model, &sentence)? {
                Utterance::Ask(q) => planner::answer(&q, &seen, &config),
                _ => types::plan::Outcome::Refuse(String::new()),
            };
            if let types::plan::Outcome::Answer(wanted) = &wanted {
                tally.add(kind, first_word(&got) == wanted.split([',', '.', ' ']).next().unwrap_or_default());
            }
        }
    }
    tally.print();
    Ok(Exit::Done)
}

fn first_word(outcome: &types::plan::Outcome) -> &str {
    match outcome {
        types::plan::Outcome::Answer(a) => a.split([',', '.', ' ']).next().unwrap_or_default(),
        _ => "",
    }
}

fn budget(cancel: &AtomicBool) -> Budget<'_> {
    Budget { limit: Duration::from_secs(60), cancel }
}

fn read(model: &mut BuiltinModel, sentence: &str) -> Result<Utterance, CommandError> {
    let cancel = AtomicBool::new(false);
    let answer = model.answer(None, sentence, budget(&cancel));
    answer.map(|a| a.utterance).map_err(|e| CommandError::Other(e.to_string()))
}

/// The scene that perception makes of one picture, looked at twice as the program does.
fn perceive(model: &mut BuiltinModel, sample: &Sample) -> Result<Scene, CommandError> {
    let cancel = AtomicBool::new(false);
    let mut tracker = Tracker::new();
    for sequence in 0..2 {
        let image = types::Image { sequence, ..sample.image.clone() };
        let answer = model.answer(Some(&image), "", budget(&cancel));
        let detections = answer.map_err(|e| CommandError::Other(e.to_string()))?.detections;
        tracker.update(&image, &detections);
    }
    Ok(tracker.scene(sample.image.stamp))
}

/// What is there, said as perception would say it if it were never wrong. An object's name is its number
/// in the picture's mask.
fn true_scene(sample: &Sample) -> Scene {
    fn certain<const N: usize>(i: usize) -> [f32; N] {
        core::array::from_fn(|k| if k == i { 1.0 } else { 0.0 })
    }
    let objects = sample.objects.iter().map(|l| TrackedObject {
        id: ObjectId(u32::from(l.label)),
        color: certain(l.color.index()),
        shape: certain(l.shape.index()),
        size: certain(l.size.index()),
        position: l.position,
        yaw: l.yaw,
        dimensions: l.shape.dimensions(l.size),
        covariance: nalgebra::Matrix3::identity() * 1e-8,
        seen: sample.image.stamp,
        n_seen: 9,
    });
    Scene { stamp: sample.image.stamp, objects: objects.collect() }
}

/// "the small red cube", or "the red cube" where that is enough is left to the resolver.
fn attributes(o: &TrackedObject) -> Referent {
    Referent::the()
        .with_size(o.most_likely_size())
        .with_color(o.most_likely_color())
        .with_shape(o.most_likely_shape())
}

/// Which object's mask the pixel lies in at which one would point to show a perceived object.
fn label_at(sample: &Sample, o: &TrackedObject) -> Option<ObjectId> {
    let [u, v] = perception::pointing::pixel(o, &sample.image)?;
    let (col, row) = (u as usize, v as usize);
    Some(ObjectId(u32::from(sample.labels[row * sample.image.size().0 + col])))
}

/// Whether each object was found, and each of its words was right.
fn found(sample: &Sample, truth: &Scene, seen: &Scene, tally: &mut Tally) {
    for t in &truth.objects {
        let near = seen
            .objects
            .iter()
            .map(|o| ((o.position - t.position).norm(), o))
            .filter(|(d, _)| *d < 0.03)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        tally.add("object found in 3 cm", near.is_some());
        if let Some((_, o)) = near {
            tally.add("its colour", o.most_likely_color() == t.most_likely_color());
            tally.add("its shape", o.most_likely_shape() == t.most_likely_shape());
            tally.add("its size", o.most_likely_size() == t.most_likely_size());
        }
    }
    for o in &seen.objects {
        // Something stands there, though it may be too hidden to be labelled.
        let real = label_at(sample, o).is_some_and(|l| l.0 >= 3);
        tally.add("what was seen is there", real);
    }
}

/// Two questions of yes or no and one of counting.
fn questions(truth: &Scene, rng: &mut ChaCha8Rng) -> Vec<Question> {
    let mut out = Vec::new();
    let any = |r: Referent| r.with_quantity(Quantity::Any);
    if let Some(o) = pick(&truth.objects, rng) {
        out.push(Question::Exists(any(attributes(o))));
        let mut other = attributes(o);
        other.color = Some(types::Color::ALL[rng.random_range(0..8)]);
        out.push(Question::Exists(any(other)));
        let mut kind = Referent::the().with_quantity(Quantity::All);
        kind.shape = Some(o.most_likely_shape());
        if truth.objects.iter().filter(|x| x.most_likely_shape() == o.most_likely_shape()).count() <= 5 {
            out.push(Question::Count(kind));
        }
    }
    out
}

fn pick<'a, T>(from: &'a [T], rng: &mut ChaCha8Rng) -> Option<&'a T> {
    (!from.is_empty()).then(|| &from[rng.random_range(0..from.len())])
}

/// The frozen wordings: how many are read as they are meant, and how many as something else.
pub(crate) fn wordings(setting: &Setting) -> Result<Exit, CommandError> {
    let mut model = session::model(&setting.config)?;
    let mut tally = Tally::default();
    let mut misread = Vec::new();
    for line in WORDINGS.lines() {
        let mut fields = line.split('\t');
        let (Some(id), Some(split), Some(sentence), Some(meaning)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(CommandError::Other(format!(
                "tests/wordings.tsv: a line without four fields: {line:?}"
            )));
        };
        let Ok(meant) = serde_json::from_str::<Utterance>(meaning) else { continue };
        let got = read(&mut model, sentence)?;
        let plain = split == "plain";
        tally.add(if plain { "plain words: as meant" } else { "free words: as meant" }, got == meant);
        tally.add("all: as meant", got == meant);
        let declined = matches!(got, Utterance::Unclear(_) | Utterance::Refuse(_) | Utterance::Empty);
        tally.add("all: as meant, or asked back", got == meant || declined);
        if got != meant {
            misread.push(format!(
                "{id} {sentence:?}: {}",
                if declined { "asked back" } else { "read otherwise" }
            ));
        }
    }
    for line in &misread {
        println!("  {line}");
    }
    tally.print();
    Ok(Exit::Done)
}
