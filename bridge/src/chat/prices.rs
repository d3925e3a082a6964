//! What tokens cost. List prices change: these are Model Studio's for mainland China, as listed in 2026, and say so.

/// Up to so many tokens of a prompt, a million tokens of prompt and of answer cost so much.
type Step = (u64, f64, f64);

/// Prices per million tokens, by the length of the prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Price {
    /// "CNY", or whatever the budget is counted in; empty: nothing is known, and nothing is counted.
    pub currency: &'static str,
    /// Prompts up to so many tokens, and the prices then. The last holds for all longer ones.
    pub steps: Vec<Step>,
}

/// Models of Alibaba Cloud Model Studio (Bailian): the beginnings of their names, most special first.
const LIST: [(&str, &[Step]); 4] = [
    ("qwen3-vl-plus", &[(32_000, 1.0, 10.0), (128_000, 1.5, 15.0), (256_000, 3.0, 30.0)]),
    ("qwen3-vl-flash", &[(32_000, 0.15, 1.5)]),
    ("qwen-vl-max", &[(126_000, 1.6, 4.0)]),
    ("qwen-vl-plus", &[(126_000, 0.8, 2.0)]),
];

impl Price {
    /// The list price of a model, if it is known by name.
    #[must_use]
    pub fn of_model(name: &str) -> Self {
        let found = LIST.iter().find(|(beginning, _)| name.starts_with(beginning));
        found.map_or_else(Self::default, |(_, steps)| Self { currency: "CNY", steps: steps.to_vec() })
    }

    /// What a million tokens of prompt and of answer cost whoever pays for them, in the currency of their budget.
    #[must_use]
    pub fn own([prompt, answer]: [f64; 2]) -> Self {
        Self { currency: "as configured", steps: vec![(u64::MAX, prompt, answer)] }
    }

    /// What a prompt and an answer of so many tokens cost.
    #[must_use]
    pub fn of(&self, [prompt, answer]: [u64; 2]) -> f64 {
        let step = self.steps.iter().find(|(most, ..)| prompt <= *most).or(self.steps.last());
        step.map_or(0.0, |(_, a, b)| (prompt as f64 * a + answer as f64 * b) / 1e6)
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
        assert_eq!(Price::of_model("my-own").of([1000, 1000]), 0.0);
    }
}
