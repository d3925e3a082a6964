//! The built-in vision-language model: the detector and the sentence reader out of one weights file.

use crate::language::Reader;
use crate::vision::Net;
use crate::weights::{self, Arrays, Card};
use types::language::Utterance;
use types::seams::{Answer, Budget, ModelError, VisionLanguageModel};
use types::{Image, Rejection};

/// Reads a picture and a sentence in this process, on one core, within a tenth of a second.
///
/// The same picture and sentence give the same answer, whatever the number of threads.
#[derive(Debug)]
pub struct BuiltinModel {
    card: Card,
    net: Net,
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
        let reader = Reader::from_arrays(&weights::take(&mut arrays, "language"))?;
        match arrays.into_keys().next() {
            Some(name) => Err(Rejection::new(name, "no such tensor", "one"))?,
            None => Ok(Self { card, net, reader }),
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

/// A weights file of both parts (or of the detector alone), at f16.
///
/// # Errors
/// A [`Rejection`] as [`weights::save`], or when the reader's arrays cannot be read back.
pub fn to_bytes(net: &Net, reader: Option<&Reader>, summary: &str) -> Result<Vec<u8>, Rejection> {
    let mut arrays = weights::prefixed(net.arrays(), "vision");
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
            Some(image) => self.net.detect(image, budget.cancel)?,
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
