//! `meta/info.json`: what a dataset says of itself.

use super::video::pixels;
use super::{DatasetError, damage};
use crate::files::MAX_SIDE;
use serde_json::{Map, Value, json};
use std::path::{Component, Path, PathBuf};

/// The version that is written; all of its major number are read.
const VERSION: &str = "v3.0";
const MAJOR: &str = "v3.";
/// The file, in a dataset's folder.
pub(super) const INFO: &str = "meta/info.json";
/// So many files are in a folder at the most, and files of so many megabytes are followed by another.
pub(super) const FILES_IN_CHUNK: u64 = 1000;
pub(super) const DATA_MB: u64 = 100;
pub(super) const VIDEO_MB: u64 = 200;
/// Where tables and videos are, for others to fill in.
const DATA_PATH: &str = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet";
const VIDEO_PATH: &str = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4";
/// A frame has at most so many numbers under one name.
const MOST_NUMBERS: u64 = 1 << 20;
/// More frames a second are taken for damage.
const MOST_FPS: f64 = 1000.0;

/// Some numbers of each frame: `observation.state`, `action`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// What they are.
    pub key: String,
    /// What each of them is: names of joints.
    pub names: Vec<String>,
}

/// A picture of each frame: `observation.images.front`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// What it is.
    pub key: String,
    /// Columns, pixels.
    pub width: usize,
    /// Rows, pixels.
    pub height: usize,
}

/// The columns that every dataset has.
pub(super) const COUNTERS: [&str; 5] = ["timestamp", "frame_index", "episode_index", "index", "task_index"];

/// What there is in each frame of somebody's dataset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Info {
    pub(super) fps: f64,
    pub(super) robot: String,
    pub(super) numbers: Vec<Numbers>,
    /// Each with whether it is video.
    pub(super) cameras: Vec<(Camera, bool)>,
    /// What is not read, with its kind.
    pub(super) others: Vec<(String, String)>,
    data_path: String,
    video_path: String,
}

impl Info {
    /// Reads it from a dataset's folder.
    ///
    /// # Errors
    /// [`DatasetError`] naming the field that is missing, or not as expected.
    pub(super) fn read(root: &Path) -> Result<Self, DatasetError> {
        let path = root.join(INFO);
        let text = std::fs::read_to_string(&path).map_err(DatasetError::io(&path))?;
        let value: Value = serde_json::from_str(&text).map_err(|e| damage(&path, "expected JSON", e))?;
        Self::of(&value).map_err(|(field, why)| damage(&path, &field, why))
    }

    fn of(value: &Value) -> Result<Self, (String, String)> {
        let version = text(value, "codebase_version")?;
        if !version.starts_with(MAJOR) {
            let hint = "lerobot's own converter makes one of the other";
            return Err(refused("codebase_version", &format!("{MAJOR}x ({hint})"), version));
        }
        let fps = value.get("fps").and_then(Value::as_f64).filter(|f| *f > 0.0 && *f <= MOST_FPS);
        let fps = fps.ok_or_else(|| {
            refused("fps", &format!("a number above 0, at most {MOST_FPS}"), value.get("fps"))
        })?;
        let features = value.get("features").and_then(Value::as_object);
        let features = features
            .ok_or_else(|| refused("features", "an object with a key for each", value.get("features")))?;
        let mut info = Self {
            fps,
            robot: value.get("robot_type").and_then(Value::as_str).unwrap_or("unknown").to_owned(),
            numbers: Vec::new(),
            cameras: Vec::new(),
            others: Vec::new(),
            data_path: text(value, "data_path")?.to_owned(),
            video_path: value.get("video_path").and_then(Value::as_str).unwrap_or_default().to_owned(),
        };
        for (key, feature) in features {
            if !COUNTERS.contains(&key.as_str()) {
                info.take(key, feature)?;
            }
        }
        Ok(info)
    }

    fn take(&mut self, key: &str, feature: &Value) -> Result<(), (String, String)> {
        let at = |part: &str| format!("features.{key}.{part}");
        let dtype = feature.get("dtype").and_then(Value::as_str);
        let dtype = dtype.ok_or_else(|| refused(&at("dtype"), "a word", feature.get("dtype")))?;
        let is_safe = !key.is_empty() && !key.contains(['/', '\\', '\0']) && key != "." && key != "..";
        if !is_safe {
            return Err(refused(&format!("features.{key}"), "a name without / in it", key));
        }
        let shape = || {
            let bad = || refused(&at("shape"), "one or more whole numbers above 0", feature.get("shape"));
            let shape = feature.get("shape").and_then(Value::as_array).ok_or_else(bad)?;
            let shape: Option<Vec<u64>> = shape.iter().map(|n| n.as_u64().filter(|n| *n > 0)).collect();
            shape.filter(|s| !s.is_empty()).ok_or_else(bad)
        };
        match dtype {
            "video" | "image" => {
                let shape = shape()?;
                let [a, b, c] = shape[..] else {
                    return Err(refused(&at("shape"), "height, width and channels", feature.get("shape")));
                };
                // Some say channels first.
                let named_first = feature["names"][0].as_str().is_some_and(|n| n.starts_with("channel"));
                let is_first = named_first || (a <= 4 && c > 4);
                let (height, width) = if is_first { (b, c) } else { (a, b) };
                let side = u64::from(MAX_SIDE);
                if height > side || width > side {
                    let expected = format!("sides of at most {side} pixels");
                    return Err(refused(&at("shape"), &expected, feature.get("shape")));
                }
                let camera = Camera { key: key.to_owned(), width: width as usize, height: height as usize };
                self.cameras.push((camera, dtype == "video"));
            }
            "float32" | "float64" | "float16" | "int64" | "int32" | "int16" | "int8" | "uint8" | "uint16"
            | "uint32" | "bool" => {
                let n =
                    shape()?.iter().try_fold(1_u64, |n, k| n.checked_mul(*k)).filter(|n| *n <= MOST_NUMBERS);
                let n = n.ok_or_else(|| {
                    refused(&at("shape"), &format!("at most {MOST_NUMBERS} numbers"), feature.get("shape"))
                })?;
                let names = names(&feature["names"], n as usize).unwrap_or_else(|| {
                    let what = key.rsplit('.').next().unwrap_or(key);
                    if n == 1 {
                        vec![what.to_owned()]
                    } else {
                        (0..n).map(|i| format!("{what}_{i}")).collect()
                    }
                });
                self.numbers.push(Numbers { key: key.to_owned(), names });
            }
            other => self.others.push((key.to_owned(), other.to_owned())),
        }
        Ok(())
    }

    /// The table of these numbers.
    ///
    /// # Errors
    /// [`DatasetError::Refused`] where the dataset says it is outside of its folder.
    pub(super) fn data(&self, root: &Path, chunk: i64, file: i64) -> Result<PathBuf, DatasetError> {
        Ok(root.join(filled("data_path", &self.data_path, "", chunk, file)?))
    }

    /// The video of these numbers.
    ///
    /// # Errors
    /// As [`Info::data`].
    pub(super) fn video(
        &self,
        root: &Path,
        key: &str,
        chunk: i64,
        file: i64,
    ) -> Result<PathBuf, DatasetError> {
        Ok(root.join(filled("video_path", &self.video_path, key, chunk, file)?))
    }
}

/// Names of as many numbers: a list, or lists or numbered names under further names.
fn names(value: &Value, n: usize) -> Option<Vec<String>> {
    fn walk(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::String(s) => out.push(s.clone()),
            Value::Array(list) => list.iter().for_each(|v| walk(v, out)),
            Value::Object(object) if object.values().all(Value::is_u64) => {
                let mut named: Vec<_> = object.iter().map(|(k, v)| (v.as_u64(), k.clone())).collect();
                named.sort();
                out.extend(named.into_iter().map(|(_, k)| k));
            }
            Value::Object(object) => object.values().for_each(|v| walk(v, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(value, &mut out);
    (out.len() == n).then_some(out)
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, (String, String)> {
    value.get(field).and_then(Value::as_str).ok_or_else(|| refused(field, "a text", value.get(field)))
}

/// A field with what was expected and what came, short enough to be read.
fn refused<'a>(field: &str, expected: &str, got: impl Into<Got<'a>>) -> (String, String) {
    let got = match got.into() {
        Got::Text(text) => text.to_owned(),
        Got::Value(value) => value.to_string(),
        Got::Nothing => "nothing".to_owned(),
    };
    let got: String = got.chars().take(80).collect();
    (field.to_owned(), format!("expected {expected}, got {got}"))
}

enum Got<'a> {
    Text(&'a str),
    Value(&'a Value),
    Nothing,
}

impl<'a> From<&'a str> for Got<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a Value>> for Got<'a> {
    fn from(value: Option<&'a Value>) -> Self {
        value.map_or(Self::Nothing, Self::Value)
    }
}

/// `{chunk_index:03d}` and the like, filled in; a path that stays in the folder.
fn filled(
    field: &'static str,
    template: &str,
    key: &str,
    chunk: i64,
    file: i64,
) -> Result<PathBuf, DatasetError> {
    let refuse = |what: &str| {
        let got: String = what.chars().take(80).collect();
        DatasetError::Refused(types::Rejection::new(field, "a path in the dataset's folder", got))
    };
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').ok_or_else(|| refuse(template))?;
        let (name, digits) = inside.split_once(':').unwrap_or((inside, ""));
        let width =
            digits.trim_end_matches('d').trim_start_matches('0').parse::<usize>().unwrap_or(0).min(20);
        out.push_str(before);
        match name {
            "chunk_index" => out.push_str(&format!("{chunk:0width$}")),
            "file_index" => out.push_str(&format!("{file:0width$}")),
            "video_key" => out.push_str(key),
            _ => return Err(refuse(template)),
        }
        rest = after;
    }
    out.push_str(rest);
    let path = PathBuf::from(out);
    let stays = path.components().all(|c| matches!(c, Component::Normal(_))) && path.components().count() > 0;
    if stays { Ok(path) } else { Err(refuse(&path.display().to_string())) }
}

/// The file `n` of a kind, as it is written: the number of its chunk and its own.
pub(super) fn place(n: u64) -> (u64, u64) {
    (n / FILES_IN_CHUNK, n % FILES_IN_CHUNK)
}

/// The path of a file, as it is written.
pub(super) fn path_of(folder: &str, n: u64, ending: &str) -> String {
    let (chunk, file) = place(n);
    format!("{folder}/chunk-{chunk:03}/file-{file:03}.{ending}")
}

/// What is written of a whole dataset.
pub(super) struct Totals {
    pub(super) episodes: u64,
    pub(super) frames: u64,
    pub(super) tasks: u64,
}

/// The file's text. `codec` is the format of videos, where pictures are video.
pub(super) fn json_of(layout: &super::Layout, totals: &Totals, codec: Option<&str>) -> String {
    let mut features = Map::new();
    for n in &layout.numbers {
        let feature = json!({"dtype": "float32", "shape": [n.names.len()], "names": n.names});
        features.insert(n.key.clone(), feature);
    }
    for c in &layout.cameras {
        let mut feature = json!({
            "dtype": if codec.is_some() { "video" } else { "image" },
            "shape": [c.height, c.width, 3],
            "names": ["height", "width", "channels"],
        });
        if let Some(codec) = codec {
            feature["info"] = json!({
                "video.height": c.height, "video.width": c.width, "video.codec": codec,
                "video.pix_fmt": pixels(c.width, c.height), "video.is_depth_map": false, "video.fps": layout.fps,
                "video.channels": 3, "has_audio": false,
            });
        }
        features.insert(c.key.clone(), feature);
    }
    for (name, dtype) in COUNTERS.iter().zip(["float32", "int64", "int64", "int64", "int64"]) {
        features.insert((*name).to_owned(), json!({"dtype": dtype, "shape": [1], "names": null}));
    }
    let info = json!({
        "codebase_version": VERSION,
        "robot_type": layout.robot,
        "total_episodes": totals.episodes,
        "total_frames": totals.frames,
        "total_tasks": totals.tasks,
        "chunks_size": FILES_IN_CHUNK,
        "data_files_size_in_mb": DATA_MB,
        "video_files_size_in_mb": VIDEO_MB,
        "fps": layout.fps,
        "splits": {"train": format!("0:{}", totals.episodes)},
        "data_path": DATA_PATH,
        "video_path": codec.map(|_| VIDEO_PATH),
        "features": features,
    });
    format!("{info:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_somebodys_dataset_is_filled_in_and_never_leads_out_of_its_folder() {
        let at =
            |t: &str| filled("data_path", t, "observation.images.a", 2, 17).map(|p| p.display().to_string());
        assert_eq!(at(DATA_PATH).expect("a path"), "data/chunk-002/file-017.parquet");
        assert_eq!(at(VIDEO_PATH).expect("a path"), "videos/observation.images.a/chunk-002/file-017.mp4");
        assert_eq!(at("{chunk_index}/{file_index:05d}").expect("a path"), "2/00017");
        for bad in [
            "../x",
            "/etc/passwd",
            "",
            "a/{b}",
            "a/{chunk_index",
            "a/../../b",
            "{chunk_index:09999999999999999999d}/..",
        ] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_found_however_they_are_nested_and_made_where_there_are_none() {
        let of = |v: Value, n| names(&v, n);
        let ab = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(of(json!(["a", "b"]), 2), ab);
        assert_eq!(of(json!({"motors": ["a", "b"]}), 2), ab);
        assert_eq!(of(json!({"b": 1, "a": 0}), 2), ab);
        assert_eq!(of(json!(["a", "b"]), 3), None);
        assert_eq!(of(Value::Null, 2), None);
        let info = json!({
            "codebase_version": "v3.1", "fps": 10, "data_path": "d",
            "features": {"action": {"dtype": "float32", "shape": [2], "names": null}},
        });
        let info = Info::of(&info).expect("an info");
        assert_eq!(info.numbers[0].names, ["action_0", "action_1"]);
    }

    #[test]
    fn what_is_wrong_with_an_info_is_said_with_its_field() {
        let good = || {
            json!({
                "codebase_version": "v3.0", "fps": 10, "data_path": "d",
                "features": {
                    "a": {"dtype": "float32", "shape": [2]},
                    "p": {"dtype": "video", "shape": [4, 6, 3]},
                },
            })
        };
        let info = Info::of(&good()).expect("an info");
        assert_eq!(info.cameras[0], (Camera { key: "p".into(), width: 6, height: 4 }, true));
        let cases: [(&str, &str, Value); 10] = [
            ("/codebase_version", "codebase_version: expected v3.x", json!("v2.1")),
            ("/codebase_version", "codebase_version", json!(3)),
            ("/fps", "fps", json!(0)),
            ("/fps", "fps", json!(1e9)),
            ("/features", "features", json!([])),
            ("/features/a/dtype", "features.a.dtype", json!(7)),
            ("/features/a/shape", "features.a.shape", json!([-2])),
            ("/features/a/shape", "features.a.shape", json!([1u64 << 40, 1u64 << 40])),
            ("/features/p/shape", "features.p.shape", json!([4, 6])),
            ("/features/p/shape", "features.p.shape", json!([100_000, 6, 3])),
        ];
        for (at, said, value) in cases {
            let mut info = good();
            *info.pointer_mut(at).expect("a field") = value;
            let (field, why) = Info::of(&info).expect_err(at);
            assert!(format!("{field}: {why}").contains(said), "{at}: {field}: {why}");
        }
    }
}
