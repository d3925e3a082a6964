//! `sinew eval reach`: whether an arm gets its tool to random poses, whatever robot file it comes from.

use super::eval::{in_parallel, progress};
use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use crate::suite::reach::{self, Draw, Ended, POSITION_M, ROTATION_RAD};
use crate::suite::stats::success_line;
use mechanics::ik::Wanted;
use std::fmt::Write as _;
use types::{Tool, Transform, World};

/// One pose.
struct Row {
    index: usize,
    seed: u64,
    target: Option<Transform<World, Tool>>,
    wanted: Wanted,
    ended: Result<Ended, String>,
}

impl Row {
    fn succeeded(&self) -> bool {
        self.ended.is_ok() && self.reason().is_empty()
    }

    /// Why it failed; empty when it did not.
    fn reason(&self) -> String {
        match &self.ended {
            Err(why) => why.clone(),
            Ok(e) if e.error_m > POSITION_M => {
                format!("the tool rests {:.1} mm from the pose", 1e3 * e.error_m)
            }
            Ok(e) if self.wanted == Wanted::Pose && e.error_rad > ROTATION_RAD => {
                format!("the tool rests turned by {:.3} rad from the pose", e.error_rad)
            }
            Ok(_) => String::new(),
        }
    }
}

pub(crate) fn run(
    poses: usize,
    jobs: Option<usize>,
    setting: &Setting,
    common: &Common,
) -> Result<Exit, CommandError> {
    let draw = Draw::new(&setting.arm, &setting.config)?;
    let one = |i: usize| {
        let seed = setting.seed.wrapping_add(i as u64);
        let target = draw.pose(i, setting.seed);
        let ended = match &target {
            Ok(target) => reach::carry_out(&setting.config, &setting.arm, target, seed),
            Err(why) => Err(why.clone()),
        };
        Row { index: i, seed, target: target.ok(), wanted: reach::wanted(&setting.arm), ended }
    };
    let told = |n, n_good| progress(n, n_good, poses, common.json);
    let rows = in_parallel(poses, jobs, one, told, Row::succeeded);
    let table = table(&rows, setting.arm.n_joints());
    if let Some(out) = &common.out {
        bridge::RunFolder::create(out)?.text("results.txt", &table)?;
    }
    if common.json {
        rows.iter().for_each(|r| println!("{}", json(r)));
    } else {
        print!("{table}");
    }
    Ok(if rows.iter().all(Row::succeeded) { Exit::Done } else { Exit::Failed })
}

fn table(rows: &[Row], n_joints: usize) -> String {
    let mut out = String::new();
    let of = |f: &dyn Fn(&Ended) -> f64| {
        let mut v: Vec<f64> = rows.iter().filter_map(|r| r.ended.as_ref().ok()).map(f).collect();
        v.sort_by(f64::total_cmp);
        (v.get(v.len() / 2).copied().unwrap_or(0.0), v.last().copied().unwrap_or(0.0))
    };
    for r in rows.iter().filter(|r| !r.succeeded()) {
        let at = r
            .target
            .map(|t| t.origin())
            .map_or_else(String::new, |p| format!(" tool at ({:.3}, {:.3}, {:.3}) m", p.x, p.y, p.z));
        let _ = writeln!(out, "{:>4} seed {}{at}: {}", r.index, r.seed, r.reason());
    }
    let (position, rotation) = (of(&|e| 1e3 * e.error_m), of(&|e| e.error_rad));
    let _ =
        write!(out, "at rest: position off by {:.2} mm (median), {:.2} mm (most)", position.0, position.1);
    if rows.iter().any(|r| r.wanted == Wanted::Pose) {
        let _ = writeln!(out, "; turned by {:.4} rad (median), {:.4} rad (most)", rotation.0, rotation.1);
    } else {
        let _ = writeln!(out, "; with {n_joints} joints the position alone is judged");
    }
    let (middle, most) = of(&|e| e.seconds);
    let _ = writeln!(out, "a motion: {middle:.1} s (median), {most:.1} s (most)");
    let good = rows.iter().filter(|r| r.succeeded()).count();
    let _ = writeln!(out, "{}", success_line(good, rows.len()));
    out
}

fn json(r: &Row) -> String {
    let position = r.target.map(|t| t.origin()).map(|p| [p.x, p.y, p.z]);
    let rotation = r.target.map(|t| t.isometry().rotation.into_inner()).map(|q| [q.w, q.i, q.j, q.k]);
    let ended = r.ended.as_ref().ok();
    serde_json::json!({
        "pose": r.index, "seed": r.seed, "position_m": position, "rotation_wxyz": rotation,
        "judged": if r.wanted == Wanted::Pose { "position and rotation" } else { "position" },
        "success": r.succeeded(), "error_m": ended.map(|e| e.error_m),
        "error_rad": ended.map(|e| e.error_rad), "robot_seconds": ended.map(|e| e.seconds),
        "commands_hash": ended.map(|e| format!("{:016x}", e.commands)), "reason": r.reason(),
    })
    .to_string()
}
