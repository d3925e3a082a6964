//! What a language model is asked for, and what may come of its answers: prompts from files, each with a version, and
//! the grammar that its answers are held to. The text of an answer is data; it becomes detections, a proposal that the
//! sentence licenses, a number or a verdict, or nothing.

mod boxes;
mod licence;
mod speaker;
mod tasks;
mod verdict;
mod words;

pub use boxes::detections;
pub use speaker::{Speaker, SpeakingModel, Spoken, picture_hash};
pub use tasks::{MODEL_SAYS, utterance};
pub use verdict::{judgement, reason};
pub use words::{accepted, quoted, request};

use crate::vlm::Grammar;
use serde_json::{Value, json};
use types::{Offer, Rejection};

/// Longest description or reason, characters.
const LONGEST_TEXT: usize = 200;

/// What a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Every object of a picture, as boxes.
    Look,
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
    pub const ALL: [Self; 7] =
        [Self::Look, Self::Read, Self::Describe, Self::Count, Self::Judge, Self::Explain, Self::Ask];

    /// Its name: the one of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
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
            Self::Look | Self::Describe | Self::Count => 1,
            Self::Read | Self::Explain | Self::Ask => 0,
            Self::Judge => 2,
        }
    }

    /// The prompt; `sentence` comes last, where the role has one.
    #[must_use]
    pub fn prompt(self, sentence: &str) -> String {
        self.prompt_offering(sentence, &Offer::everything())
    }

    /// The prompt, where the tasks of an offer alone may be asked for.
    #[must_use]
    pub fn prompt_offering(self, sentence: &str, offer: &Offer) -> String {
        let text = self.file().split_once('\n').map_or("", |(_, text)| text.trim());
        match self {
            Self::Look | Self::Describe => text.to_owned(),
            Self::Read => {
                let text = text.replace("{skills}", &tasks::skills_in_words(offer));
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
        self.grammar_offering(&Offer::everything())
    }

    /// What its answer may be, where the tasks of an offer alone may be asked for.
    ///
    /// # Errors
    /// Never, with the schemas of this crate.
    pub fn grammar_offering(self, offer: &Offer) -> Result<Grammar, Rejection> {
        let text = json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_TEXT });
        Grammar::new(match self {
            Self::Look => boxes::schema(),
            Self::Read => tasks::schema(offer),
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
    pub fn check(self, text: &str) -> Result<(), Rejection> {
        match self {
            // What is read by a reader of its own may say a little more.
            Self::Look => detections(text, 1000, 1000).map(|_| ()),
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
                prompt.len() > 100 && !prompt.contains("version ") && !prompt.contains("{skills}"),
                "{role:?}"
            );
            assert_eq!(prompt.ends_with("put it in the bowl"), !matches!(role, Role::Look | Role::Describe));
            let most = role.grammar().expect("bounded").most_bytes();
            assert!(most < 64 << 10, "{role:?}: {most} bytes");
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert_eq!(Role::Count.check("{\"count\": 7}"), Ok(()));
        assert_eq!(Role::Count.check("{\"count\": 700}").expect_err("too many").field, "answer.count");
        assert!(Role::Read.check("{\"do\": []}").is_err() && Role::Look.check("[]").is_ok());
        assert!("sing".parse::<Role>().expect_err("none").to_string().contains("describe"));
    }
}
