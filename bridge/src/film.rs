//! Films as pictures: a folder of numbered ones as they are, any other film through `ffmpeg`.

use crate::dataset::DatasetError;
use crate::dataset::video::{Ffmpeg, netpbm};
use crate::{Canvas, files};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use types::Rejection;

/// So many pictures a film may have before some of them are chosen.
const MOST_PICTURES: usize = 1 << 20;

/// The numbered PNG and JPEG pictures of a folder in their order, each with its number. What begins with a dot is no
/// picture, and is passed over.
///
/// # Errors
/// A [`Rejection`] naming what is no numbered picture, or has the number of another, or a folder that cannot be read.
pub fn numbered(folder: &Path) -> Result<Vec<(u64, PathBuf)>, Rejection> {
    let name = |path: &Path| path.display().to_string();
    let unread = |e: std::io::Error| Rejection::new(name(folder), "a folder that can be read", e.to_string());
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file.starts_with('.') {
            continue;
        }
        let (stem, kind) = file.rsplit_once('.').unwrap_or((&file, ""));
        let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let number = stem[stem.len() - digits..].parse::<u64>().ok();
        let is_picture = ["png", "jpg", "jpeg"].iter().any(|k| kind.eq_ignore_ascii_case(k));
        match number.filter(|_| is_picture) {
            Some(number) if all.len() < MOST_PICTURES => all.push((number, path)),
            Some(_) => {
                let expected = format!("at most {MOST_PICTURES} pictures");
                return Err(Rejection::new(name(folder), expected, "more"));
            }
            None => {
                let expected = "numbered pictures as 0001.png or frame-12.jpg alone";
                return Err(Rejection::new(name(folder), expected, format!("{file:?}")));
            }
        }
    }
    all.sort();
    match all.windows(2).find(|w| w[0].0 == w[1].0) {
        Some(two) => {
            let got = format!("{} and {}", name(&two[0].1), name(&two[1].1));
            Err(Rejection::new(name(folder), "a number for each picture", got))
        }
        None => Ok(all),
    }
}

/// Reads pictures that must all have the sides of the first one.
///
/// # Errors
/// A [`Rejection`] naming the file that is no picture, or has other sides; or more than `most_bytes` of pixels.
pub fn read(paths: &[(u64, PathBuf)], most_bytes: usize) -> Result<Vec<Canvas>, Rejection> {
    let mut all: Vec<Canvas> = Vec::with_capacity(paths.len());
    for (_, path) in paths {
        let name = || path.display().to_string();
        let picture = files::read_picture(path);
        let picture = picture.map_err(|e| Rejection::new(name(), "a PNG or JPEG picture", e.to_string()))?;
        fits(&picture, all.first(), name())?;
        room(&picture, paths.len(), most_bytes)?;
        all.push(picture);
    }
    Ok(all)
}

fn fits(picture: &Canvas, first: Option<&Canvas>, name: String) -> Result<(), Rejection> {
    let sides = |c: &Canvas| format!("{} × {} pixels", c.width(), c.height());
    match first.filter(|f| (f.width(), f.height()) != (picture.width(), picture.height())) {
        Some(f) => Err(Rejection::new(name, format!("{}, as the first picture", sides(f)), sides(picture))),
        None => Ok(()),
    }
}

/// Whether `n` such pictures are no more than `most` bytes.
fn room(picture: &Canvas, n: usize, most: usize) -> Result<(), Rejection> {
    let bytes = picture.rgb().len().saturating_mul(n);
    if bytes <= most {
        return Ok(());
    }
    let got = format!("{n} of {} × {}, {bytes} bytes", picture.width(), picture.height());
    Err(Rejection::new("film", format!("pictures of at most {most} bytes in all"), got))
}

/// How many pictures a film has, and how many of them a second.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Length {
    /// How many.
    pub pictures: usize,
    /// A second, on average.
    pub fps: f64,
}

impl Ffmpeg {
    /// How long a film is; every picture of it is decoded for that.
    ///
    /// # Errors
    /// [`DatasetError::Video`] with what the program says of a file that is no film; [`DatasetError::Refused`] for one
    /// without times, or with too many pictures.
    pub fn length(&self, path: &Path) -> Result<Length, DatasetError> {
        let mut run = self.play(path, &["-f", "framecrc", "pipe:1"])?;
        let (mut base, mut pictures, mut ends) = (None, 0_usize, None);
        let refuse =
            |expected: String, got: String| Rejection::new(path.display().to_string(), expected, got);
        // "#tb 0: 1/25", and for each picture "0, 3, 3, 1, 14400, 0x4f7e1a2b": stream, when decoded, when shown, ...
        for line in BufReader::new(run.out()).lines() {
            let line = line.map_err(|e| self.error(e.to_string()))?;
            if let Some(said) = line.strip_prefix("#tb 0:") {
                let said = said.trim().split_once('/');
                let said = said.and_then(|(a, b)| Some((a.parse::<f64>().ok()?, b.parse::<f64>().ok()?)));
                base = said.filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| a / b);
            } else if !line.starts_with('#') {
                let shown = line.split(',').nth(2).and_then(|pts| pts.trim().parse::<i64>().ok());
                let Some(shown) = shown else {
                    return Err(refuse("a time for each picture".into(), line).into());
                };
                let (first, _) = ends.unwrap_or((shown, shown));
                ends = Some((first, shown));
                pictures += 1;
                if pictures > MOST_PICTURES {
                    return Err(refuse(format!("at most {MOST_PICTURES} pictures"), "more".into()).into());
                }
            }
        }
        run.end(path)?;
        let span = base.zip(ends).map(|(base, (first, last))| base * last.saturating_sub(first) as f64);
        match span.filter(|s| *s > 0.0 && pictures > 1) {
            Some(span) => Ok(Length { pictures, fps: (pictures - 1) as f64 / span }),
            None => Err(refuse("a film of at least 2 pictures".into(), pictures.to_string()).into()),
        }
    }

    /// The pictures of these numbers, which rise.
    ///
    /// # Errors
    /// As [`Ffmpeg::length`], for pictures of several shapes, for one that is not there, and for more than `most_bytes`
    /// of pixels.
    pub fn pictures(
        &self,
        path: &Path,
        numbers: &[usize],
        most_bytes: usize,
    ) -> Result<Vec<Canvas>, DatasetError> {
        let mut run = self.play(path, &["-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"])?;
        let mut from = BufReader::with_capacity(1 << 20, run.out());
        let (mut all, mut at) = (Vec::<Canvas>::with_capacity(numbers.len()), 0);
        while all.len() < numbers.len() {
            let picture = netpbm(&mut from).map_err(|e| self.error(format!("{}: {e}", path.display())))?;
            let Some(picture) = picture else {
                run.end(path)?;
                let what = format!("{}: expected picture {at}, got the end", path.display());
                return Err(self.error(what));
            };
            if at == numbers[all.len()] {
                fits(&picture, all.first(), format!("picture {at} of {}", path.display()))?;
                room(&picture, numbers.len(), most_bytes)?;
                all.push(picture);
            }
            at += 1;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[(&str, usize)]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sinew-film-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        for (file, width) in files {
            files::write_png(&path.join(file), &Canvas::new(*width, 2, [7; 3])).expect("written");
        }
        path
    }

    #[test]
    fn pictures_follow_their_numbers_and_not_their_names() {
        let path = folder("order", &[("f10.png", 2), ("f9.PNG", 2), (".f8.png", 2), ("0100.jpg", 2)]);
        let found = numbered(&path).expect("pictures");
        assert_eq!(found.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [9, 10, 100]);
        assert_eq!(read(&found, 1 << 20).expect("read").len(), 3);
        assert!(read(&found, 35).expect_err("refused").to_string().contains("at most 35 bytes"));
        std::fs::remove_dir_all(path).expect("removed");
    }

    #[test]
    fn what_is_no_film_is_refused_by_name() {
        for (name, files, says) in [
            ("text", &[("1.png", 2), ("notes.txt", 2)][..], "notes.txt"),
            ("unnumbered", &[("1.png", 2), ("last.png", 2)], "last.png"),
            ("twice", &[("a1.png", 2), ("b01.png", 2)], "b01.png"),
        ] {
            let path = folder(name, files);
            assert!(numbered(&path).expect_err("refused").to_string().contains(says), "{name}");
            std::fs::remove_dir_all(path).expect("removed");
        }
        let path = folder("sides", &[("1.png", 2), ("2.png", 3)]);
        let e = read(&numbered(&path).expect("numbered"), 1 << 20).expect_err("refused").to_string();
        assert!(e.contains("2.png") && e.contains("2 × 2 pixels") && e.contains("3 × 2 pixels"), "{e}");
        std::fs::write(path.join("2.png"), "no picture").expect("written");
        let e = read(&numbered(&path).expect("numbered"), 1 << 20).expect_err("refused").to_string();
        assert!(e.contains("2.png") && e.contains("PNG or JPEG"), "{e}");
        std::fs::remove_dir_all(path).expect("removed");
        assert!(numbered(Path::new("/nowhere")).expect_err("refused").to_string().contains("/nowhere"));
    }
}
