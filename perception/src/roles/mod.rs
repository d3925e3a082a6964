//! What a language model is asked for, and what may come of its answers: prompts from files, each with a version, and
//! the grammar that its answers are held to. The text of an answer is data; it becomes detections, a proposal that the
//! sentence licenses, a number or a verdict, or nothing.

mod boxes;
mod licence;
mod locations;
mod speaker;
mod tasks;
mod verdict;
mod words;

pub use boxes::{Measure, Spot, detections, spots};
pub use locations::located;
pub use speaker::{Speaker, SpeakingModel, Spoken, called, picture_hash};
pub use tasks::{MODEL_SAYS, utterance};
pub use verdict::{judgement, reason};
pub use words::{accepted, quoted, request};

use crate::vlm::Grammar;
use serde_json::{Value, json};
use types::{Offer, Rejection};

/// Longest description or reason, characters.
const LONGEST_TEXT: usize = 200;

/// What a request hangs on besides its sentence.
#[derive(Clone, Debug)]
pub struct Given {
    /// The tasks that may be asked for.
    pub offer: Offer,
    /// In what places are told.
    pub measure: Measure,
}

impl Default for Given {
    fn default() -> Self {
        Self { offer: Offer::everything(), measure: Measure::default() }
    }
}

impl From<Measure> for Given {
    fn from(measure: Measure) -> Self {
        Self { measure, ..Self::default() }
    }
}

/// What a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Every object of a picture, as boxes.
    Look,
    /// Where something is in a picture, as points.
    Point,
    /// What a sentence means, as a call.
    Read,
    /// A picture in one sentence.
    Describe,
    /// How many there are of something.
    Count,
    /// Whether something was done, from a picture before and one after.
    Judge,
    /// Why something ended as it did, from typed facts, in words.
    Explain,
    /// A question of the planner's to the person, in words.
    Ask,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::Look,
        Self::Point,
        Self::Read,
        Self::Describe,
        Self::Count,
        Self::Judge,
        Self::Explain,
        Self::Ask,
    ];

    /// Its name: the one of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Point => "point",
            Self::Read => "read",
            Self::Describe => "describe",
            Self::Count => "count",
            Self::Judge => "judge",
            Self::Explain => "explain",
            Self::Ask => "ask",
        }
    }

    /// The file that its prompt is made of, beside the others in `assets/prompts`.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{}.txt", self.name())
    }

    fn file(self) -> &'static str {
        match self {
            Self::Look => include_str!("../../../assets/prompts/look.txt"),
            Self::Point => include_str!("../../../assets/prompts/point.txt"),
            Self::Read => include_str!("../../../assets/prompts/read.txt"),
            Self::Describe => include_str!("../../../assets/prompts/describe.txt"),
            Self::Count => include_str!("../../../assets/prompts/count.txt"),
            Self::Judge => include_str!("../../../assets/prompts/judge.txt"),
            Self::Explain => include_str!("../../../assets/prompts/explain.txt"),
            Self::Ask => include_str!("../../../assets/prompts/ask.txt"),
        }
    }

    /// The version of its prompt, as its file's first line says.
    #[must_use]
    pub fn version(self) -> &'static str {
        self.file().split_once('\n').map_or("", |(first, _)| first.trim())
    }

    /// How many pictures it is about.
    #[must_use]
    pub fn pictures(self) -> usize {
        match self {
            Self::Look | Self::Point | Self::Describe | Self::Count => 1,
            Self::Read | Self::Explain | Self::Ask => 0,
            Self::Judge => 2,
        }
    }

    /// The prompt; `sentence` comes last, where the role has one.
    #[must_use]
    pub fn prompt(self, sentence: &str) -> String {
        self.prompt_given(sentence, &Given::default())
    }

    /// The prompt, where the tasks of an offer alone may be asked for, and places are told in its measure.
    #[must_use]
    pub fn prompt_given(self, sentence: &str, given: &Given) -> String {
        let text = self.file().split_once('\n').map_or("", |(_, text)| text.trim());
        match self {
            Self::Look => text.replace("{coordinates}", &given.measure.words()),
            Self::Describe => text.to_owned(),
            Self::Point => {
                let text = text.replace("{coordinates}", &given.measure.words());
                format!("{text} {}", sentence.trim())
            }
            Self::Read => {
                let text = text.replace("{skills}", &tasks::skills_in_words(&given.offer));
                format!("{text} {}", sentence.trim())
            }
            Self::Count | Self::Judge | Self::Explain | Self::Ask => format!("{text} {}", sentence.trim()),
        }
    }

    /// What its answer may be.
    ///
    /// # Errors
    /// Never, with the schemas of this crate.
    pub fn grammar(self) -> Result<Grammar, Rejection> {
        self.grammar_given(&Given::default())
    }

    /// What its answer may be, where the tasks of an offer alone may be asked for, and places are told in its measure.
    ///
    /// # Errors
    /// Never, with the schemas of this crate.
    pub fn grammar_given(self, given: &Given) -> Result<Grammar, Rejection> {
        let text = json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_TEXT });
        Grammar::new(match self {
            Self::Look => boxes::schema("bbox_2d", given.measure),
            Self::Point => boxes::schema("point_2d", given.measure),
            Self::Read => tasks::schema(&given.offer),
            Self::Describe => object(json!({ "text": text })),
            Self::Count => object(json!({ "count": { "type": "integer", "minimum": 0, "maximum": 99 } })),
            Self::Judge => object(json!({ "answer": { "type": "boolean" }, "reason": text })),
            Self::Explain | Self::Ask => return words::of_role(self, words::ANY_FACTS),
        })
    }

    /// Refuses a text that is no answer of this role: for answers of models elsewhere.
    ///
    /// # Errors
    /// A [`Rejection`] naming the place in the answer.
    pub fn check(self, text: &str, measure: Measure) -> Result<(), Rejection> {
        match self {
            // What is read by a reader of its own may say a little more.
            Self::Look | Self::Point => spots(text, [1000; 2], measure).map(|_| ()),
            Self::Read => utterance(text).map(|_| ()),
            Self::Describe | Self::Count | Self::Judge | Self::Explain | Self::Ask => {
                self.grammar()?.check(text)
            }
        }
    }
}

/// The schema of an object with these fields and no others.
fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(|o| o.keys()).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

impl core::str::FromStr for Role {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|r| r.name() == text);
        found.ok_or_else(|| Rejection::new("role", names, text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_prompt_with_a_version_and_a_bounded_grammar() {
        for role in Role::ALL {
            assert!(role.version().starts_with("version "), "{role:?}");
            let prompt = role.prompt("put it in the bowl");
            assert!(
                prompt.len() > 100
                    && !["version ", "{skills}", "{coordinates}"].iter().any(|w| prompt.contains(w)),
                "{role:?}"
            );
            assert_eq!(prompt.ends_with("put it in the bowl"), !matches!(role, Role::Look | Role::Describe));
            let most = role.grammar().expect("bounded").most_bytes();
            assert!(most < 64 << 10, "{role:?}: {most} bytes");
            assert_eq!(role.name().parse(), Ok(role));
        }
        let check = |role: Role, text: &str| role.check(text, Measure::Thousandths);
        assert_eq!(check(Role::Count, "{\"count\": 7}"), Ok(()));
        assert_eq!(check(Role::Count, "{\"count\": 700}").expect_err("too many").field, "answer.count");
        assert!(check(Role::Read, "{\"do\": []}").is_err() && check(Role::Look, "[]").is_ok());
        assert!(Role::Look.prompt("").contains("coordinates from 0 to 1000."));
        let shown = Given::from(Measure::Pixels { width: 308, height: 252 });
        let pixels = Role::Point.prompt_given("the knob", &shown);
        assert!(pixels.contains("308 wide and 252 high") && pixels.ends_with("the knob"), "{pixels}");
        assert!("sing".parse::<Role>().expect_err("none").to_string().contains("describe"));
    }
}
