//! Which pictures of a film a model is shown: those that the reference's video processor of its family takes.

use super::error::Result;
use super::patches::Processors;
use std::path::Path;
use types::Rejection;

/// Pictures per second, of films and for models.
const FPS: core::ops::RangeInclusive<f64> = 1e-3..=1e3;

/// How a family spreads pictures over a film.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// From the first to the last one, each the nearest (Qwen3-VL).
    Nearest,
    /// At equal steps from the first one on, whole parts of the patches' length (Qwen2.5-VL).
    Steps,
    /// From the first to the last one; of long films not the first second and the last (SmolVLM2).
    Inner,
}

/// Which pictures of a film a model is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameSampling {
    spread: Spread,
    /// Whether a film is thinned out unasked.
    thins: bool,
    /// Pictures in a second of film.
    fps: f64,
    fewest: usize,
    most: usize,
    /// Pictures that a patch spans.
    temporal: usize,
}

impl FrameSampling {
    /// As the files in `dir` say; what they leave out is the reference's.
    pub(super) fn read(dir: &Path, spread: Spread, temporal: usize) -> Result<Self> {
        let default = match spread {
            Spread::Nearest => (true, 2.0, 4, 768),
            Spread::Steps => (false, 2.0, 4, 768),
            Spread::Inner => (false, 1.0, 1, 64),
        };
        let mut this = Self {
            spread,
            thins: default.0,
            fps: default.1,
            fewest: default.2,
            most: default.3,
            temporal: temporal.max(1),
        };
        let files = Processors::read(dir)?;
        let Some(film) = files.film() else { return Ok(this) };
        if let Some(node) = film.get("do_sample_frames") {
            this.thins = node.flag()?;
        }
        let (at, most) = match spread {
            Spread::Inner => match film.get("video_sampling") {
                Some(older) => (older, "max_frames"),
                None => (film, "num_frames"),
            },
            _ => (film, "max_frames"),
        };
        if let Some(node) = at.get("fps") {
            this.fps = node.number(FPS)?;
        }
        if let Some(node) = at.get(most) {
            this.most = node.size(1..=1 << 20)?;
        }
        if let Some(node) = at.get("min_frames").filter(|_| spread != Spread::Inner) {
            this.fewest = node.size(1..=1 << 20)?;
        }
        Ok(this)
    }

    /// The numbers of the pictures, of `total` at `film_fps` a second. `fps` goes before what the settings say, and
    /// thins out where these do not.
    ///
    /// # Errors
    /// A [`Rejection`] for times that are none, or a film of too few pictures to choose from.
    pub fn pick(&self, total: usize, film_fps: f64, fps: Option<f64>) -> Result<Vec<usize>, Rejection> {
        for (field, value) in [("film.fps", Some(film_fps)), ("fps", fps)] {
            if let Some(value) = value.filter(|v| !FPS.contains(v)) {
                let expected = format!("{} to {} pictures per second", FPS.start(), FPS.end());
                return Err(Rejection::new(field, expected, value.to_string()));
            }
        }
        if total < self.temporal.max(2) {
            let expected = format!("a film of at least {} pictures", self.temporal.max(2));
            return Err(Rejection::new("film", expected, total.to_string()));
        }
        if !self.thins && fps.is_none() {
            return Ok((0..total).collect());
        }
        let fps = fps.unwrap_or(self.fps);
        let seconds = total as f64 / film_fps;
        Ok(match self.spread {
            Spread::Nearest => {
                let n = ((seconds * fps) as usize).max(self.fewest).min(self.most).min(total);
                spread(0, total - 1, n).map(|at| at.round_ties_even() as usize).collect()
            }
            Spread::Steps => {
                let whole = |n: usize| n / self.temporal * self.temporal;
                let most = whole(self.most.min(total));
                let n = whole(((seconds * fps).max(self.fewest as f64) as usize).min(most)).max(1);
                let step = total as f64 / n as f64;
                // The reference has single precision here.
                (0..n).map(|i| (i as f64 * step) as f32 as usize).collect()
            }
            Spread::Inner => {
                let n = ((seconds * fps).round_ties_even() as usize).min(self.most).max(1);
                let (mut first, mut last) = (0, total - 1);
                if seconds - 2.0 > self.most as f64 * fps {
                    let (begin, end) = (film_fps as usize, (total as f64 - film_fps) as usize);
                    if begin < end.min(total - 1) {
                        (first, last) = (begin, end.min(total - 1));
                    }
                }
                let mut all: Vec<usize> = spread(first, last, n).map(|at| at as usize).collect();
                all.dedup();
                all
            }
        })
    }
}

/// `n` numbers at equal distances from `first` to `last`.
fn spread(first: usize, last: usize, n: usize) -> impl Iterator<Item = f64> {
    let step = (last - first) as f64 / n.saturating_sub(1).max(1) as f64;
    (0..n).map(move |i| if i > 0 && i + 1 == n { last as f64 } else { i as f64 * step + first as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(spread: Spread, fps: f64, fewest: usize, most: usize) -> FrameSampling {
        FrameSampling { spread, thins: true, fps, fewest, most, temporal: 2 }
    }

    #[test]
    fn each_family_takes_the_pictures_that_its_reference_takes() {
        let pick = |s: &FrameSampling, total, fps| s.pick(total, fps, None).expect("a film");
        let nearest = sampling(Spread::Nearest, 2.0, 4, 768);
        assert_eq!(pick(&nearest, 90, 30.0), [0, 18, 36, 53, 71, 89]);
        assert_eq!(pick(&nearest, 5, 8.0), [0, 1, 3, 4]);
        assert_eq!(pick(&nearest, 3, 8.0), [0, 1, 2]);
        assert_eq!(pick(&sampling(Spread::Nearest, 2.0, 4, 5), 90, 30.0).len(), 5);
        let steps = sampling(Spread::Steps, 2.0, 4, 768);
        assert_eq!(pick(&steps, 90, 30.0), [0, 15, 30, 45, 60, 75]);
        assert_eq!(pick(&steps, 5, 8.0), [0, 1, 2, 3]);
        let inner = sampling(Spread::Inner, 1.0, 1, 64);
        assert_eq!(pick(&inner, 90, 30.0), [0, 44, 89]);
        let long = pick(&inner, 1000, 10.0);
        assert_eq!((long.len(), long[0], long[1], long[63]), (64, 10, 25, 990));
    }

    #[test]
    fn a_film_is_thinned_out_only_where_the_settings_or_the_person_say_so() {
        let whole = FrameSampling { thins: false, ..sampling(Spread::Steps, 2.0, 4, 768) };
        assert_eq!(whole.pick(90, 30.0, None).expect("a film").len(), 90);
        assert_eq!(whole.pick(90, 30.0, Some(4.0)).expect("a film").len(), 12);
        for (total, film, fps, says) in [
            (1, 30.0, None, "film"),
            (90, f64::NAN, None, "film.fps"),
            (90, 0.0, None, "film.fps"),
            (90, 30.0, Some(-1.0), "fps"),
        ] {
            let e = whole.pick(total, film, fps).expect_err("refused");
            assert_eq!(e.field, says, "{e}");
        }
    }
}
