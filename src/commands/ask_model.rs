//! `sinew ask --model`: a model of others, asked alone, with its own chat template; nothing moves.

use super::ask_film::Film;
use super::ask_role::Request;
use super::{CommandError, config};
use crate::cli::{Common, ModelOptions};
use crate::exit::Exit;
use bridge::Canvas;
use perception::roles::{Role, Spot};
use perception::vlm::{Answering, Choice, Medium, Pixels, Vlm};
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
use types::Rejection;

/// What `--json` prints, in one line.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    /// The prompt's tokens, pictures expanded.
    pub(super) prompt_ids: &'a [u32],
    /// The answer's tokens alone.
    pub(super) ids: &'a [u32],
    pub(super) text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logits: Option<&'a [f32]>,
    /// What was pointed at, of roles that point, or in the model's own tokens for places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Vec<Spot>>,
    /// Why there is no such list of an answer that has such tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flaw: Option<String>,
    pub(super) timings: Timings,
}

/// Wall times, seconds.
#[derive(Serialize)]
pub(super) struct Timings {
    pub(super) load_s: f64,
    /// Pictures read, resized and cut up, the sentence written down.
    pub(super) prompt_s: f64,
    /// From the prompt, of a batch from its first one, to the first token of the answer.
    pub(super) first_token_s: f64,
    /// Tokens per second after the first; in a batch other prompts are read meanwhile.
    pub(super) tokens_per_s: f64,
}

pub(crate) fn run(
    named: &str,
    sentence: &str,
    images: &[PathBuf],
    options: &ModelOptions,
    run: Option<&Path>,
    common: &Common,
) -> Result<Exit, CommandError> {
    let mut request = match options.role {
        Some(role) => {
            check_pictures(role, images)?;
            Some(Request::new(role, sentence, run)?)
        }
        None => None,
    };
    let how = answering(options, common)?;
    let film = options.video.as_deref().map(|path| Film::find(path, options.fps)).transpose()?;
    let dir = folder(named, common)?;
    let begin = Instant::now();
    let mut tell = crate::models::progress();
    let mut vlm = Vlm::load(&dir, options.device, options.dtype, &mut tell)?;
    let load_s = begin.elapsed().as_secs_f64();

    let begin = Instant::now();
    let mut media = images.iter().map(|path| picture(path)).collect::<Result<Vec<_>, _>>()?;
    if let Some(film) = film {
        media.push(film.shown(&vlm)?);
    }
    if let Some(Medium::Picture(first)) = media.first() {
        let sides = [first.width() as u32, first.height() as u32];
        request = request.map(|r| r.measured(sentence, sides, vlm.measure(sides))).transpose()?;
    }
    let how = Answering { grammar: request.as_ref().map(|r| &r.grammar), ..how };
    let asked = request.as_ref().map_or_else(|| sentence.to_owned(), |r| r.prompt.clone());
    let prompt = vlm.prompt(&media, &asked)?;
    let prompt_s = begin.elapsed().as_secs_f64();

    let begin = Instant::now();
    let mut first_token_s = 0.0;
    let mut n = 0;
    let mut count = |_| {
        if n == 0 {
            first_token_s = begin.elapsed().as_secs_f64();
        }
        n += 1;
    };
    let answer = vlm.answer(&prompt, &how, &|| true, &mut count)?;
    if !answer.is_complete {
        let got = format!("no end within {} tokens", how.max_tokens);
        return Err(Rejection::new("answer", "the JSON of its role", got).into());
    }
    if let Some(request) = &request {
        request.check(&answer.text)?;
    }
    let rest_s = begin.elapsed().as_secs_f64() - first_token_s;
    let logits = match options.logits {
        Some(n) => Some(answer.first_logits.get(..n).ok_or_else(|| {
            let expected = format!("at most the vocabulary of {}", answer.first_logits.len());
            Rejection::new("--logits", expected, n.to_string())
        })?),
        None => None,
    };
    let tokens_per_s = if n > 1 { f64::from(n - 1) / rest_s } else { 0.0 };
    let timings = Timings { load_s, prompt_s, first_token_s, tokens_per_s };
    let (prompt_ids, ids) = (prompt.ids(), answer.ids.as_slice());
    let line = if common.json {
        let (found, flaw) = match &request {
            Some(request) => (request.found(&answer.text), None),
            None => located(&vlm, &answer.text, only_sides(&media)),
        };
        let said = Said { prompt_ids, ids, text: &answer.text, logits, found, flaw, timings };
        serde_json::to_string(&said).map_err(|e| CommandError::Other(e.to_string()))?
    } else {
        answer.text
    };
    // A reader that went away is no failure of the model's.
    let _ = writeln!(std::io::stdout(), "{line}");
    Ok(Exit::Done)
}

/// Width and height of the picture, where there is one alone.
pub(super) fn only_sides(media: &[Medium]) -> Option<[u32; 2]> {
    match media {
        [Medium::Picture(picture)] => Some([picture.width() as u32, picture.height() as u32]),
        _ => None,
    }
}

/// Places that an answer about one picture of these sides tells in the model's own tokens, or why they are none.
pub(super) fn located(vlm: &Vlm, text: &str, sides: Option<[u32; 2]>) -> (Option<Vec<Spot>>, Option<String>) {
    match sides.map_or(Ok(None), |sides| vlm.located(text, sides)) {
        Ok(found) => (found, None),
        Err(e) => (None, Some(e.to_string())),
    }
}

/// Refuses another number of pictures than the role is about.
pub(super) fn check_pictures(role: Role, images: &[PathBuf]) -> Result<(), Rejection> {
    if role.pictures() == images.len() {
        return Ok(());
    }
    let expected = format!("{} pictures for --role {}", role.pictures(), role.name());
    Err(Rejection::new("--image", expected, images.len().to_string()))
}

pub(super) fn answering(options: &ModelOptions, common: &Common) -> Result<Answering<'static>, Rejection> {
    let choice = match options.temperature {
        None => Choice::Greedy,
        Some(temperature) => {
            let (top_p, seed) = (options.top_p.unwrap_or(1.0), common.seed.unwrap_or(1));
            Choice::Random { temperature, top_p, seed }
        }
    };
    Ok(Answering {
        choice,
        max_tokens: options.max_tokens,
        stops_at_end: options.logits.is_none(),
        grammar: None,
    })
}

/// The folder of `--model`, fetched where it is a name on a hub.
pub(super) fn folder(named: &str, common: &Common) -> Result<PathBuf, CommandError> {
    if !crate::hub::is_named(named) {
        return Ok(PathBuf::from(named));
    }
    Ok(crate::hub::folder("--model", named, &config(common.config.as_deref())?.hub)?)
}

pub(super) fn picture(path: &Path) -> Result<Medium, CommandError> {
    let canvas = bridge::files::read_picture(path).map_err(|e| CommandError::Other(e.to_string()))?;
    Ok(Medium::Picture(pixels(canvas)?))
}

pub(super) fn pixels(canvas: Canvas) -> Result<Pixels, Rejection> {
    Pixels::new(canvas.width(), canvas.height(), canvas.rgb().to_vec())
}
