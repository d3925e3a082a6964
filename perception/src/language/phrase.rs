//! One phrase of a sentence, gathered word by word.

use super::lexicon;
use super::tags::{Layer, Meaning, Tagged};
use types::language::{Quantity, Referent, Relation, Superlative};
use types::scene::{Color, Shape, Size};

/// One phrase as its words describe it.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrase {
    pub(super) quantity: Option<Quantity>,
    pub(super) size: Option<Size>,
    pub(super) color: Option<Color>,
    /// `Some(None)` for "object".
    pub(super) noun: Option<Option<Shape>>,
    pub(super) plural: bool,
    pub(super) some: bool,
    pub(super) both: bool,
    pub(super) superlative: Option<Superlative>,
    pub(super) layer: Option<Layer>,
    pub(super) it: bool,
    pub(super) clause: Option<Box<Attached>>,
    pub(super) first: usize,
}

/// A relation, with the phrase it refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct Attached {
    pub(super) relation: Option<Relation>,
    /// Index of the word of the relation.
    pub(super) at: usize,
    pub(super) phrase: Phrase,
    pub(super) said: bool,
    /// Whether the relation is only "to".
    pub(super) to: bool,
}

pub(super) fn set<T: PartialEq + Copy>(slot: &mut Option<T>, value: T, word: &str) -> Result<(), String> {
    match slot {
        Some(old) if *old != value => Err(format!(
            "I cannot tell which object '{word}' belongs to. Can you say it in shorter sentences?"
        )),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

impl Phrase {
    pub(super) fn add(&mut self, w: &Tagged) -> Result<(), String> {
        match w.meaning {
            Meaning::Color(c) => set(&mut self.color, c, &w.word)?,
            Meaning::Size(s) => set(&mut self.size, s, &w.word)?,
            Meaning::Superlative(s) => set(&mut self.superlative, s, &w.word)?,
            Meaning::Layer(l) => set(&mut self.layer, l, &w.word)?,
            // "both the red cube and the ball": the article adds nothing.
            Meaning::Quantity(Quantity::The) if self.both => {}
            Meaning::Quantity(q) => {
                self.both |= w.word == "both";
                self.some |= w.word == "some";
                if matches!(w.word.as_str(), "everything" | "something" | "anything") {
                    set(&mut self.noun, None, &w.word)?;
                }
                set(&mut self.quantity, q, &w.word)?;
            }
            Meaning::It => self.it = true,
            Meaning::Shape(s) => self.noun(Some(s), w)?,
            Meaning::Thing => self.noun(None, w)?,
            Meaning::None | Meaning::Relation(_) | Meaning::Verb(_) | Meaning::Ask(_) => {
                return Err(format!("I do not see what '{}' says of the object. What do you mean?", w.word));
            }
        }
        Ok(())
    }

    fn noun(&mut self, shape: Option<Shape>, w: &Tagged) -> Result<(), String> {
        set(&mut self.noun, shape, &w.word)?;
        self.plural = lexicon::entry(&w.word).is_some_and(|e| e.plural);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.noun.is_none() && self.color.is_none() && self.size.is_none() && self.superlative.is_none()
    }

    /// `alone`: whether it is the only object, so that "the cubes" can mean all of them.
    pub(super) fn referent(&self, alone: bool) -> Result<Referent, String> {
        let spoken = !self.is_empty() || matches!(self.quantity, Some(Quantity::All | Quantity::Any));
        if !spoken || self.it {
            return Err("I do not understand which object you mean. Can you name it?".to_owned());
        }
        if self.some && self.plural {
            return Err("How many are 'some'? Say 'all' or 'one of'.".to_owned());
        }
        let quantity = match (self.quantity, self.plural) {
            (Some(Quantity::All), many) if self.both && (!many || self.superlative.is_some()) => {
                Quantity::The
            }
            // "the biggest of the cubes" is one.
            (None | Some(Quantity::The), true) if self.superlative.is_some() => Quantity::The,
            (None | Some(Quantity::The), true) if alone => Quantity::All,
            (q, _) => q.unwrap_or(Quantity::The),
        };
        let relation = match &self.clause {
            Some(c) => Some((
                c.relation.ok_or("I do not understand where that object is. Can you say it differently?")?,
                Box::new(c.phrase.referent(true)?),
            )),
            None => None,
        };
        Ok(Referent {
            quantity,
            size: self.size,
            color: self.color,
            shape: self.noun.flatten(),
            superlative: self.superlative,
            relation,
        })
    }
}

impl Attached {
    pub(super) fn add(&mut self, w: &Tagged, index: usize) -> Result<(), String> {
        if let Meaning::Relation(r) = w.meaning {
            if self.relation.is_none() {
                self.at = index;
                self.to = w.word == "to";
            }
            set(&mut self.relation, r, &w.word)
        } else {
            if !self.said {
                self.phrase.first = index;
            }
            self.said = true;
            self.phrase.add(w)
        }
    }
}
