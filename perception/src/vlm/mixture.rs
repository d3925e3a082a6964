//! Many gated layers of which each token goes through a few, as the Qwen3 mixtures have them: the router's softmax
//! says which, and how much each counts (Shazeer et al. 2017; Fedus, Zoph and Shazeer 2022).

use super::error::Result;
use super::layers::{Gate, Linear, Weight, gated};
use super::settings::Node;
use super::source::Source;
use candle_core::{DType, Tensor};
use candle_nn::ops;

/// Sizes of a [`Mixture`], and which layers have one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MixtureConfig {
    experts: usize,
    per_token: usize,
    inner: usize,
    /// Every so many layers there is one ...
    step: usize,
    /// ... but not in these.
    dense: Vec<usize>,
}

impl MixtureConfig {
    pub(super) fn new(text: &Node<'_>) -> Result<Self> {
        // Of transformers 4 and 5.
        let experts = text.get("num_experts").map_or_else(|| text.need("num_local_experts"), Ok)?;
        let experts = experts.size(1..=4096)?;
        if let Some(node) = text.get("norm_topk_prob")
            && !node.flag()?
        {
            return Err(node.refuse("true"));
        }
        Ok(Self {
            experts,
            per_token: text.need("num_experts_per_tok")?.size(1..=experts)?,
            inner: text.need("moe_intermediate_size")?.size(1..=1 << 20)?,
            step: text.get("decoder_sparse_step").map_or(Ok(1), |n| n.size(1..=1024))?,
            dense: text.get("mlp_only_layers").map_or(Ok(Vec::new()), |n| n.sizes(0..=1023))?,
        })
    }

    /// Whether this layer has one.
    pub(super) fn is_in(&self, layer: usize) -> bool {
        !self.dense.contains(&layer) && (layer + 1).is_multiple_of(self.step)
    }
}

/// The layers with their router.
pub(super) struct Mixture {
    router: Linear,
    gate_up: Vec<Weight>,
    down: Vec<Weight>,
    per_token: usize,
}

impl Mixture {
    /// `name.gate` and, for all experts in one, `name.experts.gate_up_proj` and `name.experts.down_proj`.
    pub(super) fn new(source: &Source<'_>, name: &str, n: usize, c: &MixtureConfig) -> Result<Self> {
        let parts = [("gate_up_proj", n, 2 * c.inner), ("down_proj", c.inner, n)];
        let parts = parts.map(|(part, n_in, n_out)| (format!("{name}.experts.{part}"), n_in, n_out));
        // Published ones lie as (in, out), those of transformers 5 the other way; a square one does not tell.
        let is_turned = parts
            .iter()
            .any(|(name, n_in, n_out)| n_in != n_out && source.fits(name, &[c.experts, *n_in, *n_out]));
        let [gate_up, down] =
            parts.map(|(name, n_in, n_out)| source.experts(&name, [c.experts, n_in, n_out], is_turned));
        Ok(Self {
            // Never quantised: a coarse one would send tokens elsewhere.
            router: Linear::from_parts(source.get(&format!("{name}.gate.weight"), &[c.experts, n])?, None),
            gate_up: gate_up?,
            down: down?,
            per_token: c.per_token,
        })
    }

    /// Of the matrices that one token goes through.
    pub(super) fn bytes(&self) -> usize {
        let experts = self.gate_up.iter().zip(&self.down).map(|(a, b)| a.bytes() + b.bytes());
        self.router.bytes() + experts.take(self.per_token).sum::<usize>()
    }

    /// (tokens, channels) to the same.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let shares = ops::softmax_last_dim(&self.router.forward(x)?.to_dtype(DType::F32)?)?.to_vec2()?;
        let mut visits = vec![(Vec::new(), Vec::new()); self.down.len()];
        for (token, shares) in shares.iter().enumerate() {
            for (expert, share) in chosen(shares, self.per_token) {
                visits[expert].0.push(token as u32);
                visits[expert].1.push(share);
            }
        }
        let mut sum = x.zeros_like()?;
        for (expert, (tokens, shares)) in visits.into_iter().enumerate().filter(|(_, v)| !v.0.is_empty()) {
            let n = tokens.len();
            let tokens = Tensor::from_vec(tokens, n, x.device())?;
            let shares = Tensor::from_vec(shares, (n, 1), x.device())?.to_dtype(x.dtype())?;
            let y = gated(&self.gate_up[expert].times(&x.index_select(&tokens, 0)?)?, Gate::Silu)?;
            let y = self.down[expert].times(&y)?.broadcast_mul(&shares)?;
            sum = sum.index_add(&tokens, &y, 0)?;
        }
        Ok(sum)
    }
}

/// The experts with the largest shares, of equal ones the first, each with what it counts: all together one.
fn chosen(shares: &[f32], n: usize) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = shares.iter().copied().enumerate().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(n);
    let sum: f32 = all.iter().map(|(_, share)| share).sum();
    all.iter_mut().for_each(|(_, share)| *share /= sum);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_largest_shares_are_chosen_and_add_up_to_one() {
        let shares = [0.1, 0.3, 0.2, 0.3, 0.1];
        assert_eq!(chosen(&shares, 2), [(1, 0.5), (3, 0.5)]);
        assert_eq!(chosen(&shares, 5).iter().map(|(_, share)| share).sum::<f32>(), 1.0);
    }

    #[test]
    fn settings_say_which_layers_are_mixtures_and_are_refused_by_key() {
        let good = json!({
            "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
            "decoder_sparse_step": 2, "mlp_only_layers": [3],
        });
        let config = MixtureConfig::new(&Node::root("config.json", &good)).expect("good");
        let layers: Vec<usize> = (0..8).filter(|i| config.is_in(*i)).collect();
        assert_eq!(layers, [1, 5, 7]);
        for (key, value) in [
            ("num_experts", json!(0)),
            ("num_experts_per_tok", json!(9)),
            ("moe_intermediate_size", json!("many")),
            ("decoder_sparse_step", json!(0)),
            ("mlp_only_layers", json!([-1])),
            ("norm_topk_prob", json!(false)),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            let e = MixtureConfig::new(&Node::root("config.json", &bad)).expect_err("refused").to_string();
            assert!(e.contains(&format!("config.json {key}")), "{e}");
        }
    }
}
