//! Attention, a bounded part of the queries at a time, so that the scores of a long prompt or a large
//! picture never need more than a fixed amount of memory.

use super::error::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::ops;
use core::ops::Range;

/// Scores that may exist at the same time: 64 MiB in 32 bits.
pub(super) const MAX_SCORES: usize = 16 << 20;

/// Which keys a query may see.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sight<'a> {
    /// All of them; so many scores at a time at most.
    All(usize),
    /// Those up to its own position.
    Past(&'a Past),
}

/// What becomes of the products of queries and keys before the softmax.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// By what they are multiplied, 1 / √d where nothing is said.
    pub(super) scale: Option<f64>,
    /// c in c tanh(score / c), which comes then, where there is one.
    pub(super) cap: Option<f64>,
}

/// Queries that stand one after the other behind keys that came before, in parts of neighbours: made once for all
/// layers.
#[derive(Debug)]
pub(super) struct Past {
    parts: Vec<Part>,
    scores: Scores,
}

/// Some neighbouring queries and what they see.
#[derive(Clone, Debug)]
struct Part {
    begin: usize,
    n: usize,
    /// The first key that they see.
    from: usize,
    /// Keys, from that one on, that the last of them sees.
    seen: usize,
    /// Keys that the first of them sees.
    seen_first: usize,
    /// −∞ where a key lies after the query, (n, seen), where it was made ahead.
    mask: Option<Tensor>,
}

impl Part {
    /// Queries that see all of these keys.
    fn of_all(begin: usize, n: usize, keys: Range<usize>) -> Self {
        Self { begin, n, from: keys.start, seen: keys.len(), seen_first: keys.len(), mask: None }
    }
}

impl Past {
    /// The first of the queries, which are made of `x_tc`, stands behind `first` keys; all `heads` together have at most
    /// `max_scores` scores in memory at a time, but those of one query at least.
    pub(super) fn new(first: usize, x_tc: &Tensor, heads: usize, max_scores: usize) -> Result<Self> {
        let n_queries = x_tc.dim(0)?;
        let is_ahead = n_queries * (first + n_queries) <= max_scores;
        let part = |(begin, n): (usize, usize)| {
            let seen = first + begin + n;
            // Of a long conversation every layer makes its own, a part at a time.
            let has_mask = n > 1 && is_ahead && !is_softened_in_one(x_tc);
            let mask = has_mask.then(|| future(first + begin, n, seen, x_tc.device())).transpose()?;
            Ok(Part { seen_first: seen - n + 1, mask, ..Part::of_all(begin, n, 0..seen) })
        };
        let parts = in_parts(n_queries, max_scores / (heads * (first + n_queries)));
        Ok(Self { parts: parts.map(part).collect::<Result<_>>()?, scores: Scores::default() })
    }

    /// Queries of which each sees all of these `keys`, before it and after.
    pub(super) fn of_all(
        n_queries: usize,
        keys: Range<usize>,
        heads: usize,
        max_scores: usize,
        scores: Scores,
    ) -> Self {
        let parts = in_parts(n_queries, max_scores / (heads * keys.len()).max(1));
        Self { parts: parts.map(|(begin, n)| Part::of_all(begin, n, keys.clone())).collect(), scores }
    }
}

/// Beginnings and lengths of parts of `n`, each of `most` but of one at least.
fn in_parts(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let most = most.clamp(1, n.max(1));
    (0..n).step_by(most).map(move |begin| (begin, most.min(n - begin)))
}

/// softmax(q kᵀ / √d) v (Vaswani et al. 2017), or with other [`Scores`]. `q_htd` has a multiple of the heads of `k_gsd` and `v_gsd`:
/// neighbouring query heads share one of those (Ainslie et al. 2023). Gives (heads, tokens, d).
pub(super) fn attend(q_htd: &Tensor, k_gsd: &Tensor, v_gsd: &Tensor, sight: Sight<'_>) -> Result<Tensor> {
    let (heads, n_queries, d) = q_htd.dims3()?;
    let (groups, n_keys, _) = k_gsd.dims3()?;
    let shared = heads / groups;
    let scores = match sight {
        Sight::Past(past) => past.scores,
        Sight::All(_) => Scores::default(),
    };
    let q_htd = (q_htd * scores.scale.unwrap_or(1.0 / (d as f64).sqrt()))?;
    let one = |part: &Part| -> Result<Tensor> {
        let (n, seen) = (part.n, part.seen);
        let (k, v) = (k_gsd.narrow(1, part.from, seen)?, v_gsd.narrow(1, part.from, seen)?);
        let q = q_htd.narrow(1, part.begin, n)?.contiguous()?.reshape((groups, shared * n, d))?;
        let products = q.matmul(&k.transpose(1, 2)?)?;
        let products = match scores.cap {
            Some(cap) => capped(&products, cap)?,
            None => products,
        };
        let weights = weights(&products, part, heads)?;
        Ok(weights.matmul(&v)?.reshape((heads, n, d))?)
    };
    let parts: Vec<Tensor> = match sight {
        Sight::Past(past) => past.parts.iter().map(one).collect::<Result<_>>()?,
        Sight::All(most) => in_parts(n_queries, most / (heads * n_keys))
            .map(|(begin, n)| one(&Part::of_all(begin, n, 0..n_keys)))
            .collect::<Result<_>>()?,
    };
    Ok(match parts.as_slice() {
        [one] => one.clone(),
        _ => Tensor::cat(&parts, 1)?,
    })
}

/// c tanh(x / c): nearly x where that is small beside c, and never beyond c.
pub(super) fn capped(x: &Tensor, cap: f64) -> Result<Tensor> {
    let wide = (x.to_dtype(DType::F32)? / cap)?;
    Ok((wide.tanh()? * cap)?.to_dtype(x.dtype())?)
}

/// Whether the GPU masks and softens scores of these numbers in one pass.
fn is_softened_in_one(_x: &Tensor) -> bool {
    #[cfg(feature = "cuda")]
    return super::gpu::serves(_x);
    #[cfg(not(feature = "cuda"))]
    false
}

/// The softmax of (groups, shared · n, seen) scores over the keys that each query sees, in 32 bits.
fn weights(scores_gqs: &Tensor, part: &Part, heads: usize) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if super::gpu::serves(scores_gqs) {
        return super::gpu::soften(scores_gqs, part.n, part.seen_first);
    }
    let mut scores = scores_gqs.to_dtype(DType::F32)?;
    let own = match &part.mask {
        None if part.seen_first < part.seen => {
            Some(future(part.seen_first - 1, part.n, part.seen, scores.device())?)
        }
        _ => None,
    };
    if let Some(mask) = part.mask.as_ref().or(own.as_ref()) {
        scores =
            scores.reshape((heads, part.n, part.seen))?.broadcast_add(mask)?.reshape(scores_gqs.shape())?;
    }
    Ok(ops::softmax_last_dim(&scores)?.to_dtype(scores_gqs.dtype())?)
}

/// −∞ where a key lies after the query: (n queries from position `first`, `n_keys` keys from position 0).
fn future(first: usize, n: usize, n_keys: usize, device: &Device) -> Result<Tensor> {
    let cell = |i: usize| if i % n_keys > first + i / n_keys { f32::NEG_INFINITY } else { 0.0 };
    let values: Vec<f32> = (0..n * n_keys).map(cell).collect();
    Ok(Tensor::from_vec(values, (n, n_keys), device)?)
}

/// (tokens, heads · d) as (heads, tokens, d).
pub(super) fn split_heads(x_tc: &Tensor, heads: usize) -> Result<Tensor> {
    let (n, channels) = x_tc.dims2()?;
    Ok(x_tc.reshape((n, heads, channels / heads))?.transpose(0, 1)?)
}

/// (heads, tokens, d) as (tokens, heads · d).
pub(super) fn join_heads(x_htd: &Tensor) -> Result<Tensor> {
    Ok(x_htd.transpose(0, 1)?.contiguous()?.flatten_from(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vlm::drawn::normal;

    fn difference(a: &Tensor, b: &Tensor) -> f32 {
        let all = (a - b).and_then(|d| d.abs()).and_then(|d| d.flatten_all()).and_then(|d| d.max(0));
        all.and_then(|d| d.to_scalar()).expect("a number")
    }

    #[test]
    fn a_part_of_the_queries_at_a_time_gives_what_all_at_once_gives() {
        let (q, k, v) = (normal((4, 7, 8), 1), normal((2, 10, 8), 2), normal((2, 10, 8), 3));
        let past = |most| Past::new(3, &normal((7, 1, 1), 4), 4, most).expect("masks");
        let of = |sight: Sight<'_>| attend(&q, &k, &v, sight).expect("attends");
        let (all, behind) = (of(Sight::All(MAX_SCORES)), of(Sight::Past(&past(MAX_SCORES))));
        assert!(difference(&all, &behind) > 1e-3);
        for most in [1, 80, 130] {
            assert!(difference(&all, &of(Sight::All(most))) < 1e-6, "{most}");
            assert!(difference(&behind, &of(Sight::Past(&past(most)))) < 1e-6, "{most}");
        }
    }

    #[test]
    fn queries_that_see_the_same_keys_see_those_alone_and_scores_are_scaled_and_capped_first() {
        let (q, k, v) = (normal((4, 7, 8), 1), normal((2, 10, 8), 2), normal((2, 10, 8), 3));
        let of = |q: &Tensor, k: &Tensor, v: &Tensor, most, keys, scores| {
            attend(q, k, v, Sight::Past(&Past::of_all(7, keys, 4, most, scores))).expect("attends")
        };
        let near = |x: &Tensor| x.narrow(1, 6, 4).and_then(|x| x.contiguous()).expect("four");
        let alone = attend(&q, &near(&k), &near(&v), Sight::All(MAX_SCORES)).expect("attends");
        for most in [1, 80, MAX_SCORES] {
            assert!(difference(&alone, &of(&q, &k, &v, most, 6..10, Scores::default())) < 1e-6, "{most}");
        }
        // A cap far beyond all scores is none, one far below makes all keys count the same.
        let [loose, tight] = [1e4, 1e-4].map(|cap| Scores { scale: None, cap: Some(cap) });
        assert!(difference(&alone, &of(&q, &k, &v, MAX_SCORES, 6..10, loose)) < 1e-4);
        let mean = v.mean_keepdim(1).expect("means");
        let mean = Tensor::cat(&[&mean, &mean], 2).and_then(|m| m.reshape((4, 1, 8))).expect("of each head");
        let tight = of(&q, &k, &v, MAX_SCORES, 0..10, tight);
        assert!(difference(&tight, &mean.broadcast_as((4, 7, 8)).expect("for all")) < 1e-3);
        let double = Scores { scale: Some(2.0 / 8f64.sqrt()), cap: None };
        let twice = (&q * 2.0).expect("twice");
        let [a, b] = [(&q, double), (&twice, Scores::default())];
        let [a, b] = [a, b].map(|(q, scores)| of(q, &k, &v, MAX_SCORES, 0..10, scores));
        assert!(difference(&a, &b) < 1e-6);
    }

    #[test]
    fn what_comes_later_changes_nothing_before_it() {
        let (q, k, v) = (normal((2, 5, 4), 5), normal((1, 5, 4), 6), normal((1, 5, 4), 7));
        let past = |n| Past::new(0, &normal((n, 1, 1), 8), 2, MAX_SCORES).expect("masks");
        let whole = attend(&q, &k, &v, Sight::Past(&past(5))).expect("attends");
        let first = |x: &Tensor| x.narrow(1, 0, 3).and_then(|x| x.contiguous()).expect("three");
        let part = attend(&first(&q), &first(&k), &first(&v), Sight::Past(&past(3))).expect("attends");
        assert!(difference(&first(&whole), &part) < 1e-6);
        // The first token sees itself alone, in both heads that share it.
        let own = v.narrow(1, 0, 1).and_then(|v| Tensor::cat(&[&v, &v], 0)).expect("twice");
        assert!(difference(&whole.narrow(1, 0, 1).expect("one"), &own) < 1e-6);
    }
}
