//! Row F46 in a whole mission: the models fail one after the other, in every way that a model can, at random instants,
//! and come back, or do not. Two of them speak (as one elsewhere and one on a GPU would), the third is the built-in one.

use crate::commands::{self, Setting};
use crate::exit::Exit;
use crate::log::{Log, Screen};
use crate::models::{Chain, LEFT_ALONE};
use crate::runner;
use crate::session::{self, Pace, StartError};
use crate::suite::signs::listed;
use core::ops::Range;
use perception::BuiltinModel;
use perception::roles::{Speaker, SpeakingModel, Spoken};
use perception::vlm::Grammar;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex};
use types::seams::{Answer, Budget, ModelCall, ModelError, Shift, VisionLanguageModel, Wording};
use types::{Image, Offer};

/// Cameras that each look asks about.
const CAMERAS: usize = 2;

/// How a model fails.
#[derive(Clone, Copy, Debug)]
enum Ailment {
    /// No answer in time: ten times slower than it was.
    Late,
    /// The process behind it died, the line is cut, the GPU is lost.
    Gone,
    /// An answer that is none.
    Garbage,
}

/// When one fails: its own asks, counted; and how.
#[derive(Clone, Debug)]
struct Course {
    ails: Range<usize>,
    ailment: Ailment,
    n_asked: usize,
}

impl Course {
    fn drawn(rng: &mut ChaCha8Rng, ails: Range<usize>) -> Self {
        let ailment = [Ailment::Late, Ailment::Gone, Ailment::Garbage][rng.random_range(0..3)];
        Self { ails, ailment, n_asked: 0 }
    }

    fn next(&mut self) -> Option<Ailment> {
        self.n_asked += 1;
        self.ails.contains(&(self.n_asked - 1)).then_some(self.ailment)
    }
}

/// A model that says in JSON what the built-in one sees.
struct Ailing {
    name: &'static str,
    sees: BuiltinModel,
    course: Course,
}

impl Speaker for Ailing {
    fn identity(&self) -> String {
        self.name.into()
    }

    fn say(
        &mut self,
        pictures: &[&Image],
        _: &str,
        _: &Grammar,
        budget: Budget<'_>,
    ) -> Result<Spoken, ModelError> {
        let text = match self.course.next() {
            Some(Ailment::Late) => return Err(ModelError::Timeout(budget.limit)),
            Some(Ailment::Gone) => return Err(ModelError::Unusable("the connection was reset".into())),
            Some(Ailment::Garbage) => "[{\"bbox_2d\": [1, 2".to_owned(),
            None => {
                let image = pictures.first().ok_or_else(|| ModelError::Unusable("no picture".into()))?;
                let seen = self.sees.answer(Some(image), "", budget)?.detections;
                serde_json::Value::from(listed(image, &seen)).to_string()
            }
        };
        Ok(Spoken { text, flaw: None, tokens: [1, 1], cost: 0.0 })
    }
}

/// The built-in one, which fails for some asks as well.
struct Last {
    model: BuiltinModel,
    course: Course,
}

impl VisionLanguageModel for Last {
    fn identity(&self) -> String {
        "the built-in one".into()
    }

    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<Answer, ModelError> {
        match image.and_then(|_| self.course.next()) {
            Some(_) => Err(ModelError::Timeout(budget.limit)),
            None => self.model.answer(image, sentence, budget),
        }
    }
}

/// Keeps what the chain declares.
struct Watched {
    chain: Chain,
    told: Arc<Mutex<Told>>,
}

#[derive(Clone, Debug, Default)]
struct Told {
    /// How often it was asked about a picture.
    n_asked: usize,
    shifts: Vec<Shift>,
}

impl VisionLanguageModel for Watched {
    fn identity(&self) -> String {
        self.chain.identity()
    }

    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<Answer, ModelError> {
        if let (Some(_), Ok(mut told)) = (image, self.told.lock()) {
            told.n_asked += 1;
        }
        self.chain.answer(image, sentence, budget)
    }

    fn offer(&mut self, offer: &Offer) {
        self.chain.offer(offer);
    }

    fn word(&mut self, _: &Wording, _: Budget<'_>) -> Result<Option<String>, ModelError> {
        Ok(None)
    }

    fn take_calls(&mut self) -> Vec<ModelCall> {
        self.chain.take_calls()
    }

    fn take_shifts(&mut self) -> Vec<Shift> {
        let new = self.chain.take_shifts();
        if let Ok(mut told) = self.told.lock() {
            told.shifts.extend(new.iter().cloned());
        }
        new
    }
}

/// What one instant draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// The first fails for a while.
    First,
    /// The first two do.
    Two,
    /// The first two do for good, the third for a moment: the arm holds meanwhile.
    All,
    /// All three do, for good.
    ForGood,
}

/// One instant: the mission ends as it should, nothing leaves its limits, and every change is declared.
pub(super) fn f46(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let case = [Case::First, Case::Two, Case::All, Case::ForGood][rng.random_range(0..4)];
    let asks_per_look = CAMERAS * setting.config.perception.pictures_per_look as usize;
    // From the first look to the beginning of the second, with something in the hand.
    let from = rng.random_range(0..=asks_per_look);
    let length = rng.random_range(1..=4);
    let never = 0..0;
    // The second is asked when the first fails, the third when both do: their asks count from there.
    let spans = match case {
        Case::First => [from..from + length, never.clone(), never],
        Case::Two => [from..from + length, 0..rng.random_range(1..=length), never],
        Case::All => [from..usize::MAX, 0..usize::MAX, 0..rng.random_range(1..=8)],
        Case::ForGood => [from..usize::MAX, 0..usize::MAX, 0..usize::MAX],
    };
    // It is left alone after every failure but the first.
    let asked_again = from + length + (length - 1) * LEFT_ALONE as usize;
    let [first, second, third] = spans.map(|span| Course::drawn(rng, span));
    let told = Arc::new(Mutex::new(Told::default()));
    let make = |_: Option<&sim::Rig>| -> Result<Box<dyn VisionLanguageModel>, StartError> {
        let speaking = |name, course: &Course| -> Result<Box<dyn VisionLanguageModel>, StartError> {
            let sees = session::model(&setting.config)?;
            let reader = sees.reader().clone();
            Ok(Box::new(SpeakingModel::new(Ailing { name, sees, course: course.clone() }, reader)))
        };
        let last = Last { model: session::model(&setting.config)?, course: third.clone() };
        let chain =
            Chain::new(vec![speaking("elsewhere", &first)?, speaking("here", &second)?, Box::new(last)]);
        Ok(Box::new(Watched { chain, told: Arc::clone(&told) }))
    };
    let said = |e: &dyn core::fmt::Display| e.to_string();
    let mut drawn = setting.clone();
    drawn.seed = rng.random_range(0..1 << 40);
    let scenario = commands::demo(&drawn).map_err(|e| said(&e))?;
    let episode = commands::episode(&scenario, &drawn, None).map_err(|e| said(&e))?;
    let log = Log::new(Screen::Silent, None);
    let outcome = runner::run_with(&drawn.config, &drawn.arm, &episode, Pace::Lockstep, log, false, &make)
        .map_err(|e| said(&e))?;
    let Told { n_asked, shifts } = told.lock().map_err(|e| said(&e))?.clone();
    let told = format!(
        "{case:?} from ask {from} of {n_asked} for {length}, {:?}: {}; {shifts:?}",
        first.ailment, outcome.said
    );
    if !outcome.broken.is_empty() {
        return Err(format!("{} ({told})", outcome.broken));
    }
    declared(case, n_asked > asked_again, &shifts).map_err(|why| format!("{why} ({told})"))?;
    match (case, outcome.exit) {
        (Case::ForGood, Exit::Failed) if outcome.said.contains("stands still") => Ok(()),
        (Case::First | Case::Two | Case::All, Exit::Done) => Ok(()),
        (_, exit) => Err(format!("ends {} ({told})", exit.word())),
    }
}

/// Every model that failed was declared, with who answered instead, and told again when it was back.
fn declared(case: Case, is_asked_again: bool, shifts: &[Shift]) -> Result<(), String> {
    let of = |name: &str| -> Vec<&Shift> {
        shifts
            .iter()
            .filter(|s| matches!(s, Shift::Fell { model, .. } | Shift::Back { model } if model == name))
            .collect()
    };
    let failing: &[&str] = match case {
        Case::First => &["elsewhere"],
        Case::Two => &["elsewhere", "here"],
        Case::All | Case::ForGood => &["elsewhere", "here", "the built-in one"],
    };
    for name in ["elsewhere", "here", "the built-in one"] {
        let own = of(name);
        if failing.contains(&name) != matches!(own.first(), Some(Shift::Fell { .. })) {
            return Err(format!("{name}: {own:?}"));
        }
        if own.windows(2).any(|w| {
            matches!(w, [Shift::Fell { .. }, Shift::Fell { .. }] | [Shift::Back { .. }, Shift::Back { .. }])
        }) {
            return Err(format!("{name} is told twice: {own:?}"));
        }
    }
    let fell = |name: &str| {
        shifts.iter().find_map(|s| match s {
            Shift::Fell { model, instead, .. } if model == name => Some(instead.as_deref()),
            _ => None,
        })
    };
    let next = match case {
        Case::First => Some("here"),
        Case::Two => Some("the built-in one"),
        Case::All | Case::ForGood => None,
    };
    if fell("elsewhere") != Some(next) {
        return Err(format!("instead of elsewhere: {:?}, not {next:?}", fell("elsewhere")));
    }
    // The last one is asked until it answers; the others are back once they were asked again.
    let is_back = |name: &str| matches!(of(name).last(), Some(Shift::Back { .. }));
    match case {
        Case::First | Case::Two if is_asked_again && !is_back("elsewhere") => {
            Err("elsewhere never came back".into())
        }
        Case::All if !is_back("the built-in one") => Err("the built-in one never came back".into()),
        Case::ForGood if shifts.iter().any(|s| matches!(s, Shift::Back { .. })) => {
            Err("somebody came back".into())
        }
        _ => Ok(()),
    }
}
