//! Models in the order in which they are asked. Who fails is told once, with who answers instead, and who is back is
//! told too: the state of the order is declared, not guessed (F46).

use std::time::Instant;
use types::seams::{Answer, Budget, Judgement, ModelCall, ModelError, Shift, VisionLanguageModel, Wording};
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

    /// The first that has something to say to what may also be left unsaid. Who rests is not asked.
    fn first<T>(
        &mut self,
        budget: Budget<'_>,
        mut ask: impl FnMut(&mut dyn VisionLanguageModel, Budget<'_>) -> Result<Option<T>, ModelError>,
    ) -> Result<Option<T>, ModelError> {
        let begun = Instant::now();
        let mut last = Ok(None);
        self.answered = None;
        for (i, link) in self.links.iter_mut().enumerate().filter(|(_, l)| l.rests == 0) {
            let limit = budget.limit.saturating_sub(begun.elapsed()).mul_f64(SHARE);
            let said = ask(link.model.as_mut(), Budget { limit, ..budget });
            self.calls.extend(link.model.take_calls());
            match said {
                Ok(Some(said)) => {
                    self.answered = Some(i);
                    return Ok(Some(said));
                }
                Ok(None) => {}
                Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
                why => last = why,
            }
        }
        last
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
            // What a reader beside it has read says nothing of the model itself; a picture it has looked at, in calls that
            // are told or, as the built-in one on a perception node, without any.
            let is_asked = is_last || image.is_some() || !calls.is_empty();
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
        self.first(budget, |model, budget| model.word(wording, budget))
    }

    /// The first that judges; likewise.
    fn judge(
        &mut self,
        before: &Image,
        after: &Image,
        what: &str,
        budget: Budget<'_>,
    ) -> Result<Option<Judgement>, ModelError> {
        self.first(budget, |model, budget| model.judge(before, after, what, budget))
    }

    fn take_calls(&mut self) -> Vec<ModelCall> {
        core::mem::take(&mut self.calls)
    }

    fn take_shifts(&mut self) -> Vec<Shift> {
        core::mem::take(&mut self.shifts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;
    use core::time::Duration;
    use types::language::Utterance;
    use types::{Intrinsics, Time, Transform};

    /// Says this of what was done, and answers a look or does not.
    struct Judges(&'static str, Result<Option<bool>, ModelError>, bool);

    impl VisionLanguageModel for Judges {
        fn identity(&self) -> String {
            self.0.into()
        }

        fn answer(&mut self, _: Option<&Image>, _: &str, _: Budget<'_>) -> Result<Answer, ModelError> {
            let answer = Answer { detections: vec![], utterance: Utterance::Empty, confidence: 1.0 };
            if self.2 { Ok(answer) } else { Err(ModelError::Unusable("gone".into())) }
        }

        fn judge(
            &mut self,
            _: &Image,
            _: &Image,
            _: &str,
            _: Budget<'_>,
        ) -> Result<Option<Judgement>, ModelError> {
            self.1.clone().map(|said| said.map(|is_done| Judgement { is_done, reason: self.0.into() }))
        }
    }

    /// Has no answer for the first so many looks; calls are told of none.
    struct Returns(u32);

    impl VisionLanguageModel for Returns {
        fn identity(&self) -> String {
            "returns".into()
        }

        fn answer(&mut self, _: Option<&Image>, _: &str, _: Budget<'_>) -> Result<Answer, ModelError> {
            let is_there = self.0 == 0;
            self.0 = self.0.saturating_sub(1);
            let answer = Answer { detections: vec![], utterance: Utterance::Empty, confidence: 1.0 };
            if is_there { Ok(answer) } else { Err(ModelError::Unusable("gone".into())) }
        }
    }

    #[test]
    fn one_that_looks_without_calls_is_told_to_be_back_by_a_picture_and_not_by_words_alone() {
        let lens = Intrinsics::from_fov(1, 1, 1.0).expect("a lens");
        let image = Image::new("front", 0, Time::ZERO, vec![0; 3], None, lens, Transform::identity());
        let (image, cancel) = (image.expect("a picture"), AtomicBool::new(false));
        let budget = || Budget { limit: Duration::from_secs(1), cancel: &cancel };
        let last = Box::new(Judges("last", Ok(None), true));
        let mut chain = Chain::new(vec![Box::new(Returns(1)), last]);
        let mut asked = |image: Option<&Image>| {
            assert!(chain.answer(image, "go", budget()).is_ok());
            chain.take_shifts()
        };
        assert!(matches!(asked(Some(&image))[..], [Shift::Fell { .. }]), "F46");
        assert_eq!(asked(None), []);
        assert_eq!(asked(Some(&image)), [Shift::Back { model: "returns".into() }]);
        assert_eq!(asked(Some(&image)), []);
    }

    #[test]
    fn the_first_that_judges_does_and_who_rests_is_not_asked() {
        let lens = Intrinsics::from_fov(1, 1, 1.0).expect("a lens");
        let image = Image::new("front", 0, Time::ZERO, vec![0; 3], None, lens, Transform::identity());
        let (image, cancel) = (image.expect("a picture"), AtomicBool::new(false));
        let budget = || Budget { limit: Duration::from_secs(1), cancel: &cancel };
        let broken = || Err(ModelError::Unusable("broken".into()));
        let judged = |models: Vec<Judges>, looks: usize| {
            let models = models.into_iter().map(|m| Box::new(m) as Box<dyn VisionLanguageModel>);
            let mut chain = Chain::new(models.collect());
            (0..looks).for_each(|_| _ = chain.answer(Some(&image), "", budget()));
            chain
                .judge(&image, &image, "put it there", budget())
                .map(|said| said.map(|j| (j.is_done, j.reason)))
        };
        let [yes, no] = [Ok(Some(true)), Ok(Some(false))];
        let all = |first| {
            vec![Judges("a", first, true), Judges("b", no.clone(), true), Judges("c", Ok(None), true)]
        };
        assert_eq!(judged(all(yes.clone()), 0), Ok(Some((true, "a".into()))));
        assert_eq!(judged(all(Ok(None)), 0), Ok(Some((false, "b".into()))));
        assert_eq!(judged(all(broken()), 0), Ok(Some((false, "b".into()))));
        // Two looks in vain, and it rests.
        let resting = || vec![Judges("a", yes.clone(), false), Judges("c", Ok(None), true)];
        assert_eq!(judged(resting(), 1), Ok(Some((true, "a".into()))));
        assert_eq!(judged(resting(), 2), Ok(None));
        // That one is broken is not hidden by another that has no word.
        let said = judged(vec![Judges("a", broken(), true), Judges("c", Ok(None), true)], 0);
        assert!(said.is_err_and(|e| e.to_string().contains("broken")));
    }
}
