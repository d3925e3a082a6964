//! An answer: how it is made, what has been said of it so far, and what it is in the end.

use super::decoder::Next;
use super::error::Result;
use super::grammar::{Following, Grammar};
use super::sampling::{Choice, Sampler};
use super::tokens::Tokens;

/// How an answer is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answering<'a> {
    /// How each token is chosen.
    pub choice: Choice,
    /// Most tokens of the answer, 1 or more.
    pub max_tokens: usize,
    /// Whether the model's own end tokens end the answer.
    pub stops_at_end: bool,
    /// What the answer may be; then it ends when it is complete.
    pub grammar: Option<&'a Grammar>,
}

/// An answer, token by token.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The tokens of the answer, without an end token that ended it.
    pub ids: Vec<u32>,
    /// Them as text, without special tokens.
    pub text: String,
    /// The logits of the whole vocabulary from which the first token was chosen.
    pub first_logits: Vec<f32>,
    /// How many tokens of the prompt were known from the call before.
    pub reused: usize,
    /// Whether it is what the grammar asks for, from beginning to end; true without one.
    pub is_complete: bool,
}

/// An answer in the making.
pub(super) struct Answer<'a> {
    how: &'a Answering<'a>,
    sampler: Sampler,
    following: Option<Following>,
    ids: Vec<u32>,
    first_logits: Vec<f32>,
}

impl<'a> Answer<'a> {
    /// Nothing is said yet; `following` goes along the grammar of `how`.
    pub(super) fn new(how: &'a Answering<'a>, sampler: Sampler, following: Option<Following>) -> Self {
        Self { how, sampler, following, ids: Vec::new(), first_logits: Vec::new() }
    }

    /// Whether it cannot be made from the likeliest tokens alone.
    pub(super) fn wants_logits(&self) -> bool {
        self.following.is_some() || self.how.choice != Choice::Greedy
    }

    /// Tokens said so far.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Chooses the next token from what the ones before lead to. The model has to be told it for the answer to go on;
    /// `None` when the answer has ended.
    pub(super) fn take(
        &mut self,
        next: Next,
        ends: &[u32],
        on_token: &mut dyn FnMut(u32),
    ) -> Result<Option<u32>> {
        let id = match next {
            Next::Likeliest(id) => id,
            Next::Logits(mut logits) => {
                if self.ids.is_empty() {
                    self.first_logits.clone_from(&logits);
                }
                let allowed = self.following.as_mut().map(Following::allowed).transpose()?;
                self.sampler.next(&mut logits, allowed.as_ref())?
            }
        };
        if (self.how.stops_at_end || self.following.is_some()) && ends.contains(&id) {
            return Ok(None);
        }
        self.ids.push(id);
        on_token(id);
        let is_complete = self.following.as_mut().map_or(Ok(false), |following| following.take(id))?;
        Ok((!is_complete && self.ids.len() < self.how.max_tokens).then_some(id))
    }

    /// What was said; `reused` tokens of the prompt were known before.
    pub(super) fn finish(mut self, tokens: &Tokens, reused: usize) -> Result<Generated> {
        let is_complete = self.following.as_mut().map_or(Ok(true), Following::is_complete)?;
        let text = tokens.decode(&self.ids)?;
        Ok(Generated { text, ids: self.ids, first_logits: self.first_logits, reused, is_complete })
    }
}
