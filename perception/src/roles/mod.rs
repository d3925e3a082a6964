//! What a language model is asked for, and what may come of its answers: prompts from files, each with a version, and
//! the grammar that its answers are held to. The text of an answer is data; it becomes detections, a proposal that the
//! sentence licenses, a number or a verdict, or nothing.

mod boxes;
mod licence;
mod speaker;
mod tasks;

pub use boxes::detections;
pub use speaker::{Speaker, SpeakingModel, Spoken};
pub use tasks::utterance;

use crate::vlm::Grammar;
use serde_json::{Value, json};
use types::Rejection;

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
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Look, Self::Read, Self::Describe, Self::Count, Self::Judge];

    /// Its name: the one of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Read => "read",
            Self::Describe => "describe",
            Self::Count => "count",
            Self::Judge => "judge",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Look => include_str!("../../../assets/prompts/look.txt"),
            Self::Read => include_str!("../../../assets/prompts/read.txt"),
            Self::Describe => include_str!("../../../assets/prompts/describe.txt"),
            Self::Count => include_str!("../../../assets/prompts/count.txt"),
            Self::Judge => include_str!("../../../assets/prompts/judge.txt"),
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
            Self::Read => 0,
            Self::Judge => 2,
        }
    }

    /// The prompt; `sentence` comes last, where the role has one.
    #[must_use]
    pub fn prompt(self, sentence: &str) -> String {
        let text = self.file().split_once('\n').map_or("", |(_, text)| text.trim());
        let takes_one = matches!(self, Self::Read | Self::Count | Self::Judge);
        if takes_one { format!("{text} {}", sentence.trim()) } else { text.to_owned() }
    }

    /// What its answer may be.
    ///
    /// # Errors
    /// Never, with the schemas of this crate.
    pub fn grammar(self) -> Result<Grammar, Rejection> {
        let object = |properties: Value| {
            let required: Vec<&String> = properties.as_object().into_iter().flat_map(|o| o.keys()).collect();
            json!({ "type": "object", "properties": properties, "required": required,
                "additionalProperties": false })
        };
        let text = json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_TEXT });
        Grammar::new(match self {
            Self::Look => boxes::schema(),
            Self::Read => tasks::schema(),
            Self::Describe => object(json!({ "text": text })),
            Self::Count => object(json!({ "count": { "type": "integer", "minimum": 0, "maximum": 99 } })),
            Self::Judge => object(json!({ "answer": { "type": "boolean" }, "reason": text })),
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
            Self::Describe | Self::Count | Self::Judge => self.grammar()?.check(text),
        }
    }
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
            assert!(prompt.len() > 100 && !prompt.contains("version 1"), "{role:?}");
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
