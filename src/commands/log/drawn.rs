//! A recording as people look at it: an animated picture, and plots.

use super::super::{CommandError, tell};
use crate::dataset::{Survey, View, instant};
use crate::exit::Exit;
use crate::recording::{DIAGNOSTICS, Ticks, lateness_us};
use crate::replay::Header;
use bridge::recording::Reader;
use bridge::ros::DiagnosticArray;
use bridge::{Animation, BridgeError, Canvas, Panel, Plot, Series, files};
use control::TickRecord;
use mechanics::model::JointKind;
use std::path::Path;
use std::rc::Rc;
use types::{JointVector, Rejection};

/// The most frames of an animated picture.
const MOST_FRAMES: usize = 3000;
/// Pictures narrower than this are enlarged, pixels.
const WIDE: usize = 200;
const GAP: usize = 4;
const HEAD: usize = 16;
const INK: [u8; 3] = [235; 3];
const PAPER: [u8; 3] = [24; 3];
const PLOT_WIDTH: usize = 1000;
/// The most rows that are drawn; of a longer recording every second one, or fourth, is.
const MOST_ROWS: usize = 4000;

/// The pictures of all cameras beside each other.
pub(super) fn gif(path: &Path, out: &Path, fps: Option<u32>) -> Result<Exit, CommandError> {
    let survey = Survey::of(path)?;
    let Some((begin, end)) = survey.seen() else {
        let got = "none: it was recorded without (record.images = \"none\"), is of no camera, or is the robot's part of a \
                   run, whose planner's part has them";
        return Err(Rejection::new(format!("{}: pictures", path.display()), "some", got).into());
    };
    let fps = fps.or(survey.fps()).unwrap_or(1);
    let n = (end.secs_since(begin) * f64::from(fps)) as usize + 1;
    if n > MOST_FRAMES {
        let expected = format!("at most {MOST_FRAMES} frames; --fps makes fewer");
        return Err(Rejection::new("--to gif", expected, format!("{n} at {fps} a second")).into());
    }
    let (narrowest, tallest) =
        survey.cameras.values().fold((usize::MAX, 0), |(w, h), c| (w.min(c.size.0), h.max(c.size.1)));
    let factor = WIDE.div_ceil(narrowest.max(1)).max(1);
    let sides: Vec<usize> = survey.cameras.values().map(|c| c.size.0 * factor).collect();
    let (width, height) = (sides.iter().map(|w| w + GAP).sum::<usize>() - GAP, 2 * HEAD + tallest * factor);
    let mut views = Vec::new();
    for camera in survey.cameras.keys() {
        views.push((camera.as_str(), View::open(path, camera)?));
    }
    let mut animation = Animation::create(out, width, height)?;
    for k in 0..n {
        let now = instant(begin, k, fps);
        let mut canvas = Canvas::new(width, height, PAPER);
        canvas.text(4, 4, &clip(&survey.sentence, width - 80), INK, 1);
        let time = format!("{:.1} s", now.as_secs_f64());
        canvas.text(width as i64 - 4 - Canvas::text_width(&time, 1), 4, &time, INK, 1);
        let mut left = 0;
        for ((camera, view), side) in views.iter_mut().zip(&sides) {
            if let Some(picture) = view.at(now)? {
                canvas.put(left as i64, HEAD as i64, &enlarged(&picture, factor));
            }
            canvas.text(left as i64 + 4, height as i64 - 12, camera, INK, 1);
            left += side + GAP;
        }
        // Hundredths of a second that add up to the whole.
        let at = |k: usize| (k as f64 * 100.0 / f64::from(fps)).round() as u16;
        animation.push(&canvas, at(k % 600 + 1) - at(k % 600))?;
    }
    tell!("{}: {n} frames at {fps} a second, {width} × {height} pixels", out.display());
    Ok(Exit::Done)
}

fn enlarged(picture: &Rc<Canvas>, factor: usize) -> Rc<Canvas> {
    if factor == 1 { Rc::clone(picture) } else { Rc::new(picture.enlarged(factor)) }
}

/// As much of a text as there is room for, pixels; what the font does not have is left out.
fn clip(text: &str, room: usize) -> String {
    let plain: String = text.chars().filter(|c| c.is_ascii() && !c.is_control()).collect();
    let n = room / 6;
    if plain.len() <= n { plain } else { format!("{}...", &plain[..n.saturating_sub(3)]) }
}

/// Positions and velocities of each joint, and how late the loop was.
pub(super) fn plots(path: &Path, out: &Path) -> Result<Exit, CommandError> {
    let header = Header::read(path)?;
    let names = header.joint_names();
    let (mut rows, mut stride) = (Vec::new(), 1);
    let mut ticks = Ticks::new(Reader::open(path)?);
    while let Some(tick) = ticks.next()? {
        if tick.tick % stride == 0 {
            rows.push(tick);
        }
        if rows.len() > MOST_ROWS {
            stride *= 2;
            rows.retain(|t: &TickRecord| t.tick.is_multiple_of(stride));
        }
    }
    if rows.is_empty() {
        return Err(Rejection::new(format!("{}: ticks", path.display()), "some", "none").into());
    }
    std::fs::create_dir_all(out)
        .map_err(|source| BridgeError::Io { path: out.display().to_string(), source })?;
    let title = clip(&header.run.sentence, PLOT_WIDTH / 2 - 60);
    type Numbers = fn(&TickRecord) -> (Option<&JointVector>, &JointVector);
    let kinds: [(&str, [&str; 2], Numbers); 2] = [
        ("positions", ["rad", "m"], |r| (r.state.as_ref().map(|s| &s.q), &r.command.q)),
        ("velocities", ["rad/s", "m/s"], |r| (r.state.as_ref().map(|s| &s.dq), &r.command.dq)),
    ];
    let mut made = Vec::new();
    let model = &header.arm.model().joints;
    let slides = |j: usize| model[header.arm.arm_joint_idx()[j]].kind == JointKind::Prismatic;
    for (file, units, of) in kinds {
        let mut panels: Vec<Panel> = names
            .iter()
            .enumerate()
            .map(|(j, name)| {
                let measured = |r: &TickRecord| of(r).0.and_then(|v| v.get(j).copied());
                pair(format!("{name}, {}", units[usize::from(slides(j))]), &rows, measured, |r| {
                    of(r).1.get(j).copied()
                })
            })
            .collect();
        if file == "positions" {
            let width = |r: &TickRecord| r.state.as_ref().map(|s| s.gripper.width_m);
            panels.push(pair("gripper, m".into(), &rows, width, |r| Some(r.command.gripper.width_m)));
        }
        made.push(draw(out, file, &title, panels)?);
    }
    let late = lateness(path)?;
    if late.iter().all(Vec::is_empty) {
        tell!("  no lateness.png: it ran in virtual time, never late");
    } else {
        let series = |(name, points): (&str, Vec<(f64, f64)>)| Series { name: name.into(), points };
        let series = ["p50", "p99", "most"].into_iter().zip(late).map(series).collect();
        let panel =
            |title: &str, series| Panel { title: title.into(), range: None, limits: Vec::new(), series };
        let panels = vec![panel("how late ticks were, in each second, us", series), spacing(&rows, stride)];
        made.push(draw(out, "lateness", &title, panels)?);
    }
    tell!("{}: {}", out.display(), made.join(", "));
    Ok(Exit::Done)
}

/// Told and measured numbers in one panel.
fn pair(
    title: String,
    rows: &[TickRecord],
    measured: impl Fn(&TickRecord) -> Option<f64>,
    told: impl Fn(&TickRecord) -> Option<f64>,
) -> Panel {
    let points = |of: &dyn Fn(&TickRecord) -> Option<f64>| -> Vec<(f64, f64)> {
        rows.iter().filter_map(|r| Some((r.now.as_secs_f64(), of(r)?))).collect()
    };
    let series = |name: &str, points| Series { name: name.into(), points };
    // What was told lies on top: where the two are one, its colour is seen.
    let series = vec![series("measured", points(&measured)), series("told", points(&told))];
    Panel { title, range: None, limits: Vec::new(), series }
}

/// How far ticks were apart.
fn spacing(rows: &[TickRecord], stride: u64) -> Panel {
    let apart =
        |w: &[TickRecord]| (w[1].now.as_secs_f64(), w[1].now.secs_since(w[0].now) * 1e3 / stride as f64);
    let points = rows.windows(2).map(apart).collect();
    let title = if stride == 1 {
        "from tick to tick, ms".to_owned()
    } else {
        format!("from tick to tick, ms, the mean of {stride}")
    };
    Panel { title, range: None, limits: Vec::new(), series: vec![Series { name: "ticks".into(), points }] }
}

/// Of each second the median lateness, the 99th percentile and the most, microseconds.
fn lateness(path: &Path) -> Result<[Vec<(f64, f64)>; 3], CommandError> {
    let mut late: [Vec<(f64, f64)>; 3] = Default::default();
    for m in Reader::open(path)?.filter(|m| m.info.topic == DIAGNOSTICS) {
        if let Some(values) = lateness_us(&m.read::<DiagnosticArray>()?) {
            for (points, v) in late.iter_mut().zip(values) {
                points.push((m.stamp.as_secs_f64(), v));
            }
        }
    }
    Ok(late)
}

fn draw(out: &Path, file: &str, title: &str, panels: Vec<Panel>) -> Result<String, CommandError> {
    let name = format!("{file}.png");
    let plot = Plot { title: title.to_owned(), x_label: "time, s".into(), panels };
    files::write_png(&out.join(&name), &plot.draw(PLOT_WIDTH))?;
    Ok(name)
}
