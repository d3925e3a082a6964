//! SmolVLM's way from a picture to rows of numbers: a size, tiles of one side and the whole picture at that side, too.

use super::error::Result;
use super::patches::{Cut, Patches, Processors};
use super::picture::Pixels;
use super::resize::{Filter, resize};
use super::settings::Node;
use types::Rejection;

/// No picture gets larger than this on its way, pixels a side.
const MOST: usize = 4096;
/// Most tiles along one side: bounds what a file's settings may ask for.
const MOST_TILES: usize = 32;
/// Sides where the files do not say, pixels.
const SIDE: usize = 364;

/// Settings of the preparation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TileConfig {
    cut: Cut,
    /// Longer side of a picture, and of a film's pictures, before they become tiles, pixels.
    longest: [usize; 2],
    /// Side of a tile, pixels.
    side: usize,
    /// Whether a picture becomes several tiles.
    splits: bool,
}

/// A picture as tiles: row after row, and the whole picture last; alone where there are no rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tiles {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) tiles: Vec<Patches>,
}

impl TileConfig {
    /// From the files of a checkpoint, for a tower with patches of `patch` pixels a side, `merge` × `merge` to a
    /// token.
    pub(super) fn new(files: &Processors, patch: usize, merge: usize) -> Result<Self> {
        let image = files.image()?;
        let default = Cut { patch, temporal: 1, merge, mean: [0.5; 3], deviation: [0.5; 3] };
        let cut = Cut { patch, temporal: 1, merge, ..Cut::new(&image, 1, default)? };
        let side = edge(&image, "max_image_size")?.unwrap_or(SIDE);
        if side / patch == 0 || !(side / patch).is_multiple_of(merge) {
            let expected = format!("a side of a multiple of {merge} patches of {patch} pixels");
            return Err(Rejection::new("max_image_size longest_edge", expected, side.to_string()).into());
        }
        let longest = edge(&image, "size")?.unwrap_or(4 * SIDE);
        let mut of_film = 4 * SIDE;
        if let Some(film) = files.film() {
            let sampled = film.get("video_sampling").map(|s| edge(&s, "video_size")).transpose()?.flatten();
            of_film = edge(&film, "size")?.or(sampled).unwrap_or(of_film);
            if let Some(other) = edge(&film, "max_image_size")?.filter(|other| *other != side) {
                let expected = format!("{side}, as for pictures");
                let field = "max_image_size longest_edge of films";
                return Err(Rejection::new(field, expected, other.to_string()).into());
            }
        }
        if longest.min(MOST).div_ceil(side) > MOST_TILES {
            let expected = format!("at most {MOST_TILES} tiles of {side} pixels");
            return Err(Rejection::new("size longest_edge", expected, longest.to_string()).into());
        }
        let splits = image.get("do_image_splitting").map_or(Ok(true), |n| n.flag())?;
        Ok(Self { cut, longest: [longest, of_film], side, splits })
    }

    /// Tokens of a tile.
    pub(super) fn n_tokens(&self) -> usize {
        (self.side / self.cut.patch / self.cut.merge).pow(2)
    }

    /// How many tiles a picture becomes, the whole of it among them.
    pub(super) fn n_tiles(&self, picture: &Pixels) -> usize {
        let [h, w] = self.whole_tiles(below(with_longest(picture, self.longest[0]), MOST));
        match h / self.side * (w / self.side) {
            n if n > 1 && self.splits => n + 1,
            _ => 1,
        }
    }

    /// One picture.
    pub(super) fn picture(&self, picture: &Pixels) -> Result<Tiles> {
        let [h, w] = below(with_longest(picture, self.longest[0]), MOST);
        let picture = resize(picture, w, h, Filter::Lanczos)?;
        if !self.splits {
            return Ok(Tiles { rows: 0, columns: 0, tiles: vec![self.square(&picture)?] });
        }
        let [h, w] = self.whole_tiles([picture.height(), picture.width()]);
        let picture = resize(&picture, w, h, Filter::Lanczos)?;
        let (rows, columns) = (h / self.side, w / self.side);
        if rows * columns == 1 {
            return Ok(Tiles { rows: 0, columns: 0, tiles: vec![self.cut.rows(&[&picture])] });
        }
        let mut tiles = Vec::with_capacity(rows * columns + 1);
        for i in 0..rows * columns {
            tiles.push(self.cut.rows(&[&self.tile(&picture, i / columns, i % columns)?]));
        }
        tiles.push(self.square(&picture)?);
        Ok(Tiles { rows, columns, tiles })
    }

    /// The pictures of a film, none of them split.
    pub(super) fn film(&self, frames: &[Pixels]) -> Result<Vec<Patches>> {
        let of = |frame: &Pixels| {
            let [h, w] = with_longest(frame, self.longest[1].min(MOST));
            self.square(&resize(frame, w, h, Filter::Lanczos)?)
        };
        frames.iter().map(of).collect()
    }

    /// The whole picture as one tile, whatever its shape.
    fn square(&self, picture: &Pixels) -> Result<Patches> {
        Ok(self.cut.rows(&[&resize(picture, self.side, self.side, Filter::Lanczos)?]))
    }

    fn tile(&self, picture: &Pixels, row: usize, column: usize) -> Result<Pixels, Rejection> {
        let (side, stride) = (self.side, 3 * picture.width());
        let mut rgb = Vec::with_capacity(3 * side * side);
        for y in row * side..(row + 1) * side {
            rgb.extend_from_slice(&picture.rgb()[y * stride + 3 * column * side..][..3 * side]);
        }
        Pixels::new(side, side, rgb)
    }

    /// Height and width in whole tiles: the longer side rounded up, the other one as the shape then asks, up too.
    fn whole_tiles(&self, [h, w]: [usize; 2]) -> [usize; 2] {
        let aspect = w as f64 / h as f64;
        let up = |n: usize| n.max(1).next_multiple_of(self.side);
        if w >= h {
            let w = up(w);
            [up((w as f64 / aspect) as usize), w]
        } else {
            let h = up(h);
            [h, up((h as f64 * aspect) as usize)]
        }
    }
}

/// `key`'s `longest_edge`, the one way here to give a size.
fn edge(node: &Node<'_>, key: &str) -> Result<Option<usize>> {
    node.get(key).map(|size| size.need("longest_edge")?.size(1..=MOST)).transpose()
}

/// Height and width with a longer side of `longest` and an even shorter one.
fn with_longest(picture: &Pixels, longest: usize) -> [usize; 2] {
    let (h, w) = (picture.height(), picture.width());
    let aspect = w as f64 / h as f64;
    let even = |n: f64| (n as usize).next_multiple_of(2).max(1);
    let [h, w] = if w >= h {
        [even(longest as f64 / aspect), longest]
    } else {
        [longest, even(longest as f64 * aspect)]
    };
    [h.max(1), w.max(1)]
}

/// Height and width with no side beyond `most`.
fn below([h, w]: [usize; 2], most: usize) -> [usize; 2] {
    let aspect = w as f64 / h as f64;
    let [h, w] = if w >= h && w > most {
        [(most as f64 / aspect) as usize, most]
    } else if h > w && h > most {
        [most, (most as f64 * aspect) as usize]
    } else {
        [h, w]
    };
    [h.max(1), w.max(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_counted_before_they_are_made() {
        let cut = Cut { patch: 4, temporal: 1, merge: 1, mean: [0.5; 3], deviation: [0.5; 3] };
        for splits in [true, false] {
            let config = TileConfig { cut: cut.clone(), longest: [64, 64], side: 16, splits };
            for (w, h) in [(16, 16), (64, 48), (10, 90), (200, 3), (33, 32)] {
                let picture = Pixels::new(w, h, vec![7; 3 * w * h]).expect("a picture");
                let made = config.picture(&picture).expect("tiles").tiles.len();
                assert_eq!(config.n_tiles(&picture), made, "{w} × {h}");
            }
        }
    }
}
