//! Reads a dataset, of anybody's, episode by episode.

use super::info::{Info, Numbers};
use super::read::{Cells, Table};
use super::video::{Ffmpeg, VideoReader};
use super::{Camera, DatasetError};
use crate::{Canvas, files};
use core::ops::Range;
use std::path::{Path, PathBuf};
use types::Rejection;

/// Rows of pictures that are in memory at a time.
const STEP: usize = 32;

/// A dataset's folder.
pub struct Dataset {
    root: PathBuf,
    info: Info,
    rows: Vec<Row>,
    tasks: Vec<(i64, String)>,
}

/// An episode as its table has it.
struct Row {
    number: i64,
    length: usize,
    data: (i64, i64),
    /// Of each camera with video the file, and where in it, seconds.
    videos: Vec<Option<((i64, i64), f64)>>,
    tasks: Vec<String>,
}

/// An episode without its pictures.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The sentence.
    pub task: String,
    /// When each frame was, seconds.
    pub times_s: Vec<f64>,
    /// Of each of [`Dataset::numbers`] the numbers of all frames, frame after frame.
    pub numbers: Vec<Vec<f64>>,
    number: i64,
    data: PathBuf,
    rows: Range<usize>,
    videos: Vec<Option<(PathBuf, f64)>>,
}

/// Pictures of a camera, one for each frame.
pub type Pictures = Box<dyn Iterator<Item = Result<Canvas, DatasetError>>>;

impl Dataset {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`DatasetError`] naming file and field of what is missing, of another version, or damaged.
    pub fn open(root: &Path) -> Result<Self, DatasetError> {
        let info = Info::read(root)?;
        let tasks = tasks(&root.join("meta/tasks.parquet"))?;
        let mut rows = Vec::new();
        let folder = root.join("meta/episodes");
        for chunk in entries(&folder)? {
            for file in entries(&chunk)?.into_iter().filter(|f| f.extension().is_some_and(|e| e == "parquet"))
            {
                episodes(&file, &info, &mut rows)?;
            }
        }
        if rows.is_empty() {
            let what = "expected a table of episodes with one at least, got none".to_owned();
            return Err(DatasetError::Damaged { path: folder.display().to_string(), what });
        }
        Ok(Self { root: root.to_owned(), info, rows, tasks })
    }

    /// Frames per second.
    #[must_use]
    pub fn fps(&self) -> f64 {
        self.info.fps
    }

    /// The robot's name, as the dataset has it.
    #[must_use]
    pub fn robot(&self) -> &str {
        &self.info.robot
    }

    /// Numbers of each frame.
    #[must_use]
    pub fn numbers(&self) -> &[Numbers] {
        &self.info.numbers
    }

    /// Pictures of each frame, and whether they are video.
    #[must_use]
    pub fn cameras(&self) -> &[(Camera, bool)] {
        &self.info.cameras
    }

    /// What there is besides and is not read, with its kind.
    #[must_use]
    pub fn others(&self) -> &[(String, String)] {
        &self.info.others
    }

    /// Episodes.
    #[must_use]
    pub fn episodes(&self) -> usize {
        self.rows.len()
    }

    /// The file with `meta/info.json`.
    #[must_use]
    pub fn info_path(&self) -> PathBuf {
        self.root.join(super::info::INFO)
    }

    /// Reads an episode, by its number.
    ///
    /// # Errors
    /// [`DatasetError::Refused`] when there is none of this number, else as [`Dataset::open`].
    pub fn episode(&self, number: u64) -> Result<Episode, DatasetError> {
        let row = self.rows.iter().find(|r| u64::try_from(r.number) == Ok(number)).ok_or_else(|| {
            let expected = format!("one of the {} episodes, counted from 0", self.rows.len());
            DatasetError::Refused(Rejection::new("episode", expected, number.to_string()))
        })?;
        let path = self.info.data(&self.root, row.data.0, row.data.1)?;
        let bad = |what: String| DatasetError::Damaged { path: path.display().to_string(), what };
        let table = Table::open(&path)?;
        let of = table.integers("episode_index")?;
        let first = of.iter().position(|e| *e == row.number).unwrap_or(0);
        let n = of.iter().filter(|e| **e == row.number).count();
        let rows = first..first + n;
        let is_one = of.get(rows.clone()).is_some_and(|o| o.iter().all(|e| *e == row.number));
        if n != row.length || !is_one {
            let expected = format!("{} rows of episode {number}, one after the other", row.length);
            return Err(bad(format!("episode_index: expected {expected}, got {n}")));
        }
        let times_s = table.scalars("timestamp", rows.clone())?;
        let is_late = |w: &[f64]| w[0].partial_cmp(&w[1]) != Some(core::cmp::Ordering::Less);
        if times_s.iter().any(|t| !t.is_finite()) || times_s.windows(2).any(is_late) {
            return Err(bad("timestamp: expected seconds that rise, got others".into()));
        }
        let mut numbers = Vec::new();
        for n in &self.info.numbers {
            let cells = table.numbers(&n.key, rows.clone())?;
            numbers.push(whole(&cells, n).map_err(|what| bad(format!("{}: {what}", n.key)))?);
        }
        let task = self.task(row, &table, &rows)?;
        let mut videos = Vec::new();
        for ((camera, _), video) in self.info.cameras.iter().zip(&row.videos) {
            videos.push(match video {
                Some(((chunk, file), begin_s)) => {
                    Some((self.info.video(&self.root, &camera.key, *chunk, *file)?, *begin_s))
                }
                None => None,
            });
        }
        Ok(Episode { task, times_s, numbers, number: row.number, data: path, rows, videos })
    }

    /// The sentence of an episode: what its rows say, else its table.
    fn task(&self, row: &Row, table: &Table, rows: &Range<usize>) -> Result<String, DatasetError> {
        if !table.names().iter().any(|n| n == "task_index") {
            return Ok(row.tasks.join("; "));
        }
        let of = table.integers("task_index")?;
        let number = of.get(rows.start).copied().unwrap_or(0);
        let found = self.tasks.iter().find(|(n, _)| *n == number).map(|(_, task)| task.clone());
        Ok(found.unwrap_or_else(|| row.tasks.join("; ")))
    }

    /// The pictures of a camera, by its place among [`Dataset::cameras`]. Video takes the program `ffmpeg`.
    ///
    /// # Errors
    /// [`DatasetError::Refused`] when there is no such camera, or it is video and there is no program; else as
    /// [`Dataset::open`]. What is wrong with a picture is said when it comes.
    pub fn pictures(
        &self,
        e: &Episode,
        camera: usize,
        ffmpeg: Option<&Ffmpeg>,
    ) -> Result<Pictures, DatasetError> {
        let Some(((camera, _), video)) = self.info.cameras.get(camera).zip(e.videos.get(camera)) else {
            let expected = format!("one of {} cameras", self.info.cameras.len());
            return Err(Rejection::new("camera", expected, camera.to_string()).into());
        };
        if let Some((path, begin_s)) = video {
            let ffmpeg = ffmpeg.ok_or_else(|| {
                DatasetError::Refused(Rejection::new(
                    camera.key.clone(),
                    "the program ffmpeg, for it is video",
                    "none",
                ))
            })?;
            let cut = (*begin_s, self.info.fps, e.rows.len() as u64);
            return Ok(Box::new(VideoReader::open(ffmpeg, path, (camera.width, camera.height), cut)?));
        }
        let stills = Stills {
            table: Table::open(&e.data)?,
            path: e.data.clone(),
            camera: camera.clone(),
            rows: e.rows.clone(),
            read: Vec::new().into_iter(),
            episode: e.number,
        };
        Ok(Box::new(stills))
    }
}

/// Pictures in the rows of a table.
struct Stills {
    table: Table,
    path: PathBuf,
    camera: Camera,
    rows: Range<usize>,
    read: std::vec::IntoIter<Vec<u8>>,
    episode: i64,
}

impl Iterator for Stills {
    type Item = Result<Canvas, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = match self.read.next() {
            Some(bytes) => bytes,
            None if self.rows.is_empty() => return None,
            None => {
                let end = (self.rows.start + STEP).min(self.rows.end);
                let read = self.table.files(&self.camera.key, self.rows.start..end);
                self.rows.start = end;
                match read {
                    Ok(read) => self.read = read.into_iter(),
                    Err(e) => {
                        self.rows.start = self.rows.end;
                        return Some(Err(e));
                    }
                }
                self.read.next()?
            }
        };
        let name = format!("{}: {} of episode {}", self.path.display(), self.camera.key, self.episode);
        Some(still(&name, &bytes, &self.camera))
    }
}

fn still(name: &str, bytes: &[u8], camera: &Camera) -> Result<Canvas, DatasetError> {
    let bad = |what: String| DatasetError::Damaged { path: name.to_owned(), what };
    let canvas = files::picture(Path::new(name), bytes).map_err(|e| match e {
        crate::BridgeError::Picture { what, .. } => bad(what),
        other => bad(other.to_string()),
    })?;
    if (canvas.width(), canvas.height()) != (camera.width, camera.height) {
        let (expected, got) =
            (format!("{} × {}", camera.width, camera.height), (canvas.width(), canvas.height()));
        return Err(bad(format!("expected {expected} pixels, got {} × {}", got.0, got.1)));
    }
    Ok(canvas)
}

/// All numbers of an episode, as many in each frame as there are names.
fn whole(cells: &Cells<f64>, n: &Numbers) -> Result<Vec<f64>, String> {
    let mut all = Vec::with_capacity(cells.len() * n.names.len());
    for i in 0..cells.len() {
        let row = cells.row(i);
        if row.len() != n.names.len() {
            return Err(format!("frame {i}: expected {} numbers, got {}", n.names.len(), row.len()));
        }
        all.extend_from_slice(row);
    }
    Ok(all)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let io = DatasetError::io;
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io(folder))? {
        all.push(entry.map_err(io(folder))?.path());
    }
    all.retain(|p| p.is_dir() || p.extension().is_some_and(|e| e == "parquet"));
    all.sort();
    Ok(all)
}

/// The sentences with their numbers: whatever column holds texts.
fn tasks(path: &Path) -> Result<Vec<(i64, String)>, DatasetError> {
    let table = Table::open(path)?;
    let numbers = table.integers("task_index")?;
    let names = table.names();
    let texts = names.iter().filter(|n| *n != "task_index").find_map(|n| table.texts(n).ok());
    let Some(texts) = texts else {
        let what = "expected a column with sentences, got none".to_owned();
        return Err(DatasetError::Damaged { path: path.display().to_string(), what });
    };
    let text = |i: usize| texts.row(i).first().cloned().unwrap_or_default();
    Ok(numbers.into_iter().enumerate().map(|(i, n)| (n, text(i))).collect())
}

fn episodes(path: &Path, info: &Info, rows: &mut Vec<Row>) -> Result<(), DatasetError> {
    let bad = |what: String| DatasetError::Damaged { path: path.display().to_string(), what };
    let table = Table::open(path)?;
    let numbers = table.integers("episode_index")?;
    let lengths = table.integers("length")?;
    let places = [table.integers("data/chunk_index")?, table.integers("data/file_index")?];
    let mut videos = Vec::new();
    for (camera, is_video) in &info.cameras {
        let name = |what: &str| format!("videos/{}/{what}", camera.key);
        videos.push(if *is_video {
            let chunks = table.integers(&name("chunk_index"))?;
            let files = table.integers(&name("file_index"))?;
            let begins = table.scalars(&name("from_timestamp"), 0..table.len())?;
            if let Some(at) = begins.iter().find(|at| !(**at >= 0.0 && at.is_finite())) {
                return Err(bad(format!("{}: expected seconds, got {at}", name("from_timestamp"))));
            }
            Some((chunks, files, begins))
        } else {
            None
        });
    }
    let tasks = table.names().iter().any(|n| n == "tasks").then(|| table.texts("tasks")).transpose()?;
    for (i, number) in numbers.into_iter().enumerate() {
        let length = usize::try_from(lengths[i]).ok().filter(|n| *n > 0);
        let length = length.ok_or_else(|| bad(format!("length: expected frames, got {}", lengths[i])))?;
        if number < 0 || places.iter().any(|p| p[i] < 0) {
            return Err(
                bad("episode_index, data/chunk_index, data/file_index: expected none below 0".into()),
            );
        }
        let video =
            |(chunks, files, begins): &(Vec<i64>, Vec<i64>, Vec<f64>)| ((chunks[i], files[i]), begins[i]);
        rows.push(Row {
            number,
            length,
            data: (places[0][i], places[1][i]),
            videos: videos.iter().map(|v| v.as_ref().map(video)).collect(),
            tasks: tasks.as_ref().map(|t| t.row(i).to_vec()).unwrap_or_default(),
        });
    }
    Ok(())
}
