//! What shall be true of the simulator's world in the end, as a person writes it:
//! `"red_cube in blue_bowl"`, `"ball left of tray"`, `"cube held"`, `"cube moved left"`.

use serde::{Deserialize, Serialize};
use types::Rejection;
use types::language::Relation;

/// A fact about the simulator's truth, over the names of the scene's objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Predicate {
    /// `a in b`, `a left of b`, …
    Stands { object: String, relation: Relation, target: String },
    /// `a held`
    Held { object: String },
    /// `a moved left`: at least 5 cm in that direction since the beginning, and more so than across.
    Moved { object: String, relation: Relation },
    /// `a where b was`: within 4 cm of the place that b had in the beginning.
    Took { object: String, place_of: String },
    /// `a still`: within 1.5 cm of its own place in the beginning.
    Still { object: String },
}

const DIRECTIONS: [(&str, Relation); 4] = [
    ("left", Relation::LeftOf),
    ("right", Relation::RightOf),
    ("forward", Relation::InFrontOf),
    ("back", Relation::Behind),
];

impl Predicate {
    pub(crate) fn stands(object: &str, relation: Relation, target: &str) -> Self {
        Self::Stands { object: object.into(), relation, target: target.into() }
    }

    /// The names it is about.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Stands { object, target, .. } => vec![object, target],
            Self::Took { object, place_of } => vec![object, place_of],
            Self::Held { object } | Self::Moved { object, .. } | Self::Still { object } => vec![object],
        }
    }
}

impl core::fmt::Display for Predicate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Stands { object, relation, target } => write!(f, "{object} {} {target}", relation.words()),
            Self::Held { object } => write!(f, "{object} held"),
            Self::Still { object } => write!(f, "{object} still"),
            Self::Took { object, place_of } => write!(f, "{object} where {place_of} was"),
            Self::Moved { object, relation } => {
                let word = DIRECTIONS.iter().find(|d| d.1 == *relation).map_or("", |d| d.0);
                write!(f, "{object} moved {word}")
            }
        }
    }
}

impl From<Predicate> for String {
    fn from(p: Predicate) -> Self {
        p.to_string()
    }
}

impl TryFrom<String> for Predicate {
    type Error = Rejection;

    fn try_from(text: String) -> Result<Self, Rejection> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let refused = || {
            Rejection::new(
                "success",
                "NAME in|on|left of|right of|in front of|behind|next to NAME, NAME held, NAME still, \
                 NAME moved left|right|forward|back, or NAME where NAME was",
                format!("{text:?}"),
            )
        };
        let own = |s: &str| s.to_owned();
        match words.as_slice() {
            [a, "held"] => Ok(Self::Held { object: own(a) }),
            [a, "still"] => Ok(Self::Still { object: own(a) }),
            [a, "moved", word] => {
                let relation = DIRECTIONS.iter().find(|d| d.0 == *word).ok_or_else(refused)?.1;
                Ok(Self::Moved { object: own(a), relation })
            }
            [a, "where", b, "was"] => Ok(Self::Took { object: own(a), place_of: own(b) }),
            [a, middle @ .., b] if !middle.is_empty() => {
                let phrase = middle.join(" ");
                let relation =
                    Relation::ALL.iter().copied().find(|r| r.words() == phrase).ok_or_else(refused)?;
                Ok(Self::Stands { object: own(a), relation, target: own(b) })
            }
            _ => Err(refused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_predicate_reads_back_from_what_it_prints() {
        for text in [
            "a in b",
            "a left of b",
            "a in front of b",
            "a next to b",
            "a held",
            "a still",
            "a moved left",
            "a moved back",
            "a where b was",
        ] {
            let p = Predicate::try_from(text.to_owned()).expect(text);
            assert_eq!(p.to_string(), text);
        }
        for bad in ["", "a", "a b", "a under b", "a moved up", "a in"] {
            let e = Predicate::try_from(bad.to_owned()).expect_err(bad);
            assert_eq!(e.field, "success");
        }
    }
}
