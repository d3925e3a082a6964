//! The reader: gates, network, rules.

use super::decode::decode;
use super::gates::{self, Stopped};
use super::grammar::{self, Split};
use super::lexicon;
use super::net::{END, Net, START};
use super::tags::{Mark, Meaning, Role, Tagged};
use crate::weights::Arrays;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use types::Rejection;
use types::language::{Question, Task, Utterance};

/// Least confidence of a reading that is acted on; below, the person is asked. Over 8,000 held-out
/// sentences and 2,000 senseless ones, 0.5 costs 0.1 % of the right readings against no threshold and
/// lets no wrong one through; 0.6 costs 0.3 % more (see [`evaluate`] and [`Reader::with_threshold`]).
pub const THRESHOLD: f32 = 0.5;

/// What a sentence was read as.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its meaning.
    pub utterance: Utterance,
    /// Probability that the labels are right, 0 to 1; 1 where rules alone decided.
    pub confidence: f32,
    /// Words that are not known.
    pub unknown_words: Vec<String>,
    /// Typing errors that were mended: as typed, as read.
    pub corrections: Vec<(String, String)>,
}

/// Reads sentences.
#[derive(Clone, Debug)]
pub struct Reader {
    net: Net,
    meanings: Vec<Meaning>,
    threshold: f32,
}

/// Natural exponentials of `x`, scaled to a sum of one.
fn softmax(x: &[f32]) -> Vec<f32> {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let e: Vec<f32> = x.iter().map(|v| libm::expf(v - top)).collect();
    let sum: f32 = e.iter().sum();
    e.iter().map(|v| v / sum).collect()
}

fn best(p: &[f32], allowed: impl Fn(usize) -> bool) -> usize {
    (0..p.len())
        .filter(|&i| allowed(i))
        .fold(None, |b: Option<usize>, i| if b.is_some_and(|b| p[b] >= p[i]) { b } else { Some(i) })
        .unwrap_or(0)
}

impl Reader {
    /// From the arrays of a weights file whose names began with `language.`, without that beginning.
    ///
    /// # Errors
    /// A [`Rejection`] that names the array that is missing or bad (B30), or the special token that the
    /// vocabulary lacks (B31).
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, Rejection> {
        Ok(Self { net: Net::from_arrays(arrays)?, meanings: Meaning::all(), threshold: THRESHOLD })
    }

    /// With another least confidence than [`THRESHOLD`], 0 to 1, to see what it is worth.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold, ..self }
    }

    /// The arrays for a weights file, vocabulary included.
    ///
    /// # Errors
    /// A [`Rejection`] if a tensor cannot be read back.
    pub fn arrays(&self) -> Result<Arrays, Rejection> {
        self.net.arrays()
    }

    /// Reads a sentence. Never fails: what is not understood is [`Utterance::Unclear`] with a question.
    #[must_use]
    pub fn read(&self, sentence: &str) -> Reading {
        let known = |w: &str| self.net.vocabulary.id(w).is_some();
        let admitted = match gates::admit(sentence, &known) {
            Ok(a) => a,
            Err(Stopped { utterance, unknown_words }) => {
                return Reading { utterance, confidence: 1.0, unknown_words, corrections: Vec::new() };
            }
        };
        let (utterance, confidence) = match self.label(&admitted.words) {
            Err(e) => (Utterance::Unclear(format!("My reader failed ({e}). Can you say it again?")), 0.0),
            Ok((words, confidence)) => match decode(&words) {
                Err(question) => (Utterance::Unclear(question), confidence),
                Ok(_) if confidence < self.threshold => (
                    Utterance::Unclear(
                        "I am not sure that I understand. Can you say it differently?".to_owned(),
                    ),
                    confidence,
                ),
                Ok(u) => (u, confidence),
            },
        };
        Reading { utterance, confidence, unknown_words: Vec::new(), corrections: admitted.corrections }
    }

    /// Labels every word with what its entry in the lexicon allows, and says how sure that is: the
    /// probability of the least certain word, times that of the sentence making sense.
    ///
    /// # Errors
    /// When a tensor operation fails.
    fn label(&self, words: &[String]) -> candle_core::Result<(Vec<Tagged>, f32)> {
        let id = |w: &str| self.net.vocabulary.id(w).unwrap_or(0);
        let mut ids = vec![id(START)];
        ids.extend(words.iter().map(|w| id(w)));
        ids.push(id(END));
        let out = self.net.forward(&ids, 1, ids.len())?;
        let labels: Vec<Vec<f32>> = out.labels.to_vec2()?;
        let sense = softmax(&out.sense.flatten_all()?.to_vec1::<f32>()?)[1];
        let mut least = 1.0f32;
        let mut tagged = Vec::with_capacity(words.len());
        for (word, row) in words.iter().zip(&labels[1..]) {
            let (m, rest) = row.split_at(Meaning::COUNT);
            let (r, k) = rest.split_at(Role::ALL.len());
            let (m, r, k) = (softmax(m), softmax(r), softmax(k));
            let entry = lexicon::entry(word);
            let i = best(&m, |i| entry.is_some_and(|e| e.meanings.contains(&self.meanings[i])));
            let (j, l) = (best(&r, |_| true), best(&k, |_| true));
            least = least.min(m[i] * r[j] * k[l]);
            tagged.push(Tagged {
                word: word.clone(),
                meaning: self.meanings[i],
                role: Role::ALL[j],
                mark: Mark::ALL[l],
            });
        }
        Ok((tagged, least * sense))
    }
}

/// Counts of one kind of sentence.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Sentences read.
    pub n: usize,
    /// Read exactly as meant.
    pub right: usize,
    /// Asked back or refused.
    pub asked: usize,
}

impl Count {
    /// Read as something else than meant: what would be a wrong motion or a wrong answer.
    #[must_use]
    pub fn wrong(&self) -> usize {
        self.n - self.right - self.asked
    }
}

/// How well a reader reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Sentences with a meaning, by kind: the task, "several tasks", or "question".
    pub kinds: BTreeMap<&'static str, Count>,
    /// Requests that must be refused or asked back: `right` is those that were.
    pub refusals: Count,
    /// Known words thrown together without sense: `right` is those that were asked back.
    pub nonsense: Count,
}

impl Evaluation {
    /// All sentences with a meaning.
    #[must_use]
    pub fn total(&self) -> Count {
        self.kinds.values().fold(Count::default(), |a, c| Count {
            n: a.n + c.n,
            right: a.right + c.right,
            asked: a.asked + c.asked,
        })
    }
}

fn kind(u: &Utterance) -> &'static str {
    match u {
        Utterance::Instruct(tasks) => match tasks.as_slice() {
            [Task::Pick(_)] => "pick",
            [Task::Place { .. }] => "place",
            [Task::Stack(_)] => "stack",
            [Task::Push { .. }] => "push",
            [Task::SortByColor(_)] => "sort",
            [Task::Swap(..)] => "swap",
            [_] => "gripper, home, look",
            _ => "several tasks",
        },
        Utterance::Ask(Question::Describe) => "question: describe",
        Utterance::Ask(Question::Count(_)) => "question: count",
        Utterance::Ask(Question::Exists(_)) => "question: exists",
        Utterance::Ask(Question::Holds { .. }) => "question: holds",
        Utterance::Ask(Question::ColorOf(_)) => "question: colour",
        Utterance::Ask(Question::Where(_)) => "question: where",
        Utterance::Empty | Utterance::Unclear(_) | Utterance::Refuse(_) => "none",
    }
}

fn is_declined(u: &Utterance) -> bool {
    matches!(u, Utterance::Unclear(_) | Utterance::Refuse(_) | Utterance::Empty)
}

/// Reads `n` held-out sentences, `n / 4` requests to be declined and `n / 4` senseless ones.
/// `wrong` is told of every sentence that was read as something else.
#[must_use]
pub fn evaluate(reader: &Reader, seed: u64, n: usize, wrong: &mut dyn FnMut(&str, &Reading)) -> Evaluation {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut e = Evaluation::default();
    for _ in 0..n {
        let (sentence, meant) = grammar::sentence(Split::Suite, &mut rng);
        let reading = reader.read(&sentence);
        let c = e.kinds.entry(kind(&meant)).or_default();
        c.n += 1;
        if reading.utterance == meant {
            c.right += 1;
        } else {
            c.asked += usize::from(is_declined(&reading.utterance));
            wrong(&sentence, &reading);
        }
    }
    for _ in 0..n / 4 {
        let salad: Vec<String> =
            grammar::nonsense(Split::Suite, &mut rng).into_iter().map(|w| w.word).collect();
        for (count, sentence) in
            [(&mut e.refusals, grammar::refusal(Split::Suite, &mut rng)), (&mut e.nonsense, salad.join(" "))]
        {
            let reading = reader.read(&sentence);
            count.n += 1;
            if is_declined(&reading.utterance) {
                count.right += 1;
            } else {
                wrong(&sentence, &reading);
            }
        }
    }
    e
}
