//! Datasets written and read again, and every way in which one of somebody else's may be broken.

use super::read::Table;
use super::video::Ffmpeg;
use super::write::{Column, Kind, TableWriter, Values};
use super::*;
use crate::Canvas;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-dataset-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn layout() -> Layout {
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Layout {
        fps: 5,
        robot: "panda".into(),
        numbers: vec![
            Numbers { key: "action".into(), names: names(&["a"]) },
            Numbers { key: "observation.state".into(), names: names(&["a", "b", "c"]) },
        ],
        cameras: vec![Camera { key: "observation.images.front".into(), width: 9, height: 7 }],
    }
}

/// Numbers of each frame, and its picture.
type Frames = Vec<([f32; 3], f32, Canvas)>;

fn frames(seed: u64, n: usize) -> Frames {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n)
        .map(|_| {
            let rgb = (0..9 * 7 * 3).map(|_| rng.random()).collect();
            (std::array::from_fn(|_| rng.random_range(-3.0..3.0)), rng.random(), Canvas::from_rgb(9, 7, rgb))
        })
        .collect()
}

fn write(root: &Path, ffmpeg: Option<Ffmpeg>, episodes: &[(&str, &Frames)]) -> Result<Written, DatasetError> {
    let mut writer = DatasetWriter::create(root, layout(), ffmpeg)?;
    for (task, frames) in episodes {
        writer.begin(task)?;
        for (state, action, picture) in *frames {
            writer.frame(&[&[*action], state], &[picture])?;
        }
        writer.end("done")?;
    }
    writer.finish()
}

fn assert_same(dataset: &Dataset, number: u64, task: &str, frames: &Frames, ffmpeg: Option<&Ffmpeg>) {
    let e = dataset.episode(number).expect("an episode");
    assert_eq!((e.task.as_str(), e.times_s.len()), (task, frames.len()));
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for (k, (state, action, _)) in frames.iter().enumerate() {
        assert_eq!(e.times_s[k] as f32, (k as f64 / 5.0) as f32);
        assert_eq!(bits(&e.numbers[1][3 * k..3 * k + 3]), bits(&state.map(f64::from)), "frame {k}");
        assert_eq!(e.numbers[0][k].to_bits(), f64::from(*action).to_bits(), "frame {k}");
    }
    let pictures = dataset.pictures(&e, 0, ffmpeg).expect("pictures");
    let pictures: Vec<Canvas> = pictures.map(|p| p.expect("a picture")).collect();
    assert!(pictures.iter().eq(frames.iter().map(|(_, _, p)| p)), "{} pictures", pictures.len());
}

#[test]
fn a_dataset_comes_back_to_the_bit_with_its_sentences_and_pictures() {
    let folder = Folder::new("round");
    let root = folder.at("set");
    // More rows than are written at a time.
    let (a, b) = (frames(1, 2100), frames(2, 3));
    let written = write(&root, None, &[("stack", &a), ("place \"it\" – there", &b), ("stack", &b)]);
    assert_eq!(written.expect("written"), Written { episodes: 3, frames: 2106, tasks: 2 });
    let dataset = Dataset::open(&root).expect("a dataset");
    assert_eq!((dataset.fps(), dataset.robot(), dataset.episodes()), (5.0, "panda", 3));
    assert_eq!((dataset.numbers(), dataset.others().len()), (&layout().numbers[..], 0));
    assert_eq!(dataset.cameras(), [(layout().cameras[0].clone(), false)]);
    assert_same(&dataset, 0, "stack", &a, None);
    assert_same(&dataset, 1, "place \"it\" – there", &b, None);
    assert_same(&dataset, 2, "stack", &b, None);
    let refused = dataset.episode(3).expect_err("there is none").to_string();
    assert!(refused.contains("episode: expected one of the 3 episodes"), "{refused}");

    let stats: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(root.join("meta/stats.json")).expect("a file"))
            .expect("JSON");
    let least = a.iter().chain(&b).map(|f| f.0[1]).fold(f32::INFINITY, f32::min);
    assert_eq!(stats["observation.state"]["min"][1].as_f64(), Some(f64::from(least)));
    assert_eq!(stats["observation.images.front"]["count"][0], 2106);
}

#[test]
fn a_folder_that_is_there_is_never_written_to_and_half_a_dataset_leaves_none() {
    let folder = Folder::new("there");
    let root = folder.at("set");
    fs::create_dir(&root).expect("a folder");
    let refused = write(&root, None, &[("a", &frames(1, 2))]).expect_err("it is there").to_string();
    assert!(refused.contains("which is there already"), "{refused}");
    assert!(root.is_dir() && fs::read_dir(&root).expect("a folder").next().is_none());

    let root = folder.at("half");
    assert!(write(&root, None, &[]).is_err(), "no episodes");
    let mut writer = DatasetWriter::create(&root, layout(), None).expect("a folder");
    writer.begin("a").expect("begun");
    let picture = Canvas::new(9, 7, [0; 3]);
    let refused = |e: Result<(), DatasetError>, what: &str| {
        let e = e.expect_err(what).to_string();
        assert!(e.contains(what), "{e}");
    };
    refused(writer.frame(&[&[f32::NAN], &[0.0; 3]], &[&picture]), "action: expected 1 finite numbers");
    refused(writer.frame(&[&[0.0], &[0.0; 2]], &[&picture]), "observation.state: expected 3 finite");
    refused(writer.frame(&[&[0.0], &[0.0; 3]], &[&Canvas::new(9, 8, [0; 3])]), "expected 9 × 7 pixels");
    refused(writer.frame(&[&[0.0]], &[&picture]), "expected 2 rows of numbers");
    drop(writer);
    assert!(!root.exists());
}

/// A program that is called as ffmpeg is, and keeps pictures as they are.
fn stand_in(folder: &Folder, body: &str) -> Option<Ffmpeg> {
    let path = folder.at("ffmpeg");
    let script =
        format!("#!/bin/sh\ncase \"$*\" in *-encoders) echo ' V..... libx264 H.264'; exit;; esac\n{body}\n");
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    Ffmpeg::find(&path)
}

#[test]
fn pictures_go_to_the_program_that_makes_videos_and_come_back_from_where_the_episode_begins() {
    let folder = Folder::new("video");
    let keeps = r#"
for last; do :; done
case "$last" in
  file:*) cat >"${last#file:}";;
  *)
    begin=0
    while [ $# -gt 0 ]; do
      case "$1" in -ss) begin=$2;; -frames:v) n=$2;; -i) from=${2#file:};; esac
      shift
    done
    # 5 a second; the beginning is given a quarter of a frame early.
    first=$(awk "BEGIN { print int($begin * 5 + 0.99) }")
    i=0
    while [ $i -lt $n ]; do
      printf 'P6\n9 7\n255\n'
      dd if="$from" bs=189 skip=$((first + i)) count=1 2>/dev/null
      i=$((i + 1))
    done;;
esac"#;
    let ffmpeg = stand_in(&folder, keeps);
    assert_eq!(ffmpeg.as_ref().and_then(Ffmpeg::codec), Some("h264"));
    let root = folder.at("set");
    let (a, b) = (frames(1, 6), frames(2, 4));
    write(&root, ffmpeg.clone(), &[("a", &a), ("b", &b)]).expect("written");
    let video = root.join("videos/observation.images.front/chunk-000/file-000.mp4");
    assert_eq!(fs::metadata(video).expect("a video").len(), 10 * 9 * 7 * 3);
    let dataset = Dataset::open(&root).expect("a dataset");
    assert!(dataset.cameras()[0].1);
    assert_same(&dataset, 0, "a", &a, ffmpeg.as_ref());
    assert_same(&dataset, 1, "b", &b, ffmpeg.as_ref());
    let e = dataset.episode(1).expect("an episode");
    let without = dataset.pictures(&e, 0, None).err().expect("no program").to_string();
    assert!(without.contains("observation.images.front: expected the program ffmpeg"), "{without}");
}

#[test]
fn what_the_program_that_makes_videos_complains_of_is_told() {
    let folder = Folder::new("complains");
    let ffmpeg = stand_in(&folder, "echo 'No space left on device' >&2; exit 1");
    let many = frames(1, 2000);
    let said = write(&folder.at("set"), ffmpeg, &[("a", &many)]).expect_err("it failed").to_string();
    assert!(said.contains("No space left on device") && said.contains("file-000.mp4"), "{said}");
    assert!(!folder.at("set").exists());
    // One that ends early: fewer pictures than there are frames.
    let keeps =
        "for last; do :; done\ncase \"$last\" in file:*) cat >\"${last#file:}\";; *) echo broken >&2;; esac";
    let ffmpeg = stand_in(&folder, keeps);
    write(&folder.at("set"), ffmpeg.clone(), &[("a", &frames(1, 3))]).expect("written");
    let dataset = Dataset::open(&folder.at("set")).expect("a dataset");
    let e = dataset.episode(0).expect("an episode");
    let mut pictures = dataset.pictures(&e, 0, ffmpeg.as_ref()).expect("begun");
    let said = pictures.next().expect("something").expect_err("no picture").to_string();
    assert!(said.contains("expected 3 more pictures, got none broken"), "{said}");
    assert!(pictures.next().is_none());
}

/// Everything that can be read of it.
fn read_all(root: &Path) -> Result<usize, DatasetError> {
    let dataset = Dataset::open(root)?;
    let mut n = 0;
    for i in 0..dataset.episodes() as u64 {
        let e = dataset.episode(i)?;
        for picture in dataset.pictures(&e, 0, None)? {
            picture?;
            n += 1;
        }
    }
    Ok(n)
}

const FILES: [&str; 4] = [
    "data/chunk-000/file-000.parquet",
    "meta/episodes/chunk-000/file-000.parquet",
    "meta/tasks.parquet",
    "meta/info.json",
];

#[test]
fn every_truncation_of_every_file_is_refused_by_its_name() {
    let folder = Folder::new("cut");
    let root = folder.at("set");
    write(&root, None, &[("a", &frames(1, 5)), ("b", &frames(2, 5))]).expect("written");
    assert_eq!(read_all(&root).expect("whole"), 10);
    for name in FILES {
        let path = root.join(name);
        let whole = fs::read(&path).expect("bytes");
        // A text is as good without its last line's end.
        for n in (0..whole.len() - 2).step_by(1 + whole.len() / 400) {
            fs::write(&path, &whole[..n]).expect("written");
            let said = read_all(&root).expect_err(name).to_string();
            assert!(said.contains(name), "{n} of {} bytes: {said}", whole.len());
        }
        fs::remove_file(&path).expect("removed");
        let said = read_all(&root).expect_err(name).to_string();
        assert!(
            said.contains(name.split('/').next_back().unwrap_or(name)) || said.contains("meta/episodes"),
            "{said}"
        );
        fs::write(&path, &whole).expect("written");
    }
}

#[test]
fn no_change_of_bytes_makes_it_panic_or_ask_for_memory_without_end() {
    let folder = Folder::new("changed");
    let root = folder.at("set");
    write(&root, None, &[("a", &frames(1, 5)), ("b", &frames(2, 5))]).expect("written");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut refused = 0;
    for name in FILES {
        let path = root.join(name);
        let whole = fs::read(&path).expect("bytes");
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = if rng.random() { rng.random() } else { 0xff };
            }
            fs::write(&path, &bytes).expect("written");
            refused += usize::from(read_all(&root).is_err());
        }
        fs::write(&path, &whole).expect("written");
    }
    // Most of the bytes are pixels, which may be any.
    assert!(refused > 300, "{refused}");
}

#[test]
fn tables_of_other_shapes_than_said_are_refused_with_column_and_row() {
    let folder = Folder::new("shapes");
    let root = folder.at("set");
    write(&root, None, &[("a", &frames(1, 2))]).expect("written");
    let path = root.join(FILES[0]);
    let said = |columns: Vec<Column>, values: Vec<Values>| {
        fs::remove_file(&path).expect("removed");
        let mut table = TableWriter::create(&path, columns, &[]).expect("a table");
        table.rows(2, &values).expect("written");
        table.finish().expect("written");
        read_all(&root).expect_err("it does not fit").to_string()
    };
    let episodes = || (Column::new("episode_index", Kind::Int, &[]), Values::Int(vec![0, 0]));
    let times = |t: [f64; 2]| (Column::new("timestamp", Kind::Double, &[]), Values::Double(t.to_vec()));
    let mut cases: Vec<(&str, Vec<(Column, Values)>)> = vec![
        ("expected a column episode_index", vec![times([0.0, 0.2])]),
        ("expected a column timestamp", vec![episodes()]),
        ("timestamp: expected seconds that rise", vec![episodes(), times([0.2, 0.2])]),
        ("timestamp: expected seconds that rise", vec![episodes(), times([0.0, f64::NAN])]),
        ("expected a column action", vec![episodes(), times([0.0, 0.2])]),
    ];
    let one = (Column::new("episode_index", Kind::Int, &[]), Values::Int(vec![0, 1]));
    cases.push(("expected 2 rows of episode 0, one after the other, got 1", vec![one]));
    let words = (Column::new("episode_index", Kind::Text, &[]), Values::Text(vec!["0".into(), "0".into()]));
    cases.push(("episode_index: expected whole numbers, got BYTE_ARRAY", vec![words]));
    let wide = (Column::new("action", Kind::Single, &[2]), Values::Single(vec![0.0; 4]));
    cases.push(("action: frame 0: expected 1 numbers, got 2", vec![episodes(), times([0.0, 0.2]), wide]));
    for (want, columns) in cases {
        let (columns, values) = columns.into_iter().unzip();
        let said = said(columns, values);
        assert!(said.contains(want) && said.contains(FILES[0]), "{said}");
    }
}

#[test]
fn lists_in_lists_come_back_as_they_were_from_any_row_on() {
    let folder = Folder::new("lists");
    let path = folder.at("t.parquet");
    let columns = vec![
        Column::new("deep", Kind::Double, &[2, 1, 3]),
        Column::new("ints", Kind::Int, &[]),
        Column::new("words", Kind::Text, &[2]),
    ];
    let mut table = TableWriter::create(&path, columns, &[]).expect("a table");
    let n = 5000;
    for part in 0..2 {
        let deep = (0..6 * n).map(|i| (6 * n * part + i) as f64 * 0.1).collect();
        let ints = (0..n).map(|i| (n * part + i) as i64).collect();
        let words = (0..2 * n).map(|i| format!("w{}", i % 7)).collect();
        let values = [Values::Double(deep), Values::Int(ints), Values::Text(words)];
        table.rows(n, &values).expect("written");
        assert!(table.rows(n, &values[..2]).is_err() && table.rows(n + 1, &values).is_err());
    }
    table.finish().expect("written");
    let table = Table::open(&path).expect("a table");
    assert_eq!((table.len(), table.names()), (2 * n, ["deep", "ints", "words"].map(str::to_owned).to_vec()));
    for from in [0, 1, n - 1, n, 2 * n - 2] {
        let cells = table.numbers("deep", from..2 * n).expect("numbers");
        assert_eq!(cells.len(), 2 * n - from);
        for i in [0, 1, cells.len() - 1] {
            let want: Vec<f64> = (0..6).map(|j| (6 * (from + i) + j) as f64 * 0.1).collect();
            assert_eq!(cells.row(i), want, "row {}", from + i);
        }
    }
    assert!(table.integers("ints").expect("numbers").into_iter().eq(0..2 * n as i64));
    assert_eq!(table.texts("words").expect("texts").row(4), ["w1", "w2"]);
}
