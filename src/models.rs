//! Which models a run asks, and in which order: one elsewhere, one in this process, the built-in one.

mod chain;

pub(crate) use chain::{Chain, LEFT_ALONE};

use crate::config::{self, Config};
use crate::hub;
use crate::session::{self, StartError};
use bridge::chat::{Chat, ChatError, Endpoint, Key, Price, PriceList, Question, Served, Terms};
use bridge::{Canvas, files};
use core::time::Duration;
use perception::language::Reader;
use perception::roles::{Measure, Speaker, SpeakingModel, Spoken};
use perception::vlm::{Answering, Choice, Grammar, Medium, Pixels, Vlm, VlmError, published_measure};
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Instant;
use types::seams::{Budget, Manner, ModelError, VisionLanguageModel};
use types::{Image, Rejection};

/// Most tokens of an answer from elsewhere, where they are counted; what a grammar allows beyond is cut off, and no answer.
const MOST_TOKENS: usize = 1536;

/// The models that the configuration names: whoever has no answer leaves the question to the next.
pub(crate) fn of(config: &Config) -> Result<Box<dyn VisionLanguageModel>, StartError> {
    let built_in = session::model(config)?;
    let reader: &Reader = built_in.reader();
    let mut all: Vec<Box<dyn VisionLanguageModel>> = Vec::new();
    if !config.remote.url.is_empty() {
        all.push(Box::new(SpeakingModel::new(Remote::new(&config.remote)?, reader.clone())));
    }
    if !config.perception.model.is_empty() {
        all.push(Box::new(SpeakingModel::new(Local::new(local(config)?), reader.clone())));
    }
    all.push(Box::new(built_in));
    Ok(if all.len() == 1 { all.remove(0) } else { Box::new(Chain::new(all)) })
}

/// The first of the configured models that is not the built-in one, to be asked by hand.
pub(crate) fn speaker(config: &Config) -> Result<Box<dyn Speaker>, StartError> {
    if !config.remote.url.is_empty() {
        return Ok(Box::new(Remote::new(&config.remote)?));
    }
    if config.perception.model.is_empty() {
        let expected = "a model: --model DIR, or remote.url or perception.model in robot.toml";
        return Err(Rejection::new("--role", expected, "none").into());
    }
    Ok(Box::new(Local::new(local(config)?)))
}

fn local(config: &Config) -> Result<Vlm, StartError> {
    let p = &config.perception;
    let (place, precision) = (p.device.parse()?, p.dtype.parse()?);
    let folder = hub::folder("perception.model", &p.model, &config.hub)?;
    Vlm::load(&folder, place, precision, &mut progress()).map_err(StartError::Model)
}

/// Every tenth of the weights, for a person at a terminal.
pub(crate) fn progress() -> impl FnMut(u64, u64) {
    let is_watched = std::io::stderr().is_terminal();
    let mut told = 0;
    move |loaded, all| {
        let tenth = 10 * loaded / all.max(1);
        if is_watched && tenth > told {
            told = tenth;
            eprintln!("loaded {}0 % of {} MB", tenth, all / 1_000_000);
        }
    }
}

/// Fetches the model that the configuration names, where that has to be done yet: before anything moves.
pub(crate) fn prepare(config: &Config) -> Result<(), StartError> {
    if !config.perception.model.is_empty() {
        hub::folder("perception.model", &config.perception.model, &config.hub)?;
    }
    Ok(())
}

/// A model in this process.
struct Local {
    vlm: Vlm,
    /// Of the last answer.
    manner: Manner,
}

impl Local {
    fn new(vlm: Vlm) -> Self {
        Self { vlm, manner: Manner::default() }
    }

    fn answer(
        &mut self,
        pictures: &[&Image],
        prompt: &str,
        grammar: &Grammar,
        (budget, begun): (Budget<'_>, Instant),
    ) -> Result<Spoken, ModelError> {
        let is_late = || begun.elapsed() > budget.limit;
        let pixels = |image: &&Image| {
            let (width, height) = (image.intrinsics.width as usize, image.intrinsics.height as usize);
            Pixels::new(width, height, image.rgb.to_vec()).map(Medium::Picture)
        };
        let media = pictures.iter().map(pixels).collect::<Result<Vec<_>, _>>()?;
        let prompt = self.vlm.prompt(&media, prompt)?;
        let max_tokens = self.vlm.most_tokens(&prompt, grammar);
        // The likeliest token each time: there is nothing to draw, and no seed.
        let sampling = [("temperature", 0.0), ("max_tokens", max_tokens as f64)];
        self.manner.sampling = sampling.map(|(name, value)| (name.to_owned(), value)).into();
        self.manner.held_to = "the role's grammar".to_owned();
        let how =
            Answering { choice: Choice::Greedy, max_tokens, stops_at_end: true, grammar: Some(grammar) };
        let goes_on = || !budget.is_cancelled() && !is_late();
        let said = match self.vlm.answer(&prompt, &how, &goes_on, &mut |_| ()) {
            Err(VlmError::Cancelled) if is_late() => return Err(ModelError::Timeout(budget.limit)),
            said => said?,
        };
        let flaw = (!said.is_complete).then(|| format!("no end within {max_tokens} tokens"));
        Ok(Spoken { text: said.text, flaw, tokens: [prompt.ids().len(), said.ids.len()], cost: 0.0 })
    }
}

impl Speaker for Local {
    fn identity(&self) -> String {
        self.vlm.identity().to_owned()
    }

    fn manner(&self) -> Manner {
        self.manner.clone()
    }

    fn measure(&self, picture: &Image) -> Measure {
        self.vlm.measure([picture.intrinsics.width, picture.intrinsics.height])
    }

    fn say(
        &mut self,
        pictures: &[&Image],
        prompt: &str,
        grammar: &Grammar,
        budget: Budget<'_>,
    ) -> Result<Spoken, ModelError> {
        let begun = Instant::now();
        self.manner = Manner::default();
        let said = self.answer(pictures, prompt, grammar, (budget, begun));
        self.manner.latency_s = begun.elapsed().as_secs_f64();
        said
    }
}

/// A model elsewhere.
struct Remote {
    chat: Chat,
    /// Pictures may leave this machine.
    sends_pictures: bool,
    /// It tells places in pixels, as Qwen2.5-VL does.
    tells_pixels: bool,
    /// Who gave the last answer, by the server's account.
    served: Served,
    /// How it was asked for it.
    manner: Manner,
}

impl Remote {
    fn new(c: &config::Remote) -> Result<Self, Rejection> {
        let key = if c.key_env.is_empty() { None } else { Some(Key::from_env(&c.key_env)?) };
        let extra = match serde_json::from_str(&c.extra) {
            Ok(serde_json::Value::Object(extra)) => extra,
            _ => return Err(Rejection::new("remote.extra", "a JSON object", c.extra.clone())),
        };
        let terms = Terms {
            form: c.form.parse().map_err(|e: Rejection| Rejection { field: "remote.form".into(), ..e })?,
            extra,
            limit: Duration::from_secs_f64(c.limit_s),
            retries: c.retries,
            most_tokens: c.budget_tokens,
            most_cost: c.budget_money,
            price: price(c)?,
        };
        let chat = Chat::new(Endpoint::new(&c.url, &c.model, key)?, terms);
        Ok(Self {
            chat,
            sends_pictures: c.pictures,
            tells_pixels: c.places == "pixels",
            served: Served::default(),
            manner: Manner::default(),
        })
    }
}

/// What it costs: as the person says, or by a list; a list of their own must have the model, or no budget would count.
fn price(c: &config::Remote) -> Result<Price, Rejection> {
    let listed = match c.prices.as_str() {
        "" => Price::of_model(&c.model),
        path => {
            let of_list =
                |r: Rejection| Rejection { field: format!("remote.prices: {}", r.field).into(), ..r };
            let listed = PriceList::read(Path::new(path)).map_err(of_list)?.of_model(&c.model);
            let expected = || format!("a price of remote.model {:?} in {path}", c.model);
            let is_needed = c.price.is_empty();
            match listed {
                None if is_needed => return Err(Rejection::new("remote.prices", expected(), "none")),
                listed => listed.unwrap_or_default(),
            }
        }
    };
    Ok(match c.price[..] {
        [prompt, answer] => Price::own([prompt, answer]),
        _ => listed,
    })
}

impl Speaker for Remote {
    fn identity(&self) -> String {
        let endpoint = self.chat.endpoint();
        let mut said = format!("{} at {}", endpoint.model(), endpoint.host());
        if let Some(model) = self.served.model.as_ref().filter(|m| *m != endpoint.model()) {
            said += &format!(", served as {model:?}");
        }
        if let Some(fingerprint) = &self.served.fingerprint {
            said += &format!(", fingerprint {fingerprint:?}");
        }
        said
    }

    fn manner(&self) -> Manner {
        self.manner.clone()
    }

    fn measure(&self, picture: &Image) -> Measure {
        let sides = [picture.intrinsics.width, picture.intrinsics.height];
        if self.tells_pixels { published_measure(sides) } else { Measure::Thousandths }
    }

    fn say(
        &mut self,
        pictures: &[&Image],
        prompt: &str,
        grammar: &Grammar,
        budget: Budget<'_>,
    ) -> Result<Spoken, ModelError> {
        self.manner = Manner::default();
        if !pictures.is_empty() && !self.sends_pictures {
            let why = "no picture leaves this machine (remote.pictures is false)";
            return Err(ModelError::Declined(why.into()));
        }
        let pictures: Vec<Vec<u8>> =
            pictures.iter().map(|image| files::png_bytes(&Canvas::from_image(image))).collect();
        let max_tokens = grammar.most_bytes().min(MOST_TOKENS);
        let question = Question { pictures: &pictures, prompt, schema: grammar.schema(), max_tokens };
        self.served = Served::default();
        let (seed, sampling) = self.chat.sampling(max_tokens);
        let begun = Instant::now();
        let reply = self.chat.ask(&question, budget.limit, budget.cancel);
        let latency_s = begun.elapsed().as_secs_f64();
        self.manner = Manner { seed, sampling, held_to: self.chat.form().name().to_owned(), latency_s };
        let reply = reply.map_err(|e| match e {
            ChatError::Cancelled => ModelError::Cancelled,
            ChatError::Timeout { limit, .. } => ModelError::Timeout(limit),
            other => ModelError::Unusable(other.to_string()),
        })?;
        self.served = reply.served;
        let (n, most) = (reply.text.len(), grammar.most_bytes());
        let flaw = (n > most).then(|| format!("{n} bytes, of {most} at most"));
        let tokens = reply.tokens.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        Ok(Spoken { text: reply.text, flaw, tokens, cost: reply.cost })
    }
}
