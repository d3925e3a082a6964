//! Writes a dataset, frame by frame.

use super::info::{COUNTERS, DATA_MB, INFO, Totals, VIDEO_MB, json_of, path_of, place};
use super::stats::{self, Figures, Levels, TOLD};
use super::video::{Ffmpeg, VideoWriter};
use super::write::{Column, Kind, TableWriter, Values};
use super::{Camera, DatasetError, Numbers};
use crate::{Canvas, files};
use serde_json::{Map, json};
use std::path::{Path, PathBuf};
use types::Rejection;

/// Rows go to the file when they are so many, or their pictures so many bytes.
const ROWS: usize = 2000;
const BYTES: usize = 32 << 20;

/// What is in every frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Frames per second.
    pub fps: u32,
    /// The robot's name.
    pub robot: String,
    /// Numbers, of single precision.
    pub numbers: Vec<Numbers>,
    /// Pictures.
    pub cameras: Vec<Camera>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Episodes.
    pub episodes: u64,
    /// Frames.
    pub frames: u64,
    /// Different sentences.
    pub tasks: u64,
}

/// An episode that is written, as the table of episodes has it.
struct Row {
    task: String,
    outcome: String,
    frames: (u64, u64),
    data: u64,
    /// Of each camera the video and where in it, seconds.
    videos: Vec<(u64, f64, f64)>,
    figures: Vec<Figures>,
}

/// Where pictures of one camera go.
struct Film {
    writer: Option<VideoWriter>,
    file: u64,
    frames: u64,
    begun: u64,
}

/// Writes a folder. What is dropped before it is finished leaves none.
pub struct DatasetWriter {
    root: PathBuf,
    layout: Layout,
    ffmpeg: Option<Ffmpeg>,
    data: Option<TableWriter>,
    data_file: u64,
    films: Vec<Film>,
    tasks: Vec<String>,
    episodes: Vec<Row>,
    frames: u64,
    /// Frame and task of the episode under way, and rows that wait.
    begun: Option<(u64, usize)>,
    waiting: Vec<Vec<f32>>,
    pictures: Vec<Vec<(Vec<u8>, String)>>,
    waiting_bytes: usize,
    rows_waiting: usize,
    columns: Vec<stats::Column>,
    levels: Vec<(Levels, Levels)>,
    is_finished: bool,
}

impl DatasetWriter {
    /// Begins a dataset in a folder that is not there yet; with `ffmpeg` pictures become video, else PNG in the tables.
    ///
    /// # Errors
    /// [`DatasetError::Refused`] when there is such a folder already, or the layout fits nothing;
    /// [`DatasetError::Io`] when it cannot be made.
    pub fn create(root: &Path, layout: Layout, ffmpeg: Option<Ffmpeg>) -> Result<Self, DatasetError> {
        let is_known = |key: &str| key.contains('/') || COUNTERS.contains(&key);
        let keys = layout.numbers.iter().map(|n| &n.key).chain(layout.cameras.iter().map(|c| &c.key));
        if let Some(key) = keys.clone().find(|k| is_known(k)) {
            return Err(Rejection::new("layout", "names of its own without /", key.clone()).into());
        }
        let is_whole = layout.numbers.iter().all(|n| !n.names.is_empty())
            && layout.cameras.iter().all(|c| c.width > 0 && c.height > 0);
        if layout.fps == 0 || !is_whole {
            return Err(Rejection::new("layout", "frames, numbers and pixels", format!("{layout:?}")).into());
        }
        match std::fs::exists(root) {
            Ok(false) => {}
            Ok(true) => {
                let got = format!("{}, which is there already", root.display());
                return Err(Rejection::new("the dataset's folder", "a new one", got).into());
            }
            Err(e) => return Err(DatasetError::io(root)(e)),
        }
        if let Some(parent) = root.parent() {
            std::fs::create_dir_all(parent).map_err(DatasetError::io(parent))?;
        }
        std::fs::create_dir(root).map_err(DatasetError::io(root))?;
        let films =
            layout.cameras.iter().map(|_| Film { writer: None, file: 0, frames: 0, begun: 0 }).collect();
        let sizes = layout.numbers.iter().map(|n| n.names.len()).chain([1; COUNTERS.len()]);
        Ok(Self {
            root: root.to_owned(),
            ffmpeg: ffmpeg.filter(|f| f.codec().is_some()),
            data: None,
            data_file: 0,
            films,
            tasks: Vec::new(),
            episodes: Vec::new(),
            frames: 0,
            begun: None,
            waiting: vec![Vec::new(); layout.numbers.len()],
            pictures: vec![Vec::new(); layout.cameras.len()],
            waiting_bytes: 0,
            rows_waiting: 0,
            columns: sizes.map(stats::Column::new).collect(),
            levels: vec![Default::default(); layout.cameras.len()],
            is_finished: false,
            layout,
        })
    }

    /// Whether pictures become video.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.ffmpeg.is_some() && !self.layout.cameras.is_empty()
    }

    /// Begins an episode: `task` is the sentence.
    ///
    /// # Errors
    /// [`DatasetError::Io`] and [`DatasetError::Video`] when files cannot be ended or begun.
    pub fn begin(&mut self, task: &str) -> Result<(), DatasetError> {
        self.begun = None;
        if self.data.as_ref().is_some_and(|d| d.bytes() >= DATA_MB << 20) {
            self.end_data()?;
        }
        if self.data.is_none() {
            let path = self.root.join(path_of("data", self.data_file, "parquet"));
            self.data = Some(TableWriter::create(&path, self.data_columns(), &[])?);
        }
        for (film, camera) in self.films.iter_mut().zip(&self.layout.cameras) {
            let Some(ffmpeg) = &self.ffmpeg else { break };
            if film.writer.as_ref().is_some_and(|w| w.bytes() >= VIDEO_MB << 20)
                && let Some(writer) = film.writer.take()
            {
                writer.finish()?;
                (film.file, film.frames) = (film.file + 1, 0);
            }
            if film.writer.is_none() {
                let path = self.root.join(path_of(&format!("videos/{}", camera.key), film.file, "mp4"));
                let size = (camera.width, camera.height);
                film.writer = Some(VideoWriter::create(ffmpeg, &path, size, self.layout.fps)?);
            }
            film.begun = film.frames;
        }
        let number = self.tasks.iter().position(|t| t == task).unwrap_or_else(|| {
            self.tasks.push(task.to_owned());
            self.tasks.len() - 1
        });
        self.begun = Some((self.frames, number));
        Ok(())
    }

    /// Adds a frame: numbers and pictures in the order of the layout.
    ///
    /// # Errors
    /// [`DatasetError::Refused`] for what is not of the layout, a number that is none, or a frame outside of an
    /// episode; else as [`DatasetWriter::begin`].
    pub fn frame(&mut self, numbers: &[&[f32]], pictures: &[&Canvas]) -> Result<(), DatasetError> {
        let Some((first, task)) = self.begun else {
            return Err(Rejection::new("frame", "an episode that it belongs to", "none").into());
        };
        self.check(numbers, pictures)?;
        let k = self.frames - first;
        let timestamp = (k as f64 / f64::from(self.layout.fps)) as f32;
        let counters = [timestamp, k as f32, self.episodes.len() as f32, self.frames as f32, task as f32];
        let rows = numbers.iter().copied().chain(counters.iter().map(core::slice::from_ref));
        for (column, row) in self.columns.iter_mut().zip(rows) {
            column.take(row);
        }
        for (waiting, row) in self.waiting.iter_mut().zip(numbers) {
            waiting.extend_from_slice(row);
        }
        for (i, picture) in pictures.iter().enumerate() {
            self.levels[i].0.take(picture.rgb(), picture.width());
            let film = &mut self.films[i];
            if let Some(writer) = &mut film.writer {
                writer.push(picture)?;
                film.frames += 1;
            } else {
                let png = files::png_bytes(picture);
                self.waiting_bytes += png.len();
                self.pictures[i].push((png, format!("frame-{k:06}.png")));
            }
        }
        self.frames += 1;
        self.rows_waiting += 1;
        if self.rows_waiting >= ROWS || self.waiting_bytes >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn check(&self, numbers: &[&[f32]], pictures: &[&Canvas]) -> Result<(), Rejection> {
        let Layout { numbers: keys, cameras, .. } = &self.layout;
        if (numbers.len(), pictures.len()) != (keys.len(), cameras.len()) {
            let of = |n: usize, p: usize| format!("{n} rows of numbers and {p} pictures");
            let got = of(numbers.len(), pictures.len());
            return Err(Rejection::new("frame", of(keys.len(), cameras.len()), got));
        }
        for (key, row) in keys.iter().zip(numbers) {
            if row.len() != key.names.len() || row.iter().any(|v| !v.is_finite()) {
                let expected = format!("{} finite numbers", key.names.len());
                return Err(Rejection::new(key.key.clone(), expected, format!("{row:?}")));
            }
        }
        for (camera, picture) in cameras.iter().zip(pictures) {
            if (picture.width(), picture.height()) != (camera.width, camera.height) {
                let expected = format!("{} × {} pixels", camera.width, camera.height);
                let got = format!("{} × {}", picture.width(), picture.height());
                return Err(Rejection::new(camera.key.clone(), expected, got));
            }
        }
        Ok(())
    }

    /// Ends the episode; `outcome` stands in the table of episodes. One without frames leaves nothing.
    ///
    /// # Errors
    /// As [`DatasetWriter::frame`].
    pub fn end(&mut self, outcome: &str) -> Result<(), DatasetError> {
        let Some((first, task)) = self.begun.take() else {
            return Err(Rejection::new("the episode's end", "one that was begun", "none").into());
        };
        if first == self.frames {
            return Ok(());
        }
        self.begun = Some((first, task));
        self.flush()?;
        self.begun = None;
        let numbers = self.columns.iter().map(|c| c.figures(first as usize));
        let mut figures: Vec<Figures> = numbers.collect();
        for (here, all) in &mut self.levels {
            figures.push(here.figures());
            all.add(here);
            *here = Levels::default();
        }
        let fps = f64::from(self.layout.fps);
        let at = |frame: u64| frame as f64 / fps;
        self.episodes.push(Row {
            task: self.tasks[task].clone(),
            outcome: outcome.to_owned(),
            frames: (first, self.frames),
            data: self.data_file,
            videos: self.films.iter().map(|f| (f.file, at(f.begun), at(f.frames))).collect(),
            figures,
        });
        Ok(())
    }

    fn data_columns(&self) -> Vec<Column> {
        let numbers = self.layout.numbers.iter().map(|n| {
            // One number alone is no list.
            let shape = Some(n.names.len()).filter(|n| *n > 1);
            Column::new(&n.key, Kind::Single, shape.as_slice())
        });
        let mut columns: Vec<Column> = numbers.collect();
        if self.ffmpeg.is_none() {
            let cameras = self.layout.cameras.iter();
            columns.extend(cameras.map(|c| Column::new(&c.key, Kind::Picture, &[])));
        }
        let kinds = [Kind::Single, Kind::Int, Kind::Int, Kind::Int, Kind::Int];
        columns.extend(COUNTERS.iter().zip(kinds).map(|(name, kind)| Column::new(*name, kind, &[])));
        columns
    }

    /// Writes the rows that wait.
    fn flush(&mut self) -> Result<(), DatasetError> {
        let (Some((first, task)), Some(data)) = (self.begun, &mut self.data) else { return Ok(()) };
        let n = core::mem::take(&mut self.rows_waiting);
        if n == 0 {
            return Ok(());
        }
        let mut values: Vec<Values> =
            self.waiting.iter_mut().map(|w| Values::Single(core::mem::take(w))).collect();
        if self.ffmpeg.is_none() {
            values.extend(self.pictures.iter_mut().map(|p| Values::Picture(core::mem::take(p))));
        }
        self.waiting_bytes = 0;
        let fps = f64::from(self.layout.fps);
        let rows = self.frames - n as u64..self.frames;
        values.push(Values::Single(rows.clone().map(|i| ((i - first) as f64 / fps) as f32).collect()));
        values.push(Values::Int(rows.clone().map(|i| (i - first) as i64).collect()));
        values.push(Values::Int(vec![self.episodes.len() as i64; n]));
        values.push(Values::Int(rows.map(|i| i as i64).collect()));
        values.push(Values::Int(vec![task as i64; n]));
        data.rows(n, &values)
    }

    fn end_data(&mut self) -> Result<(), DatasetError> {
        if let Some(data) = self.data.take() {
            data.finish()?;
            self.data_file += 1;
        }
        Ok(())
    }

    /// Writes the folder's tables and its head, which makes it a dataset.
    ///
    /// # Errors
    /// [`DatasetError::Refused`] for a dataset without frames; else as [`DatasetWriter::begin`].
    pub fn finish(mut self) -> Result<Written, DatasetError> {
        if self.episodes.is_empty() {
            return Err(Rejection::new("the dataset", "an episode with frames", "none").into());
        }
        self.end_data()?;
        for film in &mut self.films {
            film.writer.take().map_or(Ok(()), VideoWriter::finish)?;
        }
        self.write_tasks()?;
        self.write_episodes()?;
        let mut stats = Map::new();
        let all = self.columns.iter().map(|c| c.figures(0));
        let all = all.chain(self.levels.iter().map(|(_, all)| all.figures()));
        for (key, figures) in self.keys().iter().zip(all) {
            stats.insert(key.clone(), figures.json());
        }
        self.text("meta/stats.json", &format!("{:#}\n", json!(stats)))?;
        let written = Written {
            episodes: self.episodes.len() as u64,
            frames: self.frames,
            tasks: self.tasks.len() as u64,
        };
        let totals = Totals { episodes: written.episodes, frames: written.frames, tasks: written.tasks };
        let codec = self.ffmpeg.as_ref().filter(|_| self.is_video()).and_then(Ffmpeg::codec);
        self.text(INFO, &json_of(&self.layout, &totals, codec))?;
        self.is_finished = true;
        Ok(written)
    }

    fn text(&self, name: &str, text: &str) -> Result<(), DatasetError> {
        let path = self.root.join(name);
        std::fs::write(&path, text).map_err(DatasetError::io(&path))
    }

    /// What there are figures of, in their order.
    fn keys(&self) -> Vec<String> {
        let numbers = self.layout.numbers.iter().map(|n| n.key.clone());
        let counters = COUNTERS.iter().map(|c| (*c).to_owned());
        numbers.chain(counters).chain(self.layout.cameras.iter().map(|c| c.key.clone())).collect()
    }

    /// The sentences, as pandas writes a table whose rows have names: what reads it looks a sentence up by its name.
    fn write_tasks(&self) -> Result<(), DatasetError> {
        const NAME: &str = "__index_level_0__";
        let column = |name: Option<&str>, field: &str, kinds: [&str; 2]| json!({"name": name, "field_name": field, "pandas_type": kinds[0], "numpy_type": kinds[1], "metadata": null});
        let pandas = json!({
            "index_columns": [NAME],
            "column_indexes": [{
                "name": null, "field_name": null, "pandas_type": "unicode", "numpy_type": "object",
                "metadata": {"encoding": "UTF-8"},
            }],
            "columns": [
                column(Some("task_index"), "task_index", ["int64", "int64"]),
                column(None, NAME, ["unicode", "object"]),
            ],
            "creator": {"library": "sinew", "version": env!("CARGO_PKG_VERSION")},
            "pandas_version": "2.0.0",
        });
        let columns = vec![Column::new("task_index", Kind::Int, &[]), Column::new(NAME, Kind::Text, &[])];
        let path = self.root.join("meta/tasks.parquet");
        let mut table = TableWriter::create(&path, columns, &[("pandas", pandas.to_string())])?;
        let n = self.tasks.len();
        table.rows(n, &[Values::Int((0..n as i64).collect()), Values::Text(self.tasks.clone())])?;
        table.finish().map(|_| ())
    }

    fn write_episodes(&self) -> Result<(), DatasetError> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        let mut add = |name: &str, kind: Kind, shape: &[usize], of: Values| {
            columns.push(Column::new(name, kind, shape));
            values.push(of);
        };
        let rows = &self.episodes;
        let ints = |f: &dyn Fn(&Row) -> u64| Values::Int(rows.iter().map(|r| f(r) as i64).collect());
        add("episode_index", Kind::Int, &[], Values::Int((0..rows.len() as i64).collect()));
        add("tasks", Kind::Text, &[1], Values::Text(rows.iter().map(|r| r.task.clone()).collect()));
        add("length", Kind::Int, &[], ints(&|r| r.frames.1 - r.frames.0));
        add("data/chunk_index", Kind::Int, &[], ints(&|r| place(r.data).0));
        add("data/file_index", Kind::Int, &[], ints(&|r| place(r.data).1));
        add("dataset_from_index", Kind::Int, &[], ints(&|r| r.frames.0));
        add("dataset_to_index", Kind::Int, &[], ints(&|r| r.frames.1));
        for (i, camera) in self.layout.cameras.iter().enumerate().filter(|_| self.is_video()) {
            let name = |what: &str| format!("videos/{}/{what}", camera.key);
            add(&name("chunk_index"), Kind::Int, &[], ints(&|r| place(r.videos[i].0).0));
            add(&name("file_index"), Kind::Int, &[], ints(&|r| place(r.videos[i].0).1));
            let times = |f: &dyn Fn(&Row) -> f64| Values::Double(rows.iter().map(f).collect());
            add(&name("from_timestamp"), Kind::Double, &[], times(&|r| r.videos[i].1));
            add(&name("to_timestamp"), Kind::Double, &[], times(&|r| r.videos[i].2));
        }
        for (i, key) in self.keys().iter().enumerate() {
            for (k, what) in TOLD.iter().enumerate() {
                let all: Vec<f64> = rows.iter().flat_map(|r| r.figures[i].told[k].iter().copied()).collect();
                let in_row = all.len() / rows.len().max(1);
                let is_picture = rows.first().is_some_and(|r| r.figures[i].is_picture);
                let shape = if is_picture { vec![in_row, 1, 1] } else { vec![in_row] };
                add(&format!("stats/{key}/{what}"), Kind::Double, &shape, Values::Double(all));
            }
            add(&format!("stats/{key}/count"), Kind::Int, &[1], ints(&|r| r.figures[i].frames));
        }
        add("meta/episodes/chunk_index", Kind::Int, &[], ints(&|_| 0));
        add("meta/episodes/file_index", Kind::Int, &[], ints(&|_| 0));
        add("outcome", Kind::Text, &[], Values::Text(rows.iter().map(|r| r.outcome.clone()).collect()));
        let path = self.root.join(path_of("meta/episodes", 0, "parquet"));
        let mut table = TableWriter::create(&path, columns, &[])?;
        table.rows(rows.len(), &values)?;
        table.finish().map(|_| ())
    }
}

impl Drop for DatasetWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // Half a dataset is none; the folder is ours, for it was not there before.
            self.films.clear();
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}
