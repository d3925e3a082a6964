//! What tokens cost: lists of prices, which are files, and what a call costs by them.

use serde::Deserialize;
use std::borrow::Cow;
use std::io::Read as _;
use std::path::Path;
use toml::Spanned;
use types::Rejection;

/// The list that comes along.
const BUILT_IN: &str = include_str!("prices.toml");
/// Longest list, bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Most that a million tokens may cost.
const DEAREST: f64 = 1e6;

/// Up to so many tokens of a prompt, a million tokens of prompt and of answer cost so much.
type Step = (u64, f64, f64);

/// Prices per million tokens, by the length of the prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Price {
    /// "CNY", or whatever the budget is counted in; empty: nothing is known, and nothing is counted.
    pub currency: Cow<'static, str>,
    /// Prompts up to so many tokens, and the prices then. The last holds for all longer ones.
    pub steps: Vec<Step>,
}

impl Price {
    /// The price of a model by the list that comes along, if it is known by name.
    #[must_use]
    pub fn of_model(name: &str) -> Self {
        PriceList::built_in().of_model(name).unwrap_or_default()
    }

    /// What a million tokens of prompt and of answer cost whoever pays for them, in the currency of their budget.
    #[must_use]
    pub fn own([prompt, answer]: [f64; 2]) -> Self {
        Self { currency: "as configured".into(), steps: vec![(u64::MAX, prompt, answer)] }
    }

    /// What a prompt and an answer of so many tokens cost.
    #[must_use]
    pub fn of(&self, [prompt, answer]: [u64; 2]) -> f64 {
        let step = self.steps.iter().find(|(most, ..)| prompt <= *most).or(self.steps.last());
        step.map_or(0.0, |(_, a, b)| (prompt as f64 * a + answer as f64 * b) / 1e6)
    }
}

/// What the models of somebody cost, with where it was found and when.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceList {
    /// Whose prices these are.
    pub source: String,
    /// As of when.
    pub date: String,
    currency: String,
    /// Beginnings of names, the longest first.
    models: Vec<(String, Vec<Step>)>,
}

/// A list as it stands in its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source: Spanned<String>,
    date: Spanned<String>,
    currency: Spanned<String>,
    model: Spanned<Vec<WrittenModel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenModel {
    name: Spanned<String>,
    steps: Spanned<Vec<WrittenStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    tokens: Spanned<u64>,
    prompt: Spanned<f64>,
    answer: Spanned<f64>,
}

impl PriceList {
    /// The list that comes along.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN, "prices.toml").expect("the built-in list is valid (tested)")
    }

    /// Out of a file.
    ///
    /// # Errors
    /// A [`Rejection`] naming file, line and field: a file that cannot be read or is too long, what is no TOML, fields
    /// that are unknown, missing, empty or out of range, a name that stands there twice.
    pub fn read(path: &Path) -> Result<Self, Rejection> {
        let name = path.display().to_string();
        let refuse = |got: String| Rejection::new(name.clone(), "a list of prices (TOML)", got);
        // A pipe would be waited for.
        if !std::fs::metadata(path).map_err(|e| refuse(e.to_string()))?.is_file() {
            return Err(refuse("no regular file".to_owned()));
        }
        let file = std::fs::File::open(path).map_err(|e| refuse(e.to_string()))?;
        let mut text = String::new();
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|e| refuse(e.to_string()))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(Rejection::new(name, format!("at most {MOST_BYTES} bytes"), "more"));
        }
        Self::parse(&text, &name)
    }

    /// Out of the text of a file; `name` is for messages.
    ///
    /// # Errors
    /// As [`PriceList::read`].
    pub fn parse(text: &str, name: &str) -> Result<Self, Rejection> {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
        let written: Written = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(1, |s| line(s.start));
            Rejection::new(format!("{name}, line {at}"), "a list of prices", e.message().trim().to_owned())
        })?;
        let refuse = |at: usize, field: String, expected: String, got: String| {
            Rejection::new(format!("{name}, line {}, {field}", line(at)), expected, got)
        };
        let word = |said: &Spanned<String>, field: String| match said.get_ref().trim() {
            "" => Err(refuse(said.span().start, field, "a word".into(), "nothing".into())),
            said => Ok(said.to_owned()),
        };
        let money = |said: &Spanned<f64>, field: String| match *said.get_ref() {
            v if (0.0..=DEAREST).contains(&v) => Ok(v),
            v => {
                let expected = format!("what a million tokens cost, 0 to {DEAREST}");
                Err(refuse(said.span().start, field, expected, v.to_string()))
            }
        };
        let mut models: Vec<(String, Vec<Step>)> = Vec::new();
        for (i, model) in written.model.get_ref().iter().enumerate() {
            let of = word(&model.name, format!("model[{i}].name"))?;
            if models.iter().any(|(other, _)| *other == of) {
                let at = model.name.span().start;
                return Err(refuse(at, format!("model[{i}].name"), "each name once".into(), of));
            }
            let mut steps: Vec<Step> = Vec::new();
            for (k, step) in model.steps.get_ref().iter().enumerate() {
                let field = |key: &str| format!("model[{i}].steps[{k}].{key}");
                let (most, least) =
                    (*step.tokens.get_ref(), steps.last().map_or(1, |s| s.0.saturating_add(1)));
                if most < least {
                    let at = step.tokens.span().start;
                    return Err(refuse(at, field("tokens"), format!("at least {least}"), most.to_string()));
                }
                steps.push((
                    most,
                    money(&step.prompt, field("prompt"))?,
                    money(&step.answer, field("answer"))?,
                ));
            }
            if steps.is_empty() {
                let at = model.steps.span().start;
                return Err(refuse(at, format!("model[{i}].steps"), "at least one".into(), "none".into()));
            }
            models.push((of, steps));
        }
        if models.is_empty() {
            let at = written.model.span().start;
            return Err(refuse(at, "model".into(), "at least one".into(), "none".into()));
        }
        models.sort_by_key(|(name, _)| core::cmp::Reverse(name.len()));
        Ok(Self {
            source: word(&written.source, "source".into())?,
            date: word(&written.date, "date".into())?,
            currency: word(&written.currency, "currency".into())?,
            models,
        })
    }

    /// The price of a model, if the list has one whose name this one begins with.
    #[must_use]
    pub fn of_model(&self, name: &str) -> Option<Price> {
        let (_, steps) = self.models.iter().find(|(beginning, _)| name.starts_with(beginning))?;
        Some(Price { currency: self.currency.clone().into(), steps: steps.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_what_the_list_says_and_an_unknown_model_nothing() {
        let price = Price::of_model("qwen3-vl-plus-2025-12-19");
        assert!((price.of([2000, 100]) - (0.002 + 0.001)).abs() < 1e-12);
        assert!((price.of([100_000, 0]) - 0.15).abs() < 1e-12);
        assert!((price.of([1_000_000, 0]) - 3.0).abs() < 1e-12);
        assert_eq!(price.currency, "CNY");
        assert_eq!(Price::of_model("my-own"), Price::default());
        assert_eq!(Price::of_model("my-own").of([1000, 1000]), 0.0);
        let list = PriceList::built_in();
        assert!(list.source.contains("Model Studio") && list.date.starts_with("20"), "{list:?}");
    }

    const HEAD: &str = "source = \"me\"\ndate = \"29 November 2026\"\ncurrency = \"EUR\"\n";

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = std::env::temp_dir();
        let said = PriceList::read(&folder).expect_err("a folder").to_string();
        assert!(said.contains(&folder.display().to_string()) && said.contains("no regular file"), "{said}");
        assert!(PriceList::read(&folder.join("nowhere/prices.toml")).is_err());
    }

    #[test]
    fn the_longest_beginning_of_a_name_counts() {
        let one = |name: &str, prompt: &str| {
            format!(
                "[[model]]\nname = \"{name}\"\nsteps = [{{ tokens = 9, prompt = {prompt}, answer = 1 }}]\n"
            )
        };
        let text = [HEAD, &one("m", "1"), &one("m-large", "3.5"), &one("m-l", "2")].concat();
        let list = PriceList::parse(&text, "my.toml").expect("a list");
        let of = |name: &str| list.of_model(name).map(|p| (p.steps[0].1, p.currency.into_owned()));
        assert_eq!(of("m-large-2"), Some((3.5, "EUR".into())));
        assert_eq!(of("m-lean"), Some((2.0, "EUR".into())));
        assert_eq!(of("m"), Some((1.0, "EUR".into())));
        assert_eq!(of("other"), None);
    }

    #[test]
    fn a_bad_list_is_refused_by_file_line_and_field() {
        let steps = |s: &str| format!("{HEAD}[[model]]\nname = \"m\"\nsteps = [\n{s}\n]\n");
        let good = "{ tokens = 9, prompt = 1, answer = 1 }";
        for (text, says) in [
            ("source = ".to_owned(), &["line 1"][..]),
            (HEAD.to_owned(), &["model"]),
            (format!("model = []\n{HEAD}"), &["line 1, model", "at least one"]),
            (HEAD.replace("\"EUR\"", "\" \"") + &steps(good)[HEAD.len()..], &["line 3, currency"]),
            (HEAD.replace("\"EUR\"", "3") + &steps(good)[HEAD.len()..], &["line 3", "string"]),
            (HEAD.replace("date", "data") + &steps(good)[HEAD.len()..], &["line 2", "data"]),
            (steps(""), &["line 6, model[0].steps", "at least one"]),
            (steps("{ tokens = 9, prompt = -1, answer = 1 }"), &["line 7, model[0].steps[0].prompt", "-1"]),
            (steps("{ tokens = 9, prompt = 1, answer = nan }"), &["line 7, model[0].steps[0].answer", "NaN"]),
            (steps("{ tokens = 9, prompt = 1 }"), &["line 7", "answer"]),
            (steps("{ tokens = 9, prompt = 1, answer = 1, cached = 1 }"), &["line 7", "cached"]),
            (
                steps("{ tokens = 0, prompt = 1, answer = 1 }"),
                &["line 7, model[0].steps[0].tokens", "at least 1"],
            ),
            (
                steps(&format!("{good},\n{good}")),
                &["line 8, model[0].steps[1].tokens", "at least 10", "got 9"],
            ),
            (
                steps(good) + &format!("[[model]]\nname = \"m\"\nsteps = [{good}]\n"),
                &["line 10, model[1].name", "once"],
            ),
        ] {
            let e = PriceList::parse(&text, "my.toml").expect_err(&text).to_string();
            assert!(e.contains("my.toml, line ") && says.iter().all(|s| e.contains(s)), "{text}\n{e}");
        }
        let e = PriceList::read(Path::new("/nowhere/prices.toml")).expect_err("refused").to_string();
        assert!(e.contains("/nowhere/prices.toml"), "{e}");
    }
}
