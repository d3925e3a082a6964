//! Checkpoints of random weights in the shapes of published ones, written by the peer `vlm-checkpoint`.

use super::super::BenchOptions;
use super::super::table::Table;
use std::path::PathBuf;
use std::process::Command;

/// A published shape, whole or with fewer layers.
#[derive(Copy, Clone, Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// Layers of the language model and of the vision tower, where that is not all of them.
    layers: Option<(usize, usize)>,
}

impl Shape {
    /// What one core gets through in the time that there is: all widths, four layers of 28.
    pub(super) const CUT: Self = Self { name: "qwen3-vl-2b", layers: Some((4, 2)) };

    pub(super) const fn whole(name: &'static str) -> Self {
        Self { name, layers: None }
    }
}

/// Where the checkpoint is, written now if it is not there; without the peer that writes it the table says so.
pub(super) fn folder(o: &BenchOptions, shape: Shape, table: &mut Table, what: &str) -> Option<PathBuf> {
    let layers = shape.layers.map_or(String::new(), |(n, seeing)| format!("-{n}-{seeing}"));
    let dir = o.peers.join("models").join(format!("{}{layers}", shape.name));
    // The last file that is written.
    let done = dir.join("done");
    if done.exists() {
        return Some(dir);
    }
    let program = o.peers.join("vlm-checkpoint");
    let mut command = Command::new(&program);
    command.arg(shape.name).arg(&dir);
    if let Some((n, seeing)) = shape.layers {
        command.args(["--layers", &n.to_string(), "--vision-layers", &seeing.to_string()]);
    }
    let written = match command.output() {
        Ok(output) if output.status.success() => std::fs::write(&done, "").map_err(|e| e.to_string()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(said.lines().last().unwrap_or("it failed").to_owned())
        }
        Err(e) => Err(e.to_string()),
    };
    written.map_err(|e| table.missing(what, &format!("{}: {e}", program.display()))).ok().map(|()| dir)
}
