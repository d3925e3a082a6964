//! The built-in vision-language model: the detector and the sentence reader out of one weights file.

use crate::language::Reader;
use crate::vision::{CANDIDATE, Closer, Net, THRESHOLD};
use crate::weights::{self, Arrays, Card};
use core::sync::atomic::AtomicBool;
use types::language::Utterance;
use types::seams::{Answer, Budget, ModelError, VisionLanguageModel};
use types::{Detection, Image, Rejection};

/// Reads a picture and a sentence in this process, on one core, within a tenth of a second.
///
/// The same picture and sentence give the same answer, whatever the number of threads.
#[derive(Debug)]
pub struct BuiltinModel {
    card: Card,
    net: Net,
    /// Absent in a file whose detector was trained alone.
    closer: Option<Closer>,
    reader: Reader,
}

impl BuiltinModel {
    /// Out of a weights file's bytes.
    ///
    /// # Errors
    /// [`ModelError::Refused`] naming what is wrong with the file (B30): see [`weights::load`]; a tensor
    /// that is missing, of the wrong shape, or of neither part.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (card, mut arrays) = weights::load(bytes)?;
        let net = vision_of(&card, &mut arrays)?;
        let closer = closer_of(&mut arrays)?;
        let reader = Reader::from_arrays(&weights::take(&mut arrays, "language"))?;
        match arrays.into_keys().next() {
            Some(name) => Err(Rejection::new(name, "no such tensor", "one"))?,
            None => Ok(Self { card, net, closer, reader }),
        }
    }

    /// What the weights file says of itself.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The detector alone.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Every object in a picture: what the detector proposes, looked at again more closely.
    ///
    /// # Errors
    /// As [`Net::detect`] and [`Closer::look`].
    pub fn see(&self, image: &Image, cancel: &AtomicBool) -> Result<Vec<Detection>, ModelError> {
        let Some(closer) = self.closer.as_ref().filter(|_| image.depth.is_some()) else {
            return self.net.detect(image, cancel);
        };
        let mut seen = self.net.propose(image, CANDIDATE, cancel)?;
        closer.look(image, &mut seen, cancel)?;
        seen.retain(|d| d.score >= THRESHOLD);
        seen.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(seen)
    }

    /// The sentence reader alone.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

/// The detector out of a weights file, whether or not there is a language part.
///
/// # Errors
/// As [`BuiltinModel::from_bytes`].
pub fn load_vision(bytes: &[u8]) -> Result<(Card, Net), ModelError> {
    let (card, mut arrays) = weights::load(bytes)?;
    let net = vision_of(&card, &mut arrays)?;
    Ok((card, net))
}

/// The sentence reader out of a weights file.
///
/// # Errors
/// As [`BuiltinModel::from_bytes`].
pub fn load_language(bytes: &[u8]) -> Result<Reader, ModelError> {
    let (_, mut arrays) = weights::load(bytes)?;
    Ok(Reader::from_arrays(&weights::take(&mut arrays, "language"))?)
}

fn vision_of(card: &Card, arrays: &mut Arrays) -> Result<Net, Rejection> {
    let arch = card.vision.ok_or_else(|| Rejection::new("weights.card.vision", "channels", "none"))?;
    arch.check()?;
    Net::new(arch, weights::take(arrays, "vision"))
}

/// The closer look out of a weights file that has one.
///
/// # Errors
/// As [`BuiltinModel::from_bytes`].
pub fn load_closer(bytes: &[u8]) -> Result<Option<Closer>, ModelError> {
    let (_, mut arrays) = weights::load(bytes)?;
    Ok(closer_of(&mut arrays)?)
}

fn closer_of(arrays: &mut Arrays) -> Result<Option<Closer>, Rejection> {
    let own = weights::take(arrays, "closer");
    if own.is_empty() { Ok(None) } else { Closer::new(own).map(Some) }
}

/// A weights file of the parts that there are, at f16.
///
/// # Errors
/// A [`Rejection`] as [`weights::save`], or when the reader's arrays cannot be read back.
pub fn to_bytes(
    net: &Net,
    closer: Option<&Closer>,
    reader: Option<&Reader>,
    summary: &str,
) -> Result<Vec<u8>, Rejection> {
    let mut arrays = weights::prefixed(net.arrays(), "vision");
    if let Some(closer) = closer {
        arrays.extend(weights::prefixed(closer.arrays(), "closer"));
    }
    if let Some(reader) = reader {
        arrays.extend(weights::prefixed(reader.arrays()?, "language"));
    }
    weights::save(&arrays, Some(net.arch()), summary)
}

impl VisionLanguageModel for BuiltinModel {
    fn identity(&self) -> String {
        format!("sinew-vlm {} ({})", self.card.fingerprint, self.card.summary)
    }

    fn answer(
        &mut self,
        image: Option<&Image>,
        sentence: &str,
        budget: Budget<'_>,
    ) -> Result<Answer, ModelError> {
        if budget.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let detections = match image {
            Some(image) => self.see(image, budget.cancel)?,
            None => Vec::new(),
        };
        if budget.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        if sentence.trim().is_empty() {
            return Ok(Answer { detections, utterance: Utterance::Empty, confidence: 1.0 });
        }
        let reading = self.reader.read(sentence);
        Ok(Answer { detections, utterance: reading.utterance, confidence: reading.confidence })
    }
}
