//! Attention, a bounded part of the queries at a time, so that the scores of a long prompt or a large
//! picture never need more than a fixed amount of memory.

use super::error::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::ops;

/// Scores that may exist at the same time: 64 MiB in 32 bits.
pub(super) const MAX_SCORES: usize = 16 << 20;

/// Which keys a query may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// All of them.
    All,
    /// Those up to its own position; the first query stands at this one.
    Past(usize),
}

/// softmax(q kᵀ / √d) v (Vaswani et al. 2017). `q_htd` has a multiple of the heads of `k_gsd` and `v_gsd`:
/// neighbouring query heads share one of those (Ainslie et al. 2023). At most `max_scores` scores are in
/// memory at a time, but those of one query at least. Gives (heads, tokens, d).
pub(super) fn attend(
    q_htd: &Tensor,
    k_gsd: &Tensor,
    v_gsd: &Tensor,
    sight: Sight,
    max_scores: usize,
) -> Result<Tensor> {
    let (heads, n_queries, d) = q_htd.dims3()?;
    let (groups, n_keys, _) = k_gsd.dims3()?;
    let shared = heads / groups;
    let q_htd = (q_htd * (1.0 / (d as f64).sqrt()))?;
    let at_a_time = (max_scores / (heads * n_keys)).clamp(1, n_queries);
    let mut parts = Vec::new();
    for begin in (0..n_queries).step_by(at_a_time) {
        let n = at_a_time.min(n_queries - begin);
        // No query of this part sees beyond the last one's position.
        let seen = match sight {
            Sight::All => n_keys,
            Sight::Past(first) => first + begin + n,
        };
        let (k, v) = (k_gsd.narrow(1, 0, seen)?, v_gsd.narrow(1, 0, seen)?);
        let q = q_htd.narrow(1, begin, n)?.contiguous()?.reshape((groups, shared * n, d))?;
        let mut scores = q.matmul(&k.transpose(1, 2)?)?.to_dtype(DType::F32)?;
        if let Sight::Past(first) = sight
            && n > 1
        {
            let mask = future(first + begin, n, seen, q.device())?;
            scores = scores.reshape((heads, n, seen))?.broadcast_add(&mask)?.reshape((
                groups,
                shared * n,
                seen,
            ))?;
        }
        let weights = ops::softmax_last_dim(&scores)?.to_dtype(v.dtype())?;
        parts.push(weights.matmul(&v)?.reshape((heads, n, d))?);
    }
    Ok(match parts.as_slice() {
        [one] => one.clone(),
        _ => Tensor::cat(&parts, 1)?,
    })
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

    fn normal(dims: (usize, usize, usize)) -> Tensor {
        Tensor::randn(0f32, 1.0, dims, &Device::Cpu).expect("numbers")
    }

    fn difference(a: &Tensor, b: &Tensor) -> f32 {
        let all = (a - b).and_then(|d| d.abs()).and_then(|d| d.flatten_all()).and_then(|d| d.max(0));
        all.and_then(|d| d.to_scalar()).expect("a number")
    }

    #[test]
    fn a_part_of_the_queries_at_a_time_gives_what_all_at_once_gives() {
        let (q, k, v) = (normal((4, 7, 8)), normal((2, 10, 8)), normal((2, 10, 8)));
        for sight in [Sight::All, Sight::Past(3)] {
            let whole = attend(&q, &k, &v, sight, MAX_SCORES).expect("attends");
            for max_scores in [1, 80, 130] {
                let parts = attend(&q, &k, &v, sight, max_scores).expect("attends");
                assert!(difference(&whole, &parts) < 1e-6, "{sight:?} {max_scores}");
            }
        }
    }

    #[test]
    fn what_comes_later_changes_nothing_before_it() {
        let (q, k, v) = (normal((2, 5, 4)), normal((1, 5, 4)), normal((1, 5, 4)));
        let whole = attend(&q, &k, &v, Sight::Past(0), MAX_SCORES).expect("attends");
        let first = |x: &Tensor| x.narrow(1, 0, 3).and_then(|x| x.contiguous()).expect("three");
        let part = attend(&first(&q), &first(&k), &first(&v), Sight::Past(0), MAX_SCORES).expect("attends");
        assert!(difference(&first(&whole), &part) < 1e-6);
        // The first token sees itself alone, in both heads that share it.
        let own = v.narrow(1, 0, 1).and_then(|v| Tensor::cat(&[&v, &v], 0)).expect("twice");
        assert!(difference(&whole.narrow(1, 0, 1).expect("one"), &own) < 1e-6);
    }
}
