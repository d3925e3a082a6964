//! The one weights file: safetensors at f16, `vision.…` and `language.…`, and a card in its header.
//!
//! A file is refused before anything of its claimed size is allocated: its header's length, every
//! tensor's type, shape and place are checked against the bytes that are there (B30).

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use types::Rejection;

/// Version of the file's layout; another one is refused.
pub const VERSION: u32 = 2;
/// Largest weights file, bytes: what the repository allows itself.
pub const MAX_BYTES: usize = 16 << 20;
/// Largest header, bytes.
const MAX_HEADER: usize = 1 << 20;
/// The one key of the header's free part: with more, their order would not be the same every time.
const KEY: &str = "sinew";

/// Numbers with their shape, in memory at f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Length along each axis.
    pub dims: Vec<usize>,
    /// Row by row: the last axis varies fastest.
    pub values: Vec<f32>,
}

/// Named arrays, in the order of their names.
pub type Arrays = BTreeMap<String, Array>;

impl Array {
    /// Checks shape and numbers.
    ///
    /// # Errors
    /// A [`Rejection`] naming `name` for another shape or a number that is not finite (B30).
    pub fn check(&self, name: &str, dims: &[usize]) -> Result<(), Rejection> {
        if self.dims != dims || self.values.len() != dims.iter().product::<usize>() {
            return Err(Rejection::new(
                name.to_owned(),
                format!("shape {dims:?}"),
                format!("shape {:?} with {} values", self.dims, self.values.len()),
            ));
        }
        match self.values.iter().find(|v| !v.is_finite()) {
            Some(v) => Err(Rejection::new(name.to_owned(), "finite weights", v.to_string())),
            None => Ok(()),
        }
    }
}

/// What a person wants to know of a weights file, and what a loader needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Layout of the file: [`VERSION`].
    pub version: u32,
    /// Channels of the detector; absent in a file without one.
    #[serde(default)]
    pub vision: Option<crate::vision::Arch>,
    /// One line: what it was trained on, with which seeds, how well it does.
    pub summary: String,
    /// [`fingerprint`] of the tensors.
    pub fingerprint: String,
}

/// FNV-1a (64 bit; Fowler, Noll, Vo) over names, shapes and the f16 bits of all arrays, in hex:
/// tells weights apart, and is no protection against anybody's will.
#[must_use]
pub fn fingerprint(arrays: &Arrays) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for b in bytes {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (name, array) in arrays {
        eat(name.as_bytes());
        array.dims.iter().for_each(|d| eat(&(*d as u64).to_le_bytes()));
        eat(&half_bytes(&array.values));
    }
    format!("{hash:016x}")
}

/// f32 to f16, little endian, rounded to nearest even (IEEE 754).
fn half_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| half::to_bits(*v).to_le_bytes()).collect()
}

/// Writes a weights file. `summary` becomes part of the card.
///
/// # Errors
/// A [`Rejection`] for a number that f16 cannot hold, or a file above [`MAX_BYTES`].
pub fn save(
    arrays: &Arrays,
    vision: Option<crate::vision::Arch>,
    summary: &str,
) -> Result<Vec<u8>, Rejection> {
    for (name, array) in arrays {
        array.check(name, &array.dims)?;
        if let Some(v) = array.values.iter().find(|v| v.abs() > 65_504.0) {
            return Err(Rejection::new(name.clone(), "a weight that f16 can hold", v.to_string()));
        }
    }
    let card =
        Card { version: VERSION, vision, summary: summary.to_owned(), fingerprint: fingerprint(arrays) };
    let json = serde_json::to_string(&card).map_err(|e| Rejection::new("card", "JSON", e.to_string()))?;
    let bytes: Vec<(&String, &[usize], Vec<u8>)> =
        arrays.iter().map(|(n, a)| (n, a.dims.as_slice(), half_bytes(&a.values))).collect();
    let refuse = |e: safetensors::SafeTensorError| Rejection::new("weights", "safetensors", e.to_string());
    let views = bytes
        .iter()
        .map(|(n, dims, b)| Ok((n.as_str(), TensorView::new(Dtype::F16, dims.to_vec(), b)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(refuse)?;
    let file = serialize(views, Some(HashMap::from([(KEY.to_owned(), json)]))).map_err(refuse)?;
    if file.len() > MAX_BYTES {
        return Err(Rejection::new("weights", format!("at most {MAX_BYTES} bytes"), file.len().to_string()));
    }
    Ok(file)
}

/// Reads a weights file: its card, and every tensor at f32.
///
/// # Errors
/// A [`Rejection`] that names what is wrong: truncated, overlapping, a huge header, another type, a
/// number that is not finite, another version, a fingerprint that does not fit (B30).
pub fn load(bytes: &[u8]) -> Result<(Card, Arrays), Rejection> {
    if bytes.len() > MAX_BYTES {
        let got = format!("{} bytes", bytes.len());
        return Err(Rejection::new("weights", format!("at most {MAX_BYTES} bytes"), got));
    }
    let header = bytes
        .first_chunk::<8>()
        .map(|b| u64::from_le_bytes(*b))
        .ok_or_else(|| Rejection::new("weights", "at least 8 bytes", format!("{} bytes", bytes.len())))?;
    if header > MAX_HEADER as u64 || header as usize > bytes.len() - 8 {
        return Err(Rejection::new(
            "weights.header",
            format!("at most {} bytes", MAX_HEADER.min(bytes.len() - 8)),
            format!("{header} bytes"),
        ));
    }
    let refuse = |e: safetensors::SafeTensorError| {
        Rejection::new("weights", "a whole safetensors file without overlaps", e.to_string())
    };
    // Checks that the tensors' places follow one another and end with the file.
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(refuse)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(refuse)?;
    let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
    let json = json.ok_or_else(|| Rejection::new("weights.header", "a card", "none"))?;
    let card: Card =
        serde_json::from_str(json).map_err(|e| Rejection::new("weights.card", "a card", e.to_string()))?;
    if card.version != VERSION {
        let (want, got) = (VERSION.to_string(), card.version.to_string());
        return Err(Rejection::new("weights.version", want, got));
    }
    let mut arrays = Arrays::new();
    for (name, view) in tensors.tensors() {
        if view.dtype() != Dtype::F16 {
            return Err(Rejection::new(name, "type F16", format!("{:?}", view.dtype())));
        }
        let values: Vec<f32> =
            view.data().as_chunks::<2>().0.iter().map(|b| half::from_bits(u16::from_le_bytes(*b))).collect();
        let array = Array { dims: view.shape().to_vec(), values };
        array.check(&name, view.shape())?;
        arrays.insert(name, array);
    }
    let found = fingerprint(&arrays);
    if found != card.fingerprint {
        return Err(Rejection::new("weights.fingerprint", card.fingerprint, found));
    }
    Ok((card, arrays))
}

/// Moves the arrays whose name begins with `prefix` and a dot out of `arrays`, without that beginning.
#[must_use]
pub fn take(arrays: &mut Arrays, prefix: &str) -> Arrays {
    let begin = format!("{prefix}.");
    let all = core::mem::take(arrays);
    let (mine, rest): (Arrays, Arrays) = all.into_iter().partition(|(n, _)| n.starts_with(&begin));
    *arrays = rest;
    mine.into_iter().map(|(n, a)| (n[begin.len()..].to_owned(), a)).collect()
}

/// The arrays with `prefix` and a dot before every name.
#[must_use]
pub fn prefixed(arrays: Arrays, prefix: &str) -> Arrays {
    arrays.into_iter().map(|(n, a)| (format!("{prefix}.{n}"), a)).collect()
}

/// Numbers of sixteen bits (IEEE 754 binary16).
mod half {
    /// The nearest one, ties to even; too large becomes infinite.
    pub(super) fn to_bits(value: f32) -> u16 {
        let bits = value.to_bits();
        let sign = ((bits >> 16) & 0x8000) as u16;
        let magnitude = bits & 0x7fff_ffff;
        if magnitude > 0x7f80_0000 {
            return sign | 0x7e00;
        }
        // Exponent difference 112 (= 127 − 15); below 2⁻¹⁴ the number is a multiple of 2⁻²⁴.
        if magnitude >= 0x3880_0000 {
            let rounded = magnitude + 0x0fff + ((magnitude >> 13) & 1);
            return sign | ((rounded >> 13).saturating_sub(112 << 10).min(0x7c00)) as u16;
        }
        let scaled = f32::from_bits(magnitude) * 16_777_216.0;
        sign | scaled.round_ties_even() as u16
    }

    pub(super) fn from_bits(bits: u16) -> f32 {
        let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        let (exponent, fraction) = (u32::from(bits >> 10) & 0x1f, u32::from(bits & 0x3ff));
        sign * match exponent {
            0 => fraction as f32 / 16_777_216.0,
            31 if fraction == 0 => f32::INFINITY,
            31 => f32::NAN,
            _ => f32::from_bits(((exponent + 112) << 23) | (fraction << 13)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn every_half_number_survives_the_way_through_f32_and_rounding_is_to_the_nearest_even() {
        for bits in 0..=u16::MAX {
            let value = half::from_bits(bits);
            if value.is_nan() {
                assert!(half::from_bits(half::to_bits(value)).is_nan());
            } else {
                assert_eq!(half::to_bits(value), bits, "{value}");
            }
        }
        for (value, bits) in [(1.0, 0x3c00), (65_504.0, 0x7bff), (65_520.0, 0x7c00), (1e9, 0x7c00)] {
            assert_eq!(half::to_bits(value), bits, "{value}");
        }
        assert_eq!(half::to_bits(1.0 + 1.0 / 2048.0), 0x3c00, "a tie goes to the even one");
        assert_eq!(half::to_bits(1.0 + 3.0 / 2048.0), 0x3c02, "a tie goes to the even one");
        assert_eq!(half::to_bits(f32::from_bits(0x3300_0000)), 0, "half of the least one");
    }
}
