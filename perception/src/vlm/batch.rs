//! Several prompts answered together: every step reads the weights once for all answers that still go on. Prompts are
//! read one after the other; nothing is padded, each answer looks into keys and values of its own.

use super::answer::{Answer, Answering, Generated};
use super::cache::Cache;
use super::decoder::Next;
use super::error::{Result, VlmError};
use super::model::Vlm;
use super::prompt::Prompt;
use core::mem::replace;
use types::Rejection;

/// Most prompts of a batch.
pub const MOST_PROMPTS: usize = 64;
/// Most memory that the keys and values of a batch may take, bytes.
pub const MOST_BYTES: usize = 4 << 30;

/// One prompt of a batch, read, with its answer so far.
struct Sequence<'a> {
    answer: Answer<'a>,
    cache: Cache,
    /// What the cache held when the prompt was read.
    keys: Vec<(u32, u64)>,
    reused: usize,
    /// Where the first token of the answer stands.
    begin: u32,
    /// The token that was chosen last, while the answer goes on.
    last: Option<u32>,
}

impl Vlm {
    /// Answers several prompts together, each as [`Vlm::answer`] would, to rounding. What a prompt shares from its
    /// beginning on with one before it in the batch, or with what the model knows from [`Vlm::answer`], is not computed
    /// again; what it knows stays as it was. `on_token` hears every token with the number of its prompt; `goes_on` is
    /// asked between layers.
    ///
    /// # Errors
    /// [`VlmError::Refused`] for a batch that is empty or too large ([`MOST_PROMPTS`], [`MOST_BYTES`]), and as
    /// [`Vlm::answer`] refuses, naming the prompt, all before anything is computed; [`VlmError::Cancelled`] and
    /// [`VlmError::Backend`] as there, for all of them.
    pub fn answer_all(
        &mut self,
        asked: &[(&Prompt, Answering<'_>)],
        goes_on: &dyn Fn() -> bool,
        on_token: &mut dyn FnMut(usize, u32),
    ) -> Result<Vec<Generated>> {
        if !(1..=MOST_PROMPTS).contains(&asked.len()) {
            let expected = format!("1 to {MOST_PROMPTS} prompts");
            return Err(Rejection::new("batch", expected, asked.len().to_string()).into());
        }
        let mut answers = Vec::new();
        for (i, (prompt, how)) in asked.iter().enumerate() {
            answers.push(self.begin(prompt, how).map_err(|e| of(i, e))?);
        }
        let rooms: Vec<usize> = asked.iter().map(|(prompt, how)| prompt.ids.len() + how.max_tokens).collect();
        check_size(&rooms, self.family.decoder().cache().bytes_per_token())?;

        let mut all: Vec<Sequence<'_>> = Vec::new();
        for (i, (answer, room)) in answers.into_iter().zip(rooms).enumerate() {
            let (mut one, logits) = self.begin_sequence(answer, asked[i].0, room, &all, goes_on)?;
            one.last = one.answer.take(Next::Logits(logits), &self.ends, &mut |id| on_token(i, id))?;
            all.push(one);
        }
        loop {
            let (at, mut going): (Vec<usize>, Vec<&mut Sequence<'_>>) =
                all.iter_mut().enumerate().filter(|(_, one)| one.last.is_some()).unzip();
            if going.is_empty() {
                break;
            }
            let told = |one: &&mut Sequence<'_>| Some((one.last?, one.begin + one.answer.len() as u32 - 1));
            let tokens: Vec<(u32, u32)> = going.iter().filter_map(told).collect();
            let mut caches: Vec<&mut Cache> = going.iter_mut().map(|one| &mut one.cache).collect();
            let logits = self.family.decoder().next_of_all(&tokens, &mut caches, goes_on)?;
            for ((one, logits), i) in going.into_iter().zip(logits).zip(at) {
                one.last = one.answer.take(Next::Logits(logits), &self.ends, &mut |id| on_token(i, id))?;
            }
        }
        all.into_iter().map(|one| one.answer.finish(&self.tokens, one.reused)).collect()
    }

    /// Reads a prompt into a cache of its own with `room` for so many tokens, from where it is known no longer: to the
    /// model, or to the ones read before it. The logits after it, too.
    fn begin_sequence<'a>(
        &mut self,
        answer: Answer<'a>,
        prompt: &Prompt,
        room: usize,
        before: &[Sequence<'_>],
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(Sequence<'a>, Vec<f32>)> {
        let keys = prompt.keys();
        let of = |one: &Sequence<'_>| self.reusable(&keys, &one.keys, one.keys.len());
        let best = before.iter().max_by_key(|one| of(one));
        let here = self.reusable(&keys, &self.known, self.whole);
        let there = best.map_or(0, of);
        let (reused, cache) = match best {
            Some(one) if there > here => (there, one.cache.branch(there, room)?),
            _ => (here, self.family.decoder().cache().branch(here, room)?),
        };
        let own = replace(self.family.decoder().cache(), cache);
        let known = replace(&mut self.known, keys[..reused].to_vec());
        let read = self.read(prompt, reused, &keys, goes_on);
        self.known = known;
        let cache = replace(self.family.decoder().cache(), own);
        let begin = prompt.next_position();
        Ok((Sequence { answer, cache, keys, reused, begin, last: None }, read?))
    }
}

/// Names the prompt of a batch that is refused.
fn of(i: usize, e: VlmError) -> VlmError {
    match e {
        VlmError::Refused(r) => Rejection::new(format!("batch[{i}].{}", r.field), r.expected, r.got).into(),
        other => other,
    }
}

/// Refuses caches for so many tokens, if all of them together take too much memory.
fn check_size(rooms: &[usize], bytes_per_token: usize) -> Result<(), Rejection> {
    let most = MOST_BYTES / bytes_per_token.max(1);
    let all = rooms.iter().fold(0usize, |sum, room| sum.saturating_add(*room));
    if all <= most {
        return Ok(());
    }
    let expected = format!("at most {most} tokens of prompts and answers together ({MOST_BYTES} bytes)");
    Err(Rejection::new("batch", expected, all.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_whose_keys_and_values_take_too_much_memory_is_refused() {
        // Qwen3-VL-2B in bf16: 28 layers, 8 heads of 128, keys and values.
        let each = 28 * 8 * 128 * 2 * 2;
        assert_eq!(check_size(&[9_000, 9_000, 9_000, 9_000], each), Ok(()));
        let refused = check_size(&[9_000, 29_000], each).expect_err("4.4 GB").to_string();
        assert!(
            refused.contains("batch") && refused.contains("37449") && refused.contains("38000"),
            "{refused}"
        );
        assert!(check_size(&[usize::MAX, 2], 1).is_err());
    }
}
