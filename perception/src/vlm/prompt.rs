//! A prompt made ready: tokens, where each stands, and the pictures among them.

use super::patches::Patches;
use super::positions::Position;
use types::Rejection;

/// Tokens of a prompt with the pictures that stand among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub(super) ids: Vec<u32>,
    pub(super) positions: Vec<Position>,
    /// Pictures in order, each with the token at which it begins and the number of its tokens.
    pub(super) pictures: Vec<(usize, usize, Patches)>,
    /// Where the next token of text would stand.
    next: u32,
}

impl Prompt {
    pub(super) fn new() -> Self {
        Self { ids: Vec::new(), positions: Vec::new(), pictures: Vec::new(), next: 0 }
    }

    /// Tokens as they are, without a template or a picture.
    #[must_use]
    pub fn of_tokens(ids: &[u32]) -> Self {
        let mut prompt = Self::new();
        prompt.push_text(ids);
        prompt
    }

    /// The tokens, one for every part of a picture.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The pictures in order (of a film every part, of a picture in tiles every tile): patches along height and
    /// width, and their values, a patch after the other: colour, picture in time, row, column, each level v as
    /// (v / 255 − mean) / deviation.
    pub fn pictures(&self) -> impl Iterator<Item = ([usize; 2], &[f32])> {
        self.pictures.iter().map(|(_, _, patches)| (patches.grid, patches.values.as_slice()))
    }

    /// Where the first token of the answer stands, along all axes.
    pub(super) fn next_position(&self) -> u32 {
        self.next
    }

    /// Text goes on along all axes at once.
    pub(super) fn push_text(&mut self, ids: &[u32]) {
        for id in ids {
            self.ids.push(*id);
            self.positions.push([self.next; 3]);
            self.next += 1;
        }
    }

    /// A picture stands at one time, its tokens beside and below each other; the text after it goes on
    /// beyond its longer side (Qwen2-VL's mRoPE).
    pub(super) fn push_picture(&mut self, id: u32, patches: Patches, merge: usize) {
        self.next += self.place(id, patches, merge, 0);
    }

    /// A picture of `n` tokens that stand one after the other, as words do.
    pub(super) fn push_tile(&mut self, id: u32, patches: Patches, n: usize) {
        self.pictures.push((self.ids.len(), n, patches));
        for _ in 0..n {
            self.push_text(&[id]);
        }
    }

    /// The parts of a film stand `step` apart in time, rounded down. The text after it goes on beyond its longer
    /// side, whatever its length in time (Qwen2.5-VL in transformers 5; transformers 4 goes on beyond its end).
    pub(super) fn push_film(&mut self, id: u32, parts: Vec<Patches>, merge: usize, step: f32) {
        let mut side = 0;
        for (i, mut patches) in parts.into_iter().enumerate() {
            let time = (i as f32 * step) as u32;
            // The same picture at another time is something else to the language model.
            patches.fingerprint = patches.fingerprint.rotate_left(1).wrapping_add(time.into());
            side = self.place(id, patches, merge, time);
        }
        self.next += side;
    }

    /// Puts a picture at the next position and `time` later; the tokens along its longer side.
    fn place(&mut self, id: u32, patches: Patches, merge: usize, time: u32) -> u32 {
        let [h, w] = patches.grid.map(|n| n / merge);
        self.pictures.push((self.ids.len(), h * w, patches));
        for i in 0..h * w {
            self.ids.push(id);
            self.positions.push([self.next + time, self.next + (i / w) as u32, self.next + (i % w) as u32]);
        }
        h.max(w) as u32
    }

    /// What tells the token at `i` apart: its number, and the picture behind it.
    pub(super) fn keys(&self) -> Vec<(u32, u64)> {
        let mut keys: Vec<(u32, u64)> = self.ids.iter().map(|id| (*id, 0)).collect();
        for (begin, n, patches) in &self.pictures {
            keys[*begin..begin + n].iter_mut().for_each(|k| k.1 = patches.fingerprint);
        }
        keys
    }
}

/// Refuses pictures, or tiles of them, of `n_tokens` for each of their `parts` that do not fit into `most` positions.
pub(super) fn check_room(
    parts: impl Iterator<Item = usize>,
    n_tokens: usize,
    most: usize,
) -> Result<(), Rejection> {
    let all = parts.fold(0_usize, |all, n| all.saturating_add(n.saturating_mul(n_tokens)));
    if all < most {
        return Ok(());
    }
    Err(Rejection::new(
        "pictures",
        format!("fewer than {most} tokens in all, the model's positions"),
        all.to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_tiles_than_the_model_has_positions_for_are_refused_by_their_number_alone() {
        assert!(check_room([17, 1].into_iter(), 64, 8192).is_ok());
        let e = check_room([1025, 1025].into_iter(), 784, 8192).expect_err("too many").to_string();
        assert!(e.contains("8192") && e.contains("1607200"), "{e}");
        assert!(check_room([usize::MAX, 2].into_iter(), 784, 8192).is_err());
    }
}
