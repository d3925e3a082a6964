//! A vision-language model from a folder: load, ask, go on from what it has seen already.

use super::answer::{Answer, Answering, Generated};
use super::checkpoint::Checkpoint;
use super::decoder::Next;
use super::device::{Place, Precision};
use super::error::{Result, VlmError};
use super::family::{Family, Plan};
use super::frames::FrameSampling;
use super::grammar::{Following, Grammar, Guide};
use super::picture::Medium;
use super::prompt::Prompt;
use super::sampling::Sampler;
use super::settings::{Node, read_json};
use super::source::Source;
use super::template::Template;
use super::tokens::Tokens;
use crate::roles::{Measure, Spot, located};
use candle_core::Tensor;
use std::path::Path;
use types::Rejection;

/// Most tokens that go through the model at a time: bounds the memory of a long prompt.
const AT_A_TIME: usize = 1024;
/// Memory is taken for so many tokens of an answer before it begins, and for more when they come.
const AHEAD: usize = 1536;

/// A vision-language model in this process.
pub struct Vlm {
    pub(super) family: Box<dyn Family>,
    pub(super) tokens: Tokens,
    /// Where it is that which writes messages down.
    template: Option<Template>,
    pub(super) ends: Vec<u32>,
    /// The vocabulary made ready for grammars, once one was asked for.
    guide: Option<Guide>,
    /// What the cache holds: token and picture behind it, one after the other.
    pub(super) known: Vec<(u32, u64)>,
    /// So many of these, from the first one on, were read as one prompt.
    pub(super) whole: usize,
    identity: String,
    kind: &'static str,
    /// How films are thinned out for it, where it takes any.
    films: Option<FrameSampling>,
}

impl core::fmt::Debug for Vlm {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Vlm({})", self.identity)
    }
}

impl Vlm {
    /// Loads the checkpoint in `dir`, in the layout in which it is published. `progress` is told bytes
    /// loaded and bytes in all.
    ///
    /// # Errors
    /// [`VlmError::Refused`] naming file and key or tensor: settings out of range, a tokenizer without the
    /// special tokens that the model needs (B31), weights that are truncated, overlapping, missing, left
    /// over, of another shape or type, or not finite (B30), all of it before memory is taken for them;
    /// [`VlmError::Io`] for files that cannot be read; [`VlmError::Backend`] when the device has no room.
    pub fn load(
        dir: &Path,
        place: Place,
        precision: Precision,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let device = place.open()?;
        let numbers = precision.on(place)?;
        let Settings { plan, tokens, ends, template } = Settings::read(dir)?;
        let checkpoint = Checkpoint::open(dir)?;
        let check = Source::check(&checkpoint);
        plan.build(&check)?;
        // Older files keep a copy of a tied output layer, and frequencies that follow from the settings.
        let is_tied = plan.decoder().is_tied;
        let hash = check
            .finish(&|name| (is_tied && name.ends_with("lm_head.weight")) || name.ends_with(".inv_freq"))?;
        let source = Source::load(&checkpoint, &device, numbers, progress);
        let family = plan.build(&source)?;
        let identity = format!("{} ({}, {place}, {precision}), weights {hash}", dir.display(), plan.name());
        let (kind, films) = (plan.name(), plan.sampling(dir)?);
        Ok(Self {
            family,
            tokens,
            template,
            ends,
            guide: None,
            known: Vec::new(),
            whole: 0,
            identity,
            kind,
            films,
        })
    }

    /// Whether a model of this kind can be loaded here, by everything in `dir` but its weights, which need not be there.
    ///
    /// # Errors
    /// [`VlmError`] as of [`Vlm::load`].
    pub fn check(dir: &Path) -> Result<()> {
        Settings::read(dir).map(|_| ())
    }

    /// A line that tells which weights these are.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// How films are thinned out for this model.
    ///
    /// # Errors
    /// A [`Rejection`] naming the family of a model that takes no films.
    pub fn films(&self) -> Result<&FrameSampling, Rejection> {
        let none = || format!("{}, which takes pictures alone", self.kind);
        self.films.as_ref().ok_or_else(|| Rejection::new("film", "a model that takes films", none()))
    }

    /// In what this model tells places in a picture of these sides, pixels.
    #[must_use]
    pub fn measure(&self, sides: [u32; 2]) -> Measure {
        let shown = self.family.tells_pixels_of(sides.map(|n| n as usize));
        shown.map_or(Measure::Thousandths, |[w, h]| Measure::Pixels { width: w as u32, height: h as u32 })
    }

    /// The checkpoint's chat template with one user's message: the media in order, then the sentence.
    ///
    /// # Errors
    /// [`VlmError::Refused`] for a picture or film that cannot be used (B27), a sentence that is too long or
    /// holds special tokens, or a template without a place for the media.
    pub fn prompt(&self, media: &[Medium], sentence: &str) -> Result<Prompt> {
        self.tokens.check_sentence(sentence)?;
        media.iter().try_for_each(Medium::check)?;
        let text = match self.family.message(media, sentence) {
            Some(text) => text,
            None => match &self.template {
                Some(template) => template.render(media, sentence)?,
                None => return Err(Rejection::new("chat_template", "one", "none").into()),
            },
        };
        self.family.prompt(&text, media, &self.tokens)
    }

    /// Boxes and points that an answer tells by tokens of a place, in pixels of the picture of these sides that it is
    /// about; none of a model that knows no such tokens, or where the text has none.
    ///
    /// # Errors
    /// A [`Rejection`] as of [`located`].
    pub fn located(&self, text: &str, sides: [u32; 2]) -> Result<Option<Vec<Spot>>, Rejection> {
        if self.family.tells_locations() { located(text, sides) } else { Ok(None) }
    }

    /// Answers. What the prompt shares with the last one from its beginning on is not computed again; where a prompt's
    /// tokens see those after them, nothing of it is unless it is the same prompt.
    /// `on_token` hears every token as it is chosen; `goes_on` is asked between layers, of a GPU's
    /// further tokens between tokens.
    ///
    /// # Errors
    /// [`VlmError::Refused`] for settings out of range or a prompt that leaves no room for the answer;
    /// [`VlmError::Cancelled`] when `goes_on` said so; [`VlmError::Backend`] for logits that are not finite
    /// (B30), or a device without room.
    pub fn answer(
        &mut self,
        prompt: &Prompt,
        how: &Answering<'_>,
        goes_on: &dyn Fn() -> bool,
        on_token: &mut dyn FnMut(u32),
    ) -> Result<Generated> {
        let mut answer = self.begin(prompt, how)?;
        let keys = prompt.keys();
        let reused = self.reusable(&keys, &self.known, self.whole);
        self.family.decoder().cache().truncate(reused);
        self.known.truncate(reused);
        self.family.decoder().cache().reserve(prompt.ids.len() + how.max_tokens.min(AHEAD))?;
        let mut next = Next::Logits(self.read(prompt, reused, &keys, goes_on)?);
        self.whole = keys.len();
        let is_whole = answer.wants_logits();
        let mut position = prompt.next_position();
        while let Some(id) = answer.take(next, &self.ends, on_token)? {
            let cache = self.family.decoder().cache();
            let with_it = cache.len() + 1;
            cache.reserve(with_it)?;
            next = self.family.decoder().next(id, position, is_whole, goes_on)?;
            self.known.push((id, 0));
            position += 1;
        }
        answer.finish(&self.tokens, reused)
    }

    /// How many tokens an answer to `prompt` may have at most; none where the prompt takes all that the model attends to.
    #[must_use]
    pub fn room(&self, prompt: &Prompt) -> usize {
        self.family.config().max_positions.saturating_sub(prompt.ids.len())
    }

    /// How many tokens an answer of a grammar may have at most: as many as its longest takes, so that none is cut off,
    /// where the prompt leaves that much room.
    #[must_use]
    pub fn most_tokens(&self, prompt: &Prompt, grammar: &Grammar) -> usize {
        // A prompt that leaves no room is refused by name.
        grammar.most_bytes().min(self.room(prompt)).max(1)
    }

    /// An answer of which nothing is said yet; refuses what no answer can be made for.
    pub(super) fn begin<'a>(&mut self, prompt: &Prompt, how: &'a Answering<'a>) -> Result<Answer<'a>> {
        let sampler = Sampler::new(how.choice)?;
        let room = self.room(prompt);
        if how.max_tokens == 0 || how.max_tokens > room || prompt.ids.is_empty() {
            let expected = format!("1 to {room} tokens after a prompt of {}", prompt.ids.len());
            return Err(Rejection::new("max_tokens", expected, how.max_tokens.to_string()).into());
        }
        let following = how.grammar.map(|grammar| self.follow(grammar)).transpose()?;
        Ok(Answer::new(how, sampler, following))
    }

    fn follow(&mut self, grammar: &Grammar) -> Result<Following> {
        if self.guide.is_none() {
            let end = self.ends.first().copied().unwrap_or(0);
            self.guide = Some(Guide::new(&self.tokens, self.family.config().vocabulary, end)?);
        }
        match &self.guide {
            Some(guide) => guide.begin(grammar),
            None => Err(VlmError::Backend("no grammar could be made".into())),
        }
    }

    /// Whether what a GPU does for a token is recorded once as a CUDA graph, as it is unless this says otherwise, or
    /// launched anew for every token: to measure what that is worth. False where a model has no such step.
    pub fn record_steps(&mut self, is_recorded: bool) -> bool {
        self.family.decoder().record_steps(is_recorded)
    }

    /// Bytes of weights that have to be read for every token of an answer: what memory can be read at sets the pace.
    #[must_use]
    pub fn bytes_per_token(&mut self) -> usize {
        self.family.decoder().bytes_per_token()
    }

    /// How many bytes per second plain reading of the GPU's memory gives, measured now; `None` without a GPU.
    ///
    /// # Errors
    /// [`VlmError::Backend`] when it has no room for what is read.
    pub fn gpu_bandwidth(&mut self) -> Result<Option<f64>> {
        self.family.decoder().gpu_bandwidth()
    }

    /// Forgets what it has seen.
    pub fn reset(&mut self) {
        self.family.decoder().cache().truncate(0);
        self.known.clear();
    }

    /// How many tokens of a prompt are known: to a cache that holds `known`, the first `whole` of these read as one prompt.
    pub(super) fn reusable(&self, keys: &[(u32, u64)], known: &[(u32, u64)], whole: usize) -> usize {
        // What saw another end is something else.
        let is_same = || keys.len() == whole && known.get(..whole) == Some(keys);
        if self.family.config().gemma.is_some() && !is_same() { 0 } else { shared(keys, known) }
    }

    /// Takes the prompt from token `begin` on into the cache; the logits after its last token.
    pub(super) fn read(
        &mut self,
        prompt: &Prompt,
        begin: usize,
        keys: &[(u32, u64)],
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Vec<f32>> {
        let decoder = self.family.decoder();
        let mut x = decoder.embed(&prompt.ids[begin..])?;
        let mut added: Vec<Tensor> = Vec::new();
        for (at, n, patches) in prompt.pictures.iter().filter(|(at, n, _)| at + n > begin) {
            let seen = self.family.see(patches, goes_on)?;
            // A picture may have been read in part.
            let from = begin.saturating_sub(*at);
            let (at, n) = (at.saturating_sub(begin), n - from);
            x = replaced(&x, at, &seen.rows.narrow(0, from, n)?)?;
            for (i, rows) in seen.deep.iter().enumerate() {
                if added.len() <= i {
                    added.push(x.zeros_like()?);
                }
                added[i] = replaced(&added[i], at, &rows.narrow(0, from, n)?)?;
            }
        }
        let decoder = self.family.decoder();
        let (length, mut state) = (prompt.ids.len() - begin, None);
        // Tokens that see those after them go through together.
        let most = if decoder.config().gemma.is_some() { length.max(1) } else { AT_A_TIME };
        for first in (0..length).step_by(most) {
            let n = most.min(length - first);
            let part = |x: &Tensor| x.narrow(0, first, n);
            let added = added.iter().map(part).collect::<Result<Vec<_>, _>>()?;
            let at = begin + first;
            state = Some(decoder.forward(part(&x)?, &prompt.positions[at..at + n], &added, goes_on)?);
            self.known.extend(&keys[at..at + n]);
        }
        let state = state.ok_or_else(|| VlmError::Backend("an empty prompt".into()))?;
        decoder.logits(&state)
    }
}

/// How many tokens of a prompt are known. Its last one is always computed: its state is what the answer begins from.
fn shared(keys: &[(u32, u64)], known: &[(u32, u64)]) -> usize {
    let shared = keys.iter().zip(known).take_while(|(a, b)| a == b).count();
    shared.min(keys.len().saturating_sub(1))
}

/// `x` with `rows` in the place of its own from row `at` on.
fn replaced(x: &Tensor, at: usize, rows: &Tensor) -> Result<Tensor> {
    let end = at + rows.dim(0)?;
    let rest = x.dim(0)? - end;
    let parts = [x.narrow(0, 0, at)?, rows.clone(), x.narrow(0, end, rest)?];
    let parts: Vec<&Tensor> = parts.iter().filter(|p| p.dims()[0] > 0).collect();
    Ok(Tensor::cat(&parts, 0)?)
}

/// Everything in a folder but the weights, read and checked.
struct Settings {
    plan: Plan,
    tokens: Tokens,
    ends: Vec<u32>,
    template: Option<Template>,
}

impl Settings {
    fn read(dir: &Path) -> Result<Self> {
        let (plan, special) = Plan::read(dir)?;
        let tokens = Tokens::new(dir, plan.decoder().vocabulary)?;
        for (id, whose) in special {
            tokens.need_special(id, whose)?;
        }
        for (word, id) in plan.words() {
            tokens.need_word(word, id)?;
        }
        let ends = ends(dir, plan.decoder().vocabulary)?;
        for id in &ends {
            tokens.need_special(*id, "eos_token_id")?;
        }
        let template = plan.has_template().then(|| Template::new(dir)).transpose()?;
        Ok(Self { plan, tokens, ends, template })
    }
}

/// The tokens that end an answer: of `generation_config.json`, else of `config.json`.
pub(super) fn ends(dir: &Path, vocabulary: usize) -> Result<Vec<u32>> {
    for name in ["generation_config.json", "config.json"] {
        let Some(json) = read_json(dir, name)? else { continue };
        let root = Node::root(name, &json);
        let found = root.get("eos_token_id").or_else(|| root.get("text_config")?.get("eos_token_id"));
        if let Some(node) = found {
            return Ok(node.sizes(0..=vocabulary - 1)?.into_iter().map(|id| id as u32).collect());
        }
    }
    Err(Rejection::new("generation_config.json eos_token_id", "tokens that end an answer", "none").into())
}
