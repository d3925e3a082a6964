//! Models in the order in which they are asked. Who fails is told once, with who answers instead, and who is back is
//! told too: the state of the order is declared, not guessed (F46).

use std::time::Instant;
use types::seams::{Answer, Budget, ModelCall, ModelError, Shift, VisionLanguageModel, Wording};
use types::{Image, Offer};

/// The part of the time that is left for a model that is not the last to be asked.
const SHARE: f64 = 0.6;
/// One that failed so often in a row is left alone for so many asks, then tried again.
const FAILURES: u32 = 2;
pub(crate) const LEFT_ALONE: u32 = 6;

struct Link {
    model: Box<dyn VisionLanguageModel>,
    /// It was asked last without an answer.
    ails: bool,
    failures: u32,
    /// For so many asks it is left alone.
    rests: u32,
}

/// The first that has an answer gives it.
pub(crate) struct Chain {
    links: Vec<Link>,
    calls: Vec<ModelCall>,
    shifts: Vec<Shift>,
    /// Who gave the last answer.
    answered: Option<usize>,
}

impl Chain {
    /// In this order; the last one is asked whatever it did before.
    pub(crate) fn new(models: Vec<Box<dyn VisionLanguageModel>>) -> Self {
        let link = |model| Link { model, ails: false, failures: 0, rests: 0 };
        Self {
            links: models.into_iter().map(link).collect(),
            calls: Vec::new(),
            shifts: Vec::new(),
            answered: None,
        }
    }

    /// What came of the links before `i`, and of it: whoever newly ails has `instead` in its place.
    fn note(&mut self, failed: Vec<(usize, ModelError)>, answered: Option<usize>) {
        let instead = answered.map(|i| self.links[i].model.identity());
        for (i, why) in failed {
            let link = &mut self.links[i];
            link.failures += 1;
            if link.failures >= FAILURES {
                link.rests = LEFT_ALONE;
            }
            if !core::mem::replace(&mut link.ails, true) {
                let (model, why) = (link.model.identity(), why.to_string());
                self.shifts.push(Shift::Fell { model, why, instead: instead.clone() });
            }
        }
    }
}

impl VisionLanguageModel for Chain {
    /// Who gave the last answer; all of them, where nobody did.
    fn identity(&self) -> String {
        if let Some(i) = self.answered {
            return self.links[i].model.identity();
        }
        let all: Vec<String> = self.links.iter().map(|l| l.model.identity()).collect();
        all.join("; else ")
    }

    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<Answer, ModelError> {
        let begun = Instant::now();
        let mut last = ModelError::Unusable("there is no model".into());
        let mut failed = Vec::new();
        let n = self.links.len();
        self.answered = None;
        for i in 0..n {
            let is_last = i + 1 == n;
            let link = &mut self.links[i];
            if link.rests > 0 && !is_last {
                link.rests -= 1;
                continue;
            }
            let left = budget.limit.saturating_sub(begun.elapsed());
            // Whoever comes next must have time for an answer as well.
            let limit = if is_last { left } else { left.mul_f64(SHARE) };
            let answered = link.model.answer(image, sentence, Budget { limit, ..budget });
            let calls = link.model.take_calls();
            // What a reader beside it has read says nothing of the model itself.
            let is_asked = is_last || !calls.is_empty();
            self.calls.extend(calls);
            match answered {
                Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
                Err(why @ ModelError::Declined(_)) => last = why,
                Err(why) => {
                    last = why.clone();
                    failed.push((i, why));
                }
                Ok(answer) => {
                    self.answered = Some(i);
                    self.note(failed, Some(i));
                    let link = &mut self.links[i];
                    if is_asked {
                        link.failures = 0;
                        if core::mem::take(&mut link.ails) {
                            self.shifts.push(Shift::Back { model: link.model.identity() });
                        }
                    }
                    return Ok(answer);
                }
            }
        }
        self.note(failed, None);
        Err(last)
    }

    fn offer(&mut self, offer: &Offer) {
        self.links.iter_mut().for_each(|l| l.model.offer(offer));
    }

    /// The first that has words; that others have none is no failure of theirs.
    fn word(&mut self, wording: &Wording, budget: Budget<'_>) -> Result<Option<String>, ModelError> {
        let begun = Instant::now();
        let mut last = Ok(None);
        self.answered = None;
        for (i, link) in self.links.iter_mut().enumerate().filter(|(_, l)| l.rests == 0) {
            let limit = budget.limit.saturating_sub(begun.elapsed()).mul_f64(SHARE);
            let said = link.model.word(wording, Budget { limit, ..budget });
            self.calls.extend(link.model.take_calls());
            match said {
                Ok(Some(words)) => {
                    self.answered = Some(i);
                    return Ok(Some(words));
                }
                Ok(None) => {}
                why => last = why,
            }
        }
        last
    }

    fn take_calls(&mut self) -> Vec<ModelCall> {
        core::mem::take(&mut self.calls)
    }

    fn take_shifts(&mut self) -> Vec<Shift> {
        core::mem::take(&mut self.shifts)
    }
}
