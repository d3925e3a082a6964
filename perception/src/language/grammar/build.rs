//! A sentence in the making: words with their labels, written phrase by phrase.

use crate::language::lexicon;
use crate::language::tags::{Mark, Meaning, Role, Tagged};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// One of several, at random.
pub(super) fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// True with this probability.
pub(super) fn chance(rng: &mut ChaCha8Rng, p: f64) -> bool {
    rng.random::<f64>() < p
}

/// The words so far, and what begins at the next one that stands for something.
#[derive(Default)]
pub(super) struct Build {
    pub(super) words: Vec<Tagged>,
    next: Option<Mark>,
    /// Whether the sentence cannot be understood without its commas.
    pub(super) keep_commas: bool,
    /// Whether the last placing named its target first.
    pub(super) fronted: bool,
    /// Whether a side named behind a target can only be its own: "in the bowl on the left".
    pub(super) held_target: bool,
}

impl Build {
    /// A task begins at the next word with a meaning.
    pub(super) fn begin_task(&mut self) {
        self.next = Some(Mark::Task);
    }

    /// A further object begins at the next word with a meaning, unless a task does.
    pub(super) fn begin_object(&mut self) {
        if self.next.is_none() {
            self.next = Some(Mark::Object);
        }
    }

    /// Words outside every phrase, parted by blanks. A word that can never be mere filling keeps its
    /// meaning: "list the objects" speaks of objects.
    pub(super) fn fill(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let mut w = Tagged::filler(word);
            if let Some(e) = lexicon::entry(word)
                && !e.meanings.contains(&Meaning::None)
                && let Some(m) = e.meanings.first()
            {
                w.meaning = *m;
            }
            self.words.push(w);
        }
    }

    /// Words of which those that end in `!` carry the meaning.
    pub(super) fn say(&mut self, text: &str, meaning: Meaning, role: Role) {
        for word in text.split_whitespace() {
            match word.strip_suffix('!') {
                Some(head) => {
                    let mark = self.next.take().unwrap_or(Mark::None);
                    self.words.push(Tagged { word: head.to_owned(), meaning, role, mark });
                }
                None => self.fill(word),
            }
        }
    }

    /// Writes a frame: words, verb words ending in `!`, and `{slots}` that `slot` writes.
    pub(super) fn frame(&mut self, frame: &str, verb: Meaning, slot: &mut dyn FnMut(&mut Self, &str)) {
        for part in frame.split_whitespace() {
            match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(name) => slot(self, name),
                None => self.say(part, verb, Role::Verb),
            }
        }
    }

    /// From words that stand already.
    pub(super) fn of(words: Vec<Tagged>) -> Self {
        Self { words, ..Self::default() }
    }

    /// The sentence as a person would type it.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for w in &self.words {
            if !out.is_empty() && w.word != "," && w.word != "?" {
                out.push(' ');
            }
            out.push_str(if w.word == "eachother" { "each other" } else { &w.word });
        }
        out
    }
}
