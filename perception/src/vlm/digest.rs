//! What tells weights apart: a hash over everything that a model asks for.

/// Eight streams of 64 bits, word by word: as fast as memory, so that it rides on the pass that looks for numbers that
/// are none. Whatever one word changes, changes the hash; it is no proof against somebody who makes two weights alike
/// on purpose.
pub(super) struct Digest {
    lanes: [u64; 8],
    n_bytes: u64,
}

/// An odd number: multiplying by it loses nothing.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(lane: u64, word: u64) -> u64 {
    (lane ^ word).wrapping_mul(FACTOR).rotate_left(29)
}

impl Digest {
    pub(super) fn new() -> Self {
        Self { lanes: core::array::from_fn(|i| i as u64 + 1), n_bytes: 0 }
    }

    /// Adds bytes; where they were cut counts only when a cut is no multiple of 64.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.n_bytes = self.n_bytes.wrapping_add(bytes.len() as u64);
        let (blocks, rest) = bytes.as_chunks::<64>();
        let mut add = |block: &[u8; 64]| {
            for (lane, word) in self.lanes.iter_mut().zip(block.as_chunks::<8>().0) {
                *lane = mix(*lane, u64::from_le_bytes(*word));
            }
        };
        blocks.iter().for_each(&mut add);
        if !rest.is_empty() {
            let mut last = [0; 64];
            last[..rest.len()].copy_from_slice(rest);
            add(&last);
        }
    }

    /// A name, or whatever else is a whole.
    pub(super) fn add_whole(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&(text.len() as u64).to_le_bytes());
    }

    /// Sixteen hex digits.
    pub(super) fn text(&self) -> String {
        let folded = self.lanes.iter().fold(self.n_bytes, |hash, lane| mix(hash, *lane));
        format!("{:016x}", mix(folded, folded >> 32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_every_place_and_every_length_counts_and_where_it_was_cut_does_not() {
        let bytes: Vec<u8> = (0..1000u32).map(|i| (i * 7) as u8).collect();
        let of = |parts: &[&[u8]]| {
            let mut digest = Digest::new();
            parts.iter().for_each(|p| digest.add(p));
            digest.text()
        };
        let whole = of(&[&bytes]);
        assert_eq!(of(&[&bytes[..640], &bytes[640..]]), whole);
        let mut seen = std::collections::BTreeSet::from([whole.clone()]);
        for at in [0, 1, 63, 64, 500, 999] {
            for bit in [0, 3, 7] {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert!(seen.insert(of(&[&other])), "byte {at}, bit {bit}");
            }
        }
        let mut swapped = bytes.clone();
        swapped[..128].rotate_left(64);
        assert!(seen.insert(of(&[&swapped])) && seen.insert(of(&[&bytes[..999]])));
        assert!(seen.insert(of(&[&bytes, &[0]])) && seen.insert(of(&[&[]])));
        assert!(seen.iter().all(|t| t.len() == 16));
    }
}
